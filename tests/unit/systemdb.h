/* A database under the cases of systemdb.c: one implementation per engine. */
#ifndef PENSTOCK_TEST_SYSTEMDB_H
#define PENSTOCK_TEST_SYSTEMDB_H

#include "core/base/arena.h"
#include "core/store_driver.h"

#include <stdio.h>

struct database;

extern const struct layout *const database_layout;
extern const bool database_has_clock; /* of its own */

/* An empty database of its own; exits 77 when there is no server. */
struct database *database_new(void);
void database_free(struct database *db);
const char *database_url(const struct database *db);
/* Runs statements as another program would. */
void database_exec(struct database *db, const char *sql);
/* The same from a script. */
static inline void database_load(struct database *db, const char *path)
{
    char sql[8192];
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s: run me in the source directory", path);
    size_t n = fread(sql, 1, sizeof sql - 1, file);
    fclose(file);
    sql[n] = '\0';
    database_exec(db, sql);
}
/* Every row a statement gives: columns with '|' between, NULL as <null>, rows ended by a line feed.
 */
const char *database_rows(struct database *db, const char *sql, struct arena *arena);
/* Another program that has the row of `state` locked, until released. */
void database_lock(struct database *db, const char *state_id);
void database_unlock(struct database *db);

/* What a trigger on `state` does from now on to every INSERT, UPDATE or DELETE (`event`): it comes
 * to nothing, puts another completed state in place (not of a DELETE), or fails. */
enum meddling { DROPS, ALTERS, FAILS, MEDDLINGS };
void database_meddle(struct database *db, const char *event, enum meddling meddling);

/* The script with Meltano's tables, below the source directory. */
extern const char *const database_schema;
/* A uuid as the engine prints it, from 32 digits. */
const char *database_uuid(const char *digits, struct arena *arena);

#endif
