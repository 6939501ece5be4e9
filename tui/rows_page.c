#include "tui/rows_pack.h"

#include "core/base/mem.h"

#include <stdlib.h>

enum { FIRST_BYTES = 1 << 12 };

struct rows_page *rows_page_new(const struct sheet *sheet, bool brief)
{
    struct rows_page *page = xcalloc(1, sizeof *page);
    page->sheet = sheet;
    page->brief = brief;
    page->block = block_new(FIRST_BYTES);
    page->widths = widths_new(sheet);
    return page;
}

void rows_page_free(struct rows_page *page)
{
    if (!page)
        return;
    if (page->block)
        block_free(page->block);
    free(page->ends);
    free(page->widths);
    free(page);
}

size_t rows_page_count(const struct rows_page *page)
{
    return page->n;
}

void rows_page_add(struct rows_page *page, const struct row_in *in)
{
    struct block *block = page->block;
    size_t bound = pack_bound(page->sheet, in);
    if (block->cap - block->len < bound) {
        size_t cap = block->cap * 2 + bound;
        page->block = block = xreallocarray(block, 1, sizeof *block + cap);
        block->cap = cap;
    }
    if (page->n == page->cap) {
        page->cap = page->cap ? page->cap * 2 : 64;
        page->ends = xreallocarray(page->ends, page->cap, sizeof page->ends[0]);
    }
    char *at = block->bytes + block->len;
    char *end = pack_row(at, page->sheet, in, page->brief, page->widths);
    block->len = (size_t)(end - block->bytes);
    page->ends[page->n++] = block->len;
}

void rows_page_add_gone(struct rows_page *page, struct str key)
{
    struct cell *cells = xcalloc(page->sheet->ncolumns, sizeof cells[0]);
    rows_page_add(page, &(struct row_in){.key = key, .label = key, .cells = cells, .gone = true});
    free(cells);
}

const char *page_row(const struct rows_page *page, size_t i, size_t *ret_size)
{
    size_t from = i ? page->ends[i - 1] : 0;
    if (ret_size)
        *ret_size = page->ends[i] - from;
    return page->block->bytes + from;
}

void page_close(struct rows_page *page)
{
    struct block *block = page->block;
    page->block = block = xreallocarray(block, 1, sizeof *block + block->len);
    block->cap = block->len;
}
