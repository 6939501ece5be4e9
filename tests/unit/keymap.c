/* tui/keymap: the table is one place for look-up, footer and help. */
#include "tests/unit/test.h"

#include "core/system.h"
#include "tui/keymap.h"

#include <string.h>

/* The scopes that views have together; see the classes in tui/view_*.c. */
static const unsigned together[] = {
    SCOPE_STORES | SCOPE_LIST | SCOPE_ANY,
    SCOPE_RECORDS | SCOPE_RECORD | SCOPE_LIST | SCOPE_STORE | SCOPE_ANY,
    SCOPE_TABLE | SCOPE_LIST | SCOPE_ACTS | SCOPE_ANY,
    SCOPE_TABLE | SCOPE_LIST | SCOPE_JOURNAL | SCOPE_ANY,
    SCOPE_TREE | SCOPE_SCROLL | SCOPE_RECORD | SCOPE_STORE | SCOPE_ANY,
    SCOPE_SCROLL | SCOPE_ANY,
    SCOPE_MENU | SCOPE_ANY,
    SCOPE_PLAN | SCOPE_ANY,
    SCOPE_RESULT | SCOPE_ANY,
    SCOPE_APPLYING | SCOPE_ANY,
    SCOPE_TYPED,
    SCOPE_TYPED | SCOPE_TYPED_PLAN,
    SCOPE_COLUMNS | SCOPE_LIST | SCOPE_ANY,
    SCOPE_CHOICE,
    SCOPE_HELP | SCOPE_SCROLL | SCOPE_ANY,
    SCOPE_STORES | SCOPE_LIST | SCOPE_ANY | SCOPE_FIRST,
};

static void every_row_can_be_reached(void **state)
{
    for (size_t i = 0; i < nkey_rows; i++) {
        const struct key_row *row = &key_rows[i];
        bool reached = false;
        char name[16];
        for (size_t s = 0; s < sizeof together / sizeof together[0]; s++)
            reached = reached || ((row->scope & together[s]) &&
                                  keymap_find(together[s], row->key) == row->command);
        if (!reached)
            fail_msg("row %zu (%s) is hidden by rows before it", i, key_text(row->key, name));
        assert_true(row->command > CMD_NONE && row->command < COMMANDS);
        assert_true(key_text(row->key, name)[0]);
    }
}

static void rows_without_words_continue_the_one_before(void **state)
{
    for (size_t i = 0; i < nkey_rows; i++) {
        if (!key_rows[i].help)
            assert_true(i > 0 && key_rows[i - 1].command == key_rows[i].command);
    }
}

/* ux.md, keys: no bare letter changes data. The only commands that lead to a write need the plan
 * box, which has scopes of its own. */
static void no_key_of_a_list_applies(void **state)
{
    for (size_t s = 0; s < 5; s++) {
        for (uint32_t c = ' '; c < 0x7f; c++) {
            enum command command = keymap_find(together[s], c);
            assert_true(command != CMD_ACCEPT && command != CMD_FORCE && command != CMD_DROP);
        }
    }
}

/* Menu keys: never `y`, no shift twins, none twice, none that moves or leaves. */
static void actions_have_safe_keys(void **state)
{
    for (const struct system *const *system = systems; *system; system++) {
        const struct action *actions = (*system)->actions;
        for (const struct action *a = actions; a && a->key; a++) {
            assert_true(a->key >= 'a' && a->key <= 'z');
            assert_true(!strchr("yjkq", a->key));
            for (const struct action *b = actions; b < a; b++)
                assert_true(b->key != a->key);
            assert_non_null(system_op(*system, a->op));
            assert_true(!a->per || system_sheet(*system, a->per));
        }
    }
}

static void names_of_keys(void **state)
{
    static const struct {
        uint32_t code;
        const char *name;
    } cases[] = {{'x', "x"},  {' ', "Space"}, {K_ENTER, "Enter"}, {K_CTRL('r'), "^R"},
                 {K_UP, "↑"}, {K_ESC, "Esc"}, {0xe9, "é"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        assert_string_equal(key_text(cases[i].code, name), cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_can_be_reached),
        cmocka_unit_test(rows_without_words_continue_the_one_before),
        cmocka_unit_test(no_key_of_a_list_applies),
        cmocka_unit_test(actions_have_safe_keys),
        cmocka_unit_test(names_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
