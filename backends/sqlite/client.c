#include "backends/sqlite/client.h"

#include "backends/sqlite/view.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROGRESS_OPS = 1000, AGAIN_MS = 5 };

struct sqlite_client {
    char *path;
    bool writable;
    char real[PATH_MAX]; /* without symbolic links: SQLite puts -wal and -shm beside that */
};

/* --- errors --------------------------------------------------------------------------------- */

/* Primary result codes, https://www.sqlite.org/rescode.html */
static const enum err_kind kinds[] = {
    [SQLITE_ERROR] = ERR_UNSUPPORTED, /* no such table or column: another layout */
    [SQLITE_INTERNAL] = ERR_INTERNAL,    [SQLITE_PERM] = ERR_DENIED,
    [SQLITE_ABORT] = ERR_CONFLICT,       [SQLITE_BUSY] = ERR_LOCKED,
    [SQLITE_LOCKED] = ERR_LOCKED,        [SQLITE_NOMEM] = ERR_INTERNAL,
    [SQLITE_READONLY] = ERR_DENIED,      [SQLITE_INTERRUPT] = ERR_TIMEOUT,
    [SQLITE_IOERR] = ERR_UNAVAILABLE,    [SQLITE_CORRUPT] = ERR_CORRUPT,
    [SQLITE_NOTFOUND] = ERR_INTERNAL,    [SQLITE_FULL] = ERR_UNAVAILABLE,
    [SQLITE_CANTOPEN] = ERR_UNAVAILABLE, [SQLITE_PROTOCOL] = ERR_LOCKED,
    [SQLITE_EMPTY] = ERR_INTERNAL,       [SQLITE_SCHEMA] = ERR_CONFLICT,
    [SQLITE_TOOBIG] = ERR_INVALID,       [SQLITE_CONSTRAINT] = ERR_REFUSED,
    [SQLITE_MISMATCH] = ERR_INVALID,     [SQLITE_MISUSE] = ERR_INTERNAL,
    [SQLITE_NOLFS] = ERR_UNSUPPORTED,    [SQLITE_AUTH] = ERR_DENIED,
    [SQLITE_FORMAT] = ERR_CORRUPT,       [SQLITE_RANGE] = ERR_INTERNAL,
    [SQLITE_NOTADB] = ERR_CORRUPT,
};

