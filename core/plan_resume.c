/* What a batch left: planned anew, never tried again as it was. */
#include "core/plan_parts.h"

bool plan_is_unknown(const struct journal_item *item)
{
    return item->outcome == OUTCOME_INTENDED && item->detail.len;
}

static bool is_left(const struct journal_item *item)
{
    return item->outcome != OUTCOME_APPLIED && item->outcome != OUTCOME_UNCHANGED &&
           item->outcome != OUTCOME_INTENDED;
}

/* Which of the journal's items was this record's, and is left? `id` or the other id of a pair. */
static bool is_left_of(const struct journal_entry *entry, const struct plan_record *record)
{
    for (size_t i = 0; i < entry->nitems; i++) {
        const struct journal_item *item = &entry->items[i];
        bool same = str_eq(item->id, record->id) ||
                    (record->other_id.ptr && str_eq(item->id, record->other_id));
        if (same && is_left(item))
            return true;
    }
    return false;
}

static void keep_left(const struct journal_entry *entry, struct plan_request *r, struct arena *a)
{
    struct plan_record *left = arena_array(a, struct plan_record, r->nrecords);
    size_t n = 0;
    for (size_t i = 0; i < r->nrecords; i++) {
        if (is_left_of(entry, &r->records[i]))
            left[n++] = r->records[i];
    }
    r->records = left;
    r->nrecords = n;
}

/* A step back made twice is two steps: what is resumed must still be what the batch set out from.
 */
static void check_unmoved(struct plan *plan, const struct journal_entry *entry)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        bool moved = item->outcome == OUTCOME_PLANNED;
        for (size_t k = 0; k < entry->nitems && moved; k++) {
            const struct journal_item *was = &entry->items[k];
            if (!str_eq(was->id, item->id))
                continue;
            moved = false;
            for (size_t p = 0; p < PARTS_MAX; p++)
                moved = moved || ((item->compare & was->compare) >> p & 1 &&
                                  !version_eq(&was->before[p], &item->expect[p]));
        }
        struct err err = {0};
        if (moved) {
            err_set(&err, ERR_CONFLICT, "%.*s: changed since the batch that left it",
                    STR_ARG(item->label));
            err_hint(&err, "look at it again and make a new plan");
            plan_item_fail(item, OUTCOME_CONFLICT, &err);
        }
    }
    plan_finish(plan);
}

void plan_note_unknown(struct plan *plan, const struct journal_entry *entry)
{
    size_t n = 0;
    for (size_t i = 0; i < entry->nitems; i++)
        n += plan_is_unknown(&entry->items[i]);
    if (n)
        plan->note =
            arena_printf(&plan->arena, "%zu left out: whether the batch wrote %s is not known yet",
                         n, n == 1 ? "it" : "them");
}

/* The store of the entry, and the other one of a copy between two. */
static bool find_stores(const struct journal_entry *entry, struct open_store *stores,
                        size_t nstores, struct plan_request *r, struct err *err)
{
    for (size_t i = 0; i < entry->nitems; i++) {
        struct open_store *found;
        if (!plan_entry_store(entry, entry->items[i].store, stores, nstores, &found, err))
            return false;
        if (str_eq(entry->items[i].store, entry->store))
            r->store = found;
        else
            r->other_store = found;
    }
    r->store = r->store ? r->store : r->other_store;
    r->other_store = r->other_store ? r->other_store : r->store;
    return true;
}

static bool check_left(const struct journal_entry *entry, struct err *err)
{
    bool left = false;
    for (size_t i = 0; i < entry->nitems; i++) {
        if (entry->items[i].outcome == OUTCOME_INTENDED && !plan_is_unknown(&entry->items[i]))
            return err_set(err, ERR_REFUSED,
                           "journal entry %s: not settled yet: it is being applied, or its store "
                           "could not be read since it broke off",
                           entry->id);
        left = left || is_left(&entry->items[i]);
    }
    return left ||
           err_set(err, ERR_NOT_FOUND, "journal entry %s: nothing is left of it", entry->id);
}

static bool resume(const struct journal_entry *entry, json_t *request, struct open_store *stores,
                   size_t nstores, struct journal *journal, struct str reason,
                   const struct call *call, struct arena *a, struct plan **ret, struct err *err)
{
    const char *undoes = json_string_value(json_object_get(request, "undoes"));
    struct plan_request r = {0};
    if (!find_stores(entry, stores, nstores, &r, err) || !plan_request_read(request, a, &r, err))
        return false;
    r.force = false;
    r.reason = reason.len ? reason : r.reason;
    if (undoes) {
        struct journal_entry undone;
        return journal_load(journal, a, str_of(undoes), &undone, err) &&
               plan_undo(&undone, stores, nstores, r.reason, call, ret, err);
    }
    if (!r.op)
        return err_set(err, ERR_REFUSED,
                       "journal entry %s: a lock break is not resumed: look at the lock first",
                       entry->id);
    keep_left(entry, &r, a);
    struct plan *plan;
    if (!plan_make(&r, call, &plan, err))
        return false;
    check_unmoved(plan, entry);
    plan_note_unknown(plan, entry);
    *ret = plan;
    return true;
}

bool plan_resume(const struct journal_entry *entry, struct open_store *stores, size_t nstores,
                 struct journal *journal, struct str reason, const struct call *call,
                 struct plan **ret, struct err *err)
{
    if (!check_left(entry, err))
        return false;
    json_t *request = json_loadb(entry->request.ptr, entry->request.len, 0, NULL);
    if (!request)
        return err_set(err, ERR_CORRUPT, "journal entry %s: its request cannot be read", entry->id);
    struct arena a = ARENA_INIT;
    bool ok = resume(entry, request, stores, nstores, journal, reason, call, &a, ret, err);
    arena_release(&a);
    json_decref(request);
    return ok;
}
