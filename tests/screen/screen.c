/* Pictures: the screen without a terminal, against text files. PENSTOCK_REWRITE=1 writes them anew.
 */
#include "tests/screen/show.h"

#include "core/acks.h"

#include <stdio.h>
#include <string.h>

static const struct system *const kinds[] = {&system_etl, &system_meltano, &system_triggers};

/* --- pictures ------------------------------------------------------------------------------- */

struct picture {
    const char *name;
    int kind; /* of kinds[]; -1: all three */
    const char *backend;
    enum environment env;
    bool read_only, ascii;
    const char *keys;
};

static const struct picture pictures[] = {
    {"overview", -1, "memory", ENV_DEV, false, false, ""},
    {"overview_filtered", -1, "memory", ENV_DEV, false, false, "j{Enter}"},
    {"overview_menu", -1, "memory", ENV_DEV, false, false, "jjx"},
    {"overview_down", 0, "down", ENV_PROD, false, false, "o"},
    {"tables", 0, "memory", ENV_DEV, false, false, ""},
    {"tables_preview_hidden", 0, "memory", ENV_DEV, false, false, ":preview{Enter}"},
    {"preview_scrolled", 0, "memory", ENV_DEV, false, false, "{Tab}jj"},
    {"tables_attention", 0, "memory", ENV_DEV, false, false, "!"},
    {"tables_ascii", 0, "memory", ENV_DEV, false, true, " "},
    {"tables_filter", 0, "memory", ENV_DEV, false, false, " /phase=errored"},
    {"tables_filter_error", 0, "memory", ENV_DEV, false, false, "/re:({Enter}x"},
    {"tables_sorted_utc", 0, "memory", ENV_DEV, false, false, ">>T"},
    {"tables_empty", 0, "empty", ENV_DEV, false, false, ""},
    {"tables_down", 0, "down", ENV_PROD, false, false, ""},
    {"tables_prod", 0, "memory", ENV_PROD, true, false, "x"},
    {"states", 1, "memory", ENV_DEV, false, false, "jx"},
    {"sessions", 2, "memory", ENV_UNKNOWN, false, false, ""},
    {"history", 0, "memory", ENV_DEV, false, false, "H"},
    {"instances", 2, "memory", ENV_DEV, false, false, "H"},
    {"detail", 0, "memory", ENV_DEV, false, false, "{Enter}"},
    {"detail_numbers", 1, "memory", ENV_DEV, false, false, "{Enter}"},
    {"detail_hostile", 1, "memory", ENV_DEV, false, false, "j{Enter}"},
    {"detail_find", 1, "memory", ENV_DEV, false, false, "{Enter}/orders{Enter}n"},
    {"diff_two", 0, "memory", ENV_DEV, false, false, " j ="},
    {"diff_none", 0, "memory", ENV_DEV, false, false, "="},
    {"text", 0, "memory", ENV_DEV, false, false, "E"},
    {"instance_text", 2, "memory", ENV_DEV, false, false, "HE"},
    {"keys", 0, "memory", ENV_DEV, false, false, "?"},
    {"keys_filter", 0, "memory", ENV_PROD, true, false, "?/undo"},
    {"palette", 0, "memory", ENV_DEV, false, false, ":"},
    {"palette_id", 0, "memory", ENV_DEV, false, false, ":ord"},
    {"palette_typo", 0, "memory", ENV_DEV, false, false, ":lokcs{Enter}"},
    {"messages", 0, "memory", ENV_DEV, false, false, ":lokcs{Enter}:messages{Enter}"},
    {"locks", -1, "memory", ENV_DEV, false, false, "L"},
    {"journal", 0, "memory", ENV_DEV, false, false, "J"},
    {"all_instances", 2, "memory", ENV_DEV, false, false, ":instances{Enter}"},
    {"changes_none", 2, "memory", ENV_DEV, false, false, "HHH"},
    {"menu", 0, "memory", ENV_DEV, false, false, "x"},
    {"plan_one", 0, "memory", ENV_DEV, false, false, "xr"},
    {"plan_instance", 2, "memory", ENV_DEV, false, false, "Hxa"},
    {"plan_streams", 1, "memory", ENV_DEV, false, false, "H  xt"},
    {"plan_typed", 0, "memory", ENV_DEV, false, false, "  j xr"},
    {"plan_unknown_env", 0, "memory", ENV_UNKNOWN, false, false, "xrpublic.o"},
    {"result", 0, "memory", ENV_DEV, false, false, "xry"},
};

static void draw_picture(const struct picture *p, int h, int w)
{
    struct screen s = {0};
    size_t n = p->kind < 0 ? 3 : 1;
    for (size_t i = 0; i < n; i++) {
        static const char *const names[] = {"orders-pg", "meltano", "crm-redis"};
        size_t kind = p->kind < 0 ? i : (size_t)p->kind;
        s.targets[i] = make_target(kinds[kind], p->backend, names[kind],
                                   p->kind < 0 && i == 0 ? ENV_PROD : p->env);
        s.targets[i].read_only = p->read_only;
    }
    screen_open(&s, n, p->ascii, 0);
    settle(&s);
    show(&s, h, w);
    type(&s, p->keys, h, w, false);
    char name[64];
    snprintf(name, sizeof name, "%s_%dx%d", p->name, w, h);
    assert_picture(&s, name);
    if (p->ascii) {
        struct sbuf text = SBUF_INIT;
        canvas_text(&s.canvas, &text);
        for (size_t i = 0; i < text.len; i++)
            assert_true((unsigned char)text.ptr[i] < 0x7f);
        sbuf_release(&text);
    }
    screen_close(&s);
}

