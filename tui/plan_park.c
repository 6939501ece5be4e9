#include "tui/plan_park.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tui/plan_view.h"
#include "tui/view_choice.h"

#include <stdlib.h>
#include <string.h>

enum { AUDIT_WAIT_MS = 1000 }; /* a store that hangs does not keep the program */

struct parked {
    struct parked *next;
    struct session *session;
    struct arena arena;
    struct plan_source source;
    struct want *rest;
    struct str id, what;
    struct plan *plan; /* NULL while it is read again */
    int64_t at_us;
    struct plan_view *view; /* it comes back into this one; NULL: nobody waits for it */
    bool discarded;         /* while it was read again */
};

/* --- the list ------------------------------------------------------------------------------- */

static void parked_free(struct parked *p)
{
    plan_free(p->plan);
    arena_release(&p->arena);
    free(p);
}

static void take_out(struct app *app, struct parked *p)
{
    struct parked **at = &app->parked;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
}

size_t plan_parked(const struct app *app)
{
    size_t n = 0;
    for (const struct parked *p = app->parked; p; p = p->next)
        n += !p->discarded;
    return n;
}

bool plan_parked_at(const struct app *app, size_t i, struct str *ret_id, struct str *ret_what)
{
    for (const struct parked *p = app->parked; p; p = p->next) {
        if (p->discarded || i-- > 0)
            continue;
        *ret_id = p->id;
        *ret_what = p->what;
        return true;
    }
    return false;
}

static struct parked *find(const struct app *app, struct str id)
{
    for (struct parked *p = app->parked; p; p = p->next) {
        if (!p->discarded && p->id.len >= id.len && str_eq(str_sub(p->id, 0, id.len), id))
            return p;
    }
    return NULL;
}

void plan_park_free(struct app *app)
{
    while (app->parked) {
        struct parked *p = app->parked;
        app->parked = p->next;
        parked_free(p);
    }
}

/* --- putting away --------------------------------------------------------------------------- */

static struct plan_source copy_source(struct arena *a, const struct plan_source *source,
                                      const struct plan *plan)
{
    return (struct plan_source){
        .kind = source->kind,
        .keep_aside = source->keep_aside,
        .want = source->want ? want_copy(a, source->want) : NULL,
        .entry = plan->undoes        ? arena_str(a, str_of(plan->undoes_id))
                 : source->entry.ptr ? arena_str(a, source->entry)
                                     : STR_NULL,
        .reason = plan->request.reason.ptr ? arena_str(a, plan->request.reason) : STR_NULL};
}

static bool covers(const struct plan *plan, const struct plan *other)
{
    struct keyset *ids = keyset_new();
    bool all = strcmp(plan->verb, other->verb) == 0;
    for (size_t i = 0; i < plan->nitems; i++)
        keyset_put(ids, plan->items[i].id, true);
    for (size_t i = 0; i < other->nitems && all; i++)
        all = keyset_has(ids, other->items[i].id);
    keyset_free(ids);
    return all;
}

static void discard(struct app *app, struct str id)
{
    struct parked *p = find(app, id);
    if (!p)
        return;
    if (!p->plan) { /* the worker has it */
        p->discarded = true;
        return;
    }
    take_out(app, p);
    ask_decline(p->session, p->plan, "discarded");
    p->plan = NULL;
    parked_free(p);
    app->dirty = true;
}

static void discard_all(struct app *app)
{
    while (find(app, STR("")))
        discard(app, STR(""));
}

void plan_park_replace(struct session *session, const struct plan *plan)
{
    for (struct parked *p = session->app->parked, *next; p; p = next) {
        next = p->next;
        if (p->session == session && p->plan && covers(plan, p->plan))
            discard(session->app, p->id);
    }
}

void plan_park(struct plan_view *v)
{
    struct app *app = v->base.app;
    struct parked *p = xcalloc(1, sizeof *p);
    struct plan *plan = v->plan;
    size_t n = plan_count(plan, OUTCOME_PLANNED);
    plan_park_replace(v->base.session, plan);
    p->session = v->base.session;
    p->source = copy_source(&p->arena, &v->source, plan);
    p->rest = v->rest ? want_copy(&p->arena, v->rest) : NULL;
    p->id = arena_str(&p->arena, str_of(plan->id));
    p->what = arena_printf(&p->arena, "%s %zu %s on %.*s", plan->verb, n, plan_noun(v, n),
                           STR_ARG(p->session->name));
    p->plan = plan;
    p->at_us = app_now_us(app);
    p->next = app->parked;
    app->parked = p;
    v->plan = NULL;
    app_pop(app, &v->base);
    app_say(app, STYLE_MESSAGE, "parked: nothing was written. :plan %.4s brings it back",
            p->id.ptr);
}

