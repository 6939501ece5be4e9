/* Writing a session exactly as formats/triggers.md 1.7 asks: lock, read again, compare, encode and
 * verify, compare-and-swap under the lock, read back, release with a signal. Killed at any point it
 * leaves the old value or the new one, and a lock that ends in LOCK_TTL_S. */
#include "backends/redis/lock.h"
#include "backends/redis/triggers_django.h"
#include "core/base/clock.h"

#include <string.h>

struct commit {
    struct django_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct session_hold *hold;
    struct redis_stored now;
    struct document now_doc;
    struct django_form form;
};

static bool fetch(struct commit *c, struct err *err)
{
    struct redis_keyed keyed = django_keyed(c->store);
    if (!redis_keyed_read(c->store->client, &keyed, &c->item->id, 1, VALUE_LIMIT, c->call, c->arena,
                          &c->now, err))
        return false;
    if (c->now.err.kind != ERR_NONE) {
        *err = c->now.err;
        return false;
    }
    django_document(&c->now, VALUE_LIMIT, c->arena, &c->now_doc, &c->form);
    return true;
}

/* --- new bytes ------------------------------------------------------------------------------- */

static bool encode(struct commit *c, struct str *ret, struct err *err)
{
    if (!c->now.present)
        c->form = django_form_new(c->item->after);
    const struct value *root = django_fill_late(c->arena, c->item->after, &c->form,
                                                redis_now_us(c->store->client, c->call));
    return django_encode(c->arena, root, &c->form, ret, err);
}

/* Time to live of an image that is put back where nothing is now. */
static bool image_ttl(const struct commit *c, int64_t expires_ms, int64_t *ret, struct err *err)
{
    bool never = redis_kept_expiry_us(expires_ms) == TIME_NEVER;
    *ret = never ? -1 : expires_ms - clock_now_us() / 1000;
    return never || *ret > 0 ||
           err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                   STR_ARG(c->item->id));
}

/* --- the swap -------------------------------------------------------------------------------- */

enum { KEEP_TTL = 0, FOR_EVER = -1 };

/* `bytes` with ptr NULL: the key goes. */
static bool swap(struct commit *c, struct str bytes, int64_t ttl_ms, bool *ret_done,
                 struct err *err)
{
    struct redis_keyed keyed = django_keyed(c->store);
    enum redis_swapped swapped;
    bool beside =
        c->store->sessions.locks.borrowed; /* the lock lies beside the session: one look for both */
    if (!beside && !session_hold_check(c->hold, err))
        return commit_failed(c->item, err);
    struct redis_swap change = {.key = redis_keyed_key(c->arena, &keyed, c->item->id),
                                .lock_key = lock_key(c->arena, c->item->id),
                                .lock = beside ? c->hold->id : STR(""),
                                .has_old = c->now.present,
                                .has_new = bytes.ptr != NULL,
                                .old = c->now.bytes,
                                .new = bytes,
                                .ttl_ms = ttl_ms};
    if (!redis_swap(c->store->client, &change, c->call, &swapped, err))
        return false;
    *ret_done = swapped == REDIS_SWAPPED;
    if (*ret_done)
        return true;
    if (swapped == REDIS_CHANGED)
        return fetch(c, err) && commit_conflict(c->item, &c->now_doc);
    return redis_lock_lost(c->item->id, err) || commit_failed(c->item, err);
}

static bool refuse(struct commit *c, const struct err *why)
{
    return commit_refuse(c->item, OUTCOME_REFUSED, why);
}

static bool write_root(struct commit *c, bool *ret_done, struct err *err)
{
    struct str bytes;
    struct err why = {0};
    if (c->now.present && c->now_doc.problem.kind)
        return refuse(c, &c->now_doc.problem);
    if (!encode(c, &bytes, &why))
        return refuse(c, &why);
    if (!c->now.present)
        return swap(c, bytes, FOR_EVER, ret_done, err);
    return swap(c, bytes, KEEP_TTL, ret_done, err);
}

static bool restore(struct commit *c, bool *ret_done, struct err *err)
{
    struct str bytes;
    int64_t expires_ms, ttl_ms;
    struct err why = {0};
    if (!django_image_read(c->item->image, &bytes, &expires_ms, &why))
        return refuse(c, &why);
    if (c->now.present)
        return swap(c, bytes, KEEP_TTL, ret_done, err);
    if (!image_ttl(c, expires_ms, &ttl_ms, &why))
        return refuse(c, &why);
    return swap(c, bytes, ttl_ms, ret_done, err);
}

/* Between lock and release. True with an outcome in the item, or false for a failing store. */
static bool change(void *ctx, struct session_hold *hold, struct err *err)
{
    struct commit *c = ctx;
    struct commit_item *item = c->item;
    c->hold = hold;
    bool done = false, ok;
    if (!fetch(c, err))
        return false;
    if (!commit_compare(item, &c->now_doc))
        return true;
    if (commit_takes_away(item))
        ok = swap(c, STR_NULL, KEEP_TTL, &done, err);
    else if (item->kind == EDIT_RESTORE)
        ok = restore(c, &done, err);
    else
        ok = write_root(c, &done, err);
    if (!ok || !done)
        return ok;
    if (!fetch(c, err))
        return err_context(err, "written, but not read back");
    item->outcome = OUTCOME_APPLIED;
    item->now = c->now_doc;
    return true;
}

bool django_commit(struct store *base, struct commit_item *item, const struct call *call,
                   struct arena *arena, struct err *err)
{
    struct django_store *store = (struct django_store *)base;
    struct commit c = {.store = store, .item = item, .call = call, .arena = arena};
    return session_locks_commit(&store->sessions, item, change, &c, call, arena, err);
}
