/* Saved plans: what `apply FILE` takes. No stored document and no credential stands in one. */
#include "core/plan_parts.h"

#include "core/output.h"

#include <stdio.h>
#include <string.h>

enum { FORMAT = 1 };

static void set_hex(json_t *o, const char *key, const void *p, size_t len)
{
    char hex[2 * SHA256_LEN + 1];
    hex_encode(p, len, hex);
    json_object_set_new(o, key, json_string(hex));
}

/* --- saving ----------------------------------------------------------------------------------- */

static json_t *args_json(struct op_args args)
{
    json_t *list = json_array();
    for (size_t i = 0; i < args.n; i++) {
        json_t *arg = json_object();
        json_object_set_new(arg, "name", json_string(args.items[i].name));
        json_object_set_new(arg, "value", output_id(args.items[i].value));
        json_array_append_new(list, arg);
    }
    return list;
}

json_t *plan_request_json(const struct plan *plan)
{
    const struct plan_request *r = &plan->request;
    json_t *o = json_object(), *records = json_array();
    json_object_set_new(o, "verb", json_string(plan->verb));
    if (plan->undoes) {
        json_object_set_new(o, "undoes", json_string(plan->undoes_id));
    } else if (*plan->restores_id) {
        json_object_set_new(o, "restores", json_string(plan->restores_id));
        json_object_set_new(o, "before", json_boolean(plan->restores_before));
        json_object_set_new(o, "id", output_id(plan->items[0].id));
    } else if (r->op) {
        json_object_set_new(o, "op", json_string(r->op->verb));
        json_object_set_new(o, "args", args_json(r->args));
        for (size_t i = 0; i < r->nrecords; i++) {
            json_t *record = json_object();
            json_object_set_new(record, "id", output_id(r->records[i].id));
            json_object_set_new(record, "label", output_id(r->records[i].label));
            json_object_set_new(record, "other", output_id(r->records[i].other_id));
            json_object_set_new(record, "args", args_json(r->records[i].args));
            json_array_append_new(records, record);
        }
    } else {
        for (size_t i = 0; i < plan->nitems; i++) {
            uint8_t digest[SHA256_LEN];
            json_t *lock = json_object();
            json_object_set_new(lock, "id", output_id(plan->items[i].id));
            sha256_of(plan->items[i].lock_token, digest);
            set_hex(lock, "token", digest, sizeof digest);
            json_array_append_new(records, lock);
        }
    }
    json_object_set_new(o, "records", records);
    json_object_set_new(o, "force", json_boolean(r->force));
    json_object_set_new(o, "reason", output_text(r->reason));
    return o;
}

static json_t *item_frozen(const struct plan_item *item)
{
    json_t *o = json_object(), *versions = json_array();
    for (size_t i = 0; i < store_system(item->store->store)->nparts; i++) {
        char hex[2 * SHA256_LEN + 1];
        hex_encode(item->expect[i].sha, SHA256_LEN, hex);
        json_array_append_new(versions, json_string(hex));
    }
    uint8_t digest[SHA256_LEN];
    value_digest(item->after, item->after, digest);
    json_object_set_new(o, "id", output_id(item->id));
    json_object_set_new(o, "kind", json_integer(item->kind));
    json_object_set_new(o, "outcome", json_string(outcome_name(item->outcome)));
    if (item->included)
        json_object_set_new(o, "included", json_true());
    json_object_set_new(o, "versions", versions);
    set_hex(o, "after", digest, sizeof digest);
    return o;
}

json_t *plan_save(const struct plan *plan)
{
    const struct plan_request *r = &plan->request;
    json_t *o = plan_json(plan), *frozen = json_array(), *kinds = json_array();
    for (size_t i = 0; i < plan->nitems; i++)
        json_array_append_new(frozen, item_frozen(&plan->items[i]));
    for (const struct consequence *c = plan->consequences; c; c = c->next) {
        json_t *kind = json_object();
        json_object_set_new(kind, "code", json_string(c->code));
        json_object_set_new(kind, "level", json_integer(c->level));
        json_array_append_new(kinds, kind);
    }
    json_t *saved = json_object();
    json_object_set_new(saved, "format", json_integer(FORMAT));
    json_object_set_new(saved, "system", json_string(store_system(r->store->store)->name));
    json_object_set_new(saved, "store", output_text(store_info(r->store->store)->identity));
    struct open_store *other = r->other_store ? r->other_store : r->store;
    json_object_set_new(saved, "other_store", output_text(store_info(other->store)->identity));
    json_object_set_new(saved, "request", plan_request_json(plan));
    json_object_set_new(saved, "items", frozen);
    json_object_set_new(saved, "consequences", kinds);
    json_object_set_new(o, "saved", saved);
    return o;
}

