/* The text of a result: what became of each record, as it was read back. */
#include "core/base/text.h"
#include "tui/follow.h"
#include "tui/plan_view.h"

enum { CHANGES_SHOWN = 3 };

static enum style outcome_style(const struct plan_item *item)
{
    if (item->outcome == OUTCOME_APPLIED)
        return item->verified ? STYLE_OK : STYLE_BAD;
    return item->outcome == OUTCOME_UNCHANGED || item->outcome == OUTCOME_SET_ASIDE ? STYLE_DIM
                                                                                    : STYLE_BAD;
}

static const char *outcome_glyph(const struct plan_item *item)
{
    if (item->outcome == OUTCOME_APPLIED)
        return item->verified ? "✓" : "✖";
    return outcome_style(item) == STYLE_DIM ? "·" : "✖";
}

struct str plan_outcome_words(struct arena *a, const struct plan_item *item)
{
    struct str why = plan_why(item);
    switch (item->outcome) {
    case OUTCOME_APPLIED:
        return item->verified ? STR("applied, verified")
                              : STR("applied, NOT VERIFIED: read back and found different");
    case OUTCOME_CONFLICT:
        return STR("refused: changed since preview");
    case OUTCOME_LOCKED:
        return arena_printf(a, "refused: locked: %.*s", STR_ARG(why));
    case OUTCOME_PLANNED: /* nothing at all was tried */
    case OUTCOME_NOT_TRIED:
        return arena_printf(a, "not tried%s%.*s", why.len ? ": " : "", STR_ARG(why));
    case OUTCOME_SET_ASIDE:
        return STR("set aside: not part of the plan");
    default:
        return arena_printf(a, "%s: %.*s", outcome_name(item->outcome), STR_ARG(why));
    }
}

/* A conflict shows all three: what the plan was made from, what is there now, what was wanted. */
static void add_conflict(struct plan_lines *l, const struct system *system,
                         const struct plan_item *item)
{
    const struct document *now = item->now;
    struct value_change *diff = NULL;
    bool more = false;
    plan_add(l, STYLE_TEXT, 5, -1, "planned from  %.*s", STR_ARG(item->before_text));
    plan_add(l, STYLE_TEXT, 5, -1, "planned to    %.*s", STR_ARG(item->after_text));
    if (!now)
        return;
    if (now->absent) {
        plan_add(l, STYLE_TEXT, 5, -1, "now           absent");
        return;
    }
    struct str brief = system->brief && now->root ? system->brief(now->root, &l->arena) : STR_NULL;
    plan_add(l, STYLE_TEXT, 5, -1, "now           %.*s",
             STR_ARG(brief.ptr ? brief : STR("changed since the preview:")));
    size_t n =
        value_diff(&l->arena, item->before ? item->before->root : NULL, now->root, 5, &diff, &more);
    plan_add_diff(l, diff, n, more, 5);
}

static void add_item(struct plan_lines *l, const struct plan_view *v, size_t i)
{
    const struct plan_item *item = &v->plan->items[i];
    const struct system *system = v->base.session->system;
    bool applied = item->outcome == OUTCOME_APPLIED;
    plan_add(l, outcome_style(item), 0, (ptrdiff_t)i, "%s %.*s  %.*s", outcome_glyph(item),
             STR_ARG(item->label), STR_ARG(plan_outcome_words(&l->arena, item)));
    if (applied && str_eq(item->before_text, item->after_text)) /* the words do not tell */
        plan_add_diff(l, item->diff, item->ndiff, item->diff_more, CHANGES_SHOWN);
    else if (applied)
        plan_add(l, STYLE_TEXT, 5, -1, "%.*s → %.*s", STR_ARG(item->before_text),
                 STR_ARG(item->after_text));
    if (applied && !item->effective)
        plan_add(l, STYLE_WARN, 5, -1, "%s until %.*s",
                 system->not_yet ? system->not_yet : "NOT IN EFFECT", STR_ARG(item->waits_for));
    /* of a lock that was broken all that is known of its holder was so before */
    bool follows = applied && item->kind != EDIT_BREAK;
    bool bad;
    struct str fate = follow_text(v->base.app, v->plan, item->id, &l->arena, &bad);
    if (follows && fate.ptr)
        plan_add(l, bad ? STYLE_BAD : STYLE_TEXT, 5, -1, "%.*s", STR_ARG(fate));
    if (follows && item->detail.len)
        plan_add(l, STYLE_TEXT, 5, -1, "%.*s", STR_ARG(item->detail));
    if (item->outcome == OUTCOME_CONFLICT)
        add_conflict(l, system, item);
    if (!applied && item->err.hint[0])
        plan_add(l, STYLE_DIM, 5, -1, "%s", item->err.hint);
}

/* "applied 2, refused 1, not tried 3" */
static void add_counts(struct plan_lines *l, const struct plan *plan)
{
    static const struct {
        const char *word;
        unsigned outcomes;
    } kinds[] = {
        {"applied", 1u << OUTCOME_APPLIED},
        {"refused", 1u << OUTCOME_CONFLICT | 1u << OUTCOME_LOCKED | 1u << OUTCOME_REFUSED},
        {"failed", 1u << OUTCOME_FAILED},
        {"not tried", 1u << OUTCOME_NOT_TRIED | 1u << OUTCOME_PLANNED},
        {"unchanged", 1u << OUTCOME_UNCHANGED},
        {"set aside", 1u << OUTCOME_SET_ASIDE},
    };
    struct sbuf out = SBUF_INIT;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t n = 0;
        for (size_t i = 0; i < plan->nitems; i++)
            n += kinds[k].outcomes >> plan->items[i].outcome & 1;
        if (n)
            sbuf_printf(&out, "%s%s %zu", out.len ? ", " : "", kinds[k].word, n);
    }
    plan_add(l, STYLE_STRONG, 0, -1, "%.*s", STR_ARG(sbuf_view(&out)));
    sbuf_release(&out);
}

bool plan_went_well(const struct plan_item *item)
{
    return (item->outcome == OUTCOME_APPLIED && item->verified) ||
           item->outcome == OUTCOME_UNCHANGED || item->outcome == OUTCOME_SET_ASIDE;
}

void plan_result_lines(const struct plan_view *v, struct plan_lines *l)
{
    const struct plan *plan = v->plan;
    bool waiting = false;
    if (plan->nitems > 1)
        add_counts(l, plan);
    if (plan->note.ptr)
        plan_add(l, STYLE_WARN, 0, -1, "%.*s", STR_ARG(plan->note));
    l->ntop = l->n;
    for (int well = 0; well < 2; well++) { /* what went wrong comes first */
        for (size_t i = 0; i < plan->nitems; i++) {
            const struct plan_item *item = &plan->items[i];
            if (plan_went_well(item) == well)
                add_item(l, v, i);
            waiting = waiting || (item->outcome == OUTCOME_APPLIED && !item->effective);
        }
    }
    const char *hint = v->base.session->target.restart_hint;
    if (waiting && hint)
        plan_add(l, STYLE_TEXT, 0, -1, "to restart it (never run from here): %s", hint);
    if (v->rest)
        plan_add(l, STYLE_STRONG, 0, -1, "%zu more wait: Enter plans them, checked again",
                 v->rest->n);
}
