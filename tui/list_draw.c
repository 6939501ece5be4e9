/* How a list is drawn: which columns have room, the heading, the rows. */
#include "tui/list.h"

#include "core/base/text.h"

#include <string.h>

enum {
    GUTTER = 5, /* blank, cursor, mark, how the row is, blank */
    GAP = 2,
    SIZE_CELLS = 6, /* "2.1 MB": so that 9 B and 1.2 GB take the same room */
    CUT_WIDTH = 10, /* a text cut to less says nothing */
};

struct layout_column {
    size_t column;
    int width, want;
};

struct columns {
    struct layout_column at[LIST_COLUMNS_MAX];
    size_t n;
    bool more_left, more_right;
    size_t range_from, range_to; /* lines; equal: none */
};

static const char *heading(const struct column *c)
{
    return c->title ? c->title : c->name;
}

static int wanted_width(const struct list *list, size_t column)
{
    const struct column *c = &list->sheet->columns[column];
    int title = text_width(str_of(heading(c))) + (list->shown.sort == (ptrdiff_t)column ? 2 : 0);
    int content = list->rows ? rows_width(list->rows, column) : 0;
    if (c->type == CELL_TIME && list->utc)
        content = 20;
    if (c->type == CELL_BYTES && content < SIZE_CELLS)
        content = SIZE_CELLS;
    return content > title ? content : title;
}

/* What a column gets before the wide ones share the rest. Identities are not cut while others have
 * room to spare. */
static int least_width(const struct list *list, size_t column, int width)
{
    const struct column *c = &list->sheet->columns[column];
    int want = wanted_width(list, column);
    if (list->wide)
        return want < width ? want : width;
    int least = c->keep ? width / 3 : c->width ? c->width : 12;
    if (c->type == CELL_TIME && list->utc)
        return want; /* half a time is none */
    return want < least ? want : least;
}

static int used_width(const struct columns *cols)
{
    int used = 0;
    for (size_t i = 0; i < cols->n; i++)
        used += cols->at[i].width + (i ? GAP : 0);
    return used;
}

static void add_column(const struct list *list, struct columns *cols, size_t column, int width)
{
    if (cols->n < LIST_COLUMNS_MAX)
        cols->at[cols->n++] = (struct layout_column){column, least_width(list, column, width),
                                                     wanted_width(list, column)};
}

/* Where no column says that it stays, the first one does. */
static bool is_kept(const struct list *list, size_t column)
{
    const struct sheet *sheet = list->sheet;
    size_t first = sheet->ncolumns;
    for (size_t c = sheet->ncolumns; c-- > 0;) {
        if (sheet->columns[c].keep)
            return sheet->columns[column].keep;
        first = list_has_column(list, c) ? c : first;
    }
    return column == first;
}

/* Kept columns first, then the others from the first scrolled one as long as they fit, in the order
 * of the table; what is left over goes to those that were cut. */
static void choose_columns(struct list *list, int width, struct columns *cols)
{
    *cols = (struct columns){0};
    bool chosen[LIST_COLUMNS_MAX] = {false};
    size_t total =
        list->sheet->ncolumns < LIST_COLUMNS_MAX ? list->sheet->ncolumns : LIST_COLUMNS_MAX;
    size_t loose = 0;
    int used = 0;
    for (size_t c = 0; c < total; c++) {
        if (!list_has_column(list, c))
            continue;
        if (is_kept(list, c)) {
            chosen[c] = true;
            used += least_width(list, c, width) + (used ? GAP : 0);
        } else
            loose++;
    }
    if (list->first_column >= loose)
        list->first_column = loose ? loose - 1 : 0;
    size_t seen = 0;
    for (size_t c = 0; c < total; c++) {
        if (!list_has_column(list, c) || is_kept(list, c))
            continue;
        int least = least_width(list, c, width) + GAP;
        int worth = list->sheet->columns[c].type == CELL_TEXT ? CUT_WIDTH + GAP : least;
        if (seen++ < list->first_column)
            cols->more_left = true;
        else if (used + (least < worth ? least : worth) <= width && !cols->more_right) {
            chosen[c] = true;
            used += least; /* beyond the width: this last one is cut */
        } else
            cols->more_right = true;
    }
    for (size_t c = 0; c < total; c++) {
        if (chosen[c])
            add_column(list, cols, c, width);
    }
    list->more_columns = cols->more_right;
    for (size_t i = cols->n; i-- > 0 && used_width(cols) > width;) {
        if (!is_kept(list, cols->at[i].column))
            cols->at[i].width -= used_width(cols) - width;
    }
    for (size_t i = 0; i < cols->n; i++) {
        int spare = width - used_width(cols);
        int lacks = cols->at[i].want - cols->at[i].width;
        if (spare > 0 && lacks > 0)
            cols->at[i].width += spare < lacks ? spare : lacks;
    }
}

