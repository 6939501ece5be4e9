/* What is shown of a state: the list, its streams, its runs, and the words for it. */
#include "core/systems/meltano/state.h"

#include "core/store.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- the list (cli.md, `state list`) ---------------------------------------------------------- */

/* clang-format off */
static const struct column list_columns[] = {
    {"id", "ID", CELL_TEXT, 0, true, true, "state id"},
    {"environment", NULL, CELL_TEXT, 0, true, false, "environment, from the id"},
    {"extractor", NULL, CELL_TEXT, 0, true, false, "tap, from the id"},
    {"loader", NULL, CELL_TEXT, 0, true, false, "target, from the id"},
    {"suffix", NULL, CELL_TEXT, 0, true, false, "suffix, from the id"},
    {"completed", "COMP", CELL_BOOL, 4, false, false, "completed state is there"},
    {"partial", "PART", CELL_BOOL, 4, false, false, "partial state is there: the next run sees it over completed"},
    {"valid", "VALID", CELL_BOOL, 5, false, true, "a run finds singer_state in it"},
    {"bytes", "SIZE", CELL_BYTES, 6, true, false, "stored size"},
    {"updated_at", "UPDATED", CELL_TIME, 7, true, false, "last written, where the store knows"},
    {"lock", "LOCK", CELL_OBJECT, 7, false, false, "lock on this state: its verdict"},
    {"run", "RUN", CELL_OBJECT, 7, false, false, "run of this state that is or seems to be under way"},
    ATTENTION_COLUMN,
};
/* clang-format on */

static const struct value *time_or_null(struct arena *a, int64_t us)
{
    struct str text = time_rfc3339(a, us);
    return text.ptr ? value_str(a, text) : &value_null;
}

static const struct value *str_or_null(struct arena *a, struct str s)
{
    return s.ptr ? value_str(a, s) : &value_null;
}

static struct cell object_cell(struct arena *a, struct str text, const char *const *names,
                               const struct value *const *values, size_t n)
{
    const struct value *object = value_empty_dict(a);
    for (size_t i = 0; i < n; i++)
        object = value_dict_with(a, object, names[i], values[i]);
    return (struct cell){.type = CELL_OBJECT, .text = text, .object = object};
}

static struct cell lock_cell(const struct sheet_input *in)
{
    static const char *const names[] = {"holder", "taken_at", "expires_at", "verdict"};
    struct arena *a = in->arena;
    if (!in->lock)
        return in->locks_known ? cell_null() : (struct cell){0};
    struct str verdict = str_of(lock_verdict_name(in->lock->verdict));
    const struct value *values[] = {
        str_or_null(a, in->lock->holder), time_or_null(a, in->lock->taken_at_us),
        time_or_null(a, in->lock->expires_at_us), value_str(a, verdict)};
    return object_cell(a, verdict, names, values, COUNT(names));
}

static struct cell run_cell(const struct sheet_input *in)
{
    static const char *const names[] = {"state", "started_at", "heartbeat_at", "live"};
    struct arena *a = in->arena;
    const struct activity *act = in->activity;
    if (!act)
        return (struct cell){0};
    if (act->sight != ACTIVITY_SEEN)
        return cell_null();
    const struct value *values[] = {value_cstr(a, "RUNNING"), time_or_null(a, act->started_at_us),
                                    time_or_null(a, act->heartbeat_at_us),
                                    value_bool(act->record_live)};
    return object_cell(a, act->record_live ? STR("running") : STR("stale"), names, values,
                       COUNT(names));
}

static void fill_id(const struct sheet *sheet, struct sheet_row *row, struct str id)
{
    struct meltano_id parts = {STR_NULL, STR_NULL, STR_NULL, STR_NULL};
    meltano_id_parse(id, &parts);
    *sheet_cell(sheet, row, "id") = cell_text(id);
    *sheet_cell(sheet, row, "environment") = cell_text(parts.environment);
    *sheet_cell(sheet, row, "extractor") = cell_text(parts.extractor);
    *sheet_cell(sheet, row, "loader") = cell_text(parts.loader);
    *sheet_cell(sheet, row, "suffix") = cell_text(parts.suffix);
}

