/* Meltano's system database, the same cases on every engine: rows are read and written as Meltano's
 * own code would, and undo leaves `state` and `runs` as they were. */
#include "tests/unit/values.h"

#include "tests/unit/systemdb.h"

#include "backends/meltano_systemdb.h"
#include "core/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DUMP_STATE                                                                                 \
    "SELECT state_id, completed_state, partial_state, updated_at FROM state ORDER BY state_id"
#define DUMP_RUNS                                                                                  \
    "SELECT id, job_name, state, started_at, ended_at, payload, payload_flags, run_id,"            \
    " \"trigger\", last_heartbeat_at FROM runs ORDER BY id"

/* The sample rows of formats/meltano.md 10. */
static const char sample[] =
    "INSERT INTO state (state_id, completed_state, partial_state, updated_at) VALUES"
    " ('dev:tap-shop-to-target-wh',"
    "  '{\"singer_state\": {\"bookmarks\": {\"orders\": {\"updated_at\": "
    "\"2026-01-01T00:00:00Z\"}}}}',"
    "  '{\"singer_state\": {\"bookmarks\": {\"orders\": {\"updated_at\": "
    "\"2026-01-15T00:00:00Z\"}}}}', '2026-01-16 09:00:00.866572'),"
    " ('nightly-backfill', '{}', '{\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": "
    "900417}}}}', NULL),"
    " ('prod:tap-\xc3\xbcn\xc3\xaf-to-target-\xe2\x98\x83', '{\"singer_state\": {\"bookmarks\": "
    "{\"stra\\u00dfe\": {\"v\": \"\\u65e5\\u672c\"}}}}', '{}', NULL),"
    " ('imported-no-partial', '{\"singer_state\": {\"bookmarks\": {}}}', NULL, NULL);"
    "INSERT INTO runs (job_name, state, started_at, ended_at, payload, payload_flags, run_id,"
    " \"trigger\", last_heartbeat_at) VALUES"
    " ('dev:tap-shop-to-target-wh', 'SUCCESS', '2026-01-02 03:04:05.678901',"
    "  '2026-01-02 03:09:06.000000', '{}', 1, '019b7c1a4a007abc8def0123456789ab', 'cli',"
    "  '2026-01-02 03:09:05.700000'),"
    " ('nightly-backfill', 'RUNNING', '2026-01-20 01:00:00.000005', NULL, '{}', 2,"
    "  '019bd7e19c007abc8def0123456789ab', 'schedule', '2026-01-20 01:30:00.000006');";

#define SHOP STR("dev:tap-shop-to-target-wh")
#define SNOWMAN STR("prod:tap-\xc3\xbcn\xc3\xaf-to-target-\xe2\x98\x83")

/* --- a store on a database of its own -------------------------------------------------------- */

struct fixture {
    struct arena arena;
    struct database *db;
    struct store *store;
    struct call call;
};

