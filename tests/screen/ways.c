/* The ways between views: there, back, and what a key says that leads nowhere. */
#include "tests/screen/show.h"

static void open_two(struct screen *s)
{
    screen_open_two(s);
    show(s, 40, 120);
}

static size_t depth(const struct screen *s)
{
    size_t n = 0;
    for (const struct view *view = s->app->top; view; view = view->below)
        n++;
    return n;
}

/* However often: a view that is open already is gone back to. */
static void the_way_to_a_view_does_not_grow(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "{Enter}?o", 40, 120, false);
    assert_shows(&s, "NEEDS ATTENTION");
    assert_int_equal(depth(&s), 1);
    type(&s, "{Enter}LJALJ:journal{Enter}", 40, 120, false);
    assert_int_equal(depth(&s), 4); /* overview, records, locks, journal */
    type(&s, "o", 40, 120, false);
    assert_int_equal(depth(&s), 1);
    screen_close(&s);
}

/* ux.md R22 A1: there and back, every picture is the one that was left: cursor, marks, order,
 * filter, scrolled columns, the focus of the preview. */
static void the_way_back_restores_every_view(void **state)
{
    static const char *const steps[] = {
        "{Tab}",   "{Enter}",      "j ", ">s", "l", "/errored{Enter}",
        "{Enter}", "{Down}{Down}", "H",  "jT", "E"};
    enum { STEPS = sizeof steps / sizeof steps[0] };
    struct screen s = {0};
    struct sbuf before[STEPS] = {0};
    size_t depths[STEPS];
    open_two(&s);
    for (size_t i = 0; i < STEPS; i++) {
        type(&s, steps[i], 40, 120, false);
        canvas_text(&s.canvas, &before[i]);
        depths[i] = depth(&s);
    }
    assert_int_equal(depth(&s), 5);
    for (size_t i = STEPS - 1; i-- > 0;) {
        if (depths[i] == depths[i + 1])
            continue;
        struct sbuf after = SBUF_INIT;
        app_pop(s.app, s.app->top);
        settle(&s);
        show(&s, 40, 120);
        settle(&s);
        show(&s, 40, 120);
        canvas_text(&s.canvas, &after);
        assert_string_equal(sbuf_view(&after).ptr, sbuf_view(&before[i]).ptr);
        sbuf_release(&after);
    }
    assert_int_equal(depth(&s), 1);
    for (size_t i = 0; i < STEPS; i++)
        sbuf_release(&before[i]);
    screen_close(&s);
}

static void the_view_left_last_comes_back_as_it_was(void **state)
{
    struct screen s = {0};
    struct sbuf before = SBUF_INIT, after = SBUF_INIT;
    open_two(&s);
    type(&s, "-", 40, 120, false);
    assert_shows(&s, "no view was left yet");
    type(&s, "{Tab}{Enter}/errored{Enter}>jH", 40, 120, false);
    type(&s, "j", 40, 120, false);
    canvas_text(&s.canvas, &before);
    type(&s, "{Esc}-", 40, 120, false);
    canvas_text(&s.canvas, &after);
    assert_string_equal(sbuf_view(&after).ptr, sbuf_view(&before).ptr);
    assert_int_equal(depth(&s), 3);
    type(&s, "-", 40, 120, false);
    assert_int_equal(depth(&s), 2);
    type(&s, "-{Esc}qL", 40, 120, false);
    assert_int_equal(depth(&s), 2);
    type(&s, "{Esc}", 40, 120, false);
    assert_int_equal(depth(&s), 1);
    type(&s, "-", 40, 120, false); /* only the last one is kept */
    assert_shows(&s, "overview › locks");
    sbuf_release(&before);
    sbuf_release(&after);
    screen_close(&s);
}

static void assert_copied(struct screen *s, const char *text)
{
    assert_string_equal(sbuf_view(&s->app->clipboard).ptr, text);
}

/* ux.md R25 A1 */
static void what_is_copied_is_chosen(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "{Tab}{Enter}/orders{Enter}yi", 40, 120, false);
    assert_copied(&s, "4/16411");
    type(&s, "yc", 40, 120, false);
    assert_copied(&s, "penstock -t orders-pg table show 4/16411");
    type(&s, "yr", 40, 120, false);
    struct str row = sbuf_view(&s.app->clipboard);
    assert_true(str_starts(row, "4\t16411\tpublic.orders\terrored\t2026-11-20T01:01:44Z\t"));
    size_t tabs = 0;
    for (size_t i = 0; i < row.len; i++)
        tabs += row.ptr[i] == '\t';
    assert_int_equal(tabs, s.app->top->session->system->sheets[0].ncolumns - 1);
    type(&s, "{Enter}/InvalidState{Enter}yp", 40, 120, false);
    assert_copied(&s, "/states/3/metadata/reason");
    type(&s, "yv", 40, 120, false);
    assert_copied(&s, "[InvalidState] replication slot is active for another process");
    screen_close(&s);
}

