#include "tui/list_keys.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 3000, /* rows that are put in order while the loop waits */
};

void list_init(struct list *list, const struct sheet *sheet)
{
    *list = (struct list){.sheet = sheet,
                          .want = {.sort = -1, .attention = strcmp(sheet->name, "list") == 0}};
    list->shown = list->want;
    list->marks = keyset_new();
    list->cleared = keyset_new();
}

void list_release(struct list *list)
{
    free(list->order);
    rows_free(list->rows);
    rows_free(list->next);
    sbuf_release(&list->key);
    sbuf_release(&list->filter_text);
    sbuf_release(&list->shown_filter);
    sbuf_release(&list->found_text);
    sbuf_release(&list->anchor);
    keyset_free(list->marks);
    keyset_free(list->cleared);
    filter_free(list->filter);
}

void list_set_text(struct sbuf *to, struct str text)
{
    struct sbuf copy = SBUF_INIT;
    sbuf_str(&copy, text); /* `text` may be the old one */
    sbuf_release(to);
    *to = copy;
}

/* --- the cursor ------------------------------------------------------------------------------ */

bool list_at(const struct list *list, size_t *ret)
{
    if (!list->rows || list->cursor >= list->n)
        return false;
    *ret = list->order[list->cursor];
    return true;
}

size_t list_total(const struct list *list)
{
    return list->rows ? rows_there(list->rows) : 0;
}

bool list_find_line(const struct list *list, struct str key, size_t *ret)
{
    size_t row;
    if (!list->rows || !rows_find(list->rows, key, &row))
        return false;
    for (size_t i = 0; i < list->n; i++) {
        if (list->order[i] == row) {
            *ret = i;
            return true;
        }
    }
    return false;
}

void list_take_key(struct list *list)
{
    list->has_key = list->cursor < list->n;
    if (!list->has_key)
        return;
    struct cell cells[LIST_COLUMNS_MAX];
    struct row_in row;
    rows_get(list->rows, list->order[list->cursor], &row, cells);
    list->key_known = row.known;
    struct str key = rows_key(list->rows, list->order[list->cursor]);
    list->key.len = 0;
    sbuf_str(&list->key, key);
}

/* The cursor goes where its row went; the line on the screen stays the same if it can. */
bool list_follow(struct list *list)
{
    size_t offset = list->cursor >= list->top ? list->cursor - list->top : 0;
    bool found = list->has_key && list_find_line(list, sbuf_view(&list->key), &list->cursor);
    if (!list->has_key && !list->touched)
        list->cursor = 0;
    if (!found && list->cursor >= list->n)
        list->cursor = list->n ? list->n - 1 : 0;
    list->top = list->cursor > offset ? list->cursor - offset : 0;
    list_take_key(list);
    return found;
}

void list_to_mark(struct list *list, enum mark mark)
{
    for (size_t i = 0; i < list->n && !list->touched; i++) {
        if (rows_mark(list->rows, list->order[i]) != mark)
            continue;
        list->cursor = i;
        list_take_key(list);
        return;
    }
}

/* --- marks ----------------------------------------------------------------------------------- */

void list_count_hidden(struct list *list)
{
    list->hidden = 0;
    for (size_t i = 0; i < keyset_count(list->marks); i++) {
        size_t row;
        bool shown = list->rows && rows_find(list->rows, keyset_at(list->marks, i), &row) &&
                     filter_passes(list->filter, list->rows, row, list->now_us);
        list->hidden += !shown;
    }
}

size_t list_hidden_marks(const struct list *list)
{
    return list->hidden;
}

/* What is gone cannot be acted on. The others keep their order. */
static size_t drop_marks(struct list *list)
{
    struct keyset *left = keyset_new();
    for (size_t i = 0; i < keyset_count(list->marks); i++) {
        struct str key = keyset_at(list->marks, i);
        size_t row;
        if (rows_find(list->rows, key, &row) && !rows_gone(list->rows, row))
            keyset_put(left, key, true);
    }
    size_t dropped = keyset_count(list->marks) - keyset_count(left);
    keyset_free(list->marks);
    list->marks = left;
    return dropped;
}

