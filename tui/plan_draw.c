/* How a plan box looks: head and foot stand still, what follows and the rows scroll between. */
#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/plan_view.h"

enum { HEAD = 1, FOOT = 4, RESULT_FOOT = 3, WAITING = 2, FRAME = 2 };

static struct str box_title(const struct plan_view *v, struct arena *a)
{
    const struct plan *plan = v->plan;
    const struct want *want = v->source.want;
    switch (v->state) {
    case PLAN_MAKING:
        return arena_printf(a, "PLAN  %s",
                            want                             ? want->action->label
                            : v->source.kind == FROM_UNDO    ? "undo"
                            : v->source.kind == FROM_REDO    ? "redo"
                            : v->source.kind == FROM_RESUME  ? "resume"
                            : v->source.kind == FROM_RESTORE ? "restore"
                            : v->source.kind == FROM_BREAK   ? "break lock"
                                                             : "");
    case PLAN_SAVING:
        return STR("SAVING");
    case PLAN_APPLYING:
        return STR("APPLYING");
    case PLAN_RESULT:
        return arena_printf(a, "RESULT %.4s  %s  %zu of %zu applied", plan->id, plan->verb,
                            plan_count(plan, OUTCOME_APPLIED),
                            plan->nitems - plan_count(plan, OUTCOME_SET_ASIDE));
    case PLAN_READY:
        break;
    }
    size_t planned = plan_count(plan, OUTCOME_PLANNED), aside = plan_count(plan, OUTCOME_SET_ASIDE);
    struct str what = plan->undoes
                          ? arena_printf(a, "%s of change %.4s", plan->verb, plan->undoes_id)
                      : want ? action_name(want->action)
                             : str_of(plan->verb);
    struct str of =
        planned + aside < plan->nitems ? arena_printf(a, " of %zu", plan->nitems) : STR("");
    struct str left = aside ? arena_printf(a, " (%zu set aside)", aside) : STR("");
    return arena_printf(a, "PLAN %.4s  %.*s  %zu%.*s %s%.*s", plan->id, STR_ARG(what), planned,
                        STR_ARG(of), plan_noun(v, of.len ? plan->nitems : planned), STR_ARG(left));
}

/* The name of the store gives way to the title. */
static struct str box_store(const struct plan_view *v, struct arena *a, int room)
{
    enum { LEAST = 10 };
    const struct session *s = v->base.session;
    const char *tag = environment_tag(s->target.env);
    room -= 8 + text_width(str_of(tag));
    struct str name = session_short_name(s, a, room < LEAST ? LEAST : room);
    return arena_printf(a, "%s %.*s", tag, STR_ARG(name));
}

static struct str clock_text(struct arena *a, int64_t us)
{
    struct str text = time_text(a, us);
    ptrdiff_t t = str_index(text, 'T');
    return str_sub(text, (size_t)(t + 1), text.len);
}

static void draw_head(const struct plan_view *v, struct canvas *canvas, struct rect r)
{
    struct arena *a = &canvas->scratch;
    const struct store_info *info = session_info(v->base.session);
    int64_t us = app_now_us(v->base.app) - v->plan->read_at_us;
    int64_t age_s = us > 0 ? us / 1000000 : 0;
    struct str age = age_s < 60 ? arena_printf(a, "%lld s", (long long)age_s) : time_span(a, us);
    struct str read = arena_printf(a, "read %.*s, %.*s ago",
                                   STR_ARG(clock_text(a, v->plan->read_at_us)), STR_ARG(age));
    int w = text_width(read);
    canvas_put_right(canvas, r.y, r.x + r.w - w, w, STYLE_DIM, read);
    struct str server = info ? text_clean(a, info->server, 0) : STR_NULL;
    int room = r.w - w - 2 - text_width(STR("server says "));
    if (info) /* database and role, at its end, tell servers apart */
        canvas_printf(canvas, r.y, r.x, r.w - w - 2, STYLE_TEXT, "server says %.*s",
                      STR_ARG(text_cut_middle(a, server, room < 4 ? 4 : room, 0)));
}

/* --- the two parts -------------------------------------------------------------------------- */

static void find_item(struct plan_view *v)
{
    const struct plan_lines *l = &v->lines;
    v->cursor_item = -1;
    size_t from = v->cursor < l->ntop ? 0 : l->ntop;
    for (size_t i = from; i <= v->cursor && i < l->n; i++)
        v->cursor_item = l->at[i].item >= 0 ? l->at[i].item : v->cursor_item;
}

static void place_cursor(struct plan_view *v)
{
    const struct plan_lines *l = &v->lines;
    if (!v->placed) { /* on the first row; what follows from it is shown from its beginning */
        v->cursor = l->ntop < l->n ? l->ntop : 0;
        v->top = v->rows_top = 0;
    }
    v->placed = true;
    if (v->cursor >= l->n)
        v->cursor = l->n ? l->n - 1 : 0;
    find_item(v);
}

