/* The lock of python-redis-lock, on the wire (formats/triggers.md 1.3): a Redis string
 * `lock:triggers:{uid}:lock` holding an id, and a list that wakes the first waiter. No prefix and
 * no version of Django's: the key is raw. */
#ifndef PENSTOCK_REDIS_LOCK_H
#define PENSTOCK_REDIS_LOCK_H

#include "backends/redis/client.h"
#include "core/store.h"

enum { LOCK_TTL_S = 30 }; /* a commit takes well under a second; a killed one frees itself then */

struct str lock_key(struct arena *arena, struct str uid);

/* Printable ASCII (newer versions of the library decode it), unlike any other. */
struct str lock_new_id(struct arena *arena, struct str operator_name);

/* SET NX EX, polled for wait_ms at most: BLPOP would steal the signal from the application's own
 * waiters (1.7). ERR_LOCKED with the remaining time when somebody else keeps it. After any other
 * failure the lock may have been taken: release it. */
bool lock_take(struct redis_client *client, struct str uid, struct str id, int64_t seconds,
               int64_t wait_ms, const struct call *call, struct err *err);

/* The library's own release: compare, wake one waiter, delete. *ret_was_ours false: the lock had
 * expired or belongs to somebody else; then nothing was done. */
bool lock_give_back(struct redis_client *client, struct str uid, struct str id,
                    const struct call *call, bool *ret_was_ours, struct err *err);

/* Locks of the given uids (n > 0), or of all by SCAN. */
bool lock_list(struct redis_client *client, const struct str *uids, size_t n,
               struct str operator_name, const struct call *call, struct arena *arena,
               struct lock **ret, struct err *err);

/* Every uid that a lock or a signal list names, once each: 2.3.0 leaves the list of every session
 * that was ever locked (1.2). */
bool lock_uids(struct redis_client *client, const struct call *call, struct arena *arena,
               struct str **ret, size_t *ret_n, struct err *err);

#endif
