/* Many tables of schema etl at once: written in lots, and yet each alone. */
#include "tests/unit/etl_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TABLES = 70 }; /* of pipeline 7, oid 20001 and so on: init, data_sync, errored */

static const char *ids[TABLES];

static bool standing;

/* In place of libc's. A lot ends after a while: how many tables that is depends on the machine, but
 * not while the clock stands. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id == CLOCK_MONOTONIC && standing) {
        *ret = (struct timespec){.tv_sec = 1};
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, id, ret);
}

static void apply_at_once(struct fixture *f, struct plan *plan)
{
    standing = true;
    apply(f, plan);
    standing = false;
}

static int set_up_many(void **state)
{
    set_up(state);
    struct fixture *f = *state;
    sql(f, arena_printf(&f->arena,
                        "insert into etl.replication_state (id, pipeline_id, table_id, state,"
                        " metadata, prev, is_current) overriding system value"
                        " select k * 1000 + i, 7, 20000 + i,"
                        "  (array['init', 'data_sync', 'errored'])[k]::etl.table_state,"
                        "  case k when 3 then '{\"type\":\"errored\",\"reason\":\"[X] y\","
                        "   \"retry_policy\":{\"type\":\"manual_retry\"}}'::jsonb"
                        "  else jsonb_build_object('type', (array['init', 'data_sync'])[k]) end,"
                        "  case when k > 1 then (k - 1) * 1000 + i end, k = 3"
                        " from generate_series(1, 3) k, generate_series(1, %d) i",
                        TABLES)
               .ptr);
    for (int i = 0; i < TABLES; i++)
        ids[i] = arena_printf(&f->arena, "7/%d", 20001 + i).ptr;
    return 0;
}

static struct plan *rollback(struct fixture *f, const struct apply_opts *opts)
{
    struct plan *plan = plan_of(f, "rollback", NULL, ids, TABLES);
    struct apply_opts all = *opts;
    struct err err = {0};
    all.journal = f->journal;
    all.audit = f->audit;
    all.timeout_ms = TEST_CALL_MS;
    if (!apply_plan(plan, &all, &err))
        fail_msg("%s", err.text);
    return plan;
}

static struct plan *rollback_all(struct fixture *f)
{
    return rollback(f, &(struct apply_opts){0});
}

/* Items [from, to) have this outcome, in the plan, in the journal and in the rows. */
static void assert_outcomes(struct fixture *f, const struct plan *plan, size_t from, size_t to,
                            enum outcome outcome)
{
    struct journal_entry entry;
    struct err err = {0};
    assert_true(journal_load(f->journal, &f->arena, str_of(plan->journal_id), &entry, &err));
    for (size_t i = from; i < to; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome != outcome)
            fail_msg("%s: %s %s", ids[i], outcome_name(item->outcome), item->err.text);
        assert_int_equal(entry.items[i].outcome, outcome);
        assert_int_equal(item->verified, outcome == OUTCOME_APPLIED);
        assert_non_null(strstr(rows_of(f, ids[i] + 2),
                               outcome == OUTCOME_APPLIED ? "* data_sync" : "* errored"));
    }
}

static int transactions(struct fixture *f)
{
    return atoi(ask(f, f->admin,
                    "select count(distinct xmin::text) from etl.replication_state where is_current "
                    "and state = 'data_sync' and table_id > 20000"));
}

static void many_go_in_few_transactions_and_come_back(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    struct plan *plan = plan_of(f, "rollback", NULL, ids, TABLES);
    apply_at_once(f, plan);
    assert_outcomes(f, plan, 0, TABLES, OUTCOME_APPLIED);
    assert_true(transactions(f) <= TABLES / 5);
    back_and_forth(f, plan, before);
    plan_free(plan);
}

/* Row versions that two transactions hold are slow to read until vacuum: a lot leaves none. */
static void a_lot_leaves_no_shared_row_locks(void **state)
{
    struct fixture *f = *state;
    sql(f, "create extension pageinspect");
    plan_free(rollback_all(f));
    assert_string_equal(ask(f, f->admin,
                            "select count(*) from generate_series(0, (pg_relation_size("
                            "'etl.replication_state') / 8192 - 1)::int) b,"
                            " heap_page_items(get_raw_page('etl.replication_state', b))"
                            " where t_infomask & 4096 <> 0"),
                        "0");
}

