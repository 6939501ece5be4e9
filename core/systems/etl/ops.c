/* Operations on one replicated table. What each does to the rows is section 3 of the reference,
 * what it does to the destination and what it may lose are sections 9 and 11. */
#include "core/systems/etl/etl.h"

#include <string.h>

/* --- what every operation checks ------------------------------------------------------------ */

static bool editable(const struct document *doc, struct err *err)
{
    if (doc->truncated)
        return err_set(err, ERR_REFUSED, "%.*s: too large to be read whole", STR_ARG(doc->label));
    if (doc->problem.kind == ERR_NONE)
        return true;
    if (err)
        *err = doc->problem;
    return false;
}

/* "7" of "7/16411"; the whole id where it has another form. */
static struct str pipeline_of(const struct document *doc)
{
    ptrdiff_t slash = str_index(doc->id, '/');
    return slash < 0 ? doc->id : str_sub(doc->id, 0, (size_t)slash);
}

static void note_restart(const struct op_input *in, struct op_output *out)
{
    struct str pipeline = pipeline_of(in->docs[0]);
    out->waits_for =
        arena_printf(in->arena, "restart of the replicator of pipeline %.*s", STR_ARG(pipeline));
    op_consequence(
        out, in->arena, "restart", LEVEL_NOTE,
        "takes effect when the replicator of pipeline %.*s is restarted: it reads phases "
        "only then",
        STR_ARG(pipeline));
}

/* What a phase that copies costs at the next start (9.3, 9.4). */
static void note_recopy(const struct op_input *in, struct op_output *out)
{
    struct arena *a = in->arena;
    const struct value *root = in->docs[0]->root;
    bool unnamed =
        !value_at(value_get(root, "destination"), 0) && value_count(value_get(root, "schemas"));
    op_consequence(out, a, "recopy", LEVEL_WARN,
                   unnamed ? "at the next start the table is copied again from the start"
                           : "at the next start the destination table is dropped and copied again "
                             "from the start");
    op_consequence(out, a, "copy_setting", LEVEL_WARN,
                   "NOT refilled if the pipeline's copy setting skips the table: that setting is "
                   "not visible from here");
    if (unnamed)
        op_consequence(out, a, "no_drop", LEVEL_WARN,
                       "no destination row names the old object: it will not be dropped, and the "
                       "copy may land beside it or in it");
    int64_t bytes;
    if (value_to_i64(value_get(in->facts, "source_bytes"), &bytes)) {
        struct cell size = cell_bytes(bytes);
        op_consequence(out, a, "copy_size", LEVEL_NOTE, "%.*s: the source is %.*s now",
                       STR_ARG(in->docs[0]->label), STR_ARG(cell_show(a, &size, TIME_UNKNOWN)))
            ->bytes = bytes;
    }
}

/* --- rollback ------------------------------------------------------------------------------- */

static bool stored_phase(const struct etl_row *row)
{
    return etl_phases[row->phase].stored;
}

/* A current row that failed, or that the replicator cannot even read. */
static bool failed_phase(const struct etl_row *row)
{
    return !stored_phase(row) || row->phase == ETL_ERRORED;
}

