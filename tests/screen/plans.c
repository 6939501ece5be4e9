/* Plan boxes: what is set aside, the first record alone, what waits, what went stale. */
#include "tests/screen/show.h"

#include "tui/ask.h"
#include "tui/plan_park.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void open_on(struct screen *s, const char *backend, enum environment env)
{
    s->targets[0] = make_target(&system_etl, backend, "orders-pg", env);
    screen_open(s, 1, false, 0);
    settle(s);
    show(s, 24, 80);
}

static void keys(struct screen *s, const char *keys)
{
    type(s, keys, 24, 80, false);
}

/* --- pictures ------------------------------------------------------------------------------- */

struct picture {
    const char *name, *backend;
    enum environment env;
    const char *keys;
};

static const struct picture pictures[] = {
    {"plan_set_aside", "mixed", ENV_PROD, "*xr"},
    {"plan_included", "mixed", ENV_DEV, "*xr{Tab}iINC-4711{Enter}"},
    {"plan_many", "many", ENV_DEV, "*xr"},
    {"plan_first_only", "mixed", ENV_DEV, "*xr{Tab}1"},
    {"plan_first_done", "mixed", ENV_DEV, "*xr{Tab}1y"},
    {"plan_parked", "mixed", ENV_DEV, "*xr{Esc}"},
    {"plan_wrong_text", "mixed", ENV_DEV, "*xrrollback 3{Enter}"},
    {"plan_busy", "busy", ENV_DEV, "*xr"},
    {"plan_busy_one", "busy", ENV_DEV, "/orders{Enter}xr"},
    {"plan_quit", "mixed", ENV_DEV, "*xr{Esc}q"},
};

static void pictures_as_in_the_files(void **state)
{
    static const int sizes[][2] = {{24, 80}, {40, 120}};
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct picture *p = &pictures[i];
            struct screen s = {0};
            open_on(&s, p->backend, p->env);
            type(&s, p->keys, sizes[k][0], sizes[k][1], false);
            char name[64];
            snprintf(name, sizeof name, "%s_%dx%d", p->name, sizes[k][1], sizes[k][0]);
            assert_picture(&s, name);
            screen_close(&s);
        }
    }
}

/* ux.md R3: with all three values. */
static void a_stale_result_as_in_the_file(void **state)
{
    static const int sizes[][2] = {{24, 80}, {40, 120}};
    for (size_t k = 0; k < 2; k++) {
        struct screen s = {0};
        open_on(&s, "memory", ENV_DEV);
        fixture_change_at_commit(true);
        type(&s, "  xrrollback 2{Enter}", sizes[k][0], sizes[k][1], false);
        fixture_change_at_commit(false);
        assert_shows(&s, "1 of 2 applied");
        assert_picture(&s, k ? "result_stale_120x40" : "result_stale_80x24");
        screen_close(&s);
    }
}

/* --- set aside ------------------------------------------------------------------------------ */

static void what_is_set_aside_is_not_done(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr");
    assert_shows(&s, "2 tables (1 set aside)");
    keys(&s, "rollback 2{Enter}");
    assert_shows(&s, "2 of 2 applied");
    assert_shows(&s, "set aside: not part of the plan");
    screen_close(&s);
}

static void what_is_included_wants_the_last_tier(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{Tab}{Up}{Up}{Up}{Up}i"); /* wherever it was scrolled to */
    assert_shows(&s, "LOSES all changes");
    assert_shows(&s, "reason, then Enter");
    keys(&s, "{Enter}");
    assert_shows(&s, "a reason is needed");
    keys(&s, "INC-1{Enter}rollback 3{Enter}");
    assert_shows(&s, "'rollback 3' is not 'orders-pg 3'");
    screen_close(&s);
}

/* `t` plans the other action for what was set aside, and parks the rest. */
static void the_other_way_is_one_key(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{Tab}t");
    assert_shows(&s, "reset to init");
    assert_shows(&s, "public.audit");
    assert_int_equal(plan_parked(s.app), 1);
    keys(&s, "y");
    assert_shows(&s, "1 of 1 applied");
    keys(&s, "{Enter}");
    view_plan_reopen(s.app, STR(""));
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "nothing changed");
    assert_shows(&s, "rollback one step  2 tables ");
    screen_close(&s);
}

