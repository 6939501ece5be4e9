/* Supabase ETL: phases, chains, operations, judgement and findings, on the sample rows of
 * formats/supabase-etl.md 8 and the extra fixtures named there. */
#include "tests/unit/values.h"

#include "core/systems/etl/etl.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;

static int tear_down(void **state)
{
    arena_release(&arena);
    return 0;
}

/* --- fixtures --------------------------------------------------------------------------------- */

#define ROW(id, state, meta, prev, current, at)                                                    \
    "{\"id\": " #id ", \"state\": \"" state "\", \"metadata\": " meta ", \"prev\": " #prev         \
    ", \"is_current\": " #current ", \"created_at\": \"" at "\", \"updated_at\": \"" at "\"}"
#define PLAIN(phase) "{\"type\": \"" phase "\"}"
#define SYNC_DONE "{\"type\": \"sync_done\", \"lsn\": \"1A/4C5A1B8\"}"
#define MANUAL                                                                                     \
    "{\"type\": \"errored\", \"reason\": \"[InvalidState] slot is active\\nmore\", \"solution\": " \
    "\"stop it\", \"retry_policy\": {\"type\": \"manual_retry\"}}"
#define TIMED                                                                                      \
    "{\"type\": \"errored\", \"reason\": \"[DestinationTimeout] slow\", \"solution\": null, "      \
    "\"retry_policy\": {\"type\": \"timed_retry\", \"next_retry\": "                               \
    "\"2026-07-24T09:12:10.482913006Z\"}}"
#define OLD                                                                                        \
    "{\"type\": \"errored\", \"reason\": \"ConnectionFailed: old -> text\", \"retry_policy\": "    \
    "{\"type\": \"no_retry\"}}"
#define T(n) "2026-07-24T09:" n ".000000Z"

static const char users[] = ROW(101, "init", PLAIN("init"), null, false, T("00:00")) "," ROW(
    109, "data_sync", PLAIN("data_sync"), 101, false,
    T("00:05")) "," ROW(113, "finished_copy", PLAIN("finished_copy"), 109, false,
                        T("03:10")) "," ROW(114, "sync_done", SYNC_DONE, 113, false,
                                            T("03:12")) "," ROW(115, "ready", PLAIN("ready"), 114,
                                                                true, T("03:40"));
static const char synced[] =
    ROW(116, "finished_copy", PLAIN("finished_copy"), null, false,
        T("00:00")) "," ROW(117, "sync_done", SYNC_DONE, 116, true, T("00:05"));
static const char copying[] = ROW(104, "init", PLAIN("init"), null, false, T("00:00")) "," ROW(
    112, "data_sync", PLAIN("data_sync"), 104, false,
    T("00:06")) "," ROW(119, "data_sync", PLAIN("data_sync"), 112, true, T("10:20"));
static const char fresh[] = ROW(105, "init", PLAIN("init"), null, true, T("10:00"));
static const char timed[] = ROW(106, "init", PLAIN("init"), null, false, T("00:00")) "," ROW(
    121, "data_sync", PLAIN("data_sync"), 106, false, T("01:00")) "," ROW(122, "errored", TIMED,
                                                                          121, true, T("12:00"));
static const char manual[] = ROW(107, "init", PLAIN("init"), null, false, T("00:00")) "," ROW(
    123, "data_sync", PLAIN("data_sync"), 107, false, T("01:00")) "," ROW(124, "errored", MANUAL,
                                                                          123, true, T("05:00"));
static const char legacy[] = ROW(108, "ready", PLAIN("ready"), null, false, T("00:00")) "," ROW(
    118, "errored", OLD, 108, true, "2026-02-11T03:12:44.000000Z");
static const char twice[] =
    ROW(1, "data_sync", PLAIN("data_sync"), null, false,
        T("00:00")) "," ROW(2, "errored", MANUAL, 1, false,
                            T("01:00")) "," ROW(3, "errored", MANUAL, 2, true, T("02:00"));
static const char live_errored[] =
    ROW(1, "finished_copy", PLAIN("finished_copy"), null, false,
        T("00:00")) "," ROW(2, "sync_done", SYNC_DONE, 1, false,
                            T("01:00")) "," ROW(3, "errored", MANUAL, 2, true, T("02:00"));
static const char resynced[] = ROW(1, "ready", PLAIN("ready"), null, false, T("00:00")) "," ROW(
    2, "init", PLAIN("init"), 1, true, T("01:00"));
static const char null_metadata[] = ROW(1, "init", PLAIN("init"), null, false, T("00:00")) "," ROW(
    2, "data_sync", "null", 1, true, T("01:00"));
static const char damaged_back[] = ROW(1, "init", PLAIN("init"), null, false, T("00:00")) "," ROW(
    2, "errored", "{\"type\": \"errored\"}", 1, false, T("01:00")) "," ROW(3, "errored", MANUAL, 2,
                                                                           true, T("02:00"));
