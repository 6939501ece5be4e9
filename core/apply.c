#include "core/apply.h"

#include "core/apply_parts.h"
#include "core/base/cleanup.h"
#include "core/output.h"
#include "core/plan_parts.h"

#include <string.h>

/* --- audit ------------------------------------------------------------------------------------ */

static json_t *audit_fields(const struct plan *plan, const struct plan_item *item, const char *step)
{
    uint8_t digest[SHA256_LEN];
    char before[2 * SHA256_LEN + 1], after[2 * SHA256_LEN + 1];
    versions_digest(item->expect, ~0u, false, digest);
    hex_encode(digest, sizeof digest, before);
    value_digest(item->after, item->after, digest);
    hex_encode(digest, sizeof digest, after);
    json_t *o = json_object();
    json_object_set_new(o, "step", json_string(step));
    json_object_set_new(o, "plan_id", json_string(plan->id));
    json_object_set_new(o, "journal_id", json_string(plan->journal_id));
    json_object_set_new(o, "context", output_text(str_of(item->store->target.name)));
    json_object_set_new(o, "env", json_string(environment_name(item->store->target.env)));
    json_object_set_new(o, "store", output_text(store_info(item->store->store)->identity));
    json_object_set_new(o, "verb", json_string(plan->verb));
    json_object_set_new(o, "object", output_id(item->label));
    json_object_set_new(o, "id", output_id(item->id));
    json_object_set_new(o, "before", output_text(item->before_text));
    json_object_set_new(o, "after", output_text(item->after_text));
    json_object_set_new(o, "before_hash", json_string(before));
    json_object_set_new(o, "after_hash",
                        item->kind == EDIT_WRITE ? json_string(after) : json_null());
    json_object_set_new(o, "forced", json_boolean(plan->request.force));
    json_object_set_new(o, "reason", output_text(plan->request.reason));
    return o;
}

static bool audit_intended(struct audit *audit, const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome == OUTCOME_PLANNED &&
            !audit_add(audit, audit_fields(plan, &plan->items[i], "intended"), err))
            return false;
    }
    return audit_sync(audit, err);
}

bool apply_audit_result(struct audit *audit, const struct plan *plan, const struct plan_item *item,
                        struct err *err)
{
    json_t *fields = audit_fields(plan, item, "result");
    json_object_set_new(fields, "outcome", json_string(outcome_name(item->outcome)));
    json_object_set_new(fields, "verified", json_boolean(item->verified));
    if (item->err.kind != ERR_NONE)
        json_object_set_new(fields, "error", output_text(str_of(item->err.text)));
    return audit_add(audit, fields, err);
}

void apply_declined(const struct plan *plan, const struct apply_opts *opts, const char *why)
{
    struct err ignored;
    for (size_t i = 0; i < plan->nitems && opts->audit; i++) {
        json_t *fields = audit_fields(plan, &plan->items[i], "result");
        json_object_set_new(fields, "outcome", json_string("cancelled"));
        json_object_set_new(fields, "error", json_string(why));
        audit_add(opts->audit, fields, &ignored);
    }
}

/* --- checks right before the first write ------------------------------------------------------ */

static bool check_writable(const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct open_store *store = plan->items[i].store;
        const struct store_info *info = store_info(store->store);
        if (plan->items[i].outcome != OUTCOME_PLANNED)
            continue;
        if (store->target.read_only)
            return err_set(err, ERR_REFUSED, "%.*s: read-only", STR_ARG(info->identity));
        if (!store_supports(store->store, STORE_WRITES))
            return err_set(err, ERR_REFUSED, "%.*s: read-only: %.*s", STR_ARG(info->identity),
                           STR_ARG(info->why_read_only));
        if (plan->needs_reason && !plan->request.reason.len)
            return err_set(err, ERR_REFUSED, "%s: a reason is needed", plan->verb);
    }
    return true;
}

/* A record that was changed since: the plan keeps what it is now, to be shown beside the plan. */
static bool set_conflict(struct plan *plan, struct plan_item *item, const struct call *call,
                         struct err *err)
{
    struct read_item *now = arena_new(&plan->arena, struct read_item);
    struct err changed = {0};
    if (!store_read(item->store->store, &item->id, 1, 0, call, &plan->arena, now, err))
        return false;
    err_set(&changed, ERR_CONFLICT, "%.*s: changed since preview", STR_ARG(item->label));
    err_hint(&changed, "look at it as it is now and make a new plan");
    plan_item_fail(item, OUTCOME_CONFLICT, &changed);
    item->now = &now->doc;
    return true;
}

