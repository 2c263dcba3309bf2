#define _GNU_SOURCE

#include "Scheduling.h"

#include <errno.h>
#include <sched.h>

int weir_schedule_realtime(int priority, int reset_on_fork) {
  struct sched_param parameters = {.sched_priority = priority};
  int policy = SCHED_RR | (reset_on_fork ? SCHED_RESET_ON_FORK : 0);
  return sched_setscheduler(0, policy, &parameters);
}

int weir_realtime_priority(void) {
  struct sched_param parameters = {0};
  int policy = sched_getscheduler(0);
  if (policy < 0 || (policy & ~SCHED_RESET_ON_FORK) != SCHED_RR) return 0;
  return sched_getparam(0, &parameters) < 0 ? 0 : parameters.sched_priority;
}

int weir_bind_to_cpus(const uint16_t *cpus, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int index = 0; index < count; index++) {
    if (cpus[index] >= CPU_SETSIZE) {
      errno = EINVAL;
      return -1;
    }
    CPU_SET(cpus[index], &set);
  }
  return sched_setaffinity(0, sizeof set, &set);
}

int weir_may_run_on_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) < 0) return -1;
  return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set) ? 1 : 0;
}
