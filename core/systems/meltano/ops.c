/* set, edit, merge, copy, move, clear: what `meltano state` does (formats/meltano.md 2.3
 * to 2.5, 3.4, 8), without its ways to lose data (11). */
#include "core/systems/meltano/state.h"

#include "core/json.h"

#include <string.h>

enum { FLAG_STATE = 1, FLAG_INCOMPLETE = 2 }; /* payload_flags (3.2) */

/* --- input ------------------------------------------------------------------------------------ */

static bool read_json(const struct op_input *in, const struct value **ret, struct err *err)
{
    struct str text;
    if (!op_arg(&in->args, "json", 0, &text)) {
        err_set(err, ERR_INVALID, "no state given");
        return err_hint(err, "give JSON, or --input-file FILE");
    }
    if (json_read_input(in->arena, text, ret, err))
        return true;
    if (err)
        err->kind = ERR_INVALID; /* the operator's text, not stored data */
    return err_context(err, "invalid JSON provided");
}

static bool check_nested(const struct value *v, bool no_validate, struct err *err)
{
    if (!value_is_dict(v))
        return err_set(err, ERR_INVALID, "a state is a JSON object, this is %s",
                       value_type_name(v->type));
    if (no_validate || value_get(v, "singer_state"))
        return true;
    if (value_get(v, "completed") || value_get(v, "partial")) {
        err_set(err, ERR_INVALID, "this is a stored pair, not the state within");
        return err_hint(err, "give one half with --part, or use 'state edit' for the pair");
    }
    err_set(err, ERR_INVALID, "singer_state not found at the top level of the given state");
    return err_hint(err, "runs would ignore it and import everything; --no-validate stores it all "
                         "the same");
}

static bool parse_part(const struct op_input *in, bool *ret_given, enum half *ret, struct err *err)
{
    struct str part;
    *ret_given = op_arg(&in->args, "part", 0, &part);
    for (int h = 0; *ret_given && h < HALVES; h++) {
        if (str_is(part, half_names[h])) {
            *ret = (enum half)h;
            return true;
        }
    }
    return !*ret_given ||
           err_set(err, ERR_INVALID, "--part %.*s: completed or partial", STR_ARG(part));
}

/* --- set -------------------------------------------------------------------------------------- */

/* "update" of a pair (value, {}) as 2.5 has it: complete replaces everything. */
static bool set_whole(const struct op_input *in, struct op_output *out, const struct value *v,
                      int doc, struct err *err)
{
    const struct document *before = in->docs[doc];
    const struct value *half[HALVES] = {v, value_empty_dict(in->arena)};
    if (value_count(v) == 0 && !before->absent) {
        out->nothing = STR("an empty object would change nothing: Meltano merges it instead of "
                           "replacing; use 'state clear' or 'state reset'");
        return true;
    }
    return meltano_write(in, out, doc, half, FLAG_STATE, v, err);
}

static bool set_half(const struct op_input *in, struct op_output *out, enum half part,
                     const struct value *v, struct err *err)
{
    struct meltano_state state;
    if (!meltano_open(in, in->docs[0], &state, err))
        return false;
    const struct value *half[HALVES] = {state.half[COMPLETED], state.half[PARTIAL]};
    half[part] = v;
    return meltano_write(in, out, 0, half, part == PARTIAL ? FLAG_INCOMPLETE : FLAG_STATE, v, err);
}

/* Which half a pointer means when the operator did not say: the one that has it. */
static bool choose_half(const struct meltano_state *state, struct str at, enum half *ret,
                        struct err *err)
{
    const struct value *ignored;
    bool has[HALVES];
    for (int h = 0; h < HALVES; h++)
        has[h] = value_pointer_get(state->half[h], at, &ignored, NULL);
    if (has[COMPLETED] && has[PARTIAL]) {
        err_set(err, ERR_INVALID, "%.*s is in both halves", STR_ARG(at));
        return err_hint(err, "say --part partial (which the next run sees) or --part completed");
    }
    bool partial_alone =
        value_count(state->half[PARTIAL]) > 0 && value_count(state->half[COMPLETED]) == 0;
    *ret = has[PARTIAL] || (!has[COMPLETED] && partial_alone) ? PARTIAL : COMPLETED;
    return true;
}

