/* What is wrong with one table, and the command that would mend it. */
#include "core/output.h"
#include "core/systems/etl/etl.h"

#include <string.h>

/* --- the verdict of a list row -------------------------------------------------------------- */

static const char *way_out(const struct etl_table *table)
{
    size_t back, healthy;
    if (!etl_rollback_target(table, true, &healthy, NULL))
        return "reset";
    bool one_step = etl_rollback_target(table, false, &back, NULL) && back == healthy;
    return one_step ? "rollback" : "rollback --to-healthy";
}

static struct etl_verdict errored_verdict(const struct sheet_input *in,
                                          const struct etl_table *table)
{
    const struct etl_row *row = table->current;
    const char *out = way_out(table);
    if (row->policy != ETL_TIMED_RETRY)
        return (struct etl_verdict){MARK_BAD, "by hand", out};
    if (etl_timer_dead(row, in->now_us))
        return (struct etl_verdict){MARK_BAD, "timer dead", out};
    if (in->activity && in->activity->sight == ACTIVITY_NONE)
        return (struct etl_verdict){MARK_BAD, "timer, no reader", out};
    return (struct etl_verdict){MARK_WARN, "retrying", "wait"};
}

static bool slot_is_lost(const struct value *slot)
{
    return str_is(value_str_or(value_get(slot, "wal_status"), STR("")), "lost");
}

struct etl_verdict etl_verdict_of(const struct sheet_input *in, const struct etl_table *table)
{
    const struct etl_row *row = table->current;
    if (!table->nrows)
        return (struct etl_verdict){MARK_WARN, "left over", "forget"};
    if (!row || table->ncurrent > 1)
        return (struct etl_verdict){MARK_BAD, row ? "two phases" : "no phase", "reset"};
    if (!etl_phases[row->phase].stored)
        return (struct etl_verdict){MARK_BAD, "damaged", way_out(table)};
    if (row->phase == ETL_ERRORED)
        return errored_verdict(in, table);
    const struct value *slot = value_get(in->facts, "slot");
    bool streams = etl_phases[row->phase].streams;
    if (streams && slot_is_lost(slot))
        return (struct etl_verdict){MARK_BAD, "slot lost", "reset"};
    if (value_is_dict(slot) && !value_truth(value_get(slot, "active")))
        return (struct etl_verdict){MARK_WARN, "no reader", NULL};
    return streams ? (struct etl_verdict){MARK_OK, "ok", NULL}
                   : (struct etl_verdict){MARK_WAIT, "copying", "wait"};
}

/* --- findings ------------------------------------------------------------------------------- */

struct checker {
    const struct sheet_input *in;
    const struct value *root;
    struct etl_table table;
    struct str object; /* as a command takes it: 7/public.orders */
    struct finding *list;
};

/* "7/public.orders", or the id where the label is nothing an operator could type. */
static struct str command_name(const struct sheet_input *in)
{
    struct str id = in->row->id, label = in->row->label;
    ptrdiff_t slash = str_index(id, '/');
    if (slash < 0 || str_index(label, '.') < 0)
        return id;
    return arena_printf(in->arena, "%.*s/%.*s", (int)slash, id.ptr, STR_ARG(label));
}

static struct str fix(struct checker *c, const char *advice)
{
    if (!advice || strcmp(advice, "wait") == 0)
        return STR_NULL;
    struct str name = output_id_word(c->in->arena, c->object);
    const char *space = strchr(advice, ' ');
    int verb = space ? (int)(space - advice) : (int)strlen(advice);
    return arena_printf(c->in->arena, "table %.*s %.*s%s", verb, advice, STR_ARG(name),
                        space ? space : "");
}

static struct finding *add(struct checker *c, const char *code, enum severity severity,
                           struct str text)
{
    return finding_add(&c->list, c->in->arena, code, severity, c->in->row->label, "%.*s",
                       STR_ARG(text));
}

static struct str first_line(struct str s)
{
    ptrdiff_t end = str_index(s, '\n');
    return end < 0 ? s : str_sub(s, 0, (size_t)end);
}

static void check_errored(struct checker *c)
{
    const struct etl_row *row = c->table.current;
    struct arena *a = c->in->arena;
    if (row->phase != ETL_ERRORED)
        return;
    struct etl_verdict verdict = etl_verdict_of(c->in, &c->table);
    struct str since = time_text(a, row->created_us), line = first_line(row->reason);
    bool retrying = verdict.mark == MARK_WARN;
    const char *code = retrying                         ? "errored_retrying"
                       : row->policy == ETL_TIMED_RETRY ? "errored_stuck_timer"
                                                        : "errored";
    const char *how = retrying                         ? ", will be tried again"
                      : row->policy == ETL_TIMED_RETRY ? ", its retry timer died with the process"
                                                       : "";
    struct finding *f =
        add(c, code, retrying ? SEVERITY_WARNING : SEVERITY_ERROR,
            arena_printf(a, "errored since %.*s%s: %.*s", STR_ARG(since), how, STR_ARG(line)));
    f->detail = row->solution;
    f->since_us = row->created_us;
    f->retry_at_us = retrying && row->next_retry_us != TIME_UNKNOWN ? row->next_retry_us : 0;
    f->fix = fix(c, verdict.advice);
}

