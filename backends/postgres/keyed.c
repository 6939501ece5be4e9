#include "backends/postgres/keyed.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 8 << 20, HEAD_CHARS = 1024 };

bool pg_keyed_check_texts(struct str table, struct str no_text, struct err *err)
{
    return !no_text.ptr ||
           err_set(err, ERR_UNSUPPORTED, "the table %.*s is none of this layout: %.*s, not text",
                   STR_ARG(table), STR_ARG(no_text));
}

bool pg_keyed_check_id(struct store *store, struct str id, struct err *err)
{
    if (!str_is_utf8(id) || (id.len && memchr(id.ptr, 0, id.len)))
        return err_set(err, ERR_REFUSED, "%.*s: no text that Postgres can hold", STR_ARG(id));
    return true;
}

/* --- statements ------------------------------------------------------------------------------ */

enum with { KEYS, SIZES, FIRST_CHARS, WHOLE };

/* The columns of a row: key, size of each value, the notes, and the values; $2 is the limit of
 * FIRST_CHARS. */
static void select_columns(struct sbuf *sql, const struct pg_keyed *k, enum with with)
{
    sbuf_printf(sql, "select t.%s", k->key);
    if (with == KEYS)
        return;
    /* octet_length() of a stored value asks its header, not the value. */
    for (const char *const *v = k->values; *v; v++)
        sbuf_printf(sql, ", octet_length(%s)", *v);
    for (const char *const *note = k->notes; *note; note++)
        sbuf_printf(sql, ", %s", *note);
    for (const char *const *v = k->values; with == FIRST_CHARS && *v; v++)
        sbuf_printf(sql, ", case when octet_length(%s) > $2::int8 then left(%s, %d) else %s end",
                    *v, *v, HEAD_CHARS, *v);
    for (const char *const *v = k->values; with == WHOLE && *v; v++)
        sbuf_printf(sql, ", %s", *v);
}

/* What the texts of rows are is the result's, so the arena takes that over. */
static void row_take(const struct pg_keyed *k, const PGresult *res, int row, enum with with,
                     struct pg_keyed_row *ret)
{
    int col = 0;
    *ret = (struct pg_keyed_row){.key = pg_str(res, row, col++)};
    if (with == KEYS)
        return;
    for (size_t i = 0; k->values[i]; i++)
        ret->bytes[i] = pg_i64(res, row, col++, 0);
    for (size_t i = 0; k->notes[i]; i++)
        ret->notes[i] = pg_str(res, row, col++);
    for (size_t i = 0; with > SIZES && k->values[i]; i++)
        ret->values[i] = pg_str(res, row, col++);
}

bool pg_keyed_count(struct pg_client *client, const struct pg_keyed *keyed, const struct call *call,
                    int64_t *ret, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct sbuf sql = SBUF_INIT;
    struct str like = str_of(keyed->like);
    sbuf_printf(&sql, "select count(*) from %s t", keyed->table);
    if (like.ptr)
        sbuf_printf(&sql, " where t.%s like $1", keyed->key);
    bool ok = pg_read(client, sbuf_view(&sql).ptr, &like, like.ptr ? 1 : 0, call, &res, err);
    sbuf_release(&sql);
    if (ok)
        *ret = pg_i64(res, 0, 0, -1);
    return ok;
}

/* --- scan ------------------------------------------------------------------------------------ */

void pg_keyed_scan_release(struct pg_keyed_scan *scan)
{
    sbuf_release(&scan->last);
}

bool pg_keyed_scan_open(struct store *store, const struct call *call, void **ret, struct err *err)
{
    *ret = xcalloc(1, sizeof(struct pg_keyed_scan));
    return true;
}

bool pg_keyed_scan_ids(struct store *store, const struct call *call, void **ret, struct err *err)
{
    struct pg_keyed_scan *scan = xcalloc(1, sizeof *scan);
    scan->keys_alone = true;
    *ret = scan;
    return true;
}

void pg_keyed_scan_close(struct store *store, void *scan)
{
    pg_keyed_scan_release(scan);
    free(scan);
}