/* ux.md R7 A3: an override is explicit, typed, and gives a reason. */
static void a_live_writer_is_overridden_by_name_only(void **state)
{
    struct screen s = {0};
    open_on(&s, "busy", ENV_DEV);
    keys(&s, "/orders{Enter}xry{Enter}");
    assert_shows(&s, "nothing can be applied");
    keys(&s, "f");
    assert_shows(&s, "reason, then Enter");
    keys(&s, "{Enter}y{Enter}"); /* the reason is y */
    assert_shows(&s, "type  public.orders");
    keys(&s, "y{Enter}");
    assert_shows(&s, "'y' is not 'public.orders'");
    keys(&s, "{Esc}");
    assert_false(shows(&s, "RESULT"));
    screen_close(&s);
}

/* ux.md R7 A2: one that starts between the plan and its confirmation is caught. */
static void a_writer_that_starts_meanwhile_is_caught(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "/items{Enter}xr");
    assert_shows(&s, "WRITER  none seen");
    fixture_start_writer(true);
    keys(&s, "y");
    fixture_start_writer(false);
    assert_shows(&s, "0 of 1 applied");
    assert_shows(&s, "refused: locked: a copy worker works on the table");
    screen_close(&s);
}

static void look_again(struct screen *s)
{
    s->app->follow_ms[0] = s->app->follow_ms[1] = 0;
    app_tick(s->app);
    settle(s);
    show(s, 24, 80);
}

/* ux.md R7 A4 */
static void an_edit_beside_a_live_writer_is_read_again(void **state)
{
    struct screen s = {0};
    open_on(&s, "busy", ENV_DEV);
    keys(&s, "/items{Enter}xry");
    assert_shows(&s, "a writer may run: read again after 5 s and 60 s");
    look_again(&s);
    assert_shows(&s, "still as written at 2026-11-20T03:12:44Z");
    screen_close(&s);
}

static void an_edit_that_is_overwritten_is_said(void **state)
{
    struct screen s = {0};
    open_on(&s, "busy", ENV_DEV);
    fixture_overwrite_after_commit(true);
    keys(&s, "/items{Enter}xry{Enter}");
    fixture_overwrite_after_commit(false);
    look_again(&s); /* the result was closed */
    assert_shows(&s, "OVERWRITTEN 2026-11-20T03:12:44Z: public.items: it is data_sync now");
    screen_close(&s);
}

static void nobody_writes_nothing_is_read_again(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "/items{Enter}xry");
    assert_false(shows(&s, "a writer may run"));
    assert_null(s.app->follows);
    screen_close(&s);
}

/* ux.md R3 A4: only the row that was refused, and only as a plan. */
static void r_plans_the_refused_row_alone(void **state)
{
    struct screen s = {0};
    open_on(&s, "memory", ENV_DEV);
    fixture_change_at_commit(true);
    keys(&s, "  xtreset 2{Enter}");
    fixture_change_at_commit(false);
    assert_shows(&s, "refused: changed since preview");
    assert_shows(&s, "1 of 2 applied");
    keys(&s, "R");
    assert_shows(&s, "everything in this plan was tried");
    keys(&s, "r");
    assert_shows(&s, "PLAN");
    assert_shows(&s, "public.orders");
    assert_shows(&s, " of 1 table ");
    keys(&s, "{Esc}");
    screen_close(&s);
}

