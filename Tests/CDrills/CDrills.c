#define _GNU_SOURCE

#include "CDrills.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define TRAP "ud2"
#define SET_FRAME "movq %0, %%rbp\n\t"
#define SET_STACK "movq %0, %%rsp\n\t"
#elif defined(__aarch64__)
#define TRAP "brk #1"
#define SET_FRAME "mov x29, %0\n\t"
#define SET_STACK "mov sp, %0\n\t"
#endif

const void *weir_stack_end(void) {
  pthread_attr_t attributes;
  void *start = NULL;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return NULL;
  pthread_attr_getstack(&attributes, &start, &size);
  pthread_attr_destroy(&attributes);
  return (char *)start + size;
}

static volatile int depth;

__attribute__((noinline)) static int grow(int count) {
  volatile char room[4096];
  memset((char *)room, count, sizeof room);
  depth = grow(count + 1) + room[count % 4096];
  return depth;
}

__attribute__((noinline)) static void fail(void) {
  __asm__ volatile(TRAP);
  depth++;
}

void weir_crash_drill(int kind) {
  uintptr_t pair[2] = {(uintptr_t)&pair, 1};
  switch (kind) {
  case 1: __asm__ volatile(SET_FRAME TRAP : : "r"((uintptr_t)0x4141414141414140)); break;
  case 2: __asm__ volatile(SET_FRAME TRAP : : "r"((uintptr_t)&pair + 1)); break;
  case 3: __asm__ volatile(SET_FRAME TRAP : : "r"((uintptr_t)&pair), "m"(pair)); break;
  case 4: __asm__ volatile(SET_STACK TRAP : : "r"((uintptr_t)0x1000)); break;
  case 5: grow(0); break;
  default: fail(); break;
  }
  depth++;
}

int weir_enter_network(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  int result = setns(file, CLONE_NEWNET);
  close(file);
  return result;
}
