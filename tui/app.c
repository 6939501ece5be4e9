/* The program around the views: stack, keys, targets, sessions. */
#include "core/audit.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tui/follow.h"
#include "tui/plan_park.h"
#include "tui/probe.h"
#include "tui/view_palette.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

enum {
    REFRESH_MS = 5000,
    QUIT_WAIT_MS = 200,
    COPY_MAX = 64 << 10,
    FOLLOW_FIRST_MS = 5000, /* an edit beside a live writer is read again */
    FOLLOW_LAST_MS = 60000,
    WHEEL_LINES = 3,
    MESSAGE_MIN_MS = 1000, /* a key takes a message away once it could be seen */
};

/* --- beginning and end ---------------------------------------------------------------------- */

struct app *app_new(const struct tui_opts *opts)
{
    struct app *app = xcalloc(1, sizeof *app);
    app->opts = *opts;
    app->dirty = true;
    app->follow_ms[0] = FOLLOW_FIRST_MS;
    app->follow_ms[1] = FOLLOW_LAST_MS;
    audit_who(app->who);
    app->filters = keyset_new();
    app->said = keyset_new();
    probes_start(app);
    view_overview_open(app);
    if (opts->notice)
        app_say(app, STYLE_WARN, "%s", opts->notice);
    return app;
}

static void close_view(struct app *app, struct view *view)
{
    for (struct session *s = app->sessions; s; s = s->next)
        worker_forget(s->worker, view);
    if (app->indexer)
        worker_forget(app->indexer, view);
    view->class->close(view);
}

static void close_left(struct app *app)
{
    if (app->left)
        close_view(app, app->left);
    app->left = NULL;
}

static void close_replaced(struct app *app)
{
    while (app->replaced) {
        struct view *view = app->replaced;
        app->replaced = view->below;
        close_view(app, view);
    }
}

bool app_free(struct app *app)
{
    bool all = true;
    while (app->top)
        app_pop(app, app->top);
    close_left(app);
    close_replaced(app);
    int64_t wait_ms = app->opts.quit_wait_ms ? app->opts.quit_wait_ms : QUIT_WAIT_MS;
    while (app->sessions) {
        struct session *session = app->sessions;
        app->sessions = session->next;
        all = session_close(session, wait_ms) && all;
    }
    all = probes_stop(app, wait_ms) && all;
    if (app->indexer)
        all = worker_stop(app->indexer, wait_ms) && all;
    if (!all)
        return false;
    keyset_free(app->filters);
    keyset_free(app->said);
    probes_free(app);
    plan_park_free(app);
    follow_free(app);
    sbuf_release(&app->reason);
    sbuf_release(&app->clipboard);
    sbuf_release(&app->message);
    messages_release(&app->messages);
    free(app);
    return true;
}

/* --- the stack ------------------------------------------------------------------------------ */

void *view_new(struct app *app, struct session *session, const struct view_class *class,
               size_t size)
{
    struct view *view = xcalloc(1, size);
    view->class = class;
    view->app = app;
    view->session = session;
    return view;
}

void app_push(struct app *app, struct view *view)
{
    view->below = app->top;
    app->top = view;
    app->dirty = true;
}

void app_replace_first(struct app *app, struct view *view)
{
    struct view **at = &app->top;
    while ((*at)->below)
        at = &(*at)->below;
    struct view *first = *at;
    *at = view;
    first->below = app->replaced;
    app->replaced = first;
    app->dirty = true;
}

static void close_top(struct app *app)
{
    struct view *view = app->top;
    app->top = view->below;
    close_view(app, view);
}

/* One step back. A view that is no dialog stays open behind the scenes until another one is left.
 */
static void leave(struct app *app)
{
    struct view *view = app->top;
    if (view->class->overlay || view->class->is_of_it || view->class->holds_refresh) {
        app_pop(app, view);
        return;
    }
    app->top = view->below;
    close_left(app);
    app->left = view;
    app->dirty = true;
}

