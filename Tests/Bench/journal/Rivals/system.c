#define _GNU_SOURCE

#include "stores.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct store *store_open(int rival, const char *folder) {
  switch (rival) {
  case store_sqlite: return sqlite_open_store(folder);
  case store_lmdb: return lmdb_open_store(folder);
  default: return limit_open_store(folder);
  }
}

int store_append(struct store *store, const void *events, int count) {
  return store->append(store, events, count);
}

void store_close(struct store *store) { store->close(store); }

int store_make_folder(char *template_path) { return mkdtemp(template_path) != NULL ? 0 : -1; }

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

void store_remove_folder(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

int64_t store_device_bytes(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return -1;
  char name[64];
  snprintf(name, sizeof name, "/sys/dev/block/%u:%u/stat", major(status.st_dev),
           minor(status.st_dev));
  FILE *file = fopen(name, "r");
  if (file == NULL) return -1;
  // The seventh number counts sectors of 512 bytes.
  long long sectors;
  int count = fscanf(file, "%*s %*s %*s %*s %*s %*s %lld", &sectors);
  fclose(file);
  return count == 1 ? sectors * 512 : -1;
}

int64_t store_cpu_time(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}
