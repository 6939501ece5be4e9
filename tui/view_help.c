/* The keys valid where it was asked: a list that can be narrowed, and from which one is pressed. */
#include "core/base/text.h"
#include "tui/input.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_WIDTH = 14, FOOT = 3 };

struct help_entry {
    const struct key_row *row;
    const char *keys, *help;
    bool off; /* not available, and `help` says why */
};

struct help_view {
    struct view base;
    struct arena arena;
    struct help_entry *entries;
    size_t n;
    size_t *shown, nshown; /* those that the filter lets through */
    size_t cursor, top;    /* lines of `shown` */
    int page;
    bool typing;
    struct input filter;
};

static void title(const struct view *view, struct sbuf *out)
{
    const struct help_view *v = (const struct help_view *)view;
    struct str filter = {v->filter.text.ptr, v->filter.text.len};
    sbuf_cstr(out, "keys");
    if (!app_is_top(view->app, view))
        return;
    if (filter.len)
        sbuf_printf(out, "  %zu of %zu [%.*s]", v->nshown, v->n, STR_ARG(filter));
    else
        sbuf_printf(out, "  %zu", v->n);
}

static void apply_filter(struct help_view *v)
{
    struct arena a = ARENA_INIT;
    const char *words = arena_cstr(&a, input_text(&v->filter));
    v->nshown = v->cursor = v->top = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (strcasestr(v->entries[i].help, words) || strcasestr(v->entries[i].keys, words))
            v->shown[v->nshown++] = i;
    }
    arena_release(&a);
}

static int help_width(struct rect r)
{
    return r.w - 4 - KEYS_WIDTH - 1;
}

static int entry_height(const struct help_entry *entry, int width)
{
    struct str rest = str_of(entry->help);
    int h = 0;
    for (; rest.len; h++)
        rest = str_sub(rest, canvas_fold(rest, width), rest.len);
    return h ? h : 1;
}

/* The cursor's entry is on the screen, whole. */
static void scroll_to_cursor(struct help_view *v, struct rect r)
{
    if (v->cursor < v->top)
        v->top = v->cursor;
    int used = 0;
    for (size_t i = v->cursor + 1; i-- > v->top;) {
        used += entry_height(&v->entries[v->shown[i]], help_width(r));
        if (used > r.h) {
            v->top = i + 1;
            break;
        }
    }
}

static void draw_entries(struct help_view *v, struct canvas *canvas, struct rect r)
{
    int y = r.y, x = r.x + 3 + KEYS_WIDTH;
    scroll_to_cursor(v, r);
    v->page = 0;
    for (size_t i = v->top; i < v->nshown && y < r.y + r.h; i++, v->page++) {
        const struct help_entry *entry = &v->entries[v->shown[i]];
        int h = entry_height(entry, help_width(r));
        h = h > r.y + r.h - y ? r.y + r.h - y : h;
        canvas_put(canvas, y, r.x + 3, KEYS_WIDTH - 1, entry->off ? STYLE_DIM : STYLE_KEY,
                   str_of(entry->keys));
        canvas_put_folded(canvas, (struct rect){y, x, h, help_width(r)},
                          entry->off ? STYLE_DIM : STYLE_TEXT, str_of(entry->help));
        if (i == v->cursor) {
            canvas_put(canvas, y, r.x + 1, 1, STYLE_STRONG, STR("▸"));
            canvas_restyle(canvas, (struct rect){y, r.x + 2, h, r.w - 3}, STYLE_HERE);
        }
        y += h;
    }
    if (!v->nshown)
        canvas_put(canvas, r.y, r.x + 3, r.w - 4, STYLE_DIM,
                   STR("no key here does anything of that name; Esc clears the filter"));
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct help_view *v = (struct help_view *)view;
    int foot = r.h > 2 * FOOT ? FOOT : 0;
    draw_entries(v, canvas, (struct rect){r.y, r.x, r.h - foot - v->typing, r.w});
    if (foot)
        canvas_put_folded(
            canvas, (struct rect){r.y + r.h - foot + 1 - v->typing, r.x + 1, foot - 1, r.w - 2},
            STYLE_DIM,
            STR("No bare letter changes data: x shows what can be done, each choice "
                "makes a plan, and a plan asks before anything is written."));
    if (v->typing)
        input_draw(&v->filter, canvas, r.y + r.h - 1, r.x + 1, r.w - 2, STR("/"));
}

