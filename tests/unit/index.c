/* tui/index, and long lists: the same order as comparing every pair would give; stopping; a
 * snapshot that is written while it is put in order (run under the thread sanitizer too). */
#include "tests/unit/test.h"

#include "tui/list.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {.name = "id", .title = "ID", .type = CELL_TEXT, .cheap = true, .keep = true},
    {.name = "text", .title = "TEXT", .type = CELL_TEXT, .cheap = true},
    {.name = "number", .title = "NUMBER", .type = CELL_INT, .cheap = true},
    {.name = "value", .title = "VALUE", .type = CELL_INT},
};

static const struct sheet sheet = {.name = "list", .columns = columns, .ncolumns = 4};

/* Not random, so that a failure comes again. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void add(struct rows *rows, size_t i, struct str text, int64_t number, enum mark mark)
{
    char key[32];
    int len = snprintf(key, sizeof key, "prod:tap-%06zu", i);
    struct str id = {key, (size_t)len};
    struct cell cells[4] = {cell_text(id), cell_text(text),
                            number == INT64_MIN ? cell_null() : cell_int(number), cell_null()};
    cells[3] = (struct cell){.type = CELL_UNKNOWN};
    rows_add(rows, &(struct row_in){.key = id, .label = id, .mark = mark, .cells = cells});
}

static struct rows *make(size_t n)
{
    static const char *const stems[] = {"", "a", "same beginning of all ", "same beginning",
                                        "same beginning of all of them, longer than a word"};
    struct rows *rows = rows_new(&sheet);
    uint32_t seed = 7;
    for (size_t i = 0; i < n; i++) {
        char text[128];
        size_t len = (size_t)snprintf(text, sizeof text, "%s", stems[next(&seed) % 5]);
        for (uint32_t tail = next(&seed) % 12; tail > 0; tail--)
            text[len++] = (char)(next(&seed) % 4 ? "\0ab\xff"[next(&seed) % 4] : 'z');
        struct str s = {text, len};
        bool null = next(&seed) % 50 == 0;
        add(rows, i, null ? STR_NULL : s, null ? INT64_MIN : (int64_t)(next(&seed) % 2000) - 1000,
            next(&seed) % 9 ? MARK_NONE : MARK_BAD);
    }
    return rows;
}

static struct rows *compared;
static struct ordering ordering;

static int by_pairs(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int cmp = 0;
    if (ordering.sort >= 0) {
        struct cell cx = rows_cell(compared, x, (size_t)ordering.sort);
        struct cell cy = rows_cell(compared, y, (size_t)ordering.sort);
        cmp = cell_cmp(&cx, &cy);
        if (ordering.descending && cx.type > CELL_NULL && cy.type > CELL_NULL)
            cmp = -cmp;
    } else if (ordering.attention)
        cmp = (rows_mark(compared, y) == MARK_BAD) - (rows_mark(compared, x) == MARK_BAD);
    return cmp ? cmp : (x > y) - (x < y);
}

static void the_order_is_that_of_all_pairs(void **state)
{
    static const struct ordering orderings[] = {
        {-1, false, false}, {-1, false, true}, {0, false, true},
        {0, true, true},    {1, false, false}, {1, true, false},
        {2, false, true},   {2, true, false},  {3, true, false},
    };
    static const size_t sizes[] = {0, 1, 2, 23, 24, 25, 49, 5000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        compared = make(sizes[s]);
        uint32_t *want = calloc(sizes[s] + 1, sizeof want[0]);
        for (size_t o = 0; o < sizeof orderings / sizeof orderings[0]; o++) {
            ordering = orderings[o];
            struct index_want asked = {.rows = compared, .n = sizes[s], .ordering = orderings[o]};
            struct index index;
            assert_true(index_make(&asked, NULL, &index));
            for (size_t i = 0; i < sizes[s]; i++)
                want[i] = (uint32_t)i;
            qsort(want, sizes[s], sizeof want[0], by_pairs);
            assert_int_equal(index.n, sizes[s]);
            assert_memory_equal(index.order, want, sizes[s] * sizeof want[0]);
            index_release(&index);
        }
        free(want);
        rows_free(compared);
    }
}

static void a_filter_leaves_out(void **state)
{
    struct rows *rows = make(4000);
    struct filter *filter;
    struct err err;
    struct index index;
    struct index_progress progress = {0};
    rows_set_gone(rows, 5);
    assert_true(filter_parse(&sheet, STR("number>500"), &filter, &err));
    struct index_want want = {
        .rows = rows, .n = 3000, .filter = filter, .ordering = {.sort = 2, .descending = true}};
    assert_true(index_make(&want, &progress, &index));
    assert_true(index.n > 400 && index.n < 1000);
    for (size_t i = 0; i < index.n; i++) {
        assert_true(index.order[i] < 3000);
        assert_true(rows_cell(rows, index.order[i], 2).number > 500);
    }
    assert_int_equal(index.total, 2999);
    assert_true(atomic_load(&progress.done) <= atomic_load(&progress.of));
    index_release(&index);
    filter_free(filter);
    rows_free(rows);
}

static void it_stops(void **state)
{
    struct rows *rows = make(9000);
    atomic_bool stop = true;
    struct index_progress progress = {.stop = &stop};
    struct index index = {.n = 77};
    struct index_want want = {.rows = rows, .n = 9000, .ordering = {.sort = 1}};
    assert_false(index_make(&want, &progress, &index));
    assert_int_equal(index.n, 77);
    rows_free(rows);
}

struct other {
    struct index_want want;
    struct index index;
};

static void *other_thread(void *arg)
{
    struct other *other = arg;
    for (int i = 0; i < 20; i++) {
        index_release(&other->index);
        index_make(&other->want, NULL, &other->index);
    }
    return NULL;
}

/* The loop adds and sets rows while another thread reads those it was told of. */
static void rows_may_change_meanwhile(void **state)
{
    struct rows *rows = make(4000);
    struct other other = {.want = {.rows = rows, .n = 4000, .ordering = {.sort = 1}}};
    pthread_t thread;
    rows_lend(rows);
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &other), 0);
    for (size_t i = 0; i < 40000; i++)
        add(rows, i % 6000, i % 2 ? STR("another text") : STR("text"), (int64_t)i, MARK_WARN);
    pthread_join(thread, NULL);
    rows_take_back(rows);
    assert_int_equal(other.index.n, 4000);
    assert_int_equal(rows_count(rows), 6000);
    index_release(&other.index);
    rows_free(rows);
}