static struct store *open_store(struct fixture *f, bool writable)
{
    struct address address = {.system = &system_meltano,
                              .backend = database_layout->backend,
                              .url = database_url(f->db),
                              .identity = "meltano+test"};
    struct store_opts opts = {.writable = writable, .lock_wait_ms = 100};
    struct err err = {0};
    struct store *store;
    if (!store_open(database_layout, &address, &opts, &f->call, &store, &err))
        fail_msg("%s", err.text);
    return store;
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    unsetenv("MELTANO_JOB_TRIGGER");
    f->db = database_new();
    f->call = call_within(TEST_CALL_MS, NULL);
    database_load(f->db, database_schema);
    database_exec(f->db, sample);
    f->store = open_store(f, true);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    database_free(f->db);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static const char *rows(struct fixture *f, const char *sql)
{
    return database_rows(f->db, sql, &f->arena);
}

static const char *dump(struct fixture *f)
{
    return arena_printf(&f->arena, "%s%s", rows(f, DUMP_STATE), rows(f, DUMP_RUNS)).ptr;
}

static struct document read_one(struct fixture *f, struct str id)
{
    struct read_item item;
    struct err err = {0};
    if (!store_read(f->store, &id, 1, 0, &f->call, &f->arena, &item, &err))
        fail_msg("%s", err.text);
    if (item.err.kind)
        fail_msg("%s", item.err.text);
    return item.doc;
}

static struct commit_item edit(struct fixture *f, struct str id, enum edit_kind kind)
{
    struct document *before = arena_new(&f->arena, struct document);
    *before = read_one(f, id);
    struct commit_item item = {.kind = kind, .id = id, .before = before};
    memcpy(item.expect, before->versions, sizeof item.expect);
    item.compare = item.change = 3;
    return item;
}

static struct commit_item write_of(struct fixture *f, struct str id, const char *completed,
                                   const char *partial, unsigned change, int flags)
{
    struct commit_item item = edit(f, id, EDIT_WRITE);
    struct value_pair pairs[] = {
        {value_cstr(&f->arena, "completed"), json_value(&f->arena, completed)},
        {value_cstr(&f->arena, "partial"), json_value(&f->arena, partial)}};
    item.after = value_dict(&f->arena, pairs, 2);
    item.compare = item.change = change;
    if (flags) {
        struct run_note *note = arena_new(&f->arena, struct run_note);
        *note = (struct run_note){flags, flags == 1 ? pairs[0].val : pairs[1].val};
        char note_id[UUID_LEN + 1];
        uuid7(clock_now_us(), note_id);
        item.note = note;
        item.note_id = arena_str(&f->arena, str_of(note_id));
    }
    return item;
}

static void commit(struct fixture *f, struct commit_item *item)
{
    struct err err = {0};
    if (!store_commit(f->store, item, &f->call, &f->arena, &err))
        fail_msg("%s", err.text);
}

static void applied(struct fixture *f, struct commit_item *item)
{
    commit(f, item);
    if (item->outcome != OUTCOME_APPLIED)
        fail_msg("%s: %s", outcome_name(item->outcome), item->err.text);
    struct document now = read_one(f, item->id);
    assert_int_equal(item->now.absent, now.absent);
    for (int i = 0; i < 2; i++)
        assert_true(version_eq(&item->now.versions[i], &now.versions[i]));
}

/* What undo makes of a commit that was applied; undone again it is redo. */
static struct commit_item undo_of(struct fixture *f, const struct commit_item *done)
{
    struct commit_item item = {.kind = EDIT_RESTORE,
                               .id = done->id,
                               .before = &done->now,
                               .image = done->before->absent ? STR_NULL : done->before->image,
                               .receipt = done->new_receipt,
                               .compare = done->change,
                               .change = done->change};
    memcpy(item.expect, done->now.versions, sizeof item.expect);
    return item;
}

/* --- looking ---------------------------------------------------------------------------------- */

static void lists_every_row(void **state)
{
    struct fixture *f = *state;
    struct scan *scan;
    struct err err = {0};
    struct str seen[16];
    size_t n = 0, page;
    int64_t bytes = 0;
    assert_true(store_scan_open(f->store, &f->call, &scan, &err));
    do {
        struct row *got;
        if (!store_scan_next(scan, &f->call, &f->arena, 3, &got, &page, &err))
            fail_msg("%s", err.text);
        for (size_t i = 0; i < page; i++) {
            seen[n++] = got[i].id;
            bytes += got[i].bytes;
            if (str_eq(got[i].id, SHOP))
                assert_int_equal(got[i].updated_at_us, 1768554000866572);
            else
                assert_true(got[i].updated_at_us == TIME_UNKNOWN);
        }
    } while (page);
    store_scan_close(scan);
    assert_int_equal(n, 4);
    assert_true(str_eq(seen[0], SHOP));
    assert_str(seen[1], "imported-no-partial");
    assert_str(seen[2], "nightly-backfill");
    assert_true(str_eq(seen[3], SNOWMAN));
    assert_int_equal(bytes, atoll(rows(f, "SELECT sum(coalesce(length(completed_state), 0) +"
                                          " coalesce(length(partial_state), 0)) FROM state")));
    assert_true(store_probe(f->store, &f->call, &err));
    assert_int_equal(store_info(f->store)->records, 4);
    assert_str(store_info(f->store)->layout_version, "c0efb3c314eb");
    assert_true(store_info(f->store)->writable);
}

static void reads_rows(void **state)
{
    struct fixture *f = *state;
    struct document doc = read_one(f, SHOP);
    assert_true(value_equal(
        doc.root, json_value(&f->arena, "{\"completed\": {\"singer_state\": {\"bookmarks\": "
                                        "{\"orders\": {\"updated_at\": "
                                        "\"2026-01-01T00:00:00Z\"}}}}, \"partial\": "
                                        "{\"singer_state\": {\"bookmarks\": {\"orders\": "
                                        "{\"updated_at\": \"2026-01-15T00:00:00Z\"}}}}}")));
    assert_int_equal(doc.updated_at_us, 1768554000866572);
    struct version completed = version_of(str_of(
        rows(f, "SELECT completed_state FROM state WHERE state_id = 'dev:tap-shop-to-target-wh'")));
    assert_false(version_eq(&doc.versions[0], &completed)); /* that has a line feed behind it */

    doc = read_one(f, STR("imported-no-partial"));
    assert_true(value_is_null(value_get(doc.root, "partial")));
    assert_int_equal(doc.problem.kind, ERR_NONE);
    struct version empty = version_of(STR("")), null = doc.versions[1];
    assert_false(version_eq(&null, &empty) || version_eq(&null, &version_absent));

    doc = read_one(f, STR("no such"));
    assert_true(doc.absent && !doc.root && !doc.image.ptr);
    assert_true(version_eq(&doc.versions[0], &version_absent));

    struct document again;
    struct err err = {0};
    doc = read_one(f, SNOWMAN);
    assert_true(store_decode(f->store, SNOWMAN, doc.image, &f->arena, &again, &err));
    assert_true(value_equal(doc.root, again.root));
    assert_true(version_eq(&doc.versions[1], &again.versions[1]));
    assert_false(store_decode(f->store, SNOWMAN, str_sub(doc.image, 0, doc.image.len - 1),
                              &f->arena, &again, &err));
}

static void damage_is_a_problem_of_its_record(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"{", "", "{\"a\": 1, \"a\": 2}", "{''a'': 1}",
                                        "\x1b]0;x\x07"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char sql[256];
        snprintf(sql, sizeof sql,
                 "UPDATE state SET partial_state = '%s' WHERE state_id = 'nightly-backfill'",
                 texts[i]);
        database_exec(f->db, sql);
        struct str ids[] = {STR("nightly-backfill"), SHOP};
        struct read_item items[2];
        struct err err = {0};
        assert_true(store_read(f->store, ids, 2, 0, &f->call, &f->arena, items, &err));
        assert_int_equal(items[0].doc.problem.kind, ERR_CORRUPT);
        assert_true(items[0].doc.image.ptr && !items[0].doc.absent);
        assert_int_equal(items[1].doc.problem.kind, ERR_NONE);
        assert_non_null(items[1].doc.root);
    }
}

