/* Plans from the journal: what undoes a change, takes that back, goes on with a batch, or puts one
 * record back to what an entry kept of it. */
#include "core/base/clock.h"
#include "tui/ask_parts.h"

enum { OWN_S = 3600 }; /* an older change is taken up by name only */

/* Newest first: what undo takes is the newest applied change that is neither an undo nor undone;
 * what redo takes is the newest undo still in force, as long as nothing was applied after it. */
static const struct journal_entry *pick_entry(const struct journal_entry *entries, size_t n,
                                              bool redo)
{
    for (size_t i = 0; i < n; i++) {
        const struct journal_entry *e = &entries[i];
        if (e->applied == 0)
            continue;
        bool is_undo = e->undoes && !e->is_redo;
        if (!e->undoes && !e->undone_by)
            return redo ? NULL : e;
        if (redo && is_undo && !e->undone_by)
            return e;
    }
    return NULL;
}

static bool check_owner(const struct journal_entry *e, enum plan_from kind, struct err *err)
{
    char who[256];
    audit_who(who);
    int64_t age_us = clock_now_us() - e->at_us;
    bool mine = str_is(e->who, who), recent = age_us < OWN_S * 1000000LL;
    if (mine && recent)
        return true;
    struct arena a = ARENA_INIT;
    err_set(err, ERR_REFUSED, "the newest change here is '%.*s' by %.*s, %.*s ago",
            STR_ARG(e->verb), STR_ARG(e->who), STR_ARG(time_span(&a, age_us)));
    arena_release(&a);
    static const char *const verbs[] = {
        [FROM_UNDO] = "undo", [FROM_REDO] = "redo", [FROM_RESUME] = "resume"};
    return err_hint(err, "if you mean it: penstock journal %s %s", verbs[kind], e->id);
}

static const struct journal_entry *pick_left(const struct journal_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (entries[i].failed)
            return &entries[i];
    }
    return NULL;
}

static const struct journal_entry *pick(const struct plan_source *source,
                                        const struct journal_entry *entries, size_t n,
                                        struct err *err)
{
    const struct journal_entry *picked = source->kind == FROM_RESUME
                                             ? pick_left(entries, n)
                                             : pick_entry(entries, n, source->kind == FROM_REDO);
    static const char *const none[] = {
        [FROM_UNDO] = "nothing to undo: no change of this store is in the journal",
        [FROM_REDO] = "nothing to redo: nothing was undone last",
        [FROM_RESUME] = "nothing to resume: every change of this store was tried",
    };
    if (!picked)
        err_set(err, ERR_NOT_FOUND, "%s", none[source->kind]);
    return picked;
}

/* The entry that is meant, with its items. */
static bool find_entry(struct job *job, struct store *store, struct journal *journal,
                       struct journal_entry *ret)
{
    struct plan_job *data = job->data;
    const struct plan_source *source = &data->source;
    struct journal_entry *entries = NULL;
    size_t n = 0;
    struct call call = job_call(job);
    if (!apply_settle(journal, &data->bench->open, 1, &call, &job->err)) /* what a crash left */
        return false;
    if (source->entry.ptr)
        return journal_load(journal, &job->arena, source->entry, ret, &job->err);
    if (!journal_list(journal, &job->arena, 0, store_info(store)->identity, &entries, &n,
                      &job->err))
        return false;
    const struct journal_entry *picked = pick(source, entries, n, &job->err);
    return picked && check_owner(picked, source->kind, &job->err) &&
           journal_load(journal, &job->arena, str_of(picked->id), ret, &job->err);
}

static bool make(const struct plan_source *source, const struct journal_entry *entry,
                 struct open_store *open, struct journal *journal, const struct call *call,
                 struct plan **ret, struct err *err)
{
    switch (source->kind) {
    case FROM_RESUME:
        return plan_resume(entry, open, 1, journal, source->reason, call, ret, err);
    case FROM_RESTORE:
        return plan_restore(entry, source->record, source->before, open, 1, source->reason, call,
                            ret, err);
    default:
        return plan_undo(entry, open, 1, source->reason, call, ret, err);
    }
}

static const char *relation(const struct plan_source *source, const struct plan *plan)
{
    switch (source->kind) {
    case FROM_RESUME:
        return "what is left of";
    case FROM_RESTORE:
        return source->before ? "back to what was there before" : "back to what came of";
    default:
        return plan->is_redo ? "takes back" : "undoes";
    }
}

bool plan_journal_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    const struct plan_source *source = &data->source;
    struct journal *journal;
    struct journal_entry entry;
    struct open_store *open = bench_store(data->bench, store);
    if (!bench_journal(data->bench, &journal, &job->err) ||
        !find_entry(job, store, journal, &entry))
        return false;
    struct call call = job_call(job);
    if (!make(source, &entry, open, journal, &call, &data->plan, &job->err))
        return false;
    if (source->kind == FROM_RESUME)
        plan_set_aside(data->plan, false);
    struct arena *a = &data->plan->arena;
    data->about = arena_printf(a, "%s the %.*s of %.*s, %.*s ago", relation(source, data->plan),
                               STR_ARG(entry.verb), STR_ARG(entry.who),
                               STR_ARG(time_span(a, clock_now_us() - entry.at_us)));
    return true;
}
