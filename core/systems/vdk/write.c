/* How every operation on a source ends: what the new document means for the job, and one edit. */
#include "core/systems/vdk/vdk.h"

#include "core/systems/vdk/properties.h"

#include <math.h>

bool vdk_editable(const struct document *doc, struct err *err)
{
    if (vdk_kind_of(doc) != VDK_SOURCE) {
        err_set(err, ERR_REFUSED, "%.*s: %s, not a source", STR_ARG(doc->id),
                vdk_kind_of(doc) == VDK_JOB ? "a job" : "a file with several jobs");
        return err_hint(err, "a source of it is JOB/SOURCE; what is damaged 'source repair' mends");
    }
    if (doc->truncated)
        return err_set(err, ERR_REFUSED, "%.*s: too large to be edited", STR_ARG(doc->id));
    if (!doc->absent && doc->problem.kind != ERR_NONE) {
        err_set(err, ERR_CORRUPT, "%.*s: %s", STR_ARG(doc->id), doc->problem.text);
        return err_hint(err, "'source repair' keeps what is whole of it");
    }
    return true;
}

bool vdk_open(const struct document *doc, struct arena *a, const struct value **ret,
              struct err *err)
{
    if (!vdk_editable(doc, err))
        return false;
    struct str damage = vdk_damage(doc->root);
    if (damage.ptr) {
        err_set(err, ERR_CORRUPT, "%.*s: %.*s", STR_ARG(doc->id), STR_ARG(damage));
        return err_hint(err, "'source repair' mends what can be told, 'source edit' the rest");
    }
    *ret = value_is_dict(doc->root) ? doc->root : value_empty_dict(a);
    return true;
}

/* --- types ------------------------------------------------------------------------------------ */

