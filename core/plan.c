#include "core/plan.h"

#include "core/base/mem.h"
#include "core/plan_parts.h"

#include <stdlib.h>
#include <string.h>

struct plan *plan_new(const char *verb, struct str reason)
{
    struct plan *plan = xcalloc(1, sizeof *plan);
    uint8_t id[6];
    random_bytes(id, sizeof id);
    hex_encode(id, sizeof id, plan->id);
    plan->verb = arena_cstr(&plan->arena, str_of(verb));
    if (reason.ptr)
        plan->request.reason = arena_str(&plan->arena, reason);
    plan->made_at_us = plan->read_at_us = clock_now_us();
    return plan;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    arena_release(&plan->arena);
    free(plan);
}

size_t plan_count(const struct plan *plan, enum outcome outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->nitems; i++)
        n += plan->items[i].outcome == outcome;
    return n;
}

bool plan_item_fail(struct plan_item *item, enum outcome outcome, const struct err *err)
{
    item->outcome = outcome;
    item->err = *err;
    return false;
}

/* --- the request, copied so that the plan owns what it was made from ------------------------- */

static struct op_args copy_args(struct arena *a, const struct op_args *args)
{
    struct op_arg *items = arena_array(a, struct op_arg, args->n);
    for (size_t i = 0; i < args->n; i++) {
        items[i].name = arena_cstr(a, str_of(args->items[i].name));
        items[i].value = arena_str(a, args->items[i].value);
    }
    return (struct op_args){items, args->n};
}

/* One store opened twice: equal ids are one record then. */
static bool is_same(const struct open_store *a, const struct open_store *b)
{
    return str_eq(store_info(a->store)->identity, store_info(b->store)->identity);
}

/* What a record is called in plan, result, journal and audit, and what is typed to confirm. An id
 * like JOB/SOURCE says more than the name that it ends in: several jobs may have a source of one
 * name. */
static struct str name_of(const struct plan_record *r)
{
    size_t id = r->id.len, label = r->label.len;
    bool says_more = id > label + 1 && r->id.ptr[id - label - 1] == '/' &&
                     str_eq(str_sub(r->id, id - label, id), r->label);
    return r->label.ptr && !says_more ? r->label : r->id;
}

static void copy_request(struct plan *plan, const struct plan_request *request)
{
    struct arena *a = &plan->arena;
    struct plan_record *records = arena_array(a, struct plan_record, request->nrecords);
    for (size_t i = 0; i < request->nrecords; i++) {
        const struct plan_record *r = &request->records[i];
        records[i].id = arena_str(a, r->id);
        records[i].label = arena_str(a, name_of(r));
        records[i].other_id = r->other_id.ptr ? arena_str(a, r->other_id) : STR_NULL;
        records[i].args = copy_args(a, &r->args);
    }
    struct str reason = plan->request.reason;
    plan->request = *request;
    plan->request.verb = plan->verb;
    plan->request.reason = reason;
    plan->request.args = copy_args(a, &request->args);
    plan->request.records = records;
    if (!plan->request.other_store || is_same(request->store, request->other_store))
        plan->request.other_store = request->store;
}

static struct op_args join_args(struct arena *a, struct op_args first, struct op_args second)
{
    if (!second.n)
        return first;
    struct op_arg *items = arena_array(a, struct op_arg, first.n + second.n);
    if (first.n)
        memcpy(items, first.items, first.n * sizeof *items);
    memcpy(items + first.n, second.items, second.n * sizeof *items);
    return (struct op_args){items, first.n + second.n};
}

/* --- what an operation is given -------------------------------------------------------------- */

struct evidence {
    struct read_item *docs, *others; /* others: NULL when the operation takes one record */
    struct activity *activity, *other_activity;
    const struct value **facts, **other_facts;
};

