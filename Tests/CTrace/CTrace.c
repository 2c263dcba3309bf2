#define _GNU_SOURCE
#include "CTrace.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

void *trace_map(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void trace_unmap(void *memory, size_t size) { munmap(memory, size); }

size_t trace_log_size(uint64_t capacity, size_t size) {
  return sizeof(struct trace_log) + capacity * size;
}

void *trace_copy(struct trace_log *log, uint64_t index) {
  return (char *)(log + 1) + index * log->size;
}

/// Keeps a copy if the memory differs from the last one. -1 when there is no room.
static int keep(const void *memory, struct trace_log *log) {
  if (log->count > 0 && memcmp(memory, trace_copy(log, log->count - 1), log->size) == 0) return 0;
  if (log->count == log->capacity) return -1;
  memcpy(trace_copy(log, log->count), memory, log->size);
  log->count++;
  return 0;
}

int trace_fork(void) { return fork(); }

void trace_exit(int status) { _exit(status); }

#if defined(__x86_64__)

enum { single_step_flag = 0x100 };  // EFLAGS.TF

static char *traced_memory;
static struct trace_log *traced_log;

static void before_store(int signal, siginfo_t *info, void *context) {
  (void)signal;
  const char *address = info->si_addr;
  if (address < traced_memory || address >= traced_memory + traced_log->size) _exit(3);
  if (mprotect(traced_memory, traced_log->size, PROT_READ | PROT_WRITE) != 0) _exit(4);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= single_step_flag;
}

static void after_store(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  if (keep(traced_memory, traced_log) != 0) _exit(5);
  if (mprotect(traced_memory, traced_log->size, PROT_READ) != 0) _exit(4);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)single_step_flag;
}

static int handle(int signal, void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  if (sigaction(signal, &action, NULL) != 0) return -1;
  return sigprocmask(SIG_UNBLOCK, &set, NULL) != 0 ? -1 : 0;
}

int trace_begin(void *memory, struct trace_log *log) {
  traced_memory = memory;
  traced_log = log;
  if (keep(memory, log) != 0) return -1;
  if (handle(SIGSEGV, before_store) != 0 || handle(SIGTRAP, after_store) != 0) return -1;
  return mprotect(memory, log->size, PROT_READ);
}

void trace_end(void) { mprotect(traced_memory, traced_log->size, PROT_READ | PROT_WRITE); }

int trace_collect(int child, void *memory, struct trace_log *log) {
  (void)memory;
  (void)log;
  int status;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

#else

int trace_begin(void *memory, struct trace_log *log) {
  if (keep(memory, log) != 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) return -1;
  return raise(SIGSTOP);
}

void trace_end(void) {}

int trace_collect(int child, void *memory, struct trace_log *log) {
  int status;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) != 0) return -1;
  for (;;) {
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0) return -1;
    if (waitpid(child, &status, 0) != child) return -1;
    if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? 0 : -1;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP || keep(memory, log) != 0) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return -1;
    }
  }
}

#endif

int trace_kill_after(int child, unsigned microseconds) {
  int status;
  usleep(microseconds);
  kill(child, SIGKILL);
  if (waitpid(child, &status, 0) != child) return -1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return 1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
