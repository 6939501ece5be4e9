/* What is wrong with a state, and who may be writing it. */
#include "core/output.h"
#include "core/systems/meltano/state.h"

#include "core/store.h"

#include <math.h>
#include <string.h>

/* --- writers ---------------------------------------------------------------------------------- */

/* A run never reads its state again: each STATE line of its target replaces what is stored (2.6).
 */
struct writer meltano_judge(const struct op *op, const struct op_input *in)
{
    (void)op;
    const struct activity *act = in->activity;
    struct arena *a = in->arena;
    if (!act || act->sight == ACTIVITY_NONE)
        return (struct writer){WRITER_NONE_SEEN, STR_NULL};
    if (act->sight == ACTIVITY_BLIND)
        return (struct writer){WRITER_CANNOT_SEE, act->why};
    int64_t age_us = in->now_us - act->heartbeat_at_us; /* clocks differ */
    struct str seen =
        act->heartbeat_at_us == TIME_UNKNOWN
            ? STR("none")
            : arena_printf(a, "%.*s ago", STR_ARG(time_span(a, age_us > 0 ? age_us : 0)));
    if (act->record_live)
        return (struct writer){
            WRITER_BLOCKS,
            arena_printf(a,
                         "run %.*s is under way, last heartbeat %.*s: its next STATE "
                         "line would overwrite this",
                         STR_ARG(act->who), STR_ARG(seen))};
    return (struct writer){
        WRITER_CANNOT_SEE,
        arena_printf(a, "run %.*s is marked RUNNING, last heartbeat %.*s: probably killed",
                     STR_ARG(act->who), STR_ARG(seen))};
}

/* --- findings --------------------------------------------------------------------------------- */

struct check {
    const struct sheet_input *in;
    struct arena *a;
    struct finding *list;
    struct str id; /* as a shell word */
};

static struct finding *add(struct check *c, const char *code, enum severity severity,
                           struct str text)
{
    return finding_add(&c->list, c->a, code, severity, c->in->row->label, "%.*s", STR_ARG(text));
}

static struct str fix(struct check *c, const char *verb)
{
    return arena_printf(c->a, "%s %.*s", verb, STR_ARG(c->id));
}

/* The stream a conflict's pointer lies in, or STR_NULL. */
static struct str stream_of(const struct meltano_state *state, struct str pointer)
{
    const char *base;
    const struct value *bookmarks = meltano_bookmarks(state->half[PARTIAL], &base);
    struct str rest = str_sub(pointer, 0, pointer.len);
    if (!bookmarks || !str_starts(rest, base) || rest.len <= strlen(base) + 1)
        return STR_NULL;
    rest = str_sub(rest, strlen(base) + 1, rest.len);
    ptrdiff_t slash = str_index(rest, '/');
    struct str name = slash < 0 ? rest : str_sub(rest, 0, (size_t)slash);
    return value_get_str(bookmarks, name) ? name : STR_NULL; /* none when the name was escaped */
}

static void check_halves(struct check *c, const struct meltano_state *state)
{
    for (int h = 0; h < HALVES; h++) {
        if (state->kind[h] == HALF_NULL)
            add(c, "null_half", SEVERITY_ERROR,
                arena_printf(c->a, "%s is null: the next run, and Meltano's whole list, crash",
                             half_names[h]))
                ->fix = fix(c, "state repair");
        if (state->kind[h] == HALF_WRONG)
            add(c, "wrong_half", SEVERITY_ERROR,
                arena_printf(c->a, "%s is no object: the next run crashes", half_names[h]))
                ->fix =
                arena_printf(c->a, "state set %.*s --part %s '{}'", STR_ARG(c->id), half_names[h]);
        if (meltano_not_nested(state->half[h]))
            add(c, "not_nested", SEVERITY_WARNING,
                arena_printf(c->a, "%s is not under singer_state: runs ignore it%s", half_names[h],
                             state->valid ? "" : ", the next run imports everything"))
                ->fix = fix(c, "state repair");
    }
    if (!state->conflict.ptr)
        return;
    struct finding *f = add(
        c, "type_conflict", SEVERITY_ERROR,
        arena_printf(c->a, "the next run crashes: partial cannot be merged over completed at %.*s",
                     STR_ARG(state->conflict)));
    struct str stream = stream_of(state, state->conflict);
    f->part = stream;
    if (stream.ptr)
        f->fix = arena_printf(c->a, "state reset %.*s %.*s", STR_ARG(c->id),
                              STR_ARG(shell_quote(c->a, stream)));
}

