// What each kind of store does.
#ifndef WEIR_BENCH_STORES_PRIVATE_H
#define WEIR_BENCH_STORES_PRIVATE_H

#include "include/Stores.h"

struct store {
  int (*append)(struct store *, const void *events, int count);
  void (*close)(struct store *);
};

struct store *sqlite_open_store(const char *folder);
struct store *lmdb_open_store(const char *folder);
struct store *limit_open_store(const char *folder);

#endif
