#include "core/sheet.h"

#include <assert.h>
#include <string.h>

struct sheet_row *sheet_row_new(const struct sheet *sheet, struct arena *arena, struct str key)
{
    struct sheet_row *row = arena_new(arena, struct sheet_row);
    row->cells = arena_array(arena, struct cell, sheet->ncolumns);
    row->key = key;
    return row;
}

const struct column *sheet_column(const struct sheet *sheet, struct str name, size_t *ret_index)
{
    for (size_t i = 0; i < sheet->ncolumns; i++) {
        if (str_is(name, sheet->columns[i].name)) {
            if (ret_index)
                *ret_index = i;
            return &sheet->columns[i];
        }
    }
    return NULL;
}

struct cell *sheet_cell(const struct sheet *sheet, struct sheet_row *row, const char *column)
{
    size_t i = 0;
    const struct column *found = sheet_column(sheet, str_of(column), &i);
    assert(found);
    (void)found;
    return &row->cells[i];
}

static bool is_nothing(const struct cell *c)
{
    return c->type == CELL_UNKNOWN || c->type == CELL_NULL;
}

int cell_cmp(const struct cell *a, const struct cell *b)
{
    if (is_nothing(a) || is_nothing(b))
        return is_nothing(a) - is_nothing(b);
    if (a->type == CELL_TEXT || a->type == CELL_OBJECT)
        return str_cmp(a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

static struct str show_bytes(struct arena *a, int64_t n)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double size = (double)n;
    size_t unit = 0;
    while (size >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        size /= 1000;
        unit++;
    }
    return arena_printf(a, unit && size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

struct str cell_show(struct arena *a, const struct cell *cell, int64_t now_us)
{
    switch (cell->type) {
    case CELL_UNKNOWN:
        return STR("\xc2\xb7");
    case CELL_NULL:
        return STR("-");
    case CELL_BOOL:
        return cell->number ? STR("yes") : STR("no");
    case CELL_INT:
        return arena_printf(a, "%lld", (long long)cell->number);
    case CELL_BYTES:
        return show_bytes(a, cell->number);
    case CELL_TIME:
        return now_us == TIME_UNKNOWN ? time_rfc3339(a, cell->number)
                                      : time_span(a, now_us - cell->number);
    case CELL_TEXT:
    case CELL_OBJECT:
        break;
    }
    return cell->text;
}
