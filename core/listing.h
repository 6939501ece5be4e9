/* Listings: the rows of a store made into cells, page by page; used by the command line and the
 * screen alike. */
#ifndef PENSTOCK_LISTING_H
#define PENSTOCK_LISTING_H

#include "core/store.h"

/* How much a page asks of the store beyond the scan. */
enum { LIST_IDS = 0, LIST_VALUES = 1, LIST_WRITERS = 2, LIST_LOCKS = 4, LIST_FACTS = 8 };
enum { LIST_FULL = LIST_VALUES | LIST_WRITERS | LIST_LOCKS | LIST_FACTS };

struct listing_page {
    struct row *rows;
    size_t nrows;
    struct sheet_row **cells; /* one per row; of sheet `list`: exactly one sheet_row each; else the
                                 first of a chain, or NULL */
    struct str *status;       /* system->status of each; ptr NULL when values were not read */
    enum mark *marks;
    /* Why a record could not be read or understood; NULL: all well. */
    const struct err **problems;
};

/* Fills cells for rows that a scan (or store_find) gave, in small lots. A record that cannot be
 * read gets its row with what is known, mark BAD and its problem; one bad record never hides the
 * others, and a store that does not answer about locks, writers or facts leaves only those cells
 * unknown. Fails when the store is lost. Documents are dropped: only cells remain in `arena`. */
bool listing_fill(struct store *store, const struct sheet *sheet, struct row *rows, size_t n,
                  unsigned what, int64_t now_us, const struct call *call, struct arena *arena,
                  struct listing_page *ret, struct err *err);

/* The same asking, for who needs more than cells: calls `visit` for each row in order with all that
 * is known of it. `problem`: why it could not be read or understood, or NULL. What the visitor
 * keeps must be copied. With LIST_VALUES, what a row does not say of its record (ids alone are
 * enough) is taken from the document; one that is absent is visited as such. */
typedef void listing_visitor(void *ctx, const struct sheet_input *in, const struct err *problem);
bool listing_visit(struct store *store, struct row *rows, size_t n, unsigned what, int64_t now_us,
                   const struct call *call, listing_visitor *visit, void *ctx, struct err *err);

/* What is wrong with a record, in in->arena, as the system's check says; of one that cannot be read,
 * where check has nothing, that. */
struct finding *listing_findings(const struct sheet_input *in, const struct err *problem);

/* A row as lists show it, in in->arena. `values`: documents were asked for, so that none means that
 * this one is unreadable. `row` may be NULL where the sheet gives none for this record. */
struct listed {
    struct sheet_row *row;
    struct str status; /* system->status; ptr NULL when values were not read */
    enum mark mark;
    struct finding *findings; /* of the list of a system; NULL when values were not read */
};
struct listed listing_row(const struct sheet *sheet, const struct sheet_input *in, bool values,
                          const struct err *problem);

/* One record with everything: document, activity, lock, facts; for show, detail, preview and check.
 * `input` points into *ret, which therefore stays where it is. */
struct record_view {
    struct row row;
    struct read_item item;
    struct activity activity;
    struct lock *lock;
    const struct value *facts;
    struct sheet_input input; /* ready to be handed to sheets, status, check, show */
};
bool record_view_read(struct store *store, struct str id, size_t limit, const struct call *call,
                      struct arena *arena, struct record_view *ret, struct err *err);

#endif
