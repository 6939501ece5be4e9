/* Plans as text: JSON for people's scripts, the saved form, and the equivalent command line. */
#include "core/plan_parts.h"

#include "core/output.h"

#include <string.h>

enum { SHOWN_VALUE = 200 }; /* cli.md: longer ones as size and hash */

/* --- the equivalent command ------------------------------------------------------------------ */

static void add_word(struct sbuf *out, struct arena *a, struct str word)
{
    sbuf_char(out, ' ');
    sbuf_str(out, shell_quote(a, word));
}

static void add_id(struct sbuf *out, struct arena *a, struct str id)
{
    sbuf_char(out, ' ');
    sbuf_str(out, output_id_word(a, id));
}

static bool is_positional(const struct op *op, const char *name)
{
    for (const struct op_option *o = op ? op->options : NULL; o && o->name; o++) {
        if (strcmp(o->name, name) == 0)
            return o->kind == OPTION_POSITIONAL;
    }
    return false;
}

/* An alias says some arguments by its name: `reset` is `rollback --full`. */
static bool is_said_by_verb(const struct plan *plan, const struct op_arg *arg)
{
    const struct plan_request *r = &plan->request;
    const struct action *action = plan->system->actions;
    if (strcmp(plan->verb, r->op->verb) == 0)
        return false;
    for (; action && action->key; action++) {
        if (strcmp(action->verb, plan->verb) != 0 || strcmp(action->op, r->op->verb) != 0)
            continue;
        for (size_t i = 0; i < 4 && action->args[i][0]; i++) {
            if (strcmp(action->args[i][0], arg->name) == 0 &&
                str_is(arg->value, action->args[i][1]))
                return true;
        }
    }
    return false;
}

static void add_args(struct sbuf *out, struct plan *plan, struct op_args args, bool positional)
{
    struct arena *a = &plan->arena;
    const struct op *op = plan->request.op;
    for (size_t i = 0; i < args.n; i++) {
        if (is_positional(op, args.items[i].name) != positional ||
            is_said_by_verb(plan, &args.items[i]))
            continue;
        if (!positional)
            sbuf_printf(out, " --%s", args.items[i].name);
        if (positional || args.items[i].value.len)
            add_word(out, a, args.items[i].value);
    }
}

/* The records of the request without those that are set aside. */
static struct plan_record *records_to_do(struct plan *plan, size_t *ret_n)
{
    const struct plan_request *r = &plan->request;
    struct plan_record *records = arena_array(&plan->arena, struct plan_record, r->nrecords);
    bool *aside = arena_array(&plan->arena, bool, r->nrecords);
    size_t n = 0;
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome == OUTCOME_SET_ASIDE)
            aside[plan->items[i].record] = true;
    }
    for (size_t i = 0; i < r->nrecords; i++) {
        if (!aside[i])
            records[n++] = r->records[i];
    }
    *ret_n = n;
    return records;
}

static void add_records(struct sbuf *out, struct plan *plan, const struct plan_record *records,
                        size_t n)
{
    enum { MANY = 20 };
    struct arena *a = &plan->arena;
    const struct op *op = plan->request.op;
    if (n > MANY) {
        sbuf_cstr(out, " --from FILE");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        add_id(out, a, records[i].id);
        if (!records[i].other_id.ptr)
            continue;
        if (op->second && !is_positional(op, op->second))
            sbuf_printf(out, " --%s", op->second);
        add_id(out, a, records[i].other_id);
    }
}

static void add_target(struct sbuf *out, struct plan *plan)
{
    const struct target *target = &plan->request.store->target;
    sbuf_cstr(out, "penstock -t");
    add_word(out, &plan->arena,
             target->name ? str_of(target->name) : str_of(target->address.identity));
    if (target->env == ENV_PROD)
        sbuf_cstr(out, " --write");
}

static void add_reason(struct sbuf *out, struct plan *plan)
{
    if (!plan->request.reason.ptr)
        return;
    sbuf_cstr(out, " --reason");
    add_word(out, &plan->arena, plan->request.reason);
}

