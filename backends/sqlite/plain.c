#include "backends/sqlite/plain.h"
#include "backends/sqlite/layouts.h"
#include "core/base/cleanup.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const record_columns[] = {"key", "record", "updated_at"};
enum { ALL_COLUMNS = 7 };

/* --- opening ---------------------------------------------------------------------------------- */

static bool columns_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    return sqlite_columns(conn, "penstock_records", record_columns, 3, ctx, err);
}

static bool rowid_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    return sqlite_rowid_check(conn, "penstock_records", err);
}

static bool has_table(struct sqlite_client *client, const struct call *call, struct err *err)
{
    unsigned found = 0;
    return sqlite_read(client, call, columns_read, &found, err) &&
           (found == ALL_COLUMNS ||
            err_set(err, ERR_UNSUPPORTED,
                    "there is no table penstock_records as penstock knows it"));
}

static bool plain_detect(const struct layout *layout, const struct address *address,
                         const struct call *call, struct err *err)
{
    struct sqlite_client *client = sqlite_client_new(address->url, false);
    bool found = has_table(client, call, err);
    sqlite_client_free(client);
    return found;
}

static void plain_close(struct store *store)
{
    sqlite_client_free(sqlite_plain(store)->client);
    arena_release(&store->arena);
    free(store);
}

static bool plain_open(const struct layout *layout, const struct address *address,
                       const struct store_opts *opts, const struct call *call, struct store **ret,
                       struct err *err)
{
    struct plain_store *s = xcalloc(1, sizeof *s);
    store_init(&s->base, layout, address, opts);
    const char *keys = arena_printf(&s->base.arena, "%s:*", layout->system).ptr;
    s->client = sqlite_client_new_for(&s->base, address);
    s->format =
        (struct content_format){.system = s->base.info.system, .wrapped = true, .now = plain_now};
    s->records = (struct sqlite_keyed){.table = "penstock_records",
                                       .key = "key",
                                       .updated_at = "updated_at",
                                       .values = {"record"},
                                       .glob = keys};
    if (!has_table(s->client, call, err) || !sqlite_read(s->client, call, rowid_read, NULL, err)) {
        err_hint(err, "docs/stores.md has the two tables of the plain layout");
        plain_close(&s->base);
        return false;
    }
    s->base.info.rights = s->base.info.writable
                              ? STR("reads and writes records, takes and breaks locks")
                              : STR("reads records and locks");
    *ret = &s->base;
    return true;
}

static bool plain_probe(struct store *store, const struct call *call, struct err *err)
{
    struct plain_store *s = sqlite_plain(store);
    return sqlite_keyed_probe(s->client, &s->records, store, call, err);
}

/* --- records ---------------------------------------------------------------------------------- */

/* The first line of an image says what stood in `updated_at`: NO_MOMENT for NULL, else the text
 * behind MOMENT. Journals of earlier versions have neither. */
#define IMAGE "plain"
#define NO_MOMENT IMAGE " null\n"
#define MOMENT IMAGE " ="

static struct str image_of(struct str updated_at, struct str text, struct arena *arena)
{
    if (!updated_at.ptr)
        return arena_join(arena, STR(NO_MOMENT), text, STR_NULL);
    if (str_index(updated_at, '\n') >= 0) /* no moment that anybody writes */
        return arena_join(arena, STR(IMAGE "\n"), text, STR_NULL);
    return arena_join(arena, arena_join(arena, STR(MOMENT), updated_at, STR("\n")), text, STR_NULL);
}

/* What `updated_at` is to be beside this text: the old moment when an undo brings back the old
 * text whole. */
static struct str moment_for(const struct commit_item *item, struct str text, struct arena *arena)
{
    struct str old = content_text(item->image);
    if (item->kind == EDIT_RESTORE && old.ptr && text.ptr && str_eq(old, text)) {
        struct str line = str_sub(item->image, 0, (size_t)(old.ptr - item->image.ptr));
        if (str_is(line, NO_MOMENT))
            return STR_NULL;
        if (str_starts(line, MOMENT))
            return str_sub(line, strlen(MOMENT), line.len - 1);
    }
    return time_rfc3339(arena, clock_now_us());
}

/* A row as it is stored; `found` false: none. */
struct stored {
    bool found;
    struct sqlite_keyed_row row;
};

