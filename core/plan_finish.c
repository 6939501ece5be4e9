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

static struct consequence *find_text(struct consequence *list, struct str text)
{
    while (list && !str_eq(list->text, text))
        list = list->next;
    return list;
}

/* Of what will be done; where nothing can be, of what a live writer keeps from being done. */
static void group_consequences(struct plan *plan)
{
    enum outcome told = plan_count(plan, OUTCOME_PLANNED) ? OUTCOME_PLANNED : OUTCOME_LOCKED;
    struct consequence **end = &plan->consequences;
    for (enum consequence_level level = LEVEL_DANGER + 1; level-- > LEVEL_NOTE;) {
        for (size_t i = 0; i < plan->nitems; i++) {
            struct consequence *c =
                plan->items[i].outcome == told ? plan->items[i].consequences : NULL;
            for (; c; c = c->next) {
                if (c->level != level)
                    continue;
                struct consequence *same = find_text(plan->consequences, c->text);
                if (!same) {
                    same = *end = arena_new(&plan->arena, struct consequence);
                    *same = *c;
                    same->next = NULL;
                    same->records = 0;
                    end = &same->next;
                }
                same->records++;
            }
        }
    }
}

/* What the screen wants typed. The last tier names the place: "orders-pg 3". */
static struct str screen_text(struct plan *plan, size_t n, const struct plan_item *last, bool final)
{
    if (n == 1)
        return last->label;
    return final ? arena_printf(&plan->arena, "%s %zu", last->store->target.name, n)
                 : arena_printf(&plan->arena, "%s %zu", plan->verb, n);
}

void plan_finish(struct plan *plan)
{
    bool typed = false, typed_on_screen = false, final = false;
    size_t n = 0;
    const struct plan_item *last = NULL;
    plan->undo = UNDO_FULL;
    plan->blocked = plan->needs_reason = false;
    plan->consequences = NULL;
    plan->confirm = plan->screen_confirm = STR_NULL;
    if (!plan->system && plan->request.store)
        plan->system = store_system(plan->request.store->store);
    pass_on_refusals(plan);
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        plan->blocked = plan->blocked || item->outcome == OUTCOME_LOCKED;
        if (item->outcome != OUTCOME_PLANNED)
            continue;
        enum environment env = item->store->target.env;
        bool overridden = plan->request.force && item->writer.verdict == WRITER_BLOCKS;
        bool for_good = item->undo == UNDO_NONE || item->kind == EDIT_BREAK;
        bool prod_clear = env == ENV_PROD && item->kind == EDIT_REMOVE;
        if (item->undo > plan->undo)
            plan->undo = item->undo;
        typed = typed || env == ENV_PROD || overridden || for_good;
        typed_on_screen = typed_on_screen || item->typed || item->included || env == ENV_UNKNOWN ||
                          item->writer.verdict == WRITER_CANNOT_SEE;
        final = final || overridden || for_good || prod_clear || item->included;
        plan->needs_reason = plan->needs_reason || overridden || for_good || prod_clear ||
                             item->included || item->needs_reason;
        last = item;
        n++;
    }
    if (typed)
        plan->confirm = n == 1 ? last->label : arena_printf(&plan->arena, "%s %zu", plan->verb, n);
    if (typed || typed_on_screen || n > 1)
        plan->screen_confirm = screen_text(plan, n, last, final);
    plan->undo_text =
        plan->undo == UNDO_NONE ? STR("NOT UNDOABLE") : str_of(undo_scope_name(plan->undo));
    group_consequences(plan);
    plan->equivalent = plan_command(plan);
}

/* --- leaving out, and taking in -------------------------------------------------------------- */

/* Records of which no item is left leave the request, so that a saved plan is the same plan. */
static void drop_records(struct plan *plan, const bool *gone)
{
    struct plan_request *r = &plan->request;
    struct plan_record *left = arena_array(&plan->arena, struct plan_record, r->nrecords);
    ptrdiff_t *place = arena_array(&plan->arena, ptrdiff_t, r->nrecords);
    size_t n = 0;
    for (size_t i = 0; i < r->nrecords; i++) {
        place[i] = (ptrdiff_t)n;
        if (!gone[i])
            left[n++] = r->records[i];
    }
    r->records = left;
    r->nrecords = n;
    for (size_t i = 0; i < plan->nitems; i++)
        plan->items[i].record = place[plan->items[i].record];
}

static void drop_items(struct plan *plan, const bool *gone)
{
    ptrdiff_t *place = arena_array(&plan->arena, ptrdiff_t, plan->nitems);
    size_t n = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        place[i] = (ptrdiff_t)n;
        if (!gone[i])
            plan->items[n++] = plan->items[i];
    }
    plan->nitems = n;
    for (size_t i = 0; i < n; i++) {
        if (plan->items[i].needs >= 0)
            plan->items[i].needs = place[plan->items[i].needs];
    }
}

void plan_drop(struct plan *plan, size_t i)
{
    struct arena *a = &plan->arena;
    bool *gone = arena_array(a, bool, plan->nitems), more = true;
    bool *record_gone = arena_array(a, bool, plan->request.nrecords + 1);
    bool has_records = plan->items[i].record >= 0;
    gone[i] = true;
    if (has_records)
        record_gone[plan->items[i].record] = true;
    while (more) {
        more = false;
        for (size_t k = 0; k < plan->nitems; k++) {
            const struct plan_item *item = &plan->items[k];
            if (gone[k] || !((item->needs >= 0 && gone[item->needs]) ||
                             (item->record >= 0 && record_gone[item->record])))
                continue;
            gone[k] = more = true;
            if (item->record >= 0)
                record_gone[item->record] = true;
        }
    }
    drop_items(plan, gone);
    if (has_records)
        drop_records(plan, record_gone);
    plan->partial = plan->partial || plan->undoes;
    plan_finish(plan);
}

static bool loses_data(const struct plan_item *item)
{
    const struct consequence *c = item->consequences;
    while (c && c->level != LEVEL_DANGER)
        c = c->next;
    return c != NULL;
}

static void move_record(struct plan *plan, ptrdiff_t record, enum outcome from, enum outcome to)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        if (item->record != record || item->outcome != from)
            continue;
        item->outcome = to;
        item->included = to == OUTCOME_PLANNED;
    }
}

void plan_put_aside(struct plan *plan, size_t i)
{
    if (plan->items[i].record >= 0)
        move_record(plan, plan->items[i].record, OUTCOME_PLANNED, OUTCOME_SET_ASIDE);
}

void plan_set_aside(struct plan *plan, bool even_all)
{
    size_t losing = 0, harmless = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome != OUTCOME_PLANNED || item->record < 0 || item->needs >= 0)
            continue; /* the first item of a record has its consequences */
        losing += loses_data(item);
        harmless += !loses_data(item);
    }
    if (!losing || (!harmless && !even_all))
        return;
    for (size_t i = 0; i < plan->nitems; i++) {
        if (loses_data(&plan->items[i]))
            plan_put_aside(plan, i);
    }
    plan_finish(plan);
}

void plan_include(struct plan *plan, size_t i)
{
    if (plan->items[i].record >= 0)
        move_record(plan, plan->items[i].record, OUTCOME_SET_ASIDE, OUTCOME_PLANNED);
    plan_finish(plan);
}
