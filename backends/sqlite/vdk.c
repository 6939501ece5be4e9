/* VDK's state in the table `data_source_state`, one row a source (formats/vdk.md 2.8). Read only.
 */
#include "core/systems/vdk/vdk.h"
#include "backends/sqlite/keyed.h"
#include "backends/sqlite/layouts.h"
#include "core/base/clock.h"
#include "core/json.h"

#include <stdlib.h>

static const struct sqlite_keyed source_table = {.table = "data_source_state",
                                                 .key = "source_name",
                                                 .updated_at = "updated_at",
                                                 .values = {"state_data"}};
static const char *const columns[] = {"source_name", "state_data", "updated_at"};

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

static bool vdk_detect(const struct layout *layout, const struct address *address,
                       const struct call *call, struct err *err)
{
    unsigned found = 0;
    struct sqlite_client *client = sqlite_client_new(address->url, false);
    bool ok = sqlite_read(client, call, columns_read, &found, err);
    sqlite_client_free(client);
    return ok && found == 7;
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
    struct vdk_store *s = calloc(1, sizeof *s);
    unsigned found = 0;
    if (!s)
        abort();
    store_init(&s->base, layout, address, opts);
    s->client = sqlite_client_new(address->url, false);
    struct store_info *info = &s->base.info;
    info->server = arena_str(&s->base.arena, str_of(address->url));
    info->version = arena_printf(&s->base.arena, "SQLite %s", sqlite3_libversion());
    info->rights = STR("read");
    info->writable = false;
    info->why_read_only = STR(VDK_READ_ONLY);
    bool ok = sqlite_read(s->client, call, columns_read, &found, err);
    if (ok && found != 7)
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
    int64_t started_ms = clock_monotonic_ms();
    if (!sqlite_keyed_count(client_of(store), &source_table, call, &store->info.records, err))
        return false;
    store->info.latency_ms = clock_monotonic_ms() - started_ms;
    return true;
}

static bool vdk_scan_open(struct store *store, const struct call *call, void **ret, struct err *err)
{
    *ret = sqlite_keyed_scan_new();
    return true;
}

static bool vdk_scan_next(struct store *store, void *scan, const struct call *call,
                          struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                          struct err *err)
{
    return sqlite_keyed_scan_next(client_of(store), &source_table, scan, call, arena, max, ret,
                                  ret_n, err);
}

static void vdk_scan_close(struct store *store, void *scan)
{
    sqlite_keyed_scan_free(scan);
}

struct reading {
    const struct str *ids;
    size_t n, limit;
    struct arena *arena;
    struct read_item *items;
};

static void document_fill(const struct reading *r, const struct sqlite_keyed_row *row,
                          struct document *doc)
{
    const struct sqlite_cell *cell = &row->values[0];
    doc->absent = false;
    doc->bytes = cell->bytes;
    if (!row->updated_at.ptr || !time_parse(row->updated_at, &doc->updated_at_us))
        doc->updated_at_us = TIME_UNKNOWN;
    if (cell->bytes > r->limit) {
        doc->truncated = true;
        doc->head = cell->value;
        return;
    }
    doc->image = cell->is_null ? STR("") : cell->value;
    doc->versions[0] = version_of(cell->is_null ? STR("\0null") : cell->value);
    if (cell->is_null)
        err_set(&doc->problem, ERR_CORRUPT, "state_data is NULL");
    else if (!json_read(r->arena, cell->value, &doc->root, &doc->problem))
        doc->head = cell->value;
}

static bool records_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    const struct reading *r = ctx;
    for (size_t i = 0; i < r->n; i++) {
        struct read_item *item = &r->items[i];
        struct sqlite_keyed_row row;
        bool found;
        *item = (struct read_item){.doc = {.id = r->ids[i],
                                           .label = r->ids[i],
                                           .absent = true,
                                           .updated_at_us = TIME_UNKNOWN,
                                           .expires_at_us = TIME_NEVER,
                                           .format = STR("data_source_state")}};
        if (!sqlite_keyed_read(conn, &source_table, r->ids[i], r->limit, r->arena, &found, &row,
                               &item->err)) {
            if (item->err.kind == ERR_CORRUPT)
                continue;
            if (err)
                *err = item->err;
            return false;
        }
        if (found)
            document_fill(r, &row, &item->doc);
    }
    return true;
}

static bool vdk_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                     const struct call *call, struct arena *arena, struct read_item *ret,
                     struct err *err)
{
    struct reading r = {ids, n, limit, arena, ret};
    return sqlite_read(client_of(store), call, records_read, &r, err);
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
    .scan_open = vdk_scan_open,
    .scan_next = vdk_scan_next,
    .scan_close = vdk_scan_close,
    .read = vdk_read,
};
