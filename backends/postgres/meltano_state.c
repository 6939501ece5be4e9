#include "backends/postgres/meltano_state.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Times are naive timestamps; they travel as ISO texts, which every DateStyle reads back exactly.
 */
#define TIME_SQL(column) "to_json(" column ") #>> '{}'"

static struct pg_state_store *state_store(struct store *store)
{
    return (struct pg_state_store *)store;
}

/* --- opening --------------------------------------------------------------------------------- */

void pg_state_table_init(struct pg_state_store *s, const char *table, bool null_is_empty)
{
    s->null_is_empty = null_is_empty;
    s->table = (struct pg_keyed){.table = table,
                                 .key = "state_id",
                                 .values = {"completed_state", "partial_state"},
                                 .notes = {TIME_SQL("updated_at")},
                                 .ours = "'state_id', 'completed_state', 'partial_state',"
                                         " 'updated_at'"};
}

void pg_state_close(struct store *store)
{
    struct pg_state_store *s = state_store(store);
    pg_client_close(s->client);
    arena_release(&s->base.arena);
    free(s);
}

bool pg_state_probe(struct store *store, const struct call *call, struct err *err)
{
    struct pg_state_store *s = state_store(store);
    if (!pg_client_ask(s->client, call, err) ||
        !pg_keyed_count(s->client, &s->table, call, &store->info.records, err))
        return false;
    pg_client_describe(s->client, store);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------ */

bool pg_state_scan_next(struct store *store, void *ctx, const struct call *call,
                        struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                        struct err *err)
{
    struct pg_state_store *s = state_store(store);
    struct pg_keyed_scan *scan = ctx;
    struct pg_keyed_row *found;
    if (scan->keys_alone)
        return pg_keyed_next_ids(s->client, &s->table, scan, call, arena, max, ret, ret_n, err);
    if (!pg_keyed_scan_next(s->client, &s->table, scan, call, arena, max, &found, ret_n, err))
        return false;
    struct row *rows = arena_array(arena, struct row, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        rows[i] = (struct row){.id = found[i].key,
                               .label = found[i].key,
                               .bytes = found[i].bytes[0] + found[i].bytes[1],
                               .expires_at_us = TIME_NEVER};
        if (!time_parse(found[i].notes[0], &rows[i].updated_at_us))
            rows[i].updated_at_us = TIME_UNKNOWN;
    }
    *ret = rows;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

static struct systemdb_row row_of(const struct pg_state_store *s, const struct pg_keyed_row *found)
{
    return (struct systemdb_row){.halves = {found->values[0], found->values[1]},
                                 .updated_at = found->notes[0],
                                 .null_is_empty = s->null_is_empty};
}

static void document_fill(const struct pg_state_store *s, const struct pg_keyed_row *found,
                          size_t limit, struct arena *arena, struct document *doc)
{
    struct systemdb_row row = row_of(s, found);
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

bool pg_state_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                   const struct call *call, struct arena *arena, struct read_item *ret,
                   struct err *err)
{
    struct pg_state_store *s = state_store(store);
    struct pg_keyed_row *rows = arena_array(arena, struct pg_keyed_row, n);
    if (!pg_keyed_read(s->client, &s->table, ids, n, limit, call, arena, rows, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct read_item){.doc = {.id = ids[i], .label = ids[i]}};
        document_fill(s, &rows[i], limit, arena, &ret[i].doc);
    }
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

/* A statement on the table of states: `before` its name, the name, and what follows. */
static bool run(const struct pg_state_tx *tx, const char *before, const char *behind,
                const struct str *params, size_t n, int64_t *ret_rows, struct err *err)
{
    struct str sql = arena_printf(tx->arena, "%s %s %s", before, tx->store->table.table, behind);
    return pg_exec(tx->store->client, sql.ptr, params, n, tx->call, ret_rows, err);
}

bool pg_state_row_get(void *ctx, struct str id, struct arena *arena, bool *ret_found,
                      struct systemdb_row *ret, struct err *err)
{
    const struct pg_state_tx *tx = ctx;
    struct pg_keyed_row row;
    if (!pg_keyed_lock(tx->store->client, &tx->store->table, id, tx->call, arena, &row, err))
        return false;
    *ret_found = row.key.ptr;
    *ret = row_of(tx->store, &row);
    return true;
}

bool pg_state_row_insert(void *ctx, struct str id, const struct systemdb_row *row, struct err *err)
{
    struct str params[] = {id, row->halves[0], row->halves[1], row->updated_at};
    return run(ctx, "insert into",
               "(state_id, completed_state, partial_state, updated_at) values ($1, $2, $3, $4)",
               params, 4, NULL, err);
}

bool pg_state_row_update(void *ctx, struct str id, const struct systemdb_row *row, unsigned change,
                         int64_t *ret_rows, struct err *err)
{
    struct str params[] = {id,
                           row->updated_at,
                           row->halves[0],
                           row->halves[1],
                           change & 1 ? STR("t") : STR("f"),
                           change & 2 ? STR("t") : STR("f")};
    return run(ctx, "update",
               "set updated_at = $2,"
               " completed_state = case when $5::bool then $3 else completed_state end,"
               " partial_state = case when $6::bool then $4 else partial_state end"
               " where state_id = $1",
               params, 6, ret_rows, err);
}

bool pg_state_row_delete(void *ctx, struct str id, int64_t *ret_rows, struct err *err)
{
    return run(ctx, "delete from", "where state_id = $1", &id, 1, ret_rows, err);
}

bool pg_state_row_more(void *ctx, struct str id, struct arena *arena, struct str *ret,
                       struct err *err)
{
    const struct pg_state_tx *tx = ctx;
    return pg_keyed_more(tx->store->client, &tx->store->table, id, tx->call, arena, ret, err);
}

/* The plug-in takes this lock for its session, we for our transaction: they exclude each other, and
 * nothing of ours outlives the transaction. The table may be shared with the system database, so
 * both layouts take it (formats/meltano.md 6.1). */
bool pg_state_lock(struct pg_client *client, struct str id, const struct call *call,
                   struct arena *arena, struct err *err)
{
    uint8_t md5[MD5_LEN];
    uint64_t key = 0;
    md5_of(id, md5);
    for (int i = 0; i < 8; i++)
        key = key << 8 | md5[i];
    struct str param = arena_printf(arena, "%lld", (long long)(int64_t)key);
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (pg_query(client, "select pg_advisory_xact_lock($1::int8)", &param, 1, call, &res, err))
        return true;
    if (err && err->kind == ERR_LOCKED) {
        err_set(err, ERR_LOCKED, "%.*s is locked by a run or another writer", STR_ARG(id));
        err_hint(err, "`lock list` shows whose session holds it; it ends with that session");
    }
    return false;
}

bool pg_state_commit(struct store *store, const struct systemdb_engine *engine,
                     struct commit_item *item, const struct call *call, struct arena *arena,
                     struct err *err)
{
    struct pg_state_tx tx = {state_store(store), call, arena};
    struct pg_client *client = tx.store->client;
    if (!pg_begin(client, PG_WRITE, store->opts.lock_wait_ms, call, err))
        return commit_failed(item, err);
    bool ok = pg_state_lock(client, item->id, call, arena, err)
                  ? systemdb_commit(engine, &tx, item, arena, err)
                  : commit_failed(item, err);
    return pg_end_item(client, ok, item, call, err);
}
