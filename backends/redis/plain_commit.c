/* Changing a record of the plain layout on Redis: lock, read, compare, swap under the lock, read
 * back, release. Killed at any point it leaves the old value or the new one, at worst beside a lock
 * that ends by itself. */
#include "backends/redis/plain.h"

enum { RELEASE_MS = 1000 }; /* for the release when the call itself has run out of time */

struct work {
    struct plain_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct str lock;
    struct redis_stored stored;
    struct document now;
};

static bool fetch(struct work *w, struct err *err)
{
    if (!redis_keyed_read(w->store->client, &w->store->records, &w->item->id, 1, VALUE_LIMIT,
                          w->call, w->arena, &w->stored, err))
        return false;
    if (w->stored.err.kind != ERR_NONE) {
        *err = w->stored.err;
        return false;
    }
    redis_plain_document(w->store, &w->stored, w->arena, &w->now);
    return true;
}

/* --- the swap --------------------------------------------------------------------------------- */

static bool swap(struct work *w, bool has_new, struct str new, int64_t ttl_ms, struct err *err)
{
    struct redis_swap change = {.key = redis_keyed_key(w->arena, &w->store->records, w->item->id),
                                .lock_key =
                                    redis_keyed_key(w->arena, &w->store->locks, w->item->id),
                                .lock = w->lock,
                                .has_old = w->stored.present,
                                .has_new = has_new,
                                .old = w->stored.bytes,
                                .new = new,
                                .ttl_ms = ttl_ms};
    enum redis_swapped swapped;
    if (!redis_swap(w->store->client, &change, w->call, &swapped, err) || !fetch(w, err))
        return false;
    switch (swapped) {
    case REDIS_SWAPPED:
        break;
    case REDIS_CHANGED:
        return commit_conflict(w->item, &w->now);
    case REDIS_LOCK_LOST:
        return redis_lock_lost(w->item->id, err) || commit_failed(w->item, err);
    }
    w->item->now = w->now;
    w->item->outcome = OUTCOME_APPLIED;
    return true;
}

static bool write_record(struct work *w, struct err *err)
{
    struct sbuf text = SBUF_INIT;
    const struct value *after =
        content_fill_late(&w->store->format, w->now.root, w->item->after,
                          redis_now_us(w->store->client, w->call), w->arena);
    bool ok = content_write(&w->store->format, &w->now, after, w->item->change, &text, err)
                  ? swap(w, true, sbuf_view(&text), w->stored.present ? 0 : -1, err)
                  : commit_failed_by_record(w->item, err);
    sbuf_release(&text);
    return ok;
}

/* Time to live of what is put back where nothing is now. */
static bool time_left(struct work *w, int64_t expires_ms, int64_t *ret, struct err *err)
{
    *ret = w->stored.present ? 0 : -1;
    if (w->stored.present || redis_kept_expiry_us(expires_ms) == TIME_NEVER)
        return true;
    *ret = expires_ms - clock_now_us() / 1000;
    return *ret > 0 || err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                               STR_ARG(w->item->id));
}

static bool restore_record(struct work *w, struct err *err)
{
    struct str bytes;
    struct sbuf text = SBUF_INIT;
    int64_t expires_ms, ttl_ms;
    bool ok = redis_plain_image_read(w->item->image, &bytes, &expires_ms, err) &&
              time_left(w, expires_ms, &ttl_ms, err) &&
              content_restore(&w->store->format, &w->now, w->item->image, w->item->change, w->arena,
                              &text, err);
    ok = ok ? swap(w, true, sbuf_view(&text), ttl_ms, err) : commit_failed_by_record(w->item, err);
    sbuf_release(&text);
    return ok;
}

/* Between lock and release. */
static bool change(struct work *w, struct err *err)
{
    struct commit_item *item = w->item;
    if (!fetch(w, err))
        return false;
    if (!commit_compare(item, &w->now))
        return true;
    return commit_takes_away(item)      ? swap(w, false, STR(""), 0, err)
           : item->kind == EDIT_RESTORE ? restore_record(w, err)
                                        : write_record(w, err);
}

/* --- lock ------------------------------------------------------------------------------------- */

/* A lock that stays keeps everybody out until it ends, so the release gets time of its own even
 * when the call has none left. */
static void release(struct work *w)
{
    struct call call = call_to_end(w->call, RELEASE_MS);
    struct err why = {0};
    bool ours = false;
    if (!redis_plain_lock_give_back(w->store, w->item->id, w->lock, &call, &ours, &why))
        w->item->detail =
            arena_printf(w->arena, "the lock could not be released (%s); it ends in %d s", why.text,
                         PLAIN_LOCK_S);
    else if (!ours && w->item->outcome == OUTCOME_APPLIED)
        w->item->detail = STR("our lock had ended when it was released; read again");
}

static bool break_lock(struct work *w, struct err *err)
{
    bool was_it;
    if (!redis_plain_lock_give_back(w->store, w->item->id, w->item->lock_token, w->call, &was_it,
                                    err) ||
        !fetch(w, err))
        return false;
    return commit_broke(w->item, was_it, &w->now);
}

bool redis_plain_commit(struct store *base, struct commit_item *item, const struct call *call,
                        struct arena *arena, struct err *err)
{
    struct work w = {
        .store = (struct plain_store *)base, .item = item, .call = call, .arena = arena};
    if (item->kind == EDIT_BREAK)
        return break_lock(&w, err);
    if (!redis_plain_lock_take(w.store, item->id, PLAIN_LOCK_S, call, arena, &w.lock, err))
        return commit_failed_by_record(item, err);
    bool ok = change(&w, err);
    release(&w);
    return ok;
}
