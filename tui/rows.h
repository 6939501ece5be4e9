/* Rows: a packed snapshot of a list.
 *
 * Row bytes never change once they are there: a row that is set again gets new bytes, and its place
 * points to them. So one thread, the loop's, fills a snapshot, and another that was told how many
 * rows there are may read those meanwhile (rows_lend): rows_get, _cell, _key, _label, _gone, _mark.
 * Pages are packed by whoever reads a store, and taken by the loop. A row costs its texts and some
 * 40 bytes; a text that is part of the key costs two. */
#ifndef PENSTOCK_TUI_ROWS_H
#define PENSTOCK_TUI_ROWS_H

#include "core/sheet.h"
#include "tui/keyset.h"

struct rows;

/* What a row is packed from. Texts are copied. */
struct row_in {
    struct str key, label;
    struct str status; /* word for counts; ptr NULL: not known */
    enum mark mark;
    const struct cell *cells; /* sheet->ncolumns */
    bool known;               /* values were read */
    bool gone;                /* a tombstone: was here, is not any more */
};

struct rows *rows_new(const struct sheet *sheet);
/* One more owner; each calls rows_free. */
struct rows *rows_ref(struct rows *rows);
void rows_free(struct rows *rows); /* NULL is fine */
/* Between the two another thread may read the rows that are there now. Both are for the loop. */
void rows_lend(struct rows *rows);
void rows_take_back(struct rows *rows);
const struct sheet *rows_sheet(const struct rows *rows);
size_t rows_count(const struct rows *rows); /* tombstones included */
size_t rows_there(const struct rows *rows); /* without them */
size_t rows_known(const struct rows *rows); /* how many of these have their values */

/* A key that is there already is replaced in place: a scan may give a record twice. */
size_t rows_add(struct rows *rows, const struct row_in *in);
void rows_set(struct rows *rows, size_t i, const struct row_in *in);
void rows_set_gone(struct rows *rows, size_t i);
bool rows_find(const struct rows *rows, struct str key, size_t *ret);

/* A page of rows, packed by one thread and taken by another. `brief`: of what is not cheap
 * (struct column) at most 64 bytes a row are kept, texts cut. */
struct rows_page;
struct rows_page *rows_page_new(const struct sheet *sheet, bool brief);
void rows_page_free(struct rows_page *page); /* NULL is fine */
void rows_page_add(struct rows_page *page, const struct row_in *in);
/* The record was asked for and is not there: rows_update makes its row a tombstone. */
void rows_page_add_gone(struct rows_page *page, struct str key);
size_t rows_page_count(const struct rows_page *page);
/* Takes the page. A row without values that `before` (may be NULL) holds with the same cheap cells
 * is taken from there, with the values known there; unchanged rows cost no memory twice. */
void rows_take(struct rows *rows, struct rows_page *page, const struct rows *before);

/* Takes the page: of its rows those that are in the snapshot are set, the others are not added. */
void rows_update(struct rows *rows, struct rows_page *page);

/* What changed is remembered for a while, so that it can be shown: rows_update notes it from then
 * on, and rows_compare notes what differs from another snapshot, whose notes it takes over. Rows
 * whose values were not known before did not change. */
void rows_watch(struct rows *rows, int64_t until_ms);
void rows_compare(struct rows *rows, const struct rows *before, int64_t until_ms);
/* Bit per column (the first 64) that changed and is to be shown so; all bits: the row is new. */
uint64_t rows_changes(const struct rows *rows, size_t i, int64_t now_ms);

/* Texts point into the snapshot, until rows are added or set. `cells` takes sheet->ncolumns. */
void rows_get(const struct rows *rows, size_t i, struct row_in *ret, struct cell *cells);
struct cell rows_cell(const struct rows *rows, size_t i, size_t column);
struct str rows_key(const struct rows *rows, size_t i);
struct str rows_label(const struct rows *rows, size_t i);
bool rows_gone(const struct rows *rows, size_t i);
enum mark rows_mark(const struct rows *rows, size_t i);
/* Widest cell of a column, in terminal cells, marks included. */
int rows_width(const struct rows *rows, size_t column);

/* How many rows have each status: what is in trouble first, the worst before all, then most first.
 */
struct row_count {
    struct str status; /* points into the snapshot */
    enum mark mark;
    size_t n;
};
size_t rows_counts(const struct rows *rows, struct row_count *ret, size_t max);

/* Bytes held, for tests. */
size_t rows_bytes(const struct rows *rows);

#endif
