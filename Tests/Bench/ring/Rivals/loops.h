// The loops of a rival, written once for C and C++: TRY_PUSH(ring, pointer, count) and
// TRY_POP(ring, pointer, count) return how many elements they moved.
#define LOOPS(NAME, RING, ELEMENT, PUSH_ONE, POP_ONE, PUSH_MANY, POP_MANY)                         \
  static void NAME##_produce(RING *ring, uint64_t count, int batch, int check) {                   \
    if (batch == 1) {                                                                              \
      for (uint64_t n = 0; n < count; n++) {                                                       \
        ELEMENT element = {{n}};                                                                   \
        while (!PUSH_ONE(ring, &element)) bench_pause();                                           \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    ELEMENT source[bench_batch_max] = {};                                                          \
    for (int i = 0; i < batch; i++) source[i].words[0] = i;                                        \
    for (uint64_t n = 0; n < count;) {                                                             \
      if (check)                                                                                   \
        for (int i = 0; i < batch; i++) source[i].words[0] = n + i;                                \
      for (int done = 0; done < batch;) {                                                          \
        int moved = PUSH_MANY(ring, source + done, batch - done);                                  \
        if (moved == 0) bench_pause();                                                             \
        done += moved;                                                                             \
      }                                                                                            \
      n += batch;                                                                                  \
    }                                                                                              \
  }                                                                                                \
  static uint64_t NAME##_consume(RING *ring, uint64_t count, int batch, int check) {               \
    uint64_t wrong = 0;                                                                            \
    if (batch == 1) {                                                                              \
      for (uint64_t n = 0; n < count; n++) {                                                       \
        ELEMENT element;                                                                           \
        while (!POP_ONE(ring, &element)) bench_pause();                                            \
        wrong += element.words[0] != n;                                                            \
      }                                                                                            \
      return wrong;                                                                                \
    }                                                                                              \
    ELEMENT destination[bench_batch_max];                                                          \
    for (uint64_t n = 0; n < count;) {                                                             \
      int moved = POP_MANY(ring, destination, batch);                                              \
      if (moved == 0) {                                                                            \
        bench_pause();                                                                             \
        continue;                                                                                  \
      }                                                                                            \
      for (int i = check ? 0 : moved - 1; i < moved; i++)                                          \
        wrong += destination[i].words[0] != (check ? n + i : (n + i) & (batch - 1));               \
      n += moved;                                                                                  \
    }                                                                                              \
    return wrong;                                                                                  \
  }                                                                                                \
  static void NAME##_call(RING *there, RING *back, uint64_t count) {                               \
    for (uint64_t n = 0; n < count; n++) {                                                         \
      ELEMENT element = {{n}};                                                                     \
      while (!PUSH_ONE(there, &element)) bench_pause();                                            \
      while (!POP_ONE(back, &element)) bench_pause();                                              \
    }                                                                                              \
  }                                                                                                \
  static void NAME##_answer(RING *there, RING *back, uint64_t count) {                             \
    for (uint64_t n = 0; n < count; n++) {                                                         \
      ELEMENT element;                                                                             \
      while (!POP_ONE(there, &element)) bench_pause();                                             \
      while (!PUSH_ONE(back, &element)) bench_pause();                                             \
    }                                                                                              \
  }

struct element16 {
  uint64_t words[2];
};
struct element64 {
  uint64_t words[8];
};
