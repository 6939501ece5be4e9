/* The items of a plan, one behind the other: committed, verified, recorded. */
#include "core/apply_parts.h"

#include "core/base/cleanup.h"
#include "core/plan_parts.h"

#include <string.h>

/* --- what an item was to become --------------------------------------------------------------- */

static bool matches_after(const struct plan_item *item, const struct document *now)
{
    const struct system *system = store_system(item->store->store);
    uint8_t want[SHA256_LEN], have[SHA256_LEN];
    switch (item->kind) {
    case EDIT_REMOVE:
        return now->absent;
    case EDIT_RESTORE:
        versions_digest(item->target, item->change, !item->image.ptr, want);
        versions_digest(now->versions, item->change, now->absent, have);
        return memcmp(want, have, sizeof want) == 0;
    case EDIT_WRITE:
        if (now->absent || !now->root)
            return false;
        parts_digest(system, item->after, item->after, item->change, want);
        parts_digest(system, now->root, item->after, item->change, have);
        return memcmp(want, have, sizeof want) == 0;
    case EDIT_BREAK:
        break;
    }
    return true; /* the driver's own word: the lock it compared is gone */
}

static bool matches_before(const struct plan_item *item, const struct document *now)
{
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if ((item->change >> i & 1) && !version_eq(&item->expect[i], &now->versions[i]))
            return false;
    }
    return true;
}

/* --- what became of it ------------------------------------------------------------------------ */

static bool journal_outcome(struct plan *plan, struct plan_item *item,
                            const struct apply_opts *opts, struct err *err)
{
    struct journal_item *row = item->journal;
    row->outcome = item->outcome;
    row->verified = item->verified;
    row->detail = item->err.kind != ERR_NONE ? str_of(item->err.text) : item->detail;
    if (item->outcome == OUTCOME_APPLIED && item->now) {
        memcpy(row->after, item->now->versions, sizeof row->after);
        row->after_absent = item->now->absent;
        row->after_image = item->now->absent ? STR_NULL : item->now->image;
        row->receipt = item->new_receipt;
    }
    return journal_record(opts->journal, row, err) &&
           apply_audit_result(opts->audit, plan, item, err);
}

/* An outcome nobody knows stays `intended`, to be settled later; the detail tells it from a crash.
 * When even that cannot be written, it is settled as a crash is. */
static void journal_unknown(struct plan_item *item, const struct apply_opts *opts)
{
    struct err ignored;
    item->journal->outcome = OUTCOME_INTENDED;
    item->journal->detail = item->detail;
    item->journal->receipt = item->new_receipt;
    journal_record(opts->journal, item->journal, &ignored);
}

/* --- one item --------------------------------------------------------------------------------- */

/* The connection was lost in the middle: what the store holds now decides. False: it cannot be
 * asked, or the old document that it holds may still be replaced. */
static bool settle_by_reading(struct plan *plan, struct plan_item *item, bool unanswered,
                              const struct apply_opts *opts)
{
    struct read_item *now = arena_new(&plan->arena, struct read_item);
    struct call call = call_within(opts->timeout_ms, NULL);
    struct err ignored;
    if (!store_read(item->store->store, &item->id, 1, 0, &call, &plan->arena, now, &ignored) ||
        now->err.kind != ERR_NONE)
        return false;
    if (matches_after(item, &now->doc)) {
        item->outcome = OUTCOME_APPLIED;
        item->verified = true;
        item->now = &now->doc;
        item->err = (struct err){0};
        item->detail = STR("the connection was lost; read again, the change is there");
    } else if (matches_before(item, &now->doc)) {
        if (unanswered)
            return false;
        item->detail = STR("the connection was lost; read again, nothing was changed");
    } else {
        item->outcome = OUTCOME_CONFLICT;
        item->now = &now->doc;
    }
    return true;
}

static struct commit_item commit_of(const struct plan_item *item)
{
    struct commit_item commit = {.kind = item->kind,
                                 .id = item->id,
                                 .compare = item->compare,
                                 .change = item->change,
                                 .before = item->before,
                                 .after = item->after,
                                 .note = item->note,
                                 .note_id = item->note_id,
                                 .image = item->image,
                                 .receipt = item->receipt,
                                 .lock_token = item->lock_token};
    memcpy(commit.expect, item->expect, sizeof commit.expect);
    return commit;
}