/* --- order ----------------------------------------------------------------------------------- */

static void order_room(struct list *list, size_t n)
{
    if (list->cap >= n)
        return;
    list->cap = n + n / 2 + 64;
    list->order = xreallocarray(list->order, list->cap, sizeof list->order[0]);
}

/* It was shown for what it was, and is something else now. */
static bool left_filter(const struct list *list, size_t row)
{
    return list->swapping && list->key_known &&
           !filter_passes(list->filter, list->rows, row, list->now_us);
}

/* The row under the cursor has gone, or left the filter: it keeps its line. */
static void insert_tombstone(struct list *list)
{
    size_t row;
    list->tombstone = list->has_key && rows_find(list->rows, sbuf_view(&list->key), &row) &&
                      (rows_gone(list->rows, row) || left_filter(list, row));
    if (!list->tombstone)
        return;
    size_t at = list->cursor < list->n ? list->cursor : list->n;
    order_room(list, list->n + 1);
    memmove(&list->order[at + 1], &list->order[at], (list->n - at) * sizeof list->order[0]);
    list->order[at] = (uint32_t)row;
    list->n++;
}

/* Rows that came since, behind the others: where they belong only the next index says. */
static void append_rows(struct list *list)
{
    size_t count = rows_count(list->rows);
    for (; list->indexed < count; list->indexed++) {
        size_t i = list->indexed;
        if (rows_gone(list->rows, i) || !filter_passes(list->filter, list->rows, i, list->now_us))
            continue;
        order_room(list, list->n + 1);
        list->order[list->n++] = (uint32_t)i;
        list->due = list->due || list->shown.sort >= 0 ||
                    (list->shown.attention && rows_mark(list->rows, i) >= MARK_WARN);
    }
}

static void take_order(struct list *list, struct index *index, size_t indexed)
{
    free(list->order);
    list->order = index->order;
    list->n = list->cap = index->n;
    *index = (struct index){0};
    list->indexed = indexed;
    list->known = rows_known(list->rows);
    list->there = rows_there(list->rows);
    list->shown = list->want;
    list_set_text(&list->shown_filter, sbuf_view(&list->filter_text));
    list->due = false;
    append_rows(list);
    insert_tombstone(list);
    list_count_hidden(list);
}

/* Puts a short list in order; a long one is due. */
void list_reorder(struct list *list)
{
    list->wish++;
    list->due = true;
    if (!list->rows || list->next || rows_count(list->rows) > AT_ONCE)
        return;
    struct index index;
    struct index_want want = list_index_want(list);
    index_make(&want, NULL, &index);
    take_order(list, &index, want.n);
}

struct index_want list_index_want(const struct list *list)
{
    const struct rows *rows = list->next ? list->next : list->rows;
    return (struct index_want){.rows = rows,
                               .n = rows_count(rows),
                               .filter = list->filter,
                               .ordering = list->want,
                               .now_us = list->now_us};
}

/* Before a swap: the row under the cursor is carried over when the new snapshot lacks it, from one
 * to the next until the cursor leaves it. The last one of all cannot be left, and has no neighbour
 * that would take its place: it is shown once. */
static void keep_tombstone(struct list *list, struct rows *rows)
{
    size_t old;
    if (!list->rows || list->rows == rows || !list_at(list, &old) ||
        ((list->fleeting || !rows_there(rows)) && rows_gone(list->rows, old)) ||
        rows_find(rows, sbuf_view(&list->key), NULL))
        return;
    struct cell *cells = xcalloc(list->sheet->ncolumns, sizeof cells[0]);
    struct row_in row;
    rows_get(list->rows, old, &row, cells);
    row.gone = true;
    row.status = STR_NULL;
    rows_add(rows, &row);
    free(cells);
}

