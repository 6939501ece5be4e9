/* Findings of records as the overview groups and ranks them. */
#include "tui/attention.h"

#include "core/base/clock.h"
#include "core/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct finding error_of(const char *code, const char *text, const char *fix)
{
    return (struct finding){.code = code,
                            .severity = SEVERITY_ERROR,
                            .text = str_of(text),
                            .fix = fix ? str_of(fix) : STR_NULL};
}

static void read_record(struct attention *attention, const char *id, int64_t updated_us,
                        int64_t expires_us, const struct finding *findings)
{
    struct arena a = ARENA_INIT;
    struct row row = {.id = str_of(id),
                      .label = str_of(id),
                      .updated_at_us = updated_us,
                      .expires_at_us = expires_us};
    struct sheet_input in = {.row = &row, .arena = &a};
    attention_take(attention, attention_note(&a, STR("store"), &in, findings));
    arena_release(&a);
}

static void count(void *ctx, struct str key, struct str label, struct str part, const char *id)
{
    ++*(size_t *)ctx;
    assert_true(str_eq(key, label));
}

static void records_with_the_same_finding_are_one_group(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    size_t hidden;
    struct finding second = error_of("errored", "again", NULL);
    struct finding young = error_of("errored", "young", "table rollback 4/young");
    struct finding old = error_of("errored", "old", "table reset 4/old");
    young.next = &second; /* twice in one record is one object */
    read_record(attention, "young", 200, TIME_NEVER, &young);
    read_record(attention, "old", 100, TIME_NEVER, &old);
    read_record(attention, "well", 300, TIME_NEVER, NULL);
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 1);
    assert_int_equal(groups[0].n, 2);
    assert_true(str_is(groups[0].label, "old"));
    assert_true(str_is(groups[0].text, "old"));
    assert_true(str_is(groups[0].verb, "reset"));
    assert_int_equal(groups[0].nverb, 1);
    assert_int_equal(groups[0].since_us, 100);
    size_t n = 0;
    attention_each(attention, NULL, "errored", count, &n);
    assert_int_equal(n, 2);
    struct finding third = error_of("errored", "third", "table rollback 4/third");
    read_record(attention, "third", 300, TIME_NEVER, &third);
    attention_groups(attention, NULL, &a, &groups, &hidden);
    assert_true(str_is(groups[0].text, "old")); /* it speaks for them */
    assert_true(str_is(groups[0].verb, "rollback"));
    assert_int_equal(groups[0].nverb, 2);
    arena_release(&a);
    attention_free(attention);
}

static void what_was_mended_is_forgotten(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    size_t hidden;
    struct finding f = error_of("errored", "x", NULL);
    struct finding info = {.code = "note", .severity = SEVERITY_INFO, .text = STR("x")};
    read_record(attention, "t", 1, TIME_NEVER, &f);
    read_record(attention, "t", 2, TIME_NEVER, &info);
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 0);
    read_record(attention, "t", 3, TIME_NEVER, &f);
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 1);
    assert_int_equal(groups[0].n, 1);
    arena_release(&a);
    attention_free(attention);
}

static void what_is_lost_first_comes_first(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    size_t hidden;
    struct finding warning = {.code = "slow", .severity = SEVERITY_WARNING, .text = STR("slow")};
    struct finding old = error_of("old", "old", NULL), failed = error_of("failed", "failed", NULL);
    struct finding soon = error_of("soon", "soon", NULL), young = error_of("young", "young", NULL);
    read_record(attention, "a", 1, TIME_NEVER, &warning);
    read_record(attention, "b", 200, TIME_NEVER, &young);
    read_record(attention, "c", 100, TIME_NEVER, &old);
    read_record(attention, "d", 500, 9000, &failed);
    read_record(attention, "e", 600, 8000, &soon);
    static const char *const order[] = {"soon", "failed", "old", "young", "slow"};
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(groups[i].code, order[i]);
    assert_int_equal(groups[0].lost_at_us, 8000);
    assert_int_equal(groups[4].lost_at_us, TIME_UNKNOWN);
    arena_release(&a);
    attention_free(attention);
}

/* Django's database cache on SQLite keeps no zone. */
static void what_may_be_lost_is_said_to_be(void **state)
{
    static const int64_t hour_us = 3600 * INT64_C(1000000);
    static const struct {
        int64_t expires_h, off_h;
        const char *text;
    } cases[] = {
        {3, 0, "expires in 3h 0m"},
        {-3, 0, "expired 3h 0m ago"},
        {15, 14, "expires in 1h 0m at the earliest"},
        {13, 14, "may have expired"},
        {-13, 14, "may have expired"},
        {-15, 14, "expired 1h 0m ago"},
    };
    struct arena a = ARENA_INIT;
    struct finding failed = error_of("failed", "failed", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct attention *attention = attention_new();
        struct attention_group *groups;
        size_t hidden;
        int64_t now_us = 1000 * hour_us;
        struct document doc = {.id = STR("u"),
                               .expires_at_us = now_us + cases[i].expires_h * hour_us,
                               .expires_off_us = cases[i].off_h * hour_us};
        struct row row = {.id = doc.id, .label = doc.id, .expires_at_us = doc.expires_at_us};
        struct sheet_input in = {.row = &row, .doc = &doc, .now_us = now_us, .arena = &a};
        attention_take(attention, attention_note(&a, STR("store"), &in, &failed));
        assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 1);
        struct str text = attention_lost_text(&a, &groups[0], now_us);
        assert_string_equal(arena_cstr(&a, text), cases[i].text);
        attention_free(attention);
    }
    arena_release(&a);
}

