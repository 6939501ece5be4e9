/* The text of a plan that waits: what follows from it, what is not in it, who writes, its rows. */
#include "core/base/text.h"
#include "tui/plan_view.h"

#include <stdlib.h>
#include <string.h>

enum {
    DIFF_LINES = 200,
    VALUE_SHOWN = 400,
    MANY = 20,       /* above so many rows consequences are told by their kind */
    LEFT_SHOWN = 20, /* of records that are not in the plan */
};

static void plan_add_line(struct plan_lines *l, enum style style, int indent, struct str text,
                          ptrdiff_t item)
{
    l->at = arena_grow(&l->arena, l->at, l->n, &l->cap, sizeof *l->at);
    l->at[l->n++] = (struct plan_line){style, indent, text, item};
}

static void add_folded(struct plan_lines *l, enum style style, int indent, struct str text,
                       ptrdiff_t item)
{
    struct str rest = text_clean(&l->arena, text, 0);
    do {
        size_t take = canvas_fold(rest, l->width - indent);
        plan_add_line(l, style, indent, str_sub(rest, 0, take), item);
        rest = str_sub(rest, take, rest.len);
        item = -1;
    } while (rest.len);
}

void plan_add(struct plan_lines *l, enum style style, int indent, ptrdiff_t item, const char *fmt,
              ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str text = arena_vprintf(&l->arena, fmt, ap);
    va_end(ap);
    add_folded(l, style, indent, text, item);
}

static struct str show_value(struct arena *a, const struct value *v)
{
    return v ? value_repr(a, v, VALUE_SHOWN) : STR("absent");
}

void plan_add_diff(struct plan_lines *l, const struct value_change *diff, size_t n, bool more,
                   size_t most)
{
    for (size_t i = 0; i < n && i < most; i++) {
        const struct value_change *c = &diff[i];
        struct str path = c->path.len ? c->path : STR("(whole)");
        struct str old = show_value(&l->arena, c->before), new = show_value(&l->arena, c->after);
        if (c->before && c->after)
            plan_add(l, STYLE_TEXT, 5, -1, "~ %.*s: %.*s → %.*s", STR_ARG(path), STR_ARG(old),
                     STR_ARG(new));
        else
            plan_add(l, STYLE_TEXT, 5, -1, "%c %.*s: %.*s", c->before ? '-' : '+', STR_ARG(path),
                     STR_ARG(c->before ? old : new));
    }
    if (more || n > most)
        plan_add(l, STYLE_DIM, 5, -1, "and more");
}

static void add_words(struct plan_lines *l, const struct plan_item *item)
{
    for (size_t i = 0; i < item->nwords; i++) {
        const struct change_words *w = &item->words[i];
        if (w->old.ptr && w->new.ptr)
            plan_add(l, STYLE_TEXT, 5, -1, "~ %s: %.*s → %.*s", w->what, STR_ARG(w->old),
                     STR_ARG(w->new));
        else
            plan_add(l, STYLE_TEXT, 5, -1, "%c %s: %.*s", w->old.ptr ? '-' : '+', w->what,
                     STR_ARG(w->old.ptr ? w->old : w->new));
    }
}

static struct str without(struct str text, struct str name)
{
    size_t n = name.len;
    bool named = n && text.len > n + 2 && str_eq(str_sub(text, 0, n), name) && text.ptr[n] == ':';
    return named ? str_sub(text, n + 2, text.len) : text;
}

/* Without the names of store and record: the box and the line say them. */
struct str plan_why(const struct plan_item *item)
{
    struct str why = item->err.text[0]  ? str_of(item->err.text)
                     : item->detail.ptr ? item->detail
                                        : STR("");
    return without(without(why, str_of(item->store->target.address.identity)), item->label);
}

const char *plan_noun(const struct plan_view *v, size_t n)
{
    const struct system *system = v->base.session->system;
    return n == 1 ? system->noun : system->records;
}

/* --- what follows --------------------------------------------------------------------------- */

