/* The confirmation of a plan: what has to be given, and when a key counts. Nothing that was typed
 * before the box was on the screen counts, and nothing that may have come late. */
#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/plan_view.h"

static int64_t quiet_from(const struct plan_view *v)
{
    const struct app *app = v->base.app;
    return (v->drawn_at_ms > app->key_at_ms ? v->drawn_at_ms : app->key_at_ms) +
           app->opts.confirm_quiet_ms;
}

bool plan_is_quiet(const struct plan_view *v, int64_t now_ms)
{
    return v->drawn_at_ms && now_ms >= quiet_from(v);
}

int64_t plan_wake_ms(struct plan_view *v, int64_t now_ms)
{
    if (v->state != PLAN_READY || !v->drawn_at_ms || v->question == ASK_NOTHING)
        return INT64_MAX;
    if (now_ms < quiet_from(v))
        return quiet_from(v);
    if (v->armed)
        return INT64_MAX;
    v->armed = true; /* there was a quiet time since the box was complete */
    return now_ms;
}

bool plan_is_typed(const struct plan_view *v)
{
    return v->state == PLAN_READY && !v->rows_focus &&
           (v->question == ASK_REASON || v->question == ASK_TEXT);
}

void plan_start_questions(struct plan_view *v)
{
    const struct plan *plan = v->plan;
    v->drawn_at_ms = 0;
    v->armed = v->rows_focus = false;
    v->lines.width = 0;
    input_set(&v->input, STR(""));
    v->question = plan_count(plan, OUTCOME_PLANNED) == 0            ? ASK_NOTHING
                  : plan->needs_reason && !plan->request.reason.len ? ASK_REASON
                  : plan->screen_confirm.ptr                        ? ASK_TEXT
                                                                    : ASK_YES;
}

/* A text that holds what cannot be typed may be given as it is shown. */
static bool is_typed_right(struct plan_view *v)
{
    struct arena a = ARENA_INIT;
    struct str typed = str_trim(input_text(&v->input)), wanted = v->plan->screen_confirm;
    bool right = str_eq(typed, wanted) || str_eq(typed, text_clean(&a, wanted, 0));
    arena_release(&a);
    return right;
}

static void answer_reason(struct plan_view *v)
{
    struct plan *plan = v->plan;
    struct str reason = str_trim(input_text(&v->input));
    if (!reason.len) {
        app_say(v->base.app, STYLE_WARN,
                "a reason is needed: it is kept in the journal and the audit");
        return;
    }
    plan->request.reason = arena_str(&plan->arena, reason);
    input_set(&v->input, STR(""));
    v->question = plan->screen_confirm.ptr ? ASK_TEXT : ASK_YES;
}

static void answer(struct plan_view *v)
{
    struct app *app = v->base.app;
    if (v->question == ASK_REASON)
        answer_reason(v);
    else if (is_typed_right(v))
        plan_view_apply(v);
    else if (!input_text(&v->input).len)
        app_say(app, STYLE_WARN, "Enter alone does not accept");
    else
        app_say(app, STYLE_WARN, "not applied: '%.*s' is not '%.*s'",
                STR_ARG(input_text(&v->input)), STR_ARG(v->plan->screen_confirm));
}

static void say_too_early(struct plan_view *v, const char *what)
{
    app_say(v->base.app, STYLE_WARN, "too early: %s counts after %.1f s without a key", what,
            (double)v->base.app->opts.confirm_quiet_ms / 1000);
}

bool plan_ready_key(struct plan_view *v, const struct key *key)
{
    bool printable = key->code >= 0x20 && key->code < K_FIRST;
    if (!v->drawn_at_ms)
        return true; /* typed for something else */
    int64_t now = clock_monotonic_ms();
    v->armed = v->armed || plan_is_quiet(v, now);
    if (!v->armed && (printable || key->code == K_ENTER) && v->question != ASK_NOTHING) {
        say_too_early(v, "a key");
        return true;
    }
    if (plan_is_typed(v) && key->code != K_ESC && key->code != K_CTRL('c')) {
        enum input_result result = input_key(&v->input, key, true);
        if (result == INPUT_DONE)
            answer(v);
        return result != INPUT_NOT_MINE;
    }
    const struct action *instead = plan_instead(v);
    if (instead && key->code == (unsigned char)instead->key) {
        plan_open_instead(v);
        return true;
    }
    if (key->code == 'y' && v->question == ASK_YES) {
        if (plan_is_quiet(v, now))
            plan_view_apply(v);
        else
            say_too_early(v, "y");
        return true;
    }
    if (key->code == K_ENTER) {
        app_say(v->base.app, STYLE_WARN, "Enter does not accept%s",
                v->question == ASK_YES ? ": y applies" : "");
        return true;
    }
    return false;
}
