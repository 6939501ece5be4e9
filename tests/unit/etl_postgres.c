/* Schema etl on a real server: what plan, apply and undo leave in the rows, races, lost
 * connections, a pooler, levels and rights. */
#include "tests/unit/etl_server.h"

#include "backends/postgres/client.h"
#include "backends/postgres/layouts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- reading ---------------------------------------------------------------------------------- */

/* A number from another database that is one of etl's own tables here names none. */
static void etls_own_tables_are_not_replicated(void **state)
{
    struct fixture *f = *state;
    const char *oid = ask(f, f->admin, "select 'etl.table_schemas'::regclass::oid");
    sql(f, arena_printf(&f->arena,
                        "insert into etl.replication_state (pipeline_id, table_id, state, metadata,"
                        " is_current) values (7, %s, 'ready', '{\"type\":\"ready\"}', true)",
                        oid)
               .ptr);
    struct document doc = read_one(f, arena_printf(&f->arena, "7/%s", oid).ptr);
    assert_str(doc.label, oid);
}

static void the_list_is_the_oracles(void **state)
{
    struct fixture *f = *state;
    sql(f, "insert into etl.replication_state (pipeline_id, table_id, state, metadata, is_current) "
           "values (9, 4294967295, 'init', '{\"type\":\"init\"}', false),"
           " (-8446744073709551616, 4294967295, 'ready', '{\"type\":\"ready\"}', true)");
    static const char *const want[][3] = {
        {"10000000000000000000/4294967295", "4294967295", "ready"},
        {"7/16401", "public.users", "ready"},
        {"7/16411", "public_orders_2", "sync_done"},
        {"7/16421", "public_events_0", "finished_copy"},
        {"7/16431", "16431", "data_sync"},
        {"7/16441", "16441", "init"},
        {"7/16451", "public_payments_0", "errored"},
        {"7/16461", "public.products", "errored"},
        {"7/16471", "public.legacy_prefs", "errored"},
        {"8/16401", "16401", "ready"},
        {"3/0", "apply worker", NULL}, /* what a deleted pipeline left */
        {"9/4294967295", "4294967295", NULL},
    };
    enum { ROWS = sizeof want / sizeof want[0] };
    for (size_t page = 1; page <= 100; page += 3) {
        struct scan *scan;
        struct row *rows;
        struct err err = {0};
        size_t n, seen = 0;
        assert_true(store_scan_open(f->store.store, &f->call, &scan, &err));
        while (store_scan_next(scan, &f->call, &f->arena, page, &rows, &n, &err) && n) {
            for (size_t i = 0; i < n; i++, seen++) {
                assert_true(seen < ROWS);
                assert_str(rows[i].id, want[seen][0]);
                assert_str(rows[i].label, want[seen][1]);
                assert_int_equal(rows[i].phase.ptr != NULL, want[seen][2] != NULL);
                if (want[seen][2])
                    assert_str(rows[i].phase, want[seen][2]);
            }
        }
        store_scan_close(scan);
        assert_int_equal(seen, ROWS);
    }
}

static void a_document_has_all_its_parts(void **state)
{
    struct fixture *f = *state;
    struct document doc = read_one(f, "7/16401");
    assert_int_equal(value_count(value_get(doc.root, "states")), 5);
    assert_int_equal(value_count(value_get(doc.root, "schemas")), 2);
    const struct value *ready = value_at(value_get(doc.root, "states"), 4);
    assert_str(value_str_or(value_get(ready, "created_at"), STR_NULL),
               "2026-07-20T08:03:40.000000Z");
    assert_str(value_str_or(value_get(value_get(ready, "metadata"), "type"), STR_NULL), "ready");
    const struct value *destination = value_at(value_get(doc.root, "destination"), 0);
    assert_str(value_str_or(value_get(destination, "replication_mask"), STR_NULL), "\\x010101");
    assert_true(version_eq(&doc.versions[1], &version_absent)); /* no table-sync progress */
    assert_true(read_one(f, "7/1").absent);
    assert_true(read_one(f, "3/16401").absent);

    /* Versions do not depend on what the role or the database set for sessions. */
    sql(f, arena_printf(&f->arena,
                        "alter database %s set timezone = 'Asia/Tokyo'; alter database %s set "
                        "datestyle = 'German'; alter database %s set bytea_output = 'escape'",
                        f->database, f->database, f->database)
               .ptr);
    store_close(f->store.store);
    f->store.store = open_at(f, f->url, true);
    struct document again = read_one(f, "7/16401");
    assert_memory_equal(doc.versions, again.versions, sizeof doc.versions);
}