static void add_consequence(struct plan_lines *l, enum consequence_level level, size_t records,
                            bool counted, struct str text)
{
    static const struct {
        enum style style;
        const char *sign;
    } looks_of[] = {
        [LEVEL_NOTE] = {STYLE_TEXT, "-"},
        [LEVEL_WARN] = {STYLE_WARN, "!"},
        [LEVEL_DANGER] = {STYLE_BAD, "✖"},
    };
    struct str count = counted ? arena_printf(&l->arena, "%3zu  ", records) : STR("");
    int indent = counted ? 7 : 2;
    size_t first = l->n;
    add_folded(l, looks_of[level].style, indent, text, -1);
    l->at[first].indent = 0;
    l->at[first].text = arena_printf(&l->arena, "%s %.*s%.*s", looks_of[level].sign, STR_ARG(count),
                                     STR_ARG(l->at[first].text));
}

/* All that carry one code as one line: the first text stands for the others. */
static void add_kind(struct plan_lines *l, const struct consequence *first)
{
    size_t records = 0, texts = 0;
    int64_t bytes = 0;
    for (const struct consequence *c = first; c; c = c->next) {
        if (strcmp(c->code, first->code) != 0)
            continue;
        records += c->records;
        bytes += c->bytes;
        texts++;
    }
    struct str text = first->text;
    if (texts > 1)
        text = arena_printf(&l->arena, "%.*s, and %zu more like it", STR_ARG(text), texts - 1);
    if (bytes && texts > 1) {
        struct cell sum = cell_bytes(bytes);
        text = arena_printf(&l->arena, "%.*s: %.*s in all", STR_ARG(text),
                            STR_ARG(cell_show(&l->arena, &sum, TIME_UNKNOWN)));
    }
    add_consequence(l, first->level, records, true, text);
}

static bool is_first_of_kind(const struct consequence *list, const struct consequence *c)
{
    while (list != c && strcmp(list->code, c->code) != 0)
        list = list->next;
    return list == c;
}

/* Those that must be read, or the notes. */
static void add_consequences(struct plan_lines *l, const struct plan *plan, bool notes)
{
    size_t planned = plan_count(plan, OUTCOME_PLANNED);
    for (const struct consequence *c = plan->consequences; c; c = c->next) {
        if ((c->level == LEVEL_NOTE) != notes)
            continue;
        if (planned <= MANY)
            add_consequence(l, c->level, c->records, planned > 1, c->text);
        else if (is_first_of_kind(plan->consequences, c))
            add_kind(l, c);
    }
}

/* --- what is not in it ---------------------------------------------------------------------- */

static const struct consequence *worst(const struct plan_item *item)
{
    const struct consequence *c = item->consequences;
    while (c && c->level != LEVEL_DANGER)
        c = c->next;
    return c;
}

static void add_set_aside(struct plan_lines *l, const struct plan_view *v)
{
    const struct plan *plan = v->plan;
    size_t n = plan_count(plan, OUTCOME_SET_ASIDE), shown = 0;
    if (!n)
        return;
    plan_add(l, STYLE_STRONG, 0, -1, "SET ASIDE  %zu, because data would be lost", n);
    for (size_t i = 0; i < plan->nitems && shown < LEFT_SHOWN; i++) {
        const struct plan_item *item = &plan->items[i];
        const struct consequence *c = worst(item);
        if (item->outcome != OUTCOME_SET_ASIDE || !c)
            continue;
        plan_add(l, STYLE_BAD, 2, (ptrdiff_t)i, "%.*s → %.*s  %.*s", STR_ARG(item->label),
                 STR_ARG(item->after_text), STR_ARG(c->text));
        shown++;
    }
    if (n > shown)
        plan_add(l, STYLE_BAD, 2, -1, "and %zu more", n - shown);
    const struct action *instead = plan_instead(v);
    if (instead)
        plan_add(l, STYLE_KEY, 2, -1, "i include anyway: asks for the typed name   %c %s instead",
                 instead->key, instead->verb);
    else
        plan_add(l, STYLE_KEY, 2, -1, "i include anyway: asks for the typed name");
}

/* --- who writes ----------------------------------------------------------------------------- */

static const struct {
    enum style style;
    const char *words, *word; /* of a line, of a row */
} writers[] = {
    [WRITER_NONE_SEEN] = {STYLE_DIM, "none seen", "none seen"},
    [WRITER_SAFE] = {STYLE_TEXT, "running, this row is safe", "safe"},
    [WRITER_BLOCKS] = {STYLE_BAD, "running, BLOCKS", "BLOCKS"},
    [WRITER_CANNOT_SEE] = {STYLE_WARN, "cannot see", "cannot see"},
};

