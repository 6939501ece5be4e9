/* The whole way on Meltano's system database: operation, plan, apply, journal, undo. Rows are byte
 * for byte what Meltano's own commands leave (formats/meltano.md 2.3 to 2.5, 3.4), and each undo
 * leaves both tables equal to the dump taken before. */
#include "tests/unit/test.h"

#include "tests/unit/systemdb.h"

#include "core/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena arena;
    struct database *db;
    struct open_store store;
    struct call call;
    struct apply_opts opts;
    char dir[64];
};

/* A partial state over a completed one, and a state of halves that Meltano fails on. */
static const char sample[] =
    "INSERT INTO state (state_id, completed_state, partial_state, updated_at) VALUES"
    " ('both', '{\"singer_state\": {\"bookmarks\": {\"a\": {\"v\": 1.10, \"c\": null}}}}',"
    "  '{\"singer_state\": {\"bookmarks\": {\"a\": {\"v\": 2}, \"b\": {\"lsn\":"
    "  1767225600123456789012}}}}', '2026-01-16 09:00:00.866572'),"
    " ('partial', '{}', '{\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": 900417}}}}',"
    "  NULL),"
    " ('null half', '{\"singer_state\": {}}', NULL, NULL);"
    "INSERT INTO runs (job_name, state, started_at, ended_at, payload, payload_flags) VALUES"
    " ('both', 'SUCCESS', '2026-01-02 03:04:05.678901', '2026-01-02 03:09:06.000000', '{}', 1)";

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    assert_non_null(f);
    f->db = database_new();
    database_load(f->db, database_schema);
    database_exec(f->db, sample);
    strcpy(f->dir, "/tmp/penstock-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->call = call_within(TEST_CALL_MS, NULL);
    f->opts.timeout_ms = TEST_CALL_MS;
    struct address address = {.system = &system_meltano,
                              .backend = database_layout->backend,
                              .url = database_url(f->db),
                              .identity = "meltano+test"};
    struct store_opts opts = {.writable = true, .lock_wait_ms = 100};
    f->store.target = (struct target){.address = address, .name = "test", .env = ENV_DEV};
    if (!store_open(database_layout, &address, &opts, &f->call, &f->store.store, &err) ||
        !journal_open(arena_printf(&f->arena, "%s/journal.db", f->dir).ptr, false, &f->opts.journal,
                      &err) ||
        !audit_open(arena_printf(&f->arena, "%s/audit.jsonl", f->dir).ptr, &f->opts.audit, &err))
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    store_close(f->store.store);
    journal_close(f->opts.journal);
    audit_close(f->opts.audit);
    database_free(f->db);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static const char *dump(struct fixture *f)
{
    const char *states = database_rows(f->db,
                                       "SELECT state_id, completed_state, partial_state, updated_at"
                                       " FROM state ORDER BY state_id",
                                       &f->arena);
    const char *runs = database_rows(f->db,
                                     "SELECT id, job_name, state, started_at, ended_at, payload,"
                                     " payload_flags, run_id, \"trigger\", last_heartbeat_at"
                                     " FROM runs ORDER BY id",
                                     &f->arena);
    return arena_printf(&f->arena, "%s%s", states, runs).ptr;
}

struct change {
    const char *verb, *id, *other, *json;
    const char *states; /* rows afterwards: id, halves, whether it has a time */
    const char *runs;   /* rows that came: id of the state, kind, flags, payload */
};

#define BOTH_COMPLETED "{\"singer_state\": {\"bookmarks\": {\"a\": {\"v\": 1.10, \"c\": null}}}}"
#define BOTH_PARTIAL                                                                               \
    "{\"singer_state\": {\"bookmarks\": {\"a\": {\"v\": 2}, \"b\": {\"lsn\":"                      \
    "  1767225600123456789012}}}}"
#define BOTH_MERGED                                                                                \
    "{\"singer_state\": {\"bookmarks\": {\"a\": {\"v\": 2, \"c\": null}, \"b\": {\"lsn\": "        \
    "1767225600123456789012}}}}"
#define BOTH "both|" BOTH_COMPLETED "|" BOTH_PARTIAL "|1\n"
#define PARTIAL "partial|{}|{\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": 900417}}}}|0\n"
#define NULL_HALF "null half|{\"singer_state\": {}}|<null>|0\n"

static const struct change changes[] = {
    {"set", "both", NULL, "{\"singer_state\": {\"x\": [NaN, 1E5, \"\\u00e9\\u2603\"]}}",
     "both|{\"singer_state\": {\"x\": [NaN, 100000.0, \"\\u00e9\\u2603\"]}}|{}|1\n" NULL_HALF
         PARTIAL,
     "both|STATE_EDIT|1|{\"singer_state\": {\"x\": [NaN, 100000.0, \"\\u00e9\\u2603\"]}}\n"},
    {"set", "brand new", NULL, "{\"singer_state\": {}}",
     BOTH "brand new|{\"singer_state\": {}}|{}|0\n" NULL_HALF PARTIAL,
     "brand new|STATE_EDIT|1|{\"singer_state\": {}}\n"},
    {"set", "null half", NULL, "{\"singer_state\": {\"a\": 1}}",
     BOTH "null half|{\"singer_state\": {\"a\": 1}}|{}|1\n" PARTIAL,
     "null half|STATE_EDIT|1|{\"singer_state\": {\"a\": 1}}\n"},
    {"merge", "both", NULL, "{\"singer_state\": {\"bookmarks\": {\"c\": {\"n\": 1}}}}",
     "both|" BOTH_COMPLETED "|{\"singer_state\": {\"bookmarks\": {\"a\": {\"v\": 2}, \"b\": "
     "{\"lsn\": 1767225600123456789012}, \"c\": {\"n\": 1}}}}|1\n" NULL_HALF PARTIAL,
     "both|STATE_EDIT|2|{\"singer_state\": {\"bookmarks\": {\"c\": {\"n\": 1}}}}\n"},
    {"copy", "both", "a copy", NULL, "a copy|" BOTH_MERGED "|{}|0\n" BOTH NULL_HALF PARTIAL,
     "a copy|STATE_EDIT|1|" BOTH_MERGED "\n"},
    {"move", "both", "partial", NULL, NULL_HALF "partial|" BOTH_MERGED "|{}|1\n",
     "partial|STATE_EDIT|1|" BOTH_MERGED "\n"},
    {"clear", "both", NULL, NULL, NULL_HALF PARTIAL, ""},
    {"clear", "null half", NULL, NULL, BOTH PARTIAL, ""},
};

/* NULL when the request as a whole is refused. */
static struct plan *try_plan(struct fixture *f, const struct change *c, struct err *err)
{
    const struct op *op = system_op(&system_meltano, c->verb);
    assert_non_null(op);
    struct op_arg json = {"json", str_of(c->json)};
    struct plan_record record = {.id = str_of(c->id), .other_id = str_of(c->other)};
    record.args = (struct op_args){&json, c->json ? 1 : 0};
    struct plan_request request = {.op = op,
                                   .verb = op->verb,
                                   .records = &record,
                                   .nrecords = 1,
                                   .store = &f->store,
                                   .other_store = &f->store};
    struct plan *plan = NULL;
    return plan_make(&request, &f->call, &plan, err) ? plan : NULL;
}

static struct plan *plan_of(struct fixture *f, const struct change *c)
{
    struct err err = {0};
    struct plan *plan = try_plan(f, c, &err);
    if (!plan)
        fail_msg("%s: %s", c->verb, err.text);
    return plan;
}

/* Applies and frees a plan; every item must be applied and verified. */
static void apply(struct fixture *f, struct plan *plan, char journal_id[13])
{
    struct err err = {0};
    if (!apply_plan(plan, &f->opts, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].outcome != OUTCOME_APPLIED || !plan->items[i].verified)
            fail_msg("%s: %s %s", plan->verb, outcome_name(plan->items[i].outcome),
                     plan->items[i].err.text);
    }
    memcpy(journal_id, plan->journal_id, sizeof plan->journal_id);
    plan_free(plan);
}

