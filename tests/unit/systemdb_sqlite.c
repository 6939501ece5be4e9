/* The cases of systemdb.c on a SQLite file. */
#include "tests/unit/test.h"

#include "tests/unit/systemdb.h"

#include "backends/sqlite/layouts.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct layout *const database_layout = &sqlite_meltano_systemdb;

const bool database_has_clock = false;

const char *const database_schema = "tests/servers/meltano_sqlite.sql";

struct database {
    char dir[64], path[80];
    sqlite3 *conn, *locker;
};

struct database *database_new(void)
{
    struct database *db = calloc(1, sizeof *db);
    assert_non_null(db);
    strcpy(db->dir, "/tmp/penstock-test-XXXXXX");
    assert_non_null(mkdtemp(db->dir));
    snprintf(db->path, sizeof db->path, "%s/meltano.db", db->dir);
    assert_int_equal(sqlite3_open(db->path, &db->conn), SQLITE_OK);
    return db;
}

void database_free(struct database *db)
{
    database_unlock(db);
    sqlite3_close(db->conn);
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", db->path, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(db->dir), 0); /* nothing else was left */
    free(db);
}

const char *database_url(const struct database *db)
{
    return db->path;
}

void database_exec(struct database *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db->conn, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", message, sql);
}

static int add_row(void *ctx, int n, char **values, char **names)
{
    struct sbuf *out = ctx;
    for (int i = 0; i < n; i++) {
        if (i)
            sbuf_char(out, '|');
        sbuf_cstr(out, values[i] ? values[i] : "<null>");
    }
    sbuf_char(out, '\n');
    return 0;
}

const char *database_rows(struct database *db, const char *sql, struct arena *arena)
{
    struct sbuf out = SBUF_INIT;
    assert_int_equal(sqlite3_exec(db->conn, sql, add_row, &out, NULL), SQLITE_OK);
    const char *text = arena_cstr(arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

void database_lock(struct database *db, const char *state_id)
{
    assert_int_equal(sqlite3_open(db->path, &db->locker), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db->locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

void database_unlock(struct database *db)
{
    sqlite3_close(db->locker);
    db->locker = NULL;
}

void database_meddle(struct database *db, const char *event, enum meddling meddling)
{
    static const char *const body[MEDDLINGS] = {
        [DROPS] = "SELECT RAISE(IGNORE)",
        [ALTERS] = ("UPDATE state SET completed_state = '{\"other\": 1}'"
                    " WHERE state_id = NEW.state_id"),
        [FAILS] = "SELECT RAISE(ABORT, 'not\nthis way')",
    };
    char sql[512];
    snprintf(sql, sizeof sql,
             "DROP TRIGGER IF EXISTS meddler; CREATE TRIGGER meddler %s %s ON state BEGIN %s; END",
             meddling == ALTERS ? "AFTER" : "BEFORE", event, body[meddling]);
    database_exec(db, sql);
}

const char *database_uuid(const char *digits, struct arena *arena)
{
    return digits;
}