/* Records that the plan cannot change, with the reason. */
static void add_left_out(struct plan_lines *l, const struct plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome == OUTCOME_PLANNED || item->outcome == OUTCOME_SET_ASIDE)
            continue;
        if (!n)
            plan_add(l, STYLE_STRONG, 0, -1, "NOT IN THIS PLAN");
        if (++n > LEFT_SHOWN)
            continue;
        enum style style = item->outcome == OUTCOME_UNCHANGED ? STYLE_DIM : STYLE_WARN;
        bool blocked = item->outcome == OUTCOME_LOCKED;
        plan_add(l, blocked ? STYLE_BAD : style, 2, (ptrdiff_t)i, "%.*s  %s: %.*s",
                 STR_ARG(item->label),
                 blocked ? writers[WRITER_BLOCKS].words : outcome_name(item->outcome),
                 STR_ARG(plan_why(item)));
        if (item->err.hint[0] && !blocked)
            plan_add(l, STYLE_DIM, 4, -1, "%s", item->err.hint);
    }
    if (n > LEFT_SHOWN)
        plan_add(l, STYLE_WARN, 2, -1, "and %zu more", n - LEFT_SHOWN);
    if (plan->blocked)
        plan_add(l, STYLE_KEY, 2, -1,
                 "wait until it is done   f overrides it: typed, with a reason");
}

/* In a large plan the verdict alone makes a group. */
static bool same_writer(const struct plan_item *a, const struct plan_item *b, bool many)
{
    return a->outcome == OUTCOME_PLANNED && b->outcome == OUTCOME_PLANNED &&
           a->writer.verdict == b->writer.verdict && (many || str_eq(a->writer.why, b->writer.why));
}

/* The same verdict for the same reason is said once, with the number of its rows. */
static void add_writers(struct plan_lines *l, const struct plan *plan)
{
    size_t planned = plan_count(plan, OUTCOME_PLANNED);
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        const struct writer *w = &item->writer;
        size_t n = 0, before = 0;
        for (size_t j = 0; j < plan->nitems && !before; j++) {
            before += j < i && same_writer(item, &plan->items[j], planned > MANY);
            n += same_writer(item, &plan->items[j], planned > MANY);
        }
        if (before || !n)
            continue;
        struct str count =
            n == plan_count(plan, OUTCOME_PLANNED) ? STR("") : arena_printf(&l->arena, "%zu: ", n);
        const char *words = writers[w->verdict].words;
        bool said = str_starts(w->why, words);
        plan_add(l, writers[w->verdict].style, 0, -1, "WRITER  %.*s%s%s%.*s", STR_ARG(count),
                 said ? "" : words, said || !w->why.len ? "" : ": ", STR_ARG(w->why));
    }
}

/* --- rows ----------------------------------------------------------------------------------- */

/* Rows with warnings first: what loses data, what cannot be undone, what may collide. */
static int rank(const struct plan_item *item)
{
    return item->included || worst(item)                                   ? 0
           : item->undo == UNDO_NONE                                       ? 1
           : item->writer.verdict >= WRITER_BLOCKS                         ? 2
           : item->consequences && item->consequences->level == LEVEL_WARN ? 3
                                                                           : 4;
}

struct ranked {
    int rank;
    size_t item;
};

static int ranked_cmp(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->rank != y->rank ? x->rank - y->rank : x->item < y->item ? -1 : x->item > y->item;
}

static struct ranked *planned_rows(const struct plan *plan, struct arena *a, size_t *ret_n)
{
    struct ranked *rows = arena_array(a, struct ranked, plan->nitems);
    size_t n = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome == OUTCOME_PLANNED)
            rows[n++] = (struct ranked){rank(&plan->items[i]), i};
    }
    qsort(rows, n, sizeof *rows, ranked_cmp);
    *ret_n = n;
    return rows;
}

/* As wide as the widest, up to a limit, so that what follows stands in a column. */
static struct str padded(struct arena *a, struct str text, int width)
{
    struct str cut = text_cut_middle(a, text_clean(a, text, 0), width, 0);
    return arena_printf(a, "%.*s%*s", STR_ARG(cut), width - text_width(cut), "");
}

static struct str change_text(struct arena *a, const struct plan_item *item)
{
    return arena_printf(a, "%.*s → %.*s", STR_ARG(item->before_text), STR_ARG(item->after_text));
}

