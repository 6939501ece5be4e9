/* Meltano's states in the tables of meltano-state-backend-postgresql (formats/meltano.md 6.1): the
 * table of the system database without the rest of it. table= names another, schema= its schema. */
#include "backends/meltano_runs.h"
#include "backends/postgres/layouts.h"
#include "backends/postgres/meltano_state.h"
#include "core/base/mem.h"

#include <string.h>

/* --- the table ------------------------------------------------------------------------------- */

struct found {
    struct str table; /* as SQL; ptr NULL: none */
    bool writes;
    bool has_runs; /* beside a `runs` table it is the system database's */
};

/* $1: the table's name, $2: its schema or NULL. */
static const char table_sql[] =
    "select c.oid::regclass::text, has_table_privilege(c.oid, 'insert') and"
    " has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'),"
    " to_regclass(quote_ident(n.nspname) || '.runs') is not null"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and c.relname = $1 and"
    " case when $2::text is null then pg_table_is_visible(c.oid) else n.nspname = $2 end and"
    " (select count(*) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0"
    " and not a.attisdropped and a.attname in"
    " ('state_id', 'completed_state', 'partial_state', 'updated_at')) = 4 limit 1";

static bool table_find(struct pg_client *client, const struct address *address,
                       const struct call *call, struct arena *arena, struct found *ret,
                       struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    const char *table = address_param(address, "table");
    struct str params[] = {str_of(table ? table : "state"),
                           str_of(address_param(address, "schema"))};
    if (!pg_read(client, table_sql, params, 2, call, &res, err))
        return false;
    if (PQntuples(res) == 0) {
        err_set(err, ERR_NOT_FOUND, "there is no table %.*s of states in this database",
                STR_ARG(params[0]));
        return err_hint(err, "table= and schema= say where meltano-state-backend-postgresql keeps "
                             "them");
    }
    ret->table = pg_copy(arena, res, 0, 0);
    ret->writes = pg_bool(res, 0, 1);
    ret->has_runs = pg_bool(res, 0, 2);
    return true;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool plugin_detect(const struct layout *layout, const struct address *address,
                          const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct pg_client *client = NULL;
    struct found found;
    struct err none = {0};
    bool ok = pg_client_open(address->url, false, call, &client, err) &&
              table_find(client, address, call, &arena, &found, &none) &&
              (address->layout || !found.has_runs);
    pg_client_close(client);
    arena_release(&arena);
    return ok;
}

static void info_fill(struct pg_state_store *s, const struct found *found)
{
    struct store_info *info = &s->base.info;
    info->layout_version =
        arena_printf(&s->base.arena, "state-backend-postgresql, table %.*s", STR_ARG(found->table));
    info->note = STR("updated_at is the server's wall clock, without a zone");
    if (!found->writes)
        store_read_only(&s->base, STR("this role may not write the table"));
    info->rights = info->writable ? STR("reads and writes states") : STR("reads states");
}

static bool plugin_open(const struct layout *layout, const struct address *address,
                        const struct store_opts *opts, const struct call *call, struct store **ret,
                        struct err *err)
{
    struct pg_state_store *s = xcalloc(1, sizeof *s);
    struct found found;
    store_init(&s->base, layout, address, opts);
    if (!pg_client_open_for(&s->base, address, call, &s->client, err) ||
        !table_find(s->client, address, call, &s->base.arena, &found, err) ||
        !meltano_runs_open(&s->base, address, call, err)) {
        pg_state_close(&s->base);
        return false;
    }
    pg_state_table_init(s, found.table.ptr, true);
    info_fill(s, &found);
    *ret = &s->base;
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

/* CURRENT_TIMESTAMP as the column takes it: the session's time zone, none kept. */
static bool now_text(void *ctx, struct arena *arena, struct str *ret, struct err *err)
{
    const struct pg_state_tx *tx = ctx;
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_query(tx->store->client, "select to_json(localtimestamp) #>> '{}'", NULL, 0, tx->call,
                  &res, err))
        return false;
    *ret = pg_copy(arena, res, 0, 0);
    return true;
}

static const struct systemdb_engine engine = {PG_STATE_ROW_FUNCTIONS, .now = now_text};

static bool plugin_commit(struct store *store, struct commit_item *item, const struct call *call,
                          struct arena *arena, struct err *err)
{
    return pg_state_commit(store, &engine, item, call, arena, err);
}

/* --- locks ----------------------------------------------------------------------------------- */

/* The advisory locks whose key is that of a state: the first 16 digits of its MD5 (6.1). $1: ids,
 * or NULL for all. */
static const char locks_of_sql[] =
    "with k as (select state_id, md5(convert_to(state_id, 'UTF8')) as h from ";
static const char locks_sql[] =
    " where $1::text[] is null or state_id = any($1::text[]))"
    " select k.state_id, l.pid::text, coalesce(nullif(a.application_name, ''), '?') ||"
    " coalesce(' as ' || a.usename, '') || coalesce(' at ' || host(a.client_addr), ''),"
    " a.state, " PG_TIME_US(
        "a.state_change") ","
                          " (select count(*) from pg_locks w where not w.granted and w.locktype = "
                          "'advisory'"
                          " and w.database = l.database and w.classid = l.classid and w.objid = "
                          "l.objid)"
                          " from pg_locks l join k on l.classid::int8 = ('x' || substr(k.h, 1, "
                          "8))::bit(32)::int8"
                          " and l.objid::int8 = ('x' || substr(k.h, 9, 8))::bit(32)::int8"
                          " left join pg_stat_activity a on a.pid = l.pid"
                          " where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and "
                          "l.database ="
                          " (select oid from pg_database where datname = current_database()) order "
                          "by 1";

static struct lock *lock_of(struct arena *arena, const PGresult *res, int row)
{
    struct lock *lock = arena_new(arena, struct lock);
    struct str pid = pg_str(res, row, 1), who = pg_str(res, row, 2), state = pg_str(res, row, 3);
    int64_t changed_us = pg_i64(res, row, 4, TIME_UNKNOWN);
    struct str idle = changed_us == TIME_UNKNOWN
                          ? STR("")
                          : arena_printf(arena, ", %.*s for %.*s", STR_ARG(state),
                                         STR_ARG(time_span(arena, clock_now_us() - changed_us)));
    lock->object = pg_copy(arena, res, row, 0);
    lock->holder = arena_printf(arena, "session %.*s: %.*s", STR_ARG(pid), STR_ARG(who));
    lock->taken_at_us = TIME_UNKNOWN;
    lock->expires_at_us = TIME_NEVER;
    lock->frees_itself = STR("when its session ends");
    lock->waiters = pg_i64(res, row, 5, -1);
    lock->verdict = LOCK_LIVE;
    lock->evidence =
        arena_printf(arena, "the server keeps it for a session that is there%.*s", STR_ARG(idle));
    lock->token = pg_copy(arena, res, row, 1);
    return lock;
}

static bool plugin_locks(struct store *store, const struct str *ids, size_t n,
                         const struct call *call, struct arena *arena, struct lock **ret,
                         struct err *err)
{
    struct pg_state_store *s = (struct pg_state_store *)store;
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

/* A run takes the lock for each write alone: a free one says nothing of runs, a held one is waited
 * for like any other. */
static bool plugin_activity(struct store *store, const struct str *ids, size_t n,
                            const struct call *call, struct arena *arena, struct activity *ret,
                            struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct activity){.sight = ACTIVITY_BLIND,
                                   .started_at_us = TIME_UNKNOWN,
                                   .heartbeat_at_us = TIME_UNKNOWN,
                                   .why = STR("the runs are in the project's system database")};
    return true;
}

static const char *const params[] = {"table", "schema", NULL};

const struct layout postgres_meltano_plugin = {
    .system = "meltano",
    .backend = "postgres",
    .name = "plugin",
    .native = true,
    .params = params,
    .detect = plugin_detect,
    .open = plugin_open,
    PG_STATE_FUNCTIONS,
    .commit = plugin_commit,
    .locks = plugin_locks,
    .activity = plugin_activity,
};
