#include "tui/ack.h"

#include "core/audit.h"
#include "core/base/clock.h"

struct ack_job {
    struct bench *bench;
    const char *path, *code;
    struct str store, reason;
    char who[256];
    int64_t at_us, until_us;
    struct acked_one {
        const char *id;
        struct str label;
    } * items;
    size_t n, room, taken;
    void (*done)(struct view *owner);
};

static void add(void *ctx, struct str key, struct str label, struct str part, const char *id)
{
    struct job *job = ctx;
    struct ack_job *data = job->data;
    data->items = arena_grow(&job->arena, data->items, data->n, &data->room, sizeof *data->items);
    data->items[data->n++] =
        (struct acked_one){arena_cstr(&job->arena, str_of(id)), arena_str(&job->arena, label)};
}

static bool run(struct job *job, struct store *store)
{
    struct ack_job *data = job->data;
    struct audit *audit;
    bench_store(data->bench, store);
    if (!bench_audit(data->bench, &audit, &job->err))
        return false;
    for (; data->taken < data->n; data->taken++) {
        struct ack ack = {.id = data->items[data->taken].id,
                          .at_us = data->at_us,
                          .until_us = data->until_us,
                          .who = data->who,
                          .reason = data->reason};
        struct acked what = {data->code, data->store, data->items[data->taken].label};
        if (!acks_take(data->path, audit, &ack, &what, &job->err))
            return false;
    }
    return true;
}

static void finished(struct job *job, void *owner)
{
    struct view *view = owner;
    struct ack_job *data = job->data;
    view->app->dirty = true;
    if (job->ok)
        app_say(view->app, STYLE_OK, "%s: %zu acknowledged until %.*s", data->code, data->taken,
                STR_ARG(time_rfc3339(&job->arena, data->until_us)));
    else
        app_say_err(view->app, &job->err);
    data->done(view);
}

void ack_group(struct view *owner, struct session *session, const char *code,
               const struct attention_hide *hide, int64_t span_us, void (*done)(struct view *owner))
{
    struct app *app = owner->app;
    struct job *job = job_new(app->opts.timeout_ms, owner);
    struct arena *a = &job->arena;
    struct ack_job *data = arena_new(a, struct ack_job);
    job->data = data;
    data->bench = session->bench;
    data->path = app->opts.acks_path;
    data->code = arena_cstr(a, str_of(code));
    data->store = arena_str(a, str_of(session->target.address.identity));
    data->reason = app_reason(app).ptr ? arena_str(a, app_reason(app)) : STR_NULL;
    data->at_us = app_now_us(app);
    data->until_us = data->at_us + span_us;
    data->done = done;
    audit_who(data->who);
    attention_each(session->attention, hide, code, add, job);
    job->run = run;
    job->done = finished;
    job->urgent = true;
    worker_send(session->worker, job);
}
