/* A row of `data_source_state`, which VDK's users keep in SQLite and its ports to Postgres, without
 * the SQL (formats/vdk.md 2.8, 2.9). Nobody locks: a change is one transaction that compares
 * `state_data` under the row's own lock. Columns that we do not know stay as they are. */
#ifndef PENSTOCK_VDK_ROW_H
#define PENSTOCK_VDK_ROW_H

#include "core/store_driver.h"

#define VDK_ROW_FORMAT "data_source_state"

struct vdk_row {
    struct str state;      /* ptr NULL: the column is NULL */
    bool is_blob;          /* JSON stored as one */
    struct str updated_at; /* as stored, as text; ptr NULL for NULL */
    struct str utc;        /* the same moment in UTC, where updated_at does not tell it */
    bool now; /* to be written: updated_at is the moment of the write, as VDK's users have it */
};

/* Fills all but id and label. `row` NULL: absent. Texts are lent. */
void vdk_row_document(struct arena *arena, const struct vdk_row *row, struct document *doc);
/* A value beyond the limit: size and first bytes. */
void vdk_row_truncated(const struct vdk_row *row, uint64_t bytes, struct document *doc);
bool vdk_row_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                    struct document *ret, struct err *err);

/* The statements of one engine; `tx` is its open transaction. An error with kind LOCKED, CONFLICT,
 * DENIED, REFUSED or INVALID is the item's, any other the store's. */
struct vdk_row_engine {
    /* The row, locked against other writers until the transaction ends. */
    bool (*get)(void *tx, struct str id, struct arena *arena, bool *ret_found, struct vdk_row *ret,
                struct err *err);
    bool (*insert)(void *tx, struct str id, const struct vdk_row *row, int64_t *ret_rows,
                   struct err *err);
    bool (*update)(void *tx, struct str id, const struct vdk_row *row, int64_t *ret_rows,
                   struct err *err);
    bool (*remove)(void *tx, struct str id, int64_t *ret_rows, struct err *err);
    /* What else would go with the row; ptr NULL: nothing. */
    bool (*more)(void *tx, struct str id, struct arena *arena, struct str *ret, struct err *err);
};

/* All of a commit between begin and end: the transaction is to be committed when it returns true
 * with OUTCOME_APPLIED, else rolled back. */
bool vdk_row_commit(const struct vdk_row_engine *engine, void *tx, struct commit_item *item,
                    struct arena *arena, struct err *err);

#endif
