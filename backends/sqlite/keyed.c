#include "backends/sqlite/keyed.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_MAX = 512 };

struct scan {
    bool started, ids_only;
    struct sbuf last;
};

/* --- count ---------------------------------------------------------------------------------- */

struct counting {
    const struct sqlite_keyed *keyed;
    int64_t n;
};

static bool count_rows(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    struct counting *c = ctx;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    char sql[SQL_MAX];
    bool row;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\" WHERE ?1 IS NULL OR %s GLOB ?1",
             c->keyed->table, c->keyed->key);
    if (!sqlite_prepare(conn, sql, &stmt, err))
        return false;
    sqlite_bind(stmt, 1, str_of(c->keyed->glob));
    if (!sqlite_step(conn, stmt, &row, err))
        return false;
    c->n = sqlite3_column_int64(stmt, 0);
    return true;
}

bool sqlite_keyed_count(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                        const struct call *call, int64_t *ret, struct err *err)
{
    struct counting c = {.keyed = keyed};
    if (!sqlite_read(client, call, count_rows, &c, err))
        return false;
    *ret = c.n;
    return true;
}

bool sqlite_keyed_probe(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                        struct store *store, const struct call *call, struct err *err)
{
    int64_t started_ms = clock_monotonic_ms();
    if (!sqlite_keyed_count(client, keyed, call, &store->info.records, err))
        return false;
    store->info.latency_ms = clock_monotonic_ms() - started_ms;
    return true;
}

/* --- scan ----------------------------------------------------------------------------------- */

bool sqlite_keyed_scan_open(struct store *store, const struct call *call, void **ret,
                            struct err *err)
{
    *ret = xcalloc(1, sizeof(struct scan));
    return true;
}

bool sqlite_keyed_scan_ids(struct store *store, const struct call *call, void **ret,
                           struct err *err)
{
    struct scan *scan = xcalloc(1, sizeof *scan);
    scan->ids_only = true;
    *ret = scan;
    return true;
}

void sqlite_keyed_scan_close(struct store *store, void *ctx)
{
    struct scan *scan = ctx;
    sbuf_release(&scan->last);
    free(scan);
}

struct page {
    const struct sqlite_keyed *keyed;
    struct scan *scan;
    struct arena *arena;
    size_t max, n;
    struct row *rows;
    sqlite3_blob *sizes[KEYED_VALUES]; /* one handle goes from row to row: opening costs more */
};

/* The stored size of a value, without reading it. What is neither text nor NULL shows when it is
 * read; here it has no size. */
static uint64_t value_bytes(struct sqlite_conn *conn, struct page *page, int value, int64_t rowid,
                            const char *type)
{
    const struct sqlite_keyed *k = page->keyed;
    sqlite3_blob **blob = &page->sizes[value];
    if (strcmp(type, "text") && strcmp(type, "blob"))
        return 0;
    int rc = *blob
                 ? sqlite3_blob_reopen(*blob, rowid)
                 : sqlite3_blob_open(conn->db, "main", k->table, k->values[value], rowid, 0, blob);
    return rc == SQLITE_OK ? (uint64_t)sqlite3_blob_bytes(*blob) : 0;
}

static void row_fill(struct sqlite_conn *conn, struct page *page, sqlite3_stmt *stmt,
                     struct row *ret)
{
    enum { KEY, ROWID, UPDATED_AT, TYPES };
    *ret = (struct row){.id = sqlite_text(page->arena, stmt, KEY), .expires_at_us = TIME_NEVER};
    ret->label = ret->id;
    ret->updated_at_us = TIME_UNKNOWN;
    if (page->scan->ids_only)
        return;
    int64_t rowid = sqlite3_column_int64(stmt, ROWID);
    struct str updated = {(const char *)sqlite3_column_text(stmt, UPDATED_AT),
                          (size_t)sqlite3_column_bytes(stmt, UPDATED_AT)};
    if (!updated.ptr || !time_parse(updated, &ret->updated_at_us))
        ret->updated_at_us = TIME_UNKNOWN;
    for (int i = 0; i < KEYED_VALUES && page->keyed->values[i]; i++) {
        const char *type = (const char *)sqlite3_column_text(stmt, TYPES + i);
        ret->bytes += (int64_t)value_bytes(conn, page, i, rowid, type);
    }
}

/* What row_fill takes: of ids alone the index of the key has all. */
static struct str page_columns(const struct page *page, struct sbuf *out)
{
    const struct sqlite_keyed *k = page->keyed;
    sbuf_cstr(out, k->key);
    if (!page->scan->ids_only)
        sbuf_printf(out, ", _rowid_, %s", k->updated_at);
    for (int i = 0; !page->scan->ids_only && i < KEYED_VALUES && k->values[i]; i++)
        sbuf_printf(out, ", typeof(%s)", k->values[i]);
    return sbuf_view(out);
}

static bool page_fill(struct sqlite_conn *conn, struct page *page, sqlite3_stmt *stmt,
                      struct err *err)
{
    for (bool row;;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            return true;
        row_fill(conn, page, stmt, &page->rows[page->n++]);
    }
}

