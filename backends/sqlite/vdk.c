/* VDK's state in the table `data_source_state`, one row a source (formats/vdk.md 2.8). */
#include "backends/sqlite/keyed.h"
#include "backends/sqlite/layouts.h"
#include "backends/vdk_row.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct sqlite_keyed source_table = {.table = "data_source_state",
                                                 .key = "source_name",
                                                 .updated_at = "updated_at",
                                                 .values = {"state_data"}};
static const char *const columns[] = {"source_name", "state_data", "updated_at"};
enum { ALL_COLUMNS = 7 };

struct vdk_store {
    struct store base;
    struct sqlite_client *client;
};

static struct sqlite_client *client_of(struct store *store)
{
    return ((struct vdk_store *)store)->client;
}

static bool columns_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    return sqlite_columns(conn, source_table.table, columns, 3, ctx, err);
}

static bool table_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    const unsigned *found = ctx;
    return columns_read(conn, ctx, err) &&
           (*found != ALL_COLUMNS || sqlite_rowid_check(conn, source_table.table, err));
}

static bool vdk_detect(const struct layout *layout, const struct address *address,
                       const struct call *call, struct err *err)
{
    unsigned found = 0;
    struct sqlite_client *client = sqlite_client_new(address->url, false);
    bool ok = sqlite_read(client, call, columns_read, &found, err);
    sqlite_client_free(client);
    return ok && found == ALL_COLUMNS;
}

static void vdk_close(struct store *store)
{
    sqlite_client_free(client_of(store));
    arena_release(&store->arena);
    free(store);
}

static bool vdk_open(const struct layout *layout, const struct address *address,
                     const struct store_opts *opts, const struct call *call, struct store **ret,
                     struct err *err)
{
    struct vdk_store *s = xcalloc(1, sizeof *s);
    unsigned found = 0;
    store_init(&s->base, layout, address, opts);
    s->client = sqlite_client_new_for(&s->base, address);
    s->base.info.rights = s->base.info.writable ? STR("read and write") : STR("read");
    bool ok = sqlite_read(s->client, call, table_read, &found, err);
    if (ok && found != ALL_COLUMNS)
        ok = err_set(err, ERR_UNSUPPORTED, "there is no table %s as VDK's users make it",
                     source_table.table);
    if (!ok) {
        vdk_close(&s->base);
        return false;
    }
    *ret = &s->base;
    return true;
}

static bool vdk_probe(struct store *store, const struct call *call, struct err *err)
{
    return sqlite_keyed_probe(client_of(store), &source_table, store, call, err);
}

static bool vdk_scan_next(struct store *store, void *scan, const struct call *call,
                          struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                          struct err *err)
{
    return sqlite_keyed_scan_next(client_of(store), &source_table, scan, call, arena, max, ret,
                                  ret_n, err);
}

static struct vdk_row row_of(const struct sqlite_keyed_row *row)
{
    const struct sqlite_cell *cell = &row->values[0];
    struct str empty = STR("");
    return (struct vdk_row){.state = cell->is_null     ? STR_NULL
                                     : cell->value.ptr ? cell->value
                                                       : empty,
                            .is_blob = cell->is_blob,
                            .updated_at = row->updated_at};
}

static bool record_read(struct sqlite_conn *conn, struct store *store, size_t limit,
                        struct arena *arena, struct document *doc, struct err *err)
{
    struct sqlite_keyed_row row;
    bool found;
    vdk_row_document(arena, NULL, doc);
    if (!sqlite_keyed_read(conn, &source_table, doc->id, limit, arena, &found, &row, err))
        return false;
    struct vdk_row filled = found ? row_of(&row) : (struct vdk_row){0};
    if (found && row.values[0].bytes > limit)
        vdk_row_truncated(&filled, row.values[0].bytes, doc);
    else if (found)
        vdk_row_document(arena, &filled, doc);
    return true;
}