static bool is_number(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

static bool is_scalar(const struct value *v)
{
    return is_number(v) || v->type == VALUE_STR || v->type == VALUE_BOOL;
}

/* Sources compare with >: Python compares 42 with 42.5, and fails on 42 and "42" [6]. */
static bool drifts(const struct value *before, const struct value *after)
{
    if (!is_scalar(before) || !is_scalar(after) || before->type == after->type)
        return false;
    return !(before->type == VALUE_FLOAT && after->type == VALUE_INT);
}

static const struct value *keep_types(struct arena *a, const struct value *before,
                                      const struct value *after, struct str path,
                                      struct str *ret_path)
{
    if (!before || before == after)
        return after;
    if (value_is_dict(before) && value_is_dict(after)) {
        const struct value *kept = after;
        for (size_t i = 0; i < value_count(after); i++) {
            const struct value_pair *pair = &after->dict.pairs[i];
            struct str key = pair->key->text;
            const struct value *v = keep_types(a, value_get_str(before, key), pair->val,
                                               value_pointer_add(a, path, key), ret_path);
            if (v != pair->val)
                kept = value_dict_with_str(a, kept, key, v);
        }
        return kept;
    }
    if (drifts(before, after) && !ret_path->ptr)
        *ret_path = path;
    static const int64_t exact = INT64_C(1) << 53; /* up to there a float is that very number */
    int64_t n;
    if (before->type == VALUE_FLOAT && value_to_i64(after, &n) && n > -exact && n < exact)
        return value_float(a, (double)n);
    return after;
}

const struct value *vdk_keep_types(struct arena *a, const struct value *before,
                                   const struct value *after, struct str *ret_path)
{
    *ret_path = STR_NULL;
    return keep_types(a, before, after, STR(""), ret_path);
}

/* --- refusals --------------------------------------------------------------------------------- */

static bool is_service(const struct value *facts)
{
    return value_truth(value_get(facts, VDK_FACT_SERVICE));
}

/* Calls `is` for a value and all below it. `depth` 0 is the value itself. */
static bool any(const struct value *v, bool (*is)(const struct value *v))
{
    if (is(v))
        return true;
    for (size_t i = 0; value_is_list(v) && i < value_count(v); i++) {
        if (any(value_at(v, i), is))
            return true;
    }
    for (size_t i = 0; value_is_dict(v) && i < value_count(v); i++) {
        if (any(v->dict.pairs[i].val, is))
            return true;
    }
    return false;
}

static bool not_finite(const struct value *v)
{
    return v->type == VALUE_FLOAT && !isfinite(v->real);
}

/* The service drops null members of nested objects, and keeps null items of lists [2.6]. */
static bool has_null_member(const struct value *v)
{
    for (size_t i = 0; value_is_dict(v) && i < value_count(v); i++) {
        if (value_is_null(v->dict.pairs[i].val))
            return true;
    }
    return false;
}

/* A null stream makes most sources fail when they start [1.2]. */
static bool check_nulls(const struct document *before, const struct value *root, struct err *err)
{
    for (int g = 0; g < VDK_GROUPS; g++) {
        const struct value *was = value_get(before->root, vdk_groups[g]);
        const struct value *is = value_get(root, vdk_groups[g]);
        for (size_t i = 0; i < value_count(is); i++) {
            struct str name = is->dict.pairs[i].key->text;
            if (!value_is_null(is->dict.pairs[i].val) || value_is_null(value_get_str(was, name)))
                continue;
            err_set(err, ERR_REFUSED, "%.*s: null as the state of %s %.*s stops the next run",
                    STR_ARG(before->id), vdk_one[g], STR_ARG(name));
            return err_hint(err, "'source clear --%s' takes it away: it reads as {}", vdk_one[g]);
        }
    }
    return true;
}

static bool check_root(const struct document *before, const struct value *root,
                       const struct value *facts, struct err *err)
{
    struct str damage = value_is_dict(root) ? vdk_damage(root) : STR("the document is no object");
    if (damage.ptr)
        return err_set(err, ERR_REFUSED, "%.*s: this would stop every later run: %.*s",
                       STR_ARG(before->id), STR_ARG(damage));
    bool strict = value_truth(value_get(facts, VDK_FACT_STRICT));
    if ((is_service(facts) || strict) && any(root, not_finite))
        return err_set(err, ERR_REFUSED, "%.*s: NaN or Infinity: %s", STR_ARG(before->id),
                       strict ? "the column's type refuses it"
                              : "the control service cannot read it, and the job would fail");
    return check_nulls(before, root, err);
}

/* --- consequences ----------------------------------------------------------------------------- */

static void tell_position(const struct op_input *in, struct op_output *out, struct str stream,
                          const struct value_change *change)
{
    struct arena *a = in->arena;
    struct str old = value_repr(a, change->before, 80), new = value_repr(a, change->after, 80);
    int order = value_position_cmp(change->after, change->before);
    if (order < 0)
        op_consequence(out, a, "read_again", LEVEL_WARN,
                       "stream %.*s goes back at %.*s from %.*s to %.*s: what came since comes a "
                       "second time, where the source goes by it",
                       STR_ARG(stream), STR_ARG(change->path), STR_ARG(old), STR_ARG(new));
    else if (order > 0)
        op_consequence(out, a, "skipped", LEVEL_DANGER,
                       "stream %.*s jumps ahead at %.*s from %.*s to %.*s: what lies between is "
                       "never read, where the source goes by it",
                       STR_ARG(stream), STR_ARG(change->path), STR_ARG(old), STR_ARG(new));
}

static void tell_stream(const struct op_input *in, struct op_output *out, struct str name,
                        const struct value *was, const struct value *is)
{
    enum { TOLD = 8 };
    struct value_change *changes;
    bool more;
    if (vdk_is_singer(is ? is : was))
        op_consequence(out, in->arena, "no_effect", LEVEL_WARN,
                       "stream %.*s holds the state of a Singer tap: VDK's singer source never "
                       "hands it back, so the next run does not go by it",
                       STR_ARG(name));
    if (!is || !was)
        return;
    if (!value_is_dict(is))
        op_consequence(out, in->arena, "not_object", LEVEL_WARN,
                       "the state of stream %.*s is a %s: most sources expect an object",
                       STR_ARG(name), value_type_name(is->type));
    size_t n = value_diff(in->arena, was, is, TOLD, &changes, &more);
    for (size_t i = 0; i < n; i++) {
        if (changes[i].before && changes[i].after)
            tell_position(in, out, name, &changes[i]);
    }
}

/* Streams that had a state and will have none, by name. */
static void tell_lost(const struct op_input *in, struct op_output *out, const struct value *was,
                      const struct value *is)
{
    size_t n = 0;
    struct value_pair *pairs = arena_array(in->arena, struct value_pair, value_count(was) + 1);
    for (size_t i = 0; i < value_count(was); i++) {
        const struct value_pair *pair = &was->dict.pairs[i];
        if (value_truth(pair->val) && !value_truth(value_get_str(is, pair->key->text)))
            pairs[n++] = *pair;
    }
    if (n)
        op_consequence(out, in->arena, "from_start", LEVEL_WARN,
                       "these streams have no state any more and are read from the start: %.*s",
                       STR_ARG(vdk_names(value_dict(in->arena, pairs, n), in->arena)));
}

static void tell_streams(const struct op_input *in, struct op_output *out, const struct value *old,
                         const struct value *new)
{
    const struct value *was = value_get(old, vdk_groups[VDK_STREAMS]);
    const struct value *is = value_get(new, vdk_groups[VDK_STREAMS]);
    if (!value_is_dict(was))
        was = value_empty_dict(in->arena);
    if (!value_is_dict(is))
        is = value_empty_dict(in->arena);
    tell_lost(in, out, was, is);
    for (size_t i = 0; i < value_count(is); i++) {
        const struct value_pair *pair = &is->dict.pairs[i];
        const struct value *before = value_get_str(was, pair->key->text);
        if (!value_equal(before, pair->val))
            tell_stream(in, out, pair->key->text, before, pair->val);
    }
}

static void tell_store(const struct op_input *in, struct op_output *out, int doc,
                       const struct value *root, const struct value *facts)
{
    const struct document *before = in->docs[doc];
    if (before->absent)
        op_consequence(out, in->arena, "new_source", LEVEL_NOTE,
                       "there is no source %.*s yet: it is used only by a job that asks for this "
                       "very id",
                       STR_ARG(before->id));
    else if (!before->root)
        op_consequence(out, in->arena, "damaged_replaced", LEVEL_WARN,
                       "what is stored is damaged and is replaced whole");
    if (value_truth(value_get(facts, VDK_FACT_NO_JOB)))
        op_consequence(out, in->arena, "no_job", LEVEL_WARN,
                       "the control service knows no job of that name: only a new one of that name "
                       "would find this");
    if (value_truth(value_get(facts, VDK_FACT_NEW_JOB)))
        op_consequence(out, in->arena, "new_job", LEVEL_WARN,
                       "nothing is stored under that job yet: a mistyped name makes a job that "
                       "does not exist");
    if (is_service(facts) && any(root, has_null_member))
        op_consequence(out, in->arena, "nulls_dropped", LEVEL_WARN,
                       "members that are null vanish when VDK next writes through the control "
                       "service");
}

bool vdk_write(const struct op_input *in, struct op_output *out, int doc, const struct value *root,
               struct err *err)
{
    const struct document *before = in->docs[doc];
    const struct value *facts = doc ? in->other_facts : in->facts;
    if (value_truth(value_get(facts, VDK_FACT_JSONB)))
        root = vdk_as_jsonb(in->arena, root);
    if (!check_root(before, root, facts, err))
        return false;
    if (!before->absent && value_equal(before->root, root)) {
        out->nothing = STR("the source is so already");
        return true;
    }
    tell_store(in, out, doc, root, facts);
    tell_streams(in, out, before->root, root);
    op_edit_add(out, doc, EDIT_WRITE, root)->reads = ~0u;
    return true;
}

/* --- writers ---------------------------------------------------------------------------------- */

/* A run keeps what it read when it connected, and each state it meets replaces the whole [2.2, 3].
 */
struct writer vdk_judge(const struct op *op, const struct op_input *in)
{
    const struct activity *act = in->activity;
    if (!act || act->sight == ACTIVITY_NONE)
        return (struct writer){WRITER_NONE_SEEN, STR_NULL};
    if (act->sight == ACTIVITY_BLIND)
        return (struct writer){WRITER_CANNOT_SEE,
                               arena_printf(in->arena,
                                            "%.*s; a run under way would write over this",
                                            STR_ARG(act->why))};
    return (struct writer){WRITER_BLOCKS,
                           arena_printf(in->arena,
                                        "%.*s is under way: its next state would overwrite this",
                                        STR_ARG(act->who))};
}
