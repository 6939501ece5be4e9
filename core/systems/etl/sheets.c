/* The lists: `table list` and `table history`, with the fields of the command line's contract. */
#include "core/systems/etl/etl.h"

#include <string.h>

static const struct column list_columns[] = {
    {.name = "pipeline_id",
     .title = "PIPELINE",
     .type = CELL_TEXT,
     .width = 8,
     .cheap = true,
     .help = "pipeline id, unsigned 64 bit"},
    {.name = "table_id", .type = CELL_INT, .cheap = true, .help = "oid of the source table"},
    {.name = "table",
     .title = "TABLE",
     .type = CELL_TEXT,
     .cheap = true,
     .keep = true,
     .help = "schema.name by the catalogue, else as last known"},
    {.name = "phase",
     .title = "PHASE",
     .type = CELL_TEXT,
     .width = 13,
     .cheap = true,
     .keep = true,
     .help = "phase of the current row, by its metadata"},
    {.name = "since",
     .title = "FOR",
     .type = CELL_TIME,
     .width = 7,
     .cheap = true,
     .help = "when the phase was entered"},
    {.name = "kind",
     .title = "WHY",
     .type = CELL_TEXT,
     .width = 20,
     .help = "kind of the error, from its reason"},
    {.name = "lsn", .type = CELL_TEXT, .help = "position a sync_done row waits for"},
    {.name = "reason", .type = CELL_TEXT, .help = "the whole text of the error"},
    {.name = "solution", .type = CELL_TEXT, .help = "what the error says to do"},
    {.name = "retry_policy",
     .title = "RETRY",
     .type = CELL_TEXT,
     .width = 12,
     .help = "no_retry, manual_retry or timed_retry"},
    {.name = "next_retry", .type = CELL_TIME, .help = "when a retry timer fires or fired"},
    {.name = "history", .type = CELL_INT, .width = 4, .help = "rows in the chain"},
    {.name = "one_step_back",
     .title = "ONE STEP BACK",
     .type = CELL_TEXT,
     .width = 13,
     .help = "phase that a rollback of one step leads to"},
    {.name = "destination", .type = CELL_TEXT, .help = "what the table is called there"},
    {.name = "schema_status",
     .type = CELL_TEXT,
     .help = "creating, applying or applied: how far the destination's schema is"},
    {.name = "position",
     .type = CELL_TEXT,
     .moves = true,
     .help = "what the copy worker, else the pipeline's apply worker, has made durable"},
    {.name = "lag_bytes",
     .title = "LAG",
     .type = CELL_BYTES,
     .width = 8,
     .moves = true,
     .help = "source WAL the slot has not confirmed"},
    {.name = "slot",
     .title = "SLOT",
     .type = CELL_TEXT,
     .width = 8,
     .help = "the slot that serves the table: active, inactive or lost"},
    {.name = "verdict", .title = "VERDICT", .type = CELL_TEXT, .width = 11, .help = "how it is"},
    {.name = "advice",
     .title = "DO",
     .type = CELL_TEXT,
     .width = 21,
     .keep = true,
     .help = "verb that would help: wait, rollback, reset"},
    ATTENTION_COLUMN,
};

static const struct column history_columns[] = {
    {.name = "id", .title = "ROW", .type = CELL_INT, .width = 8, .keep = true, .help = "row id"},
    {.name = "phase",
     .title = "PHASE",
     .type = CELL_TEXT,
     .width = 13,
     .keep = true,
     .help = "phase by the metadata"},
    {.name = "created_at",
     .title = "ENTERED",
     .type = CELL_TIME,
     .width = 10,
     .help = "when the phase was entered"},
    {.name = "updated_at",
     .title = "CHANGED",
     .type = CELL_TIME,
     .width = 10,
     .help = "when it became or ceased to be current"},
    {.name = "is_current",
     .title = "CURRENT",
     .type = CELL_BOOL,
     .width = 7,
     .help = "the row that counts"},
    {.name = "prev", .title = "PREV", .type = CELL_INT, .width = 8, .help = "row before it"},
    {.name = "depth",
     .title = "BACK",
     .type = CELL_INT,
     .width = 4,
     .help = "steps back from the current row; null: no chain reaches it"},
    {.name = "retry_policy",
     .title = "RETRY",
     .type = CELL_TEXT,
     .width = 12,
     .help = "no_retry, manual_retry or timed_retry"},
    {.name = "reason", .title = "REASON", .type = CELL_TEXT, .help = "the text of the error"},
};

