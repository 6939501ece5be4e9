/* Meltano's system database without the SQL: what its rows mean and in which order they are
 * written. The layouts on sqlite and postgres hold the statements. (Sections in brackets are those
 * of the reference formats/meltano.md.)
 *
 * Records are rows of `state`; `runs` is history and the register of what is running [3.2]. There
 * is no lock; a change is one transaction that compares and writes under the row's own lock, which
 * is stricter than Meltano and compatible with it [13]. */
#ifndef PENSTOCK_MELTANO_SYSTEMDB_H
#define PENSTOCK_MELTANO_SYSTEMDB_H

#include "core/store_driver.h"

/* --- schema --------------------------------------------------------------------------------- */

enum { SYSTEMDB_HALVES = 2 }; /* in the order of the system's parts: completed, partial */
enum systemdb_run_column {
    RUN_ID,
    RUN_JOB_NAME,
    RUN_STATE,
    RUN_STARTED_AT,
    RUN_ENDED_AT,
    RUN_PAYLOAD,
    RUN_PAYLOAD_FLAGS,
    RUN_RUN_ID,
    RUN_TRIGGER,
    RUN_LAST_HEARTBEAT_AT,
    RUN_COLUMNS
};
extern const char *const systemdb_state_columns[4]; /* state_id, the halves, updated_at */
extern const char *const systemdb_half_columns[SYSTEMDB_HALVES];
extern const char *const systemdb_run_columns[RUN_COLUMNS];

/* What was found of it in a database: bit i for column i of the tables above. */
struct systemdb_schema {
    unsigned state_columns, run_columns;
    struct str revision; /* of alembic_version; ptr NULL: not exactly one row */
};
/* Can this be read? Fills layout_version, note, and where it cannot be written by us, writable and
 * why_read_only. ERR_UNSUPPORTED when `state` lacks a column. Texts go to the store's arena. */
bool systemdb_schema_judge(const struct systemdb_schema *schema, struct store *store,
                           struct err *err);
bool systemdb_runs_readable(const struct systemdb_schema *schema);

/* --- rows ----------------------------------------------------------------------------------- */

/* One row of `state` as stored. ptr NULL is SQL NULL. */
struct systemdb_row {
    struct str halves[SYSTEMDB_HALVES];
    bool is_blob[SYSTEMDB_HALVES]; /* SQLite: somebody stored a BLOB there */
    struct str updated_at; /* wall clock of the machine that wrote it, without a zone [3.3] */
    struct str place;      /* SQLite's rowid; ptr NULL elsewhere */
    bool null_is_empty;    /* the plug-in's rows: NULL for {} [6.1] */
};

/* Fills everything of a document but the id and label. `row` NULL: absent. Texts stay where they
 * are. A half that does not parse is a problem, not an error. */
void systemdb_document(struct arena *arena, const struct systemdb_row *row, struct document *ret);
/* layout->decode of both layouts. */
bool systemdb_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                     struct document *ret, struct err *err);

/* One row of `runs`, every column as text. */
struct systemdb_run {
    struct str columns[RUN_COLUMNS];
};

/* --- changing ------------------------------------------------------------------------------- */

/* The statements of one engine; `tx` is its open transaction. An error with kind LOCKED, CONFLICT,
 * DENIED or REFUSED is the item's, any other the store's. */
struct systemdb_engine {
    /* The row, locked against other writers until the transaction ends. */
    bool (*row_get)(void *tx, struct str id, struct arena *arena, bool *ret_found,
                    struct systemdb_row *ret, struct err *err);
    bool (*row_insert)(void *tx, struct str id, const struct systemdb_row *row, struct err *err);
    /* Writes updated_at and the halves in `change`. */
    bool (*row_update)(void *tx, struct str id, const struct systemdb_row *row, unsigned change,
                       int64_t *ret_rows, struct err *err);
    bool (*row_delete)(void *tx, struct str id, int64_t *ret_rows, struct err *err);
    /* What else would go with the row; ptr NULL: nothing. */
    bool (*row_more)(void *tx, struct str id, struct arena *arena, struct str *ret,
                     struct err *err);
    /* Where there is no table of runs the rest is NULL: then `now` says what updated_at becomes,
     * and new rows get it too. */
    bool (*now)(void *tx, struct arena *arena, struct str *ret, struct err *err);
    bool (*run_get)(void *tx, struct str id, struct arena *arena, bool *ret_found,
                    struct systemdb_run *ret, struct err *err);
    /* The STATE_EDIT row of this state with this run_id (32 hex digits). */
    bool (*run_find)(void *tx, struct str state_id, struct str run_id, struct arena *arena,
                     bool *ret_found, struct systemdb_run *ret, struct err *err);
    /* RUN_ID NULL: the database gives one. */
    bool (*run_insert)(void *tx, const struct systemdb_run *run, struct arena *arena,
                       struct str *ret_id, struct err *err);
    bool (*run_delete)(void *tx, struct str id, int64_t *ret_rows, struct err *err);
};

/* All of a commit between begin and end: the transaction is to be committed when it returns true
 * with OUTCOME_APPLIED, else rolled back. */
bool systemdb_commit(const struct systemdb_engine *engine, void *tx, struct commit_item *item,
                     struct arena *arena, struct err *err);

/* --- who is running, and what ran ----------------------------------------------------------- */

/* Adds what a RUNNING row says of its record: live or stale [3.5]; the newest live row counts, else
 * the newest. */
void systemdb_activity_add(struct activity *activity, const struct systemdb_run *run,
                           int64_t now_us, struct arena *arena);

enum { SYSTEMDB_HISTORY = 20, SYSTEMDB_PAYLOAD_LIMIT = 256 * 1024 };
/* A run as an element of the fact `runs`: a dict with id, job_name, state, started_at, ended_at,
 * payload, flags, run_id, trigger, heartbeat_at (null for NULL; times are naive UTC) and
 * payload_bytes. A payload beyond the limit is null. */
const struct value *systemdb_run_fact(struct arena *arena, const struct systemdb_run *run,
                                      int64_t payload_bytes);
/* The facts of a record: {"runs": [newest first]}. */
const struct value *systemdb_facts(struct arena *arena, const struct value *const *runs, size_t n);

/* YYYY-MM-DD HH:MM:SS.ffffff in UTC, as the times of `runs` are stored. */
struct str systemdb_time_utc(struct arena *arena, int64_t us);

#endif
