/* The list widget: one for every list. Cursor and marks belong to identities, not to lines, so a
 * refresh, a sort or a filter never moves them to another row. */
#ifndef PENSTOCK_TUI_LIST_H
#define PENSTOCK_TUI_LIST_H

#include "tui/canvas.h"
#include "tui/filter.h"
#include "tui/index.h"
#include "tui/keymap.h"
#include "tui/rows.h"

enum { LIST_COLUMNS_MAX = 64 };

struct list {
    const struct sheet *sheet;
    struct rows *rows; /* shown, and owned with others; NULL before the first page */
    struct rows *next; /* a longer snapshot, shown when its index is there; else NULL */
    uint32_t *order;   /* indexes of the rows shown, in order */
    size_t n, cap;
    size_t indexed;      /* rows before this one were looked at */
    size_t known, there; /* of the rows, when they were put in order */
    bool tombstone;      /* one line is that of a row that has gone, or passes the filter no more */
    bool swapping;       /* put in order because of what is stored, not of what was asked for */
    size_t cursor, top;
    int page;        /* rows that fitted when last drawn */
    struct sbuf key; /* identity under the cursor */
    bool has_key;
    bool key_known; /* its values were, when the cursor came there or it was last put in order */
    bool touched;   /* by a key */
    bool complete;  /* the last snapshot was */
    struct keyset *marks, *cleared;
    size_t hidden;               /* marks that the filter hides */
    struct ordering want, shown; /* what was asked for last; of what is shown */
    bool due;                    /* a long list waits for list_take */
    unsigned wish;               /* changes when something else is asked for */
    struct filter *filter;
    struct sbuf filter_text, shown_filter, found_text;
    struct err filter_err; /* the text does not parse: rows stay as they were */
    int64_t now_us;        /* of the last change: ages are compared with it */
    struct sbuf anchor;    /* of a range of marks, while `ranging` */
    bool ranging;
    size_t count;        /* typed before a motion; 0: none */
    const char *said;    /* why the last command did nothing, or NULL */
    size_t first_column; /* scrolled columns; the kept ones never scroll away */
    bool more_columns;   /* to the right, when last drawn */
    bool utc, wide;
    uint64_t flipped;  /* bit per column: shown though usually not, or hidden */
    struct rect drawn; /* where it was drawn last: the heading, then the rows */
    struct {
        int x, w;
        size_t column;
    } heads[LIST_COLUMNS_MAX]; /* of the columns drawn */
    size_t nheads;
    bool one_record; /* its rows are parts of one record */
    bool fleeting;   /* made anew with every picture: what has gone is shown once */
    bool resting;    /* beside the list that has the keys: its cursor is not shown */
    int64_t now_ms;  /* for what changed lately */
    bool stale;      /* the rows are older than they should be: each says so */
};

void list_init(struct list *list, const struct sheet *sheet);
void list_release(struct list *list);

/* Another snapshot, or the same one with more in it. A row under the cursor that is not in the new
 * one stays as a tombstone, and one that changed and passes the filter no more stays too, until the
 * cursor leaves it: what was done to it is seen, and no neighbour takes its place under the next
 * key. Marks on rows that are gone are dropped and counted. `complete`: rows that are missing are
 * gone, not only not yet loaded. */
size_t list_swap(struct list *list, struct rows *rows, bool complete, int64_t now_us);
/* Applies the filter text; on an error the rows stay and no action may start. */
bool list_filter(struct list *list, struct str text, int64_t now_us);
/* Long lists are put in order by somebody else: while `due`, list_index_want says what is asked for
 * (lent until the next call), and list_take takes the answer; `wish` as it was when asked. Returns
 * the marks that were dropped, as list_swap does. */
struct index_want list_index_want(const struct list *list);
size_t list_take(struct list *list, struct rows *rows, struct index *index, size_t indexed,
                 unsigned wish);
/* What is due is not wanted any more: back to the order that is shown. */
void list_stop(struct list *list);
bool list_command(struct list *list, enum command command, int64_t now_us);

bool list_has_column(const struct list *list, size_t column); /* on the screen */

/* A click: on a row the cursor goes there, on a heading its column sorts. */
void list_click(struct list *list, int y, int x, int64_t now_us);
bool list_at(const struct list *list, size_t *ret); /* row under the cursor */
size_t list_hidden_marks(const struct list *list);  /* marked but not shown */

/* To the first row of that mark, where there is one and no key moved the cursor yet. */
void list_to_mark(struct list *list, enum mark mark);

/* Lines of the range that is being chosen; false: none is. */
bool list_range(const struct list *list, size_t *ret_from, size_t *ret_to);
size_t list_total(const struct list *list); /* rows that are there, filtered or not */

void list_draw(struct list *list, struct canvas *canvas, struct rect r, int64_t now_us);
/* Cells of the row under the cursor that were cut, or whose column had no room, when the list was
 * drawn; over nothing where all are there. */
void list_draw_rest(const struct list *list, struct canvas *canvas, struct rect r, int64_t now_us);
int list_rest_height(struct rect r); /* of it, below a list in `r`; 0: too little room */

#endif