static void document_fill(const struct plain_store *s, const struct stored *stored, struct str id,
                          size_t limit, struct arena *arena, struct document *ret)
{
    const struct sqlite_cell *cell = &stored->row.values[0];
    *ret = content_absent(&s->format, id);
    if (!stored->found)
        return;
    ret->absent = false;
    if (!stored->row.updated_at.ptr || !time_parse(stored->row.updated_at, &ret->updated_at_us))
        ret->updated_at_us = TIME_UNKNOWN;
    ret->bytes = cell->bytes;
    if (cell->bytes > limit) {
        ret->truncated = true;
        ret->head = cell->value;
        return;
    }
    struct str text = cell->is_null ? STR_NULL : cell->value;
    content_read(&s->format, image_of(stored->row.updated_at, text, arena), arena, ret);
}

static bool record_read(struct sqlite_conn *conn, struct store *store, size_t limit,
                        struct arena *arena, struct document *doc, struct err *err)
{
    const struct plain_store *s = sqlite_plain(store);
    struct str id = doc->id;
    struct stored stored = {0};
    if (!sqlite_keyed_read(conn, &s->records, sqlite_plain_key(s, id, arena), limit, arena,
                           &stored.found, &stored.row, err))
        return false;
    document_fill(s, &stored, id, limit, arena, doc);
    return true;
}

static bool plain_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                       const struct call *call, struct arena *arena, struct read_item *ret,
                       struct err *err)
{
    return sqlite_read_each(sqlite_plain(store)->client, record_read, store, ids, n, limit, call,
                            arena, ret, err);
}

static bool plain_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                         struct document *ret, struct err *err)
{
    if (!content_text(image).ptr)
        return err_set(err, ERR_CORRUPT, "the kept image is none of this store");
    const struct content_format *format = &sqlite_plain(store)->format;
    *ret = content_absent(format, id);
    ret->absent = false;
    ret->bytes = content_text(image).len;
    content_read(format, image, arena, ret);
    return true;
}

static bool plain_check_id(struct store *store, struct str id, struct err *err)
{
    return (id.len && str_is_utf8(id) && !memchr(id.ptr, 0, id.len)) ||
           err_set(err, ERR_REFUSED, "%.*s: no id that a row can have", STR_ARG(id));
}

/* --- scan ------------------------------------------------------------------------------------- */

struct heads {
    const struct plain_store *store;
    struct arena *arena;
    struct row *rows;
    size_t n;
};

/* Labels lie in the first bytes of a record. */
static bool heads_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    enum { LABEL_BYTES = 4096 };
    const struct heads *h = ctx;
    for (size_t i = 0; i < h->n; i++) {
        struct row *row = &h->rows[i];
        struct stored stored = {0};
        struct err ignored = {0};
        if (!sqlite_keyed_read(conn, &h->store->records,
                               sqlite_plain_key(h->store, row->id, h->arena), LABEL_BYTES, h->arena,
                               &stored.found, &stored.row, &ignored) &&
            ignored.kind != ERR_CORRUPT) {
            *err = ignored;
            return false;
        }
        row->label = row->id;
        row->expires_at_us = TIME_NEVER;
        if (stored.found && !stored.row.values[0].is_null)
            content_head(stored.row.values[0].value, h->arena, &row->label, &row->expires_at_us);
    }
    return true;
}

static bool plain_scan_next(struct store *store, void *scan, const struct call *call,
                            struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                            struct err *err)
{
    struct plain_store *s = sqlite_plain(store);
    if (!sqlite_keyed_scan_next(s->client, &s->records, scan, call, arena, max, ret, ret_n, err))
        return false;
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i].id = sqlite_plain_id(s, (*ret)[i].id);
    struct heads heads = {s, arena, *ret, *ret_n};
    return *ret_n == 0 || sqlite_read(s->client, call, heads_read, &heads, err);
}

/* --- changing --------------------------------------------------------------------------------- */

struct work {
    struct plain_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct sqlite_conn conn;
    struct document now;
};

static bool look(struct work *w, struct err *err)
{
    w->now = (struct document){.id = w->item->id};
    return record_read(&w->conn, &w->store->base, VALUE_LIMIT, w->arena, &w->now, err);
}

