/* Changing VDK's fs-properties file: nobody locks, so the whole file is compared right before it is
 * replaced; killed at any point this leaves the old file or the new one. */
#include "backends/file/guard.h"
#include "backends/file/vdk_properties.h"

#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/json.h"
#include "core/systems/vdk/properties.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct change {
    struct properties_store *s;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    int dir;
    struct properties_file file;
    struct properties_place place;
    struct document now;
};

static bool look(struct change *c, struct err *err)
{
    if (!properties_load(c->s, c->dir, c->call, c->arena, &c->file, err) ||
        !properties_find(c->s, &c->file, c->item->id, c->arena, &c->place, err))
        return false;
    c->now = properties_document(&c->file, &c->place, c->item->id, VALUE_LIMIT, c->arena);
    return true;
}

/* The file with the job's text replaced. */
static void put_job(struct change *c, struct str job_text, struct sbuf *out)
{
    json_splice(out, c->file.text, c->place.key, job_text, false);
}

static bool new_source(struct change *c, struct str document, struct sbuf *out, struct err *err)
{
    struct sbuf job = SBUF_INIT;
    bool ok = vdk_put_source(c->place.job_text, c->place.source, document, false, &job, err);
    c->item->new_receipt = vdk_made_for_source(c->place.job_text);
    if (ok)
        put_job(c, sbuf_view(&job), out);
    sbuf_release(&job);
    return ok;
}

/* An undo also takes away what there had to be before the source could stand there. */
static bool without_source(struct change *c, struct sbuf *out, struct err *err)
{
    struct sbuf job = SBUF_INIT;
    bool gone;
    bool ok = vdk_take_source(c->place.job_text, c->place.source, c->item->receipt, false, &job,
                              &gone, err);
    if (ok)
        put_job(c, gone ? STR_NULL : sbuf_view(&job), out);
    sbuf_release(&job);
    return ok;
}

static bool written_source(struct change *c, struct sbuf *out, struct err *err)
{
    struct sbuf document = SBUF_INIT;
    bool ok = json_write(&document, c->item->after, JSON_PYTHON, err) &&
              new_source(c, sbuf_view(&document), out, err);
    sbuf_release(&document);
    return ok;
}

static bool mended_job(struct change *c, struct sbuf *out, struct err *err)
{
    struct sbuf job = SBUF_INIT;
    bool ok = vdk_put_job(c->place.text, c->now.root, c->item->after, false, &job, err);
    if (ok)
        put_job(c, sbuf_view(&job), out);
    sbuf_release(&job);
    return ok;
}

/* What is kept is found again in the text as it is now; it must be what the plan showed. */
static bool salvaged_file(struct change *c, struct sbuf *out, struct err *err)
{
    struct str kept, lost;
    const struct value *tree;
    if (!vdk_salvage(c->arena, c->file.text, true, &kept, &lost) ||
        !json_read_input(c->arena, kept, &tree, err))
        return err_set(err, ERR_REFUSED, "%s: nothing of it can be kept", c->s->name.ptr);
    if (!value_equal(vdk_file_root(c->arena, tree), c->item->after))
        return err_set(err, ERR_REFUSED,
                       "%s: only a damaged file is written whole, as far as it "
                       "can be kept",
                       c->s->name.ptr);
    sbuf_str(out, kept);
    return true;
}

static bool new_text(struct change *c, struct sbuf *out, struct err *err)
{
    bool gone = commit_takes_away(c->item);
    struct str text;
    if (gone && c->place.kind != VDK_SOURCE)
        return err_set(err, ERR_REFUSED, "%.*s: only a source can be removed",
                       STR_ARG(c->item->id));
    if (gone)
        return without_source(c, out, err);
    if (c->item->kind == EDIT_RESTORE) {
        if (!properties_image_text(c->item->image, &text, err))
            return false;
        if (c->place.kind == VDK_SOURCE)
            return new_source(c, text, out, err);
        if (c->place.kind == VDK_JOB)
            put_job(c, text, out);
        else
            sbuf_str(out, text);
        return true;
    }
    return c->place.kind == VDK_SOURCE ? written_source(c, out, err)
           : c->place.kind == VDK_JOB  ? mended_job(c, out, err)
                                       : salvaged_file(c, out, err);
}

/* Nobody locks: the whole file must be what it was when it is replaced. */
static bool replace(struct change *c, struct str text, struct err *err)
{
    struct file_stage stage;
    struct file_owner owner = file_owner_of(&c->file.st);
    struct file_guard guard = {.seen = c->file.absent ? STR_NULL : c->file.text, .arena = c->arena};
    if (!c->file.absent && faccessat(c->dir, c->s->name.ptr, W_OK, AT_EACCESS) < 0)
        return file_failed(err, errno, "%s may not be written", c->s->name.ptr);
    return file_stage(c->dir, text, c->file.absent ? NULL : &owner, true, &stage, err) &&
           file_guarded_replace(&guard, &stage, text, c->s->name.ptr, err);
}

static bool change_file(struct change *c, struct err *err)
{
    struct commit_item *item = c->item;
    struct sbuf text = SBUF_INIT;
    if (!look(c, err))
        return false;
    if (!commit_compare(item, &c->now))
        return true;
    item->now = c->now; /* for a conflict that only the write shows */
    bool ok = new_text(c, &text, err) && replace(c, sbuf_view(&text), err) && look(c, err);
    if (ok && !str_eq(c->file.text, sbuf_view(&text))) {
        item->now = c->now;
        ok = commit_overwritten(item, err);
    }
    sbuf_release(&text);
    if (!ok)
        return false;
    item->now = c->now;
    item->outcome = OUTCOME_APPLIED;
    return true;
}

bool properties_commit(struct store *store, struct commit_item *item, const struct call *call,
                       struct arena *arena, struct err *err)
{
    struct change c = {
        .s = (struct properties_store *)store, .item = item, .call = call, .arena = arena};
    CLEANUP(fd_close) int hold = -1;
    CLEANUP(fd_close) int dir = open(c.s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    c.dir = dir;
    return (store_may_write(store, err) && (dir >= 0 || file_failed(err, errno, "%s", c.s->dir)) &&
            file_dir_hold(dir, store->opts.lock_wait_ms, call, &hold, err) &&
            change_file(&c, err)) ||
           commit_failed_by_record(item, err);
}
