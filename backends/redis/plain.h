/* The plain layout on Redis: what its files share. A record is a string `{prefix}{system}:{id}`
 * that holds one JSON document in its envelope (backends/content.h), its lock another one,
 * `{prefix}lock:{system}:{id}` (backends/plain.h), which ends by itself. {prefix} is the address
 * parameter of that name, "penstock:" unless given.
 *
 * A writer takes the lock with SET NX PX, reads, and swaps in one script that makes sure that the
 * lock still holds its own text and lasts, and that the value is the one it read: a writer that
 * lost its lock writes nothing. It releases, and refreshes, by comparing the lock's text. That is
 * what Meltano asks of a state backend, too (formats/meltano.md 6.4); a new system is one line at
 * the end of plain.c and one in backends/drivers.c. */
#ifndef PENSTOCK_REDIS_PLAIN_H
#define PENSTOCK_REDIS_PLAIN_H

#include "backends/plain.h"
#include "backends/redis/keyed.h"
#include "core/store_driver.h"

struct plain_store {
    struct store base;
    struct redis_client *client;
    struct redis_keyed records, locks;
    struct content_format format;
};

/* The document of what is stored; a value that was cut is truncated. */
void redis_plain_document(const struct plain_store *store, const struct redis_stored *stored,
                          struct arena *arena, struct document *ret);
/* Images: the moment the record expires, and the stored bytes. */
bool redis_plain_image_read(struct str image, struct str *ret_bytes, int64_t *ret_expires_ms,
                            struct err *err);

/* --- plain_locks.c ---------------------------------------------------------------------------- */

/* Takes the lock; a held one is polled for the store's lock_wait_ms, then ERR_LOCKED. *ret: its
 * text, by which it is given back. After another failure it may have been taken. */
bool redis_plain_lock_take(struct plain_store *store, struct str id, int64_t seconds,
                           const struct call *call, struct arena *arena, struct str *ret,
                           struct err *err);
/* *ret_was_ours false: it had ended, or is somebody else's; then nothing was done. */
bool redis_plain_lock_give_back(struct plain_store *store, struct str id, struct str text,
                                const struct call *call, bool *ret_was_ours, struct err *err);

/* Functions of struct layout. */
bool redis_plain_locks(struct store *store, const struct str *ids, size_t n,
                       const struct call *call, struct arena *arena, struct lock **ret,
                       struct err *err);
bool redis_plain_lock_hold(struct store *store, struct str id, int64_t seconds,
                           const struct call *call, struct str *ret_token, struct arena *arena,
                           struct err *err);
bool redis_plain_lock_release(struct store *store, struct str id, struct str token,
                              const struct call *call, struct err *err);
bool redis_plain_activity(struct store *store, const struct str *ids, size_t n,
                          const struct call *call, struct arena *arena, struct activity *ret,
                          struct err *err);
/* plain_commit.c */
bool redis_plain_commit(struct store *store, struct commit_item *item, const struct call *call,
                        struct arena *arena, struct err *err);

#endif