static void a_plan_is_not_lost_on_the_way(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "{Tab}{Enter}xr", 40, 120, false);
    assert_shows(&s, "y applies");
    type(&s, "o", 40, 120, false);
    assert_shows(&s, "NEEDS ATTENTION");
    type(&s, "{Esc}", 40, 120, false);
    assert_shows(&s, "y applies");
    screen_close(&s);
}

static void a_key_that_does_nothing_says_so(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "X", 40, 120, false);
    assert_shows(&s, "X does nothing here; ? lists the keys that do");
    type(&s, "/X{Enter}", 40, 120, false);
    assert_shows(&s, "0 of 2 [X] groups");
    assert_int_equal(s.app->messages.said, 1);
    screen_close(&s);
}

static void undo_on_the_overview_asks_which(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "z", 40, 120, false);
    assert_shows(&s, "overview › journal");
    assert_shows(&s, "z undoes the one under the cursor");
    screen_close(&s);
}

static void a_key_can_be_pressed_from_the_help(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "{Tab}{Enter}?/WHAT CAN BE DONE{Enter}", 40, 120, false);
    assert_shows(&s, "1 of ");
    type(&s, "{Enter}", 40, 120, false);
    assert_shows(&s, "rollback one step");
    assert_int_equal(depth(&s), 3);
    type(&s, "{Esc}??", 40, 120, false);
    assert_int_equal(depth(&s), 2);
    screen_close(&s);
}

static void q_says_whether_it_quits(void **state)
{
    struct screen s = {0};
    open_two(&s);
    assert_shows(&s, "q quit");
    type(&s, "{Enter}", 40, 120, false);
    assert_shows(&s, "q back");
    assert_false(shows(&s, "q quit"));
    screen_close(&s);
}

/* Never an older change, because this one cannot be undone or was not made. */
static void undo_of_a_result_means_that_change(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_etl, "orders-pg", ENV_DEV);
    type(&s, "jxry", 24, 80, false);
    assert_shows(&s, "1 of 1 applied");
    fixture_change_at_commit(true);
    type(&s, "{Enter}gxry", 24, 80, false);
    fixture_change_at_commit(false);
    assert_shows(&s, "0 of 1 applied");
    assert_false(shows(&s, "z undo"));
    type(&s, "z", 24, 80, false);
    assert_shows(&s, "nothing was applied, so there is nothing to undo");
    type(&s, "{Enter}zy", 24, 80, false);
    assert_shows(&s, "RESULT");
    assert_shows(&s, "Z redo");
    type(&s, "z", 24, 80, false);
    assert_shows(&s, "this was an undo: Z takes it back");
    type(&s, "Z", 24, 80, false);
    assert_shows(&s, "PLAN");
    assert_shows(&s, "redo of change");
    screen_close(&s);
}

/* A result says what is different now, also where the record is called the same as before. */
static void a_result_says_what_changed(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_meltano, "meltano", ENV_DEV);
    type(&s, "Hjxw", 24, 80, false);
    assert_shows(&s, "value: the position to go on from");
    assert_shows(&s, "> 2026-11-19T01:00:00Z"); /* what is there, to be changed */
    assert_shows(&s, "^U empties the line");
    type(&s, "{^U}", 24, 80, false);
    assert_false(shows(&s, "^U empties"));
    type(&s, "2026-11-18T01:00:00Z{Enter}y", 24, 80, false);
    assert_shows(&s, "1 of 1 applied");
    assert_shows(&s, "→ \"2026-11-18T01:00:00Z\"");
    screen_close(&s);
}

/* ux.md R19 A2: "restore this", whatever happened since; the plan can wait like any other. */
static void a_state_goes_back_to_any_change_of_it(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_meltano, "meltano", ENV_DEV);
    type(&s, "Hjxw{^U}2026-11-18T01:00:00Z{Enter}y{Enter}", 24, 80, false);
    type(&s, "xw{^U}2026-11-17T01:00:00Z{Enter}y{Enter}HH", 24, 80, false);
    assert_shows(&s, "x restore");
    type(&s, "jxb", 24, 80, false);
    assert_shows(&s, "back to what was there before the rewind of");
    assert_shows(&s, "\"2026-11-17T01:00:00Z\" → \"2026-11-19T01:00:00Z\"");
    type(&s, "{Esc}", 24, 80, false);
    assert_shows(&s, "PARKED");
    type(&s, ":plan{Enter}", 24, 80, false);
    assert_shows(&s, "nothing changed");
    type(&s, "y", 24, 80, false);
    assert_shows(&s, "1 of 1 applied");
    type(&s, "{Enter}jxb", 24, 80, false); /* the first one stands below the second again */
    assert_shows(&s, "unchanged: it is so now");
    screen_close(&s);
}

