/* The contract of core/store_driver.h, as one suite that every layout passes:
 *
 *     test_contract ADDRESS     a scratch store that the suite may write to, or memory:SYSTEM
 *
 * The store may hold records already; where the system lets records be made from nothing the suite
 * makes its own, else it works on the first ones it finds and puts them back. */
#include "tests/unit/values.h"

#include "backends/drivers.h"
#include "backends/memory/memory.h"
#include "core/config.h"
#include "core/json.h"
#include "core/store_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MADE = 5 };

struct fixture {
    struct found found;
    struct arena arena;
    struct store *store;
    struct call call;
    struct str ids[MADE]; /* records the suite may change */
    size_t n;
    bool makes; /* the store lets records be made */
};

static const char *contract_address;

/* --- samples: a document of each system, and an edit of its first part ------------------------ */

struct sample {
    const char *system, *id_prefix, *root;
    const char *pointer, *value; /* the edit */
};

static const struct sample samples[] = {
    {"meltano", "contract:tap-x-to-target-",
     "{\"completed\": {\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": "
     "1767225600123456789012}}}}, \"partial\": {}}",
     "/completed/singer_state/bookmarks/orders/id", "7"},
    {"triggers", "contract:",
     "{\"tasks\": {\"t_a\": {\"after\": [\"x\"], \"unless\": [], \"andEvery\": null, \"run\": "
     "\"app.A\", \"using\": null, \"withParams\": {}}}, \"instances\": {\"t_a#0\": "
     "{\"abandonState\": [], \"kwargs\": {\"x\": {\"n\": 12345678901234567890}}, \"metadata\": {}, "
     "\"status\": \"failed\", \"task\": \"t_a\"}}, \"metas\": {\"latest_kwargs\": {}}}",
     "/instances/t_a#0/status", "\"skipped\""},
    {"vdk", "contract_job/source-",
     "{\"streams\": {\"orders\": {\"last_id\": 123456789012345678901, \"f\": 1.0}, \"\": {}}, "
     "\"others\": {\"k\": [1, \"</x>\"]}, \"unknown\": {\"keep\": 1e-07}}",
     "/streams/orders/last_id", "7"},
    {"etl", "7/9900",
     "{\"states\": [{\"id\": 901, \"state\": \"init\", \"metadata\": {\"type\": \"init\"}, "
     "\"prev\": "
     "null, \"is_current\": true, \"created_at\": \"2026-07-20T08:00:00.000000Z\", \"updated_at\": "
     "\"2026-07-20T08:00:05.000000Z\"}], \"progress\": [], \"schemas\": [], \"destination\": null}",
     "/states/0/is_current", "false"},
};

static const struct sample *sample_of(const struct system *system)
{
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        if (strcmp(samples[i].system, system->name) == 0)
            return &samples[i];
    }
    return NULL;
}

/* --- calls that must work --------------------------------------------------------------------- */

static struct store *open_store_at(struct fixture *f, bool writable)
{
    struct store_opts opts = {
        .writable = writable, .lock_wait_ms = 200, .operator_name = STR("contract@test")};
    struct store *store = NULL;
    struct err err = {0};
    if (!store_open(f->found.layout, &f->found.address, &opts, &f->call, &store, &err))
        fail_msg("%s", err.text);
    return store;
}

static struct document read_one(struct fixture *f, struct store *store, struct str id)
{
    struct read_item item;
    struct err err = {0};
    if (!store_read(store, &id, 1, 0, &f->call, &f->arena, &item, &err))
        fail_msg("%s", err.text);
    if (item.err.kind != ERR_NONE)
        fail_msg("%s", item.err.text);
    return item.doc;
}

static struct commit_item commit(struct fixture *f, struct store *store, enum edit_kind kind,
                                 const struct document *before, const struct value *after,
                                 struct str image, unsigned change)
{
    struct commit_item item = {.kind = kind,
                               .id = before->id,
                               .compare = change,
                               .change = change,
                               .before = before,
                               .after = after,
                               .image = image};
    struct err err = {0};
    memcpy(item.expect, before->versions, sizeof item.expect);
    if (!store_commit(store, &item, &f->call, &f->arena, &err))
        fail_msg("%s", err.text);
    return item;
}

static unsigned all_parts(struct fixture *f)
{
    return (1u << store_system(f->store)->nparts) - 1;
}

static const struct value *edited(struct fixture *f, const struct value *root)
{
    const struct sample *sample = sample_of(store_system(f->store));
    const struct value *after = NULL;
    struct err err = {0};
    if (!value_pointer_with(&f->arena, root, str_of(sample->pointer),
                            json_value(&f->arena, sample->value), &after, &err))
        fail_msg("%s", err.text);
    return after;
}

