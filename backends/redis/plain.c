/* The plain layout on Redis: one string a record (plain.h, docs/stores.md). */
#include "backends/redis/plain.h"

#include "backends/meltano_runs.h"
#include "backends/redis/layouts.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 4096 }; /* within which label and expiry of a record stand */

/* --- opening ---------------------------------------------------------------------------------- */

static void set_keys(struct arena *arena, const struct layout *layout,
                     const struct address *address, struct redis_keyed *ret_records,
                     struct redis_keyed *ret_locks)
{
    const char *prefix = address_param(address, "prefix");
    prefix = prefix ? prefix : "penstock:";
    *ret_records =
        (struct redis_keyed){arena_printf(arena, "%s%s:", prefix, layout->system), STR("")};
    *ret_locks =
        (struct redis_keyed){arena_printf(arena, "%slock:%s:", prefix, layout->system), STR("")};
}

static bool plain_detect(const struct layout *layout, const struct address *address,
                         const struct call *call, struct err *err)
{
    struct redis_client *client;
    struct arena arena = ARENA_INIT;
    struct redis_keyed records, locks;
    if (!redis_open(address->url, false, call, &client, err))
        return false;
    set_keys(&arena, layout, address, &records, &locks);
    bool found = redis_keyed_any(client, &records, call, &(struct err){0});
    redis_close(client);
    arena_release(&arena);
    return found;
}

static void plain_close(struct store *base)
{
    redis_close(((struct plain_store *)base)->client);
    arena_release(&base->arena);
    free(base);
}

static bool fill_info(struct plain_store *store, const struct call *call, struct err *err)
{
    struct store_info *info = &store->base.info;
    const struct redis_server *server = redis_server(store->client);
    if (server->cluster)
        return err_set(err, ERR_UNSUPPORTED,
                       "a Redis Cluster: a record and its lock are two keys, and lie on two nodes");
    redis_describe(store->client, call, &store->base);
    info->rights = info->writable ? STR("reads and writes records, takes and breaks locks")
                                  : STR("reads records and locks");
    return true;
}

static bool plain_open(const struct layout *layout, const struct address *address,
                       const struct store_opts *opts, const struct call *call, struct store **ret,
                       struct err *err)
{
    struct plain_store *store = xcalloc(1, sizeof *store);
    store_init(&store->base, layout, address, opts);
    int64_t began_ms = clock_monotonic_ms();
    store->format = (struct content_format){
        .system = store->base.info.system, .wrapped = true, .now = plain_now};
    set_keys(&store->base.arena, layout, address, &store->records, &store->locks);
    if (!redis_open(address->url, opts->writable, call, &store->client, err) ||
        !fill_info(store, call, err) || !meltano_runs_open(&store->base, address, call, err)) {
        plain_close(&store->base);
        return false;
    }
    store->base.info.latency_ms = clock_monotonic_ms() - began_ms;
    *ret = &store->base;
    return true;
}

static bool plain_probe(struct store *base, const struct call *call, struct err *err)
{
    return redis_probe(((struct plain_store *)base)->client, base, call, err);
}

/* --- scan ------------------------------------------------------------------------------------- */

static bool plain_scan_next(struct store *base, void *scan, const struct call *call,
                            struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                            struct err *err)
{
    struct plain_store *store = (struct plain_store *)base;
    struct redis_stored *page;
    size_t n;
    if (redis_keyed_ids_alone(scan))
        return redis_keyed_next_ids(store->client, &store->records, scan, call, arena, max, ret,
                                    ret_n, err);
    if (!redis_keyed_scan_next(store->client, &store->records, scan, LABEL_BYTES, call, arena, max,
                               &page, &n, err))
        return false;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct row){.id = page[i].id,
                               .label = page[i].id,
                               .bytes = page[i].len,
                               .updated_at_us = TIME_UNKNOWN,
                               .expires_at_us = redis_expiry_us(page[i].pttl_ms)};
        content_head(page[i].bytes, arena, &rows[i].label, &rows[i].expires_at_us);
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