/* One page in the order of the key; the arena takes the result over. */
static bool page_ask(struct pg_client *client, const struct pg_keyed *keyed,
                     struct pg_keyed_scan *scan, enum with with, const struct call *call,
                     struct arena *arena, size_t max, PGresult **ret, struct err *err)
{
    PGresult *res = NULL;
    struct sbuf sql = SBUF_INIT;
    struct str params[3] = {arena_printf(arena, "%zu", max)};
    size_t n = 1;
    select_columns(&sql, keyed, with);
    sbuf_printf(&sql, " from %s t where true", keyed->table);
    if (keyed->like) {
        params[n++] = str_of(keyed->like);
        sbuf_printf(&sql, " and t.%s like $%zu", keyed->key, n);
    }
    if (scan->started) {
        params[n++] = sbuf_view(&scan->last);
        sbuf_printf(&sql, " and t.%s > $%zu", keyed->key, n);
    }
    sbuf_printf(&sql, " order by t.%s limit $1", keyed->key);
    bool ok = pg_read(client, sbuf_view(&sql).ptr, params, n, call, &res, err);
    sbuf_release(&sql);
    if (!ok)
        return false;
    pg_keep(arena, res);
    if (PQntuples(res)) {
        scan->started = true;
        scan->last.len = 0;
        sbuf_str(&scan->last, pg_str(res, PQntuples(res) - 1, 0));
    }
    *ret = res;
    return true;
}

bool pg_keyed_scan_next(struct pg_client *client, const struct pg_keyed *keyed,
                        struct pg_keyed_scan *scan, const struct call *call, struct arena *arena,
                        size_t max, struct pg_keyed_row **ret, size_t *ret_n, struct err *err)
{
    PGresult *res;
    enum with with = scan->keys_alone ? KEYS : SIZES;
    if (!page_ask(client, keyed, scan, with, call, arena, max, &res, err))
        return false;
    size_t n = (size_t)PQntuples(res);
    struct pg_keyed_row *rows = arena_array(arena, struct pg_keyed_row, n);
    for (size_t i = 0; i < n; i++)
        row_take(keyed, res, (int)i, with, &rows[i]);
    *ret = rows;
    *ret_n = n;
    return true;
}

bool pg_keyed_next_ids(struct pg_client *client, const struct pg_keyed *keyed,
                       struct pg_keyed_scan *scan, const struct call *call, struct arena *arena,
                       size_t max, struct row **ret, size_t *ret_n, struct err *err)
{
    PGresult *res;
    if (!page_ask(client, keyed, scan, KEYS, call, arena, max, &res, err))
        return false;
    size_t n = (size_t)PQntuples(res);
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++) {
        struct str id = {PQgetvalue(res, (int)i, 0), (size_t)PQgetlength(res, (int)i, 0)};
        rows[i] = (struct row){.id = id,
                               .label = id,
                               .bytes = -1,
                               .updated_at_us = TIME_UNKNOWN,
                               .expires_at_us = TIME_UNKNOWN};
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
    const struct pg_keyed *keyed;
    const struct str *keys;
    size_t n, limit;
    const struct call *call;
    struct arena *arena;
    struct pg_keyed_row *rows;
};

/* Keys [from, to). Each row comes with its place among them. */
static bool rows_ask(struct pg_client *client, const struct reading *r, size_t from, size_t to,
                     enum with with, struct err *err)
{
    PGresult *res = NULL;
    struct sbuf sql = SBUF_INIT;
    struct str params[] = {pg_array(r->arena, r->keys + from, to - from),
                           arena_printf(r->arena, "%zu", r->limit)};
    select_columns(&sql, r->keyed, with);
    sbuf_printf(&sql,
                ", k.place from unnest($1::text[]) with ordinality k(key, place)"
                " join %s t on t.%s = k.key",
                r->keyed->table, r->keyed->key);
    bool ok = pg_query(client, sbuf_view(&sql).ptr, params, with == FIRST_CHARS ? 2 : 1, r->call,
                       &res, err);
    sbuf_release(&sql);
    if (!ok)
        return false;
    pg_keep(r->arena, res);
    for (int row = 0; row < PQntuples(res); row++) {
        size_t place = (size_t)pg_i64(res, row, PQnfields(res) - 1, 0);
        if (place >= 1 && place <= to - from)
            row_take(r->keyed, res, row, with, &r->rows[from + place - 1]);
    }
    return true;
}

