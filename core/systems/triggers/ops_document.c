/* Operations on whole sessions: edit and set as JSON, copy, clear; and who would collide. */
#include "core/json.h"
#include "core/system.h"
#include "core/systems/triggers/ops.h"

enum { NODES_MAX = 4000000 }; /* looked at for one edit */

/* --- what JSON lacks ------------------------------------------------------------------------- */

/* Objects that the JSON text shows as {"$python": n, "is": "..."}, in the order of
 * json_write_python: everything that is no JSON, and dicts with a key that is no text, as a whole.
 */
struct opaque {
    struct arena *arena;
    const struct value **nodes;
    size_t n, room;
    size_t seen;
};

static bool is_opaque(const struct value *v)
{
    if (v->type > VALUE_DICT)
        return true;
    for (size_t i = 0; v->type == VALUE_DICT && i < v->dict.n; i++) {
        if (v->dict.pairs[i].key->type != VALUE_STR)
            return true;
    }
    return false;
}

static void collect(struct opaque *o, const struct value *v)
{
    if (!v || o->seen++ >= NODES_MAX)
        return;
    if (is_opaque(v)) {
        o->nodes = arena_grow(o->arena, o->nodes, o->n, &o->room, sizeof *o->nodes);
        o->nodes[o->n++] = v;
        return;
    }
    for (size_t i = 0; v->type == VALUE_DICT && i < v->dict.n; i++)
        collect(o, v->dict.pairs[i].val);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->list.n; i++)
        collect(o, v->list.items[i]);
}

/* The words that the text shows for an object. */
static struct str shown_as(struct arena *arena, const struct value *node)
{
    struct sbuf out = SBUF_INIT;
    const struct value *marker = NULL;
    struct err ignored = {0};
    if (json_write_python(&out, node, JSON_PYTHON, &ignored))
        json_read_input(arena, arena_str(arena, sbuf_view(&out)), &marker, &ignored);
    sbuf_release(&out);
    return text_or(value_get(marker, "is"), STR_NULL);
}

static bool resolve_marker(const struct opaque *o, const struct value *marker,
                           const struct value **ret, struct err *err)
{
    uint64_t n;
    if (!value_to_u64(value_get(marker, "$python"), &n) || n >= o->n)
        return err_set(err, ERR_INVALID, "\"$python\" names no object of the session");
    struct str is = text_or(value_get(marker, "is"), STR_NULL);
    if (is.ptr && !str_eq(is, shown_as(o->arena, o->nodes[n]))) {
        err_set(err, ERR_INVALID, "object %llu of \"$python\" was changed", (unsigned long long)n);
        return err_hint(err, "what JSON cannot hold may be moved or removed, not changed");
    }
    *ret = o->nodes[n];
    return true;
}

/* Puts the objects back where their markers stand. */
static bool resolve(const struct opaque *o, const struct value *v, const struct value **ret,
                    struct err *err)
{
    struct arena *arena = o->arena;
    if (value_get(v, "$python"))
        return resolve_marker(o, v, ret, err);
    size_t n = value_count(v);
    if (v->type == VALUE_DICT) {
        struct value_pair *pairs = arena_array(arena, struct value_pair, n);
        for (size_t i = 0; i < n; i++) {
            pairs[i].key = v->dict.pairs[i].key;
            if (!resolve(o, v->dict.pairs[i].val, &pairs[i].val, err))
                return false;
        }
        *ret = value_dict(arena, pairs, n);
    } else if (v->type == VALUE_LIST) {
        const struct value **items = arena_array(arena, const struct value *, n);
        for (size_t i = 0; i < n; i++) {
            if (!resolve(o, v->list.items[i], &items[i], err))
                return false;
        }
        *ret = value_list(arena, VALUE_LIST, items, n);
    } else {
        *ret = v;
    }
    return true;
}

/* The new tree with every node of the old one that did not change: so tokens, sharing and Python's
 * own types stay as they were. */
static const struct value *reconcile(struct arena *arena, const struct value *old,
                                     const struct value *new)
{
    if (!old || old == new)
        return new;
    if (value_equal(old, new))
        return old;
    size_t n = value_count(new);
    if (value_is_dict(old) && value_is_dict(new)) {
        struct value_pair *pairs = arena_array(arena, struct value_pair, n);
        for (size_t i = 0; i < n; i++) {
            const struct value_pair *p = &new->dict.pairs[i];
            const struct value *was =
                p->key->type == VALUE_STR ? value_get_str(old, p->key->text) : NULL;
            pairs[i] = (struct value_pair){p->key, reconcile(arena, was, p->val)};
        }
        return value_dict(arena, pairs, n);
    }
    if (value_is_list(old) && value_is_list(new)) {
        const struct value **items = arena_array(arena, const struct value *, n);
        for (size_t i = 0; i < n; i++)
            items[i] = reconcile(arena, value_at(old, i), value_at(new, i));
        return value_list(arena, VALUE_LIST, items, n);
    }
    return new;
}

