/* Plans made of a plan: with records left out or taken in, of the first one alone, of what was not
 * done. A plan is made anew from its want; nothing is tried again by itself. */
#include "tui/plan_park.h"
#include "tui/plan_view.h"

#include <string.h>

/* The wanted records of those items that `takes` picks; NULL when there are none. */
static struct want *pick(const struct plan_view *v, struct arena *a,
                         bool (*takes)(const struct plan_view *v, size_t i))
{
    const struct plan *plan = v->plan;
    const struct want *want = v->source.want;
    struct keyset *ids = keyset_new();
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].record >= 0 && takes(v, i))
            keyset_put(ids, plan->request.records[plan->items[i].record].id, true);
    }
    bool *keep = arena_array(a, bool, want->n), any = false;
    for (size_t i = 0; i < want->n; i++) {
        keep[i] = keyset_has(ids, want->records[i].id);
        any = any || keep[i];
    }
    keyset_free(ids);
    return any ? want_pick(a, want, keep) : NULL;
}

static void make_of(struct plan_view *v, const struct want *want)
{
    v->source.want = want;
    v->source.keep_aside = plan_count(v->plan, OUTCOME_SET_ASIDE) > 0;
    plan_free(v->plan);
    v->plan = NULL;
    plan_view_make(v);
}

/* --- a plan that waits ---------------------------------------------------------------------- */

static bool is_there(const struct plan_view *v, size_t i)
{
    (void)v, (void)i;
    return true;
}

void plan_drop_item(struct plan_view *v)
{
    if (v->cursor_item < 0 || v->plan->nitems < 2) {
        app_say(v->base.app, STYLE_MESSAGE,
                v->cursor_item < 0 ? "the cursor is on no record" : "this is the only record");
        return;
    }
    plan_drop(v->plan, (size_t)v->cursor_item);
    if (v->source.want)
        v->source.want = pick(v, &v->arena, is_there);
    v->diff_item = -1;
    plan_start_questions(v);
}

void plan_include_items(struct plan_view *v)
{
    struct plan *plan = v->plan;
    bool one = v->cursor_item >= 0 && plan->items[v->cursor_item].outcome == OUTCOME_SET_ASIDE;
    if (!plan_count(plan, OUTCOME_SET_ASIDE)) {
        app_say(v->base.app, STYLE_MESSAGE, "nothing is set aside in this plan");
        return;
    }
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome == OUTCOME_SET_ASIDE && (!one || (ptrdiff_t)i == v->cursor_item))
            plan_include(plan, i);
    }
    v->placed = false; /* what now follows is to be seen */
    plan_start_questions(v);
}

static const char *instead_verb(const struct plan *plan)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct consequence *c = plan->items[i].consequences;
        for (; c && plan->items[i].outcome == OUTCOME_SET_ASIDE; c = c->next) {
            if (c->level == LEVEL_DANGER && c->instead)
                return c->instead;
        }
    }
    return NULL;
}

const struct action *plan_instead(const struct plan_view *v)
{
    const char *verb = v->source.want ? instead_verb(v->plan) : NULL;
    const struct action *action = v->base.session->system->actions;
    while (verb && action && action->key && !str_is(str_of(action->verb), verb))
        action++;
    return verb && action && action->key ? action : NULL;
}

static bool is_set_aside(const struct plan_view *v, size_t i)
{
    return v->plan->items[i].outcome == OUTCOME_SET_ASIDE;
}

void plan_open_instead(struct plan_view *v)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct arena a = ARENA_INIT;
    struct want *want = pick(v, &a, is_set_aside);
    want->action = plan_instead(v);
    for (size_t i = v->plan->nitems; i-- > 0;) {
        if (i < v->plan->nitems && is_set_aside(v, i))
            plan_drop(v->plan, i);
    }
    v->source.want = pick(v, &v->arena, is_there);
    plan_park(v);
    view_plan_open(app, session, want);
    arena_release(&a);
}

void plan_only_visible(struct plan_view *v)
{
    const struct want *want = v->source.want;
    size_t hidden = want ? want_hidden(want) : 0;
    if (!hidden || hidden == want->n) {
        app_say(v->base.app, STYLE_MESSAGE,
                hidden ? "the filter hides them all" : "no record of this plan is hidden");
        return;
    }
    bool *keep = arena_array(&v->arena, bool, want->n);
    for (size_t i = 0; i < want->n; i++)
        keep[i] = !want->hidden[i];
    make_of(v, want_pick(&v->arena, want, keep));
}

static ptrdiff_t first_record(const struct plan_view *v)
{
    for (size_t i = v->lines.ntop; i < v->lines.n; i++) {
        if (v->lines.at[i].item >= 0)
            return v->plan->items[v->lines.at[i].item].record;
    }
    return -1;
}

static bool is_first(const struct plan_view *v, size_t i)
{
    return v->plan->items[i].record == first_record(v);
}

static bool is_not_first(const struct plan_view *v, size_t i)
{
    return !is_first(v, i);
}

void plan_only_first(struct plan_view *v)
{
    struct app *app = v->base.app;
    if (!v->source.want || first_record(v) < 0 || v->rest) {
        app_say(app, STYLE_MESSAGE,
                v->rest          ? "this is only the first already"
                : v->source.want ? "there is nothing to apply"
                                 : "a plan from the journal goes whole; Space leaves a record out");
        return;
    }
    struct want *rest = pick(v, &v->arena, is_not_first);
    if (!rest || plan_count(v->plan, OUTCOME_PLANNED) < 2) {
        app_say(app, STYLE_MESSAGE, "this is the only record");
        return;
    }
    v->rest = rest;
    v->note = arena_printf(&v->arena,
                           "ONLY THE FIRST of %zu: the others wait, and are planned again "
                           "afterwards",
                           v->source.want->n);
    make_of(v, pick(v, &v->arena, is_first));
}

