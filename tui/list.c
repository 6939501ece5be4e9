#include "tui/list.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    GUTTER = 5, /* blank, cursor, mark, how the row is, blank */
    GAP = 2,
    COLUMNS_MAX = 64,
    CUT_WIDTH = 10, /* a text cut to less says nothing */
};

void list_init(struct list *list, const struct sheet *sheet)
{
    *list =
        (struct list){.sheet = sheet, .sort = -1, .attention = strcmp(sheet->name, "list") == 0};
    list->marks = keyset_new();
    list->cleared = keyset_new();
}

void list_release(struct list *list)
{
    free(list->order);
    sbuf_release(&list->key);
    sbuf_release(&list->filter_text);
    keyset_free(list->marks);
    keyset_free(list->cleared);
    filter_free(list->filter);
}

/* --- order ---------------------------------------------------------------------------------- */

static int row_cmp(const void *a, const void *b, void *ctx)
{
    const struct list *list = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    struct cell cx = rows_cell(list->rows, x, (size_t)list->sort);
    struct cell cy = rows_cell(list->rows, y, (size_t)list->sort);
    bool nothing = cx.type <= CELL_NULL || cy.type <= CELL_NULL; /* last in either direction */
    int cmp = cell_cmp(&cx, &cy);
    if (list->descending && !nothing)
        cmp = -cmp;
    return cmp ? cmp : (x > y) - (x < y);
}

/* Without a chosen column, records that need attention come first, each kind in store order. */
static int attention_cmp(const void *a, const void *b, void *ctx)
{
    static const int rank[] = {
        [MARK_BAD] = 0, [MARK_WARN] = 1, [MARK_NONE] = 2, [MARK_OK] = 2, [MARK_WAIT] = 2};
    const struct list *list = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int cmp = rank[rows_mark(list->rows, x)] - rank[rows_mark(list->rows, y)];
    return cmp ? cmp : (x > y) - (x < y);
}

static void order_insert(struct list *list, size_t at, uint32_t row)
{
    memmove(&list->order[at + 1], &list->order[at], (list->n - at) * sizeof list->order[0]);
    list->order[at] = row;
    list->n++;
}

/* Filters and sorts anew; a tombstone keeps its line. */
static void reorder(struct list *list, int64_t now_us)
{
    size_t count = list->rows ? rows_count(list->rows) : 0;
    if (list->cap < count + 1) {
        list->cap = count + 1;
        list->order = realloc(list->order, list->cap * sizeof list->order[0]);
        if (!list->order)
            abort();
    }
    list->n = list->total = 0;
    size_t tombstone = count;
    for (size_t i = 0; i < count; i++) {
        if (rows_gone(list->rows, i)) {
            if (list->has_key && str_eq(rows_key(list->rows, i), sbuf_view(&list->key)))
                tombstone = i;
            continue;
        }
        list->total++;
        if (filter_passes(list->filter, list->rows, i, now_us))
            list->order[list->n++] = (uint32_t)i;
    }
    if (list->sort >= 0)
        qsort_r(list->order, list->n, sizeof list->order[0], row_cmp, list);
    else if (list->attention)
        qsort_r(list->order, list->n, sizeof list->order[0], attention_cmp, list);
    if (tombstone < count)
        order_insert(list, list->cursor < list->n ? list->cursor : list->n, (uint32_t)tombstone);
}

static void take_key(struct list *list)
{
    list->has_key = list->cursor < list->n;
    if (!list->has_key)
        return;
    struct str key = rows_key(list->rows, list->order[list->cursor]);
    list->key.len = 0;
    sbuf_str(&list->key, key);
}

