#include "core/worker.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum message_kind { MESSAGE_NOTE, MESSAGE_DONE, MESSAGE_STATE };

/* What comes out, in order: so a job is still there when its notes are looked at. */
struct message {
    enum message_kind kind;
    struct job *job;         /* NOTE, DONE */
    struct arena arena;      /* of `data`, of `info` */
    void *data;              /* NOTE */
    struct store_info *info; /* STATE: NULL when not open */
    struct err err;          /* STATE */
    struct message *next;
};

struct queue {
    struct job *first, **end;
};

struct worker {
    const struct layout *layout;
    const struct address *address;
    struct store_opts opts;
    pthread_t thread;
    int event_fd;
    atomic_bool writable; /* as it is wanted; opts.writable is as it is open */

    pthread_mutex_t mutex; /* guards all down to `orphan`, and job->forgotten of jobs inside */
    pthread_cond_t wake, ended;
    struct queue urgent, queue;
    struct job *running, *inner; /* inner: an urgent one, run while `running` breathes */
    struct message *out, **out_end;
    bool stopping, finished;
    bool orphan; /* left behind: the thread frees the worker */

    /* the thread's own */
    struct store *store;
    bool lost; /* the store is to be opened again before the next job */

    /* the loop's own */
    struct message *state; /* the newest STATE message, or NULL */
};

/* --- jobs ----------------------------------------------------------------------------------- */

struct job *job_new(int64_t timeout_ms, void *owner)
{
    struct job *job = xcalloc(1, sizeof *job);
    job->timeout_ms = timeout_ms;
    job->owner = owner;
    /* Without a descriptor the flag alone still cancels, only later. */
    struct err ignored;
    cancel_init(&job->cancel, &ignored);
    return job;
}

void job_free(struct job *job)
{
    if (job->release)
        job->release(job);
    arena_release(&job->arena);
    cancel_release(&job->cancel);
    free(job);
}

struct call job_call(struct job *job)
{
    return call_within(job->timeout_ms, &job->cancel);
}

/* --- what comes out ------------------------------------------------------------------------- */

static struct message *message_new(enum message_kind kind, struct job *job)
{
    struct message *m = xcalloc(1, sizeof *m);
    m->kind = kind;
    m->job = job;
    return m;
}

static void message_free(struct message *m)
{
    if (m->kind == MESSAGE_NOTE && m->job->drop)
        m->job->drop(m->job, m->data);
    arena_release(&m->arena);
    free(m);
}

/* With the mutex held; the caller wakes the loop afterwards. */
static void out_add(struct worker *w, struct message *m)
{
    *w->out_end = m;
    w->out_end = &m->next;
}

static void wake_loop(struct worker *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->event_fd, &one, sizeof one);
    (void)n; /* a full counter has woken the loop already */
}

static void message_post(struct worker *w, struct message *m)
{
    pthread_mutex_lock(&w->mutex);
    out_add(w, m);
    pthread_mutex_unlock(&w->mutex);
    wake_loop(w);
}

void job_note(struct job *job, struct arena *arena, void *data)
{
    struct message *m = message_new(MESSAGE_NOTE, job);
    m->arena = *arena;
    m->data = data;
    *arena = (struct arena)ARENA_INIT;
    message_post(job->worker, m);
}

/* The store may be closed by its thread at any time, so the loop gets a copy. */
static struct store_info *info_copy(struct arena *a, const struct store_info *from)
{
    struct store_info *to = arena_new(a, struct store_info);
    *to = *from;
    struct str *texts[] = {&to->identity,      &to->server, &to->version, &to->layout_version,
                           &to->why_read_only, &to->rights, &to->note};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i]->ptr)
            *texts[i] = arena_str(a, *texts[i]);
    }
    return to;
}

static void post_state(struct worker *w, const struct err *err)
{
    struct message *m = message_new(MESSAGE_STATE, NULL);
    if (err)
        m->err = *err;
    else
        m->info = info_copy(&m->arena, store_info(w->store));
    message_post(w, m);
}

/* --- the thread ----------------------------------------------------------------------------- */

