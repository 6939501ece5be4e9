/* A list that is longer than what is put in order or read at once: loaded in pages, sorted and
 * filtered by a thread of its own, by columns that need every value, stopped by Esc. */
#include "tests/screen/show.h"

#include "core/base/clock.h"
#include "tui/listview.h"

#include <poll.h>
#include <string.h>

static void open_long(struct screen *s)
{
    *s = (struct screen){0};
    s->targets[0] = make_target(&system_meltano, "long", "meltano", ENV_DEV);
    screen_open(s, 1, false, 0);
    settle(s);
    show(s, 30, 120); /* asks for the values of what is seen */
    settle(s);
    show(s, 30, 120);
}

static struct list *list_of(const struct screen *s)
{
    return &((struct listview *)s->app->top)->list;
}

static void keys(struct screen *s, const char *text)
{
    type(s, text, 30, 120, false);
    int64_t until = clock_monotonic_ms() + TEST_CALL_MS;
    for (int i = 0; i < 3 || list_of(s)->due; i++) { /* what comes in may ask for more */
        assert_true(clock_monotonic_ms() < until);
        settle(s);
        show(s, 30, 120);
    }
}

/* Without waiting for anything. */
static void press(struct screen *s, const char *text)
{
    for (; *text; text++)
        app_key(s->app, &(struct key){.code = (unsigned char)*text});
}

static void values_are_read_where_somebody_looks(void **state)
{
    struct screen s;
    open_long(&s);
    assert_shows(&s, "states  6000");
    struct rows *rows = s.app->sessions->rows;
    assert_int_equal(rows_count(rows), FIXTURE_LONG);
    assert_in_range(rows_known(rows), 15, 60);
    keys(&s, "G");
    assert_shows(&s, "dev:tap-5999");
    assert_in_range(rows_known(rows), 30, 120);
    size_t row;
    assert_true(list_at(list_of(&s), &row));
    assert_int_equal(rows_cell(rows, row, 6).type, CELL_BOOL); /* PART */
    screen_close(&s);
}

static void a_filter_and_a_sort_are_taken_when_they_are_ready(void **state)
{
    struct screen s;
    open_long(&s);
    keys(&s, " G "); /* the first and the last are marked */
    press(&s, "/59");
    assert_int_equal(list_of(&s)->n, FIXTURE_LONG); /* nobody waited for it */
    settle(&s);
    show(&s, 30, 120);
    assert_shows(&s, "219 of 6000 [59]  2 marked, 1 hidden by filter");
    keys(&s, "{Enter}{Esc}");
    assert_shows(&s, "states  6000  2 marked");
    keys(&s, ">s");
    assert_shows(&s, "ID ↓");
    assert_int_equal(list_of(&s)->order[0], FIXTURE_LONG - 1);
    assert_int_equal(keyset_count(list_of(&s)->marks), 2);
    screen_close(&s);
}

/* PART is in the value: all are read, and the six that have it come first. */
static void sorting_by_a_value_reads_all(void **state)
{
    struct screen s;
    open_long(&s);
    keys(&s, ">>>s");
    struct rows *rows = s.app->sessions->rows;
    assert_int_equal(rows_known(rows), FIXTURE_LONG);
    assert_shows(&s, "PART ↓");
    const struct list *list = list_of(&s);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(rows_cell(rows, list->order[i], 6).number, 1);
    assert_int_equal(rows_cell(rows, list->order[6], 6).number, 0);
    keys(&s, "/partial=yes");
    assert_shows(&s, "6 of 6000 [partial=yes]");
    screen_close(&s);
}

static void esc_stops_reading_values(void **state)
{
    struct screen s;
    open_long(&s);
    fixture_hold_reads(true);
    press(&s, ">>>");
    int64_t until = clock_monotonic_ms() + TEST_CALL_MS;
    while (list_of(&s)->due || !s.app->sessions->valuing) {
        assert_true(clock_monotonic_ms() < until);
        app_collect(s.app);
        show(&s, 30, 120);
    }
    show(&s, 30, 120); /* it is asked for behind the picture */
    assert_shows(&s, "Esc stops");
    app_key(s.app, &(struct key){.code = K_ESC});
    fixture_hold_reads(false);
    keys(&s, "");
    assert_false(s.app->sessions->valuing);
    assert_in_range(rows_known(s.app->sessions->rows), 1, FIXTURE_LONG - 1);
    assert_shows(&s, "values of");
    screen_close(&s);
}

int main(void)
{
    fixture_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_where_somebody_looks),
        cmocka_unit_test(a_filter_and_a_sort_are_taken_when_they_are_ready),
        cmocka_unit_test(sorting_by_a_value_reads_all),
        cmocka_unit_test(esc_stops_reading_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
