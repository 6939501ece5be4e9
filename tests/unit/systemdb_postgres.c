/* The cases of systemdb.c on a Postgres server ($PENSTOCK_POSTGRES): a schema of its own each. */
#include "tests/unit/test.h"

#include "tests/unit/systemdb.h"

#include "backends/postgres/layouts.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct layout *const database_layout = &postgres_meltano_systemdb;

const bool database_has_clock = true;

const char *const database_schema = "tests/servers/meltano_postgres.sql";

struct database {
    char schema[64], url[512];
    PGconn *conn, *locker;
};

static const char *server(void)
{
    const char *url = getenv("PENSTOCK_POSTGRES");
    if (!url || !*url)
        exit(77);
    return url;
}

static PGconn *connect_to(const struct database *db)
{
    PGconn *conn = PQconnectdb(db->url);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

struct database *database_new(void)
{
    static int count;
    struct database *db = calloc(1, sizeof *db);
    assert_non_null(db);
    const char *url = server();
    snprintf(db->schema, sizeof db->schema, "systemdb_%d_%d", (int)getpid(), count++);
    snprintf(db->url, sizeof db->url, "%s%coptions=-csearch_path%%3D%s", url,
             strchr(url, '?') ? '&' : '?', db->schema);
    db->conn = connect_to(db);
    char sql[128];
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", db->schema);
    database_exec(db, sql);
    return db;
}

void database_free(struct database *db)
{
    char sql[128];
    database_unlock(db);
    snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", db->schema);
    database_exec(db, "SET client_min_messages = error");
    database_exec(db, sql);
    PQfinish(db->conn);
    free(db);
}

const char *database_url(const struct database *db)
{
    return db->url;
}

static void run(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(res);
    PQclear(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", PQerrorMessage(conn), sql);
}

void database_exec(struct database *db, const char *sql)
{
    run(db->conn, sql);
}

const char *database_rows(struct database *db, const char *sql, struct arena *arena)
{
    struct sbuf out = SBUF_INIT;
    PGresult *res = PQexec(db->conn, sql);
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", PQerrorMessage(db->conn), sql);
    for (int row = 0; row < PQntuples(res); row++) {
        for (int col = 0; col < PQnfields(res); col++) {
            if (col)
                sbuf_char(&out, '|');
            sbuf_cstr(&out, PQgetisnull(res, row, col) ? "<null>" : PQgetvalue(res, row, col));
        }
        sbuf_char(&out, '\n');
    }
    PQclear(res);
    const char *text = arena_cstr(arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

void database_lock(struct database *db, const char *state_id)
{
    char sql[256];
    db->locker = connect_to(db);
    snprintf(sql, sizeof sql, "BEGIN; SELECT 1 FROM state WHERE state_id = '%s' FOR UPDATE",
             state_id);
    run(db->locker, sql);
}

void database_unlock(struct database *db)
{
    if (db->locker)
        run(db->locker, "ROLLBACK"); /* of a connection that is closed the server learns later */
    PQfinish(db->locker);
    db->locker = NULL;
}

void database_meddle(struct database *db, const char *event, enum meddling meddling)
{
    static const char *const body[MEDDLINGS] = {
        [DROPS] = "RETURN NULL;",
        [ALTERS] = "NEW.completed_state := ''{\"other\": 1}''; RETURN NEW;",
        [FAILS] = "RAISE EXCEPTION ''not\nthis way'';",
    };
    char sql[512];
    snprintf(sql, sizeof sql,
             "SET client_min_messages = error; DROP TRIGGER IF EXISTS meddler ON state;"
             "CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN %s END';"
             "CREATE TRIGGER meddler BEFORE %s ON state FOR EACH ROW EXECUTE FUNCTION meddle()",
             body[meddling], event);
    run(db->conn, sql);
}

const char *database_uuid(const char *digits, struct arena *arena)
{
    return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
                        digits + 16, digits + 20)
        .ptr;
}
