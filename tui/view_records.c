/* The list of a store: its records with the columns of the system's list. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/ask.h"
#include "tui/listview.h"
#include "tui/preview.h"
#include "tui/view_table.h"

#include <stdlib.h>

enum { VISIBLE_MAX = 256 };

static const char only_attention[] = "attention=any";

struct records_view {
    struct listview lv;
    struct preview preview;
    bool asked;    /* values of visible rows are on their way */
    unsigned wish; /* list.wish for which all values were asked for */
};

static void title(const struct view *view, struct sbuf *out)
{
    const struct records_view *v = (const struct records_view *)view;
    const struct session *s = view->session;
    sbuf_cstr(out, s->system->records);
    if (!app_is_top(view->app, view))
        return;
    listview_counts(&v->lv, out);
    if (!s->complete || !s->rows || rows_known(s->rows) >= rows_there(s->rows))
        return;
    char n[16], of[16];
    count_text((int64_t)rows_known(s->rows), n);
    if (s->valuing)
        sbuf_printf(out, "  read %s of %s, Esc stops", n,
                    count_text((int64_t)rows_there(s->rows), of));
    else
        sbuf_printf(out, "  values of %s read", n);
}

/* An order or a filter by what only reading a value tells reads them all, once. */
static void read_values(struct records_view *v)
{
    struct session *s = v->lv.base.session;
    const struct list *list = &v->lv.list;
    bool by_value = (list->want.sort >= 0 && !list->sheet->columns[list->want.sort].cheap) ||
                    filter_needs_values(list->filter);
    if (!by_value || !s->complete || s->loading || s->valuing || v->wish == list->wish ||
        rows_known(s->rows) >= rows_there(s->rows))
        return;
    v->wish = list->wish;
    session_read_values(s);
}

/* Keys of the rows on the screen; with `unread` only those without values. */
static size_t visible_keys(const struct list *list, bool unread, struct str *ret)
{
    size_t n = 0, page = list->page > 0 ? (size_t)list->page : 0;
    struct cell *cells = xcalloc(list->sheet->ncolumns, sizeof cells[0]);
    for (size_t i = list->top; i < list->n && i < list->top + page && n < VISIBLE_MAX; i++) {
        struct row_in row;
        rows_get(list->rows, list->order[i], &row, cells);
        if (!row.gone && !(unread && row.known))
            ret[n++] = row.key;
    }
    free(cells);
    return n;
}

static void draw_preview(struct records_view *v, struct canvas *canvas, struct rect r)
{
    const struct list *list = &v->lv.list;
    size_t row;
    bool any = list_at(list, &row);
    preview_draw(&v->preview, canvas, r, any ? rows_key(list->rows, row) : STR_NULL,
                 any ? rows_label(list->rows, row) : STR_NULL);
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct records_view *v = (struct records_view *)view;
    struct session *s = view->session;
    struct str empty = s->complete
                           ? arena_printf(&canvas->scratch, "no %s here", s->system->records)
                       : s->err.kind != ERR_NONE ? session_error(s)
                                                 : STR("reading");
    struct rect below;
    v->lv.list.stale = session_is_stale(s, clock_monotonic_ms());
    r = preview_split(&v->preview, listview_lines(&v->lv), r, &below);
    listview_draw(&v->lv, canvas, r, arena_cstr(&canvas->scratch, empty));
    draw_preview(v, canvas, below);
    read_values(v);
    struct str keys[VISIBLE_MAX];
    bool missing = (s->complete && !s->loading) || (s->rows && session_is_long(s));
    size_t n = missing && !v->asked && s->attempts == 0 && !s->stopped && !view->app->paused
                   ? visible_keys(&v->lv.list, true, keys)
                   : 0;
    if (n) {
        v->asked = true;
        session_read_rows(s, keys, n, false);
    }
}

static bool read_visible(struct view *view, bool now)
{
    struct records_view *v = (struct records_view *)view;
    struct str keys[VISIBLE_MAX];
    size_t n = v->lv.list.rows ? visible_keys(&v->lv.list, false, keys) : 0;
    if (n && now)
        session_read_rows(view->session, keys, n, true);
    return n > 0;
}

static void rows_changed(struct view *view, struct rows *old)
{
    (void)old;
    struct records_view *v = (struct records_view *)view;
    v->asked = false;
    preview_changed(&v->preview);
    if (view->session->rows)
        listview_swap(&v->lv, view->session->rows, view->session->complete);
}

/* The marked rows, or the one under the cursor. */
static void act(struct records_view *v, size_t row)
{
    const struct list *list = &v->lv.list;
    const struct rows *rows = list->rows;
    struct arena a = ARENA_INIT;
    size_t marked = keyset_count(list->marks);
    struct plan_record *records = arena_array(&a, struct plan_record, marked + 1);
    bool *hidden = arena_array(&a, bool, marked + 1);
    struct want want = {.records = records, .hidden = hidden};
    for (size_t i = 0; i < marked; i++) {
        size_t at;
        if (!rows_find(rows, keyset_at(list->marks, i), &at))
            continue;
        hidden[want.n] = !listview_shows(&v->lv, at);
        records[want.n++] =
            (struct plan_record){.id = rows_key(rows, at), .label = rows_label(rows, at)};
    }
    if (!want.n)
        records[want.n++] =
            (struct plan_record){.id = rows_key(rows, row), .label = rows_label(rows, row)};
    view_menu_open(v->lv.base.app, v->lv.base.session, rows_sheet(rows), &want);
    arena_release(&a);
}

