/* Meltano's system database in Postgres (formats/meltano.md 3). Tables are found by the search path
 * of the address, as Meltano finds them. Times are naive timestamps; they travel as ISO texts,
 * which every DateStyle reads back exactly. */
#include "backends/postgres/meltano_systemdb.h"
#include "backends/postgres/layouts.h"
#include "backends/postgres/meltano_state.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_SQL(column) "to_json(" column ") #>> '{}'"
/* The columns of `runs` in the order of enum systemdb_run_column; a payload may be 20 MB, so each
 * statement says what it wants of it. */
#define RUN_COLUMNS_SQL(payload)                                                                   \
    "r.id::text, r.job_name, r.state, " TIME_SQL("r.started_at") ", " TIME_SQL(                    \
        "r.ended_at") ", " payload ", r.payload_flags::text, r.run_id::text, r.\"trigger\","       \
                      " " TIME_SQL("r.last_heartbeat_at")

struct systemdb_store {
    struct pg_state_store state; /* first, so that the pointers convert */
    struct systemdb_schema schema;
};

static struct systemdb_store *systemdb(struct store *store)
{
    return (struct systemdb_store *)store;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool systemdb_detect(const struct layout *layout, const struct address *address,
                            const struct call *call, struct err *err)
{
    struct arena a = ARENA_INIT;
    struct pg_systemdb found;
    struct pg_client *client = NULL;
    bool ok = pg_client_open(address->url, false, call, &client, err) &&
              pg_systemdb_look(client, false, call, &a, &found, err) && found.is_systemdb;
    pg_client_close(client);
    arena_release(&a);
    return ok;
}

static bool look(struct pg_client *client, bool writable, const struct call *call,
                 struct arena *arena, struct pg_systemdb *ret, struct err *err)
{
    return writable ? pg_systemdb_look(client, true, call, arena, ret, err)
                    : pg_systemdb_look_to_read(client, call, arena, ret, err);
}

static bool systemdb_open(const struct layout *layout, const struct address *address,
                          const struct store_opts *opts, const struct call *call,
                          struct store **ret, struct err *err)
{
    struct systemdb_store *s = xcalloc(1, sizeof *s);
    struct store *base = &s->state.base;
    store_init(base, layout, address, opts);
    pg_state_table_init(&s->state, "state", false);
    struct pg_systemdb found;
    if (!pg_client_open_for(base, address, call, &s->state.client, err) ||
        !look(s->state.client, opts->writable, call, &base->arena, &found, err) ||
        !pg_systemdb_judge(&found, base, err)) {
        pg_state_close(base);
        return false;
    }
    s->schema = found.schema;
    *ret = base;
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

static void run_columns(struct arena *arena, const PGresult *res, int row, struct systemdb_run *ret)
{
    for (int i = 0; i < RUN_COLUMNS; i++)
        ret->columns[i] = pg_copy(arena, res, row, i);
}

static bool run_query(void *ctx, const char *sql, const struct str *params, size_t n,
                      struct arena *arena, bool *ret_found, struct systemdb_run *ret,
                      struct err *err)
{
    const struct pg_state_tx *tx = ctx;
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_query(tx->store->client, sql, params, n, tx->call, &res, err))
        return false;
    *ret_found = PQntuples(res) == 1;
    if (*ret_found)
        run_columns(arena, res, 0, ret);
    return true;
}

#define RUN_WHERE(condition) "select " RUN_COLUMNS_SQL("r.payload") " from runs r where " condition

static bool run_get(void *ctx, struct str id, struct arena *arena, bool *ret_found,
                    struct systemdb_run *ret, struct err *err)
{
    return run_query(ctx, RUN_WHERE("r.id = $1"), &id, 1, arena, ret_found, ret, err);
}

static bool run_find(void *ctx, struct str state_id, struct str run_id, struct arena *arena,
                     bool *ret_found, struct systemdb_run *ret, struct err *err)
{
    const struct str params[] = {state_id, run_id};
    return run_query(ctx, RUN_WHERE("r.job_name = $1 and r.run_id = $2 and r.state = 'STATE_EDIT'"),
                     params, 2, arena, ret_found, ret, err);
}

static bool run_insert(void *ctx, const struct systemdb_run *run, struct arena *arena,
                       struct str *ret_id, struct err *err)
{
    const struct pg_state_tx *tx = ctx;
    CLEANUP_PGRESULT PGresult *res = NULL;
    bool keeps_id = run->columns[RUN_ID].ptr;
    /* The id is the first column: without one it is the sequence's to give. */
    const char *sql = keeps_id
                          ? "insert into runs (id, job_name, state, started_at, ended_at, payload,"
                            " payload_flags, run_id, \"trigger\", last_heartbeat_at)"
                            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id"
                          : "insert into runs (job_name, state, started_at, ended_at, payload,"
                            " payload_flags, run_id, \"trigger\", last_heartbeat_at)"
                            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id";
    if (!pg_query(tx->store->client, sql, run->columns + !keeps_id, RUN_COLUMNS - !keeps_id,
                  tx->call, &res, err))
        return false;
    *ret_id = pg_copy(arena, res, 0, 0);
    return true;
}

static bool run_delete(void *ctx, struct str run_id, int64_t *ret_rows, struct err *err)
{
    const struct pg_state_tx *tx = ctx;
    return pg_exec(tx->store->client, "delete from runs where id = $1", &run_id, 1, tx->call,
                   ret_rows, err);
}

static const struct systemdb_engine engine = {
    PG_STATE_ROW_FUNCTIONS,   .run_get = run_get,       .run_find = run_find,
    .run_insert = run_insert, .run_delete = run_delete,
};

static bool systemdb_commit_item(struct store *store, struct commit_item *item,
                                 const struct call *call, struct arena *arena, struct err *err)
{
    return pg_state_commit(store, &engine, item, call, arena, err);
}

/* --- runs ------------------------------------------------------------------------------------ */

/* Who only reads comes to know the columns of `runs` when it first asks for them. */
static bool runs_look(struct systemdb_store *s, const struct call *call, struct arena *arena,
                      bool *ret_readable, struct err *err)
{
    struct pg_systemdb found = {.schema = s->schema};
    if (!s->schema.run_columns &&
        !pg_systemdb_look(s->state.client, false, call, arena, &found, err))
        return false;
    s->schema.run_columns = found.schema.run_columns;
    *ret_readable = systemdb_runs_readable(&s->schema);
    return true;
}

static bool systemdb_activity(struct store *store, const struct str *ids, size_t n,
                              const struct call *call, struct arena *arena, struct activity *ret,
                              struct err *err)
{
    struct systemdb_store *s = systemdb(store);
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str wanted = pg_array(arena, ids, n), why = STR_NULL;
    int64_t now_us = clock_now_us();
    struct err local = {0};
    bool readable;
    if (!runs_look(s, call, arena, &readable, err))
        return false;
    if (!readable)
        why = STR("the table runs is not as this version knows it");
    else if (!pg_read(s->state.client,
                      "select " RUN_COLUMNS_SQL("null") ", " PG_TIME_US(
                          "clock_timestamp()") " from runs r where r.state = 'RUNNING'"
                                               " and r.job_name = any($1::varchar[])",
                      &wanted, 1, call, &res, &local)) {
        if (local.kind != ERR_DENIED) {
            if (err)
                *err = local;
            return false;
        }
        why = arena_str(arena, str_of(local.text));
    }
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct activity){.sight = why.ptr ? ACTIVITY_BLIND : ACTIVITY_NONE,
                                   .started_at_us = TIME_UNKNOWN,
                                   .heartbeat_at_us = TIME_UNKNOWN,
                                   .why = why};
    }
    for (int row = 0; res && row < PQntuples(res); row++) {
        struct systemdb_run run;
        int64_t server_us = pg_i64(res, row, RUN_COLUMNS, now_us);
        /* Heartbeats are by the clock of the run's host. Ours or the server's may be ahead of it:
         * a run is dead only when it is by both. */
        if (server_us < now_us)
            now_us = server_us;
        run_columns(arena, res, row, &run);
        for (size_t i = 0; i < n; i++) {
            if (str_eq(ids[i], run.columns[RUN_JOB_NAME]))
                systemdb_activity_add(&ret[i], &run, now_us, arena);
        }
    }
    return true;
}

