/* The order of a list: which rows pass the filter, and in which order. Made from a snapshot and
 * nothing else, by any thread: a short list is ordered at once, a long one by a job of its own. */
#ifndef PENSTOCK_TUI_INDEX_H
#define PENSTOCK_TUI_INDEX_H

#include "tui/filter.h"
#include "tui/rows.h"

#include <stdatomic.h>

/* How a list is ordered. */
struct ordering {
    ptrdiff_t sort;  /* column, or -1: store order */
    bool descending; /* nothing and unknown stand last in either direction */
    bool attention;  /* in store order: what needs attention first */
};

struct index_want {
    const struct rows *rows;
    size_t n; /* of its rows, as of the asking */
    const struct filter *filter;
    struct ordering ordering;
    int64_t now_us;
};

struct index {
    uint32_t *order; /* rows; allocated */
    size_t n;
    size_t total; /* rows that are there, filtered or not; tombstones do not count */
};

/* Read by one thread while another counts. */
struct index_progress {
    atomic_size_t done; /* of `of`, in rows */
    atomic_size_t of;
    const atomic_bool *stop; /* may be NULL */
};

/* False: stopped, *ret is untouched. `progress` may be NULL. */
bool index_make(const struct index_want *want, struct index_progress *progress, struct index *ret);
void index_release(struct index *index);

#endif