/* --- changes and their undo ------------------------------------------------------------------- */

static void rollback_undone_and_redone_to_the_row(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    static const char *const ids[] = {"7/16451"};
    struct plan *plan = plan_of(f, "rollback", NULL, ids, 1);
    assert_string_equal(dump(f), before);
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    assert_true(plan->items[0].verified);
    assert_false(plan->items[0].effective);
    assert_string_equal(rows_of(f, "16451"), "106 init, 121* data_sync");
    assert_string_equal(
        ask(f, f->admin, "select updated_at > created_at from etl.replication_state where id=121"),
        "t");
    back_and_forth(f, plan, before);
    plan_free(plan);
}

static void reset_undone_with_its_whole_history(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    static const char *const ids[] = {"7/16461"};
    struct plan *plan = plan_of(f, "rollback", "full", ids, 1);
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    assert_string_equal(rows_of(f, "16461"), "126* init");
    char id[13];
    memcpy(id, plan->journal_id, sizeof id);
    take_back(f, id);
    assert_string_equal(dump(f), before);
    plan_free(plan);
}

static void several_tables_each_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"7/16451", "7/16441", "7/16461", "7/16471"};
    struct plan *plan = plan_of(f, "rollback", NULL, ids, 4);
    assert_int_equal(plan->items[1].outcome, OUTCOME_REFUSED); /* prev is NULL */
    assert_int_equal(plan->items[3].undo, UNDO_ROWS_ONLY);
    assert_non_null(plan->screen_confirm.ptr);
    apply(f, plan);
    assert_string_equal(rows_of(f, "16451"), "106 init, 121* data_sync");
    assert_string_equal(rows_of(f, "16441"), "105* init");
    assert_string_equal(rows_of(f, "16461"), "107 init, 123* data_sync");
    assert_string_equal(rows_of(f, "16471"), "108* ready");
    plan_free(plan);
}

/* Whole records: rows of all four tables go, and come back with ids, times, masks and columns. */
static void forget_and_clear_copy_undone(void **state)
{
    struct fixture *f = *state;
    sql(f, "insert into etl.replication_progress (pipeline_id, worker_type, table_id, flush_lsn) "
           "values (7, 'table_sync', 16461, '0/1'), (7, 'table_sync', 16471, '0/2')");
    static const struct {
        const char *verb, *id, *left;
    } rows[] = {{"forget", "7/16471", "0"}, {"clear-copy", "7/16461", "3"}};
    for (size_t i = 0; i < 2; i++) {
        const char *before = dump(f);
        struct plan *plan = plan_of(f, rows[i].verb, NULL, &rows[i].id, 1);
        apply(f, plan);
        if (plan->items[0].outcome != OUTCOME_APPLIED)
            fail_msg("%s", plan->items[0].err.text);
        const char *oid = rows[i].id + 2;
        const char *count = arena_printf(&f->arena,
                                         "select (select count(*) from etl.replication_state where "
                                         "pipeline_id=7 and table_id=%s) + (select count(*) from "
                                         "etl.table_schemas where table_id=%s) + (select count(*) "
                                         "from etl.replication_progress where table_id=%s) + "
                                         "(select count(*) from etl.destination_tables_metadata "
                                         "where table_id=%s)",
                                         oid, oid, oid, oid)
                                .ptr;
        assert_string_equal(ask(f, f->admin, count), rows[i].left);
        char id[13];
        memcpy(id, plan->journal_id, sizeof id);
        take_back(f, id);
        assert_string_equal(dump(f), before);
        plan_free(plan);
    }
}