static bool set_at(const struct op_input *in, struct op_output *out, struct str at, bool given,
                   enum half part, const struct value *v, struct err *err)
{
    struct meltano_state state;
    const struct value *changed;
    if (!meltano_open(in, in->docs[0], &state, err) ||
        (!given && !choose_half(&state, at, &part, err)) ||
        !value_pointer_with(in->arena, state.half[part], at, v, &changed, err))
        return false;
    if (!check_nested(changed, op_arg_flag(&in->args, "no-validate"), err))
        return false;
    return set_half(in, out, part, changed, err);
}

static bool set_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct value *v;
    struct str at;
    bool given, no_validate = op_arg_flag(&in->args, "no-validate");
    enum half part = COMPLETED;
    if (!read_json(in, &v, err) || !parse_part(in, &given, &part, err))
        return false;
    if (op_arg(&in->args, "at", 0, &at) && at.len)
        return set_at(in, out, at, given, part, v, err);
    if (!given)
        return check_nested(v, no_validate, err) && set_whole(in, out, v, 0, err);
    bool empty = value_is_dict(v) && value_count(v) == 0; /* no state in this half: allowed */
    return check_nested(v, no_validate || empty, err) && set_half(in, out, part, v, err);
}

#define JSON_OPTIONS                                                                               \
    {.name = "json", .kind = OPTION_POSITIONAL, .metavar = "JSON", .help = "the new state"},       \
    {                                                                                              \
        .name = "input-file", .kind = OPTION_FILE, .into = "json", .metavar = "FILE",              \
        .help = "read it from a file, - for standard input"                                        \
    }

#define PART_OPTIONS                                                                               \
    {.name = "part",                                                                               \
     .kind = OPTION_VALUE,                                                                         \
     .metavar = "HALF",                                                                            \
     .help = "completed or partial: replace this half, keep the other"},                           \
    {                                                                                              \
        .name = "no-validate", .kind = OPTION_FLAG, .help = "store it without singer_state"        \
    }

/* clang-format off */
static const struct op_option set_options[] = {
    JSON_OPTIONS,
    PART_OPTIONS,
    {.name = "at", .kind = OPTION_VALUE, .metavar = "POINTER",
     .help = "replace what this JSON pointer names, within one half"},
    {0},
};
/* clang-format on */

const struct op meltano_set = {
    .verb = "set",
    .help = "replace a state, one half of it, or one value in it",
    .options = set_options,
    .absent_ok = true,
    .run = set_run,
};

/* --- edit ------------------------------------------------------------------------------------- */

static bool check_edited_half(const struct value *half, enum half h, bool no_validate,
                              struct err *err)
{
    if (!value_is_dict(half))
        return err_set(err, ERR_INVALID, "%s must be an object; {} when there is nothing in it",
                       half_names[h]);
    return check_nested(half, no_validate || value_count(half) == 0, err) ||
           err_context(err, "%s", half_names[h]);
}

static bool edit_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct value *v;
    bool given, no_validate = op_arg_flag(&in->args, "no-validate");
    enum half part = COMPLETED;
    struct meltano_state state;
    if (!read_json(in, &v, err) || !parse_part(in, &given, &part, err) ||
        !meltano_open(in, in->docs[0], &state, err))
        return false;
    const struct value *half[HALVES] = {state.half[COMPLETED], state.half[PARTIAL]};
    if (given) {
        half[part] = v;
    } else {
        struct meltano_state edited;
        meltano_state_of(v, in->arena, &edited);
        if (!value_is_dict(v) || edited.bare || edited.unknown)
            return err_set(err, ERR_INVALID, "the pair has the keys completed and partial alone");
        for (int h = 0; h < HALVES; h++) {
            const struct value *now = value_get(v, half_names[h]);
            half[h] = now ? now : value_empty_dict(in->arena);
        }
    }
    for (int h = 0; h < HALVES; h++) {
        if (!check_edited_half(half[h], (enum half)h, no_validate, err))
            return false;
        half[h] = value_graft(in->arena, state.half[h], half[h]);
    }
    bool partial_only = value_equal(half[COMPLETED], state.half[COMPLETED]);
    return meltano_write(in, out, 0, half, partial_only ? FLAG_INCOMPLETE : FLAG_STATE,
                         half[partial_only ? PARTIAL : COMPLETED], err);
}