static void queue_add(struct queue *q, struct job *job)
{
    job->next = NULL;
    *q->end = job;
    q->end = &job->next;
}

static struct job *queue_take(struct queue *q)
{
    struct job *job = q->first;
    if (job) {
        q->first = job->next;
        if (!q->first)
            q->end = &q->first;
    }
    return job;
}

static bool store_ready(struct worker *w, struct job *job)
{
    if (!w->layout)
        return true;
    bool writable = atomic_load(&w->writable);
    if (w->opts.writable != writable) {
        w->opts.writable = writable;
        w->lost = true;
    }
    if (w->store && w->lost) {
        store_close(w->store);
        w->store = NULL;
    }
    w->lost = false;
    if (w->store)
        return true;
    struct call call = job_call(job);
    bool ok = store_open(w->layout, w->address, &w->opts, &call, &w->store, &job->err);
    if (ok || job->err.kind != ERR_CANCELLED) /* who gave up says nothing about the store */
        post_state(w, ok ? NULL : &job->err);
    return ok;
}

static void run_job(struct worker *w, struct job *job)
{
    job->ok = job->run(job, w->store);
    if (!job->ok && job->err.kind == ERR_UNAVAILABLE && w->store && !w->lost) {
        w->lost = true;
        if (!atomic_load(&job->cancel.fired)) /* else it is we who closed the connection */
            post_state(w, &job->err);
    }
}

/* A job is always in a queue, in a slot or in a message, so that worker_forget finds it. */
static void end_job(struct worker *w, struct job **slot, struct job *job)
{
    struct message *m = message_new(MESSAGE_DONE, job);
    pthread_mutex_lock(&w->mutex);
    *slot = NULL;
    out_add(w, m);
    pthread_mutex_unlock(&w->mutex);
    wake_loop(w);
}

void job_breathe(struct job *job, struct store *store)
{
    struct worker *w = job->worker;
    assert(store == w->store);
    for (;;) {
        pthread_mutex_lock(&w->mutex);
        bool may = w->running == job && !w->inner && !w->stopping;
        struct job *inner = may ? queue_take(&w->urgent) : NULL;
        w->inner = may ? inner : w->inner;
        pthread_mutex_unlock(&w->mutex);
        if (!inner)
            return;
        run_job(w, inner);
        end_job(w, &w->inner, inner);
    }
}

static void worker_free(struct worker *w);

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        pthread_mutex_lock(&w->mutex);
        while (!w->stopping && !w->urgent.first && !w->queue.first)
            pthread_cond_wait(&w->wake, &w->mutex);
        struct job *job = NULL;
        if (!w->stopping) {
            job = queue_take(&w->urgent);
            w->running = job = job ? job : queue_take(&w->queue);
        }
        pthread_mutex_unlock(&w->mutex);
        if (!job)
            break;
        if (store_ready(w, job))
            run_job(w, job);
        end_job(w, &w->running, job);
    }
    store_close(w->store);
    w->store = NULL;
    pthread_mutex_lock(&w->mutex);
    w->finished = true;
    bool orphan = w->orphan;
    pthread_cond_broadcast(&w->ended);
    pthread_mutex_unlock(&w->mutex);
    if (orphan)
        worker_free(w);
    return NULL;
}

/* --- the loop's side ------------------------------------------------------------------------ */

bool worker_start(const struct layout *layout, const struct address *address,
                  const struct store_opts *opts, struct worker **ret, struct err *err)
{
    struct worker *w = xcalloc(1, sizeof *w);
    w->layout = layout;
    w->address = address;
    if (opts)
        w->opts = *opts;
    atomic_init(&w->writable, w->opts.writable);
    w->urgent.end = &w->urgent.first;
    w->queue.end = &w->queue.first;
    w->out_end = &w->out;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->ended, &attr);
    pthread_condattr_destroy(&attr);
    w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event_fd < 0) {
        int error = errno;
        worker_free(w);
        return err_set(err, ERR_INTERNAL, "cannot make an eventfd: %s", strerror(error));
    }
    /* The thread inherits the mask it is made under. A crash is the crashing thread's own. */
    sigset_t all, old;
    sigfillset(&all);
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int error = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error) {
        worker_free(w);
        return err_set(err, ERR_INTERNAL, "cannot start a thread: %s", strerror(error));
    }
    *ret = w;
    return true;
}