void plan_make_forced(struct plan_view *v)
{
    if ((!v->source.want && v->source.kind != FROM_BREAK) || !v->plan->blocked) {
        app_say(v->base.app, STYLE_MESSAGE, "no live writer blocks this plan");
        return;
    }
    if (!v->source.want) {
        v->source.force = true;
        make_of(v, NULL);
        return;
    }
    struct want *want = want_copy(&v->arena, v->source.want);
    want->force = true;
    make_of(v, want);
}

/* --- a result ------------------------------------------------------------------------------- */

static bool is_open_at_cursor(const struct plan_view *v, size_t i)
{
    enum outcome outcome = v->plan->items[i].outcome;
    return (ptrdiff_t)i == v->cursor_item && outcome != OUTCOME_APPLIED &&
           outcome != OUTCOME_UNCHANGED;
}

/* PLANNED: nothing at all was tried. */
static bool is_not_tried(const struct plan_view *v, size_t i)
{
    enum outcome outcome = v->plan->items[i].outcome;
    return outcome == OUTCOME_NOT_TRIED || outcome == OUTCOME_PLANNED;
}

/* What waited for this result goes on waiting for the next one. */
static void open_again(struct plan_view *v, const struct want *want)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct arena a = ARENA_INIT;
    struct want *copy = want_copy(&a, want), *rest = v->rest ? want_copy(&a, v->rest) : NULL;
    plan_view_leave(v, "");
    struct plan_view *next = plan_view_open(app, session);
    next->source.want = want_copy(&next->arena, copy);
    next->rest = rest ? want_copy(&next->arena, rest) : NULL;
    plan_view_make(next);
    arena_release(&a);
}

/* A plan from the journal is resumed as a journal entry is. */
static void resume_again(struct plan_view *v)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct plan_source source = v->source;
    char id[sizeof v->plan->journal_id];
    memcpy(id, v->plan->journal_id, sizeof id);
    struct arena a = ARENA_INIT;
    source.entry = source.entry.ptr ? arena_str(&a, source.entry) : STR_NULL;
    plan_view_leave(v, "");
    if (id[0]) /* else nothing was written, and it is made as it was made */
        view_journal_plan_open(app, session, FROM_RESUME, str_of(id));
    else
        view_journal_plan_open(app, session, source.kind, source.entry);
    arena_release(&a);
}

void plan_again(struct plan_view *v)
{
    struct arena a = ARENA_INIT;
    struct want *want = v->source.want ? pick(v, &a, is_open_at_cursor) : NULL;
    if (want)
        open_again(v, want);
    else if (!v->source.want)
        resume_again(v);
    else
        app_say(v->base.app, STYLE_MESSAGE,
                "this row was done; r plans a row that was not, R what was not tried");
    arena_release(&a);
}

void plan_go_on(struct plan_view *v)
{
    struct arena a = ARENA_INIT;
    struct want *want = v->source.want ? pick(v, &a, is_not_tried) : NULL;
    if (want)
        open_again(v, want);
    else if (!v->source.want && plan_count(v->plan, OUTCOME_NOT_TRIED))
        resume_again(v);
    else
        app_say(v->base.app, STYLE_MESSAGE, "everything in this plan was tried");
    arena_release(&a);
}

/* Why undo, or redo, has nothing to take up here; NULL: it has. */
static const char *why_no_undo(const struct plan_view *v, bool redo)
{
    const struct plan *plan = v->plan;
    bool was_undo = plan->undoes && !plan->is_redo;
    if (!plan_count(plan, OUTCOME_APPLIED))
        return "nothing was applied, so there is nothing to undo";
    if (plan->undo == UNDO_NONE)
        return "this cannot be undone";
    if (was_undo != redo)
        return redo ? "this was no undo: z undoes it" : "this was an undo: Z takes it back";
    return NULL;
}

bool plan_may_undo(const struct plan_view *v, bool redo)
{
    return !why_no_undo(v, redo);
}

void plan_undo_result(struct plan_view *v, bool redo)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    const char *why = why_no_undo(v, redo);
    char id[sizeof v->plan->journal_id];
    if (why) {
        app_say(app, STYLE_MESSAGE, "%s", why);
        return;
    }
    memcpy(id, v->plan->journal_id, sizeof id);
    plan_view_leave(v, "");
    view_journal_plan_open(app, session, redo ? FROM_REDO : FROM_UNDO, str_of(id));
}

static bool any_is(const struct plan_view *v, bool (*is)(const struct plan_view *, size_t))
{
    for (size_t i = 0; i < v->plan->nitems; i++) {
        if (is(v, i))
            return true;
    }
    return false;
}

static bool went_ill(const struct plan_view *v, size_t i)
{
    return !plan_went_well(&v->plan->items[i]);
}

const char *plan_result_footer(const struct plan_view *v, const struct key_row *row)
{
    switch (row->command) {
    case CMD_UNDO:
    case CMD_REDO:
        return plan_may_undo(v, row->command == CMD_REDO) ? row->footer : NULL;
    case CMD_AGAIN:
        return any_is(v, went_ill) ? row->footer : NULL;
    case CMD_RESUME:
        return any_is(v, is_not_tried) ? row->footer : NULL;
    case CMD_BACK:
        return row->footer && v->rest ? "plan the rest" : row->footer;
    default:
        return row->footer;
    }
}
