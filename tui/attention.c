#include "tui/attention.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store.h"

#include <stdlib.h>
#include <string.h>

/* Its texts lie behind its items; the key stays when it is well again. */
struct record {
    struct str key, label; /* the key is allocated */
    int64_t lost_at_us, lost_span_us, since_us;
    struct attention_item *items; /* NULL when n is 0 */
    size_t n;
    unsigned now; /* NOW_... */
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

/* The same twice of one record, or of one part of it, is one finding. */
static bool has_item(const struct attention_note *note, const struct finding *f)
{
    for (size_t i = 0; i < note->n; i++) {
        if (strcmp(note->items[i].code, f->code) == 0 && str_eq(note->items[i].part, f->part))
            return true;
    }
    return false;
}

static unsigned now_of(const struct sheet_input *in)
{
    const struct activity *activity = in->activity;
    unsigned now = !in->lock ? 0 : in->lock->verdict == LOCK_STALE ? NOW_LEFT_OVER : NOW_HELD;
    if (activity && activity->sight == ACTIVITY_SEEN)
        now |= (activity->record_live ? NOW_WRITTEN : 0) | (activity->owner_live ? NOW_OWNED : 0);
    return now;
}

struct attention_note *attention_note(struct arena *keep, struct str store,
                                      const struct sheet_input *in, const struct finding *findings)
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
    int64_t expires = in->row->expires_at_us, off = in->doc ? in->doc->expires_off_us : 0;
    bool lost = error && expires != TIME_NEVER && expires != TIME_UNKNOWN;
    note->lost_at_us = lost ? expires - off : TIME_UNKNOWN;
    note->lost_span_us = 2 * off;
    note->now = now_of(in);
    note->items = arena_array(keep, struct attention_item, room);
    for (const struct finding *f = findings; f; f = f->next) {
        if (f->severity == SEVERITY_INFO || has_item(note, f))
            continue;
        struct attention_item *item = &note->items[note->n++];
        *item =
            (struct attention_item){.code = f->code,
                                    .severity = f->severity,
                                    .text = arena_str(keep, f->text),
                                    .verb = verb_of(keep, f->fix),
                                    .retry_at_us = f->retry_at_us ? f->retry_at_us : TIME_UNKNOWN,
                                    .part = f->part.ptr ? arena_str(keep, f->part) : STR_NULL};
        struct str id = acks_finding_id(keep, store, f->code, f->object);
        memcpy(item->id, id.ptr, FINDING_ID_LEN);
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
    record->now = 0;
}

static void take(struct attention *attention, const struct attention_note *note)
{
    uint32_t at =
        keyslots_find(&attention->slots, attention, key_of, note->key, key_hash(note->key));
    if (at != UINT32_MAX)
        forget(&attention->records[at]);
    if (!note->n && !note->now)
        return; /* most records are well, and cost nothing here */
    struct record *record = record_of(attention, note->key);
    size_t size = note->n * sizeof record->items[0] + note->label.len;
    for (size_t i = 0; i < note->n; i++)
        size += note->items[i].text.len + note->items[i].verb.len + note->items[i].part.len;
    record->items = note->n ? xreallocarray(NULL, 1, size) : NULL;
    record->now = note->now;
    record->n = note->n;
    if (!note->n)
        return;
    char *text = (char *)(record->items + note->n);
    record->label = put(&text, note->label);
    record->lost_at_us = note->lost_at_us;
    record->lost_span_us = note->lost_span_us;
    record->since_us = note->since_us;
    for (size_t i = 0; i < note->n; i++) {
        struct attention_item *item = &record->items[i];
        *item = note->items[i];
        item->text = put(&text, item->text);
        item->verb = put(&text, item->verb);
        item->part = put(&text, item->part);
    }
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
        if (!record->n && !record->now)
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
        order = earlier(x->retry_at_us, y->retry_at_us);
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

/* `again`: the record has had another part with this finding. */
static void add_to(struct attention_group *g, const struct record *r,
                   const struct attention_item *item, bool again)
{
    /* Only an error is lost with its record: a warning would have mended itself, or not mattered.
     */
    int64_t lost = item->severity == SEVERITY_ERROR ? r->lost_at_us : TIME_UNKNOWN;
    bool first = g->n == 0 || comes_before(g, r, lost);
    g->parts = (g->parts || g->n == 0) && item->part.ptr;
    g->n += !again;
    if (item->severity < g->severity || g->n == 1)
        g->severity = item->severity;
    if (g->n == 1 && !again)
        g->retry_at_us = TIME_UNKNOWN;
    if (earlier(item->retry_at_us, g->retry_at_us) < 0)
        g->retry_at_us = item->retry_at_us;
    if (!first)
        return;
    g->key = r->key;
    g->label = r->label;
    g->text = item->text;
    g->verb = item->verb;
    g->lost_at_us = lost;
    g->lost_span_us = r->lost_span_us;
    g->since_us = r->since_us;
}

struct str attention_lost_text(struct arena *a, const struct attention_group *group, int64_t now_us)
{
    int64_t left = group->lost_at_us, span = group->lost_span_us;
    if (left == TIME_UNKNOWN)
        return STR_NULL;
    left -= now_us;
    if (left > 0)
        return arena_printf(a, "expires in %.*s%s", STR_ARG(time_span(a, left)),
                            span ? " at the earliest" : "");
    if (left + span > 0)
        return STR("may have expired");
    return arena_printf(a, "expired %.*s ago", STR_ARG(time_span(a, -(left + span))));
}

static bool hides(const struct attention_hide *hide, const struct attention_item *item)
{
    return hide && hide->hides && hide->hides(hide->ctx, item->id);
}

/* What would mend most of the group; of two that mend as many, the one of the record shown. */
static void choose_verb(const struct attention *attention, const struct attention_hide *hide,
                        struct attention_group *g)
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
            const struct attention_item *item = &r->items[k];
            size_t at = 0;
            if (!item->verb.ptr || strcmp(item->code, g->code) != 0 || hides(hide, item))
                continue;
            while (at < n && !str_eq(verbs[at].verb, item->verb))
                at++;
            if (at == VERBS)
                continue;
            n += at == n;
            verbs[at].verb = item->verb;
            verbs[at].n++;
        }
    }
    for (size_t i = 1; i < n; i++)
        best = verbs[i].n > verbs[best].n ? i : best;
    g->verb = verbs[best].verb;
    g->nverb = verbs[best].n;
}