/* --- edit, set ------------------------------------------------------------------------------- */

/* Root that `edit` and `set` would write, not yet checked. */
static bool op_edited_root(const struct op_input *in, const struct value **ret, struct err *err)
{
    const struct value *old = in->docs[0]->root, *typed, *part, *was = old;
    struct str text, at = STR("");
    if (!op_arg(&in->args, "json", 0, &text))
        return err_set(err, ERR_INVALID, "no JSON was given");
    op_arg(&in->args, "at", 0, &at);
    if (!json_read_input(in->arena, arena_str(in->arena, text), &typed, err))
        return false;
    struct opaque opaque = {.arena = in->arena};
    collect(&opaque, old);
    if (opaque.seen > NODES_MAX)
        return err_set(err, ERR_UNSUPPORTED, "the session is too large to be edited as a whole");
    if (!resolve(&opaque, typed, &part, err))
        return false;
    if (at.len) {
        struct err missing = {0};
        if (!value_pointer_get(old, at, &was, &missing))
            was = NULL;
        return value_pointer_with(in->arena, old, at, reconcile(in->arena, was, part), ret, err);
    }
    *ret = reconcile(in->arena, old, part);
    return true;
}

/* What an edit may do to the framework: it must still load, and count its instances right. */
static bool check_edited(const struct op_input *in, const struct session *old,
                         const struct session *new, struct op_output *out, struct err *err)
{
    if (new->defect.kind) {
        err_set(err, ERR_REFUSED, "the framework could not load it: %s", new->defect.text);
        return false;
    }
    if (!new->ntasks && old->ntasks)
        return err_set(err, ERR_REFUSED, "without tasks the framework drops all instances");
    for (size_t i = 0; i < new->ninstances; i++) {
        const struct instance *was = session_instance(old, new->instances[i].name);
        if (new->instances[i].hazard && !(was && was->hazard))
            return err_set(err, ERR_REFUSED, "%.*s: %s", STR_ARG(new->instances[i].name),
                           new->instances[i].hazard);
    }
    for (size_t t = 0; t < new->ntasks; t++) {
        struct str next = task_next_name(in->arena, &new->tasks[t]);
        if (!session_instance(new, next))
            continue;
        op_consequence(out, in->arena, "name_collision", LEVEL_DANGER,
                       "the next instance of %.*s will overwrite %.*s: the framework names by "
                       "counting",
                       STR_ARG(new->tasks[t].name), STR_ARG(next));
        out->typed = true;
    }
    return true;
}

static bool edit_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    const struct value *root;
    struct session old, new;
    if (doc->problem.kind) {
        *err = doc->problem;
        return false;
    }
    if (!op_edited_root(in, &root, err))
        return false;
    if (value_equal(root, doc->root)) {
        out->nothing = STR("nothing was changed");
        return true;
    }
    session_read(in->arena, doc->root, &old);
    session_read(in->arena, root, &new);
    if (!check_edited(in, &old, &new, out, err))
        return false;
    op_consequence(out, in->arena, "no_hooks", LEVEL_NOTE,
                   "only the data changes: nothing is fired, sent or run by it");
    op_warn_expiry(in, out);
    op_edit_add(out, 0, EDIT_WRITE, root)->reads = ~0u;
    out->undo = UNDO_FULL;
    return true;
}

#define JSON_OPTIONS                                                                               \
    {.name = "json", .kind = OPTION_POSITIONAL, .metavar = "JSON", .help = "the new content"},     \
    {                                                                                              \
        .name = "input-file", .kind = OPTION_FILE, .into = "json", .metavar = "FILE",              \
        .help = "read it from a file"                                                              \
    }

static const struct op_option edit_options[] = {JSON_OPTIONS, {0}};
static const struct op_option set_options[] = {
    JSON_OPTIONS,
    {.name = "at", .kind = OPTION_VALUE, .metavar = "POINTER", .help = "only this part"},
    {0},
};

const struct op session_edit = {
    .verb = "edit",
    .help = "edit the session as JSON; what JSON lacks may be moved or removed",
    .options = edit_options,
    .run = edit_run,
};
const struct op session_set = {
    .verb = "set",
    .help = "replace the session, or one part of it, by JSON",
    .options = set_options,
    .run = edit_run,
};

/* --- copy, clear ----------------------------------------------------------------------------- */

