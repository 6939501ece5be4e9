/* Stores, for everyone who uses one. A store is one layout opened at one address; its type is
 * opaque here. One thread at a time may call into a store; every call ends by its deadline or its
 * token.
 *
 * These wrappers do what holds for every driver: refuse writes without `writable`, check ids and
 * limits, put the store's name before errors. Only core/apply.c calls store_commit. */
#ifndef PENSTOCK_STORE_H
#define PENSTOCK_STORE_H

#include "core/base/call.h"
#include "core/system.h"
#include "core/target.h"

struct store;
struct layout;

/* How much of one value is read unless asked for more. What is longer is shown, not edited. */
enum { VALUE_LIMIT = 64 << 20 };

struct store_info {
    const struct system *system;
    const struct layout *layout;
    const char *backend, *layout_name; /* "postgres", "systemdb" */
    bool native;                       /* the system's own layout, not one of ours */
    struct str identity;       /* the address without credentials: names the store everywhere */
    struct str server;         /* as the server reports itself: db-3.prod:5432/shop as app_ops */
    struct str version;        /* of the server or library */
    struct str layout_version; /* "L4", "c0efb3c314eb", "pickle"; STR_NULL where there is none */
    bool writable;
    struct str why_read_only; /* when not writable */
    struct str rights;        /* what this role may read, write and see, in words */
    struct str note;          /* anything an operator must know: pooler, other databases, clock */
    int64_t records;          /* -1: not counted */
    int64_t latency_ms;
    int64_t clock_skew_us; /* server minus ours; TIME_UNKNOWN where it has no clock */
};

enum lock_verdict { LOCK_LIVE, LOCK_STALE, LOCK_ORPHAN, LOCK_UNKNOWN };
const char *lock_verdict_name(enum lock_verdict verdict);

struct lock {
    struct str object;                  /* record id */
    struct str holder;                  /* "not recorded" is for the face; STR_NULL here */
    int64_t taken_at_us, expires_at_us; /* TIME_UNKNOWN, TIME_NEVER */
    struct str frees_itself;            /* words: "at the next run", "in 3m 32s", "never" */
    int64_t waiters;                    /* -1: cannot be known */
    enum lock_verdict verdict;
    struct str evidence;
    bool mine;
    struct str if_broken; /* what a break does beside; ptr NULL: the holder goes on unknowing */
    struct str token;     /* opaque: exactly what was seen; a break compares it */
    struct lock *next;
};

/* What a read gives for one id. */
struct read_item {
    struct document doc;
    struct err err; /* kind ERR_NONE: doc is valid (perhaps absent or truncated) */
};

enum outcome {
    OUTCOME_PLANNED,
    OUTCOME_APPLIED,
    OUTCOME_UNCHANGED,
    OUTCOME_CONFLICT,
    OUTCOME_LOCKED,
    OUTCOME_REFUSED,
    OUTCOME_FAILED,
    OUTCOME_NOT_TRIED,
    OUTCOME_INTENDED,  /* journal only: it was being applied when the program died */
    OUTCOME_SET_ASIDE, /* plans only: not to be done unless the operator includes it */
};
const char *outcome_name(enum outcome outcome);

/* One item of a commit. The caller fills the first half, the driver the second. */
struct commit_item {
    enum edit_kind kind;
    struct str id;
    struct version expect[PARTS_MAX]; /* versions the edit was made from */
    unsigned compare;                 /* bit per part that must still have that version */
    unsigned change;                  /* bit per part to be written; others are left as they are */
    const struct document *before;    /* as read just now by the caller; for its root and format */
    const struct value *after;        /* WRITE: the new root, with late values */
    const struct run_note *note;      /* WRITE; may be NULL */
    struct str note_id;               /* of `note`: a UUID in 32 hex digits, journalled before */
    struct str image;                 /* RESTORE: as a document's image; ptr NULL = absent */
    struct str receipt;               /* RESTORE: what the commit to be undone gave; may be NULL. Of
                                         one that died after the write: NOTE_RECEIPT and its note_id */
    struct str lock_token;            /* BREAK */
    bool note_only; /* nothing but `note` is written, or `receipt` taken back: the record itself
                       lies in another store */

    enum outcome outcome;   /* APPLIED, CONFLICT, LOCKED, REFUSED or FAILED */
    struct err err;         /* unless APPLIED */
    struct document now;    /* APPLIED: as read back, under the lock. CONFLICT: as it is now */
    struct str new_receipt; /* opaque; the journal keeps it and hands it back at undo */
    struct str detail;      /* for people: "lock taken by ...", or STR_NULL */
    /* FAILED: the write was sent and nothing came back; it may still be done, after a read that
     * finds the old document (a COMMIT that waits for a standby). */
    bool unanswered;
};