/* A half that cannot be told (a torn file) is null. */
static void fill_halves(const struct sheet *sheet, struct sheet_row *row,
                        const struct sheet_input *in)
{
    struct meltano_state state;
    meltano_state_of(in->doc->root, in->arena, &state);
    for (int h = 0; h < HALVES; h++)
        *sheet_cell(sheet, row, half_names[h]) =
            in->doc->root ? cell_bool(value_count(state.half[h]) > 0) : cell_null();
    *sheet_cell(sheet, row, "valid") = cell_bool(state.valid);
}

static struct sheet_row *list_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, in->row->id);
    fill_id(sheet, row, in->row->id);
    *sheet_cell(sheet, row, "bytes") = cell_bytes(in->row->bytes);
    *sheet_cell(sheet, row, "updated_at") = cell_time(in->row->updated_at_us);
    *sheet_cell(sheet, row, "lock") = lock_cell(in);
    *sheet_cell(sheet, row, "run") = run_cell(in);
    if (!in->doc)
        return row;
    fill_halves(sheet, row, in);
    if (in->row->bytes < 0)
        *sheet_cell(sheet, row, "bytes") = cell_bytes((int64_t)in->doc->bytes);
    meltano_status(in, &row->mark);
    return row;
}

/* --- its streams ------------------------------------------------------------------------------ */

static const struct column stream_columns[] = {
    {"stream", "STREAM", CELL_TEXT, 18, false, true, "name of the stream"},
    {"next", "NEXT RUN GETS", CELL_TEXT, 22, false, true, "where the next run goes on"},
    {"completed", "COMPLETED", CELL_TEXT, 20, false, false, "bookmark in completed"},
    {"partial", "PARTIAL", CELL_TEXT, 20, false, false, "bookmark in partial"},
    {"hides", "NOTE", CELL_TEXT, 0, false, false, "partial hides completed for this stream"},
    {"ahead", NULL, CELL_TEXT, 0, false, false, "of the clock: runs find nothing new until then"},
};

static struct cell ahead_cell(const struct value *next, int64_t now_us, struct arena *a)
{
    int64_t us;
    if (!next || !meltano_lies_ahead(next, now_us, a, &us))
        return cell_null();
    struct cell cell =
        cell_text(arena_printf(a, "%.*s: finds nothing new", STR_ARG(time_span(a, us - now_us))));
    cell.mark = MARK_WARN;
    return cell;
}

static void fill_stream(const struct sheet *sheet, struct sheet_row *row,
                        const struct sheet_input *in, const struct meltano_state *state,
                        struct str stream)
{
    struct arena *a = in->arena;
    const struct value *mark[HALVES];
    for (int h = 0; h < HALVES; h++) {
        mark[h] = value_get_str(meltano_bookmarks(state->half[h], NULL), stream);
        *sheet_cell(sheet, row, half_names[h]) = cell_text(meltano_bookmark_text(mark[h], a));
    }
    const struct value *next = value_get_str(meltano_bookmarks(state->merged, NULL), stream);
    bool found = next && meltano_resumes(state);
    *sheet_cell(sheet, row, "stream") = cell_text(stream);
    *sheet_cell(sheet, row, "next") = cell_text(!state->merged ? STR("CRASH")
                                                : found        ? meltano_bookmark_text(next, a)
                                                               : STR("FULL IMPORT"));
    *sheet_cell(sheet, row, "hides") =
        mark[COMPLETED] && mark[PARTIAL] ? cell_text(STR("partial hides completed")) : cell_null();
    struct cell *ahead = sheet_cell(sheet, row, "ahead");
    *ahead = ahead_cell(found ? next : NULL, in->now_us, a);
    bool well = found && ahead->mark == MARK_NONE;
    row->mark = !state->merged ? MARK_BAD : well ? MARK_OK : MARK_WARN;
}

