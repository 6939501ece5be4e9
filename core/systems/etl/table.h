/* What one replicated table's document means: the phase history as rows and as the chain that
 * `prev` makes (formats/supabase-etl.md 1.2, 2 and 3). A document that any layout read will do. */
#ifndef PENSTOCK_ETL_TABLE_H
#define PENSTOCK_ETL_TABLE_H

#include "core/base/clock.h"
#include "core/value.h"

enum etl_part { ETL_STATES, ETL_PROGRESS, ETL_SCHEMAS, ETL_DESTINATION };

enum etl_phase {
    ETL_INIT,
    ETL_DATA_SYNC,
    ETL_FINISHED_COPY,
    ETL_SYNC_WAIT, /* lives in memory only; a stored one is rejected by the worker */
    ETL_CATCHUP,   /* the same */
    ETL_SYNC_DONE,
    ETL_READY,
    ETL_ERRORED,
    ETL_DAMAGED, /* the metadata does not parse: the pipeline cannot start (2.2) */
    ETL_PHASES
};

struct etl_phase_info {
    const char *name;
    bool stored;          /* may stand in a row */
    bool copies;          /* at the next start the destination is dropped and copied (6.2) */
    bool streams;         /* its changes are applied from the apply slot */
    const char *at_start; /* what the next start does with it */
};
extern const struct etl_phase_info etl_phases[ETL_PHASES];

enum etl_policy { ETL_NO_POLICY, ETL_NO_RETRY, ETL_MANUAL_RETRY, ETL_TIMED_RETRY };

struct etl_row {
    size_t index;               /* in the list of states */
    const struct value *value;  /* the row itself */
    int64_t id;                 /* 0 while it is not assigned yet */
    struct str state;           /* the enum column, which nothing but people reads */
    const struct value *detail; /* metadata, NULL when it is SQL NULL */
    enum etl_phase phase;       /* by the metadata */
    struct str damage;          /* why phase is ETL_DAMAGED */
    bool has_prev;
    int64_t prev;
    bool is_current;
    int64_t created_us, updated_us;
    struct str lsn;              /* sync_done */
    struct str reason, solution; /* errored; solution ptr NULL when there is none */
    enum etl_policy policy;
    int64_t next_retry_us; /* TIME_UNKNOWN unless timed */
    ptrdiff_t depth;       /* steps back from the current row; -1: the chain does not reach it */
};

enum etl_chain_end {
    ETL_CHAIN_WHOLE,  /* ends with a row without prev */
    ETL_CHAIN_BROKEN, /* prev names a row that is not this table's */
    ETL_CHAIN_CYCLE,
};

struct etl_table {
    struct etl_row *rows; /* in stored order */
    size_t nrows;
    struct etl_row *current; /* NULL: none */
    size_t ncurrent;         /* more than one: no store of theirs can hold that, a file can */
    struct etl_row **chain;  /* chain[0] is current */
    size_t nchain;
    enum etl_chain_end end;
};

/* Reads the rows of a document; NULL root or states give an empty table. Never fails: what makes
 * no sense becomes damage. */
struct etl_table etl_table_read(struct arena *arena, const struct value *root);

/* Does metadata parse as the replicator's reader would have it, and may it be stored? Fills the
 * phase's fields of `row` (value may be NULL). */
void etl_metadata_read(struct arena *arena, const struct value *metadata, struct etl_row *row);

/* The row one step back; NULL when there is none, or when the chain is broken there. */
struct etl_row *etl_table_back(const struct etl_table *table, const struct etl_row *row);
/* A row, not among the first `depth` of the chain, whose prev is one of those; NULL: none. */
const struct etl_row *etl_table_holds(const struct etl_table *table, size_t depth);

/* "InvalidState" of "[InvalidState] slot is active" and of the older "InvalidState: ..." (2.1). */
struct str etl_reason_kind(struct str reason);
const char *etl_policy_name(enum etl_policy policy); /* NULL for ETL_NO_POLICY */
/* A timer that no process will fire any more: over by more than a minute (6.3). */
bool etl_timer_dead(const struct etl_row *row, int64_t now_us);

/* HIGH/LOW in hexadecimal. */
bool etl_lsn_parse(struct str s, uint64_t *ret);

/* "<unsigned pipeline id>/<table oid>", decimal, without leading zeros. */
bool etl_id_parse(struct str id, uint64_t *ret_pipeline, uint32_t *ret_oid);
/* Oid 0, which no table has: the record of the pipeline's apply worker, its position alone. */
bool etl_id_is_worker(struct str id);

#endif
