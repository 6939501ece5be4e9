/* What is read again by itself, and keys that are pressed while it is under way. */
#include "tests/screen/show.h"

enum { LONG_MS = 3600 * 1000 };

static struct session *open_tables(struct screen *s)
{
    screen_open_one(s, &system_etl, "orders-pg", ENV_DEV);
    show(s, 40, 120);
    settle(s);
    return s->app->sessions;
}

/* The list is being read, and nothing of it has come; where that took long before, its rows on the
 * screen alone. Time goes on. */
static void begin_refresh(struct screen *s, int64_t took_ms)
{
    struct session *session = s->app->sessions;
    session->load_ms = took_ms;
    session_tick(session, session->fresh_at_ms + app_refresh_ms(s->app), false);
    assert_int_equal(session->loading, took_ms == 0);
    assert_int_equal(session->refreshing, took_ms != 0);
    s->app->fixed_now_us += 7 * 1000000LL;
}

static void press(struct screen *s, uint32_t code)
{
    app_key(s->app, &(struct key){.code = code});
    settle(s);
    show(s, 40, 120);
}

/* ux.md R14 A4: nothing changes, not by what was under way either. */
static void what_was_under_way_does_not_break_a_pause(void **state)
{
    struct screen s = {0};
    open_tables(&s);
    begin_refresh(&s, 0);
    press(&s, 'P');
    assert_shows(&s, "PAUSED  as of 03:12:44Z");
    press(&s, 'P');
    app_key(s.app, &(struct key){.code = K_CTRL('r')});
    press(&s, 'P');
    assert_shows(&s, "PAUSED  as of 03:12:44Z");
    press(&s, K_CTRL('r'));
    assert_shows(&s, "PAUSED  as of 03:12:51Z");

    press(&s, 'P');
    begin_refresh(&s, LONG_MS);
    press(&s, 'P');
    assert_shows(&s, "PAUSED  as of 03:12:51Z");
    screen_close(&s);
}

/* Nor by time: what changed is pointed at until the pause is over. */
static void marks_of_what_changed_stay_while_paused(void **state)
{
    struct screen s = {0};
    open_tables(&s);
    type(&s, "xry", 40, 120, false);
    settle(&s);
    type(&s, "q", 40, 120, false);
    assert_shows(&s, "*▸   4         public.orders");
    press(&s, 'P');
    s.app->fixed_now_us += 60 * 1000000LL;
    show(&s, 40, 120);
    assert_shows(&s, "*▸   4         public.orders");
    press(&s, 'P');
    assert_shows(&s, " ▸   4         public.orders");
    screen_close(&s);
}

/* Nor by its answer being late: that is said of what was asked for. */
static void a_pause_waits_for_nothing_by_itself(void **state)
{
    struct screen s = {0};
    struct session *session = open_tables(&s);
    begin_refresh(&s, LONG_MS);
    session->owed_ms -= LONG_MS;
    app_key(s.app, &(struct key){.code = 'P'});
    show(&s, 40, 120);
    assert_shows(&s, "PAUSED  as of 03:12:44Z");
    assert_false(shows(&s, "stale"));
    settle(&s);
    app_key(s.app, &(struct key){.code = K_CTRL('r')});
    session->owed_ms -= LONG_MS;
    show(&s, 40, 120);
    assert_shows(&s, "PAUSED  no answer for 360");
    settle(&s);
    screen_close(&s);
}

static void a_refresh_that_was_kept_off_comes_after_the_pause(void **state)
{
    struct screen s = {0};
    struct session *session = open_tables(&s);
    int64_t due_ms = session->fresh_at_ms + app_refresh_ms(s.app);
    begin_refresh(&s, 0);
    press(&s, 'P');
    press(&s, 'P');
    assert_shows(&s, "as of 03:12:44Z");
    session->load_ms = 0;
    session_tick(session, due_ms, false);
    settle(&s);
    show(&s, 40, 120);
    assert_shows(&s, "as of 03:12:51Z");
    screen_close(&s);
}

