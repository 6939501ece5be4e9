/* A text to read: a whole error or traceback, a value. */
#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/ask.h"

#include <stdlib.h>

enum { LABEL_W = 17 }; /* of "name             value", as row_text writes it */

struct text_line {
    struct str text;
    int indent;
};

struct text_view {
    struct view base;
    struct arena arena;
    const char *name;
    struct str text;         /* cleaned, LF between lines */
    struct text_line *lines; /* folded to `width` */
    size_t n, top;
    int width, page;
    bool reading;
    const struct sheet *sheet; /* of one row of a record: which, and its key; else NULL */
    struct str key;
};

static void title(const struct view *view, struct sbuf *out)
{
    const struct text_view *v = (const struct text_view *)view;
    sbuf_cstr(out, v->name);
    if (v->n > (size_t)v->page && v->page > 0)
        sbuf_printf(out, "  line %zu of %zu", v->top + 1, v->n);
}

/* A value goes on below itself, not below its label. */
static int hanging(struct str line, int width)
{
    bool labelled = line.len > LABEL_W && line.ptr[LABEL_W - 2] == ' ' &&
                    line.ptr[LABEL_W - 1] == ' ' && line.ptr[LABEL_W] != ' ';
    return labelled && width > 2 * LABEL_W ? LABEL_W : 0;
}

static void add_line(struct text_view *v, size_t *cap, struct str text, int indent)
{
    if (v->n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        v->lines = xreallocarray(v->lines, *cap, sizeof v->lines[0]);
    }
    v->lines[v->n++] = (struct text_line){text, indent};
}

static void fold_all(struct text_view *v, int width)
{
    if (v->width == width)
        return;
    v->width = width;
    v->n = 0;
    size_t cap = 0;
    struct str rest = v->text;
    free(v->lines);
    v->lines = NULL;
    while (rest.len) {
        ptrdiff_t end = str_index(rest, '\n');
        struct str line = str_sub(rest, 0, end < 0 ? rest.len : (size_t)end);
        rest = str_sub(rest, end < 0 ? rest.len : (size_t)end + 1, rest.len);
        int hang = hanging(line, width), indent = 0;
        do {
            size_t take = canvas_fold(line, width - indent);
            add_line(v, &cap, str_sub(line, 0, take), indent);
            line = str_sub(line, take, line.len);
            indent = hang;
        } while (line.len);
    }
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct text_view *v = (struct text_view *)view;
    fold_all(v, r.w - 4);
    v->page = r.h;
    size_t page = (size_t)r.h;
    if (v->top + page > v->n)
        v->top = v->n > page ? v->n - page : 0;
    for (size_t i = 0; i < page && v->top + i < v->n; i++) {
        const struct text_line *line = &v->lines[v->top + i];
        canvas_put(canvas, r.y + (int)i, r.x + 2 + line->indent, r.w - 3 - line->indent, STYLE_TEXT,
                   line->text);
    }
    if (v->reading)
        canvas_put(canvas, r.y, r.x + 2, r.w - 3, STYLE_DIM, STR("reading"));
}

static void scroll(struct text_view *v, ptrdiff_t by)
{
    ptrdiff_t to = (ptrdiff_t)v->top + by;
    ptrdiff_t most = (ptrdiff_t)v->n - v->page;
    to = to > most ? most : to;
    v->top = to < 0 ? 0 : (size_t)to;
}

static bool command(struct view *view, enum command command)
{
    struct text_view *v = (struct text_view *)view;
    ptrdiff_t page = v->page > 1 ? v->page : 1;
    switch (command) {
    case CMD_UP:
        scroll(v, -1);
        return true;
    case CMD_DOWN:
        scroll(v, 1);
        return true;
    case CMD_PAGE_UP:
        scroll(v, -page);
        return true;
    case CMD_PAGE_DOWN:
        scroll(v, page);
        return true;
    case CMD_HALF_UP:
        scroll(v, -(page + 1) / 2);
        return true;
    case CMD_HALF_DOWN:
        scroll(v, (page + 1) / 2);
        return true;
    case CMD_FIRST:
        v->top = 0;
        return true;
    case CMD_LAST:
        scroll(v, (ptrdiff_t)v->n);
        return true;
    default:
        return false;
    }
}

static bool is_busy(const struct view *view)
{
    return ((const struct text_view *)view)->reading;
}

