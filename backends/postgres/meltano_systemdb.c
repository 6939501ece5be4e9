/* Meltano's system database in Postgres (formats/meltano.md 3). Tables are found by the search path
 * of the address, as Meltano finds them. Times are naive timestamps; they travel as ISO texts,
 * which every DateStyle reads back exactly. */
#include "backends/postgres/meltano_systemdb.h"
#include "backends/postgres/keyed.h"
#include "backends/postgres/layouts.h"
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

static const struct pg_keyed state_table = {
    .table = "state",
    .key = "state_id",
    .values = {"completed_state", "partial_state"},
    .notes = {TIME_SQL("updated_at")},
};

struct systemdb_store {
    struct store base;
    struct pg_client *client;
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
              pg_systemdb_look(client, call, &a, &found, err) && found.is_systemdb;
    pg_client_close(client);
    arena_release(&a);
    return ok;
}

static void server_fill(struct systemdb_store *s)
{
    const struct pg_server *server = pg_client_server(s->client);
    struct store_info *info = &s->base.info;
    info->server = arena_str(&s->base.arena, server->text);
    info->version = arena_printf(&s->base.arena, "PostgreSQL %.*s", STR_ARG(server->version));
    info->latency_ms = server->latency_ms;
    info->clock_skew_us = server->clock_skew_us;
}

static void systemdb_close(struct store *store)
{
    struct systemdb_store *s = systemdb(store);
    pg_client_close(s->client);
    arena_release(&s->base.arena);
    free(s);
}

static bool systemdb_open(const struct layout *layout, const struct address *address,
                          const struct store_opts *opts, const struct call *call,
                          struct store **ret, struct err *err)
{
    struct systemdb_store *s = xcalloc(1, sizeof *s);
    store_init(&s->base, layout, address, opts);
    struct pg_systemdb found;
    if (!pg_client_open(address->url, opts->writable, call, &s->client, err) ||
        !pg_systemdb_look(s->client, call, &s->base.arena, &found, err) ||
        !pg_systemdb_judge(&found, pg_client_server(s->client), &s->base, err)) {
        systemdb_close(&s->base);
        return false;
    }
    s->schema = found.schema;
    server_fill(s);
    *ret = &s->base;
    return true;
}

