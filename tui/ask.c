#include "tui/ask.h"

#include "core/base/clock.h"
#include "core/output.h"

#include <string.h>

enum {
    PREVIEW_RECORDS = 20, /* an action's effect is shown for so many; the plan itself has all */
    UNDO_OWN_US = 3600,   /* seconds: an older change is undone by name only */
};

/* --- wants ---------------------------------------------------------------------------------- */

static struct str copy_or_null(struct arena *a, struct str s)
{
    return s.ptr ? arena_str(a, s) : STR_NULL;
}

static struct op_args copy_args(struct arena *a, const struct op_args *args)
{
    struct op_arg *items = arena_array(a, struct op_arg, args->n);
    for (size_t i = 0; i < args->n; i++)
        items[i] = (struct op_arg){args->items[i].name, arena_str(a, args->items[i].value)};
    return (struct op_args){items, args->n};
}

struct want *want_copy(struct arena *a, const struct want *want)
{
    struct want *copy = arena_new(a, struct want);
    *copy = *want;
    struct plan_record *records = arena_array(a, struct plan_record, want->n);
    for (size_t i = 0; i < want->n; i++) {
        const struct plan_record *from = &want->records[i];
        records[i] = (struct plan_record){.id = arena_str(a, from->id),
                                          .label = arena_str(a, from->label),
                                          .other_id = copy_or_null(a, from->other_id),
                                          .args = copy_args(a, &from->args)};
    }
    copy->records = records;
    copy->answer = copy_or_null(a, want->answer);
    copy->reason = copy_or_null(a, want->reason);
    return copy;
}

static struct op_args action_args(struct arena *a, const struct op *op, const struct want *want)
{
    const struct action *action = want->action;
    size_t most = sizeof action->args / sizeof action->args[0];
    struct op_arg *items = arena_array(a, struct op_arg, most + 1);
    size_t n = 0;
    while (n < most && action->args[n][0]) {
        items[n] = (struct op_arg){action->args[n][0], str_of(action->args[n][1])};
        n++;
    }
    bool is_second = op->second && action->prompt && strcmp(op->second, action->prompt) == 0;
    if (action->prompt && !is_second && want->answer.ptr)
        items[n++] = (struct op_arg){action->prompt, want->answer};
    return (struct op_args){items, n};
}

/* The option that takes a row of a sheet: the operation's first positional one. */
static const struct op_option *row_option(const struct op *op)
{
    const struct op_option *option = op->options;
    while (option && option->name && option->kind != OPTION_POSITIONAL)
        option++;
    return option && option->name ? option : NULL;
}

/* Rows of a sheet belong to one record. They are its arguments where the action is made for such
 * rows, all in one edit if the operation takes many; other actions are for the record itself. */
static size_t sheet_records(struct arena *a, const struct op *op, const struct want *want,
                            struct plan_record *ret)
{
    const struct op_option *option = want->action->per ? row_option(op) : NULL;
    struct op_arg *names = arena_array(a, struct op_arg, want->n);
    for (size_t i = 0; i < want->n && option; i++)
        names[i] = (struct op_arg){option->name, want->records[i].args.items[0].value};
    size_t n = option && !option->many ? want->n : 1;
    for (size_t i = 0; i < n; i++) {
        ret[i] = want->records[i];
        ret[i].args = (struct op_args){&names[i], !option ? 0 : option->many ? want->n : 1};
    }
    return n;
}

/* The answer to the prompt names the second record where the operation takes one under that name.
 */
static const struct plan_record *action_records(struct arena *a, const struct op *op,
                                                const struct want *want, size_t *ret_n)
{
    const struct action *action = want->action;
    struct plan_record *records = arena_array(a, struct plan_record, want->n);
    bool rows = want->n && want->records[0].args.n;
    size_t n = rows ? sheet_records(a, op, want, records) : want->n;
    bool second = op->second && action->prompt && strcmp(op->second, action->prompt) == 0;
    for (size_t i = 0; i < n; i++) {
        if (!rows)
            records[i] = want->records[i];
        if (second && want->answer.ptr)
            records[i].other_id = want->answer;
    }
    *ret_n = n;
    return records;
}

