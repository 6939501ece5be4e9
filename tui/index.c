#include "tui/index.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    BREATH = 4096, /* rows between two looks whether to stop */
    WORD = 8,      /* bytes of a text that are compared at once */
    FEW = 24,      /* sorted by insertion */
};

/* A row and what it is compared by. */
struct entry {
    uint64_t word;
    uint32_t row;
};

struct making {
    const struct index_want *want;
    struct index_progress *progress;
    struct entry *entries, *spare;
    size_t per_pass; /* of the merge at the top, counted as so many rows; 0 below it */
    size_t n; /* entries; behind them, from the end, the rows that have nothing to be sorted by */
    size_t done;
};

static bool count(struct making *m, size_t rows)
{
    if (!m->progress)
        return true;
    m->done += rows;
    atomic_store_explicit(&m->progress->done, m->done, memory_order_relaxed);
    return !(m->progress->stop && atomic_load(m->progress->stop));
}

/* --- merging: stable, by word ---------------------------------------------------------------- */

static void insert_sort(struct entry *e, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct entry entry = e[i];
        size_t at = i;
        for (; at > 0 && e[at - 1].word > entry.word; at--)
            e[at] = e[at - 1];
        e[at] = entry;
    }
}

static void merge(const struct entry *a, size_t na, const struct entry *b, size_t nb,
                  struct entry *out)
{
    while (na && nb) {
        bool first = a->word <= b->word;
        *out++ = first ? *a : *b;
        a += first;
        na -= first;
        b += !first;
        nb -= !first;
    }
    memcpy(out, na ? a : b, (na + nb) * sizeof *out);
}

/* From short runs to long ones. False: stopped. */
static bool sort_words(struct making *m, struct entry *e, size_t n)
{
    for (size_t i = 0; i < n; i += FEW)
        insert_sort(e + i, n - i < FEW ? n - i : FEW);
    struct entry *from = e, *to = m->spare;
    for (size_t run = FEW; run < n; run *= 2) {
        for (size_t i = 0; i < n; i += 2 * run) {
            size_t a = n - i < run ? n - i : run, b = n - i - a < run ? n - i - a : run;
            if (a && b && from[i + a - 1].word <= from[i + a].word)
                memcpy(to + i, from + i, (a + b) * sizeof *to);
            else
                merge(from + i, a, from + i + a, b, to + i);
        }
        if (!count(m, n == m->n ? m->per_pass : 0))
            return false;
        struct entry *swap = from;
        from = to;
        to = swap;
    }
    if (from != e)
        memcpy(e, from, n * sizeof *e);
    return true;
}

/* --- texts: eight bytes at a time ------------------------------------------------------------ */

static struct str text_of(const struct making *m, uint32_t row)
{
    return rows_cell(m->want->rows, row, (size_t)m->want->ordering.sort).text;
}

static uint64_t word_at(struct str text, size_t depth)
{
    unsigned char bytes[WORD] = {0};
    if (depth < text.len)
        memcpy(bytes, text.ptr + depth, text.len - depth < WORD ? text.len - depth : WORD);
    uint64_t word = 0;
    for (size_t i = 0; i < WORD; i++)
        word = word << 8 | bytes[i];
    return word;
}

static bool sort_texts(struct making *m, struct entry *e, size_t n, size_t depth);

/* Entries whose texts are the same up to `depth`: those that end there first, the shorter before
 * the longer (their missing bytes were taken as NUL), then those that go on. */
static bool sort_same(struct making *m, struct entry *e, size_t n, size_t depth)
{
    for (size_t i = 0; i < n; i++) {
        struct str text = text_of(m, e[i].row);
        e[i].word = text.len < depth ? text.len : depth + (text.len > depth);
    }
    if (!sort_words(m, e, n))
        return false;
    size_t ended = 0;
    while (ended < n && e[ended].word <= depth)
        ended++;
    return sort_texts(m, e + ended, n - ended, depth);
}

