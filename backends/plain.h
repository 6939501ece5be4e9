/* The plain layouts: for systems whose users write stores of their own, one JSON document a record
 * (content.h, wrapped) beside an expiring, fenced lock; the same for every system, in every backend
 * (docs/stores.md). Here is what does not depend on the backend. */
#ifndef PENSTOCK_PLAIN_H
#define PENSTOCK_PLAIN_H

#include "backends/content.h"

enum { PLAIN_LOCK_S = 30 }; /* a change takes well under a second; a killed one frees itself then */

/* The text of a lock: who, when it ends, and a fence that grows from holder to holder (the moment
 * of taking in microseconds), so that a writer that lost its lock is told from the one that has it:
 *   {"holder": "ana@db1/4711", "fence": 1795216999283642, "expires_at": "2026-11-21T03:10:00Z"} */
struct plain_lock {
    struct str holder; /* ptr NULL: none is named */
    int64_t fence_us, expires_at_us;
};
/* `operator_name` gets our process behind it. */
struct str plain_lock_print(struct arena *arena, struct str operator_name, int64_t fence_us,
                            int64_t expires_at_us);
/* False when the text is none of a lock. */
bool plain_lock_parse(struct arena *arena, struct str text, struct plain_lock *ret);

/* Row of a lock list. `expires_at_us` is what the store itself says of its end, TIME_UNKNOWN where
 * only the text does. */
struct lock *plain_lock_row(struct arena *arena, struct str object, struct str text,
                            struct str operator_name, int64_t expires_at_us, int64_t now_us);

/* layout->activity: every writer takes the lock, so who holds it is who writes. */
bool plain_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                    struct arena *arena, struct activity *ret, struct err *err);

/* Times as the systems' own JSON has them: content_format.now. */
const struct value *plain_now(const char *system, int64_t now_us, struct arena *arena);

#endif