static void pictures_as_in_the_files(void **state)
{
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        draw_picture(&pictures[i], 24, 80);
        draw_picture(&pictures[i], 40, 120);
    }
}

/* --- what must never happen ----------------------------------------------------------------- */

static void open_tables(struct screen *s, enum environment env, int64_t quiet_ms)
{
    s->targets[0] = make_target(&system_etl, "memory", "orders-pg", env);
    screen_open(s, 1, false, quiet_ms);
    settle(s);
    show(s, 24, 80);
}

static void nothing_drawn_no_byte_of_a_store_reaches_the_terminal(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 0);
    for (int y = 0; y < s.canvas.h; y++) {
        for (int x = 0; x < s.canvas.w; x++) {
            const struct glyph *g = canvas_at(&s.canvas, y, x);
            assert_true(g->c == 0 || g->c >= 0x20);
            assert_false(g->c >= 0x7f && g->c < 0xa0);
            assert_true(g->c != 0x202e);
        }
    }
    assert_shows(&s, "evil.");
    screen_close(&s);
}

/* A preview belongs to the row under the cursor: an answer for a row that was left is dropped. */
static void the_preview_follows_the_cursor(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 0);
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "public.orders   oid");
    app_key(s.app, &(struct key){.code = 'j'});
    show(&s, 24, 80); /* asks for items */
    app_key(s.app, &(struct key){.code = 'j'});
    show(&s, 24, 80);
    assert_false(shows(&s, "oid "));
    settle(&s);       /* the answer about items has come */
    show(&s, 24, 80); /* asks for users */
    assert_false(shows(&s, "public.items   oid"));
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "public.users   oid");
    show(&s, 16, 80); /* no room */
    assert_false(shows(&s, "oid "));
    type(&s, "{Tab}", 16, 80, false);
    assert_shows(&s, "too small for a preview");
    screen_close(&s);
}

/* What somebody acknowledged is not at the top any more, and is counted. */
static void what_is_acknowledged_stands_back(void **state)
{
    struct screen s = {0};
    struct arena a = ARENA_INIT;
    screen_open_one(&s, &system_etl, "orders-pg", ENV_DEV);
    type(&s, "o", 24, 80, false);
    assert_shows(&s, "2 groups, 2 findings");
    assert_shows(&s, "public.orders");
    struct str store = session_info(s.app->sessions)->identity;
    struct ack ack = {.id = acks_finding_id(&a, store, "errored", STR("public.orders")).ptr,
                      .at_us = FIXTURE_NOW_US,
                      .until_us = FIXTURE_NOW_US + 60 * 1000000LL,
                      .who = "ana@host"};
    struct err err = {0};
    assert_true(acks_add(s.acks, &ack, &err));
    app_key(s.app, &(struct key){.code = K_CTRL('r')});
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "1 group, 1 finding, 1 acknowledged");
    assert_false(shows(&s, "public.orders"));
    s.app->fixed_now_us += 61 * 1000000LL; /* its time is over */
    show(&s, 24, 80);
    assert_shows(&s, "public.orders");
    arena_release(&a);
    screen_close(&s);
}

static void a_finding_is_acknowledged_where_it_stands(void **state)
{
    struct screen s = {0};
    screen_open_one(&s, &system_etl, "orders-pg", ENV_DEV);
    type(&s, ":ack 7d{Enter}", 24, 80, false);
    assert_shows(&s, "what needs attention stands on the overview");
    type(&s, "o", 24, 80, false);
    assert_shows(&s, "2 groups, 2 findings");
    type(&s, ":ack soon{Enter}", 24, 80, false);
    assert_shows(&s, "a span like 12h or 7d");
    type(&s, ":ack 7d{Enter}", 24, 80, false);
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "errored: 1 acknowledged until 2026-11-27");
    assert_shows(&s, "1 group, 1 finding, 1 acknowledged");
    type(&s, "A", 24, 80, false);
    settle(&s);
    show(&s, 24, 80);
    assert_shows(&s, "check ack");
    screen_close(&s);
}

/* H at the end of the sheets: what was changed from here, and undone from there. */
static void a_change_is_undone_from_the_history_of_its_record(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 0);
    type(&s, "xry{Enter}", 24, 80, false);
    type(&s, "/orders{Enter}HHH", 24, 80, false);
    assert_shows(&s, "changes made from here in public.orders  1");
    assert_shows(&s, "rollback");
    assert_shows(&s, "finished_copy");
    type(&s, "z", 24, 80, false);
    assert_shows(&s, "undoes the rollback of ");
    type(&s, "y{Enter}", 24, 80, false);
    assert_shows(&s, "changes made from here in public.orders");
    type(&s, "{Esc}{Esc}", 24, 80, false);
    assert_shows(&s, "✖ errored");
    type(&s, "{Esc}/items{Enter}HHH", 24, 80, false);
    assert_shows(&s, "never changed from here");
    screen_close(&s);
}

