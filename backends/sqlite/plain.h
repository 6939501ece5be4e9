/* The plain layout on SQLite: one row a record (backends/plain.h, docs/stores.md). The tables are
 * made by whoever keeps the store:
 *
 *   CREATE TABLE penstock_records (key TEXT PRIMARY KEY NOT NULL, record TEXT NOT NULL,
 *                                  updated_at TEXT);
 *   CREATE TABLE penstock_locks   (key TEXT PRIMARY KEY NOT NULL, lock TEXT NOT NULL);
 *
 * A key is the system, a colon and the record's id. Taking a lock is a write, and so is a change: a
 * change that looks for a lock in its own transaction needs none of its own. */
#ifndef PENSTOCK_SQLITE_PLAIN_H
#define PENSTOCK_SQLITE_PLAIN_H

#include "backends/plain.h"
#include "backends/sqlite/keyed.h"
#include "core/store_driver.h"

#include <string.h>

struct plain_store {
    struct store base;
    struct sqlite_client *client;
    struct sqlite_keyed records;
    struct content_format format;
};

static inline struct plain_store *sqlite_plain(struct store *store)
{
    return (struct plain_store *)store;
}

static inline struct str sqlite_plain_key(const struct plain_store *s, struct str id,
                                          struct arena *arena)
{
    return arena_printf(arena, "%s:%.*s", s->base.layout->system, STR_ARG(id));
}

static inline struct str sqlite_plain_id(const struct plain_store *s, struct str key)
{
    return str_sub(key, strlen(s->base.layout->system) + 1, key.len);
}

/* --- plain_locks.c ---------------------------------------------------------------------------- */

/* Begins a transaction in which nobody has a lock on the record; a held one is polled for the
 * store's lock_wait_ms, then ERR_LOCKED. */
bool sqlite_plain_begin(struct plain_store *s, struct str id, const struct call *call,
                        struct arena *arena, struct sqlite_conn *conn, struct err *err);
/* Takes away the lock with this text; *ret_gone false when there is another one, or none. */
bool sqlite_plain_lock_remove(struct plain_store *s, struct str id, struct str text,
                              const struct call *call, struct arena *arena, bool *ret_gone,
                              struct err *err);

/* Functions of struct layout. */
bool sqlite_plain_locks(struct store *store, const struct str *ids, size_t n,
                        const struct call *call, struct arena *arena, struct lock **ret,
                        struct err *err);
bool sqlite_plain_lock_hold(struct store *store, struct str id, int64_t seconds,
                            const struct call *call, struct str *ret_token, struct arena *arena,
                            struct err *err);
bool sqlite_plain_lock_release(struct store *store, struct str id, struct str token,
                               const struct call *call, struct err *err);

#endif
