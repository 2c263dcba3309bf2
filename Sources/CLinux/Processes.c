#define _GNU_SOURCE

#include "CLinux.h"

#define ARGUMENT_COUNT_MAX 32

int weir_exec(const char *path, const char *const *given, int count) {
  char *values[ARGUMENT_COUNT_MAX + 1] = {0};
  if (count < 0 || count > ARGUMENT_COUNT_MAX) {
    errno = E2BIG;
    return -1;
  }
  for (int index = 0; index < count; index++) values[index] = (char *)given[index];
  return execve(path, values, environ);
}

static int set_of(uint64_t signals, sigset_t *set) {
  if (sigemptyset(set) < 0) return -1;
  for (int number = 1; number <= 64; number++)
    if ((signals >> (number - 1)) & 1 && sigaddset(set, number) < 0) return -1;
  return 0;
}

int weir_signal_descriptor(uint64_t signals) {
  sigset_t set;
  if (set_of(signals, &set) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int weir_signal_take(int descriptor) {
  struct signalfd_siginfo information;
  ssize_t size = read(descriptor, &information, sizeof information);
  return size == sizeof information ? (int)information.ssi_signo : 0;
}

int weir_signal_reset(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);  // glibc's own signals refuse: fine
  }
  return sigemptyset(&none) < 0 ? -1 : sigprocmask(SIG_SETMASK, &none, NULL);
}

void weir_signal_ignore(int number) { signal(number, SIG_IGN); }

int weir_process_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
int weir_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
