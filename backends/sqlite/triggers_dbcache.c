/* Sessions in Django's database cache on SQLite (formats/triggers.md 4.5). `expires` is a text
 * without a zone: UTC with USE_TZ, else the application's own, which nothing here tells. zone=
 * does; without it the text is shown as UTC, taken for past only when it is past in every zone, and
 * what may be past is said to be. */
#include "backends/django_dbcache.h"
#include "backends/sqlite/keyed.h"
#include "backends/sqlite/layouts.h"
#include "core/base/cleanup.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US (24 * 3600 * INT64_C(1000000))
#define WIDEST_ZONE_US (14 * 3600 * INT64_C(1000000))

struct dbcache_store {
    struct session_store sessions; /* first, so that the pointers convert */
    struct sqlite_client *client;
    struct sqlite_keyed table;
    int64_t ahead_us, off_us; /* as of an engine */
};

static struct dbcache_store *dbcache(struct store *store)
{
    return (struct dbcache_store *)store;
}

/* --- the table ------------------------------------------------------------------------------- */

struct table_search {
    struct str wanted; /* table=, or ptr NULL */
    struct arena *arena;
    struct str table; /* the first that fits */
    int n;
};

static bool tables_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    struct table_search *f = ctx;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    f->n = 0;
    if (!sqlite_prepare(
            conn,
            "SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND"
            " instr(m.name, '\"') = 0 AND (?1 IS NULL OR m.name = ?1 COLLATE NOCASE) AND"
            " (SELECT count(*) FROM pragma_table_info(m.name) i WHERE i.name IN"
            " ('cache_key', 'value', 'expires')) = 3 ORDER BY m.name",
            &stmt, err))
        return false;
    sqlite_bind(stmt, 1, f->wanted);
    for (bool row;;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            return true;
        if (f->n++ == 0)
            f->table = sqlite_text(f->arena, stmt, 0);
    }
}

static bool table_find(struct sqlite_client *client, const struct address *address,
                       const struct call *call, struct arena *arena, struct str *ret,
                       struct err *err)
{
    struct table_search f = {.wanted = str_of(address_param(address, "table")), .arena = arena};
    if (!sqlite_read(client, call, tables_read, &f, err))
        return false;
    if (f.n == 1) {
        *ret = f.table;
        return true;
    }
    if (f.n > 1) {
        err_set(err, ERR_INVALID, "there are several cache tables, '%.*s' is one",
                STR_ARG(f.table));
        return err_hint(err, "say which with table=");
    }
    err_set(err, ERR_NOT_FOUND, "there is no cache table of Django in %s", address->url);
    return err_hint(err, "it has the columns cache_key, value and expires; table= names it");
}

static bool rowid_read(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    return sqlite_rowid_check(conn, ((const struct str *)ctx)->ptr, err);
}

/* Keys of sessions. A bracket takes every special character's meaning away. */
static const char *key_pattern(struct arena *arena, const struct django_key *key)
{
    struct sbuf out = SBUF_INIT;
    const struct str halves[] = {key->head, key->tail};
    for (size_t h = 0; h < 2; h++) {
        for (size_t i = 0; i < halves[h].len; i++) {
            char c = halves[h].ptr[i];
            sbuf_printf(&out, c == '*' || c == '?' || c == '[' ? "[%c]" : "%c", c);
        }
        if (h == 0)
            sbuf_char(&out, '*');
    }
    struct str pattern = arena_take(arena, &out);
    return pattern.ptr;
}

static struct sqlite_keyed keyed_of(struct str table, const char *glob)
{
    return (struct sqlite_keyed){.table = table.ptr,
                                 .key = "cache_key",
                                 .updated_at = "expires", /* the text beside the value */
                                 .values = {"value"},
                                 .glob = glob};
}

/* --- opening --------------------------------------------------------------------------------- */

static bool has_session(struct sqlite_client *client, struct str table, const struct call *call,
                        struct err *err)
{
    struct sqlite_keyed keyed = keyed_of(table, "*:triggers.storages.cache:*");
    int64_t n = 0;
    return sqlite_keyed_count(client, &keyed, call, &n, err) && n > 0;
}

/* zone=UTC or zone=+HH:MM, as the application writes. */
static bool zone_read(struct dbcache_store *s, const struct address *address, struct err *err)
{
    const char *zone = address_param(address, "zone");
    struct store *base = &s->sessions.base;
    int64_t us;
    if (!zone) {
        s->off_us = WIDEST_ZONE_US;
        base->info.note = STR("expiry has no zone here and is shown as UTC; zone= says which");
        return true;
    }
    if (strcmp(zone, "UTC") == 0)
        return true;
    if (!time_parse(arena_printf(&base->arena, "1970-01-02T00:00:00%s", zone), &us) ||
        (zone[0] != '+' && zone[0] != '-') || us < DAY_US - WIDEST_ZONE_US ||
        us > DAY_US + WIDEST_ZONE_US)
        return err_set(err, ERR_INVALID, "zone=%s: neither UTC nor +HH:MM or -HH:MM", zone);
    s->ahead_us = DAY_US - us;
    return true;
}