static bool copy_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct session session;
    if (!op_session(in, &session, err))
        return false;
    if (!in->docs[1]->absent) {
        err_set(err, ERR_REFUSED, "session %.*s exists", STR_ARG(in->docs[1]->label));
        return err_hint(err, "clear it first, or choose another uid");
    }
    op_consequence(out, in->arena, "no_jobs", LEVEL_NOTE,
                   "jobs already sent belong to %.*s: they never touch the copy",
                   STR_ARG(in->docs[0]->label));
    op_consequence(out, in->arena, "no_expiry", LEVEL_NOTE,
                   "the copy does not expire until the framework saves it");
    op_edit_add(out, 1, EDIT_WRITE, in->docs[0]->root)->reads = ~0u;
    out->undo = UNDO_FULL;
    return true;
}

static const struct op_option copy_options[] = {
    {.name = "dst",
     .kind = OPTION_POSITIONAL,
     .needed = true,
     .metavar = "DST",
     .help = "uid of the copy"},
    {0},
};

const struct op session_copy = {
    .verb = "copy",
    .help = "copy a session to a new uid",
    .options = copy_options,
    .takes_second = true,
    .second = "dst",
    .second_absent_ok = true,
    .run = copy_run,
};

static bool clear_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    struct session session;
    if (doc->problem.kind && doc->expires_at_us != TIME_UNKNOWN &&
        doc->expires_at_us < in->now_us - doc->expires_off_us)
        return err_set(err, ERR_REFUSED,
                       "it has expired: Django takes it for gone, and no undo would bring it back");
    session_read(in->arena, doc->root, &session);
    op_consequence(out, in->arena, "session_lost", LEVEL_DANGER,
                   "the whole session goes; a later fire leaves an empty shell without its tasks");
    size_t in_flight = 0;
    for (size_t i = 0; i < session.ninstances; i++)
        in_flight += instance_in_flight(&session.instances[i]);
    if (in_flight)
        op_consequence(out, in->arena, "workers_fail", LEVEL_WARN,
                       "%zu scheduled or running: their workers fail with KeyError", in_flight);
    op_edit_add(out, 0, EDIT_REMOVE, NULL)->reads = ~0u;
    out->undo = UNDO_FULL;
    out->typed = true;
    return true;
}

const struct op session_clear = {
    .verb = "clear",
    .help = "remove a session",
    .run = clear_run,
};

/* --- live writers ---------------------------------------------------------------------------- */

static struct writer blocks(struct arena *arena, const struct instance *i)
{
    return (struct writer){WRITER_BLOCKS,
                           arena_printf(arena,
                                        "%.*s is %.*s: its worker may be alive and writes "
                                        "over this",
                                        STR_ARG(i->name), STR_ARG(i->status))};
}

/* Is this instance what the operation changes? */
static bool concerns(const struct op *op, const struct op_input *in, const struct value *edited,
                     const struct instance *i)
{
    struct str name;
    if (op == &session_clear)
        return true;
    if (edited)
        return !value_equal(field(FIELD(edited, "instances"), i->name), i->dict);
    for (size_t k = 0; op_arg(&in->args, "name", k, &name); k++) {
        if (str_eq(name, i->name))
            return op != &session_resolve_logs; /* a worker keeps that mark */
    }
    return false;
}

/* Only an instance that is itself scheduled or running collides: every save of the framework reads
 * the session again under its lock (formats/triggers.md 1.4). */
struct writer session_judge(const struct op *op, const struct op_input *in)
{
    struct session session;
    const struct value *edited = NULL;
    struct err ignored = {0};
    size_t others = 0;
    if (in->activity && in->native && in->activity->sight == ACTIVITY_BLIND)
        return (struct writer){WRITER_CANNOT_SEE, in->activity->why};
    session_read(in->arena, in->docs[0]->root, &session);
    if ((op == &session_edit || op == &session_set) && !op_edited_root(in, &edited, &ignored))
        edited = NULL;
    for (size_t i = 0; i < session.ninstances; i++) {
        const struct instance *instance = &session.instances[i];
        if (!instance_in_flight(instance))
            continue;
        if (op && concerns(op, in, edited, instance))
            return blocks(in->arena, instance);
        others++;
    }
    if (in->activity && in->activity->sight == ACTIVITY_SEEN)
        return (struct writer){
            WRITER_SAFE, arena_printf(in->arena, "%.*s by %.*s: the write waits for it",
                                      STR_ARG(in->activity->why), STR_ARG(in->activity->who))};
    if (others)
        return (struct writer){WRITER_SAFE,
                               arena_printf(in->arena, "%zu other%s scheduled or running", others,
                                            others == 1 ? "" : "s")};
    return (struct writer){WRITER_NONE_SEEN, STR_NULL};
}
