/* Layout of the system triggers in django-redis and in Django's own RedisCache (formats/triggers.md
 * 1.1, 4.2, 4.3): one Redis string a session, its key built by Django's default key function. */
#include "backends/redis/triggers_django.h"

#include "backends/redis/layouts.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCAN_COUNT = 1000,
    HEAD_BYTES = 64 << 10,  /* of a value beyond the limit, for showing */
    BATCH_BYTES = 16 << 20, /* asked for in one pipeline */
    DETECT_ROUNDS = 200,    /* SCAN calls before "not found" */
};

static const char pattern[] = "triggers.storages.cache";

/* --- keys ------------------------------------------------------------------------------------ */

static void glob_escape(struct sbuf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] && strchr("*?[]\\", s.ptr[i]))
            sbuf_char(out, '\\');
        sbuf_char(out, s.ptr[i]);
    }
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

static void read_only_because(struct store_info *info, const char *why)
{
    if (!info->writable)
        return;
    info->writable = false;
    info->why_read_only = str_of(why);
}

static bool fill_info(struct django_store *store, const struct call *call, struct err *err)
{
    struct store_info *info = &store->sessions.base.info;
    const struct redis_server *server = redis_server(store->client);
    struct arena *arena = &store->sessions.base.arena;
    struct err ignored = {0};
    int64_t server_us;
    if (server->cluster) {
        err_set(err, ERR_UNSUPPORTED, "Redis Cluster: a session and its lock are several keys");
        return err_hint(err, "django-redis' stock clients cannot use a cluster either");
    }
    info->server = server->name;
    info->version = server->version.ptr
                        ? arena_printf(arena, "Redis %.*s", STR_ARG(server->version))
                        : STR("Redis, version not shown to this user");
    if (server->why_read_only)
        read_only_because(info, server->why_read_only);
    info->rights = info->writable ? STR("reads and writes sessions, takes and breaks locks")
                                  : STR("reads sessions and locks");
    if (redis_time(store->client, call, &server_us, &ignored))
        info->clock_skew_us = server_us - clock_now_us();
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
    struct django_store *store = (struct django_store *)base;
    struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    int64_t began = clock_monotonic_ms();
    bool ok = redis_run(store->client, REDIS_COMMAND(STR("PING")), call, &arena, &answer, err);
    arena_release(&arena);
    base->info.latency_ms = clock_monotonic_ms() - began;
    return ok;
}

/* --- scan ------------------------------------------------------------------------------------ */

struct django_scan {
    struct arena arena; /* keys of one SCAN answer that did not fit the page */
    struct str cursor;  /* in `place` */
    char place[32];
    bool ids_alone; /* sizes and times are not asked for */
    bool ended;
    struct str *uids;
    size_t next, n;
};

static bool scan_open(struct store *base, const struct call *call, void **ret, struct err *err)
{
    struct django_scan *scan = xcalloc(1, sizeof *scan);
    scan->cursor = STR("0");
    *ret = scan;
    return true;
}

static bool scan_ids(struct store *base, const struct call *call, void **ret, struct err *err)
{
    struct django_scan *scan = xcalloc(1, sizeof *scan);
    scan->cursor = STR("0");
    scan->ids_alone = true;
    *ret = scan;
    return true;
}

static void scan_close(struct store *base, void *driver)
{
    struct django_scan *scan = driver;
    arena_release(&scan->arena);
    free(scan);
}

static bool scan_more(struct django_store *store, struct django_scan *scan, const struct call *call,
                      struct err *err)
{
    struct sbuf match = SBUF_INIT;
    glob_escape(&match, store->sessions.key.head);
    sbuf_char(&match, '*');
    glob_escape(&match, store->sessions.key.tail);
    arena_release(&scan->arena);
    scan->n = scan->next = 0;
    struct redis_answer answer;
    struct redis_command command =
        REDIS_COMMAND(STR("SCAN"), scan->cursor, STR("MATCH"), sbuf_view(&match), STR("COUNT"),
                      redis_number(&scan->arena, SCAN_COUNT), STR("TYPE"), STR("string"));
    /* TYPE came with 6.0, and makes the server look up every key. */
    if (scan->ids_alone || redis_server(store->client)->major < 6)
        command.argc -= 2; /* other types answer WRONGTYPE when they are read */
    bool ok = redis_run(store->client, command, call, &scan->arena, &answer, err);
    sbuf_release(&match);
    if (!ok)
        return false;
    if (answer.type != REDIS_LIST || answer.n != 2 || answer.items[1].type != REDIS_LIST ||
        answer.items[0].text.len >= sizeof scan->place)
        return err_set(err, ERR_CORRUPT, "redis: SCAN answers nonsense");
    memcpy(scan->place, answer.items[0].text.ptr, answer.items[0].text.len);
    scan->cursor = (struct str){scan->place, answer.items[0].text.len};
    scan->ended = str_is(scan->cursor, "0");
    scan->uids = arena_array(&scan->arena, struct str, answer.items[1].n);
    for (size_t i = 0; i < answer.items[1].n; i++)
        scan->n += django_key_uid(&store->sessions.key, answer.items[1].items[i].text,
                                  &scan->uids[scan->n]);
    return true;
}