/* ux.md R9 A3: what was not done is taken up again after a new check, here from the journal. */
static void what_is_left_is_resumed(void **state)
{
    struct screen s = {0};
    open_on(&s, "memory", ENV_DEV);
    view_journal_plan_open(s.app, s.app->sessions, FROM_RESUME, STR_NULL);
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "nothing to resume");
    fixture_fail_commits(true);
    keys(&s, "  xtreset 2{Enter}");
    fixture_fail_commits(false);
    assert_shows(&s, "0 of 2 applied");
    assert_shows(&s, "failed: permission denied for table states");
    keys(&s, "{Enter}");
    view_journal_plan_open(s.app, s.app->sessions, FROM_RESUME, STR_NULL);
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "what is left of the reset of ");
    keys(&s, "reset 2{Enter}");
    assert_shows(&s, "2 of 2 applied");
    keys(&s, "{Enter}:messages{Enter}"); /* R10 A1: kept when the result was dismissed */
    assert_shows(&s, "public.orders: failed: permission denied for table states");
    assert_shows(&s, "public.items: failed: permission denied for table states");
    assert_shows(&s, "0 of 2 applied");
    screen_close(&s);
}

/* --- the first alone ------------------------------------------------------------------------ */

static void the_first_alone_then_the_others(void **state)
{
    struct screen s = {0};
    open_on(&s, "many", ENV_DEV);
    keys(&s, "*xr{Tab}1");
    assert_shows(&s, "ONLY THE FIRST of 25");
    assert_shows(&s, "1 table ");
    keys(&s, "y");
    assert_shows(&s, "1 of 1 applied");
    assert_shows(&s, "24 more wait");
    keys(&s, "{Enter}");
    assert_shows(&s, "24 tables");
    assert_shows(&s, "rollback 24");
    screen_close(&s);
}

/* What was set aside does not slip in because the others are done. */
static void what_was_set_aside_stays_so_in_the_rest(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{Tab}1y{Enter}y");
    assert_shows(&s, "1 of 1 applied");
    assert_shows(&s, "set aside: not part of the plan");
    keys(&s, "r"); /* asked for by name, the cursor is on what was done */
    assert_shows(&s, "this row was done");
    screen_close(&s);
}

/* --- what waits ----------------------------------------------------------------------------- */

static void a_parked_plan_comes_back_the_same(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{Tab}{Down} {Esc}"); /* one row dropped */
    assert_int_equal(plan_parked(s.app), 1);
    assert_shows(&s, "PARKED");
    struct str id, what;
    assert_true(plan_parked_at(s.app, 0, &id, &what));
    view_plan_reopen(s.app, str_sub(id, 0, 4));
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "read again just now: nothing changed");
    assert_shows(&s, "1 table (1 set aside)");
    assert_int_equal(plan_parked(s.app), 0);
    keys(&s, "y");
    assert_shows(&s, "1 of 1 applied");
    screen_close(&s);
}

static void what_waits_for_the_first_is_parked_with_it(void **state)
{
    struct screen s = {0};
    open_on(&s, "many", ENV_DEV);
    keys(&s, "*xr{Tab}1{Esc}");
    view_plan_reopen(s.app, STR(""));
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "ONLY THE FIRST, 24 more wait: parked");
    keys(&s, "y{Enter}");
    assert_shows(&s, "rollback 24");
    screen_close(&s);
}

static void a_parked_plan_says_what_changed(void **state)
{
    struct screen s = {0};
    open_on(&s, "memory", ENV_DEV);
    keys(&s, "  xr{Esc}u"); /* public.orders and public.items wait */
    fixture_change_at_commit(true);
    keys(&s, "/table=public.users{Enter}xry{Enter}");
    fixture_change_at_commit(false);
    view_plan_reopen(s.app, STR(""));
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "CHANGED since it was parked");
    assert_shows(&s, "this is a new plan");
    assert_shows(&s, "1 of 2 tables");
    keys(&s, "{Esc}");
    assert_int_equal(plan_parked(s.app), 1); /* the new one */
    screen_close(&s);
}

static void leaving_asks_first(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{^C}");
    assert_shows(&s, "is not applied");
    keys(&s, "{Esc}");
    assert_shows(&s, "PLAN");
    keys(&s, "{^C}p");
    assert_int_equal(plan_parked(s.app), 1);
    keys(&s, "q");
    assert_shows(&s, "Not applied yet");
    assert_false(s.app->quit);
    keys(&s, "x");
    assert_false(s.app->quit);
    keys(&s, "qd");
    app_tick(s.app);
    assert_true(s.app->quit);
    assert_int_equal(plan_parked(s.app), 0);
    char command[256]; /* and the audit knows */
    snprintf(command, sizeof command, "test $(grep -c '\"outcome\":\"cancelled\"' %s) = 3",
             s.audit);
    assert_int_equal(system(command), 0);
    screen_close(&s);
}