static int64_t in_utc(const struct dbcache_store *s, int64_t expires_us)
{
    bool moment = expires_us != TIME_UNKNOWN && expires_us != TIME_NEVER;
    return moment ? expires_us - s->ahead_us : expires_us;
}

static bool dbcache_detect(const struct layout *layout, const struct address *address,
                           const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct sqlite_client *client = sqlite_client_new(address->url, false);
    struct str table;
    struct err none = {0};
    bool ok = table_find(client, address, call, &arena, &table, &none) &&
              (address->system || has_session(client, table, call, err));
    sqlite_client_free(client);
    arena_release(&arena);
    return ok;
}

static void dbcache_close(struct store *store)
{
    struct dbcache_store *s = dbcache(store);
    session_locks_close(&s->sessions);
    sqlite_client_free(s->client);
    arena_release(&store->arena);
    free(s);
}

static bool dbcache_open(const struct layout *layout, const struct address *address,
                         const struct store_opts *opts, const struct call *call, struct store **ret,
                         struct err *err)
{
    struct dbcache_store *s = xcalloc(1, sizeof *s);
    struct store *base = &s->sessions.base;
    struct str table;
    store_init(base, layout, address, opts);
    s->client = sqlite_client_new_for(base, address);
    if (!zone_read(s, address, err) ||
        !django_key_init(&base->arena, address, &s->sessions.key, err) ||
        !table_find(s->client, address, call, &base->arena, &table, err) ||
        !sqlite_read(s->client, call, rowid_read, &table, err) ||
        !session_locks_open(&s->sessions, address, NULL, call, err)) {
        dbcache_close(base);
        return false;
    }
    s->table = keyed_of(table, key_pattern(&base->arena, &s->sessions.key));
    base->info.layout_version =
        arena_printf(&base->arena, "Django's database cache %.*s", STR_ARG(table));
    base->info.rights =
        base->info.writable ? STR("reads and writes sessions") : STR("reads sessions");
    *ret = base;
    return true;
}

static bool dbcache_probe(struct store *store, const struct call *call, struct err *err)
{
    struct dbcache_store *s = dbcache(store);
    return sqlite_keyed_probe(s->client, &s->table, store, call, err);
}

/* --- scan ------------------------------------------------------------------------------------ */

static bool dbcache_scan_next(struct store *store, void *scan, const struct call *call,
                              struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                              struct err *err)
{
    struct dbcache_store *s = dbcache(store);
    size_t n = 0, asked;
    do { /* a page on which no key was a session's is not the end */
        if (!sqlite_keyed_scan_next(s->client, &s->table, scan, call, arena, max, ret, &asked, err))
            return false;
        for (size_t i = 0; i < asked; i++) {
            struct row row = (*ret)[i];
            if (!django_key_uid(&s->sessions.key, row.id, &row.id))
                continue;
            row.label = row.id;
            row.expires_at_us =
                in_utc(s, dbcache_never(row.updated_at_us) ? TIME_NEVER : row.updated_at_us);
            row.updated_at_us = TIME_UNKNOWN;
            (*ret)[n++] = row;
        }
    } while (asked && !n);
    *ret_n = n;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool row_read(struct sqlite_conn *conn, const struct dbcache_store *s, struct str key,
                     size_t limit, struct arena *arena, bool *ret_found, struct dbcache_row *ret,
                     struct err *err)
{
    struct sqlite_keyed_row row;
    if (!sqlite_keyed_read(conn, &s->table, key, limit, arena, ret_found, &row, err))
        return false;
    if (!*ret_found)
        return true;
    *ret = (struct dbcache_row){.value = row.values[0].value,
                                .bytes = row.values[0].bytes,
                                .expires = row.updated_at,
                                .expires_us = in_utc(s, dbcache_expiry(row.updated_at)),
                                .expires_off_us = s->off_us};
    ret->expired = ret->expires_us != TIME_UNKNOWN && ret->expires_us != TIME_NEVER &&
                   ret->expires_us + s->off_us < clock_now_us();
    return true;
}

static bool record_read(struct sqlite_conn *conn, struct store *store, size_t limit,
                        struct arena *arena, struct document *doc, struct err *err)
{
    const struct dbcache_store *s = dbcache(store);
    struct str key = django_key_of(arena, &s->sessions.key, doc->id);
    struct dbcache_row row;
    bool found;
    if (!row_read(conn, s, key, limit, arena, &found, &row, err))
        return false;
    dbcache_document(arena, found ? &row : NULL, doc->id, limit, doc);
    return true;
}

static bool dbcache_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                         const struct call *call, struct arena *arena, struct read_item *ret,
                         struct err *err)
{
    return sqlite_read_each(dbcache(store)->client, record_read, store, ids, n, limit, call, arena,
                            ret, err);
}

