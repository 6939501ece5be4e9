/* Tables with one row a record, whose key is a text: what the layouts on them share. */
#ifndef PENSTOCK_SQLITE_KEYED_H
#define PENSTOCK_SQLITE_KEYED_H

#include "backends/sqlite/client.h"
enum { KEYED_VALUES = 2 };

/* Names hold no quotation mark. */
struct sqlite_keyed {
    const char *table, *key, *updated_at;
    const char *values[KEYED_VALUES]; /* text columns; NULL: there is only one */
    const char *glob;                 /* pattern of the keys that are records; or NULL */
};

/* Counts them: what a layout's probe has to do. */
bool sqlite_keyed_probe(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                        struct store *store, const struct call *call, struct err *err);
bool sqlite_keyed_count(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                        const struct call *call, int64_t *ret, struct err *err);

/* A scan in the order of the key: functions of struct layout, and what its scan_next asks. What is
 * no text cannot be addressed and is passed over. */
bool sqlite_keyed_scan_open(struct store *store, const struct call *call, void **ret,
                            struct err *err);
bool sqlite_keyed_scan_ids(struct store *store, const struct call *call, void **ret,
                           struct err *err);
void sqlite_keyed_scan_close(struct store *store, void *scan);
bool sqlite_keyed_scan_next(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                            void *scan, const struct call *call, struct arena *arena, size_t max,
                            struct row **ret, size_t *ret_n, struct err *err);

struct sqlite_keyed_row {
    struct str rowid, updated_at; /* as texts; ptr NULL for NULL */
    struct sqlite_cell values[KEYED_VALUES];
};
/* At most `limit` bytes of each value. */
bool sqlite_keyed_read(struct sqlite_conn *conn, const struct sqlite_keyed *keyed, struct str key,
                       size_t limit, struct arena *arena, bool *ret_found,
                       struct sqlite_keyed_row *ret, struct err *err);

/* Names of the columns that are not ours and hold something in this row: no undo could bring them
 * back. ptr NULL: none do. */
bool sqlite_keyed_more(struct sqlite_conn *conn, const struct sqlite_keyed *keyed, struct str key,
                       struct arena *arena, struct str *ret, struct err *err);

/* Many records in one snapshot: layout->read. `read_one` fills a document whose id and label are
 * set; one that is damaged (ERR_CORRUPT) does not hide the others. */
typedef bool sqlite_read_one(struct sqlite_conn *conn, struct store *store, size_t limit,
                             struct arena *arena, struct document *doc, struct err *err);
bool sqlite_read_each(struct sqlite_client *client, sqlite_read_one *read_one, struct store *store,
                      const struct str *ids, size_t n, size_t limit, const struct call *call,
                      struct arena *arena, struct read_item *ret, struct err *err);

#endif
