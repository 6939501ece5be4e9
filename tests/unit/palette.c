/* tui/palette: what a typed text means. */
#include "tests/unit/test.h"

#include "tui/palette.h"

static void nearer_names_come_first(void **state)
{
    static const struct {
        const char *typed, *name;
        int rank;
    } cases[] = {
        {"locks", "locks", 0}, {"LOCKS", "locks", 0}, {"lo", "locks", 1}, {"ck", "locks", 2},
        {"lk", "locks", 3},    {"kl", "locks", -1},   {"", "locks", 1},   {"lockss", "locks", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rank = palette_rank(str_of(cases[i].typed), str_of(cases[i].name));
        if (rank != cases[i].rank)
            fail_msg("%s in %s: %d, not %d", cases[i].typed, cases[i].name, rank, cases[i].rank);
    }
}

static void the_table_is_whole(void **state)
{
    for (size_t i = 0; i < npalette_commands; i++) {
        const struct palette_command *c = &palette_commands[i];
        assert_true(c->name && c->help && c->run);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(c->name, palette_commands[k].name);
    }
}

static void messages_are_kept_in_order(void **state)
{
    static struct messages m;
    assert_int_equal(messages_count(&m), 0);
    for (int i = 0; i < MESSAGES_MAX + 10; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        messages_add(&m, STYLE_BAD, i, str_of(text));
    }
    assert_int_equal(messages_count(&m), MESSAGES_MAX);
    assert_int_equal(messages_at(&m, 0)->at_us, MESSAGES_MAX + 9);
    assert_int_equal(messages_at(&m, MESSAGES_MAX - 1)->at_us, 10);
    messages_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearer_names_come_first),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(messages_are_kept_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
