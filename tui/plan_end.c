/* How a plan ends: applied, saved to a file, put away, turned down; and how its result is closed.
 */
#include "tui/follow.h"
#include "tui/plan_park.h"
#include "tui/plan_view.h"
#include "tui/view_choice.h"

static bool is_unapplied(const struct plan_view *v)
{
    return v->state == PLAN_READY && plan_count(v->plan, OUTCOME_PLANNED);
}

static void apply_note(struct job *job, void *owner, void *data)
{
    (void)job;
    struct plan_view *v = owner;
    v->done = *(const size_t *)data;
    v->base.app->dirty = true;
}

/* Each in the words it was refused in; the messages keep them when the result is closed. */
static void say_failures(struct app *app, const struct plan *plan)
{
    enum { SAID = 50 };
    struct arena a = ARENA_INIT;
    size_t said = 0;
    for (size_t i = 0; i < plan->nitems && said < SAID; i++) {
        const struct plan_item *item = &plan->items[i];
        if (plan_went_well(item) || item->outcome == OUTCOME_NOT_TRIED)
            continue;
        app_say(app, STYLE_BAD, "%.*s: %.*s", STR_ARG(item->label),
                STR_ARG(plan_outcome_words(&a, item)));
        said++;
    }
    arena_release(&a);
}

static void say_result(struct app *app, const struct plan_view *v)
{
    const struct plan *plan = v->plan;
    size_t applied = plan_count(plan, OUTCOME_APPLIED);
    size_t all = plan->nitems - plan_count(plan, OUTCOME_SET_ASIDE);
    if (v->err.kind == ERR_NONE)
        say_failures(app, plan);
    if (v->err.kind != ERR_NONE)
        app_say(app, STYLE_BAD, "%s: nothing was written: %s", plan->verb, v->err.text);
    else
        app_say(app, applied == all ? STYLE_OK : STYLE_WARN, "%s on %.*s: %zu of %zu applied",
                plan->verb, STR_ARG(v->base.session->name), applied, all);
}

static void apply_done(struct job *job, void *owner)
{
    struct plan_view *v = owner;
    v->plan = plan_taken(job);
    v->state = PLAN_RESULT;
    v->err = job->err;
    v->lines.width = 0;
    v->placed = false;
    v->base.app->dirty = true;
    if (plan_count(v->plan, OUTCOME_APPLIED)) {
        plan_park_replace(v->base.session, v->plan);
        follow_start(v->base.session, v->plan);
    }
    say_result(v->base.app, v);
    session_note_result(v->base.session, job);
    session_load(v->base.session);
    app_rows_changed(v->base.app, v->base.session, NULL);
}

void plan_view_apply(struct plan_view *v)
{
    struct plan *plan = v->plan;
    v->total = plan_count(plan, OUTCOME_PLANNED);
    v->done = 0;
    v->state = PLAN_APPLYING;
    v->plan = NULL;
    ask_apply(&v->base, plan, apply_note, apply_done);
}

static void save_done(struct job *job, void *owner)
{
    struct plan_view *v = owner;
    struct app *app = v->base.app;
    v->plan = plan_taken(job);
    v->state = PLAN_READY;
    v->lines.width = 0;
    plan_start_questions(v);
    session_note_result(v->base.session, job);
    if (job->ok)
        app_say(app, STYLE_OK, "saved: penstock -t %.*s%s apply %.*s",
                STR_ARG(shell_quote(&job->arena, str_of(v->base.session->target.name))),
                v->base.session->target.env == ENV_PROD ? " --write" : "",
                STR_ARG(shell_quote(&job->arena, saved_path(job))));
    else
        app_say_err(app, &job->err);
}

void plan_view_save(struct plan_view *v)
{
    struct plan *plan = v->plan;
    v->state = PLAN_SAVING;
    v->plan = NULL;
    ask_save(&v->base, plan, save_done);
}

void plan_view_leave(struct plan_view *v, const char *why)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct plan *plan = v->plan;
    bool unapplied = is_unapplied(v);
    v->plan = NULL;
    if (unapplied)
        ask_decline(session, plan, why);
    else
        plan_free(plan);
    app_pop(app, &v->base);
    if (unapplied)
        app_say(app, STYLE_MESSAGE, "discarded the plan: nothing was written");
}

void plan_view_park_or_leave(struct plan_view *v)
{
    if (is_unapplied(v))
        plan_park(v);
    else
        plan_view_leave(v, "");
}

static void choose_park(struct app *app, void *ctx)
{
    (void)app;
    plan_park(ctx);
}

static void choose_discard(struct app *app, void *ctx)
{
    (void)app;
    plan_view_leave(ctx, "left at the confirmation");
}

void plan_view_ask_to_leave(struct plan_view *v)
{
    static const struct choice choices[] = {{'p', "parks it: it waits under its id", choose_park},
                                            {'d', "discards it", choose_discard}};
    if (!is_unapplied(v)) {
        plan_view_leave(v, "");
        return;
    }
    struct arena a = ARENA_INIT;
    view_choice_open(v->base.app, v->base.session, "LEAVE?",
                     arena_printf(&a, "Plan %.4s is not applied: %s %zu", v->plan->id,
                                  v->plan->verb, plan_count(v->plan, OUTCOME_PLANNED)),
                     choices, 2, v);
    arena_release(&a);
}

bool plan_view_asked_to_leave(struct app *app)
{
    struct view *view = app->top;
    while (view && !view_is_plan(view))
        view = view->below;
    struct plan_view *v = (struct plan_view *)view;
    if (!v || v->state == PLAN_RESULT || (v->state == PLAN_READY && !is_unapplied(v)))
        return false;
    if (v->state == PLAN_READY)
        plan_view_ask_to_leave(v);
    else
        app_say(app, STYLE_WARN, "a plan is under way: ^C stops it");
    return true;
}

/* What waited for the result of the first record is planned now, from what the store holds now. */
void plan_view_close_result(struct plan_view *v)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct arena a = ARENA_INIT;
    struct want *rest = v->rest ? want_copy(&a, v->rest) : NULL;
    bool keep_aside = v->source.keep_aside;
    plan_view_leave(v, "");
    if (rest) {
        struct plan_view *next = plan_view_open(app, session);
        next->source.want = want_copy(&next->arena, rest);
        next->source.keep_aside = keep_aside;
        next->note = STR("the rest of a plan whose first record was done, read again just now");
        plan_view_make(next);
    }
    arena_release(&a);
}