/* Two marked records with each other; else the one under the cursor with what it was. */
static void compare(struct records_view *v, size_t row)
{
    const struct rows *rows = v->lv.list.rows;
    struct keyset *marks = v->lv.list.marks;
    struct plan_record records[2];
    size_t n = 0, at;
    for (size_t i = 0; keyset_count(marks) == 2 && i < 2; i++) {
        if (rows_find(rows, keyset_at(marks, i), &at))
            records[n++] =
                (struct plan_record){.id = rows_key(rows, at), .label = rows_label(rows, at)};
    }
    if (n != 2) {
        records[0] =
            (struct plan_record){.id = rows_key(rows, row), .label = rows_label(rows, row)};
        n = 1;
    }
    view_diff_open(v->lv.base.app, v->lv.base.session, records, n);
}

static void open_sheet(struct view *view, struct str id, struct str label)
{
    const struct system *system = view->session->system;
    if (system->nsheets < 2)
        view_changes_open(view->app, view->session, id, label);
    else
        view_sheet_open(view->app, view->session, id, label, &system->sheets[1]);
}

static bool command(struct view *view, enum command command)
{
    struct records_view *v = (struct records_view *)view;
    struct app *app = view->app;
    bool on_row = command == CMD_DETAIL || command == CMD_SHEET || command == CMD_ERROR ||
                  command == CMD_ACTIONS || command == CMD_COMPARE;
    if (preview_command(&v->preview, command))
        return true;
    if (command == CMD_CANCEL)
        preview_cancel(&v->preview);
    if (command == CMD_UNDO || command == CMD_REDO) {
        view_undo_open(app, view->session, command == CMD_REDO);
        return true;
    }
    if (command == CMD_BACK && !listview_is_ordering(&v->lv) && !v->lv.list.ranging &&
        session_waits(view->session, clock_monotonic_ms())) {
        session_stop(view->session);
        app_say(app, STYLE_WARN, "stopped; what was read stays, ^R reads again");
        return true;
    }
    if (command == CMD_ATTENTION) {
        struct str text = sbuf_view(&v->lv.list.filter_text);
        listview_filter(&v->lv, str_is(text, only_attention) ? STR("") : str_of(only_attention));
        return true;
    }
    if (!on_row)
        return listview_command(&v->lv, command);
    size_t row;
    if (!listview_may_act(&v->lv, &row))
        return true;
    struct str id = rows_key(v->lv.list.rows, row), label = rows_label(v->lv.list.rows, row);
    if (command == CMD_DETAIL)
        view_detail_open(app, view->session, id, label);
    else if (command == CMD_SHEET)
        open_sheet(view, id, label);
    else if (command == CMD_ERROR)
        view_record_text_open(app, view->session, id, label);
    else if (command == CMD_COMPARE)
        compare(v, row);
    else
        act(v, row);
    return true;
}

static bool is_busy(const struct view *view)
{
    return preview_is_busy(&((const struct records_view *)view)->preview);
}

static void close_view(struct view *view)
{
    preview_release(&((struct records_view *)view)->preview);
    listview_release((struct listview *)view);
    free(view);
}

static const struct view_class records_class = {
    .name = "records",
    .scopes = SCOPE_RECORDS | SCOPE_RECORD | SCOPE_LIST | SCOPE_STORE,
    .scopes_now = listview_scopes,
    .footer = view_footer,
    .title = title,
    .draw = draw,
    .key = listview_key,
    .click = listview_click,
    .command = command,
    .rows_changed = rows_changed,
    .read_visible = read_visible,
    .wake_ms = listview_wake_ms,
    .is_busy = is_busy,
    .close = close_view,
};

static struct records_view *records_new(struct app *app, struct session *session)
{
    struct records_view *v = view_new(app, session, &records_class, sizeof *v);
    listview_init(&v->lv, &session->system->sheets[0]);
    preview_init(&v->preview, &v->lv.base);
    return v;
}

void view_records_begin(struct app *app, struct session *session)
{
    struct records_view *v = records_new(app, session);
    app_replace_first(app, &v->lv.base);
    rows_changed(&v->lv.base, NULL);
}

void view_records_show(struct app *app, struct session *session, struct str filter)
{
    struct records_view *v = records_new(app, session);
    app_push(app, &v->lv.base);
    if (filter.len)
        listview_filter(&v->lv, filter);
    rows_changed(&v->lv.base, NULL);
}

void view_records_open(struct app *app, struct session *session)
{
    view_records_show(app, session, STR(""));
}