static void assert_versions(const struct document *a, const struct document *b)
{
    assert_memory_equal(a->versions, b->versions, sizeof a->versions);
}

/* --- fixture ---------------------------------------------------------------------------------- */

static void find_layout(struct fixture *f)
{
    struct config *config = NULL;
    struct target target;
    struct found *found = NULL;
    struct err err = {0};
    size_t n = 0;
    if (str_starts(str_of(contract_address), "memory:")) { /* not in layouts[]: for tests alone */
        f->found.layout = memory_layout(contract_address + strlen("memory:"));
        f->found.address = (struct address){.backend = "memory", .identity = contract_address};
        return;
    }
    if (!config_load("/dev/null", &config, &err) ||
        !config_target(config, contract_address, "-t", &f->arena, &target, &err) ||
        !config_probe(layouts, &target, &f->call, &f->arena, &found, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, 1);
    f->found = found[0];
    config_free(config);
}

static bool make_record(struct fixture *f, int i)
{
    const struct sample *sample = sample_of(store_system(f->store));
    char id[64];
    snprintf(id, sizeof id, "%s%d", sample->id_prefix, i);
    if (!store_check_id(f->store, str_of(id), &(struct err){0})) /* no store of several jobs */
        snprintf(id, sizeof id, "%s%d", strrchr(sample->id_prefix, '/') + 1, i);
    struct document absent = {.id = arena_str(&f->arena, str_of(id)), .absent = true};
    struct document there = read_one(f, f->store, absent.id);
    struct err err = {0};
    if (!there.absent) {
        struct commit_item gone = {
            .kind = EDIT_REMOVE, .id = absent.id, .before = &there, .change = all_parts(f)};
        if (!store_commit(f->store, &gone, &f->call, &f->arena, &err))
            fail_msg("%s", err.text);
    }
    struct commit_item item = {.kind = EDIT_WRITE,
                               .id = absent.id,
                               .before = &absent,
                               .compare = all_parts(f),
                               .change = all_parts(f),
                               .after = json_value(&f->arena, sample->root)};
    if (!store_commit(f->store, &item, &f->call, &f->arena, &err) ||
        item.outcome != OUTCOME_APPLIED)
        return false;
    f->ids[f->n++] = absent.id;
    return true;
}

static void take_existing(struct fixture *f)
{
    struct scan *scan = NULL;
    struct row *rows;
    struct err err = {0};
    size_t n;
    assert_true(store_scan_open(f->store, &f->call, &scan, &err));
    assert_true(store_scan_next(scan, &f->call, &f->arena, MADE, &rows, &n, &err));
    store_scan_close(scan);
    for (size_t i = 0; i < n; i++)
        f->ids[f->n++] = rows[i].id;
    assert_true(f->n > 0); /* the address must name a store with records */
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->call = call_within(TEST_CALL_MS, NULL);
    find_layout(f);
    f->store = open_store_at(f, true);
    if (!store_supports(f->store, STORE_WRITES))
        fail_msg("%.*s", STR_ARG(store_info(f->store)->why_read_only));
    f->makes = make_record(f, 0);
    for (int i = 1; i < MADE && f->makes; i++)
        assert_true(make_record(f, i));
    if (!f->makes)
        take_existing(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; f->makes && i < f->n; i++) {
        struct document doc = read_one(f, f->store, f->ids[i]);
        if (!doc.absent)
            commit(f, f->store, EDIT_REMOVE, &doc, NULL, STR_NULL, all_parts(f));
    }
    store_close(f->store);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* --- the contract ----------------------------------------------------------------------------- */

static void info_is_filled(void **state)
{
    struct fixture *f = *state;
    const struct store_info *info = store_info(f->store);
    assert_true(info->identity.len > 0);
    assert_true(info->server.len > 0);
    struct err err = {0};
    assert_true(store_probe(f->store, &f->call, &err));
}

typedef bool scan_opener(struct store *store, const struct call *call, struct scan **ret,
                         struct err *err);

static void shows_every_record_page_by_page(struct fixture *f, scan_opener *open)
{
    for (size_t page = 1; page <= 1000; page *= 1000) {
        struct scan *scan = NULL;
        struct err err = {0};
        size_t seen[MADE] = {0}, n;
        assert_true(open(f->store, &f->call, &scan, &err));
        do {
            struct row *rows;
            if (!store_scan_next(scan, &f->call, &f->arena, page, &rows, &n, &err))
                fail_msg("%s", err.text);
            assert_true(n <= page);
            for (size_t i = 0; i < n; i++) {
                assert_true(rows[i].id.len > 0 && rows[i].label.len > 0);
                for (size_t k = 0; k < f->n; k++)
                    seen[k] += str_eq(rows[i].id, f->ids[k]);
            }
        } while (n);
        assert_true(
            store_scan_next(scan, &f->call, &f->arena, page, &(struct row *){NULL}, &n, &err));
        assert_int_equal(n, 0); /* the end stays the end */
        store_scan_close(scan);
        for (size_t k = 0; k < f->n; k++)
            assert_int_equal(seen[k], 1);
    }
}

static void scan_shows_every_record_page_by_page(void **state)
{
    shows_every_record_page_by_page(*state, store_scan_open);
    shows_every_record_page_by_page(*state, store_scan_ids);
}

static void two_scans_do_not_disturb_each_other(void **state)
{
    struct fixture *f = *state;
    struct scan *a = NULL, *b = NULL;
    struct row *rows;
    struct err err = {0};
    size_t n;
    assert_true(store_scan_open(f->store, &f->call, &a, &err));
    assert_true(store_scan_next(a, &f->call, &f->arena, 1, &rows, &n, &err));
    struct str first = rows[0].id;
    assert_true(store_scan_open(f->store, &f->call, &b, &err));
    assert_true(store_scan_next(b, &f->call, &f->arena, 1, &rows, &n, &err));
    assert_true(str_eq(rows[0].id, first));
    store_scan_close(a);
    store_scan_close(b);
}

static void read_answers_in_order_and_says_absent(void **state)
{
    struct fixture *f = *state;
    struct read_item items[3];
    struct str ids[3] = {f->ids[0], f->ids[0], f->ids[f->n - 1]};
    struct err err = {0};
    struct document before = read_one(f, f->store, f->ids[0]);
    assert_false(before.absent);
    assert_int_equal(before.problem.kind, ERR_NONE);
    assert_true(before.image.len > 0);
    assert_true(store_read(f->store, ids, 3, 0, &f->call, &f->arena, items, &err));
    for (int i = 0; i < 3; i++)
        assert_true(str_eq(items[i].doc.id, ids[i]));
    assert_versions(&items[0].doc, &before);
    assert_versions(&items[1].doc, &before);
    if (!f->makes)
        return;
    commit(f, f->store, EDIT_REMOVE, &before, NULL, STR_NULL, all_parts(f));
    struct document gone = read_one(f, f->store, f->ids[0]);
    assert_true(gone.absent);
    for (size_t i = 0; i < PARTS_MAX; i++)
        assert_true(version_eq(&gone.versions[i], &version_absent));
}

static void a_long_value_is_cut_not_parsed(void **state)
{
    struct fixture *f = *state;
    struct read_item item;
    struct err err = {0};
    if (f->found.layout->backend && strcmp(f->found.layout->backend, "memory") == 0)
        return; /* holds trees, not bytes */
    assert_true(store_read(f->store, f->ids, 1, 8, &f->call, &f->arena, &item, &err));
    if (item.doc.truncated) {
        assert_true(item.doc.head.len <= 8);
        assert_null(item.doc.root);
        assert_true(item.doc.bytes > 8);
    } else {
        assert_string_equal(f->found.layout->system, "etl"); /* rows, not one value */
    }
}

static void write_is_read_back_and_undone(void **state)
{
    struct fixture *f = *state;
    struct document before = read_one(f, f->store, f->ids[0]);
    if (!f->makes && strcmp(store_system(f->store)->name, "etl") == 0)
        return; /* its rows obey rules of their own: tests of that layout */
    const struct value *after = edited(f, before.root);
    struct commit_item item = commit(f, f->store, EDIT_WRITE, &before, after, STR_NULL, 1);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_true(value_equal(item.now.root, after));
    struct document now = read_one(f, f->store, f->ids[0]);
    assert_versions(&now, &item.now);
    assert_true(value_equal(now.root, after));
    assert_false(version_eq(&now.versions[0], &before.versions[0]));

    struct commit_item back = commit(f, f->store, EDIT_RESTORE, &now, NULL, before.image, 1);
    assert_int_equal(back.outcome, OUTCOME_APPLIED);
    struct document restored = read_one(f, f->store, f->ids[0]);
    assert_versions(&restored, &before);
    assert_true(str_eq(restored.image, before.image) ||
                strcmp(f->found.layout->backend, "memory") == 0);
    assert_true(value_equal(restored.root, before.root));
}

static void stale_write_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    if (!f->makes)
        return;
    struct store *other =
        strcmp(f->found.layout->backend, "memory") == 0 ? f->store : open_store_at(f, true);
    struct document before = read_one(f, f->store, f->ids[0]);
    struct document theirs = read_one(f, other, f->ids[0]);
    commit(f, other, EDIT_WRITE, &theirs, edited(f, theirs.root), STR_NULL, 1);
    struct document between = read_one(f, f->store, f->ids[0]);
    const enum edit_kind kinds[] = {EDIT_WRITE, EDIT_REMOVE, EDIT_RESTORE};
    for (size_t i = 0; i < 3; i++) {
        struct commit_item item =
            commit(f, f->store, kinds[i], &before, kinds[i] == EDIT_WRITE ? before.root : NULL,
                   kinds[i] == EDIT_RESTORE ? before.image : STR_NULL,
                   kinds[i] == EDIT_WRITE ? 1 : all_parts(f));
        assert_int_equal(item.outcome, OUTCOME_CONFLICT);
        assert_int_equal(item.err.kind, ERR_CONFLICT);
        assert_versions(&item.now, &between);
        struct document now = read_one(f, f->store, f->ids[0]);
        assert_versions(&now, &between);
    }
    if (other != f->store)
        store_close(other);
}

static void parts_left_alone_may_have_changed(void **state)
{
    struct fixture *f = *state;
    const struct system *system = store_system(f->store);
    if (!f->makes || system->nparts < 2)
        return;
    struct document before = read_one(f, f->store, f->ids[0]);
    const struct value *other = value_dict_with(
        &f->arena, before.root, system->parts[1],
        json_value(&f->arena,
                   strcmp(system->name, "etl") == 0 ? "[{\"flush_lsn\": \"0/1\"}]" : "{\"x\": 1}"));
    assert_int_equal(commit(f, f->store, EDIT_WRITE, &before, other, STR_NULL, 2).outcome,
                     OUTCOME_APPLIED);
    struct commit_item item =
        commit(f, f->store, EDIT_WRITE, &before, edited(f, before.root), STR_NULL, 1);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_true(
        value_equal(document_part(system, item.now.root, 1), document_part(system, other, 1)));
}

static void removed_and_restored(void **state)
{
    struct fixture *f = *state;
    if (!f->makes)
        return;
    struct document before = read_one(f, f->store, f->ids[1]);
    struct commit_item gone =
        commit(f, f->store, EDIT_REMOVE, &before, NULL, STR_NULL, all_parts(f));
    assert_int_equal(gone.outcome, OUTCOME_APPLIED);
    assert_true(gone.now.absent);
    struct document absent = read_one(f, f->store, f->ids[1]);
    assert_true(absent.absent);

    struct commit_item back =
        commit(f, f->store, EDIT_RESTORE, &absent, NULL, before.image, all_parts(f));
    assert_int_equal(back.outcome, OUTCOME_APPLIED);
    struct document restored = read_one(f, f->store, f->ids[1]);
    assert_versions(&restored, &before);

    struct commit_item undone =
        commit(f, f->store, EDIT_RESTORE, &restored, NULL, STR_NULL, all_parts(f));
    assert_int_equal(undone.outcome, OUTCOME_APPLIED);
    assert_true(read_one(f, f->store, f->ids[1]).absent);
    struct commit_item twice =
        commit(f, f->store, EDIT_REMOVE, &restored, NULL, STR_NULL, all_parts(f));
    assert_int_equal(twice.outcome, OUTCOME_CONFLICT);
}

static void an_image_can_be_shown(void **state)
{
    struct fixture *f = *state;
    struct document before = read_one(f, f->store, f->ids[0]), doc;
    struct err err = {0};
    if (!store_decode(f->store, f->ids[0], before.image, &f->arena, &doc, &err))
        fail_msg("%s", err.text);
    assert_true(value_equal(doc.root, before.root));
    assert_versions(&doc, &before);
}

static void a_record_is_not_made_twice(void **state)
{
    struct fixture *f = *state;
    if (!f->makes)
        return;
    struct document absent = {.id = f->ids[0], .absent = true};
    struct document before = read_one(f, f->store, f->ids[0]);
    struct commit_item item =
        commit(f, f->store, EDIT_WRITE, &absent, before.root, STR_NULL, all_parts(f));
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
}

static void read_only_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct store *viewer = open_store_at(f, false);
    struct err err = {0};
    assert_false(store_info(viewer)->writable);
    assert_true(store_info(viewer)->why_read_only.len > 0);
    if (strcmp(f->found.layout->backend, "memory") == 0) {
        store_close(viewer);
        return; /* every memory store has records of its own */
    }
    struct document before = read_one(f, viewer, f->ids[0]);
    struct commit_item item = {.kind = EDIT_REMOVE,
                               .id = f->ids[0],
                               .before = &before,
                               .compare = all_parts(f),
                               .change = all_parts(f)};
    memcpy(item.expect, before.versions, sizeof item.expect);
    assert_false(store_commit(viewer, &item, &f->call, &f->arena, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_false(store_supports(viewer, STORE_WRITES));
    /* And past the gate, the driver itself has no way to write. */
    item.outcome = OUTCOME_PLANNED;
    bool tried = f->found.layout->commit(viewer, &item, &f->call, &f->arena, &err);
    assert_false(tried && item.outcome == OUTCOME_APPLIED);
    store_close(viewer);
    struct document now = read_one(f, f->store, f->ids[0]);
    assert_versions(&now, &before);
}

static void calls_end_in_time(void **state)
{
    struct fixture *f = *state;
    struct cancel cancel;
    struct err err = {0};
    struct read_item item;
    assert_true(cancel_init(&cancel, &err));
    cancel_fire(&cancel);
    struct call cancelled = call_within(10000, &cancel), late = call_within(0, NULL);
    assert_false(store_read(f->store, f->ids, 1, 0, &cancelled, &f->arena, &item, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    assert_false(store_read(f->store, f->ids, 1, 0, &late, &f->arena, &item, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    cancel_release(&cancel);
    read_one(f, f->store, f->ids[0]); /* and the store works again */
}

static void looking_at_locks_and_writers_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct document before = read_one(f, f->store, f->ids[0]);
    struct lock *locks = NULL;
    struct activity *activity = arena_array(&f->arena, struct activity, f->n);
    const struct value **facts = arena_array(&f->arena, const struct value *, f->n);
    struct err err = {0};
    if (!store_locks(f->store, NULL, 0, &f->call, &f->arena, &locks, &err) ||
        !store_activity(f->store, f->ids, f->n, &f->call, &f->arena, activity, &err) ||
        !store_facts(f->store, f->ids, f->n, &f->call, &f->arena, facts, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < f->n; i++) {
        assert_true(value_is_dict(facts[i]));
        assert_true(activity[i].sight != ACTIVITY_BLIND || activity[i].why.len > 0);
        assert_true(activity[i].sight != ACTIVITY_SEEN || activity[i].who.len > 0);
    }
    struct document now = read_one(f, f->store, f->ids[0]);
    assert_versions(&now, &before);
}

static void held_locks_stop_a_write(void **state)
{
    struct fixture *f = *state;
    if (!store_supports(f->store, STORE_HOLDS) || !f->makes)
        return;
    struct store *holder = open_store_at(f, true);
    struct str token;
    struct err err = {0};
    if (!store_lock_hold(holder, f->ids[0], 3600, &f->call, &token, &f->arena, &err))
        fail_msg("%s", err.text);
    /* Who holds it is who writes, but for Meltano, which takes its lock for each write alone. */
    bool tells = strcmp(store_system(f->store)->name, "meltano") != 0;
    struct activity activity;
    if (!store_activity(f->store, f->ids, 1, &f->call, &f->arena, &activity, &err))
        fail_msg("%s", err.text);
    assert_int_equal(activity.sight == ACTIVITY_SEEN, tells);
    struct document before = read_one(f, f->store, f->ids[0]);
    struct commit_item item =
        commit(f, f->store, EDIT_WRITE, &before, edited(f, before.root), STR_NULL, 1);
    assert_int_equal(item.outcome, OUTCOME_LOCKED);
    assert_int_equal(item.err.kind, ERR_LOCKED);
    struct document now = read_one(f, f->store, f->ids[0]);
    assert_versions(&now, &before);
    assert_true(store_lock_release(holder, f->ids[0], token, &f->call, &err));
    item = commit(f, f->store, EDIT_WRITE, &before, edited(f, before.root), STR_NULL, 1);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    store_close(holder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(info_is_filled),
        TEST(scan_shows_every_record_page_by_page),
        TEST(two_scans_do_not_disturb_each_other),
        TEST(read_answers_in_order_and_says_absent),
        TEST(a_long_value_is_cut_not_parsed),
        TEST(write_is_read_back_and_undone),
        TEST(stale_write_is_a_conflict),
        TEST(parts_left_alone_may_have_changed),
        TEST(removed_and_restored),
        TEST(an_image_can_be_shown),
        TEST(a_record_is_not_made_twice),
        TEST(read_only_writes_nothing),
        TEST(calls_end_in_time),
        TEST(looking_at_locks_and_writers_changes_nothing),
        TEST(held_locks_stop_a_write),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return 2;
    }
    contract_address = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
