/* What the tests of schema etl share: a real server ($PENSTOCK_POSTGRES), and for each test a
 * database of its own, loaded with the sample of formats/supabase-etl.md 8. */
#ifndef PENSTOCK_TEST_ETL_SERVER_H
#define PENSTOCK_TEST_ETL_SERVER_H

#include "tests/unit/test.h"

#include "core/apply.h"

#include <libpq-fe.h>

struct fixture {
    struct arena arena;
    struct call call;
    char database[64], dir[64];
    const char *url;
    PGconn *admin; /* another program */
    struct open_store store;
    struct journal *journal;
    struct audit *audit;
};

/* Exit status without a server: skipped; where nothing may be skipped, a failure. */
int missing(const char *what);

int set_up_empty(void **state); /* the database alone */
int set_up(void **state);
int tear_down(void **state);
struct store *open_at(struct fixture *f, const char *url, bool writable);
void load(struct fixture *f, const char *path);

/* As another program. */
PGconn *connect_to(const char *url);
const char *ask(struct fixture *f, PGconn *conn, const char *sql); /* the first cell, or "" */
void sql(struct fixture *f, const char *text);
/* Every row of the schema, every column, the order of ids. */
const char *dump(struct fixture *f);
/* "106 init, 121* data_sync": the rows of a table of pipeline 7, by id. */
const char *rows_of(struct fixture *f, const char *oid);

struct document read_one(struct fixture *f, const char *id);
struct plan *plan_of(struct fixture *f, const char *verb, const char *flag, const char *const *ids,
                     size_t n);
void apply(struct fixture *f, struct plan *plan);
/* Undoes what a plan did, or (given an undo's id) does it again; the id becomes that of the undo.
 */
void take_back(struct fixture *f, char *journal_id);
/* Undoes a plan, which leaves `before`, and does it again, which leaves what is there now. */
void back_and_forth(struct fixture *f, const struct plan *plan, const char *before);

#endif
