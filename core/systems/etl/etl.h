/* Shared by the files of this folder: what the table of the system is made of. */
#ifndef PENSTOCK_ETL_H
#define PENSTOCK_ETL_H

#include "core/system.h"
#include "core/systems/etl/table.h"

/* Facts of one record, all optional (the driver gathers them):
 *   source_bytes   size of the source table
 *   catalog_name   schema.name by the catalogue now; null: no such relation
 *   stored_name    schema.name by the newest stored schema version
 *   publications   list of names of publications that have the table
 *   apply_position {flush_lsn, updated_at} of the pipeline's apply worker
 *   slot, sync_slot   {name, active, wal_status, lag_bytes, database}; null: not on this server */

/* --- ops.c, judge.c --- */
extern const struct op *const etl_ops[];
struct writer etl_judge(const struct op *op, const struct op_input *in);

/* Where a rollback would land: depth in the chain of its target. Refuses with the reason. Shared by
 * the operation, its judge and whoever previews it. */
bool etl_rollback_target(const struct etl_table *table, bool to_healthy, size_t *ret_depth,
                         struct err *err);
/* True when going to chain[depth] skips the copy that would bring back what was missed (9.2). */
bool etl_rollback_loses(const struct etl_table *table, size_t depth);

/* Was the current row set by an operator after the running replicator had started? It reads phases
 * at its start only, so the edit is not in effect. False where the start cannot be seen. */
bool etl_not_read_yet(const struct etl_row *current, const struct activity *seen);

/* --- verdict.c --- */
struct etl_verdict {
    enum mark mark;
    const char *word;   /* "ok", "retrying", "timer dead", "damaged" ... */
    const char *advice; /* verb that would help: "rollback", "rollback --to-healthy", "reset",
                           "wait"; NULL: nothing to do */
};
struct etl_verdict etl_verdict_of(const struct sheet_input *in, const struct etl_table *table);
struct finding *etl_check(const struct sheet_input *in);

/* --- sheets.c, show.c --- */
extern const struct sheet etl_sheets[3];
size_t etl_show(const struct sheet_input *in, struct str (**ret)[2]);

/* "1A/4C60F28 since 2026-07-24 09:12:31Z" of a row of replication_progress; ptr NULL without one.
 */
struct str etl_position_text(struct arena *arena, const struct value *row);
/* --- words.c --- */
size_t etl_say_changes(const struct value *before, const struct value *after, struct arena *arena,
                       struct change_words **ret);

/* --- versions.c: the sheet of the stored schema versions --- */
/* A snapshot id as a position. From L5 on it is two decimals, the commit and the message in it
 * (section 12); the message is told where it is another. */
struct str etl_snapshot_text(struct arena *arena, struct str snapshot);
/* Never by their text (section 12). */
bool etl_snapshot_after(struct str a, struct str b);
enum { ETL_VERSION_COLUMNS = 7 };
extern const struct column etl_version_columns[ETL_VERSION_COLUMNS];
struct sheet_row *etl_versions_fill(const struct sheet *sheet, const struct sheet_input *in);
void etl_versions_more(const struct sheet_input *in, struct str key, struct sbuf *out);

#endif
