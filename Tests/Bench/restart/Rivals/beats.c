#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "Beats.h"

// Each on cache lines of its own.
struct place {
  _Alignas(128) int64_t first;
  int64_t last;
  int32_t process;              // written after `first`
  int32_t spinning;             // the process that spins
  _Alignas(128) int32_t asked;  // the process that shall
};

struct beats {
  int64_t period;
  int64_t deadline;
  int32_t stop;
  struct place places[bench_place_count];
};

static struct beats *beats;

#define get(field) __atomic_load_n(&beats->field, __ATOMIC_ACQUIRE)
#define set(field, value) __atomic_store_n(&beats->field, value, __ATOMIC_RELEASE)

static int map(const char *path, int flags) {
  int descriptor = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
  if (descriptor < 0) return -1;
  if (ftruncate(descriptor, sizeof *beats) != 0) return -1;
  void *memory = mmap(NULL, sizeof *beats, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                      descriptor, 0);
  close(descriptor);
  if (memory == MAP_FAILED) return -1;
  beats = memory;
  return 0;
}

int bench_beats_create(const char *path) { return map(path, O_CREAT | O_EXCL); }
int bench_beats_open(const char *path) { return map(path, 0); }

void bench_set_pace(int64_t period_ns, int64_t deadline_ns) {
  set(deadline, deadline_ns);
  set(period, period_ns);
}
int64_t bench_deadline_ns(void) { return get(deadline); }
void bench_stop_tasks(void) { set(stop, 1); }

int bench_process(int place) { return get(places[place].process); }
int64_t bench_first_beat(int place) { return get(places[place].first); }
int64_t bench_last_beat(int place) { return get(places[place].last); }
void bench_ask_to_spin(int place, int process) { set(places[place].asked, process); }
int bench_spins(int place) {
  return get(places[place].spinning) != 0 &&
         get(places[place].spinning) == get(places[place].asked);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void bench_begin(int place) {
  int64_t first = now();
  set(places[place].first, first);
  set(places[place].last, first);
  set(places[place].process, getpid());
}

int bench_beat(int place) {
  if (get(stop)) return 2;
  if (get(places[place].asked) == getpid()) {
    set(places[place].spinning, getpid());
    return 1;
  }
  set(places[place].last, now());
  return 0;
}

void bench_pause(void) {
  int64_t period = get(period);
  struct timespec time = {period / 1000000000, period % 1000000000};
  nanosleep(&time, NULL);
}

void bench_spin(void) {
  struct sched_param ordinary = {0};
  (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
  for (;;) (void)get(stop);
}

static void end(int number) {
  (void)number;
  _exit(0);
}

void bench_run_task(int place, const char *touched) {
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  bench_begin(place);
  int file = touched ? open(touched, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
  for (;;) {
    if (touched) futimens(file, NULL);
    int order = bench_beat(place);
    if (order == 1) bench_spin();
    if (order == 2) _exit(0);
    bench_pause();
  }
}
