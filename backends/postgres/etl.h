/* The native layout of Supabase ETL: schema `etl`, all its versions (formats/supabase-etl.md 1).
 * Shared by the files of this layout. */
#ifndef PENSTOCK_POSTGRES_ETL_H
#define PENSTOCK_POSTGRES_ETL_H

#include "backends/postgres/client.h"
#include "core/store_driver.h"
#include "core/systems/etl/table.h"

/* What the catalogue says is there. Levels are told by columns, never by the version table: users
 * restore, pre-apply and hand-seed that one (1.3). A table that this role may not read counts as
 * not there, and `rights` says so. */
struct etl_schema {
    bool states;           /* etl.replication_state */
    bool legacy_a;         /* one row per table, no history: before August 2025 */
    bool legacy_b;         /* the first chained form */
    bool times;            /* replication_state says when; a row without is not restored exactly */
    bool schemas, columns; /* etl.table_schemas, etl.table_columns */
    bool snapshots;        /* table_schemas.snapshot_id */
    bool pair_snapshots;   /* it is text "commit:message": L5 and later */
    bool progress;         /* etl.replication_progress */
    bool destinations;     /* etl.destination_tables_metadata */
    bool previous_masks;   /* its previous_replication_mask */
    bool mappings;         /* etl.table_mappings, which it replaced */
    bool default_expression;
    bool may_write_states; /* insert, update and delete */
    struct str level;      /* "L4" */
    struct str unreadable; /* tables this role may not read; STR_NULL */
};

/* The statements, as this store's level needs them. */
struct etl_sql {
    const char *scan;  /* $1 pid, $2 oid: rows behind that; $3 pid or NULL; $4 limit */
    const char *lost;  /* the same for what has rows but no current phase; NULL: cannot be */
    const char *read;  /* $1 pids, $2 oids: arrays; $3 byte limit */
    const char *lock;  /* the same, locking history rows; those of others are missing in it */
    const char *facts; /* $1 pids, $2 oids; $3: sizes too, which wait for a table's DDL */
};

struct etl_store {
    struct store base;
    struct pg_client *client;
    struct etl_schema schema;
    struct etl_sql sql;
    bool one_pipeline;
    uint64_t pipeline;
};

static inline struct etl_store *etl_store(struct store *store)
{
    return (struct etl_store *)store;
}

/* etl_schema.c */
bool etl_schema_look(struct pg_client *client, const struct call *call, struct arena *arena,
                     struct etl_schema *ret, struct err *err);
/* Why a schema of this level is only read; STR_NULL: it can be written. */
struct str etl_why_read_only(const struct etl_schema *schema);
void etl_sql_make(const struct etl_schema *schema, const struct pg_server *server,
                  struct arena *arena, struct etl_sql *ret);

/* A pipeline id as the database has it: the same 64 bits, signed (9.12). */
struct str etl_signed_pid(struct arena *arena, uint64_t pipeline);
/* Ids as two array literals, pids and oids. The ids are checked before. */
void etl_id_arrays(struct arena *arena, const struct str *ids, size_t n, struct str *ret_pids,
                   struct str *ret_oids);

/* etl_scan.c */
bool etl_scan_open(struct store *store, const struct call *call, void **ret, struct err *err);
bool etl_scan_next(struct store *store, void *scan, const struct call *call, struct arena *arena,
                   size_t max, struct row **ret, size_t *ret_n, struct err *err);
void etl_scan_close(struct store *store, void *scan);

/* etl_read.c */
bool etl_read(struct store *store, const struct str *ids, size_t n, size_t limit,
              const struct call *call, struct arena *arena, struct read_item *ret, struct err *err);
bool etl_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                struct document *ret, struct err *err);
/* etl_read inside a transaction of the caller's; `sql` is sql.read or sql.lock. */
bool etl_read_within(struct etl_store *store, const char *sql, const struct str *ids, size_t n,
                     size_t limit, const struct call *call, struct arena *arena,
                     struct read_item *ret, struct err *err);
/* A document's image: for every part its rows as canonical JSON text. Pieces that are absent have
 * ptr NULL. The texts are lent from `image`. */
bool etl_image_parts(struct str image, struct str ret[PARTS_MAX], struct err *err);

/* The rows of one part's text as the list that stands in a document. */
bool etl_part_value(struct arena *arena, enum etl_part part, struct str text,
                    const struct value **ret, struct err *err);

/* etl_change.c: one table's edit, inside a transaction of the caller's */
struct etl_change {
    struct etl_store *es;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct str pid, oid; /* as the database has them */
    struct document now; /* the caller's: as read under the lock */
};
struct etl_change etl_change_of(struct etl_store *es, struct commit_item *item,
                                const struct call *call, struct arena *arena);
/* Writes from `now` to what the item wants. ERR_CONFLICT: other rows were touched than were read.
 */
bool etl_change_make(struct etl_change *change, struct err *err);
/* Is `after`, read in the same transaction, what was meant, and may it stay? */
bool etl_change_check(struct etl_change *change, const struct document *after, struct err *err);

/* etl_commit.c */
bool etl_commit(struct store *store, struct commit_item *item, const struct call *call,
                struct arena *arena, struct err *err);

/* etl_lot.c */
bool etl_commit_lot(struct store *store, struct commit_item *items, size_t n,
                    const struct call *call, struct arena *arena, size_t *ret_done,
                    struct err *err);

/* etl_live.c */
bool etl_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                  struct arena *arena, struct activity *ret, struct err *err);
bool etl_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
               struct arena *arena, const struct value **ret, struct err *err);

#endif