static struct str phase_text(const struct etl_row *row)
{
    /* A row nobody can read is listed by the word people know; mark and verdict say the rest. */
    if (row->phase == ETL_DAMAGED && row->state.ptr)
        return row->state;
    return str_of(etl_phases[row->phase].name);
}

static struct str slot_text(const struct value *slot)
{
    if (!value_is_dict(slot))
        return STR_NULL;
    if (str_is(value_str_or(value_get(slot, "wal_status"), STR("")), "lost"))
        return STR("lost");
    return value_truth(value_get(slot, "active")) ? STR("active") : STR("inactive");
}

static int64_t number_or(const struct value *v, int64_t other)
{
    int64_t n;
    return v && value_to_i64(v, &n) ? n : other;
}

static void fill_current(const struct sheet *sheet, struct sheet_row *row,
                         const struct sheet_input *in, const struct etl_table *table)
{
    const struct etl_row *current = table->current;
    *sheet_cell(sheet, row, "phase") = cell_text(phase_text(current));
    *sheet_cell(sheet, row, "since") = cell_time(current->created_us);
    *sheet_cell(sheet, row, "lsn") = cell_text(current->lsn);
    *sheet_cell(sheet, row, "reason") = cell_text(current->reason);
    *sheet_cell(sheet, row, "kind") = cell_text(etl_reason_kind(current->reason));
    *sheet_cell(sheet, row, "solution") = cell_text(current->solution);
    *sheet_cell(sheet, row, "retry_policy") = cell_text(str_of(etl_policy_name(current->policy)));
    *sheet_cell(sheet, row, "next_retry") = cell_time(current->next_retry_us);
    const struct etl_row *back = etl_table_back(table, current);
    *sheet_cell(sheet, row, "one_step_back") = cell_text(back ? phase_text(back) : STR_NULL);
    if (!in->facts)
        return;
    const struct value *sync = value_get(in->facts, "sync_slot");
    const struct value *slot = value_is_dict(sync) ? sync : value_get(in->facts, "slot");
    *sheet_cell(sheet, row, "slot") = cell_text(slot_text(slot));
    *sheet_cell(sheet, row, "lag_bytes") = cell_bytes(number_or(value_get(slot, "lag_bytes"), -1));
}

static void fill_elsewhere(const struct sheet *sheet, struct sheet_row *row,
                           const struct sheet_input *in)
{
    const struct value *destination = value_at(value_get(in->doc->root, "destination"), 0);
    const struct value *position = value_at(value_get(in->doc->root, "progress"), 0);
    if (!position)
        position = value_get(in->facts, "apply_position");
    *sheet_cell(sheet, row, "destination") =
        cell_text(value_str_or(value_get(destination, "destination_table_id"), STR_NULL));
    *sheet_cell(sheet, row, "schema_status") =
        cell_text(value_str_or(value_get(destination, "schema_status"), STR_NULL));
    *sheet_cell(sheet, row, "position") =
        cell_text(value_str_or(value_get(position, "flush_lsn"), STR_NULL));
}

static void null_unread(struct sheet_row *row, const struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->ncolumns; i++) {
        if (row->cells[i].type == CELL_UNKNOWN)
            row->cells[i] = cell_null();
    }
}