static struct sheet_row *streams_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct meltano_state state;
    struct str *streams;
    struct sheet_row *first = NULL, **end = &first;
    if (!in->doc)
        return NULL;
    meltano_state_of(in->doc->root, in->arena, &state);
    size_t n = meltano_streams(&state, in->arena, &streams);
    for (size_t i = 0; i < n; i++, end = &(*end)->next) {
        *end = sheet_row_new(sheet, in->arena, streams[i]);
        fill_stream(sheet, *end, in, &state, streams[i]);
    }
    return first;
}

/* --- its runs --------------------------------------------------------------------------------- */

static const struct column history_columns[] = {
    {"id", "RUN", CELL_TEXT, 8, false, true, "row of the run"},
    {"state", "STATE", CELL_TEXT, 10, false, true, "how it ended, or STATE_EDIT for an edit"},
    {"started_at", "STARTED", CELL_TIME, 9, false, false, "start"},
    {"ended_at", "ENDED", CELL_TIME, 9, false, false, "end"},
    {"kind", "WROTE", CELL_TEXT, 10, false, false, "completed, partial, or nothing"},
    {"trigger", "TRIGGER", CELL_TEXT, 9, false, false, "what started it"},
    {"heartbeat_at", NULL, CELL_TIME, 0, false, false, "last sign of life"},
    {"payload", "PAYLOAD", CELL_TEXT, 0, false, false, "the state or error it left"},
};

static struct cell time_cell(const struct value *v)
{
    int64_t us;
    return value_is_str(v) && time_parse(v->text, &us) ? cell_time(us) : cell_null();
}

static struct str flags_text(const struct value *flags)
{
    int64_t n = 0;
    value_to_i64(flags, &n);
    return n & 1 ? STR("completed") : n & 2 ? STR("partial") : STR_NULL;
}

static struct sheet_row *history_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    static const char *const texts[] = {"state", "trigger", "payload"};
    static const char *const times[] = {"started_at", "ended_at", "heartbeat_at"};
    const struct value *runs = value_get(in->facts, "runs");
    struct sheet_row *first = NULL, **end = &first;
    for (size_t i = 0; value_is_list(runs) && i < value_count(runs); i++) {
        const struct value *run = value_at(runs, i), *id = value_get(run, "id");
        struct str key = value_is_str(id) ? id->text : value_repr(in->arena, id, 40);
        *end = sheet_row_new(sheet, in->arena, key);
        *sheet_cell(sheet, *end, "id") = cell_text(key);
        for (size_t k = 0; k < COUNT(texts); k++)
            *sheet_cell(sheet, *end, texts[k]) =
                cell_text(value_str_or(value_get(run, texts[k]), STR_NULL));
        for (size_t k = 0; k < COUNT(times); k++)
            *sheet_cell(sheet, *end, times[k]) = time_cell(value_get(run, times[k]));
        *sheet_cell(sheet, *end, "kind") = cell_text(flags_text(value_get(run, "flags")));
        struct str state = value_str_or(value_get(run, "state"), STR(""));
        (*end)->mark = str_is(state, "FAIL")      ? MARK_BAD
                       : str_is(state, "RUNNING") ? MARK_WAIT
                                                  : MARK_NONE;
        end = &(*end)->next;
    }
    return first;
}

const struct sheet meltano_sheets[MELTANO_SHEETS] = {
    {"list", "states", list_columns, COUNT(list_columns), list_fill},
    {"streams", "streams", stream_columns, COUNT(stream_columns), streams_fill},
    {"history", "runs", history_columns, COUNT(history_columns), history_fill},
};

/* --- words ------------------------------------------------------------------------------------ */

static size_t count_streams(const struct value *half)
{
    size_t n = 0;
    const struct value *bookmarks = meltano_bookmarks(half, NULL);
    for (size_t i = 0; i < value_count(bookmarks); i++)
        n += !str_is(bookmarks->dict.pairs[i].key->text, "currently_syncing");
    return n;
}

