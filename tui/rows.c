#include "tui/rows.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = UINT32_MAX, SHOWN_MAX = 256 /* a cell wider than this is never shown whole */ };

/* Keys hashed to indexes, open addressing; the owner says what key an index has. */
struct index {
    uint32_t *slots;
    size_t size; /* a power of two, or 0 */
};

struct rows {
    const struct sheet *sheet;
    char *blob; /* the packed rows; replaced ones stay as holes until the snapshot is swapped */
    size_t blob_len, blob_cap;
    size_t *offsets;
    size_t n, cap, known;
    struct index index;
    int *widths;
};

static void *grown(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p)
        abort();
    return p;
}

static uint64_t hash_of(struct str s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h ^ h >> 32;
}

/* --- packing: flags, mark, key, label, status, cells ---------------------------------------- */

enum { FLAG_KNOWN = 1, FLAG_GONE = 2, FLAG_STATUS = 4 };

static void pack(struct rows *rows, const void *p, size_t len)
{
    if (rows->blob_len + len > rows->blob_cap) {
        rows->blob_cap = (rows->blob_len + len) * 2 + 4096;
        rows->blob = grown(rows->blob, rows->blob_cap);
    }
    memcpy(rows->blob + rows->blob_len, len ? p : "", len);
    rows->blob_len += len;
}

static void pack_byte(struct rows *rows, unsigned byte)
{
    unsigned char b = (unsigned char)byte;
    pack(rows, &b, 1);
}

static void pack_str(struct rows *rows, struct str s)
{
    uint32_t len = (uint32_t)s.len;
    pack(rows, &len, sizeof len);
    pack(rows, s.ptr, s.len);
}

static bool has_text(enum cell_type type)
{
    return type == CELL_TEXT || type == CELL_OBJECT;
}

static bool has_number(enum cell_type type)
{
    return type == CELL_BOOL || type == CELL_INT || type == CELL_BYTES || type == CELL_TIME;
}

static int cell_width(const struct cell *cell)
{
    int mark = cell->mark == MARK_NONE ? 0 : 2;
    if (has_text(cell->type))
        return mark + text_width(str_sub(cell->text, 0,
                                         cell->text.len < SHOWN_MAX ? cell->text.len : SHOWN_MAX));
    if (cell->type == CELL_TIME)
        return mark + 10; /* an age: "in 22h 59m"; UTC makes its own room */
    char digits[24];
    struct arena a = ARENA_INIT;
    struct str shown = cell_show(&a, cell, 0);
    size_t len = shown.len < sizeof digits ? shown.len : sizeof digits;
    arena_release(&a);
    return mark + (cell->type == CELL_UNKNOWN ? 1 : (int)len);
}

static size_t pack_row(struct rows *rows, const struct row_in *in)
{
    size_t offset = rows->blob_len;
    pack_byte(rows, (in->known ? FLAG_KNOWN : 0) | (in->gone ? FLAG_GONE : 0) |
                        (in->status.ptr ? FLAG_STATUS : 0));
    pack_byte(rows, in->mark);
    pack_str(rows, in->key);
    pack_str(rows, in->label);
    pack_str(rows, in->status);
    for (size_t c = 0; c < rows->sheet->ncolumns; c++) {
        const struct cell *cell = &in->cells[c];
        pack_byte(rows, (unsigned)cell->type | (unsigned)cell->mark << 4);
        if (has_text(cell->type))
            pack_str(rows, cell->text);
        else if (has_number(cell->type))
            pack(rows, &cell->number, sizeof cell->number);
        int width = cell_width(cell);
        if (width > rows->widths[c])
            rows->widths[c] = width;
    }
    return offset;
}

struct reader {
    const char *p;
};

static unsigned take_byte(struct reader *r)
{
    return (unsigned char)*r->p++;
}

static struct str take_str(struct reader *r)
{
    uint32_t len;
    memcpy(&len, r->p, sizeof len);
    struct str s = {r->p + sizeof len, len};
    r->p += sizeof len + len;
    return s;
}

static struct cell take_cell(struct reader *r)
{
    unsigned tag = take_byte(r);
    struct cell cell = {.type = tag & 15, .mark = tag >> 4};
    if (has_text(cell.type))
        cell.text = take_str(r);
    else if (has_number(cell.type)) {
        memcpy(&cell.number, r->p, sizeof cell.number);
        r->p += sizeof cell.number;
    }
    return cell;
}

/* All but the cells; the reader stands before them. */
static struct row_in take_head(const struct rows *rows, size_t i, struct reader *r)
{
    *r = (struct reader){rows->blob + rows->offsets[i]};
    struct row_in in = {0};
    unsigned flags = take_byte(r);
    in.known = flags & FLAG_KNOWN;
    in.gone = flags & FLAG_GONE;
    in.mark = take_byte(r);
    in.key = take_str(r);
    in.label = take_str(r);
    in.status = take_str(r);
    if (!(flags & FLAG_STATUS))
        in.status = STR_NULL;
    return in;
}

void rows_get(const struct rows *rows, size_t i, struct row_in *ret, struct cell *cells)
{
    struct reader r;
    *ret = take_head(rows, i, &r);
    for (size_t c = 0; c < rows->sheet->ncolumns; c++)
        cells[c] = take_cell(&r);
    ret->cells = cells;
}

struct cell rows_cell(const struct rows *rows, size_t i, size_t column)
{
    struct reader r;
    take_head(rows, i, &r);
    for (size_t c = 0; c < column; c++)
        take_cell(&r);
    return take_cell(&r);
}

struct str rows_key(const struct rows *rows, size_t i)
{
    struct reader r;
    return take_head(rows, i, &r).key;
}