static bool gather(struct plan *plan, const struct call *call, struct evidence *ret,
                   struct err *err)
{
    const struct plan_request *r = &plan->request;
    struct arena *a = &plan->arena;
    size_t n = r->nrecords;
    struct str *ids = arena_array(a, struct str, n);
    struct str *others = arena_array(a, struct str, n);
    bool two = false;
    for (size_t i = 0; i < n; i++) {
        ids[i] = r->records[i].id;
        others[i] = r->records[i].other_id;
        two = two || others[i].ptr;
    }
    ret->docs = arena_array(a, struct read_item, n);
    ret->activity = arena_array(a, struct activity, n);
    ret->other_activity = arena_array(a, struct activity, n);
    ret->facts = arena_array(a, const struct value *, n);
    ret->other_facts = arena_array(a, const struct value *, n);
    ret->others = two ? arena_array(a, struct read_item, n) : NULL;
    struct store *store = r->store->store, *other = r->other_store->store;
    return store_read(store, ids, n, 0, call, a, ret->docs, err) &&
           (!two || (store_read(other, others, n, 0, call, a, ret->others, err) &&
                     store_activity(other, others, n, call, a, ret->other_activity, err) &&
                     store_facts(other, others, n, call, a, ret->other_facts, err))) &&
           store_activity(store, ids, n, call, a, ret->activity, err) &&
           store_facts(store, ids, n, call, a, ret->facts, err);
}

static struct op_input input_of(const struct plan *plan, const struct evidence *e, size_t i,
                                struct arena *a)
{
    const struct plan_request *r = &plan->request;
    return (struct op_input){
        .system = store_system(r->store->store),
        .docs = {&e->docs[i].doc, e->others ? &e->others[i].doc : NULL},
        .other_store = r->other_store->store != r->store->store,
        .args = join_args(a, r->args, r->records[i].args),
        .facts = e->facts[i],
        .other_facts = e->other_facts[i],
        .activity = &e->activity[i],
        .now_us = plan->made_at_us,
        .native = store_info(r->store->store)->native,
        .arena = a,
    };
}

/* --- one edit becomes one item --------------------------------------------------------------- */