static bool make_plan(struct job *job, struct open_store *store, const struct want *want,
                      struct plan **ret, struct err *err)
{
    const struct system *system = store_system(store->store);
    const struct op *op = system_op(system, want->action->op);
    if (!op)
        return err_set(err, ERR_UNSUPPORTED, "%s: not an operation of %s", want->action->verb,
                       system->name);
    size_t n;
    const struct plan_record *records = action_records(&job->arena, op, want, &n);
    struct plan_request request = {
        .op = op,
        .verb = want->action->verb,
        .args = action_args(&job->arena, op, want),
        .records = records,
        .nrecords = n,
        .store = store,
        .other_store = op->takes_second ? store : NULL,
        .force = want->force,
        .reason = want->reason,
    };
    struct call call = job_call(job);
    return plan_make(&request, &call, ret, err);
}

/* --- plans ---------------------------------------------------------------------------------- */

struct plan_job {
    struct bench *bench;
    const struct want *want;
    bool redo;
    struct plan *plan;
    int64_t timeout_ms;
    const char *why;  /* decline */
    struct str about; /* undo: whose change of when, in the plan's arena */
};

struct str plan_about(const struct job *job)
{
    const struct plan_job *data = job->data;
    return data->about;
}

static void plan_release(struct job *job)
{
    struct plan_job *data = job->data;
    plan_free(data->plan);
}

struct plan *plan_taken(struct job *job)
{
    struct plan_job *data = job->data;
    struct plan *plan = data->plan;
    data->plan = NULL;
    return plan;
}

static struct job *plan_job_new(struct view *owner, ask_done *done, struct plan_job **ret)
{
    struct job *job = view_job(owner);
    struct plan_job *data = arena_new(&job->arena, struct plan_job);
    data->bench = owner->session->bench;
    job->data = data;
    job->urgent = true;
    job->done = done;
    job->release = plan_release;
    *ret = data;
    return job;
}

static bool plan_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    return make_plan(job, bench_store(data->bench, store), data->want, &data->plan, &job->err);
}

void ask_plan(struct view *owner, const struct want *want, ask_done *done)
{
    struct plan_job *data;
    struct job *job = plan_job_new(owner, done, &data);
    data->want = want_copy(&job->arena, want);
    job->run = plan_run;
    worker_send(owner->session->worker, job);
}

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

static bool check_owner(const struct journal_entry *e, bool redo, struct err *err)
{
    char who[256];
    audit_who(who);
    int64_t age_us = clock_now_us() - e->at_us;
    bool mine = str_is(e->who, who), recent = age_us < UNDO_OWN_US * 1000000LL;
    if (mine && recent)
        return true;
    struct arena a = ARENA_INIT;
    err_set(err, ERR_REFUSED, "the newest change here is '%.*s' by %.*s, %.*s ago",
            STR_ARG(e->verb), STR_ARG(e->who), STR_ARG(time_span(&a, age_us)));
    arena_release(&a);
    return err_hint(err, "if you mean it: penstock journal %s %s", redo ? "redo" : "undo", e->id);
}