/* --- loading: the plan is made again and compared --------------------------------------------- */

static bool damaged(struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "saved plan: %s is missing or of the wrong kind", what);
}

static bool read_id(struct arena *a, json_t *json, struct str *ret, struct err *err)
{
    if (json_is_null(json)) {
        *ret = STR_NULL;
        return true;
    }
    if (!json_is_string(json))
        return damaged(err, "an id");
    struct str text = {json_string_value(json), json_string_length(json)};
    return output_id_parse(a, text, ret, err);
}

static bool read_args(struct arena *a, json_t *list, struct op_args *ret, struct err *err)
{
    size_t n = json_array_size(list);
    struct op_arg *items = arena_array(a, struct op_arg, n);
    for (size_t i = 0; i < n; i++) {
        json_t *arg = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(arg, "name"));
        if (!name || !read_id(a, json_object_get(arg, "value"), &items[i].value, err) ||
            !items[i].value.ptr)
            return damaged(err, "an argument");
        items[i].name = arena_cstr(a, str_of(name));
    }
    *ret = (struct op_args){items, n};
    return true;
}

static bool read_records(struct arena *a, json_t *list, struct plan_request *r, struct err *err)
{
    r->nrecords = json_array_size(list);
    struct plan_record *records = arena_array(a, struct plan_record, r->nrecords);
    for (size_t i = 0; i < r->nrecords; i++) {
        json_t *record = json_array_get(list, i);
        if (!read_id(a, json_object_get(record, "id"), &records[i].id, err) ||
            !read_id(a, json_object_get(record, "label"), &records[i].label, err) ||
            !read_id(a, json_object_get(record, "other"), &records[i].other_id, err) ||
            !read_args(a, json_object_get(record, "args"), &records[i].args, err))
            return false;
        if (!records[i].id.ptr)
            return damaged(err, "an id");
    }
    r->records = records;
    return true;
}

static bool make_break(json_t *records, struct plan_request *r, const struct call *call,
                       struct arena *a, struct plan **ret, struct err *err)
{
    size_t n = json_array_size(records);
    struct lock *locks = arena_array(a, struct lock, n);
    for (size_t i = 0; i < n; i++) {
        json_t *record = json_array_get(records, i);
        struct str id;
        if (!read_id(a, json_object_get(record, "id"), &id, err))
            return false;
        struct lock *now;
        if (!store_locks(r->store->store, &id, 1, call, a, &now, err))
            return false;
        if (!now)
            return err_set(err, ERR_CONFLICT, "lock %.*s: was released since the plan was made",
                           STR_ARG(id));
        uint8_t digest[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];
        sha256_of(now->token, digest);
        hex_encode(digest, sizeof digest, hex);
        const char *was = json_string_value(json_object_get(record, "token"));
        if (!was || strcmp(was, hex) != 0)
            return err_set(err, ERR_CONFLICT, "lock %.*s: changed hands since the plan was made",
                           STR_ARG(id));
        locks[i] = *now;
    }
    return plan_break(r->store, locks, n, r->reason, r->force, ret, err);
}

bool plan_request_read(json_t *request, struct arena *a, struct plan_request *r, struct err *err)
{
    const char *verb = json_string_value(json_object_get(request, "op"));
    const char *said = json_string_value(json_object_get(request, "verb"));
    json_t *records = json_object_get(request, "records");
    json_t *reason = json_object_get(request, "reason");
    if (!said || !json_is_array(records))
        return damaged(err, "the request");
    r->verb = arena_cstr(a, str_of(said));
    r->force = json_is_true(json_object_get(request, "force"));
    if (json_is_string(reason))
        r->reason = arena_str(a, str_of(json_string_value(reason)));
    if (!verb)
        return true;
    r->op = system_op(store_system(r->store->store), verb);
    if (!r->op)
        return err_set(err, ERR_INVALID, "saved plan: no operation '%s' on %s", verb,
                       store_system(r->store->store)->records);
    return read_args(a, json_object_get(request, "args"), &r->args, err) &&
           read_records(a, records, r, err);
}

/* A saved plan that comes from a journal entry: `name` is "undoes" or "restores". */
static bool entry_of(json_t *request, const char *name, struct journal *journal, struct arena *a,
                     struct journal_entry *ret, struct err *err)
{
    const char *id = json_string_value(json_object_get(request, name));
    if (!journal)
        return err_set(err, ERR_UNAVAILABLE, "saved plan: %s %s, and no journal is open", name, id);
    return journal_load(journal, a, str_of(id), ret, err);
}