static bool systemdb_facts_read(struct store *store, const struct str *ids, size_t n,
                                const struct call *call, struct arena *arena,
                                const struct value **ret, struct err *err)
{
    /* One pass over `runs`, which has no index on job_name, whatever the number of ids. */
    static const char sql[] = "select " RUN_COLUMNS_SQL(
        "case when octet_length(r.payload) <= $2::int8 then r.payload "
        "end") ", octet_length(r.payload)"
               " from runs r join (select id, row_number() over (partition by job_name order by id "
               "desc)"
               " as n from runs where job_name = any($1::varchar[])) x on x.id = r.id"
               " where x.n <= $3::int8 order by r.id desc";
    struct systemdb_store *s = systemdb(store);
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str params[] = {pg_array(arena, ids, n),
                           arena_printf(arena, "%d", SYSTEMDB_PAYLOAD_LIMIT),
                           arena_printf(arena, "%d", SYSTEMDB_HISTORY)};
    bool readable;
    if (!runs_look(s, call, arena, &readable, err))
        return false;
    if (readable && !pg_read(s->state.client, sql, params, 3, call, &res, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct value *runs[SYSTEMDB_HISTORY];
        size_t nruns = 0;
        for (int row = 0; res && row < PQntuples(res) && nruns < SYSTEMDB_HISTORY; row++) {
            if (!str_eq(pg_str(res, row, RUN_JOB_NAME), ids[i]))
                continue;
            struct systemdb_run run;
            run_columns(arena, res, row, &run);
            runs[nruns++] = systemdb_run_fact(arena, &run, pg_i64(res, row, RUN_COLUMNS, 0));
        }
        ret[i] = readable ? systemdb_facts(arena, runs, nruns) : value_empty_dict(arena);
    }
    return true;
}

const struct layout postgres_meltano_systemdb = {
    .system = "meltano",
    .backend = "postgres",
    .name = "systemdb",
    .native = true,
    .detect = systemdb_detect,
    .open = systemdb_open,
    .close = pg_state_close,
    PG_STATE_FUNCTIONS,
    .commit = systemdb_commit_item,
    .keeps_notes = true,
    .activity = systemdb_activity,
    .facts = systemdb_facts_read,
};