struct groups {
    struct attention_group *at;
    size_t n, room;
    struct arena *arena;
};

static struct attention_group *group_of(struct groups *groups, const char *code)
{
    for (size_t g = 0; g < groups->n; g++) {
        if (strcmp(groups->at[g].code, code) == 0)
            return &groups->at[g];
    }
    groups->at =
        arena_grow(groups->arena, groups->at, groups->n, &groups->room, sizeof *groups->at);
    groups->at[groups->n] = (struct attention_group){.code = code};
    return &groups->at[groups->n++];
}

/* The finding before in the same record: those of one code stand together or do not. */
static bool had_code(const struct record *r, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        if (strcmp(r->items[i].code, r->items[k].code) == 0)
            return true;
    }
    return false;
}

size_t attention_groups(const struct attention *attention, const struct attention_hide *hide,
                        struct arena *a, struct attention_group **ret, size_t *ret_hidden)
{
    struct groups groups = {.arena = a};
    *ret_hidden = 0;
    for (size_t i = 0; i < attention->n; i++) {
        const struct record *r = &attention->records[i];
        for (size_t k = 0; k < r->n; k++) {
            if (hides(hide, &r->items[k]))
                ++*ret_hidden;
            else
                add_to(group_of(&groups, r->items[k].code), r, &r->items[k], had_code(r, k));
        }
    }
    for (size_t g = 0; g < groups.n; g++)
        choose_verb(attention, hide, &groups.at[g]);
    if (groups.n)
        qsort(groups.at, groups.n, sizeof *groups.at, attention_cmp);
    *ret = groups.at;
    return groups.n;
}

void attention_each(const struct attention *attention, const struct attention_hide *hide,
                    const char *code, attention_visitor *visit, void *ctx)
{
    for (size_t i = 0; i < attention->n; i++) {
        const struct record *r = &attention->records[i];
        for (size_t k = 0; k < r->n; k++) {
            if (strcmp(r->items[k].code, code) == 0 && !hides(hide, &r->items[k]))
                visit(ctx, r->key, r->label, r->items[k].part, r->items[k].id);
        }
    }
}

struct attention_now attention_now(const struct attention *attention)
{
    struct attention_now now = {0};
    for (size_t i = 0; i < attention->n; i++) {
        unsigned bits = attention->records[i].now;
        now.held += (bits & NOW_HELD) != 0;
        now.left_over += (bits & NOW_LEFT_OVER) != 0;
        now.written += (bits & NOW_WRITTEN) != 0;
        now.owned += (bits & NOW_OWNED) != 0;
    }
    return now;
}
