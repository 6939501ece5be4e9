/* The action menu: what can be done to the chosen records, and what each entry would do. */
#include "tui/ask.h"
#include "tui/input.h"

#include "core/base/text.h"

#include <stdlib.h>

enum { FRAME = 2, FOOT = 5 }; /* rule, three lines of text, what a choice does */

struct menu_view {
    struct view base;
    struct arena arena;
    const struct want *want;
    const struct sheet *sheet;
    struct arena answer_arena;
    const struct menu_answer *answer; /* NULL: not known yet */
    struct err err;
    size_t cursor, n;
    bool touched; /* the cursor was moved */
    bool prompting;
    struct input input;
    const struct action *prompted;
};

static void title(const struct view *view, struct sbuf *out)
{
    const struct menu_view *v = (const struct menu_view *)view;
    if (v->want->n == 1)
        sbuf_printf(out, "act on %.*s", STR_ARG(v->want->records[0].label));
    else
        sbuf_printf(out, "act on %zu", v->want->n);
}

static struct str box_title(const struct menu_view *v, struct arena *a)
{
    const struct system *system = v->base.session->system;
    struct str name = v->want->records[0].label, value;
    if (v->want->n == 1 && op_arg(&v->want->records[0].args, "name", 0, &value))
        name = arena_printf(a, "%.*s %.*s", STR_ARG(name), STR_ARG(value));
    if (v->want->n == 1)
        return name;
    size_t nhidden = want_hidden(v->want);
    struct str hidden = nhidden ? arena_printf(a, ", %zu hidden by filter", nhidden) : STR("");
    bool sheet = v->sheet != system->sheets;
    return arena_printf(a, "%zu %s%.*s", v->want->n, sheet ? v->sheet->title : system->records,
                        STR_ARG(hidden));
}

static void draw_entry(const struct menu_view *v, struct canvas *canvas, struct rect r, size_t i,
                       int label_width, bool read_only)
{
    const struct action *action = &v->base.session->system->actions[i];
    const struct menu_entry *entry = v->answer ? &v->answer->entries[i] : NULL;
    bool known = entry != NULL, off = read_only || (known && !entry->possible);
    int x = r.x + 2;
    if (i == v->cursor)
        canvas_put(canvas, r.y, r.x, 1, STYLE_STRONG, STR("▸"));
    canvas_printf(canvas, r.y, x, 1, off ? STYLE_DIM : STYLE_KEY, "%c", action->key);
    canvas_put(canvas, r.y, x + 3, label_width, off ? STYLE_DIM : STYLE_STRONG,
               action_name(action));
    x += 3 + label_width + 2;
    enum style style = !known || off                  ? STYLE_DIM
                       : entry->level == LEVEL_DANGER ? STYLE_BAD
                       : entry->level == LEVEL_WARN   ? STYLE_WARN
                                                      : STYLE_TEXT;
    struct str text = !known ? STR("·") : entry->text;
    if (read_only)
        text = arena_printf(&canvas->scratch, "READ-ONLY: %.*s", STR_ARG(text));
    else if (off)
        text = arena_printf(&canvas->scratch, "not possible: %.*s", STR_ARG(entry->text));
    canvas_put(canvas, r.y, x, r.x + r.w - x, style, text);
    if (i == v->cursor)
        canvas_restyle(canvas, (struct rect){r.y, r.x + 1, 1, r.w - 1}, STYLE_HERE);
}

/* What is asked for, and below it the line. */
static void draw_prompt(struct menu_view *v, struct canvas *canvas, struct rect r)
{
    canvas_printf(canvas, r.y, r.x, r.w, STYLE_TEXT, "%s: %s%s", v->prompted->prompt,
                  action_prompt_help(v->base.session->system, v->prompted),
                  input_text(&v->input).len ? "   ^U empties the line" : "");
    input_draw(&v->input, canvas, r.y + 1, r.x, r.w, STR("> "));
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct menu_view *v = (struct menu_view *)view;
    const struct action *actions = view->session->system->actions;
    struct arena *a = &canvas->scratch;
    int label_width = 0, w = r.w - 2;
    for (size_t i = 0; i < v->n; i++) {
        int width = text_width(action_name(&actions[i]));
        label_width = width > label_width ? width : label_width;
    }
    label_width = label_width > w * 2 / 5 ? w * 2 / 5 : label_width;
    int h = (int)v->n + FRAME + FOOT;
    h = h > r.h ? r.h : h;
    struct rect box = {r.y + (r.h - h) / 2, r.x + 1, h, r.w - 2};
    struct str ro = session_why_read_only(view->session);
    struct rect in =
        canvas_box(canvas, box, box_title(v, a),
                   arena_printf(a, "%s %.*s", environment_tag(view->session->target.env),
                                STR_ARG(session_short_name(view->session, a, box.w / 2))));
    int rows = in.h - FOOT;
    size_t top = v->cursor >= (size_t)rows && rows > 0 ? v->cursor - (size_t)rows + 1 : 0;
    for (int i = 0; i < rows && top + (size_t)i < v->n; i++)
        draw_entry(v, canvas, (struct rect){in.y + i, in.x, 1, in.w}, top + (size_t)i, label_width,
                   ro.ptr != NULL);
    int y = in.y + in.h - FOOT;
    canvas_hline(canvas, y, in.x, in.w, STYLE_FRAME);
    if (v->prompting)
        draw_prompt(v, canvas, (struct rect){y + 1, in.x, FOOT - 2, in.w});
    else if (v->err.kind != ERR_NONE)
        canvas_put_folded(canvas, (struct rect){y + 1, in.x, FOOT - 2, in.w}, STYLE_BAD,
                          str_of(v->err.text));
    else if (v->cursor < v->n) /* whole: its line in the list is cut */
        canvas_put_folded(
            canvas, (struct rect){y + 1, in.x, FOOT - 2, in.w}, STYLE_DIM,
            arena_printf(a, "%s.  %.*s", actions[v->cursor].label,
                         STR_ARG(v->answer ? v->answer->entries[v->cursor].text : STR(""))));
    if (ro.ptr)
        canvas_printf(canvas, y + FOOT - 1, in.x, in.w, STYLE_WARN, "READ-ONLY: %.*s", STR_ARG(ro));
    else
        canvas_put(canvas, y + FOOT - 1, in.x, in.w, STYLE_DIM,
                   STR("nothing is written yet: each choice makes a plan first"));
}