static void to_last_view(struct app *app)
{
    struct view *view = app->left;
    if (!view && !app->top->below) {
        app_say(app, STYLE_MESSAGE, "no view was left yet");
        return;
    }
    if (!view) {
        leave(app);
        return;
    }
    app->left = NULL;
    app_push(app, view);
    if (view->class->rows_changed)
        view->class->rows_changed(view, NULL);
}

void app_pop(struct app *app, struct view *view)
{
    while (app->top && app->top != view)
        close_top(app);
    if (app->top)
        close_top(app);
    app->dirty = true;
}

static bool holds_refresh(const struct view *view)
{
    return view->class->holds_refresh && view->class->holds_refresh(view);
}

bool app_return(struct app *app, struct view *view)
{
    for (const struct view *v = app->top; v != view; v = v->below) {
        if (holds_refresh(v))
            return false;
    }
    while (app->top != view)
        close_top(app);
    app->dirty = true;
    return true;
}

unsigned view_scopes(const struct view *view)
{
    const struct view_class *class = view->class;
    unsigned scopes = class->scopes_now ? class->scopes_now(view) : class->scopes;
    if (scopes & (SCOPE_TYPED | SCOPE_CHOICE))
        return scopes;
    return scopes | SCOPE_ANY | (view->below ? 0 : SCOPE_FIRST);
}

bool app_is_top(const struct app *app, const struct view *view)
{
    return app->top == view;
}

struct job *view_job(struct view *view)
{
    return job_new(view->app->opts.timeout_ms, view);
}

/* --- messages and time ---------------------------------------------------------------------- */

void app_say(struct app *app, enum style style, const char *fmt, ...)
{
    struct arena a = ARENA_INIT;
    va_list ap;
    va_start(ap, fmt);
    struct str text = arena_vprintf(&a, fmt, ap);
    va_end(ap);
    app->message.len = 0;
    sbuf_str(&app->message, text);
    messages_add(&app->messages, style, app_now_us(app), text);
    arena_release(&a);
    app->message_style = style;
    app->message_at_ms = app_now_ms(app);
    app->dirty = true;
}

void app_say_err(struct app *app, const struct err *err)
{
    if (err->hint[0])
        app_say(app, STYLE_BAD, "%s. %s", err->text, err->hint);
    else
        app_say(app, STYLE_BAD, "%s", err->text);
}

void app_set_reason(struct app *app, struct str reason)
{
    app->reason.len = 0;
    sbuf_str(&app->reason, str_trim(reason));
    app->dirty = true;
}

struct str app_reason(const struct app *app)
{
    return app->reason.len ? (struct str){app->reason.ptr, app->reason.len} : STR_NULL;
}

void app_copy(struct app *app, struct str text)
{
    if (text.len > COPY_MAX) {
        app_say(app, STYLE_WARN, "%zu bytes are too many for the clipboard of a terminal",
                text.len);
        return;
    }
    app->clipboard.len = 0;
    sbuf_str(&app->clipboard, text);
    app_say(app, STYLE_MESSAGE, "copied, if the terminal takes it: %.*s", STR_ARG(text));
}

int64_t app_now_us(const struct app *app)
{
    return app->fixed_now_us ? app->fixed_now_us : clock_now_us();
}

int64_t app_now_ms(const struct app *app)
{
    return app->fixed_now_us ? app->fixed_now_us / 1000 : clock_monotonic_ms();
}

int64_t app_shown_us(const struct app *app)
{
    return app->paused ? app->paused_us : app_now_us(app);
}

int64_t app_shown_ms(const struct app *app)
{
    return app_now_ms(app) - (app_now_us(app) - app_shown_us(app)) / 1000;
}

int64_t app_refresh_ms(const struct app *app)
{
    return app->opts.refresh_ms ? app->opts.refresh_ms : REFRESH_MS;
}