static bool undo_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    struct open_store *open = bench_store(data->bench, store);
    struct journal *journal;
    struct journal_entry *entries = NULL, entry;
    size_t n = 0;
    struct call call = job_call(job);
    if (!bench_journal(data->bench, &journal, &job->err) ||
        !apply_settle(journal, open, 1, &call, &job->err) || /* what a crash left */
        !journal_list(journal, &job->arena, 0, store_info(store)->identity, &entries, &n,
                      &job->err))
        return false;
    const struct journal_entry *picked = pick_entry(entries, n, data->redo);
    if (!picked)
        return err_set(&job->err, ERR_NOT_FOUND,
                       data->redo ? "nothing to redo: nothing was undone last"
                                  : "nothing to undo: no change of this "
                                    "store is in the journal");
    if (!check_owner(picked, data->redo, &job->err) ||
        !journal_load(journal, &job->arena, str_of(picked->id), &entry, &job->err))
        return false;
    if (!plan_undo(&entry, open, 1, STR_NULL, &call, &data->plan, &job->err))
        return false;
    struct arena *a = &data->plan->arena;
    data->about =
        arena_printf(a, "%s the %.*s of %.*s, %.*s ago", data->redo ? "takes back" : "undoes",
                     STR_ARG(entry.verb), STR_ARG(entry.who),
                     STR_ARG(time_span(a, clock_now_us() - entry.at_us)));
    return true;
}

void ask_undo(struct view *owner, bool redo, ask_done *done)
{
    struct plan_job *data;
    struct job *job = plan_job_new(owner, done, &data);
    data->redo = redo;
    job->run = undo_run;
    worker_send(owner->session->worker, job);
}

static void apply_progress(void *ctx, const struct plan *plan, size_t done)
{
    struct job *job = ctx;
    struct arena arena = ARENA_INIT;
    size_t *n = arena_new(&arena, size_t);
    *n = done;
    job_note(job, &arena, n);
}

static bool apply_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    bench_store(data->bench, store);
    struct apply_opts opts = {.timeout_ms = job->timeout_ms,
                              .cancel = &job->cancel,
                              .progress = apply_progress,
                              .progress_ctx = job};
    return bench_journal(data->bench, &opts.journal, &job->err) &&
           bench_audit(data->bench, &opts.audit, &job->err) &&
           apply_plan(data->plan, &opts, &job->err);
}

void ask_apply(struct view *owner, struct plan *plan, void (*note)(struct job *, void *, void *),
               ask_done *done)
{
    struct plan_job *data;
    struct job *job = plan_job_new(owner, done, &data);
    data->plan = plan;
    job->note = note;
    job->run = apply_run;
    worker_send(owner->session->worker, job);
}

static bool decline_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    bench_store(data->bench, store);
    struct apply_opts opts = {.timeout_ms = job->timeout_ms};
    if (!bench_audit(data->bench, &opts.audit, &job->err))
        return false;
    apply_declined(data->plan, &opts, data->why);
    return true;
}

void ask_decline(struct session *session, struct plan *plan, const char *why)
{
    struct job *job = job_new(session->app->opts.timeout_ms, NULL);
    struct plan_job *data = arena_new(&job->arena, struct plan_job);
    *data = (struct plan_job){.bench = session->bench, .plan = plan, .why = why};
    job->data = data;
    job->run = decline_run;
    job->release = plan_release;
    worker_send(session->worker, job);
}

/* --- the menu ------------------------------------------------------------------------------- */

struct menu_job {
    struct bench *bench;
    const struct sheet *sheet;
    const struct want *want;
    struct menu_answer answer;
};

const struct menu_answer *menu_answer(const struct job *job)
{
    const struct menu_job *data = job->data;
    return &data->answer;
}

/* "errored → finished_copy: the destination is copied again" */
static void describe(struct arena *a, const struct plan *plan, struct menu_entry *entry)
{
    size_t planned = plan_count(plan, OUTCOME_PLANNED);
    const struct plan_item *first = NULL, *refused = NULL;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome == OUTCOME_PLANNED)
            first = first ? first : item;
        else
            refused = refused ? refused : item;
    }
    entry->possible = planned > 0;
    if (!first) {
        struct str why = refused && refused->err.text[0]  ? str_of(refused->err.text)
                         : refused && refused->detail.ptr ? refused->detail
                                                          : STR("nothing to do");
        entry->text = arena_str(a, why);
        return;
    }
    const struct consequence *worst = plan->consequences;
    entry->level = worst ? worst->level : LEVEL_NOTE;
    struct str count =
        plan->nitems > 1 ? arena_printf(a, "%zu of %zu: ", planned, plan->nitems) : STR("");
    entry->text = arena_printf(a, "%.*s%.*s → %.*s%s%.*s", STR_ARG(count),
                               STR_ARG(first->before_text), STR_ARG(first->after_text),
                               worst ? "; " : "", STR_ARG(worst ? worst->text : STR("")));
}

