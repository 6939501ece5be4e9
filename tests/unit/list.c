/* tui/rows, filter, list: packing, filters that fail closed, selection and marks by identity. */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "tui/list.h"

#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    {.name = "name", .title = "NAME", .type = CELL_TEXT, .keep = true},
    {.name = "size", .title = "SIZE", .type = CELL_BYTES},
    {.name = "at", .title = "AGE", .type = CELL_TIME},
    {.name = "hidden", .type = CELL_TEXT},
};

static const struct sheet sheet = {.name = "list", .columns = columns, .ncolumns = 4};

static void add(struct rows *rows, const char *name, int64_t size, int64_t at_us)
{
    struct cell cells[4] = {cell_text(str_of(name)), cell_bytes(size), cell_time(at_us),
                            cell_text(STR("secret"))};
    struct row_in in = {.key = str_of(name),
                        .label = str_of(name),
                        .status = size < 0 ? STR_NULL : STR("ok"),
                        .cells = cells,
                        .known = size >= 0};
    rows_add(rows, &in);
}

static struct rows *make(const char *names)
{
    struct rows *rows = rows_new(&sheet);
    char name[2] = {0};
    for (; *names; names++) {
        name[0] = *names;
        add(rows, name, *names, 1000000LL * *names);
    }
    return rows;
}

static const char *shown(const struct list *list, char out[64])
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        out[n++] = rows_key(list->rows, list->order[i]).ptr[0];
        if (rows_gone(list->rows, list->order[i]))
            out[n++] = '+';
    }
    out[n] = '\0';
    return out;
}

static char under_cursor(const struct list *list)
{
    size_t row;
    return list_at(list, &row) ? rows_key(list->rows, row).ptr[0] : '-';
}

static void rows_keep_what_was_packed(void **state)
{
    struct rows *rows = rows_new(&sheet);
    char name[8];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "r%d", i);
        add(rows, name, i % 3 ? i : -1, TIME_UNKNOWN);
    }
    add(rows, "r7", 77, 5);
    assert_int_equal(rows_count(rows), 1000); /* given twice, there once */
    size_t at;
    assert_true(rows_find(rows, STR("r7"), &at));
    assert_int_equal(rows_cell(rows, at, 1).number, 77);
    assert_int_equal(rows_cell(rows, at, 2).number, 5);
    assert_str(rows_cell(rows, at, 3).text, "secret");
    assert_true(rows_find(rows, STR("r9"), &at));
    assert_int_equal(rows_cell(rows, at, 1).type, CELL_NULL);
    assert_int_equal(rows_cell(rows, at, 2).type, CELL_NULL);
    assert_false(rows_find(rows, STR("r1000"), &at));
    assert_int_equal(rows_known(rows), 666);
    struct row_count counts[2];
    assert_int_equal(rows_counts(rows, counts, 2), 1);
    assert_int_equal(counts[0].n, 666);
    rows_free(rows);
}

static void filters(void **state)
{
    static const struct {
        const char *text, *passes; /* NULL: does not parse */
    } cases[] = {
        {"", "pQs"},         {"p", "p"},       {"q", "Q"},           {"Q", "Q"},
        {"P", ""},           {"!q", "ps"},     {"name=q", "Q"},      {"name!=q", "ps"},
        {"NAME=q", "Q"},     {"secret", ""},   {"size>112", "s"},    {"size<115", "pQ"},
        {"size>1kB", ""},    {"age>3s", "pQ"}, {"age<3s", "s"},      {"no=such", ""},
        {"re:^[pq]$", "pQ"}, {"re:(", NULL},   {"size>x", NULL},     {"age>5", NULL},
        {"name>a", NULL},    {"p q", ""},      {"size>10 !p", "Qs"}, {"name:q", "Q"},
        {"no:such", ""},     {"~q", "Q"},      {"!~q", "ps"},        {"~", ""},
        {"1970", "pQs"},     {"112", "p"},     {"yes", ""},
    };
    struct rows *rows = make("pQs"); /* sizes and seconds 112, 81, 115 */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct list list;
        char out[64];
        list_init(&list, &sheet);
        list_swap(&list, rows, true, 116500000);
        bool ok = list_filter(&list, str_of(cases[i].text), 116500000);
        assert_int_equal(ok, cases[i].passes != NULL);
        /* what does not parse leaves the rows as they were */
        if (strcmp(shown(&list, out), ok ? cases[i].passes : "pQs") != 0)
            fail_msg("'%s' shows %s", cases[i].text, out);
        assert_int_equal(list.filter_err.kind, ok ? ERR_NONE : ERR_INVALID);
        list_release(&list);
    }
    rows_free(rows);
}

