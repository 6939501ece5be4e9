/* The lines of `table show` and of the preview: what the table is, what its error says, the phases
 * it went through and what the next start will do. */
#include "core/systems/etl/etl.h"

#include <string.h>

enum { LINES_MAX = 48, REASON_LINES = 24, PHASES_SHOWN = 12 };

/* A stored text may have many lines; the first carries the label. */
static void paragraph(struct show_lines *out, const char *label, struct str text)
{
    for (size_t i = 0; text.ptr && i < REASON_LINES; i++) {
        ptrdiff_t end = str_index(text, '\n');
        show_line(out, i ? "" : label, end < 0 ? text : str_sub(text, 0, (size_t)end));
        if (end < 0)
            return;
        text = str_sub(text, (size_t)end + 1, text.len);
    }
}

static void show_head(struct show_lines *out, const struct sheet_input *in)
{
    struct str id = in->row->id;
    ptrdiff_t slash = str_index(id, '/');
    if (slash < 0)
        slash = 0;
    const struct value *row = value_at(value_get(in->doc->root, "destination"), 0);
    struct str destination = value_str_or(value_get(row, "destination_table_id"), STR_NULL);
    show_line(out, "",
              arena_printf(out->arena, "oid %.*s   pipeline %.*s%s%.*s",
                           STR_ARG(str_sub(id, (size_t)slash + 1, id.len)), (int)slash, id.ptr,
                           destination.ptr ? "   destination " : "", STR_ARG(destination)));
}

static void show_error(struct show_lines *out, const struct sheet_input *in,
                       const struct etl_table *table)
{
    const struct etl_row *row = table->current;
    paragraph(out, "says", row->damage.ptr ? row->damage : row->reason);
    paragraph(out, "says do", row->solution);
    if (row->policy == ETL_NO_POLICY)
        return;
    struct str text = str_of(etl_policy_name(row->policy));
    if (row->next_retry_us != TIME_UNKNOWN)
        text = arena_printf(out->arena, "%.*s at %.*s%s", STR_ARG(text),
                            STR_ARG(time_text(out->arena, row->next_retry_us)),
                            etl_timer_dead(row, in->now_us)
                                ? ": over, and no process fires it after a restart"
                                : "");
    show_line(out, "retry", text);
}

/* "init 2026-07-20 08:00:00Z (5s) > data_sync 08:00:05Z (3m) > ready 08:03:40Z": oldest first, the
 * date where it changes, how long each phase took. */
static void show_phases(struct show_lines *out, const struct etl_table *table)
{
    struct sbuf text = SBUF_INIT;
    size_t from = table->nchain > PHASES_SHOWN ? PHASES_SHOWN : table->nchain;
    if (table->nchain > from)
        sbuf_printf(&text, "%zu earlier > ", table->nchain - from);
    struct str day = STR("");
    for (size_t i = from; i-- > 0;) {
        const struct etl_row *row = table->chain[i];
        struct str at = time_text(out->arena, row->created_us);
        sbuf_printf(&text, "%s", etl_phases[row->phase].name);
        if (at.len >= 19) {
            bool same = str_eq(day, str_sub(at, 0, 10));
            day = str_sub(at, 0, 10);
            sbuf_printf(&text, " %.*s%s%.*sZ", same ? 0 : 10, at.ptr, same ? "" : " ", 8,
                        at.ptr + 11);
        }
        if (i > 0 && table->chain[i - 1]->created_us != TIME_UNKNOWN &&
            row->created_us != TIME_UNKNOWN)
            sbuf_printf(
                &text, " (%.*s)",
                STR_ARG(time_span(out->arena, table->chain[i - 1]->created_us - row->created_us)));
        if (i > 0)
            sbuf_cstr(&text, " > ");
    }
    show_line(out, "phases", arena_str(out->arena, sbuf_view(&text)));
    sbuf_release(&text);
}

