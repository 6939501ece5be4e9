#include "tui/follow.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { READINGS = 2, KEPT = 20 };

enum fate {
    FATE_OPEN, /* not read again yet */
    FATE_STILL,
    FATE_OVERWRITTEN,
    FATE_UNREAD,
};

struct follow_item {
    struct str id, label;
    unsigned change; /* parts that were written */
    struct version written[PARTS_MAX];
    enum fate fate;
    int64_t at_us;   /* of the last reading, or of the write that was found */
    struct str text; /* OVERWRITTEN: what stands there now; UNREAD: why; in the follow's arena */
};

struct follow {
    struct follow *next;
    struct session *session;
    struct arena arena;
    char plan_id[13];
    struct follow_item *items;
    size_t n;
    int64_t applied_at_ms, applied_at_us;
    int readings; /* done */
    bool busy;
};

/* --- what is followed ----------------------------------------------------------------------- */

static bool is_followed(const struct plan_item *item)
{
    return item->outcome == OUTCOME_APPLIED && item->now && item->kind != EDIT_BREAK &&
           item->writer.verdict != WRITER_NONE_SEEN; /* a break writes nothing of the record */
}

static void follow_release(struct follow *f)
{
    arena_release(&f->arena);
    free(f);
}

/* The oldest ones that are done make room. */
static void forget_oldest(struct app *app)
{
    size_t n = 0;
    for (struct follow **at = &app->follows; *at;) {
        struct follow *f = *at;
        if (++n <= KEPT || f->readings < READINGS || f->busy) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        follow_release(f);
    }
}

void follow_start(struct session *session, const struct plan *plan)
{
    struct app *app = session->app;
    struct follow *f = xcalloc(1, sizeof *f);
    f->items = arena_array(&f->arena, struct follow_item, plan->nitems);
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (!is_followed(item))
            continue;
        struct follow_item *to = &f->items[f->n++];
        to->id = arena_str(&f->arena, item->id);
        to->label = arena_str(&f->arena, item->label);
        to->change = item->change;
        memcpy(to->written, item->now->versions, sizeof to->written);
    }
    if (!f->n) {
        follow_release(f);
        return;
    }
    f->session = session;
    f->applied_at_ms = clock_monotonic_ms();
    f->applied_at_us = app_now_us(app);
    memcpy(f->plan_id, plan->id, sizeof f->plan_id);
    f->next = app->follows;
    app->follows = f;
    forget_oldest(app);
}

/* --- reading again -------------------------------------------------------------------------- */

struct reading {
    struct str *ids;
    size_t n;
    struct read_item *now;
    struct str *briefs;
};

static bool read_run(struct job *job, struct store *store)
{
    struct reading *r = job->data;
    const struct system *system = store_system(store);
    struct call call = job_call(job);
    r->now = arena_array(&job->arena, struct read_item, r->n);
    r->briefs = arena_array(&job->arena, struct str, r->n);
    if (!store_read(store, r->ids, r->n, 0, &call, &job->arena, r->now, &job->err))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        const struct document *doc = &r->now[i].doc;
        r->briefs[i] = doc->absent                  ? STR("absent")
                       : doc->root && system->brief ? system->brief(doc->root, &job->arena)
                                                    : STR_NULL;
    }
    return true;
}

static void settle_item(struct follow *f, struct follow_item *item, const struct read_item *now,
                        struct str brief, int64_t now_us)
{
    struct app *app = f->session->app;
    if (item->fate == FATE_OVERWRITTEN)
        return;
    item->at_us = now_us;
    if (now->err.kind != ERR_NONE) {
        item->fate = FATE_UNREAD;
        item->text = arena_str(&f->arena, str_of(now->err.text));
        return;
    }
    item->fate = FATE_STILL;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if ((item->change >> i & 1) && !version_eq(&item->written[i], &now->doc.versions[i]))
            item->fate = FATE_OVERWRITTEN;
    }
    if (item->fate == FATE_STILL)
        return;
    int64_t wrote_us = now->doc.updated_at_us;
    if (wrote_us != TIME_UNKNOWN && wrote_us > f->applied_at_us && wrote_us < now_us)
        item->at_us = wrote_us;
    item->text = brief.ptr ? arena_str(&f->arena, brief) : STR("another value");
    struct arena a = ARENA_INIT;
    app_say(app, STYLE_BAD, "OVERWRITTEN %.*s: %.*s: it is %.*s now: a writer runs",
            STR_ARG(time_text(&a, item->at_us)), STR_ARG(item->label), STR_ARG(item->text));
    arena_release(&a);
}

