/* repair: what is null, of the wrong type or cut, as far as what it should be can be told
 * (formats/vdk.md 1.2, 2.2, 2.3, 6). */
#include "core/systems/vdk/vdk.h"

#include "core/json.h"
#include "core/systems/vdk/properties.h"

/* --- a source --------------------------------------------------------------------------------- */

/* The group without the entries that are null: those read as {} then. */
static const struct value *without_nulls(const struct op_input *in, struct op_output *out,
                                         enum vdk_group g, const struct value *group)
{
    size_t n = 0;
    struct value_pair *pairs = arena_array(in->arena, struct value_pair, value_count(group) + 1);
    for (size_t i = 0; i < value_count(group); i++) {
        if (!value_is_null(group->dict.pairs[i].val))
            pairs[n++] = group->dict.pairs[i];
        else
            op_consequence(out, in->arena, "null_dropped", LEVEL_NOTE,
                           "%s %.*s is null and goes: it reads as {}", vdk_one[g],
                           STR_ARG(group->dict.pairs[i].key->text));
    }
    return n == value_count(group) ? group : value_dict(in->arena, pairs, n);
}

static bool mend_group(const struct op_input *in, struct op_output *out, enum vdk_group g,
                       const struct value **root, struct err *err)
{
    const struct value *group = value_get(*root, vdk_groups[g]);
    if (!group)
        return true;
    if (value_is_dict(group)) {
        const struct value *mended = without_nulls(in, out, g, group);
        if (mended != group)
            *root = value_dict_with(in->arena, *root, vdk_groups[g], mended);
        return true;
    }
    if (!value_is_null(group) && value_count(group) == 0 && !value_is_list(group)) {
        err_set(err, ERR_REFUSED, "%.*s: %s is a %s; what it should be cannot be told",
                STR_ARG(in->docs[0]->id), vdk_groups[g], value_type_name(group->type));
        return err_hint(err, "'source edit' changes it, an undo brings back what was there");
    }
    if (value_is_list(group) && value_count(group))
        return err_set(err, ERR_REFUSED,
                       "%.*s: %s is a list of %zu; what it should be cannot be "
                       "told",
                       STR_ARG(in->docs[0]->id), vdk_groups[g], value_count(group));
    op_consequence(out, in->arena, "group_dropped", LEVEL_NOTE, "%s is %s and goes: it reads as {}",
                   vdk_groups[g], value_is_null(group) ? "null" : "an empty list");
    *root = value_dict_without(in->arena, *root, vdk_groups[g]);
    return true;
}

static bool mend_source(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    const struct value *root = doc->root;
    if (value_is_str(root)) { /* the document, dumped twice */
        if (!json_read(in->arena, root->text, &root, NULL) || !value_is_dict(root)) {
            err_set(err, ERR_REFUSED, "%.*s: a text that holds no object", STR_ARG(doc->id));
            return err_hint(err, "'source edit' changes it");
        }
        op_consequence(out, in->arena, "unwrapped", LEVEL_WARN,
                       "the text becomes the object that is written in it: the next run goes on "
                       "from it");
    }
    if (value_is_null(root)) {
        out->nothing = STR("null reads as an empty document: there is nothing to repair");
        return true;
    }
    if (!value_is_dict(root))
        return err_set(err, ERR_REFUSED, "%.*s: a %s; what it should be cannot be told",
                       STR_ARG(doc->id), value_type_name(root->type));
    for (int g = 0; g < VDK_GROUPS; g++) {
        if (!mend_group(in, out, (enum vdk_group)g, &root, err))
            return false;
    }
    if (root == doc->root) {
        out->nothing = STR("there is nothing to repair");
        return true;
    }
    return vdk_write(in, out, 0, root, err);
}

/* --- text that does not parse ----------------------------------------------------------------- */

static bool salvaged(const struct op_input *in, struct op_output *out, bool file,
                     const struct value **ret, struct err *err)
{
    const struct document *doc = in->docs[0];
    struct str text, lost;
    if (!doc->head.len) {
        err_set(err, ERR_REFUSED, "%.*s: %s", STR_ARG(doc->id), doc->problem.text);
        return err_hint(err, "nothing is left of it: an undo, or a copy from elsewhere");
    }
    if (!vdk_salvage(in->arena, doc->head, file, &text, &lost) ||
        !json_read(in->arena, text, ret, NULL)) {
        err_set(err, ERR_REFUSED, "%.*s: nothing of it can be kept: %s", STR_ARG(doc->id),
                doc->problem.text);
        return err_hint(err, "an undo, or a copy from elsewhere");
    }
    if (lost.ptr)
        op_consequence(out, in->arena, "cut", LEVEL_DANGER,
                       "what was whole is kept; it is cut at %.*s, and what stood there and behind "
                       "is lost",
                       STR_ARG(lost));
    else
        op_consequence(out, in->arena, "extra_data", LEVEL_WARN,
                       "it is kept whole; what another writer left behind its end goes");
    return true;
}

