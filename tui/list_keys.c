#include "tui/list_keys.h"

enum {
    MARKS_MAX = 100000,
    FIND_ROWS = 50000, /* looked at by one search */
};

/* --- moving ---------------------------------------------------------------------------------- */

static void move_to(struct list *list, ptrdiff_t to)
{
    ptrdiff_t last = (ptrdiff_t)list->n - 1;
    to = to > last ? last : to;
    list->cursor = to < 0 ? 0 : (size_t)to;
    list_take_key(list);
}

static void move_by(struct list *list, ptrdiff_t by)
{
    move_to(list, (ptrdiff_t)list->cursor + by);
}

/* With a count, to that line, as in vi. */
static void move_to_line(struct list *list, size_t count, ptrdiff_t otherwise)
{
    move_to(list, count ? (ptrdiff_t)count - 1 : otherwise);
}

/* --- marking --------------------------------------------------------------------------------- */

static bool may_mark(struct list *list, size_t more)
{
    if (keyset_count(list->marks) + more <= MARKS_MAX)
        return true;
    list->said = "no more than 100,000 rows can be marked: filter first";
    return false;
}

static void toggle_mark(struct list *list)
{
    size_t row;
    if (!list_at(list, &row) || rows_gone(list->rows, row) || !may_mark(list, 1))
        return;
    struct str key = rows_key(list->rows, row);
    keyset_put(list->marks, key, !keyset_has(list->marks, key));
    move_by(list, 1);
}

static void mark_lines(struct list *list, size_t from, size_t to)
{
    if (!may_mark(list, to - from))
        return;
    for (size_t i = from; i < to; i++) {
        size_t row = list->order[i];
        if (!rows_gone(list->rows, row) &&
            filter_passes(list->filter, list->rows, row, list->now_us))
            keyset_put(list->marks, rows_key(list->rows, row), true);
    }
}

bool list_range(const struct list *list, size_t *ret_from, size_t *ret_to)
{
    size_t anchor;
    if (!list->ranging || list->cursor >= list->n)
        return false;
    if (!list_find_line(list, (struct str){list->anchor.ptr, list->anchor.len}, &anchor))
        anchor = list->cursor;
    *ret_from = anchor < list->cursor ? anchor : list->cursor;
    *ret_to = (anchor < list->cursor ? list->cursor : anchor) + 1;
    return true;
}

