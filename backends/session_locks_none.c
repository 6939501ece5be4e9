/* Where the build has no Redis there is no lock of a session: only lock=none may write. */
#include "backends/session_locks.h"

#include <string.h>

bool session_locks_open(struct session_store *store, const struct address *address,
                        struct redis_client *own, const struct call *call, struct err *err)
{
    const char *text = address_param(address, "lock");
    store->locks.waived = text && strcmp(text, "none") == 0;
    if (!store->locks.waived)
        store_read_only(
            &store->base,
            STR("sessions are locked in a Redis, and this penstock was built without Redis"));
    return true;
}

void session_locks_close(struct session_store *store)
{
}

static bool no_lock(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "this penstock was built without Redis: it has no locks");
}

bool session_locks_commit(struct session_store *store, struct commit_item *item,
                          bool (*change)(void *ctx, struct session_hold *hold, struct err *err),
                          void *ctx, const struct call *call, struct arena *arena, struct err *err)
{
    struct session_hold hold = {.store = store, .uid = item->id, .id = STR(""), .call = call};
    return item->kind == EDIT_BREAK ? no_lock(err) : change(ctx, &hold, err);
}

bool session_hold_check(struct session_hold *hold, struct err *err)
{
    return true;
}

bool session_locks_list(struct store *store, const struct str *ids, size_t n,
                        const struct call *call, struct arena *arena, struct lock **ret,
                        struct err *err)
{
    *ret = NULL;
    return err_set(err, ERR_UNSUPPORTED,
                   "locks cannot be seen: this penstock was built without Redis");
}

bool session_locks_hold(struct store *store, struct str id, int64_t seconds,
                        const struct call *call, struct str *ret_token, struct arena *arena,
                        struct err *err)
{
    return no_lock(err);
}

bool session_locks_release(struct store *store, struct str id, struct str token,
                           const struct call *call, struct err *err)
{
    return no_lock(err);
}

bool session_locks_activity(struct store *store, const struct str *ids, size_t n,
                            const struct call *call, struct arena *arena, struct activity *ret,
                            struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct activity){.sight = ACTIVITY_BLIND,
                                   .why = STR("built without Redis: nothing shows who is writing")};
    return true;
}

bool session_locks_uids(struct session_store *store, const struct call *call, struct arena *arena,
                        struct str **ret, size_t *ret_n, struct err *err)
{
    *ret = NULL;
    *ret_n = 0;
    return true;
}
