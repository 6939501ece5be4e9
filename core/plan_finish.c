/* What holds for a plan as a whole, from its items: confirmation, undo scope, consequences. And
 * what an operator takes out of it again. */
#include "core/plan_parts.h"

/* When the first edit of a pair cannot be done, the one that needs it must not be either. */
static void pass_on_refusals(struct plan *plan)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        if (item->needs < 0 || item->outcome != OUTCOME_PLANNED)
            continue;
        const struct plan_item *first = &plan->items[item->needs];
        if (first->outcome != OUTCOME_PLANNED && first->outcome != OUTCOME_UNCHANGED) {
            item->outcome = OUTCOME_NOT_TRIED;
            item->detail = STR("the step before it cannot be done");
        }
    }
}

/* --- what holds for the plan as a whole ------------------------------------------------------- */

static void group_consequences(struct plan *plan)
{
    struct consequence **end = &plan->consequences;
    for (enum consequence_level level = LEVEL_DANGER + 1; level-- > LEVEL_NOTE;) {
        for (size_t i = 0; i < plan->nitems; i++) {
            for (struct consequence *c = plan->items[i].consequences; c; c = c->next) {
                bool seen = c->level != level;
                for (struct consequence *d = plan->consequences; d && !seen; d = d->next)
                    seen = str_eq(c->text, d->text);
                if (seen)
                    continue;
                *end = arena_new(&plan->arena, struct consequence);
                **end = *c;
                (*end)->next = NULL;
                end = &(*end)->next;
            }
        }
    }
}

static struct str confirm_text(struct plan *plan, size_t n, struct str label)
{
    if (n == 1)
        return label;
    return arena_printf(&plan->arena, "%s %zu", plan->verb, n);
}

void plan_finish(struct plan *plan)
{
    bool typed = false, typed_on_screen = false;
    size_t n = 0;
    struct str label = STR_NULL;
    plan->undo = UNDO_FULL;
    plan->blocked = false;
    plan->consequences = NULL;
    plan->confirm = plan->screen_confirm = STR_NULL;
    pass_on_refusals(plan);
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        plan->blocked = plan->blocked || item->outcome == OUTCOME_LOCKED;
        if (item->outcome != OUTCOME_PLANNED)
            continue;
        enum environment env = item->store->target.env;
        bool overridden = plan->request.force && item->writer.verdict == WRITER_BLOCKS;
        bool final = item->undo == UNDO_NONE || item->kind == EDIT_BREAK;
        if (item->undo > plan->undo)
            plan->undo = item->undo;
        typed = typed || env == ENV_PROD || overridden || final;
        typed_on_screen = typed_on_screen || item->typed || env == ENV_UNKNOWN ||
                          item->writer.verdict == WRITER_CANNOT_SEE;
        plan->needs_reason = plan->needs_reason || overridden || final || item->needs_reason ||
                             (env == ENV_PROD && item->kind == EDIT_REMOVE);
        label = item->label;
        n++;
    }
    if (typed)
        plan->confirm = confirm_text(plan, n, label);
    if (typed || typed_on_screen || n > 1)
        plan->screen_confirm = confirm_text(plan, n, label);
    plan->undo_text =
        plan->undo == UNDO_NONE ? STR("NOT UNDOABLE") : str_of(undo_scope_name(plan->undo));
    group_consequences(plan);
    plan->equivalent = plan_command(plan);
}

void plan_drop(struct plan *plan, size_t i)
{
    for (size_t k = i + 1; k < plan->nitems; k++) {
        if (plan->items[k].needs == (ptrdiff_t)i)
            plan_drop(plan, k--);
    }
    for (size_t k = i + 1; k < plan->nitems; k++) {
        plan->items[k - 1] = plan->items[k];
        if (plan->items[k - 1].needs > (ptrdiff_t)i)
            plan->items[k - 1].needs--;
    }
    plan->nitems--;
    plan_finish(plan);
}