/* What people made of it by hand: NULL and JSON null, big numbers, columns that disagree. */
static void odd_rows_come_back_exactly(void **state)
{
    struct fixture *f = *state;
    sql(f, "update etl.replication_state set metadata = 'null' where id = 106;"
           "update etl.replication_state set metadata = null where id = 122;"
           "update etl.replication_state set metadata = '{\"type\":\"data_sync\",\"n\":"
           "123456789012345678901234567890.10,\"t\":\"\\u0001\\u20ac\"}' where id = 121");
    const char *before = dump(f);
    static const char *const ids[] = {"7/16451"}, *const flags[] = {NULL, "full"};
    for (size_t i = 0; i < 2; i++) {
        struct plan *plan = plan_of(f, "rollback", flags[i], ids, 1);
        apply(f, plan);
        if (plan->items[0].outcome != OUTCOME_APPLIED)
            fail_msg("%s", plan->items[0].err.text);
        assert_string_not_equal(dump(f), before);
        char id[13];
        memcpy(id, plan->journal_id, sizeof id);
        take_back(f, id);
        assert_string_equal(dump(f), before);
        plan_free(plan);
    }
}

/* --- others ----------------------------------------------------------------------------------- */

static void a_table_that_changed_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"7/16451", "7/16461"};
    struct plan *plan = plan_of(f, "rollback", NULL, ids, 2);
    sql(f, "update etl.replication_state set is_current = false where id = 122;"
           "insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev) "
           "values (7, 16451, 'init', '{\"type\":\"init\"}', 122)");
    const char *theirs = rows_of(f, "16451");
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_CONFLICT);
    assert_int_equal(plan->items[1].outcome, OUTCOME_APPLIED);
    assert_string_equal(rows_of(f, "16451"), theirs);
    plan_free(plan);
}

static struct commit_item rolled_back(struct fixture *f, struct document *doc)
{
    struct op_input in = {
        .system = &system_etl, .docs = {doc}, .now_us = clock_now_us(), .arena = &f->arena};
    struct op_output out = {0};
    struct err err = {0};
    assert_true(system_op(&system_etl, "rollback")->run(&in, &out, &err));
    struct commit_item item = {.kind = EDIT_WRITE,
                               .id = doc->id,
                               .compare = 1,
                               .change = 1,
                               .before = doc,
                               .after = out.edits[0].after};
    memcpy(item.expect, doc->versions, sizeof item.expect);
    return item;
}

