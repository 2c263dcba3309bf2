// boost::lockfree::spsc_queue with its capacity fixed at compile time: then its elements lie inside
// of it, and it works between processes.
#include <new>

#include <boost/lockfree/spsc_queue.hpp>

extern "C" {
#include "Rivals.h"
#include "boost.h"
}
#include "loops.h"

namespace {

template <typename Element>
using Queue = boost::lockfree::spsc_queue<Element, boost::lockfree::capacity<bench_capacity>>;

using Queue16 = Queue<element16>;
using Queue64 = Queue<element64>;

#define PUSH_ONE(ring, element) (ring)->push(*(element))
#define POP_ONE(ring, element) (ring)->pop(*(element))
#define PUSH_MANY(ring, elements, count) (int)(ring)->push(elements, count)
#define POP_MANY(ring, elements, count) (int)(ring)->pop(elements, count)

LOOPS(boost16, Queue16, element16, PUSH_ONE, POP_ONE, PUSH_MANY, POP_MANY)
LOOPS(boost64, Queue64, element64, PUSH_ONE, POP_ONE, PUSH_MANY, POP_MANY)

} // namespace

size_t boost_ring_size(int size) { return size == 16 ? sizeof(Queue16) : sizeof(Queue64); }

void boost_make(int size, void *ring) {
  if (size == 16)
    new (ring) Queue16();
  else
    new (ring) Queue64();
}

void boost_produce(int size, void *ring, uint64_t count, int batch, int check) {
  if (size == 16)
    boost16_produce((Queue16 *)ring, count, batch, check);
  else
    boost64_produce((Queue64 *)ring, count, batch, check);
}

uint64_t boost_consume(int size, void *ring, uint64_t count, int batch, int check) {
  return size == 16 ? boost16_consume((Queue16 *)ring, count, batch, check)
                    : boost64_consume((Queue64 *)ring, count, batch, check);
}

void boost_call(int size, void *there, void *back, uint64_t count) {
  if (size == 16)
    boost16_call((Queue16 *)there, (Queue16 *)back, count);
  else
    boost64_call((Queue64 *)there, (Queue64 *)back, count);
}

void boost_answer(int size, void *there, void *back, uint64_t count) {
  if (size == 16)
    boost16_answer((Queue16 *)there, (Queue16 *)back, count);
  else
    boost64_answer((Queue64 *)there, (Queue64 *)back, count);
}
