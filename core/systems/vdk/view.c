/* What is shown of a source: the list, its streams side by side, its others, and the lines of
 * `show`. */
#include "core/systems/vdk/vdk.h"

#include "core/systems/vdk/properties.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { VALUE_CELLS = 200, SHOW_LINES = 40 };

/* --- the list (cli.md, `source list`) --------------------------------------------------------- */

/* clang-format off */
static const struct column list_columns[] = {
    {"id", "SOURCE", CELL_TEXT, 0, true, true, "source id, as the job's author chose it; JOB/SOURCE where a store holds several jobs"},
    {"job", NULL, CELL_TEXT, 0, true, false, "data job, where a store holds several"},
    {"team", NULL, CELL_TEXT, 0, false, false, "team of the job, where it is known"},
    {"streams", "STREAMS", CELL_INT, 7, false, true, "streams with a state"},
    {"others", "OTHERS", CELL_INT, 6, false, false, "states that belong to no stream"},
    {"bytes", "SIZE", CELL_BYTES, 7, true, false, "stored size"},
    {"updated_at", "UPDATED", CELL_TIME, 8, true, false, "last written, where the store knows"},
    {"layout", "LAYOUT", CELL_TEXT, 18, false, false, "how the source is stored"},
    ATTENTION_COLUMN,
};

static const struct column stream_columns[] = {
    {"name", "STREAM", CELL_TEXT, 0, false, true, "name of the stream"},
    {"position", "POSITION", CELL_TEXT, 26, false, true, "how far it has come: the value that most streams of the source have under one name"},
    {"behind", "BEHIND", CELL_TEXT, 10, false, true, "how far it is behind the furthest stream"},
    {"type", "TYPE", CELL_TEXT, 7, false, false, "JSON type of the state"},
    {"value", "STATE", CELL_TEXT, 0, false, true, "the state, cut"},
};

static const struct column other_columns[] = {
    {"name", "KEY", CELL_TEXT, 0, false, true, "key of the state"},
    {"type", "TYPE", CELL_TEXT, 7, false, false, "JSON type of the state"},
    {"value", "STATE", CELL_TEXT, 0, false, true, "the state, cut"},
};
/* clang-format on */

static struct cell fact(const struct sheet_input *in, const char *name, struct str other)
{
    return cell_text(value_str_or(value_get(in->facts, name), other));
}

static struct sheet_row *list_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, in->row->id);
    *sheet_cell(sheet, row, "id") = cell_text(in->row->id);
    *sheet_cell(sheet, row, "job") =
        fact(in, VDK_FACT_JOB, vdk_job_of(in->row->id, in->row->label));
    *sheet_cell(sheet, row, "team") = fact(in, VDK_FACT_TEAM, STR_NULL);
    *sheet_cell(sheet, row, "bytes") = cell_bytes(in->row->bytes);
    *sheet_cell(sheet, row, "updated_at") = cell_time(in->row->updated_at_us);
    if (!in->doc)
        return row;
    system_vdk.status(in, &row->mark);
    bool known =
        in->doc->root && vdk_kind_of(in->doc) == VDK_SOURCE && !vdk_damage(in->doc->root).ptr;
    for (int i = 0; i < VDK_GROUPS; i++)
        *sheet_cell(sheet, row, vdk_groups[i]) =
            known ? cell_int((int64_t)vdk_count(in->doc->root, (enum vdk_group)i)) : cell_null();
    *sheet_cell(sheet, row, "layout") = cell_text(in->doc->format);
    return row;
}

/* --- streams side by side --------------------------------------------------------------------- */

/* Eight threads write whole documents over each other, so a stream may be put back behind what it
 * said last [3]: seen only beside its siblings. */
struct lead {
    struct str key; /* of the position; ptr NULL: the states have none in common */
    const struct value *furthest;
};

static bool is_position(const struct value *v)
{
    int64_t us;
    return v && (v->type == VALUE_INT || v->type == VALUE_FLOAT ||
                 (value_is_str(v) && time_parse(v->text, &us)));
}

static size_t streams_with(const struct value *streams, struct str key)
{
    size_t n = 0;
    for (size_t i = 0; i < value_count(streams); i++)
        n += is_position(value_get_str(streams->dict.pairs[i].val, key));
    return n;
}

static struct lead find_lead(const struct value *streams)
{
    struct lead lead = {STR_NULL, NULL};
    size_t most = 0, n = value_count(streams);
    /* A key that no stream before this one has is in no more than those that are left. */
    for (size_t i = 0; n - i > most; i++) {
        const struct value *state = streams->dict.pairs[i].val;
        for (size_t k = 0; value_is_dict(state) && k < value_count(state); k++) {
            struct str key = state->dict.pairs[k].key->text;
            size_t with = str_eq(key, lead.key) ? 0 : streams_with(streams, key);
            if (with <= most)
                continue;
            most = with;
            lead.key = key;
        }
    }
    for (size_t i = 0; lead.key.ptr && i < n; i++) {
        const struct value *v = value_get_str(streams->dict.pairs[i].val, lead.key);
        if (is_position(v) && (!lead.furthest || value_position_cmp(v, lead.furthest) > 0))
            lead.furthest = v;
    }
    return lead;
}

