/* One record: what it is and what is wrong in a few lines, then the document as a tree. */
#include "core/base/text.h"
#include "tui/ask.h"
#include "tui/copy.h"
#include "tui/input.h"
#include "tui/record_lines.h"
#include "tui/tree.h"
#include "tui/view_table.h"

#include <stdlib.h>

enum {
    FIRST_BYTES = 4 << 20, /* of a value; more when asked for (W) */
    HEAD_BYTES = 64 << 10, /* of a value that is cut or does not parse: shown as text */
};

struct detail_view {
    struct view base;
    struct arena own; /* id, label */
    struct str id, label;
    struct arena arena; /* the record as last read */
    struct record_view *record;
    struct tree tree;
    struct copy_place place; /* that a copy is asked of */
    struct input input;
    size_t limit;
    bool typing, reading;
    struct err err;
};

static void title(const struct view *view, struct sbuf *out)
{
    const struct detail_view *v = (const struct detail_view *)view;
    sbuf_str(out, v->label);
    if (app_is_top(view->app, view) && v->record && v->record->item.err.kind == ERR_NONE &&
        !v->record->item.doc.absent) {
        struct arena a = ARENA_INIT;
        struct cell size = cell_bytes((int64_t)v->record->item.doc.bytes);
        sbuf_printf(out, "  %.*s", STR_ARG(cell_show(&a, &size, 0)));
        if (v->record->item.doc.format.ptr)
            sbuf_printf(out, "  %.*s", STR_ARG(v->record->item.doc.format));
        arena_release(&a);
    }
}

/* --- the lines before the tree -------------------------------------------------------------- */

struct head {
    struct tree_line *lines;
    size_t n, cap;
    struct arena *arena;
};

static void add(struct head *head, struct str label, struct str text)
{
    head->lines = arena_grow(head->arena, head->lines, head->n, &head->cap, sizeof *head->lines);
    head->lines[head->n++] = (struct tree_line){.label = label, .text = text};
}

/* As wide as the screen is now; the tree below knows no lines that run on. */
static void add_folded(struct head *head, const struct canvas *shown, struct str label,
                       struct str text)
{
    enum { BESIDE = 15, LEAST = 20 }; /* margin, label */
    int width = (shown ? shown->w : 80) - BESIDE;
    text = text_clean(head->arena, text, 0);
    do {
        size_t take = canvas_fold(text, width < LEAST ? LEAST : width);
        add(head, label, str_sub(text, 0, take));
        text = str_sub(text, take, text.len);
        label = STR("");
    } while (text.len);
}

static void add_lines(struct head *head, struct str text)
{
    while (text.len) {
        ptrdiff_t end = str_index(text, '\n');
        size_t len = end < 0 ? text.len : (size_t)end;
        add(head, STR_NULL, str_sub(text, 0, len));
        text = str_sub(text, end < 0 ? len : len + 1, text.len);
    }
}

static void show_record(struct detail_view *v)
{
    struct head head = {.arena = &v->arena};
    const struct read_item *item = &v->record->item;
    const struct document *doc = &item->doc;
    bool there = item->err.kind == ERR_NONE && !doc->absent;
    const struct value *root = there ? doc->root : NULL;
    struct record_line *lines;
    v->record->input.now_us = app_now_us(v->base.app);
    size_t n =
        record_lines(v->base.session->system, v->record, "W reads it whole", &v->arena, &lines);
    for (size_t i = 0; i < n; i++)
        add_folded(&head, v->base.app->shown, lines[i].label, lines[i].text);
    if (there && !root) {
        struct str text = doc->truncated || doc->head.ptr ? doc->head : doc->image;
        add(&head, STR_NULL, STR(""));
        add_lines(&head, str_sub(text, 0, text.len < HEAD_BYTES ? text.len : HEAD_BYTES));
    }
    if (head.n && root)
        add(&head, STR_NULL, STR(""));
    tree_set(&v->tree, head.lines, head.n, root);
}

static void read_done(struct job *job, void *owner)
{
    struct detail_view *v = owner;
    v->reading = false;
    v->base.app->dirty = true;
    session_note_result(v->base.session, job);
    v->err = job->err;
    if (!job->ok)
        return;
    arena_release(&v->arena);
    v->record = record_answer(job);
    v->arena = job->arena;
    job->arena = (struct arena)ARENA_INIT;
    show_record(v);
}

static void read_record(struct detail_view *v)
{
    if (v->reading)
        return;
    v->reading = true;
    ask_record(v->base.session, v, v->id, v->limit, read_done);
}

