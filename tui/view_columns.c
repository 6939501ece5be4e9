/* The columns of a list with what they say; Space shows or hides one, and that is kept. */
#include "tui/columns.h"
#include "tui/listview.h"

#include <stdlib.h>

static const struct column columns[] = {
    {.name = "column", .title = "COLUMN", .type = CELL_TEXT, .width = 16, .keep = true},
    {.name = "shown", .title = "SHOWN", .type = CELL_TEXT, .width = 8, .keep = true},
    {.name = "help", .title = "WHAT IT SAYS", .type = CELL_TEXT, .width = 50, .keep = true},
};

static const struct sheet columns_sheet = {.name = "columns",
                                           .title = "columns",
                                           .columns = columns,
                                           .ncolumns = sizeof columns / sizeof columns[0]};

struct columns_view {
    struct listview lv;
    struct listview *of; /* the view below */
    struct rows *rows;
};

static void rebuild(struct columns_view *v)
{
    const struct list *of = &v->of->list;
    struct rows *rows = rows_new(&columns_sheet);
    for (size_t c = 0; c < of->sheet->ncolumns && c < LIST_COLUMNS_MAX; c++) {
        const struct column *column = &of->sheet->columns[c];
        struct cell shown = cell_text(column->keep             ? STR("always")
                                      : list_has_column(of, c) ? STR("yes")
                                                               : STR("no"));
        shown.mark = list_has_column(of, c) ? MARK_OK : MARK_NONE;
        struct cell cells[] = {
            cell_text(str_of(column->title && *column->title ? column->title : column->name)),
            shown,
            cell_text(column->help ? str_of(column->help) : STR_NULL),
        };
        struct row_in in = {
            .key = str_of(column->name), .label = cells[0].text, .cells = cells, .known = true};
        rows_add(rows, &in);
    }
    listview_swap(&v->lv, rows, true);
    rows_free(v->rows);
    v->rows = rows;
}

static void title(const struct view *view, struct sbuf *out)
{
    (void)view;
    sbuf_cstr(out, "columns");
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    listview_draw((struct listview *)view, canvas, r, "no column");
}

static void flip(struct columns_view *v, size_t row)
{
    struct list *of = &v->of->list;
    struct app *app = v->lv.base.app;
    struct err err = {0};
    size_t column;
    sheet_column(of->sheet, rows_key(v->rows, row), &column);
    if (of->sheet->columns[column].keep) {
        app_say(app, STYLE_MESSAGE, "this column says which row it is: it always stays");
        return;
    }
    of->flipped ^= (uint64_t)1 << column;
    if (!listview_keep_columns(v->of, &err))
        app_say_err(app, &err);
    rebuild(v);
}

static bool command(struct view *view, enum command command)
{
    struct columns_view *v = (struct columns_view *)view;
    size_t row;
    if (command == CMD_MARK || command == CMD_ENTER) {
        if (listview_may_act(&v->lv, &row))
            flip(v, row);
        return true;
    }
    if (command == CMD_COLUMNS) {
        app_pop(view->app, view);
        return true;
    }
    return listview_command(&v->lv, command);
}

static void close_view(struct view *view)
{
    struct columns_view *v = (struct columns_view *)view;
    listview_release(&v->lv);
    rows_free(v->rows);
    free(v);
}

static const struct view_class columns_class = {
    .name = "columns",
    .is_of_it = true,
    .scopes = SCOPE_COLUMNS | SCOPE_LIST,
    .scopes_now = listview_scopes,
    .title = title,
    .draw = draw,
    .key = listview_key,
    .click = listview_click,
    .command = command,
    .close = close_view,
};

void view_columns_open(struct listview *of)
{
    struct app *app = of->base.app;
    struct columns_view *v = view_new(app, of->base.session, &columns_class, sizeof *v);
    v->of = of;
    listview_init(&v->lv, &columns_sheet);
    rebuild(v);
    app_push(app, &v->lv.base);
}
