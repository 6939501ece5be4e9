/* Meltano's system database in a SQLite file, `<project>/.meltano/meltano.db` (formats/meltano.md
 * 3). Texts and times are as Meltano's SQLAlchemy writes them [3.3]. */
#include "backends/meltano_systemdb.h"
#include "backends/sqlite/keyed.h"
#include "backends/sqlite/layouts.h"
#include "core/base/cleanup.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The columns of `runs` without the payload, in the order of enum systemdb_run_column: a state's
 * payload may be 20 MB, and a statement that names it would load it. */
#define RUN_COLUMNS_SQL                                                                            \
    "id, job_name, state, started_at, ended_at, NULL, payload_flags, run_id, \"trigger\","         \
    " last_heartbeat_at"

static const struct sqlite_keyed state_table = {.table = "state",
                                                .key = "state_id",
                                                .updated_at = "updated_at",
                                                .values = {"completed_state", "partial_state"}};

struct systemdb_store {
    struct store base;
    struct sqlite_client *client;
    struct systemdb_schema schema;
};

static struct systemdb_store *systemdb(struct store *store)
{
    return (struct systemdb_store *)store;
}

/* --- what is there -------------------------------------------------------------------------- */

struct found {
    struct arena *arena;
    struct systemdb_schema schema;
    bool utf8, is_systemdb;
};

static bool revision_read(struct sqlite_conn *conn, struct found *found, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    bool row, more = false;
    if (!sqlite_prepare(conn, "SELECT version_num FROM alembic_version", &stmt, err) ||
        !sqlite_step(conn, stmt, &row, err))
        return false;
    struct str revision = row ? sqlite_text(found->arena, stmt, 0) : STR_NULL;
    if (row && !sqlite_step(conn, stmt, &more, err))
        return false;
    found->schema.revision = more ? STR_NULL : revision;
    return true;
}

static bool schema_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    static const char *const alembic[] = {"version_num"};
    struct found *found = ctx;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    unsigned version;
    bool row;
    if (!sqlite_columns(conn, "state", systemdb_state_columns, 4, &found->schema.state_columns,
                        err) ||
        !sqlite_columns(conn, "runs", systemdb_run_columns, RUN_COLUMNS, &found->schema.run_columns,
                        err) ||
        !sqlite_columns(conn, "alembic_version", alembic, 1, &version, err))
        return false;
    /* Beside a `runs` table a table `state` with a state_id is the system's, alone the plug-in's.
     */
    found->is_systemdb = (found->schema.state_columns & 1) && found->schema.run_columns && version;
    if (!found->is_systemdb)
        return true;
    if (!sqlite_prepare(conn, "PRAGMA encoding", &stmt, err) || !sqlite_step(conn, stmt, &row, err))
        return false;
    found->utf8 = row && strcmp((const char *)sqlite3_column_text(stmt, 0), "UTF-8") == 0;
    return revision_read(conn, found, err);
}

static bool systemdb_detect(const struct layout *layout, const struct address *address,
                            const struct call *call, struct err *err)
{
    struct arena a = ARENA_INIT;
    struct found found = {.arena = &a};
    struct sqlite_client *client = sqlite_client_new(address->url, false);
    bool ok = sqlite_read(client, call, schema_read, &found, err) && found.is_systemdb;
    sqlite_client_free(client);
    arena_release(&a);
    return ok;
}

static bool schema_check(struct systemdb_store *s, const struct found *found, struct err *err)
{
    if (!found->is_systemdb) {
        err_set(err, ERR_UNSUPPORTED, "there is no system database of Meltano in this file");
        return err_hint(err, "it needs the tables state, runs and alembic_version; a project that "
                             "was last run before Meltano 2.7.1 has no table state yet");
    }
    if (!found->utf8)
        return err_set(err, ERR_UNSUPPORTED, "the database does not store its texts as UTF-8");
    s->schema = found->schema;
    return systemdb_schema_judge(&s->schema, &s->base, err);
}

static bool rowids_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    return sqlite_rowid_check(conn, state_table.table, err) &&
           sqlite_rowid_check(conn, "runs", err);
}

