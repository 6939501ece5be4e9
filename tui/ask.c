#include "tui/ask.h"

#include "core/output.h"

#include <string.h>

enum { PREVIEW_RECORDS = 20 }; /* an action's effect is shown for so many; the plan has all */

struct str action_name(const struct action *action)
{
    struct str label = str_of(action->label);
    ptrdiff_t colon = str_index(label, ':');
    return colon < 0 ? label : str_sub(label, 0, (size_t)colon);
}

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
    if (want->hidden) {
        bool *hidden = arena_array(a, bool, want->n);
        memcpy(hidden, want->hidden, want->n * sizeof *hidden);
        copy->hidden = hidden;
    }
    copy->answer = copy_or_null(a, want->answer);
    copy->reason = copy_or_null(a, want->reason);
    return copy;
}

struct want *want_pick(struct arena *a, const struct want *want, const bool *keep)
{
    struct want some = *want;
    struct plan_record *records = arena_array(a, struct plan_record, want->n);
    bool *hidden = arena_array(a, bool, want->n);
    some.n = 0;
    for (size_t i = 0; i < want->n; i++) {
        if (!keep[i])
            continue;
        records[some.n] = want->records[i];
        hidden[some.n++] = want->hidden && want->hidden[i];
    }
    some.records = records;
    some.hidden = hidden;
    return want_copy(a, &some);
}

size_t want_hidden(const struct want *want)
{
    size_t n = 0;
    for (size_t i = 0; i < want->n; i++)
        n += want->hidden && want->hidden[i];
    return n;
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

/* "6 of 20: ", "6 of the first 20: " */
static struct str count_of(struct arena *a, const struct plan *plan, bool more)
{
    size_t planned = plan_count(plan, OUTCOME_PLANNED), aside = plan_count(plan, OUTCOME_SET_ASIDE);
    const char *first = more ? "the first " : "";
    if (aside)
        return arena_printf(a, "%zu of %s%zu, %zu set aside: ", planned, first, plan->nitems,
                            aside);
    return plan->nitems > 1 ? arena_printf(a, "%zu of %s%zu: ", planned, first, plan->nitems)
                            : STR("");
}

/* "errored → finished_copy: the destination is copied again". With `more` the plan is of the first
 * records alone: where none of these can, others may. */
static void describe(struct arena *a, const struct plan *plan, bool more, struct menu_entry *entry)
{
    size_t planned = plan_count(plan, OUTCOME_PLANNED);
    const struct plan_item *first = NULL, *refused = NULL;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome == OUTCOME_PLANNED)
            first = first ? first : item;
        else if (item->outcome != OUTCOME_SET_ASIDE)
            refused = refused ? refused : item;
    }
    entry->possible = planned > 0 || more;
    if (!first) {
        struct str why = refused && refused->err.text[0]  ? str_of(refused->err.text)
                         : refused && refused->detail.ptr ? refused->detail
                                                          : STR("nothing to do");
        entry->text =
            more ? arena_printf(a, "none of the first %zu: %.*s", plan->nitems, STR_ARG(why))
                 : arena_str(a, why);
        if (!plan->blocked)
            return;
        entry->possible = true; /* the plan says how a live writer is overridden */
        entry->level = LEVEL_DANGER;
        entry->text = arena_printf(a, "BLOCKED: %.*s", STR_ARG(why));
        return;
    }
    const struct consequence *worst = plan->consequences;
    entry->level = worst ? worst->level : LEVEL_NOTE;
    struct str count = count_of(a, plan, more);
    entry->text = arena_printf(a, "%.*s%.*s → %.*s%s%.*s", STR_ARG(count),
                               STR_ARG(first->before_text), STR_ARG(first->after_text),
                               worst ? "; " : "", STR_ARG(worst ? worst->text : STR("")));
}

const char *action_prompt_help(const struct system *system, const struct action *action)
{
    const struct op_option *option = system_op(system, action->op)->options;
    while (strcmp(option->name, action->prompt) != 0)
        option++;
    return option->help;
}

/* Of one row alone: several have no value in common. */
static struct str present_value(struct job *job, struct open_store *store,
                                const struct action *action)
{
    const struct menu_job *data = job->data;
    const struct plan_record *record = &data->want->records[0];
    struct call call = job_call(job);
    struct record_view view;
    struct err ignored = {0};
    struct str row;
    if (!action->present || data->want->n != 1 || !op_arg(&record->args, "name", 0, &row) ||
        !record_view_read(store->store, record->id, 0, &call, &job->arena, &view, &ignored) ||
        !view.input.doc || !view.input.doc->root)
        return STR_NULL;
    return action->present(&view.input, row);
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
        entry->text = arena_printf(&job->arena,
                                   "it needs your editor: in a shell, penstock -t %s %s edit %.*s",
                                   store->target.name, store_system(store->store)->noun,
                                   STR_ARG(output_id_word(&job->arena, data->want->records[0].id)));
        return;
    }
    if (action->prompt) {
        entry->possible = true;
        entry->text = arena_printf(&job->arena, "asks for %s: %s", action->prompt,
                                   action_prompt_help(store_system(store->store), action));
        entry->present = present_value(job, store, action);
        return;
    }
    struct want want = *data->want;
    struct plan *plan = NULL;
    struct err err = {0};
    want.action = action;
    want.n = want.n < PREVIEW_RECORDS ? want.n : PREVIEW_RECORDS;
    if (want_plan(job, store, &want, &plan, &err)) {
        plan_set_aside(plan, false);
        describe(&job->arena, plan, data->want->n > want.n, entry);
    } else
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

void ask_record(struct session *session, void *owner, struct str id, size_t limit, ask_done *done)
{
    struct job *job = job_new(session->app->opts.timeout_ms, owner);
    struct record_job *data = arena_new(&job->arena, struct record_job);
    data->id = arena_str(&job->arena, id);
    data->limit = limit;
    job->data = data;
    job->urgent = true;
    job->run = record_run;
    job->done = done;
    worker_send(session->worker, job);
}
