// Counts the calls of the C allocator, so that a task can show that it makes none once it runs.
// The counter is plain memory of the process: a fork starts with its parent's value.
#define _GNU_SOURCE

#include "CLinux.h"

static uint64_t allocation_count;

uint64_t weir_allocation_count(void) { return allocation_count; }

// With the linker's --wrap=malloc every call of malloc in the program arrives at __wrap_malloc.
// Programs linked without it (ordinary builds) have no __real_ functions: weak, and never called.
#define REAL(result, name, ...)                                                                    \
  __attribute__((weak)) result __real_##name(__VA_ARGS__);                                         \
  result __wrap_##name(__VA_ARGS__);                                                               \
  result __wrap_##name(__VA_ARGS__)

REAL(void *, malloc, size_t size) {
  allocation_count++;
  return __real_malloc(size);
}

REAL(void *, calloc, size_t count, size_t size) {
  allocation_count++;
  return __real_calloc(count, size);
}

REAL(void *, realloc, void *block, size_t size) {
  allocation_count++;
  return __real_realloc(block, size);
}

REAL(void *, aligned_alloc, size_t alignment, size_t size) {
  allocation_count++;
  return __real_aligned_alloc(alignment, size);
}

REAL(int, posix_memalign, void **block, size_t alignment, size_t size) {
  allocation_count++;
  return __real_posix_memalign(block, alignment, size);
}
