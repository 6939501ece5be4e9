/* Meltano's system database in Postgres (formats/meltano.md 3). Tables are found by the search path
 * of the address, as Meltano finds them. Times are naive timestamps; they travel as ISO texts,
 * which every DateStyle reads back exactly. */
#include "backends/postgres/meltano_systemdb.h"
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

enum { BATCH_BYTES = 8 << 20 };

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
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_client_ask(s->client, call, err) || !pg_begin(s->client, PG_READ, 0, call, err))
        return false;
    bool ok = pg_query(s->client, "select count(*) from state", NULL, 0, call, &res, err);
    if (!pg_end(s->client, ok, call, err))
        return false;
    store->info.records = pg_i64(res, 0, 0, -1);
    server_fill(s);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------ */

struct scan_state {
    bool started;
    struct sbuf last;
};

static bool systemdb_scan_open(struct store *store, const struct call *call, void **ret,
                               struct err *err)
{
    struct scan_state *scan = xcalloc(1, sizeof *scan);
    *ret = scan;
    return true;
}

static bool systemdb_scan_next(struct store *store, void *ctx, const struct call *call,
                               struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                               struct err *err)
{
    /* octet_length() of a stored value asks its header, not the value. */
    static const char sql[] =
        "select state_id, coalesce(octet_length(completed_state), 0) +"
        " coalesce(octet_length(partial_state), 0), " TIME_SQL(
            "updated_at") " from state where $2 or state_id > $1 order by state_id limit $3";
    struct systemdb_store *s = systemdb(store);
    struct scan_state *scan = ctx;
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str params[] = {sbuf_view(&scan->last), scan->started ? STR("f") : STR("t"),
                           arena_printf(arena, "%zu", max)};
    if (!pg_begin(s->client, PG_READ, 0, call, err))
        return false;
    bool ok = pg_query(s->client, sql, params, 3, call, &res, err);
    if (!pg_end(s->client, ok, call, err))
        return false;
    size_t n = (size_t)PQntuples(res);
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct row){.id = pg_copy(arena, res, (int)i, 0),
                               .bytes = pg_i64(res, (int)i, 1, -1),
                               .expires_at_us = TIME_NEVER};
        rows[i].label = rows[i].id;
        if (!time_parse(pg_str(res, (int)i, 2), &rows[i].updated_at_us))
            rows[i].updated_at_us = TIME_UNKNOWN;
    }
    if (n) {
        scan->started = true;
        scan->last.len = 0;
        sbuf_str(&scan->last, rows[n - 1].id);
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

static void systemdb_scan_close(struct store *store, void *ctx)
{
    struct scan_state *scan = ctx;
    sbuf_release(&scan->last);
    free(scan);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool systemdb_check_id(struct store *store, struct str id, struct err *err)
{
    if (!str_is_utf8(id) || (id.len && memchr(id.ptr, 0, id.len)))
        return err_set(err, ERR_REFUSED, "%.*s: no text that Postgres can hold", STR_ARG(id));
    return true;
}

struct reading {
    const struct str *ids;
    size_t n, limit;
    const struct call *call;
    struct arena *arena;
    struct read_item *items;
};

static void item_fill(const struct reading *r, struct read_item *item, const PGresult *res, int i)
{
    struct systemdb_row row = {.updated_at = pg_copy(r->arena, res, i, 5)};
    struct document *doc = &item->doc;
    for (int half = 0; half < SYSTEMDB_HALVES; half++) {
        uint64_t bytes = (uint64_t)pg_i64(res, i, 3 + half, 0);
        row.halves[half] = pg_copy(r->arena, res, i, 1 + half);
        doc->bytes += bytes;
        if (bytes > r->limit && !doc->truncated) {
            doc->truncated = true;
            doc->head = str_sub(row.halves[half], 0,
                                row.halves[half].len < r->limit ? row.halves[half].len : r->limit);
        }
    }
    if (doc->truncated) {
        doc->absent = false;
        return;
    }
    *doc = (struct document){.id = doc->id, .label = doc->label};
    systemdb_document(r->arena, &row, doc);
}

/* Ids [from, to): what is longer than the limit comes as its first characters. */
static bool batch_read(struct pg_client *client, const struct reading *r, size_t from, size_t to,
                       struct err *err)
{
    static const char sql[] =
        "select state_id,"
        " case when octet_length(completed_state) > $2::int8 then left(completed_state, 1024)"
        " else completed_state end,"
        " case when octet_length(partial_state) > $2::int8 then left(partial_state, 1024)"
        " else partial_state end,"
        " octet_length(completed_state), octet_length(partial_state), " TIME_SQL(
            "updated_at") " from state where state_id = any($1::varchar[])";
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str params[] = {pg_array(r->arena, r->ids + from, to - from),
                           arena_printf(r->arena, "%zu", r->limit)};
    if (!pg_query(client, sql, params, 2, r->call, &res, err))
        return false;
    for (size_t i = from; i < to; i++) {
        for (int row = 0; row < PQntuples(res); row++) {
            if (str_eq(pg_str(res, row, 0), r->ids[i]))
                item_fill(r, &r->items[i], res, row);
        }
    }
    return true;
}

/* Sizes first: a page of large states must not come as one answer. */
static bool sizes_read(struct pg_client *client, const struct reading *r, size_t *sizes,
                       struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str ids = pg_array(r->arena, r->ids, r->n);
    if (!pg_query(client,
                  "select state_id, coalesce(octet_length(completed_state), 0),"
                  " coalesce(octet_length(partial_state), 0)"
                  " from state where state_id = any($1::varchar[])",
                  &ids, 1, r->call, &res, err))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        for (int row = 0; row < PQntuples(res); row++) {
            if (!str_eq(pg_str(res, row, 0), r->ids[i]))
                continue;
            for (int half = 0; half < SYSTEMDB_HALVES; half++) {
                size_t bytes = (size_t)pg_i64(res, row, 1 + half, 0);
                sizes[i] += bytes < r->limit ? bytes : r->limit;
            }
        }
    }
    return true;
}

static bool records_read(struct pg_client *client, const struct reading *r, struct err *err)
{
    size_t *sizes = arena_array(r->arena, size_t, r->n);
    if (!sizes_read(client, r, sizes, err))
        return false;
    for (size_t from = 0, to; from < r->n; from = to) {
        size_t bytes = sizes[from];
        for (to = from + 1; to < r->n && bytes + sizes[to] <= BATCH_BYTES; to++)
            bytes += sizes[to];
        if (!batch_read(client, r, from, to, err))
            return false;
    }
    return true;
}

static bool systemdb_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                          const struct call *call, struct arena *arena, struct read_item *ret,
                          struct err *err)
{
    struct systemdb_store *s = systemdb(store);
    struct reading r = {ids, n, limit, call, arena, ret};
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct read_item){.doc = {.id = ids[i], .label = ids[i]}};
        systemdb_document(arena, NULL, &ret[i].doc);
    }
    if (!pg_begin(s->client, PG_SNAPSHOT, 0, call, err))
        return false;
    return pg_end(s->client, records_read(s->client, &r, err), call, err);
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
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_query(tx->client,
                  "select completed_state, partial_state, " TIME_SQL(
                      "updated_at") " from state where state_id = $1 for update",
                  &id, 1, tx->call, &res, err))
        return false;
    *ret_found = PQntuples(res) == 1;
    if (!*ret_found)
        return true;
    *ret = (struct systemdb_row){.halves = {pg_copy(arena, res, 0, 0), pg_copy(arena, res, 0, 1)},
                                 .updated_at = pg_copy(arena, res, 0, 2)};
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
        return systemdb_commit_failed(item, err);
    bool ok = plugin_lock(&tx, item->id, arena, err)
                  ? systemdb_commit(&engine, &tx, item, arena, err)
                  : systemdb_commit_failed(item, err);
    if (!ok || item->outcome != OUTCOME_APPLIED) {
        pg_end(s->client, false, call, NULL);
        return ok;
    }
    if (pg_end(s->client, true, call, err))
        return true;
    item->unanswered = pg_unanswered(err);
    return systemdb_commit_failed(item, err);
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
    .scan_next = systemdb_scan_next,
    .scan_close = systemdb_scan_close,
    .read = systemdb_read,
    .decode = systemdb_decode,
    .check_id = systemdb_check_id,
    .commit = systemdb_commit_item,
    .activity = systemdb_activity,
    .facts = systemdb_facts_read,
};