/* Two records of one name are told apart by their ids. */
static struct str row_name(struct plan_lines *l, const struct plan *plan, const struct ranked *rows,
                           size_t n, size_t i)
{
    const struct plan_item *item = &plan->items[rows[i].item];
    bool twice = false;
    for (size_t k = 0; k < n && n <= MANY && !twice; k++)
        twice = k != i && str_eq(plan->items[rows[k].item].label, item->label);
    return twice || n > MANY
               ? arena_printf(&l->arena, "%.*s %.*s", STR_ARG(item->label),
                              STR_ARG(str_eq(item->id, item->label) ? STR("") : item->id))
               : item->label;
}

/* One verdict for all rows stands in the line above them. */
static bool verdicts_differ(const struct plan *plan, const struct ranked *rows, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (plan->items[rows[i].item].writer.verdict != plan->items[rows[0].item].writer.verdict)
            return true;
    }
    return false;
}

static struct str row_tail(struct arena *a, const struct plan_item *item, bool with_writer)
{
    return arena_printf(a, "%s%sundo %s", with_writer ? writers[item->writer.verdict].word : "",
                        with_writer ? ", " : "", undo_scope_name(item->undo));
}

static int wider(int width, struct arena *a, struct str text)
{
    int w = text_width(text_clean(a, text, 0));
    return w > width ? w : width;
}

static void add_rows(struct plan_lines *l, const struct plan_view *v)
{
    const struct plan *plan = v->plan;
    struct arena *a = &l->arena;
    size_t n;
    struct ranked *rows = planned_rows(plan, a, &n);
    bool with_writer = verdicts_differ(plan, rows, n);
    int name_width = 0, change_width = 0, tail_width = 0;
    for (size_t i = 0; i < n; i++) {
        const struct plan_item *item = &plan->items[rows[i].item];
        name_width = wider(name_width, a, row_name(l, plan, rows, n, i));
        change_width = wider(change_width, a, change_text(a, item));
        tail_width = wider(tail_width, a, row_tail(a, item, with_writer));
    }
    int room = l->width - 9 - (tail_width < l->width / 3 ? tail_width : l->width / 3);
    if (name_width + change_width > room) { /* the wider one gives way */
        name_width = name_width > room / 2 && change_width <= room / 2 ? room - change_width
                     : name_width > room / 2                           ? room / 2
                                                                       : name_width;
        change_width = change_width > room - name_width ? room - name_width : change_width;
    }
    for (size_t i = 0; i < n; i++) {
        const struct plan_item *item = &plan->items[rows[i].item];
        struct str name = padded(a, row_name(l, plan, rows, n, i), name_width);
        struct str change = padded(a, change_text(a, item), change_width);
        struct str text = arena_printf(a, "%3zu  %.*s  %.*s  %.*s", i + 1, STR_ARG(name),
                                       STR_ARG(change), STR_ARG(row_tail(a, item, with_writer)));
        enum style style = rows[i].rank < 3 ? STYLE_WARN : STYLE_STRONG;
        plan_add_line(l, style, 0, text, (ptrdiff_t)rows[i].item);
        bool asked = v->diff_item == (ptrdiff_t)rows[i].item;
        if (asked || n == 1)
            add_words(l, item);
        if (asked || (n == 1 && !item->nwords))
            plan_add_diff(l, item->diff, item->ndiff, item->diff_more, DIFF_LINES);
    }
}

void plan_waiting_lines(const struct plan_view *v, struct plan_lines *l)
{
    size_t hidden = v->source.want ? want_hidden(v->source.want) : 0;
    if (v->note.ptr)
        plan_add(l, STYLE_WARN, 0, -1, "%.*s", STR_ARG(v->note));
    if (v->plan->note.ptr)
        plan_add(l, STYLE_WARN, 0, -1, "%.*s", STR_ARG(v->plan->note));
    if (v->about.ptr)
        plan_add(l, STYLE_STRONG, 0, -1, "%.*s", STR_ARG(v->about));
    if (hidden)
        plan_add(l, STYLE_WARN, 0, -1, "%zu hidden by filter   v keeps only the visible", hidden);
    if (v->plan->undo == UNDO_NONE && v->question != ASK_NOTHING)
        plan_add(l, STYLE_BAD, 0, -1, "✖ NOT UNDOABLE");
    add_consequences(l, v->plan, false);
    add_set_aside(l, v);
    add_left_out(l, v->plan);
    add_writers(l, v->plan);
    add_consequences(l, v->plan, true);
    l->ntop = l->n;
    add_rows(l, v);
}
