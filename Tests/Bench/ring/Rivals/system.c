#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "Rivals.h"

int bench_pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) return -1;
  // Where it is allowed, others of this machine wait for the few milliseconds of a measurement.
  struct sched_param highest = {.sched_priority = 1};
  (void)sched_setscheduler(0, SCHED_FIFO, &highest);
  return 0;
}

void bench_unpin(void) {
  struct sched_param ordinary = {.sched_priority = 0};
  (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  CPU_SET(1, &set);
  (void)sched_setaffinity(0, sizeof set, &set);
}

int bench_forbid_system_calls(void) { return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); }

void bench_exit(int status) { syscall(SYS_exit, status); }

uint64_t bench_preemptions(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_nivcsw : 0;
}

static void bare_wake(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void bare_wait(uint32_t *word, uint32_t value) {
  uint32_t now;
  while ((now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != value)
    syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

void bench_futex_call(uint32_t *there, uint32_t *back, uint64_t count) {
  for (uint64_t n = 1; n <= count; n++) {
    bare_wake(there, (uint32_t)n);
    bare_wait(back, (uint32_t)n);
  }
}

void bench_futex_answer(uint32_t *there, uint32_t *back, uint64_t count) {
  for (uint64_t n = 1; n <= count; n++) {
    bare_wait(there, (uint32_t)n);
    bare_wake(back, (uint32_t)n);
  }
}
