/* The locks of meltano-state-backend-postgresql: advisory locks of its sessions, one write each
 * (formats/meltano.md 6.1). One is held in an open transaction of a connection of its own, so that
 * it ends with that, through a pooler too. It cannot be taken from another session: breaking it
 * ends that session. */
#include "backends/postgres/meltano_plugin.h"

#include "core/base/clock.h"

#include <string.h>

enum { GONE_POLL_MS = 50, ORPHAN_S = 60, QUERY_SHOWN = 60 };

static struct plugin_store *plugin_of(struct store *store)
{
    return (struct plugin_store *)store;
}

/* --- listing --------------------------------------------------------------------------------- */

/* The advisory locks whose key is that of a state: the first 16 digits of its MD5 (6.1). $1: ids,
 * or NULL for all. */
static const char locks_of_sql[] =
    "with k as (select state_id, md5(convert_to(state_id, 'UTF8')) as h from ";
/* clang-format off */
static const char locks_sql[] =
    " where $1::text[] is null or state_id = any($1::text[]))"
    " select k.state_id, l.pid::text, coalesce(nullif(a.application_name, ''), '?') ||"
    " coalesce(' as ' || a.usename, '') || coalesce(' at ' || host(a.client_addr), ''),"
    " a.state, " PG_TIME_US("a.state_change") ","
    " (select count(*) from pg_locks w where not w.granted and w.locktype = 'advisory'"
    " and w.database = l.database and w.classid = l.classid and w.objid = l.objid),"
    " l.pid::text || ' ' || coalesce(extract(epoch from a.backend_start)::text, ''),"
    " regexp_replace(a.query, '\\s+', ' ', 'g')," PG_TIME_US("clock_timestamp()")
    " from pg_locks l join k on l.classid::int8 = ('x' || substr(k.h, 1, 8))::bit(32)::int8"
    " and l.objid::int8 = ('x' || substr(k.h, 9, 8))::bit(32)::int8"
    " left join pg_stat_activity a on a.pid = l.pid"
    " where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.database ="
    " (select oid from pg_database where datname = current_database()) order by 1";
/* clang-format on */

/* Whom a break would hit, and what goes with the session. */
static struct str effect_of(struct arena *arena, struct str pid, struct str who, struct str query)
{
    struct str shown = query.len > QUERY_SHOWN ? str_sub(query, 0, QUERY_SHOWN) : query;
    return arena_printf(arena,
                        "session %.*s (%.*s) is ended: what it has open is rolled back and all its "
                        "locks go; behind a pooler others may share it%s%.*s%s",
                        STR_ARG(pid), STR_ARG(who), shown.len ? "; its last statement: " : "",
                        STR_ARG(shown), shown.len < query.len ? "…" : "");
}

static struct lock *lock_of(struct arena *arena, const PGresult *res, int row)
{
    struct lock *lock = arena_new(arena, struct lock);
    struct str pid = pg_str(res, row, 1), who = pg_str(res, row, 2), state = pg_str(res, row, 3);
    int64_t changed_us = pg_i64(res, row, 4, TIME_UNKNOWN); /* both by the server's clock */
    int64_t now_us = pg_i64(res, row, 8, clock_now_us());
    bool idle = str_is(state, "idle") && changed_us != TIME_UNKNOWN &&
                now_us - changed_us > ORPHAN_S * INT64_C(1000000);
    struct str since = changed_us == TIME_UNKNOWN
                           ? STR("")
                           : arena_printf(arena, ", %.*s for %.*s", STR_ARG(state),
                                          STR_ARG(time_span(arena, now_us - changed_us)));
    lock->object = pg_copy(arena, res, row, 0);
    lock->holder = arena_printf(arena, "session %.*s: %.*s", STR_ARG(pid), STR_ARG(who));
    lock->taken_at_us = TIME_UNKNOWN;
    lock->expires_at_us = TIME_NEVER;
    lock->frees_itself = STR("when its session ends");
    lock->waiters = pg_i64(res, row, 5, -1);
    lock->verdict = idle ? LOCK_ORPHAN : LOCK_LIVE;
    lock->evidence =
        arena_printf(arena, "the server keeps it for a session that is there%.*s%s", STR_ARG(since),
                     idle ? ": the plug-in holds it for one write, so it was left behind" : "");
    lock->if_broken = effect_of(arena, pid, who, pg_str(res, row, 7));
    lock->token = pg_copy(arena, res, row, 6);
    return lock;
}

bool plugin_locks(struct store *store, const struct str *ids, size_t n, const struct call *call,
                  struct arena *arena, struct lock **ret, struct err *err)
{
    struct pg_state_store *s = &plugin_of(store)->state;
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str wanted = n ? pg_array(arena, ids, n) : STR_NULL;
    struct str sql = arena_printf(arena, "%s%s%s", locks_of_sql, s->table.table, locks_sql);
    if (!pg_read(s->client, sql.ptr, &wanted, 1, call, &res, err))
        return false;
    struct lock **end = ret;
    *ret = NULL;
    for (int row = 0; row < PQntuples(res); row++) {
        *end = lock_of(arena, res, row);
        end = &(*end)->next;
    }
    return true;
}

