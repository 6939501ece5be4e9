/* Tables with one row a record, whose key is a text: what the layouts on them share. */
#ifndef PENSTOCK_SQLITE_KEYED_H
#define PENSTOCK_SQLITE_KEYED_H

#include "backends/sqlite/client.h"
#include "core/system.h"

enum { KEYED_VALUES = 2 };

/* Names hold no quotation mark. */
struct sqlite_keyed {
    const char *table, *key, *updated_at;
    const char *values[KEYED_VALUES]; /* text columns; NULL: there is only one */
    const char *glob;                 /* pattern of the keys that are records; or NULL */
};

bool sqlite_keyed_count(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                        const struct call *call, int64_t *ret, struct err *err);

/* A scan in the order of the key; see store_scan_*. What is no text cannot be addressed and is
 * passed over. */
struct sqlite_keyed_scan *sqlite_keyed_scan_new(void);
void sqlite_keyed_scan_free(struct sqlite_keyed_scan *scan);
bool sqlite_keyed_scan_next(struct sqlite_client *client, const struct sqlite_keyed *keyed,
                            struct sqlite_keyed_scan *scan, const struct call *call,
                            struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                            struct err *err);

struct sqlite_keyed_row {
    struct str rowid, updated_at; /* as texts; ptr NULL for NULL */
    struct sqlite_cell values[KEYED_VALUES];
};
/* At most `limit` bytes of each value. */
bool sqlite_keyed_read(struct sqlite_conn *conn, const struct sqlite_keyed *keyed, struct str key,
                       size_t limit, struct arena *arena, bool *ret_found,
                       struct sqlite_keyed_row *ret, struct err *err);

#endif