static bool page_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    struct page *page = ctx;
    const struct sqlite_keyed *k = page->keyed;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    CLEANUP(sbuf_release) struct sbuf columns = SBUF_INIT;
    char sql[SQL_MAX];
    page->n = 0;
    page->rows = arena_array(page->arena, struct row, page->max);
    snprintf(sql, sizeof sql,
             "SELECT %s FROM \"%s\" WHERE %s %s ?1 AND typeof(%s) = 'text'"
             " AND (?3 IS NULL OR %s GLOB ?3) ORDER BY %s LIMIT ?2",
             page_columns(page, &columns).ptr, k->table, k->key,
             page->scan->started ? ">" : ">=", k->key, k->key, k->key);
    if (!sqlite_prepare(conn, sql, &stmt, err))
        return false;
    sqlite_bind(stmt, 1, sbuf_view(&page->scan->last));
    sqlite3_bind_int64(stmt, 2, (int64_t)page->max);
    sqlite_bind(stmt, 3, str_of(k->glob));
    bool ok = page_fill(conn, page, stmt, err);
    for (int i = 0; i < KEYED_VALUES; i++) {
        sqlite3_blob_close(page->sizes[i]);
        page->sizes[i] = NULL;
    }
    return ok;
}

bool sqlite_keyed_scan_next(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                            void *ctx, const struct call *call, struct arena *arena, size_t max,
                            struct row **ret, size_t *ret_n, struct err *err)
{
    struct scan *scan = ctx;
    struct page page = {.keyed = keyed, .scan = scan, .arena = arena, .max = max};
    if (!sqlite_read(client, call, page_read, &page, err))
        return false;
    if (page.n) {
        scan->started = true;
        scan->last.len = 0;
        sbuf_str(&scan->last, page.rows[page.n - 1].id);
    }
    *ret = page.rows;
    *ret_n = page.n;
    return true;
}

/* --- one row -------------------------------------------------------------------------------- */

bool sqlite_keyed_read(struct sqlite_conn *conn, const struct sqlite_keyed *keyed, struct str key,
                       size_t limit, struct arena *arena, bool *ret_found,
                       struct sqlite_keyed_row *ret, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    struct sqlite_keyed_row row = {0};
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT _rowid_, %s FROM \"%s\" WHERE %s = ?1", keyed->updated_at,
             keyed->table, keyed->key);
    if (!sqlite_prepare(conn, sql, &stmt, err))
        return false;
    sqlite_bind(stmt, 1, key);
    if (!sqlite_step(conn, stmt, ret_found, err))
        return false;
    if (!*ret_found)
        return true;
    int64_t rowid = sqlite3_column_int64(stmt, 0);
    row.rowid = sqlite_text(arena, stmt, 0);
    row.updated_at = sqlite_text(arena, stmt, 1);
    for (int i = 0; i < KEYED_VALUES && keyed->values[i]; i++) {
        if (!sqlite_cell_read(conn, keyed->table, keyed->values[i], rowid, limit, arena,
                              &row.values[i], err))
            return false;
    }
    *ret = row;
    return true;
}

/* --- many ----------------------------------------------------------------------------------- */

struct reading {
    sqlite_read_one *read_one;
    struct store *store;
    const struct str *ids;
    size_t n, limit;
    struct arena *arena;
    struct read_item *items;
};

static bool each_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    const struct reading *r = ctx;
    for (size_t i = 0; i < r->n; i++) {
        struct read_item *item = &r->items[i];
        *item = (struct read_item){.doc = {.id = r->ids[i], .label = r->ids[i]}};
        if (r->read_one(conn, r->store, r->limit, r->arena, &item->doc, &item->err) ||
            item->err.kind == ERR_CORRUPT)
            continue;
        if (err)
            *err = item->err;
        return false;
    }
    return true;
}

bool sqlite_read_each(struct sqlite_client *client, sqlite_read_one *read_one, struct store *store,
                      const struct str *ids, size_t n, size_t limit, const struct call *call,
                      struct arena *arena, struct read_item *ret, struct err *err)
{
    struct reading r = {read_one, store, ids, n, limit, arena, ret};
    return sqlite_read(client, call, each_read, &r, err);
}

static bool is_known(const struct sqlite_keyed *keyed, const char *column)
{
    bool known =
        sqlite3_stricmp(column, keyed->key) == 0 || sqlite3_stricmp(column, keyed->updated_at) == 0;
    for (int i = 0; !known && i < KEYED_VALUES && keyed->values[i]; i++)
        known = sqlite3_stricmp(column, keyed->values[i]) == 0;
    return known;
}

/* What a column is made from brings it back. */
static bool is_generated(struct sqlite_conn *conn, const char *table, const char *column)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    if (!sqlite_prepare(conn,
                        "SELECT 1 FROM pragma_table_xinfo(?1) WHERE name = ?2 AND hidden IN (2, 3)",
                        &stmt, NULL))
        return false;
    sqlite_bind(stmt, 1, str_of(table));
    sqlite_bind(stmt, 2, str_of(column));
    return sqlite_step(conn, stmt, &row, NULL) && row;
}

bool sqlite_keyed_more(struct sqlite_conn *conn, const struct sqlite_keyed *keyed, struct str key,
                       struct arena *arena, struct str *ret, struct err *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    struct sbuf names = SBUF_INIT;
    char sql[SQL_MAX];
    bool row;
    snprintf(sql, sizeof sql, "SELECT * FROM \"%s\" WHERE %s = ?1", keyed->table, keyed->key);
    if (!sqlite_prepare(conn, sql, &stmt, err))
        return false;
    sqlite_bind(stmt, 1, key);
    if (!sqlite_step(conn, stmt, &row, err))
        return false;
    for (int i = 0; row && i < sqlite3_column_count(stmt); i++) {
        const char *name = sqlite3_column_name(stmt, i);
        if (!is_known(keyed, name) && sqlite3_column_type(stmt, i) != SQLITE_NULL &&
            !is_generated(conn, keyed->table, name))
            sbuf_printf(&names, "%s%s", names.len ? ", " : "", name);
    }
    *ret = names.len ? arena_str(arena, sbuf_view(&names)) : STR_NULL;
    sbuf_release(&names);
    return true;
}