/* Size and time left cost no value: two commands a key in one pipeline. */
static bool measure(struct django_store *store, struct row *rows, size_t n, const struct call *call,
                    struct arena *arena, struct err *err)
{
    struct redis_command *commands = arena_array(arena, struct redis_command, 2 * n);
    struct redis_answer *answers = arena_array(arena, struct redis_answer, 2 * n);
    struct str(*argv)[2] = arena_alloc_array(arena, 2 * n, sizeof *argv);
    for (size_t i = 0; i < n; i++) {
        struct str key = django_key_of(arena, &store->sessions.key, rows[i].id);
        for (size_t k = 2 * i; k < 2 * i + 2; k++) {
            argv[k][0] = k % 2 ? STR("PTTL") : STR("STRLEN");
            argv[k][1] = key;
            commands[k] = (struct redis_command){argv[k], 2};
        }
    }
    if (!redis_pipeline(store->client, commands, 2 * n, call, arena, answers, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t left = answers[2 * i + 1].number;
        if (answers[2 * i].type == REDIS_NUMBER)
            rows[i].bytes = answers[2 * i].number;
        if (answers[2 * i + 1].type == REDIS_NUMBER && left != -2)
            rows[i].expires_at_us = redis_expiry_us(left);
    }
    return true;
}

static bool scan_next(struct store *base, void *driver, const struct call *call,
                      struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                      struct err *err)
{
    struct django_store *store = (struct django_store *)base;
    struct django_scan *scan = driver;
    while (scan->next == scan->n && !scan->ended) {
        if (!call_check(call, "redis SCAN", err) || !scan_more(store, scan, call, err))
            return false;
    }
    size_t n = scan->n - scan->next < max ? scan->n - scan->next : max;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++) {
        struct str uid = arena_str(arena, scan->uids[scan->next + i]);
        rows[i] = (struct row){.id = uid,
                               .label = uid,
                               .bytes = -1,
                               .updated_at_us = TIME_UNKNOWN,
                               .expires_at_us = TIME_UNKNOWN};
    }
    if (n && !scan->ids_alone && !measure(store, rows, n, call, arena, err))
        return false;
    scan->next += n;
    *ret = rows;
    *ret_n = n;
    return true;
}

/* --- read ------------------------------------------------------------------------------------ */

static const char image_magic[] = "django1 ";

static struct str django_image(struct arena *arena, const struct django_stored *stored)
{
    int64_t expires_ms = stored->pttl_ms < 0 ? -1 : clock_now_us() / 1000 + stored->pttl_ms;
    struct str head = arena_printf(arena, "%s%lld\n", image_magic, (long long)expires_ms);
    char *image = arena_alloc(arena, head.len + stored->bytes.len);
    memcpy(image, head.ptr, head.len);
    memcpy(image + head.len, stored->bytes.ptr, stored->bytes.len);
    return (struct str){image, head.len + stored->bytes.len};
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

void django_document(const struct django_stored *stored, struct str uid, size_t limit,
                     struct arena *arena, struct document *ret, struct django_form *ret_form)
{
    *ret = (struct document){.id = arena_str(arena, uid), .updated_at_us = TIME_UNKNOWN};
    ret->label = ret->id;
    ret->absent = !stored->present;
    ret->expires_at_us = TIME_UNKNOWN;
    if (!stored->present)
        return;
    ret->bytes = stored->bytes.len;
    ret->versions[0] = version_of(stored->bytes);
    ret->image = django_image(arena, stored);
    ret->expires_at_us = redis_expiry_us(stored->pttl_ms);
    django_decode(arena, stored->bytes, limit, ret, ret_form);
}

static bool django_decode_image(struct store *base, struct str id, struct str image,
                                struct arena *arena, struct document *ret, struct err *err)
{
    struct django_stored stored = {.present = true};
    struct django_form form;
    int64_t expires_ms;
    if (!django_image_read(image, &stored.bytes, &expires_ms, err))
        return false;
    django_document(&stored, id, VALUE_LIMIT, arena, ret, &form);
    ret->image = image;
    ret->expires_at_us = expires_ms < 0 ? TIME_NEVER : expires_ms * 1000;
    return true;
}

/* What is known of a key before its value is fetched. */
struct measured {
    struct str key;
    int64_t len;
    struct err err; /* of another type than string */
};

static bool measure_keys(struct django_store *store, const struct str *ids, size_t n,
                         const struct call *call, struct arena *arena, struct measured *ret,
                         struct err *err)
{
    struct redis_command *commands = arena_array(arena, struct redis_command, n);
    struct redis_answer *answers = arena_array(arena, struct redis_answer, n);
    struct str(*argv)[2] = arena_alloc_array(arena, n, sizeof *argv);
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct measured){.key = django_key_of(arena, &store->sessions.key, ids[i])};
        argv[i][0] = STR("STRLEN");
        argv[i][1] = ret[i].key;
        commands[i] = (struct redis_command){argv[i], 2};
    }
    if (!redis_pipeline(store->client, commands, n, call, arena, answers, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i].len = answers[i].number;
        if (answers[i].type == REDIS_ERROR) {
            redis_answer_error(store->client, &answers[i], &ret[i].err);
            err_context(&ret[i].err, "%.*s", STR_ARG(ids[i]));
        }
    }
    return true;
}