static const char memory_back[] =
    ROW(1, "init", "{\"type\": \"catchup\", \"lsn\": \"0/1\"}", null, false,
        T("00:00")) "," ROW(2, "errored", MANUAL, 1, true, T("01:00"));
static const char mismatch[] = ROW(1, "ready", PLAIN("init"), null, true, T("00:00"));
static const char foreign_prev[] = ROW(5, "errored", MANUAL, 77, true, T("00:00"));
static const char circle[] = ROW(1, "data_sync", PLAIN("data_sync"), 2, false,
                                 T("00:00")) "," ROW(2, "errored", MANUAL, 1, true, T("01:00"));
static const char abandoned[] =
    ROW(1, "data_sync", PLAIN("data_sync"), null, false,
        T("00:00")) "," ROW(2, "errored", MANUAL, 1, true,
                            T("01:00")) "," ROW(3, "errored", MANUAL, 2, false, T("02:00"));
static const char unreachable[] =
    ROW(1, "data_sync", PLAIN("data_sync"), null, true,
        T("00:00")) "," ROW(3, "errored", MANUAL, null, false, T("02:00"));
static const char no_current[] = ROW(1, "init", PLAIN("init"), null, false, T("00:00"));
static const char two_current[] = ROW(1, "init", PLAIN("init"), null, true, T("00:00")) "," ROW(
    2, "ready", PLAIN("ready"), 1, true, T("01:00"));

static const struct value *parse(const char *json)
{
    return json_value(&arena, json);
}

static struct document document_of(const char *rows, const char *more)
{
    struct str json = arena_printf(&arena, "{\"states\": [%s]%s}", rows, more);
    return (struct document){.id = STR("7/16411"),
                             .label = STR("public.orders"),
                             .root = parse(json.ptr),
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_NEVER};
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_true(time_parse(str_of(text), &us));
    return us;
}

struct ran {
    bool ok;
    struct op_output out;
    struct err err;
};

static struct ran run(const char *verb, const struct document *doc, const char *flag)
{
    struct op_arg arg = {flag, STR("")};
    struct op_input in = {.system = &system_etl,
                          .docs = {doc},
                          .args = {&arg, flag != NULL},
                          .now_us = at("2026-07-24T10:00:00Z"),
                          .arena = &arena};
    struct ran ran = {0};
    ran.ok = system_op(&system_etl, verb)->run(&in, &ran.out, &ran.err);
    return ran;
}