static void say_still(const struct follow *f, int64_t after_ms)
{
    size_t still = 0;
    for (size_t i = 0; i < f->n; i++)
        still += f->items[i].fate == FATE_STILL;
    if (still == f->n)
        app_say(f->session->app, STYLE_MESSAGE, "%.*s%s: still as written after %lld s",
                STR_ARG(f->items[0].label), f->n > 1 ? " and the others" : "",
                (long long)(after_ms / 1000));
}

static void read_done(struct job *job, void *owner)
{
    struct follow *f = owner;
    struct app *app = f->session->app;
    const struct reading *r = job->data;
    f->busy = false;
    f->readings++;
    app->follow_answers++;
    app->dirty = true;
    session_note_result(f->session, job);
    for (size_t i = 0; i < f->n; i++) {
        struct read_item failed = {.err = job->err};
        settle_item(f, &f->items[i], job->ok ? &r->now[i] : &failed,
                    job->ok ? r->briefs[i] : STR_NULL, app_now_us(app));
    }
    say_still(f, app->follow_ms[f->readings - 1]);
}

static void send_reading(struct follow *f)
{
    struct job *job = job_new(f->session->app->opts.timeout_ms, f);
    struct reading *r = arena_new(&job->arena, struct reading);
    r->n = f->n;
    r->ids = arena_array(&job->arena, struct str, f->n);
    for (size_t i = 0; i < f->n; i++)
        r->ids[i] = arena_str(&job->arena, f->items[i].id);
    job->data = r;
    job->run = read_run;
    job->done = read_done;
    f->busy = true;
    worker_send(f->session->worker, job);
}

int64_t follow_tick(struct app *app, int64_t now_ms)
{
    int64_t next = INT64_MAX;
    for (struct follow *f = app->follows; f; f = f->next) {
        if (f->busy || f->readings == READINGS)
            continue;
        int64_t due = f->applied_at_ms + app->follow_ms[f->readings];
        if (due <= now_ms)
            send_reading(f);
        else
            next = due < next ? due : next;
    }
    return next;
}

bool follow_is_busy(const struct app *app)
{
    const struct follow *f = app->follows;
    while (f && !f->busy)
        f = f->next;
    return f != NULL;
}

/* --- what the result says of it ------------------------------------------------------------- */

static const struct follow_item *find(const struct app *app, const char *plan_id, struct str id)
{
    for (const struct follow *f = app->follows; f; f = f->next) {
        for (size_t i = 0; i < f->n && strcmp(f->plan_id, plan_id) == 0; i++) {
            if (str_eq(f->items[i].id, id))
                return &f->items[i];
        }
    }
    return NULL;
}

struct str follow_text(const struct app *app, const struct plan *plan, struct str id,
                       struct arena *a, bool *ret_bad)
{
    const struct follow_item *item = find(app, plan->id, id);
    *ret_bad = item && (item->fate == FATE_OVERWRITTEN || item->fate == FATE_UNREAD);
    if (!item)
        return STR_NULL;
    struct str at = item->fate == FATE_OPEN ? STR("") : time_text(a, item->at_us);
    switch (item->fate) {
    case FATE_OPEN:
        return arena_printf(a, "a writer may run: read again after %lld s and %lld s",
                            (long long)(app->follow_ms[0] / 1000),
                            (long long)(app->follow_ms[1] / 1000));
    case FATE_STILL:
        return arena_printf(a, "still as written at %.*s", STR_ARG(at));
    case FATE_OVERWRITTEN:
        return arena_printf(a, "OVERWRITTEN %.*s: it is %.*s now: a writer runs", STR_ARG(at),
                            STR_ARG(item->text));
    case FATE_UNREAD:
        break;
    }
    return arena_printf(a, "could not be read again at %.*s: %.*s", STR_ARG(at),
                        STR_ARG(item->text));
}

void follow_free(struct app *app)
{
    while (app->follows) {
        struct follow *f = app->follows;
        app->follows = f->next;
        follow_release(f);
    }
}