bool sqlite_db_fail(sqlite3 *db, const char *what, const struct call *call, struct err *err)
{
    int code = db ? sqlite3_errcode(db) & 0xff : SQLITE_NOMEM;
    enum err_kind kind = ERR_INTERNAL;
    if ((size_t)code < sizeof kinds / sizeof kinds[0] && kinds[code] != ERR_NONE)
        kind = kinds[code];
    if ((code == SQLITE_INTERRUPT || code == SQLITE_BUSY) && !call_check(call, what, err))
        return false;
    int system_error = db && code == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    if (system_error == EACCES || system_error == EPERM)
        return err_set(err, ERR_DENIED, "%s: %s", what, strerror(system_error));
    err_set(err, kind, "%s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
    if (kind == ERR_LOCKED)
        err_hint(err, "another program is writing to the file; try again, or wait longer with "
                      "--lock-wait");
    return false;
}

/* Fills *err from the connection's last error: the kind by the code, "what: message". */
static bool sqlite_fail(struct sqlite_conn *conn, const char *what, struct err *err)
{
    return sqlite_db_fail(conn->db, what, conn->call, err);
}

/* --- waiting -------------------------------------------------------------------------------- */

static int on_busy(void *ctx, int attempts)
{
    static const int64_t pause_ms[] = {1, 2, 5, 10, 20};
    const struct sqlite_conn *conn = ctx;
    size_t n = sizeof pause_ms / sizeof pause_ms[0];
    if (clock_monotonic_ms() >= conn->busy_until_ms)
        return 0;
    return call_pause(conn->call, pause_ms[(size_t)attempts < n ? (size_t)attempts : n - 1],
                      conn->path, NULL);
}

static int on_progress(void *ctx)
{
    const struct sqlite_conn *conn = ctx;
    return !call_check(conn->call, conn->path, NULL);
}

/* The handlers keep the address of the struct, which is the caller's until it is closed. */
static void set_handlers(struct sqlite_conn *conn)
{
    sqlite3_busy_handler(conn->db, on_busy, conn);
    sqlite3_progress_handler(conn->db, PROGRESS_OPS, on_progress, conn);
}

/* --- the client ----------------------------------------------------------------------------- */

struct sqlite_client *sqlite_client_new(const char *path, bool writable)
{
    struct sqlite_client *client = xcalloc(1, sizeof *client);
    char *copy = xstrdup(path);
    client->path = copy;
    client->writable = writable;
    return client;
}

struct sqlite_client *sqlite_client_new_for(struct store *store, const struct address *address)
{
    struct sqlite_client *client = sqlite_client_new(address->url, store->opts.writable);
    struct err why;
    store->info.server = arena_str(&store->arena, str_of(address->url));
    store->info.version = arena_printf(&store->arena, "SQLite %s", sqlite3_libversion());
    if (client->writable && !sqlite_client_writable(client, &why))
        store_read_only(store, arena_str(&store->arena, str_of(why.text)));
    return client;
}

void sqlite_client_free(struct sqlite_client *client)
{
    if (!client)
        return;
    free(client->path);
    free(client);
}

static bool resolve(struct sqlite_client *client, struct err *err)
{
    if (realpath(client->path, client->real))
        return true;
    return err_set(err, errno == EACCES ? ERR_DENIED : ERR_UNAVAILABLE, "%s: %s", client->path,
                   strerror(errno));
}

bool sqlite_client_writable(const struct sqlite_client *client, struct err *err)
{
    char real[PATH_MAX];
    if (!realpath(client->path, real))
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", client->path, strerror(errno));
    if (faccessat(AT_FDCWD, real, W_OK, AT_EACCESS) != 0)
        return err_set(err, ERR_DENIED, "the file cannot be written: %s", strerror(errno));
    *strrchr(real, '/') = '\0';
    /* SQLite puts its journal beside the file. */
    if (faccessat(AT_FDCWD, *real ? real : "/", W_OK | X_OK, AT_EACCESS) != 0)
        return err_set(err, ERR_DENIED, "no journal can be made in its directory: %s",
                       strerror(errno));
    return true;
}

static bool read_once(struct sqlite_client *client, const struct call *call,
                      bool (*read)(struct sqlite_conn *conn, void *ctx, struct err *err), void *ctx,
                      bool *ret_again, struct err *err)
{
    struct sqlite_view view;
    if (!resolve(client, err) || !sqlite_view_open(client->real, call, &view, ret_again, err))
        return false;
    struct sqlite_conn conn = {
        .db = view.db, .path = client->path, .call = call, .busy_until_ms = call->deadline_ms};
    set_handlers(&conn);
    bool ok = sqlite_exec(&conn, "BEGIN", NULL, 0, NULL, err) && read(&conn, ctx, err);
    conn.in_transaction = true;
    sqlite_conn_close(&conn);
    *ret_again = !sqlite_view_held(client->real, &view);
    if (ok && *ret_again)
        return err_set(err, ERR_CONFLICT, "%s: changed while it was read", client->path);
    return ok;
}

bool sqlite_read(struct sqlite_client *client, const struct call *call,
                 bool (*read)(struct sqlite_conn *conn, void *ctx, struct err *err), void *ctx,
                 struct err *err)
{
    for (;;) {
        bool again = false;
        /* A short statement ends before the progress handler is asked for the first time. */
        if (!call_check(call, client->path, err))
            return false;
        if (read_once(client, call, read, ctx, &again, err))
            return true;
        if (!again || !call_pause(call, AGAIN_MS, client->path, err))
            return false;
    }
}

static void row_changed(void *ctx, int op, const char *db, const char *table, sqlite3_int64 rowid)
{
    struct sqlite_conn *conn = ctx;
    if (op == SQLITE_INSERT)
        return;
    if (!conn->changed.table[0]) {
        snprintf(conn->changed.table, sizeof conn->changed.table, "%s", table);
        conn->changed.rowid = rowid;
    } else if (rowid != conn->changed.rowid ||
               strncmp(table, conn->changed.table, sizeof conn->changed.table - 1) != 0) {
        conn->changed.others = true;
    }
}

bool sqlite_write_begin(struct sqlite_client *client, int64_t lock_wait_ms, const struct call *call,
                        struct sqlite_conn *ret, struct err *err)
{
    struct sqlite_sides before;
    struct sbuf uri = SBUF_INIT;
    if (!client->writable)
        return err_set(err, ERR_REFUSED, "%s: opened read-only", client->path);
    if (!call_check(call, client->path, err) || !resolve(client, err))
        return false;
    sqlite_sides_take(client->real, &before);
    sqlite_uri(&uri, client->real, "mode=rw");
    *ret = (struct sqlite_conn){
        .path = client->path, .call = call, .busy_until_ms = clock_monotonic_ms() + lock_wait_ms};
    int rc =
        sqlite3_open_v2(sbuf_view(&uri).ptr, &ret->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE, NULL);
    sbuf_release(&uri);
    if (rc != SQLITE_OK) {
        sqlite_fail(ret, client->path, err);
        sqlite_conn_close(ret);
        return false;
    }
    set_handlers(ret);
    sqlite3_update_hook(ret->db, row_changed, ret);
    sqlite3_wal_autocheckpoint(ret->db, 0);
    /* See the header: what we find is left as it is, what we make is taken away again. */
    if (before.wal.there && before.shm.there)
        sqlite3_db_config(ret->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(ret->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    bool ok = sqlite3_db_readonly(ret->db, "main") == 0 ||
              err_set(err, ERR_DENIED, "%s: the file cannot be written", client->path);
    ok = ok && sqlite_exec(ret, "PRAGMA synchronous = FULL", NULL, 0, NULL, err) &&
         sqlite_exec(ret, "BEGIN IMMEDIATE", NULL, 0, NULL, err);
    if (!ok) {
        sqlite_conn_close(ret);
        return false;
    }
    ret->in_transaction = true;
    return true;
}

bool sqlite_commit(struct sqlite_conn *conn, struct err *err)
{
    assert(conn->in_transaction);
    if (!sqlite_exec(conn, "COMMIT", NULL, 0, NULL, err))
        return false;
    conn->in_transaction = false;
    return true;
}

bool sqlite_commit_item(struct sqlite_conn *conn, bool ok, struct commit_item *item,
                        struct err *err)
{
    if (!ok || item->outcome != OUTCOME_APPLIED || sqlite_commit(conn, err))
        return ok;
    return commit_failed(item, err);
}

void sqlite_conn_close(struct sqlite_conn *conn)
{
    if (!conn->db)
        return;
    /* The end of a call must not stop the clean-up. */
    sqlite3_progress_handler(conn->db, 0, NULL, NULL);
    if (conn->in_transaction)
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    int rc = sqlite3_close(conn->db);
    assert(rc == SQLITE_OK); /* a statement was left open */
    (void)rc;
    conn->db = NULL;
    conn->in_transaction = false;
}

/* --- statements ----------------------------------------------------------------------------- */

bool sqlite_prepare(struct sqlite_conn *conn, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    if (sqlite3_prepare_v2(conn->db, sql, -1, ret, NULL) == SQLITE_OK)
        return true;
    return sqlite_fail(conn, conn->path, err);
}

void sqlite_bind(sqlite3_stmt *stmt, int i, struct str text)
{
    int rc = text.ptr ? sqlite3_bind_text64(stmt, i, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8)
                      : sqlite3_bind_null(stmt, i);
    assert(rc == SQLITE_OK || rc == SQLITE_TOOBIG || rc == SQLITE_NOMEM);
    (void)rc;
}

bool sqlite_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, bool *ret_row, struct err *err)
{
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sqlite_fail(conn, conn->path, err);
    *ret_row = rc == SQLITE_ROW;
    return true;
}

/* Is it the row which this INSERT added? */
static bool is_inserted(struct sqlite_conn *conn, const char *sql)
{
    const char *into = strstr(sql, " INTO "), *table = conn->changed.table;
    size_t len = strlen(table);
    if (!into || conn->changed.rowid != sqlite3_last_insert_rowid(conn->db))
        return false;
    into += strlen(" INTO ");
    into += *into == '"';
    return sqlite3_strnicmp(into, table, (int)len) == 0 && (into[len] == ' ' || into[len] == '"');
}

static bool changed_others(struct sqlite_conn *conn, const char *sql)
{
    if (!conn->changed.table[0] || sqlite3_changes(conn->db) > 1)
        return false;
    /* An upsert may have changed the row that was there: only what came beside it is seen. */
    bool inserts = strncmp(sql, "INSERT", strlen("INSERT")) == 0 && !strstr(sql, "ON CONFLICT");
    return conn->changed.others || (inserts && !is_inserted(conn, sql));
}

bool sqlite_exec(struct sqlite_conn *conn, const char *sql, const struct str *params, int n,
                 int64_t *ret_changed, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(conn, sql, &stmt, err))
        return false;
    for (int i = 0; i < n; i++)
        sqlite_bind(stmt, i + 1, params[i]);
    bool row = true;
    memset(&conn->changed, 0, sizeof conn->changed);
    while (row) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
    }
    /* A trigger may change the row itself: its moment, say. */
    if (changed_others(conn, sql))
        return err_set(err, ERR_REFUSED,
                       "a trigger of the database changes or removes other rows, too: no undo "
                       "could bring them back");
    if (ret_changed)
        *ret_changed = sqlite3_changes(conn->db);
    return true;
}

