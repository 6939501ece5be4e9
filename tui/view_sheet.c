/* A sheet of one record: phase history, streams, tasks, instances. */
#include "tui/ask.h"
#include "tui/listview.h"
#include "tui/preview.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

struct sheet_view {
    struct listview lv;
    const struct sheet *sheet;
    struct str id, label; /* owned by `arena` */
    struct arena arena;
    struct rows *rows;
    struct preview preview;
    struct arena read; /* what the rows were made from */
    struct record_view *record;
    const struct sheet_row *filled;
    struct err err;
    bool reading;
};

static void title(const struct view *view, struct sbuf *out)
{
    const struct sheet_view *v = (const struct sheet_view *)view;
    /* Above the record's own view its name stands there already. */
    if (!view->below || strcmp(view->below->class->name, "detail") != 0)
        sbuf_printf(out, "%.*s › ", STR_ARG(v->label));
    sbuf_cstr(out, v->sheet->title);
    if (app_is_top(view->app, view))
        listview_counts(&v->lv, out);
}

static void pack(struct sheet_view *v, struct rows *rows, const struct sheet_row *row)
{
    struct row_in in = {
        .key = row->key, .label = row->key, .mark = row->mark, .cells = row->cells, .known = true};
    rows_add(rows, &in);
}

static void read_done(struct job *job, void *owner)
{
    struct sheet_view *v = owner;
    struct view *view = &v->lv.base;
    v->reading = false;
    session_note_result(view->session, job);
    v->err = job->err;
    view->app->dirty = true;
    if (!job->ok)
        return;
    struct record_view *record = record_answer(job);
    struct rows *rows = rows_new(v->sheet), *old = v->rows;
    if (record->item.err.kind != ERR_NONE)
        v->err = record->item.err;
    else if (record->item.doc.absent)
        err_set(&v->err, ERR_NOT_FOUND, "the %s does not exist any more",
                view->session->system->noun);
    else
        v->err = record->item.doc.problem;
    arena_release(&v->read);
    v->read = job->arena;
    job->arena = (struct arena)ARENA_INIT;
    v->record = record;
    record->input.arena = &v->read;
    record->input.now_us = app_now_us(view->app);
    v->filled = v->sheet->fill(v->sheet, &record->input);
    for (const struct sheet_row *row = v->filled; row; row = row->next)
        pack(v, rows, row);
    v->rows = rows;
    listview_swap(&v->lv, rows, true);
    if (!old)
        list_to_mark(&v->lv.list, MARK_BAD);
    rows_free(old);
}

static void read_record(struct sheet_view *v)
{
    if (v->reading)
        return;
    v->reading = true;
    ask_record(v->lv.base.session, v, v->id, 0, read_done);
}

/* "kwargs           page: {}": a name, or none, in as many cells as in a text that is shown whole.
 */
static struct record_line more_line(struct str line)
{
    enum { NAME_CELLS = 17 };
    size_t name = 0;
    while (name < line.len && line.ptr[name] != ' ')
        name++;
    for (size_t i = name; i < NAME_CELLS; i++) {
        if (i >= line.len || line.ptr[i] != ' ')
            return (struct record_line){STR(""), line, false};
    }
    return (struct record_line){str_sub(line, 0, name), str_sub(line, NAME_CELLS, line.len), false};
}

static size_t add_more(struct arena *a, struct str text, struct record_line *lines, size_t max)
{
    size_t n = 0;
    while (text.len && n < max) {
        ptrdiff_t end = str_index(text, '\n');
        size_t len = end < 0 ? text.len : (size_t)end;
        lines[n++] = more_line(arena_str(a, str_sub(text, 0, len)));
        text = str_sub(text, end < 0 ? len : len + 1, text.len);
    }
    return n;
}

/* The row under the cursor, each cell that is known a line, and what else is known of it. */
static void draw_preview(struct sheet_view *v, struct canvas *canvas, struct rect r)
{
    enum { MORE_LINES = 200 };
    struct arena *a = &canvas->scratch;
    const struct sheet *sheet = v->sheet;
    struct record_line *lines = arena_array(a, struct record_line, sheet->ncolumns + MORE_LINES);
    const struct sheet_row *row = v->filled;
    size_t n = 0, at;
    if (r.h == 0 || !list_at(&v->lv.list, &at))
        return;
    struct str key = rows_key(v->rows, at);
    while (row && !str_eq(row->key, key))
        row = row->next;
    for (size_t c = 0; row && c < sheet->ncolumns; c++) {
        const struct cell *cell = &row->cells[c];
        if (cell->type == CELL_NULL || cell->type == CELL_UNKNOWN || sheet->columns[c].of_record)
            continue;
        lines[n++] = (struct record_line){str_of(sheet->columns[c].name),
                                          cell_show(a, cell, TIME_UNKNOWN), cell->mark == MARK_BAD};
    }
    if (row && sheet->more) {
        struct sbuf text = SBUF_INIT;
        struct sheet_input in = v->record->input;
        in.arena = a;
        sheet->more(&in, key, &text);
        n += add_more(a, sbuf_view(&text), &lines[n], MORE_LINES);
        sbuf_release(&text);
    }
    preview_show(&v->preview, canvas, r, key, lines, n);
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct sheet_view *v = (struct sheet_view *)view;
    if (v->err.kind != ERR_NONE && r.h > 4) {
        canvas_put(canvas, r.y + r.h - 1, r.x + 1, r.w - 2, STYLE_BAD, str_of(v->err.text));
        r.h--;
    }
    struct str empty =
        v->rows ? arena_printf(&canvas->scratch, "no %s", v->sheet->title) : STR("reading");
    struct rect below;
    r = preview_split(&v->preview, listview_lines(&v->lv), r, &below);
    if (below.h == 0)
        listview_draw_whole(&v->lv, canvas, r, arena_cstr(&canvas->scratch, empty));
    else
        listview_draw(&v->lv, canvas, r, arena_cstr(&canvas->scratch, empty));
    draw_preview(v, canvas, below);
}