static bool right_aligned(enum cell_type type)
{
    return type == CELL_INT || type == CELL_BYTES;
}

static void draw_heading(struct list *list, struct canvas *canvas, struct rect r,
                         const struct columns *cols)
{
    int x = r.x + GUTTER;
    list->nheads = cols->n;
    for (size_t i = 0; i < cols->n; i++) {
        size_t c = cols->at[i].column;
        list->heads[i].x = x;
        list->heads[i].w = cols->at[i].width;
        list->heads[i].column = c;
        const struct column *column = &list->sheet->columns[c];
        const char *arrow = list->shown.sort != (ptrdiff_t)c ? ""
                            : list->shown.descending         ? " ↓"
                                                             : " ↑";
        struct str text = arena_printf(&canvas->scratch, "%s%s", heading(column), arrow);
        if (right_aligned(column->type))
            canvas_put_right(canvas, r.y, x, cols->at[i].width, STYLE_HEADING, text);
        else
            canvas_put(canvas, r.y, x, cols->at[i].width, STYLE_HEADING, text);
        x += cols->at[i].width + GAP;
    }
    if (cols->more_left)
        canvas_put(canvas, r.y, r.x + 3, 1, STYLE_KEY, STR("‹"));
    if (cols->more_right)
        canvas_put(canvas, r.y, r.x + r.w - 1, 1, STYLE_KEY, STR("›"));
}

/* Identities are cut in the middle: what tells them apart is at their ends. */
static void draw_cell(const struct list *list, struct canvas *canvas, int y, int x, int w,
                      const struct cell *cell, bool identity, bool changed, int64_t now_us)
{
    struct str shown = cell_show(&canvas->scratch, cell, list->utc ? TIME_UNKNOWN : now_us);
    if (cell->type == CELL_TIME && list->utc && shown.len > 20) /* whole seconds */
        shown = arena_printf(&canvas->scratch, "%.19sZ", shown.ptr);
    struct str text =
        arena_printf(&canvas->scratch, "%s%.*s", glyph_of_mark(cell->mark), STR_ARG(shown));
    unsigned style =
        cell->mark == MARK_NONE && (cell->type == CELL_NULL || cell->type == CELL_UNKNOWN)
            ? STYLE_DIM
            : style_of_mark(cell->mark);
    if (changed && (style == STYLE_TEXT || style == STYLE_DIM))
        style = STYLE_STRONG;
    if (identity)
        text = text_cut_middle(&canvas->scratch, text_clean(&canvas->scratch, text, 0), w, 0);
    if (right_aligned(cell->type))
        canvas_put_right(canvas, y, x, w, style, text);
    else
        canvas_put(canvas, y, x, w, style, text);
}

/* The column that a row goes by, and others whose ids the scan brings: of a pipeline, of a session.
 */
static bool is_identity(const struct list *list, size_t column, size_t first_kept)
{
    const struct column *c = &list->sheet->columns[column];
    return column == first_kept || (c->cheap && !c->keep && c->type == CELL_TEXT);
}

