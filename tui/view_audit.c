/* The audit file: who did what, or wanted to. */
#include "core/own_sheets.h"
#include "tui/view_table.h"

enum { DAYS = 30 };

static bool gather(const struct table_source *s)
{
    json_t *lines;
    size_t bad;
    int64_t since_us = s->now_us - DAYS * 86400 * (int64_t)1000000;
    if (!audit_read(s->audit_path, since_us, &lines, &bad, s->err))
        return false;
    const bool *folded = audit_folded(s->arena, lines);
    for (size_t i = json_array_size(lines); i-- > 0;) { /* newest first */
        struct cell cells[AUDIT_COLUMNS];
        if (folded[i])
            continue;
        audit_cells(json_array_get(lines, i), cells);
        struct row_in in = {.key = arena_printf(s->arena, "%zu", i),
                            .label = cells[AUDIT_OBJECT].text,
                            .cells = cells,
                            .known = true};
        rows_page_add(s->page, &in);
    }
    json_decref(lines);
    return true;
}

const struct table_class audit_table = {
    .title = "audit, 30 days",
    .empty = "nothing was done from here",
    .sheet = &audit_sheet,
    .gather = gather,
};
