/* set, edit, clear, copy: what VDK has no command for (formats/vdk.md 1.1, 4). */
#include "core/systems/vdk/vdk.h"

#include "core/json.h"

/* --- arguments -------------------------------------------------------------------------------- */

static bool read_json(const struct op_input *in, const struct value **ret, struct err *err)
{
    struct str text;
    if (!op_arg(&in->args, "value", 0, &text)) {
        err_set(err, ERR_INVALID, "no value given");
        return err_hint(err, "give JSON, or --input-file FILE");
    }
    if (json_read_input(in->arena, text, ret, err))
        return true;
    err_context(err, "invalid JSON provided");
    return err_hint(err, "a text wants its quotes, too: '\"2026-01-01\"'");
}

/* Which entry --stream or --other names; `needed`: one of them must be given. */
static bool parse_entry(const struct op_input *in, bool needed, bool *ret_given,
                        enum vdk_group *ret, struct str *ret_name, struct err *err)
{
    int given = 0;
    for (int g = 0; g < VDK_GROUPS; g++) {
        if (!op_arg(&in->args, vdk_one[g], 0, ret_name))
            continue;
        *ret = (enum vdk_group)g;
        given++;
    }
    *ret_given = given == 1;
    if (given > 1)
        return err_set(err, ERR_INVALID, "--stream or --other, not both");
    if (given || !needed)
        return !given || op_arg(&in->args, vdk_one[*ret], 0, ret_name);
    err_set(err, ERR_INVALID, "of which stream? --stream NAME or --other KEY");
    return err_hint(err, "'source edit' changes the whole document");
}

static bool no_entry(const struct document *doc, enum vdk_group group, struct str name,
                     struct arena *a, struct err *err)
{
    const struct value *entries = value_get(doc->root, vdk_groups[group]);
    err_set(err, ERR_NOT_FOUND, "%.*s: no %s '%.*s'", STR_ARG(doc->id), vdk_one[group],
            STR_ARG(name));
    if (!value_count(entries))
        return err_hint(err, "it has no %s", vdk_groups[group]);
    return err_hint(err, "%s here: %.*s", vdk_groups[group], STR_ARG(vdk_names(entries, a)));
}

/* The root with one entry set. */
static const struct value *with_entry(struct arena *a, const struct value *root,
                                      enum vdk_group group, struct str name, const struct value *v)
{
    const struct value *entries = value_get(root, vdk_groups[group]);
    if (!entries)
        entries = value_empty_dict(a);
    return value_dict_with(a, root, vdk_groups[group], value_dict_with_str(a, entries, name, v));
}

static bool without_entry(struct arena *a, const struct value *root, enum vdk_group group,
                          struct str name, const struct value **ret, struct err *err)
{
    struct str pointer = value_pointer_add(a, STR(""), str_of(vdk_groups[group]));
    return value_pointer_without(a, root, value_pointer_add(a, pointer, name), ret, err);
}

#define VALUE_OPTIONS                                                                              \
    {.name = "value", .kind = OPTION_POSITIONAL, .metavar = "JSON", .help = "the new value"},      \
    {                                                                                              \
        .name = "input-file", .kind = OPTION_FILE, .into = "value", .metavar = "FILE",             \
        .help = "read it from a file, - for standard input"                                        \
    }

/* --- set -------------------------------------------------------------------------------------- */

static bool type_drift(const struct document *doc, struct str path, struct err *err)
{
    err_set(err, ERR_REFUSED,
            "%.*s: the type changes at '%.*s': a source that compares old and "
            "new values fails on it",
            STR_ARG(doc->id), STR_ARG(path));
    return err_hint(err, "write it as the old value is written, or say --retype");
}

static bool new_state(const struct op_input *in, enum vdk_group group, struct str name,
                      const struct value *old, const struct value **ret, struct err *err)
{
    const struct value *v, *changed;
    struct str at, path;
    if (!read_json(in, &v, err))
        return false;
    changed = v;
    if (op_arg(&in->args, "at", 0, &at) && at.len) {
        if (!old)
            return no_entry(in->docs[0], group, name, in->arena, err);
        if (!value_pointer_with(in->arena, old, at, v, &changed, err))
            return false;
    }
    changed = vdk_keep_types(in->arena, old, changed, &path);
    if (path.ptr && !op_arg_flag(&in->args, "retype"))
        return type_drift(in->docs[0], path, err);
    *ret = old ? value_graft(in->arena, old, changed) : changed;
    return true;
}

static bool set_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    enum vdk_group group;
    struct str name;
    bool given;
    const struct value *root, *state;
    if (!parse_entry(in, true, &given, &group, &name, err) ||
        !vdk_open(in->docs[0], in->arena, &root, err))
        return false;
    const struct value *old = value_get_str(value_get(root, vdk_groups[group]), name);
    return new_state(in, group, name, old, &state, err) &&
           vdk_write(in, out, 0, with_entry(in->arena, root, group, name, state), err);
}