static bool mend_text(const struct op_input *in, struct op_output *out, struct err *err)
{
    bool file = vdk_kind_of(in->docs[0]) == VDK_FILE;
    const struct value *root;
    if (!salvaged(in, out, file, &root, err))
        return false;
    if (!file)
        return vdk_write(in, out, 0, root, err);
    struct op_edit *edit = op_edit_add(out, 0, EDIT_WRITE, vdk_file_root(in->arena, root));
    edit->reads = ~0u;
    edit->before_text = STR("damaged");
    edit->after_text =
        arena_printf(in->arena, "%zu job%s", value_count(root), value_count(root) == 1 ? "" : "s");
    return true;
}

/* --- a job ------------------------------------------------------------------------------------ */

static void tell_block(const struct op_input *in, struct op_output *out, enum vdk_block block,
                       const struct value_pair *pair)
{
    switch (block) {
    case VDK_NO_BLOCK:
        break;
    case VDK_NOT_OBJECT:
        op_consequence(out, in->arena, "null_job", LEVEL_NOTE, "null becomes {}: no properties");
        break;
    case VDK_KEY_STRING:
        op_consequence(out, in->arena, "unwrapped", LEVEL_WARN,
                       VDK_KEY " becomes the object that is written in it: the next run goes on "
                               "from it");
        break;
    case VDK_KEY_WRONG:
        op_consequence(out, in->arena, "null_key", LEVEL_NOTE,
                       VDK_KEY " becomes {}: all sources start from the beginning");
        break;
    case VDK_BOOLEAN:
        op_consequence(out, in->arena, "boolean_number", LEVEL_WARN,
                       "property %.*s becomes %d: the job's own code must not ask for %s by name",
                       STR_ARG(pair->key->text), pair->val->boolean,
                       pair->val->boolean ? "true" : "false");
        break;
    case VDK_BLANK:
        op_consequence(out, in->arena, "renamed", LEVEL_WARN,
                       "property '%.*s' gets _ for its white space: the job's own code must ask "
                       "for the new name",
                       STR_ARG(pair->key->text));
        break;
    }
}

static bool mend_job(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct value *job = in->docs[0]->root, *mended;
    const struct value_pair *pair;
    enum vdk_block block;
    size_t at = 0;
    if (!vdk_is_blocked(job)) {
        out->nothing = STR("there is nothing to repair");
        return true;
    }
    if (!vdk_unblock(in->arena, job, &mended, err))
        return false;
    while ((block = vdk_next_block(job, &at, &pair)) != VDK_NO_BLOCK)
        tell_block(in, out, block, pair);
    struct op_edit *edit = op_edit_add(out, 0, EDIT_WRITE, mended);
    edit->reads = ~0u;
    edit->before_text = STR("blocked");
    edit->after_text = STR("can run");
    return true;
}

static bool repair_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    if (doc->truncated)
        return err_set(err, ERR_REFUSED, "%.*s: too large to be edited", STR_ARG(doc->id));
    if (vdk_kind_of(doc) == VDK_FILE && doc->problem.kind == ERR_NONE) {
        out->nothing = STR("there is nothing to repair");
        return true;
    }
    if (doc->problem.kind != ERR_NONE && vdk_kind_of(doc) == VDK_JOB) {
        err_set(err, ERR_REFUSED, "%.*s: %s", STR_ARG(doc->id), doc->problem.text);
        return err_hint(err, "what its properties should be cannot be told; an undo, or the job's "
                             "own tools");
    }
    if (doc->problem.kind != ERR_NONE)
        return mend_text(in, out, err);
    return vdk_kind_of(doc) == VDK_JOB ? mend_job(in, out, err) : mend_source(in, out, err);
}

const struct op vdk_repair = {
    .verb = "repair",
    .help = "mend what is null or of the wrong type, keep what is whole of a cut text",
    .run = repair_run,
};
