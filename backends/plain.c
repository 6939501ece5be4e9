#include "backends/plain.h"

#include "core/store_driver.h"

#include <string.h>
#include <unistd.h>

struct str plain_lock_print(struct arena *arena, struct str operator_name, int64_t fence_us,
                            int64_t expires_at_us)
{
    struct sbuf holder = SBUF_INIT;
    json_quote(&holder, arena_printf(arena, "%.*s/%ld", STR_ARG(operator_name), (long)getpid()));
    struct str text =
        arena_printf(arena, "{\"holder\": %.*s, \"fence\": %lld, \"expires_at\": \"%.*s\"}",
                     STR_ARG(sbuf_view(&holder)), (long long)fence_us,
                     STR_ARG(time_rfc3339(arena, expires_at_us)));
    sbuf_release(&holder);
    return text;
}

bool plain_lock_parse(struct arena *arena, struct str text, struct plain_lock *ret)
{
    const struct value *lock;
    struct plain_lock seen;
    if (!json_read(arena, text, &lock, NULL) ||
        !value_to_i64(value_get(lock, "fence"), &seen.fence_us) ||
        !time_parse(value_str_or(value_get(lock, "expires_at"), STR("")), &seen.expires_at_us))
        return false;
    seen.holder = value_str_or(value_get(lock, "holder"), STR_NULL);
    *ret = seen;
    return true;
}

struct lock *plain_lock_row(struct arena *arena, struct str object, struct str text,
                            struct str operator_name, int64_t expires_at_us, int64_t now_us)
{
    struct lock *lock = arena_new(arena, struct lock);
    struct plain_lock seen = {.holder = STR_NULL, .fence_us = TIME_UNKNOWN};
    struct str own = arena_printf(arena, "%.*s/", STR_ARG(operator_name));
    bool readable = plain_lock_parse(arena, text, &seen);
    if (expires_at_us == TIME_UNKNOWN && readable)
        expires_at_us = seen.expires_at_us;
    *lock =
        (struct lock){.object = object,
                      .holder = seen.holder,
                      .taken_at_us = seen.fence_us,
                      .expires_at_us = expires_at_us,
                      .frees_itself = STR("never"),
                      .waiters = -1,
                      .verdict = LOCK_UNKNOWN,
                      .mine = own.len > 1 && seen.holder.ptr && str_starts(seen.holder, own.ptr),
                      .token = text};
    if (expires_at_us == TIME_NEVER) {
        lock->evidence = STR("taken without a time limit");
        return lock;
    }
    if (!readable) {
        lock->evidence = STR("its text is none of a lock");
    } else if (expires_at_us < now_us) {
        lock->verdict = LOCK_STALE;
        lock->evidence = STR("its time is over: the next writer takes it");
    } else {
        lock->verdict = LOCK_LIVE;
        lock->evidence = STR("held, and not yet ended");
    }
    if (expires_at_us != TIME_UNKNOWN)
        lock->frees_itself =
            expires_at_us < now_us
                ? STR("at the next write")
                : arena_printf(arena, "in %.*s", STR_ARG(time_span(arena, expires_at_us - now_us)));
    return lock;
}

bool plain_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                    struct arena *arena, struct activity *ret, struct err *err)
{
    struct lock *locks;
    if (!store->layout->locks(store, ids, n, call, arena, &locks, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        for (const struct lock *lock = locks; lock; lock = lock->next) {
            if (!str_eq(lock->object, ids[i]) || lock->verdict == LOCK_STALE)
                continue;
            ret[i].sight = ACTIVITY_SEEN;
            ret[i].owner_live = ret[i].record_live = true;
            ret[i].started_at_us = lock->taken_at_us;
            ret[i].who = lock->holder.ptr ? lock->holder : STR("the holder of an unreadable lock");
        }
    }
    return true;
}

/* triggers sessions are naive with milliseconds, truncated, none when they are zero (triggers.md
 * 5.8); the rest is RFC 3339 with microseconds. */
const struct value *plain_now(const char *system, int64_t now_us, struct arena *arena)
{
    struct str text = time_rfc3339(arena, now_us);
    struct str seconds = str_sub(text, 0, strlen("2026-11-21T01:30:00"));
    long long us = now_us % 1000000;
    if (strcmp(system, "triggers") != 0)
        return value_str(arena, arena_printf(arena, "%.*s.%06lldZ", STR_ARG(seconds), us));
    if (us == 0)
        return value_str(arena, seconds);
    return value_str(arena, arena_printf(arena, "%.*s.%03lld", STR_ARG(seconds), us / 1000));
}
