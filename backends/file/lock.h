/* Expiring locks that are files: whoever makes the file has the lock, until the moment its content
 * tells. The content differs by layout (struct file_lock_format), the protocol does not:
 *
 * - taking is exclusive and shows the whole content at once;
 * - an expired lock blocks nobody: taking moves it away, looks whether that was the one it had
 *   seen, and puts it back if not;
 * - content that cannot be read, or whose time lies ahead, blocks: only `lock break` ends it;
 * - releasing removes the file only while it still holds our bytes. */
#ifndef PENSTOCK_FILE_LOCK_H
#define PENSTOCK_FILE_LOCK_H

#include "backends/file/atomic.h"
#include "core/store.h"

enum file_lock_state {
    FILE_LOCK_FREE,
    FILE_LOCK_HELD,
    FILE_LOCK_EXPIRED,
    FILE_LOCK_AHEAD,
    FILE_LOCK_UNREADABLE
};

/* A lock file as one look saw it. */
struct file_lock_seen {
    bool present;
    struct str text;
    struct stat st;
    bool readable;
    int64_t taken_at_us, expires_at_us;
    struct str holder; /* ptr NULL: the format has none */
};

/* What a new lock is to say. */
struct file_lock_ask {
    int64_t now_us, lasts_us;
    int64_t timeout_us; /* how long others think that a lock of this store lasts */
    struct str holder;  /* user@host */
};

struct file_lock_format {
    struct str (*print)(const struct file_lock_ask *ask, struct arena *arena);
    /* Fills the times and the holder; false when the text is none of this format. */
    bool (*parse)(struct str text, int64_t timeout_us, struct arena *arena,
                  struct file_lock_seen *ret);
};

/* The locks of one store. */
struct file_locks {
    const struct file_lock_format *format;
    int64_t timeout_us;
    int64_t wait_ms; /* how long a held lock is polled */
    struct str holder;
};

/* A lock that we hold. */
struct file_lock {
    const struct file_locks *locks;
    int dir;
    const char *name;
    struct str text;
    int64_t until_us;
};

bool file_lock_see(const struct file_locks *locks, int dir, const char *name,
                   const struct call *call, struct arena *arena, struct file_lock_seen *ret,
                   struct err *err);

/* Takes the lock for `lasts_us`; polls a held one for locks->wait_ms, then ERR_LOCKED saying why.
 */
bool file_lock_take(const struct file_locks *locks, int dir, const char *name, int64_t lasts_us,
                    const struct call *call, struct arena *arena, struct file_lock *ret,
                    struct err *err);
/* Is it still ours, and not yet for others to take? ERR_LOCKED when not. */
bool file_lock_check(const struct file_lock *lock, struct err *err);
void file_lock_release(const struct file_lock *lock);
/* Releases by the text alone (a hold that another call took); true when it was still ours. */
bool file_lock_release_text(int dir, const char *name, struct str text);

/* Breaks the lock that `token` describes; *ret_broken is false when another one is there, or none.
 */
bool file_lock_break(const struct file_locks *locks, int dir, const char *name, struct str token,
                     const struct call *call, struct arena *arena, bool *ret_broken,
                     struct err *err);

/* Row of a lock list, but for the object. */
struct lock *file_lock_row(const struct file_locks *locks, const struct file_lock_seen *seen,
                           int64_t now_us, struct arena *arena);

#endif