/* Lines [from, from + n) in r, with the cursor in sight if it is among them. */
static void draw_part(struct plan_view *v, struct canvas *canvas, struct rect r, size_t from,
                      size_t n, size_t *top)
{
    size_t page = r.h > 0 ? (size_t)r.h : 0;
    if (v->cursor >= from && v->cursor < from + n) {
        size_t at = v->cursor - from;
        if (at < *top)
            *top = at;
        if (page && at >= *top + page)
            *top = at - page + 1;
    }
    if (*top + page > n)
        *top = n > page ? n - page : 0;
    for (size_t i = 0; i < page && *top + i < n; i++) {
        const struct plan_line *line = &v->lines.at[from + *top + i];
        int y = r.y + (int)i;
        if (from + *top + i == v->cursor && v->lines.n > 1)
            canvas_put(canvas, y, r.x, 1, STYLE_STRONG, STR("▸"));
        canvas_put(canvas, y, r.x + 2 + line->indent, r.w - 2 - line->indent, line->style,
                   line->text);
    }
}

/* Numbers of the rows in [top, top + page) of the lower part. */
static struct str rows_seen(const struct plan_view *v, int page, struct arena *a)
{
    const struct plan_lines *l = &v->lines;
    size_t first = 0, last = 0, total = 0;
    for (size_t i = l->ntop; i < l->n; i++) {
        if (l->at[i].item < 0)
            continue;
        total++;
        if (i - l->ntop < v->rows_top)
            first = total;
        if (i - l->ntop < v->rows_top + (size_t)page)
            last = total;
    }
    if (!total)
        return STR("");
    first += first < last;
    return arena_printf(a, " %zu-%zu of %zu ", first, last, total);
}

static int count_rows(const struct plan_lines *l)
{
    int n = 0;
    for (size_t i = l->ntop; i < l->n; i++)
        n += l->at[i].item >= 0;
    return n;
}

/* Where everything does not find room, each part keeps its beginning and scrolls. */
static void draw_parts(struct plan_view *v, struct canvas *canvas, struct rect r)
{
    struct arena *a = &canvas->scratch;
    const struct plan_lines *l = &v->lines;
    int room = r.h - 1, rows = (int)(l->n - l->ntop), above = (int)l->ntop;
    if (!above || !rows) {
        draw_part(v, canvas, r, 0, l->n, above ? &v->top : &v->rows_top);
        v->page = r.h;
        return;
    }
    if (above + rows > room) {
        int least = count_rows(l), most = room / 2;
        least = least > most ? most : least;
        rows = room - above > least ? room - above : least;
        above = room - rows;
    }
    above = above < 0 ? 0 : above;
    draw_part(v, canvas, (struct rect){r.y, r.x, above, r.w}, 0, l->ntop, &v->top);
    draw_part(v, canvas, (struct rect){r.y + above + 1, r.x, rows, r.w}, l->ntop, l->n - l->ntop,
              &v->rows_top);
    v->page = rows;
    canvas_hline(canvas, r.y + above, r.x, r.w, STYLE_FRAME);
    if (above < (int)l->ntop)
        canvas_put(canvas, r.y + above, r.x + 2, r.w / 2, STYLE_KEY,
                   arena_printf(a, " %zu-%zu of %zu lines%s ", v->top + 1, v->top + (size_t)above,
                                l->ntop, v->cursor >= l->ntop ? ": Up reads them" : ""));
    struct str seen = rows_seen(v, rows, a);
    int w = text_width(seen);
    canvas_put(canvas, r.y + above, r.x + r.w - w - 1, w, STYLE_KEY, seen);
}

/* --- foot ----------------------------------------------------------------------------------- */

static void draw_question(struct plan_view *v, struct canvas *canvas, int y, struct rect in)
{
    struct arena *a = &canvas->scratch;
    bool open = plan_is_quiet(v, clock_monotonic_ms());
    if (v->question == ASK_NOTHING)
        canvas_printf(canvas, y, in.x, in.w, STYLE_WARN, "nothing can be applied.%s%s Esc leaves",
                      plan_count(v->plan, OUTCOME_SET_ASIDE) ? " i includes what is set aside."
                                                             : "",
                      v->plan->blocked ? " f overrides the live writer." : "");
    else if (!open && !v->armed)
        canvas_put(canvas, y, in.x, in.w, STYLE_DIM, STR("read it first: no key counts yet"));
    else if (v->question == ASK_YES)
        canvas_put(canvas, y, in.x, in.w, STYLE_STRONG, STR("y applies"));
    else if (v->rows_focus)
        canvas_put(canvas, y, in.x, in.w, STYLE_STRONG, STR("Tab goes back to typing"));
    else if (v->question == ASK_REASON)
        input_draw(&v->input, canvas, y, in.x, in.w, STR("reason, then Enter: "));
    else
        input_draw(&v->input, canvas, y, in.x, in.w,
                   arena_printf(a, "type  %.*s  then Enter: ",
                                STR_ARG(text_clean(a, v->plan->screen_confirm, 0))));
}