static void check_current(struct checker *c)
{
    const struct etl_row *row = c->table.current;
    struct arena *a = c->in->arena;
    if (!row || c->table.ncurrent > 1) {
        struct finding *f = add(c, "no_current_row", SEVERITY_ERROR,
                                row ? STR("more than one row claims to be the current phase")
                                    : STR("a history without a current phase"));
        f->fix = fix(c, "reset");
        return;
    }
    if (!etl_phases[row->phase].stored) {
        struct str why = row->damage.ptr ? row->damage : STR("a phase that is never stored");
        struct finding *f =
            add(c, "damaged_metadata", SEVERITY_ERROR,
                arena_printf(a, "row %lld: %.*s; the whole pipeline fails to start on it",
                             (long long)row->id, STR_ARG(why)));
        f->fix = fix(c, way_out(&c->table));
    } else if (row->state.ptr && !str_is(row->state, etl_phases[row->phase].name)) {
        add(c, "state_mismatch", SEVERITY_WARNING,
            arena_printf(a,
                         "row %lld: column state says %.*s, metadata %s; the replicator believes "
                         "the metadata",
                         (long long)row->id, STR_ARG(row->state), etl_phases[row->phase].name));
    }
    if (c->in->activity && c->in->activity->sight == ACTIVITY_SEEN &&
        etl_not_read_yet(row, c->in->activity))
        add(c, "not_in_effect", SEVERITY_WARNING,
            arena_printf(a, "set to %s at %.*s and not in effect: the replicator runs since %.*s",
                         etl_phases[row->phase].name, STR_ARG(time_text(a, row->updated_us)),
                         STR_ARG(time_text(a, c->in->activity->started_at_us))));
    check_errored(c);
}

static void check_chain(struct checker *c)
{
    const struct etl_table *table = &c->table;
    struct arena *a = c->in->arena;
    if (!table->current)
        return;
    const struct etl_row *last = table->chain[table->nchain - 1];
    if (table->end == ETL_CHAIN_BROKEN)
        add(c, "chain_broken", SEVERITY_WARNING,
            arena_printf(a, "row %lld: its prev %lld is no row of this table", (long long)last->id,
                         (long long)last->prev));
    if (table->end == ETL_CHAIN_CYCLE)
        add(c, "chain_cycle", SEVERITY_WARNING,
            arena_printf(a, "the history runs in a circle at row %lld", (long long)last->id));
    const struct etl_row *holder = etl_table_holds(table, 1);
    if (holder && table->end != ETL_CHAIN_CYCLE)
        add(c, "abandoned_history", SEVERITY_WARNING,
            arena_printf(a,
                         "row %lld, which no chain reaches, refers to the current row: rollback "
                         "is refused, reset is not",
                         (long long)holder->id))
            ->fix = STR_NULL;
    size_t lost = table->nrows - table->nchain;
    if (lost && !holder)
        add(c, "unreachable_rows", SEVERITY_INFO,
            arena_printf(a, "%zu rows of an abandoned history", lost));
}

/* Rows of no table that the replicator knows: a deleted pipeline leaves them (5.1). While there is
 * a slot of the pipeline somebody may come back to them. */
static void check_left_over(struct checker *c)
{
    struct arena *a = c->in->arena;
    const struct value *slot = value_get(c->in->facts, "slot");
    struct str position = etl_position_text(a, value_at(value_get(c->root, "progress"), 0));
    struct finding *f =
        etl_id_is_worker(c->in->row->id)
            ? add(c, "orphan", SEVERITY_INFO,
                  arena_printf(a, "the pipeline has no table here; its apply worker got to %.*s",
                               STR_ARG(position)))
            : add(c, "orphan", SEVERITY_INFO,
                  STR("rows of a table that the replicator has no phase of"));
    if (value_is_dict(slot))
        f->detail = arena_printf(a, "its slot %.*s is still there: a replicator may go on from it",
                                 STR_ARG(value_str_or(value_get(slot, "name"), STR("?"))));
    else
        f->fix = fix(c, "forget");
}

/* The stored schema version with a snapshot; NULL when there is none. */
static const struct value *schema_at(const struct value *schemas, struct str snapshot)
{
    for (size_t i = 0; i < value_count(schemas); i++) {
        const struct value *schema = value_at(schemas, i);
        if (str_eq(value_str_or(value_get(schema, "snapshot_id"), STR("")), snapshot))
            return schema;
    }
    return NULL;
}

