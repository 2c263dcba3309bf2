#define _GNU_SOURCE

#include "CLinux.h"

#include <malloc.h>

// The linker's names for where the program starts and where its code ends. Before `etext` lie only
// headers, constants and code: mapped from the file, never written.
extern char __executable_start[] __attribute__((weak));
extern char etext[] __attribute__((weak));

void weir_release_code(void) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t start = ((uintptr_t)__executable_start + page - 1) / page * page;
  uintptr_t end = (uintptr_t)etext / page * page;
  // A failure changes nothing but what `ps` shows.
  if (__executable_start && end > start) (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

void weir_release_heap(void) { (void)malloc_trim(0); }