static void a_value_beyond_the_limit_is_cut(void **state)
{
    struct fixture *f = *state;
    struct str id = SHOP;
    struct read_item item;
    struct err err = {0};
    assert_true(store_read(f->store, &id, 1, 10, &f->call, &f->arena, &item, &err));
    assert_true(item.doc.truncated && !item.doc.root);
    assert_true(item.doc.head.len > 0 && item.doc.head.len <= 4096);
    assert_true(item.doc.bytes > 100);
}

static void lookups_are_exact(void **state)
{
    struct fixture *f = *state;
    database_exec(f->db, "INSERT INTO state (state_id, completed_state, partial_state) VALUES"
                         " ('a_c', '{}', '{}'), ('abc', '{}', '{}'), ('a%', '{}', '{}'),"
                         " ('ABC', '{}', '{}'), ('', '{}', '{}'), ('a''; --', '{}', '{}')");
    static const char *const ids[] = {"a_c", "a%", "ABC", "", "a'; --"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct commit_item item = edit(f, str_of(ids[i]), EDIT_REMOVE);
        assert_false(item.before->absent);
        applied(f, &item);
    }
    assert_string_equal(rows(f, "SELECT count(*) FROM state"), "5\n");
    assert_false(read_one(f, STR("abc")).absent);
    assert_true(read_one(f, STR("aXc")).absent);
}

/* --- changing --------------------------------------------------------------------------------- */

static void set_writes_what_meltano_would(void **state)
{
    struct fixture *f = *state;
    struct commit_item item = write_of(
        f, SHOP,
        "{\"singer_state\":{\"n\":1767225600123456789012,\"f\":1.10,\"\\u00e9\":\"\xc3\xa9\"}}",
        "{}", 3, 1);
    applied(f, &item);
    assert_string_equal(rows(f, "SELECT completed_state, partial_state FROM state WHERE state_id ="
                                " 'dev:tap-shop-to-target-wh'"),
                        "{\"singer_state\": {\"n\": 1767225600123456789012, \"f\": 1.10, "
                        "\"\\u00e9\": \"\xc3\xa9\"}}|{}\n");
    assert_string_equal(
        rows(f, "SELECT id, job_name, state, payload_flags, \"trigger\", last_heartbeat_at, payload"
                " FROM runs WHERE id > 2"),
        "3|dev:tap-shop-to-target-wh|STATE_EDIT|1|penstock|<null>|{\"singer_state\": {\"n\": "
        "1767225600123456789012, \"f\": 1.10, \"\\u00e9\": \"\xc3\xa9\"}}\n");
    assert_string_equal(rows(f, "SELECT count(*) FROM runs WHERE started_at = ended_at AND"
                                " length(cast(started_at AS varchar)) >= 19 AND id = 3"),
                        "1\n");
    /* updated_at is now, by the local clock, which the tests pin to UTC */
    int64_t now = clock_now_us(), updated = item.now.updated_at_us;
    assert_true(updated <= now && updated > now - (int64_t)60 * 1000000);
}

