/* How a plan looks: what it would do, what became of it. */
#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/plan_view.h"

#include <string.h>

enum { DIFF_LINES = 200, VALUE_SHOWN = 400 };

/* --- the part that scrolls ------------------------------------------------------------------ */

struct lines {
    struct plan_line *at;
    size_t n, cap;
    struct arena *arena;
    int width;
};

static void add_line(struct lines *l, enum style style, int indent, struct str text, ptrdiff_t item)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct plan_line *more = arena_array(l->arena, struct plan_line, cap);
        for (size_t i = 0; i < l->n; i++)
            more[i] = l->at[i];
        l->at = more;
        l->cap = cap;
    }
    l->at[l->n++] = (struct plan_line){style, indent, text, item};
}

/* A long text over several lines; the first one carries the item. */
static void add_text(struct lines *l, enum style style, int indent, struct str text, ptrdiff_t item)
{
    struct str rest = text_clean(l->arena, text, 0);
    do {
        size_t take = canvas_fold(rest, l->width - indent);
        add_line(l, style, indent, str_sub(rest, 0, take), item);
        rest = str_sub(rest, take, rest.len);
        item = -1;
    } while (rest.len);
}

__attribute__((format(printf, 5, 6))) static void
add_printf(struct lines *l, enum style style, int indent, ptrdiff_t item, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str text = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    add_text(l, style, indent, text, item);
}

static struct str show_value(struct arena *a, const struct value *v)
{
    return v ? value_repr(a, v, VALUE_SHOWN) : STR("absent");
}

static void add_diff(struct lines *l, const struct value_change *diff, size_t n, bool more,
                     size_t most)
{
    for (size_t i = 0; i < n && i < most; i++) {
        const struct value_change *c = &diff[i];
        char sign = !c->before ? '+' : !c->after ? '-' : '~';
        struct str path = c->path.len ? c->path : STR("(whole)");
        if (sign == '~')
            add_printf(l, STYLE_TEXT, 5, -1, "~ %.*s: %.*s → %.*s", STR_ARG(path),
                       STR_ARG(show_value(l->arena, c->before)),
                       STR_ARG(show_value(l->arena, c->after)));
        else
            add_printf(l, STYLE_TEXT, 5, -1, "%c %.*s: %.*s", sign, STR_ARG(path),
                       STR_ARG(show_value(l->arena, c->before ? c->before : c->after)));
    }
    if (more || n > most)
        add_printf(l, STYLE_DIM, 5, -1, "and more");
}

static void add_consequences(struct lines *l, const struct plan *plan)
{
    static const struct {
        enum style style;
        const char *sign;
    } looks_of[] = {
        [LEVEL_NOTE] = {STYLE_TEXT, "-"},
        [LEVEL_WARN] = {STYLE_WARN, "!"},
        [LEVEL_DANGER] = {STYLE_BAD, "✖"},
    };
    for (const struct consequence *c = plan->consequences; c; c = c->next)
        add_printf(l, looks_of[c->level].style, 0, -1, "%s %.*s", looks_of[c->level].sign,
                   STR_ARG(c->text));
}

static struct str why_of(const struct plan_item *item)
{
    return item->err.text[0] ? str_of(item->err.text) : item->detail.ptr ? item->detail : STR("");
}

/* Rows that the plan cannot change come first, with the reason. */
static void add_set_aside(struct lines *l, const struct plan *plan)
{
    bool any = false;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome == OUTCOME_PLANNED)
            continue;
        if (!any)
            add_line(l, STYLE_STRONG, 0, STR("NOT IN THIS PLAN"), -1);
        any = true;
        enum style style = item->outcome == OUTCOME_UNCHANGED ? STYLE_DIM : STYLE_WARN;
        add_printf(l, style, 2, (ptrdiff_t)i, "%.*s  %s: %.*s", STR_ARG(item->label),
                   outcome_name(item->outcome), STR_ARG(why_of(item)));
        if (item->err.hint[0])
            add_printf(l, STYLE_DIM, 4, -1, "%s", item->err.hint);
    }
}

static const char *writer_words(enum writer_verdict verdict)
{
    static const char *const words[] = {
        [WRITER_NONE_SEEN] = "none seen",
        [WRITER_SAFE] = "running, this record is safe",
        [WRITER_BLOCKS] = "running, BLOCKS",
        [WRITER_CANNOT_SEE] = "cannot see",
    };
    return words[verdict];
}