/* clang-format off */
static const struct op_option edit_options[] = {JSON_OPTIONS, PART_OPTIONS, {0}};
/* clang-format on */

const struct op meltano_edit = {
    .verb = "edit",
    .help = "change the stored pair, or one half, as text; what was not touched stays as written",
    .options = edit_options,
    .absent_ok = true,
    .run = edit_run,
};

/* --- merge ------------------------------------------------------------------------------------ */

/* What copy, move and merge take from another record: its merged view, which must be nested. */
static bool merged_source(const struct op_input *in, const struct document *doc,
                          const struct value **ret, struct err *err)
{
    struct meltano_state state;
    if (!meltano_open(in, doc, &state, err))
        return false;
    struct str damage = meltano_damage(&state, in->arena);
    if (damage.ptr) {
        err_set(err, ERR_REFUSED, "%.*s: cannot be read as Meltano does: %.*s", STR_ARG(doc->id),
                STR_ARG(damage));
        return err_hint(err, "see 'state repair'");
    }
    if (!state.valid) {
        err_set(err, ERR_REFUSED, "%.*s: singer_state not found, there is nothing to take",
                STR_ARG(doc->id));
        return err_hint(err, "an unknown or empty source, or one that needs 'state repair'");
    }
    *ret = state.merged;
    return true;
}

static bool not_onto_itself(const struct op_input *in, const char *verb, struct err *err)
{
    if (!in->docs[1] || in->other_store || !str_eq(in->docs[0]->id, in->docs[1]->id))
        return true;
    return err_set(err, ERR_REFUSED, "%.*s: cannot %s a state onto itself",
                   STR_ARG(in->docs[0]->id), verb);
}

static bool merge_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *source = in->docs[1];
    struct str text;
    const struct value *v;
    if (source && op_arg(&in->args, "json", 0, &text))
        return err_set(err, ERR_INVALID, "give JSON or --from-state-id, not both");
    if (!not_onto_itself(in, "merge", err) ||
        !(source ? merged_source(in, source, &v, err)
                 : read_json(in, &v, err) && check_nested(v, false, err)))
        return false;
    struct meltano_state state;
    if (!meltano_open(in, in->docs[0], &state, err))
        return false;
    for (int h = 0; h < HALVES; h++) {
        if (state.kind[h] == HALF_OBJECT || state.kind[h] == HALF_MISSING)
            continue;
        err_set(err, ERR_REFUSED, "%.*s: %.*s, Meltano crashes on it", STR_ARG(in->docs[0]->id),
                STR_ARG(meltano_damage(&state, in->arena)));
        return err_hint(err, "'state repair' makes it {}");
    }
    const struct value *half[HALVES] = {state.half[COMPLETED], NULL};
    struct str conflict;
    if (!meltano_merge(in->arena, v, state.half[PARTIAL], &half[PARTIAL], &conflict)) {
        err_set(err, ERR_REFUSED,
                "%.*s: type conflict at %.*s: an object over a value that is none",
                STR_ARG(in->docs[0]->id), STR_ARG(conflict));
        return err_hint(err, "'state set --part partial --at' changes that value");
    }
    return meltano_write(in, out, 0, half, FLAG_INCOMPLETE, v, err);
}

/* clang-format off */
static const struct op_option merge_options[] = {
    JSON_OPTIONS,
    {.name = "from-state-id", .kind = OPTION_VALUE, .metavar = "ID",
     .help = "merge what a run of this state would get"},
    {0},
};
/* clang-format on */

const struct op meltano_op_merge = {
    .verb = "merge",
    .help = "merge into the partial state; completed stays",
    .options = merge_options,
    .takes_second = true,
    .second = "from-state-id",
    .absent_ok = true,
    .run = merge_run,
};

/* --- copy, move ------------------------------------------------------------------------------- */

/* Both halves as they are, which Meltano's own copy cannot do. */
static bool copy_halves(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct meltano_state source, target;
    if (!meltano_open(in, in->docs[0], &source, err) ||
        !meltano_open(in, in->docs[1], &target, err))
        return false;
    const struct value *half[HALVES];
    for (int h = 0; h < HALVES; h++) {
        half[h] = source.half[h] ? source.half[h] : value_empty_dict(in->arena);
        half[h] = value_graft(in->arena, target.half[h], half[h]);
    }
    return meltano_write(in, out, 1, half, FLAG_STATE, half[COMPLETED], err);
}

