#include "stores.h"

#include <lmdb.h>
#include <stdlib.h>

struct lmdb_store {
  struct store store;
  MDB_env *environment;
  MDB_dbi database;
  uint64_t sequence;
};

static int append(struct store *store, const void *events, int count) {
  struct lmdb_store *own = (struct lmdb_store *)store;
  MDB_txn *transaction;
  if (mdb_txn_begin(own->environment, NULL, 0, &transaction) != 0) return -1;
  for (int i = 0; i < count; i++) {
    MDB_val key = {sizeof own->sequence, &own->sequence};
    MDB_val value = {store_event_size, (char *)events + i * store_event_size};
    if (mdb_put(transaction, own->database, &key, &value, MDB_APPEND) != 0) {
      mdb_txn_abort(transaction);
      return -1;
    }
    own->sequence++;
  }
  return mdb_txn_commit(transaction) == 0 ? 0 : -1;
}

static void close_store(struct store *store) {
  struct lmdb_store *own = (struct lmdb_store *)store;
  if (own->environment != NULL) mdb_env_close(own->environment);
  free(own);
}

struct store *lmdb_open_store(const char *folder) {
  struct lmdb_store *own = calloc(1, sizeof *own);
  if (own == NULL) return NULL;
  own->store = (struct store){append, close_store};
  MDB_txn *transaction;
  if (mdb_env_create(&own->environment) == 0 &&
      mdb_env_set_mapsize(own->environment, (size_t)4 << 30) == 0 &&
      mdb_env_open(own->environment, folder, 0, 0640) == 0 &&
      mdb_txn_begin(own->environment, NULL, 0, &transaction) == 0 &&
      mdb_dbi_open(transaction, NULL, MDB_INTEGERKEY, &own->database) == 0 &&
      mdb_txn_commit(transaction) == 0)
    return &own->store;
  close_store(&own->store);
  return NULL;
}
