/* The thread that owns one store: jobs go in, finished jobs come out, an eventfd wakes the loop. */
#ifndef PENSTOCK_WORKER_H
#define PENSTOCK_WORKER_H

#include "core/base/call.h"
#include "core/store.h"

struct worker;

/* A job carries its arena, its error and nothing shared. It is made by the loop, run once on the
 * worker's thread, and given back; `done` runs on the loop's thread in worker_collect. */
struct job {
    struct arena arena;
    struct err err;
    bool ok;
    int64_t timeout_ms;   /* of the whole job */
    struct cancel cancel; /* fired by worker_cancel */
    bool (*run)(struct job *job, struct store *store, const struct call *call);
    void (*done)(struct job *job, void *owner); /* not called when the owner has gone */
    void (*release)(struct job *job);           /* frees what `data` holds; may be NULL */
    void *owner;
    void *data;
    struct job *next;
};

struct job *job_new(int64_t timeout_ms, void *owner);

/* The worker opens the store itself (and again after it was lost); `opened` of the first job tells.
 */
bool worker_start(const struct layout *layout, const struct address *address,
                  const struct store_opts *opts, struct worker **ret, struct err *err);
int worker_fd(const struct worker *worker); /* readable when worker_collect has something */
void worker_send(struct worker *worker, struct job *job);
/* Calls `done` of finished jobs and frees them. */
void worker_collect(struct worker *worker);
void worker_cancel(struct worker *worker, void *owner); /* running and queued jobs of this owner */
void worker_forget(struct worker *worker, void *owner); /* cancels; their `done` never runs */
/* Cancels everything; waits at most wait_ms for the thread, then leaves it behind (quitting never
 * joins a stuck worker). */
void worker_stop(struct worker *worker, int64_t wait_ms);

#endif
