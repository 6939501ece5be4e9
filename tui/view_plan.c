/* The plan box, from the request to the result: made on the worker, confirmed here, applied there,
 * shown until it is read. Nothing that was typed before it was on the screen counts. */
#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/plan_view.h"

#include <stdlib.h>

static void title(const struct view *view, struct sbuf *out)
{
    const struct plan_view *v = (const struct plan_view *)view;
    sbuf_cstr(out, v->state == PLAN_RESULT ? "result" : "plan");
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    plan_draw((struct plan_view *)view, canvas, r);
}

/* --- the confirmation ----------------------------------------------------------------------- */

static int64_t quiet_from(const struct plan_view *v)
{
    const struct app *app = v->base.app;
    return (v->drawn_at_ms > app->key_at_ms ? v->drawn_at_ms : app->key_at_ms) +
           app->opts.confirm_quiet_ms;
}

bool plan_is_quiet(const struct plan_view *v, int64_t now_ms)
{
    return v->drawn_at_ms && now_ms >= quiet_from(v);
}

static void drawn(struct view *view)
{
    struct plan_view *v = (struct plan_view *)view;
    if (v->state != PLAN_READY || v->drawn_at_ms)
        return;
    v->drawn_at_ms = clock_monotonic_ms();
    view->app->flush_input = true;
}

static int64_t wake_ms(const struct view *view, int64_t now_ms)
{
    struct plan_view *v = (struct plan_view *)view;
    if (v->state != PLAN_READY || !v->drawn_at_ms || v->question == ASK_NOTHING)
        return INT64_MAX;
    if (now_ms < quiet_from(v))
        return quiet_from(v);
    if (v->armed)
        return INT64_MAX;
    v->armed = true; /* there was a quiet time since the box was complete */
    return now_ms;
}

/* The box says something else now: what was typed before does not count for it. */
static void start_questions(struct plan_view *v)
{
    const struct plan *plan = v->plan;
    v->drawn_at_ms = 0;
    v->armed = v->rows_focus = false;
    input_set(&v->input, STR(""));
    v->question = plan_count(plan, OUTCOME_PLANNED) == 0            ? ASK_NOTHING
                  : plan->needs_reason && !plan->request.reason.len ? ASK_REASON
                  : plan->screen_confirm.ptr                        ? ASK_TEXT
                                                                    : ASK_YES;
}

static void apply_note(struct job *job, void *owner, void *data)
{
    (void)job;
    struct plan_view *v = owner;
    v->done = *(const size_t *)data;
    v->base.app->dirty = true;
}

static void apply_done(struct job *job, void *owner)
{
    struct plan_view *v = owner;
    v->plan = plan_taken(job);
    v->state = PLAN_RESULT;
    v->err = job->err;
    v->cursor = v->top = 0;
    v->base.app->dirty = true;
    session_note_result(v->base.session, job);
    session_load(v->base.session);
    app_rows_changed(v->base.app, v->base.session, NULL);
}

static void apply(struct plan_view *v)
{
    struct plan *plan = v->plan;
    v->total = plan_count(plan, OUTCOME_PLANNED);
    v->done = 0;
    v->state = PLAN_APPLYING;
    v->plan = NULL;
    ask_apply(&v->base, plan, apply_note, apply_done);
}

/* A text that holds what cannot be typed may be given as it is shown. */
static bool is_typed_right(struct plan_view *v)
{
    struct arena a = ARENA_INIT;
    struct str typed = str_trim(input_text(&v->input)), wanted = v->plan->screen_confirm;
    bool right = str_eq(typed, wanted) || str_eq(typed, text_clean(&a, wanted, 0));
    arena_release(&a);
    return right;
}

static void answer(struct plan_view *v)
{
    struct app *app = v->base.app;
    struct plan *plan = v->plan;
    if (v->question == ASK_REASON) {
        struct str reason = str_trim(input_text(&v->input));
        if (!reason.len) {
            app_say(app, STYLE_WARN, "a reason is needed: it is kept in the journal and the audit");
            return;
        }
        plan->request.reason = arena_str(&plan->arena, reason);
        input_set(&v->input, STR(""));
        v->question = plan->screen_confirm.ptr ? ASK_TEXT : ASK_YES;
    } else if (is_typed_right(v))
        apply(v);
    else if (!input_text(&v->input).len)
        app_say(app, STYLE_WARN, "Enter alone does not accept");
    else
        app_say(app, STYLE_WARN, "not applied: '%.*s' is not '%.*s'",
                STR_ARG(input_text(&v->input)), STR_ARG(plan->screen_confirm));
}

