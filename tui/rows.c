#include "tui/rows.h"

#include "core/base/mem.h"
#include "tui/rows_pack.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONE = UINT32_MAX,
    TABLES = 256,      /* the index in so many parts, which grow each for itself: no long pause */
    FIRST_PLACES = 64, /* places come in lots of twice the size of the one before */
    LOTS = 26,
    STATUSES_MAX = 64,
    CHANGES_MAX = 256,    /* more at once are not worth pointing at */
    COMPARE_MAX = 5000,   /* rows; of a longer list what is read again tells */
    TAIL_FIRST = 1 << 12, /* of the block that takes rows set one by one */
    TAIL_MAX = 1 << 20,
};

typedef _Atomic(const char *) place;

/* A block and how many of its bytes a place points to. */
struct held {
    struct block *block;
    size_t live;
};

struct change {
    uint32_t row;
    uint64_t columns;
    int64_t until_ms;
};

struct rows {
    const struct sheet *sheet;
    size_t owners;
    size_t readers;    /* other threads: while there are some no block goes */
    place *lots[LOTS]; /* where each row begins; a lot never moves, so another thread may look */
    size_t n, there, known;
    struct keyslots index[TABLES];
    struct held *held; /* the bytes, in the order of their addresses */
    size_t nheld, cap;
    struct block *tail; /* takes rows set one by one; NULL or one of those */
    size_t live;        /* bytes that a place points to, the rest are holes */
    int *widths;
    struct row_count counts[STATUSES_MAX]; /* each status allocated */
    size_t ncounts;
    struct change *changes; /* the newest last; NULL: none yet */
    size_t nchanges;
    int64_t watch_until_ms; /* for what rows_update changes; 0: it notes nothing */
};

/* --- places ---------------------------------------------------------------------------------- */

/* Lot k has 64 << k places and begins at 64 * ((1 << k) - 1). */
static place *place_at(const struct rows *rows, size_t i)
{
    unsigned long q = i / FIRST_PLACES + 1;
    unsigned k = 8 * sizeof q - 1 - (unsigned)__builtin_clzl(q);
    return &rows->lots[k][i - FIRST_PLACES * ((1ul << k) - 1)];
}

static const char *row_at(const struct rows *rows, size_t i)
{
    return atomic_load_explicit(place_at(rows, i), memory_order_acquire);
}

/* The bytes are there before the place points to them. */
static void point_at(struct rows *rows, size_t i, const char *row)
{
    atomic_store_explicit(place_at(rows, i), row, memory_order_release);
}

static void add_place(struct rows *rows)
{
    unsigned long q = rows->n / FIRST_PLACES + 1;
    unsigned k = 8 * sizeof q - 1 - (unsigned)__builtin_clzl(q);
    if (rows->n == FIRST_PLACES * ((1ul << k) - 1))
        rows->lots[k] = xreallocarray(NULL, FIRST_PLACES << k, sizeof(place));
    rows->n++;
}

static size_t row_size(const struct rows *rows, const char *row)
{
    const char *at;
    struct row_in in = unpack_head(row, &at);
    for (size_t c = 0; c < rows->sheet->ncolumns; c++)
        unpack_cell(&at, in.key);
    return (size_t)(at - row);
}

/* --- blocks ---------------------------------------------------------------------------------- */