static void draw_row(const struct list *list, struct canvas *canvas, struct rect r, size_t line,
                     const struct columns *cols, int64_t now_us)
{
    struct cell *cells = arena_array(&canvas->scratch, struct cell, list->sheet->ncolumns);
    struct row_in row;
    rows_get(list->rows, list->order[line], &row, cells);
    bool here = line == list->cursor && !list->resting;
    if (here)
        canvas_put(canvas, r.y, r.x + 1, 1, STYLE_STRONG, STR("▸"));
    uint64_t changed = rows_changes(list->rows, list->order[line], list->now_ms);
    if (list->stale)
        canvas_put(canvas, r.y, r.x, 1, STYLE_BAD, STR("~"));
    else if (changed)
        canvas_put(canvas, r.y, r.x, 1, STYLE_STRONG, changed == UINT64_MAX ? STR("+") : STR("*"));
    if (keyset_has(list->marks, row.key))
        canvas_put(canvas, r.y, r.x + 2, 1, STYLE_WARN, STR("●"));
    else if (line >= cols->range_from && line < cols->range_to)
        canvas_put(canvas, r.y, r.x + 2, 1, STYLE_WARN, STR("○"));
    bool shows_mark = row.mark == MARK_NONE || row.mark == MARK_OK;
    for (size_t i = 0; i < cols->n; i++)
        shows_mark = shows_mark || cells[cols->at[i].column].mark != MARK_NONE;
    if (!shows_mark)
        canvas_put(canvas, r.y, r.x + 3, 1, style_of_mark(row.mark),
                   str_trim(str_of(glyph_of_mark(row.mark))));
    size_t first_kept = 0;
    while (!is_kept(list, first_kept))
        first_kept++;
    int x = r.x + GUTTER;
    for (size_t i = 0; i < cols->n; i++) {
        struct cell cell = cells[cols->at[i].column];
        draw_cell(list, canvas, r.y, x, cols->at[i].width, &cell,
                  is_identity(list, cols->at[i].column, first_kept),
                  changed >> (cols->at[i].column & 63) & 1, now_us);
        x += cols->at[i].width + GAP;
    }
    if (row.gone)
        canvas_put_right(canvas, r.y, r.x + r.w - 7, 6, STYLE_WARN, STR(" gone "));
    if (here)
        canvas_restyle(canvas, (struct rect){r.y, r.x + GUTTER - 1, 1, r.w - GUTTER + 1},
                       STYLE_HERE);
}

void list_draw(struct list *list, struct canvas *canvas, struct rect r, int64_t now_us)
{
    struct columns cols;
    list->drawn = r;
    choose_columns(list, r.w - GUTTER - 1, &cols);
    list_range(list, &cols.range_from, &cols.range_to);
    draw_heading(list, canvas, (struct rect){r.y, r.x, 1, r.w}, &cols);
    list->page = r.h - 1;
    size_t page = list->page > 0 ? (size_t)list->page : 0;
    if (list->cursor < list->top)
        list->top = list->cursor;
    if (page && list->cursor >= list->top + page)
        list->top = list->cursor - page + 1;
    if (list->top + page > list->n)
        list->top = list->n > page ? list->n - page : 0;
    for (size_t i = 0; i < page && list->top + i < list->n; i++)
        draw_row(list, canvas, (struct rect){r.y + 1 + (int)i, r.x, 1, r.w}, list->top + i, &cols,
                 now_us);
}

/* --- what the line has no room for ----------------------------------------------------------- */

static int drawn_width(const struct list *list, size_t column)
{
    for (size_t i = 0; i < list->nheads; i++) {
        if (list->heads[i].column == column)
            return list->heads[i].w;
    }
    return 0;
}

int list_rest_height(struct rect r)
{
    enum { LEAST_H = 14, REST_H = 4 };
    return r.h < LEAST_H ? 0 : REST_H;
}

void list_draw_rest(const struct list *list, struct canvas *canvas, struct rect r, int64_t now_us)
{
    struct arena *a = &canvas->scratch;
    struct sbuf text = SBUF_INIT;
    struct row_in row;
    size_t at;
    if (r.h < 2 || list->resting || !list_at(list, &at))
        return;
    struct cell *cells = arena_array(a, struct cell, list->sheet->ncolumns);
    rows_get(list->rows, at, &row, cells);
    for (size_t c = 0; c < list->sheet->ncolumns && c < LIST_COLUMNS_MAX; c++) {
        const struct column *column = &list->sheet->columns[c];
        if (!list_has_column(list, c) || cells[c].type == CELL_NULL ||
            cells[c].type == CELL_UNKNOWN)
            continue;
        struct str shown = cell_show(a, &cells[c], list->utc ? TIME_UNKNOWN : now_us);
        const char *glyph = glyph_of_mark(cells[c].mark);
        if (!shown.len ||
            text_width(str_of(glyph)) + text_width(text_clean(a, shown, 0)) <= drawn_width(list, c))
            continue;
        sbuf_printf(&text, "%s%s %s%.*s", text.len ? "   " : "", heading(column), glyph,
                    STR_ARG(shown));
    }
    if (text.len) {
        canvas_hline(canvas, r.y, r.x + 1, r.w - 2, STYLE_DIM);
        canvas_put_folded(canvas, (struct rect){r.y + 1, r.x + 2, r.h - 1, r.w - 4}, STYLE_TEXT,
                          sbuf_view(&text));
    }
    sbuf_release(&text);
}