static struct sheet_row *list_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, in->row->id);
    uint64_t pipeline;
    uint32_t oid;
    if (etl_id_parse(in->row->id, &pipeline, &oid)) {
        *sheet_cell(sheet, row, "pipeline_id") =
            cell_text(str_sub(in->row->id, 0, (size_t)str_index(in->row->id, '/')));
        *sheet_cell(sheet, row, "table_id") = cell_int(oid);
    }
    *sheet_cell(sheet, row, "table") = cell_text(in->row->label);
    *sheet_cell(sheet, row, "since") = cell_time(in->row->updated_at_us);
    if (in->row->phase.ptr)
        *sheet_cell(sheet, row, "phase") = cell_text(in->row->phase);
    if (!in->doc)
        return row;
    if (in->doc->root) {
        struct etl_table table = etl_table_read(in->arena, in->doc->root);
        struct etl_verdict verdict = etl_verdict_of(in, &table);
        if (table.current)
            fill_current(sheet, row, in, &table);
        fill_elsewhere(sheet, row, in);
        *sheet_cell(sheet, row, "history") = cell_int((int64_t)table.nchain);
        *sheet_cell(sheet, row, "verdict") = cell_text(str_of(verdict.word));
        *sheet_cell(sheet, row, "advice") = cell_text(str_of(verdict.advice));
        row->mark = verdict.mark;
        sheet_cell(sheet, row, "phase")->mark = verdict.mark;
    } else if (!in->doc->absent) {
        row->mark = MARK_BAD;
        *sheet_cell(sheet, row, "verdict") = cell_text(STR("unreadable"));
    }
    null_unread(row, sheet);
    return row;
}

static struct sheet_row *history_row(const struct sheet *sheet, const struct sheet_input *in,
                                     const struct etl_row *state)
{
    struct sheet_row *row =
        sheet_row_new(sheet, in->arena, arena_printf(in->arena, "%lld", (long long)state->id));
    *sheet_cell(sheet, row, "id") = state->id ? cell_int(state->id) : cell_null();
    *sheet_cell(sheet, row, "phase") = cell_text(phase_text(state));
    *sheet_cell(sheet, row, "created_at") = cell_time(state->created_us);
    *sheet_cell(sheet, row, "updated_at") = cell_time(state->updated_us);
    *sheet_cell(sheet, row, "is_current") = cell_bool(state->is_current);
    *sheet_cell(sheet, row, "prev") = state->has_prev ? cell_int(state->prev) : cell_null();
    *sheet_cell(sheet, row, "depth") = state->depth < 0 ? cell_null() : cell_int(state->depth);
    *sheet_cell(sheet, row, "retry_policy") = cell_text(str_of(etl_policy_name(state->policy)));
    *sheet_cell(sheet, row, "reason") =
        cell_text(state->phase == ETL_DAMAGED ? state->damage : state->reason);
    row->mark = state->phase == ETL_ERRORED || !etl_phases[state->phase].stored ? MARK_BAD
                : state->depth < 0                                              ? MARK_WARN
                                                                                : MARK_NONE;
    return row;
}

/* The chain first, newest row on top, then what no chain reaches. */
static struct sheet_row *history_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *first = NULL, **end = &first;
    struct etl_table table = etl_table_read(in->arena, in->doc ? in->doc->root : NULL);
    for (size_t i = 0; i < table.nchain; i++) {
        *end = history_row(sheet, in, table.chain[i]);
        end = &(*end)->next;
    }
    for (size_t i = table.nrows; i-- > 0;) {
        if (table.rows[i].depth >= 0)
            continue;
        *end = history_row(sheet, in, &table.rows[i]);
        end = &(*end)->next;
    }
    return first;
}

const struct sheet etl_sheets[3] = {
    {"list", "tables", list_columns, sizeof list_columns / sizeof list_columns[0], list_fill},
    {"history", "phases", history_columns, sizeof history_columns / sizeof history_columns[0],
     history_fill},
    {"versions", "versions", etl_version_columns, ETL_VERSION_COLUMNS, etl_versions_fill,
     etl_versions_more},
};