/* ux.md R15 A2, A3. */
static void filters_say_where_they_fail(void **state)
{
    static const struct {
        const char *text;
        const char *where;
    } cases[] = {{"re:(", "character 4"}, {"re:ab(c", "character 6"}, {"p size>x", "character 8"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct filter *filter = NULL;
        struct err err = {0};
        assert_false(filter_parse(&sheet, str_of(cases[i].text), &filter, &err));
        assert_non_null(strstr(err.text, cases[i].where));
        assert_null(filter);
    }
    struct rows *rows = rows_new(&sheet);
    struct filter *filter = NULL;
    struct err err = {0};
    add(rows, "dev:tap-crm-to-wh", 1, 0);
    static const char *const pass[] = {"dev:tap", "~dtcw", "tap crm", "re:^dev:.*wh$"};
    for (size_t i = 0; i < sizeof pass / sizeof pass[0]; i++) {
        assert_true(filter_parse(&sheet, str_of(pass[i]), &filter, &err));
        assert_true(filter_passes(filter, rows, 0, 0));
        filter_free(filter);
    }
    rows_free(rows);
}

/* vi's counts, ranges, and the next match of the last filter. */
static void motions(void **state)
{
    struct rows *rows = make("abcdefgh");
    struct list list;
    list_init(&list, &sheet);
    list_swap(&list, rows, true, 0);
    list.count = 3;
    list_command(&list, CMD_DOWN, 0);
    assert_int_equal(under_cursor(&list), 'd');
    list_command(&list, CMD_DOWN, 0); /* the count was for one motion */
    assert_int_equal(under_cursor(&list), 'e');
    list.count = 7;
    list_command(&list, CMD_LAST, 0);
    assert_int_equal(under_cursor(&list), 'g');
    list_command(&list, CMD_RANGE, 0);
    list.count = 2;
    list_command(&list, CMD_UP, 0);
    assert_int_equal(keyset_count(list.marks), 0);
    list_command(&list, CMD_RANGE, 0);
    assert_int_equal(keyset_count(list.marks), 3);
    assert_true(keyset_has(list.marks, STR("e")) && keyset_has(list.marks, STR("g")));
    list_command(&list, CMD_RANGE, 0);
    assert_true(list_command(&list, CMD_BACK, 0)); /* leaves the range, marks nothing */
    assert_int_equal(keyset_count(list.marks), 3);
    assert_false(list_command(&list, CMD_BACK, 0));
    list_command(&list, CMD_NEXT_MATCH, 0);
    assert_non_null(list.said);
    list_filter(&list, STR("re:^[bf]$"), 0);
    list_filter(&list, STR(""), 0);
    list_command(&list, CMD_FIRST, 0);
    list_command(&list, CMD_NEXT_MATCH, 0);
    assert_int_equal(under_cursor(&list), 'b');
    list_command(&list, CMD_PREV_MATCH, 0);
    assert_int_equal(under_cursor(&list), 'f');
    list_release(&list);
    rows_free(rows);
}

/* ux.md R1 A1: rows that come above leave cursor, line and marks where they are. */
static void the_cursor_follows_its_row(void **state)
{
    struct rows *before = make("bdf"), *after = make("abcdef");
    struct list list;
    char out[64];
    list_init(&list, &sheet);
    list_swap(&list, before, true, 0);
    list_command(&list, CMD_DOWN, 0);
    list_command(&list, CMD_MARK, 0); /* marks d and moves on to f */
    assert_int_equal(under_cursor(&list), 'f');
    assert_int_equal(list_swap(&list, after, true, 0), 0);
    assert_int_equal(under_cursor(&list), 'f');
    assert_true(keyset_has(list.marks, STR("d")));
    list.want.descending = true;
    list_command(&list, CMD_SORT_NEXT, 0);
    assert_string_equal(shown(&list, out), "fedcba");
    assert_int_equal(under_cursor(&list), 'f');
    list_filter(&list, STR("!f"), 0);
    assert_int_equal(under_cursor(&list), 'e'); /* its row is hidden: the first one */
    list_filter(&list, STR("!d"), 0);
    assert_int_equal(keyset_count(list.marks), 1);
    assert_int_equal(list_hidden_marks(&list), 1);
    list_filter(&list, STR(""), 0);
    assert_int_equal(list_hidden_marks(&list), 0);
    list_release(&list);
    rows_free(before);
    rows_free(after);
}

/* ux.md R1 A2: a row that goes stays as a tombstone until the cursor leaves it. */
static void a_row_that_goes_leaves_a_tombstone(void **state)
{
    struct rows *first = make("abcd"), *second = make("abd"), *third = make("abd");
    struct rows *fourth = make("abd");
    struct list list;
    char out[64];
    list_init(&list, &sheet);
    list_swap(&list, first, true, 0);
    list_command(&list, CMD_MARK, 0);
    list_command(&list, CMD_MARK, 0);
    list_command(&list, CMD_MARK, 0); /* a, b, c; cursor on d */
    list_command(&list, CMD_UP, 0);
    assert_int_equal(list_swap(&list, second, true, 0), 1); /* c's mark */
    assert_string_equal(shown(&list, out), "abc+d");
    assert_int_equal(under_cursor(&list), 'c');
    assert_int_equal(list_total(&list), 3);
    list_command(&list, CMD_MARK, 0); /* no action on what is gone */
    assert_int_equal(keyset_count(list.marks), 2);
    list_swap(&list, third, true, 0); /* however often it is read: no neighbour takes its place */
    assert_string_equal(shown(&list, out), "abc+d");
    assert_int_equal(under_cursor(&list), 'c');
    assert_int_equal(list_total(&list), 3);
    list_command(&list, CMD_DOWN, 0);
    assert_int_equal(list_swap(&list, fourth, true, 0), 0);
    assert_string_equal(shown(&list, out), "abd");
    assert_int_equal(under_cursor(&list), 'd');
    list_release(&list);
    rows_free(first);
    rows_free(second);
    rows_free(third);
    rows_free(fourth);
}

/* It has no neighbour, and the cursor could not leave it: then the list is empty. */
static void the_last_row_that_goes_is_shown_once(void **state)
{
    struct rows *first = make("a"), *second = make(""), *third = make("");
    struct list list;
    char out[64];
    list_init(&list, &sheet);
    list_swap(&list, first, true, 0);
    list_swap(&list, second, true, 0);
    assert_string_equal(shown(&list, out), "a+");
    list_swap(&list, third, true, 0);
    assert_string_equal(shown(&list, out), "");
    list_release(&list);
    rows_free(first);
    rows_free(second);
    rows_free(third);
}

/* Made anew with every picture, it is no answer to a key: what has gone is shown once. */
static void a_fleeting_row_that_goes_is_shown_once(void **state)
{
    struct rows *first = make("abc"), *second = make("ac"), *third = make("ac");
    struct list list;
    char out[64];
    list_init(&list, &sheet);
    list.fleeting = true;
    list_swap(&list, first, true, 0);
    list_command(&list, CMD_DOWN, 0);
    list_swap(&list, second, true, 0);
    assert_string_equal(shown(&list, out), "ab+c");
    list_swap(&list, third, true, 0);
    assert_string_equal(shown(&list, out), "ac");
    list_release(&list);
    rows_free(first);
    rows_free(second);
    rows_free(third);
}

/* Its neighbour does not slip under the cursor, and it is not among what is marked as shown. */
static void a_row_that_leaves_the_filter_stays_under_the_cursor(void **state)
{
    struct rows *first = make("abcd"), *second = make("abcd"), *third = make("abcd");
    struct list list;
    char out[64];
    add(second, "b", 1, 0);
    add(third, "b", 1, 0);
    list_init(&list, &sheet);
    list_swap(&list, first, true, 0);
    assert_true(list_filter(&list, STR("size>50"), 0));
    list_command(&list, CMD_DOWN, 0);
    list_swap(&list, second, true, 0);
    assert_string_equal(shown(&list, out), "abcd");
    assert_int_equal(under_cursor(&list), 'b');
    list_command(&list, CMD_MARK_SHOWN, 0);
    assert_int_equal(keyset_count(list.marks), 3);
    list_command(&list, CMD_UNMARK, 0);
    list_command(&list, CMD_DOWN, 0);
    list_swap(&list, third, true, 0);
    assert_string_equal(shown(&list, out), "acd");
    assert_int_equal(under_cursor(&list), 'c');
    assert_true(list_filter(&list, STR("size<50"), 0)); /* asked for: nothing stays */
    assert_string_equal(shown(&list, out), "b");
    list_release(&list);
    rows_free(first);
    rows_free(second);
    rows_free(third);
}

static void the_cursor_begins_where_something_is_wrong(void **state)
{
    struct rows *rows = make("ab");
    struct cell cells[4] = {cell_text(STR("c")), cell_null(), cell_null(), cell_null()};
    struct row_in bad = {
        .key = STR("c"), .label = STR("c"), .mark = MARK_BAD, .cells = cells, .known = true};
    struct list list;
    rows_add(rows, &bad);
    list_init(&list, &sheet);
    list.want.attention = false;
    list_swap(&list, rows, true, 0);
    list_to_mark(&list, MARK_WAIT);
    assert_int_equal(under_cursor(&list), 'a');
    list_to_mark(&list, MARK_BAD);
    assert_int_equal(under_cursor(&list), 'c');
    list_command(&list, CMD_UP, 0);
    list_to_mark(&list, MARK_BAD); /* somebody moved it */
    assert_int_equal(under_cursor(&list), 'b');
    list_release(&list);
    rows_free(rows);
}

/* While the first page is all there is, missing rows are not gone. */
static void an_incomplete_snapshot_drops_nothing(void **state)
{
    struct rows *all = make("abc"), *part = make("a");
    struct list list;
    char out[64];
    list_init(&list, &sheet);
    list_swap(&list, all, true, 0);
    list_command(&list, CMD_LAST, 0);
    list_command(&list, CMD_MARK, 0);
    assert_int_equal(list_swap(&list, part, false, 0), 0);
    assert_int_equal(keyset_count(list.marks), 1);
    assert_string_equal(shown(&list, out), "a");
    list_release(&list);
    rows_free(all);
    rows_free(part);
}

/* ux.md R9 A2: all that the filter shows, and nothing that it hides. */
static void what_is_shown_can_be_marked(void **state)
{
    struct rows *rows = make("abcd");
    struct list list;
    list_init(&list, &sheet);
    list_swap(&list, rows, true, 0);
    assert_true(list_filter(&list, STR("!d"), 0));
    list_command(&list, CMD_MARK_SHOWN, 0);
    assert_int_equal(keyset_count(list.marks), 3);
    assert_false(keyset_has(list.marks, STR("d")));
    assert_true(list_filter(&list, STR(""), 0));
    assert_int_equal(keyset_count(list.marks), 3);
    list_release(&list);
    rows_free(rows);
}

static void cleared_marks_come_back(void **state)
{
    struct rows *rows = make("abc");
    struct list list;
    list_init(&list, &sheet);
    list_swap(&list, rows, true, 0);
    list_command(&list, CMD_MARK, 0);
    list_command(&list, CMD_MARK, 0);
    list_command(&list, CMD_UNMARK, 0);
    assert_int_equal(keyset_count(list.marks), 0);
    list_command(&list, CMD_UNMARK, 0);
    assert_int_equal(keyset_count(list.marks), 2);
    list_release(&list);
    rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_what_was_packed),
        cmocka_unit_test(filters),
        cmocka_unit_test(filters_say_where_they_fail),
        cmocka_unit_test(motions),
        cmocka_unit_test(the_cursor_follows_its_row),
        cmocka_unit_test(a_row_that_goes_leaves_a_tombstone),
        cmocka_unit_test(the_last_row_that_goes_is_shown_once),
        cmocka_unit_test(a_fleeting_row_that_goes_is_shown_once),
        cmocka_unit_test(a_row_that_leaves_the_filter_stays_under_the_cursor),
        cmocka_unit_test(the_cursor_begins_where_something_is_wrong),
        cmocka_unit_test(an_incomplete_snapshot_drops_nothing),
        cmocka_unit_test(what_is_shown_can_be_marked),
        cmocka_unit_test(cleared_marks_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