/* "init*" for the current row: the states of a root, oldest first. */
static const char *states_of(const struct value *root)
{
    struct sbuf out = SBUF_INIT;
    struct etl_table table = etl_table_read(&arena, root);
    for (size_t i = 0; i < table.nrows; i++)
        sbuf_printf(&out, "%s%s%s", i ? " " : "", etl_phases[table.rows[i].phase].name,
                    table.rows[i].is_current ? "*" : "");
    const char *text = arena_cstr(&arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

static const char *codes_of(const struct op_output *out)
{
    struct sbuf text = SBUF_INIT;
    for (const struct consequence *c = out->consequences; c; c = c->next)
        sbuf_printf(&text, "%s%s", text.len ? " " : "", c->code);
    const char *copy = arena_cstr(&arena, sbuf_view(&text));
    sbuf_release(&text);
    return copy;
}

/* --- small parsers ---------------------------------------------------------------------------- */

static void ids_are_unsigned_and_canonical(void **state)
{
    static const struct {
        const char *id;
        bool ok;
        uint64_t pipeline;
        uint32_t oid;
    } rows[] = {
        {"7/16411", true, 7, 16411},
        {"18446744073709551615/4294967295", true, UINT64_MAX, UINT32_MAX},
        {"0/0", true, 0, 0},
        {"18446744073709551616/1", false},
        {"7/4294967296", false},
        {"07/1", false},
        {"7/01", false},
        {"-1/1", false},
        {"7", false},
        {"7/", false},
        {"/1", false},
        {"7/1/2", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t pipeline = 1;
        uint32_t oid = 1;
        assert_int_equal(etl_id_parse(str_of(rows[i].id), &pipeline, &oid), rows[i].ok);
        if (rows[i].ok) {
            assert_true(pipeline == rows[i].pipeline);
            assert_int_equal(oid, rows[i].oid);
        }
    }
}

static void lsns_are_two_hex_words(void **state)
{
    uint64_t lsn;
    assert_true(etl_lsn_parse(STR("1A/4C5A1B8"), &lsn));
    assert_true(lsn == (UINT64_C(0x1A) << 32 | 0x4C5A1B8));
    assert_true(etl_lsn_parse(STR("0000001a/04c5a1b8"), &lsn));
    assert_true(lsn == (UINT64_C(0x1A) << 32 | 0x4C5A1B8));
    static const char *const bad[] = {"",     "/",      "1A",          "1A/",    "/1",
                                      "1A/G", "1A/1/2", "100000000/0", "1A/\x11"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(etl_lsn_parse(str_of(bad[i]), &lsn));
}

static void reasons_tell_their_kind(void **state)
{
    static const char *const rows[][2] = {
        {"[DestinationTimeout] call timed out", "DestinationTimeout"},
        {"ConnectionFailed: old format -> detail", "ConnectionFailed"},
        {"3 errors occurred\n", NULL},
        {"Multiple errors occurred (2 total):", NULL},
        {"an error: text", NULL},
        {"[no end", NULL},
        {"[] empty", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str kind = etl_reason_kind(str_of(rows[i][0]));
        if (rows[i][1])
            assert_str(kind, rows[i][1]);
        else
            assert_null(kind.ptr);
    }
}

static void metadata_is_read_as_the_replicator_does(void **state)
{
    static const struct {
        const char *json;
        enum etl_phase phase;
    } rows[] = {
        {"{\"type\": \"init\", \"extra\": 1}", ETL_INIT},
        {SYNC_DONE, ETL_SYNC_DONE},
        {"{\"type\": \"sync_done\", \"lsn\": \"0/0\", \"handover\": {}}", ETL_SYNC_DONE},
        {"{\"type\": \"sync_done\"}", ETL_DAMAGED},
        {"{\"type\": \"sync_done\", \"lsn\": 5}", ETL_DAMAGED},
        {"{\"type\": \"sync_wait\", \"lsn\": \"0/1\"}", ETL_SYNC_WAIT},
        {MANUAL, ETL_ERRORED},
        {OLD, ETL_ERRORED},
        {TIMED, ETL_ERRORED},
        {"{\"type\": \"errored\"}", ETL_DAMAGED},
        {"{\"type\": \"errored\", \"reason\": \"x\"}", ETL_DAMAGED},
        {"{\"type\": \"errored\", \"reason\": \"x\", \"retry_policy\": {\"type\": \"never\"}}",
         ETL_DAMAGED},
        {"{\"type\": \"errored\", \"reason\": \"x\", \"retry_policy\": {\"type\": "
         "\"timed_retry\"}}",
         ETL_DAMAGED},
        {"{\"type\": \"errored\", \"reason\": \"x\", \"solution\": 1, \"retry_policy\": {\"type\": "
         "\"no_retry\"}}",
         ETL_DAMAGED},
        {"{\"type\": \"skipped\"}", ETL_DAMAGED},
        {"{\"type\": \"damaged\"}", ETL_DAMAGED},
        {"{}", ETL_DAMAGED},
        {"\"init\"", ETL_DAMAGED},
        {"null", ETL_DAMAGED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct etl_row row = {0};
        etl_metadata_read(&arena, parse(rows[i].json), &row);
        assert_int_equal(row.phase, rows[i].phase);
        assert_int_equal(row.phase == ETL_DAMAGED, row.damage.ptr != NULL);
    }
}

/* --- rollback and reset ----------------------------------------------------------------------- */

static void operations_give_what_the_oracle_says(void **state)
{
    static const struct {
        const char *rows, *flag;
        const char *after; /* NULL: refused, with a hint that names reset */
        const char *codes;
        enum undo_scope undo;
    } rows[] = {
        {timed, NULL, "init data_sync*", "recopy copy_setting reason_goes restart",
         UNDO_UNTIL_RESTART},
        {manual, NULL, "init data_sync*", "recopy copy_setting reason_goes restart",
         UNDO_UNTIL_RESTART},
        {manual, "to-healthy", "init data_sync*", "recopy copy_setting reason_goes restart",
         UNDO_UNTIL_RESTART},
        {manual, "full", "init*", "recopy copy_setting history_goes restart", UNDO_UNTIL_RESTART},
        {copying, NULL, "init data_sync*", "recopy copy_setting restart", UNDO_UNTIL_RESTART},
        {users, NULL, "init data_sync finished_copy sync_done*", "restart", UNDO_UNTIL_RESTART},
        {synced, NULL, "finished_copy*", "recopy copy_setting restart", UNDO_UNTIL_RESTART},
        {legacy, NULL, "ready*", "lost_changes reason_goes restart", UNDO_ROWS_ONLY},
        {resynced, NULL, "ready*", "lost_changes restart", UNDO_ROWS_ONLY},
        {live_errored, NULL, "finished_copy sync_done*", "lost_changes reason_goes restart",
         UNDO_ROWS_ONLY},
        {live_errored, "to-healthy", "finished_copy*", "recopy copy_setting reason_goes restart",
         UNDO_UNTIL_RESTART},
        {twice, NULL, "data_sync errored*", "still_errored reason_goes restart",
         UNDO_UNTIL_RESTART},
        {twice, "to-healthy", "data_sync*", "recopy copy_setting reason_goes restart",
         UNDO_UNTIL_RESTART},
        {null_metadata, NULL, "init*", "recopy copy_setting restart", UNDO_UNTIL_RESTART},
        {damaged_back, "to-healthy", "init*", "recopy copy_setting reason_goes restart",
         UNDO_UNTIL_RESTART},
        {no_current, "full", "init*", "recopy copy_setting history_goes restart",
         UNDO_UNTIL_RESTART},
        {two_current, "full", "init*", "recopy copy_setting history_goes restart",
         UNDO_UNTIL_RESTART},
        {circle, "full", "init*", "recopy copy_setting history_goes restart", UNDO_UNTIL_RESTART},
        {abandoned, "full", "init*", "recopy copy_setting history_goes restart",
         UNDO_UNTIL_RESTART},
        {fresh, NULL, NULL},
        {legacy, "to-healthy", NULL},
        {damaged_back, NULL, NULL},
        {memory_back, NULL, NULL},
        {memory_back, "to-healthy", NULL},
        {foreign_prev, NULL, NULL},
        {circle, NULL, NULL},
        {abandoned, NULL, NULL},
        {no_current, NULL, NULL},
        {two_current, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct document doc = document_of(rows[i].rows, "");
        struct ran ran = run("rollback", &doc, rows[i].flag);
        if (!rows[i].after) {
            if (ran.ok)
                fail_msg("row %zu was not refused", i);
            assert_int_equal(ran.err.kind, ERR_REFUSED);
            assert_non_null(strstr(ran.err.hint, "reset"));
            continue;
        }
        if (!ran.ok)
            fail_msg("row %zu: %s", i, ran.err.text);
        assert_int_equal(ran.out.nedits, 1);
        assert_string_equal(states_of(ran.out.edits[0].after), rows[i].after);
        assert_string_equal(codes_of(&ran.out), rows[i].codes);
        assert_int_equal(ran.out.undo, rows[i].undo);
        assert_int_equal(ran.out.typed, rows[i].undo == UNDO_ROWS_ONLY);
        assert_str(ran.out.waits_for, "restart of the replicator of pipeline 7");
    }
}

static void a_rollback_names_since_when_changes_are_lost(void **state)
{
    struct document doc = document_of(legacy, "");
    struct ran ran = run("rollback", &doc, NULL);
    assert_true(ran.ok);
    assert_int_equal(ran.out.consequences->level, LEVEL_DANGER);
    assert_non_null(strstr(ran.out.consequences->text.ptr, "2026-02-11T03:12:44Z"));
}

/* Nothing is dropped where nobody knows the name of what should be. */
static void a_recopy_drops_only_what_is_named(void **state)
{
    static const char schema[] = ", \"schemas\": [{\"schema_name\": \"public\"}]";
    struct document unnamed = document_of(timed, schema), plain = document_of(timed, "");
    struct ran ran = run("rollback", &unnamed, NULL);
    assert_null(strstr(ran.out.consequences->text.ptr, "dropped"));
    assert_string_equal(codes_of(&ran.out), "recopy copy_setting no_drop reason_goes restart");
    ran = run("rollback", &plain, NULL);
    assert_non_null(strstr(ran.out.consequences->text.ptr, "dropped"));
}

static void rows_that_stay_are_shared_and_the_new_ones_are_late(void **state)
{
    struct document doc = document_of(manual, ", \"destination\": [{\"x\": 1}]");
    struct ran ran = run("rollback", &doc, NULL);
    const struct value *before = value_get(doc.root, "states");
    const struct value *after = value_get(ran.out.edits[0].after, "states");
    assert_ptr_equal(value_at(after, 0), value_at(before, 0));
    assert_ptr_equal(value_get(ran.out.edits[0].after, "destination"),
                     value_get(doc.root, "destination"));
    assert_int_equal(value_get(value_at(after, 1), "updated_at")->type, VALUE_LATE);
    assert_true(value_equal(value_get(value_at(after, 1), "created_at"),
                            value_get(value_at(before, 1), "created_at")));

    ran = run("rollback", &doc, "full");
    const struct value *row = value_at(value_get(ran.out.edits[0].after, "states"), 0);
    assert_int_equal(value_get(row, "id")->type, VALUE_LATE);
    assert_int_equal(value_get(row, "id")->late, LATE_ID);
    assert_true(value_is_null(value_get(row, "prev")));
    assert_str(value_str_or(value_get(row, "state"), STR_NULL), "init");
}

static void a_reset_of_what_is_reset_does_nothing(void **state)
{
    struct document doc = document_of(fresh, "");
    struct ran ran = run("rollback", &doc, "full");
    assert_true(ran.ok);
    assert_int_equal(ran.out.nedits, 0);
    assert_true(ran.out.nothing.len > 0);
}

static void documents_that_cannot_be_edited_are_refused(void **state)
{
    struct document doc = document_of(manual, "");
    err_set(&doc.problem, ERR_UNSUPPORTED, "before August 2025");
    assert_int_equal(run("rollback", &doc, NULL).err.kind, ERR_UNSUPPORTED);
    doc.truncated = true;
    assert_int_equal(run("rollback", &doc, NULL).err.kind, ERR_REFUSED);
    doc = document_of(manual, "");
    assert_int_equal(run("clear", &doc, NULL).err.kind, ERR_REFUSED);
    assert_int_equal(run("edit", &doc, NULL).err.kind, ERR_REFUSED);
}

static void copy_state_is_cleared_only_when_nothing_streams(void **state)
{
    static const char more[] = ", \"progress\": [{\"id\": 1}], \"schemas\": [{\"id\": 2}], "
                               "\"destination\": [{\"destination_table_id\": \"public_orders_2\"}]";
    struct document doc = document_of(manual, more);
    struct ran ran = run("clear-copy", &doc, NULL);
    assert_true(ran.ok);
    assert_int_equal(value_count(ran.out.edits[0].after), 1);
    assert_string_equal(codes_of(&ran.out), "hidden_object restart");
    assert_true(ran.out.typed && ran.out.needs_reason);
    doc = document_of(users, more);
    assert_int_equal(run("clear-copy", &doc, NULL).err.kind, ERR_REFUSED);
    doc = document_of(manual, ", \"progress\": [], \"destination\": null");
    ran = run("clear-copy", &doc, NULL);
    assert_true(ran.ok && ran.out.nedits == 0);
}

/* --- writers ---------------------------------------------------------------------------------- */

static void writers_are_judged_by_row_and_action(void **state)
{
    static const struct {
        const char *rows, *verb, *flag;
        bool copy_worker;
        const char *now;
        enum writer_verdict verdict;
    } rows[] = {
        /* section 11, line by line, the replicator running */
        {manual, "rollback", NULL, false, "2026-07-24T09:12:05Z", WRITER_SAFE},
        {manual, "rollback", "full", false, "2026-07-24T09:12:05Z", WRITER_SAFE},
        {timed, "rollback", NULL, false, "2026-07-24T09:12:05Z", WRITER_BLOCKS},
        {timed, "rollback", "full", false, "2026-07-24T09:12:05Z", WRITER_BLOCKS},
        {timed, "rollback", NULL, false, "2026-07-24T09:12:40Z", WRITER_BLOCKS},
        {timed, "rollback", NULL, false, "2026-07-24T09:14:00Z", WRITER_SAFE}, /* timer dead */
        {legacy, "rollback", NULL, false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {legacy, "rollback", "full", false, "2026-07-24T10:00:00Z", WRITER_SAFE},
        {users, "rollback", NULL, false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {users, "rollback", "full", false, "2026-07-24T10:00:00Z", WRITER_SAFE},
        {synced, "rollback", NULL, false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {synced, "rollback", "full", false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {copying, "rollback", NULL, false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {manual, "rollback", NULL, true, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {manual, "forget", NULL, false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
        {manual, "clear-copy", NULL, false, "2026-07-24T10:00:00Z", WRITER_BLOCKS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct document doc = document_of(rows[i].rows, "");
        struct activity seen = {.sight = ACTIVITY_SEEN,
                                .owner_live = true,
                                .record_live = rows[i].copy_worker,
                                .started_at_us = TIME_UNKNOWN,
                                .heartbeat_at_us = TIME_UNKNOWN,
                                .who = STR("slot supabase_etl_apply_7")};
        struct op_arg arg = {rows[i].flag, STR("")};
        struct op_input in = {.system = &system_etl,
                              .docs = {&doc},
                              .args = {&arg, rows[i].flag != NULL},
                              .activity = &seen,
                              .now_us = at(rows[i].now),
                              .arena = &arena};
        const struct op *op = system_op(&system_etl, rows[i].verb);
        if (etl_judge(op, &in).verdict != rows[i].verdict)
            fail_msg("row %zu: %s", i, writer_name(etl_judge(op, &in).verdict));
        seen.sight = ACTIVITY_BLIND;
        assert_int_equal(etl_judge(op, &in).verdict, WRITER_CANNOT_SEE);
        seen.sight = ACTIVITY_NONE;
        assert_int_equal(etl_judge(op, &in).verdict, WRITER_NONE_SEEN);
    }
}

static const char promoted[] =
    "{\"id\": 1, \"state\": \"data_sync\", \"metadata\": {\"type\": \"data_sync\"}, \"prev\": "
    "null, "
    "\"is_current\": true, \"created_at\": \"2026-07-24T09:00:00.000000Z\", \"updated_at\": "
    "\"2026-07-24T12:00:00.000000Z\"}";

/* A row that was promoted after the replicator started: it has not read it, so undo is safe. */
static void an_edit_the_replicator_has_not_read_can_be_undone(void **state)
{
    struct document doc = document_of(promoted, "");
    struct activity seen = {.sight = ACTIVITY_SEEN, .owner_live = true, .who = STR("slot")};
    struct op_input in = {.system = &system_etl,
                          .docs = {&doc},
                          .activity = &seen,
                          .now_us = at("2026-07-24T12:00:10Z"),
                          .arena = &arena};
    const struct op *op = system_op(&system_etl, "rollback");
    seen.started_at_us = at("2026-07-24T08:00:00Z");
    assert_int_equal(etl_judge(op, &in).verdict, WRITER_SAFE);
    seen.started_at_us = at("2026-07-24T12:00:05Z");
    assert_int_equal(etl_judge(op, &in).verdict, WRITER_BLOCKS);
    seen.started_at_us = TIME_UNKNOWN;
    assert_int_equal(etl_judge(op, &in).verdict, WRITER_BLOCKS);
}

/* --- what people see -------------------------------------------------------------------------- */

static struct sheet_input input_for(struct document *doc, struct row *row)
{
    *row = (struct row){.id = doc->id,
                        .label = doc->label,
                        .bytes = -1,
                        .updated_at_us = TIME_UNKNOWN,
                        .expires_at_us = TIME_UNKNOWN};
    return (struct sheet_input){.system = &system_etl,
                                .row = row,
                                .doc = doc,
                                .now_us = at("2026-07-24T10:00:00Z"),
                                .arena = &arena};
}

static void lists_tell_the_verdict_and_what_to_do(void **state)
{
    static const struct {
        const char *rows, *phase, *back, *verdict, *advice;
        int64_t history;
    } rows[] = {
        {users, "ready", "sync_done", "ok", NULL, 5},
        {synced, "sync_done", "finished_copy", "ok", NULL, 2},
        {copying, "data_sync", "data_sync", "copying", "wait", 3},
        {fresh, "init", NULL, "copying", "wait", 1},
        {timed, "errored", "data_sync", "timer dead", "rollback", 3},
        {manual, "errored", "data_sync", "by hand", "rollback", 3},
        {legacy, "errored", "ready", "by hand", "reset", 2},
        {live_errored, "errored", "sync_done", "by hand", "rollback --to-healthy", 3},
        {twice, "errored", "errored", "by hand", "rollback --to-healthy", 3},
        {null_metadata, "data_sync", "init", "damaged", "rollback", 2},
        {foreign_prev, "errored", NULL, "by hand", "reset", 1},
        {circle, "errored", "data_sync", "by hand", "reset", 2},
        {abandoned, "errored", "data_sync", "by hand", "reset", 2},
        {no_current, NULL, NULL, "no phase", "reset", 0},
    };
    const struct sheet *sheet = &system_etl.sheets[0];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct document doc = document_of(rows[i].rows, "");
        struct row row;
        struct sheet_input in = input_for(&doc, &row);
        struct sheet_row *cells = sheet->fill(sheet, &in);
        static const char *const names[] = {"phase", "one_step_back", "verdict", "advice"};
        const char *const want[] = {rows[i].phase, rows[i].back, rows[i].verdict, rows[i].advice};
        for (size_t k = 0; k < 4; k++) {
            const struct cell *cell = sheet_cell(sheet, cells, names[k]);
            if (!want[k])
                assert_int_equal(cell->type, CELL_NULL);
            else if (cell->type != CELL_TEXT || !str_is(cell->text, want[k]))
                fail_msg("row %zu: %s is %.*s", i, names[k], STR_ARG(cell->text));
        }
        assert_int_equal(sheet_cell(sheet, cells, "history")->number, rows[i].history);
        assert_str(sheet_cell(sheet, cells, "pipeline_id")->text, "7");
        assert_int_equal(sheet_cell(sheet, cells, "table_id")->number, 16411);
    }
}

static void findings_name_the_command_that_mends(void **state)
{
    static const struct {
        const char *rows, *more;
        const char *code, *fix; /* the first finding; NULL: none */
    } rows[] = {
        {users, "", NULL, NULL},
        {timed, "", "errored_stuck_timer", "table rollback 7/public.orders"},
        {live_errored, "", "errored", "table rollback 7/public.orders --to-healthy"},
        {legacy, "", "errored", "table reset 7/public.orders"},
        {null_metadata, "", "damaged_metadata", "table rollback 7/public.orders"},
        {memory_back, "", "errored", "table reset 7/public.orders"},
        {mismatch, "", "state_mismatch", NULL},
        {no_current, "", "no_current_row", "table reset 7/public.orders"},
        {two_current, "", "no_current_row", "table reset 7/public.orders"},
        {unreachable, "", "unreachable_rows", NULL},
        {users, ", \"destination\": [{\"snapshot_id\": \"0/0\", \"schema_status\": \"applied\"}]",
         "schema_version_missing", NULL},
        {users,
         ", \"destination\": [{\"snapshot_id\": \"0/0\", \"schema_status\": \"applying\"}], "
         "\"schemas\": [{\"snapshot_id\": \"0/0\"}]",
         "schema_change_unfinished", NULL},
        {users,
         ", \"destination\": [{\"snapshot_id\": \"0/0\", \"schema_status\": \"applied\", "
         "\"replication_mask\": \"\\\\x0101\"}], \"schemas\": [{\"snapshot_id\": \"0/0\", "
         "\"columns\": [{}]}]",
         "mask_width", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct document doc = document_of(rows[i].rows, rows[i].more);
        struct row row;
        struct sheet_input in = input_for(&doc, &row);
        const struct finding *f = etl_check(&in);
        if (!rows[i].code) {
            assert_null(f);
            continue;
        }
        assert_non_null(f);
        assert_string_equal(f->code, rows[i].code);
        if (rows[i].fix)
            assert_str(f->fix, rows[i].fix);
        else
            assert_null(f->fix.ptr);
    }
}

static void an_edit_that_is_not_in_effect_is_said(void **state)
{
    struct document doc = document_of(promoted, "");
    struct activity seen = {.sight = ACTIVITY_SEEN,
                            .owner_live = true,
                            .started_at_us = at("2026-07-24T08:00:00Z"),
                            .who = STR("slot")};
    struct row row;
    struct sheet_input in = input_for(&doc, &row);
    in.activity = &seen;
    assert_string_equal(etl_check(&in)->code, "not_in_effect");
    seen.started_at_us = at("2026-07-24T13:00:00Z");
    assert_null(etl_check(&in));
}

static void a_slot_nobody_reads_is_no_ok(void **state)
{
    struct document doc = document_of(users, "");
    struct row row;
    struct sheet_input in = input_for(&doc, &row);
    struct etl_table table = etl_table_read(&arena, doc.root);
    in.facts = parse("{\"slot\": {\"active\": false, \"wal_status\": \"reserved\"}}");
    assert_string_equal(etl_verdict_of(&in, &table).word, "no reader");
    in.facts = parse("{\"slot\": {\"active\": true, \"wal_status\": \"reserved\"}}");
    assert_string_equal(etl_verdict_of(&in, &table).word, "ok");
}

static void chain_damage_is_found(void **state)
{
    static const char *const rows[][2] = {
        {foreign_prev, "chain_broken"}, {circle, "chain_cycle"}, {abandoned, "abandoned_history"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct document doc = document_of(rows[i][0], "");
        struct row row;
        struct sheet_input in = input_for(&doc, &row);
        bool found = false;
        for (const struct finding *f = etl_check(&in); f; f = f->next)
            found = found || strcmp(f->code, rows[i][1]) == 0;
        assert_true(found);
    }
}

static void a_lost_slot_is_no_healthy_table(void **state)
{
    struct document doc = document_of(users, "");
    struct row row;
    struct sheet_input in = input_for(&doc, &row);
    in.facts = parse("{\"slot\": {\"name\": \"supabase_etl_apply_7\", \"active\": false, "
                     "\"wal_status\": \"lost\", \"lag_bytes\": null}}");
    const struct sheet *sheet = &system_etl.sheets[0];
    struct sheet_row *cells = sheet->fill(sheet, &in);
    assert_str(sheet_cell(sheet, cells, "slot")->text, "lost");
    assert_int_equal(sheet_cell(sheet, cells, "lag_bytes")->type, CELL_NULL);
    assert_str(sheet_cell(sheet, cells, "advice")->text, "reset");
    assert_string_equal(etl_check(&in)->code, "slot_lost");
}

static void history_is_the_chain_then_the_rest(void **state)
{
    struct document doc = document_of(abandoned, "");
    struct row row;
    struct sheet_input in = input_for(&doc, &row);
    const struct sheet *sheet = system_sheet(&system_etl, "history");
    static const struct {
        int64_t id, depth;
    } want[] = {{2, 0}, {1, 1}, {3, -1}};
    struct sheet_row *r = sheet->fill(sheet, &in);
    for (size_t i = 0; i < 3; i++, r = r->next) {
        assert_non_null(r);
        assert_int_equal(sheet_cell(sheet, r, "id")->number, want[i].id);
        const struct cell *depth = sheet_cell(sheet, r, "depth");
        if (want[i].depth < 0)
            assert_int_equal(depth->type, CELL_NULL);
        else
            assert_int_equal(depth->number, want[i].depth);
    }
    assert_null(r);
}

static void a_preview_says_what_happens_at_the_start(void **state)
{
    struct document doc = document_of(live_errored, "");
    struct row row;
    struct sheet_input in = input_for(&doc, &row);
    struct str(*lines)[2];
    size_t n = etl_show(&in, &lines);
    struct sbuf all = SBUF_INIT;
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&all, "%.*s|%.*s\n", STR_ARG(lines[i][0]), STR_ARG(lines[i][1]));
    assert_string_equal(
        sbuf_view(&all).ptr,
        "|oid 16411   pipeline 7\n"
        "says|[InvalidState] slot is active\n"
        "|more\n"
        "says do|stop it\n"
        "retry|manual_retry\n"
        "phases|finished_copy 2026-07-24 09:00:00Z (1m) > sync_done 09:01:00Z (1m) > errored "
        "09:02:00Z\n"
        "at start|the table is skipped; a retry timer does not survive a restart\n"
        "back|sync_done, LOSES changes\n");
    sbuf_release(&all);
}

/* "~phase ready>init", a line each. */
static const char *words_of(const struct value *before, const struct value *after)
{
    struct change_words *words;
    size_t n = system_etl.say_changes(before, after, &arena, &words);
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&out, "%c%s %.*s>%.*s\n",
                    !words[i].old.ptr   ? '+'
                    : !words[i].new.ptr ? '-'
                                        : '~',
                    words[i].what, STR_ARG(words[i].old), STR_ARG(words[i].new));
    const char *text = arena_cstr(&arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

static void an_edit_is_said_in_words(void **state)
{
    struct document doc = document_of(legacy, "");
    struct ran ran = run("rollback", &doc, NULL);
    assert_true(ran.ok);
    assert_string_equal(words_of(doc.root, ran.out.edits[0].after),
                        "~phase errored>ready\n"
                        "-retry policy no_retry>\n"
                        "-reason ConnectionFailed: old -> text>\n"
                        "~history 2 phases>1 phase\n");
    assert_string_equal(words_of(doc.root, doc.root), "");
    doc = document_of(timed, ", \"progress\": [{}], \"schemas\": [{}, {}], \"destination\": "
                             "[{\"destination_table_id\": \"public_x\"}]");
    assert_string_equal(words_of(doc.root, NULL), "-phase errored>\n"
                                                  "-retry policy timed_retry>\n"
                                                  "-next retry 2026-07-24T09:12:10Z>\n"
                                                  "-reason [DestinationTimeout] slow>\n"
                                                  "-history 3 phases>\n"
                                                  "-progress of the copy 1 row>\n"
                                                  "-stored schema 2 versions>\n"
                                                  "-destination public_x>\n");
    doc = document_of(foreign_prev, "");
    assert_string_equal(words_of(NULL, doc.root), "+phase >errored\n"
                                                  "+retry policy >manual_retry\n"
                                                  "+reason >[InvalidState] slot is active …\n"
                                                  "+history >1 phase\n");
    assert_string_equal(words_of(NULL, parse("{}")), "");
}

static void names_an_operator_may_type(void **state)
{
    struct row row = {.id = STR("7/16411"), .label = STR("public.orders")};
    static const char *const yes[] = {"public.orders", "16411", "7/public.orders", "7/16411"};
    static const char *const no[] = {"orders", "8/public.orders", "7/", "7", "70/16411", ""};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(system_etl.names(&row, str_of(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(system_etl.names(&row, str_of(no[i])));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ids_are_unsigned_and_canonical),
        TEST(lsns_are_two_hex_words),
        TEST(reasons_tell_their_kind),
        TEST(metadata_is_read_as_the_replicator_does),
        TEST(operations_give_what_the_oracle_says),
        TEST(a_rollback_names_since_when_changes_are_lost),
        TEST(a_recopy_drops_only_what_is_named),
        TEST(rows_that_stay_are_shared_and_the_new_ones_are_late),
        TEST(a_reset_of_what_is_reset_does_nothing),
        TEST(documents_that_cannot_be_edited_are_refused),
        TEST(copy_state_is_cleared_only_when_nothing_streams),
        TEST(writers_are_judged_by_row_and_action),
        TEST(an_edit_the_replicator_has_not_read_can_be_undone),
        TEST(lists_tell_the_verdict_and_what_to_do),
        TEST(findings_name_the_command_that_mends),
        TEST(an_edit_that_is_not_in_effect_is_said),
        TEST(a_slot_nobody_reads_is_no_ok),
        TEST(chain_damage_is_found),
        TEST(a_lost_slot_is_no_healthy_table),
        TEST(history_is_the_chain_then_the_rest),
        TEST(a_preview_says_what_happens_at_the_start),
        TEST(an_edit_is_said_in_words),
        TEST(names_an_operator_may_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