static bool systemdb_open(const struct layout *layout, const struct address *address,
                          const struct store_opts *opts, const struct call *call,
                          struct store **ret, struct err *err)
{
    struct systemdb_store *s = xcalloc(1, sizeof *s);
    store_init(&s->base, layout, address, opts);
    s->client = sqlite_client_new_for(&s->base, address);
    struct store_info *info = &s->base.info;
    struct found found = {.arena = &s->base.arena};
    int64_t started_ms = clock_monotonic_ms();
    if (!sqlite_read(s->client, call, schema_read, &found, err) || !schema_check(s, &found, err) ||
        !sqlite_read(s->client, call, rowids_read, NULL, err)) {
        layout->close(&s->base);
        return false;
    }
    info->latency_ms = clock_monotonic_ms() - started_ms;
    info->rights =
        info->writable ? STR("reads and writes state and runs") : STR("reads state and runs");
    *ret = &s->base;
    return true;
}

static void systemdb_close(struct store *store)
{
    struct systemdb_store *s = systemdb(store);
    sqlite_client_free(s->client);
    arena_release(&s->base.arena);
    free(s);
}

static bool systemdb_probe(struct store *store, const struct call *call, struct err *err)
{
    return sqlite_keyed_probe(systemdb(store)->client, &state_table, store, call, err);
}

/* --- scan ----------------------------------------------------------------------------------- */

static bool systemdb_scan_next(struct store *store, void *scan, const struct call *call,
                               struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                               struct err *err)
{
    return sqlite_keyed_scan_next(systemdb(store)->client, &state_table, scan, call, arena, max,
                                  ret, ret_n, err);
}

/* --- reading -------------------------------------------------------------------------------- */

/* `cut` (may be NULL: then too long is an error) gets the size and the first bytes of a row with a
 * half beyond the limit. */
static bool row_read(struct sqlite_conn *conn, struct str id, size_t limit, struct arena *arena,
                     bool *ret_found, struct systemdb_row *ret, struct document *cut,
                     struct err *err)
{
    struct sqlite_keyed_row row;
    uint64_t bytes = 0;
    if (!sqlite_keyed_read(conn, &state_table, id, limit, arena, ret_found, &row, err))
        return false;
    if (!*ret_found)
        return true;
    *ret = (struct systemdb_row){.updated_at = row.updated_at, .place = row.rowid};
    for (int i = 0; i < SYSTEMDB_HALVES; i++) {
        const struct sqlite_cell *cell = &row.values[i];
        bytes += cell->bytes;
        ret->halves[i] = cell->value;
        ret->is_blob[i] = cell->is_blob;
        if (cell->bytes > limit && !cut)
            return err_set(err, ERR_CORRUPT, "%s: %llu bytes are more than can be changed",
                           systemdb_half_columns[i], (unsigned long long)cell->bytes);
        if (cell->bytes > limit && !cut->truncated) {
            cut->truncated = true;
            cut->head = cell->value;
        }
    }
    if (cut)
        cut->bytes = bytes;
    return true;
}

static bool record_read(struct sqlite_conn *conn, struct store *store, size_t limit,
                        struct arena *arena, struct document *doc, struct err *err)
{
    struct systemdb_row row;
    bool found;
    if (!row_read(conn, doc->id, limit, arena, &found, &row, doc, err))
        return false;
    if (doc->truncated) {
        doc->updated_at_us = TIME_UNKNOWN;
        doc->expires_at_us = TIME_NEVER;
    } else {
        doc->bytes = 0;
        systemdb_document(arena, found ? &row : NULL, doc);
    }
    return true;
}

static bool systemdb_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                          const struct call *call, struct arena *arena, struct read_item *ret,
                          struct err *err)
{
    return sqlite_read_each(systemdb(store)->client, record_read, store, ids, n, limit, call, arena,
                            ret, err);
}

/* --- changing ------------------------------------------------------------------------------- */

static bool row_get(void *tx, struct str id, struct arena *arena, bool *ret_found,
                    struct systemdb_row *ret, struct err *err)
{
    return row_read(tx, id, VALUE_LIMIT, arena, ret_found, ret, NULL, err);
}

/* A half that somebody stored as a BLOB goes back as one. */
#define HALF_SQL(param, flag) "CASE WHEN " flag " THEN CAST(" param " AS BLOB) ELSE " param " END"

static struct str flag_of(bool b)
{
    return b ? STR("1") : STR_NULL;
}

