/* Files relative to an open directory: read whole, and replaced so that a crash at any point leaves
 * the old content or the new one.
 *
 * Nothing here follows a symbolic link, opens anything but a regular file, or reads beyond a limit.
 * Names are single path components that the caller has checked. */
#ifndef PENSTOCK_FILE_ATOMIC_H
#define PENSTOCK_FILE_ATOMIC_H

#include "core/base/arena.h"
#include "core/base/call.h"

#include <sys/stat.h>

/* Who may do what with a file: kept when its content is replaced. */
struct file_owner {
    mode_t mode; /* permission bits */
    uid_t uid;
    gid_t gid;
};

struct file_owner file_owner_of(const struct stat *st);

/* A file as read. */
struct file_content {
    bool absent;
    struct str bytes; /* after `lead` bytes of room; cut at the limit */
    char *room;       /* start of the room */
    bool cut;         /* larger than the limit: `bytes` is its beginning */
    struct stat st;
};

/* One table from errno to a kind of error; always false. */
bool file_failed(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Opens a directory below `dir`, itself no symbolic link. -1 with *err filled. */
int file_open_dir(int dir, const char *name, struct err *err);

/* Reads at most `limit` bytes of a larger file, else all of it, with `lead` bytes of room before
 * them in the same allocation. Content that changes while it is read is read again. An absent file
 * is a success. */
bool file_read(int dir, const char *name, size_t limit, size_t lead, const struct call *call,
               struct arena *arena, struct file_content *ret, struct err *err);

enum { FILE_STAGE_NAME = 40 };

/* A finished file under a temporary name in its own directory. */
struct file_stage {
    int dir;
    char name[FILE_STAGE_NAME]; /* "" = nothing to drop */
};

/* Starts with a dot, so that no system's listing takes it for a record. */
#define FILE_STAGE_PREFIX ".penstock-"

/* Writes the bytes; `durable` syncs them. `keep` NULL: a new file, 0644 less the umask, which for
 * root belongs to the directory's owner, or the pipeline could not write it afterwards. Where owner
 * or mode cannot be kept it is ERR_DENIED and nothing was made. */
bool file_stage(int dir, struct str bytes, const struct file_owner *keep, bool durable,
                struct file_stage *ret, struct err *err);
/* Puts the staged file in the place of `name` and syncs the directory. */
bool file_stage_replace(struct file_stage *stage, const char *name, struct err *err);
/* Gives it the name `name` unless something has it; *ret_taken says so. ERR_UNSUPPORTED where the
 * file system can do that only with a gap. */
bool file_stage_create(struct file_stage *stage, const char *name, bool *ret_taken,
                       struct err *err);
/* Moves `name` to a temporary name of its own, which no sweep takes for ours: what lies there may
 * be somebody's only copy. *ret_absent when there is none. */
bool file_stage_aside(int dir, const char *name, struct file_stage *ret, bool *ret_absent,
                      struct err *err);
/* Gives it its name back. What somebody put there meanwhile is newer and stays. */
bool file_stage_return(struct file_stage *aside, const char *name, struct err *err);
/* A second, temporary name for what lies at `name`. On failure errno says why. */
bool file_stage_link(int dir, const char *name, struct file_stage *ret);
void file_stage_drop(struct file_stage *stage); /* what was not placed; accepts an empty one */

/* Makes a directory below `dir` (0777 less the umask, root gives it to dir's owner, or as `keep`
 * says). True also when it is there; *ret_made says which. */
bool file_make_dir(int dir, const char *name, const struct file_owner *keep, bool *ret_made,
                   struct err *err);

/* Keeps other penstocks out of a directory whose system has no lock, until *ret is closed: an
 * advisory lock on the directory that leaves no trace, tried for `wait_ms`, then ERR_LOCKED. Where
 * the file system knows none, *ret is -1. */
bool file_dir_hold(int dir, int64_t wait_ms, const struct call *call, int *ret, struct err *err);

/* Removes what a crash left of files that we made. */
void file_sweep(int dir);

bool file_sync_dir(int dir, struct err *err);

#endif
