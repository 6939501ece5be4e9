/* Sessions in Django's database cache (formats/triggers.md 4.5). Its table may have any name:
 * table= says it, else it is the one on the search path with the columns of a cache. */
#include "backends/django_dbcache.h"
#include "backends/postgres/keyed.h"
#include "backends/postgres/layouts.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct dbcache_store {
    struct session_store sessions; /* first, so that the pointers convert */
    struct pg_client *client;
    struct pg_keyed table;
};

static struct dbcache_store *dbcache(struct store *store)
{
    return (struct dbcache_store *)store;
}

/* --- the table ------------------------------------------------------------------------------- */

enum { TABLES_SHOWN = 5 };

struct found {
    struct str table; /* as SQL; ptr NULL: none */
    bool writes;
};

/* $1: the name the operator gave, plain or with its schema, or NULL. */
static const char tables_sql[] =
    "select c.oid::regclass::text, has_table_privilege(c.oid, 'insert') and"
    " has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete')"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and"
    " case when $1::text is null then pg_table_is_visible(c.oid)"
    " else $1 in (c.relname, n.nspname || '.' || c.relname) end and"
    " (select count(*) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0"
    " and not a.attisdropped and (a.attname, format_type(a.atttypid, null)) in"
    " (('cache_key', 'character varying'), ('value', 'text'),"
    " ('expires', 'timestamp with time zone'))) = 3"
    " order by pg_table_is_visible(c.oid) desc, 1 limit 6";

static struct str names_of(struct arena *arena, const PGresult *res)
{
    struct sbuf out = SBUF_INIT;
    for (int i = 0; i < PQntuples(res) && i < TABLES_SHOWN; i++) {
        struct str name = pg_str(res, i, 0);
        sbuf_printf(&out, "%s%.*s", i ? ", " : "", STR_ARG(name));
    }
    return arena_take(arena, &out);
}

/* ERR_NOT_FOUND, or ERR_INVALID when there are several and none was named. */
static bool table_find(struct pg_client *client, const struct address *address,
                       const struct call *call, struct arena *arena, struct found *ret,
                       struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct str name = str_of(address_param(address, "table"));
    if (!pg_read(client, tables_sql, &name, 1, call, &res, err))
        return false;
    int n = PQntuples(res);
    if (n == 0) {
        err_set(err, ERR_NOT_FOUND, "there is no cache table of Django%s%.*s%s",
                name.ptr ? " named '" : "", STR_ARG(name), name.ptr ? "'" : " in this database");
        return err_hint(err, "it has the columns cache_key, value and expires; table= names it");
    }
    if (n > 1 && !name.ptr) {
        struct str names = names_of(arena, res);
        err_set(err, ERR_INVALID, "there are several cache tables: %.*s", STR_ARG(names));
        return err_hint(err, "say which with table=");
    }
    ret->table = pg_copy(arena, res, 0, 0);
    ret->writes = pg_bool(res, 0, 1);
    return true;
}

/* Keys of sessions: LIKE with the key's head and tail escaped. */
static const char *key_pattern(struct arena *arena, const struct django_key *key)
{
    struct sbuf out = SBUF_INIT;
    const struct str halves[] = {key->head, key->tail};
    for (size_t h = 0; h < 2; h++) {
        for (size_t i = 0; i < halves[h].len; i++) {
            if (halves[h].ptr[i] && strchr("%_\\", halves[h].ptr[i]))
                sbuf_char(&out, '\\');
            sbuf_char(&out, halves[h].ptr[i]);
        }
        if (h == 0)
            sbuf_char(&out, '%');
    }
    struct str pattern = arena_take(arena, &out);
    return pattern.ptr;
}

static struct pg_keyed keyed_of(struct str table, const char *like)
{
    return (struct pg_keyed){
        .table = table.ptr,
        .key = "cache_key",
        .values = {"t.value"},
        .notes = {PG_TIME_TEXT("t.expires"), "(t.expires < now())::text"},
        .like = like,
        .ours = "'cache_key', 'value', 'expires'",
    };
}

/* --- opening --------------------------------------------------------------------------------- */

