/* Meltano's system database in Postgres: which of its tables are there, and what this role may do
 * with them. Shared by the files of this layout. */
#ifndef PENSTOCK_POSTGRES_MELTANO_SYSTEMDB_H
#define PENSTOCK_POSTGRES_MELTANO_SYSTEMDB_H

#include "backends/meltano_systemdb.h"
#include "backends/postgres/client.h"

/* What the catalogue says. The rest is unset where it is not a system database. */
struct pg_systemdb {
    bool is_systemdb;
    struct systemdb_schema schema;
    bool reads_revision;
    bool writes_state, adds_runs, removes_runs; /* unset unless asked for as `writable` */
};

/* In transactions of its own. Texts go to `arena`. */
bool pg_systemdb_look(struct pg_client *client, bool writable, const struct call *call,
                      struct arena *arena, struct pg_systemdb *ret, struct err *err);
/* The same for who only reads, sooner: what columns `runs` has may be left unknown (0). */
bool pg_systemdb_look_to_read(struct pg_client *client, const struct call *call,
                              struct arena *arena, struct pg_systemdb *ret, struct err *err);
/* Can it be read, and written? Fills the store's info as systemdb_schema_judge does, and rights.
 * ERR_UNSUPPORTED when it is none. */
bool pg_systemdb_judge(const struct pg_systemdb *found, struct store *store, struct err *err);

#endif