struct str meltano_brief(const struct value *root, struct arena *a)
{
    struct meltano_state state;
    meltano_state_of(root, a, &state);
    if (!state.merged)
        return STR("damaged");
    if (state.bare || meltano_not_nested(state.merged))
        return STR("ignored by runs");
    if (value_count(state.merged) == 0)
        return STR("empty");
    size_t completed = count_streams(state.half[COMPLETED]);
    size_t partial = count_streams(state.half[PARTIAL]);
    struct str text = arena_printf(a, "%zu stream%s", completed, completed == 1 ? "" : "s");
    if (value_count(state.half[PARTIAL]) > 0)
        text = arena_printf(a, "%.*s, %zu partial", STR_ARG(text), partial);
    return text;
}

struct str meltano_status(const struct sheet_input *in, enum mark *ret_mark)
{
    struct meltano_state state;
    if (!in->doc || in->doc->truncated) {
        *ret_mark = MARK_NONE;
        return in->doc ? STR("too large to read") : STR_NULL;
    }
    meltano_state_of(in->doc->root, in->arena, &state);
    if (!state.merged || !in->doc->root || in->doc->problem.kind != ERR_NONE) {
        *ret_mark = MARK_BAD;
        return STR("damaged");
    }
    *ret_mark = MARK_WARN;
    if (state.bare || meltano_not_nested(state.merged))
        return STR("ignored");
    if (value_count(state.merged) == 0)
        return STR("empty");
    *ret_mark = MARK_OK;
    return value_count(state.half[PARTIAL]) > 0 ? STR("partial") : STR("ok");
}

/* --- show ------------------------------------------------------------------------------------- */

enum { SHOW_LINES = 16 };

static struct str next_run(const struct meltano_state *state, struct arena *a)
{
    struct str *streams;
    if (!state->merged)
        return STR("CRASHES on this state");
    if (!meltano_resumes(state))
        return STR("FULL IMPORT of every stream");
    size_t n = meltano_streams(state, a, &streams);
    return arena_printf(a, "goes on with %zu stream%s", n, n == 1 ? "" : "s");
}

static struct str run_text(const struct sheet_input *in)
{
    const struct activity *act = in->activity;
    if (!act)
        return STR_NULL;
    if (act->sight == ACTIVITY_BLIND)
        return arena_printf(in->arena, "cannot see: %.*s", STR_ARG(act->why));
    if (act->sight == ACTIVITY_NONE)
        return STR("none seen");
    struct str since = act->started_at_us == TIME_UNKNOWN
                           ? STR("unknown time")
                           : time_span(in->arena, in->now_us - act->started_at_us);
    return arena_printf(in->arena, "run %.*s, %s, since %.*s", STR_ARG(act->who),
                        act->record_live ? "RUNNING" : "marked RUNNING without a heartbeat",
                        STR_ARG(since));
}

size_t meltano_show(const struct sheet_input *in, struct str (**ret)[2])
{
    struct arena *a = in->arena;
    struct show_lines lines = show_lines_new(a, SHOW_LINES);
    struct meltano_id id;
    *ret = lines.at;
    show_line(&lines, "state", in->row->id);
    if (meltano_id_parse(in->row->id, &id))
        show_line(&lines, "pipeline",
                  arena_printf(a, "%.*s to %.*s in %.*s%s%.*s", STR_ARG(id.extractor),
                               STR_ARG(id.loader), STR_ARG(id.environment),
                               id.suffix.ptr ? ", suffix " : "", STR_ARG(id.suffix)));
    if (in->doc) {
        struct meltano_state state;
        meltano_state_of(in->doc->root, a, &state);
        if (in->doc->root) {
            show_line(&lines, "next run", next_run(&state, a));
            show_line(&lines, "holds", meltano_brief(in->doc->root, a));
        }
    }
    show_line(&lines, "writer", run_text(in));
    if (in->lock)
        show_line(&lines, "lock",
                  arena_printf(a, "%s: %.*s; frees itself %.*s",
                               lock_verdict_name(in->lock->verdict), STR_ARG(in->lock->evidence),
                               STR_ARG(in->lock->frees_itself)));
    for (struct finding *f = meltano_check(in); f; f = f->next) {
        show_line(&lines, f->severity == SEVERITY_INFO ? "note" : "wrong", f->text);
        show_line(&lines, "do", f->fix);
    }
    return lines.n;
}
