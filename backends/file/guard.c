#include "backends/file/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool written_meanwhile(const char *name, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "%s: somebody wrote meanwhile; nothing was changed", name);
}

static bool removed_meanwhile(const char *name, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "%s: somebody removed it meanwhile; nothing was changed",
                   name);
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

typedef bool (*swap_fn)(struct file_stage *stage, const char *name);

static bool exchange(struct file_stage *stage, const char *name)
{
    return renameat2(stage->dir, stage->name, stage->dir, name, RENAME_EXCHANGE) == 0;
}

/* The exchange in two steps, where two names cannot be exchanged (NFS): what is displaced gets a
 * second name first, and is the stage then. Whoever writes in place meanwhile writes into that;
 * only a file that somebody puts over the name between the steps is not seen. */
static bool exchange_by_link(struct file_stage *stage, const char *name)
{
    struct file_stage displaced;
    if (!file_stage_link(stage->dir, name, &displaced))
        return false;
    if (renameat(stage->dir, stage->name, stage->dir, name) < 0) {
        int errnum = errno;
        file_stage_drop(&displaced);
        errno = errnum;
        return false;
    }
    *stage = displaced;
    return true;
}

static bool swap_back(struct file_stage *stage, const char *name, swap_fn swap, struct err *err)
{
    return swap(stage, name) || errno == ENOENT ||
           file_failed(err, errno, "%s lies in %s now and could not be put back", name,
                       stage->name);
}

/* Ours comes back into the stage. When it is not ours that comes, somebody has written over it, and
 * that is the newest: it stays. So does a removal. */
static void take_back(const struct file_guard *guard, struct file_stage *stage, struct str text,
                      const char *name, swap_fn swap, struct err *err)
{
    bool ours = true;
    if (!swap_back(stage, name, swap, err))
        return;
    if (holds(guard, stage->dir, stage->name, text, &ours, NULL) && !ours &&
        !swap_back(stage, name, swap, err))
        return;
    file_stage_drop(stage);
    file_sync_dir(stage->dir, NULL);
}

static bool create(struct file_stage *stage, const char *name, struct err *err)
{
    bool taken;
    return file_stage_create(stage, name, &taken, err) &&
           (!taken || written_meanwhile(name, err)) && file_sync_dir(stage->dir, err);
}

/* Without an exchange a file put over the name is not noticed behind the change, without a link
 * (some FUSE) nothing is: there a look before is the rest. */
static bool swap_without_exchange(const struct file_guard *guard, struct file_stage *stage,
                                  const char *name, swap_fn *ret_swap, struct err *err)
{
    if (!was_as_seen(guard, stage->dir, name, name, err))
        return false;
    if (exchange_by_link(stage, name)) {
        *ret_swap = exchange_by_link;
        return true;
    }
    *ret_swap = NULL;
    if (errno == ENOENT)
        return removed_meanwhile(name, err);
    return renameat(stage->dir, stage->name, stage->dir, name) == 0 ||
           file_failed(err, errno, "cannot replace %s", name);
}

/* *ret_swap: how what was displaced, which is the stage now, can come back; NULL: it is gone. */
static bool swap_in(const struct file_guard *guard, struct file_stage *stage, const char *name,
                    swap_fn *ret_swap, struct err *err)
{
    *ret_swap = exchange;
    if (exchange(stage, name))
        return true;
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        return swap_without_exchange(guard, stage, name, ret_swap, err);
    return errno == ENOENT ? removed_meanwhile(name, err)
                           : file_failed(err, errno, "cannot replace %s", name);
}

bool file_guarded_replace(const struct file_guard *guard, struct file_stage *stage, struct str text,
                          const char *name, struct err *err)
{
    swap_fn swap;
    if (!guard->seen.ptr)
        return create(stage, name, err);
    if (!swap_in(guard, stage, name, &swap, err)) {
        file_stage_drop(stage);
        return false;
    }
    if (swap && !was_as_seen(guard, stage->dir, stage->name, name, err)) {
        take_back(guard, stage, text, name, swap, err);
        return false;
    }
    if (swap)
        file_stage_drop(stage);
    return file_sync_dir(stage->dir, err);
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
        return removed_meanwhile(name, err);
    if (was_as_seen(guard, dir, aside.name, name, err)) {
        file_stage_drop(&aside);
        return file_sync_dir(dir, err);
    }
    file_stage_return(&aside, name, err);
    return false;
}