static void fill_entry(struct job *job, struct open_store *store, struct menu_entry *entry)
{
    struct menu_job *data = job->data;
    const struct action *action = entry->action;
    if (action->per && strcmp(action->per, data->sheet->name) != 0) {
        entry->text = arena_printf(&job->arena, "choose one of the %s first: H", action->per);
        return;
    }
    if (strcmp(action->verb, "edit") == 0) {
        entry->text = arena_printf(&job->arena, "with your editor: penstock -t %s %s edit %.*s",
                                   store->target.name, store_system(store->store)->noun,
                                   STR_ARG(output_id_word(&job->arena, data->want->records[0].id)));
        return;
    }
    if (action->prompt) {
        entry->possible = true;
        entry->text = arena_printf(&job->arena, "asks for %s", action->prompt);
        return;
    }
    struct want want = *data->want;
    struct plan *plan = NULL;
    struct err err = {0};
    want.action = action;
    want.n = want.n < PREVIEW_RECORDS ? want.n : PREVIEW_RECORDS;
    if (make_plan(job, store, &want, &plan, &err))
        describe(&job->arena, plan, entry);
    else
        entry->text = arena_str(&job->arena, str_of(err.text));
    plan_free(plan);
}

static bool menu_run(struct job *job, struct store *store)
{
    struct menu_job *data = job->data;
    struct open_store *open = bench_store(data->bench, store);
    const struct action *actions = store_system(store)->actions;
    size_t n = 0;
    while (actions && actions[n].key)
        n++;
    data->answer.entries = arena_array(&job->arena, struct menu_entry, n);
    for (size_t i = 0; i < n; i++) {
        struct menu_entry *entry = &data->answer.entries[data->answer.n++];
        entry->action = &actions[i];
        fill_entry(job, open, entry);
        if (atomic_load(&job->cancel.fired))
            return err_set(&job->err, ERR_CANCELLED, "the menu was left");
    }
    return true;
}

void ask_menu(struct view *owner, const struct sheet *sheet, const struct want *want,
              ask_done *done)
{
    struct job *job = view_job(owner);
    struct menu_job *data = arena_new(&job->arena, struct menu_job);
    data->bench = owner->session->bench;
    data->sheet = sheet;
    data->want = want_copy(&job->arena, want);
    job->data = data;
    job->urgent = true;
    job->run = menu_run;
    job->done = done;
    worker_send(owner->session->worker, job);
}

/* --- one record ----------------------------------------------------------------------------- */

struct record_job {
    struct str id;
    size_t limit;
    struct record_view *view;
};

struct record_view *record_answer(const struct job *job)
{
    const struct record_job *data = job->data;
    return data->view;
}

static bool record_run(struct job *job, struct store *store)
{
    struct record_job *data = job->data;
    struct call call = job_call(job);
    data->view = arena_new(&job->arena, struct record_view);
    return record_view_read(store, data->id, data->limit, &call, &job->arena, data->view,
                            &job->err);
}

void ask_record(struct view *owner, struct str id, size_t limit, ask_done *done)
{
    struct job *job = view_job(owner);
    struct record_job *data = arena_new(&job->arena, struct record_job);
    data->id = arena_str(&job->arena, id);
    data->limit = limit;
    job->data = data;
    job->urgent = true;
    job->run = record_run;
    job->done = done;
    worker_send(owner->session->worker, job);
}
