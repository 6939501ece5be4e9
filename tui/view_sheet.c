/* A sheet of one record: phase history, streams, tasks, instances. */
#include "tui/ask.h"
#include "tui/listview.h"

#include <stdlib.h>
#include <string.h>

struct sheet_view {
    struct listview lv;
    const struct sheet *sheet;
    struct str id, label; /* owned by `arena` */
    struct arena arena;
    struct rows *rows;
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
    record->input.now_us = app_now_us(view->app);
    for (const struct sheet_row *row = v->sheet->fill(v->sheet, &record->input); row;
         row = row->next)
        pack(v, rows, row);
    v->rows = rows;
    listview_swap(&v->lv, rows, true);
    rows_free(old);
}

static void read_record(struct sheet_view *v)
{
    if (v->reading)
        return;
    v->reading = true;
    ask_record(v->lv.base.session, v, v->id, 0, read_done);
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
    listview_draw_whole(&v->lv, canvas, r, arena_cstr(&canvas->scratch, empty));
}

/* The record changed, or may have: this sheet is made of it. */
static void rows_changed(struct view *view, struct rows *old)
{
    (void)old;
    if (!view->session->loading)
        read_record((struct sheet_view *)view);
}

/* The sheets after the first one, round and round. */
static const struct sheet *sheet_after(const struct sheet_view *v)
{
    const struct system *system = v->lv.base.session->system;
    const struct sheet *next = v->sheet + 1;
    return next == system->sheets + system->nsheets ? &system->sheets[1] : next;
}

static const char *footer(const struct view *view, const struct key_row *row)
{
    const struct sheet_view *v = (const struct sheet_view *)view;
    if (row->command != CMD_SHEET)
        return row->footer;
    return sheet_after(v) == v->sheet ? NULL : sheet_after(v)->title;
}

static void next_sheet(struct sheet_view *v)
{
    const struct system *system = v->lv.base.session->system;
    const struct sheet *next = sheet_after(v);
    if (next == v->sheet) {
        app_say(v->lv.base.app, STYLE_MESSAGE, "this is the only sheet of a %s", system->noun);
        return;
    }
    struct app *app = v->lv.base.app;
    struct session *session = v->lv.base.session;
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

static bool command(struct view *view, enum command command)
{
    struct sheet_view *v = (struct sheet_view *)view;
    size_t row;
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
    case CMD_ERROR:
    case CMD_ACTIONS:
        if (listview_may_act(&v->lv, &row))
            command == CMD_ERROR ? view_row_text_open(view->app, view->session, v->id, v->sheet,
                                                      rows_key(v->rows, row))
                                 : act(v, row);
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
    listview_release(&v->lv);
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
    v->sheet = sheet;
    v->id = arena_str(&v->arena, id);
    v->label = arena_str(&v->arena, label);
    app_push(app, &v->lv.base);
    read_record(v);
}