static void leave(struct plan_view *v, const char *why)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct plan *plan = v->plan;
    bool unwritten = v->state == PLAN_READY && plan_count(plan, OUTCOME_PLANNED);
    v->plan = NULL;
    if (unwritten)
        ask_decline(session, plan, why);
    else
        plan_free(plan);
    app_pop(app, &v->base);
    if (unwritten)
        app_say(app, STYLE_MESSAGE, "left the plan: nothing was written");
}

/* --- making it ------------------------------------------------------------------------------ */

static void plan_done(struct job *job, void *owner)
{
    struct plan_view *v = owner;
    struct app *app = v->base.app;
    app->dirty = true;
    session_note_result(v->base.session, job);
    v->plan = plan_taken(job);
    if (!v->plan) {
        struct err err = job->err;
        app_pop(app, &v->base);
        if (err.kind != ERR_CANCELLED)
            app_say_err(app, &err);
        return;
    }
    v->about = plan_about(job);
    v->state = PLAN_READY;
    start_questions(v);
}

static void make(struct plan_view *v)
{
    if (v->want)
        ask_plan(&v->base, v->want, plan_done);
    else
        ask_undo(&v->base, v->redo, plan_done);
}

static void make_forced(struct plan_view *v)
{
    if (!v->want || !v->plan->blocked) {
        app_say(v->base.app, STYLE_MESSAGE, "no live writer blocks this plan");
        return;
    }
    struct want *want = want_copy(&v->arena, v->want);
    want->force = true;
    v->want = want;
    plan_free(v->plan);
    v->plan = NULL;
    v->state = PLAN_MAKING;
    make(v);
}

/* A fresh plan of the records that were not applied; nothing is tried again by itself. */
static void plan_again(struct plan_view *v)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    if (!v->want || !v->plan) {
        app_say(app, STYLE_MESSAGE, "press z for another undo plan");
        return;
    }
    struct arena a = ARENA_INIT;
    struct want *want = want_copy(&a, v->want);
    struct plan_record *left = arena_array(&a, struct plan_record, want->n);
    size_t n = 0;
    for (size_t i = 0; i < want->n; i++) {
        bool open = false;
        for (size_t k = 0; k < v->plan->nitems; k++) {
            const struct plan_item *item = &v->plan->items[k];
            open = open || (str_eq(item->id, want->records[i].id) &&
                            item->outcome != OUTCOME_APPLIED && item->outcome != OUTCOME_UNCHANGED);
        }
        if (open)
            left[n++] = want->records[i];
    }
    want->records = left;
    want->n = n;
    if (n == 0)
        app_say(app, STYLE_MESSAGE, "everything was applied");
    else {
        leave(v, "");
        view_plan_open(app, session, want);
    }
    arena_release(&a);
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool ready_key(struct plan_view *v, const struct key *key)
{
    struct app *app = v->base.app;
    bool typed = v->question == ASK_REASON || v->question == ASK_TEXT;
    bool printable = key->code >= 0x20 && key->code < K_FIRST;
    bool accepts = printable || key->code == K_ENTER;
    if (!v->drawn_at_ms)
        return true; /* typed for something else */
    int64_t now = clock_monotonic_ms();
    v->armed = v->armed || plan_is_quiet(v, now);
    if (!v->armed && accepts && v->question != ASK_NOTHING) {
        app_say(app, STYLE_WARN, "too early: a key counts after %.1f s without one",
                (double)app->opts.confirm_quiet_ms / 1000);
        return true;
    }
    if (typed && !v->rows_focus) {
        switch (input_key(&v->input, key, true)) {
        case INPUT_DONE:
            answer(v);
            return true;
        case INPUT_LEFT:
            leave(v, "left at the confirmation");
            return true;
        case INPUT_NOT_MINE:
            return false;
        default:
            return true;
        }
    }
    if (key->code == 'y' && v->question == ASK_YES) {
        if (plan_is_quiet(v, now))
            apply(v);
        else
            app_say(app, STYLE_WARN, "too early: y counts after %.1f s without a key",
                    (double)app->opts.confirm_quiet_ms / 1000);
        return true;
    }
    if (key->code == K_ENTER) {
        app_say(app, STYLE_WARN, "Enter does not accept%s",
                v->question == ASK_YES ? ": y applies" : "");
        return true;
    }
    return false;
}

static bool key(struct view *view, const struct key *key)
{
    struct plan_view *v = (struct plan_view *)view;
    bool leaves = key->code == K_ESC || key->code == K_CTRL('c');
    switch (v->state) {
    case PLAN_MAKING:
        if (leaves)
            app_pop(view->app, view);
        return true;
    case PLAN_APPLYING:
        if (key->code == K_CTRL('c')) {
            v->cancelling = true;
            worker_cancel(view->session->worker, view);
        } else if (leaves)
            app_say(view->app, STYLE_MESSAGE, "^C stops; what was written stays and is shown");
        return key->code != K_CTRL('l') && key->code != K_CTRL('z');
    case PLAN_READY:
        return ready_key(v, key);
    case PLAN_RESULT:
        break;
    }
    return false;
}