static void merge_leaves_the_other_half_untouched(void **state)
{
    struct fixture *f = *state;
    database_exec(f->db, "UPDATE state SET completed_state = '{ \"odd\" :1.50 }'"
                         " WHERE state_id = 'nightly-backfill'");
    struct commit_item item =
        write_of(f, STR("nightly-backfill"), "{}", "{\"singer_state\": {}}", 2, 2);
    applied(f, &item);
    assert_string_equal(rows(f, "SELECT completed_state, partial_state FROM state WHERE state_id ="
                                " 'nightly-backfill'"),
                        "{ \"odd\" :1.50 }|{\"singer_state\": {}}\n");
}

static void a_new_row_has_no_time(void **state)
{
    struct fixture *f = *state;
    setenv("MELTANO_JOB_TRIGGER", "schedule", 1);
    struct commit_item item = write_of(f, STR("new one"), "{\"singer_state\": {}}", "{}", 3, 1);
    applied(f, &item);
    assert_string_equal(rows(f, "SELECT * FROM (SELECT state_id, completed_state, partial_state,"
                                " updated_at FROM state WHERE state_id = 'new one') x"),
                        "new one|{\"singer_state\": {}}|{}|<null>\n");
    assert_string_equal(rows(f, "SELECT \"trigger\" FROM runs WHERE id > 2"), "schedule\n");
}

static void undo_and_redo_bring_back_every_row(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *id, *completed, *partial;
        unsigned change;
        int flags; /* 0: no note; -1: remove */
    } cases[] = {
        {"dev:tap-shop-to-target-wh", "{\"singer_state\": 1}", "{}", 3, 1},
        {"dev:tap-shop-to-target-wh", "{}", "{\"singer_state\": 2}", 2, 2},
        {"imported-no-partial", "{}", "{}", 3, 1},
        {"imported-no-partial", "{}", "{}", 2, 0},
        {"brand new", "{\"a\": 1}", "{}", 3, 1},
        {"dev:tap-shop-to-target-wh", NULL, NULL, 3, -1},
        {"imported-no-partial", NULL, NULL, 3, -1},
    };
    const char *before = dump(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str id = str_of(cases[i].id);
        struct commit_item done = cases[i].flags < 0
                                      ? edit(f, id, EDIT_REMOVE)
                                      : write_of(f, id, cases[i].completed, cases[i].partial,
                                                 cases[i].change, cases[i].flags);
        applied(f, &done);
        const char *after = dump(f);
        assert_string_not_equal(before, after);
        struct commit_item undo = undo_of(f, &done);
        applied(f, &undo);
        assert_null(undo.detail.ptr);
        assert_string_equal(dump(f), before);
        struct commit_item redo = undo_of(f, &undo);
        applied(f, &redo);
        assert_string_equal(dump(f), after);
        struct commit_item again = undo_of(f, &redo);
        applied(f, &again);
        assert_string_equal(dump(f), before);
    }
}

/* The program died behind the write: of the row of runs nothing is known but its run_id, and it may
 * never have come. */
static void undo_after_a_crash_finds_the_run(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    struct commit_item done = write_of(f, SHOP, "{\"singer_state\": 1}", "{}", 3, 1);
    applied(f, &done);
    done.new_receipt = arena_printf(&f->arena, NOTE_RECEIPT "%.*s", STR_ARG(done.note_id));
    struct commit_item undo = undo_of(f, &done);
    applied(f, &undo);
    assert_null(undo.detail.ptr);
    assert_string_equal(dump(f), before);
    applied(f, &done);
    done.new_receipt = STR(NOTE_RECEIPT "019bd7e19c007abc8def0123456789ac");
    const char *runs = rows(f, DUMP_RUNS);
    undo = undo_of(f, &done);
    applied(f, &undo);
    assert_string_equal(rows(f, DUMP_RUNS), runs);
}

static void undo_leaves_a_run_that_changed(void **state)
{
    struct fixture *f = *state;
    struct commit_item done = write_of(f, SHOP, "{\"singer_state\": 1}", "{}", 3, 1);
    const char *before = rows(f, DUMP_STATE);
    applied(f, &done);
    database_exec(f->db, "UPDATE runs SET state = 'FAIL' WHERE id = 3");
    struct commit_item undo = undo_of(f, &done);
    applied(f, &undo);
    assert_string_equal(rows(f, DUMP_STATE), before);
    assert_string_equal(rows(f, "SELECT state FROM runs WHERE id = 3"), "FAIL\n");
    assert_true(undo.detail.len > 0);
}

