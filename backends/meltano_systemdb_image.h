/* What is kept of a commit to Meltano's system database so that it can be taken back: the row of
 * `state` as a document's image, and what became of `runs` as a receipt. Both lie in journals: what
 * is written once must be read for ever. */
#ifndef PENSTOCK_MELTANO_SYSTEMDB_IMAGE_H
#define PENSTOCK_MELTANO_SYSTEMDB_IMAGE_H

#include "backends/meltano_systemdb.h"

struct str systemdb_image(struct arena *arena, const struct systemdb_row *row);
/* The texts are lent from `image`. ERR_CORRUPT. */
bool systemdb_image_read(struct str image, struct systemdb_row *ret, struct err *err);

/* The digest of a row of `runs`: did it change since? */
struct version systemdb_run_version(struct arena *arena, const struct systemdb_run *run);

struct systemdb_receipt {
    struct str note_id;      /* ptr not NULL: nothing but the run_id of a row that may be there */
    bool deleted;            /* the row `run` was taken away; else one was inserted: */
    struct systemdb_run run; /* of an inserted one only RUN_ID */
    struct version digest;   /* of the inserted row */
};
struct str systemdb_receipt_inserted(struct arena *arena, const struct systemdb_run *run);
struct str systemdb_receipt_deleted(struct arena *arena, const struct systemdb_run *run);
/* The texts are lent from `receipt`. ERR_CORRUPT. */
bool systemdb_receipt_read(struct str receipt, struct systemdb_receipt *ret, struct err *err);

#endif
