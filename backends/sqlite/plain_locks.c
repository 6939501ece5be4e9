#include "backends/sqlite/plain.h"

#include "core/base/cleanup.h"

enum { POLL_MS = 100 };

/* The lock on a record, ptr NULL for none; also one whose time is over. */
static bool lock_read(struct sqlite_conn *conn, const struct plain_store *s, struct str id,
                      struct arena *arena, struct str *ret, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    bool row;
    *ret = STR_NULL;
    if (!sqlite_prepare(conn, "SELECT lock FROM penstock_locks WHERE key = ?1", &stmt, err))
        return false;
    struct str key = sqlite_plain_key(s, id, arena);
    sqlite_bind(stmt, 1, key);
    if (!sqlite_step(conn, stmt, &row, err))
        return false;
    if (row)
        *ret = sqlite_text(arena, stmt, 0);
    return true;
}

/* ERR_LOCKED while somebody's lock on the record has not ended. What is none of a lock blocks too.
 */
static bool lock_absent(struct sqlite_conn *conn, const struct plain_store *s, struct str id,
                        struct arena *arena, struct err *err)
{
    struct str text;
    if (!lock_read(conn, s, id, arena, &text, err))
        return false;
    if (!text.ptr)
        return true;
    const struct lock *lock =
        plain_lock_row(arena, id, text, s->base.opts.operator_name, TIME_UNKNOWN, clock_now_us());
    if (lock->verdict == LOCK_STALE)
        return true;
    err_set(err, ERR_LOCKED, "%.*s is locked by %.*s", STR_ARG(id),
            STR_ARG(lock->holder.ptr ? lock->holder : STR("somebody unknown")));
    if (lock->verdict == LOCK_LIVE)
        return err_hint(err, "it ends by itself %.*s", STR_ARG(lock->frees_itself));
    return err_hint(err, "`lock show` tells more, `lock break` ends it");
}

bool sqlite_plain_begin(struct plain_store *s, struct str id, const struct call *call,
                        struct arena *arena, struct sqlite_conn *conn, struct err *err)
{
    int64_t until_ms = clock_monotonic_ms() + s->base.opts.lock_wait_ms;
    for (;;) {
        struct err why = {0};
        if (!sqlite_write_begin(s->client, s->base.opts.lock_wait_ms, call, conn, err))
            return false;
        if (lock_absent(conn, s, id, arena, &why))
            return true;
        sqlite_conn_close(conn);
        if (why.kind != ERR_LOCKED || clock_monotonic_ms() >= until_ms) {
            *err = why;
            return false;
        }
        if (!call_pause(call, POLL_MS, "waiting for the lock", err))
            return false;
    }
}

struct listing {
    const struct plain_store *store;
    const struct str *ids;
    size_t n;
    struct arena *arena;
    struct lock **ret;
};

static bool locks_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    const struct listing *l = ctx;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    struct lock **end = l->ret;
    *end = NULL;
    if (!sqlite_prepare(conn, "SELECT key, lock FROM penstock_locks WHERE key GLOB ?1 ORDER BY key",
                        &stmt, err))
        return false;
    sqlite_bind(stmt, 1, str_of(l->store->records.glob));
    for (bool row;;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            return true;
        struct str id = sqlite_plain_id(l->store, sqlite_text(l->arena, stmt, 0));
        bool wanted = !l->n;
        for (size_t i = 0; i < l->n && !wanted; i++)
            wanted = str_eq(l->ids[i], id);
        if (!wanted)
            continue;
        *end = plain_lock_row(l->arena, id, sqlite_text(l->arena, stmt, 1),
                              l->store->base.opts.operator_name, TIME_UNKNOWN, clock_now_us());
        end = &(*end)->next;
    }
}

bool sqlite_plain_locks(struct store *store, const struct str *ids, size_t n,
                        const struct call *call, struct arena *arena, struct lock **ret,
                        struct err *err)
{
    struct listing l = {sqlite_plain(store), ids, n, arena, ret};
    return sqlite_read(sqlite_plain(store)->client, call, locks_read, &l, err);
}

bool sqlite_plain_lock_hold(struct store *store, struct str id, int64_t seconds,
                            const struct call *call, struct str *ret_token, struct arena *arena,
                            struct err *err)
{
    struct plain_store *s = sqlite_plain(store);
    CLEANUP(sqlite_conn_close) struct sqlite_conn conn = {0};
    if (!sqlite_plain_begin(s, id, call, arena, &conn, err))
        return false;
    int64_t now_us = clock_now_us();
    struct str params[] = {
        sqlite_plain_key(s, id, arena),
        plain_lock_print(arena, s->base.opts.operator_name, now_us, now_us + seconds * 1000000)};
    *ret_token = params[1];
    return sqlite_exec(&conn, "INSERT OR REPLACE INTO penstock_locks (key, lock) VALUES (?1, ?2)",
                       params, 2, NULL, err) &&
           sqlite_commit(&conn, err);
}

bool sqlite_plain_lock_remove(struct plain_store *s, struct str id, struct str text,
                              const struct call *call, struct arena *arena, bool *ret_gone,
                              struct err *err)
{
    /* A program may have bound its text as a BLOB, which equals no text. */
    static const char sql[] = "DELETE FROM penstock_locks WHERE key = ?1"
                              " AND CAST(lock AS BLOB) = CAST(?2 AS BLOB)";
    CLEANUP(sqlite_conn_close) struct sqlite_conn conn = {0};
    struct str params[] = {sqlite_plain_key(s, id, arena), text};
    int64_t rows = 0;
    bool ok = sqlite_write_begin(s->client, s->base.opts.lock_wait_ms, call, &conn, err) &&
              sqlite_exec(&conn, sql, params, 2, &rows, err) && sqlite_commit(&conn, err);
    *ret_gone = rows == 1;
    return ok;
}

bool sqlite_plain_lock_release(struct store *store, struct str id, struct str token,
                               const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    bool ours = false;
    bool ok = sqlite_plain_lock_remove(sqlite_plain(store), id, token, call, &arena, &ours, err);
    arena_release(&arena);
    return ok && (ours || err_set(err, ERR_CONFLICT, "the lock of %.*s had ended or was taken over",
                                  STR_ARG(id)));
}