static void undo_keeps_the_half_that_others_changed(void **state)
{
    struct fixture *f = *state;
    struct commit_item done = write_of(f, SHOP, "{}", "{\"singer_state\": 2}", 2, 2);
    applied(f, &done);
    database_exec(f->db, "UPDATE state SET completed_state = '{\"theirs\": 1}' WHERE state_id ="
                         " 'dev:tap-shop-to-target-wh'");
    struct commit_item undo = undo_of(f, &done);
    applied(f, &undo);
    struct document now = read_one(f, SHOP);
    assert_true(
        value_equal(value_get(now.root, "completed"), json_value(&f->arena, "{\"theirs\": 1}")));
    assert_true(version_eq(&now.versions[1], &done.before->versions[1]));
    assert_true(now.updated_at_us != done.before->updated_at_us);
}

static void changed_since_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct commit_item item = write_of(f, SHOP, "{\"singer_state\": 1}", "{}", 3, 1);
    database_exec(f->db, "UPDATE state SET completed_state = '{\"theirs\": 1}' WHERE state_id ="
                         " 'dev:tap-shop-to-target-wh'");
    const char *theirs = dump(f);
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_true(value_equal(value_get(item.now.root, "completed"),
                            json_value(&f->arena, "{\"theirs\": 1}")));
    assert_string_equal(dump(f), theirs);

    /* gone, or come meanwhile */
    struct commit_item clear = edit(f, SHOP, EDIT_REMOVE);
    struct commit_item add = write_of(f, STR("new"), "{}", "{}", 3, 1);
    database_exec(f->db, "DELETE FROM state WHERE state_id = 'dev:tap-shop-to-target-wh'");
    database_exec(f->db, "INSERT INTO state (state_id) VALUES ('new')");
    commit(f, &clear);
    commit(f, &add);
    assert_int_equal(clear.outcome, OUTCOME_CONFLICT);
    assert_int_equal(add.outcome, OUTCOME_CONFLICT);
    assert_string_equal(rows(f, "SELECT count(*) FROM runs"), "2\n");
}

static void another_writer_is_waited_for_and_named(void **state)
{
    struct fixture *f = *state;
    struct commit_item item = write_of(f, SHOP, "{\"singer_state\": 1}", "{}", 3, 1);
    const char *before = dump(f);
    database_lock(f->db, "dev:tap-shop-to-target-wh");
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_LOCKED);
    assert_int_equal(item.err.kind, ERR_LOCKED);
    database_unlock(f->db);
    assert_string_equal(dump(f), before);
    applied(f, &item);
}

static void what_has_no_column_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *before = dump(f);
    struct commit_item item = edit(f, SHOP, EDIT_WRITE);
    item.after = json_value(&f->arena, "{\"completed\": {}, \"partial\": {}, \"note\": \"x\"}");
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_REFUSED);
    assert_non_null(strstr(item.err.text, "note"));
    struct str broken = STR("bad \xff id");
    struct commit_item bad = {.kind = EDIT_WRITE,
                              .id = broken,
                              .after = json_value(&f->arena, "{}"),
                              .compare = 3,
                              .change = 3};
    struct err err = {0};
    if (store_commit(f->store, &bad, &f->call, &f->arena, &err))
        assert_int_equal(bad.outcome, OUTCOME_REFUSED);
    assert_string_equal(dump(f), before);
}

static void a_check_that_knows_no_state_edit(void **state)
{
    struct fixture *f = *state;
    database_exec(f->db, "ALTER TABLE runs RENAME TO old_runs");
    database_exec(f->db,
                  "CREATE TABLE runs (id INTEGER PRIMARY KEY, job_name VARCHAR,"
                  " state VARCHAR CHECK (state IN ('IDLE', 'RUNNING', 'SUCCESS', 'FAIL', 'DEAD')),"
                  " started_at VARCHAR, ended_at VARCHAR, payload VARCHAR, payload_flags INTEGER,"
                  " run_id VARCHAR, \"trigger\" VARCHAR, last_heartbeat_at VARCHAR)");
    const char *before = dump(f);
    struct commit_item item = write_of(f, SHOP, "{\"singer_state\": 1}", "{}", 3, 1);
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_REFUSED);
    assert_string_equal(dump(f), before);
    struct commit_item clear = edit(f, SHOP, EDIT_REMOVE);
    applied(f, &clear); /* writes no row of runs */
}