/* What is under way may have passed what somebody wants to see. */
static void to_read_again_means_from_now_on(void **state)
{
    struct screen s = {0};
    open_tables(&s);
    int before = fixture_scans();
    begin_refresh(&s, 0);
    press(&s, K_CTRL('r'));
    assert_int_equal(fixture_scans(), before + 2);
    press(&s, K_CTRL('r'));
    assert_int_equal(fixture_scans(), before + 3);
    screen_close(&s);
}

/* ux.md R24 A3: within one interval, also where listing all of it takes long and no row of it is on
 * the screen. */
static void a_store_on_the_overview_is_asked_every_interval(void **state)
{
    struct screen s = {0};
    screen_open_two(&s);
    struct session *session = s.app->sessions;
    session->load_ms = LONG_MS;
    session_tick(session, session->fresh_at_ms + app_refresh_ms(s.app), false);
    assert_true(session->refreshing);
    assert_false(session->loading);
    settle(&s);
    screen_close(&s);
}

/* What was opened before the store answered has the keys that are typed for it. */
static void a_store_that_answers_takes_no_keys(void **state)
{
    struct screen s = {0};
    s.targets[0] = make_target(&system_etl, "memory", "orders-pg", ENV_DEV);
    screen_open(&s, 1, false, 0);
    app_key(s.app, &(struct key){.code = ':'});
    type(&s, "locks", 40, 120, false);
    assert_shows(&s, "locks of all stores");
    type(&s, "{Enter}", 40, 120, false);
    assert_shows(&s, "tables › locks");
    type(&s, "{Esc}", 40, 120, false);
    assert_shows(&s, " tables  6");
    assert_null(s.app->top->below);
    screen_close(&s);
}

/* A dialog belongs to the view that it was opened on, also when a list has taken the place of that.
 */
static void a_dialog_outlives_the_view_it_is_of(void **state)
{
    static const uint32_t dialogs[] = {'C', 'y'};
    for (size_t i = 0; i < sizeof dialogs / sizeof dialogs[0]; i++) {
        struct screen s = {0};
        s.targets[0] = make_target(&system_etl, "memory", "orders-pg", ENV_DEV);
        screen_open(&s, 1, false, 0);
        show(&s, 40, 120);
        app_key(s.app, &(struct key){.code = dialogs[i]});
        assert_non_null(s.app->top->below);
        settle(&s);
        press(&s, dialogs[i] == 'C' ? ' ' : 'i');
        press(&s, K_ESC);
        assert_shows(&s, " tables  6");
        assert_null(s.app->top->below);
        screen_close(&s);
    }
}

/* Also when it goes while its rows are still being read. */
static void a_store_that_goes_early_is_disconnected(void **state)
{
    struct screen s = {0};
    screen_open_two(&s);
    struct session *session = s.app->sessions;
    struct job *job = job_new(TEST_CALL_MS, session);
    err_set(&job->err, ERR_UNAVAILABLE, "connection lost");
    session->complete = false;
    session_note_result(session, job);
    job_free(job);
    show(&s, 40, 120);
    assert_shows(&s, "DISCONNECTED: connection");
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_under_way_does_not_break_a_pause),
        cmocka_unit_test(marks_of_what_changed_stay_while_paused),
        cmocka_unit_test(a_pause_waits_for_nothing_by_itself),
        cmocka_unit_test(a_refresh_that_was_kept_off_comes_after_the_pause),
        cmocka_unit_test(to_read_again_means_from_now_on),
        cmocka_unit_test(a_store_on_the_overview_is_asked_every_interval),
        cmocka_unit_test(a_store_that_answers_takes_no_keys),
        cmocka_unit_test(a_dialog_outlives_the_view_it_is_of),
        cmocka_unit_test(a_store_that_goes_early_is_disconnected),
    };
    fixture_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
