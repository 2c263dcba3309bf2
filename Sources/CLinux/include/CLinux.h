// The system as Swift sees it: the C headers that the product uses, and the few things Swift cannot
// import from C (errno, variadic calls, macros, fork). Only the module Linux, and drivers of C
// libraries, import this.
#ifndef WEIR_CLINUX_H
#define WEIR_CLINUX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "I2C.h"
#include "Scheduling.h"
#include "Sockets.h"

#include "Console.h"
#include "Datagram.h"
#include "LocalSocket.h"
#include "Network.h"
#include "Checksum.h"
#include "Crash.h"
#include "Sandbox.h"
#include "ServiceManager.h"
#include "Storage.h"
#include "Watchdog.h"

/// The program's arguments, kept by a constructor before main (Embedded Swift has no CommandLine).
int weir_argument_count(void);
const char *weir_argument(int index);

int weir_errno(void);
const char *weir_error_text(int value);

/// open(2) with its mode, not variadic.
int weir_open(const char *path, int flags, unsigned mode);
/// openat(2) of a file that exists, not variadic.
int weir_open_in(int folder, const char *name, int flags);
/// memfd_create(2), close-on-exec.
int weir_memory_file(const char *name);
/// Another descriptor of the same open file, at least 3 and close-on-exec; fcntl(2) is variadic.
int weir_duplicate(int descriptor);
/// fork(2), which Swift refuses to import.
pid_t weir_fork(void);
/// execve(2) of `path` with this environment and `count` arguments, which include the name.
/// Returns only on failure.
int weir_exec(const char *path, const char *const *arguments, int count);
/// A signalfd(2) for a set of signals (bit n-1 for signal n), which it also blocks.
int weir_signal_descriptor(uint64_t signals);
/// Takes one signal from it: its number, 0 when there is none.
int weir_signal_take(int descriptor);
/// Unblocks all signals and gives them their default action, but SIGPIPE, which stays ignored.
int weir_signal_reset(void);
/// Ignores one signal.
void weir_signal_ignore(int signal);
/// prctl(2): the name of this process, and the signal that it gets when its parent dies.
int weir_process_name(const char *name);
int weir_parent_death_signal(int signal);
/// futex(2) on a word in shared memory. The wait's timeout is relative, in nanoseconds; a negative
/// one waits for ever. Both return as the system call does.
int weir_futex_wait(const uint32_t *word, uint32_t expected, int64_t timeout_nanoseconds);
int weir_futex_wake(const uint32_t *word, int count);
/// finit_module(2).
int weir_load_module(int descriptor, const char *parameters, int compressed);
/// The name in a folder entry.
const char *weir_entry_name(const struct dirent *entry);

int weir_exited(int status);
int weir_exit_status(int status);
int weir_signaled(int status);
int weir_term_signal(int status);

/// Unmaps the program's code and constants from this process (madvise(2), MADV_DONTNEED). What is
/// still needed comes back from the page cache when it is touched.
void weir_release_code(void);

/// Gives the kernel back what the C allocator keeps of freed memory (malloc_trim(3)).
void weir_release_heap(void);

/// Calls of the C allocator in this process since it was forked: the Embedded binary's linker sends
/// them through a counter (`--wrap`). Always 0 in ordinary builds.
uint64_t weir_allocation_count(void);

#endif
