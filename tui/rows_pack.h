/* How rows lie in memory: for rows*.c.
 *
 * flags and mark in a byte, key, label unless it is the key, status if known, then a tag and what
 * it needs for each cell. Lengths and numbers take as few bytes as they can. */
#ifndef PENSTOCK_TUI_ROWS_PACK_H
#define PENSTOCK_TUI_ROWS_PACK_H

#include "tui/rows.h"

/* Bytes that never move; what is packed is added at the end. */
struct block {
    size_t owners;
    size_t len, cap;
    char bytes[];
};

struct block *block_new(size_t cap);
void block_free(struct block *block); /* one owner less */

/* Widest cell of each column. */
int *widths_new(const struct sheet *sheet);
void widths_widen(const struct sheet *sheet, int *widths, const int *to);

/* Most bytes that this row may take. */
size_t pack_bound(const struct sheet *sheet, const struct row_in *in);
/* Writes it at `to`, and widens `widths` to its cells; returns the end. */
char *pack_row(char *to, const struct sheet *sheet, const struct row_in *in, bool brief,
               int *widths);

/* All but the cells; *ret_cells is where those begin. */
struct row_in unpack_head(const char *row, const char **ret_cells);
/* The next cell; texts that are part of the key point into it. */
struct cell unpack_cell(const char **at, struct str key);
/* Bit per column (the first 64) in which the two differ. */
uint64_t pack_differences(const struct sheet *sheet, const char *a, const char *b);
/* Are the two the same as far as a scan can see? */
bool pack_same_scan(const struct sheet *sheet, const char *a, const char *b);

struct rows_page {
    const struct sheet *sheet;
    bool brief;
    struct block *block;
    size_t *ends; /* of each row in the block */
    size_t n, cap;
    int *widths;
};
/* Its row i; ret_size may be NULL. */
const char *page_row(const struct rows_page *page, size_t i, size_t *ret_size);
/* Nothing is added any more: gives the spare bytes back, and the block stays where it is now. */
void page_close(struct rows_page *page);

#endif