static void show_next(struct show_lines *out, const struct sheet_input *in,
                      const struct etl_table *table)
{
    const struct etl_row *row = table->current;
    int64_t bytes;
    struct str size = STR("");
    const struct value *known = value_get(in->facts, "source_bytes");
    if (etl_phases[row->phase].copies && known && value_to_i64(known, &bytes)) {
        struct cell cell = cell_bytes(bytes);
        size = arena_printf(out->arena, " (source %.*s)",
                            STR_ARG(cell_show(out->arena, &cell, TIME_UNKNOWN)));
    }
    show_line(out, "at start",
              arena_printf(out->arena, "%s%.*s", etl_phases[row->phase].at_start, STR_ARG(size)));
    size_t depth;
    struct err why = {0};
    if (!etl_rollback_target(table, false, &depth, &why)) {
        show_line(out, "back", arena_printf(out->arena, "not possible: %s", why.text));
        return;
    }
    const struct etl_phase_info *to = &etl_phases[table->chain[depth]->phase];
    const char *effect = etl_rollback_loses(table, depth) ? ", LOSES changes"
                         : to->copies                     ? ", copies again"
                                                          : "";
    show_line(out, "back", arena_printf(out->arena, "%s%s", to->name, effect));
}

struct str etl_position_text(struct arena *arena, const struct value *row)
{
    struct str lsn = value_str_or(value_get(row, "flush_lsn"), STR_NULL);
    int64_t at_us;
    if (!lsn.ptr || !time_parse(value_str_or(value_get(row, "updated_at"), STR("")), &at_us))
        return lsn;
    return arena_printf(arena, "%.*s since %.*s", STR_ARG(lsn), STR_ARG(time_text(arena, at_us)));
}

/* "1A/4C10000 applying, before it 0/0; a newer one is stored" */
static void show_schema(struct show_lines *out, const struct value *root)
{
    const struct value *row = value_at(value_get(root, "destination"), 0);
    const struct value *versions = value_get(root, "schemas");
    struct str at = value_str_or(value_get(row, "snapshot_id"), STR_NULL);
    struct str before = value_str_or(value_get(row, "previous_snapshot_id"), STR_NULL);
    bool newer = false;
    if (!at.ptr)
        return;
    for (size_t i = 0; i < value_count(versions); i++)
        newer = newer ||
                etl_snapshot_after(
                    value_str_or(value_get(value_at(versions, i), "snapshot_id"), STR("")), at);
    if (before.ptr)
        before = arena_printf(out->arena, ", before it %.*s",
                              STR_ARG(etl_snapshot_text(out->arena, before)));
    show_line(out, "schema",
              arena_printf(out->arena, "%.*s %.*s%.*s%s",
                           STR_ARG(etl_snapshot_text(out->arena, at)),
                           STR_ARG(value_str_or(value_get(row, "schema_status"), STR("?"))),
                           STR_ARG(before), newer ? "; a newer one is stored" : ""));
}

static void show_slot(struct show_lines *out, const char *label, const struct value *slot)
{
    if (!value_is_dict(slot))
        return;
    struct str status = value_str_or(value_get(slot, "wal_status"), STR("unknown"));
    int64_t lag;
    struct str behind = STR("");
    const struct value *bytes = value_get(slot, "lag_bytes");
    if (bytes && value_to_i64(bytes, &lag)) {
        struct cell cell = cell_bytes(lag);
        behind = arena_printf(out->arena, ", %.*s behind",
                              STR_ARG(cell_show(out->arena, &cell, TIME_UNKNOWN)));
    }
    show_line(out, label,
              arena_printf(out->arena, "%.*s %s, %.*s%.*s",
                           STR_ARG(value_str_or(value_get(slot, "name"), STR("?"))),
                           value_truth(value_get(slot, "active")) ? "active" : "not active",
                           STR_ARG(status), STR_ARG(behind)));
}

size_t etl_show(const struct sheet_input *in, struct str (**ret)[2])
{
    struct show_lines lines = show_lines_new(in->arena, LINES_MAX), *out = &lines;
    *ret = lines.at;
    if (!in->doc || !in->doc->root)
        return 0;
    show_head(out, in);
    struct etl_table table = etl_table_read(in->arena, in->doc->root);
    if (table.current) {
        show_error(out, in, &table);
        show_phases(out, &table);
        show_next(out, in, &table);
    } else {
        show_line(out, "phases",
                  table.nrows
                      ? STR("no current phase")
                      : STR("none: the replicator does not know it; forget removes the rows"));
    }
    show_schema(out, in->doc->root);
    show_line(out, "copied",
              etl_position_text(in->arena, value_at(value_get(in->doc->root, "progress"), 0)));
    show_line(out, "applied", etl_position_text(in->arena, value_get(in->facts, "apply_position")));
    show_slot(out, "slot", value_get(in->facts, "slot"));
    show_slot(out, "copy slot", value_get(in->facts, "sync_slot"));
    return out->n;
}
