// The rivals of Weir's ring, behind one face, and the few system calls that the benchmark needs and
// the product does not. Each rival's loops are compiled as its users would compile them.
#ifndef WEIR_BENCH_RIVALS_H
#define WEIR_BENCH_RIVALS_H

#include <stddef.h>
#include <stdint.h>

enum {
  bench_boost = 0,
  bench_ck = 1,
};

// Every ring in the benchmark has room for this many elements (ck_ring: one less).
enum { bench_capacity = 1024 };
enum { bench_batch_max = 256 };

// How much memory a rival's ring takes, of elements of 16 or 64 bytes.
size_t bench_ring_size(int rival, int element_size);
void bench_make(int rival, int element_size, void *ring);

// Sends `count` elements, `batch` at a time (a power of two). The first eight bytes are the number
// of the element; without `check` batches of more than one are made only once, and carry the number
// in the batch.
void bench_produce(int rival, int element_size, void *ring, uint64_t count, int batch,
                   int check);
// Takes `count` elements. Returns how many had not the number that had to come: looks at each
// element when `batch` is 1 or `check` is set, otherwise at the last one that each call took.
uint64_t bench_consume(int rival, int element_size, void *ring, uint64_t count, int batch,
                       int check);
// One sends an element and waits for the answer, `count` times; the other answers.
void bench_call(int rival, int element_size, void *there, void *back, uint64_t count);
void bench_answer(int rival, int element_size, void *there, void *back, uint64_t count);

// What a loop does while it waits for the other side; the same for all.
static inline void bench_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// A sleeper and its waker with nothing but a futex: the word says how many calls were made.
void bench_futex_call(uint32_t *there, uint32_t *back, uint64_t count);
void bench_futex_answer(uint32_t *there, uint32_t *back, uint64_t count);

// Binds this process to one processor, and puts it before all ordinary processes where that is
// allowed. 0, or -1 if there is no such processor.
int bench_pin(int processor);
// An ordinary process again, on either processor.
void bench_unpin(void);
// From here on the kernel kills this process at any system call but read, write and exit.
int bench_forbid_system_calls(void);
// exit(2) of this thread, which is still allowed then.
void bench_exit(int status);
// How often this process was put aside for another one.
uint64_t bench_preemptions(void);

#endif