#define NOTE_RECEIPT "N"

struct store_opts {
    bool writable;
    int64_t lock_wait_ms;     /* how long a held lock is polled inside a commit */
    struct str operator_name; /* user@host, written where a lock format has room */
};

bool store_open(const struct layout *layout, const struct address *address,
                const struct store_opts *opts, const struct call *call, struct store **ret,
                struct err *err);
void store_close(struct store *store); /* NULL is fine */

const struct store_info *store_info(const struct store *store); /* as of open or the last probe */
const struct system *store_system(const struct store *store);
bool store_probe(struct store *store, const struct call *call, struct err *err);

enum store_ability {
    STORE_WRITES,
    STORE_LOCKS,
    STORE_BREAKS,
    STORE_HOLDS,
    STORE_SEES_WRITERS,
    STORE_NOTES
};
bool store_supports(const struct store *store, enum store_ability ability);
/* Whether stores of this layout have locks that can be shown; on any thread. */
bool layout_has_locks(const struct layout *layout);

/* Pages of rows in store order. A scan holds no transaction, lock or cursor between pages; a record
 * may come twice or not at all when it changes meanwhile. *ret_n == 0 with true: the end. Rows
 * live in `arena`. */
struct scan;
bool store_scan_open(struct store *store, const struct call *call, struct scan **ret,
                     struct err *err);
/* The same for who looks at ids and labels alone: what else a row tells may be left unknown. */
bool store_scan_ids(struct store *store, const struct call *call, struct scan **ret,
                    struct err *err);
bool store_scan_next(struct scan *scan, const struct call *call, struct arena *arena, size_t max,
                     struct row **ret, size_t *ret_n, struct err *err);
void store_scan_close(struct scan *scan);

/* Many ids at once; ret has n items, in order. Fails as a whole only when the store itself fails.
 * `limit`: bytes per value (0 = VALUE_LIMIT). */
bool store_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                const struct call *call, struct arena *arena, struct read_item *ret,
                struct err *err);
/* A document from an image; false when the layout cannot (ERR_UNSUPPORTED) or it is damaged. */
bool store_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                  struct document *ret, struct err *err);
/* May this id be written here? (file stores refuse what would leave the directory) */
bool store_check_id(struct store *store, struct str id, struct err *err);

/* One driver call per item; returns false only when nothing of the item was tried. */
bool store_commit(struct store *store, struct commit_item *item, const struct call *call,
                  struct arena *arena, struct err *err);

/* Several items of one store at once, where that is faster and as safe; else, and when nothing
 * could be done, *ret_done is 0. The first *ret_done items have their outcome: APPLIED each or,
 * when it returns false because the store was lost, FAILED each. Of the others nothing was written;
 * the first of them wants store_commit, which says what is wrong. So nothing overtakes a failure.
 */
enum { COMMIT_LOT = 50 }; /* at most */
bool store_commit_lot(struct store *store, struct commit_item *items, size_t n,
                      const struct call *call, struct arena *arena, size_t *ret_done,
                      struct err *err);

/* All locks, or those of some ids (n > 0). Changes nothing. ERR_UNSUPPORTED: some may be held, and
 * none can be seen (lock=none). */
bool store_locks(struct store *store, const struct str *ids, size_t n, const struct call *call,
                 struct arena *arena, struct lock **ret, struct err *err);
/* Takes the system's own lock on one record and keeps it until released or `seconds` passed. */
bool store_lock_hold(struct store *store, struct str id, int64_t seconds, const struct call *call,
                     struct str *ret_token, struct arena *arena, struct err *err);
bool store_lock_release(struct store *store, struct str id, struct str token,
                        const struct call *call, struct err *err);

/* For n ids, in order. A store that cannot see says ACTIVITY_BLIND with the reason. */
bool store_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                    struct arena *arena, struct activity *ret, struct err *err);
/* For n ids: a dict each (never NULL), whose keys the system's operations and sheets know. */
bool store_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
                 struct arena *arena, const struct value **ret, struct err *err);

/* Resolves what an operator typed to ids: an id, or a name that system->names knows. */
bool store_find(struct store *store, struct str name, const struct call *call, struct arena *arena,
                struct row **ret, size_t *ret_n, struct err *err);

#endif
