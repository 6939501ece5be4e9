/* Redis strings, one a record, whose key has the id in it: what the layouts on them share. */
#ifndef PENSTOCK_REDIS_KEYED_H
#define PENSTOCK_REDIS_KEYED_H

#include "backends/redis/client.h"

/* What stands around the id in a key; no id is empty. */
struct redis_keyed {
    struct str head, tail;
};
struct str redis_keyed_key(struct arena *arena, const struct redis_keyed *keyed, struct str id);

/* One value as it is stored, or what a scan tells of it. */
struct redis_stored {
    struct str id;
    bool present;
    struct str bytes; /* at most as many as were asked for */
    int64_t len;      /* of all; -1: not known (another type, gone meanwhile) */
    int64_t pttl_ms;  /* -1: for ever */
    struct err err;   /* of this key alone: it is of another type */
};

/* All keys by SCAN, never KEYS; sizes, times and the first `head` bytes (0: none) of each page's
 * values in one pipeline. Fewer than `max` is not the end; *ret_n == 0 is. Ids live in `arena`. */
/* Functions of struct layout, and what its scan_next asks. */
bool redis_keyed_scan_open(struct store *store, const struct call *call, void **ret,
                           struct err *err);
bool redis_keyed_scan_ids(struct store *store, const struct call *call, void **ret,
                          struct err *err); /* nothing but ids is asked for */
void redis_keyed_scan_close(struct store *store, void *scan);
bool redis_keyed_scan_next(struct redis_client *client, const struct redis_keyed *keyed, void *scan,
                           size_t head, const struct call *call, struct arena *arena, size_t max,
                           struct redis_stored **ret, size_t *ret_n, struct err *err);
/* Of a scan for ids alone scan_next asks this instead: rows that know nothing else. */
bool redis_keyed_ids_alone(const void *scan);
bool redis_keyed_next_ids(struct redis_client *client, const struct redis_keyed *keyed, void *scan,
                          const struct call *call, struct arena *arena, size_t max,
                          struct row **ret, size_t *ret_n, struct err *err);
/* Is there any such key? A bounded look. */
bool redis_keyed_any(struct redis_client *client, const struct redis_keyed *keyed,
                     const struct call *call, struct err *err);

/* Many ids at once, in order, a bounded number of bytes in one pipeline; of what is longer than
 * `limit` come the first bytes. */
bool redis_keyed_read(struct redis_client *client, const struct redis_keyed *keyed,
                      const struct str *ids, size_t n, size_t limit, const struct call *call,
                      struct arena *arena, struct redis_stored *ret, struct err *err);

/* Compare-and-swap of one value, in one step of the server, under a lock of ours. */
struct redis_swap {
    struct str key, lock_key, lock; /* the lock's text; STR("") where there is no lock */
    bool has_old, has_new;          /* false: the key is absent before, or after */
    struct str old, new;
    int64_t ttl_ms; /* of the new value; -1: for ever, 0: as it is */
};
/* ERR_LOCKED: what there is to say of REDIS_LOCK_LOST. Returns false. */
bool redis_lock_lost(struct str id, struct err *err);
enum redis_swapped { REDIS_SWAPPED, REDIS_CHANGED, REDIS_LOCK_LOST };
bool redis_swap(struct redis_client *client, const struct redis_swap *swap, const struct call *call,
                enum redis_swapped *ret, struct err *err);

#endif
