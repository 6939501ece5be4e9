/* The list widget: one for every list. Cursor and marks belong to identities, not to lines, so a
 * refresh, a sort or a filter never moves them to another row. */
#ifndef PENSTOCK_TUI_LIST_H
#define PENSTOCK_TUI_LIST_H

#include "tui/canvas.h"
#include "tui/filter.h"
#include "tui/keymap.h"
#include "tui/rows.h"

struct list {
    const struct sheet *sheet;
    struct rows *rows; /* lent; NULL before the first page */
    uint32_t *order;   /* indexes of the rows shown, in order */
    size_t n, cap;
    size_t total; /* rows that are there, filtered or not; tombstones do not count */
    size_t cursor, top;
    int page;        /* rows that fitted when last drawn */
    struct sbuf key; /* identity under the cursor */
    bool has_key;
    bool touched;  /* by a key */
    bool complete; /* the last snapshot was */
    struct keyset *marks, *cleared;
    ptrdiff_t sort; /* column, or -1: store order, with `attention` what needs it first */
    bool attention; /* a list of records; parts of one keep their order */
    bool descending;
    struct filter *filter;
    struct sbuf filter_text;
    struct err filter_err; /* the text does not parse: rows stay as they were */
    size_t first_column;   /* scrolled columns; the kept ones never scroll away */
    bool more_columns;     /* to the right, when last drawn */
    bool utc;
};

void list_init(struct list *list, const struct sheet *sheet);
void list_release(struct list *list);

/* Another snapshot, or the same one with more in it. A row under the cursor that is not in the new
 * one stays as a tombstone; marks on rows that are gone are dropped and counted. `complete`: rows
 * that are missing are gone, not only not yet loaded. */
size_t list_swap(struct list *list, struct rows *rows, bool complete, int64_t now_us);
/* Applies the filter text; on an error the rows stay and no action may start. */
bool list_filter(struct list *list, struct str text, int64_t now_us);
bool list_command(struct list *list, enum command command, int64_t now_us);

bool list_at(const struct list *list, size_t *ret); /* row under the cursor */
size_t list_hidden_marks(const struct list *list);  /* marked but not shown */

void list_draw(struct list *list, struct canvas *canvas, struct rect r, int64_t now_us);

#endif
