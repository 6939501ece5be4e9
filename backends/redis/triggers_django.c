/* Layout of the system triggers in django-redis and in Django's own RedisCache (formats/triggers.md
 * 1.1, 4.2, 4.3): one Redis string a session, its key built by Django's default key function. */
#include "backends/redis/triggers_django.h"

#include "backends/redis/layouts.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SCAN_COUNT = 1000, DETECT_ROUNDS = 200 /* SCAN calls before "not found" */ };

static const char pattern[] = "triggers.storages.cache";

/* --- keys ------------------------------------------------------------------------------------ */

struct redis_keyed django_keyed(const struct django_store *store)
{
    return (struct redis_keyed){store->sessions.key.head, store->sessions.key.tail};
}

/* --- opening --------------------------------------------------------------------------------- */

static void django_close(struct store *base)
{
    struct django_store *store = (struct django_store *)base;
    session_locks_close(&store->sessions);
    redis_close(store->client);
    arena_release(&store->sessions.base.arena);
    free(store);
}

static bool fill_info(struct django_store *store, const struct call *call, struct err *err)
{
    struct store_info *info = &store->sessions.base.info;
    const struct redis_server *server = redis_server(store->client);
    if (server->cluster) {
        err_set(err, ERR_UNSUPPORTED, "Redis Cluster: a session and its lock are several keys");
        return err_hint(err, "django-redis' stock clients cannot use a cluster either");
    }
    redis_describe(store->client, call, &store->sessions.base);
    info->rights = info->writable ? STR("reads and writes sessions, takes and breaks locks")
                                  : STR("reads sessions and locks");
    return true;
}

/* Both caches keep the same value under the same key. Only django-redis' own has a lock beside it:
 * the framework refuses to lock in Django's (1.5). */
static bool set_client(struct django_store *store, const struct address *address,
                       struct redis_client **ret_lock, struct err *err)
{
    const char *client = address_param(address, "client");
    if (!client || strcmp(client, "django-redis") == 0) {
        store->sessions.base.info.layout_version = STR("django-redis");
        *ret_lock = store->client;
        return true;
    }
    if (strcmp(client, "django") != 0)
        return err_set(err, ERR_INVALID, "client=%s: known are django-redis and django", client);
    store->sessions.base.info.layout_version = STR("Django's RedisCache");
    *ret_lock = NULL;
    return true;
}

static bool django_open(const struct layout *layout, const struct address *address,
                        const struct store_opts *opts, const struct call *call, struct store **ret,
                        struct err *err)
{
    struct django_store *store = xcalloc(1, sizeof *store);
    store_init(&store->sessions.base, layout, address, opts);
    int64_t began = clock_monotonic_ms();
    struct redis_client *own = NULL;
    if (!django_key_init(&store->sessions.base.arena, address, &store->sessions.key, err) ||
        !redis_open(address->url, opts->writable, call, &store->client, err) ||
        !set_client(store, address, &own, err) ||
        !session_locks_open(&store->sessions, address, own, call, err) ||
        !fill_info(store, call, err)) {
        django_close(&store->sessions.base);
        return false;
    }
    store->sessions.base.info.latency_ms = clock_monotonic_ms() - began;
    *ret = &store->sessions.base;
    return true;
}

static bool django_probe(struct store *base, const struct call *call, struct err *err)
{
    return redis_probe(((struct django_store *)base)->client, base, call, err);
}

/* --- scan ------------------------------------------------------------------------------------ */

static bool scan_next(struct store *base, void *scan, const struct call *call, struct arena *arena,
                      size_t max, struct row **ret, size_t *ret_n, struct err *err)
{
    struct django_store *store = (struct django_store *)base;
    struct redis_keyed keyed = django_keyed(store);
    struct redis_stored *page;
    size_t n;
    if (redis_keyed_ids_alone(scan))
        return redis_keyed_next_ids(store->client, &keyed, scan, call, arena, max, ret, ret_n, err);
    if (!redis_keyed_scan_next(store->client, &keyed, scan, 0, call, arena, max, &page, &n, err))
        return false;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct row){.id = page[i].id,
                               .label = page[i].id,
                               .bytes = page[i].len,
                               .updated_at_us = TIME_UNKNOWN,
                               .expires_at_us = page[i].present ? redis_expiry_us(page[i].pttl_ms)
                                                                : TIME_UNKNOWN};
    *ret = rows;
    *ret_n = n;
    return true;
}

/* --- read ------------------------------------------------------------------------------------ */

static const char image_magic[] = "django1 ";

static struct str django_image(struct arena *arena, const struct redis_stored *stored)
{
    struct str head =
        arena_printf(arena, "%s%lld\n", image_magic, (long long)redis_expiry_ms(stored->pttl_ms));
    return arena_join(arena, head, stored->bytes, STR_NULL);
}