/* --- long lists: what listview does with them, without its thread ----------------------------- */

static size_t answer(struct list *list)
{
    struct index_want want = list_index_want(list);
    struct index index;
    assert_true(list->due);
    assert_true(index_make(&want, NULL, &index));
    return list_take(list, list->next ? list->next : list->rows, &index, want.n, list->wish);
}

static struct str under_cursor(const struct list *list)
{
    size_t row;
    return list_at(list, &row) ? rows_key(list->rows, row) : STR_NULL;
}

static void a_long_list_grows_where_it_is(void **state)
{
    struct rows *rows = rows_new(&sheet);
    struct list list;
    list_init(&list, &sheet);
    for (size_t i = 0; i < 10000; i++) {
        add(rows, i, STR("x"), (int64_t)i, MARK_NONE);
        if (i % 1000 == 0)
            list_swap(&list, rows, false, 0);
        if (i == 5000)
            list_command(&list, CMD_LAST, 0);
    }
    assert_str(under_cursor(&list), "prod:tap-005000");
    list_swap(&list, rows, true, 0);
    assert_int_equal(list.n, 10000);
    assert_false(list.due); /* nothing needs attention: store order is the order */
    assert_str(under_cursor(&list), "prod:tap-005000");
    add(rows, 10000, STR("x"), 1, MARK_BAD);
    list_swap(&list, rows, true, 0);
    assert_int_equal(list.order[10000], 10000);
    answer(&list);
    assert_int_equal(list.order[0], 10000);
    assert_str(under_cursor(&list), "prod:tap-005000");
    list_release(&list);
    rows_free(rows);
}

