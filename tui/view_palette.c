/* The palette: a line, and below it what it could mean. */
#include "tui/view_palette.h"

#include "tui/input.h"

#include <stdlib.h>

enum { SHOWN = 12 };

struct palette_view {
    struct view base;
    struct input input;
    struct arena arena; /* of the entries */
    struct palette_entry *entries;
    size_t n, cursor, recent; /* recent: in app->lines, counted from the newest, while Up goes */
    bool chosen;              /* the cursor was moved: Enter means its row */
};

static void title(const struct view *view, struct sbuf *out)
{
    (void)view;
    sbuf_cstr(out, ":");
}

static void match(struct palette_view *v)
{
    arena_release(&v->arena);
    v->arena = (struct arena)ARENA_INIT;
    v->n = palette_match(v->base.app, input_text(&v->input), &v->arena, &v->entries);
    v->cursor = 0;
    v->chosen = false;
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct palette_view *v = (struct palette_view *)view;
    int rows = (int)(v->n < SHOWN ? v->n : SHOWN);
    int h = rows + 4 > r.h ? r.h : rows + 4;
    struct rect in = canvas_box(canvas, (struct rect){r.y + r.h - h, r.x + 1, h, r.w - 2},
                                STR("go to, or do"), STR("Enter does  Tab completes  Esc leaves"));
    rows = in.h - 1;
    size_t top = v->cursor >= (size_t)rows && rows > 0 ? v->cursor - (size_t)rows + 1 : 0;
    for (int i = 0; i < rows && top + (size_t)i < v->n; i++) {
        const struct palette_entry *e = &v->entries[top + (size_t)i];
        bool here = top + (size_t)i == v->cursor;
        int x =
            in.x + canvas_put(canvas, in.y + i, in.x, 2, STYLE_TEXT, here ? STR("▸ ") : STR("  "));
        enum style style = e->why_not.ptr ? STYLE_DIM : STYLE_TEXT;
        x += canvas_put(canvas, in.y + i, x, in.x + in.w - x, style, e->help);
        if (e->why_not.ptr && x + 4 < in.x + in.w)
            canvas_printf(canvas, in.y + i, x + 2, in.x + in.w - x - 2, STYLE_WARN,
                          "not possible: %.*s", STR_ARG(e->why_not));
        if (here)
            canvas_restyle(canvas, (struct rect){in.y + i, in.x, 1, in.w}, STYLE_HERE);
    }
    if (!v->n)
        canvas_put(canvas, in.y, in.x + 2, in.w - 2, STYLE_DIM,
                   STR("nothing is called so; Enter says what is near"));
    input_draw(&v->input, canvas, in.y + in.h - 1, in.x, in.w, STR(":"));
}

static void run(struct palette_view *v)
{
    struct app *app = v->base.app;
    struct arena a = ARENA_INIT;
    struct str typed = str_trim(input_text(&v->input));
    const struct palette_entry *e = v->n ? &v->entries[v->cursor] : NULL;
    bool whole = str_index(typed, ' ') >= 0 && !v->chosen;
    bool exact = e && e->rank <= 1;
    if (e && e->needs_argument && !whole && (v->chosen || exact) && !str_eq(typed, e->text)) {
        input_set(&v->input, arena_printf(&a, "%.*s ", STR_ARG(e->text)));
        match(v);
    } else {
        bool means_entry = e && !whole && (v->chosen || e->rank < 3);
        struct str line = arena_str(&a, means_entry ? e->text : typed);
        keyset_put(app->said, line, false);
        keyset_put(app->said, line, true);
        app_pop(app, &v->base);
        if (line.len)
            palette_run(app, line);
    }
    arena_release(&a);
}

static void move(struct palette_view *v, int step)
{
    struct keyset *said = v->base.app->said;
    size_t n = keyset_count(said);
    bool empty = !input_text(&v->input).len || v->recent;
    if (empty && step < 0 && v->cursor == 0 && v->recent < n) { /* what was said before */
        v->recent++;
        input_set(&v->input, keyset_at(said, n - v->recent));
        match(v);
        return;
    }
    if (step > 0 && v->cursor + 1 < v->n)
        v->cursor++;
    else if (step < 0 && v->cursor > 0)
        v->cursor--;
    v->chosen = true;
}

static void complete(struct palette_view *v)
{
    struct arena a = ARENA_INIT;
    if (v->n && str_index(v->entries[v->cursor].text, '\n') < 0) {
        const struct palette_entry *e = &v->entries[v->cursor];
        input_set(&v->input,
                  arena_printf(&a, "%.*s%s", STR_ARG(e->text), e->needs_argument ? " " : ""));
        match(v);
    }
    arena_release(&a);
}

static bool key(struct view *view, const struct key *key)
{
    struct palette_view *v = (struct palette_view *)view;
    switch (key->code) {
    case K_UP:
        move(v, -1);
        return true;
    case K_DOWN:
        move(v, 1);
        return true;
    case K_TAB:
        complete(v);
        return true;
    case K_BACKSPACE:
        if (!input_text(&v->input).len) {
            app_pop(view->app, view);
            return true;
        }
        break;
    default:
        break;
    }
    switch (input_key(&v->input, key, false)) {
    case INPUT_CHANGED:
        v->recent = 0;
        match(v);
        return true;
    case INPUT_DONE:
        run(v);
        return true;
    case INPUT_LEFT:
        app_pop(view->app, view);
        return true;
    case INPUT_MOVED:
        return true;
    case INPUT_NOT_MINE:
        break;
    }
    return key->code != K_CTRL('l') && key->code != K_CTRL('z');
}

static void close_view(struct view *view)
{
    struct palette_view *v = (struct palette_view *)view;
    input_release(&v->input);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class palette_class = {
    .name = "palette",
    .scopes = SCOPE_TYPED,
    .overlay = true,
    .title = title,
    .draw = draw,
    .key = key,
    .close = close_view,
};

void view_palette_open(struct app *app)
{
    /* Of the view below, so that a command knows what store is meant. */
    struct palette_view *v = view_new(app, app->top->session, &palette_class, sizeof *v);
    app_push(app, &v->base);
    match(v);
}
