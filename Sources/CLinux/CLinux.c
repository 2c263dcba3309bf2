#define _GNU_SOURCE

#include "CLinux.h"

#include <linux/futex.h>
#include <linux/module.h>
#include <sys/syscall.h>

static int argument_count;
static char **arguments;

// glibc calls constructors with main's own arguments, in static and in dynamic programs.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}

int weir_argument_count(void) { return argument_count; }

const char *weir_argument(int index) {
  return index >= 0 && index < argument_count ? arguments[index] : "";
}

int weir_errno(void) { return errno; }
const char *weir_error_text(int value) { return strerror(value); }

int weir_open(const char *path, int flags, unsigned mode) {
  return open(path, flags | O_CLOEXEC, mode);
}

int weir_open_in(int folder, const char *name, int flags) {
  return openat(folder, name, flags | O_CLOEXEC);
}

int weir_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int weir_duplicate(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 3); }

pid_t weir_fork(void) { return fork(); }

int weir_futex_wait(const uint32_t *word, uint32_t expected, int64_t timeout_nanoseconds) {
  struct timespec timeout = {timeout_nanoseconds / 1000000000, timeout_nanoseconds % 1000000000};
  return (int)syscall(SYS_futex, word, FUTEX_WAIT, expected,
                      timeout_nanoseconds < 0 ? NULL : &timeout, NULL, 0);
}

int weir_futex_wake(const uint32_t *word, int count) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}


int weir_exited(int status) { return WIFEXITED(status); }
int weir_exit_status(int status) { return WEXITSTATUS(status); }
int weir_signaled(int status) { return WIFSIGNALED(status); }
int weir_term_signal(int status) { return WTERMSIG(status); }

int weir_load_module(int descriptor, const char *parameters, int compressed) {
  return (int)syscall(SYS_finit_module, descriptor, parameters,
                      compressed ? MODULE_INIT_COMPRESSED_FILE : 0);
}

const char *weir_entry_name(const struct dirent *entry) { return entry->d_name; }
