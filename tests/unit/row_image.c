/* Images of rows come back to the byte, whatever their columns hold. */
#include "tests/unit/test.h"

#include "backends/row_image.h"

static void whatever_a_column_holds(void **state)
{
    static const struct str texts[] = {
        STR(""), STR("2026-03-05"), STR("20\n26"), STR("-"), STR("3\n"), STR("a\0b"), STR("\n\n5 "),
    };
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    struct arena a = ARENA_INIT;
    struct str note, value;
    for (size_t i = 0; i < TEXTS; i++) {
        for (size_t k = 0; k < TEXTS; k++) {
            assert_true(row_image_read(row_image(&a, "kind 1", texts[i], texts[k]), "kind 1", &note,
                                       &value));
            assert_true(note.ptr && str_eq(note, texts[i]) && str_eq(value, texts[k]));
        }
        assert_true(
            row_image_read(row_image(&a, "kind 1", STR_NULL, texts[i]), "kind 1", &note, &value));
        assert_true(!note.ptr && str_eq(value, texts[i]));
    }
    arena_release(&a);
}

static void what_is_none_of_them(void **state)
{
    static const struct str images[] = {
        STR(""),
        STR("kind"),
        STR("kind 1"),
        STR("kind 1\n"),
        STR("kind 1 \n"),
        STR("kind 1 x\na"),
        STR("kind 1 2\na"),
        STR("kind 2 1\na"),
        STR("kind 1 18446744073709551615\na"),
        STR("kind 12 -\na"),
    };
    struct str note, value;
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        assert_false(row_image_read(images[i], "kind 1", &note, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_column_holds),
        cmocka_unit_test(what_is_none_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
