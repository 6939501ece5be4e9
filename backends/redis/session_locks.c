#include "backends/session_locks.h"

#include "backends/redis/keyed.h"
#include "backends/redis/lock.h"

#include <string.h>

enum { RELEASE_MS = 1000 }; /* for the release when the call itself has run out of time */

/* --- opening --------------------------------------------------------------------------------- */

static struct redis_client *client_of(struct store *store)
{
    return ((struct session_store *)store)->locks.client;
}

static bool connect_named(struct session_store *store, const char *text, const struct call *call,
                          struct err *err)
{
    struct arena *arena = &store->base.arena;
    struct address address;
    struct err why = {0};
    if (!address_parse(arena, text, &address, err))
        return err_context(err, "lock=");
    if (strcmp(address.backend, "redis") != 0)
        return err_set(err, ERR_INVALID, "lock=%s: not the address of a Redis", address.masked);
    bool open =
        redis_open(address.url, store->base.opts.writable, call, &store->locks.client, &why);
    if (open && redis_server(store->locks.client)->cluster)
        err_set(&why, ERR_UNSUPPORTED, "a Redis Cluster: a lock and its signal are two keys");
    else if (open && redis_server(store->locks.client)->why_read_only)
        err_set(&why, ERR_DENIED, "%s", redis_server(store->locks.client)->why_read_only);
    else if (open)
        return true;
    store_read_only(&store->base, arena_printf(arena, "no lock can be taken: %s", why.text));
    return true;
}

bool session_locks_open(struct session_store *store, const struct address *address,
                        struct redis_client *own, const struct call *call, struct err *err)
{
    const char *text = address_param(address, "lock");
    struct session_locks *locks = &store->locks;
    if (text && strcmp(text, "none") == 0) {
        locks->waived = true;
        store->base.info.note = STR("lock=none: writes take no lock, only compare");
        return true;
    }
    if (text && *text)
        return connect_named(store, text, call, err);
    locks->client = own;
    locks->borrowed = own;
    if (!own)
        store_read_only(&store->base,
                        STR("the lock of a session lies in the Redis of Django's cache "
                            "'default': name it with lock=redis://..., or lock=none"));
    return true;
}

void session_locks_close(struct session_store *store)
{
    if (!store->locks.borrowed)
        redis_close(store->locks.client);
}

/* --- a commit -------------------------------------------------------------------------------- */

/* Waiters would sleep for minutes when a lock ends by itself, so the release gets time of its own
 * even when the call has none left. */
static void release(const struct session_hold *hold, struct commit_item *item, struct arena *arena)
{
    struct call call = call_to_end(hold->call, RELEASE_MS);
    struct err why = {0};
    bool ours = false;
    if (!lock_give_back(hold->store->locks.client, hold->uid, hold->id, &call, &ours, &why))
        item->detail = arena_printf(arena,
                                    "the lock could not be released (%s); it ends by itself in "
                                    "%d s",
                                    why.text, LOCK_TTL_S);
    else if (!ours && item->outcome == OUTCOME_APPLIED)
        item->detail = STR("our lock had expired when it was released; read again");
}

static bool change_locked(struct session_store *store, struct commit_item *item,
                          bool (*change)(void *ctx, struct session_hold *hold, struct err *err),
                          void *ctx, const struct call *call, struct arena *arena, struct err *err)
{
    const struct store_opts *opts = &store->base.opts;
    struct session_hold hold = {.store = store, .uid = item->id, .id = STR(""), .call = call};
    struct err why = {0};
    if (store->locks.waived)
        return change(ctx, &hold, err);
    hold.id = lock_new_id(arena, opts->operator_name);
    if (!lock_take(store->locks.client, item->id, hold.id, LOCK_TTL_S, opts->lock_wait_ms, call,
                   &why)) {
        if (why.kind == ERR_LOCKED)
            return commit_refuse(item, OUTCOME_LOCKED, &why);
        release(&hold, item, arena); /* its SET may have arrived all the same */
        *err = why;
        return false;
    }
    bool ok = change(ctx, &hold, err);
    release(&hold, item, arena);
    return ok;
}

bool session_hold_check(struct session_hold *hold, struct err *err)
{
    if (!hold->id.len)
        return true;
    struct arena arena = ARENA_INIT;
    struct redis_answer answers[2];
    struct str key = lock_key(&arena, hold->uid);
    const struct redis_command commands[] = {REDIS_COMMAND(STR("GET"), key),
                                             REDIS_COMMAND(STR("PTTL"), key)};
    int64_t asked_ms = clock_monotonic_ms();
    bool ok =
        redis_pipeline(hold->store->locks.client, commands, 2, hold->call, &arena, answers, err);
    if (ok && (answers[0].type != REDIS_TEXT || !str_eq(answers[0].text, hold->id) ||
               answers[1].number < SESSION_LOCK_LEFT_MS))
        ok = redis_lock_lost(hold->uid, err);
    if (ok)
        hold->until_ms = asked_ms + answers[1].number;
    arena_release(&arena);
    return ok;
}

