// How the kernel gives a process the processor: what needs macros or structures of C.
#ifndef WEIR_SCHEDULING_H
#define WEIR_SCHEDULING_H

#include <stdint.h>

/// Puts this process under SCHED_RR with a priority of 1 to 99. With `reset_on_fork` its children
/// start under the ordinary scheduler. 0, or -1 with errno.
int weir_schedule_realtime(int priority, int reset_on_fork);
/// The priority of SCHED_RR that this process has; 0 under another scheduler.
int weir_realtime_priority(void);
/// Binds this process to `count` processors. 0, or -1 with errno.
int weir_bind_to_cpus(const uint16_t *cpus, int count);
/// Whether this process may run on the processor: 1, 0, or -1 with errno.
int weir_may_run_on_cpu(int cpu);

#endif