/* A database that holds such a table is asked for one session in it. */
static bool has_session(struct pg_client *client, struct str table, const struct call *call,
                        struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct pg_keyed keyed = keyed_of(table, "%:triggers.storages.cache:%");
    struct pg_keyed_scan scan = {0};
    struct pg_keyed_row *rows;
    size_t n = 0;
    bool ok = pg_keyed_scan_next(client, &keyed, &scan, call, &arena, 1, &rows, &n, err);
    pg_keyed_scan_release(&scan);
    arena_release(&arena);
    return ok && n;
}

static bool dbcache_detect(const struct layout *layout, const struct address *address,
                           const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct pg_client *client = NULL;
    struct found found;
    struct err none = {0};
    bool ok = pg_client_open(address->url, false, call, &client, err) &&
              table_find(client, address, call, &arena, &found, &none) &&
              (address->system || has_session(client, found.table, call, err));
    pg_client_close(client);
    arena_release(&arena);
    return ok;
}

static void dbcache_close(struct store *store)
{
    struct dbcache_store *s = dbcache(store);
    session_locks_close(&s->sessions);
    pg_client_close(s->client);
    arena_release(&s->sessions.base.arena);
    free(s);
}

static void info_fill(struct dbcache_store *s, const struct found *found)
{
    struct store_info *info = &s->sessions.base.info;
    info->layout_version = arena_printf(&s->sessions.base.arena, "Django's database cache %.*s",
                                        STR_ARG(found->table));
    if (!found->writes)
        store_read_only(&s->sessions.base, STR("this role may not write the cache table"));
    info->rights = info->writable ? STR("reads and writes sessions") : STR("reads sessions");
}

static bool dbcache_open(const struct layout *layout, const struct address *address,
                         const struct store_opts *opts, const struct call *call, struct store **ret,
                         struct err *err)
{
    struct dbcache_store *s = xcalloc(1, sizeof *s);
    struct arena *arena = &s->sessions.base.arena;
    struct found found = {0};
    store_init(&s->sessions.base, layout, address, opts);
    if (!django_key_init(arena, address, &s->sessions.key, err) ||
        !pg_client_open_for(&s->sessions.base, address, call, &s->client, err) ||
        !table_find(s->client, address, call, arena, &found, err) ||
        !session_locks_open(&s->sessions, address, NULL, call, err)) {
        dbcache_close(&s->sessions.base);
        return false;
    }
    s->table = keyed_of(found.table, key_pattern(arena, &s->sessions.key));
    info_fill(s, &found);
    *ret = &s->sessions.base;
    return true;
}

