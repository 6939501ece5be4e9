#include "tui/probe.h"

#include "core/base/mem.h"

#include <stdlib.h>

enum { STOP_WAIT_MS = 200 };

/* A target whose stores are being looked for. Its worker has no store of its own. */
struct probe {
    const struct target *target;
    struct worker *worker;
    struct arena arena; /* the addresses of its sessions lie here */
    struct err err;
    bool done, ok;
};

struct probe_answer {
    const struct layout *const *layouts;
    const struct target *target;
    struct found *found;
    size_t n;
};

static bool probe_run(struct job *job, struct store *store)
{
    (void)store; /* there is none yet */
    struct probe_answer *answer = job->data;
    struct call call = job_call(job);
    return config_probe(answer->layouts, answer->target, &call, &job->arena, &answer->found,
                        &answer->n, &job->err);
}

static void add_session(struct app *app, const struct target *target, const struct found *found,
                        bool alone)
{
    struct arena a = ARENA_INIT;
    const char *given = target->shown ? target->shown : target->name;
    struct str name =
        alone ? str_of(given) : arena_printf(&a, "%s %s", given, found->address.system->name);
    struct err err = {0};
    struct session *session = session_open(app, target, found, name, &err);
    arena_release(&a);
    if (!session) {
        app_say_err(app, &err);
        return;
    }
    struct session **at = &app->sessions; /* in the order of the targets, whoever answered first */
    while (*at && (*at)->given <= target)
        at = &(*at)->next;
    session->given = target;
    session->next = *at;
    *at = session;
    app->nsessions++;
}

static void probe_done(struct job *job, void *owner)
{
    struct app *app = owner;
    struct probe_answer *answer = job->data;
    struct probe *probe = app->probes;
    while (probe->target != answer->target)
        probe++;
    probe->done = true;
    probe->ok = job->ok;
    probe->err = job->err;
    probe->arena = job->arena;
    job->arena = (struct arena)ARENA_INIT;
    app->probing--;
    for (size_t i = 0; i < answer->n && job->ok; i++)
        add_session(app, probe->target, &answer->found[i], answer->n == 1);
    if (app->nsessions == 1 && app->opts.ntargets == 1) /* its list is the first screen */
        view_records_begin(app, app->sessions);
    app_rows_changed(app, NULL, NULL);
}

static void probe_start(struct app *app, struct probe *probe, const struct target *target)
{
    probe->target = target;
    if (!worker_start(NULL, NULL, NULL, &probe->worker, &probe->err)) {
        probe->done = true;
        return;
    }
    struct job *job = job_new(app->opts.timeout_ms, app);
    struct probe_answer *answer = arena_new(&job->arena, struct probe_answer);
    answer->layouts = app->opts.layouts;
    answer->target = target;
    job->data = answer;
    job->run = probe_run;
    job->done = probe_done;
    app->probing++;
    worker_send(probe->worker, job);
}

void probes_start(struct app *app)
{
    app->probes = xcalloc(app->opts.ntargets + 1, sizeof app->probes[0]);
    for (size_t i = 0; i < app->opts.ntargets; i++)
        probe_start(app, &app->probes[i], &app->opts.targets[i]);
}

void probes_collect(struct app *app)
{
    for (size_t i = 0; i < app->opts.ntargets; i++) {
        struct probe *probe = &app->probes[i];
        if (!probe->worker)
            continue;
        worker_collect(probe->worker);
        if (!probe->done)
            continue;
        worker_stop(probe->worker, STOP_WAIT_MS);
        probe->worker = NULL; /* also when its thread was slow to end: it frees itself */
    }
}

size_t probes_fds(const struct app *app, int *ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < app->opts.ntargets && n < max; i++) {
        if (app->probes[i].worker)
            ret[n++] = worker_fd(app->probes[i].worker);
    }
    return n;
}

bool probes_stop(struct app *app, int64_t wait_ms)
{
    bool all = true;
    for (size_t i = 0; i < app->opts.ntargets; i++) {
        if (app->probes[i].worker)
            all = worker_stop(app->probes[i].worker, wait_ms) && all;
    }
    return all;
}

void probes_free(struct app *app)
{
    for (size_t i = 0; i < app->opts.ntargets; i++)
        arena_release(&app->probes[i].arena);
    free(app->probes);
}

bool app_probe(const struct app *app, size_t i, const struct target **ret, struct err *ret_err)
{
    *ret = app->probes[i].target;
    *ret_err = app->probes[i].err;
    return app->probes[i].done && app->probes[i].ok;
}