static bool make_again(json_t *saved, struct plan_request *r, struct open_store *stores,
                       size_t nstores, struct journal *journal, const struct call *call,
                       struct arena *a, struct plan **ret, struct err *err)
{
    json_t *request = json_object_get(saved, "request");
    struct journal_entry entry;
    struct str id;
    if (!plan_request_read(request, a, r, err))
        return false;
    if (json_is_string(json_object_get(request, "undoes")))
        return entry_of(request, "undoes", journal, a, &entry, err) &&
               plan_undo(&entry, stores, nstores, r->reason, call, ret, err);
    if (json_is_string(json_object_get(request, "restores"))) {
        const char *said = json_string_value(json_object_get(request, "id"));
        return (said || damaged(err, "the request")) &&
               output_id_parse(a, str_of(said), &id, err) &&
               entry_of(request, "restores", journal, a, &entry, err) &&
               plan_restore(&entry, id, json_is_true(json_object_get(request, "before")), stores,
                            nstores, r->reason, call, ret, err);
    }
    if (!r->op)
        return make_break(json_object_get(request, "records"), r, call, a, ret, err);
    return plan_make(r, call, ret, err);
}

/* The name that people read and confirm must be the record's, not one that the file gives it. */
static bool check_labels(const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        struct str label = item->before ? item->before->label : STR_NULL;
        if (str_eq(item->label, item->id) || !label.len || str_eq(item->label, label))
            continue;
        return err_set(err, ERR_CONFLICT, "plan is stale: it names %.*s, which is %.*s now",
                       STR_ARG(item->label), STR_ARG(label));
    }
    return true;
}

static bool is_frozen_as(json_t *was, const struct plan_item *item)
{
    json_t *id = output_id(item->id);
    bool same = json_equal(id, json_object_get(was, "id"));
    json_decref(id);
    return same;
}

/* What the operator decided about single items: left out of an undo, set aside, included. */
static void decide_again(struct plan *plan, json_t *frozen)
{
    size_t left = json_array_size(frozen);
    for (size_t i = plan->undoes ? plan->nitems : 0; i-- > 0;) {
        if (left && is_frozen_as(json_array_get(frozen, left - 1), &plan->items[i]))
            left--;
        else if (i < plan->nitems)
            plan_drop(plan, i);
    }
    for (size_t i = 0; i < plan->nitems; i++) {
        json_t *was = json_array_get(frozen, i);
        const char *outcome = json_string_value(json_object_get(was, "outcome"));
        if (outcome && strcmp(outcome, outcome_name(OUTCOME_SET_ASIDE)) == 0)
            plan_put_aside(plan, i);
        plan->items[i].included = json_is_true(json_object_get(was, "included"));
    }
    plan_finish(plan);
}

static const char *text_at(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

/* The first place of the plan where the record holds another value than it did, with both values.
 * `then` and `now` are the item as plan_json shows it. */
static bool stale_item(const struct plan_item *item, json_t *then, json_t *now, struct err *err)
{
    json_t *was = json_object_get(then, "diff"), *is = json_object_get(now, "diff");
    for (size_t i = 0; i < json_array_size(was); i++) {
        json_t *old = json_array_get(was, i);
        for (size_t k = 0; k < json_array_size(is); k++) {
            json_t *found = json_array_get(is, k);
            if (strcmp(text_at(old, "path"), text_at(found, "path")) == 0 &&
                !json_equal(json_object_get(old, "old"), json_object_get(found, "old")))
                return err_set(err, ERR_CONFLICT,
                               "plan is stale: %.*s: changed since the plan was made: %s was %s, "
                               "is %s",
                               STR_ARG(item->label), text_at(old, "path"), text_at(old, "old"),
                               text_at(found, "old"));
        }
    }
    if (item->outcome == OUTCOME_UNCHANGED)
        return err_set(err, ERR_CONFLICT,
                       "plan is stale: %.*s: changed since the plan was made: it is already so",
                       STR_ARG(item->label));
    if (!item->before_text.ptr)
        return err_set(err, ERR_CONFLICT, "plan is stale: %.*s: changed since the plan was made",
                       STR_ARG(item->label));
    return err_set(err, ERR_CONFLICT,
                   "plan is stale: %.*s: changed since the plan was made: was %s, is %s",
                   STR_ARG(item->label), text_at(then, "before"), text_at(now, "before"));
}

static bool compare_versions(const struct plan *plan, json_t *frozen, json_t *shown,
                             struct err *err)
{
    bool same = true;
    json_t *all = plan_json(plan), *now = json_object_get(all, "results");
    for (size_t i = 0; same && i < plan->nitems; i++) {
        json_t *is = item_frozen(&plan->items[i]);
        same = json_equal(json_object_get(is, "versions"),
                          json_object_get(json_array_get(frozen, i), "versions")) ||
               stale_item(&plan->items[i], json_array_get(shown, i), json_array_get(now, i), err);
        json_decref(is);
    }
    json_decref(all);
    return same;
}

static bool compare_items(const struct plan *plan, json_t *frozen, json_t *shown, struct err *err)
{
    if (json_array_size(frozen) != plan->nitems)
        return err_set(err, ERR_CONFLICT, "plan is stale: %zu items then, %zu now",
                       json_array_size(frozen), plan->nitems);
    if (!compare_versions(plan, frozen, shown, err))
        return false;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        json_t *now = item_frozen(item), *then = json_array_get(frozen, i);
        const char *what = NULL;
        if (!json_equal(json_object_get(now, "outcome"), json_object_get(then, "outcome")))
            what = item->err.kind != ERR_NONE ? item->err.text : "what can be done differs now";
        else if (!json_equal(now, then))
            what = "the effect differs now";
        json_decref(now);
        if (what)
            return err_set(err, ERR_CONFLICT, "plan is stale: %.*s: %s", STR_ARG(item->label),
                           what);
    }
    return true;
}

