/* rewind, reset and repair: operations on single bookmarks and on damage, which Meltano itself does
 * not have (formats/meltano.md 11, 12). */
#include "core/systems/meltano/state.h"

#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool no_stream(const struct op_input *in, const struct meltano_state *state,
                      struct str stream, struct err *err)
{
    struct str *streams;
    size_t n = meltano_streams(state, in->arena, &streams);
    err_set(err, ERR_NOT_FOUND, "%.*s: no bookmark of a stream '%.*s'", STR_ARG(in->docs[0]->id),
            STR_ARG(stream));
    if (!n)
        return err_hint(err, "there are no bookmarks at all");
    const struct value *all = meltano_bookmarks(state->half[COMPLETED], NULL);
    const struct value *more = meltano_bookmarks(state->half[PARTIAL], NULL);
    struct str first = meltano_names(all, NULL, in->arena);
    struct str second = meltano_names(more, all, in->arena);
    return err_hint(err, "streams here: %.*s%s%.*s", STR_ARG(first),
                    first.len && second.len ? ", " : "", STR_ARG(second));
}

/* --- rewind ----------------------------------------------------------------------------------- */

/* The new position in the type of the old one: text stays text, a number must be a number. */
static bool position_value(const struct op_input *in, const struct value *old, struct str text,
                           const struct value **ret, struct err *err)
{
    const struct value *read = NULL;
    bool json = json_read_input(in->arena, text, &read, NULL);
    if (value_is_str(old)) {
        *ret = json && value_is_str(read) ? read : value_str(in->arena, text);
        return true;
    }
    if (!json || (read->type != VALUE_INT && read->type != VALUE_FLOAT))
        return err_set(err, ERR_INVALID, "'%.*s': the bookmark holds a number", STR_ARG(text));
    *ret = read;
    return true;
}

static void tell_position(const struct op_input *in, struct op_output *out, struct str stream,
                          const struct value *old, const struct value *new)
{
    struct str from = value_repr(in->arena, old, 80), to = value_repr(in->arena, new, 80);
    int order = value_position_cmp(new, old);
    if (order < 0)
        op_consequence(out, in->arena, "read_again", LEVEL_WARN,
                       "stream %.*s is read again from %.*s: what came up to %.*s comes a second "
                       "time",
                       STR_ARG(stream), STR_ARG(to), STR_ARG(from));
    else if (order > 0)
        op_consequence(out, in->arena, "skipped", LEVEL_DANGER,
                       "stream %.*s jumps ahead from %.*s to %.*s: what lies between is never read",
                       STR_ARG(stream), STR_ARG(from), STR_ARG(to));
    else
        op_consequence(out, in->arena, "moved", LEVEL_WARN,
                       "stream %.*s moves from %.*s to %.*s: whether that is back or ahead cannot "
                       "be told",
                       STR_ARG(stream), STR_ARG(from), STR_ARG(to));
}

/* Sets one position where the next run reads it: in partial when it is there, else in completed. */
static bool move_position(const struct op_input *in, const struct value *half[HALVES],
                          struct str pointer, const struct value *new, struct err *err)
{
    const struct value *ignored;
    bool partial = value_pointer_get(half[PARTIAL], pointer, &ignored, NULL);
    enum half h = partial ? PARTIAL : COMPLETED;
    return value_pointer_with(in->arena, half[h], pointer, new, &half[h], err);
}

static bool rewind_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct str stream, text, *positions;
    struct meltano_state state;
    const char *container = "";
    if (!op_arg(&in->args, "stream", 0, &stream) || !op_arg(&in->args, "value", 0, &text))
        return err_set(err, ERR_INVALID, "rewind takes a stream and a value");
    if (!meltano_open(in, in->docs[0], &state, err))
        return false;
    struct str damage = meltano_damage(&state, in->arena);
    if (damage.ptr)
        return err_set(err, ERR_REFUSED, "%.*s: %.*s", STR_ARG(in->docs[0]->id), STR_ARG(damage));
    const struct value *bookmark =
        value_get_str(meltano_bookmarks(state.merged, &container), stream);
    if (!bookmark)
        return no_stream(in, &state, stream, err);
    size_t n = meltano_positions(bookmark, in->arena, &positions);
    struct str base = value_pointer_add(in->arena, str_of(container), stream);
    if (!n) {
        err_set(err, ERR_REFUSED, "stream %.*s: which of its values is the position cannot be told",
                STR_ARG(stream));
        return err_hint(err, "say it: state set --at %.*s/...", STR_ARG(base));
    }
    const struct value *half[HALVES] = {state.half[COMPLETED], state.half[PARTIAL]};
    for (size_t i = 0; i < n; i++) {
        const struct value *old, *new;
        struct str pointer =
            arena_printf(in->arena, "%.*s%.*s", STR_ARG(base), STR_ARG(positions[i]));
        if (!value_pointer_get(bookmark, positions[i], &old, err) ||
            !position_value(in, old, text, &new, err) ||
            !move_position(in, half, pointer, new, err))
            return false;
        if (i == 0 && !value_equal(old, new))
            tell_position(in, out, stream, old, new);
    }
    if (n > 1)
        op_consequence(out, in->arena, "partitions", LEVEL_NOTE,
                       "stream %.*s: %zu positions are set, one for each partition",
                       STR_ARG(stream), n);
    bool completed = half[COMPLETED] != state.half[COMPLETED];
    return meltano_write(in, out, 0, half, completed ? 1 : 2, half[completed ? COMPLETED : PARTIAL],
                         err);
}

