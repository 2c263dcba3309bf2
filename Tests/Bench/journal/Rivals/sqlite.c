#include "stores.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

struct sqlite_store {
  struct store store;
  sqlite3 *database;
  sqlite3_stmt *begin, *insert, *commit;
};

static int step(sqlite3_stmt *statement) {
  int result = sqlite3_step(statement);
  sqlite3_reset(statement);
  return result == SQLITE_DONE ? 0 : -1;
}

static int append(struct store *store, const void *events, int count) {
  struct sqlite_store *own = (struct sqlite_store *)store;
  const char *next = events;
  if (step(own->begin) != 0) return -1;
  for (int i = 0; i < count; i++, next += store_event_size) {
    sqlite3_bind_blob(own->insert, 1, next, store_event_size, SQLITE_STATIC);
    if (step(own->insert) != 0) return -1;
  }
  return step(own->commit);
}

static void close_store(struct store *store) {
  struct sqlite_store *own = (struct sqlite_store *)store;
  sqlite3_finalize(own->begin);
  sqlite3_finalize(own->insert);
  sqlite3_finalize(own->commit);
  sqlite3_close(own->database);
  free(own);
}

struct store *sqlite_open_store(const char *folder) {
  struct sqlite_store *own = calloc(1, sizeof *own);
  if (own == NULL) return NULL;
  own->store = (struct store){append, close_store};
  char path[512];
  snprintf(path, sizeof path, "%s/sqlite.db", folder);
  const char *schema =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE events (sequence INTEGER PRIMARY KEY, event BLOB)";
  if (sqlite3_open(path, &own->database) == SQLITE_OK &&
      sqlite3_exec(own->database, schema, NULL, NULL, NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(own->database, "BEGIN", -1, &own->begin, NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(own->database, "INSERT INTO events (event) VALUES (?)", -1, &own->insert,
                         NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(own->database, "COMMIT", -1, &own->commit, NULL) == SQLITE_OK)
    return &own->store;
  close_store(&own->store);
  return NULL;
}