/* The cursor goes where its row went; the line on the screen stays the same if it can. */
static bool follow(struct list *list)
{
    size_t offset = list->cursor >= list->top ? list->cursor - list->top : 0;
    bool found = false;
    for (size_t i = 0; i < list->n && list->has_key && !found; i++) {
        if (str_eq(rows_key(list->rows, list->order[i]), sbuf_view(&list->key))) {
            list->cursor = i;
            found = true;
        }
    }
    if (!list->has_key && !list->touched)
        list->cursor = 0;
    if (!found && list->cursor >= list->n)
        list->cursor = list->n ? list->n - 1 : 0;
    list->top = list->cursor > offset ? list->cursor - offset : 0;
    take_key(list);
    return found;
}

/* Before a swap: the row under the cursor is carried over when the new snapshot lacks it. */
static void keep_tombstone(struct list *list, struct rows *rows)
{
    size_t old;
    if (!list->rows || list->rows == rows || !list_at(list, &old) || rows_gone(list->rows, old) ||
        rows_find(rows, sbuf_view(&list->key), NULL))
        return;
    struct cell *cells = calloc(list->sheet->ncolumns, sizeof cells[0]);
    if (!cells)
        abort();
    struct row_in row;
    rows_get(list->rows, old, &row, cells);
    row.gone = true;
    row.status = STR_NULL;
    rows_add(rows, &row);
    free(cells);
}

static size_t drop_marks(struct list *list)
{
    size_t dropped = 0;
    for (size_t i = keyset_count(list->marks); i-- > 0;) {
        struct str key = keyset_at(list->marks, i);
        size_t row;
        if (rows_find(list->rows, key, &row) && !rows_gone(list->rows, row))
            continue;
        keyset_put(list->marks, key, false);
        dropped++;
    }
    return dropped;
}

size_t list_swap(struct list *list, struct rows *rows, bool complete, int64_t now_us)
{
    if (complete)
        keep_tombstone(list, rows);
    list->rows = rows;
    if (!list->touched && !list->complete)
        list->has_key = false; /* what came first while it was loading was chosen by nobody */
    list->complete = complete;
    reorder(list, now_us);
    follow(list);
    return complete ? drop_marks(list) : 0;
}

bool list_filter(struct list *list, struct str text, int64_t now_us)
{
    struct filter *filter = NULL;
    list->filter_err = (struct err){0};
    struct sbuf copy = SBUF_INIT;
    sbuf_str(&copy, text);
    sbuf_release(&list->filter_text);
    list->filter_text = copy;
    if (!filter_parse(list->sheet, text, &filter, &list->filter_err))
        return false;
    filter_free(list->filter);
    list->filter = filter;
    reorder(list, now_us);
    if (!follow(list)) { /* its row is filtered away: what was looked for comes first */
        list->cursor = list->top = 0;
        take_key(list);
    }
    return true;
}

/* --- moving --------------------------------------------------------------------------------- */

bool list_at(const struct list *list, size_t *ret)
{
    if (!list->rows || list->cursor >= list->n)
        return false;
    *ret = list->order[list->cursor];
    return true;
}

size_t list_hidden_marks(const struct list *list)
{
    size_t shown = 0;
    for (size_t i = 0; i < list->n && keyset_count(list->marks); i++)
        shown += keyset_has(list->marks, rows_key(list->rows, list->order[i]));
    return keyset_count(list->marks) - shown;
}

static void move_to(struct list *list, ptrdiff_t to)
{
    ptrdiff_t last = (ptrdiff_t)list->n - 1;
    to = to > last ? last : to;
    list->cursor = to < 0 ? 0 : (size_t)to;
    take_key(list);
}

static void move_by(struct list *list, ptrdiff_t by)
{
    move_to(list, (ptrdiff_t)list->cursor + by);
}

static void toggle_mark(struct list *list)
{
    size_t row;
    if (!list_at(list, &row) || rows_gone(list->rows, row))
        return;
    struct str key = rows_key(list->rows, row);
    keyset_put(list->marks, key, !keyset_has(list->marks, key));
    move_by(list, 1);
}