/* --- changing -------------------------------------------------------------------------------- */

struct tx {
    struct dbcache_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct sqlite_conn conn;
};

/* A statement on the cache's table: `before` its name, the name, and what follows. */
static bool run(struct tx *tx, const char *before, const char *behind, const struct str *params,
                int n, int64_t *ret_rows, struct err *err)
{
    struct str sql =
        arena_printf(tx->arena, "%s \"%s\" %s", before, tx->store->table.table, behind);
    return sqlite_exec(&tx->conn, sql.ptr, params, n, ret_rows, err);
}

static bool row_get(void *ctx, struct str key, struct arena *arena, bool *ret_found,
                    struct dbcache_row *ret, struct err *err)
{
    struct tx *tx = ctx;
    return row_read(&tx->conn, tx->store, key, VALUE_LIMIT, arena, ret_found, ret, err);
}

static bool row_update(void *ctx, struct str key, struct str value, int64_t *ret_rows,
                       struct err *err)
{
    struct str params[] = {key, value};
    return run(ctx, "UPDATE", "SET value = ?2 WHERE cache_key = ?1", params, 2, ret_rows, err);
}

static bool row_insert(void *ctx, struct str key, struct str value, struct str expires,
                       struct err *err)
{
    struct str params[] = {key, value, expires};
    return run(ctx, "INSERT INTO", "(cache_key, value, expires) VALUES (?1, ?2, ?3)", params, 3,
               NULL, err);
}

static bool row_delete(void *ctx, struct str key, int64_t *ret_rows, struct err *err)
{
    return run(ctx, "DELETE FROM", "WHERE cache_key = ?1", &key, 1, ret_rows, err);
}

static bool row_more(void *ctx, struct str key, struct arena *arena, struct str *ret,
                     struct err *err)
{
    struct tx *tx = ctx;
    return sqlite_keyed_more(&tx->conn, &tx->store->table, key, arena, ret, err);
}

static const struct dbcache_engine engine = {
    .row_get = row_get,
    .row_update = row_update,
    .row_insert = row_insert,
    .row_delete = row_delete,
    .row_more = row_more,
    .never = STR("9999-12-31 23:59:59"),
};

/* Under the session's lock: one short transaction that compares, writes and reads back. */
static bool change(void *ctx, struct session_hold *hold, struct err *err)
{
    struct tx *tx = ctx;
    struct dbcache_store *s = tx->store;
    struct str key = django_key_of(tx->arena, &s->sessions.key, tx->item->id);
    if (!session_hold_check(hold, err) ||
        !sqlite_write_begin(s->client, s->sessions.base.opts.lock_wait_ms, tx->call, &tx->conn,
                            err))
        return commit_failed(tx->item, err);
    struct dbcache_engine zoned = engine;
    zoned.ahead_us = s->ahead_us;
    zoned.off_us = s->off_us;
    bool ok = dbcache_commit(&zoned, tx, key, hold, tx->item, tx->arena, err);
    ok = sqlite_commit_item(&tx->conn, ok, tx->item, err);
    sqlite_conn_close(&tx->conn);
    return ok;
}

static bool dbcache_commit_item(struct store *store, struct commit_item *item,
                                const struct call *call, struct arena *arena, struct err *err)
{
    struct tx tx = {dbcache(store), item, call, arena, {0}};
    return session_locks_commit(&tx.store->sessions, item, change, &tx, call, arena, err);
}

static const char *const params[] = {DJANGO_KEY_PARAMS, "table", "zone", NULL};

const struct layout sqlite_triggers_dbcache = {
    .system = "triggers",
    .backend = "sqlite",
    .name = "dbcache",
    .native = true,
    .params = params,
    .detect = dbcache_detect,
    .open = dbcache_open,
    .close = dbcache_close,
    .probe = dbcache_probe,
    .scan_open = sqlite_keyed_scan_open,
    .scan_next = dbcache_scan_next,
    .scan_close = sqlite_keyed_scan_close,
    .read = dbcache_read,
    .decode = dbcache_decode,
    .commit = dbcache_commit_item,
    SESSION_LOCK_FUNCTIONS,
};