static void a_large_state(void **state)
{
    struct fixture *f = *state;
    struct sbuf text = SBUF_INIT;
    sbuf_cstr(&text, "{\"singer_state\": {\"bookmarks\": {");
    for (int i = 0; i < 20000; i++) { /* S7 of the reference */
        sbuf_printf(&text, "%s\"stream_%05d\": {\"partitions\": [", i ? ", " : "", i);
        for (int j = 0; j < 8; j++)
            sbuf_printf(&text,
                        "%s{\"context\": {\"shard\": %d, \"region\": \"eu-%d\"}, "
                        "\"replication_key_value\": \"2026-01-01T00:00:00Z\"}",
                        j ? ", " : "", j, j);
        sbuf_cstr(&text, "]}");
    }
    sbuf_cstr(&text, "}}}");
    struct str id = STR("large");
    struct commit_item item = write_of(f, id, sbuf_view(&text).ptr, "{}", 3, 1);
    applied(f, &item);
    char expected[64];
    snprintf(expected, sizeof expected, "%zu|%zu\n", text.len, text.len);
    assert_string_equal(rows(f, "SELECT length(completed_state), length(payload) FROM state JOIN"
                                " runs ON job_name = state_id WHERE state_id = 'large'"),
                        expected);
    struct document now = read_one(f, id);
    assert_true(value_equal(now.root, item.after));
    struct commit_item undo = undo_of(f, &item);
    applied(f, &undo);
    assert_string_equal(rows(f, "SELECT count(*) FROM runs"), "2\n");
    sbuf_release(&text);
}

/* --- runs ------------------------------------------------------------------------------------- */

static void add_running(struct fixture *f, const char *job, const char *run_id, int64_t started_ago,
                        int64_t beat_ago)
{
    int64_t now = clock_now_us(), second = 1000000;
    struct str started = systemdb_time_utc(&f->arena, now - started_ago * second);
    struct str beat = systemdb_time_utc(&f->arena, now - beat_ago * second);
    database_exec(f->db,
                  arena_printf(&f->arena,
                               "INSERT INTO runs (id, job_name, state, started_at, run_id,"
                               " last_heartbeat_at, payload) SELECT max(id) + 1, '%s', 'RUNNING',"
                               " '%s', '%s', %s%.*s%s, '{}' FROM runs",
                               job, started.ptr, run_id, beat_ago < 0 ? "NULL" : "'",
                               beat_ago < 0 ? 0 : (int)beat.len, beat.ptr, beat_ago < 0 ? "" : "'")
                      .ptr);
}