/* The newest earlier row that is not errored and, coming from errored, copies again. */
static bool healthy_depth(const struct etl_table *table, size_t *ret)
{
    for (size_t i = 1; i < table->nchain; i++) {
        const struct etl_row *row = table->chain[i];
        bool fits =
            failed_phase(table->current) ? etl_phases[row->phase].copies : !failed_phase(row);
        if (fits) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool refuse_no_earlier(const struct etl_table *table, struct err *err)
{
    static const char *const why[] = {
        [ETL_CHAIN_WHOLE] = "there is no earlier phase",
        [ETL_CHAIN_BROKEN] = "the phase before it is not a row of this table",
        [ETL_CHAIN_CYCLE] = "its phases form a circle",
    };
    err_set(err, ERR_REFUSED, "%s", why[table->end]);
    return err_hint(err, "reset starts the table again from init");
}

static bool check_target(const struct etl_table *table, size_t depth, struct err *err)
{
    const struct etl_row *target = table->chain[depth];
    if (!stored_phase(target)) {
        err_set(err, ERR_REFUSED, "row %lld, one step back, cannot become current: %.*s",
                (long long)target->id,
                STR_ARG(target->damage.ptr ? target->damage : STR("its phase is never stored")));
        return err_hint(err, "--to-healthy looks further back; reset starts again from init");
    }
    const struct etl_row *holder = etl_table_holds(table, depth);
    if (holder) {
        err_set(err, ERR_REFUSED,
                "row %lld of an abandoned history refers to the row that would go",
                (long long)holder->id);
        return err_hint(err, "reset removes the whole history at once");
    }
    return true;
}

bool etl_rollback_target(const struct etl_table *table, bool to_healthy, size_t *ret_depth,
                         struct err *err)
{
    size_t depth = 1;
    if (!table->current) {
        err_set(err, ERR_REFUSED, "no current phase to go back from");
        return err_hint(err, "reset makes init the current phase");
    }
    if (table->ncurrent > 1) {
        err_set(err, ERR_REFUSED, "%zu rows claim to be the current phase", table->ncurrent);
        return err_hint(err, "reset removes them all");
    }
    if (table->nchain < 2)
        return refuse_no_earlier(table, err);
    if (to_healthy && !healthy_depth(table, &depth)) {
        err_set(err, ERR_REFUSED,
                failed_phase(table->current) ? "no earlier phase would copy the table again"
                                             : "no earlier phase without an error");
        return err_hint(err, "reset starts the table again from init");
    }
    if (!check_target(table, depth, err))
        return false;
    *ret_depth = depth;
    return true;
}

bool etl_rollback_loses(const struct etl_table *table, size_t depth)
{
    return etl_phases[table->chain[depth]->phase].streams &&
           !etl_phases[table->current->phase].streams;
}

/* The rows from chain[depth] on, that one promoted; the others share their nodes. */
static const struct value *states_rolled_back(struct arena *a, const struct etl_table *table,
                                              size_t depth)
{
    const struct value **kept = arena_array(a, const struct value *, table->nrows);
    size_t n = 0;
    for (size_t i = 0; i < table->nrows; i++) {
        const struct etl_row *row = &table->rows[i];
        if (row->depth >= 0 && row->depth < (ptrdiff_t)depth)
            continue;
        const struct value *v = row->value;
        if (row->depth == (ptrdiff_t)depth) {
            v = value_dict_with(a, v, "is_current", &value_true);
            v = value_dict_with(a, v, "updated_at", value_late(a, LATE_NOW));
        }
        kept[n++] = v;
    }
    return value_list(a, VALUE_LIST, kept, n);
}

static void note_rollback(const struct op_input *in, const struct etl_table *table, size_t depth,
                          struct op_output *out)
{
    struct arena *a = in->arena;
    const struct etl_row *target = table->chain[depth];
    if (etl_rollback_loses(table, depth)) {
        const struct etl_row *left = table->chain[depth - 1];
        struct str since = time_text(a, left->created_us);
        if (!since.ptr)
            since = STR("an unknown time");
        op_consequence(
            out, a, "lost_changes", LEVEL_DANGER,
            "LOSES all changes since %.*s: %s does not copy again, and the apply slot has "
            "passed them; reset copies them",
            STR_ARG(since), etl_phases[target->phase].name)
            ->instead = "reset";
        out->undo = UNDO_ROWS_ONLY;
        out->typed = true;
    } else if (etl_phases[target->phase].copies) {
        note_recopy(in, out);
    }
    if (target->phase == ETL_ERRORED)
        op_consequence(
            out, a, "still_errored", LEVEL_WARN,
            "one step back is errored again: the table stays skipped; rolling back to the "
            "nearest healthy phase (--to-healthy) goes further");
    if (table->current->phase == ETL_ERRORED)
        op_consequence(out, a, "reason_goes", LEVEL_NOTE,
                       "the errored row leaves the store with its reason; the journal keeps both");
}

static bool is_fresh_init(const struct etl_table *table)
{
    return table->nrows == 1 && table->current && table->current->phase == ETL_INIT &&
           !table->current->has_prev;
}

static const struct value *init_row(struct arena *a)
{
    const struct value_pair type = {value_cstr(a, "type"), value_cstr(a, "init")};
    const struct value_pair pairs[] = {
        {value_cstr(a, "id"), value_late(a, LATE_ID)},
        {value_cstr(a, "state"), value_cstr(a, "init")},
        {value_cstr(a, "metadata"), value_dict(a, &type, 1)},
        {value_cstr(a, "prev"), &value_null},
        {value_cstr(a, "is_current"), &value_true},
        {value_cstr(a, "created_at"), value_late(a, LATE_NOW)},
        {value_cstr(a, "updated_at"), value_late(a, LATE_NOW)},
    };
    return value_dict(a, pairs, sizeof pairs / sizeof pairs[0]);
}

static bool reset_run(const struct op_input *in, const struct etl_table *table,
                      struct op_output *out, struct err *err)
{
    struct arena *a = in->arena;
    if (is_fresh_init(table)) {
        out->nothing = STR("already init, without a history");
        return true;
    }
    const struct value *row = init_row(a);
    const struct value *states = value_list(a, VALUE_LIST, &row, 1);
    struct op_edit *edit =
        op_edit_add(out, 0, EDIT_WRITE, value_dict_with(a, in->docs[0]->root, "states", states));
    edit->reads = 1u << ETL_STATES;
    note_recopy(in, out);
    op_consequence(out, a, "history_goes", LEVEL_NOTE,
                   "the phase history leaves the store; the journal keeps it");
    note_restart(in, out);
    return true;
}

static bool rollback_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    bool full = op_arg_flag(&in->args, "full"), healthy = op_arg_flag(&in->args, "to-healthy");
    if (full && healthy)
        return err_set(err, ERR_INVALID, "--full and --to-healthy exclude each other");
    if (!editable(doc, err))
        return false;
    out->undo = UNDO_UNTIL_RESTART;
    struct etl_table table = etl_table_read(in->arena, doc->root);
    if (!table.nrows)
        return err_set(err, ERR_REFUSED, "%.*s: the store has no phase of it", STR_ARG(doc->label));
    if (full)
        return reset_run(in, &table, out, err);
    size_t depth;
    if (!etl_rollback_target(&table, healthy, &depth, err))
        return err_context(err, "%.*s", STR_ARG(doc->label));
    const struct value *states = states_rolled_back(in->arena, &table, depth);
    struct op_edit *edit =
        op_edit_add(out, 0, EDIT_WRITE, value_dict_with(in->arena, doc->root, "states", states));
    edit->reads = 1u << ETL_STATES;
    note_rollback(in, &table, depth, out);
    note_restart(in, out);
    return true;
}

/* --- clear-copy and forget (5.6) ------------------------------------------------------------ */

static void note_hidden_object(const struct op_input *in, struct op_output *out)
{
    const struct value *row = value_at(value_get(in->docs[0]->root, "destination"), 0);
    struct str name = value_str_or(value_get(row, "destination_table_id"), STR_NULL);
    if (!name.ptr)
        return;
    op_consequence(
        out, in->arena, "hidden_object", LEVEL_DANGER,
        "the destination row goes: nothing will drop %.*s, and a new copy may land in it "
        "or beside it; drop that object by hand first",
        STR_ARG(name));
}

static bool clear_copy_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    if (!editable(doc, err))
        return false;
    const struct value *root = doc->root;
    size_t rows = 0;
    if (etl_id_is_worker(doc->id)) {
        err_set(err, ERR_REFUSED, "%.*s is the position of the apply worker, no table",
                STR_ARG(doc->id));
        return err_hint(err, "forget removes it");
    }
    for (int part = ETL_PROGRESS; part <= ETL_DESTINATION; part++) {
        rows += value_count(document_part(in->system, root, (size_t)part));
        root = value_dict_without(in->arena, root, in->system->parts[part]);
    }
    if (!rows) {
        out->nothing = STR("no schema, progress or destination row to clear");
        return true;
    }
    struct etl_table table = etl_table_read(in->arena, doc->root);
    if (table.current && etl_phases[table.current->phase].streams) {
        err_set(err, ERR_REFUSED, "%.*s is %s: its schema and destination rows are in use",
                STR_ARG(doc->label), etl_phases[table.current->phase].name);
        return err_hint(err, "reset the table first");
    }
    op_edit_add(out, 0, EDIT_WRITE, root)->reads = ~0u;
    out->undo = UNDO_UNTIL_RESTART;
    out->typed = out->needs_reason = true;
    note_hidden_object(in, out);
    note_restart(in, out);
    return true;
}