void app_rows_changed(struct app *app, struct session *session, struct rows *old)
{
    for (struct view *view = app->top; view; view = view->below) {
        if (view->class->rows_changed && (!view->session || view->session == session))
            view->class->rows_changed(view, old);
    }
    app->dirty = true;
}

bool app_read_visible(struct app *app, struct session *session, bool now)
{
    for (struct view *view = app->top; view; view = view->below) {
        if (view->session == session && view->class->read_visible)
            return view->class->read_visible(view, now);
    }
    return false;
}

/* --- what happens --------------------------------------------------------------------------- */

static void cancel_running(struct app *app)
{
    struct view *view = app->top;
    bool busy = view->class->is_busy && view->class->is_busy(view);
    bool reads = view->session &&
                 (view->session->loading || session_waits(view->session, clock_monotonic_ms()));
    if (!busy && !reads) {
        app_say(app, STYLE_MESSAGE, "nothing is running here; q goes back and at the top quits");
        return;
    }
    if (reads)
        session_stop(view->session);
    for (struct session *s = app->sessions; s; s = s->next)
        worker_cancel(s->worker, view);
    app_say(app, STYLE_WARN,
            "cancelled what was being read; ^R reads again, q goes back and at the top quits");
}

static void common_command(struct app *app, enum command command)
{
    struct view *view = app->top;
    switch (command) {
    case CMD_BACK:
        if (view->below)
            leave(app);
        else
            app_say(app, STYLE_MESSAGE, "this is the first screen; q quits");
        break;
    case CMD_QUIT:
        if (view->below)
            leave(app);
        else if (plan_park_may_quit(app))
            app->quit = true;
        break;
    case CMD_LAST_VIEW:
        to_last_view(app);
        break;
    case CMD_CANCEL:
        cancel_running(app);
        break;
    case CMD_HELP:
        view_help_open(app, view_scopes(view));
        break;
    case CMD_REFRESH:
        for (struct session *s = app->sessions; s; s = s->next) {
            if (!view->session || view->session == s)
                session_load(s);
        }
        app_say(app, STYLE_MESSAGE, "reading again");
        break;
    case CMD_PAUSE:
        app->paused = !app->paused;
        app->paused_us = app_now_us(app);
        for (struct session *s = app->sessions; s && app->paused; s = s->next) {
            s->unasked = true; /* what was asked for before is not wanted any more */
            s->again = false;
        }
        app_say(app, STYLE_MESSAGE,
                app->paused ? "paused: nothing changes here until P or ^R" : "refreshing again");
        break;
    case CMD_PALETTE:
        view_palette_open(app);
        break;
    case CMD_OVERVIEW:
        view_overview_open(app);
        break;
    case CMD_LOCKS:
        view_table_open(app, &locks_table, STR(""));
        break;
    case CMD_JOURNAL:
        view_table_open(app, &journal_table, STR(""));
        break;
    case CMD_AUDIT:
        view_table_open(app, &audit_table, STR(""));
        break;
    case CMD_REDRAW:
    case CMD_SUSPEND:
        app->terminal_command = command;
        break;
    default:
        break;
    }
}

static void take_message_away(struct app *app)
{
    if (app->message.len && app_now_ms(app) - app->message_at_ms >= MESSAGE_MIN_MS)
        app->message.len = 0;
}

/* The wheel is some arrow keys; a click is for views that know what lies where. */
static void mouse(struct app *app, const struct key *key)
{
    struct view *view = app->top;
    struct key arrow = {.code = key->mouse.action == MOUSE_WHEEL_UP ? K_UP : K_DOWN};
    if (key->mouse.action == MOUSE_CLICK) {
        if (view->class->click)
            view->class->click(view, key->mouse.y, key->mouse.x);
        return;
    }
    if (view_scopes(view) & SCOPE_TYPED)
        return; /* arrows mean something else where a line is typed */
    for (int i = 0; i < WHEEL_LINES && app->top == view; i++)
        app_key(app, &arrow);
}