static struct str behind(struct arena *a, const struct value *v, const struct value *furthest)
{
    int64_t own, far;
    if (value_position_cmp(v, furthest) >= 0)
        return STR_NULL;
    if (value_is_str(v) && time_parse(v->text, &own) && time_parse(furthest->text, &far))
        return time_span(a, far - own);
    if (value_to_i64(v, &own) && value_to_i64(furthest, &far) &&
        !__builtin_sub_overflow(far, own, &far))
        return arena_printf(a, "%lld", (long long)far);
    return STR("yes");
}

/* A null stream makes most sources fail when they start [1.2]; an other may be anything else. */
static enum mark state_mark(enum vdk_group group, const struct value *state)
{
    if (value_is_null(state))
        return MARK_BAD;
    return value_is_dict(state) || group == VDK_OTHERS ? MARK_NONE : MARK_WARN;
}

static struct sheet_row *entry_row(const struct sheet *sheet, const struct sheet_input *in,
                                   enum vdk_group group, const struct value_pair *pair)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, pair->key->text);
    *sheet_cell(sheet, row, "name") = cell_text(pair->key->text);
    *sheet_cell(sheet, row, "type") = cell_text(str_of(value_type_name(pair->val->type)));
    *sheet_cell(sheet, row, "value") = cell_text(value_repr(in->arena, pair->val, VALUE_CELLS));
    row->mark = state_mark(group, pair->val);
    return row;
}

static void position_fill(const struct sheet *sheet, const struct sheet_input *in,
                          const struct lead *lead, const struct value *state, struct sheet_row *row)
{
    const struct value *v = value_get_str(state, lead->key);
    bool known = lead->key.ptr && is_position(v);
    struct str lag = known ? behind(in->arena, v, lead->furthest) : STR_NULL;
    *sheet_cell(sheet, row, "position") =
        known ? cell_text(arena_printf(in->arena, "%.*s %.*s", STR_ARG(lead->key),
                                       STR_ARG(value_repr(in->arena, v, VALUE_CELLS))))
              : cell_null();
    *sheet_cell(sheet, row, "behind") = cell_text(lag);
    if (lag.ptr && row->mark == MARK_NONE)
        row->mark = MARK_WAIT;
}

static struct sheet_row *entries_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    enum vdk_group group =
        strcmp(sheet->name, vdk_groups[VDK_STREAMS]) == 0 ? VDK_STREAMS : VDK_OTHERS;
    const struct value *root = in->doc && vdk_kind_of(in->doc) == VDK_SOURCE ? in->doc->root : NULL;
    const struct value *entries = value_get(root, vdk_groups[group]);
    struct sheet_row *first = NULL, **end = &first;
    if (!value_is_dict(entries))
        return NULL;
    struct lead lead = find_lead(entries);
    for (size_t i = 0; i < value_count(entries); i++) {
        const struct value_pair *pair = &entries->dict.pairs[i];
        struct sheet_row *row = entry_row(sheet, in, group, pair);
        if (group == VDK_STREAMS)
            position_fill(sheet, in, &lead, pair->val, row);
        *end = row;
        end = &row->next;
    }
    return first;
}

const struct sheet vdk_sheets[VDK_SHEETS] = {
    {"list", "sources", list_columns, COUNT(list_columns), list_fill},
    {"streams", "streams side by side", stream_columns, COUNT(stream_columns), entries_fill},
    {"others", "states that belong to no stream", other_columns, COUNT(other_columns),
     entries_fill},
};

/* --- show ------------------------------------------------------------------------------------- */

static void show_group(struct show_lines *lines, const struct sheet_input *in, enum vdk_group group)
{
    const struct value *states = value_get(in->doc->root, vdk_groups[group]);
    for (size_t i = 0; value_is_dict(states) && i < value_count(states); i++) {
        const struct value_pair *pair = &states->dict.pairs[i];
        struct str state = value_repr(in->arena, pair->val, VALUE_CELLS);
        show_line(lines, i ? "" : vdk_groups[group],
                  arena_printf(in->arena, "%.*s  %.*s", STR_ARG(pair->key->text), STR_ARG(state)));
    }
}

static struct str writer_text(const struct sheet_input *in)
{
    const struct activity *act = in->activity;
    if (!act)
        return STR_NULL;
    if (act->sight == ACTIVITY_NONE)
        return STR("none seen");
    return act->sight == ACTIVITY_BLIND
               ? arena_printf(in->arena, "cannot see: %.*s", STR_ARG(act->why))
               : act->who;
}

size_t vdk_show(const struct sheet_input *in, struct str (**ret)[2])
{
    static const char *const words[] = {
        [VDK_SOURCE] = "source", [VDK_JOB] = "job", [VDK_FILE] = "file"};
    struct show_lines lines = show_lines_new(in->arena, SHOW_LINES);
    enum vdk_kind kind = vdk_kind_of(in->doc);
    *ret = lines.at;
    show_line(&lines, words[kind], in->row->label);
    show_line(&lines, "job", vdk_job_of(in->row->id, in->row->label));
    if (!in->doc)
        return lines.n;
    show_line(&lines, "layout", in->doc->format);
    if (kind == VDK_SOURCE && in->doc->root) {
        for (int group = 0; group < VDK_GROUPS; group++)
            show_group(&lines, in, (enum vdk_group)group);
    }
    show_line(&lines, "writer", writer_text(in));
    for (struct finding *f = vdk_check(in); f; f = f->next) {
        show_line(&lines, f->severity == SEVERITY_INFO ? "note" : "wrong", f->text);
        show_line(&lines, "do", f->fix);
    }
    return lines.n;
}