bool django_image_read(struct str image, struct str *ret_bytes, int64_t *ret_expires_ms,
                       struct err *err)
{
    ptrdiff_t end = str_index(image, '\n');
    size_t magic = sizeof image_magic - 1;
    if (end < 0 || !str_starts(image, image_magic) ||
        !str_i64(str_sub(image, magic, (size_t)end), ret_expires_ms))
        return err_set(err, ERR_CORRUPT, "the kept image is none of this store");
    *ret_bytes = str_sub(image, (size_t)end + 1, image.len);
    return true;
}

static void cut_document(const struct redis_stored *stored, struct document *doc)
{
    doc->truncated = true;
    doc->head = stored->bytes;
    doc->versions[0] = version_of(stored->bytes);
    err_set(&doc->problem, ERR_UNSUPPORTED, "%lld bytes: only the first were read",
            (long long)stored->len);
}

void django_document(const struct redis_stored *stored, size_t limit, struct arena *arena,
                     struct document *ret, struct django_form *ret_form)
{
    *ret = (struct document){.id = arena_str(arena, stored->id),
                             .absent = !stored->present,
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_UNKNOWN};
    ret->label = ret->id;
    if (!stored->present)
        return;
    ret->bytes = (uint64_t)stored->len;
    ret->expires_at_us = redis_expiry_us(stored->pttl_ms);
    if (stored->len > (int64_t)stored->bytes.len) {
        cut_document(stored, ret);
        return;
    }
    ret->versions[0] = version_of(stored->bytes);
    ret->image = django_image(arena, stored);
    django_decode(arena, stored->bytes, limit, ret, ret_form);
}

static bool django_decode_image(struct store *base, struct str id, struct str image,
                                struct arena *arena, struct document *ret, struct err *err)
{
    struct redis_stored stored = {.id = id, .present = true};
    struct django_form form;
    int64_t expires_ms;
    if (!django_image_read(image, &stored.bytes, &expires_ms, err))
        return false;
    stored.len = (int64_t)stored.bytes.len;
    django_document(&stored, VALUE_LIMIT, arena, ret, &form);
    ret->image = image;
    ret->expires_at_us = redis_kept_expiry_us(expires_ms);
    return true;
}

static bool django_read(struct store *base, const struct str *ids, size_t n, size_t limit,
                        const struct call *call, struct arena *arena, struct read_item *ret,
                        struct err *err)
{
    struct django_store *store = (struct django_store *)base;
    struct redis_keyed keyed = django_keyed(store);
    struct redis_stored *stored = arena_array(arena, struct redis_stored, n);
    struct django_form form;
    if (!redis_keyed_read(store->client, &keyed, ids, n, limit, call, arena, stored, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i].err = stored[i].err;
        if (stored[i].err.kind == ERR_NONE)
            django_document(&stored[i], limit, arena, &ret[i].doc, &form);
    }
    return true;
}

/* --- detection ------------------------------------------------------------------------------- */

/* A bounded look: one session key, or one lock ever taken (its signal list stays, 1.2). */
static bool django_detect(const struct layout *layout, const struct address *address,
                          const struct call *call, struct err *err)
{
    struct redis_client *client;
    struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    struct str cursor = STR("0");
    bool found = false;
    if (!redis_open(address->url, false, call, &client, err))
        return false;
    struct str match = arena_printf(&arena, "*:%s:*", pattern);
    for (int i = 0; i < DETECT_ROUNDS && !found; i++) {
        struct err ignored = {0};
        if (!redis_run(client,
                       REDIS_COMMAND(STR("SCAN"), cursor, STR("MATCH"), match, STR("COUNT"),
                                     redis_number(&arena, SCAN_COUNT)),
                       call, &arena, &answer, &ignored) ||
            answer.type != REDIS_LIST || answer.n != 2)
            break;
        found = answer.items[1].n > 0;
        cursor = answer.items[0].text;
        if (str_is(cursor, "0"))
            break;
    }
    redis_close(client);
    arena_release(&arena);
    return found;
}

static const char *const params[] = {DJANGO_KEY_PARAMS, "client", NULL};

const struct layout redis_triggers_django = {
    .system = "triggers",
    .backend = "redis",
    .name = "django-redis",
    .native = true,
    .params = params,
    .detect = django_detect,
    .open = django_open,
    .close = django_close,
    .probe = django_probe,
    .scan_open = redis_keyed_scan_open,
    .scan_ids = redis_keyed_scan_ids,
    .scan_next = scan_next,
    .scan_close = redis_keyed_scan_close,
    .read = django_read,
    .decode = django_decode_image,
    .commit = django_commit,
    SESSION_LOCK_FUNCTIONS,
};