static void a_table_that_is_held_or_changed_stops_no_other(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = plan_of(f, "rollback", NULL, ids, TABLES);
    PGconn *other = connect_to(f->url);
    ask(f, other, "begin; select 1 from etl.replication_state where id = 3011 for update");
    sql(f, "create function public.race() returns trigger language plpgsql as $$ begin"
           " update etl.replication_state set updated_at = now() where id = 1031;"
           " return old; end $$;"
           "create trigger race before delete on etl.replication_state for each row"
           " when (old.id = 3021) execute function public.race()");
    apply(f, plan);
    assert_outcomes(f, plan, 0, 10, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 10, 11, OUTCOME_LOCKED);
    assert_outcomes(f, plan, 11, 30, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 30, 31, OUTCOME_CONFLICT);
    assert_outcomes(f, plan, 31, TABLES, OUTCOME_APPLIED);
    PQfinish(other);
    plan_free(plan);
}

/* A live writer that was overridden waits for its own table alone. Its session is seen by the whole
 * server: the pipeline is one that no other test has. */
static void a_table_with_a_live_writer_goes_alone(void **state)
{
    struct fixture *f = *state;
    int pid = 800000 + (int)getpid() % 100000;
    sql(f, arena_printf(&f->arena,
                        "update etl.replication_state set pipeline_id = %d where table_id > 20000",
                        pid)
               .ptr);
    for (int i = 0; i < TABLES; i++)
        ids[i] = arena_printf(&f->arena, "%d/%d", pid, 20001 + i).ptr;
    PGconn *other = connect_to(f->url);
    ask(f, other,
        arena_printf(&f->arena,
                     "set application_name = "
                     "'supabase_etl_replicator_replication:table_sync:%d:20006'",
                     pid)
            .ptr);
    struct plan *plan = plan_of(f, "rollback", NULL, ids, TABLES);
    assert_int_equal(plan->items[5].outcome, OUTCOME_LOCKED);
    plan->items[5].outcome = OUTCOME_PLANNED;
    plan->request.force = true;
    apply_at_once(f, plan);
    assert_int_equal(plan_count(plan, OUTCOME_APPLIED), TABLES);
    assert_true(transactions(f) <= TABLES / 5);
    assert_string_equal(ask(f, f->admin,
                            "select count(*) from etl.replication_state where xmin::text = (select "
                            "xmin::text from etl.replication_state where id = 2006)"),
                        "1");
    PQfinish(other);
    plan_free(plan);
}

#define STOP_AT(id, what)                                                                          \
    "create function public.stop() returns trigger language plpgsql as $$ begin " what             \
    "; return old; end $$; create trigger stop before delete on etl.replication_state"             \
    " for each row when (old.id = " id ") execute function public.stop()"

static void what_the_server_refuses_stops_no_other(void **state)
{
    struct fixture *f = *state;
    sql(f, STOP_AT("3042", "raise exception 'no' using errcode = '42501'"));
    struct plan *plan = rollback_all(f);
    assert_outcomes(f, plan, 0, 41, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 41, 42, OUTCOME_REFUSED);
    assert_non_null(strstr(plan->items[41].err.text, "no (SQLSTATE 42501)"));
    assert_outcomes(f, plan, 42, TABLES, OUTCOME_APPLIED);
    plan_free(plan);
}

/* Seen only when read back: another row of the table changes with it. */
static void what_arrives_otherwise_is_not_kept(void **state)
{
    struct fixture *f = *state;
    sql(f, STOP_AT("3017", "update etl.replication_state set updated_at = '2020-01-01' where id = "
                           "1017"));
    struct plan *plan = rollback_all(f);
    assert_outcomes(f, plan, 0, 16, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 16, 17, OUTCOME_FAILED);
    assert_non_null(strstr(plan->items[16].err.text, "nothing kept"));
    assert_outcomes(f, plan, 17, TABLES, OUTCOME_APPLIED);
    assert_string_equal(ask(f, f->admin,
                            "select count(*) from etl.replication_state where updated_at < "
                            "'2021-01-01' and table_id > 20000"),
                        "0");
    plan_free(plan);
}

