/* The table of the system triggers. */
#include "core/system.h"

static const struct column list_columns[] = {
    {.name = "id",
     .title = "ID",
     .type = CELL_TEXT,
     .cheap = true,
     .keep = true,
     .help = "identity in its store"},
};

static struct sheet_row *list_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, in->row->id);
    *sheet_cell(sheet, row, "id") = cell_text(in->row->id);
    return row;
}

static const struct sheet sheets[] = {
    {"list", "sessions", list_columns, sizeof list_columns / sizeof list_columns[0], list_fill},
};

const struct system system_triggers = {
    .name = "triggers",
    .noun = "session",
    .records = "sessions",
    .parts = {"session"},
    .nparts = 1,
    .sheets = sheets,
    .nsheets = sizeof sheets / sizeof sheets[0],
};