/* Where the screen is too small for the plan, it was not to be read. */
static void a_plan_nobody_saw_is_not_confirmed(void **state)
{
    struct screen s;
    open_on(&s, "memory", ENV_DEV);
    type(&s, "jx", 24, 80, false);
    assert_shows(&s, "rollback one step");
    type(&s, "ry", 5, 20, false);
    assert_shows(&s, "too small");
    show(&s, 24, 80);
    assert_shows(&s, "read it first");
    show(&s, 24, 80);
    assert_shows(&s, "y applies");
    type(&s, "y", 24, 80, false);
    assert_shows(&s, "1 of 1 applied");
    screen_close(&s);
}

static void the_palette_knows_plans(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, ":reason INC-9{Enter}/items{Enter}xr:q{Enter}");
    assert_shows(&s, "is not applied");
    keys(&s, "p:plan{Enter}");
    assert_shows(&s, "nothing changed");
    assert_shows(&s, "--reason INC-9");
    keys(&s, "{Esc}:q{Enter}");
    assert_shows(&s, "Not applied yet");
    keys(&s, "{Esc}:resume{Enter}");
    assert_shows(&s, "nothing to resume");
    screen_close(&s);
}

static void a_discarded_plan_is_gone(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr");
    struct key discard = {.code = K_CTRL('x')};
    app_key(s.app, &discard);
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "discarded the plan");
    assert_int_equal(plan_parked(s.app), 0);
    keys(&s, "q");
    assert_true(s.app->quit);
    screen_close(&s);
}

/* --- saved ---------------------------------------------------------------------------------- */

static void a_plan_is_saved_for_the_command_line(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{Tab}W");
    assert_shows(&s, "saved: penstock -t orders-pg apply");
    char command[256];
    snprintf(command, sizeof command, "ls %s/plans/*.json >/dev/null", s.dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command,
             "test $(stat -c %%a %s/plans/*.json) = 600 && grep -q set_aside %s/plans/*.json",
             s.dir, s.dir);
    assert_int_equal(system(command), 0);
    keys(&s, "rollback 2{Enter}");
    assert_shows(&s, "2 of 2 applied");
    screen_close(&s);
}

static void the_command_is_copied(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "*xr{Tab}Y");
    assert_str(sbuf_view(&s.app->clipboard),
               "penstock -t orders-pg table rollback 4/16411 4/16421");
    screen_close(&s);
}

/* ux.md R4 A5: without a journal nothing is written, and the path is said. */
static void without_a_journal_nothing_is_written(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    keys(&s, "/items{Enter}xr");
    char journal[sizeof s.journal];
    memcpy(journal, s.journal, sizeof journal);
    snprintf(s.journal, sizeof s.journal, "/proc/nowhere/journal.db");
    keys(&s, "y");
    assert_shows(&s, "nothing was written: ");
    assert_shows(&s, "/proc/nowhere");
    assert_shows(&s, "not tried");
    memcpy(s.journal, journal, sizeof journal);
    keys(&s, "Ry");
    assert_shows(&s, "1 of 1 applied");
    screen_close(&s);
}

/* --- bulk ----------------------------------------------------------------------------------- */

/* ux.md R9 A1: marks that a filter hides are part of it, and said. */
static void hidden_marks_are_said_and_left_out_by_a_key(void **state)
{
    struct screen s = {0};
    open_on(&s, "many", ENV_DEV);
    keys(&s, "    /part_03{Enter}x");
    assert_shows(&s, "4 tables, 3 hidden by filter");
    keys(&s, "r");
    assert_shows(&s, "3 hidden by filter");
    assert_shows(&s, "public.part_00");
    keys(&s, "{Tab}v");
    assert_shows(&s, "1 table ");
    assert_shows(&s, "public.part_03");
    assert_false(shows(&s, "hidden by filter  "));
    screen_close(&s);
}