/* The text that is to be stored; ptr NULL: no row. */
static bool wanted(struct work *w, struct str *ret, struct err *err)
{
    struct commit_item *item = w->item;
    const struct content_format *format = &w->store->format;
    struct sbuf text = SBUF_INIT;
    bool ok = true;
    *ret = STR_NULL;
    if (item->kind == EDIT_WRITE) {
        const struct value *after =
            content_fill_late(format, w->now.root, item->after, clock_now_us(), w->arena);
        ok = content_write(format, &w->now, after, item->change, &text, err);
    } else if (item->kind == EDIT_RESTORE && item->image.ptr) {
        ok = content_restore(format, &w->now, item->image, item->change, w->arena, &text, err);
    } else {
        return true;
    }
    if (ok)
        *ret = arena_str(w->arena, sbuf_view(&text));
    sbuf_release(&text);
    return ok;
}

/* Of a row that an undo takes away we know how it was made. */
static bool may_remove(struct work *w, struct str key, struct err *err)
{
    struct str more = STR_NULL;
    if (w->item->kind != EDIT_REMOVE)
        return true;
    return sqlite_keyed_more(&w->conn, &w->store->records, key, w->arena, &more, err) &&
           (!more.ptr || commit_takes_more(w->item, more, err));
}

static bool put_row(struct work *w, struct str text, struct err *err)
{
    struct str params[] = {sqlite_plain_key(w->store, w->item->id, w->arena), text,
                           moment_for(w->item, text, w->arena)};
    int64_t rows = 0;
    if (!text.ptr && !may_remove(w, params[0], err))
        return false;
    bool ok = text.ptr ? sqlite_exec(&w->conn,
                                     "INSERT INTO penstock_records (key, record, updated_at)"
                                     " VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET"
                                     " record = excluded.record, updated_at = excluded.updated_at",
                                     params, 3, &rows, err)
                       : sqlite_exec(&w->conn, "DELETE FROM penstock_records WHERE key = ?1",
                                     params, 1, &rows, err);
    return ok &&
           (rows == 1 || err_set(err, ERR_CONFLICT, "%.*s: the row was not there to be written",
                                 STR_ARG(w->item->id)));
}

/* What the transaction would leave must be what was meant: a trigger may drop or alter it. */
static bool kept(struct work *w, struct str text, struct err *err)
{
    if (text.ptr ? str_eq(content_text(w->now.image), text) : w->now.absent)
        return true;
    return commit_not_kept(w->item, err);
}

static bool change(struct work *w, struct err *err)
{
    struct str text;
    if (!sqlite_plain_begin(w->store, w->item->id, w->call, w->arena, &w->conn, err) ||
        !look(w, err))
        return commit_failed(w->item, err);
    w->item->now = w->now;
    if (!commit_compare(w->item, &w->now))
        return true;
    if (!wanted(w, &text, err) || !put_row(w, text, err) || !look(w, err) || !kept(w, text, err) ||
        !sqlite_commit(&w->conn, err))
        return commit_failed(w->item, err);
    w->item->now = w->now;
    w->item->outcome = OUTCOME_APPLIED;
    return true;
}

static bool break_lock(struct work *w, struct err *err)
{
    struct commit_item *item = w->item;
    struct read_item now;
    bool gone;
    if (!sqlite_plain_lock_remove(w->store, item->id, item->lock_token, w->call, w->arena, &gone,
                                  err) ||
        !plain_read(&w->store->base, &item->id, 1, VALUE_LIMIT, w->call, w->arena, &now, err))
        return false;
    return commit_broke(item, gone, &now.doc);
}

static bool plain_commit(struct store *store, struct commit_item *item, const struct call *call,
                         struct arena *arena, struct err *err)
{
    struct work w = {.store = sqlite_plain(store), .item = item, .call = call, .arena = arena};
    bool ok = item->kind == EDIT_BREAK ? break_lock(&w, err) : change(&w, err);
    sqlite_conn_close(&w.conn);
    return ok;
}

/* --- the layouts ------------------------------------------------------------------------------ */

const struct layout sqlite_plain_etl = {
    .system = "etl",
    .backend = "sqlite",
    .name = "plain",
    .native = false,
    .detect = plain_detect,
    .open = plain_open,
    .close = plain_close,
    .probe = plain_probe,
    .scan_open = sqlite_keyed_scan_open,
    .scan_next = plain_scan_next,
    .scan_close = sqlite_keyed_scan_close,
    .read = plain_read,
    .decode = plain_decode,
    .check_id = plain_check_id,
    .commit = plain_commit,
    .locks = sqlite_plain_locks,
    .lock_hold = sqlite_plain_lock_hold,
    .lock_release = sqlite_plain_lock_release,
    .breaks_locks = true,
    .activity = plain_activity,
};