static void take_value(struct redis_answer *value, int64_t pttl_ms, struct str id, size_t limit,
                       bool whole, const struct measured *measured, struct arena *arena,
                       struct read_item *ret)
{
    struct django_form form;
    struct django_stored stored = {.present = value->type == REDIS_TEXT && pttl_ms != -2,
                                   .bytes = value->text,
                                   .pttl_ms = pttl_ms};
    if (whole || !stored.present) {
        django_document(&stored, id, limit, arena, &ret->doc, &form);
        return;
    }
    struct document *doc = &ret->doc;
    *doc = (struct document){.id = arena_str(arena, id), .truncated = true};
    doc->label = doc->id;
    doc->head = value->text;
    doc->bytes = (uint64_t)measured->len;
    doc->updated_at_us = TIME_UNKNOWN;
    doc->expires_at_us = redis_expiry_us(pttl_ms);
    doc->versions[0] = version_of(value->text);
    err_set(&doc->problem, ERR_UNSUPPORTED, "%lld bytes: only the first were read",
            (long long)measured->len);
}

/* One pipeline: GET (or the first bytes of what is too large) and PTTL of each. */
static bool read_batch(struct django_store *store, const struct str *ids,
                       const struct measured *measured, size_t n, size_t limit,
                       const struct call *call, struct arena *arena, struct read_item *ret,
                       struct err *err)
{
    struct redis_command *commands = arena_array(arena, struct redis_command, 2 * n);
    struct redis_answer *answers = arena_array(arena, struct redis_answer, 2 * n);
    struct str(*argv)[4] = arena_alloc_array(arena, 2 * n, sizeof *argv);
    size_t head = limit < HEAD_BYTES ? limit : HEAD_BYTES;
    struct str head_end = redis_number(arena, head ? (int64_t)head - 1 : 0);
    for (size_t i = 0; i < n; i++) {
        bool whole = measured[i].len <= (int64_t)limit;
        struct str *get = argv[2 * i], *ttl = argv[2 * i + 1];
        get[0] = whole ? STR("GET") : STR("GETRANGE");
        get[1] = ttl[1] = measured[i].key;
        get[2] = STR("0");
        get[3] = head_end;
        ttl[0] = STR("PTTL");
        commands[2 * i] = (struct redis_command){get, whole ? 2 : 4};
        commands[2 * i + 1] = (struct redis_command){ttl, 2};
    }
    if (!redis_pipeline(store->client, commands, 2 * n, call, arena, answers, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        bool whole = measured[i].len <= (int64_t)limit;
        ret[i].err = measured[i].err;
        if (!ret[i].err.kind)
            take_value(&answers[2 * i], answers[2 * i + 1].number, ids[i], limit, whole,
                       &measured[i], arena, &ret[i]);
    }
    return true;
}

static bool django_read(struct store *base, const struct str *ids, size_t n, size_t limit,
                        const struct call *call, struct arena *arena, struct read_item *ret,
                        struct err *err)
{
    struct django_store *store = (struct django_store *)base;
    struct measured *measured = arena_array(arena, struct measured, n);
    if (!measure_keys(store, ids, n, call, arena, measured, err))
        return false;
    for (size_t from = 0, to; from < n; from = to) {
        int64_t bytes = 0;
        for (to = from; to < n && (to == from || bytes + measured[to].len <= BATCH_BYTES); to++)
            bytes += measured[to].len;
        if (!read_batch(store, ids + from, measured + from, to - from, limit, call, arena,
                        ret + from, err))
            return false;
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
    .scan_open = scan_open,
    .scan_ids = scan_ids,
    .scan_next = scan_next,
    .scan_close = scan_close,
    .read = django_read,
    .decode = django_decode_image,
    .commit = django_commit,
    SESSION_LOCK_FUNCTIONS,
};
