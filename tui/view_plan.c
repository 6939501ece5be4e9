/* The plan box, from the request to the result: made on the worker, confirmed here, applied there,
 * shown until it is read. */
#include "core/base/clock.h"
#include "tui/plan_park.h"
#include "tui/plan_view.h"
#include "tui/view_table.h"

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

static void drawn(struct view *view)
{
    struct plan_view *v = (struct plan_view *)view;
    if (v->state != PLAN_READY || v->drawn_at_ms || !v->lines.width)
        return; /* no lines: the screen was too small to show it */
    v->drawn_at_ms = clock_monotonic_ms();
    view->app->flush_input = true;
}

static int64_t wake_ms(const struct view *view, int64_t now_ms)
{
    return plan_wake_ms((struct plan_view *)view, now_ms);
}

/* --- making it ------------------------------------------------------------------------------ */

void plan_view_take(struct plan_view *v, struct plan *plan)
{
    v->plan = plan;
    v->state = PLAN_READY;
    v->placed = false;
    v->diff_item = -1;
    plan_start_questions(v);
}

static void plan_done(struct job *job, void *owner)
{
    struct plan_view *v = owner;
    struct app *app = v->base.app;
    struct plan *plan = plan_taken(job);
    app->dirty = true;
    session_note_answer(v->base.session, job);
    if (!plan) {
        struct err err = job->err;
        bool newest = v->source.kind != FROM_WANT && !v->source.entry.ptr;
        app_pop(app, &v->base);
        if (err.kind == ERR_REFUSED && newest) /* another's, or an old one: to be chosen by hand */
            view_table_open(app, &journal_table, STR(""));
        if (err.kind != ERR_CANCELLED)
            app_say_err(app, &err);
        return;
    }
    v->about = plan_about(job);
    plan_view_take(v, plan);
}