/* Where a row keeps a previous mask (section 12), only three combinations let a pipeline start. */
static void check_combination(struct checker *c, const struct value *row)
{
    const struct value *mask = value_get(row, "previous_replication_mask");
    struct str status = value_str_or(value_get(row, "schema_status"), STR(""));
    bool snapshot = value_is_str(value_get(row, "previous_snapshot_id"));
    if (!mask)
        return;
    bool changing = str_is(status, "applying");
    if (changing ? snapshot && value_is_str(mask) : !snapshot && !value_is_str(mask))
        return;
    struct finding *f =
        add(c, "destination_invalid", SEVERITY_ERROR,
            arena_printf(c->in->arena,
                         "the destination row is %.*s %s a previous version and %s its mask: the "
                         "whole pipeline fails to start on it",
                         STR_ARG(status), snapshot ? "with" : "without",
                         value_is_str(mask) ? "with" : "without"));
    if (changing && snapshot)
        f->fix = fix(c, "reset");
}

static void check_destination(struct checker *c)
{
    struct arena *a = c->in->arena;
    const struct value *row = value_at(value_get(c->root, "destination"), 0);
    struct str snapshot = value_str_or(value_get(row, "snapshot_id"), STR_NULL);
    if (!snapshot.ptr)
        return; /* no row, or a store from before schema versions */
    check_combination(c, row);
    struct str status = value_str_or(value_get(row, "schema_status"), STR(""));
    bool streams = c->table.current && etl_phases[c->table.current->phase].streams;
    bool half = value_is_str(value_get(row, "previous_snapshot_id"));
    if (str_is(status, "applying") && (half || streams)) {
        struct finding *f = add(c, "schema_change_unfinished", SEVERITY_WARNING,
                                arena_printf(a,
                                             "a schema change to %.*s was begun at the "
                                             "destination and not finished",
                                             STR_ARG(etl_snapshot_text(a, snapshot))));
        f->detail = STR("ClickHouse and DuckLake replay it at the next start; BigQuery and "
                        "Snowflake need a reset");
    }
    const struct value *schema = schema_at(value_get(c->root, "schemas"), snapshot);
    if (!schema) {
        add(c, "schema_version_missing", SEVERITY_WARNING,
            arena_printf(a,
                         "the destination row names schema version %.*s, which is not stored: a "
                         "new copy fails with InvalidState",
                         STR_ARG(etl_snapshot_text(a, snapshot))));
        return;
    }
    struct str mask = value_str_or(value_get(row, "replication_mask"), STR_NULL); /* "\x0101" */
    size_t columns = value_count(value_get(schema, "columns"));
    if (str_starts(mask, "\\x") && (mask.len - 2) / 2 != columns)
        add(c, "mask_width", SEVERITY_WARNING,
            arena_printf(a, "the replication mask has %zu columns, schema version %.*s has %zu",
                         (mask.len - 2) / 2, STR_ARG(etl_snapshot_text(a, snapshot)), columns));
}

static void check_source(struct checker *c)
{
    const struct value *now = value_get(c->in->facts, "catalog_name");
    struct str stored = value_str_or(value_get(c->in->facts, "stored_name"), STR_NULL);
    struct arena *a = c->in->arena;
    if (now && value_is_null(now)) {
        struct finding *f = add(c, "source_table_gone", SEVERITY_WARNING,
                                STR("no table of the source has this oid any more"));
        f->detail = STR("the next start removes its state when the publication has it no more; a "
                        "restored database has other oids than the old one");
    } else if (value_is_str(now) && stored.ptr && !str_eq(now->text, stored)) {
        add(c, "name_differs", SEVERITY_INFO,
            arena_printf(a,
                         "stored as %.*s, the catalogue says %.*s: renamed, or the oid was used "
                         "again",
                         STR_ARG(stored), STR_ARG(now->text)));
    }
}

static void check_slots(struct checker *c)
{
    const struct value *sync = value_get(c->in->facts, "sync_slot");
    const struct etl_row *row = c->table.current;
    struct arena *a = c->in->arena;
    bool settled = row && (row->phase == ETL_READY || row->phase == ETL_ERRORED);
    if (value_is_dict(sync) && settled && !value_truth(value_get(sync, "active")))
        add(c, "slot_left_over", SEVERITY_WARNING,
            arena_printf(a, "slot %.*s is left over and keeps WAL on the source",
                         STR_ARG(value_str_or(value_get(sync, "name"), STR("?")))));
    if (row && etl_phases[row->phase].streams && slot_is_lost(value_get(c->in->facts, "slot"))) {
        struct finding *f = add(c, "slot_lost", SEVERITY_ERROR,
                                STR("the apply slot is lost: changes since are gone, only a new "
                                    "copy brings them"));
        f->fix = fix(c, "reset");
    }
}

struct finding *etl_check(const struct sheet_input *in)
{
    if (!in->doc || in->doc->absent || !in->doc->root)
        return NULL;
    struct checker c = {.in = in, .root = in->doc->root, .object = command_name(in)};
    c.table = etl_table_read(in->arena, c.root);
    if (!c.table.nrows) {
        check_left_over(&c);
        return c.list;
    }
    check_current(&c);
    check_chain(&c);
    check_destination(&c);
    check_source(&c);
    check_slots(&c);
    return c.list;
}