/* The same verdict for the same reason is said once. */
static void add_writers(struct lines *l, const struct plan *plan)
{
    static const enum style styles[] = {
        [WRITER_NONE_SEEN] = STYLE_DIM,
        [WRITER_SAFE] = STYLE_TEXT,
        [WRITER_BLOCKS] = STYLE_BAD,
        [WRITER_CANNOT_SEE] = STYLE_WARN,
    };
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct writer *w = &plan->items[i].writer;
        bool seen =
            plan->items[i].outcome != OUTCOME_PLANNED && plan->items[i].outcome != OUTCOME_LOCKED;
        for (size_t j = 0; j < i && !seen; j++)
            seen = plan->items[j].writer.verdict == w->verdict &&
                   str_eq(plan->items[j].writer.why, w->why);
        if (!seen)
            add_printf(l, styles[w->verdict], 0, -1, "WRITER  %s%s%.*s", writer_words(w->verdict),
                       w->why.len ? ": " : "", STR_ARG(w->why));
    }
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

static void add_planned(struct lines *l, const struct plan_view *v)
{
    const struct plan *plan = v->plan;
    size_t planned = plan_count(plan, OUTCOME_PLANNED), number = 0;
    int label_width = 0, change_width = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        int label = text_width(text_clean(l->arena, plan->items[i].label, 0));
        int change = text_width(text_clean(l->arena, change_text(l->arena, &plan->items[i]), 0));
        if (plan->items[i].outcome != OUTCOME_PLANNED)
            continue;
        label_width = label > label_width ? label : label_width;
        change_width = change > change_width ? change : change_width;
    }
    label_width = label_width > l->width / 3 ? l->width / 3 : label_width;
    change_width = change_width > l->width / 3 ? l->width / 3 : change_width;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome != OUTCOME_PLANNED)
            continue;
        struct str label = padded(l->arena, item->label, label_width);
        struct str change = padded(l->arena, change_text(l->arena, item), change_width);
        add_printf(l, STYLE_STRONG, 0, (ptrdiff_t)i, "%2zu  %.*s  %.*s  undo %s", ++number,
                   STR_ARG(label), STR_ARG(change), undo_scope_name(item->undo));
        if (v->all_diffs || planned == 1)
            add_diff(l, item->diff, item->ndiff, item->diff_more, DIFF_LINES);
    }
}

static enum style outcome_style(const struct plan_item *item)
{
    if (item->outcome == OUTCOME_APPLIED)
        return item->verified ? STYLE_OK : STYLE_BAD;
    return item->outcome == OUTCOME_UNCHANGED ? STYLE_DIM : STYLE_BAD;
}

/* A conflict shows all three: what the plan was made from, what is there now, what was wanted. */
static void add_conflict(struct lines *l, const struct system *system, const struct plan_item *item)
{
    const struct document *now = item->now;
    struct value_change *diff = NULL;
    bool more = false;
    add_printf(l, STYLE_TEXT, 5, -1, "planned from  %.*s", STR_ARG(item->before_text));
    add_printf(l, STYLE_TEXT, 5, -1, "planned to    %.*s", STR_ARG(item->after_text));
    if (!now)
        return;
    if (now->absent) {
        add_line(l, STYLE_TEXT, 5, STR("now           absent"), -1);
        return;
    }
    struct str brief = system->brief && now->root ? system->brief(now->root, l->arena) : STR_NULL;
    add_printf(l, STYLE_TEXT, 5, -1, "now           %.*s",
               STR_ARG(brief.ptr ? brief : STR("changed since the preview:")));
    size_t n =
        value_diff(l->arena, item->before ? item->before->root : NULL, now->root, 5, &diff, &more);
    add_diff(l, diff, n, more, 5);
}

static void add_result(struct lines *l, const struct plan_view *v)
{
    const struct plan *plan = v->plan;
    bool waiting = false;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        bool applied = item->outcome == OUTCOME_APPLIED;
        const char *glyph = applied && item->verified            ? "✓"
                            : item->outcome == OUTCOME_UNCHANGED ? "·"
                                                                 : "✖";
        add_printf(l, outcome_style(item), 0, (ptrdiff_t)i, "%s %.*s  %s%s", glyph,
                   STR_ARG(item->label),
                   item->outcome == OUTCOME_CONFLICT    ? "refused: changed since preview"
                   : item->outcome == OUTCOME_LOCKED    ? "refused: locked"
                   : item->outcome == OUTCOME_NOT_TRIED ? "not tried"
                                                        : outcome_name(item->outcome),
                   !applied         ? ""
                   : item->verified ? ", verified"
                                    : ", NOT VERIFIED: read back and found different");
        if (applied)
            add_printf(l, STYLE_TEXT, 5, -1, "%.*s → %.*s", STR_ARG(item->before_text),
                       STR_ARG(item->after_text));
        if (applied && !item->effective)
            add_printf(l, STYLE_WARN, 5, -1, "NOT IN EFFECT until %.*s", STR_ARG(item->waits_for));
        if (item->detail.len)
            add_text(l, STYLE_TEXT, 5, item->detail, -1);
        if (item->outcome == OUTCOME_CONFLICT)
            add_conflict(l, v->base.session->system, item);
        else if (!applied && item->err.text[0])
            add_printf(l, STYLE_TEXT, 5, -1, "%s", item->err.text);
        if (!applied && item->err.hint[0])
            add_printf(l, STYLE_DIM, 5, -1, "%s", item->err.hint);
        waiting = waiting || (applied && !item->effective);
    }
    const char *hint = v->base.session->target.restart_hint;
    if (waiting && hint)
        add_printf(l, STYLE_TEXT, 0, -1, "to restart it (never run from here): %s", hint);
}

