#include "tests/unit/etl_server.h"

#include "backends/postgres/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the server ------------------------------------------------------------------------------- */

int missing(const char *what)
{
    const char *ci = getenv("CI");
    fprintf(stderr, "%s: run this with tests/servers/run.sh\n", what);
    return ci && strcmp(ci, "true") == 0 ? 1 : 77;
}

PGconn *connect_to(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

const char *ask(struct fixture *f, PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s%s", PQerrorMessage(conn), sql);
    const char *text = PQntuples(res) && !PQgetisnull(res, 0, 0)
                           ? arena_cstr(&f->arena, str_of(PQgetvalue(res, 0, 0)))
                           : "";
    PQclear(res);
    return text;
}

void sql(struct fixture *f, const char *text)
{
    ask(f, f->admin, text);
}

void load(struct fixture *f, const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct sbuf text = SBUF_INIT;
    char buf[4096];
    for (size_t n; (n = fread(buf, 1, sizeof buf, file)) > 0;)
        sbuf_add(&text, buf, n);
    fclose(file);
    sql(f, sbuf_view(&text).ptr);
    sbuf_release(&text);
}

/* The server's address with another database in it. */
static const char *url_of(struct fixture *f, const char *server, const char *database)
{
    const char *at = strstr(server, "/postgres?");
    assert_non_null(at);
    return arena_printf(&f->arena, "%.*s/%s%s", (int)(at - server), server, database,
                        at + strlen("/postgres"))
        .ptr;
}

const char *dump(struct fixture *f)
{
    return ask(
        f, f->admin,
        "select (select string_agg(t::text, E'\\n' order by id) from etl.replication_state t) ||"
        " (select string_agg(t::text, E'\\n' order by id) from etl.table_schemas t) ||"
        " (select string_agg(t::text, E'\\n' order by id) from etl.table_columns t) ||"
        " (select string_agg(t::text, E'\\n' order by id) from etl.destination_tables_metadata t) "
        "|| (select string_agg(t::text, E'\\n' order by id) from etl.replication_progress t)");
}

const char *rows_of(struct fixture *f, const char *oid)
{
    return ask(f, f->admin,
               arena_printf(&f->arena,
                            "select string_agg(id || case when is_current then '* ' else ' ' end "
                            "|| state, ', ' order by id) from etl.replication_state where "
                            "pipeline_id = 7 and table_id = %s",
                            oid)
                   .ptr);
}

/* --- fixture ---------------------------------------------------------------------------------- */

struct store *open_at(struct fixture *f, const char *url, bool writable)
{
    struct address address;
    struct store_opts opts = {
        .writable = writable, .lock_wait_ms = 200, .operator_name = STR("test@host")};
    struct store *store = NULL;
    struct err err = {0};
    if (!address_parse(&f->arena, arena_printf(&f->arena, "etl+%s", url).ptr, &address, &err) ||
        !store_open(&postgres_etl, &address, &opts, &f->call, &store, &err))
        fail_msg("%s", err.text);
    f->store.target = (struct target){.address = address, .name = "test", .env = ENV_DEV};
    return store;
}

int set_up_empty(void **state)
{
    static int count;
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    f->call = call_within(TEST_CALL_MS, NULL);
    snprintf(f->database, sizeof f->database, "etl_%d_%d", (int)getpid(), count++);
    const char *server = getenv("PENSTOCK_POSTGRES");
    f->admin = connect_to(server);
    sql(f, arena_printf(&f->arena, "create database %s", f->database).ptr);
    PQfinish(f->admin);
    f->url = url_of(f, server, f->database);
    f->admin = connect_to(f->url);
    strcpy(f->dir, "/tmp/penstock-etl-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    const char *journal = arena_printf(&f->arena, "%s/journal.db", f->dir).ptr;
    const char *audit = arena_printf(&f->arena, "%s/audit.jsonl", f->dir).ptr;
    if (!journal_open(journal, false, &f->journal, &err) || !audit_open(audit, &f->audit, &err))
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

int set_up(void **state)
{
    set_up_empty(state);
    struct fixture *f = *state;
    load(f, "tests/servers/etl_schema.sql");
    load(f, "tests/servers/etl_sample.sql");
    f->store.store = open_at(f, f->url, true);
    return 0;
}

static bool done(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok;
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store.store);
    journal_close(f->journal);
    audit_close(f->audit);
    PQfinish(f->admin);
    f->admin = connect_to(getenv("PENSTOCK_POSTGRES"));
    const char *drop = arena_printf(&f->arena, "drop database %s with (force)", f->database).ptr;
    while (!done(f->admin, drop)) /* the server waits five seconds for its sessions to end */
        assert_true(call_pause(&f->call, 100, "the end of its sessions", NULL));
    PQfinish(f->admin);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    arena_release(&f->arena);
    free(f);
    return 0;
}

struct plan *plan_of(struct fixture *f, const char *verb, const char *flag, const char *const *ids,
                     size_t n)
{
    struct plan_record *records = arena_array(&f->arena, struct plan_record, n);
    struct op_arg arg = {flag, STR("")};
    struct plan_request request = {.op = system_op(&system_etl, verb),
                                   .verb = verb,
                                   .args = {&arg, flag != NULL},
                                   .records = records,
                                   .nrecords = n,
                                   .store = &f->store,
                                   .reason = STR("test")};
    struct plan *plan = NULL;
    struct err err = {0};
    for (size_t i = 0; i < n; i++)
        records[i] = (struct plan_record){.id = str_of(ids[i]), .label = str_of(ids[i])};
    if (!plan_make(&request, &f->call, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

void apply(struct fixture *f, struct plan *plan)
{
    struct apply_opts opts = {.journal = f->journal, .audit = f->audit, .timeout_ms = TEST_CALL_MS};
    struct err err = {0};
    if (!apply_plan(plan, &opts, &err))
        fail_msg("%s", err.text);
}

void take_back(struct fixture *f, char *journal_id)
{
    struct journal_entry entry;
    struct plan *plan = NULL;
    struct err err = {0};
    if (!journal_load(f->journal, &f->arena, str_of(journal_id), &entry, &err) ||
        !plan_undo(&entry, &f->store, 1, STR_NULL, &f->call, &plan, &err))
        fail_msg("%s", err.text);
    apply(f, plan);
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome != OUTCOME_APPLIED)
            fail_msg("%s: %s", outcome_name(plan->items[i].outcome), plan->items[i].err.text);
    }
    memcpy(journal_id, plan->journal_id, sizeof plan->journal_id);
    plan_free(plan);
}

void back_and_forth(struct fixture *f, const struct plan *plan, const char *before)
{
    const char *after = dump(f);
    char id[sizeof plan->journal_id];
    memcpy(id, plan->journal_id, sizeof id);
    take_back(f, id);
    assert_string_equal(dump(f), before);
    take_back(f, id); /* redo */
    assert_string_equal(dump(f), after);
}

struct document read_one(struct fixture *f, const char *id)
{
    struct str s = str_of(id);
    struct read_item item;
    struct err err = {0};
    if (!store_read(f->store.store, &s, 1, 0, &f->call, &f->arena, &item, &err))
        fail_msg("%s", err.text);
    if (item.err.kind != ERR_NONE)
        fail_msg("%s", item.err.text);
    return item.doc;
}
