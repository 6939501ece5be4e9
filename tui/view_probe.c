/* What was found at the targets: versions, rights, whether it can be written. */
#include "core/own_sheets.h"
#include "tui/view_table.h"

static bool gather(const struct table_source *s)
{
    struct cell cells[PROBE_COLUMNS];
    struct call call = s->call;
    if (!store_probe(s->open->store, &call, s->err))
        return false;
    probe_cells(s->open, cells);
    cells[0] = cell_text(s->store_name);
    struct row_in in = {
        .key = s->store_name, .label = s->store_name, .cells = cells, .known = true};
    rows_page_add(s->page, &in);
    return true;
}

const struct table_class probe_table = {
    .title = "probe",
    .empty = "no store is open",
    .sheet = &probe_sheet,
    .per_store = true,
    .gather = gather,
};