static bool forget_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    const struct document *doc = in->docs[0];
    if (!editable(doc, err))
        return false;
    struct op_edit *edit = op_edit_add(out, 0, EDIT_REMOVE, NULL);
    edit->reads = ~0u;
    edit->after_text = STR("absent");
    out->undo = UNDO_UNTIL_RESTART;
    out->typed = out->needs_reason = true;
    if (etl_id_is_worker(doc->id)) {
        op_consequence(
            out, in->arena, "applied_again", LEVEL_WARN,
            "if the pipeline still runs somewhere, its next start goes on from its slot, "
            "and what it had applied since comes again");
        return true;
    }
    if (value_count(value_get(in->facts, "publications")))
        op_consequence(out, in->arena, "comes_back", LEVEL_DANGER,
                       "the table is still published: the next start makes it init and copies it "
                       "again, without dropping the old destination object");
    else
        op_consequence(
            out, in->arena, "comes_back", LEVEL_WARN,
            "if a publication of the pipeline still has the table, the next start copies "
            "it again");
    note_hidden_object(in, out);
    op_consequence(out, in->arena, "slot_stays", LEVEL_NOTE,
                   "a table-sync slot of the table stays, if it has one");
    note_restart(in, out);
    return true;
}

/* --- what is not done ----------------------------------------------------------------------- */