/* An action never means "all that the filter lets through"; this makes names of them. */
static void mark_shown(struct list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!rows_gone(list->rows, list->order[i]))
            keyset_put(list->marks, rows_key(list->rows, list->order[i]), true);
    }
}

static void swap_marks(struct list *list)
{
    struct keyset *marks = list->marks;
    if (keyset_count(marks) == 0 && keyset_count(list->cleared) == 0)
        return;
    list->marks = list->cleared;
    list->cleared = marks;
    if (keyset_count(list->marks) && keyset_count(list->cleared)) {
        keyset_free(list->marks); /* cleared, not exchanged with what was cleared before */
        list->marks = keyset_new();
    }
}

static bool sortable(const struct list *list, ptrdiff_t column)
{
    return column < 0 || list->sheet->columns[column].title;
}

static void sort_by(struct list *list, int step, int64_t now_us)
{
    ptrdiff_t n = (ptrdiff_t)list->sheet->ncolumns;
    do {
        list->sort += step;
        if (list->sort >= n)
            list->sort = -1;
        if (list->sort < -1)
            list->sort = n - 1;
    } while (!sortable(list, list->sort));
    reorder(list, now_us);
    follow(list);
}

bool list_command(struct list *list, enum command command, int64_t now_us)
{
    int page = list->page > 1 ? list->page : 1;
    list->touched = true;
    switch (command) {
    case CMD_UP:
        move_by(list, -1);
        return true;
    case CMD_DOWN:
        move_by(list, 1);
        return true;
    case CMD_PAGE_UP:
        move_by(list, -page);
        return true;
    case CMD_PAGE_DOWN:
        move_by(list, page);
        return true;
    case CMD_HALF_UP:
        move_by(list, -(page + 1) / 2);
        return true;
    case CMD_HALF_DOWN:
        move_by(list, (page + 1) / 2);
        return true;
    case CMD_FIRST:
        move_to(list, 0);
        return true;
    case CMD_LAST:
        move_to(list, (ptrdiff_t)list->n - 1);
        return true;
    case CMD_LEFT:
        list->first_column -= list->first_column > 0;
        return true;
    case CMD_RIGHT:
        list->first_column += list->more_columns;
        return true;
    case CMD_MARK:
        toggle_mark(list);
        return true;
    case CMD_MARK_SHOWN:
        mark_shown(list);
        return true;
    case CMD_UNMARK:
        swap_marks(list);
        return true;
    case CMD_SORT_PREV:
        sort_by(list, -1, now_us);
        return true;
    case CMD_SORT_NEXT:
        sort_by(list, 1, now_us);
        return true;
    case CMD_SORT_FLIP:
        list->descending = !list->descending;
        sort_by(list, 0, now_us);
        return true;
    case CMD_TIMES:
        list->utc = !list->utc;
        return true;
    default:
        return false;
    }
}

/* --- drawing -------------------------------------------------------------------------------- */

struct layout_column {
    size_t column;
    int width, want;
};

struct columns {
    struct layout_column at[COLUMNS_MAX];
    size_t n;
    bool more_left, more_right;
};

static int wanted_width(const struct list *list, size_t column)
{
    const struct column *c = &list->sheet->columns[column];
    int title = text_width(str_of(c->title)) + (list->sort == (ptrdiff_t)column ? 2 : 0);
    int content = list->rows ? rows_width(list->rows, column) : 0;
    if (c->type == CELL_TIME && list->utc)
        content = 20;
    return content > title ? content : title;
}

/* What a column gets before the wide ones share the rest. Identities are not cut while others have
 * room to spare. */
static int least_width(const struct list *list, size_t column, int width)
{
    const struct column *c = &list->sheet->columns[column];
    int want = wanted_width(list, column);
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
    if (cols->n < COLUMNS_MAX)
        cols->at[cols->n++] = (struct layout_column){column, least_width(list, column, width),
                                                     wanted_width(list, column)};
}

