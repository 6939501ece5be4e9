/* Meltano's states in the tables of meltano-state-backend-postgresql (formats/meltano.md 6.1): the
 * table of the system database without the rest of it. table= names another, schema= its schema. */
#include "backends/postgres/meltano_plugin.h"
#include "backends/meltano_runs.h"
#include "backends/postgres/layouts.h"
#include "core/base/mem.h"

#include <string.h>

/* --- the table ------------------------------------------------------------------------------- */

struct found {
    struct str table;   /* as SQL; ptr NULL: none */
    struct str no_text; /* a column that should be text; ptr NULL: none */
    bool writes;
    bool has_runs; /* beside a `runs` table it is the system database's */
};

/* $1: the table's name, $2: its schema or NULL. */
static const char table_sql[] =
    "select c.oid::regclass::text, has_table_privilege(c.oid, 'insert') and"
    " has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'),"
    " to_regclass(quote_ident(n.nspname) || '.runs') is not null, " PG_NO_TEXT_SQL(
        "c.oid",
        "'state_id', 'completed_state', 'partial_state'") " from pg_class c join pg_namespace n on "
                                                          "n.oid = c.relnamespace"
                                                          " where c.relkind in ('r', 'p') and "
                                                          "c.relname = $1 and"
                                                          " case when $2::text is null then "
                                                          "pg_table_is_visible(c.oid) else "
                                                          "n.nspname = $2 end and"
                                                          " (select count(*) from pg_attribute a "
                                                          "where a.attrelid = c.oid and a.attnum > "
                                                          "0"
                                                          " and not a.attisdropped and a.attname in"
                                                          " ('state_id', 'completed_state', "
                                                          "'partial_state', 'updated_at')) = 4 "
                                                          "limit 1";

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
    ret->no_text = pg_copy(arena, res, 0, 3);
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
    struct plugin_store *plugin = xcalloc(1, sizeof *plugin);
    struct pg_state_store *s = &plugin->state;
    struct found found;
    store_init(&s->base, layout, address, opts);
    plugin->url = arena_cstr(&s->base.arena, str_of(address->url));
    if (!pg_client_open_for(&s->base, address, call, &s->client, err) ||
        !table_find(s->client, address, call, &s->base.arena, &found, err) ||
        !pg_keyed_check_texts(found.table, found.no_text, err) ||
        !meltano_runs_open(&s->base, address, call, err)) {
        pg_state_close(&s->base);
        return false;
    }
    pg_state_table_init(s, found.table.ptr, true);
    info_fill(s, &found);
    *ret = &s->base;
    return true;
}

static void plugin_close(struct store *store)
{
    pg_client_close(((struct plugin_store *)store)->hold);
    pg_state_close(store);
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
    if (item->kind == EDIT_BREAK)
        return plugin_break(store, item, call, arena, err);
    return pg_state_commit(store, &engine, item, call, arena, err);
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
    .close = plugin_close,
    .commit = plugin_commit,
    .locks = plugin_locks,
    .lock_hold = plugin_lock_hold,
    .lock_release = plugin_lock_release,
    .breaks_locks = true,
    .activity = plugin_activity,
};