/* --- breaking a lock ------------------------------------------------------------------------- */

static bool break_lock(struct session_store *store, struct commit_item *item,
                       const struct call *call, struct arena *arena, struct err *err)
{
    struct redis_client *client = store->locks.client;
    struct redis_answer after;
    struct read_item now;
    bool was_it;
    if (!client)
        return err_set(err, ERR_UNSUPPORTED, "there is no lock to break");
    if (!lock_give_back(client, item->id, item->lock_token, call, &was_it, err) ||
        !redis_run(client, REDIS_COMMAND(STR("GET"), lock_key(arena, item->id)), call, arena,
                   &after, err) ||
        !store->base.layout->read(&store->base, &item->id, 1, VALUE_LIMIT, call, arena, &now, err))
        return false;
    if (!was_it) {
        commit_conflict(item, &now.doc);
        err_set(&item->err, ERR_CONFLICT, "the lock of %.*s %s", STR_ARG(item->id),
                after.type == REDIS_TEXT ? "changed hands: it was left alone" : "is free already");
        return err_hint(&item->err, "`lock list` shows what is held now"), true;
    }
    item->outcome = OUTCOME_APPLIED;
    item->now = now.doc;
    item->detail = after.type == REDIS_TEXT ? STR("taken by another client already") : STR("gone");
    return true;
}

bool session_locks_commit(struct session_store *store, struct commit_item *item,
                          bool (*change)(void *ctx, struct session_hold *hold, struct err *err),
                          void *ctx, const struct call *call, struct arena *arena, struct err *err)
{
    return item->kind == EDIT_BREAK ? break_lock(store, item, call, arena, err)
                                    : change_locked(store, item, change, ctx, call, arena, err);
}

/* --- looking --------------------------------------------------------------------------------- */

bool session_locks_list(struct store *store, const struct str *ids, size_t n,
                        const struct call *call, struct arena *arena, struct lock **ret,
                        struct err *err)
{
    const struct session_locks *locks = &((struct session_store *)store)->locks;
    *ret = NULL;
    if (!locks->client) /* that none is held would be a guess */
        return err_set(err, ERR_UNSUPPORTED, "locks cannot be seen: %s",
                       locks->waived ? "lock=none" : "the Redis that keeps them is not known");
    return lock_list(locks->client, ids, n, store->opts.operator_name, call, arena, ret, err);
}

bool session_locks_hold(struct store *store, struct str id, int64_t seconds,
                        const struct call *call, struct str *ret_token, struct arena *arena,
                        struct err *err)
{
    const struct store_opts *opts = &store->opts;
    struct str token = lock_new_id(arena, opts->operator_name);
    if (!client_of(store))
        return err_set(err, ERR_UNSUPPORTED, "there is no lock to hold");
    if (!lock_take(client_of(store), id, token, seconds, opts->lock_wait_ms, call, err))
        return false;
    *ret_token = token;
    return true;
}

bool session_locks_release(struct store *store, struct str id, struct str token,
                           const struct call *call, struct err *err)
{
    bool ours;
    if (!lock_give_back(client_of(store), id, token, call, &ours, err))
        return false;
    return ours || err_set(err, ERR_CONFLICT, "the lock of %.*s had expired or was taken over",
                           STR_ARG(id));
}

bool session_locks_activity(struct store *store, const struct str *ids, size_t n,
                            const struct call *call, struct arena *arena, struct activity *ret,
                            struct err *err)
{
    struct lock *held;
    if (!client_of(store)) {
        for (size_t i = 0; i < n; i++)
            ret[i] = (struct activity){.sight = ACTIVITY_BLIND,
                                       .why = ((struct session_store *)store)->locks.waived
                                                  ? STR("lock=none: nothing shows who is writing")
                                                  : STR("the Redis with the locks is not known")};
        return true;
    }
    if (!session_locks_list(store, ids, n, call, arena, &held, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        for (const struct lock *lock = held; lock; lock = lock->next) {
            if (!str_eq(lock->object, ids[i]))
                continue;
            ret[i].sight = ACTIVITY_SEEN;
            ret[i].owner_live = true;
            ret[i].who = lock->holder;
            ret[i].why = STR("the session's lock is held");
        }
    }
    return true;
}

bool session_locks_uids(struct session_store *store, const struct call *call, struct arena *arena,
                        struct str **ret, size_t *ret_n, struct err *err)
{
    *ret = NULL;
    *ret_n = 0;
    return !store->locks.client || lock_uids(store->locks.client, call, arena, ret, ret_n, err);
}
