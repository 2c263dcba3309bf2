// What the benchmark of restarts shares with the tasks of all contenders: one file, mapped by each
// of them, in which every task shows that it runs, and in which the benchmark asks it to hang. And
// the C supervisor, and the few system calls that the benchmark needs and the product does not.
#ifndef WEIR_BENCH_BEATS_H
#define WEIR_BENCH_BEATS_H

#include <stdint.h>

// How many tasks each contender has.
enum { bench_task_count = 4 };
// How many tasks there are in all; a task's number is that of its place.
enum { bench_place_count = 64 };
// How long a task that was asked to end has for it, as in Weir.
enum { bench_grace_ns = 100000000 };

// The file, mapped once by each process. 0, or -1 with errno.
int bench_beats_create(const char *path);
int bench_beats_open(const char *path);

// --- The benchmark's side ---

// How often tasks beat, and how long after a beat the next one is overdue, in ns.
void bench_set_pace(int64_t period_ns, int64_t deadline_ns);
int64_t bench_deadline_ns(void);
// All tasks end.
void bench_stop_tasks(void);
// The process that beats at a place, 0 before the first one; the times of its first and last beat,
// in ns of CLOCK_MONOTONIC.
int bench_process(int place);
int64_t bench_first_beat(int place);
int64_t bench_last_beat(int place);
// This process at this place shall spin from its next beat on. Whether it does.
void bench_ask_to_spin(int place, int process);
int bench_spins(int place);

// --- The task's side ---

// The first beat of a new process.
void bench_begin(int place);
// One beat more. Says what to do: 0 go on, 1 spin, 2 end.
int bench_beat(int place);
// The pause between two beats.
void bench_pause(void);
void bench_spin(void);
// A whole task that does nothing but beat. It ends of SIGTERM by a handler, also while it spins.
// With `touched` it also sets the times of that file at each beat, for monit to look at.
void bench_run_task(int place, const char *touched);

// --- Rivals ---

// Supervises the tasks from `place` on until SIGTERM: with `program` as "PROGRAM FILE PLACE", or
// with NULL in children that only were forked. Notices an end by SIGCHLD, and a hang by a timer.
// Does not return.
void bench_supervise(int place, const char *program, const char *file);

// --- The system ---

// Starts a program in a process group of its own, with its output in a log. Its number, or -1.
int bench_start(const char *const *arguments, const char *log);
// Orphans become children of this process; SIGINT and SIGTERM only set a mark. All that is started
// from here on comes before ordinary processes, where that is allowed; only a task that spins does
// not.
int bench_prepare(void);
int bench_is_interrupted(void);
// This child is a supervisor, whose end is not expected.
void bench_expect_to_live(int process);
// Takes the ended children that are not expected to live: tasks whose supervisor is not their
// parent (monit). Returns a child that ended though it was expected to live, or 0.
int bench_reap(void);
// The parent's standard output and error, of a child that was forked and not started: a log.
int bench_redirect(const char *log);
// The children of a process, at most `count`. How many there are.
int bench_children(int process, int *children, int count);
// ns that a process has had of the processors, all its threads together; -1 without it.
int64_t bench_processor_time(int process);
// Waits for the end of a child. Whether it ended in that time, or is none.
int bench_has_ended(int process, int milliseconds);
// A new folder; the path is changed from a template. And its end, with all that is in it.
int bench_make_folder(char *path);
void bench_remove_folder(const char *path);

#endif