/* --- drawing and keys ----------------------------------------------------------------------- */

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct detail_view *v = (struct detail_view *)view;
    const struct tree_line *line = tree_at(&v->tree);
    int foot = r.y + r.h - 1;
    tree_draw(&v->tree, canvas, (struct rect){r.y, r.x, r.h - 1, r.w});
    if (v->typing) {
        input_draw(&v->input, canvas, foot, r.x + 1, r.w - 2, STR("/"));
        return;
    }
    if (v->err.kind != ERR_NONE)
        canvas_put(canvas, foot, r.x + 1, r.w - 2, STYLE_BAD, str_of(v->err.text));
    else if (!v->record)
        canvas_put(canvas, r.y, r.x + 3, r.w - 4, STYLE_DIM, STR("reading"));
    else if (line && line->value) {
        int used = 0;
        if (v->tree.matches)
            used = canvas_printf(canvas, foot, r.x + 1, r.w - 2, STYLE_KEY, "%zu/%zu  ",
                                 v->tree.match, v->tree.matches);
        canvas_put(canvas, foot, r.x + 1 + used, r.w - 2 - used, STYLE_DIM, line->path);
    }
}

static bool key(struct view *view, const struct key *key)
{
    struct detail_view *v = (struct detail_view *)view;
    if (!v->typing)
        return false;
    switch (input_key(&v->input, key, false)) {
    case INPUT_DONE:
        v->typing = false;
        tree_find(&v->tree, input_text(&v->input));
        if (input_text(&v->input).len && !v->tree.matches)
            app_say(view->app, STYLE_MESSAGE, "not found: %.*s", STR_ARG(input_text(&v->input)));
        break;
    case INPUT_LEFT:
        v->typing = false;
        break;
    default:
        break;
    }
    return true;
}

/* What a line shows cut, whole. */
static void open_value(struct detail_view *v, const struct tree_line *line)
{
    struct arena a = ARENA_INIT;
    struct str text = line->value ? tree_text(&a, line->value, SIZE_MAX / 2) : line->text;
    view_text_open(v->base.app, v->base.session, "value", text);
    arena_release(&a);
}

static void act(struct detail_view *v)
{
    struct plan_record record = {.id = v->id, .label = v->label};
    struct want want = {.records = &record, .n = 1};
    view_menu_open(v->base.app, v->base.session, &v->base.session->system->sheets[0], &want);
}

static bool command(struct view *view, enum command command)
{
    struct detail_view *v = (struct detail_view *)view;
    const struct tree_line *line = tree_at(&v->tree);
    const struct system *system = view->session->system;
    switch (command) {
    case CMD_ENTER:
        if (line && !line->folds) {
            open_value(v, line);
            return true;
        }
        break;
    case CMD_FILTER:
        input_set(&v->input, STR(""));
        v->typing = true;
        return true;
    case CMD_SHEET:
        if (system->nsheets < 2)
            view_changes_open(view->app, view->session, v->id, v->label);
        else
            view_sheet_open(view->app, view->session, v->id, v->label, &system->sheets[1]);
        return true;
    case CMD_ERROR:
        view_record_text_open(view->app, view->session, v->id, v->label);
        return true;
    case CMD_COMPARE:
        view_diff_open(view->app, view->session,
                       &(struct plan_record){.id = v->id, .label = v->label}, 1);
        return true;
    case CMD_COPY:
        v->place = (struct copy_place){view, &v->tree, v->id};
        copy_place_open(&v->place);
        return true;
    case CMD_ACTIONS:
        act(v);
        return true;
    case CMD_UNDO:
    case CMD_REDO:
        view_undo_open(view->app, view->session, command == CMD_REDO);
        return true;
    case CMD_WHOLE:
        v->limit = 0;
        app_say(view->app, STYLE_MESSAGE, "reading it whole; ^C stops");
        read_record(v);
        return true;
    case CMD_REFRESH:
        read_record(v);
        return false; /* and the list below */
    case CMD_CANCEL:
        if (!v->reading)
            return false;
        worker_cancel(view->session->worker, view);
        return true;
    default:
        break;
    }
    return tree_command(&v->tree, command);
}

static void rows_changed(struct view *view, struct rows *old)
{
    (void)old;
    if (!view->session->loading)
        read_record((struct detail_view *)view);
}

static unsigned scopes(const struct view *view)
{
    return ((const struct detail_view *)view)->typing ? SCOPE_TYPED : view->class->scopes;
}

static bool is_busy(const struct view *view)
{
    return ((const struct detail_view *)view)->reading;
}

static void close_view(struct view *view)
{
    struct detail_view *v = (struct detail_view *)view;
    tree_release(&v->tree);
    input_release(&v->input);
    arena_release(&v->arena);
    arena_release(&v->own);
    free(v);
}

static const struct view_class detail_class = {
    .name = "detail",
    .scopes = SCOPE_TREE | SCOPE_SCROLL | SCOPE_RECORD | SCOPE_STORE,
    .scopes_now = scopes,
    .footer = view_footer,
    .title = title,
    .draw = draw,
    .key = key,
    .command = command,
    .rows_changed = rows_changed,
    .is_busy = is_busy,
    .close = close_view,
};

void view_detail_open(struct app *app, struct session *session, struct str id, struct str label)
{
    struct detail_view *v = view_new(app, session, &detail_class, sizeof *v);
    v->id = arena_str(&v->own, id);
    v->label = arena_str(&v->own, label);
    v->limit = FIRST_BYTES;
    tree_init(&v->tree);
    app_push(app, &v->base);
    read_record(v);
}