/* The keys that the footer has no room for. */
static void draw_keys(const struct plan_view *v, struct canvas *canvas, int y, struct rect in)
{
    if (v->question == ASK_NOTHING)
        return;
    bool many = plan_count(v->plan, OUTCOME_PLANNED) > 1 && !v->rest;
    canvas_printf(canvas, y, in.x, in.w, STYLE_DIM, "%s   Esc parks (:plan %.4s)",
                  !plan_is_typed(v) ? "Y copies the command   ^X discards"
                  : many            ? "Tab, then  Space drop  d diff  1 only the first"
                                    : "Tab, then  W save  Y copies the command",
                  v->plan->id);
}

static const char *undo_words(const struct plan_view *v)
{
    return plan_may_undo(v, false) ? "z undo   " : plan_may_undo(v, true) ? "Z redo   " : "";
}

/* Undo scope, command line, keys, question: pinned to the bottom of the box. */
static void draw_foot(struct plan_view *v, struct canvas *canvas, struct rect in, int y)
{
    const struct plan *plan = v->plan;
    struct arena *a = &canvas->scratch;
    canvas_hline(canvas, y, in.x, in.w, STYLE_FRAME);
    if (v->state == PLAN_RESULT || v->question != ASK_NOTHING)
        canvas_put(canvas, y, in.x + 2, in.w - 4, plan->undo == UNDO_NONE ? STYLE_BAD : STYLE_TEXT,
                   arena_printf(a, " undo: %.*s ", STR_ARG(plan->undo_text)));
    if (v->state == PLAN_RESULT) {
        canvas_printf(canvas, y + 1, in.x, in.w, STYLE_DIM, "journal %.12s",
                      plan->journal_id[0] ? plan->journal_id : "-");
        canvas_put(canvas, y + 2, in.x, in.w, STYLE_STRONG,
                   arena_printf(a, "%s%s", undo_words(v),
                                v->rest ? "Enter plans the rest" : "Enter or Esc closes"));
        return;
    }
    if (plan->equivalent.ptr)
        canvas_put(canvas, y + 1, in.x, in.w, STYLE_DIM,
                   arena_printf(a, "same as  %.*s", STR_ARG(plan->equivalent)));
    draw_keys(v, canvas, y + 2, in);
    draw_question(v, canvas, y + 3, in);
}

/* --- the whole ------------------------------------------------------------------------------ */

static void draw_waiting(const struct plan_view *v, struct canvas *canvas, struct rect in)
{
    if (v->state != PLAN_APPLYING) {
        canvas_put(canvas, in.y, in.x, in.w, STYLE_DIM,
                   v->state == PLAN_SAVING ? STR("writing the plan to a file")
                   : v->park               ? STR("reading again what the plan was made from")
                                           : STR("making the plan; nothing is written"));
        return;
    }
    canvas_printf(canvas, in.y, in.x, in.w, STYLE_STRONG, "applied %zu of %zu%s", v->done, v->total,
                  v->cancelling ? ", stopping" : "");
    canvas_put(canvas, in.y + 1, in.x, in.w, STYLE_DIM,
               STR("^C stops after the record that is being written"));
}

static void make_lines(struct plan_view *v, int width)
{
    struct plan_lines *l = &v->lines;
    unsigned answers = v->base.app->follow_answers;
    if (l->width == width && v->follow_answers == answers)
        return;
    v->follow_answers = answers;
    arena_release(&l->arena);
    *l = (struct plan_lines){.width = width};
    if (v->state == PLAN_RESULT)
        plan_result_lines(v, l);
    else
        plan_waiting_lines(v, l);
}

void plan_draw(struct plan_view *v, struct canvas *canvas, struct rect r)
{
    struct arena *a = &canvas->scratch;
    const struct plan_lines *l = &v->lines;
    bool waiting = v->state != PLAN_READY && v->state != PLAN_RESULT;
    bool failed = v->state == PLAN_RESULT && v->err.kind != ERR_NONE;
    int head = failed ? HEAD + 1 : HEAD, foot = v->state == PLAN_RESULT ? RESULT_FOOT : FOOT;
    int w = r.w - 2, h = FRAME + WAITING;
    if (!waiting) {
        make_lines(v, w - 6);
        h = FRAME + head + foot + (int)l->n + (l->ntop && l->ntop < l->n);
    }
    h = h > r.h ? r.h : h;
    struct rect box = {r.y + (r.h - h) / 2, r.x + 1, h, w};
    struct str heading = box_title(v, a);
    int room = w - text_width(text_clean(a, heading, 0));
    struct rect in = canvas_box(canvas, box, heading, box_store(v, a, room));
    if (waiting) {
        draw_waiting(v, canvas, in);
        return;
    }
    if (failed)
        canvas_put_folded(canvas, (struct rect){in.y, in.x, 2, in.w}, STYLE_BAD,
                          arena_printf(a, "nothing was written: %s", v->err.text));
    else
        draw_head(v, canvas, in);
    place_cursor(v);
    draw_parts(v, canvas, (struct rect){in.y + head, in.x, in.h - head - foot, in.w});
    draw_foot(v, canvas, in, in.y + in.h - foot);
}