static void close_view(struct view *view)
{
    struct text_view *v = (struct text_view *)view;
    free(v->lines);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class text_class = {
    .name = "text",
    .scopes = SCOPE_SCROLL,
    .title = title,
    .draw = draw,
    .command = command,
    .is_busy = is_busy,
    .close = close_view,
};

static struct text_view *open_text(struct app *app, struct session *session, const char *name,
                                   struct str text)
{
    struct text_view *v = view_new(app, session, &text_class, sizeof *v);
    v->name = name;
    v->text = text_clean(&v->arena, text, CLEAN_LINES);
    app_push(app, &v->base);
    return v;
}

void view_text_open(struct app *app, struct session *session, const char *name, struct str text)
{
    open_text(app, session, name, text);
}

struct view *view_text_wait(struct app *app, struct session *session, const char *name)
{
    struct text_view *v = open_text(app, session, name, STR(""));
    v->reading = true;
    return &v->base;
}

void view_text_fill(struct view *view, struct str text)
{
    struct text_view *v = (struct text_view *)view;
    v->reading = false;
    v->text = text_clean(&v->arena, text, CLEAN_LINES);
    v->width = 0;
    view->app->dirty = true;
}

/* --- everything known of a record ----------------------------------------------------------- */

static void add_error(struct sbuf *out, const char *label, const struct err *err)
{
    if (err->kind == ERR_NONE)
        return;
    sbuf_printf(out, "%s\n%s\n", label, err->text);
    if (err->hint[0])
        sbuf_printf(out, "hint: %s\n", err->hint);
    sbuf_char(out, '\n');
}

void row_text(struct sbuf *out, const struct sheet *sheet, const struct cell *cells)
{
    struct arena a = ARENA_INIT;
    for (size_t c = 0; c < sheet->ncolumns; c++) {
        if (cells[c].type == CELL_NULL || cells[c].type == CELL_UNKNOWN)
            continue;
        struct str shown = cell_show(&a, &cells[c], TIME_UNKNOWN);
        bool long_one = str_index(shown, '\n') >= 0;
        sbuf_printf(out, "%-16s %s%.*s\n", sheet->columns[c].name, long_one ? "\n" : "",
                    STR_ARG(shown));
    }
    arena_release(&a);
}

/* One row of a sheet: its cells, and what else is known of it. */
static void add_row(struct text_view *v, const struct record_view *record, struct sbuf *out)
{
    const struct sheet_row *row = v->sheet->fill(v->sheet, &record->input);
    while (row && !str_eq(row->key, v->key))
        row = row->next;
    if (!row) {
        sbuf_cstr(out, "the row is not there any more\n");
        return;
    }
    row_text(out, v->sheet, row->cells);
    if (v->sheet->more) {
        sbuf_char(out, '\n');
        v->sheet->more(&record->input, v->key, out);
    }
}

static void add_record(const struct system *system, const struct record_view *record,
                       struct sbuf *out)
{
    struct str(*lines)[2] = NULL;
    size_t n = system->show && record->input.doc ? system->show(&record->input, &lines) : 0;
    for (size_t i = 0; i < n; i++)
        sbuf_printf(out, "%-16.*s %.*s\n", STR_ARG(lines[i][0]), STR_ARG(lines[i][1]));
    sbuf_char(out, '\n');
    const struct sheet *sheet = &system->sheets[0];
    row_text(out, sheet, sheet->fill(sheet, &record->input)->cells);
}

static void record_done(struct job *job, void *owner)
{
    struct text_view *v = owner;
    struct sbuf out = SBUF_INIT;
    const struct system *system = v->base.session->system;
    session_note_result(v->base.session, job);
    if (!job->ok)
        add_error(&out, "could not be read", &job->err);
    else {
        struct record_view *record = record_answer(job);
        add_error(&out, "could not be read", &record->item.err);
        add_error(&out, "problem", &record->item.doc.problem);
        if (v->sheet)
            add_row(v, record, &out);
        else
            add_record(system, record, &out);
    }
    view_text_fill(&v->base, sbuf_view(&out));
    sbuf_release(&out);
}

void view_record_text_open(struct app *app, struct session *session, struct str id,
                           struct str label)
{
    struct text_view *v = open_text(app, session, "whole text", STR(""));
    v->name = arena_cstr(&v->arena, label);
    v->reading = true;
    ask_record(session, v, id, 0, record_done);
}

void view_row_text_open(struct app *app, struct session *session, struct str id,
                        const struct sheet *sheet, struct str key)
{
    struct text_view *v = open_text(app, session, "row", STR(""));
    v->name = arena_cstr(&v->arena, key);
    v->sheet = sheet;
    v->key = arena_str(&v->arena, key);
    v->reading = true;
    ask_record(session, v, id, 0, record_done);
}
