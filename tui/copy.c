#include "tui/copy.h"

#include "core/output.h"
#include "tui/view_choice.h"

/* --- a row ---------------------------------------------------------------------------------- */

static void copy_id(struct app *app, void *ctx)
{
    const struct listview *lv = ctx;
    size_t row;
    if (!list_at(&lv->list, &row))
        return;
    const struct rows *rows = lv->list.rows;
    app_copy(app, lv->base.session ? rows_key(rows, row) : rows_label(rows, row));
}

/* As the command line prints it with -o tsv: every column, tabs and line ends as blanks. */
static void copy_row(struct app *app, void *ctx)
{
    const struct listview *lv = ctx;
    const struct sheet *sheet = lv->list.sheet;
    struct arena a = ARENA_INIT;
    struct sbuf text = SBUF_INIT;
    size_t row;
    for (size_t c = 0; list_at(&lv->list, &row) && c < sheet->ncolumns; c++) {
        struct cell cell = rows_cell(lv->list.rows, row, c);
        bool empty = cell.type == CELL_NULL || cell.type == CELL_UNKNOWN;
        struct str shown = empty ? STR("") : cell_show(&a, &cell, TIME_UNKNOWN);
        if (c)
            sbuf_char(&text, '\t');
        for (size_t i = 0; i < shown.len; i++)
            sbuf_char(&text, (unsigned char)shown.ptr[i] < ' ' ? ' ' : shown.ptr[i]);
    }
    app_copy(app, sbuf_view(&text));
    sbuf_release(&text);
    arena_release(&a);
}

static void copy_command_of(struct app *app, const struct session *s, struct str id)
{
    struct arena a = ARENA_INIT;
    app_copy(app, arena_printf(&a, "penstock -t %.*s %s show %.*s",
                               STR_ARG(shell_quote(&a, str_of(s->target.name))), s->system->noun,
                               STR_ARG(output_id_word(&a, id))));
    arena_release(&a);
}

static void copy_command(struct app *app, void *ctx)
{
    const struct listview *lv = ctx;
    size_t row;
    if (list_at(&lv->list, &row))
        copy_command_of(app, lv->base.session, rows_key(lv->list.rows, row));
}

void copy_row_open(struct listview *lv)
{
    static const struct choice choices[] = {
        {'i', "the id", copy_id},
        {'r', "the row, its columns separated by tabs", copy_row},
        {'c', "the command that shows it", copy_command},
    };
    struct app *app = lv->base.app;
    struct session *session = lv->base.session;
    size_t row;
    if (!list_at(&lv->list, &row)) {
        app_say(app, STYLE_MESSAGE, "there is no row here");
        return;
    }
    bool records = session && lv->list.sheet == &session->system->sheets[0];
    struct arena a = ARENA_INIT;
    view_choice_open(app, session, "COPY",
                     arena_printf(&a, "of %.*s", STR_ARG(rows_label(lv->list.rows, row))), choices,
                     records ? 3 : 2, lv);
    arena_release(&a);
}

/* --- a place in a document ------------------------------------------------------------------ */

static void copy_value(struct app *app, void *ctx)
{
    const struct tree_line *line = tree_at(((const struct copy_place *)ctx)->tree);
    struct arena a = ARENA_INIT;
    if (line)
        app_copy(app, line->value ? tree_text(&a, line->value, SIZE_MAX / 2) : line->text);
    arena_release(&a);
}

static void copy_path(struct app *app, void *ctx)
{
    const struct tree_line *line = tree_at(((const struct copy_place *)ctx)->tree);
    if (line && line->value)
        app_copy(app, line->path);
    else
        app_say(app, STYLE_MESSAGE, "this line is no place in the document");
}

static void copy_record_command(struct app *app, void *ctx)
{
    const struct copy_place *place = ctx;
    copy_command_of(app, place->view->session, place->id);
}

void copy_place_open(struct copy_place *place)
{
    static const struct choice choices[] = {
        {'v', "the value, as it is stored", copy_value},
        {'p', "its path", copy_path},
        {'c', "the command that shows the record", copy_record_command},
    };
    const struct tree_line *line = tree_at(place->tree);
    struct view *view = place->view;
    if (!line) {
        app_say(view->app, STYLE_MESSAGE, "there is nothing here");
        return;
    }
    view_choice_open(view->app, view->session, "COPY", line->value ? line->path : line->text,
                     choices, sizeof choices / sizeof choices[0], place);
}
