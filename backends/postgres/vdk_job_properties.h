/* VDK's job properties on Postgres: what the files of this layout share. */
#ifndef PENSTOCK_POSTGRES_VDK_JOB_PROPERTIES_H
#define PENSTOCK_POSTGRES_VDK_JOB_PROPERTIES_H

#include "backends/postgres/keyed.h"
#include "core/store_driver.h"

struct jobs_store {
    struct store base;
    struct pg_client *client;
    bool has_jobs, has_executions; /* the service's other tables are there and may be read */
};

extern const struct pg_keyed jobs_table;

/* What an id means. */
struct jobs_place {
    struct str job, source; /* source with ptr NULL: the job itself */
};
/* The places of the ids and their jobs, each once; ret_index tells where the job of an id stands.
 * All arrays have room for n. */
size_t jobs_of(const struct str *ids, size_t n, struct arena *arena, struct jobs_place *ret_places,
               struct str *ret_jobs, size_t *ret_index);

/* Finds the record in the row of its job; ptr NULL: it is not there. NULL in the row is {}. */
bool jobs_find(const struct jobs_place *place, const struct pg_keyed_row *row, struct str *ret_job,
               struct str *ret, struct err *err);
/* The record whose text is `text`. */
struct document jobs_document(const struct jobs_place *place, struct str id, struct str text,
                              size_t limit, struct arena *arena);
/* The record's text in an image. */
bool jobs_image_text(struct str image, struct str *ret, struct err *err);

/* The team of each job; ptr NULL where the service has none, or its table is not there. */
bool jobs_teams(struct jobs_store *s, const struct str *names, size_t n, const struct call *call,
                struct arena *arena, struct str *ret, struct err *err);

/* Functions of struct layout. */
bool jobs_commit(struct store *store, struct commit_item *item, const struct call *call,
                 struct arena *arena, struct err *err);
bool jobs_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                   struct arena *arena, struct activity *ret, struct err *err);
bool jobs_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
                struct arena *arena, const struct value **ret, struct err *err);

#endif
