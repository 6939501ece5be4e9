/* What a layout fills in; for backends/, core/store*.c and core/config_probe.c only.
 *
 * A layout says how one system's records lie in one backend: one const struct layout, one line in
 * backends/drivers.c. Its own struct starts with `struct store`, so that the two pointers convert.
 * All functions are plain blocking code: each ends by call->deadline_ms or its token
 * (core/base/call.h), leaves no transaction, lock or file behind, prints and logs nothing, and may
 * be called by one thread at a time. A NULL function means that this store cannot do that; menus
 * and commands ask the same pointer through store_supports. */
#ifndef PENSTOCK_STORE_DRIVER_H
#define PENSTOCK_STORE_DRIVER_H

#include "core/store.h"

struct layout {
    const char *system;  /* name in systems[] */
    const char *backend; /* "file", "sqlite", "postgres", "redis", "memory" */
    const char *name;    /* unique for its system and backend: "systemdb", "plain" */
    bool native;         /* of the system's own code; else one that we define (docs/stores.md) */
    const char *const *params; /* address parameters it knows, ends with NULL; may be NULL */

    /* Is this layout at the address? Looks without changing anything, and never fails: what cannot
     * be reached or read is "no", with *err telling why when the store as a whole is out of reach.
     */
    bool (*detect)(const struct layout *layout, const struct address *address,
                   const struct call *call, struct err *err);

    /* Connects and fills store->info (all but records). `opts->writable` false: no path leads to a
     * write, and the connection itself is read-only where the backend has such a thing. A server or
     * schema that may only be read opens with info.writable false and the reason. */
    bool (*open)(const struct layout *layout, const struct address *address,
                 const struct store_opts *opts, const struct call *call, struct store **ret,
                 struct err *err);
    void (*close)(struct store *store); /* frees the struct; accepts half-built ones */

    /* Refreshes info: latency, clock skew, rights, record count where it is cheap. */
    bool (*probe)(struct store *store, const struct call *call, struct err *err);

    /* See store_scan_*: the driver's own state behind `struct scan`. scan_next allocates `max` rows
     * at most in `arena`. Ids that this store cannot address are passed over silently. */
    bool (*scan_open)(struct store *store, const struct call *call, void **ret, struct err *err);
    /* Opens a scan whose rows need only id and label. NULL: they cost as much as all the rest. */
    bool (*scan_ids)(struct store *store, const struct call *call, void **ret, struct err *err);
    bool (*scan_next)(struct store *store, void *scan, const struct call *call, struct arena *arena,
                      size_t max, struct row **ret, size_t *ret_n, struct err *err);
    void (*scan_close)(struct store *store, void *scan);

    /* Fills ret[0..n). Bytes that do not parse are not an error: doc.problem says it, doc.image and
     * doc.versions are there all the same. A value beyond `limit`: doc.truncated, head. */
    bool (*read)(struct store *store, const struct str *ids, size_t n, size_t limit,
                 const struct call *call, struct arena *arena, struct read_item *ret,
                 struct err *err);

    /* Makes a document from an image that `read` or `commit` gave, without asking the store: what
     * an undo would bring back. Texts may point into `image`. NULL: an undo shows no diff. */
    bool (*decode)(struct store *store, struct str id, struct str image, struct arena *arena,
                   struct document *ret, struct err *err);

    /* NULL: every id that the system allows. */
    bool (*check_id)(struct store *store, struct str id, struct err *err);

    /* Takes the system's own lock, compares the parts in item->compare, writes the parts in
     * item->change, reads back, releases; one call, short. Parts neither compared nor changed stay
     * as they are even when others changed them meanwhile. A write that touched nothing is a
     * conflict. The result is what was read back. Late values are filled here. Returns false (with
     * item->outcome FAILED) only for failures of the store; else what is in `err`, which is never
     * NULL, counts for nothing. After a lost connection the outcome may be unknown: err.kind
     * UNAVAILABLE, and the caller reads again. */
    bool (*commit)(struct store *store, struct commit_item *item, const struct call *call,
                   struct arena *arena, struct err *err);