struct str meltano_position_text(const struct sheet_input *in, struct str stream)
{
    struct meltano_state state;
    const struct value *position;
    struct str *positions;
    meltano_state_of(in->doc->root, in->arena, &state);
    const struct value *bookmark = value_get_str(meltano_bookmarks(state.merged, NULL), stream);
    if (!bookmark || meltano_positions(bookmark, in->arena, &positions) != 1 ||
        !value_pointer_get(bookmark, positions[0], &position, NULL))
        return STR_NULL;
    return value_is_str(position) ? position->text : value_repr(in->arena, position, 4096);
}

/* clang-format off */
static const struct op_option rewind_options[] = {
    {.name = "stream", .kind = OPTION_POSITIONAL, .needed = true, .metavar = "STREAM",
     .help = "name of the stream"},
    {.name = "value", .kind = OPTION_POSITIONAL, .needed = true, .metavar = "VALUE",
     .help = "the position to go on from"},
    {0},
};
/* clang-format on */

const struct op meltano_rewind = {
    .verb = "rewind",
    .help = "set how far one stream has come",
    .options = rewind_options,
    .run = rewind_run,
};

/* --- reset ------------------------------------------------------------------------------------ */

/* Takes a stream's bookmark out of one half. */
static bool drop_bookmark(const struct op_input *in, const struct value **half, struct str stream,
                          bool *ret_found, struct err *err)
{
    const char *container;
    const struct value *bookmarks = meltano_bookmarks(*half, &container);
    if (!value_get_str(bookmarks, stream))
        return true;
    *ret_found = true;
    return value_pointer_without(
        in->arena, *half, value_pointer_add(in->arena, str_of(container), stream), half, err);
}

static bool reset_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct str stream;
    struct meltano_state state;
    if (!op_arg(&in->args, "stream", 0, &stream))
        return err_set(err, ERR_INVALID, "reset takes the streams to be imported anew");
    if (!meltano_open(in, in->docs[0], &state, err))
        return false;
    const struct value *half[HALVES] = {state.half[COMPLETED], state.half[PARTIAL]};
    for (size_t i = 0; op_arg(&in->args, "stream", i, &stream); i++) {
        bool found = false;
        if (!drop_bookmark(in, &half[COMPLETED], stream, &found, err) ||
            !drop_bookmark(in, &half[PARTIAL], stream, &found, err))
            return false;
        if (!found)
            return no_stream(in, &state, stream, err);
    }
    return meltano_write(in, out, 0, half, 1, half[COMPLETED], err);
}

/* clang-format off */
static const struct op_option reset_options[] = {
    {.name = "stream", .kind = OPTION_POSITIONAL, .many = true, .needed = true, .metavar = "STREAM",
     .help = "streams to be imported from the start"},
    {0},
};
/* clang-format on */

const struct op meltano_reset = {
    .verb = "reset",
    .help = "forget the bookmark of some streams: they are imported from the start, others go on",
    .options = reset_options,
    .run = reset_run,
};

/* --- repair ----------------------------------------------------------------------------------- */

static const struct value *wrapped(struct arena *a, const struct value *v)
{
    struct value_pair pair = {value_cstr(a, "singer_state"), v};
    return value_dict(a, &pair, 1);
}

/* A file that holds the state itself, or the state under singer_state, where the pair should be
 * (2.1): it becomes completed. */
static const struct value *half_of_bare(struct arena *a, const struct value *root)
{
    return value_get(root, "singer_state") ? root : wrapped(a, root);
}

static void repair_half(const struct op_input *in, struct op_output *out,
                        const struct meltano_state *state, enum half h, const struct value **half)
{
    if (state->kind[h] == HALF_NULL)
        op_consequence(out, in->arena, "null_half", LEVEL_NOTE, "%s is null and becomes {}",
                       half_names[h]);
    if (!meltano_not_nested(*half))
        return;
    *half = wrapped(in->arena, *half);
    op_consequence(out, in->arena, "nested", LEVEL_WARN,
                   "%s is put under singer_state: the next run goes on from it instead of "
                   "importing everything",
                   half_names[h]);
}

static bool repair_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct meltano_state state;
    if (!meltano_open(in, in->docs[0], &state, err))
        return false;
    const struct value *half[HALVES] = {state.half[COMPLETED], state.half[PARTIAL]};
    if (state.bare) {
        half[COMPLETED] = half_of_bare(in->arena, in->docs[0]->root);
        op_consequence(out, in->arena, "nested", LEVEL_WARN,
                       "the state becomes the completed half: the next run goes on from it instead "
                       "of importing everything");
        op_edit_add(out, 0, EDIT_WRITE, meltano_pair(in->arena, half))->reads = ~0u;
        return true;
    }
    for (int h = 0; h < HALVES; h++) {
        if (state.kind[h] == HALF_WRONG) {
            err_set(err, ERR_REFUSED, "%.*s: %s is %s; what it should be cannot be told",
                    STR_ARG(in->docs[0]->id), half_names[h],
                    value_type_name(value_get(in->docs[0]->root, half_names[h])->type));
            return err_hint(err, "replace it: state set --part %s", half_names[h]);
        }
        repair_half(in, out, &state, (enum half)h, &half[h]);
    }
    if (!out->consequences && !state.conflict.ptr) {
        out->nothing = STR("there is nothing to repair");
        return true;
    }
    return meltano_write(in, out, 0, half, 1, half[COMPLETED], err);
}

const struct op meltano_repair = {
    .verb = "repair",
    .help = "null halves become {}, state beside singer_state is put under it",
    .run = repair_run,
};