static void make_plan(struct menu_view *v, const struct action *action, struct str answer)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct arena a = ARENA_INIT;
    struct want *want = want_copy(&a, v->want);
    want->action = action;
    want->answer = answer.ptr ? arena_str(&a, answer) : STR_NULL;
    want->reason = app_reason(app);
    app_pop(app, &v->base);
    view_plan_open(app, session, want);
    arena_release(&a);
}

static void choose(struct menu_view *v, size_t i)
{
    struct app *app = v->base.app;
    const struct action *action = &v->base.session->system->actions[i];
    const struct menu_entry *entry = v->answer ? &v->answer->entries[i] : NULL;
    struct str ro = session_why_read_only(v->base.session);
    v->cursor = i;
    if (ro.ptr)
        app_say(app, STYLE_WARN, "%.*s: READ-ONLY: %.*s", STR_ARG(action_name(action)),
                STR_ARG(ro));
    else if (action->per && !str_is(str_of(action->per), v->sheet->name))
        app_say(app, STYLE_WARN, "%.*s: choose one of the %s first (Esc, then H)",
                STR_ARG(action_name(action)), action->per);
    else if (entry && !entry->possible)
        app_say(app, STYLE_WARN, "%.*s: %.*s", STR_ARG(action_name(action)), STR_ARG(entry->text));
    else if (action->prompt) {
        v->prompting = true;
        v->prompted = action;
        input_set(&v->input, entry && entry->present.ptr ? entry->present : STR(""));
    } else
        make_plan(v, action, STR_NULL);
}

static bool key(struct view *view, const struct key *key)
{
    struct menu_view *v = (struct menu_view *)view;
    const struct action *actions = view->session->system->actions;
    if (v->prompting) {
        enum input_result result = input_key(&v->input, key, false);
        if (result == INPUT_LEFT)
            v->prompting = false;
        if (result == INPUT_DONE && input_text(&v->input).len)
            make_plan(v, v->prompted, input_text(&v->input));
        return true;
    }
    for (size_t i = 0; i < v->n; i++) {
        if (key->code == (unsigned char)actions[i].key) {
            choose(v, i);
            return true;
        }
    }
    return false;
}

static bool command(struct view *view, enum command command)
{
    struct menu_view *v = (struct menu_view *)view;
    v->touched = true;
    switch (command) {
    case CMD_UP:
        v->cursor -= v->cursor > 0;
        return true;
    case CMD_DOWN:
        v->cursor += v->cursor + 1 < v->n;
        return true;
    case CMD_ENTER:
        if (v->cursor < v->n)
            choose(v, v->cursor);
        return true;
    default:
        return false;
    }
}

static void answer_done(struct job *job, void *owner)
{
    struct menu_view *v = owner;
    v->base.app->dirty = true;
    session_note_answer(v->base.session, job);
    v->err = job->err;
    if (!job->ok)
        return;
    v->answer = menu_answer(job);
    v->answer_arena = job->arena;
    job->arena = (struct arena)ARENA_INIT;
    while (!v->touched && v->cursor + 1 < v->n && !v->answer->entries[v->cursor].possible)
        v->cursor++;
    if (!v->touched && !v->answer->entries[v->cursor].possible)
        v->cursor = 0;
}

static unsigned scopes(const struct view *view)
{
    return ((const struct menu_view *)view)->prompting ? SCOPE_TYPED : view->class->scopes;
}

static bool is_busy(const struct view *view)
{
    const struct menu_view *v = (const struct menu_view *)view;
    return !v->answer && v->err.kind == ERR_NONE;
}

static void close_view(struct view *view)
{
    struct menu_view *v = (struct menu_view *)view;
    input_release(&v->input);
    arena_release(&v->answer_arena);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class menu_class = {
    .name = "menu",
    .scopes = SCOPE_MENU,
    .scopes_now = scopes,
    .overlay = true,
    .title = title,
    .draw = draw,
    .key = key,
    .command = command,
    .is_busy = is_busy,
    .close = close_view,
};

void view_menu_open(struct app *app, struct session *session, const struct sheet *sheet,
                    const struct want *want)
{
    const struct action *actions = session->system->actions;
    if (!actions || !actions[0].key) {
        app_say(app, STYLE_MESSAGE, "%s can be looked at here, not changed yet",
                session->system->records);
        return;
    }
    struct menu_view *v = view_new(app, session, &menu_class, sizeof *v);
    v->want = want_copy(&v->arena, want);
    v->sheet = sheet;
    while (actions[v->n].key)
        v->n++;
    app_push(app, &v->base);
    ask_menu(&v->base, sheet, v->want, answer_done);
}