static void where_nothing_is_put_back_it_says_why(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_etl, "orders-pg", ENV_DEV);
    type(&s, "/orders{Enter}xry{Enter}HHH", 24, 80, false);
    assert_shows(&s, "z undo");
    assert_false(shows(&s, "x restore"));
    type(&s, "x", 24, 80, false);
    assert_shows(&s, "a table goes back along its phases");
    screen_close(&s);
}

static void a_replay_may_get_other_kwargs(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_triggers, "crm-redis", ENV_DEV);
    type(&s, "Hx", 40, 120, false);
    assert_shows(&s, "▸ a  prepare a replay");
    type(&s, "w", 40, 120, false);
    assert_shows(&s, "> {\"page\":{}}");
    type(&s, "{^U}{\"page\": {\"n\": 2}}{Enter}", 40, 120, false);
    assert_shows(&s, "\"kwargs\": {\"page\": {\"n\": 2}}");
    assert_shows(&s, "y applies");
    screen_close(&s);
}

static void the_journal_names_what_was_changed(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_etl, "orders-pg", ENV_DEV);
    type(&s, "  xtreset 2{Enter}{Enter}J", 40, 160, false);
    settle(&s);
    show(&s, 40, 160);
    assert_shows(&s, "reset  public.orders and 1 more");
    assert_shows(&s, "z undo");
    assert_false(shows(&s, "R go on")); /* all of it was applied */
    screen_close(&s);
}

/* Of a long list nothing is known until somebody looks. */
static void a_store_nobody_looked_at_says_so(void **state)
{
    struct screen s = {0};
    s.targets[0] = make_target(&system_meltano, "long", "meltano", ENV_DEV);
    s.targets[1] = make_target(&system_etl, "memory", "orders-pg", ENV_DEV);
    screen_open(&s, 2, false, 0);
    settle(&s);
    show(&s, 40, 120);
    assert_shows(&s, "states  Enter looks at them");
    assert_shows(&s, "1 store not read to the end");
    screen_close(&s);
}

static void the_finding_is_told_where_its_column_has_no_room(void **state)
{
    struct screen s = {0};
    open_two(&s);
    type(&s, "j{Up}", 20, 60, false);
    assert_shows(&s, "[InvalidState]");
    screen_close(&s);
}

/* Its columns belong to the view they are of, and go with it. */
static void the_columns_of_a_view_do_not_come_back_without_it(void **state)
{
    static const char *const ways[] = {"LC{Esc}", "LC-", "LCq"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct screen s = {0};
        open_two(&s);
        type(&s, ways[i], 40, 120, false);
        assert_int_equal(depth(&s), 2);
        type(&s, "o-j ", 40, 120, false);
        assert_int_equal(depth(&s), 1);
        screen_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_to_a_view_does_not_grow),
        cmocka_unit_test(the_way_back_restores_every_view),
        cmocka_unit_test(the_view_left_last_comes_back_as_it_was),
        cmocka_unit_test(the_columns_of_a_view_do_not_come_back_without_it),
        cmocka_unit_test(what_is_copied_is_chosen),
        cmocka_unit_test(a_plan_is_not_lost_on_the_way),
        cmocka_unit_test(a_key_that_does_nothing_says_so),
        cmocka_unit_test(undo_on_the_overview_asks_which),
        cmocka_unit_test(a_key_can_be_pressed_from_the_help),
        cmocka_unit_test(q_says_whether_it_quits),
        cmocka_unit_test(undo_of_a_result_means_that_change),
        cmocka_unit_test(a_result_says_what_changed),
        cmocka_unit_test(a_state_goes_back_to_any_change_of_it),
        cmocka_unit_test(where_nothing_is_put_back_it_says_why),
        cmocka_unit_test(a_replay_may_get_other_kwargs),
        cmocka_unit_test(the_journal_names_what_was_changed),
        cmocka_unit_test(a_store_nobody_looked_at_says_so),
        cmocka_unit_test(the_finding_is_told_where_its_column_has_no_room),
    };
    fixture_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
