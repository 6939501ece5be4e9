/* The thread that owns one store: jobs go in, finished jobs come out, an eventfd wakes the loop.
 *
 * The worker opens the store itself before the first job and again after it was lost, so whoever
 * sends a job never waits. All functions below are for one thread, the loop's, except those that
 * say otherwise. Workers take no signals. */
#ifndef PENSTOCK_WORKER_H
#define PENSTOCK_WORKER_H

#include "core/base/call.h"
#include "core/store.h"

struct worker;

/* A job carries its arena, its error and nothing shared. It is made by the loop, run once on the
 * worker's thread, and given back: `note` and `done` run on the loop's thread in worker_collect,
 * and never once the owner was forgotten. */
struct job {
    struct arena arena;
    struct err err;
    bool ok;
    bool urgent;          /* before all that are not; also when a running job breathes */
    int64_t timeout_ms;   /* of each store call; see job_call */
    struct cancel cancel; /* fired by worker_cancel, worker_forget and worker_stop */
    /* Returns ok; not called when the store cannot be opened (err says why). `store` is NULL for a
     * worker without a layout. */
    bool (*run)(struct job *job, struct store *store);
    void (*note)(struct job *job, void *owner, void *data); /* a partial result; may be NULL */
    /* Frees what a note holds beside its arena, after `note` or instead of it; may be NULL. */
    void (*drop)(struct job *job, void *data);
    void (*done)(struct job *job, void *owner); /* may be NULL */
    void (*release)(struct job *job); /* frees what `data` holds beside the arena; may be NULL */
    void *owner;
    void *data;
    /* The rest is the worker's. */
    struct worker *worker;
    struct job *next;
    bool forgotten;
};

/* `owner` (may be NULL) is handed to note and done, and names the job to worker_cancel. */
struct job *job_new(int64_t timeout_ms, void *owner);
/* For one that was never sent. */
void job_free(struct job *job);

/* From `run`, on the worker's thread: */
struct call job_call(struct job *job); /* a fresh deadline, the job's token */
/* Hands a partial result to `note`. The arena's blocks move into the message and are freed after
 * the callback; `arena` is empty afterwards. */
void job_note(struct job *job, struct arena *arena, void *data);
/* Runs the urgent jobs that wait, between two steps of a long one. No store call may be under way.
 */
void job_breathe(struct job *job, struct store *store);

/* `layout` NULL: a thread without a store. What `address` and `opts` point to must live until
 * worker_stop returned true. */
bool worker_start(const struct layout *layout, const struct address *address,
                  const struct store_opts *opts, struct worker **ret, struct err *err);
int worker_fd(const struct worker *worker); /* readable when worker_collect has something */
void worker_send(struct worker *worker, struct job *job);
/* Calls `note` and `done` of what came back, and frees finished jobs. Not from inside a callback.
 */
void worker_collect(struct worker *worker);
void worker_cancel(struct worker *worker, void *owner); /* running and queued jobs of this owner */
void worker_forget(struct worker *worker, void *owner); /* cancels; nothing of theirs comes back */

/* From the next job on the store is open for writing, or is not: it is opened anew. */
void worker_set_writable(struct worker *worker, bool writable);

/* How the store is, as of the last collect: its description while it is open (valid until the next
 * collect), else NULL and the error of the last attempt (kind NONE: none was made). */
const struct store_info *worker_info(const struct worker *worker, struct err *ret_err);

/* Cancels everything and waits at most wait_ms for the thread. False: it is stuck and was left
 * behind (quitting never joins a stuck worker); it frees itself when it comes back, and what its
 * jobs may touch must stay. */
bool worker_stop(struct worker *worker, int64_t wait_ms);

#endif