static void running_rows_are_judged(void **state)
{
    struct fixture *f = *state;
    enum { MINUTE = 60, HOUR = 3600 };
    static const char uuid[] = "019bd7e19c007abc8def0123456789ac";
    add_running(f, "live", uuid, 2 * HOUR, 2);
    add_running(f, "ahead", uuid, 10, 0);
    add_running(f, "quiet", uuid, 23 * HOUR, -1);
    add_running(f, "silent", uuid, 25 * HOUR, -1);
    add_running(f, "stale", uuid, 2 * HOUR, 6 * MINUTE);
    add_running(f, "both", uuid, 2 * HOUR, 1);
    add_running(f, "both", uuid, 1 * HOUR, 10 * MINUTE);
    struct str ids[] = {STR("live"),  STR("ahead"), STR("quiet"), STR("silent"),
                        STR("stale"), STR("both"),  SHOP,         STR("nightly-backfill"),
                        STR("l%")};
    static const struct {
        int sight;
        bool live, stale;
    } expected[] = {
        {ACTIVITY_SEEN, true, false},  {ACTIVITY_SEEN, true, false}, {ACTIVITY_SEEN, true, false},
        {ACTIVITY_SEEN, false, true},  {ACTIVITY_SEEN, false, true}, {ACTIVITY_SEEN, true, false},
        {ACTIVITY_NONE, false, false}, {ACTIVITY_SEEN, false, true}, {ACTIVITY_NONE, false, false}};
    struct activity seen[9];
    struct err err = {0};
    if (!store_activity(f->store, ids, 9, &f->call, &f->arena, seen, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(seen[i].sight, expected[i].sight);
        assert_int_equal(seen[i].record_live, expected[i].live);
        assert_int_equal(seen[i].stale, expected[i].stale);
        assert_true((seen[i].sight == ACTIVITY_SEEN) == (seen[i].who.len > 0));
    }
    assert_string_equal(seen[0].who.ptr, database_uuid(uuid, &f->arena));
}

static time_t wrong_s; /* how far our clock is ahead */

/* In place of libc's. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret);
    if (clock == CLOCK_REALTIME)
        ret->tv_sec += wrong_s;
    return result;
}

/* A run is dead only when it is by the server's clock and by ours. */
static void a_wrong_clock_hides_no_run(void **state)
{
    struct fixture *f = *state;
    enum { HOUR = 3600 };
    static const char uuid[] = "019bd7e19c007abc8def0123456789ac";
    add_running(f, "live", uuid, 60, 1);
    add_running(f, "old", uuid, 9 * HOUR, 8 * HOUR);
    struct str ids[] = {STR("live"), STR("old")};
    for (int hours = -1; hours <= 1; hours++) {
        struct activity seen[2];
        struct err err = {0};
        wrong_s = hours * HOUR;
        bool ok = store_activity(f->store, ids, 2, &f->call, &f->arena, seen, &err);
        wrong_s = 0;
        if (!ok)
            fail_msg("%s", err.text);
        if (database_has_clock || hours < 1)
            assert_true(seen[0].record_live);
        assert_false(seen[1].record_live);
        assert_null(strstr(seen[0].why.ptr, "in 1h"));
    }
}

static void history_is_a_fact(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 25; i++)
        add_running(f, "dev:tap-shop-to-target-wh", "019bd7e19c007abc8def0123456789ac", i, i);
    struct str ids[] = {SHOP, STR("imported-no-partial"), SHOP};
    const struct value *facts[3];
    struct err err = {0};
    if (!store_facts(f->store, ids, 3, &f->call, &f->arena, facts, &err))
        fail_msg("%s", err.text);
    const struct value *runs = value_get(facts[0], "runs");
    assert_int_equal(value_count(runs), SYSTEMDB_HISTORY);
    assert_int_equal(value_count(value_get(facts[1], "runs")), 0);
    assert_true(value_equal(facts[0], facts[2]));
    const struct value *newest = value_at(runs, 0);
    int64_t us;
    assert_true(value_to_i64(value_get(newest, "id"), &us) && us == 27);
    assert_str(value_str_or(value_get(newest, "payload"), STR("")), "{}");
    assert_true(value_is_null(value_get(newest, "ended_at")));
    assert_true(time_parse(value_str_or(value_get(newest, "started_at"), STR("")), &us));
}

/* --- what it will not write ------------------------------------------------------------------ */

static void an_unknown_revision_is_only_read(void **state)
{
    struct fixture *f = *state;
    database_exec(f->db, "UPDATE alembic_version SET version_num = 'ffffffffffff'");
    struct store *store = open_store(f, true);
    assert_false(store_info(store)->writable);
    assert_non_null(strstr(store_info(store)->why_read_only.ptr, "ffffffffffff"));
    store_close(store);
    database_exec(f->db, "DELETE FROM alembic_version");
    store = open_store(f, true);
    assert_false(store_info(store)->writable);
    store_close(store);
    database_exec(f->db, "INSERT INTO alembic_version VALUES ('6828cc5b1a4f')");
    store = open_store(f, true);
    assert_true(store_info(store)->writable);
    store_close(store);
    database_exec(f->db, "ALTER TABLE runs RENAME COLUMN payload_flags TO flags");
    store = open_store(f, true);
    assert_false(store_info(store)->writable);
    struct str id = SHOP;
    struct activity seen;
    struct err err = {0};
    assert_true(store_activity(store, &id, 1, &f->call, &f->arena, &seen, &err));
    assert_int_equal(seen.sight, ACTIVITY_BLIND);
    store_close(store);
}

/* Who only reads may be told of the database by another statement than who writes. */
static void who_only_reads_is_told_the_same(void **state)
{
    struct fixture *f = *state;
    struct str id = STR("live");
    struct activity seen;
    const struct value *facts;
    struct err err = {0};
    add_running(f, "live", "019bd7e19c007abc8def0123456789ac", 10, 2);
    struct store *store = open_store(f, false);
    assert_str(store_info(store)->layout_version, "c0efb3c314eb");
    assert_true(store_activity(store, &id, 1, &f->call, &f->arena, &seen, &err));
    assert_int_equal(seen.sight, ACTIVITY_SEEN);
    assert_true(store_facts(store, &id, 1, &f->call, &f->arena, &facts, &err));
    assert_int_equal(value_count(value_get(facts, "runs")), 1);
    store_close(store);

    database_exec(f->db, "INSERT INTO alembic_version VALUES ('ffffffffffff')");
    database_exec(f->db, "ALTER TABLE runs RENAME COLUMN payload_flags TO flags");
    store = open_store(f, false);
    assert_null(store_info(store)->layout_version.ptr);
    assert_true(store_activity(store, &id, 1, &f->call, &f->arena, &seen, &err));
    assert_int_equal(seen.sight, ACTIVITY_BLIND);
    assert_true(store_facts(store, &id, 1, &f->call, &f->arena, &facts, &err));
    assert_null(value_get(facts, "runs"));
    store_close(store);
    database_exec(f->db, "DELETE FROM alembic_version WHERE version_num = 'c0efb3c314eb'");
    store = open_store(f, false);
    assert_str(store_info(store)->layout_version, "ffffffffffff");
    assert_true(store_activity(store, &id, 1, &f->call, &f->arena, &seen, &err));
    assert_int_equal(seen.sight, ACTIVITY_BLIND);
    store_close(store);
}

