/* What was said on the message line. */
#include "tui/view_table.h"

static const struct column columns[] = {
    {.name = "time", .title = "SAID", .type = CELL_TIME, .width = 8, .keep = true, .help = "when"},
    {.name = "message", .title = "MESSAGE", .type = CELL_TEXT, .keep = true, .help = "what"},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const struct sheet sheet = {
    .name = "messages", .title = "messages", .columns = columns, .ncolumns = COLUMNS};

static enum mark mark_of(enum style style)
{
    return style == STYLE_BAD ? MARK_BAD : style == STYLE_WARN ? MARK_WARN : MARK_NONE;
}

static void fill(struct app *app, struct arena *a, struct rows *rows)
{
    for (size_t i = 0; i < messages_count(&app->messages); i++) {
        const struct message *m = messages_at(&app->messages, i);
        struct str text = {m->text.ptr, m->text.len};
        struct cell cells[COLUMNS] = {cell_time(m->at_us), cell_text(text)};
        cells[1].mark = mark_of(m->style);
        struct row_in in = {.key = arena_printf(a, "%zu", app->messages.said - i),
                            .label = text,
                            .cells = cells,
                            .known = true};
        rows_add(rows, &in);
    }
}

const struct table_class messages_table = {
    .title = "messages",
    .empty = "nothing was said yet",
    .sheet = &sheet,
    .fill = fill,
};
