// CRC32C (Castagnoli; RFC 3720, appendix B.4), by the processor's instruction where it has one.
#ifndef WEIR_CHECKSUM_H
#define WEIR_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// The CRC32C of `count` bytes, going on from the CRC32C of what came before them; 0 at the start.
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count);
/// The same without the instruction, for processors that have none, and to check the other by.
uint32_t weir_crc32c_portable(uint32_t crc, const void *bytes, size_t count);
/// Whether this processor has the instruction: SSE4.2, or ARMv8's CRC extension.
int weir_crc32c_is_fast(void);

/// The CRC32C of four stretches of memory of `count` bytes each, of which each begins `stride`
/// bytes behind the one before.
void weir_crc32c_four(const void *bytes, size_t stride, size_t count, uint32_t results[4]);

#endif