/* --- coming back ---------------------------------------------------------------------------- */

static bool is_stale(const struct err *err)
{
    return err->kind != ERR_UNAVAILABLE && err->kind != ERR_TIMEOUT && err->kind != ERR_CANCELLED;
}

static struct str age_text(const struct parked *p, struct arena *a)
{
    int64_t us = app_now_us(p->session->app) - p->at_us;
    return time_span(a, us > 0 ? us : 0);
}

static void come_back(struct parked *p, struct plan_view *v, struct plan *plan,
                      const struct err *err)
{
    struct arena *a = &v->arena;
    struct str age = age_text(p, a);
    struct str alone =
        p->rest ? arena_printf(a, "ONLY THE FIRST, %zu more wait: ", p->rest->n) : STR("");
    v->source = copy_source(a, &p->source, p->plan);
    v->rest = p->rest ? want_copy(a, p->rest) : NULL;
    v->park = NULL;
    take_out(v->base.app, p);
    if (plan) {
        v->note = arena_printf(a, "%.*sparked %.*s ago, read again just now: nothing changed",
                               STR_ARG(alone), STR_ARG(age));
        plan_view_take(v, plan);
    } else {
        v->note =
            arena_printf(a, "%.*sCHANGED since it was parked %.*s ago, this is a new plan: %s",
                         STR_ARG(alone), STR_ARG(age), err->text);
        plan_view_make(v);
    }
    parked_free(p);
}

static void recheck_done(struct job *job, void *owner)
{
    struct parked *p = owner;
    struct app *app = p->session->app;
    struct plan_view *v = p->view;
    struct plan *plan = plan_taken(job);
    app->dirty = true;
    p->plan = plan_old(job);
    p->view = NULL;
    session_note_result(p->session, job);
    if (p->discarded) {
        p->discarded = false;
        discard(app, p->id);
    } else if (v && (plan || is_stale(&job->err))) {
        come_back(p, v, plan, &job->err);
        return;
    } else if (v) {
        v->park = NULL;
        app_pop(app, &v->base);
        app_say(app, STYLE_BAD, "plan %.4s stays parked: %s", p->id.ptr, job->err.text);
    }
    plan_free(plan);
}

void plan_park_forget(struct parked *p)
{
    p->view = NULL;
}

void view_plan_reopen(struct app *app, struct str id)
{
    struct parked *p = find(app, id);
    if (!p || !p->plan) {
        app_say(app, STYLE_WARN,
                p        ? "plan %.*s is being read again"
                : id.len ? "no plan %.*s is parked"
                         : "no plan is parked%.*s",
                STR_ARG(id));
        return;
    }
    struct plan_view *v = plan_view_open(app, p->session);
    struct plan *plan = p->plan;
    v->park = p;
    p->view = v;
    p->plan = NULL;
    ask_recheck(p->session, p, plan, recheck_done);
}

/* --- what the rest of the screen says of them ------------------------------------------------ */

bool plan_park_status(const struct app *app, struct sbuf *out)
{
    const struct parked *p = find(app, STR(""));
    size_t n = plan_parked(app);
    if (!p)
        return false;
    sbuf_printf(out, "PARKED %.4s, not applied: ", p->id.ptr);
    if (n > 1)
        sbuf_printf(out, "and %zu more: ", n - 1);
    sbuf_printf(out, ":plan opens it, ^X in it discards   %.*s", STR_ARG(p->what));
    return true;
}

static void quit(struct app *app, void *ctx)
{
    (void)ctx;
    discard_all(app);
    app->quit_by_ms = clock_monotonic_ms() + AUDIT_WAIT_MS;
}

static void look(struct app *app, void *ctx)
{
    (void)ctx;
    view_plan_reopen(app, STR(""));
}

bool plan_park_may_quit(struct app *app)
{
    static const struct choice choices[] = {{'o', "opens the plan", look},
                                            {'d', "discards what waits, and quits", quit}};
    size_t n = plan_parked(app);
    if (plan_view_asked_to_leave(app))
        return false;
    if (!n)
        return true;
    struct arena a = ARENA_INIT;
    const struct parked *p = find(app, STR(""));
    struct str more = n > 1 ? arena_printf(&a, ", and %zu more", n - 1) : STR("");
    struct str text = arena_printf(&a, "Not applied yet: plan %.4s, %.*s%.*s", p->id.ptr,
                                   STR_ARG(p->what), STR_ARG(more));
    view_choice_open(app, NULL, "QUIT?", text, choices, 2, NULL);
    arena_release(&a);
    return false;
}