static bool dbcache_probe(struct store *store, const struct call *call, struct err *err)
{
    struct dbcache_store *s = dbcache(store);
    if (!pg_client_ask(s->client, call, err) ||
        !pg_keyed_count(s->client, &s->table, call, &store->info.records, err))
        return false;
    pg_client_describe(s->client, store);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------ */

static bool dbcache_scan_next(struct store *store, void *scan, const struct call *call,
                              struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                              struct err *err)
{
    struct dbcache_store *s = dbcache(store);
    struct pg_keyed_row *found;
    size_t n = 0, asked;
    do { /* a page on which no key was a session's is not the end */
        if (!pg_keyed_scan_next(s->client, &s->table, scan, call, arena, max, &found, &asked, err))
            return false;
        *ret = arena_array(arena, struct row, asked);
        for (size_t i = 0; i < asked; i++) {
            struct str uid;
            if (!django_key_uid(&s->sessions.key, found[i].key, &uid))
                continue;
            (*ret)[n++] = (struct row){.id = uid,
                                       .label = uid,
                                       .bytes = found[i].bytes[0],
                                       .updated_at_us = TIME_UNKNOWN,
                                       .expires_at_us = dbcache_expiry(found[i].notes[0])};
        }
    } while (asked && !n);
    *ret_n = n;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

static struct dbcache_row row_of(const struct pg_keyed_row *found)
{
    return (struct dbcache_row){.value = found->values[0],
                                .bytes = (uint64_t)found->bytes[0],
                                .expires = found->notes[0],
                                .expires_us = dbcache_expiry(found->notes[0]),
                                .expired = str_is(found->notes[1], "true")};
}

static bool dbcache_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                         const struct call *call, struct arena *arena, struct read_item *ret,
                         struct err *err)
{
    struct dbcache_store *s = dbcache(store);
    struct pg_keyed_row *rows = arena_array(arena, struct pg_keyed_row, n);
    struct str *keys = arena_array(arena, struct str, n);
    for (size_t i = 0; i < n; i++)
        keys[i] = django_key_of(arena, &s->sessions.key, ids[i]);
    if (!pg_keyed_read(s->client, &s->table, keys, n, limit, call, arena, rows, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct dbcache_row row = row_of(&rows[i]);
        ret[i] = (struct read_item){0};
        dbcache_document(arena, rows[i].key.ptr ? &row : NULL, ids[i], limit, &ret[i].doc);
    }
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

struct tx {
    struct dbcache_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
};

/* A statement on the cache's table: `before` its name, the name, and what follows. */
static bool run(const struct tx *tx, const char *before, const char *behind,
                const struct str *params, size_t n, int64_t *ret_rows, struct err *err)
{
    struct str sql = arena_printf(tx->arena, "%s %s %s", before, tx->store->table.table, behind);
    return pg_exec(tx->store->client, sql.ptr, params, n, tx->call, ret_rows, err);
}

static bool row_get(void *ctx, struct str key, struct arena *arena, bool *ret_found,
                    struct dbcache_row *ret, struct err *err)
{
    const struct tx *tx = ctx;
    struct pg_keyed_row row;
    if (!pg_keyed_lock(tx->store->client, &tx->store->table, key, tx->call, arena, &row, err))
        return false;
    *ret_found = row.key.ptr;
    *ret = row_of(&row);
    return true;
}

static bool row_update(void *ctx, struct str key, struct str value, int64_t *ret_rows,
                       struct err *err)
{
    struct str params[] = {key, value};
    return run(ctx, "update", "set value = $2 where cache_key = $1", params, 2, ret_rows, err);
}

static bool row_insert(void *ctx, struct str key, struct str value, struct str expires,
                       struct err *err)
{
    struct str params[] = {key, value, expires};
    return run(ctx, "insert into", "(cache_key, value, expires) values ($1, $2, $3::timestamptz)",
               params, 3, NULL, err);
}

static bool row_delete(void *ctx, struct str key, int64_t *ret_rows, struct err *err)
{
    return run(ctx, "delete from", "where cache_key = $1", &key, 1, ret_rows, err);
}

static bool row_more(void *ctx, struct str key, struct arena *arena, struct str *ret,
                     struct err *err)
{
    const struct tx *tx = ctx;
    return pg_keyed_more(tx->store->client, &tx->store->table, key, tx->call, arena, ret, err);
}

static const struct dbcache_engine engine = {
    .row_get = row_get,
    .row_update = row_update,
    .row_insert = row_insert,
    .row_delete = row_delete,
    .row_more = row_more,
    .never = STR("9999-12-31T23:59:59Z"),
};

/* Under the session's lock: one short transaction that compares, writes and reads back. */
static bool change(void *ctx, struct session_hold *hold, struct err *err)
{
    struct tx *tx = ctx;
    struct dbcache_store *s = tx->store;
    struct commit_item *item = tx->item;
    struct str key = django_key_of(tx->arena, &s->sessions.key, item->id);
    if (!session_hold_check(hold, err) ||
        !pg_begin(s->client, PG_WRITE, s->sessions.base.opts.lock_wait_ms, tx->call, err))
        return commit_failed(item, err);
    bool ok = dbcache_commit(&engine, tx, key, hold, item, tx->arena, err);
    return pg_end_item(s->client, ok, item, tx->call, err);
}

static bool dbcache_commit_item(struct store *store, struct commit_item *item,
                                const struct call *call, struct arena *arena, struct err *err)
{
    struct tx tx = {dbcache(store), item, call, arena};
    return session_locks_commit(&tx.store->sessions, item, change, &tx, call, arena, err);
}

static const char *const params[] = {DJANGO_KEY_PARAMS, "table", NULL};

const struct layout postgres_triggers_dbcache = {
    .system = "triggers",
    .backend = "postgres",
    .name = "dbcache",
    .native = true,
    .params = params,
    .detect = dbcache_detect,
    .open = dbcache_open,
    .close = dbcache_close,
    .probe = dbcache_probe,
    .scan_open = pg_keyed_scan_open,
    .scan_next = dbcache_scan_next,
    .scan_close = pg_keyed_scan_close,
    .read = dbcache_read,
    .decode = dbcache_decode,
    .check_id = pg_keyed_check_id,
    .commit = dbcache_commit_item,
    SESSION_LOCK_FUNCTIONS,
};
