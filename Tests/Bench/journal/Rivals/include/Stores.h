// The rivals of Weir's journal, behind one face, and the few system calls that the benchmark needs
// and the product does not. Each is used as its users would use it where nothing may be lost.
#ifndef WEIR_BENCH_STORES_H
#define WEIR_BENCH_STORES_H

#include <stdint.h>

enum {
  // SQLite: WAL, synchronous FULL, one transaction for each batch, prepared statements.
  store_sqlite = 0,
  // LMDB: its defaults, which sync at each commit; keys are appended.
  store_lmdb = 1,
  // O_DSYNC writes into a file of zeroes: what the disk can do. It writes the last block over
  // itself, where a power cut can tear what was durable: no journal may do that.
  store_limit = 2,
};

enum { store_event_size = 32 };
enum { store_batch_max = 256 };

struct store;

// Opens an empty store in a folder of its own; NULL if that failed.
struct store *store_open(int rival, const char *folder);
// Appends a batch, which is durable when this returns. 0, or -1.
int store_append(struct store *store, const void *events, int count);
void store_close(struct store *store);

// Makes a folder of a template that ends in XXXXXX, and removes one with all that is in it.
int store_make_folder(char *template_path);
void store_remove_folder(const char *path);
// What was written to the block device that holds a path since the machine started, in bytes; -1
// if the kernel does not say.
int64_t store_device_bytes(const char *path);
// The time of the processor that this process has taken, in ns.
int64_t store_cpu_time(void);

#endif
