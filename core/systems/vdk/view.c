/* What is shown of a source: the list, its streams and others, findings, and the lines of `show`.
 */
#include "core/systems/vdk/vdk.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { VALUE_CELLS = 200, SHOW_LINES = 40 };

/* --- sheets --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct column list_columns[] = {
    {"id", "SOURCE", CELL_TEXT, 0, true, true, "source id, as the job's author chose it"},
    {"job", NULL, CELL_TEXT, 0, false, false, "data job, where a store holds several"},
    {"team", NULL, CELL_TEXT, 0, false, false, "team of the job, where it is known"},
    {"streams", "STREAMS", CELL_INT, 7, false, true, "streams with a state"},
    {"others", "OTHERS", CELL_INT, 6, false, false, "states that belong to no stream"},
    {"bytes", "SIZE", CELL_BYTES, 7, true, false, "stored size"},
    {"updated_at", "UPDATED", CELL_TIME, 8, true, false, "last written, where the store knows"},
    {"layout", "LAYOUT", CELL_TEXT, 18, false, false, "how the source is stored"},
    ATTENTION_COLUMN,
};

static const struct column stream_columns[] = {
    {"name", "NAME", CELL_TEXT, 0, false, true, "stream, or key of an other"},
    {"kind", "KIND", CELL_TEXT, 7, false, false, "stream or other"},
    {"type", "TYPE", CELL_TEXT, 7, false, false, "JSON type of the state"},
    {"value", "STATE", CELL_TEXT, 0, false, true, "the state, cut"},
};
/* clang-format on */

static struct sheet_row *list_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, in->row->id);
    *sheet_cell(sheet, row, "id") = cell_text(in->row->id);
    *sheet_cell(sheet, row, "job") = cell_null();
    *sheet_cell(sheet, row, "team") = cell_null();
    *sheet_cell(sheet, row, "bytes") = cell_bytes(in->row->bytes);
    *sheet_cell(sheet, row, "updated_at") = cell_time(in->row->updated_at_us);
    if (!in->doc)
        return row;
    system_vdk.status(in, &row->mark);
    bool known = in->doc->root && !vdk_damage(in->doc->root).ptr;
    for (int i = 0; i < VDK_GROUPS; i++)
        *sheet_cell(sheet, row, vdk_groups[i]) =
            known ? cell_int((int64_t)vdk_count(in->doc->root, (enum vdk_group)i)) : cell_null();
    *sheet_cell(sheet, row, "layout") = cell_text(in->doc->format);
    return row;
}

/* A null stream makes most sources fail when they start [1.2]. */
static enum mark state_mark(const struct value *state)
{
    return value_is_null(state) ? MARK_BAD : value_is_dict(state) ? MARK_NONE : MARK_WARN;
}

static struct sheet_row *streams_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    static const char *const kinds[VDK_GROUPS] = {"stream", "other"};
    struct sheet_row *first = NULL, **end = &first;
    for (int group = 0; in->doc && group < VDK_GROUPS; group++) {
        const struct value *states = value_get(in->doc->root, vdk_groups[group]);
        for (size_t i = 0; value_is_dict(states) && i < value_count(states); i++) {
            const struct value_pair *pair = &states->dict.pairs[i];
            struct sheet_row *row = sheet_row_new(sheet, in->arena, pair->key->text);
            *sheet_cell(sheet, row, "name") = cell_text(pair->key->text);
            *sheet_cell(sheet, row, "kind") = cell_text(str_of(kinds[group]));
            *sheet_cell(sheet, row, "type") = cell_text(str_of(value_type_name(pair->val->type)));
            *sheet_cell(sheet, row, "value") =
                cell_text(value_repr(in->arena, pair->val, VALUE_CELLS));
            row->mark = state_mark(pair->val);
            *end = row;
            end = &row->next;
        }
    }
    return first;
}

const struct sheet vdk_sheets[2] = {
    {"list", "sources", list_columns, COUNT(list_columns), list_fill},
    {"streams", "streams and others", stream_columns, COUNT(stream_columns), streams_fill},
};

/* --- findings ------------------------------------------------------------------------------- */

struct finding *vdk_check(const struct sheet_input *in)
{
    struct finding *list = NULL;
    const struct document *doc = in->doc;
    if (!doc || doc->absent || doc->truncated)
        return NULL;
    struct str damage = doc->problem.kind ? str_of(doc->problem.text) : vdk_damage(doc->root);
    if (damage.ptr) {
        finding_add(&list, in->arena, "damaged", SEVERITY_ERROR, in->row->label,
                    "VDK fails on this state: %.*s", STR_ARG(damage));
        return list;
    }
    const struct value *streams = value_get(doc->root, vdk_groups[VDK_STREAMS]);
    for (size_t i = 0; i < value_count(streams); i++) {
        const struct value_pair *pair = &streams->dict.pairs[i];
        if (value_is_null(pair->val))
            finding_add(&list, in->arena, "null_stream", SEVERITY_ERROR, in->row->label,
                        "stream %.*s is null: most sources fail on it when they start",
                        STR_ARG(pair->key->text));
        else if (!value_is_dict(pair->val))
            finding_add(&list, in->arena, "scalar_stream", SEVERITY_WARNING, in->row->label,
                        "stream %.*s is a %s, not an object", STR_ARG(pair->key->text),
                        value_type_name(pair->val->type));
    }
    return list;
}

/* --- show ----------------------------------------------------------------------------------- */

struct lines {
    struct str (*pairs)[2];
    size_t n;
};

static void line(struct lines *lines, struct str label, struct str text)
{
    if (lines->n == SHOW_LINES)
        return;
    lines->pairs[lines->n][0] = label;
    lines->pairs[lines->n++][1] = text;
}

static void show_group(struct lines *lines, const struct sheet_input *in, enum vdk_group group)
{
    const struct value *states = value_get(in->doc->root, vdk_groups[group]);
    for (size_t i = 0; value_is_dict(states) && i < value_count(states); i++) {
        const struct value_pair *pair = &states->dict.pairs[i];
        struct str state = value_repr(in->arena, pair->val, VALUE_CELLS);
        line(lines, i ? STR("") : str_of(vdk_groups[group]),
             arena_printf(in->arena, "%.*s  %.*s", STR_ARG(pair->key->text), STR_ARG(state)));
    }
}

size_t vdk_show(const struct sheet_input *in, struct str (**ret)[2])
{
    struct lines lines = {arena_alloc_array(in->arena, SHOW_LINES, sizeof *lines.pairs), 0};
    *ret = lines.pairs;
    line(&lines, STR("source"), in->row->id);
    if (!in->doc)
        return lines.n;
    struct str damage =
        in->doc->problem.kind ? str_of(in->doc->problem.text) : vdk_damage(in->doc->root);
    if (damage.ptr)
        line(&lines, STR("damaged"), damage);
    line(&lines, STR("layout"), in->doc->format);
    for (int group = 0; group < VDK_GROUPS; group++)
        show_group(&lines, in, (enum vdk_group)group);
    line(&lines, STR("changes"), STR(VDK_READ_ONLY));
    return lines.n;
}
