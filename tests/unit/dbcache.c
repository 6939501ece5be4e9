/* Rows of Django's database cache: what their expiry means, and when a session may be edited
 * (formats/triggers.md 4.5). */
#include "tests/unit/triggers_sample.h"

#include "backends/django_dbcache.h"
#include "core/base/base64.h"

static void expiries(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"2026-03-05T14:07:37Z", 1772719657000000},
        {"2026-03-05 14:07:37", 1772719657000000},
        {"9999-12-31T23:59:59.000000Z", TIME_NEVER},
        {"10000-01-01T05:59:59.000000Z", TIME_NEVER}, /* Chicago's "never", as UTC */
        {"infinity", TIME_UNKNOWN},
        {"", TIME_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(dbcache_expiry(str_of(cases[i].text)), cases[i].us);
    assert_int_equal(dbcache_expiry(STR_NULL), TIME_UNKNOWN);
}

static struct dbcache_row row_of(struct arena *a, bool expired)
{
    struct dbcache_row row = {.value = base64_encode(a, sample_pickle(a, "q-5f3c1")),
                              .expires = STR("9999-12-31T23:59:59Z"),
                              .expires_us = TIME_NEVER,
                              .expired = expired};
    row.bytes = row.value.len;
    return row;
}

static void an_expired_row_is_shown_and_not_edited(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc;
    struct dbcache_row live = row_of(&a, false), dead = row_of(&a, true);
    dbcache_document(&a, &live, STR("q"), VALUE_LIMIT, &doc);
    assert_non_null(doc.root);
    assert_int_equal(doc.problem.kind, ERR_NONE);
    assert_int_equal(doc.expires_at_us, TIME_NEVER);
    struct version version = doc.versions[0];
    dbcache_document(&a, &dead, STR("q"), VALUE_LIMIT, &doc);
    assert_non_null(doc.root);
    assert_int_equal(doc.problem.kind, ERR_UNSUPPORTED);
    assert_true(version_eq(&version, &doc.versions[0])); /* never of the time it has left */
    dbcache_document(&a, NULL, STR("q"), VALUE_LIMIT, &doc);
    assert_true(doc.absent);
    arena_release(&a);
}

static void an_image_is_the_row_again(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc, again;
    struct dbcache_row row = row_of(&a, false);
    struct err err = {0};
    dbcache_document(&a, &row, STR("q"), VALUE_LIMIT, &doc);
    assert_true(dbcache_decode(NULL, STR("q"), doc.image, &a, &again, &err));
    assert_true(value_equal(doc.root, again.root));
    assert_true(str_eq(doc.image, again.image));
    assert_int_equal(again.expires_at_us, TIME_NEVER);
    assert_false(dbcache_decode(NULL, STR("q"), STR("something else"), &a, &again, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    arena_release(&a);
}

static void what_is_no_base64_is_corrupt(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc;
    struct dbcache_row row = {.value = STR("gAV*"), .bytes = 4, .expires_us = TIME_NEVER};
    dbcache_document(&a, &row, STR("q"), VALUE_LIMIT, &doc);
    assert_null(doc.root);
    assert_int_equal(doc.problem.kind, ERR_CORRUPT);
    dbcache_document(&a, &row, STR("q"), 2, &doc);
    assert_true(doc.truncated);
    assert_int_equal(doc.head.len, 2);
    arena_release(&a);
}

/* A table of one row, and what was done to it. */
struct table {
    struct dbcache_row row;
    bool alters; /* a trigger of the table's changes what is written */
    int writes;
};

static bool row_get(void *tx, struct str key, struct arena *arena, bool *ret_found,
                    struct dbcache_row *ret, struct err *err)
{
    *ret_found = true;
    *ret = ((struct table *)tx)->row;
    return true;
}

static bool row_update(void *tx, struct str key, struct str value, int64_t *ret_rows,
                       struct err *err)
{
    struct table *table = tx;
    table->writes++;
    table->row.value = value;
    if (table->alters) {
        table->row.expires = STR("2020-01-01T00:00:00Z");
        table->row.expires_us = dbcache_expiry(table->row.expires);
    }
    *ret_rows = 1;
    return true;
}

static bool row_delete(void *tx, struct str key, int64_t *ret_rows, struct err *err)
{
    ((struct table *)tx)->writes++;
    *ret_rows = 1;
    return true;
}

static const struct dbcache_engine engine = {
    .row_get = row_get, .row_update = row_update, .row_delete = row_delete};

static enum outcome commit(struct arena *a, struct table *table, enum edit_kind kind,
                           int64_t lock_left_ms)
{
    struct err err = {0};
    struct document doc;
    struct session_hold hold = {.id = STR("penstock/test"),
                                .until_ms = clock_monotonic_ms() + lock_left_ms};
    dbcache_document(a, &table->row, STR("q"), VALUE_LIMIT, &doc);
    struct commit_item item = {.kind = kind,
                               .id = STR("q"),
                               .compare = 1,
                               .change = 1,
                               .after = doc.root,
                               .image = doc.image};
    memcpy(item.expect, doc.versions, sizeof item.expect);
    assert_true(dbcache_commit(&engine, table, STR("k"), &hold, &item, a, &err));
    return item.outcome;
}

static void what_keeps_a_row_from_being_changed(void **state)
{
    enum { ENOUGH_MS = 30000 };
    struct arena a = ARENA_INIT;
    struct table live = {row_of(&a, false)}, dead = {row_of(&a, true)}, altered = live;
    altered.alters = true;
    assert_int_equal(commit(&a, &live, EDIT_WRITE, ENOUGH_MS), OUTCOME_APPLIED);
    assert_int_equal(live.writes, 1);
    /* the session's lock ends while the row is waited for */
    assert_int_equal(commit(&a, &live, EDIT_WRITE, 500), OUTCOME_LOCKED);
    assert_int_equal(commit(&a, &live, EDIT_REMOVE, -1), OUTCOME_LOCKED);
    assert_int_equal(live.writes, 1);
    /* what Django takes for gone comes back by no write, and no undo would bring it back */
    static const enum edit_kind kinds[] = {EDIT_WRITE, EDIT_REMOVE, EDIT_RESTORE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_int_equal(commit(&a, &dead, kinds[i], ENOUGH_MS), OUTCOME_REFUSED);
    assert_int_equal(dead.writes, 0);
    /* a trigger that lets the session end is not passed over */
    assert_int_equal(commit(&a, &altered, EDIT_WRITE, ENOUGH_MS), OUTCOME_REFUSED);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expiries),
        cmocka_unit_test(an_expired_row_is_shown_and_not_edited),
        cmocka_unit_test(an_image_is_the_row_again),
        cmocka_unit_test(what_is_no_base64_is_corrupt),
        cmocka_unit_test(what_keeps_a_row_from_being_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
