/* `table versions`: the stored versions of a table's schema, what changed from one to the next, and
 * which of them the destination has (the reference, 1.2). */
#include "core/systems/etl/etl.h"

#include <string.h>

const struct column etl_version_columns[ETL_VERSION_COLUMNS] = {
    {.name = "id", .title = "ROW", .type = CELL_INT, .width = 8, .keep = true, .help = "row id"},
    {.name = "snapshot_id",
     .title = "SNAPSHOT",
     .type = CELL_TEXT,
     .width = 14,
     .keep = true,
     .help = "position from which the version holds"},
    {.name = "table",
     .title = "TABLE",
     .type = CELL_TEXT,
     .width = 22,
     .help = "schema.name in this version"},
    {.name = "columns", .title = "COLS", .type = CELL_INT, .width = 4, .help = "columns in it"},
    {.name = "destination",
     .title = "DESTINATION",
     .type = CELL_TEXT,
     .width = 11,
     .help = "applied, applying, previous or not yet: what the destination has of it"},
    {.name = "stored_at",
     .title = "STORED",
     .type = CELL_TIME,
     .width = 10,
     .help = "when the version was stored"},
    {.name = "changes",
     .title = "CHANGES",
     .type = CELL_TEXT,
     .help = "columns that came (+), went (-), differ or got another name (~)"},
};

/* --- columns --------------------------------------------------------------------------------- */

static struct str text_at(const struct value *dict, const char *key)
{
    return value_str_or(value_get(dict, key), STR(""));
}

static int64_t number_at(const struct value *dict, const char *key, int64_t other)
{
    const struct value *v = value_get(dict, key);
    int64_t n;
    return v && value_to_i64(v, &n) ? n : other;
}

/* Postgres packs precision and scale, or a length, into the modifier, four more than they are. */
static struct str type_text(struct arena *a, const struct value *column)
{
    struct str type = text_at(column, "column_type");
    int64_t modifier = number_at(column, "type_modifier", -1);
    if (modifier < 4)
        return type;
    modifier -= 4;
    if (str_is(type, "NUMERIC"))
        return arena_printf(a, "NUMERIC(%lld,%lld)", (long long)(modifier >> 16),
                            (long long)(modifier & 0xffff));
    if (str_is(type, "VARCHAR") || str_is(type, "BPCHAR"))
        return arena_printf(a, "%.*s(%lld)", STR_ARG(type), (long long)modifier);
    return type;
}

/* "VARCHAR(64) not null key 1 default 'new'::text" */
static struct str column_text(struct arena *a, const struct value *column)
{
    const struct value *nullable = value_get(column, "nullable");
    int64_t key = number_at(column, "primary_key_ordinal_position", 0);
    struct str fallback = text_at(column, "default_expression"), type = type_text(a, column);
    struct sbuf out = SBUF_INIT;
    sbuf_str(&out, type);
    if (nullable && !value_truth(nullable))
        sbuf_cstr(&out, " not null");
    if (key > 0)
        sbuf_printf(&out, " key %lld", (long long)key);
    else if (value_truth(value_get(column, "primary_key"))) /* L1 */
        sbuf_cstr(&out, " key");
    if (fallback.len)
        sbuf_printf(&out, " default %.*s", STR_ARG(fallback));
    if (value_truth(value_get(column, "generated")))
        sbuf_cstr(&out, " generated");
    return arena_take(a, &out);
}

static const struct value *column_named(const struct value *columns, struct str name)
{
    for (size_t i = 0; i < value_count(columns); i++) {
        if (str_eq(text_at(value_at(columns, i), "column_name"), name))
            return value_at(columns, i);
    }
    return NULL;
}

/* --- snapshots ------------------------------------------------------------------------------- */

/* A version's place among the others: commit and message (section 12), of which an LSN is both. */
struct place {
    uint64_t commit, message;
};

static bool pair_parse(struct str snapshot, struct place *ret)
{
    ptrdiff_t colon = str_index(snapshot, ':');
    return colon > 0 && str_u64(str_sub(snapshot, 0, (size_t)colon), &ret->commit) &&
           str_u64(str_sub(snapshot, (size_t)colon + 1, snapshot.len), &ret->message);
}

