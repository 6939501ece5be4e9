/* Changing a record: the system's own lock where it has one, compare, write beside and exchange,
 * look at what was displaced, read back, release.
 * Killed at any point it leaves the old file or the new one, at worst beside our lock, which
 * expires, and a file under a temporary name that no listing shows. */
#include "backends/file/guard.h"
#include "backends/file/store.h"

#include "core/base/cleanup.h"
#include "core/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A commit under way. */
struct work {
    struct file_store *fs;
    struct commit_item *item;
    struct file_place place;
    struct file_lock lock; /* of a system that has locks */
    int hold;              /* else: the directory, held against other penstocks */
    const struct call *call;
    struct arena *arena;
    struct document now;
};

/* --- writing ---------------------------------------------------------------------------------- */

static bool read_now(struct work *w, struct document *ret, struct err *err)
{
    return file_place_read(w->fs, &w->place, w->item->id, VALUE_LIMIT, w->call, w->arena, ret, err);
}

/* Owner and mode of the file as it is; a file that we may not write is not replaced, though the
 * directory would let us. */
static bool present_owner(struct work *w, struct file_owner *ret, struct err *err)
{
    struct stat st;
    if (fstatat(w->place.dir, w->place.names.file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return file_failed(err, errno, "%.*s", STR_ARG(w->item->id));
    if (faccessat(w->place.dir, w->place.names.file, W_OK, AT_EACCESS) < 0)
        return file_failed(err, errno, "%s may not be written", w->place.names.file);
    *ret = file_owner_of(&st);
    return true;
}

static bool lock_is_ours(void *ctx, struct err *err)
{
    struct work *w = ctx;
    return !w->fs->files->lock || file_lock_check(&w->lock, err);
}

static bool guard_of(struct work *w, struct file_guard *ret, struct err *err)
{
    struct image image = {.text = STR_NULL};
    if (!w->now.absent && !image_read(w->now.image, &image, err))
        return false;
    *ret = (struct file_guard){image.text, lock_is_ours, w, w->arena};
    return true;
}

static bool put_file(struct work *w, struct str text, const struct file_owner *keep,
                     struct err *err)
{
    struct file_stage stage;
    struct file_guard guard;
    if (!guard_of(w, &guard, err) || !file_stage(w->place.dir, text, keep, true, &stage, err))
        return false;
    if (!lock_is_ours(w, err)) {
        file_stage_drop(&stage);
        return false;
    }
    if (!file_guarded_replace(&guard, &stage, text, w->place.names.file, err))
        return false;
    if (!read_now(w, &w->item->now, err))
        return false;
    struct image image;
    if (w->item->now.absent || !image_read(w->item->now.image, &image, err) ||
        !str_eq(image.text, text))
        return commit_overwritten(w->item, err);
    return true;
}

static bool write_document(struct work *w, struct err *err)
{
    struct file_owner owner;
    struct sbuf text = SBUF_INIT;
    const struct value *filled =
        content_fill_late(&w->fs->format, w->now.root, w->item->after, clock_now_us(), w->arena);
    bool ok = (w->now.absent || present_owner(w, &owner, err)) &&
              content_write(&w->fs->format, &w->now, filled, w->item->change, &text, err) &&
              put_file(w, sbuf_view(&text), w->now.absent ? NULL : &owner, err);
    sbuf_release(&text);
    return ok;
}

static bool restore_document(struct work *w, struct err *err)
{
    struct image was;
    struct sbuf text = SBUF_INIT;
    bool ok = image_read(w->item->image, &was, err) &&
              content_restore(&w->fs->format, &w->now, w->item->image, w->item->change, w->arena,
                              &text, err) &&
              put_file(w, sbuf_view(&text), &was.file, err);
    sbuf_release(&text);
    return ok;
}

/* Never recursive (meltano.md 11-1): the file, our lock, then the directory if nothing else is in
 * it. */
static bool remove_document(struct work *w, struct err *err)
{
    struct file_guard guard;
    return guard_of(w, &guard, err) && lock_is_ours(w, err) &&
           file_guarded_remove(&guard, w->place.dir, w->place.names.file, err) &&
           read_now(w, &w->item->now, err);
}

static void leave(struct work *w, bool drop_dir)
{
    if (w->fs->files->lock)
        file_lock_release(&w->lock);
    fd_close(&w->hold);
    struct stat st;
    if (!drop_dir || !w->fs->files->own_dir || fstat(w->place.dir, &st) < 0 ||
        (geteuid() != 0 && st.st_uid != geteuid())) /* an undo could not make it his again */
        return;
    file_sweep(w->place.dir);
    if (unlinkat(w->place.base, w->place.names.dir, AT_REMOVEDIR) == 0)
        file_sync_dir(w->place.base, NULL);
}

/* --- commit ----------------------------------------------------------------------------------- */

static bool under_lock(struct work *w, struct err *err)
{
    if (!read_now(w, &w->now, err))
        return false;
    if (!commit_compare(w->item, &w->now))
        return true;
    w->item->now = w->now; /* for a conflict that only the write shows */
    bool ok = commit_takes_away(w->item)      ? remove_document(w, err)
              : w->item->kind == EDIT_RESTORE ? restore_document(w, err)
                                              : write_document(w, err);
    if (ok)
        w->item->outcome = OUTCOME_APPLIED;
    return ok;
}

static bool break_lock(struct work *w, struct err *err)
{
    bool broken = false;
    if (w->place.dir >= 0 && !file_lock_break(&w->fs->locks, w->place.dir, w->place.names.lock,
                                              w->item->lock_token, w->call, w->arena, &broken, err))
        return false;
    if (!read_now(w, &w->now, err))
        return false;
    return commit_broke(w->item, broken, &w->now);
}

static bool take_lock(struct work *w, struct err *err)
{
    const struct file_locks *locks = &w->fs->locks;
    if (!w->fs->files->lock)
        return file_dir_hold(w->place.dir, locks->wait_ms, w->call, &w->hold, err);
    return file_lock_take(locks, w->place.dir, w->place.names.lock, locks->timeout_us, w->call,
                          w->arena, &w->lock, err);
}

static bool commit_locked(struct work *w, struct err *err)
{
    struct image was = {0};
    const struct file_owner *dir_owner = NULL;
    if (w->item->kind == EDIT_RESTORE && w->item->image.ptr) {
        if (!image_read(w->item->image, &was, err))
            return false;
        dir_owner = &was.dir;
    }
    if (commit_takes_away(w->item) && w->place.dir < 0)
        return commit_conflict(w->item, &w->now);
    if (!file_place_make(w->fs, dir_owner, &w->place, err))
        return false;
    if (!take_lock(w, err)) {
        if (w->place.made)
            unlinkat(w->place.base, w->place.names.dir, AT_REMOVEDIR);
        return false;
    }
    bool ok = under_lock(w, err);
    bool applied = ok && w->item->outcome == OUTCOME_APPLIED;
    leave(w, applied ? commit_takes_away(w->item) : w->place.made);
    return ok;
}

bool file_commit(struct store *store, struct commit_item *item, const struct call *call,
                 struct arena *arena, struct err *err)
{
    struct work w = {
        .fs = (struct file_store *)store, .item = item, .hold = -1, .call = call, .arena = arena};
    bool ok = store_may_write(store, err) && file_place_find(w.fs, item->id, &w.place, err);
    if (ok) {
        w.now = (struct document){.id = item->id, .label = item->id, .absent = true};
        ok = item->kind == EDIT_BREAK ? break_lock(&w, err) : commit_locked(&w, err);
        file_place_close(&w.place);
    }
    return ok || commit_failed_by_record(item, err);
}
