/* Replacing and removing a file that others write as well, who take no lock that would keep them
 * out at every moment: VDK and Django's cache take none of ours, and Meltano looks whether there is
 * a lock and writes its own a moment later over whatever is there by then (meltano.md 4.4).
 *
 * A look before the change leaves a gap, however short. So what was displaced is looked at again
 * behind it, when no name leads to it any more: where it is not what the change was made from, or
 * the lock was not ours all the time, it goes back, and what somebody wrote meanwhile stays. That
 * look is not the caller's to cancel: half a change would be left.
 *
 * That takes an exchange of two names. Where the file system has none (NFS) what is displaced gets
 * a second name before: what is written in place is noticed as well, a file that is put over the
 * name only by a look before. Where there are no links either (some FUSE) that look is all. */
#ifndef PENSTOCK_FILE_GUARD_H
#define PENSTOCK_FILE_GUARD_H

#include "backends/file/atomic.h"

struct file_guard {
    struct str seen; /* content that the change was made from; ptr NULL: there was no file */
    /* Is the lock still ours? May be NULL. */
    bool (*still)(void *ctx, struct err *err);
    void *ctx;
    struct arena *arena;
};

/* Puts the staged file, which holds `text`, in the place of `name` and syncs the directory. The
 * stage is used up. ERR_CONFLICT, or what `still` said, when everything is as it was. */
bool file_guarded_replace(const struct file_guard *guard, struct file_stage *stage, struct str text,
                          const char *name, struct err *err);

/* Removes `name` and syncs the directory. Errors as above; ERR_DENIED for a file that could not be
 * made again with the owner and the mode it has. */
bool file_guarded_remove(const struct file_guard *guard, int dir, const char *name,
                         struct err *err);

#endif