static bool row_insert(void *tx, struct str id, const struct systemdb_row *row, struct err *err)
{
    /* The old rowid where it is still free: the table's own order comes back with the row. */
    struct str params[] = {
        id,         row->halves[0],           row->halves[1],          row->updated_at,
        row->place, flag_of(row->is_blob[0]), flag_of(row->is_blob[1])};
    return sqlite_exec(
        tx,
        "INSERT INTO state (_rowid_, state_id, completed_state, partial_state, updated_at) VALUES ("
        "CASE WHEN EXISTS (SELECT 1 FROM state WHERE _rowid_ = CAST(?5 AS INTEGER)) THEN NULL"
        " ELSE CAST(?5 AS INTEGER) END,"
        "?1," HALF_SQL("?2", "?6") "," HALF_SQL("?3", "?7") ", ?4)",
        params, 7, NULL, err);
}

static bool row_update(void *tx, struct str id, const struct systemdb_row *row, unsigned change,
                       int64_t *ret_rows, struct err *err)
{
    static const char *const sql[] = {
        "UPDATE state SET updated_at = ?2 WHERE state_id = ?1",
        "UPDATE state SET updated_at = ?2, completed_state = " HALF_SQL(
            "?3", "?5") " WHERE state_id = ?1",
        "UPDATE state SET updated_at = ?2, partial_state = " HALF_SQL("?4",
                                                                      "?6") " WHERE state_id = ?1",
        "UPDATE state SET updated_at = ?2, completed_state = " HALF_SQL(
            "?3", "?5") ", partial_state = " HALF_SQL("?4", "?6") " WHERE state_id = ?1",
    };
    static const int nparams[] = {2, 5, 6, 6};
    struct str params[] = {id,
                           row->updated_at,
                           row->halves[0],
                           row->halves[1],
                           flag_of(row->is_blob[0]),
                           flag_of(row->is_blob[1])};
    return sqlite_exec(tx, sql[change & 3], params, nparams[change & 3], ret_rows, err);
}

static bool row_delete(void *tx, struct str id, int64_t *ret_rows, struct err *err)
{
    return sqlite_exec(tx, "DELETE FROM state WHERE state_id = ?1", &id, 1, ret_rows, err);
}

static bool row_more(void *tx, struct str id, struct arena *arena, struct str *ret, struct err *err)
{
    return sqlite_keyed_more(tx, &state_table, id, arena, ret, err);
}

static void run_columns(struct arena *arena, sqlite3_stmt *stmt, struct systemdb_run *ret)
{
    for (int i = 0; i < RUN_COLUMNS; i++)
        ret->columns[i] = sqlite_text(arena, stmt, i);
}

/* `limit`: a payload beyond it stays NULL, its size is told. */
static bool run_read(struct sqlite_conn *conn, int64_t id, size_t limit, struct arena *arena,
                     bool *ret_found, struct systemdb_run *ret, int64_t *ret_bytes, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    struct sqlite_cell payload;
    if (!sqlite_prepare(conn, "SELECT " RUN_COLUMNS_SQL ", _rowid_ FROM runs WHERE id = ?1", &stmt,
                        err))
        return false;
    sqlite3_bind_int64(stmt, 1, id);
    if (!sqlite_step(conn, stmt, ret_found, err))
        return false;
    if (!*ret_found)
        return true;
    run_columns(arena, stmt, ret);
    if (!sqlite_cell_read(conn, "runs", "payload", sqlite3_column_int64(stmt, RUN_COLUMNS), limit,
                          arena, &payload, err))
        return false;
    ret->columns[RUN_PAYLOAD] = payload.bytes <= limit ? payload.value : STR_NULL;
    *ret_bytes = (int64_t)payload.bytes;
    return true;
}

static bool run_get(void *tx, struct str run_id, struct arena *arena, bool *ret_found,
                    struct systemdb_run *ret, struct err *err)
{
    int64_t id, bytes = 0;
    if (!str_i64(run_id, &id))
        return err_set(err, ERR_CORRUPT, "runs: %.*s is no id", STR_ARG(run_id));
    if (!run_read(tx, id, VALUE_LIMIT, arena, ret_found, ret, &bytes, err))
        return false;
    return bytes <= VALUE_LIMIT ||
           err_set(err, ERR_CORRUPT, "runs: the payload of row %.*s has %lld bytes",
                   STR_ARG(run_id), (long long)bytes);
}