/* ux.md R6 A1: Enter, Space, the trigger key, Esc, ^C and q leave the store unchanged. */
static void only_the_confirm_key_applies(void **state)
{
    static const char *const others[] = {"{Enter}", " ", "r", "q", "x", "{Esc}", "{^C}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct screen s = {0};
        open_tables(&s, ENV_DEV, 0);
        type(&s, "xr", 24, 80, false);
        assert_shows(&s, "y applies");
        type(&s, others[i], 24, 80, false);
        assert_false(shows(&s, "RESULT"));
        type(&s, "{Esc}", 24, 80, false);
        assert_shows(&s, "errored");
        screen_close(&s);
    }
}

/* ux.md R6 A2: the trigger and the accept keys in one burst apply nothing. */
static void keys_typed_ahead_apply_nothing(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 60000);
    type(&s, "xryyy{Enter}{Enter}", 24, 80, true);
    assert_shows(&s, "PLAN");
    type(&s, "y", 24, 80, false);
    assert_shows(&s, "too early");
    assert_false(shows(&s, "RESULT"));
    screen_close(&s);
}

static void the_wrong_text_keeps_the_box(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 0);
    type(&s, "  xrrollback 3{Enter}", 24, 80, false);
    assert_shows(&s, "'rollback 3' is not 'rollback 2'");
    assert_false(shows(&s, "RESULT"));
    type(&s, "{Tab}{Tab}", 24, 80, false);
    screen_close(&s);
}

static void the_right_text_applies_and_undo_brings_back(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 0);
    type(&s, "  xrrollback 2{Enter}", 24, 80, false);
    assert_shows(&s, "2 of 2 applied");
    assert_shows(&s, "verified");
    assert_shows(&s, "NOT IN EFFECT until");
    type(&s, "{Enter}", 24, 80, false);
    assert_false(shows(&s, "✖ errored"));
    type(&s, "z", 24, 80, false);
    assert_shows(&s, "undoes the rollback of ");
    type(&s, "undo 2{Enter}", 24, 80, false);
    assert_shows(&s, "2 of 2 applied");
    type(&s, "{Enter}", 24, 80, false);
    assert_shows(&s, "✖ errored");
    type(&s, "z", 24, 80, false);
    assert_shows(&s, "nothing to undo");
    type(&s, "Z", 24, 80, false);
    assert_shows(&s, "PLAN");
    type(&s, "redo 2{Enter}", 24, 80, false);
    assert_shows(&s, "2 of 2 applied");
    screen_close(&s);
}

/* ux.md R3: refused, with all three values. */
static void a_stale_plan_is_refused(void **state)
{
    struct screen s = {0};
    open_tables(&s, ENV_DEV, 0);
    fixture_change_at_commit(true);
    type(&s, "xry", 24, 80, false);
    fixture_change_at_commit(false);
    assert_shows(&s, "0 of 1 applied");
    assert_shows(&s, "refused: changed since preview");
    assert_shows(&s, "planned from");
    assert_shows(&s, "planned to");
    assert_shows(&s, "now           init");
    type(&s, "r", 24, 80, false); /* a fresh plan: from init there is no way back */
    assert_shows(&s, "nothing can be applied");
    screen_close(&s);
}

static void every_size_is_survived(void **state)
{
    static const char *const places[] = {"", "x", "xr", "{Enter}", "H", "/", "?", "xry"};
    static const int sizes[][2] = {{1, 1}, {2, 5}, {5, 20}, {80, 300}, {10, 40}, {24, 80}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct screen s = {0};
        open_tables(&s, ENV_DEV, 0);
        type(&s, places[i], 24, 80, false);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
            show(&s, sizes[k][0], sizes[k][1]);
        show(&s, 5, 40);
        assert_shows(&s, "terminal too small (need 40x10)");
        screen_close(&s);
    }
}

int main(void)
{
    fixture_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_as_in_the_files),
        cmocka_unit_test(nothing_drawn_no_byte_of_a_store_reaches_the_terminal),
        cmocka_unit_test(the_preview_follows_the_cursor),
        cmocka_unit_test(what_is_acknowledged_stands_back),
        cmocka_unit_test(a_finding_is_acknowledged_where_it_stands),
        cmocka_unit_test(a_change_is_undone_from_the_history_of_its_record),
        cmocka_unit_test(only_the_confirm_key_applies),
        cmocka_unit_test(keys_typed_ahead_apply_nothing),
        cmocka_unit_test(the_wrong_text_keeps_the_box),
        cmocka_unit_test(the_right_text_applies_and_undo_brings_back),
        cmocka_unit_test(a_stale_plan_is_refused),
        cmocka_unit_test(every_size_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
