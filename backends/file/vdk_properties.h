/* VDK's fs-properties file: what the files of this layout share. */
#ifndef PENSTOCK_FILE_VDK_PROPERTIES_H
#define PENSTOCK_FILE_VDK_PROPERTIES_H

#include "backends/file/atomic.h"
#include "core/store_driver.h"
#include "core/systems/vdk/vdk.h"

struct properties_store {
    struct store base;
    const char *dir;
    struct str name; /* of the file; the id of its own record */
};

/* One member of the file. */
struct properties_job {
    struct str key;  /* <team>_<job>__ */
    struct str text; /* of its properties */
    size_t place;    /* in the file, from 0 */
};

/* The file as one look saw it. */
struct properties_file {
    bool absent;
    struct str text; /* "{}" of one that is absent */
    struct stat st;
    struct err problem;          /* it is no object, or not sound */
    struct properties_job *jobs; /* by key; of equal ones in the order of the file */
    size_t njobs;
};
/* Looks again for a second while a damaged file is fresh, since that may be a writer's at work. */
bool properties_load(const struct properties_store *s, int dir, const struct call *call,
                     struct arena *arena, struct properties_file *ret, struct err *err);

/* What an id means, and its text in the file; `text` ptr NULL: it is not there. */
struct properties_place {
    enum vdk_kind kind;
    struct str key; /* of the job in the file */
    struct str job, source, job_text, text;
};
bool properties_find(const struct properties_store *s, const struct properties_file *file,
                     struct str id, struct arena *arena, struct properties_place *ret,
                     struct err *err);
/* The record at a place. */
struct document properties_document(const struct properties_file *file,
                                    const struct properties_place *place, struct str id,
                                    size_t limit, struct arena *arena);
/* The record's text in an image. */
bool properties_image_text(struct str image, struct str *ret, struct err *err);

bool properties_commit(struct store *store, struct commit_item *item, const struct call *call,
                       struct arena *arena, struct err *err);

#endif