    /* See store_commit_lot; NULL where one by one is as fast. n is at most COMMIT_LOT, the items
     * are of any kind but BREAK and of different records. Whatever is unusual is left to commit:
     * this one fills in no conflict and names no lock. */
    bool (*commit_lot)(struct store *store, struct commit_item *items, size_t n,
                       const struct call *call, struct arena *arena, size_t *ret_done,
                       struct err *err);

    bool (*locks)(struct store *store, const struct str *ids, size_t n, const struct call *call,
                  struct arena *arena, struct lock **ret, struct err *err);
    bool (*lock_hold)(struct store *store, struct str id, int64_t seconds, const struct call *call,
                      struct str *ret_token, struct arena *arena, struct err *err);
    bool (*lock_release)(struct store *store, struct str id, struct str token,
                         const struct call *call, struct err *err);
    bool breaks_locks; /* commit knows EDIT_BREAK */
    bool keeps_notes;  /* commit writes run notes, and knows note_only */

    bool (*activity)(struct store *store, const struct str *ids, size_t n, const struct call *call,
                     struct arena *arena, struct activity *ret, struct err *err);
    bool (*facts)(struct store *store, const struct str *ids, size_t n, const struct call *call,
                  struct arena *arena, const struct value **ret, struct err *err);
};

struct store {
    const struct layout *layout;
    struct store_info info;
    struct store_opts opts;
    struct arena arena;     /* info's texts and the address; released by store_close */
    struct str why_no_runs; /* `runs` was named and could not be opened; else ptr NULL */
    struct store
        *runs; /* companion that tells who runs and keeps the notes; store_close closes it */
};

/* Fills the common fields of a fresh driver struct (layout, system, identity, opts, writable). */
void store_init(struct store *store, const struct layout *layout, const struct address *address,
                const struct store_opts *opts);

/* Nothing can be written here, and why; the first reason stays. `why` is lent for the store's life;
 * ptr NULL: there is none. */
void store_read_only(struct store *store, struct str why);
/* May anything be written? ERR_REFUSED with the reason. The wrappers ask; so does a layout on files
 * before it writes, having no connection that is read-only itself. */
bool store_may_write(const struct store *store, struct err *err);

/* Shorthands for a commit's answer. Each returns true: the item has its outcome. */
bool commit_conflict(struct commit_item *item, const struct document *now);
bool commit_refuse(struct commit_item *item, enum outcome outcome, const struct err *err);
/* Makes an error that ended a commit the item's own where it is (locked, conflict, refused); false
 * when it is the store's. */
bool commit_failed(struct commit_item *item, const struct err *err);
/* The same where ERR_CORRUPT tells of what stands in the record, not of the store. */
bool commit_failed_by_record(struct commit_item *item, const struct err *err);
/* The error of a write that a trigger, a rule or a policy dropped or altered: found by reading back
 * within the transaction, which is then rolled back. Returns false. */
bool commit_not_kept(const struct commit_item *item, struct err *err);
/* The error of a write that somebody wrote over before it was read back. Returns false. */
bool commit_overwritten(const struct commit_item *item, struct err *err);
/* Is the record to be gone when the item is done? Then item->compare has every part. */
bool commit_takes_away(const struct commit_item *item);
/* The error of a removal that would take more with it than a record is (`what`: other columns, rows
 * of other tables). Returns false. */
bool commit_takes_more(const struct commit_item *item, struct str what, struct err *err);
/* Is `now` what the item was made from: read whole, the parts under item->compare as they were, a
 * record that is to be made not there yet, one that is to go still there? */
bool commit_matches(const struct commit_item *item, const struct document *now);
/* As above; false after filling in a conflict. */
bool commit_compare(struct commit_item *item, const struct document *now);
/* The answer to a BREAK: applied when `was_it`, else a conflict: the lock was not the one seen. */
bool commit_broke(struct commit_item *item, bool was_it, const struct document *now);

#endif
