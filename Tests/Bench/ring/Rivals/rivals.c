// Concurrency Kit's ck_ring, and the choice between the rivals. ck_ring moves one element at a
// time, so its batches are loops, as in its users' programs.
#include <ck_ring.h>

#include "Rivals.h"
#include "boost.h"
#include "loops.h"

CK_RING_PROTOTYPE(element16, element16)
CK_RING_PROTOTYPE(element64, element64)

#define CK(SIZE)                                                                                   \
  struct ck##SIZE {                                                                                \
    ck_ring_t ring;                                                                                \
    _Alignas(128) struct element##SIZE elements[bench_capacity];                                   \
  };                                                                                               \
  static inline int ck##SIZE##_push(struct ck##SIZE *q, struct element##SIZE *e) {           \
    return CK_RING_ENQUEUE_SPSC(element##SIZE, &q->ring, q->elements, e);                          \
  }                                                                                                \
  static inline int ck##SIZE##_pop(struct ck##SIZE *q, struct element##SIZE *e) {                  \
    return CK_RING_DEQUEUE_SPSC(element##SIZE, &q->ring, q->elements, e);                          \
  }                                                                                                \
  static inline int ck##SIZE##_push_many(struct ck##SIZE *q, struct element##SIZE *e,        \
                                         int count) {                                              \
    int done = 0;                                                                                  \
    while (done < count && ck##SIZE##_push(q, e + done)) done++;                                   \
    return done;                                                                                   \
  }                                                                                                \
  static inline int ck##SIZE##_pop_many(struct ck##SIZE *q, struct element##SIZE *e, int count) {  \
    int done = 0;                                                                                  \
    while (done < count && ck##SIZE##_pop(q, e + done)) done++;                                    \
    return done;                                                                                   \
  }                                                                                                \
  LOOPS(ck##SIZE, struct ck##SIZE, struct element##SIZE, ck##SIZE##_push, ck##SIZE##_pop,          \
        ck##SIZE##_push_many, ck##SIZE##_pop_many)

CK(16)
CK(64)

size_t bench_ring_size(int rival, int size) {
  if (rival == bench_boost) return boost_ring_size(size);
  return size == 16 ? sizeof(struct ck16) : sizeof(struct ck64);
}

void bench_make(int rival, int size, void *ring) {
  if (rival == bench_boost)
    boost_make(size, ring);
  else
    ck_ring_init(ring, bench_capacity); // the first member of both
}

void bench_produce(int rival, int size, void *ring, uint64_t count, int batch, int check) {
  if (rival == bench_boost)
    boost_produce(size, ring, count, batch, check);
  else if (size == 16)
    ck16_produce(ring, count, batch, check);
  else
    ck64_produce(ring, count, batch, check);
}

uint64_t bench_consume(int rival, int size, void *ring, uint64_t count, int batch, int check) {
  if (rival == bench_boost) return boost_consume(size, ring, count, batch, check);
  return size == 16 ? ck16_consume(ring, count, batch, check)
                    : ck64_consume(ring, count, batch, check);
}

void bench_call(int rival, int size, void *there, void *back, uint64_t count) {
  if (rival == bench_boost)
    boost_call(size, there, back, count);
  else if (size == 16)
    ck16_call(there, back, count);
  else
    ck64_call(there, back, count);
}

void bench_answer(int rival, int size, void *there, void *back, uint64_t count) {
  if (rival == bench_boost)
    boost_answer(size, there, back, count);
  else if (size == 16)
    ck16_answer(there, back, count);
  else
    ck64_answer(there, back, count);
}