static bool run_find(void *tx, struct str state_id, struct str run_id, struct arena *arena,
                     bool *ret_found, struct systemdb_run *ret, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    const struct str params[] = {state_id, run_id};
    if (!sqlite_prepare(tx,
                        "SELECT id FROM runs WHERE job_name = ?1 AND run_id = ?2"
                        " AND state = 'STATE_EDIT'",
                        &stmt, err))
        return false;
    for (int i = 0; i < 2; i++)
        sqlite3_bind_text(stmt, i + 1, params[i].ptr, (int)params[i].len, SQLITE_STATIC);
    if (!sqlite_step(tx, stmt, ret_found, err))
        return false;
    return !*ret_found || run_get(tx, sqlite_text(arena, stmt, 0), arena, ret_found, ret, err);
}

static bool run_insert(void *tx, const struct systemdb_run *run, struct arena *arena,
                       struct str *ret_id, struct err *err)
{
    struct sqlite_conn *conn = tx;
    if (!sqlite_exec(conn,
                     "INSERT INTO runs (id, job_name, state, started_at, ended_at, payload,"
                     " payload_flags, run_id, \"trigger\", last_heartbeat_at)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                     run->columns, RUN_COLUMNS, NULL, err))
        return false;
    /* The id where it is the rowid, as Meltano makes the table; others may have made it. */
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    bool row;
    if (!sqlite_prepare(conn, "SELECT id FROM runs WHERE _rowid_ = last_insert_rowid()", &stmt,
                        err) ||
        !sqlite_step(conn, stmt, &row, err))
        return false;
    struct str id = row ? sqlite_text(arena, stmt, 0) : STR_NULL;
    if (!id.ptr)
        return err_set(err, ERR_REFUSED, "runs: the table gives a new row no id");
    *ret_id = id;
    return true;
}

static bool run_delete(void *tx, struct str run_id, int64_t *ret_rows, struct err *err)
{
    return sqlite_exec(tx, "DELETE FROM runs WHERE id = CAST(?1 AS INTEGER)", &run_id, 1, ret_rows,
                       err);
}

static const struct systemdb_engine engine = {
    .row_get = row_get,
    .row_insert = row_insert,
    .row_update = row_update,
    .row_delete = row_delete,
    .row_more = row_more,
    .run_get = run_get,
    .run_find = run_find,
    .run_insert = run_insert,
    .run_delete = run_delete,
};

static bool systemdb_commit_item(struct store *store, struct commit_item *item,
                                 const struct call *call, struct arena *arena, struct err *err)
{
    CLEANUP(sqlite_conn_close) struct sqlite_conn conn = {0};
    if (!sqlite_write_begin(systemdb(store)->client, store->opts.lock_wait_ms, call, &conn, err))
        return commit_failed(item, err);
    return sqlite_commit_item(&conn, systemdb_commit(&engine, &conn, item, arena, err), item, err);
}

/* --- runs ----------------------------------------------------------------------------------- */

struct watching {
    const struct str *ids;
    size_t n;
    struct arena *arena;
    struct activity *ret;
    int64_t now_us;
};

/* One pass over the running rows, whatever the number of ids: `runs` has no index on job_name. */
static bool running_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    const struct watching *w = ctx;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    for (size_t i = 0; i < w->n; i++)
        w->ret[i] =
            (struct activity){.started_at_us = TIME_UNKNOWN, .heartbeat_at_us = TIME_UNKNOWN};
    if (!sqlite_prepare(conn, "SELECT " RUN_COLUMNS_SQL " FROM runs WHERE state = 'RUNNING'", &stmt,
                        err))
        return false;
    for (bool row;;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            return true;
        struct systemdb_run run;
        run_columns(w->arena, stmt, &run);
        for (size_t i = 0; i < w->n; i++) {
            if (str_eq(w->ids[i], run.columns[RUN_JOB_NAME]))
                systemdb_activity_add(&w->ret[i], &run, w->now_us, w->arena);
        }
    }
}

static bool systemdb_activity(struct store *store, const struct str *ids, size_t n,
                              const struct call *call, struct arena *arena, struct activity *ret,
                              struct err *err)
{
    struct systemdb_store *s = systemdb(store);
    struct watching w = {ids, n, arena, ret, clock_now_us()};
    if (systemdb_runs_readable(&s->schema))
        return sqlite_read(s->client, call, running_read, &w, err);
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct activity){.sight = ACTIVITY_BLIND,
                                   .started_at_us = TIME_UNKNOWN,
                                   .heartbeat_at_us = TIME_UNKNOWN,
                                   .why = STR("the table runs is not as this version knows it")};
    return true;
}