static size_t answer_bytes(const struct reading *r, const struct pg_keyed_row *row)
{
    size_t sum = 0;
    for (size_t i = 0; i < PG_KEYED_VALUES; i++)
        sum += row->bytes[i] > (int64_t)r->limit ? HEAD_CHARS : (size_t)row->bytes[i];
    return sum;
}

/* Sizes first: a page of large values must not come as one answer. */
static bool rows_read(struct pg_client *client, const struct reading *r, struct err *err)
{
    if (!rows_ask(client, r, 0, r->n, SIZES, err))
        return false;
    for (size_t from = 0, to; from < r->n; from = to) {
        size_t bytes = answer_bytes(r, &r->rows[from]);
        for (to = from + 1; to < r->n; to++) {
            bytes += answer_bytes(r, &r->rows[to]);
            if (bytes > BATCH_BYTES)
                break;
        }
        if (!rows_ask(client, r, from, to, FIRST_CHARS, err))
            return false;
    }
    return true;
}

bool pg_keyed_read(struct pg_client *client, const struct pg_keyed *keyed, const struct str *keys,
                   size_t n, size_t limit, const struct call *call, struct arena *arena,
                   struct pg_keyed_row *ret, struct err *err)
{
    struct reading r = {keyed, keys, n, limit, call, arena, ret};
    memset(ret, 0, n * sizeof *ret);
    if (!pg_begin(client, PG_SNAPSHOT, 0, call, err))
        return false;
    return pg_end(client, rows_read(client, &r, err), call, err);
}

/* A row that may be seen but not changed is not found by FOR UPDATE. */
static bool check_absent(struct pg_client *client, const struct pg_keyed *keyed, struct str key,
                         const struct call *call, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct sbuf sql = SBUF_INIT;
    sbuf_printf(&sql, "select 1 from %s t where t.%s = $1", keyed->table, keyed->key);
    bool ok = pg_query(client, sbuf_view(&sql).ptr, &key, 1, call, &res, err);
    sbuf_release(&sql);
    if (ok && PQntuples(res))
        return err_set(err, ERR_DENIED, "a row-level policy keeps this role from changing %.*s",
                       STR_ARG(key));
    return ok;
}

bool pg_keyed_lock(struct pg_client *client, const struct pg_keyed *keyed, struct str key,
                   const struct call *call, struct arena *arena, struct pg_keyed_row *ret,
                   struct err *err)
{
    PGresult *res = NULL;
    struct sbuf sql = SBUF_INIT;
    select_columns(&sql, keyed, WHOLE);
    sbuf_printf(&sql, " from %s t where t.%s = $1 for update", keyed->table, keyed->key);
    bool ok = pg_query(client, sbuf_view(&sql).ptr, &key, 1, call, &res, err);
    sbuf_release(&sql);
    *ret = (struct pg_keyed_row){0};
    if (!ok)
        return false;
    pg_keep(arena, res);
    if (!PQntuples(res))
        return check_absent(client, keyed, key, call, err);
    if (PQntuples(res) == 1)
        row_take(keyed, res, 0, WHOLE, ret);
    return true;
}

bool pg_keyed_more(struct pg_client *client, const struct pg_keyed *keyed, struct str key,
                   const struct call *call, struct arena *arena, struct str *ret, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct sbuf sql = SBUF_INIT;
    struct str params[] = {key, str_of(keyed->table)};
    sbuf_printf(&sql,
                "select string_agg(m.what, ', ') from ("
                "select e.key as what from %s t, json_each(to_json(t)) e where t.%s = $1"
                " and e.key not in (%s) and e.value::text <> 'null' union all "
                "select 'rows of ' || c.conrelid::regclass from pg_constraint c"
                " where c.contype = 'f' and c.confrelid = $2::text::regclass"
                " and c.confdeltype in ('c', 'n', 'd')) m",
                keyed->table, keyed->key, keyed->ours);
    bool ok = pg_query(client, sbuf_view(&sql).ptr, params, 2, call, &res, err);
    sbuf_release(&sql);
    if (ok)
        *ret = pg_copy(arena, res, 0, 0);
    return ok;
}
