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

#if defined(__x86_64__) || defined(__aarch64__)

static inline uint64_t word_at(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

#endif

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t fast(uint32_t start, const uint8_t *next,
                                                       size_t count) {
  uint64_t crc = (uint32_t)~start;
  for (; count >= 8; count -= 8, next += 8) crc = _mm_crc32_u64(crc, word_at(next));
  for (; count > 0; count--) crc = _mm_crc32_u8((uint32_t)crc, *next++);
  return ~(uint32_t)crc;
}

__attribute__((target("sse4.2"))) static void fast_four(const uint8_t *const next[4],
                                                        size_t count, uint32_t results[4]) {
  uint64_t a = UINT32_MAX, b = UINT32_MAX, c = UINT32_MAX, d = UINT32_MAX;
  for (size_t done = 0; done < count; done += 8) {
    a = _mm_crc32_u64(a, word_at(next[0] + done));
    b = _mm_crc32_u64(b, word_at(next[1] + done));
    c = _mm_crc32_u64(c, word_at(next[2] + done));
    d = _mm_crc32_u64(d, word_at(next[3] + done));
  }
  results[0] = ~(uint32_t)a;
  results[1] = ~(uint32_t)b;
  results[2] = ~(uint32_t)c;
  results[3] = ~(uint32_t)d;
}

int weir_crc32c_is_fast(void) { return __builtin_cpu_supports("sse4.2") != 0; }

#elif defined(__aarch64__)

__attribute__((target("crc"))) static uint32_t fast(uint32_t start, const uint8_t *next,
                                                    size_t count) {
  uint32_t crc = ~start;
  for (; count >= 8; count -= 8, next += 8) crc = __crc32cd(crc, word_at(next));
  for (; count > 0; count--) crc = __crc32cb(crc, *next++);
  return ~crc;
}

__attribute__((target("crc"))) static void fast_four(const uint8_t *const next[4], size_t count,
                                                     uint32_t results[4]) {
  uint32_t a = UINT32_MAX, b = UINT32_MAX, c = UINT32_MAX, d = UINT32_MAX;
  for (size_t done = 0; done < count; done += 8) {
    a = __crc32cd(a, word_at(next[0] + done));
    b = __crc32cd(b, word_at(next[1] + done));
    c = __crc32cd(c, word_at(next[2] + done));
    d = __crc32cd(d, word_at(next[3] + done));
  }
  results[0] = ~a;
  results[1] = ~b;
  results[2] = ~c;
  results[3] = ~d;
}

int weir_crc32c_is_fast(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#else

static uint32_t fast(uint32_t start, const uint8_t *next, size_t count) {
  return weir_crc32c_portable(start, next, count);
}

static void fast_four(const uint8_t *const next[4], size_t count, uint32_t results[4]) {
  for (int index = 0; index < 4; index++) results[index] = fast(0, next[index], count);
}

int weir_crc32c_is_fast(void) { return 0; }

#endif

uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return weir_crc32c_is_fast() ? fast(crc, bytes, count) : weir_crc32c_portable(crc, bytes, count);
}

// Each step of the instruction waits three cycles for the one before it: four sums that have
// nothing to do with each other take hardly longer than one.
void weir_crc32c_four(const void *bytes, size_t stride, size_t count, uint32_t results[4]) {
  const uint8_t *next[4];
  for (size_t index = 0; index < 4; index++) next[index] = (const uint8_t *)bytes + index * stride;
  if (weir_crc32c_is_fast() && count % 8 == 0) {
    fast_four(next, count, results);
    return;
  }
  for (int index = 0; index < 4; index++) results[index] = weir_crc32c(0, next[index], count);
}
