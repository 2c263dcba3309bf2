#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "Beats.h"

int bench_redirect(const char *log) {
  int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int output = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (input < 0 || output < 0) return -1;
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) return -1;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  return setpgid(0, 0);
}

int bench_start(const char *const *arguments, const char *log) {
  pid_t child = fork();
  if (child != 0) return child;
  if (bench_redirect(log) != 0) _exit(127);
  execvp(arguments[0], (char *const *)arguments);
  perror(arguments[0]);
  _exit(127);
}

static volatile sig_atomic_t interrupted;
static void interrupt(int number) { interrupted = number; }

int bench_prepare(void) {
  // Where it is allowed, the contenders and their tasks come before what else the machine does.
  // They take turns, and hand this on to what they start.
  struct sched_param lowest = {.sched_priority = 1};
  (void)sched_setscheduler(0, SCHED_RR, &lowest);
  struct sigaction action = {.sa_handler = interrupt};
  if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0) return -1;
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int bench_is_interrupted(void) { return interrupted != 0; }

static pid_t supervisors[16];
static int supervisor_count;

void bench_expect_to_live(int process) {
  if (supervisor_count < 16) supervisors[supervisor_count++] = process;
}

int bench_reap(void) {
  for (int turn = 0; turn < bench_place_count; turn++) {
    siginfo_t ended = {0};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return 0;
    for (int index = 0; index < supervisor_count; index++)
      if (supervisors[index] == ended.si_pid) return ended.si_pid;
    waitpid(ended.si_pid, NULL, WNOHANG);
  }
  return 0;
}

int bench_children(int process, int *children, int count) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  int found = 0;
  while (found < count && fscanf(file, "%d", &children[found]) == 1) found++;
  fclose(file);
  return found;
}

int64_t bench_processor_time(int process) {
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int bench_has_ended(int process, int milliseconds) {
  for (int turn = 0; turn <= milliseconds; turn++) {
    pid_t ended = waitpid(process, NULL, WNOHANG);
    if (ended == process || (ended < 0 && errno == ECHILD)) return 1;
    usleep(1000);
  }
  return 0;
}

int bench_make_folder(char *path) { return mkdtemp(path) == NULL ? -1 : 0; }

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

void bench_remove_folder(const char *path) {
  nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