/* The record changed, or may have: this sheet is made of it. */
static void rows_changed(struct view *view, struct rows *old)
{
    (void)old;
    if (!view->session->loading)
        read_record((struct sheet_view *)view);
}

/* The one behind this one; NULL: what was changed from here comes next. */
static const struct sheet *sheet_after(const struct sheet_view *v)
{
    const struct system *system = v->lv.base.session->system;
    const struct sheet *next = v->sheet + 1;
    return next == system->sheets + system->nsheets ? NULL : next;
}

static const char *footer(const struct view *view, const struct key_row *row)
{
    const struct sheet *next = sheet_after((const struct sheet_view *)view);
    if (row->command != CMD_SHEET)
        return row->footer;
    return next ? next->title : "changes";
}

static void next_sheet(struct sheet_view *v)
{
    const struct sheet *next = sheet_after(v);
    struct app *app = v->lv.base.app;
    struct session *session = v->lv.base.session;
    if (!next) {
        view_changes_open(app, session, v->id, v->label);
        return;
    }
    struct arena a = ARENA_INIT;
    struct str id = arena_str(&a, v->id), label = arena_str(&a, v->label);
    app_pop(app, &v->lv.base);
    view_sheet_open(app, session, id, label, next);
    arena_release(&a);
}

/* The record itself; where an action is made for rows of this sheet, the row is its `name`. */
static void act(struct sheet_view *v, size_t row)
{
    struct arena a = ARENA_INIT;
    const struct list *list = &v->lv.list;
    size_t marked = keyset_count(list->marks), n = marked ? marked : 1;
    struct plan_record *records = arena_array(&a, struct plan_record, n);
    struct op_arg *names = arena_array(&a, struct op_arg, n);
    bool *hidden = arena_array(&a, bool, n);
    for (size_t i = 0; i < n; i++) {
        names[i].name = "name";
        names[i].value = marked ? keyset_at(list->marks, i) : rows_key(v->rows, row);
        size_t at;
        hidden[i] =
            marked && rows_find(v->rows, names[i].value, &at) && !listview_shows(&v->lv, at);
        records[i] = (struct plan_record){.id = v->id, .label = v->label, .args = {&names[i], 1}};
    }
    struct want want = {.records = records, .n = n, .hidden = hidden};
    view_menu_open(v->lv.base.app, v->lv.base.session, v->sheet, &want);
    arena_release(&a);
}

/* A damaged record has no parts to act on; it can still be repaired, cleared, restored. */
static bool is_empty(const struct sheet_view *v)
{
    return !v->reading && v->rows && rows_count(v->rows) == 0;
}

static void act_on_record(struct sheet_view *v)
{
    const struct session *session = v->lv.base.session;
    struct plan_record record = {.id = v->id, .label = v->label};
    struct want want = {.records = &record, .n = 1};
    view_menu_open(v->lv.base.app, v->lv.base.session, &session->system->sheets[0], &want);
}

static bool command(struct view *view, enum command command)
{
    struct sheet_view *v = (struct sheet_view *)view;
    size_t row;
    if (preview_command(&v->preview, command))
        return true;
    switch (command) {
    case CMD_UNDO:
    case CMD_REDO:
        view_undo_open(view->app, view->session, command == CMD_REDO);
        return true;
    case CMD_SHEET:
        next_sheet(v);
        return true;
    case CMD_DETAIL:
        view_detail_open(view->app, view->session, v->id, v->label);
        return true;
    case CMD_COMPARE:
        view_diff_open(view->app, view->session,
                       &(struct plan_record){.id = v->id, .label = v->label}, 1);
        return true;
    case CMD_ACTIONS:
        if (is_empty(v))
            act_on_record(v);
        else if (listview_may_act(&v->lv, &row))
            act(v, row);
        return true;
    case CMD_ERROR:
        if (listview_may_act(&v->lv, &row))
            view_row_text_open(view->app, view->session, v->id, v->sheet, rows_key(v->rows, row));
        return true;
    case CMD_REFRESH:
        read_record(v);
        return false; /* and the list below */
    default:
        return listview_command(&v->lv, command);
    }
}

static bool is_busy(const struct view *view)
{
    return ((const struct sheet_view *)view)->reading;
}

static void close_view(struct view *view)
{
    struct sheet_view *v = (struct sheet_view *)view;
    preview_release(&v->preview);
    listview_release(&v->lv);
    arena_release(&v->read);
    rows_free(v->rows);
    arena_release(&v->arena);
    free(v);
}

static const struct view_class sheet_class = {
    .name = "sheet",
    .scopes = SCOPE_RECORDS | SCOPE_RECORD | SCOPE_LIST | SCOPE_STORE,
    .scopes_now = listview_scopes,
    .footer = footer,
    .title = title,
    .draw = draw,
    .key = listview_key,
    .click = listview_click,
    .wake_ms = listview_wake_ms,
    .command = command,
    .rows_changed = rows_changed,
    .is_busy = is_busy,
    .close = close_view,
};

void view_sheet_open(struct app *app, struct session *session, struct str id, struct str label,
                     const struct sheet *sheet)
{
    struct sheet_view *v = view_new(app, session, &sheet_class, sizeof *v);
    listview_init(&v->lv, sheet);
    v->lv.list.one_record = true;
    preview_init(&v->preview, &v->lv.base);
    v->sheet = sheet;
    v->id = arena_str(&v->arena, id);
    v->label = arena_str(&v->arena, label);
    app_push(app, &v->lv.base);
    read_record(v);
}
