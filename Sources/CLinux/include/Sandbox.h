// How a process gives up rights: what needs macros, structures or raw system calls.
#ifndef WEIR_SANDBOX_H
#define WEIR_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

/// Closes every descriptor from 3 on but `count` of them, which come in ascending order.
void weir_close_others(const int *kept, int count);
/// setrlimit(2), the soft and the hard limit. 0, or -1 with errno.
int weir_limit(int resource, uint64_t value);
/// The numbers of getrlimit(2), which is an enum of C's or of C++'s, as headers have it.
int weir_limit_data(void);
int weir_limit_descriptors(void);
int weir_limit_processes(void);
int weir_limit_core(void);
int weir_limit_priority(void);

/// The process and what it will ever run can't gain rights by running a program (prctl(2)).
int weir_no_new_privileges(void);
/// Takes from the bounding set what is not in `kept` (bit n for capability n).
int weir_bound_capabilities(uint64_t kept);
/// Gives up all other groups, then becomes that user and the group of the same number for good,
/// with every capability that it may have still within reach. 0, or -1 with errno.
int weir_become_user(uint32_t user);
/// Leaves the process only those of its capabilities that are in `kept`. 0, or -1 with errno.
int weir_keep_capabilities(uint64_t kept);

/// The version of Landlock that the kernel has (landlock_create_ruleset(2)); -1 for none.
int weir_landlock_version(void);
/// A descriptor of a new set of rules, or -1 with errno.
int weir_landlock_begin(uint64_t files, uint64_t network, uint64_t scopes);
/// Allows `access` below that path; what does not apply to a file that is no folder is left out.
/// 0, or -1 with errno: ENOENT for a path that is not there.
int weir_landlock_allow(int rules, const char *path, uint64_t access);
int weir_landlock_enforce(int rules);

/// An empty file in memory, for a filter that is written to a descriptor (memfd_create(2)).
int weir_filter_file(void);
/// Puts the process under a seccomp filter: a classic BPF program. 0, or -1 with errno.
int weir_filter_install(const void *instructions, size_t byte_count);
/// Which system calls a filter only refuses: EPERM, and the process lives on. Any other that it
/// traps ends the process by SIGSYS. At most 256; set before the fork.
void weir_set_refused_calls(const int *numbers, int count);
/// Handles SIGSYS from here on: counts each call that the filter traps in `count`, puts its number
/// plus one into `last`, then refuses it, or hands it on to the handler that was there before.
int weir_watch_refusals(uint64_t *count, uint64_t *last);

/// Tries one thing that a task has no use for, for a drill: 0 when it worked, or its errno.
int weir_try_clone(void);
int weir_try_exec(void);
int weir_try_trace(void);
int weir_try_mount(void);
int weir_try_signal(int process);
int weir_try_socket(int family, int type);

/// Puts another thing, which can't be written at any place, behind each descriptor of that file
/// that may write it: how many there were.
int weir_spoil_file(const char *path);

#endif