/* The first time from here; the second time marks what lies between. */
static void range(struct list *list)
{
    size_t from, to;
    if (list_range(list, &from, &to)) {
        mark_lines(list, from, to);
        list->ranging = false;
    } else if (list->has_key) {
        list_set_text(&list->anchor, sbuf_view(&list->key));
        list->ranging = true;
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
    list_count_hidden(list);
}

/* --- looking for ----------------------------------------------------------------------------- */

/* The next row, or the one before, that the last filter lets through, applied or not. */
static void find(struct list *list, int step)
{
    struct filter *filter = NULL;
    struct err ignored;
    if (list->n == 0 || !filter_parse(list->sheet, sbuf_view(&list->found_text), &filter, &ignored))
        return;
    size_t at = list->cursor, rows = list->n < FIND_ROWS ? list->n : FIND_ROWS;
    bool found = false;
    for (size_t i = 0; i < rows && filter && !found; i++) {
        at = step > 0 ? (at + 1) % list->n : (at + list->n - 1) % list->n;
        found = filter_passes(filter, list->rows, list->order[at], list->now_us);
    }
    if (found)
        move_to(list, (ptrdiff_t)at);
    else
        list->said = !filter          ? "nothing to look for: / asks for words first"
                     : rows < list->n ? "no match in the next 50,000 rows; / filters all"
                                      : "no match";
    filter_free(filter);
}

/* --- columns --------------------------------------------------------------------------------- */

bool list_has_column(const struct list *list, size_t column)
{
    const struct column *c = &list->sheet->columns[column];
    bool flipped = column < 64 && list->flipped >> column & 1;
    return (c->title && !(c->of_record && list->one_record)) != flipped;
}

static bool sortable(const struct list *list, ptrdiff_t column)
{
    return column < 0 || list_has_column(list, (size_t)column);
}

static void sort_by(struct list *list, int step)
{
    ptrdiff_t n = (ptrdiff_t)list->sheet->ncolumns;
    do {
        list->want.sort += step;
        if (list->want.sort >= n)
            list->want.sort = -1;
        if (list->want.sort < -1)
            list->want.sort = n - 1;
    } while (!sortable(list, list->want.sort));
    list_reorder(list);
    list_follow(list);
}

/* Sorts by a column; by the same one again: turned round. */
static void list_sort(struct list *list, ptrdiff_t column, int64_t now_us)
{
    list->now_us = now_us;
    list->want.descending = column == list->want.sort && !list->want.descending;
    list->want.sort = column;
    sort_by(list, 0);
}

/* --- the mouse and the keys ------------------------------------------------------------------ */

void list_click(struct list *list, int y, int x, int64_t now_us)
{
    const struct rect *r = &list->drawn;
    list->touched = true;
    if (y == r->y) {
        for (size_t i = 0; i < list->nheads; i++) {
            if (x >= list->heads[i].x && x < list->heads[i].x + list->heads[i].w)
                list_sort(list, (ptrdiff_t)list->heads[i].column, now_us);
        }
    } else if (y > r->y && y < r->y + r->h && list->top + (size_t)(y - r->y - 1) < list->n)
        move_to(list, (ptrdiff_t)list->top + y - r->y - 1);
}

/* Motions, `count` times. False: not one. */
static bool move(struct list *list, enum command command, size_t count)
{
    ptrdiff_t times = count ? (ptrdiff_t)count : 1, page = list->page > 1 ? list->page : 1;
    switch (command) {
    case CMD_UP:
        move_by(list, -times);
        return true;
    case CMD_DOWN:
        move_by(list, times);
        return true;
    case CMD_PAGE_UP:
        move_by(list, -times * page);
        return true;
    case CMD_PAGE_DOWN:
        move_by(list, times * page);
        return true;
    case CMD_HALF_UP:
        move_by(list, -times * ((page + 1) / 2));
        return true;
    case CMD_HALF_DOWN:
        move_by(list, times * ((page + 1) / 2));
        return true;
    case CMD_FIRST:
        move_to_line(list, count, 0);
        return true;
    case CMD_LAST:
        move_to_line(list, count, (ptrdiff_t)list->n - 1);
        return true;
    case CMD_NEXT_MATCH:
        find(list, 1);
        return true;
    case CMD_PREV_MATCH:
        find(list, -1);
        return true;
    default:
        return false;
    }
}

bool list_command(struct list *list, enum command command, int64_t now_us)
{
    size_t count = list->count;
    list->touched = true;
    list->count = 0;
    list->said = NULL;
    list->now_us = now_us;
    if (move(list, command, count))
        return true;
    switch (command) {
    case CMD_LEFT:
        list->first_column -= list->first_column > 0;
        return true;
    case CMD_RIGHT:
        list->first_column += list->more_columns;
        return true;
    case CMD_WIDE:
        list->wide = !list->wide;
        return true;
    case CMD_MARK:
        if (list->ranging)
            range(list);
        else
            toggle_mark(list);
        return true;
    case CMD_RANGE:
        range(list);
        return true;
    case CMD_BACK:
        if (!list->ranging)
            return false;
        list->ranging = false;
        return true;
    case CMD_MARK_SHOWN:
        /* An action never means "all that the filter lets through"; this makes names of them. */
        mark_lines(list, 0, list->n);
        return true;
    case CMD_UNMARK:
        swap_marks(list);
        return true;
    case CMD_SORT_PREV:
        sort_by(list, -1);
        return true;
    case CMD_SORT_NEXT:
        sort_by(list, 1);
        return true;
    case CMD_SORT_FLIP:
        list->want.descending = !list->want.descending;
        sort_by(list, 0);
        return true;
    case CMD_TIMES:
        list->utc = !list->utc;
        return true;
    default:
        return false;
    }
}