struct plan_line *plan_lines(const struct plan_view *v, struct arena *a, int width, size_t *ret_n)
{
    struct lines l = {.arena = a, .width = width};
    if (v->state == PLAN_RESULT)
        add_result(&l, v);
    else {
        if (v->about.ptr)
            add_text(&l, STYLE_STRONG, 0, v->about, -1);
        add_consequences(&l, v->plan);
        add_set_aside(&l, v->plan);
        add_writers(&l, v->plan);
        add_planned(&l, v);
    }
    *ret_n = l.n;
    return l.at;
}

/* --- head, foot and the whole --------------------------------------------------------------- */

static struct str box_title(const struct plan_view *v, struct arena *a)
{
    const struct plan *plan = v->plan;
    const struct system *system = v->base.session->system;
    if (v->state == PLAN_MAKING)
        return v->want   ? arena_printf(a, "PLAN  %s", v->want->action->label)
               : v->redo ? STR("PLAN  redo")
                         : STR("PLAN  undo");
    if (v->state == PLAN_APPLYING)
        return STR("APPLYING");
    size_t applied = plan_count(plan, OUTCOME_APPLIED), planned = plan_count(plan, OUTCOME_PLANNED);
    if (v->state == PLAN_RESULT)
        return arena_printf(a, "RESULT %.4s  %s  %zu of %zu applied", plan->id, plan->verb, applied,
                            plan->nitems);
    struct str what = plan->undoes
                          ? arena_printf(a, "%s of change %.4s", plan->verb, plan->undoes_id)
                          : str_of(v->want ? v->want->action->label : plan->verb);
    return arena_printf(a, "PLAN %.4s  %.*s  %zu %s%s", plan->id, STR_ARG(what), planned,
                        planned == 1 ? system->noun : system->records,
                        planned < plan->nitems ? " (others set aside)" : "");
}

static void draw_head(const struct plan_view *v, struct canvas *canvas, struct rect r)
{
    struct arena *a = &canvas->scratch;
    const struct store_info *info = session_info(v->base.session);
    int64_t age = app_now_us(v->base.app) - v->plan->read_at_us;
    struct str read = arena_printf(a, "read %lld s ago", (long long)(age > 0 ? age / 1000000 : 0));
    int w = text_width(read);
    canvas_put_right(canvas, r.y, r.x + r.w - w, w, STYLE_DIM, read);
    if (info)
        canvas_printf(canvas, r.y, r.x, r.w - w - 2, STYLE_TEXT, "server says %.*s",
                      STR_ARG(info->server));
}

static void draw_lines(struct plan_view *v, struct canvas *canvas, struct rect r,
                       const struct plan_line *lines)
{
    v->page = r.h;
    size_t page = r.h > 0 ? (size_t)r.h : 0;
    if (v->cursor >= v->nlines)
        v->cursor = v->nlines ? v->nlines - 1 : 0;
    if (v->cursor < v->top)
        v->top = v->cursor;
    if (page && v->cursor >= v->top + page)
        v->top = v->cursor - page + 1;
    v->cursor_item = -1;
    for (size_t i = 0; i <= v->cursor && i < v->nlines; i++)
        v->cursor_item = lines[i].item >= 0 ? lines[i].item : v->cursor_item;
    for (size_t i = 0; i < page && v->top + i < v->nlines; i++) {
        const struct plan_line *line = &lines[v->top + i];
        int y = r.y + (int)i;
        if (v->top + i == v->cursor && v->nlines > 1)
            canvas_put(canvas, y, r.x, 1, STYLE_STRONG, STR("▸"));
        canvas_put(canvas, y, r.x + 2 + line->indent, r.w - 2 - line->indent, line->style,
                   line->text);
    }
}

static void draw_rule(const struct plan_view *v, struct canvas *canvas, struct rect r)
{
    canvas_hline(canvas, r.y, r.x, r.w, STYLE_FRAME);
    if (v->nlines <= (size_t)v->page)
        return;
    size_t last = v->top + (size_t)v->page;
    struct str text = arena_printf(&canvas->scratch, " %zu-%zu of %zu lines ", v->top + 1,
                                   last < v->nlines ? last : v->nlines, v->nlines);
    canvas_put_right(canvas, r.y, r.x, r.w - 1, STYLE_KEY, text);
}

