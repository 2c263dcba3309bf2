#define _GNU_SOURCE

#include "Sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CAPABILITY_COUNT 64
#define REFUSED_COUNT_MAX 256

// The same on every architecture; C libraries got their names and functions later.
#define CLOSE_RANGE 436
#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446

static void close_between(unsigned first, unsigned last) {
  if (first > last) return;
  if (syscall(CLOSE_RANGE, first, last, 0) == 0) return;
  // Kernels before 5.9: one by one, up to what such a process can have open.
  struct rlimit limit;
  unsigned end = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (unsigned)limit.rlim_cur : 1024;
  for (unsigned number = first; number <= last && number < end; number++) close((int)number);
}

void weir_close_others(const int *kept, int count) {
  unsigned next = 3;
  for (int index = 0; index < count; index++) {
    if (kept[index] < 3) continue;
    close_between(next, (unsigned)kept[index] - 1);
    next = (unsigned)kept[index] + 1;
  }
  close_between(next, ~0U);
}

int weir_limit(int resource, uint64_t value) {
  struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
  return setrlimit(resource, &limit);
}

int weir_limit_data(void) { return RLIMIT_DATA; }
int weir_limit_descriptors(void) { return RLIMIT_NOFILE; }
int weir_limit_processes(void) { return RLIMIT_NPROC; }
int weir_limit_core(void) { return RLIMIT_CORE; }
int weir_limit_priority(void) { return RLIMIT_RTPRIO; }

int weir_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int weir_bound_capabilities(uint64_t kept) {
  for (int capability = 0; capability < CAPABILITY_COUNT; capability++) {
    if ((kept >> capability) & 1) continue;
    // EINVAL: the kernel knows no more.
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return errno == EINVAL ? 0 : -1;
  }
  return 0;
}

int weir_become_user(uint32_t user) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -1;
  if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0) return -1;
  return setresuid(user, user, user);
}

int weir_keep_capabilities(uint64_t kept) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  for (int half = 0; half < 2; half++) {
    uint32_t wanted = (uint32_t)(kept >> (32 * half));
    data[half].permitted &= wanted;
    data[half].effective = data[half].permitted;
    data[half].inheritable = 0;
  }
  return syscall(SYS_capset, &header, data) < 0 ? -1 : 0;
}

// linux/landlock.h, which is younger than some systems that this is compiled on.
struct landlock_rules {
  uint64_t files;
  uint64_t network;
  uint64_t scopes;
};
struct __attribute__((packed)) landlock_path {
  uint64_t access;
  int32_t folder;
};
// Execute, write, read, truncate, and calls to a device: what a file can have.
#define LANDLOCK_FILE_ACCESS (1U << 0 | 1U << 1 | 1U << 2 | 1U << 14 | 1U << 15)

int weir_landlock_version(void) { return (int)syscall(LANDLOCK_CREATE, NULL, 0, 1); }

int weir_landlock_begin(uint64_t files, uint64_t network, uint64_t scopes) {
  struct landlock_rules rules = {.files = files, .network = network, .scopes = scopes};
  // Older kernels know a shorter structure, and take a longer one whose rest is zero.
  return (int)syscall(LANDLOCK_CREATE, &rules, sizeof rules, 0);
}

int weir_landlock_allow(int rules, const char *path, uint64_t access) {
  struct stat status;
  int folder = open(path, O_PATH | O_CLOEXEC);
  if (folder < 0) return -1;
  int result = fstat(folder, &status);
  if (result == 0) {
    if (!S_ISDIR(status.st_mode)) access &= LANDLOCK_FILE_ACCESS;
    struct landlock_path rule = {.access = access, .folder = folder};
    result = (int)syscall(LANDLOCK_ADD, rules, 1, &rule, 0);
  }
  int number = errno;
  close(folder);
  errno = number;
  return result;
}

int weir_landlock_enforce(int rules) { return (int)syscall(LANDLOCK_RESTRICT, rules, 0); }

int weir_filter_file(void) { return memfd_create("weir-filter", MFD_CLOEXEC); }

int weir_filter_install(const void *instructions, size_t byte_count) {
  struct sock_fprog program = {
      .len = (unsigned short)(byte_count / sizeof(struct sock_filter)),
      .filter = (struct sock_filter *)instructions,
  };
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static int refused[REFUSED_COUNT_MAX];
static int refused_count;
static uint64_t *seen_count;
static uint64_t *seen_last;
static struct sigaction next_action;

void weir_set_refused_calls(const int *numbers, int count) {
  refused_count = count < REFUSED_COUNT_MAX ? count : REFUSED_COUNT_MAX;
  for (int index = 0; index < refused_count; index++) refused[index] = numbers[index];
}

static void refuse(ucontext_t *context) {
#if defined(__x86_64__)
  context->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
  context->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
#error "which register holds the result of a system call?"
#endif
}

// The signal is blocked here: raised again, by the next handler or below, it ends the process when
// this one returns, before another instruction of the program.
static void hand_on(int number, siginfo_t *information, void *context) {
  signal(SIGSYS, SIG_DFL);
  if (next_action.sa_flags & SA_SIGINFO && next_action.sa_sigaction)
    next_action.sa_sigaction(number, information, context);
  raise(SIGSYS);
}

static void on_sigsys(int number, siginfo_t *information, void *context) {
  // 1: SYS_SECCOMP, whose name older headers lack.
  if (information->si_code == 1) {
    if (seen_last) __atomic_store_n(seen_last, (uint64_t)information->si_syscall + 1, 0);
    if (seen_count) __atomic_add_fetch(seen_count, 1, __ATOMIC_RELEASE);
    for (int index = 0; index < refused_count; index++) {
      if (refused[index] != information->si_syscall) continue;
      refuse(context);
      return;
    }
  }
  hand_on(number, information, context);
}

int weir_watch_refusals(uint64_t *count, uint64_t *last) {
  seen_count = count;
  seen_last = last;
  struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  if (sigfillset(&action.sa_mask) < 0) return -1;
  return sigaction(SIGSYS, &action, &next_action);
}

int weir_try_clone(void) {
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) _exit(0);
  (void)waitpid(child, NULL, 0);
  return 0;
}

int weir_try_exec(void) {
  char *none[] = {NULL};
  execve("/proc/self/exe", none, none);
  return errno;
}

int weir_try_trace(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? errno : 0; }

int weir_try_mount(void) {
  return mount("none", "/mnt", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

int weir_try_signal(int process) { return kill(process, 0) < 0 ? errno : 0; }

int weir_try_socket(int family, int type) {
  int descriptor = socket(family, type, 0);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

int weir_spoil_file(const char *path) {
  struct stat wanted, found;
  if (stat(path, &wanted) < 0) return 0;
  int count = 0;
  for (int descriptor = 3; descriptor < 64; descriptor++) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) continue;
    if (fstat(descriptor, &found) < 0) continue;
    if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino) continue;
    // A task may neither open nor dup(2) anything: the lowest free number is the one just closed.
    close(descriptor);
    for (int other = 3; other < 64; other++) {
      if (fstat(other, &found) < 0 || S_ISREG(found.st_mode)) continue;
      if (fcntl(other, F_DUPFD_CLOEXEC, descriptor) == descriptor) break;
    }
    count++;
  }
  return count;
}
