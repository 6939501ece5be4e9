/* Tables with one row a record, whose key is a text: what the layouts on them share. */
#ifndef PENSTOCK_POSTGRES_KEYED_H
#define PENSTOCK_POSTGRES_KEYED_H

#include "backends/postgres/client.h"

enum { PG_KEYED_VALUES = 2, PG_KEYED_NOTES = 3 };

/* Everything is SQL as it stands in a statement, quoted where it has to be. Lists end with NULL. */
struct pg_keyed {
    const char *table, *key;
    const char
        *values[PG_KEYED_VALUES + 1];      /* columns of type text, or expressions that give one */
    const char *notes[PG_KEYED_NOTES + 1]; /* short texts beside them */
    const char *like;                      /* pattern of the keys that are records; or NULL */
    const char *ours;                      /* names of all columns that are known, as literals */
};

struct pg_keyed_row {
    struct str key;                     /* ptr NULL: there is no such row */
    struct str values[PG_KEYED_VALUES]; /* ptr NULL for NULL */
    int64_t bytes[PG_KEYED_VALUES];     /* of each value, whole */
    struct str notes[PG_KEYED_NOTES];
};

/* An expression in a statement that has the table's oid at hand: the first of the columns (a list
 * of literals) that is no text, with its type; NULL when all are. */
#define PG_NO_TEXT_SQL(oid, columns)                                                               \
    "(select y_a.attname || ' is ' || format_type(y_a.atttypid, y_a.atttypmod)"                    \
    " from pg_attribute y_a join pg_type y on y.oid = y_a.atttypid where y_a.attrelid = " oid      \
    " and y_a.attname in (" columns ") and y.typcategory <> 'S' order by y_a.attnum limit 1)"
/* What that said of the table, as an error; true when `no_text` is NULL. */
bool pg_keyed_check_texts(struct str table, struct str no_text, struct err *err);

/* layout->check_id: ERR_REFUSED for what no Postgres text can be. */
bool pg_keyed_check_id(struct store *store, struct str id, struct err *err);

/* Counts inside a transaction of its own. */
bool pg_keyed_count(struct pg_client *client, const struct pg_keyed *keyed, const struct call *call,
                    int64_t *ret, struct err *err);

/* A scan in the order of the key, each page a transaction of its own. Rows have no values, only
 * their sizes; with keys_alone neither sizes nor notes, so that an index may answer without the
 * table. A zeroed scan begins; it is released in the end. Or the functions of struct layout make
 * and free it. */
struct pg_keyed_scan {
    bool keys_alone;
    bool started;
    struct sbuf last;
};
void pg_keyed_scan_release(struct pg_keyed_scan *scan);
bool pg_keyed_scan_open(struct store *store, const struct call *call, void **ret, struct err *err);
bool pg_keyed_scan_ids(struct store *store, const struct call *call, void **ret, struct err *err);
void pg_keyed_scan_close(struct store *store, void *scan);
bool pg_keyed_scan_next(struct pg_client *client, const struct pg_keyed *keyed,
                        struct pg_keyed_scan *scan, const struct call *call, struct arena *arena,
                        size_t max, struct pg_keyed_row **ret, size_t *ret_n, struct err *err);
/* The same for who wants ids alone, as rows of a listing that know nothing else. */
bool pg_keyed_next_ids(struct pg_client *client, const struct pg_keyed *keyed,
                       struct pg_keyed_scan *scan, const struct call *call, struct arena *arena,
                       size_t max, struct row **ret, size_t *ret_n, struct err *err);

/* Many rows at once, in one snapshot, a bounded number of bytes in one answer. What is longer than
 * `limit` comes as its first characters. */
bool pg_keyed_read(struct pg_client *client, const struct pg_keyed *keyed, const struct str *keys,
                   size_t n, size_t limit, const struct call *call, struct arena *arena,
                   struct pg_keyed_row *ret, struct err *err);

/* One row inside the caller's transaction, locked against other writers until it ends; a lock that
 * somebody holds is waited for as pg_begin was told. */
bool pg_keyed_lock(struct pg_client *client, const struct pg_keyed *keyed, struct str key,
                   const struct call *call, struct arena *arena, struct pg_keyed_row *ret,
                   struct err *err);

/* What would go with a row and be brought back by no undo: columns that are not ours and hold
 * something, tables whose rows are removed or changed with it. ptr NULL: nothing. */
bool pg_keyed_more(struct pg_client *client, const struct pg_keyed *keyed, struct str key,
                   const struct call *call, struct arena *arena, struct str *ret, struct err *err);

#endif