struct str sqlite_text(struct arena *arena, sqlite3_stmt *stmt, int column)
{
    const void *text = sqlite3_column_text(stmt, column);
    if (!text)
        return STR_NULL;
    return arena_str(arena, (struct str){text, (size_t)sqlite3_column_bytes(stmt, column)});
}

/* --- cells and columns ---------------------------------------------------------------------- */

static void blob_clear(sqlite3_blob **blob)
{
    sqlite3_blob_close(*blob);
}

static bool cell_type(struct sqlite_conn *conn, const char *table, const char *column,
                      int64_t rowid, struct sqlite_cell *ret, bool *ret_text, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    char sql[256];
    bool row;
    /* typeof() alone does not load what is on overflow pages. */
    snprintf(sql, sizeof sql, "SELECT typeof(\"%s\") FROM \"%s\" WHERE _rowid_ = ?1", column,
             table);
    if (!sqlite_prepare(conn, sql, &stmt, err))
        return false;
    sqlite3_bind_int64(stmt, 1, rowid);
    if (!sqlite_step(conn, stmt, &row, err))
        return false;
    if (!row)
        return err_set(err, ERR_CONFLICT, "%s: the row has gone", table);
    const char *type = (const char *)sqlite3_column_text(stmt, 0);
    ret->is_null = strcmp(type, "null") == 0;
    ret->is_blob = strcmp(type, "blob") == 0;
    *ret_text = ret->is_blob || strcmp(type, "text") == 0;
    return true;
}

