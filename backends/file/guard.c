#include "backends/file/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool written_meanwhile(const char *name, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "%s: somebody wrote meanwhile; nothing was changed", name);
}

static bool holds(const struct file_guard *guard, int dir, const char *name, struct str text,
                  bool *ret, struct err *err)
{
    enum { LOOK_MS = 10000 };
    struct call call = call_within(LOOK_MS, NULL);
    struct file_content content;
    if (!file_read(dir, name, text.len + 1, 0, &call, guard->arena, &content, err))
        return false;
    *ret = !content.absent && str_eq(content.bytes, text);
    return true;
}

/* What lies aside now is what the change was made from, and nobody else could think it his. */
static bool was_as_seen(const struct file_guard *guard, int dir, const char *aside,
                        const char *name, struct err *err)
{
    bool same;
    return holds(guard, dir, aside, guard->seen, &same, err) &&
           (same || written_meanwhile(name, err)) &&
           (!guard->still || guard->still(guard->ctx, err));
}

static bool exchange(const struct file_stage *stage, const char *name)
{
    return renameat2(stage->dir, stage->name, stage->dir, name, RENAME_EXCHANGE) == 0;
}

/* Ours comes back into the stage. When it is not ours that comes, somebody has written over it, and
 * that is the newest: it stays. */
static void take_back(const struct file_guard *guard, struct file_stage *stage, struct str text,
                      const char *name)
{
    bool ours = true;
    if (exchange(stage, name) && holds(guard, stage->dir, stage->name, text, &ours, NULL) && !ours)
        exchange(stage, name);
    file_stage_drop(stage);
    file_sync_dir(stage->dir, NULL);
}

static bool create(struct file_stage *stage, const char *name, struct err *err)
{
    bool taken;
    return file_stage_create(stage, name, &taken, err) &&
           (!taken || written_meanwhile(name, err)) && file_sync_dir(stage->dir, err);
}

/* Where two files cannot be exchanged (NFS) only a look before is left. */
static bool replace_unseen(const struct file_guard *guard, struct file_stage *stage,
                           const char *name, struct err *err)
{
    bool same;
    if (holds(guard, stage->dir, name, guard->seen, &same, err) &&
        (same || written_meanwhile(name, err)))
        return file_stage_replace(stage, name, err);
    file_stage_drop(stage);
    return false;
}

bool file_guarded_replace(const struct file_guard *guard, struct file_stage *stage, struct str text,
                          const char *name, struct err *err)
{
    if (!guard->seen.ptr)
        return create(stage, name, err);
    if (!exchange(stage, name)) {
        if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
            return replace_unseen(guard, stage, name, err);
        bool gone = errno == ENOENT;
        if (!gone)
            file_failed(err, errno, "cannot replace %s", name);
        file_stage_drop(stage);
        return gone ? written_meanwhile(name, err) : false;
    }
    if (!was_as_seen(guard, stage->dir, stage->name, name, err)) {
        take_back(guard, stage, text, name);
        return false;
    }
    file_stage_drop(stage);
    return file_sync_dir(stage->dir, err);
}

/* What somebody wrote under the name meanwhile is newer and stays. */
static bool put_back(struct file_stage *aside, const char *name, struct err *err)
{
    int dir = aside->dir;
    if (renameat2(dir, aside->name, dir, name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EEXIST || linkat(dir, aside->name, dir, name, 0) == 0 || errno == EEXIST) {
        file_stage_drop(aside);
        return true;
    }
    return file_failed(err, errno, "%s lies in %s now and could not be put back", name,
                       aside->name);
}

/* The directory may let us remove what we could not make again: somebody else's file, whose owner
 * and mode would not be ours to give. */
static bool could_come_back(int dir, const char *name, struct err *err)
{
    struct stat st;
    struct file_stage like_it;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || file_failed(err, errno, "%s", name);
    struct file_owner owner = file_owner_of(&st);
    if (faccessat(dir, name, W_OK, AT_EACCESS) < 0)
        return file_failed(err, errno, "%s may not be written", name);
    if (!file_stage(dir, STR(""), &owner, false, &like_it, err))
        return false;
    file_stage_drop(&like_it);
    return true;
}

bool file_guarded_remove(const struct file_guard *guard, int dir, const char *name, struct err *err)
{
    struct file_stage aside;
    bool absent;
    if (!could_come_back(dir, name, err) || !file_stage_aside(dir, name, &aside, &absent, err))
        return false;
    if (absent)
        return written_meanwhile(name, err);
    if (was_as_seen(guard, dir, aside.name, name, err)) {
        file_stage_drop(&aside);
        return file_sync_dir(dir, err);
    }
    put_back(&aside, name, err);
    return false;
}