struct str rows_label(const struct rows *rows, size_t i)
{
    struct reader r;
    return take_head(rows, i, &r).label;
}

bool rows_gone(const struct rows *rows, size_t i)
{
    struct reader r;
    return take_head(rows, i, &r).gone;
}

enum mark rows_mark(const struct rows *rows, size_t i)
{
    struct reader r;
    return take_head(rows, i, &r).mark;
}

/* --- the snapshot --------------------------------------------------------------------------- */

struct rows *rows_new(const struct sheet *sheet)
{
    struct rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        abort();
    rows->sheet = sheet;
    rows->widths = grown(NULL, sheet->ncolumns * sizeof rows->widths[0]);
    memset(rows->widths, 0, sheet->ncolumns * sizeof rows->widths[0]);
    return rows;
}

void rows_free(struct rows *rows)
{
    if (!rows)
        return;
    free(rows->blob);
    free(rows->offsets);
    free(rows->index.slots);
    free(rows->widths);
    free(rows);
}

const struct sheet *rows_sheet(const struct rows *rows)
{
    return rows->sheet;
}

size_t rows_count(const struct rows *rows)
{
    return rows->n;
}

size_t rows_known(const struct rows *rows)
{
    return rows->known;
}

int rows_width(const struct rows *rows, size_t column)
{
    return rows->widths[column];
}

/* The slot where the key is, or where it belongs. */
static uint32_t *find_slot(const struct rows *rows, struct str key)
{
    size_t mask = rows->index.size - 1;
    for (size_t s = hash_of(key) & mask;; s = (s + 1) & mask) {
        uint32_t *slot = &rows->index.slots[s];
        if (*slot == NONE || str_eq(rows_key(rows, *slot), key))
            return slot;
    }
}

static void index_grow(struct rows *rows)
{
    size_t size = rows->index.size ? rows->index.size * 2 : 64;
    rows->index.slots = grown(rows->index.slots, size * sizeof rows->index.slots[0]);
    rows->index.size = size;
    memset(rows->index.slots, 0xff, size * sizeof rows->index.slots[0]);
    for (size_t i = 0; i < rows->n; i++)
        *find_slot(rows, rows_key(rows, i)) = (uint32_t)i;
}

bool rows_find(const struct rows *rows, struct str key, size_t *ret)
{
    if (rows->n == 0)
        return false;
    uint32_t i = *find_slot(rows, key);
    if (i != NONE && ret)
        *ret = i;
    return i != NONE;
}

void rows_set(struct rows *rows, size_t i, const struct row_in *in)
{
    struct reader r;
    bool was_known = take_head(rows, i, &r).known;
    rows->known += (size_t)in->known - (size_t)was_known;
    rows->offsets[i] = pack_row(rows, in);
}

size_t rows_add(struct rows *rows, const struct row_in *in)
{
    size_t i;
    if (rows_find(rows, in->key, &i)) {
        rows_set(rows, i, in);
        return i;
    }
    if (rows->n == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 64;
        rows->offsets = grown(rows->offsets, rows->cap * sizeof rows->offsets[0]);
    }
    rows->offsets[rows->n] = pack_row(rows, in);
    rows->known += in->known;
    rows->n++;
    if (rows->n * 2 > rows->index.size)
        index_grow(rows);
    else
        *find_slot(rows, in->key) = (uint32_t)(rows->n - 1);
    return rows->n - 1;
}

static int count_cmp(const void *a, const void *b)
{
    const struct row_count *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : str_cmp(x->status, y->status);
}

size_t rows_counts(const struct rows *rows, struct row_count *ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        struct reader r;
        struct row_in in = take_head(rows, i, &r);
        if (!in.status.ptr || in.gone)
            continue;
        size_t j = 0;
        while (j < n && !str_eq(ret[j].status, in.status))
            j++;
        if (j == n && n == max)
            continue;
        if (j == n)
            ret[n++] = (struct row_count){in.status, in.mark, 0};
        ret[j].n++;
        if (in.mark > ret[j].mark)
            ret[j].mark = in.mark;
    }
    qsort(ret, n, sizeof ret[0], count_cmp);
    return n;
}

/* --- sets of keys --------------------------------------------------------------------------- */

struct keyset {
    struct str *keys; /* each allocated */
    size_t n, cap;
};

struct keyset *keyset_new(void)
{
    struct keyset *set = calloc(1, sizeof *set);
    if (!set)
        abort();
    return set;
}

void keyset_free(struct keyset *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        free((char *)set->keys[i].ptr);
    free(set->keys);
    free(set);
}

size_t keyset_count(const struct keyset *set)
{
    return set->n;
}

struct str keyset_at(const struct keyset *set, size_t i)
{
    return set->keys[i];
}

static size_t keyset_find(const struct keyset *set, struct str key)
{
    size_t i = 0;
    while (i < set->n && !str_eq(set->keys[i], key))
        i++;
    return i;
}

bool keyset_has(const struct keyset *set, struct str key)
{
    return keyset_find(set, key) < set->n;
}

void keyset_put(struct keyset *set, struct str key, bool in)
{
    size_t i = keyset_find(set, key);
    if ((i < set->n) == in)
        return;
    if (!in) {
        free((char *)set->keys[i].ptr);
        memmove(&set->keys[i], &set->keys[i + 1], (set->n - i - 1) * sizeof set->keys[0]);
        set->n--;
        return;
    }
    if (set->n == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 16;
        set->keys = grown(set->keys, set->cap * sizeof set->keys[0]);
    }
    char *copy = grown(NULL, key.len + 1);
    memcpy(copy, key.len ? key.ptr : "", key.len);
    copy[key.len] = '\0';
    set->keys[set->n++] = (struct str){copy, key.len};
}
