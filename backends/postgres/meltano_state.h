/* The table of states in Postgres, as Meltano's system database and its state-backend-postgresql
 * both have it: what the two layouts share. */
#ifndef PENSTOCK_POSTGRES_MELTANO_STATE_H
#define PENSTOCK_POSTGRES_MELTANO_STATE_H

#include "backends/meltano_systemdb.h"
#include "backends/postgres/keyed.h"

/* Their stores begin with this, so that the pointers convert. */
struct pg_state_store {
    struct store base;
    struct pg_client *client;
    struct pg_keyed table;
    bool null_is_empty; /* a half that is NULL is an empty object, and written as NULL */
};

/* `table` as it stands in SQL; lent for the store's life. */
void pg_state_table_init(struct pg_state_store *s, const char *table, bool null_is_empty);

/* Functions of struct layout. */
void pg_state_close(struct store *store); /* frees the struct, whatever stands behind it */
bool pg_state_probe(struct store *store, const struct call *call, struct err *err);
bool pg_state_scan_next(struct store *store, void *ctx, const struct call *call,
                        struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                        struct err *err);
bool pg_state_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                   const struct call *call, struct arena *arena, struct read_item *ret,
                   struct err *err);
#define PG_STATE_FUNCTIONS                                                                         \
    .probe = pg_state_probe, .scan_open = pg_keyed_scan_open, .scan_ids = pg_keyed_scan_ids,       \
    .scan_next = pg_state_scan_next, .scan_close = pg_keyed_scan_close, .read = pg_state_read,     \
    .decode = systemdb_decode, .check_id = pg_keyed_check_id

/* --- changing: the statements of a systemdb_engine, whose `tx` is a struct pg_state_tx -------- */

struct pg_state_tx {
    struct pg_state_store *store;
    const struct call *call;
    struct arena *arena;
};
bool pg_state_row_get(void *ctx, struct str id, struct arena *arena, bool *ret_found,
                      struct systemdb_row *ret, struct err *err);
bool pg_state_row_insert(void *ctx, struct str id, const struct systemdb_row *row, struct err *err);
bool pg_state_row_update(void *ctx, struct str id, const struct systemdb_row *row, unsigned change,
                         int64_t *ret_rows, struct err *err);
bool pg_state_row_delete(void *ctx, struct str id, int64_t *ret_rows, struct err *err);
bool pg_state_row_more(void *ctx, struct str id, struct arena *arena, struct str *ret,
                       struct err *err);
#define PG_STATE_ROW_FUNCTIONS                                                                     \
    .row_get = pg_state_row_get, .row_insert = pg_state_row_insert,                                \
    .row_update = pg_state_row_update, .row_delete = pg_state_row_delete,                          \
    .row_more = pg_state_row_more

/* The plug-in's advisory lock, until the transaction ends. ERR_LOCKED when it is held for longer
 * than the transaction waits. */
bool pg_state_lock(struct pg_client *client, struct str id, const struct call *call,
                   struct arena *arena, struct err *err);

/* One transaction under the plug-in's advisory lock: systemdb_commit between begin and end. */
bool pg_state_commit(struct store *store, const struct systemdb_engine *engine,
                     struct commit_item *item, const struct call *call, struct arena *arena,
                     struct err *err);

#endif