/* Consequences may vanish, but none may be new, or worse than it was. */
static bool compare_consequences(const struct plan *plan, json_t *then, struct err *err)
{
    for (const struct consequence *c = plan->consequences; c; c = c->next) {
        bool known = false;
        for (size_t i = 0; i < json_array_size(then); i++) {
            json_t *was = json_array_get(then, i);
            const char *code = json_string_value(json_object_get(was, "code"));
            known = known ||
                    (code && strcmp(code, c->code) == 0 &&
                     json_integer_value(json_object_get(was, "level")) >= (json_int_t)c->level);
        }
        if (!known)
            return err_set(err, ERR_CONFLICT, "plan is stale: new since it was made: %.*s",
                           STR_ARG(c->text));
    }
    return true;
}

static bool compare_server(const struct plan *plan, json_t *file, struct err *err)
{
    struct str server = store_info(plan->request.store->store)->server;
    json_t *then = json_object_get(file, "server"), *now = output_text(server);
    bool same = json_equal(then, now);
    json_decref(now);
    if (same)
        return true;
    return err_set(err, ERR_CONFLICT, "plan was made on another server: %s then, %.*s now",
                   json_is_string(then) ? json_string_value(then) : "(unknown)", STR_ARG(server));
}

static const char stale_hint[] = "look at it again and make a new plan";

/* No plan is made for a record that is not there: it has gone since this one was. */
static void tell_not_made(const struct err *why, struct err *err)
{
    if (why->kind == ERR_NOT_FOUND) {
        err_set(err, ERR_CONFLICT, "plan is stale: %s", why->text);
        err_hint(err, stale_hint);
    } else if (err) {
        *err = *why;
    }
}

bool plan_load(json_t *saved, struct open_store *stores, size_t nstores, struct journal *journal,
               const struct call *call, struct plan **ret, struct err *err)
{
    json_t *frozen = json_object_get(saved, "saved");
    if (json_integer_value(json_object_get(frozen, "format")) != FORMAT)
        return err_set(err, ERR_INVALID,
                       "saved plan: not a plan of penstock, or of another "
                       "version");
    const char *identity = json_string_value(json_object_get(frozen, "store"));
    const char *other = json_string_value(json_object_get(frozen, "other_store"));
    struct plan_request r = {.store = plan_find_store(stores, nstores, str_of(identity)),
                             .other_store = plan_find_store(stores, nstores, str_of(other))};
    if (!r.store || !r.other_store) {
        err_set(err, ERR_CONFLICT, "saved plan: its store %s is not open",
                !r.store && identity ? identity
                : other              ? other
                                     : "(unnamed)");
        return err_hint(err, "name it with -t");
    }
    struct arena a = ARENA_INIT;
    struct plan *plan = NULL;
    struct err why = {0};
    bool ok = make_again(frozen, &r, stores, nstores, journal, call, &a, &plan, &why);
    arena_release(&a);
    if (!ok)
        tell_not_made(&why, err);
    if (ok)
        decide_again(plan, json_object_get(frozen, "items"));
    if (ok && compare_server(plan, saved, err) && check_labels(plan, err) &&
        compare_items(plan, json_object_get(frozen, "items"), json_object_get(saved, "results"),
                      err) &&
        compare_consequences(plan, json_object_get(frozen, "consequences"), err)) {
        const char *id = json_string_value(json_object_get(saved, "plan_id"));
        if (id)
            snprintf(plan->id, sizeof plan->id, "%s", id);
        *ret = plan;
        return true;
    }
    if (ok)
        err_hint(err, stale_hint);
    plan_free(plan);
    return false;
}