static bool systemdb_probe(struct store *store, const struct call *call, struct err *err)
{
    struct systemdb_store *s = systemdb(store);
    if (!pg_client_ask(s->client, call, err) ||
        !pg_keyed_count(s->client, &state_table, call, &store->info.records, err))
        return false;
    server_fill(s);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------ */

static bool systemdb_scan_open(struct store *store, const struct call *call, void **ret,
                               struct err *err)
{
    struct pg_keyed_scan *scan = xcalloc(1, sizeof *scan);
    *ret = scan;
    return true;
}

static bool systemdb_scan_ids(struct store *store, const struct call *call, void **ret,
                              struct err *err)
{
    struct pg_keyed_scan *scan = xcalloc(1, sizeof *scan);
    scan->keys_alone = true;
    *ret = scan;
    return true;
}

static bool systemdb_scan_next(struct store *store, void *ctx, const struct call *call,
                               struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                               struct err *err)
{
    struct pg_keyed_scan *scan = ctx;
    struct pg_keyed_row *found;
    if (!pg_keyed_scan_next(systemdb(store)->client, &state_table, scan, call, arena, max, &found,
                            ret_n, err))
        return false;
    struct row *rows = arena_array(arena, struct row, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        rows[i] =
            (struct row){.id = found[i].key,
                         .label = found[i].key,
                         .bytes = scan->keys_alone ? -1 : found[i].bytes[0] + found[i].bytes[1],
                         .expires_at_us = TIME_NEVER};
        if (!time_parse(found[i].notes[0], &rows[i].updated_at_us))
            rows[i].updated_at_us = TIME_UNKNOWN;
    }
    *ret = rows;
    return true;
}

static void systemdb_scan_close(struct store *store, void *scan)
{
    pg_keyed_scan_release(scan);
    free(scan);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool systemdb_check_id(struct store *store, struct str id, struct err *err)
{
    return pg_keyed_check_key(id, err);
}

static struct systemdb_row row_of(const struct pg_keyed_row *found)
{
    return (struct systemdb_row){.halves = {found->values[0], found->values[1]},
                                 .updated_at = found->notes[0]};
}

static void document_fill(const struct pg_keyed_row *found, size_t limit, struct arena *arena,
                          struct document *doc)
{
    struct systemdb_row row = row_of(found);
    for (int half = 0; half < SYSTEMDB_HALVES && !doc->truncated; half++) {
        if (found->bytes[half] <= (int64_t)limit)
            continue;
        doc->truncated = true;
        doc->head = str_sub(row.halves[half], 0,
                            row.halves[half].len < limit ? row.halves[half].len : limit);
    }
    if (!doc->truncated) {
        systemdb_document(arena, found->key.ptr ? &row : NULL, doc);
        return;
    }
    doc->bytes = (uint64_t)(found->bytes[0] + found->bytes[1]);
    doc->updated_at_us = TIME_UNKNOWN;
    doc->expires_at_us = TIME_NEVER;
}

static bool systemdb_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                          const struct call *call, struct arena *arena, struct read_item *ret,
                          struct err *err)
{
    struct pg_keyed_row *rows = arena_array(arena, struct pg_keyed_row, n);
    if (!pg_keyed_read(systemdb(store)->client, &state_table, ids, n, limit, call, arena, rows,
                       err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct read_item){.doc = {.id = ids[i], .label = ids[i]}};
        document_fill(&rows[i], limit, arena, &ret[i].doc);
    }
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

struct tx {
    struct pg_client *client;
    const struct call *call;
};

static bool row_get(void *ctx, struct str id, struct arena *arena, bool *ret_found,
                    struct systemdb_row *ret, struct err *err)
{
    const struct tx *tx = ctx;
    struct pg_keyed_row row;
    if (!pg_keyed_lock(tx->client, &state_table, id, tx->call, arena, &row, err))
        return false;
    *ret_found = row.key.ptr;
    *ret = row_of(&row);
    return true;
}

static bool row_insert(void *ctx, struct str id, const struct systemdb_row *row, struct err *err)
{
    const struct tx *tx = ctx;
    struct str params[] = {id, row->halves[0], row->halves[1], row->updated_at};
    return pg_exec(tx->client,
                   "insert into state (state_id, completed_state, partial_state, updated_at)"
                   " values ($1, $2, $3, $4)",
                   params, 4, tx->call, NULL, err);
}

static bool row_update(void *ctx, struct str id, const struct systemdb_row *row, unsigned change,
                       int64_t *ret_rows, struct err *err)
{
    const struct tx *tx = ctx;
    struct str params[] = {id,
                           row->updated_at,
                           row->halves[0],
                           row->halves[1],
                           change & 1 ? STR("t") : STR("f"),
                           change & 2 ? STR("t") : STR("f")};
    return pg_exec(tx->client,
                   "update state set updated_at = $2,"
                   " completed_state = case when $5::bool then $3 else completed_state end,"
                   " partial_state = case when $6::bool then $4 else partial_state end"
                   " where state_id = $1",
                   params, 6, tx->call, ret_rows, err);
}

static bool row_delete(void *ctx, struct str id, int64_t *ret_rows, struct err *err)
{
    const struct tx *tx = ctx;
    return pg_exec(tx->client, "delete from state where state_id = $1", &id, 1, tx->call, ret_rows,
                   err);
}

static void run_columns(struct arena *arena, const PGresult *res, int row, struct systemdb_run *ret)
{
    for (int i = 0; i < RUN_COLUMNS; i++)
        ret->columns[i] = pg_copy(arena, res, row, i);
}

static bool run_get(void *ctx, struct str run_id, struct arena *arena, bool *ret_found,
                    struct systemdb_run *ret, struct err *err)
{
    const struct tx *tx = ctx;
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_query(tx->client, "select " RUN_COLUMNS_SQL("r.payload") " from runs r where r.id = $1",
                  &run_id, 1, tx->call, &res, err))
        return false;
    *ret_found = PQntuples(res) == 1;
    if (*ret_found)
        run_columns(arena, res, 0, ret);
    return true;
}

static bool run_insert(void *ctx, const struct systemdb_run *run, struct arena *arena,
                       struct str *ret_id, struct err *err)
{
    const struct tx *tx = ctx;
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
    if (!pg_query(tx->client, sql, run->columns + !keeps_id, RUN_COLUMNS - !keeps_id, tx->call,
                  &res, err))
        return false;
    *ret_id = pg_copy(arena, res, 0, 0);
    return true;
}

static bool run_delete(void *ctx, struct str run_id, int64_t *ret_rows, struct err *err)
{
    const struct tx *tx = ctx;
    return pg_exec(tx->client, "delete from runs where id = $1", &run_id, 1, tx->call, ret_rows,
                   err);
}

static const struct systemdb_engine engine = {
    .row_get = row_get,
    .row_insert = row_insert,
    .row_update = row_update,
    .row_delete = row_delete,
    .run_get = run_get,
    .run_insert = run_insert,
    .run_delete = run_delete,
};

/* The plug-in backend takes this lock; the table may be shared with it (formats/meltano.md 6.1). */
static bool plugin_lock(const struct tx *tx, struct str id, struct arena *arena, struct err *err)
{
    uint8_t md5[MD5_LEN];
    uint64_t key = 0;
    md5_of(id, md5);
    for (int i = 0; i < 8; i++)
        key = key << 8 | md5[i];
    struct str param = arena_printf(arena, "%lld", (long long)(int64_t)key);
    CLEANUP_PGRESULT PGresult *res = NULL;
    return pg_query(tx->client, "select pg_advisory_xact_lock($1::int8)", &param, 1, tx->call, &res,
                    err);
}

static bool commit_item(struct systemdb_store *s, struct commit_item *item, const struct call *call,
                        struct arena *arena, struct err *err)
{
    struct tx tx = {s->client, call};
    if (!pg_begin(s->client, PG_WRITE, s->base.opts.lock_wait_ms, call, err))
        return commit_failed(item, err);
    bool ok = plugin_lock(&tx, item->id, arena, err)
                  ? systemdb_commit(&engine, &tx, item, arena, err)
                  : commit_failed(item, err);
    if (!ok || item->outcome != OUTCOME_APPLIED) {
        pg_end(s->client, false, call, NULL);
        return ok;
    }
    if (pg_end(s->client, true, call, err))
        return true;
    item->unanswered = pg_unanswered(err);
    return commit_failed(item, err);
}

static bool systemdb_commit_item(struct store *store, struct commit_item *item,
                                 const struct call *call, struct arena *arena, struct err *err)
{
    struct err local = {0};
    if (commit_item(systemdb(store), item, call, arena, &local))
        return true;
    if (err)
        *err = local;
    return false;
}

/* --- runs ------------------------------------------------------------------------------------ */

static bool query_read(struct systemdb_store *s, const char *sql, const struct str *params,
                       size_t n, const struct call *call, PGresult **ret, struct err *err)
{
    if (!pg_begin(s->client, PG_READ, 0, call, err))
        return false;
    return pg_end(s->client, pg_query(s->client, sql, params, n, call, ret, err), call, err);
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
    if (!systemdb_runs_readable(&s->schema))
        why = STR("the table runs is not as this version knows it");
    else if (!query_read(s,
                         "select " RUN_COLUMNS_SQL("null") " from runs r where r.state = 'RUNNING'"
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
    bool readable = systemdb_runs_readable(&s->schema);
    if (readable && !query_read(s, sql, params, 3, call, &res, err))
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
    .close = systemdb_close,
    .probe = systemdb_probe,
    .scan_open = systemdb_scan_open,
    .scan_ids = systemdb_scan_ids,
    .scan_next = systemdb_scan_next,
    .scan_close = systemdb_scan_close,
    .read = systemdb_read,
    .decode = systemdb_decode,
    .check_id = systemdb_check_id,
    .commit = systemdb_commit_item,
    .activity = systemdb_activity,
    .facts = systemdb_facts_read,
};