static void add_change(struct sbuf *out, struct plan *plan, const struct plan_record *records,
                       size_t n)
{
    const struct plan_request *r = &plan->request;
    add_target(out, plan);
    sbuf_printf(out, " %s %s", plan->system->noun, plan->verb);
    add_records(out, plan, records, n);
    add_args(out, plan, r->args, true);
    for (size_t i = 0; i < n; i++)
        add_args(out, plan, records[i].args, true);
    add_args(out, plan, r->args, false);
    if (r->other_store && r->other_store != r->store) {
        sbuf_cstr(out, " --to");
        add_word(out, &plan->arena, str_of(r->other_store->target.name));
    }
    add_reason(out, plan);
}

/* What each record is asked for differs: a command for each. */
static void add_changes(struct sbuf *out, struct plan *plan)
{
    size_t n;
    const struct plan_record *records = records_to_do(plan, &n);
    size_t step = n > 1 && records[0].args.n ? 1 : n;
    for (size_t i = 0; i < n; i += step) {
        if (i)
            sbuf_cstr(out, " && ");
        add_change(out, plan, &records[i], step);
    }
}

/* The documents of an import stand in a file, whose name is not the plan's to know. */
static void add_import(struct sbuf *out, struct plan *plan)
{
    add_target(out, plan);
    sbuf_printf(out, " %s import FILE", plan->system->noun);
    add_args(out, plan, plan->request.args, false);
    add_reason(out, plan);
}

struct str plan_command(struct plan *plan)
{
    enum { LONGEST = 16384 }; /* beyond that it is a document in the way of the plan */
    struct arena *a = &plan->arena;
    const struct plan_request *r = &plan->request;
    if (!r->store || plan->partial)
        return STR_NULL; /* no command undoes some of an entry */
    struct sbuf out = SBUF_INIT;
    if (r->op && !plan->undoes && strcmp(plan->verb, "import") == 0)
        add_import(&out, plan);
    else if (r->op && !plan->undoes)
        add_changes(&out, plan);
    else {
        add_target(&out, plan);
        if (plan->undoes)
            sbuf_printf(&out, " journal %s %s", plan->verb, plan->undoes_id);
        else if (*plan->restores_id)
            sbuf_printf(&out, " %s restore", plan->system->noun);
        else
            sbuf_cstr(&out, " lock break");
        for (size_t i = 0; i < plan->nitems && !plan->undoes; i++)
            add_id(&out, a, plan->items[i].id);
        if (*plan->restores_id)
            sbuf_printf(&out, " --entry %s%s", plan->restores_id,
                        plan->restores_before ? " --before" : "");
        add_reason(&out, plan);
    }
    struct str command = out.len > LONGEST ? STR_NULL : arena_str(a, sbuf_view(&out));
    sbuf_release(&out);
    return command;
}

/* --- the fields of cli.md -------------------------------------------------------------------- */

static json_t *value_json(const struct value *v)
{
    if (!v)
        return json_null();
    struct arena a = ARENA_INIT;
    struct str text = value_repr(&a, v, SHOWN_VALUE + 1);
    json_t *json;
    if (text.len <= SHOWN_VALUE) {
        json = output_text(text);
    } else {
        uint8_t digest[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];
        value_digest(v, v, digest);
        hex_encode(digest, sizeof digest, hex);
        json = json_sprintf("%s of %zu, sha256 %.12s", value_type_name(v->type),
                            v->type == VALUE_STR ? v->text.len : value_count(v), hex);
    }
    arena_release(&a);
    return json;
}

static json_t *diff_json(const struct plan_item *item)
{
    json_t *list = json_array();
    for (size_t i = 0; i < item->ndiff; i++) {
        json_t *change = json_object();
        json_object_set_new(change, "path", output_text(item->diff[i].path));
        json_object_set_new(change, "old", value_json(item->diff[i].before));
        json_object_set_new(change, "new", value_json(item->diff[i].after));
        json_array_append_new(list, change);
    }
    return list;
}