static bool copy_to(const struct op_input *in, struct op_output *out, const char *verb,
                    struct err *err)
{
    const struct document *source = in->docs[0], *target = in->docs[1];
    const struct value *v;
    if (!target)
        return err_set(err, ERR_INVALID, "%s: where to?", verb);
    if (!not_onto_itself(in, verb, err) || !merged_source(in, source, &v, err))
        return false;
    struct meltano_state was;
    bool halves = op_arg_flag(&in->args, "halves");
    meltano_state_of(source->root, in->arena, &was);
    if (!halves && value_count(was.half[PARTIAL]) > 0)
        op_consequence(out, in->arena, "flattened", LEVEL_NOTE,
                       "the target gets completed and partial merged into completed, as with "
                       "Meltano's own %s; --halves keeps them apart",
                       verb);
    if (was.unknown)
        op_consequence(out, in->arena, "unknown_keys_stay", LEVEL_WARN,
                       "top-level keys beside completed and partial do not go along, as with "
                       "Meltano's own %s: %.*s",
                       verb, STR_ARG(meltano_unknown_names(source->root, in->arena)));
    if (!target->absent)
        op_consequence(out, in->arena, "overwritten", LEVEL_WARN, "the state of %.*s is replaced",
                       STR_ARG(target->id));
    return halves ? copy_halves(in, out, err) : set_whole(in, out, v, 1, err);
}

static bool copy_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    return copy_to(in, out, "copy", err);
}

/* Another address may lead to the same store (a mount, a name of the host, another layout): what is
 * there already would then be the very record that goes. */
static bool may_be_itself(const struct op_input *in)
{
    const struct document *source = in->docs[0], *target = in->docs[1];
    return in->other_store && target && target->root && source->root &&
           value_equal(source->root, target->root);
}

static bool move_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    if (may_be_itself(in)) {
        err_set(err, ERR_REFUSED, "%.*s is there already, the same: nothing is left to move",
                STR_ARG(in->docs[1]->id));
        return err_hint(err, "if it is another store, `state clear` removes the source; by another "
                             "address it may be the very same state");
    }
    if (!copy_to(in, out, "move", err))
        return false;
    struct op_edit *edit = op_edit_add(out, 0, EDIT_REMOVE, NULL);
    edit->reads = ~0u;
    edit->needs_previous = out->nedits > 1; /* the target may be so already */
    op_consequence(out, in->arena, "source_removed", LEVEL_WARN,
                   "%.*s is removed: a run under that id imports everything",
                   STR_ARG(in->docs[0]->id));
    return true;
}

/* clang-format off */
static const struct op_option second_options[] = {
    {.name = "dst", .kind = OPTION_POSITIONAL, .needed = true, .metavar = "DST",
     .help = "id of the state to write"},
    {.name = "halves", .kind = OPTION_FLAG,
     .help = "keep completed and partial apart, instead of what the next run would get"},
    {0},
};
/* clang-format on */

/* The source is read, not written: a live run there does not collide. */
static struct writer copy_judge(const struct op *op, const struct op_input *in)
{
    struct writer writer = meltano_judge(op, in);
    if (writer.verdict == WRITER_BLOCKS)
        return (struct writer){WRITER_SAFE,
                               STR("the source is being written: what is stored now is copied")};
    return writer;
}

const struct op meltano_copy = {
    .verb = "copy",
    .help = "copy what the next run would get to another id",
    .options = second_options,
    .takes_second = true,
    .second = "dst",
    .second_absent_ok = true,
    .run = copy_run,
    .judge = copy_judge,
};

const struct op meltano_move = {
    .verb = "move",
    .help = "copy to another id, then remove the source",
    .options = second_options,
    .takes_second = true,
    .second = "dst",
    .second_absent_ok = true,
    .run = move_run,
};

/* --- clear ------------------------------------------------------------------------------------ */

static bool clear_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    (void)err;
    op_edit_add(out, 0, EDIT_REMOVE, NULL)->reads = ~0u;
    op_consequence(out, in->arena, "full_import", LEVEL_DANGER, "the next run imports everything");
    return true;
}

const struct op meltano_clear = {
    .verb = "clear",
    .help = "remove a state: the next run starts from nothing",
    .run = clear_run,
};