struct run {
    struct plan *plan;
    const struct apply_opts *opts;
    size_t tried, failures;
    size_t lot;       /* how many the store is likely to do at once */
    const char *stop; /* why nothing further is tried */
    int64_t started_ms;
};

static struct str take_text(struct arena *a, struct str text, bool lent)
{
    return lent && text.ptr ? arena_str(a, text) : text;
}

/* Takes over what the store says. `lent`: what it gave ends with the call. False: nobody knows
 * whether it was written; then the store is lost, and of one that is, nothing is asked. */
static bool take_outcome(struct run *run, struct plan_item *item, const struct commit_item *commit,
                         const struct err *why, bool lent, bool lost)
{
    struct arena *a = &run->plan->arena;
    item->outcome = commit->outcome;
    item->err = *why;
    /* of a commit without an answer too, which may have been done: an undo's has no note to find */
    item->new_receipt = item->outcome == OUTCOME_APPLIED || commit->new_receipt.ptr
                            ? take_text(a, commit->new_receipt, lent)
                            : item->journal->receipt;
    if (commit->detail.ptr)
        item->detail = take_text(a, commit->detail, lent);
    if (item->outcome == OUTCOME_APPLIED)
        item->verified = matches_after(item, &commit->now);
    if (item->outcome == OUTCOME_APPLIED || item->outcome == OUTCOME_CONFLICT) {
        struct document *now = arena_new(a, struct document);
        *now = commit->now;
        if (lent) { /* its tree was compared, and is most of what thousands of them weigh */
            now->root = NULL;
            now->id = item->id;
            now->label = item->label;
            now->image = take_text(a, now->image, lent);
            now->head = take_text(a, now->head, lent);
            now->format = take_text(a, now->format, lent);
        }
        item->now = now;
    }
    if (item->outcome == OUTCOME_APPLIED) {
        item->err = (struct err){0};
        if (!item->verified)
            item->detail = STR("written, but what was read back differs from the plan");
        return true;
    }
    if (item->outcome != OUTCOME_FAILED ||
        (why->kind != ERR_UNAVAILABLE && why->kind != ERR_TIMEOUT && why->kind != ERR_CANCELLED) ||
        (!lost && item->kind != EDIT_BREAK &&
         settle_by_reading(run->plan, item, commit->unanswered, run->opts)))
        return true;
    item->detail = STR("whether it was written is not known; it will be settled by "
                       "reading when the store is opened again");
    err_set(&item->err, why->kind, "%s: whether it was written is not known", why->text);
    err_hint(&item->err, "penstock journal list reads it again and says what became of it");
    return false;
}

/* --- all items ------------------------------------------------------------------------------- */

static bool may_try(const struct plan *plan, struct plan_item *item)
{
    if (item->needs < 0)
        return true;
    const struct plan_item *first = &plan->items[item->needs];
    if (first->outcome == OUTCOME_UNCHANGED ||
        (first->outcome == OUTCOME_APPLIED && first->verified))
        return true;
    item->detail = STR("the step before it was not done");
    return false;
}

/* Is there a reason to stop before the next item? Waits for its turn where there is a rate. */
static void check_stop(struct run *run)
{
    const struct apply_opts *opts = run->opts;
    struct err ignored;
    if (run->stop)
        return;
    if (opts->cancel && atomic_load(&opts->cancel->fired))
        run->stop = "stopped";
    else if (opts->limit && run->tried == opts->limit)
        run->stop = "beyond the limit";
    else if (opts->max_failures && run->failures >= opts->max_failures)
        run->stop = "stopped after failures";
    else if (opts->rate > 0 && run->tried) {
        struct call forever = {INT64_MAX, opts->cancel};
        int64_t due = run->started_ms + (int64_t)((double)run->tried * 1000 / opts->rate);
        int64_t wait = due - clock_monotonic_ms();
        if (wait > 0 && !call_pause(&forever, wait, "rate", &ignored))
            run->stop = "stopped";
    }
}

