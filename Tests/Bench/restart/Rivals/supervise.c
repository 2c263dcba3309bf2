// The physical limit: no more than what supervision takes.
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "Beats.h"

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static pid_t start(int place, const char *program, const char *file, const sigset_t *normal) {
  pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigprocmask(SIG_SETMASK, normal, NULL);
  if (program == NULL) bench_run_task(place, NULL);
  char number[8];
  snprintf(number, sizeof number, "%d", place);
  execl(program, program, file, number, (char *)NULL);
  _exit(127);
}

void bench_supervise(int place, const char *program, const char *file) {
  sigset_t taken, normal;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  sigaddset(&taken, SIGTERM);
  sigprocmask(SIG_BLOCK, &taken, &normal);
  struct pollfd items[] = {
      {.fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN},
      {.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), .events = POLLIN},
  };
  pid_t children[bench_task_count] = {0};
  int64_t started[bench_task_count], asked[bench_task_count] = {0};
  for (;;) {
    int64_t next = INT64_MAX;
    for (int index = 0; index < bench_task_count; index++) {
      if (children[index] <= 0) {
        asked[index] = 0;
        started[index] = now();
        children[index] = start(place + index, program, file, &normal);
      }
      int64_t sign = bench_last_beat(place + index);
      if (sign < started[index]) sign = started[index];
      int64_t due = asked[index] ? asked[index] + bench_grace_ns : sign + bench_deadline_ns();
      if (now() >= due) {
        kill(children[index], asked[index] ? SIGKILL : SIGTERM);
        asked[index] = now();
        due = asked[index] + bench_grace_ns;
      }
      if (due < next) next = due;
    }
    struct itimerspec timer = {.it_value = {next / 1000000000, next % 1000000000}};
    timerfd_settime(items[1].fd, TFD_TIMER_ABSTIME, &timer, NULL);
    poll(items, 2, -1);
    struct signalfd_siginfo signal;
    while (read(items[0].fd, &signal, sizeof signal) == sizeof signal)
      if (signal.ssi_signo == SIGTERM) _exit(0);
    for (pid_t dead; (dead = waitpid(-1, NULL, WNOHANG)) > 0;)
      for (int index = 0; index < bench_task_count; index++)
        if (children[index] == dead) children[index] = 0;
  }
}
