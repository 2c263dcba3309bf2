// What boost.cpp shows to C.
#include <stddef.h>
#include <stdint.h>

size_t boost_ring_size(int size);
void boost_make(int size, void *ring);
void boost_produce(int size, void *ring, uint64_t count, int batch, int check);
uint64_t boost_consume(int size, void *ring, uint64_t count, int batch, int check);
void boost_call(int size, void *there, void *back, uint64_t count);
void boost_answer(int size, void *there, void *back, uint64_t count);
