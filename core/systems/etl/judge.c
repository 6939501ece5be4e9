/* Would the running replicator collide with this edit? Per record and per action: sections 3.1 and
 * 11 of the reference. A rule that refused the common safe case would teach people to override. */
#include "core/systems/etl/etl.h"

#include <string.h>

static struct writer blocks(struct arena *a, struct str who, const char *why)
{
    return (struct writer){WRITER_BLOCKS, arena_printf(a, "%s (%.*s)", why, STR_ARG(who))};
}

/* An edit that lands on `to` (ETL_PHASES: the rows go altogether) while the replicator runs. NULL
 * when it is safe. */
static const char *collision(const struct etl_row *current, enum etl_phase to, int64_t now_us)
{
    if (!current)
        return "the running replicator may write the first phase at any moment";
    if (etl_phases[current->phase].copies)
        return "the table is being copied: the next phase would be written on top of the edit";
    if (current->phase == ETL_SYNC_DONE)
        return "sync_done becomes ready by itself: that would be written on top of the edit";
    if (current->policy == ETL_TIMED_RETRY && !etl_timer_dead(current, now_us))
        return "a retry timer is running: when it fires it goes one phase further back";
    if (to == ETL_PHASES)
        return "the replicator has to be stopped: it still serves the table";
    if (etl_phases[to].streams)
        return "the replicator has to be stopped before a table goes back to streaming";
    if (current->phase == ETL_READY && !etl_phases[to].copies)
        return "the replicator has to be stopped before a ready table goes back";
    return NULL;
}

/* Rows a worker wrote itself became current when they were made. */
bool etl_not_read_yet(const struct etl_row *current, const struct activity *seen)
{
    bool by_hand =
        current && (current->phase == ETL_INIT || current->updated_us != current->created_us);
    return by_hand && seen->started_at_us != TIME_UNKNOWN && current->updated_us != TIME_UNKNOWN &&
           seen->started_at_us < current->updated_us;
}

static enum etl_phase target_phase(const struct op *op, const struct op_input *in,
                                   const struct etl_table *table)
{
    size_t depth;
    if (!op)
        return ETL_INIT; /* a restore of rows: judged by what is there now */
    if (strcmp(op->verb, "rollback") != 0)
        return ETL_PHASES;
    if (op_arg_flag(&in->args, "full") ||
        !etl_rollback_target(table, op_arg_flag(&in->args, "to-healthy"), &depth, NULL))
        return ETL_INIT;
    return table->chain[depth]->phase;
}

struct writer etl_judge(const struct op *op, const struct op_input *in)
{
    const struct activity *seen = in->activity;
    if (!seen)
        return (struct writer){WRITER_CANNOT_SEE, STR("writers were not asked for")};
    if (seen->sight == ACTIVITY_BLIND)
        return (struct writer){WRITER_CANNOT_SEE, seen->why};
    if (seen->sight == ACTIVITY_NONE)
        return (struct writer){WRITER_NONE_SEEN, STR_NULL};
    if (seen->record_live)
        return blocks(in->arena, seen->who,
                      "a copy worker works on the table: its next phase would bury the edit");
    struct etl_table table = etl_table_read(in->arena, in->docs[0]->root);
    if (etl_not_read_yet(table.current, seen))
        return (struct writer){
            WRITER_SAFE, STR("running, this row is safe: the replicator started before the row "
                             "was edited and has not read it")};
    const char *why = collision(table.current, target_phase(op, in, &table), in->now_us);
    if (why)
        return blocks(in->arena, seen->who, why);
    return (struct writer){WRITER_SAFE,
                           arena_printf(in->arena,
                                        "running, this row is safe: no timer, no copy worker "
                                        "(%.*s)",
                                        STR_ARG(seen->who))};
}
