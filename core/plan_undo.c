/* Plans that restore (undo, redo) and plans that break locks. */
#include "core/plan_parts.h"

#include <stdio.h>
#include <string.h>

struct open_store *plan_find_store(struct open_store *stores, size_t n, struct str identity)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(store_info(stores[i].store)->identity, identity))
            return &stores[i];
    }
    return NULL;
}

bool plan_entry_store(const struct journal_entry *entry, struct str identity,
                      struct open_store *stores, size_t n, struct open_store **ret, struct err *err)
{
    struct open_store *store = plan_find_store(stores, n, identity);
    if (!store) {
        err_set(err, ERR_NOT_FOUND, "journal entry %s: its store %.*s is not open", entry->id,
                STR_ARG(identity));
        return err_hint(err, "name it with -t");
    }
    *ret = store;
    return true;
}

static struct str copy_or_null(struct arena *a, struct str s)
{
    return s.ptr ? arena_str(a, s) : STR_NULL;
}

/* The operation an entry was made by, so that its writers are judged by the same rule. */
static const struct op *op_of_entry(const struct journal_entry *entry)
{
    const struct system *system = system_by_name(entry->system);
    json_t *request = json_loadb(entry->request.ptr, entry->request.len, 0, NULL);
    const char *verb = json_string_value(json_object_get(request, "op"));
    const struct op *op = system && verb ? system_op(system, verb) : NULL;
    json_decref(request);
    return op;
}

static void show_restored(struct plan *plan, struct plan_item *item, bool absent)
{
    struct document *back = arena_new(&plan->arena, struct document);
    struct err ignored;
    if (!absent &&
        !store_decode(item->store->store, item->id, item->image, &plan->arena, back, &ignored))
        return;
    plan_show_changes(item, store_system(item->store->store), item->before->root,
                      absent ? NULL : back->root, &plan->arena);
}

static void restore_item(struct plan *plan, struct plan_item *item, const struct journal_item *from,
                         const struct op *op, const struct read_item *now,
                         const struct activity *activity)
{
    struct arena *a = &plan->arena;
    item->kind = EDIT_RESTORE;
    item->op = op;
    item->before = &now->doc;
    item->image = from->before_absent ? STR_NULL : copy_or_null(a, from->before_image);
    item->receipt = copy_or_null(a, from->receipt);
    item->compare = item->change = from->change;
    memcpy(item->expect, from->after, sizeof item->expect);
    memcpy(item->target, from->before, sizeof item->target);
    item->before_text = copy_or_null(a, from->after_text);
    item->after_text = copy_or_null(a, from->before_text);
    item->waits_for = copy_or_null(a, from->waits_for);
    /* kept where it does not hold either: a redo waits again */
    item->effective =
        !item->waits_for.ptr || !(plan->is_redo || store_system(item->store->store)->undo_waits);
    item->undo = UNDO_FULL;
    item->undoes = from->n;
    item->outcome = OUTCOME_PLANNED;
    if (now->err.kind != ERR_NONE) {
        plan_item_fail(item, OUTCOME_FAILED, &now->err);
        return;
    }
    struct op_input in = {.system = store_system(item->store->store),
                          .docs = {&now->doc},
                          .activity = activity,
                          .now_us = plan->made_at_us,
                          .native = store_info(item->store->store)->native,
                          .arena = a};
    show_restored(plan, item, from->before_absent);
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if (!(item->compare >> i & 1) || version_eq(&item->expect[i], &now->doc.versions[i]))
            continue;
        struct err err = {0};
        if (now->doc.absent)
            err_set(&err, ERR_CONFLICT, "%.*s: removed since; undo would take that away",
                    STR_ARG(item->label));
        else
            err_set(&err, ERR_CONFLICT, "%.*s: changed since; undo would take that change away",
                    STR_ARG(item->label));
        plan_item_fail(item, OUTCOME_CONFLICT, &err);
        item->now = &now->doc;
        return;
    }
    plan_judge(item, &in, plan->request.force);
}

/* Undo leaves as it is what was never changed, what was restored before, and what came first of a
 * pair whose second half may still come: of a move that would be the only copy. */
static size_t find_restorable(const struct journal_entry *entry, struct arena *a, bool **ret)
{
    bool *can = arena_array(a, bool, entry->nitems);
    size_t n = 0;
    for (size_t i = 0; i < entry->nitems; i++) {
        const struct journal_item *item = &entry->items[i];
        can[i] = item->outcome == OUTCOME_APPLIED && !item->undone && item->kind != EDIT_BREAK;
    }
    for (size_t i = 0; i < entry->nitems; i++) {
        int64_t needed = entry->items[i].needs;
        if (plan_is_unknown(&entry->items[i]) && needed >= 0 && (size_t)needed < entry->nitems)
            can[needed] = false;
    }
    for (size_t i = 0; i < entry->nitems; i++)
        n += can[i];
    *ret = can;
    return n;
}