/* --- documents -------------------------------------------------------------------------------- */

static const char image_magic[] = "plain1 ";

bool redis_plain_image_read(struct str image, struct str *ret_bytes, int64_t *ret_expires_ms,
                            struct err *err)
{
    ptrdiff_t end = str_index(image, '\n');
    size_t magic = sizeof image_magic - 1;
    if (end < 0 || !str_starts(image, image_magic) ||
        !str_i64(str_sub(image, magic, (size_t)end), ret_expires_ms))
        return err_set(err, ERR_CORRUPT, "the kept image is none of this store");
    *ret_bytes = content_text(image);
    return true;
}

void redis_plain_document(const struct plain_store *store, const struct redis_stored *stored,
                          struct arena *arena, struct document *ret)
{
    *ret = content_absent(&store->format, stored->id);
    if (!stored->present)
        return;
    ret->expires_at_us = redis_expiry_us(stored->pttl_ms);
    ret->absent = false;
    ret->bytes = (uint64_t)stored->len;
    if (stored->len > (int64_t)stored->bytes.len) {
        ret->truncated = true;
        ret->head = stored->bytes;
        return;
    }
    struct str head =
        arena_printf(arena, "%s%lld\n", image_magic, (long long)redis_expiry_ms(stored->pttl_ms));
    content_read(&store->format, arena_join(arena, head, stored->bytes, STR_NULL), arena, ret);
}

static bool plain_read(struct store *base, const struct str *ids, size_t n, size_t limit,
                       const struct call *call, struct arena *arena, struct read_item *ret,
                       struct err *err)
{
    struct plain_store *store = (struct plain_store *)base;
    struct redis_stored *stored = arena_array(arena, struct redis_stored, n);
    if (!redis_keyed_read(store->client, &store->records, ids, n, limit, call, arena, stored, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i].err = stored[i].err;
        redis_plain_document(store, &stored[i], arena, &ret[i].doc);
    }
    return true;
}

static bool plain_decode(struct store *base, struct str id, struct str image, struct arena *arena,
                         struct document *ret, struct err *err)
{
    struct plain_store *store = (struct plain_store *)base;
    struct str bytes;
    int64_t expires_ms;
    if (!redis_plain_image_read(image, &bytes, &expires_ms, err))
        return false;
    *ret = content_absent(&store->format, id);
    ret->absent = false;
    ret->expires_at_us = redis_kept_expiry_us(expires_ms);
    ret->bytes = bytes.len;
    content_read(&store->format, image, arena, ret);
    return true;
}

static bool plain_check_id(struct store *base, struct str id, struct err *err)
{
    return id.len || err_set(err, ERR_REFUSED, "an empty id has no key");
}

/* --- the layouts ------------------------------------------------------------------------------ */

static const char *const params[] = {"prefix", NULL};

#define PLAIN_LAYOUT(system_name)                                                                  \
    {                                                                                              \
        .system = (system_name), .backend = "redis", .name = "plain", .native = false,             \
        .params = params, .detect = plain_detect, .open = plain_open, .close = plain_close,        \
        .probe = plain_probe, .scan_open = redis_keyed_scan_open,                                  \
        .scan_ids = redis_keyed_scan_ids, .scan_next = plain_scan_next,                            \
        .scan_close = redis_keyed_scan_close, .read = plain_read, .decode = plain_decode,          \
        .check_id = plain_check_id, .commit = redis_plain_commit, .locks = redis_plain_locks,      \
        .lock_hold = redis_plain_lock_hold, .lock_release = redis_plain_lock_release,              \
        .breaks_locks = true, .activity = redis_plain_activity                                     \
    }

const struct layout redis_plain_meltano = PLAIN_LAYOUT("meltano");
const struct layout redis_plain_vdk = PLAIN_LAYOUT("vdk");
const struct layout redis_plain_etl = PLAIN_LAYOUT("etl");
