#include "tui/attention.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Its texts lie behind its items; the key stays when it is well again. */
struct record {
    struct str key, label; /* the key is allocated */
    int64_t lost_at_us, since_us;
    struct attention_item *items; /* NULL when n is 0 */
    size_t n;
};

struct attention {
    struct record *records;
    size_t n, room;
    struct keyslots slots;
};

struct attention *attention_new(void)
{
    return xcalloc(1, sizeof(struct attention));
}

void attention_free(struct attention *attention)
{
    if (!attention)
        return;
    for (size_t i = 0; i < attention->n; i++) {
        free(attention->records[i].items);
        free((char *)attention->records[i].key.ptr);
    }
    free(attention->records);
    keyslots_release(&attention->slots);
    free(attention);
}

/* --- noting, on a worker's thread ----------------------------------------------------------- */

/* "rollback" of "table rollback 4/public.orders": the second word. */
static struct str verb_of(struct arena *a, struct str fix)
{
    ptrdiff_t blank = fix.ptr ? str_index(fix, ' ') : -1;
    if (blank < 0)
        return STR_NULL;
    struct str rest = str_sub(fix, (size_t)blank + 1, fix.len);
    ptrdiff_t end = str_index(rest, ' ');
    return arena_str(a, end < 0 ? rest : str_sub(rest, 0, (size_t)end));
}

static bool has_code(const struct attention_note *note, const char *code)
{
    for (size_t i = 0; i < note->n; i++) {
        if (strcmp(note->items[i].code, code) == 0)
            return true;
    }
    return false;
}

struct attention_note *attention_note(struct arena *keep, const struct sheet_input *in,
                                      const struct finding *findings)
{
    size_t room = 0;
    bool error = false;
    int64_t since_us = in->row->updated_at_us;
    for (const struct finding *f = findings; f; f = f->next) {
        room++;
        error |= f->severity == SEVERITY_ERROR;
        since_us = f->since_us ? f->since_us : since_us;
    }
    struct attention_note *note = arena_new(keep, struct attention_note);
    note->key = arena_str(keep, in->row->id);
    note->label = in->row->label.ptr ? arena_str(keep, in->row->label) : note->key;
    note->since_us = since_us;
    /* Nothing can be done any more about what expires with its record. */
    int64_t expires = in->row->expires_at_us;
    note->lost_at_us = error && expires != TIME_NEVER ? expires : TIME_UNKNOWN;
    note->items = arena_array(keep, struct attention_item, room);
    for (const struct finding *f = findings; f; f = f->next) {
        if (f->severity == SEVERITY_INFO || has_code(note, f->code))
            continue;
        note->items[note->n++] = (struct attention_item){
            f->code, f->severity, arena_str(keep, f->text), verb_of(keep, f->fix)};
    }
    return note;
}

/* --- taking --------------------------------------------------------------------------------- */

static struct str key_of(const void *owner, uint32_t number)
{
    return ((const struct attention *)owner)->records[number].key;
}

static struct str put(char **at, struct str s)
{
    if (!s.ptr)
        return STR_NULL;
    struct str copy = {*at, s.len};
    memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return copy;
}

static struct record *record_of(struct attention *attention, struct str key)
{
    uint64_t hash = key_hash(key);
    uint32_t at = keyslots_find(&attention->slots, attention, key_of, key, hash);
    if (at != UINT32_MAX)
        return &attention->records[at];
    if (attention->n == attention->room) {
        attention->room = attention->room ? attention->room * 2 : 16;
        attention->records =
            xreallocarray(attention->records, attention->room, sizeof attention->records[0]);
    }
    struct record *record = &attention->records[attention->n];
    *record = (struct record){.key = {xmemdupz(key.ptr, key.len), key.len}};
    keyslots_add(&attention->slots, attention, key_of, hash, (uint32_t)attention->n++);
    return record;
}

static void forget(struct record *record)
{
    free(record->items);
    record->items = NULL;
    record->n = 0;
}

static void take(struct attention *attention, const struct attention_note *note)
{
    uint32_t at =
        keyslots_find(&attention->slots, attention, key_of, note->key, key_hash(note->key));
    if (at != UINT32_MAX && attention->records[at].n)
        forget(&attention->records[at]);
    if (!note->n)
        return; /* most records are well, and cost nothing here */
    struct record *record = record_of(attention, note->key);
    size_t size = note->n * sizeof record->items[0] + note->label.len;
    for (size_t i = 0; i < note->n; i++)
        size += note->items[i].text.len + note->items[i].verb.len;
    record->items = xreallocarray(NULL, 1, size);
    char *text = (char *)(record->items + note->n);
    record->n = note->n;
    record->label = put(&text, note->label);
    record->lost_at_us = note->lost_at_us;
    record->since_us = note->since_us;
    for (size_t i = 0; i < note->n; i++)
        record->items[i] = (struct attention_item){note->items[i].code, note->items[i].severity,
                                                   put(&text, note->items[i].text),
                                                   put(&text, note->items[i].verb)};
}