static void undo(struct fixture *f, char journal_id[13])
{
    struct journal_entry entry;
    struct plan *plan = NULL;
    struct err err = {0};
    if (!journal_load(f->opts.journal, &f->arena, str_of(journal_id), &entry, &err) ||
        !plan_undo(&entry, &f->store, 1, STR_NULL, &f->call, &plan, &err))
        fail_msg("%s", err.text);
    apply(f, plan, journal_id);
}

static void as_meltano_would_and_back(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char id[13];
        apply(f, plan_of(f, &changes[i]), id);
        assert_string_equal(database_rows(f->db,
                                          "SELECT state_id, completed_state, partial_state,"
                                          " CASE WHEN updated_at IS NULL THEN 0 ELSE 1 END"
                                          " FROM state ORDER BY state_id",
                                          &f->arena),
                            changes[i].states);
        assert_string_equal(database_rows(f->db,
                                          "SELECT job_name, state, payload_flags, payload FROM runs"
                                          " WHERE state = 'STATE_EDIT'",
                                          &f->arena),
                            changes[i].runs);
        const char *after = dump(f);
        undo(f, id);
        assert_string_equal(dump(f), before);
        undo(f, id); /* redo */
        assert_string_equal(dump(f), after);
        undo(f, id);
        assert_string_equal(dump(f), before);
    }
}

static void what_would_break_a_run_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct change refused[] = {
        {"move", "both", "both", NULL, NULL, NULL},
        {"copy", "both", "both", NULL, NULL, NULL},
        {"set", "both", NULL, "{\"bookmarks\": {}}", NULL, NULL},
        {"merge", "both", NULL, "{\"singer_state\": {\"bookmarks\": {\"a\": {\"c\": {\"x\": 1}}}}}",
         NULL, NULL},
    };
    const char *before = dump(f);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct err err = {0};
        struct plan *plan = try_plan(f, &refused[i], &err);
        if (plan && plan_count(plan, OUTCOME_PLANNED))
            fail_msg("%s %zu was planned", refused[i].verb, i);
        if (plan)
            plan_free(plan);
    }
    assert_string_equal(dump(f), before);
}