static void nothing_goes_on_behind_the_failures_that_are_allowed(void **state)
{
    struct fixture *f = *state;
    sql(f, STOP_AT("3042", "raise exception 'no'"));
    struct plan *plan = rollback(f, &(struct apply_opts){.max_failures = 1});
    assert_outcomes(f, plan, 0, 41, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 41, 42, OUTCOME_REFUSED);
    assert_outcomes(f, plan, 42, TABLES, OUTCOME_NOT_TRIED);
    plan_free(plan);
}

static void a_limit_holds(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = rollback(f, &(struct apply_opts){.limit = 7});
    assert_outcomes(f, plan, 0, 7, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 7, TABLES, OUTCOME_NOT_TRIED);
    plan_free(plan);
}

/* The table whose write ends the connection each time has failed, and is as it was. */
static void a_lost_connection_takes_no_other_with_it(void **state)
{
    struct fixture *f = *state;
    sql(f, STOP_AT("3033", "perform pg_terminate_backend(pg_backend_pid())"));
    struct plan *plan = rollback_all(f);
    assert_outcomes(f, plan, 0, 32, OUTCOME_APPLIED);
    assert_outcomes(f, plan, 32, 33, OUTCOME_FAILED);
    assert_non_null(strstr(plan->items[32].detail.ptr, "nothing was changed"));
    assert_outcomes(f, plan, 33, TABLES, OUTCOME_APPLIED);
    plan_free(plan);
}

/* The COMMIT itself is never answered: what is there decides, for every table of the lot. (We make
 * what is deferred immediate; the first trigger takes that back.) */
static void an_unanswered_commit_is_settled_by_reading(void **state)
{
    struct fixture *f = *state;
    sql(f, "create function public.stop() returns trigger language plpgsql as $$ begin"
           " perform pg_terminate_backend(pg_backend_pid()); return null; end $$;"
           "create function public.defer() returns trigger language plpgsql as $$ begin"
           " set constraints all deferred; return old; end $$;"
           "create trigger defer before delete on etl.replication_state for each row"
           " when (old.id = 3033) execute function public.defer();"
           "create constraint trigger stop after delete on etl.replication_state"
           " deferrable initially deferred for each row when (old.id = 3033)"
           " execute function public.stop()");
    const char *before = dump(f);
    struct plan *plan = rollback_all(f);
    size_t applied = 0, unknown = 0;
    for (size_t i = 0; i < TABLES; i++) {
        const struct plan_item *item = &plan->items[i];
        bool there = strstr(rows_of(f, ids[i] + 2), "* data_sync");
        assert_int_equal(item->outcome == OUTCOME_APPLIED, there);
        applied += item->outcome == OUTCOME_APPLIED;
        unknown += item->outcome == OUTCOME_FAILED;
        if (item->outcome == OUTCOME_FAILED)
            assert_non_null(strstr(item->err.text, "whether it was written is not known"));
    }
    assert_true(applied < 33 && unknown >= 1);
    assert_int_equal(plan->items[32].outcome, OUTCOME_FAILED);
    struct journal_entry entry;
    struct err err = {0};
    assert_true(journal_load(f->journal, &f->arena, str_of(plan->journal_id), &entry, &err));
    size_t left = 0;
    for (size_t i = 0; i < TABLES; i++)
        left += entry.items[i].outcome == OUTCOME_INTENDED;
    assert_int_equal(left, unknown);
    if (!applied)
        assert_string_equal(dump(f), before);
    plan_free(plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_many, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_go_in_few_transactions_and_come_back),
        TEST(a_lot_leaves_no_shared_row_locks),
        TEST(a_table_that_is_held_or_changed_stops_no_other),
        TEST(a_table_with_a_live_writer_goes_alone),
        TEST(what_the_server_refuses_stops_no_other),
        TEST(what_arrives_otherwise_is_not_kept),
        TEST(nothing_goes_on_behind_the_failures_that_are_allowed),
        TEST(a_limit_holds),
        TEST(a_lost_connection_takes_no_other_with_it),
        TEST(an_unanswered_commit_is_settled_by_reading),
    };
    const char *server = getenv("PENSTOCK_POSTGRES");
    if (!server || !*server)
        return missing("PENSTOCK_POSTGRES is not set");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