/* The first one behind `at`. */
static size_t held_behind(const struct rows *rows, const void *at)
{
    size_t from = 0, to = rows->nheld;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if ((uintptr_t)rows->held[middle].block <= (uintptr_t)at)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The one that a row lies in; NULL when it is not held here. */
static struct held *held_of(const struct rows *rows, const char *row)
{
    size_t i = held_behind(rows, row);
    if (i == 0)
        return NULL;
    struct held *held = &rows->held[i - 1];
    return row < held->block->bytes + held->block->cap ? held : NULL;
}

static void hold(struct rows *rows, struct block *block)
{
    if (rows->nheld == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 8;
        rows->held = xreallocarray(rows->held, rows->cap, sizeof rows->held[0]);
    }
    size_t i = held_behind(rows, block);
    memmove(&rows->held[i + 1], &rows->held[i], (rows->nheld - i) * sizeof rows->held[0]);
    rows->held[i] = (struct held){.block = block};
    rows->nheld++;
}

/* A block without a row has done its duty. */
static void let_go(struct rows *rows, struct held *held)
{
    if (held->live || held->block == rows->tail || rows->readers)
        return;
    size_t i = (size_t)(held - rows->held);
    block_free(held->block);
    memmove(held, held + 1, (rows->nheld - i - 1) * sizeof rows->held[0]);
    rows->nheld--;
}

void rows_lend(struct rows *rows)
{
    rows->readers++;
}

void rows_take_back(struct rows *rows)
{
    rows->readers--;
    for (size_t i = rows->nheld; i-- > 0;)
        let_go(rows, &rows->held[i]);
}

/* --- reading --------------------------------------------------------------------------------- */

static struct row_in head_at(const struct rows *rows, size_t i)
{
    const char *cells;
    return unpack_head(row_at(rows, i), &cells);
}

void rows_get(const struct rows *rows, size_t i, struct row_in *ret, struct cell *cells)
{
    const char *at;
    *ret = unpack_head(row_at(rows, i), &at);
    for (size_t c = 0; c < rows->sheet->ncolumns; c++)
        cells[c] = unpack_cell(&at, ret->key);
    ret->cells = cells;
}

struct cell rows_cell(const struct rows *rows, size_t i, size_t column)
{
    const char *at;
    struct str key = unpack_head(row_at(rows, i), &at).key;
    for (size_t c = 0; c < column; c++)
        unpack_cell(&at, key);
    return unpack_cell(&at, key);
}

struct str rows_key(const struct rows *rows, size_t i)
{
    return head_at(rows, i).key;
}

struct str rows_label(const struct rows *rows, size_t i)
{
    return head_at(rows, i).label;
}

bool rows_gone(const struct rows *rows, size_t i)
{
    return head_at(rows, i).gone;
}

enum mark rows_mark(const struct rows *rows, size_t i)
{
    return head_at(rows, i).mark;
}

/* --- the snapshot ---------------------------------------------------------------------------- */

struct rows *rows_new(const struct sheet *sheet)
{
    struct rows *rows = xcalloc(1, sizeof *rows);
    rows->sheet = sheet;
    rows->owners = 1;
    rows->widths = widths_new(sheet);
    return rows;
}

struct rows *rows_ref(struct rows *rows)
{
    rows->owners++;
    return rows;
}

void rows_free(struct rows *rows)
{
    if (!rows || --rows->owners > 0)
        return;
    for (size_t i = 0; i < rows->nheld; i++)
        block_free(rows->held[i].block);
    for (size_t i = 0; i < rows->ncounts; i++)
        free((char *)rows->counts[i].status.ptr);
    for (size_t i = 0; i < LOTS; i++)
        free(rows->lots[i]);
    for (size_t i = 0; i < TABLES; i++)
        keyslots_release(&rows->index[i]);
    free(rows->held);
    free(rows->changes);
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

size_t rows_there(const struct rows *rows)
{
    return rows->there;
}

size_t rows_known(const struct rows *rows)
{
    return rows->known;
}

int rows_width(const struct rows *rows, size_t column)
{
    return rows->widths[column];
}

size_t rows_bytes(const struct rows *rows)
{
    size_t bytes = 0;
    for (size_t i = 0; i < rows->nheld; i++)
        bytes += rows->held[i].block->len / rows->held[i].block->owners;
    return bytes;
}

/* --- counts ---------------------------------------------------------------------------------- */

static void count_status(struct rows *rows, const struct row_in *row, bool in)
{
    if (!row->status.ptr || row->gone)
        return;
    size_t i = 0;
    while (i < rows->ncounts && !str_eq(rows->counts[i].status, row->status))
        i++;
    if (i == STATUSES_MAX)
        return;
    if (i == rows->ncounts) {
        char *copy = xmemdupz(row->status.ptr, row->status.len);
        rows->counts[rows->ncounts++] = (struct row_count){{copy, row->status.len}, row->mark, 0};
    }
    struct row_count *count = &rows->counts[i];
    count->n += in ? 1 : (size_t)-1;
    if (in && (count->n == 1 || row->mark > count->mark))
        count->mark = row->mark;
}

static void count(struct rows *rows, const char *row, bool in)
{
    const char *cells;
    struct row_in head = unpack_head(row, &cells);
    size_t one = in ? 1 : (size_t)-1, bytes = row_size(rows, row) * one;
    struct held *held = held_of(rows, row);
    held->live += bytes;
    rows->live += bytes;
    rows->there += head.gone ? 0 : one;
    rows->known += head.known && !head.gone ? one : 0;
    count_status(rows, &head, in);
    let_go(rows, held);
}

/* A narrow screen cuts the end. */
static int count_cmp(const void *a, const void *b)
{
    const struct row_count *x = a, *y = b;
    bool bad_x = x->mark >= MARK_WARN, bad_y = y->mark >= MARK_WARN;
    if ((bad_x || bad_y) && x->mark != y->mark)
        return (int)y->mark - (int)x->mark;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : str_cmp(x->status, y->status);
}

size_t rows_counts(const struct rows *rows, struct row_count *ret, size_t max)
{
    struct row_count all[STATUSES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < rows->ncounts; i++) {
        if (rows->counts[i].n)
            all[n++] = rows->counts[i];
    }
    qsort(all, n, sizeof all[0], count_cmp);
    n = n < max ? n : max;
    memcpy(ret, all, n * sizeof all[0]);
    return n;
}

/* --- adding ---------------------------------------------------------------------------------- */

static struct str key_at(const void *owner, uint32_t i)
{
    return rows_key(owner, i);
}

static struct keyslots *table_of(const struct rows *rows, uint64_t hash)
{
    return (struct keyslots *)&rows->index[hash >> 56];
}

bool rows_find(const struct rows *rows, struct str key, size_t *ret)
{
    uint64_t hash = key_hash(key);
    uint32_t i = keyslots_find(table_of(rows, hash), rows, key_at, key, hash);
    if (i != NONE && ret)
        *ret = i;
    return i != NONE;
}

static void replace(struct rows *rows, size_t i, const char *row)
{
    const char *old = row_at(rows, i);
    point_at(rows, i, row);
    count(rows, row, true);
    count(rows, old, false);
}

static size_t put(struct rows *rows, struct str key, const char *row)
{
    uint64_t hash = key_hash(key);
    struct keyslots *table = table_of(rows, hash);
    uint32_t i = keyslots_find(table, rows, key_at, key, hash);
    if (i != NONE) {
        replace(rows, i, row);
        return i;
    }
    i = (uint32_t)rows->n;
    add_place(rows);
    point_at(rows, i, row);
    count(rows, row, true);
    keyslots_add(table, rows, key_at, hash, i);
    return i;
}

/* Room for `size` more bytes that do not move any more. */
static char *tail_room(struct rows *rows, size_t size)
{
    struct block *tail = rows->tail;
    if (!tail || tail->cap - tail->len < size) {
        size_t cap = tail ? tail->cap * 2 : TAIL_FIRST;
        cap = cap > TAIL_MAX ? TAIL_MAX : cap;
        struct held *full = tail ? held_of(rows, tail->bytes) : NULL;
        rows->tail = tail = block_new(cap > size ? cap : size);
        if (full)
            let_go(rows, full);
        hold(rows, tail);
    }
    return tail->bytes + tail->len;
}

/* Bytes that are the same as those which are there (may be NULL) are given back. */
static const char *pack_tail(struct rows *rows, const struct row_in *in, const char *now)
{
    char *at = tail_room(rows, pack_bound(rows->sheet, in));
    size_t size = (size_t)(pack_row(at, rows->sheet, in, false, rows->widths) - at);
    if (now && row_size(rows, now) == size && memcmp(now, at, size) == 0)
        return now;
    rows->tail->len += size;
    return at;
}

void rows_set(struct rows *rows, size_t i, const struct row_in *in)
{
    const char *now = row_at(rows, i), *row = pack_tail(rows, in, now);
    if (row != now)
        replace(rows, i, row);
}

void rows_set_gone(struct rows *rows, size_t i)
{
    struct cell *cells = xcalloc(rows->sheet->ncolumns, sizeof cells[0]);
    struct row_in row;
    rows_get(rows, i, &row, cells);
    row.gone = true;
    row.status = STR_NULL;
    rows_set(rows, i, &row);
    free(cells);
}

size_t rows_add(struct rows *rows, const struct row_in *in)
{
    size_t i;
    if (rows_find(rows, in->key, &i)) {
        rows_set(rows, i, in);
        return i;
    }
    const char *row = pack_tail(rows, in, NULL);
    return put(rows, in->key, row);
}

/* --- changes --------------------------------------------------------------------------------- */

static void note_change(struct rows *rows, size_t i, uint64_t columns, int64_t until_ms)
{
    if (!columns)
        return;
    if (!rows->changes)
        rows->changes = xreallocarray(NULL, CHANGES_MAX, sizeof rows->changes[0]);
    if (rows->nchanges == CHANGES_MAX) {
        rows->nchanges--;
        memmove(rows->changes, rows->changes + 1, rows->nchanges * sizeof rows->changes[0]);
    }
    rows->changes[rows->nchanges++] = (struct change){(uint32_t)i, columns, until_ms};
}

static void compare_row(struct rows *rows, size_t i, const char *before, int64_t until_ms)
{
    const char *now = row_at(rows, i), *cells;
    struct row_in old = unpack_head(before, &cells), new = unpack_head(now, &cells);
    if (old.gone != new.gone)
        note_change(rows, i, UINT64_MAX, until_ms);
    else if (old.known && new.known)
        note_change(rows, i, pack_differences(rows->sheet, before, now), until_ms);
}

void rows_watch(struct rows *rows, int64_t until_ms)
{
    rows->watch_until_ms = until_ms;
}

void rows_compare(struct rows *rows, const struct rows *before, int64_t until_ms)
{
    size_t at;
    for (size_t i = 0; i < before->nchanges; i++) {
        const struct change *change = &before->changes[i];
        if (rows_find(rows, rows_key(before, change->row), &at))
            note_change(rows, at, change->columns, change->until_ms);
    }
    for (size_t i = 0; i < rows->n && rows->n <= COMPARE_MAX; i++) {
        if (!rows_find(before, rows_key(rows, i), &at))
            note_change(rows, i, UINT64_MAX, until_ms);
        else if (row_at(before, at) != row_at(rows, i))
            compare_row(rows, i, row_at(before, at), until_ms);
    }
}

uint64_t rows_changes(const struct rows *rows, size_t i, int64_t now_ms)
{
    uint64_t columns = 0;
    for (size_t c = 0; c < rows->nchanges; c++) {
        if (rows->changes[c].row == i && rows->changes[c].until_ms > now_ms)
            columns |= rows->changes[c].columns;
    }
    return columns;
}

/* --- taking pages ---------------------------------------------------------------------------- */

/* A row of another snapshot is held here, too. */
static void share(struct rows *rows, const struct rows *before, const char *row)
{
    if (held_of(rows, row))
        return;
    struct block *block = held_of(before, row)->block;
    block->owners++;
    hold(rows, block);
}

/* Sharing keeps the holes of `before`; when these are most of it, its rows are copied. */
static bool worth_sharing(const struct rows *before)
{
    size_t all = 0;
    for (size_t i = 0; i < before->nheld; i++)
        all += before->held[i].block->len;
    return all <= 2 * before->live + TAIL_MAX;
}

static const char *copy_to_tail(struct rows *rows, const char *row, size_t size)
{
    char *at = tail_room(rows, size);
    memcpy(at, row, size);
    rows->tail->len += size;
    return at;
}

static void take_compared(struct rows *rows, const struct rows_page *page,
                          const struct rows *before)
{
    bool shares = worth_sharing(before);
    widths_widen(rows->sheet, rows->widths, before->widths);
    for (size_t i = 0; i < page->n; i++) {
        size_t size, old;
        const char *row = page_row(page, i, &size), *cells;
        struct row_in head = unpack_head(row, &cells);
        const char *same = rows_find(before, head.key, &old) ? row_at(before, old) : NULL;
        if (same && (head.known || !pack_same_scan(rows->sheet, same, row)))
            same = NULL;
        if (!same)
            same = copy_to_tail(rows, row, size);
        else if (shares)
            share(rows, before, same);
        else
            same = copy_to_tail(rows, same, row_size(rows, same));
        put(rows, head.key, same);
    }
}

void rows_take(struct rows *rows, struct rows_page *page, const struct rows *before)
{
    assert(page->sheet == rows->sheet);
    widths_widen(rows->sheet, rows->widths, page->widths);
    if (before)
        take_compared(rows, page, before);
    else {
        page_close(page);
        page->block->owners++;
        hold(rows, page->block);
        for (size_t i = 0; i < page->n; i++) {
            const char *row = page_row(page, i, NULL), *cells;
            put(rows, unpack_head(row, &cells).key, row);
        }
    }
    rows_page_free(page);
}

void rows_update(struct rows *rows, struct rows_page *page)
{
    assert(page->sheet == rows->sheet);
    widths_widen(rows->sheet, rows->widths, page->widths);
    for (size_t r = 0; r < page->n; r++) {
        size_t size, i;
        const char *row = page_row(page, r, &size), *cells;
        struct row_in head = unpack_head(row, &cells);
        if (!rows_find(rows, head.key, &i))
            continue;
        const char *now = row_at(rows, i);
        if (head.gone)
            rows_set_gone(rows, i);
        else if (row_size(rows, now) != size || memcmp(now, row, size) != 0) {
            const char *new = copy_to_tail(rows, row, size);
            const char *cells_now;
            if (rows->watch_until_ms && head.known && unpack_head(now, &cells_now).known)
                note_change(rows, i, pack_differences(rows->sheet, now, new), rows->watch_until_ms);
            replace(rows, i, new);
        }
    }
    rows_page_free(page);
}
