/* Django's database cache without the SQL: what a row is as a session, and how one is changed
 * (formats/triggers.md 4.5). The layouts on postgres and sqlite hold the statements. */
#ifndef PENSTOCK_DJANGO_DBCACHE_H
#define PENSTOCK_DJANGO_DBCACHE_H

#include "backends/django_key.h"
#include "backends/session_locks.h"

struct dbcache_row {
    struct str value;       /* base64 text; beyond a limit its first characters */
    uint64_t bytes;         /* of the whole text */
    struct str expires;     /* as the layout reads it and can write it back exactly */
    int64_t expires_us;     /* TIME_NEVER from the year 9999 on; TIME_UNKNOWN */
    int64_t expires_off_us; /* as of a document */
    bool expired;           /* for Django: its next reader deletes the row */
};

/* The moment of an expiry text; its year 9999 means never, and may read as 10000 (4.5). */
int64_t dbcache_expiry(struct str text);
bool dbcache_never(int64_t expires_us);

/* Fills everything of a document. `row` NULL: absent. Longer values than `limit` are truncated. */
void dbcache_document(struct arena *arena, const struct dbcache_row *row, struct str uid,
                      size_t limit, struct document *ret);
/* layout->decode of both layouts. */
bool dbcache_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                    struct document *ret, struct err *err);

/* The statements of one engine; `tx` is its open transaction. */
struct dbcache_engine {
    /* The row, locked against other writers until the transaction ends; ERR_LOCKED at once when
     * somebody has it. */
    bool (*row_get)(void *tx, struct str key, struct arena *arena, bool *ret_found,
                    struct dbcache_row *ret, struct err *err);
    bool (*row_update)(void *tx, struct str key, struct str value, int64_t *ret_rows,
                       struct err *err);
    bool (*row_insert)(void *tx, struct str key, struct str value, struct str expires,
                       struct err *err);
    bool (*row_delete)(void *tx, struct str key, int64_t *ret_rows, struct err *err);
    /* What else would go with the row; ptr NULL: nothing. */
    bool (*row_more)(void *tx, struct str key, struct arena *arena, struct str *ret,
                     struct err *err);
    struct str never; /* how `expires` says that a session stays */
    int64_t ahead_us; /* an expiry is written in a zone that is so far ahead of UTC … */
    int64_t off_us;   /* … or the zone is not known, and it may be off by so much */
};

/* All of a commit between begin and end, under `hold` as it was checked before begin: the
 * transaction is to be committed when it returns true with OUTCOME_APPLIED, else rolled back.
 * Errors with kind LOCKED, CONFLICT, DENIED or REFUSED are the item's, any other the store's. */
bool dbcache_commit(const struct dbcache_engine *engine, void *tx, struct str key,
                    const struct session_hold *hold, struct commit_item *item, struct arena *arena,
                    struct err *err);

#endif
