/* SQLite files that belong to somebody else: what every layout in this folder stands on.
 *
 * A connection lives for one call: nothing is held between calls, so no lock, transaction or page
 * cache outlives one. Reading follows design rule 2, because a plain read-only open of a database
 * in WAL mode leaves a -wal and a -shm that belong to the viewer, and its owner can then no longer
 * write: without a -wal it is opened immutable and looked at again afterwards, with -wal and -shm
 * it is opened without the right to make a -shm, and a -wal alone (or the journal of a writer that
 * died) is read from a private copy. Nothing is ever checkpointed, no journal_mode is ever changed,
 * and no file is created; https://www.sqlite.org/wal.html#readonly tells of the modes.
 *
 * A write that finds no -wal has to make one; closing folds that one back into the database, as the
 * owner's own program does when it ends, so that nothing of ours is left. A -wal that was there is
 * left alone.
 *
 * One thread at a time per client and connection. */
#ifndef PENSTOCK_SQLITE_CLIENT_H
#define PENSTOCK_SQLITE_CLIENT_H

#include "core/store_driver.h"

#include <sqlite3.h>

struct sqlite_client;

/* Opens nothing yet. `path` is copied. Without `writable` no path leads to a write. */
struct sqlite_client *sqlite_client_new(const char *path, bool writable);
/* For a layout's open: tells also what there is to say of the file, and makes the store read-only
 * where we may not write it. */
struct sqlite_client *sqlite_client_new_for(struct store *store, const struct address *address);
void sqlite_client_free(struct sqlite_client *client); /* NULL is fine */

/* May this file be written by us? False with the reason in `err`; looks at rights, touches nothing.
 */
bool sqlite_client_writable(const struct sqlite_client *client, struct err *err);

/* One connection inside one call. */
struct sqlite_conn {
    sqlite3 *db;
    const char *path;        /* for messages; lent by the client */
    const struct call *call; /* lent */
    int64_t busy_until_ms;   /* monotonic: how long another's lock is waited for */
    bool in_transaction;
    /* What the statement under way changed or removed, its triggers with it. */
    struct {
        char table[128];
        int64_t rowid;
        bool others; /* rows beside the first */
    } changed;
};

/* Calls `read` with a connection on which one consistent snapshot is seen. Where the file changed
 * under an immutable connection or a copy, it is called again: whatever it made before is void.
 * ERR_UNAVAILABLE when the file cannot be opened, ERR_CORRUPT when it is no database. */
bool sqlite_read(struct sqlite_client *client, const struct call *call,
                 bool (*read)(struct sqlite_conn *conn, void *ctx, struct err *err), void *ctx,
                 struct err *err);

/* Opens for writing, never creating, and begins a transaction with the write lock taken; another's
 * lock is waited for at most lock_wait_ms (ERR_LOCKED). ERR_REFUSED for a client not writable. The
 * caller ends it with sqlite_commit or sqlite_conn_close; CLEANUP(sqlite_conn_close) is fine on a
 * zeroed struct. */
bool sqlite_write_begin(struct sqlite_client *client, int64_t lock_wait_ms, const struct call *call,
                        struct sqlite_conn *ret, struct err *err);
bool sqlite_commit(struct sqlite_conn *conn, struct err *err);
/* The same for a layout's commit, and returns as that does: commits when `ok` and the item is
 * applied. */
bool sqlite_commit_item(struct sqlite_conn *conn, bool ok, struct commit_item *item,
                        struct err *err);
void sqlite_conn_close(struct sqlite_conn *conn); /* rolls back what was not committed */

/* --- statements ----------------------------------------------------------------------------- */

/* Values are parameters ?1, ?2, ...; texts are bound with their length, ptr NULL is NULL, and are
 * lent until the statement ends. */
bool sqlite_prepare(struct sqlite_conn *conn, const char *sql, sqlite3_stmt **ret, struct err *err);
void sqlite_bind(sqlite3_stmt *stmt, int i, struct str text);
/* True with *ret_row false at the end; a statement without rows is at its end at once. */
bool sqlite_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, bool *ret_row, struct err *err);
/* Prepares, binds n texts, runs to the end; ret_changed (may be NULL): rows touched. ERR_REFUSED
 * when a trigger changed or removed other rows with the one that was meant: an undo would not know
 * of them. What it adds (a log) is its own business. */
bool sqlite_exec(struct sqlite_conn *conn, const char *sql, const struct str *params, int n,
                 int64_t *ret_changed, struct err *err);
/* A cell as text, copied; ptr NULL for NULL. */
struct str sqlite_text(struct arena *arena, sqlite3_stmt *stmt, int column);

static inline void sqlite_stmt_clear(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}
#define CLEANUP_STMT __attribute__((cleanup(sqlite_stmt_clear)))

/* A text or blob read by itself, so that a size costs no value and a value is never read beyond its
 * limit. `table` and `column` are constants of a layout. */
struct sqlite_cell {
    bool is_null, is_blob;
    uint64_t bytes;
    struct str value; /* at most `limit` bytes; ptr NULL when NULL or limit 0 */
};
bool sqlite_cell_read(struct sqlite_conn *conn, const char *table, const char *column,
                      int64_t rowid, size_t limit, struct arena *arena, struct sqlite_cell *ret,
                      struct err *err);

/* Rows are found again by their rowid, which costs no value: ERR_UNSUPPORTED for a table without.
 */
bool sqlite_rowid_check(struct sqlite_conn *conn, const char *table, struct err *err);

/* Which of the wanted columns a table has, bit i for names[i]; 0 when there is no such table. */
bool sqlite_columns(struct sqlite_conn *conn, const char *table, const char *const *names, size_t n,
                    unsigned *ret, struct err *err);

#endif