static json_t *words_json(const struct plan_item *item)
{
    json_t *list = json_array();
    for (size_t i = 0; i < item->nwords; i++) {
        json_t *change = json_object();
        json_object_set_new(change, "what", json_string(item->words[i].what));
        json_object_set_new(change, "old", output_text(item->words[i].old));
        json_object_set_new(change, "new", output_text(item->words[i].new));
        json_array_append_new(list, change);
    }
    return list;
}

static json_t *item_detail(const struct plan_item *item)
{
    if (item->err.kind != ERR_NONE)
        return output_text(str_of(item->err.text));
    return output_text(item->detail);
}

static json_t *item_json(const struct plan_item *item)
{
    json_t *o = json_object();
    json_object_set_new(o, "store", output_text(store_info(item->store->store)->identity));
    json_object_set_new(o, "object", output_id(item->label));
    json_object_set_new(o, "id", output_id(item->id));
    json_object_set_new(o, "before", output_text(item->before_text));
    json_object_set_new(o, "after", output_text(item->after_text));
    json_object_set_new(o, "changes", words_json(item));
    json_object_set_new(o, "diff", diff_json(item));
    json_object_set_new(o, "diff_cut", json_boolean(item->diff_more));
    json_object_set_new(o, "writer", json_string(writer_name(item->writer.verdict)));
    json_object_set_new(o, "writer_detail", output_text(item->writer.why));
    json_object_set_new(o, "outcome", json_string(outcome_name(item->outcome)));
    json_object_set_new(o, "error",
                        item->err.kind == ERR_NONE ? json_null()
                                                   : json_string(err_kind_name(item->err.kind)));
    json_object_set_new(o, "hint",
                        output_text(item->err.hint[0] ? str_of(item->err.hint) : STR_NULL));
    json_object_set_new(o, "verified", json_boolean(item->verified));
    json_object_set_new(o, "effective",
                        json_boolean(item->effective && item->outcome == OUTCOME_APPLIED));
    json_object_set_new(o, "waits_for", output_text(item->effective ? STR_NULL : item->waits_for));
    json_object_set_new(o, "undo_scope", json_string(undo_scope_name(item->undo)));
    json_object_set_new(o, "detail", item_detail(item));
    return o;
}

json_t *plan_json(const struct plan *plan)
{
    json_t *o = json_object(), *consequences = json_array(), *results = json_array();
    for (const struct consequence *c = plan->consequences; c; c = c->next)
        json_array_append_new(consequences, output_text(c->text));
    for (size_t i = 0; i < plan->nitems; i++)
        json_array_append_new(results, item_json(&plan->items[i]));
    const struct open_store *store = plan->request.store;
    json_object_set_new(o, "plan_id", json_string(plan->id));
    json_object_set_new(o, "journal_id",
                        plan->journal_id[0] ? json_string(plan->journal_id) : json_null());
    json_object_set_new(o, "target", store ? output_text(str_of(store->target.name)) : json_null());
    json_object_set_new(o, "server",
                        store ? output_text(store_info(store->store)->server) : json_null());
    json_object_set_new(o, "verb", json_string(plan->verb));
    json_object_set_new(o, "consequences", consequences);
    json_object_set_new(o, "confirm", output_text(plan->confirm));
    json_object_set_new(o, "needs_reason", json_boolean(plan->needs_reason));
    json_object_set_new(o, "results", results);
    json_object_set_new(o, "undo", json_boolean(plan->undo != UNDO_NONE));
    json_object_set_new(o, "undo_scope", json_string(undo_scope_name(plan->undo)));
    json_object_set_new(o, "read_at", output_time(plan->read_at_us));
    json_object_set_new(o, "note", output_text(plan->note));
    json_object_set_new(o, "same_as", output_text(plan->equivalent));
    return o;
}
