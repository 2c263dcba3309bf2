// The record that a dying process leaves of itself: see Crash.c.
#ifndef WEIR_CRASH_H
#define WEIR_CRASH_H

#include <stdint.h>

/// Makes this process, which has one thread, leave a record in the 384 bytes at `record` when a
/// signal ends it, as `Ring.CrashSlot` lays them out; `step` is the word of which it keeps a copy,
/// or null. Every frame of the thread's stack lies below `stack_end`; null for the end of the main
/// thread's. Takes a stack of its own, and the right to write core files. 0, or -1 with errno.
int weir_crash_install(uint64_t *record, const uint64_t *step, uint64_t generation,
                       const void *stack_end);

/// The build id of this program (the note that the linker's --build-id makes): copies at most
/// `size` bytes, returns how many; 0 where there is none.
int weir_build_id(uint8_t *bytes, int size);

#endif