/* Where no column says that it stays, the first one does. */
static bool is_kept(const struct sheet *sheet, size_t column)
{
    size_t first = sheet->ncolumns;
    for (size_t c = sheet->ncolumns; c-- > 0;) {
        if (sheet->columns[c].keep)
            return sheet->columns[column].keep;
        first = sheet->columns[c].title ? c : first;
    }
    return column == first;
}

/* Kept columns first, then the others from the first scrolled one as long as they fit, in the order
 * of the table; what is left over goes to those that were cut. */
static void choose_columns(struct list *list, int width, struct columns *cols)
{
    *cols = (struct columns){0};
    bool chosen[COLUMNS_MAX] = {false};
    size_t total = list->sheet->ncolumns < COLUMNS_MAX ? list->sheet->ncolumns : COLUMNS_MAX;
    size_t loose = 0;
    int used = 0;
    for (size_t c = 0; c < total; c++) {
        if (!list->sheet->columns[c].title)
            continue;
        if (is_kept(list->sheet, c)) {
            chosen[c] = true;
            used += least_width(list, c, width) + (used ? GAP : 0);
        } else
            loose++;
    }
    if (list->first_column >= loose)
        list->first_column = loose ? loose - 1 : 0;
    size_t seen = 0;
    for (size_t c = 0; c < total; c++) {
        if (!list->sheet->columns[c].title || is_kept(list->sheet, c))
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
        if (!is_kept(list->sheet, cols->at[i].column))
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

static void draw_heading(const struct list *list, struct canvas *canvas, struct rect r,
                         const struct columns *cols)
{
    int x = r.x + GUTTER;
    for (size_t i = 0; i < cols->n; i++) {
        size_t c = cols->at[i].column;
        const struct column *column = &list->sheet->columns[c];
        const char *arrow = list->sort != (ptrdiff_t)c ? "" : list->descending ? " ↓" : " ↑";
        struct str text = arena_printf(&canvas->scratch, "%s%s", column->title, arrow);
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
                      const struct cell *cell, bool identity, int64_t now_us)
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
    if (identity)
        text = text_cut_middle(&canvas->scratch, text_clean(&canvas->scratch, text, 0), w, 0);
    if (right_aligned(cell->type))
        canvas_put_right(canvas, y, x, w, style, text);
    else
        canvas_put(canvas, y, x, w, style, text);
}

static void draw_row(const struct list *list, struct canvas *canvas, struct rect r, size_t line,
                     const struct columns *cols, int64_t now_us)
{
    struct cell *cells = arena_array(&canvas->scratch, struct cell, list->sheet->ncolumns);
    struct row_in row;
    rows_get(list->rows, list->order[line], &row, cells);
    bool here = line == list->cursor;
    if (here)
        canvas_put(canvas, r.y, r.x + 1, 1, STYLE_STRONG, STR("▸"));
    if (keyset_has(list->marks, row.key))
        canvas_put(canvas, r.y, r.x + 2, 1, STYLE_WARN, STR("●"));
    bool shows_mark = row.mark == MARK_NONE || row.mark == MARK_OK;
    for (size_t i = 0; i < cols->n; i++)
        shows_mark = shows_mark || cells[cols->at[i].column].mark != MARK_NONE;
    if (!shows_mark)
        canvas_put(canvas, r.y, r.x + 3, 2, style_of_mark(row.mark),
                   str_of(glyph_of_mark(row.mark)));
    size_t identity = 0;
    while (!is_kept(list->sheet, identity))
        identity++;
    int x = r.x + GUTTER;
    for (size_t i = 0; i < cols->n; i++) {
        struct cell cell = cells[cols->at[i].column];
        draw_cell(list, canvas, r.y, x, cols->at[i].width, &cell, identity == cols->at[i].column,
                  now_us);
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
    choose_columns(list, r.w - GUTTER - 1, &cols);
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