/* What a copy or a merge was made from must be as it was, too. */
static bool check_source(struct plan *plan, struct plan_item *item, const struct call *call,
                         struct err *err)
{
    struct read_item *now = arena_new(&plan->arena, struct read_item);
    const struct document *was = item->source;
    if (!store_read(item->source_store->store, &was->id, 1, 0, call, &plan->arena, now, err))
        return false;
    if (now->err.kind != ERR_NONE)
        return plan_item_fail(item, OUTCOME_FAILED, &now->err), true;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if (version_eq(&was->versions[i], &now->doc.versions[i]))
            continue;
        struct err changed = {0};
        err_set(&changed, ERR_CONFLICT, "%.*s: its source %.*s changed since preview",
                STR_ARG(item->label), STR_ARG(was->id));
        err_hint(&changed, "look at it as it is now and make a new plan");
        plan_item_fail(item, OUTCOME_CONFLICT, &changed);
        item->now = &now->doc;
        break;
    }
    return true;
}

static bool recheck_item(struct plan *plan, struct plan_item *item, const struct read_item *now,
                         const struct activity *activity, const struct call *call, struct arena *a,
                         struct err *err)
{
    const struct store *store = item->store->store;
    if (now->err.kind != ERR_NONE)
        return plan_item_fail(item, OUTCOME_FAILED, &now->err), true;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if ((item->compare >> i & 1) && !version_eq(&item->expect[i], &now->doc.versions[i]))
            return set_conflict(plan, item, call, err);
    }
    if (item->source && !check_source(plan, item, call, err))
        return false;
    struct op_input in = {.system = store_system(store),
                          .docs = {&now->doc},
                          .args = item->args,
                          .activity = activity,
                          .now_us = clock_now_us(),
                          .native = store_info(store)->native,
                          .arena = a};
    plan_judge(item, &in, plan->request.force);
    item->writer.why = item->writer.why.ptr ? arena_str(&plan->arena, item->writer.why) : STR_NULL;
    return true;
}

enum { LOT = 256 }; /* records read again at once */

/* Reads again what lies in one store, in lots whose documents are dropped. */
static bool recheck_lot(struct plan *plan, struct plan_item **items, size_t n,
                        const struct apply_opts *opts, struct err *err)
{
    CLEANUP(arena_release) struct arena a = ARENA_INIT;
    struct store *store = items[0]->store->store;
    struct call call = call_within(opts->timeout_ms, opts->cancel);
    struct str ids[LOT];
    struct read_item *now = arena_array(&a, struct read_item, n);
    struct activity *activity = arena_array(&a, struct activity, n);
    for (size_t i = 0; i < n; i++)
        ids[i] = items[i]->id;
    if (!store_read(store, ids, n, 0, &call, &a, now, err) ||
        !store_activity(store, ids, n, &call, &a, activity, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!recheck_item(plan, items[i], &now[i], &activity[i], &call, &a, err))
            return false;
    }
    return true;
}

/* A lock that is to be broken is compared by the driver itself. */
static bool is_rechecked(const struct plan_item *item)
{
    return item->outcome == OUTCOME_PLANNED && item->kind != EDIT_BREAK;
}

static bool recheck(struct plan *plan, const struct apply_opts *opts, struct err *err)
{
    struct plan_item *lot[LOT];
    size_t n = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        if (!is_rechecked(item))
            continue;
        if (n && (n == LOT || lot[0]->store != item->store)) {
            if (!recheck_lot(plan, lot, n, opts, err))
                return false;
            n = 0;
        }
        lot[n++] = item;
    }
    return !n || recheck_lot(plan, lot, n, opts, err);
}

/* --- the journal's side ----------------------------------------------------------------------- */

/* What the store will note of the change gets its id now: a crash behind the write must not keep
 * an undo from finding it. */
static struct str foresee_receipt(struct plan *plan, struct plan_item *item)
{
    char id[UUID_LEN + 1];
    if (!item->note || !store_supports(item->store->store, STORE_NOTES))
        return STR_NULL;
    uuid7(clock_now_us(), id);
    item->note_id = arena_str(&plan->arena, str_of(id));
    return arena_printf(&plan->arena, NOTE_RECEIPT "%s", id);
}