void attention_take(struct attention *attention, const struct attention_note *notes)
{
    for (; notes; notes = notes->next)
        take(attention, notes);
}

void attention_prune(struct attention *attention, const struct rows *rows)
{
    struct cell *cells = xcalloc(rows_sheet(rows)->ncolumns, sizeof cells[0]);
    for (size_t i = 0; i < attention->n; i++) {
        struct record *record = &attention->records[i];
        struct row_in row = {0};
        size_t at;
        if (!record->n)
            continue;
        if (rows_find(rows, record->key, &at))
            rows_get(rows, at, &row, cells);
        if (!row.known || row.gone)
            forget(record);
    }
    free(cells);
}

/* --- grouping ------------------------------------------------------------------------------- */

/* Unknown comes last. */
static int earlier(int64_t a, int64_t b)
{
    if (a == TIME_UNKNOWN || b == TIME_UNKNOWN)
        return (a == TIME_UNKNOWN) - (b == TIME_UNKNOWN);
    return (a > b) - (a < b);
}

int attention_cmp(const void *a, const void *b)
{
    const struct attention_group *x = a, *y = b;
    int order = earlier(x->lost_at_us, y->lost_at_us);
    if (!order)
        order = (int)x->severity - (int)y->severity;
    if (!order)
        order = earlier(x->since_us, y->since_us);
    if (!order)
        order = (x->n < y->n) - (x->n > y->n);
    return order ? order : strcmp(x->code, y->code);
}

/* Which of two records speaks for the group: what is lost first, then the oldest. */
static bool comes_before(const struct attention_group *g, const struct record *r, int64_t lost)
{
    int order = earlier(lost, g->lost_at_us);
    return order ? order < 0 : earlier(r->since_us, g->since_us) < 0;
}

static void add_to(struct attention_group *g, const struct record *r,
                   const struct attention_item *item)
{
    /* Only an error is lost with its record: a warning would have mended itself, or not mattered.
     */
    int64_t lost = item->severity == SEVERITY_ERROR ? r->lost_at_us : TIME_UNKNOWN;
    bool first = g->n++ == 0 || comes_before(g, r, lost);
    if (item->severity < g->severity || g->n == 1)
        g->severity = item->severity;
    if (!first)
        return;
    g->key = r->key;
    g->label = r->label;
    g->text = item->text;
    g->verb = item->verb;
    g->lost_at_us = lost;
    g->since_us = r->since_us;
}

/* The verb that helps most of them; that of the record that speaks for them, where it is a draw. */
static void choose_verb(const struct attention *attention, struct attention_group *g)
{
    enum { VERBS = 8 }; /* a system advises fewer */
    struct {
        struct str verb;
        size_t n;
    } verbs[VERBS] = {{g->verb, 0}};
    size_t n = g->verb.ptr != NULL, best = 0;
    for (size_t i = 0; i < attention->n; i++) {
        const struct record *r = &attention->records[i];
        for (size_t k = 0; k < r->n; k++) {
            struct str verb = r->items[k].verb;
            size_t at = 0;
            if (!verb.ptr || strcmp(r->items[k].code, g->code) != 0)
                continue;
            while (at < n && !str_eq(verbs[at].verb, verb))
                at++;
            if (at == VERBS)
                continue;
            n += at == n;
            verbs[at].verb = verb;
            verbs[at].n++;
        }
    }
    for (size_t i = 1; i < n; i++)
        best = verbs[i].n > verbs[best].n ? i : best;
    g->verb = verbs[best].verb;
    g->nverb = verbs[best].n;
}

size_t attention_groups(const struct attention *attention, struct arena *a,
                        struct attention_group **ret)
{
    struct attention_group *groups = NULL;
    size_t n = 0, room = 0;
    for (size_t i = 0; i < attention->n; i++) {
        const struct record *r = &attention->records[i];
        for (size_t k = 0; k < r->n; k++) {
            size_t g = 0;
            while (g < n && strcmp(groups[g].code, r->items[k].code) != 0)
                g++;
            if (g == n) {
                groups = arena_grow(a, groups, n, &room, sizeof *groups);
                groups[n++] = (struct attention_group){.code = r->items[k].code};
            }
            add_to(&groups[g], r, &r->items[k]);
        }
    }
    for (size_t g = 0; g < n; g++)
        choose_verb(attention, &groups[g]);
    if (n)
        qsort(groups, n, sizeof *groups, attention_cmp);
    *ret = groups;
    return n;
}

void attention_each(const struct attention *attention, const char *code, attention_visitor *visit,
                    void *ctx)
{
    for (size_t i = 0; i < attention->n; i++) {
        const struct record *r = &attention->records[i];
        for (size_t k = 0; k < r->n; k++) {
            if (strcmp(r->items[k].code, code) == 0)
                visit(ctx, r->key, r->label);
        }
    }
}