static bool check_entry(const struct journal_entry *entry, size_t restorable, struct err *err)
{
    bool unknown = false;
    for (size_t i = 0; i < entry->nitems; i++) {
        unknown = unknown || plan_is_unknown(&entry->items[i]);
        if (entry->items[i].kind == EDIT_BREAK)
            return err_set(err, ERR_REFUSED, "journal entry %s: a broken lock is not set again",
                           entry->id);
        if (entry->items[i].outcome == OUTCOME_INTENDED && !plan_is_unknown(&entry->items[i]))
            return err_set(err, ERR_REFUSED,
                           "journal entry %s: not settled yet: it is being applied, or its store "
                           "could not be read since it broke off",
                           entry->id);
    }
    if (restorable)
        return true;
    if (unknown)
        return err_set(err, ERR_REFUSED,
                       "journal entry %s: whether it was written is not known yet", entry->id);
    return err_set(err, ERR_REFUSED, "journal entry %s: %s", entry->id,
                   entry->applied ? "everything in it was undone" : "nothing in it was applied");
}

/* The items to be restored, last first, each in its store. */
static bool place_items(struct plan *plan, const struct journal_entry *entry, const bool *can,
                        struct open_store *stores, size_t nstores, const struct journal_item **from,
                        struct err *err)
{
    struct arena *a = &plan->arena;
    ptrdiff_t *place = arena_array(a, ptrdiff_t, entry->nitems); /* of the entry → of the plan */
    for (size_t i = entry->nitems; i-- > 0;) {
        place[i] = -1;
        if (!can[i])
            continue;
        struct plan_item *item = &plan->items[plan->nitems];
        *item = (struct plan_item){.needs = -1, .record = -1};
        if (!plan_entry_store(entry, entry->items[i].store, stores, nstores, &item->store, err))
            return false;
        item->id = arena_str(a, entry->items[i].id);
        item->label = arena_str(a, entry->items[i].label);
        from[plan->nitems] = &entry->items[i];
        place[i] = (ptrdiff_t)plan->nitems++;
        plan->request.store = plan->request.other_store = item->store;
    }
    /* Undone in reverse, so what was needed first is now needed last. */
    for (size_t i = 0; i < entry->nitems; i++) {
        int64_t needed = entry->items[i].needs;
        if (needed >= 0 && (size_t)needed < entry->nitems && place[needed] >= 0 && place[i] >= 0)
            plan->items[place[needed]].needs = place[i];
    }
    return true;
}

/* Restores items [first, first + n), which lie in one store. */
static bool restore_items(struct plan *plan, size_t first, size_t n,
                          const struct journal_item **from, const struct op *op,
                          const struct call *call, struct err *err)
{
    struct arena *a = &plan->arena;
    struct plan_item *items = plan->items + first;
    struct str *ids = arena_array(a, struct str, n);
    struct read_item *now = arena_array(a, struct read_item, n);
    struct activity *activity = arena_array(a, struct activity, n);
    for (size_t i = 0; i < n; i++)
        ids[i] = items[i].id;
    if (!store_read(items->store->store, ids, n, 0, call, a, now, err) ||
        !store_activity(items->store->store, ids, n, call, a, activity, err))
        return false;
    for (size_t i = 0; i < n; i++)
        restore_item(plan, &items[i], from[first + i], op, &now[i], &activity[i]);
    return true;
}

bool plan_undo(const struct journal_entry *entry, struct open_store *stores, size_t nstores,
               struct str reason, const struct call *call, struct plan **ret, struct err *err)
{
    bool redo = entry->undoes && !entry->is_redo, *can;
    struct plan *plan = plan_new(redo ? "redo" : "undo", reason);
    size_t n = find_restorable(entry, &plan->arena, &can);
    const struct op *op = op_of_entry(entry);
    const struct journal_item **from = arena_array(&plan->arena, const struct journal_item *, n);
    plan->items = arena_array(&plan->arena, struct plan_item, n);
    plan->undoes = entry->n;
    plan->is_redo = redo;
    memcpy(plan->undoes_id, entry->id, sizeof plan->undoes_id);
    bool ok =
        check_entry(entry, n, err) && place_items(plan, entry, can, stores, nstores, from, err);
    for (size_t first = 0, end; ok && first < plan->nitems; first = end) {
        for (end = first + 1;
             end < plan->nitems && plan->items[end].store == plan->items[first].store;)
            end++;
        ok = restore_items(plan, first, end - first, from, op, call, err);
    }
    if (!ok) {
        plan_free(plan);
        return false;
    }
    plan_note_unknown(plan, entry);
    plan_finish(plan);
    *ret = plan;
    return true;
}

/* The last thing that the entry did to this record. */
static const struct journal_item *item_of(const struct journal_entry *entry, struct str id)
{
    for (size_t i = entry->nitems; i-- > 0;) {
        const struct journal_item *item = &entry->items[i];
        if (str_eq(item->id, id) && item->outcome == OUTCOME_APPLIED && item->kind != EDIT_BREAK)
            return item;
    }
    return NULL;
}