int worker_fd(const struct worker *worker)
{
    return worker->event_fd;
}

void worker_send(struct worker *w, struct job *job)
{
    job->worker = w;
    pthread_mutex_lock(&w->mutex);
    queue_add(job->urgent ? &w->urgent : &w->queue, job);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

static struct message *take_message(struct worker *w, bool *ret_forgotten)
{
    pthread_mutex_lock(&w->mutex);
    struct message *m = w->out;
    if (m) {
        w->out = m->next;
        if (!w->out)
            w->out_end = &w->out;
        *ret_forgotten = m->job && m->job->forgotten;
    }
    pthread_mutex_unlock(&w->mutex);
    return m;
}

void worker_collect(struct worker *w)
{
    uint64_t count;
    ssize_t n = read(w->event_fd, &count, sizeof count);
    (void)n; /* nothing to read: nobody woke us, which is fine */
    struct message *m;
    bool forgotten = false;
    while ((m = take_message(w, &forgotten))) {
        struct job *job = m->job;
        if (m->kind == MESSAGE_STATE) {
            if (w->state)
                message_free(w->state);
            w->state = m;
            continue;
        }
        if (m->kind == MESSAGE_NOTE && job->note && !forgotten)
            job->note(job, job->owner, m->data);
        if (m->kind == MESSAGE_DONE) {
            if (job->done && !forgotten)
                job->done(job, job->owner);
            job_free(job);
        }
        message_free(m);
    }
}

void worker_set_writable(struct worker *w, bool writable)
{
    atomic_store(&w->writable, writable);
}

const struct store_info *worker_info(const struct worker *worker, struct err *ret_err)
{
    if (ret_err)
        *ret_err = worker->state ? worker->state->err : (struct err){0};
    return worker->state ? worker->state->info : NULL;
}

static void cancel_job(struct job *job, void *owner, bool forget)
{
    if (!job || job->owner != owner)
        return;
    cancel_fire(&job->cancel);
    job->forgotten = job->forgotten || forget;
}

static void cancel_owner(struct worker *w, void *owner, bool forget)
{
    pthread_mutex_lock(&w->mutex);
    cancel_job(w->running, owner, forget);
    cancel_job(w->inner, owner, forget);
    for (struct job *job = w->urgent.first; job; job = job->next)
        cancel_job(job, owner, forget);
    for (struct job *job = w->queue.first; job; job = job->next)
        cancel_job(job, owner, forget);
    for (struct message *m = w->out; m; m = m->next)
        cancel_job(m->job, owner, forget);
    pthread_mutex_unlock(&w->mutex);
}

void worker_cancel(struct worker *worker, void *owner)
{
    cancel_owner(worker, owner, false);
}

void worker_forget(struct worker *worker, void *owner)
{
    cancel_owner(worker, owner, true);
}

static void worker_free(struct worker *w)
{
    struct job *job;
    while ((job = queue_take(&w->urgent)) || (job = queue_take(&w->queue)))
        job_free(job);
    while (w->out) {
        struct message *m = w->out;
        w->out = m->next;
        if (m->kind == MESSAGE_DONE)
            job_free(m->job);
        message_free(m);
    }
    if (w->state)
        message_free(w->state);
    if (w->event_fd >= 0)
        close(w->event_fd);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

bool worker_stop(struct worker *w, int64_t wait_ms)
{
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    if (w->running)
        cancel_fire(&w->running->cancel);
    if (w->inner)
        cancel_fire(&w->inner->cancel);
    pthread_cond_signal(&w->wake);
    int error = 0;
    while (!w->finished && error == 0)
        error = pthread_cond_timedwait(&w->ended, &w->mutex, &until);
    bool finished = w->finished;
    if (!finished) {
        w->orphan = true;
        pthread_detach(w->thread);
    }
    pthread_mutex_unlock(&w->mutex);
    if (finished) {
        pthread_join(w->thread, NULL);
        worker_free(w);
    }
    return finished;
}