static void scroll(struct plan_view *v, ptrdiff_t by)
{
    ptrdiff_t to = (ptrdiff_t)v->cursor + by, last = (ptrdiff_t)v->nlines - 1;
    to = to > last ? last : to;
    v->cursor = to < 0 ? 0 : (size_t)to;
}

static void drop_item(struct plan_view *v)
{
    if (v->cursor_item < 0 || v->plan->nitems < 2) {
        app_say(v->base.app, STYLE_MESSAGE,
                v->cursor_item < 0 ? "the cursor is on no record" : "this is the only record");
        return;
    }
    plan_drop(v->plan, (size_t)v->cursor_item);
    start_questions(v);
}

static bool ready_command(struct plan_view *v, enum command command)
{
    switch (command) {
    case CMD_BACK:
    case CMD_CANCEL:
        leave(v, "left at the confirmation");
        return true;
    case CMD_QUIT:
        app_say(v->base.app, STYLE_MESSAGE, "Esc leaves this plan; nothing is written yet");
        return true;
    case CMD_ACCEPT:
        app_say(v->base.app, STYLE_MESSAGE,
                v->question == ASK_NOTHING ? "there is nothing to apply"
                                           : "this plan wants the text typed");
        return true;
    case CMD_FOCUS:
        v->rows_focus = !v->rows_focus;
        return true;
    case CMD_DROP:
        drop_item(v);
        return true;
    case CMD_DIFF:
        v->all_diffs = !v->all_diffs;
        return true;
    case CMD_FORCE:
        make_forced(v);
        return true;
    default:
        return false;
    }
}

static bool result_command(struct plan_view *v, enum command command)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    switch (command) {
    case CMD_BACK:
    case CMD_QUIT:
        leave(v, "");
        return true;
    case CMD_UNDO:
        leave(v, "");
        view_undo_open(app, session, false);
        return true;
    case CMD_AGAIN:
        plan_again(v);
        return true;
    default:
        return false;
    }
}

static bool command(struct view *view, enum command command)
{
    struct plan_view *v = (struct plan_view *)view;
    switch (command) {
    case CMD_UP:
        scroll(v, -1);
        return true;
    case CMD_DOWN:
        scroll(v, 1);
        return true;
    case CMD_PAGE_UP:
        scroll(v, -v->page);
        return true;
    case CMD_PAGE_DOWN:
        scroll(v, v->page);
        return true;
    default:
        return v->state == PLAN_RESULT ? result_command(v, command) : ready_command(v, command);
    }
}

static unsigned scopes(const struct view *view)
{
    const struct plan_view *v = (const struct plan_view *)view;
    bool typed = v->question == ASK_REASON || v->question == ASK_TEXT;
    if (v->state == PLAN_RESULT)
        return SCOPE_RESULT;
    return v->state == PLAN_READY && typed && !v->rows_focus ? SCOPE_TYPED_PLAN | SCOPE_TYPED
                                                             : SCOPE_PLAN;
}

static bool is_busy(const struct view *view)
{
    const struct plan_view *v = (const struct plan_view *)view;
    return v->state == PLAN_MAKING || v->state == PLAN_APPLYING;
}

static void close_view(struct view *view)
{
    struct plan_view *v = (struct plan_view *)view;
    plan_free(v->plan);
    input_release(&v->input);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class plan_class = {
    .name = "plan",
    .scopes_now = scopes,
    .overlay = true,
    .no_paste = true,
    .holds_refresh = true,
    .title = title,
    .draw = draw,
    .drawn = drawn,
    .key = key,
    .command = command,
    .wake_ms = wake_ms,
    .is_busy = is_busy,
    .close = close_view,
};

static struct plan_view *open_plan(struct app *app, struct session *session)
{
    struct plan_view *v = view_new(app, session, &plan_class, sizeof *v);
    v->cursor_item = -1;
    app_push(app, &v->base);
    return v;
}

void view_plan_open(struct app *app, struct session *session, const struct want *want)
{
    struct plan_view *v = open_plan(app, session);
    v->want = want_copy(&v->arena, want);
    make(v);
}

void view_undo_open(struct app *app, struct session *session, bool redo)
{
    struct str ro = session_why_read_only(session);
    if (ro.ptr) {
        app_say(app, STYLE_WARN, "READ-ONLY: %.*s", STR_ARG(ro));
        return;
    }
    struct plan_view *v = open_plan(app, session);
    v->redo = redo;
    make(v);
}