struct str plan_text_of(const struct system *system, const struct value *root, bool absent,
                        struct arena *a)
{
    if (absent)
        return STR("absent");
    struct str text = root && system->brief ? system->brief(root, a) : STR_NULL;
    if (text.ptr)
        return text;
    uint8_t digest[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    value_digest(root, root, digest);
    hex_encode(digest, sizeof digest, hex);
    return arena_printf(a, "sha256 %.12s", hex);
}

/* Text of a document that may not have parsed: then its size and stored bytes speak for it. */
static struct str text_of_document(const struct system *system, const struct document *doc,
                                   struct arena *a)
{
    if (doc->absent || doc->root)
        return plan_text_of(system, doc->root, doc->absent, a);
    return arena_printf(a, "%llu bytes, %.*s", (unsigned long long)doc->bytes,
                        STR_ARG(version_text(a, &doc->versions[0])));
}

static unsigned changed_parts(const struct system *system, const struct document *before,
                              const struct value *after)
{
    unsigned changed = 0, all = (1u << system->nparts) - 1;
    if (before->absent || !before->root || !after)
        return all;
    for (size_t i = 0; i < system->nparts; i++) {
        if (!value_equal(document_part(system, before->root, i), document_part(system, after, i)))
            changed |= 1u << i;
    }
    /* What differs beside the parts (an unknown top-level key that goes) is a change of the whole.
     */
    if (!changed && system->nparts > 1 && !value_equal(before->root, after))
        changed = all;
    return changed;
}

void plan_show_changes(struct plan_item *item, const struct system *system,
                       const struct value *before, const struct value *after, struct arena *arena)
{
    item->ndiff = value_diff(arena, before, after, PLAN_DIFF_MAX, &item->diff, &item->diff_more);
    if (system->say_changes)
        item->nwords = system->say_changes(before, after, arena, &item->words);
}

static void fill_edit(struct plan_item *item, const struct op_input *in, const struct op_edit *edit,
                      const struct document *before)
{
    const struct system *system = in->system;
    unsigned all = (1u << system->nparts) - 1;
    item->kind = edit->kind;
    item->before = before;
    item->after = edit->kind == EDIT_WRITE ? edit->after : NULL;
    item->note = edit->note;
    item->change = edit->kind == EDIT_REMOVE ? all : changed_parts(system, before, edit->after);
    item->compare = (edit->reads | item->change) & all;
    memcpy(item->expect, before->versions, sizeof item->expect);
    item->before_text =
        edit->before_text.ptr ? edit->before_text : text_of_document(system, before, in->arena);
    item->after_text = edit->after_text.ptr ? edit->after_text
                                            : plan_text_of(system, item->after,
                                                           edit->kind == EDIT_REMOVE, in->arena);
    plan_show_changes(item, system, before->root, item->after, in->arena);
    item->outcome = OUTCOME_PLANNED;
    if (!item->change || (edit->kind == EDIT_REMOVE && before->absent)) {
        item->outcome = OUTCOME_UNCHANGED;
        item->detail = STR("already so");
    } else if (before->truncated) { /* nor removed: what was not read, no undo brings back */
        struct err err = {0};
        err_set(&err, ERR_REFUSED, "%.*s: %llu bytes, too large to be changed here",
                STR_ARG(item->label), (unsigned long long)before->bytes);
        plan_item_fail(item, OUTCOME_REFUSED, &err);
    }
}

/* A live writer in the way refuses the item, unless the operator overrides what the plan names. */
void plan_judge(struct plan_item *item, const struct op_input *in, bool force)
{
    const struct op *op = item->op;
    item->writer = (struct writer){WRITER_NONE_SEEN, STR_NULL};
    if (op && op->judge)
        item->writer = op->judge(op, in);
    else if (in->system->judge)
        item->writer = in->system->judge(op, in);
    else if (in->activity && in->activity->sight == ACTIVITY_BLIND)
        item->writer = (struct writer){WRITER_CANNOT_SEE, in->activity->why};
    if (item->writer.verdict != WRITER_BLOCKS || force || item->outcome != OUTCOME_PLANNED)
        return;
    struct err err = {0};
    err_set(&err, ERR_LOCKED, "%.*s: %.*s", STR_ARG(item->label), STR_ARG(item->writer.why));
    err_hint(&err, "wait until it is done, or override it with --force and --reason");
    plan_item_fail(item, OUTCOME_LOCKED, &err);
}

static struct plan_item *item_add(struct plan *plan, size_t *cap)
{
    plan->items = arena_grow(&plan->arena, plan->items, plan->nitems, cap, sizeof *plan->items);
    struct plan_item *item = &plan->items[plan->nitems++];
    *item =
        (struct plan_item){.needs = -1, .record = -1, .effective = true, .op = plan->request.op};
    return item;
}

static struct plan_item *item_for(struct plan *plan, size_t *cap, size_t record, int doc)
{
    const struct plan_request *r = &plan->request;
    struct plan_item *item = item_add(plan, cap);
    item->store = doc ? r->other_store : r->store;
    item->id = doc ? r->records[record].other_id : r->records[record].id;
    item->label = doc ? r->records[record].other_id : r->records[record].label;
    item->args = r->records[record].args;
    item->record = (ptrdiff_t)record;
    return item;
}

static bool must_exist(const struct plan *plan, const struct document *doc, bool absent_ok,
                       struct err *err)
{
    if (!doc || !doc->absent || absent_ok)
        return true;
    return err_set(err, ERR_NOT_FOUND, "%s %.*s: there is none",
                   store_system(plan->request.store->store)->noun, STR_ARG(doc->id));
}

/* What the system itself would note of the change, and this store has no place for. */
static void tell_not_noted(const struct plan *plan, struct op_output *out, struct arena *a)
{
    const struct plan_request *r = &plan->request;
    for (size_t k = 0; k < out->nedits; k++) {
        const struct open_store *there = out->edits[k].doc ? r->other_store : r->store;
        if (!out->edits[k].note || store_supports(there->store, STORE_NOTES))
            continue;
        op_consequence(out, a, "not_noted", LEVEL_NOTE,
                       "the history of runs will not show this change: runs= in the address names "
                       "the system database that keeps it");
        return;
    }
}

static void items_of_record(struct plan *plan, size_t *cap, const struct evidence *e, size_t i)
{
    const struct op *op = plan->request.op;
    struct op_input in = input_of(plan, e, i, &plan->arena);
    struct op_output out = {.undo = UNDO_FULL};
    struct err err = {0};
    bool ok = true;
    if (e->docs[i].err.kind != ERR_NONE) {
        err = e->docs[i].err;
        ok = false;
    } else if (e->others && e->others[i].err.kind != ERR_NONE) {
        err = e->others[i].err;
        ok = false;
    }
    ok = ok && must_exist(plan, in.docs[0], op->absent_ok, &err) &&
         must_exist(plan, in.docs[1], op->second_absent_ok, &err) && op->run(&in, &out, &err);
    if (!ok || !out.nedits) {
        struct plan_item *item = item_for(plan, cap, i, 0);
        item->before = &e->docs[i].doc;
        item->detail = out.nothing.ptr ? out.nothing : STR("nothing to do");
        item->outcome = OUTCOME_UNCHANGED;
        if (!ok)
            plan_item_fail(item, err.kind == ERR_REFUSED ? OUTCOME_REFUSED : OUTCOME_FAILED, &err);
        return;
    }
    tell_not_noted(plan, &out, &plan->arena);
    for (size_t k = 0; k < out.nedits; k++) {
        const struct op_edit *edit = &out.edits[k];
        struct plan_item *item = item_for(plan, cap, i, edit->doc);
        item->undo = out.undo;
        item->waits_for = out.waits_for;
        item->effective = !out.waits_for.ptr;
        item->typed = out.typed;
        item->needs_reason = out.needs_reason;
        item->consequences = k == 0 ? out.consequences : NULL;
        item->needs = edit->needs_previous ? (ptrdiff_t)plan->nitems - 2 : -1;
        fill_edit(item, &in, edit, in.docs[edit->doc]);
        struct op_input own = in; /* as seen from the record that is written */
        if (edit->doc) {
            own.docs[0] = in.docs[1];
            own.activity = &e->other_activity[i];
        }
        if (edit->kind == EDIT_WRITE && in.docs[1]) {
            item->source = in.docs[!edit->doc];
            item->source_store = edit->doc ? plan->request.store : plan->request.other_store;
        }
        plan_judge(item, &own, plan->request.force);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static int record_cmp(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Two edits of one record would be made from the same version: the second could only fail. */
static bool check_once(const struct plan_request *request, struct err *err)
{
    struct arena a = ARENA_INIT;
    struct str *ids = arena_array(&a, struct str, request->nrecords);
    for (size_t i = 0; i < request->nrecords; i++)
        ids[i] = request->records[i].id;
    qsort(ids, request->nrecords, sizeof *ids, record_cmp);
    bool ok = true;
    for (size_t i = 1; ok && i < request->nrecords; i++) {
        if (str_eq(ids[i], ids[i - 1]))
            ok = err_set(err, ERR_INVALID, "%.*s: named twice", STR_ARG(ids[i]));
    }
    arena_release(&a);
    return ok;
}

bool plan_make(const struct plan_request *request, const struct call *call, struct plan **ret,
               struct err *err)
{
    if (!check_once(request, err))
        return false;
    struct plan *plan = plan_new(request->verb, request->reason);
    copy_request(plan, request);
    struct evidence evidence = {0};
    size_t cap = request->nrecords; /* one item each, as a rule */
    plan->items = arena_array(&plan->arena, struct plan_item, cap);
    if (!gather(plan, call, &evidence, err)) {
        plan_free(plan);
        return false;
    }
    for (size_t i = 0; i < request->nrecords; i++)
        items_of_record(plan, &cap, &evidence, i);
    if (request->nrecords == 1 && plan->items[0].err.kind == ERR_NOT_FOUND) {
        *err = plan->items[0].err;
        plan_free(plan);
        return false;
    }
    plan_finish(plan);
    *ret = plan;
    return true;
}

int plan_exit(const struct plan *plan, bool applied)
{
    size_t good = plan_count(plan, applied ? OUTCOME_APPLIED : OUTCOME_PLANNED) +
                  plan_count(plan, OUTCOME_UNCHANGED) + plan_count(plan, OUTCOME_SET_ASIDE);
    if (good == plan->nitems) {
        for (size_t i = 0; applied && i < plan->nitems; i++) {
            if (plan->items[i].outcome == OUTCOME_APPLIED && !plan->items[i].verified)
                return err_kind_exit(ERR_INTERNAL);
        }
        return 0;
    }
    if (applied && plan_count(plan, OUTCOME_APPLIED))
        return 9;
    if (!applied && good)
        return 0; /* a plan that leaves some out is still a plan */
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].err.kind != ERR_NONE)
            return err_kind_exit(plan->items[i].err.kind);
    }
    return err_kind_exit(ERR_INTERNAL);
}