static bool sort_texts(struct making *m, struct entry *e, size_t n, size_t depth)
{
    if (n < 2)
        return true;
    for (size_t i = 0; i < n; i++)
        e[i].word = word_at(text_of(m, e[i].row), depth);
    if (!sort_words(m, e, n))
        return false;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && e[end].word == e[i].word; end++)
            ;
        if (end - i > 1 && !sort_same(m, e + i, end - i, depth + WORD))
            return false;
        if (depth == 0 && !count(m, end - i))
            return false;
    }
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

static void reverse(struct entry *e, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct entry swap = e[i];
        e[i] = e[n - 1 - i];
        e[n - 1 - i] = swap;
    }
}

static uint64_t number_word(int64_t n)
{
    return (uint64_t)n ^ (uint64_t)1 << 63;
}

static uint64_t attention_word(enum mark mark)
{
    return mark == MARK_BAD ? 0 : mark == MARK_WARN ? 1 : 2;
}

/* Behind the entries, backwards from the end. */
static void put_last(struct making *m, size_t *last, uint32_t row)
{
    m->entries[--*last].row = row;
}

static bool collect(struct making *m, struct index *ret, size_t *ret_last, bool *ret_text)
{
    const struct index_want *want = m->want;
    size_t last = want->n;
    for (size_t i = 0; i < want->n; i++) {
        if (i % BREATH == 0 && i && !count(m, BREATH))
            return false;
        uint32_t row = (uint32_t)i;
        if (rows_gone(want->rows, i))
            continue;
        ret->total++;
        if (want->filter && !filter_passes(want->filter, want->rows, i, want->now_us))
            continue;
        struct entry entry = {0, row};
        if (want->ordering.sort >= 0) {
            struct cell cell = rows_cell(want->rows, i, (size_t)want->ordering.sort);
            if (cell.type <= CELL_NULL) {
                put_last(m, &last, row);
                continue;
            }
            *ret_text = cell.type == CELL_TEXT || cell.type == CELL_OBJECT;
            entry.word = number_word(cell.number);
        } else if (want->ordering.attention)
            entry.word = attention_word(rows_mark(want->rows, i));
        m->entries[m->n++] = entry;
    }
    *ret_last = last;
    return true;
}

static bool sort_entries(struct making *m, bool is_text)
{
    const struct ordering *o = &m->want->ordering;
    if (o->sort < 0)
        return !o->attention || sort_words(m, m->entries, m->n);
    /* Sorted upwards and turned round, equal ones keep the order of the store. */
    if (o->descending)
        reverse(m->entries, m->n);
    size_t passes = 1;
    for (size_t run = FEW; run < m->n; run *= 2)
        passes++;
    m->per_pass = m->n / passes;
    bool ok = is_text ? sort_texts(m, m->entries, m->n, 0) : sort_words(m, m->entries, m->n);
    if (o->descending)
        reverse(m->entries, m->n);
    return ok;
}

bool index_make(const struct index_want *want, struct index_progress *progress, struct index *ret)
{
    struct making m = {.want = want, .progress = progress};
    struct index made = {0};
    size_t last = 0;
    bool is_text = false;
    if (progress)
        atomic_store(&progress->of, want->n * (want->ordering.sort >= 0 ? 3 : 1));
    m.entries = xreallocarray(NULL, want->n, sizeof m.entries[0]);
    bool ok = collect(&m, &made, &last, &is_text);
    if (ok && m.n > FEW && (want->ordering.sort >= 0 || want->ordering.attention))
        m.spare = xreallocarray(NULL, m.n, sizeof m.spare[0]);
    ok = ok && sort_entries(&m, is_text);
    if (ok) {
        made.order = xreallocarray(NULL, m.n + want->n - last, sizeof made.order[0]);
        for (size_t i = 0; i < m.n; i++)
            made.order[made.n++] = m.entries[i].row;
        for (size_t i = want->n; i > last; i--)
            made.order[made.n++] = m.entries[i - 1].row;
        *ret = made;
    }
    free(m.entries);
    free(m.spare);
    return ok;
}

void index_release(struct index *index)
{
    free(index->order);
    *index = (struct index){0};
}