static void check_content(struct check *c, const struct meltano_state *state)
{
    bool completed = value_count(state->half[COMPLETED]) > 0;
    bool partial = value_count(state->half[PARTIAL]) > 0;
    if (state->bare) {
        add(c, "not_a_pair", SEVERITY_WARNING,
            STR("the state stands where the pair should be: Meltano reads it as empty, the next "
                "run imports everything"))
            ->fix = fix(c, "state repair");
        return;
    }
    if (state->unknown)
        add(c, "unknown_keys", SEVERITY_INFO,
            STR("there are keys beside completed and partial: they go with the next write"));
    if (!completed && !partial && state->merged)
        add(c, "empty", SEVERITY_INFO, STR("nothing is stored: the next run imports everything"));
    else if (state->valid && !meltano_resumes(state))
        add(c, "empty", SEVERITY_INFO,
            STR("singer_state is empty: the next run imports everything"));
    if (!completed && partial && state->merged)
        add(c, "partial_only", SEVERITY_INFO,
            STR("only partial state: it stays over whatever is completed until a run replaces "
                "both"));
}

static bool has_non_finite(const struct value *v)
{
    if (!v)
        return false;
    if (v->type == VALUE_FLOAT)
        return !isfinite(v->real);
    bool found = false;
    for (size_t i = 0; value_is_list(v) && i < value_count(v) && !found; i++)
        found = has_non_finite(value_at(v, i));
    for (size_t i = 0; value_is_dict(v) && i < value_count(v) && !found; i++)
        found = has_non_finite(v->dict.pairs[i].val);
    return found;
}

enum { AHEAD_MAX = 20 }; /* findings of one kind for one record */

/* A day is left for zones and dates. */
bool meltano_lies_ahead(const struct value *bookmark, int64_t now_us, struct arena *a,
                        int64_t *ret_us)
{
    static const int64_t day_us = 86400 * INT64_C(1000000);
    const struct value *position;
    struct str *pointers;
    int64_t us;
    if (!meltano_positions(bookmark, a, &pointers) ||
        !value_pointer_get(bookmark, pointers[0], &position, NULL) || !value_is_str(position) ||
        !time_parse(position->text, &us) || us < now_us + day_us)
        return false;
    *ret_us = us;
    return true;
}

static void check_ahead(struct check *c, const struct meltano_state *state)
{
    const struct value *bookmarks = meltano_bookmarks(state->merged, NULL);
    int found = 0;
    for (size_t i = 0; i < value_count(bookmarks) && found < AHEAD_MAX; i++) {
        struct str stream = bookmarks->dict.pairs[i].key->text;
        int64_t us;
        if (!meltano_lies_ahead(bookmarks->dict.pairs[i].val, c->in->now_us, c->a, &us))
            continue;
        found++;
        struct finding *f =
            add(c, "bookmark_ahead", SEVERITY_WARNING,
                arena_printf(c->a, "stream %.*s lies %.*s ahead: runs find nothing new until then",
                             STR_ARG(stream), STR_ARG(time_span(c->a, us - c->in->now_us))));
        f->part = stream;
        f->fix = arena_printf(c->a, "state rewind %.*s %.*s %.*s", STR_ARG(c->id),
                              STR_ARG(shell_quote(c->a, stream)),
                              STR_ARG(time_text(c->a, c->in->now_us)));
    }
}

static void check_lock(struct check *c)
{
    const struct lock *lock = c->in->lock;
    if (!lock || lock->verdict == LOCK_LIVE)
        return;
    bool unreadable = lock->taken_at_us == TIME_UNKNOWN;
    bool ahead = !unreadable && lock->taken_at_us > c->in->now_us + 5000000;
    if (lock->verdict == LOCK_STALE)
        add(c, "lock_left_over", SEVERITY_INFO,
            arena_printf(c->a, "lock %.*s", STR_ARG(lock->evidence)));
    else if (unreadable || ahead)
        add(c, unreadable ? "lock_unreadable" : "lock_ahead", SEVERITY_WARNING,
            arena_printf(c->a, "the lock blocks every writer: %.*s", STR_ARG(lock->evidence)))
            ->fix = fix(c, "lock break");
}

static void check_run(struct check *c)
{
    const struct activity *act = c->in->activity;
    if (act && act->sight == ACTIVITY_SEEN && act->stale && !act->record_live)
        add(c, "stale_run", SEVERITY_INFO,
            arena_printf(c->a, "run %.*s is marked RUNNING but gives no sign: probably killed",
                         STR_ARG(act->who)));
}

struct finding *meltano_check(const struct sheet_input *in)
{
    struct check c = {in, in->arena, NULL, output_id_word(in->arena, in->row->id)};
    struct meltano_state state;
    check_lock(&c);
    check_run(&c);
    if (!in->doc || in->doc->absent || in->doc->truncated)
        return c.list;
    if (in->doc->problem.kind != ERR_NONE) {
        struct finding *f =
            add(&c, "damaged", SEVERITY_ERROR,
                arena_printf(c.a, "the stored state cannot be read: %s", in->doc->problem.text));
        f->detail = STR("the next run crashes on it; an undo, 'state set' with a whole state or "
                        "'state clear' replaces it");
        return c.list;
    }
    meltano_state_of(in->doc->root, in->arena, &state);
    check_halves(&c, &state);
    check_content(&c, &state);
    check_ahead(&c, &state);
    if (has_non_finite(in->doc->root))
        add(&c, "not_finite", SEVERITY_INFO,
            STR("NaN or Infinity in it: Meltano reads that, other JSON readers do not"));
    return c.list;
}