static void say_no_meaning(struct app *app, const struct key *key)
{
    char name[16];
    const char *text = key_text(key->code, name);
    if (*text && !(view_scopes(app->top) & SCOPE_TYPED))
        app_say(app, STYLE_MESSAGE, "%s does nothing here; ? lists the keys that do", text);
}

void app_key(struct app *app, const struct key *key)
{
    struct view *view = app->top;
    app->dirty = true;
    if (key->code == K_RESIZE)
        return;
    take_message_away(app);
    if (key->code == K_MOUSE) {
        mouse(app, key);
        return;
    }
    if (key->code == K_PASTE && (view->class->no_paste || !view->class->key)) {
        app_say(app, STYLE_WARN, "a paste was ignored: keys are not taken from a paste");
        return;
    }
    bool taken = view->class->key && view->class->key(view, key);
    if (!taken) {
        enum command command = keymap_find(view_scopes(view), key->code);
        if (command == CMD_NONE)
            say_no_meaning(app, key);
        else if (!(view->class->command && view->class->command(view, command)))
            common_command(app, command);
    }
    app->key_at_ms = clock_monotonic_ms();
}

void app_collect(struct app *app)
{
    probes_collect(app);
    for (struct session *s = app->sessions; s; s = s->next)
        worker_collect(s->worker);
    if (app->indexer)
        worker_collect(app->indexer);
}

struct worker *app_indexer(struct app *app)
{
    struct err err;
    if (!app->indexer && !worker_start(NULL, NULL, NULL, &app->indexer, &err)) {
        app_say_err(app, &err);
        return NULL;
    }
    return app->indexer;
}

size_t app_fds(const struct app *app, int *ret, size_t max)
{
    size_t n = probes_fds(app, ret, max);
    for (const struct session *s = app->sessions; s && n < max; s = s->next)
        ret[n++] = worker_fd(s->worker);
    if (app->indexer && n < max)
        ret[n++] = worker_fd(app->indexer);
    return n;
}

bool app_idle(const struct app *app)
{
    bool idle = app->probing == 0 && app->indexing == 0 && !app->declining && !follow_is_busy(app);
    for (const struct session *s = app->sessions; s; s = s->next)
        idle = idle && !s->loading && !s->refreshing && !s->valuing;
    for (const struct view *view = app->top; view; view = view->below)
        idle = idle && !(view->class->is_busy && view->class->is_busy(view));
    return idle;
}

/* What was made writable is read-only again when nobody is there. */
static void end_writing(struct app *app, int64_t now_ms)
{
    bool at_work = app->top->class->is_busy && app->top->class->is_busy(app->top);
    if (at_work || now_ms - app->key_at_ms < app->opts.write_idle_ms)
        return;
    for (struct session *s = app->sessions; s; s = s->next) {
        if (!s->lifted)
            continue;
        session_set_writable(s, false);
        app_say(app, STYLE_WARN, "%.*s is read-only again", STR_ARG(s->name));
    }
}

int64_t app_tick(struct app *app)
{
    int64_t now = clock_monotonic_ms(), next = now + 1000; /* the age in the header */
    end_writing(app, now);
    for (struct session *s = app->sessions; s; s = s->next) {
        int64_t due = session_tick(s, now, app->paused || holds_refresh(app->top));
        next = due < next ? due : next;
    }
    for (const struct view *view = app->top; view; view = view->below) {
        int64_t due = view->class->wake_ms ? view->class->wake_ms(view, now) : INT64_MAX;
        if (due <= now)
            app->dirty = true;
        else
            next = due < next ? due : next;
    }
    if (app->quit_by_ms && (!app->declining || now >= app->quit_by_ms))
        app->quit = true;
    else if (app->quit_by_ms && app->quit_by_ms < next)
        next = app->quit_by_ms;
    int64_t follow = follow_tick(app, now);
    next = follow < next ? follow : next;
    if (now - app->drawn_at_ms >= 1000)
        app->dirty = true;
    return next > now ? next : now;
}
