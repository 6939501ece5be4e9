/* Locks of the plain layout on Redis: taken, given back, listed. */
#include "backends/redis/plain.h"

#include <string.h>

enum { POLL_MS = 100 };

static bool say_locked(struct plain_store *store, struct str id, const struct call *call,
                       struct arena *arena, struct err *err)
{
    struct lock *lock;
    if (!redis_plain_locks(&store->base, &id, 1, call, arena, &lock, err))
        return false;
    err_set(err, ERR_LOCKED, "%.*s is locked by %.*s", STR_ARG(id),
            STR_ARG(lock && lock->holder.ptr ? lock->holder : STR("somebody unknown")));
    if (lock && lock->expires_at_us != TIME_NEVER)
        return err_hint(err, "it ends by itself in %.*s", STR_ARG(lock->frees_itself));
    return err_hint(err, "`lock show` tells more, `lock break` ends it");
}

bool redis_plain_lock_take(struct plain_store *store, struct str id, int64_t seconds,
                           const struct call *call, struct arena *arena, struct str *ret,
                           struct err *err)
{
    struct str key = redis_keyed_key(arena, &store->locks, id);
    struct str ms = redis_number(arena, seconds * 1000);
    int64_t until_ms = clock_monotonic_ms() + store->base.opts.lock_wait_ms;
    for (;;) {
        struct redis_answer answer;
        struct err ignored = {0};
        int64_t now_us;
        if (!redis_time(store->client, call, &now_us, &ignored))
            now_us = clock_now_us(); /* this user may not ask */
        struct str text = plain_lock_print(arena, store->base.opts.operator_name, now_us,
                                           now_us + seconds * 1000000);
        if (!redis_run(store->client,
                       REDIS_COMMAND(STR("SET"), key, text, STR("NX"), STR("PX"), ms), call, arena,
                       &answer, err))
            return false;
        if (answer.type == REDIS_TEXT) {
            *ret = text;
            return true;
        }
        if (clock_monotonic_ms() >= until_ms)
            return say_locked(store, id, call, arena, err);
        if (!call_pause(call, POLL_MS, "waiting for the lock", err))
            return false;
    }
}

bool redis_plain_lock_give_back(struct plain_store *store, struct str id, struct str text,
                                const struct call *call, bool *ret_was_ours, struct err *err)
{
    static const char script[] =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('DEL', "
        "KEYS[1])";
    struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    bool ok = redis_run(store->client,
                        REDIS_COMMAND(STR("EVAL"), str_of(script), STR("1"),
                                      redis_keyed_key(&arena, &store->locks, id), text),
                        call, &arena, &answer, err);
    if (ok)
        *ret_was_ours = answer.type == REDIS_NUMBER && answer.number == 1;
    arena_release(&arena);
    return ok;
}

/* --- listing ---------------------------------------------------------------------------------- */

static struct lock **add_locks(const struct plain_store *store, const struct redis_stored *stored,
                               size_t n, struct arena *arena, struct lock **end)
{
    for (size_t i = 0; i < n; i++) {
        if (!stored[i].present)
            continue;
        *end = plain_lock_row(arena, stored[i].id, stored[i].bytes, store->base.opts.operator_name,
                              redis_expiry_us(stored[i].pttl_ms), clock_now_us());
        end = &(*end)->next;
    }
    return end;
}

static bool all_locks(struct plain_store *store, const struct call *call, struct arena *arena,
                      struct lock **ret, struct err *err)
{
    enum { PAGE = 500, LOCK_BYTES = 4096 };
    void *scan;
    struct redis_stored *page;
    struct lock **end = ret;
    size_t n;
    bool ok;
    if (!redis_keyed_scan_open(&store->base, call, &scan, err))
        return false;
    while ((ok = redis_keyed_scan_next(store->client, &store->locks, scan, LOCK_BYTES, call, arena,
                                       PAGE, &page, &n, err)) &&
           n)
        end = add_locks(store, page, n, arena, end);
    redis_keyed_scan_close(&store->base, scan);
    return ok;
}

bool redis_plain_locks(struct store *base, const struct str *ids, size_t n, const struct call *call,
                       struct arena *arena, struct lock **ret, struct err *err)
{
    struct plain_store *store = (struct plain_store *)base;
    struct redis_stored *stored = arena_array(arena, struct redis_stored, n);
    *ret = NULL;
    if (!n)
        return all_locks(store, call, arena, ret, err);
    if (!redis_keyed_read(store->client, &store->locks, ids, n, VALUE_LIMIT, call, arena, stored,
                          err))
        return false;
    add_locks(store, stored, n, arena, ret);
    return true;
}

bool redis_plain_lock_hold(struct store *base, struct str id, int64_t seconds,
                           const struct call *call, struct str *ret_token, struct arena *arena,
                           struct err *err)
{
    return redis_plain_lock_take((struct plain_store *)base, id, seconds, call, arena, ret_token,
                                 err);
}

bool redis_plain_lock_release(struct store *base, struct str id, struct str token,
                              const struct call *call, struct err *err)
{
    bool ours;
    if (!redis_plain_lock_give_back((struct plain_store *)base, id, token, call, &ours, err))
        return false;
    return ours ||
           err_set(err, ERR_CONFLICT, "the lock of %.*s had ended or was taken over", STR_ARG(id));
}

/* A run of Meltano's takes the lock for each write alone: a held one is waited for, and whether a
 * run goes on stands elsewhere. */
static bool is_held_for_moments(const struct store *base)
{
    return strcmp(base->layout->system, "meltano") == 0;
}

bool redis_plain_activity(struct store *base, const struct str *ids, size_t n,
                          const struct call *call, struct arena *arena, struct activity *ret,
                          struct err *err)
{
    if (is_held_for_moments(base)) {
        for (size_t i = 0; i < n; i++) {
            ret[i].sight = ACTIVITY_BLIND;
            ret[i].why = STR("the runs are in the project's system database: runs= names it");
        }
        return true;
    }
    return plain_activity(base, ids, n, call, arena, ret, err);
}
