// For tests that kill a process at every instruction that changes memory which it shares: a child
// runs, and a copy of that memory is kept after each of its stores.
//
// On x86-64 the child does it itself: the memory is write-protected, a store faults, is let through
// with the processor's single-step flag set, and copied after. Elsewhere its parent runs it one
// instruction at a time with ptrace(2), which is much slower.
#ifndef WEIR_CTRACE_H
#define WEIR_CTRACE_H

#include <stddef.h>
#include <stdint.h>

/// Zeroed memory that this process shares with those that it forks; NULL if there is none.
void *trace_map(size_t size);
void trace_unmap(void *memory, size_t size);

/// Where the copies go, in memory from `trace_map` of `trace_log_size` bytes.
struct trace_log {
  uint64_t count;
  uint64_t capacity;
  uint64_t size;
};
size_t trace_log_size(uint64_t capacity, size_t size);
void *trace_copy(struct trace_log *log, uint64_t index);

/// Forks, as fork(2) does.
int trace_fork(void);
/// Ends this process at once.
_Noreturn void trace_exit(int status);
/// In the child: begins to keep copies of `memory`, which came from `trace_map`, in `log`, whose
/// size and capacity are set. 0, or -1 if the system does not allow it.
int trace_begin(void *memory, struct trace_log *log);
/// In the child: ends what `trace_begin` began.
void trace_end(void);
/// In the parent: sees the child through to its end. 0 if it exited with status 0 and all copies
/// fitted.
int trace_collect(int child, void *memory, struct trace_log *log);

/// Kills a process after so many microseconds. 1 if that is what ended it, 0 if it had exited with
/// status 0 before, -1 for anything else.
int trace_kill_after(int child, unsigned microseconds);

#endif