void plan_view_make(struct plan_view *v)
{
    v->state = PLAN_MAKING;
    ask_plan(&v->base, &v->source, plan_done);
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool key(struct view *view, const struct key *key)
{
    struct plan_view *v = (struct plan_view *)view;
    bool leaves = key->code == K_ESC || key->code == K_CTRL('c');
    switch (v->state) {
    case PLAN_MAKING:
        if (leaves) {
            struct app *app = view->app;
            bool parked = v->park != NULL;
            app_pop(app, view);
            app_say(app, STYLE_MESSAGE, "left before the plan was made%s",
                    parked ? ": it stays parked" : "");
        }
        return true;
    case PLAN_SAVING:
        return true;
    case PLAN_APPLYING:
        if (key->code == K_CTRL('c')) {
            v->cancelling = true;
            worker_cancel(view->session->worker, view);
        } else if (leaves)
            app_say(view->app, STYLE_MESSAGE, "^C stops; what was written stays and is shown");
        return key->code != K_CTRL('l') && key->code != K_CTRL('z');
    case PLAN_READY:
        return plan_ready_key(v, key);
    case PLAN_RESULT:
        break;
    }
    return false;
}

static void scroll(struct plan_view *v, ptrdiff_t by)
{
    ptrdiff_t to = (ptrdiff_t)v->cursor + by, last = (ptrdiff_t)v->lines.n - 1;
    to = to > last ? last : to;
    v->cursor = to < 0 ? 0 : (size_t)to;
}

static void show_diff(struct plan_view *v)
{
    if (v->cursor_item < 0) {
        app_say(v->base.app, STYLE_MESSAGE, "the cursor is on no record");
        return;
    }
    v->diff_item = v->diff_item == v->cursor_item ? -1 : v->cursor_item;
    v->lines.width = 0;
}

static void copy_command(struct plan_view *v)
{
    if (v->plan->equivalent.ptr)
        app_copy(v->base.app, v->plan->equivalent);
    else
        app_say(v->base.app, STYLE_MESSAGE, "no command does just this: W saves it as a file");
}

static bool ready_command(struct plan_view *v, enum command command)
{
    switch (command) {
    case CMD_BACK:
        plan_view_park_or_leave(v);
        return true;
    case CMD_QUIT:
    case CMD_CANCEL:
        plan_view_ask_to_leave(v);
        return true;
    case CMD_DISCARD:
        plan_view_leave(v, "left at the confirmation");
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
        plan_drop_item(v);
        return true;
    case CMD_INCLUDE:
        plan_include_items(v);
        return true;
    case CMD_VISIBLE:
        plan_only_visible(v);
        return true;
    case CMD_FIRST_ONLY:
        plan_only_first(v);
        return true;
    case CMD_DIFF:
        show_diff(v);
        return true;
    case CMD_FORCE:
        plan_make_forced(v);
        return true;
    case CMD_SAVE_PLAN:
        plan_view_save(v);
        return true;
    case CMD_COPY_COMMAND:
        copy_command(v);
        return true;
    default:
        return false;
    }
}

static bool result_command(struct plan_view *v, enum command command)
{
    switch (command) {
    case CMD_BACK:
    case CMD_QUIT:
        plan_view_close_result(v);
        return true;
    case CMD_UNDO:
    case CMD_REDO:
        plan_undo_result(v, command == CMD_REDO);
        return true;
    case CMD_AGAIN:
        plan_again(v);
        return true;
    case CMD_RESUME:
        plan_go_on(v);
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
    if (v->state == PLAN_RESULT)
        return SCOPE_RESULT;
    if (v->state != PLAN_READY)
        return v->state == PLAN_APPLYING ? SCOPE_APPLYING : SCOPE_MENU;
    return plan_is_typed(v) ? SCOPE_TYPED_PLAN | SCOPE_TYPED : SCOPE_PLAN;
}

/* Of a single record the paths are shown anyway, unless words take their place. */
static bool has_words(const struct plan_view *v)
{
    for (size_t i = 0; i < v->plan->nitems; i++) {
        if (v->plan->items[i].outcome == OUTCOME_PLANNED && v->plan->items[i].nwords)
            return true;
    }
    return false;
}

/* Only what would do something now. */
static const char *footer(const struct view *view, const struct key_row *row)
{
    const struct plan_view *v = (const struct plan_view *)view;
    if (v->state == PLAN_RESULT)
        return plan_result_footer(v, row);
    if (v->state != PLAN_READY)
        return row->footer;
    size_t planned = plan_count(v->plan, OUTCOME_PLANNED);
    switch (row->command) {
    case CMD_ACCEPT:
        return v->question == ASK_YES ? "apply" : NULL;
    case CMD_ENTER:
        return v->question == ASK_REASON ? "next" : "apply";
    case CMD_DROP:
    case CMD_FIRST_ONLY:
        return planned > 1 && !v->rest ? row->footer : NULL;
    case CMD_INCLUDE:
        return plan_count(v->plan, OUTCOME_SET_ASIDE) ? "include" : NULL;
    case CMD_FORCE:
        return v->plan->blocked ? "override" : NULL;
    case CMD_DIFF:
        return planned > 1 || (planned && has_words(v)) ? row->footer : NULL;
    case CMD_SAVE_PLAN:
        return planned ? row->footer : NULL;
    case CMD_BACK:
        return row->footer && !planned ? "leave" : row->footer;
    default:
        return row->footer;
    }
}

static bool is_busy(const struct view *view)
{
    const struct plan_view *v = (const struct plan_view *)view;
    return v->state != PLAN_READY && v->state != PLAN_RESULT;
}

static bool holds_refresh(const struct view *view)
{
    return ((const struct plan_view *)view)->state != PLAN_RESULT;
}

static void close_view(struct view *view)
{
    struct plan_view *v = (struct plan_view *)view;
    if (v->park)
        plan_park_forget(v->park);
    plan_free(v->plan);
    input_release(&v->input);
    arena_release(&v->lines.arena);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class plan_class = {
    .name = "plan",
    .scopes_now = scopes,
    .footer = footer,
    .overlay = true,
    .no_paste = true,
    .holds_refresh = holds_refresh,
    .title = title,
    .draw = draw,
    .drawn = drawn,
    .key = key,
    .command = command,
    .wake_ms = wake_ms,
    .is_busy = is_busy,
    .close = close_view,
};

bool view_is_plan(const struct view *view)
{
    return view->class == &plan_class;
}

struct plan_view *plan_view_open(struct app *app, struct session *session)
{
    struct plan_view *v = view_new(app, session, &plan_class, sizeof *v);
    v->cursor_item = v->diff_item = -1;
    app_push(app, &v->base);
    return v;
}

void view_plan_open(struct app *app, struct session *session, const struct want *want)
{
    struct plan_view *v = plan_view_open(app, session);
    v->source.want = want_copy(&v->arena, want);
    plan_view_make(v);
}

static void open_from(struct app *app, struct session *session, const struct plan_source *source)
{
    struct str ro = session_why_read_only(session);
    if (ro.ptr) {
        app_say(app, STYLE_WARN, "READ-ONLY: %.*s", STR_ARG(ro));
        return;
    }
    struct plan_view *v = plan_view_open(app, session);
    struct str entry = source->entry, record = source->record;
    v->source = *source;
    v->source.entry = entry.ptr ? arena_str(&v->arena, entry) : STR_NULL;
    v->source.record = record.ptr ? arena_str(&v->arena, record) : STR_NULL;
    v->source.reason = app_reason(app);
    plan_view_make(v);
}

void view_journal_plan_open(struct app *app, struct session *session, enum plan_from kind,
                            struct str entry)
{
    open_from(app, session, &(struct plan_source){.kind = kind, .entry = entry});
}

void view_restore_open(struct app *app, struct session *session, struct str entry,
                       struct str record, bool before)
{
    open_from(app, session,
              &(struct plan_source){
                  .kind = FROM_RESTORE, .entry = entry, .record = record, .before = before});
}

void view_undo_open(struct app *app, struct session *session, bool redo)
{
    view_journal_plan_open(app, session, redo ? FROM_REDO : FROM_UNDO, STR_NULL);
}