/* The first of all where there is none, or none that makes sense. */
static struct place place_of(struct str snapshot)
{
    struct place place = {0};
    if (!pair_parse(snapshot, &place) && etl_lsn_parse(snapshot, &place.commit))
        place.message = place.commit;
    return place;
}

bool etl_snapshot_after(struct str a, struct str b)
{
    struct place x = place_of(a), y = place_of(b);
    return x.commit != y.commit ? x.commit > y.commit : x.message > y.message;
}

static struct str lsn_text(struct arena *arena, uint64_t lsn)
{
    return arena_printf(arena, "%llX/%llX", (unsigned long long)(lsn >> 32),
                        (unsigned long long)(lsn & UINT32_MAX));
}

struct str etl_snapshot_text(struct arena *arena, struct str snapshot)
{
    struct place place;
    if (!pair_parse(snapshot, &place))
        return snapshot;
    struct str commit = lsn_text(arena, place.commit);
    return place.commit == place.message
               ? commit
               : arena_printf(arena, "%.*s, message %.*s", STR_ARG(commit),
                              STR_ARG(lsn_text(arena, place.message)));
}

/* --- changes --------------------------------------------------------------------------------- */

static void change(struct sbuf *out, char sign, struct str name, struct str what)
{
    sbuf_printf(out, "%s%c %.*s%s%.*s", out->len ? ", " : "", sign, STR_ARG(name),
                what.len ? " " : "", STR_ARG(what));
}

/* A column that stands where `column` does and whose name is not in `others`; NULL: none. */
static const struct value *renamed(const struct value *columns, const struct value *column,
                                   const struct value *others)
{
    int64_t place = number_at(column, "ordinal_position", -1);
    for (size_t i = 0; place >= 0 && i < value_count(columns); i++) {
        const struct value *other = value_at(columns, i);
        if (number_at(other, "ordinal_position", -1) == place)
            return column_named(others, text_at(other, "column_name")) ? NULL : other;
    }
    return NULL;
}

static void came(struct arena *a, struct sbuf *out, const struct value *column,
                 const struct value *old, const struct value *new)
{
    struct str name = text_at(column, "column_name"), text = column_text(a, column);
    const struct value *was = renamed(old, column, new);
    if (!was) {
        change(out, '+', name, text);
        return;
    }
    struct str then = column_text(a, was);
    change(out, '~', name,
           arena_printf(a, "was called %.*s%s%.*s", STR_ARG(text_at(was, "column_name")),
                        str_eq(then, text) ? "" : ", now ",
                        STR_ARG(str_eq(then, text) ? STR("") : text)));
}

/* From one version's columns to the next (5.2); ptr NULL where there is no version before. */
static struct str changes_text(struct arena *a, const struct value *before,
                               const struct value *after)
{
    struct sbuf out = SBUF_INIT;
    if (!before)
        return STR_NULL;
    const struct value *old = value_get(before, "columns"), *new = value_get(after, "columns");
    for (size_t i = 0; i < value_count(new); i++) {
        const struct value *column = value_at(new, i);
        struct str name = text_at(column, "column_name"), text = column_text(a, column);
        const struct value *was = column_named(old, name);
        struct str then = was ? column_text(a, was) : STR("");
        if (!was)
            came(a, &out, column, old, new);
        else if (!str_eq(then, text))
            change(&out, '~', name,
                   arena_printf(a, "%.*s, was %.*s", STR_ARG(text), STR_ARG(then)));
    }
    for (size_t i = 0; i < value_count(old); i++) {
        struct str name = text_at(value_at(old, i), "column_name");
        if (!column_named(new, name) && !renamed(new, value_at(old, i), old))
            change(&out, '-', name, STR(""));
    }
    struct str text = out.len ? arena_str(a, sbuf_view(&out)) : STR("nothing");
    sbuf_release(&out);
    return text;
}

/* --- the sheet ------------------------------------------------------------------------------- */

static struct str at_destination(const struct value *destination, struct str snapshot)
{
    if (!snapshot.len || !destination)
        return STR_NULL;
    struct str there = text_at(destination, "snapshot_id");
    if (str_eq(there, snapshot))
        return text_at(destination, "schema_status");
    if (str_eq(text_at(destination, "previous_snapshot_id"), snapshot))
        return STR("previous");
    return there.len && etl_snapshot_after(snapshot, there) ? STR("not yet") : STR_NULL;
}