static bool vdk_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                     const struct call *call, struct arena *arena, struct read_item *ret,
                     struct err *err)
{
    return sqlite_read_each(client_of(store), record_read, store, ids, n, limit, call, arena, ret,
                            err);
}

/* --- changing --------------------------------------------------------------------------------- */

static bool row_get(void *tx, struct str id, struct arena *arena, bool *ret_found,
                    struct vdk_row *ret, struct err *err)
{
    struct sqlite_keyed_row row;
    if (!sqlite_keyed_read(tx, &source_table, id, VALUE_LIMIT, arena, ret_found, &row, err))
        return false;
    if (!*ret_found)
        return true;
    if (row.values[0].bytes > VALUE_LIMIT)
        return err_set(err, ERR_REFUSED, "%.*s: %llu bytes are more than can be changed",
                       STR_ARG(id), (unsigned long long)row.values[0].bytes);
    *ret = row_of(&row);
    return true;
}

/* The moment as the table's own default gives it; a state that was stored as a BLOB goes back as
 * one. */
#define VALUES_SQL                                                                                 \
    "CASE WHEN ?4 THEN CAST(?2 AS BLOB) ELSE ?2 END, CASE WHEN ?5 THEN CURRENT_TIMESTAMP ELSE ?3 " \
    "END"

static bool row_put(void *tx, const char *sql, struct str id, const struct vdk_row *row,
                    int64_t *ret_rows, struct err *err)
{
    struct str params[] = {id, row->state, row->updated_at, row->is_blob ? STR("1") : STR_NULL,
                           row->now ? STR("1") : STR_NULL};
    return sqlite_exec(tx, sql, params, 5, ret_rows, err);
}

static bool row_insert(void *tx, struct str id, const struct vdk_row *row, int64_t *ret_rows,
                       struct err *err)
{
    return row_put(tx,
                   "INSERT INTO data_source_state (source_name, state_data, updated_at)"
                   " VALUES (?1, " VALUES_SQL ")",
                   id, row, ret_rows, err);
}

/* VDK's users replace the row, which resets columns that it does not know; ours stay. */
static bool row_update(void *tx, struct str id, const struct vdk_row *row, int64_t *ret_rows,
                       struct err *err)
{
    return row_put(tx,
                   "UPDATE data_source_state SET (state_data, updated_at) = (" VALUES_SQL ")"
                   " WHERE source_name = ?1",
                   id, row, ret_rows, err);
}

static bool row_remove(void *tx, struct str id, int64_t *ret_rows, struct err *err)
{
    return sqlite_exec(tx, "DELETE FROM data_source_state WHERE source_name = ?1", &id, 1, ret_rows,
                       err);
}

static bool row_more(void *tx, struct str id, struct arena *arena, struct str *ret, struct err *err)
{
    return sqlite_keyed_more(tx, &source_table, id, arena, ret, err);
}

static const struct vdk_row_engine engine = {row_get, row_insert, row_update, row_remove, row_more};

static bool vdk_commit(struct store *store, struct commit_item *item, const struct call *call,
                       struct arena *arena, struct err *err)
{
    CLEANUP(sqlite_conn_close) struct sqlite_conn conn = {0};
    if (!sqlite_write_begin(client_of(store), store->opts.lock_wait_ms, call, &conn, err))
        return commit_failed(item, err);
    return sqlite_commit_item(&conn, vdk_row_commit(&engine, &conn, item, arena, err), item, err);
}

const struct layout sqlite_vdk = {
    .system = "vdk",
    .backend = "sqlite",
    .name = "data_source_state",
    .native = true,
    .detect = vdk_detect,
    .open = vdk_open,
    .close = vdk_close,
    .probe = vdk_probe,
    .scan_open = sqlite_keyed_scan_open,
    .scan_ids = sqlite_keyed_scan_ids,
    .scan_next = vdk_scan_next,
    .scan_close = sqlite_keyed_scan_close,
    .read = vdk_read,
    .decode = vdk_row_decode,
    .commit = vdk_commit,
};