/* Records what became of an item that was tried or not. `known`: false, nobody can tell. */
static void record(struct run *run, struct plan_item *item, bool known)
{
    const struct apply_opts *opts = run->opts;
    struct err err = {0};
    if (!known) { /* going on would only add to what is not known */
        journal_unknown(item, opts);
        run->stop = "stopped: the store was lost";
    } else if (!journal_outcome(run->plan, item, opts, &err)) {
        item->detail =
            arena_printf(&run->plan->arena, "%s, but %s", outcome_name(item->outcome), err.text);
        run->stop = "stopped: the journal cannot be written";
    }
    if (opts->progress)
        opts->progress(opts->progress_ctx, run->plan, (size_t)(item - run->plan->items) + 1);
}

static void record_tried(struct run *run, struct plan_item *item, bool known)
{
    run->tried++;
    run->failures += item->outcome != OUTCOME_APPLIED;
    record(run, item, known);
}

static void commit_one(struct run *run, struct plan_item *item)
{
    struct commit_item commit = commit_of(item);
    struct call call = call_within(run->opts->timeout_ms, run->opts->cancel);
    struct err err = {0};
    bool answered = store_commit(item->store->store, &commit, &call, &run->plan->arena, &err);
    bool known = take_outcome(run, item, &commit, answered ? &commit.err : &err, false, false);
    record_tried(run, item, known);
}

/* Those that may wait for, or keep waiting, somebody else go by themselves. */
static bool goes_alone(const struct plan_item *item)
{
    return item->needs >= 0 || item->kind == EDIT_BREAK || item->writer.verdict == WRITER_BLOCKS;
}

/* The items from `first` on that may go in one lot, all of one store. */
static size_t gather_lot(const struct run *run, struct plan_item *first, struct plan_item **ret)
{
    const struct plan *plan = run->plan;
    size_t n = 0, most = run->lot;
    if (run->opts->limit && run->opts->limit - run->tried < most)
        most = run->opts->limit - run->tried;
    for (struct plan_item *item = first; item < plan->items + plan->nitems && n < most; item++) {
        if (item->outcome != OUTCOME_PLANNED)
            continue;
        if (item->store != first->store || goes_alone(item))
            break;
        ret[n++] = item;
    }
    return n;
}

/* As many from `first` on as the store does at once; false: it wants this one alone. */
static bool commit_lot(struct run *run, struct plan_item *first)
{
    struct plan_item *items[COMMIT_LOT];
    struct commit_item commits[COMMIT_LOT];
    size_t n = run->opts->rate > 0 ? 0 : gather_lot(run, first, items), done;
    if (n < 2)
        return false;
    for (size_t i = 0; i < n; i++)
        commits[i] = commit_of(items[i]);
    struct call call = call_within(run->opts->timeout_ms, run->opts->cancel);
    struct err err = {0};
    CLEANUP(arena_release) struct arena lent = ARENA_INIT;
    store_commit_lot(first->store->store, commits, n, &call, &lent, &done, &err);
    for (size_t i = 0, lost = 0; i < done; i++) {
        bool known = take_outcome(run, items[i], &commits[i], &err, true, lost);
        lost += !known;
        record_tried(run, items[i], known);
    }
    /* What a lot holds and does not get done is work for nothing, and keeps others waiting. */
    run->lot = done < n ? (done < 2 ? 2 : done) : n + n / 4 + 1;
    if (run->lot > COMMIT_LOT)
        run->lot = COMMIT_LOT;
    return done > 0;
}

void apply_items(struct plan *plan, const struct apply_opts *opts)
{
    struct run run = {
        .plan = plan, .opts = opts, .lot = COMMIT_LOT, .started_ms = clock_monotonic_ms()};
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        if (item->outcome != OUTCOME_PLANNED)
            continue;
        check_stop(&run);
        if (run.stop || !may_try(plan, item)) {
            item->outcome = OUTCOME_NOT_TRIED;
            if (run.stop)
                item->detail = str_of(run.stop);
            record(&run, item, true);
        } else if (!commit_lot(&run, item)) {
            commit_one(&run, item);
        }
    }
}