static void journal_fill(struct plan *plan, struct plan_item *item, int64_t needs,
                         struct journal_item *ret)
{
    const struct system *system = store_system(item->store->store);
    struct str *paths = NULL;
    *ret = (struct journal_item){.store = store_info(item->store->store)->identity,
                                 .id = item->id,
                                 .label = item->label,
                                 .kind = item->kind,
                                 .compare = item->compare,
                                 .change = item->change,
                                 .before_absent = item->before ? item->before->absent : false,
                                 .before_image = item->before ? item->before->image : STR_NULL,
                                 .before_text = item->before_text,
                                 .after_text = item->after_text,
                                 .receipt = foresee_receipt(plan, item),
                                 .waits_for = item->waits_for,
                                 .undo = item->undo,
                                 .undoes = item->undoes,
                                 .needs = needs};
    memcpy(ret->before, item->expect, sizeof ret->before);
    if (item->kind == EDIT_WRITE) {
        parts_digest(system, item->after, item->after, item->change, ret->digest);
        ret->nlate = value_late_paths(&plan->arena, item->after, &paths);
        ret->late_paths = paths;
    } else if (item->kind == EDIT_RESTORE) {
        versions_digest(item->target, item->change, !item->image.ptr, ret->digest);
    }
}

/* Every planned item gets its pre-image into the journal, in one synced transaction. */
static bool journal_plan(struct plan *plan, const struct apply_opts *opts, struct err *err)
{
    struct arena *a = &plan->arena;
    size_t planned = plan_count(plan, OUTCOME_PLANNED), n = 0;
    struct journal_item *rows = arena_array(a, struct journal_item, planned);
    struct journal_item **by_item = arena_array(a, struct journal_item *, plan->nitems);
    int64_t *place = arena_array(a, int64_t, plan->nitems);
    struct open_store *store = NULL;
    for (size_t i = 0; i < plan->nitems; i++) {
        struct plan_item *item = &plan->items[i];
        place[i] = -1;
        if (item->outcome != OUTCOME_PLANNED)
            continue;
        store = item->store;
        journal_fill(plan, item, item->needs < 0 ? -1 : place[item->needs], &rows[n]);
        place[i] = (int64_t)n;
        by_item[i] = &rows[n++];
    }
    char who[256], owner[128];
    audit_who(who);
    settle_owner(owner);
    json_t *request = plan_request_json(plan);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    const struct store_info *info = store_info(store->store);
    struct journal_entry entry = {.at_us = clock_now_us(),
                                  .owner = str_of(owner),
                                  .who = str_of(who),
                                  .target = str_of(store->target.name),
                                  .store = info->identity,
                                  .server = info->server,
                                  .system = str_of(info->system->name),
                                  .verb = str_of(plan->verb),
                                  .reason = plan->request.reason,
                                  .request = str_of(text),
                                  .undo = plan->undo,
                                  .undoes = plan->undoes,
                                  .is_redo = plan->is_redo,
                                  .nitems = n,
                                  .items = rows};
    memcpy(entry.plan_id, plan->id, sizeof entry.plan_id);
    bool ok = journal_begin(opts->journal, &entry, err);
    free(text);
    if (!ok)
        return false;
    memcpy(plan->journal_id, entry.id, sizeof plan->journal_id);
    for (size_t i = 0; i < plan->nitems; i++)
        plan->items[i].journal = by_item[i];
    return true;
}

bool apply_plan(struct plan *plan, const struct apply_opts *opts, struct err *err)
{
    if (!check_writable(plan, err) || !recheck(plan, opts, err))
        return false;
    struct err ignored;
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome != OUTCOME_PLANNED &&
            !apply_audit_result(opts->audit, plan, &plan->items[i], err))
            return false;
    }
    if (!plan_count(plan, OUTCOME_PLANNED))
        return true;
    if (!journal_plan(plan, opts, err))
        return false;
    if (!audit_intended(opts->audit, plan, err)) {
        for (size_t i = 0; i < plan->nitems; i++) {
            if (!plan->items[i].journal)
                continue;
            plan->items[i].journal->outcome = OUTCOME_NOT_TRIED;
            journal_record(opts->journal, plan->items[i].journal, &ignored);
        }
        return false;
    }
    apply_items(plan, opts);
    if (!journal_sync(opts->journal, &ignored) || !audit_sync(opts->audit, &ignored))
        plan->note = STR("the outcomes are recorded, but could not be synced to disk");
    return true;
}