/* Past the plan: the driver itself compares under its lock, and does not wait long for it. */
static void the_commit_itself_compares_and_does_not_wait(void **state)
{
    struct fixture *f = *state;
    struct document doc = read_one(f, "7/16451");
    struct commit_item item = rolled_back(f, &doc);
    struct err err = {0};
    PGconn *other = connect_to(f->url);
    ask(f, other, "begin; select 1 from etl.replication_state where id = 122 for update");
    int64_t started = clock_monotonic_ms();
    assert_true(store_commit(f->store.store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_LOCKED);
    assert_true(clock_monotonic_ms() - started < 60000);

    ask(f, other, "update etl.replication_state set updated_at = now() where id = 122; commit");
    PQfinish(other);
    const char *theirs = dump(f);
    assert_true(store_commit(f->store.store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_string_equal(dump(f), theirs);
}

/* A row of another table refers to the one that would go: the key says no, nothing is half done. */
static void a_foreign_reference_stops_the_whole_edit(void **state)
{
    struct fixture *f = *state;
    sql(f, "update etl.replication_state set prev = 122 where id = 125");
    const char *before = dump(f);
    struct document doc = read_one(f, "7/16451");
    struct commit_item item = rolled_back(f, &doc);
    struct err err = {0};
    assert_true(store_commit(f->store.store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_string_equal(dump(f), before);
}

static void a_write_that_would_stop_the_pipeline_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    struct document doc = read_one(f, "7/16451");
    struct commit_item item = rolled_back(f, &doc);
    const struct value *bad;
    struct err err = {0};
    assert_true(value_pointer_with(&f->arena, item.after, STR("/states/1/metadata/type"),
                                   value_cstr(&f->arena, "sync_wait"), &bad, &err));
    item.after = bad;
    assert_true(store_commit(f->store.store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_REFUSED);
    assert_string_equal(dump(f), before);
}

#define KILL                                                                                       \
    "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = "      \
    "'penstock' and datname = current_database()"

static void a_killed_connection_is_made_again(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(ask(f, f->admin, KILL), "1");
    assert_false(read_one(f, "7/16451").absent);

    struct pg_client *client;
    struct err err = {0};
    PGresult *res = NULL;
    assert_true(pg_client_open(f->url, true, &f->call, &client, &err));
    assert_true(pg_begin(client, PG_WRITE, 0, &f->call, &err));
    assert_true(pg_exec(client, "delete from etl.replication_state where id = 125", NULL, 0,
                        &f->call, NULL, &err));
    sql(f, KILL);
    assert_false(pg_end(client, true, &f->call, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_string_equal(
        ask(f, f->admin, "select count(*) from etl.replication_state where id = 125"), "1");
    assert_true(pg_begin(client, PG_READ, 0, &f->call, &err));
    assert_true(pg_query(client, "select 1", NULL, 0, &f->call, &res, &err));
    PQclear(res);
    assert_true(pg_end(client, true, &f->call, &err));
    pg_client_close(client);
}

static void calls_end_in_time_here_and_on_the_server(void **state)
{
    struct fixture *f = *state;
    struct pg_client *client;
    struct err err = {0};
    PGresult *res = NULL;
    assert_true(pg_client_open(f->url, false, &f->call, &client, &err));
    struct call brief = call_within(300, NULL);
    for (int64_t ms = 600; !pg_begin(client, PG_READ, 0, &brief, &err); ms *= 2) {
        assert_int_equal(err.kind, ERR_TIMEOUT); /* the machine is busy */
        brief = call_within(ms, NULL);
    }
    int64_t started = clock_monotonic_ms();
    assert_false(pg_query(client, "select pg_sleep(600)", NULL, 0, &brief, &res, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_false(pg_end(client, false, &brief, &err));
    assert_true(clock_monotonic_ms() - started < 60000);
    while (
        strcmp(ask(f, f->admin,
                   "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and "
                   "state = 'active' and pid <> pg_backend_pid() and "
                   "datname = current_database()"),
               "0") != 0)
        assert_true(call_pause(&f->call, 20, "the server's end of the query", &err));
    pg_client_close(client);
}

static void a_read_only_connection_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct pg_client *client;
    struct err err = {0};
    PGresult *res = NULL;
    assert_true(pg_client_open(f->url, false, &f->call, &client, &err));
    assert_false(pg_begin(client, PG_WRITE, 0, &f->call, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_true(pg_begin(client, PG_READ, 0, &f->call, &err));
    assert_true(pg_query(client, "select current_setting('default_transaction_read_only')", NULL, 0,
                         &f->call, &res, &err));
    assert_str(pg_str(res, 0, 0), "on");
    PQclear(res);
    assert_false(
        pg_exec(client, "delete from etl.replication_state", NULL, 0, &f->call, NULL, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    pg_end(client, false, &f->call, &err);
    pg_client_close(client);
    store_close(f->store.store);
    f->store.store = open_at(f, f->url, false);
    assert_false(store_supports(f->store.store, STORE_WRITES));
    assert_false(read_one(f, "7/16401").absent);
}

/* A default is there so that nobody writes by mistake: it is not overridden unasked. */
static void a_default_of_reading_only_is_kept(void **state)
{
    struct fixture *f = *state;
    const char *options = "options=-cdefault_transaction_read_only%3D";
    for (int on = 0; on < 2; on++) {
        const char *url = arena_printf(&f->arena, "%s%c%s%s", f->url,
                                       strchr(f->url, '?') ? '&' : '?', options, on ? "on" : "off")
                              .ptr;
        struct store *store = open_at(f, url, true);
        assert_int_equal(store_supports(store, STORE_WRITES), !on);
        if (on)
            assert_non_null(strstr(store_info(store)->why_read_only.ptr, "read_only"));
        store_close(store);
    }
}

/* Test and server share a clock, whatever zone the server shows it in. */
static void the_servers_clock_is_read_in_any_zone(void **state)
{
    struct fixture *f = *state;
    static const char *const zones[] = {"UTC", "Asia/Kathmandu", "America/St_Johns"};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        const char *url = arena_printf(&f->arena, "%s%coptions=-ctimezone%%3D%s", f->url,
                                       strchr(f->url, '?') ? '&' : '?', zones[i])
                              .ptr;
        struct store *store = open_at(f, url, false);
        int64_t skew_us = store_info(store)->clock_skew_us;
        assert_true(skew_us > -600000000 && skew_us < 600000000); /* less than any zone's */
        store_close(store);
    }
}

static void rights_are_told_before_they_fail(void **state)
{
    struct fixture *f = *state;
    const char *role = arena_printf(&f->arena, "viewer_%s", f->database).ptr;
    sql(f, arena_printf(&f->arena,
                        "create role %s login password 'hush'; grant usage on schema etl to %s; "
                        "grant select on all tables in schema etl to %s; "
                        "revoke select on etl.table_columns from %s",
                        role, role, role, role)
               .ptr);
    const char *at = strchr(f->url, '@');
    const char *url = arena_printf(&f->arena, "postgresql://%s:hush%s", role, at).ptr;
    struct store *viewer = open_at(f, url, true);
    assert_false(store_info(viewer)->writable);
    assert_non_null(strstr(store_info(viewer)->why_read_only.ptr, "insert, update or delete"));
    assert_non_null(strstr(store_info(viewer)->rights.ptr, "table_columns"));
    assert_null(strstr(store_info(viewer)->server.ptr, "hush"));
    store_close(viewer);
    sql(f, arena_printf(&f->arena, "drop owned by %s; drop role %s", role, role).ptr);

    struct pg_client *client;
    struct err err = {0};
    const char *nobody = arena_printf(&f->arena, "postgresql://nobody_here:hush%s", at).ptr;
    assert_false(pg_client_open(nobody, false, &f->call, &client, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_null(strstr(err.text, "hush"));
    assert_false(pg_client_open("postgresql://u:hu%zzsh@/x", false, &f->call, &client, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_null(strstr(err.text, "hu"));
}

/* --- writers ---------------------------------------------------------------------------------- */

static struct activity activity_of(struct fixture *f, const char *id)
{
    struct str s = str_of(id);
    struct activity seen;
    struct err err = {0};
    if (!store_activity(f->store.store, &s, 1, &f->call, &f->arena, &seen, &err))
        fail_msg("%s", err.text);
    return seen;
}

static void replicators_are_seen_by_slot_and_session(void **state)
{
    struct fixture *f = *state;
    int pid = 700000 + (int)getpid() % 100000; /* slot names are the whole server's */
    const char *id = arena_printf(&f->arena, "%d/16401", pid).ptr;
    const char *slot = arena_printf(&f->arena, "supabase_etl_apply_%d", pid).ptr;
    assert_int_equal(activity_of(f, id).sight, ACTIVITY_BLIND); /* the source may be elsewhere */
    ask(f, f->admin,
        arena_printf(&f->arena, "select pg_create_logical_replication_slot('%s', 'pgoutput')", slot)
            .ptr);
    assert_int_equal(activity_of(f, id).sight, ACTIVITY_NONE);
    /* pid 70 is not pid 7 */
    assert_int_equal(activity_of(f, arena_printf(&f->arena, "%d/1", pid / 10).ptr).sight,
                     ACTIVITY_BLIND);

    static const struct {
        const char *name; /* application name with the pipeline in it */
        bool record_live;
        const char *id_suffix;
    } rows[] = {
        {"supabase_etl_replicator_replication:apply:%d", false, "16401"},
        {"supabase_etl_replicator_replication:table_sync:%d:16401", true, "16401"},
        {"supabase_etl_replicator_replication:table_sync:%d:16401", false, "16402"},
    };
    PGconn *other = connect_to(f->url);
    for (size_t i = 0; i < 3; i++) {
        const char *before = strstr(rows[i].name, "%d");
        ask(f, other,
            arena_printf(&f->arena, "set application_name = '%.*s%d%s'",
                         (int)(before - rows[i].name), rows[i].name, pid, before + 2)
                .ptr);
        struct activity seen =
            activity_of(f, arena_printf(&f->arena, "%d/%s", pid, rows[i].id_suffix).ptr);
        assert_int_equal(seen.sight, ACTIVITY_SEEN);
        assert_true(seen.owner_live);
        assert_int_equal(seen.record_live, rows[i].record_live);
        assert_true(seen.who.len > 0 && seen.started_at_us != TIME_UNKNOWN);
    }
    PQfinish(other);

    struct str s = str_of(id);
    const struct value *facts;
    struct err err = {0};
    assert_true(store_facts(f->store.store, &s, 1, &f->call, &f->arena, &facts, &err));
    assert_str(value_str_or(value_get(value_get(facts, "slot"), "name"), STR_NULL), slot);
    assert_true(
        value_is_null(value_get(facts, "catalog_name"))); /* this is the source: it is gone */
    ask(f, f->admin, arena_printf(&f->arena, "select pg_drop_replication_slot('%s')", slot).ptr);
}

static void facts_of_a_table_that_is_there(void **state)
{
    struct fixture *f = *state;
    sql(f, "create table public.\"Odd name\" (id int primary key); create publication p for table "
           "public.\"Odd name\"; insert into etl.replication_state (pipeline_id, table_id, state, "
           "metadata) select 7, '\"Odd name\"'::regclass::oid, 'ready', '{\"type\":\"ready\"}'");
    const char *oid = ask(f, f->admin, "select '\"Odd name\"'::regclass::oid");
    struct str id = arena_printf(&f->arena, "7/%s", oid);
    const struct value *facts;
    struct err err = {0};
    int64_t bytes;
    assert_true(store_facts(f->store.store, &id, 1, &f->call, &f->arena, &facts, &err));
    assert_str(value_str_or(value_get(facts, "catalog_name"), STR_NULL), "public.Odd name");
    assert_true(value_to_i64(value_get(facts, "source_bytes"), &bytes) && bytes > 0);
    assert_str(value_str_or(value_at(value_get(facts, "publications"), 0), STR_NULL), "p");
    assert_str(read_one(f, id.ptr).label, "public.Odd name");

    /* A table under DDL has no size now; the rest does not wait for it. */
    PGconn *other = connect_to(f->url);
    ask(f, other, "begin; lock table public.\"Odd name\" in access exclusive mode");
    assert_true(store_facts(f->store.store, &id, 1, &f->call, &f->arena, &facts, &err));
    assert_null(value_get(facts, "source_bytes"));
    assert_str(value_str_or(value_get(facts, "catalog_name"), STR_NULL), "public.Odd name");
    PQfinish(other);
}

/* --- what is none ---------------------------------------------------------------------------- */

static void other_databases_are_not_taken_for_one(void **state)
{
    struct fixture *f = *state;
    struct address address;
    struct err err = {0};
    assert_true(
        address_parse(&f->arena, arena_printf(&f->arena, "etl+%s", f->url).ptr, &address, &err));
    assert_false(postgres_etl.detect(&postgres_etl, &address, &f->call, &err));
    sql(f, "create schema etl; create table etl.replication_state (x int)");
    assert_false(postgres_etl.detect(&postgres_etl, &address, &f->call, &err));
    sql(f, "drop schema etl cascade");
    load(f, "tests/servers/etl_schema.sql");
    assert_true(postgres_etl.detect(&postgres_etl, &address, &f->call, &err));
    f->store.store = open_at(f, f->url, true);
}

/* --- a pooler in transaction mode ------------------------------------------------------------- */

static pid_t pooler_start(struct fixture *f)
{
    const char *program = "/usr/sbin/pgbouncer";
    if (access(program, X_OK) != 0)
        return 0;
    assert_int_equal(chmod(f->dir, 0777), 0);
    const char *ini = arena_printf(&f->arena, "%s/pgbouncer.ini", f->dir).ptr;
    FILE *file = fopen(ini, "w");
    assert_non_null(file);
    fprintf(file,
            "[databases]\n%s = host=%s dbname=%s user=postgres\n[pgbouncer]\nlisten_addr =\n"
            "listen_port = 6432\nunix_socket_dir = %s\nauth_type = any\npool_mode = transaction\n"
            "default_pool_size = 1\nlogfile = %s/pgbouncer.log\n",
            f->database, getenv("PENSTOCK_POSTGRES_DIR"), f->database, f->dir, f->dir);
    fclose(file);
    pid_t pid = fork();
    if (pid == 0) {
        const char *const as_root[] = {program, "-q", "-u", "postgres", ini, NULL};
        const char *const as_user[] = {program, "-q", ini, NULL};
        execv(program, (char *const *)(geteuid() == 0 ? as_root : as_user));
        _exit(127);
    }
    return pid;
}

static const char *pooler_url(struct fixture *f)
{
    return arena_printf(&f->arena, "postgresql://postgres@/%s?host=%s&port=6432", f->database,
                        f->dir)
        .ptr;
}

static PGconn *pooler_connect(struct fixture *f, pid_t pid)
{
    for (;;) {
        PGconn *conn = PQconnectdb(pooler_url(f));
        if (PQstatus(conn) == CONNECTION_OK)
            return conn;
        PQfinish(conn);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        assert_true(call_pause(&f->call, 20, "pgbouncer", NULL));
    }
}

/* What the application finds on the one server connection after us. */
static void assert_nothing_of_ours(struct fixture *f, PGconn *app)
{
    static const char *const settings[][2] = {
        {"default_transaction_read_only", "off"},
        {"transaction_read_only", "off"},
        {"statement_timeout", "0"},
        {"lock_timeout", "0"},
        {"idle_in_transaction_session_timeout", "0"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_string_equal(ask(f, app, arena_printf(&f->arena, "show %s", settings[i][0]).ptr),
                            settings[i][1]);
    assert_string_equal(ask(f, app, "select count(*) from pg_prepared_statements"), "0");
    assert_string_equal(ask(f, app,
                            "select count(*) from pg_locks where pid = pg_backend_pid() and "
                            "locktype = 'advisory'"),
                        "0");
    ask(f, app, "update etl.replication_state set updated_at = updated_at where id = 125");
}

static void nothing_of_ours_stays_behind_a_pooler(void **state)
{
    struct fixture *f = *state;
    pid_t pid = pooler_start(f);
    if (!pid) {
        const char *ci = getenv("CI");
        if (ci && strcmp(ci, "true") == 0)
            fail_msg("pgbouncer is not installed");
        skip();
    }
    PGconn *app = pooler_connect(f, pid);
    const char *backend = ask(f, app, "select pg_backend_pid()");

    store_close(f->store.store);
    f->store.store = open_at(f, pooler_url(f), false);
    assert_str(store_info(f->store.store)->note, "pooler: read-only per transaction");
    assert_false(read_one(f, "7/16451").absent);
    activity_of(f, "7/16451");
    assert_nothing_of_ours(f, app);

    store_close(f->store.store);
    f->store.store = open_at(f, pooler_url(f), true);
    static const char *const ids[] = {"7/16451"};
    struct plan *plan = plan_of(f, "rollback", NULL, ids, 1);
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    assert_string_equal(rows_of(f, "16451"), "106 init, 121* data_sync");
    plan_free(plan);
    assert_nothing_of_ours(f, app);
    assert_string_equal(ask(f, app, "select pg_backend_pid()"), backend); /* it was that one */

    PQfinish(app);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_list_is_the_oracles),
        TEST(etls_own_tables_are_not_replicated),
        TEST(a_document_has_all_its_parts),
        TEST(rollback_undone_and_redone_to_the_row),
        TEST(reset_undone_with_its_whole_history),
        TEST(several_tables_each_alone),
        TEST(forget_and_clear_copy_undone),
        TEST(odd_rows_come_back_exactly),
        TEST(a_table_that_changed_is_a_conflict),
        TEST(the_commit_itself_compares_and_does_not_wait),
        TEST(a_foreign_reference_stops_the_whole_edit),
        TEST(a_write_that_would_stop_the_pipeline_is_refused),
        TEST(a_killed_connection_is_made_again),
        TEST(calls_end_in_time_here_and_on_the_server),
        TEST(a_read_only_connection_cannot_write),
        TEST(a_default_of_reading_only_is_kept),
        TEST(the_servers_clock_is_read_in_any_zone),
        TEST(rights_are_told_before_they_fail),
        TEST(replicators_are_seen_by_slot_and_session),
        TEST(facts_of_a_table_that_is_there),
        cmocka_unit_test_setup_teardown(other_databases_are_not_taken_for_one, set_up_empty,
                                        tear_down),
        TEST(nothing_of_ours_stays_behind_a_pooler),
    };
    const char *server = getenv("PENSTOCK_POSTGRES");
    if (!server || !*server)
        return missing("PENSTOCK_POSTGRES is not set");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
