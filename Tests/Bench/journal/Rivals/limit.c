#define _GNU_SOURCE

#include "stores.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// As large as a journal is by default.
enum { file_size = 64 << 20, block_size = 4096 };

struct limit_store {
  struct store store;
  int file;
  // Of the file: where the block begins that is being filled.
  off_t offset;
  // Of the block, and of a batch behind it.
  int used;
  char bytes[block_size + store_batch_max * store_event_size];
};

static int append(struct store *store, const void *events, int count) {
  struct limit_store *own = (struct limit_store *)store;
  int size = count * store_event_size;
  memcpy(own->bytes + own->used, events, size);
  int end = own->used + size;
  int written = (end + block_size - 1) / block_size * block_size;
  if (own->offset + written > file_size) own->offset = 0;
  memset(own->bytes + end, 0, written - end);
  if (pwrite(own->file, own->bytes, written, own->offset) != written) return -1;
  int full = end / block_size * block_size;
  memmove(own->bytes, own->bytes + full, end - full);
  own->offset += full;
  own->used = end - full;
  return 0;
}

static void close_store(struct store *store) {
  struct limit_store *own = (struct limit_store *)store;
  if (own->file >= 0) close(own->file);
  free(own);
}

// Zeroes that are on the disk: writing over them changes no metadata.
static int fill(int file) {
  static const char zeroes[1 << 16];
  for (int i = 0; i < file_size / (int)sizeof zeroes; i++)
    if (write(file, zeroes, sizeof zeroes) != sizeof zeroes) return -1;
  return fsync(file);
}

struct store *limit_open_store(const char *folder) {
  struct limit_store *own = calloc(1, sizeof *own);
  if (own == NULL) return NULL;
  own->store = (struct store){append, close_store};
  char path[512];
  snprintf(path, sizeof path, "%s/limit", folder);
  own->file = open(path, O_RDWR | O_CREAT, 0640);
  if (own->file >= 0 && fill(own->file) == 0) {
    close(own->file);
    own->file = open(path, O_WRONLY | O_DSYNC);
    if (own->file >= 0) return &own->store;
  }
  close_store(&own->store);
  return NULL;
}