bool plan_restore(const struct journal_entry *entry, struct str id, bool before,
                  struct open_store *stores, size_t nstores, struct str reason,
                  const struct call *call, struct plan **ret, struct err *err)
{
    const struct journal_item *was = item_of(entry, id);
    if (!was)
        return err_set(err, ERR_NOT_FOUND, "journal entry %s: it changed no %.*s", entry->id,
                       STR_ARG(id));
    struct open_store *store;
    if (!plan_entry_store(entry, was->store, stores, nstores, &store, err))
        return false;
    struct plan *plan = plan_new("restore", reason);
    snprintf(plan->restores_id, sizeof plan->restores_id, "%s", entry->id);
    plan->restores_before = before;
    struct arena *a = &plan->arena;
    struct read_item *now = arena_new(a, struct read_item);
    struct activity *activity = arena_new(a, struct activity);
    if (!store_read(store->store, &id, 1, 0, call, a, now, err) ||
        !store_activity(store->store, &id, 1, call, a, activity, err)) {
        plan_free(plan);
        return false;
    }
    const struct system *system = store_system(store->store);
    struct journal_item from = *was;
    from.n = 0; /* nothing is undone by it */
    from.receipt = from.waits_for = STR_NULL;
    if (!before) {
        from.before_image = was->after_image;
        from.before_absent = was->after_absent;
        from.before_text = was->after_text;
        memcpy(from.before, was->after, sizeof from.before);
    }
    memcpy(from.after, now->doc.versions, sizeof from.after);
    from.after_text = plan_text_of(system, now->doc.root, now->doc.absent, a);
    plan->items = arena_new(a, struct plan_item);
    plan->nitems = 1;
    plan->items[0] = (struct plan_item){.store = store,
                                        .id = arena_str(a, id),
                                        .label = arena_str(a, was->label),
                                        .needs = -1,
                                        .record = -1};
    plan->request.store = plan->request.other_store = store;
    restore_item(plan, plan->items, &from, op_of_entry(entry), now, activity);
    bool same = true;
    for (size_t i = 0; i < PARTS_MAX; i++)
        same = same && (!(from.change >> i & 1) || version_eq(&from.before[i], &from.after[i]));
    if (same && plan->items[0].outcome == OUTCOME_PLANNED) {
        plan->items[0].outcome = OUTCOME_UNCHANGED;
        plan->items[0].detail = STR("it is so now");
    }
    plan_finish(plan);
    *ret = plan;
    return true;
}

static struct consequence *break_consequence(struct arena *a, const struct lock *lock)
{
    struct consequence *what = arena_new(a, struct consequence);
    *what = (struct consequence){
        .code = "lock_lost",
        .level = LEVEL_WARN,
        .text = STR("whoever holds the lock goes on without knowing that it is gone: two writers "
                    "are possible")};
    if (lock->if_broken.ptr)
        *what = (struct consequence){
            .code = "session_ended", .level = LEVEL_WARN, .text = arena_str(a, lock->if_broken)};
    return what;
}

bool plan_break(struct open_store *store, const struct lock *locks, size_t n, struct str reason,
                bool force, struct plan **ret, struct err *err)
{
    if (!store_supports(store->store, STORE_BREAKS))
        return err_set(err, ERR_UNSUPPORTED, "%.*s: its locks cannot be broken from here",
                       STR_ARG(store_info(store->store)->identity));
    struct plan *plan = plan_new("break", reason);
    struct arena *a = &plan->arena;
    plan->request.store = plan->request.other_store = store;
    plan->request.force = force;
    plan->items = arena_array(a, struct plan_item, n);
    for (size_t i = 0; i < n; i++) {
        struct plan_item *item = &plan->items[plan->nitems++];
        const struct lock *lock = &locks[i];
        *item = (struct plan_item){.needs = -1, .record = -1, .effective = true};
        item->store = store;
        item->kind = EDIT_BREAK;
        item->id = item->label = arena_str(a, lock->object);
        item->lock_token = arena_str(a, lock->token);
        item->before_text = arena_printf(
            a, "held by %.*s", STR_ARG(lock->holder.ptr ? lock->holder : STR("(not recorded)")));
        item->after_text = STR("free");
        item->undo = UNDO_NONE;
        item->consequences = break_consequence(a, lock);
        item->detail = copy_or_null(a, lock->evidence);
        item->outcome = OUTCOME_PLANNED;
        item->writer = (struct writer){WRITER_NONE_SEEN, STR_NULL};
        if (lock->verdict != LOCK_LIVE)
            continue;
        item->writer = (struct writer){WRITER_BLOCKS, copy_or_null(a, lock->evidence)};
        if (force)
            continue;
        struct err live = {0};
        err_set(&live, ERR_LOCKED, "%.*s: the lock is live: %.*s", STR_ARG(item->label),
                STR_ARG(lock->evidence));
        err_hint(&live, "wait for it, or override with --force and --reason");
        plan_item_fail(item, OUTCOME_LOCKED, &live);
    }
    plan_finish(plan);
    *ret = plan;
    return true;
}