static void a_live_run_blocks_and_a_stale_one_does_not(void **state)
{
    struct fixture *f = *state;
    static const struct change set = {"set", "both", NULL, "{\"singer_state\": {}}", NULL, NULL};
    static const char running[] = "INSERT INTO runs (job_name, state, started_at,"
                                  " last_heartbeat_at) VALUES ('both', 'RUNNING', '%s', '%s')";
    int64_t now = clock_now_us();
    for (int stale = 0; stale < 2; stale++) {
        /* RFC 3339 is not how Meltano writes it, but both readers take it without its zone. */
        struct str at = time_rfc3339(&f->arena, now - (stale ? 3600LL : 0LL) * 1000000);
        at.len = 19;
        char text[20];
        memcpy(text, at.ptr, at.len);
        text[10] = ' ';
        text[19] = '\0';
        database_exec(f->db, arena_printf(&f->arena, running, text, text).ptr);
        struct plan *plan = plan_of(f, &set);
        assert_int_equal(plan->blocked, !stale);
        plan_free(plan);
        database_exec(f->db, "DELETE FROM runs WHERE state = 'RUNNING'");
    }
}

static void changed_between_plan_and_apply(void **state)
{
    struct fixture *f = *state;
    static const struct change set = {"set", "both", NULL, "{\"singer_state\": {}}", NULL, NULL};
    struct plan *plan = plan_of(f, &set);
    database_exec(f->db, "UPDATE state SET partial_state = '{\"theirs\": 1}' WHERE state_id = "
                         "'both'");
    const char *theirs = dump(f);
    struct err err = {0};
    apply_plan(plan, &f->opts, &err);
    assert_int_equal(plan->items[0].outcome, OUTCOME_CONFLICT);
    assert_int_equal(plan_exit(plan, true), 4);
    assert_non_null(plan->items[0].now);
    plan_free(plan);
    assert_string_equal(dump(f), theirs);
}

static void what_the_database_does_not_keep_is_not_applied(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct change change;
        const char *event;
        enum meddling meddling;
    } cases[] = {
        {{"set", "both", NULL, "{\"singer_state\": {}}", NULL, NULL}, "UPDATE", DROPS},
        {{"set", "both", NULL, "{\"singer_state\": {}}", NULL, NULL}, "UPDATE", ALTERS},
        {{"set", "brand new", NULL, "{\"singer_state\": {}}", NULL, NULL}, "INSERT", DROPS},
        {{"set", "brand new", NULL, "{\"singer_state\": {}}", NULL, NULL}, "INSERT", ALTERS},
        {{"clear", "both", NULL, NULL, NULL, NULL}, "DELETE", DROPS},
        {{"clear", "both", NULL, NULL, NULL, NULL}, "DELETE", FAILS},
    };
    const char *before = dump(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        struct plan *plan = plan_of(f, &cases[i].change);
        database_meddle(f->db, cases[i].event, cases[i].meddling);
        assert_true(apply_plan(plan, &f->opts, &err));
        assert_int_equal(plan->items[0].outcome, OUTCOME_REFUSED);
        const char *why = cases[i].meddling == FAILS ? "this way" : "nothing was kept";
        assert_non_null(strstr(plan->items[0].err.text, why));
        assert_int_equal(plan_exit(plan, true), 6);
        assert_string_equal(dump(f), before);
        plan_free(plan);
    }
}

static void an_undo_that_the_database_alters_is_not_applied(void **state)
{
    struct fixture *f = *state;
    static const struct change set = {"set", "both", NULL, "{\"singer_state\": {}}", NULL, NULL};
    char id[13];
    apply(f, plan_of(f, &set), id);
    const char *after = dump(f);
    database_meddle(f->db, "UPDATE", ALTERS);
    struct journal_entry entry;
    struct plan *plan = NULL;
    struct err err = {0};
    assert_true(journal_load(f->opts.journal, &f->arena, str_of(id), &entry, &err) &&
                plan_undo(&entry, &f->store, 1, STR_NULL, &f->call, &plan, &err) &&
                apply_plan(plan, &f->opts, &err));
    assert_int_equal(plan->items[0].outcome, OUTCOME_REFUSED);
    assert_string_equal(dump(f), after);
    plan_free(plan);
}

#define ON_A_DATABASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DATABASE(as_meltano_would_and_back),
        ON_A_DATABASE(what_would_break_a_run_is_refused),
        ON_A_DATABASE(a_live_run_blocks_and_a_stale_one_does_not),
        ON_A_DATABASE(changed_between_plan_and_apply),
        ON_A_DATABASE(what_the_database_does_not_keep_is_not_applied),
        ON_A_DATABASE(an_undo_that_the_database_alters_is_not_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