/* --- holding --------------------------------------------------------------------------------- */

/* The server itself ends the session, and the lock with it, when the time is over. */
static bool take(struct pg_client *client, struct str id, int64_t seconds, int64_t wait_ms,
                 const struct call *call, struct str *ret_token, struct arena *arena,
                 struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    int64_t ms = seconds < INT32_MAX / 1000 ? seconds * 1000 : INT32_MAX;
    struct str param = arena_printf(arena, "%lld", (long long)ms);
    if (!pg_begin(client, PG_WRITE, wait_ms, call, err) ||
        !pg_state_lock(client, id, call, arena, err) ||
        !pg_query(client,
                  "select pg_backend_pid()::text,"
                  " set_config('idle_in_transaction_session_timeout', $1, true)",
                  &param, 1, call, &res, err))
        return false;
    *ret_token = pg_copy(arena, res, 0, 0);
    return true;
}

bool plugin_lock_hold(struct store *store, struct str id, int64_t seconds, const struct call *call,
                      struct str *ret_token, struct arena *arena, struct err *err)
{
    struct plugin_store *s = plugin_of(store);
    if (s->hold)
        return err_set(err, ERR_UNSUPPORTED, "%.*s: one lock is held already", STR_ARG(id));
    if (pg_client_open(s->url, true, call, &s->hold, err) &&
        take(s->hold, id, seconds, store->opts.lock_wait_ms, call, ret_token, arena, err))
        return true;
    pg_client_close(s->hold);
    s->hold = NULL;
    return false;
}

bool plugin_lock_release(struct store *store, struct str id, struct str token,
                         const struct call *call, struct err *err)
{
    struct plugin_store *s = plugin_of(store);
    struct err why = {0};
    (void)token;
    if (!s->hold)
        return err_set(err, ERR_CONFLICT, "%.*s: no lock is held", STR_ARG(id));
    bool ok = pg_end(s->hold, true, call, &why);
    pg_client_close(s->hold);
    s->hold = NULL;
    if (ok)
        return true;
    err_set(err, ERR_CONFLICT, "%.*s: the lock ended before it was given back: %s", STR_ARG(id),
            why.text);
    return err_hint(err, "others may have written meanwhile");
}

/* --- breaking -------------------------------------------------------------------------------- */

/* $1: id, $2: "pid start of the session". No row: it changed hands. */
static const char break_sql[] =
    "with k as (select md5(convert_to($1::text, 'UTF8')) as h)"
    " select pg_terminate_backend(l.pid) from pg_locks l join pg_stat_activity a using (pid), k"
    " where l.locktype = 'advisory' and l.objsubid = 1 and l.granted"
    " and l.classid::int8 = ('x' || substr(k.h, 1, 8))::bit(32)::int8"
    " and l.objid::int8 = ('x' || substr(k.h, 9, 8))::bit(32)::int8"
    " and l.database = (select oid from pg_database where datname = current_database())"
    " and l.pid::text || ' ' || coalesce(extract(epoch from a.backend_start)::text, '') = $2";

/* Until the lock is no more, or another's. */
static bool wait_gone(struct store *store, const struct commit_item *item, const struct call *call,
                      struct arena *arena, struct err *err)
{
    struct lock *lock;
    while (plugin_locks(store, &item->id, 1, call, arena, &lock, err)) {
        if (!lock || !str_eq(lock->token, item->lock_token))
            return true;
        if (!call_pause(call, GONE_POLL_MS, "the end of the session", err))
            return false;
    }
    return false;
}

static bool terminate(struct pg_client *client, const struct commit_item *item,
                      const struct call *call, bool *ret_was_it, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str params[] = {item->id, item->lock_token};
    bool ok = pg_begin(client, PG_WRITE, 0, call, err) &&
              pg_end(client, pg_query(client, break_sql, params, 2, call, &res, err), call, err);
    if (!ok)
        return false;
    *ret_was_it = PQntuples(res) > 0;
    return !*ret_was_it || pg_bool(res, 0, 0) ||
           err_set(err, ERR_REFUSED, "%.*s: the session was not terminated: the server says no",
                   STR_ARG(item->id));
}

bool plugin_break(struct store *store, struct commit_item *item, const struct call *call,
                  struct arena *arena, struct err *err)
{
    struct read_item now;
    bool was_it = false;
    if (!terminate(plugin_of(store)->state.client, item, call, &was_it, err) ||
        (was_it && !wait_gone(store, item, call, arena, err)))
        return commit_failed(item, err);
    if (!pg_state_read(store, &item->id, 1, VALUE_LIMIT, call, arena, &now, err))
        return false;
    return commit_broke(item, was_it, &now.doc);
}
