/* Rows: a packed snapshot of a list, and sets of row identities.
 *
 * A snapshot is filled page by page and then swapped whole. A row is some 60 bytes plus its texts;
 * reading a cell decodes it. Rows are found by key, which is what cursor and marks hold on to. */
#ifndef PENSTOCK_TUI_ROWS_H
#define PENSTOCK_TUI_ROWS_H

#include "core/sheet.h"

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
void rows_free(struct rows *rows); /* NULL is fine */
const struct sheet *rows_sheet(const struct rows *rows);
size_t rows_count(const struct rows *rows); /* tombstones included */
size_t rows_known(const struct rows *rows); /* how many have their values */

/* A key that is there already is replaced in place: a scan may give a record twice. */
size_t rows_add(struct rows *rows, const struct row_in *in);
void rows_set(struct rows *rows, size_t i, const struct row_in *in);
bool rows_find(const struct rows *rows, struct str key, size_t *ret);

/* Texts point into the snapshot, until the next add or set. `cells` takes sheet->ncolumns. */
void rows_get(const struct rows *rows, size_t i, struct row_in *ret, struct cell *cells);
struct cell rows_cell(const struct rows *rows, size_t i, size_t column);
struct str rows_key(const struct rows *rows, size_t i);
struct str rows_label(const struct rows *rows, size_t i);
bool rows_gone(const struct rows *rows, size_t i);
enum mark rows_mark(const struct rows *rows, size_t i);
/* Widest cell of a column, in terminal cells, marks included. */
int rows_width(const struct rows *rows, size_t column);

/* How many rows have each status, most first. */
struct row_count {
    struct str status; /* points into the snapshot */
    enum mark mark;
    size_t n;
};
size_t rows_counts(const struct rows *rows, struct row_count *ret, size_t max);

/* A set of keys that owns their bytes. */
struct keyset;
struct keyset *keyset_new(void);
void keyset_free(struct keyset *set);
size_t keyset_count(const struct keyset *set);
bool keyset_has(const struct keyset *set, struct str key);
void keyset_put(struct keyset *set, struct str key, bool in);
/* i counts from 0 to keyset_count, in the order of putting. */
struct str keyset_at(const struct keyset *set, size_t i);

#endif
