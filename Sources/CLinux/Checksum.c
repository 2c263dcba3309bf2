#define _GNU_SOURCE

#include "Checksum.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

// Of the reflected polynomial 0x82F63B78 (0x1EDC6F41 in RFC 3720).

// Half a byte at a time, so that the table is small and needs no code that fills it.
static const uint32_t half_byte[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
    0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
    0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t weir_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  crc = ~crc;
  for (; count > 0; count--) {
    crc ^= *next++;
    crc = crc >> 4 ^ half_byte[crc & 15];
    crc = crc >> 4 ^ half_byte[crc & 15];
  }
  return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t fast(uint32_t start, const uint8_t *next,
                                                       size_t count) {
  uint64_t crc = (uint32_t)~start;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; count > 0; count--) crc = _mm_crc32_u8((uint32_t)crc, *next++);
  return ~(uint32_t)crc;
}

int weir_crc32c_is_fast(void) { return __builtin_cpu_supports("sse4.2") != 0; }

#elif defined(__aarch64__)

__attribute__((target("crc"))) static uint32_t fast(uint32_t start, const uint8_t *next,
                                                    size_t count) {
  uint32_t crc = ~start;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, sizeof word);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; count--) crc = __crc32cb(crc, *next++);
  return ~crc;
}

int weir_crc32c_is_fast(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#else

static uint32_t fast(uint32_t start, const uint8_t *next, size_t count) {
  return weir_crc32c_portable(start, next, count);
}

int weir_crc32c_is_fast(void) { return 0; }

#endif

uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return weir_crc32c_is_fast() ? fast(crc, bytes, count) : weir_crc32c_portable(crc, bytes, count);
}
