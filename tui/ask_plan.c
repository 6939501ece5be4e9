/* Plans, asked of a store: made, made again, applied, turned down. */
#include "tui/ask_parts.h"

#include "core/base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- from a want to a plan ------------------------------------------------------------------ */

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

/* The option that takes a row of a sheet: the one that the action names, else the first positional
 * one. */
static const struct op_option *row_option(const struct op *op, const struct action *action)
{
    const struct op_option *option = op->options;
    while (option && option->name &&
           (action->option ? strcmp(option->name, action->option) != 0
                           : option->kind != OPTION_POSITIONAL))
        option++;
    return option && option->name ? option : NULL;
}

/* Rows of sheets, those of one record together. They are its arguments where the action is made for
 * such rows, all in one edit if the operation takes many; other actions are for the record itself.
 */
static size_t sheet_records(struct arena *a, const struct op *op, const struct want *want,
                            struct plan_record *ret)
{
    const struct op_option *option = want->action->per ? row_option(op, want->action) : NULL;
    struct op_arg *names = arena_array(a, struct op_arg, want->n);
    size_t n = 0;
    for (size_t i = 0; i < want->n; i++) {
        const struct plan_record *row = &want->records[i];
        bool same = i && str_eq(row->id, want->records[i - 1].id);
        if (option)
            names[i] = (struct op_arg){option->name, row->args.items[0].value};
        if (same && option && option->many)
            ret[n - 1].args.n++;
        else if (!same || option) {
            ret[n] = *row;
            ret[n++].args = (struct op_args){&names[i], option ? 1 : 0};
        }
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

bool want_plan(struct job *job, struct open_store *store, const struct want *want,
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

struct str plan_about(const struct job *job)
{
    const struct plan_job *data = job->data;
    return data->about;
}

static void plan_release(struct job *job)
{
    struct plan_job *data = job->data;
    plan_free(data->plan);
    plan_free(data->old);
}

struct plan *plan_old(struct job *job)
{
    struct plan_job *data = job->data;
    struct plan *plan = data->old;
    data->old = NULL;
    return plan;
}

struct plan *plan_taken(struct job *job)
{
    struct plan_job *data = job->data;
    struct plan *plan = data->plan;
    data->plan = NULL;
    return plan;
}

static struct job *plan_job_new(struct session *session, void *owner, ask_done *done,
                                struct plan_job **ret)
{
    struct job *job = job_new(session->app->opts.timeout_ms, owner);
    struct plan_job *data = arena_new(&job->arena, struct plan_job);
    data->bench = session->bench;
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
    if (!want_plan(job, bench_store(data->bench, store), data->source.want, &data->plan, &job->err))
        return false;
    plan_set_aside(data->plan, data->source.keep_aside);
    return true;
}

/* The lock as it is now: the plan shows it, and only as it was seen is it broken. */
static bool break_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    const struct plan_source *source = &data->source;
    struct lock *locks;
    struct call call = job_call(job);
    struct open_store *open = bench_store(data->bench, store);
    if (!store_locks(store, NULL, 0, &call, &job->arena, &locks, &job->err))
        return false;
    while (locks && !str_eq(locks->object, source->entry))
        locks = locks->next;
    if (!locks)
        return err_set(&job->err, ERR_NOT_FOUND, "lock %.*s: nothing holds it any more",
                       STR_ARG(source->entry));
    return plan_break(open, locks, 1, source->reason, source->force, &data->plan, &job->err);
}

void ask_plan(struct view *owner, const struct plan_source *source, ask_done *done)
{
    struct plan_job *data;
    struct job *job = plan_job_new(owner->session, owner, done, &data);
    struct arena *a = &job->arena;
    data->source = *source;
    if (source->want)
        data->source.want = want_copy(a, source->want);
    data->source.entry = source->entry.ptr ? arena_str(a, source->entry) : STR_NULL;
    data->source.record = source->record.ptr ? arena_str(a, source->record) : STR_NULL;
    data->source.reason = source->reason.ptr ? arena_str(a, source->reason) : STR_NULL;
    job->run = source->want ? plan_run : source->kind == FROM_BREAK ? break_run : plan_journal_run;
    worker_send(owner->session->worker, job);
}

/* --- made again, and saved ------------------------------------------------------------------ */

static bool recheck_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    struct open_store *open = bench_store(data->bench, store);
    struct call call = job_call(job);
    struct journal *journal = NULL;
    if ((data->old->undoes || *data->old->restores_id) &&
        !bench_journal(data->bench, &journal, &job->err))
        return false;
    json_t *saved = plan_save(data->old);
    bool ok = plan_load(saved, open, 1, journal, &call, &data->plan, &job->err);
    json_decref(saved);
    return ok;
}

void ask_recheck(struct session *session, void *owner, struct plan *plan, ask_done *done)
{
    struct plan_job *data;
    struct job *job = plan_job_new(session, owner, done, &data);
    data->old = plan;
    job->run = recheck_run;
    worker_send(session->worker, job);
}

/* Beside the journal, which makes the directory that all that is ours lies in. */
static bool plans_dir(struct bench *bench, struct arena *a, struct str *ret, struct err *err)
{
    struct journal *journal;
    if (!bench_journal(bench, &journal, err))
        return false;
    struct str path = str_of(bench->journal_path);
    ptrdiff_t slash = str_rindex(path, '/');
    *ret = arena_printf(a, "%.*splans", STR_ARG(str_sub(path, 0, (size_t)(slash + 1))));
    if (mkdir(ret->ptr, 0700) == 0 || errno == EEXIST)
        return true;
    return err_set(err, ERR_UNAVAILABLE, "cannot make %s: %s", ret->ptr, strerror(errno));
}

static bool save_run(struct job *job, struct store *store)
{
    struct plan_job *data = job->data;
    struct str dir;
    bench_store(data->bench, store);
    if (!plans_dir(data->bench, &job->arena, &dir, &job->err))
        return false;
    data->path = arena_printf(&job->arena, "%.*s/%s.json", STR_ARG(dir), data->plan->id);
    json_t *saved = plan_save(data->plan);
    char *text = json_dumps(saved, JSON_COMPACT);
    json_decref(saved);
    bool ok = text ? path_replace(data->path.ptr, str_of(text), true, &job->err)
                   : err_set(&job->err, ERR_INTERNAL, "the plan cannot be put into words");
    free(text);
    return ok;
}

struct str saved_path(const struct job *job)
{
    const struct plan_job *data = job->data;
    return data->path;
}

void ask_save(struct view *owner, struct plan *plan, ask_done *done)
{
    struct plan_job *data;
    struct job *job = plan_job_new(owner->session, owner, done, &data);
    data->plan = plan;
    job->run = save_run;
    worker_send(owner->session->worker, job);
}

/* --- applied, or turned down ---------------------------------------------------------------- */

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
    struct job *job = plan_job_new(owner->session, owner, done, &data);
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

static void decline_done(struct job *job, void *owner)
{
    (void)job;
    struct app *app = owner;
    app->declining--;
}

void ask_decline(struct session *session, struct plan *plan, const char *why)
{
    struct plan_job *data;
    struct job *job = plan_job_new(session, session->app, decline_done, &data);
    session->app->declining++;
    data->plan = plan;
    data->why = why;
    job->run = decline_run;
    worker_send(session->worker, job);
}