static void draw_question(struct plan_view *v, struct canvas *canvas, int y, struct rect in)
{
    struct arena *a = &canvas->scratch;
    bool open = plan_is_quiet(v, clock_monotonic_ms());
    if (v->question == ASK_NOTHING) {
        canvas_printf(canvas, y, in.x, in.w, STYLE_WARN, "nothing can be applied.%s Esc leaves",
                      v->plan->blocked ? " f overrides the live writer." : "");
        return;
    }
    if (!open && !v->armed) {
        canvas_put(canvas, y, in.x, in.w, STYLE_DIM, STR("read it first: no key counts yet"));
        return;
    }
    if (v->question == ASK_YES)
        canvas_put(canvas, y, in.x, in.w, STYLE_STRONG, STR("y applies   Esc leaves"));
    else if (v->rows_focus)
        canvas_put(canvas, y, in.x, in.w, STYLE_DIM, STR("Tab goes back to typing   Esc leaves"));
    else if (v->question == ASK_REASON)
        input_draw(&v->input, canvas, y, in.x, in.w, STR("reason, then Enter: "));
    else
        input_draw(&v->input, canvas, y, in.x, in.w,
                   arena_printf(a, "type  %.*s  then Enter: ",
                                STR_ARG(text_clean(a, v->plan->screen_confirm, 0))));
}

/* Undo scope, command line, question: pinned to the bottom of the box. */
static void draw_foot(struct plan_view *v, struct canvas *canvas, struct rect in, int y)
{
    const struct plan *plan = v->plan;
    if (v->state == PLAN_RESULT) {
        canvas_printf(canvas, y, in.x, in.w, STYLE_DIM, "journal %.12s   undo: %.*s",
                      plan->journal_id[0] ? plan->journal_id : "-", STR_ARG(plan->undo_text));
        canvas_put(canvas, y + 3, in.x, in.w, STYLE_STRONG, STR("z undo   Enter or Esc closes"));
        return;
    }
    canvas_printf(canvas, y, in.x, in.w, plan->undo == UNDO_NONE ? STYLE_BAD : STYLE_TEXT,
                  "undo: %.*s", STR_ARG(plan->undo_text));
    canvas_put_folded(canvas, (struct rect){y + 1, in.x, 2, in.w}, STYLE_DIM,
                      arena_printf(&canvas->scratch, "same as  %.*s", STR_ARG(plan->equivalent)));
    draw_question(v, canvas, y + 3, in);
}

static void draw_waiting(struct plan_view *v, struct canvas *canvas, struct rect in)
{
    if (v->state == PLAN_MAKING) {
        canvas_put(canvas, in.y, in.x, in.w, STYLE_DIM, STR("making the plan; nothing is written"));
        return;
    }
    canvas_printf(canvas, in.y, in.x, in.w, STYLE_STRONG, "applied %zu of %zu%s", v->done, v->total,
                  v->cancelling ? ", stopping" : "");
    canvas_put(canvas, in.y + 1, in.x, in.w, STYLE_DIM,
               STR("^C stops after the record that is being written"));
}

void plan_draw(struct plan_view *v, struct canvas *canvas, struct rect r)
{
    enum { HEAD = 1, FOOT = 5, WAITING = 2, FRAME = 2 };
    struct arena *a = &canvas->scratch;
    const struct session *s = v->base.session;
    bool waiting = v->state == PLAN_MAKING || v->state == PLAN_APPLYING;
    bool failed = v->state == PLAN_RESULT && v->err.kind != ERR_NONE;
    int head = failed ? HEAD + 1 : HEAD, w = r.w - 2;
    struct plan_line *lines = waiting ? NULL : plan_lines(v, a, w - 6, &v->nlines);
    int h = FRAME + (waiting ? WAITING : head + FOOT + (int)v->nlines);
    h = h > r.h ? r.h : h;
    struct rect box = {r.y + (r.h - h) / 2, r.x + 1, h, w};
    struct str store = arena_printf(a, "%s %.*s", environment_tag(s->target.env), STR_ARG(s->name));
    struct rect in = canvas_box(canvas, box, box_title(v, a), store);
    if (waiting) {
        draw_waiting(v, canvas, in);
        return;
    }
    if (failed)
        canvas_put_folded(canvas, (struct rect){in.y, in.x, 2, in.w}, STYLE_BAD,
                          arena_printf(a, "nothing was written: %s", v->err.text));
    else
        draw_head(v, canvas, in);
    draw_lines(v, canvas, (struct rect){in.y + head, in.x, in.h - head - FOOT, in.w}, lines);
    int y = in.y + in.h - FOOT;
    draw_rule(v, canvas, (struct rect){y, in.x, 1, in.w});
    draw_foot(v, canvas, in, y + 1);
}
