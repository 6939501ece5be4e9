/* How every operation on a state ends: the new pair, what it means for the next run, one edit. */
#include "core/systems/meltano/state.h"

#include <string.h>

bool meltano_open(const struct op_input *in, const struct document *doc, struct meltano_state *ret,
                  struct err *err)
{
    meltano_state_of(doc->root, in->arena, ret);
    if (doc->truncated)
        return err_set(err, ERR_REFUSED, "%.*s: too large to be edited", STR_ARG(doc->id));
    if (!doc->absent && doc->problem.kind != ERR_NONE) {
        err_set(err, ERR_CORRUPT, "%.*s: %s", STR_ARG(doc->id), doc->problem.text);
        return err_hint(err, "a whole 'state set', 'state clear' or an undo replaces it");
    }
    if (doc->root && !value_is_dict(doc->root)) {
        err_set(err, ERR_CORRUPT, "%.*s: %s, not an object", STR_ARG(doc->id),
                value_type_name(doc->root->type));
        return err_hint(err, "a whole 'state set', 'state clear' or an undo replaces it");
    }
    return true;
}

const struct value *meltano_pair(struct arena *a, const struct value *const half[HALVES])
{
    struct value_pair pairs[HALVES];
    for (int h = 0; h < HALVES; h++)
        pairs[h] = (struct value_pair){value_cstr(a, half_names[h]), half[h]};
    return value_dict(a, pairs, HALVES);
}

struct str meltano_unknown_names(const struct value *root, struct arena *a)
{
    const struct value *const halves[HALVES] = {&value_null, &value_null};
    return meltano_names(root, meltano_pair(a, halves), a);
}

/* Top-level keys beside the halves go, as with Meltano's own next write (2.1). */
static void tell_unknown(const struct op_input *in, struct op_output *out, const struct value *root)
{
    op_consequence(out, in->arena, "unknown_keys", LEVEL_WARN,
                   "top-level keys beside completed and partial are lost, as with Meltano's own "
                   "next write: %.*s",
                   STR_ARG(meltano_unknown_names(root, in->arena)));
}

static void tell_dropped_partial(const struct op_input *in, struct op_output *out,
                                 const struct meltano_state *was, const struct value *partial)
{
    if (value_count(was->half[PARTIAL]) == 0 || value_count(partial) > 0)
        return;
    const struct value *lost = meltano_bookmarks(was->half[PARTIAL], NULL);
    op_consequence(out, in->arena, "partial_dropped", LEVEL_WARN,
                   "the partial state is discarded%s%.*s", value_count(lost) ? ": " : "",
                   STR_ARG(meltano_names(lost, NULL, in->arena)));
}

/* Bookmarks of completed that changed while partial's, which the next run sees, did not. */
static void tell_shadowed(const struct op_input *in, struct op_output *out,
                          const struct meltano_state *was, const struct meltano_state *is)
{
    const struct value *old = meltano_bookmarks(was->half[COMPLETED], NULL);
    const struct value *new = meltano_bookmarks(is->half[COMPLETED], NULL);
    const struct value *seen_then = meltano_bookmarks(was->merged, NULL);
    const struct value *seen_now = meltano_bookmarks(is->merged, NULL);
    const struct value *over = meltano_bookmarks(is->half[PARTIAL], NULL);
    struct value_pair *hidden = arena_array(in->arena, struct value_pair, value_count(over));
    size_t n = 0;
    for (size_t i = 0; i < value_count(over); i++) {
        struct str stream = over->dict.pairs[i].key->text;
        if (!value_equal(value_get_str(old, stream), value_get_str(new, stream)) &&
            value_equal(value_get_str(seen_then, stream), value_get_str(seen_now, stream)))
            hidden[n++] = over->dict.pairs[i];
    }
    if (!n)
        return;
    struct str names = meltano_names(value_dict(in->arena, hidden, n), NULL, in->arena);
    op_consequence(out, in->arena, "shadowed", LEVEL_WARN,
                   "partial hides completed: this changes nothing for the streams %.*s",
                   STR_ARG(names));
}

static void tell_next_run(const struct op_input *in, struct op_output *out,
                          const struct meltano_state *was, const struct meltano_state *is)
{
    if (meltano_not_nested(is->merged))
        op_consequence(out, in->arena, "ignored", LEVEL_DANGER,
                       "runs ignore this state, it is not under singer_state: the next run imports "
                       "everything");
    else if (!meltano_resumes(is))
        op_consequence(out, in->arena, "full_import", LEVEL_DANGER,
                       "the next run imports everything");
    else if (was->merged && value_equal(was->merged, is->merged))
        op_consequence(out, in->arena, "no_effect", LEVEL_NOTE,
                       "the next run gets the same state as before");
}

/* A stream that had a bookmark and will have none starts from the beginning. */
static void tell_lost_streams(const struct op_input *in, struct op_output *out,
                              const struct meltano_state *was, const struct meltano_state *is)
{
    const struct value *then = meltano_bookmarks(was->merged, NULL);
    const struct value *now = meltano_bookmarks(is->merged, NULL);
    struct str lost = meltano_names(then, now, in->arena);
    if (lost.len && meltano_resumes(was) && meltano_resumes(is))
        op_consequence(out, in->arena, "streams_lost", LEVEL_WARN,
                       "these streams lose their bookmark and are imported from the start: %.*s",
                       STR_ARG(lost));
}

static struct run_note *note_of(struct arena *a, int flags, const struct value *payload)
{
    if (!payload)
        return NULL;
    struct run_note *note = arena_new(a, struct run_note);
    *note = (struct run_note){flags, payload};
    return note;
}

bool meltano_write(const struct op_input *in, struct op_output *out, int doc,
                   const struct value *const half[HALVES], int flags, const struct value *payload,
                   struct err *err)
{
    const struct document *before = in->docs[doc];
    const struct value *root = meltano_pair(in->arena, half);
    struct meltano_state was, is;
    meltano_state_of(before->root, in->arena, &was);
    meltano_state_of(root, in->arena, &is);
    struct str damage = meltano_damage(&is, in->arena);
    if (damage.ptr) {
        err_set(err, ERR_REFUSED, "%.*s: this would stop the next run: %.*s", STR_ARG(before->id),
                STR_ARG(damage));
        return err_hint(err, "change the half that is in the way, or reset that stream");
    }
    if (!before->absent && value_equal(before->root, root)) {
        out->nothing = STR("the state is so already");
        return true;
    }
    if (!before->absent && !before->root)
        op_consequence(out, in->arena, "damaged_replaced", LEVEL_WARN,
                       "the stored file is damaged and is replaced whole");
    if (was.unknown)
        tell_unknown(in, out, before->root);
    tell_dropped_partial(in, out, &was, half[PARTIAL]);
    tell_shadowed(in, out, &was, &is);
    tell_lost_streams(in, out, &was, &is);
    tell_next_run(in, out, &was, &is);
    struct op_edit *edit = op_edit_add(out, doc, EDIT_WRITE, root);
    edit->reads = ~0u;
    edit->note = note_of(in->arena, flags, payload);
    return true;
}