/* clang-format off */
static const struct op_option set_options[] = {
    VALUE_OPTIONS,
    VDK_ENTRY_OPTIONS,
    {.name = "at", .kind = OPTION_VALUE, .metavar = "POINTER",
     .help = "replace only what this JSON pointer names in it"},
    {.name = "retype", .kind = OPTION_FLAG, .help = "the new value may be of another type"},
    {0},
};
/* clang-format on */

const struct op vdk_set = {
    .verb = "set",
    .help = "set the state of a stream, one of the others, or one value in it",
    .options = set_options,
    .absent_ok = true,
    .run = set_run,
};

/* --- edit ------------------------------------------------------------------------------------- */

static bool edit_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct value *root = in->docs[0]->root, *v;
    struct str path;
    if (!read_json(in, &v, err) || !vdk_editable(in->docs[0], err))
        return false;
    v = vdk_keep_types(in->arena, root, v, &path);
    if (path.ptr)
        op_consequence(out, in->arena, "type_drift", LEVEL_WARN,
                       "the type changes at %.*s: a source that compares old and new values fails "
                       "on it",
                       STR_ARG(path));
    return vdk_write(in, out, 0, value_graft(in->arena, root, v), err);
}

/* clang-format off */
static const struct op_option edit_options[] = {VALUE_OPTIONS, {0}};
/* clang-format on */

const struct op vdk_edit = {
    .verb = "edit",
    .help = "change the whole document as text; what was not touched stays as written",
    .options = edit_options,
    .absent_ok = true,
    .run = edit_run,
};

/* --- clear ------------------------------------------------------------------------------------ */

static bool clear_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    enum vdk_group group;
    struct str name;
    bool given;
    const struct value *root;
    if (!parse_entry(in, false, &given, &group, &name, err))
        return false;
    if (!given) {
        if (vdk_kind_of(in->docs[0]) != VDK_SOURCE)
            return vdk_open(in->docs[0], in->arena, &root, err); /* says what it is */
        op_edit_add(out, 0, EDIT_REMOVE, NULL)->reads = ~0u;
        op_consequence(out, in->arena, "all_from_start", LEVEL_DANGER,
                       "all streams of the source are read from the start by the next run");
        return true;
    }
    if (!vdk_open(in->docs[0], in->arena, &root, err))
        return false;
    if (!value_get_str(value_get(root, vdk_groups[group]), name))
        return no_entry(in->docs[0], group, name, in->arena, err);
    return without_entry(in->arena, root, group, name, &root, err) &&
           vdk_write(in, out, 0, root, err);
}

/* clang-format off */
static const struct op_option clear_options[] = {VDK_ENTRY_OPTIONS, {0}};
/* clang-format on */

const struct op vdk_clear = {
    .verb = "clear",
    .help = "remove a source, a stream or one of the others: it is read from the start",
    .options = clear_options,
    .run = clear_run,
};

/* --- copy ------------------------------------------------------------------------------------- */

/* A target that cannot be read is replaced whole, but never in part. */
static bool copy_target(const struct op_input *in, bool part, const struct value **ret,
                        struct err *err)
{
    const struct document *target = in->docs[1];
    *ret = value_empty_dict(in->arena);
    if (part || vdk_kind_of(target) != VDK_SOURCE)
        return vdk_open(target, in->arena, ret, err);
    return true;
}

static bool copy_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *source = in->docs[0], *target = in->docs[1];
    const struct value *from, *to;
    enum vdk_group group;
    struct str name;
    bool part;
    if (!target)
        return err_set(err, ERR_INVALID, "copy: where to?");
    if (!in->other_store && str_eq(source->id, target->id))
        return err_set(err, ERR_REFUSED, "%.*s: cannot copy a source onto itself",
                       STR_ARG(source->id));
    if (!parse_entry(in, false, &part, &group, &name, err) ||
        !vdk_open(source, in->arena, &from, err) || !copy_target(in, part, &to, err))
        return false;
    if (!part) {
        if (!target->absent)
            op_consequence(out, in->arena, "overwritten", LEVEL_WARN,
                           "the state of %.*s is replaced", STR_ARG(target->id));
        return vdk_write(in, out, 1, from, err);
    }
    const struct value *state = value_get_str(value_get(from, vdk_groups[group]), name);
    if (!state)
        return no_entry(source, group, name, in->arena, err);
    return vdk_write(in, out, 1, with_entry(in->arena, to, group, name, state), err);
}

/* clang-format off */
static const struct op_option copy_options[] = {
    {.name = "dst", .kind = OPTION_POSITIONAL, .needed = true, .metavar = "DST",
     .help = "id of the source to write"},
    VDK_ENTRY_OPTIONS,
    {0},
};
/* clang-format on */

const struct op vdk_copy = {
    .verb = "copy",
    .help = "copy a source, or one stream of it, to another id, job or store",
    .options = copy_options,
    .takes_second = true,
    .second = "dst",
    .second_absent_ok = true,
    .run = copy_run,
};