static void move(struct help_view *v, ptrdiff_t by)
{
    ptrdiff_t to = (ptrdiff_t)v->cursor + by, last = (ptrdiff_t)v->nshown - 1;
    to = to > last ? last : to;
    v->cursor = to < 0 ? 0 : (size_t)to;
}

/* As if the key had been pressed in the view below. */
static void press(struct help_view *v)
{
    struct app *app = v->base.app;
    if (v->cursor >= v->nshown)
        return;
    const struct help_entry *entry = &v->entries[v->shown[v->cursor]];
    if (entry->off) {
        app_say(app, STYLE_WARN, "%s: %s", entry->keys, entry->help);
        return;
    }
    struct key key = {.code = entry->row->key};
    app_pop(app, &v->base);
    app_key(app, &key);
}

static bool key(struct view *view, const struct key *key)
{
    struct help_view *v = (struct help_view *)view;
    if (!v->typing)
        return false;
    switch (input_key(&v->filter, key, false)) {
    case INPUT_CHANGED:
        apply_filter(v);
        return true;
    case INPUT_DONE:
    case INPUT_LEFT:
        v->typing = false;
        return true;
    case INPUT_MOVED:
        return true;
    case INPUT_NOT_MINE:
        move(v, key->code == K_DOWN ? 1 : key->code == K_UP ? -1 : 0);
        break;
    }
    return key->code != K_CTRL('l') && key->code != K_CTRL('z');
}

static bool command(struct view *view, enum command command)
{
    struct help_view *v = (struct help_view *)view;
    ptrdiff_t page = v->page > 1 ? v->page - 1 : 1;
    switch (command) {
    case CMD_UP:
        move(v, -1);
        return true;
    case CMD_DOWN:
        move(v, 1);
        return true;
    case CMD_PAGE_UP:
        move(v, -page);
        return true;
    case CMD_PAGE_DOWN:
        move(v, page);
        return true;
    case CMD_HALF_UP:
        move(v, -(page + 1) / 2);
        return true;
    case CMD_HALF_DOWN:
        move(v, (page + 1) / 2);
        return true;
    case CMD_FIRST:
        move(v, -(ptrdiff_t)v->n);
        return true;
    case CMD_LAST:
        move(v, (ptrdiff_t)v->n);
        return true;
    case CMD_FILTER:
        v->typing = true;
        return true;
    case CMD_ENTER:
        press(v);
        return true;
    case CMD_BACK:
        if (!v->filter.text.len)
            return false;
        input_set(&v->filter, STR(""));
        apply_filter(v);
        return true;
    case CMD_HELP:
        app_pop(view->app, view);
        return true;
    default:
        return false;
    }
}

static unsigned scopes(const struct view *view)
{
    return ((const struct help_view *)view)->typing ? SCOPE_TYPED : view->class->scopes;
}

static void close_view(struct view *view)
{
    struct help_view *v = (struct help_view *)view;
    input_release(&v->filter);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class help_class = {
    .name = "help",
    .scopes = SCOPE_HELP | SCOPE_SCROLL,
    .scopes_now = scopes,
    .title = title,
    .draw = draw,
    .key = key,
    .command = command,
    .close = close_view,
};

void view_help_open(struct app *app, unsigned scopes)
{
    struct session *session = app->top->session;
    struct str read_only = session ? session_why_read_only(session) : STR_NULL;
    struct help_view *v = view_new(app, session, &help_class, sizeof *v);
    v->entries = arena_array(&v->arena, struct help_entry, nkey_rows);
    v->shown = arena_array(&v->arena, size_t, nkey_rows);
    for (size_t i = 0; i < nkey_rows; i++) {
        const struct key_row *row = &key_rows[i];
        if (!row->help || !(row->scope & scopes) || keymap_row(scopes, row->key) != row)
            continue;
        bool off = read_only.ptr && command_changes(row->command);
        struct str help = off ? arena_printf(&v->arena, "%s: NOT AVAILABLE, READ-ONLY: %.*s",
                                             row->help, STR_ARG(read_only))
                              : str_of(row->help);
        v->entries[v->n++] =
            (struct help_entry){.row = row,
                                .keys = arena_cstr(&v->arena, keymap_keys(&v->arena, scopes, row)),
                                .help = arena_cstr(&v->arena, help),
                                .off = off};
    }
    apply_filter(v);
    app_push(app, &v->base);
}