/* What the menu tells of the first records alone does not keep the others from being changed. */
static void the_menu_does_not_refuse_for_records_it_has_not_looked_at(void **state)
{
    struct screen s = {0};
    open_on(&s, "many", ENV_DEV);
    keys(&s, "*x");
    assert_shows(&s, "20 of the first 20: errored");
    screen_close(&s);
    s = (struct screen){0};
    open_on(&s, "bare", ENV_DEV);
    keys(&s, "*x");
    assert_shows(&s, "none of the first 20: ");
    keys(&s, "r");
    assert_shows(&s, "4 of 25 tables");
    screen_close(&s);
}

/* ux.md R5 A1 */
static void what_changes_is_marked_where_nothing_may_be(void **state)
{
    struct screen s = {0};
    s.targets[0] = make_target(&system_etl, "mixed", "orders-pg", ENV_PROD);
    s.targets[0].read_only = true;
    screen_open(&s, 1, false, 0);
    settle(&s);
    type(&s, "?", 40, 160, false);
    assert_shows(&s, "what it would do: NOT AVAILABLE, READ-ONLY: production is opened read-only");
    assert_shows(&s, "(a plan comes first): NOT AVAILABLE, READ-ONLY: ");
    type(&s, "{Esc}x", 40, 160, false);
    assert_shows(&s, "READ-ONLY: errored → finished_copy");
    type(&s, "r", 40, 160, false);
    assert_shows(&s, "rollback one step: READ-ONLY: production is opened read-only");
    type(&s, "{Esc}z", 40, 160, false);
    assert_false(shows(&s, "PLAN"));
    screen_close(&s);
}

static void the_reason_is_given_to_every_plan(void **state)
{
    struct screen s = {0};
    open_on(&s, "mixed", ENV_DEV);
    app_set_reason(s.app, STR(" INC-4711 "));
    show(&s, 24, 80);
    assert_shows(&s, "INC-4711");
    keys(&s, "*xr{Tab}i");
    assert_shows(&s, "type  orders-pg 3");
    screen_close(&s);
}

int main(void)
{
    fixture_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_as_in_the_files),
        cmocka_unit_test(a_stale_result_as_in_the_file),
        cmocka_unit_test(what_is_set_aside_is_not_done),
        cmocka_unit_test(what_is_included_wants_the_last_tier),
        cmocka_unit_test(the_other_way_is_one_key),
        cmocka_unit_test(a_live_writer_is_overridden_by_name_only),
        cmocka_unit_test(a_writer_that_starts_meanwhile_is_caught),
        cmocka_unit_test(an_edit_beside_a_live_writer_is_read_again),
        cmocka_unit_test(an_edit_that_is_overwritten_is_said),
        cmocka_unit_test(nobody_writes_nothing_is_read_again),
        cmocka_unit_test(r_plans_the_refused_row_alone),
        cmocka_unit_test(what_is_left_is_resumed),
        cmocka_unit_test(the_first_alone_then_the_others),
        cmocka_unit_test(what_was_set_aside_stays_so_in_the_rest),
        cmocka_unit_test(a_parked_plan_comes_back_the_same),
        cmocka_unit_test(what_waits_for_the_first_is_parked_with_it),
        cmocka_unit_test(a_parked_plan_says_what_changed),
        cmocka_unit_test(leaving_asks_first),
        cmocka_unit_test(a_plan_nobody_saw_is_not_confirmed),
        cmocka_unit_test(the_palette_knows_plans),
        cmocka_unit_test(a_discarded_plan_is_gone),
        cmocka_unit_test(a_plan_is_saved_for_the_command_line),
        cmocka_unit_test(the_command_is_copied),
        cmocka_unit_test(without_a_journal_nothing_is_written),
        cmocka_unit_test(hidden_marks_are_said_and_left_out_by_a_key),
        cmocka_unit_test(the_menu_does_not_refuse_for_records_it_has_not_looked_at),
        cmocka_unit_test(what_changes_is_marked_where_nothing_may_be),
        cmocka_unit_test(the_reason_is_given_to_every_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