/* ux.md R1 A4 on a long list: what is marked stays marked through sort, filter and another scan. */
static void marks_and_cursor_stay_through_all(void **state)
{
    struct rows *rows = make(8000), *again = make(7000);
    struct list list;
    list_init(&list, &sheet);
    list_swap(&list, rows, true, 0);
    if (list.due)
        answer(&list);
    list_command(&list, CMD_FIRST, 0);
    list.count = 7501;
    list_command(&list, CMD_LAST, 0);
    char key[32];
    snprintf(key, sizeof key, "%.*s", STR_ARG(under_cursor(&list)));
    list_command(&list, CMD_MARK, 0);
    list_command(&list, CMD_UP, 0);
    list_command(&list, CMD_SORT_PREV, 0);
    assert_str(under_cursor(&list), key); /* the rows shown are still the old ones */
    list_command(&list, CMD_SORT_PREV, 0);
    answer(&list);
    assert_false(list.due);
    assert_int_equal(list.shown.sort, 2);
    assert_str(under_cursor(&list), key);
    assert_true(list_filter(&list, STR("id=prod:tap-000001"), 0));
    answer(&list);
    assert_int_equal(list.n, 1);
    assert_int_equal(list_hidden_marks(&list), 1);
    assert_true(list_filter(&list, STR(""), 0));
    answer(&list);
    assert_int_equal(list_hidden_marks(&list), 0);
    assert_true(keyset_has(list.marks, str_of(key)));
    /* a scan that lacks the last thousand rows: the old ones are shown until it is in order */
    assert_int_equal(list_swap(&list, again, true, 0), 0);
    assert_int_equal(list_total(&list), 8000);
    size_t row;
    bool lost = !rows_find(again, str_of(key), &row);
    assert_int_equal(answer(&list), lost);
    assert_int_equal(list_total(&list), 7000);
    assert_int_equal(keyset_count(list.marks), !lost);
    list_release(&list);
    rows_free(rows);
    rows_free(again);
}

static void an_answer_to_an_old_question_is_dropped(void **state)
{
    struct rows *rows = make(5000);
    struct list list;
    list_init(&list, &sheet);
    list_swap(&list, rows, true, 0);
    if (list.due)
        answer(&list);
    uint32_t first = list.order[0];
    list_command(&list, CMD_SORT_NEXT, 0);
    struct index_want want = list_index_want(&list);
    struct index index;
    unsigned wish = list.wish;
    assert_true(index_make(&want, NULL, &index));
    list_command(&list, CMD_SORT_FLIP, 0);
    list_take(&list, rows, &index, want.n, wish);
    assert_int_equal(list.order[0], first);
    assert_true(list.due);
    list_stop(&list);
    assert_false(list.due);
    assert_int_equal(list.want.sort, -1);
    list_release(&list);
    rows_free(rows);
}

/* ux.md R1 A2 on a long list. */
static void the_row_under_the_cursor_goes(void **state)
{
    struct rows *rows = make(5000), *again = make(4000);
    struct list list;
    list_init(&list, &sheet);
    list.want.attention = list.shown.attention = false;
    list_swap(&list, rows, true, 0);
    list.count = 4500;
    list_command(&list, CMD_FIRST, 0);
    assert_str(under_cursor(&list), "prod:tap-004499");
    list_swap(&list, again, true, 0);
    answer(&list);
    assert_str(under_cursor(&list), "prod:tap-004499");
    size_t row;
    assert_true(list_at(&list, &row) && rows_gone(list.rows, row));
    assert_int_equal(list_total(&list), 4000);
    list_command(&list, CMD_UP, 0);
    assert_str(under_cursor(&list), "prod:tap-003999");
    list_release(&list);
    rows_free(rows);
    rows_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_that_of_all_pairs),
        cmocka_unit_test(a_filter_leaves_out),
        cmocka_unit_test(it_stops),
        cmocka_unit_test(rows_may_change_meanwhile),
        cmocka_unit_test(a_long_list_grows_where_it_is),
        cmocka_unit_test(marks_and_cursor_stay_through_all),
        cmocka_unit_test(an_answer_to_an_old_question_is_dropped),
        cmocka_unit_test(the_row_under_the_cursor_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