/* The runs of one wanted id; sorted by id while they are gathered. */
struct wanted {
    struct str id;
    size_t at; /* its place among those asked for */
    int64_t run_ids[SYSTEMDB_HISTORY];
    size_t nruns;
};

struct history {
    struct wanted *wanted;
    size_t n;
    struct arena *arena;
    const struct value **ret;
};

static int wanted_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct wanted *)a)->id, ((const struct wanted *)b)->id);
}

/* The newest rows of each id, again in one pass; id and job_name come first in a row, so no payload
 * is touched. */
static bool newest_runs(struct sqlite_conn *conn, struct history *h, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    size_t full = 0;
    for (size_t i = 0; i < h->n; i++)
        h->wanted[i].nruns = 0;
    if (!sqlite_prepare(conn, "SELECT id, job_name FROM runs ORDER BY id DESC", &stmt, err))
        return false;
    for (bool row; full < h->n;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            break;
        struct wanted key = {.id = {(const char *)sqlite3_column_text(stmt, 1),
                                    (size_t)sqlite3_column_bytes(stmt, 1)}};
        struct wanted *w =
            key.id.ptr ? bsearch(&key, h->wanted, h->n, sizeof key, wanted_cmp) : NULL;
        if (!w || w->nruns == SYSTEMDB_HISTORY)
            continue;
        w->run_ids[w->nruns++] = sqlite3_column_int64(stmt, 0);
        full += w->nruns == SYSTEMDB_HISTORY;
    }
    return true;
}

static bool history_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    struct history *h = ctx;
    if (!newest_runs(conn, h, err))
        return false;
    for (size_t i = 0; i < h->n; i++) {
        const struct value *runs[SYSTEMDB_HISTORY];
        size_t n = 0;
        /* An id asked for twice has its runs where bsearch finds it. */
        const struct wanted *w =
            bsearch(&h->wanted[i], h->wanted, h->n, sizeof *h->wanted, wanted_cmp);
        for (size_t j = 0; j < w->nruns; j++) {
            struct systemdb_run run;
            int64_t bytes = 0;
            bool found;
            if (!run_read(conn, w->run_ids[j], SYSTEMDB_PAYLOAD_LIMIT, h->arena, &found, &run,
                          &bytes, err))
                return false;
            if (found)
                runs[n++] = systemdb_run_fact(h->arena, &run, bytes);
        }
        h->ret[h->wanted[i].at] = systemdb_facts(h->arena, runs, n);
    }
    return true;
}

static bool systemdb_facts_read(struct store *store, const struct str *ids, size_t n,
                                const struct call *call, struct arena *arena,
                                const struct value **ret, struct err *err)
{
    struct systemdb_store *s = systemdb(store);
    if (systemdb_runs_readable(&s->schema)) {
        struct history h = {arena_array(arena, struct wanted, n), n, arena, ret};
        for (size_t i = 0; i < n; i++)
            h.wanted[i] = (struct wanted){.id = ids[i], .at = i};
        qsort(h.wanted, n, sizeof *h.wanted, wanted_cmp);
        return sqlite_read(s->client, call, history_read, &h, err);
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = value_empty_dict(arena);
    return true;
}

const struct layout sqlite_meltano_systemdb = {
    .system = "meltano",
    .backend = "sqlite",
    .name = "systemdb",
    .native = true,
    .detect = systemdb_detect,
    .open = systemdb_open,
    .close = systemdb_close,
    .probe = systemdb_probe,
    .scan_open = sqlite_keyed_scan_open,
    .scan_ids = sqlite_keyed_scan_ids,
    .scan_next = systemdb_scan_next,
    .scan_close = sqlite_keyed_scan_close,
    .read = systemdb_read,
    .decode = systemdb_decode,
    .commit = systemdb_commit_item,
    .keeps_notes = true,
    .activity = systemdb_activity,
    .facts = systemdb_facts_read,
};