/* Three of four roll back: that is said, though the record that is shown wants a reset. */
static void what_mends_most_is_said(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    size_t hidden;
    struct finding reset = error_of("errored", "old", "table reset 4/a");
    struct finding back = error_of("errored", "x", "table rollback 4/x --to-healthy");
    read_record(attention, "a", 1, TIME_NEVER, &reset);
    read_record(attention, "b", 2, TIME_NEVER, &back);
    read_record(attention, "c", 3, TIME_NEVER, &back);
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 1);
    assert_true(str_is(groups[0].label, "a"));
    assert_true(str_is(groups[0].verb, "rollback"));
    assert_int_equal(groups[0].nverb, 2);
    arena_release(&a);
    attention_free(attention);
}

/* Of two warnings the one that is tried again sooner comes first, though it is younger. */
static void what_is_tried_again_sooner_comes_first(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    size_t hidden;
    struct finding old = {.code = "old", .severity = SEVERITY_WARNING, .text = STR("old")};
    struct finding later = {.code = "retry", .severity = SEVERITY_WARNING, .text = STR("later")};
    struct finding soon = later;
    later.retry_at_us = 9000;
    soon.retry_at_us = 7000;
    read_record(attention, "a", 1, TIME_NEVER, &old);
    read_record(attention, "b", 20, TIME_NEVER, &later);
    read_record(attention, "c", 30, TIME_NEVER, &soon);
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 2);
    assert_string_equal(groups[0].code, "retry");
    assert_int_equal(groups[0].retry_at_us, 7000);
    assert_int_equal(groups[1].retry_at_us, TIME_UNKNOWN);
    arena_release(&a);
    attention_free(attention);
}

struct parts {
    size_t n;
    struct str last;
};

static void take_part(void *ctx, struct str key, struct str label, struct str part, const char *id)
{
    struct parts *parts = ctx;
    (void)key;
    (void)label;
    parts->n++;
    parts->last = part;
}

/* Two instances of one session are one object of the group, and both can be acted on. */
static void parts_of_one_record_are_kept_apart(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    size_t hidden;
    struct finding second = error_of("failed", "two", "session replay u t#2");
    struct finding first = error_of("failed", "one", "session replay u t#1");
    second.part = STR("t#2");
    first.part = STR("t#1");
    first.next = &second;
    read_record(attention, "u", 1, TIME_NEVER, &first);
    assert_int_equal(attention_groups(attention, NULL, &a, &groups, &hidden), 1);
    assert_int_equal(groups[0].n, 1);
    assert_int_equal(groups[0].nverb, 2);
    assert_true(groups[0].parts);
    struct parts parts = {0};
    attention_each(attention, NULL, "failed", take_part, &parts);
    assert_int_equal(parts.n, 2);
    assert_true(str_is(parts.last, "t#2"));
    arena_release(&a);
    attention_free(attention);
}

static bool is_known(void *ctx, const char *id)
{
    return strcmp(id, ctx) == 0;
}

static void what_is_acknowledged_is_counted_apart(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct attention_group *groups;
    struct finding f = error_of("errored", "x", NULL);
    f.object = STR("a");
    read_record(attention, "a", 1, TIME_NEVER, &f);
    f.object = STR("b");
    read_record(attention, "b", 1, TIME_NEVER, &f);
    struct str id = acks_finding_id(&a, STR("store"), "errored", STR("a"));
    struct attention_hide hide = {is_known, (void *)arena_cstr(&a, id)};
    size_t hidden;
    assert_int_equal(attention_groups(attention, &hide, &a, &groups, &hidden), 1);
    assert_int_equal(hidden, 1);
    assert_int_equal(groups[0].n, 1);
    assert_true(str_is(groups[0].key, "b"));
    arena_release(&a);
    attention_free(attention);
}

static void what_happens_is_counted(void **state)
{
    struct attention *attention = attention_new();
    struct arena a = ARENA_INIT;
    struct row row = {.id = STR("a"), .updated_at_us = 1, .expires_at_us = TIME_NEVER};
    struct lock lock = {.verdict = LOCK_LIVE};
    struct activity activity = {.sight = ACTIVITY_SEEN, .owner_live = true, .record_live = true};
    struct sheet_input in = {.row = &row, .lock = &lock, .activity = &activity, .arena = &a};
    attention_take(attention, attention_note(&a, STR("store"), &in, NULL));
    struct attention_now now = attention_now(attention);
    assert_int_equal(now.held, 1);
    assert_int_equal(now.written, 1);
    assert_int_equal(now.owned, 1);
    lock.verdict = LOCK_STALE;
    in.activity = NULL;
    attention_take(attention, attention_note(&a, STR("store"), &in, NULL));
    now = attention_now(attention);
    assert_int_equal(now.held, 0);
    assert_int_equal(now.left_over, 1);
    assert_int_equal(now.written, 0);
    in.lock = NULL;
    attention_take(attention, attention_note(&a, STR("store"), &in, NULL));
    assert_int_equal(attention_now(attention).left_over, 0);
    arena_release(&a);
    attention_free(attention);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_with_the_same_finding_are_one_group),
        cmocka_unit_test(what_was_mended_is_forgotten),
        cmocka_unit_test(what_is_lost_first_comes_first),
        cmocka_unit_test(what_may_be_lost_is_said_to_be),
        cmocka_unit_test(what_mends_most_is_said),
        cmocka_unit_test(what_is_tried_again_sooner_comes_first),
        cmocka_unit_test(parts_of_one_record_are_kept_apart),
        cmocka_unit_test(what_is_acknowledged_is_counted_apart),
        cmocka_unit_test(what_happens_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