static void read_only_is_a_gate(void **state)
{
    struct fixture *f = *state;
    struct store *store = open_store(f, false);
    struct commit_item item = write_of(f, SHOP, "{\"singer_state\": 1}", "{}", 3, 1);
    struct err err = {0};
    const char *before = dump(f);
    assert_false(store_commit(store, &item, &f->call, &f->arena, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    /* The driver's own connection is no way around the gate either. */
    if (database_layout->commit(store, &item, &f->call, &f->arena, &err))
        assert_int_equal(item.outcome, OUTCOME_REFUSED);
    assert_string_equal(dump(f), before);
    store_close(store);
}

static void does_not_open(const struct fixture *f, const char *why)
{
    struct address address = {.url = database_url(f->db), .identity = "meltano+test"};
    for (int writable = 0; writable < 2; writable++) {
        struct store_opts opts = {.writable = writable};
        struct store *store = NULL;
        struct err err = {0};
        assert_false(store_open(database_layout, &address, &opts, &f->call, &store, &err));
        assert_int_equal(err.kind, ERR_UNSUPPORTED);
        assert_non_null(strstr(err.text, why));
        assert_null(store);
    }
}

static void detects_itself_alone(void **state)
{
    struct fixture *f = *state;
    struct address address = {.url = database_url(f->db), .identity = "meltano+test"};
    struct err err = {0};
    assert_true(database_layout->detect(database_layout, &address, &f->call, &err));
    database_exec(f->db, "DROP TABLE runs"); /* the plug-in's table is not the system database */
    assert_false(database_layout->detect(database_layout, &address, &f->call, &err));
    does_not_open(f, "no system database");
    database_exec(f->db, "CREATE TABLE runs (run_uuid VARCHAR, status VARCHAR)"); /* MLflow's */
    assert_false(database_layout->detect(database_layout, &address, &f->call, &err));
    does_not_open(f, "no system database");
}

static void a_table_that_lacks_a_column_is_named(void **state)
{
    struct fixture *f = *state;
    database_exec(f->db, "ALTER TABLE state RENAME COLUMN updated_at TO changed_at");
    does_not_open(f, "table state has no column updated_at");
}

#define ON_A_DATABASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DATABASE(lists_every_row),
        ON_A_DATABASE(reads_rows),
        ON_A_DATABASE(damage_is_a_problem_of_its_record),
        ON_A_DATABASE(a_value_beyond_the_limit_is_cut),
        ON_A_DATABASE(lookups_are_exact),
        ON_A_DATABASE(set_writes_what_meltano_would),
        ON_A_DATABASE(merge_leaves_the_other_half_untouched),
        ON_A_DATABASE(a_new_row_has_no_time),
        ON_A_DATABASE(undo_and_redo_bring_back_every_row),
        ON_A_DATABASE(undo_after_a_crash_finds_the_run),
        ON_A_DATABASE(undo_leaves_a_run_that_changed),
        ON_A_DATABASE(undo_keeps_the_half_that_others_changed),
        ON_A_DATABASE(changed_since_is_a_conflict),
        ON_A_DATABASE(another_writer_is_waited_for_and_named),
        ON_A_DATABASE(what_has_no_column_is_refused),
        ON_A_DATABASE(a_check_that_knows_no_state_edit),
        ON_A_DATABASE(a_large_state),
        ON_A_DATABASE(running_rows_are_judged),
        ON_A_DATABASE(a_wrong_clock_hides_no_run),
        ON_A_DATABASE(history_is_a_fact),
        ON_A_DATABASE(an_unknown_revision_is_only_read),
        ON_A_DATABASE(who_only_reads_is_told_the_same),
        ON_A_DATABASE(read_only_is_a_gate),
        ON_A_DATABASE(detects_itself_alone),
        ON_A_DATABASE(a_table_that_lacks_a_column_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