bool sqlite_cell_read(struct sqlite_conn *conn, const char *table, const char *column,
                      int64_t rowid, size_t limit, struct arena *arena, struct sqlite_cell *ret,
                      struct err *err)
{
    CLEANUP(blob_clear) sqlite3_blob *blob = NULL;
    struct sqlite_cell cell = {0};
    bool text;
    if (!cell_type(conn, table, column, rowid, &cell, &text, err))
        return false;
    if (cell.is_null) {
        *ret = cell;
        return true;
    }
    if (!text)
        return err_set(err, ERR_CORRUPT, "%s: holds a number instead of a text", column);
    if (sqlite3_blob_open(conn->db, "main", table, column, rowid, 0, &blob) != SQLITE_OK)
        return sqlite_fail(conn, column, err);
    cell.bytes = (uint64_t)sqlite3_blob_bytes(blob);
    size_t n = cell.bytes < limit ? (size_t)cell.bytes : limit;
    if (limit) {
        char *p = arena_try_alloc(arena, n + 1);
        if (!p)
            return err_set(err, ERR_CORRUPT, "%s: %llu bytes are more than may be read", column,
                           (unsigned long long)cell.bytes);
        if (sqlite3_blob_read(blob, p, (int)n, 0) != SQLITE_OK)
            return sqlite_fail(conn, column, err);
        p[n] = '\0';
        cell.value = (struct str){p, n};
    }
    *ret = cell;
    return true;
}

bool sqlite_rowid_check(struct sqlite_conn *conn, const char *table, struct err *err)
{
    static const char *const hides_it[] = {"_rowid_"};
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    char sql[256];
    unsigned hidden;
    snprintf(sql, sizeof sql, "SELECT _rowid_ FROM \"%s\"", table);
    if (!sqlite_columns(conn, table, hides_it, 1, &hidden, err))
        return false;
    if (!hidden && sqlite_prepare(conn, sql, &stmt, NULL))
        return true;
    return err_set(
        err, ERR_UNSUPPORTED,
        "the table %s has no rowid (it is WITHOUT ROWID, or a column hides it): its rows "
        "cannot be read",
        table);
}

bool sqlite_columns(struct sqlite_conn *conn, const char *table, const char *const *names, size_t n,
                    unsigned *ret, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    unsigned found = 0;
    if (!sqlite_prepare(conn,
                        "SELECT i.name FROM pragma_table_info(?1) i"
                        " WHERE EXISTS (SELECT 1 FROM sqlite_master"
                        "   WHERE type = 'table' AND name = ?1 COLLATE NOCASE)",
                        &stmt, err))
        return false;
    sqlite_bind(stmt, 1, str_of(table));
    for (bool row = true;;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            break;
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        for (size_t i = 0; i < n; i++) {
            if (sqlite3_stricmp(name, names[i]) == 0)
                found |= 1u << i;
        }
    }
    *ret = found;
    return true;
}
