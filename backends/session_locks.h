/* The lock of the triggers framework, wherever its sessions lie (formats/triggers.md 1.3 to 1.7):
 * it is in the Redis of Django's cache alias `default`, which the companion lock= names. lock=none
 * says that there is none and that the operator accepts it: writes only compare then.
 *
 * A layout's store begins with a struct session_store and takes SESSION_LOCK_FUNCTIONS into its
 * table. Without Redis in the build lock=redis://… opens read-only and says so. One thread at a
 * time, as for a store. */
#ifndef PENSTOCK_SESSION_LOCKS_H
#define PENSTOCK_SESSION_LOCKS_H

#include "backends/django_key.h"
#include "core/store_driver.h"

struct redis_client;

struct session_locks {
    struct redis_client *client; /* NULL: no lock can be taken or seen */
    bool borrowed;               /* the client is the store's own */
    bool waived;                 /* lock=none */
};

/* A store of sessions; the pointers convert. */
struct session_store {
    struct store base;
    struct django_key key;
    struct session_locks locks;
};

/* Opens what lock= names; `own` (may be NULL) is the connection to use when it names nothing. A
 * store whose lock cannot be taken becomes read-only with the reason. Fails for a lock= that is no
 * address. */
bool session_locks_open(struct session_store *store, const struct address *address,
                        struct redis_client *own, const struct call *call, struct err *err);
void session_locks_close(struct session_store *store); /* half-built ones too */

/* A lock held during one commit. id empty: without a lock. */
struct session_hold {
    struct session_store *store;
    struct str uid, id;
    const struct call *call;
    int64_t until_ms; /* monotonic: it lasts so long, as the last check saw it */
};

/* The whole of a driver's commit. A break gives the lock back as the framework would; else `change`
 * runs under the lock of item->id, which is released with the framework's signal whatever came. It
 * returns as commit does, and fills in *err at a failure. A held lock is OUTCOME_LOCKED. */
bool session_locks_commit(struct session_store *store, struct commit_item *item,
                          bool (*change)(void *ctx, struct session_hold *hold, struct err *err),
                          void *ctx, const struct call *call, struct arena *arena, struct err *err);
/* Is it still ours, for long enough to write? ERR_LOCKED when not. Right before the write. */
bool session_hold_check(struct session_hold *hold, struct err *err);
enum { SESSION_LOCK_LEFT_MS = 3000 }; /* long enough */

/* Functions of struct layout. Who works on a session stands in its instances; of the store only a
 * held lock can be seen. */
bool session_locks_list(struct store *store, const struct str *ids, size_t n,
                        const struct call *call, struct arena *arena, struct lock **ret,
                        struct err *err);
bool session_locks_hold(struct store *store, struct str id, int64_t seconds,
                        const struct call *call, struct str *ret_token, struct arena *arena,
                        struct err *err);
bool session_locks_release(struct store *store, struct str id, struct str token,
                           const struct call *call, struct err *err);
bool session_locks_activity(struct store *store, const struct str *ids, size_t n,
                            const struct call *call, struct arena *arena, struct activity *ret,
                            struct err *err);
#define SESSION_LOCK_FUNCTIONS                                                                     \
    .locks = session_locks_list, .lock_hold = session_locks_hold,                                  \
    .lock_release = session_locks_release, .breaks_locks = true,                                   \
    .activity = session_locks_activity

/* Every uid of which a lock or its signal list tells (1.2): names for stores that keep none. */
bool session_locks_uids(struct session_store *store, const struct call *call, struct arena *arena,
                        struct str **ret, size_t *ret_n, struct err *err);

#endif