static void set_rows(struct list *list, struct rows *rows)
{
    rows_ref(rows);
    rows_free(list->rows);
    rows_free(list->next);
    list->rows = rows;
    list->next = NULL;
}

size_t list_take(struct list *list, struct rows *rows, struct index *index, size_t indexed,
                 unsigned wish)
{
    bool newest = rows == (list->next ? list->next : list->rows);
    if (!newest || wish != list->wish) {
        index_release(index); /* asked for something else meanwhile */
        return 0;
    }
    if (list->complete)
        keep_tombstone(list, rows);
    set_rows(list, rows);
    list->has_key = list->has_key && list->touched;
    take_order(list, index, indexed);
    if (!list_follow(list) && list->filter && !list->tombstone) {
        list->cursor = list->top = 0; /* what was looked for comes first */
        list_take_key(list);
    }
    size_t dropped = list->complete ? drop_marks(list) : 0;
    list_count_hidden(list);
    return dropped;
}

/* The same snapshot, long, with more in it: what is there stays where it is. */
static void grow(struct list *list)
{
    size_t before = list->n;
    append_rows(list);
    if (before == 0)
        list_follow(list);
    bool by_value = (list->want.sort >= 0 && !list->sheet->columns[list->want.sort].cheap) ||
                    filter_needs_values(list->filter);
    list->due = list->due || rows_there(list->rows) < list->there ||
                (by_value && rows_known(list->rows) != list->known);
    list->there = rows_there(list->rows);
}

size_t list_swap(struct list *list, struct rows *rows, bool complete, int64_t now_us)
{
    bool finished = complete && !list->complete;
    list->now_us = now_us;
    if (rows_count(rows) > AT_ONCE && list->rows) {
        list->complete = complete;
        if (rows == list->rows && !list->next) {
            grow(list);
            list->due = list->due || (finished && list->want.sort >= 0);
            return 0;
        }
        if (rows == list->next)
            return 0;
        rows_ref(rows);
        rows_free(list->next);
        list->next = rows;
        list->wish++;
        list->due = true;
        return 0;
    }
    if (complete)
        keep_tombstone(list, rows);
    set_rows(list, rows);
    if (!list->touched && !list->complete)
        list->has_key = false; /* what came first while it was loading was chosen by nobody */
    list->complete = complete;
    if (rows_count(rows) > AT_ONCE) { /* the first page is long already */
        list->n = list->indexed = 0;
        append_rows(list);
    } else {
        list->swapping = true;
        list_reorder(list);
        list->swapping = false;
    }
    list_follow(list);
    size_t dropped = complete ? drop_marks(list) : 0;
    list_count_hidden(list);
    return dropped;
}

bool list_filter(struct list *list, struct str text, int64_t now_us)
{
    struct filter *filter = NULL;
    list->now_us = now_us;
    list->filter_err = (struct err){0};
    list_set_text(&list->filter_text, text);
    if (!filter_parse(list->sheet, text, &filter, &list->filter_err))
        return false;
    filter_free(list->filter);
    list->filter = filter;
    if (text.len)
        list_set_text(&list->found_text, text);
    list_reorder(list);
    if (!list->due && !list_follow(list)) {
        /* Its row is filtered away: what was looked for comes first. */
        list->cursor = list->top = 0;
        list_take_key(list);
    }
    return true;
}

void list_stop(struct list *list)
{
    struct err ignored;
    struct filter *filter = NULL;
    list->want = list->shown;
    if (filter_parse(list->sheet, sbuf_view(&list->shown_filter), &filter, &ignored)) {
        filter_free(list->filter);
        list->filter = filter;
        list_set_text(&list->filter_text, sbuf_view(&list->shown_filter));
        list->filter_err = (struct err){0};
    }
    list->wish++;
    list->due = list->next != NULL;
}