static bool refuse_clear(const struct op_input *in, struct op_output *out, struct err *err)
{
    err_set(err, ERR_REFUSED,
            "a replicated table is not cleared: without its rows the next start "
            "copies it into an object that nobody drops");
    return err_hint(err, "reset copies it again; forget removes a table that left the publication");
}

static bool refuse_edit(const struct op_input *in, struct op_output *out, struct err *err)
{
    err_set(err, ERR_REFUSED, "a phase set by hand skips changes or stops the whole pipeline");
    return err_hint(err, "rollback or reset move a table to a phase it can go on from");
}

static const struct op_option rollback_options[] = {
    {.name = "to-healthy",
     .kind = OPTION_FLAG,
     .help = "the newest earlier phase that is not errored and loses nothing"},
    {.name = "full", .kind = OPTION_FLAG, .help = "start again from init; the history goes"},
    {0},
};

static const struct op op_rollback = {
    .verb = "rollback",
    .help = "go back to an earlier phase",
    .options = rollback_options,
    .run = rollback_run,
};
static const struct op op_clear_copy = {
    .verb = "clear-copy",
    .help = "remove schema, progress and destination rows after the object was dropped by hand",
    .run = clear_copy_run,
};
static const struct op op_forget = {
    .verb = "forget",
    .help = "remove all rows of a table that left the publication, or what a pipeline left behind",
    .run = forget_run,
};
static const struct op op_clear = {
    .verb = "clear",
    .help = "refused: reset or forget",
    .run = refuse_clear,
};
static const struct op op_edit = {
    .verb = "edit",
    .help = "refused: a phase is never set by hand",
    .run = refuse_edit,
};

const struct op *const etl_ops[] = {&op_rollback, &op_clear_copy, &op_forget,
                                    &op_clear,    &op_edit,       NULL};