static struct str key_of(struct arena *a, const struct value *version)
{
    return arena_printf(a, "%lld", (long long)number_at(version, "id", -1));
}

static struct sheet_row *version_row(const struct sheet *sheet, const struct sheet_input *in,
                                     const struct value *before, const struct value *version)
{
    struct arena *a = in->arena;
    struct sheet_row *row = sheet_row_new(sheet, a, key_of(a, version));
    const struct value *destination = value_at(value_get(in->doc->root, "destination"), 0);
    struct str snapshot = text_at(version, "snapshot_id"), place;
    int64_t stored_us;
    place = at_destination(destination, snapshot);
    if (!time_parse(text_at(version, "created_at"), &stored_us))
        stored_us = TIME_UNKNOWN;
    *sheet_cell(sheet, row, "id") = cell_int(number_at(version, "id", -1));
    *sheet_cell(sheet, row, "snapshot_id") =
        cell_text(snapshot.len ? etl_snapshot_text(a, snapshot) : STR_NULL);
    *sheet_cell(sheet, row, "table") =
        cell_text(arena_printf(a, "%.*s.%.*s", STR_ARG(text_at(version, "schema_name")),
                               STR_ARG(text_at(version, "table_name"))));
    *sheet_cell(sheet, row, "columns") =
        cell_int((int64_t)value_count(value_get(version, "columns")));
    *sheet_cell(sheet, row, "destination") = cell_text(place);
    *sheet_cell(sheet, row, "stored_at") = cell_time(stored_us);
    *sheet_cell(sheet, row, "changes") = cell_text(changes_text(a, before, version));
    row->mark = str_is(place, "applying") ? MARK_WARN : MARK_NONE;
    return row;
}

/* Oldest first. They are stored in the order of their ids, which is that as a rule. */
static const struct value **in_order(struct arena *a, const struct value *versions)
{
    const struct value **order = arena_array(a, const struct value *, value_count(versions));
    for (size_t i = 0; i < value_count(versions); i++) {
        size_t at = i;
        struct str snapshot = text_at(value_at(versions, i), "snapshot_id");
        for (; at && etl_snapshot_after(text_at(order[at - 1], "snapshot_id"), snapshot); at--)
            order[at] = order[at - 1];
        order[at] = value_at(versions, i);
    }
    return order;
}

/* Newest first. */
struct sheet_row *etl_versions_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *first = NULL, **end = &first;
    const struct value *versions =
        in->doc && in->doc->root ? value_get(in->doc->root, "schemas") : NULL;
    const struct value **order = in_order(in->arena, versions);
    for (size_t i = value_count(versions); i-- > 0;) {
        *end = version_row(sheet, in, i ? order[i - 1] : NULL, order[i]);
        end = &(*end)->next;
    }
    return first;
}

/* Is the column not in the publication's list? The mask has a byte for each, in their order (5.4).
 */
static bool masked(const struct value *destination, const struct value *version, size_t column)
{
    struct str mask = text_at(destination, "replication_mask"); /* "\x0101" */
    size_t at = 2 + 2 * column;
    return str_eq(text_at(destination, "snapshot_id"), text_at(version, "snapshot_id")) &&
           mask.len >= at + 2 && str_is(str_sub(mask, at, at + 2), "00");
}

/* Every column of the version. */
void etl_versions_more(const struct sheet_input *in, struct str key, struct sbuf *out)
{
    const struct value *versions =
        in->doc && in->doc->root ? value_get(in->doc->root, "schemas") : NULL;
    const struct value *destination =
        versions ? value_at(value_get(in->doc->root, "destination"), 0) : NULL;
    for (size_t i = 0; i < value_count(versions); i++) {
        const struct value *version = value_at(versions, i);
        const struct value *columns = value_get(version, "columns");
        for (size_t c = 0; str_eq(key_of(in->arena, version), key) && c < value_count(columns);
             c++) {
            const struct value *column = value_at(columns, c);
            struct str name = text_at(column, "column_name"), text = column_text(in->arena, column);
            bool left_out = masked(destination, version, c);
            sbuf_printf(out, "%.*s  %.*s%s\n", STR_ARG(name), STR_ARG(text),
                        left_out ? "  not replicated" : "");
        }
    }
}
