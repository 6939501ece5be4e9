#include "cli/pages.h"

#include "core/base/mem.h"
#include "core/worker.h"

#include <poll.h>
#include <stdlib.h>

/* The first ids come at once. Later pages are large: each costs the store several answers, whatever
 * its size. */
enum { FIRST_PAGE = 200, PAGE = 20000, AHEAD = 2 };
enum { UNTIL_IT_ENDS_MS = 1000000000 }; /* each call ends by its deadline or its token */

struct page {
    struct arena arena;
    struct row *rows;
    size_t n;
    bool ok;
    struct err err;
};

struct pages {
    struct cli *cli;
    struct store *store;
    struct page now; /* the caller's */
    bool started;
    struct worker *worker; /* NULL as long as the first page is enough: the caller reads that one */
    struct scan *scan;     /* from then on the thread's, like `ended` */
    bool ended;            /* nothing follows, or the store failed */
    struct page came[AHEAD];
    size_t ncame, ntaken; /* all so far; those between lie in `came` */
};

static bool page_read(struct pages *pages, size_t max, const struct call *call, struct page *ret)
{
    ret->ok = store_scan_next(pages->scan, call, &ret->arena, max, &ret->rows, &ret->n, &ret->err);
    return ret->ok && ret->n;
}

/* --- the thread ------------------------------------------------------------------------------ */

static bool run_job(struct job *job, struct store *none)
{
    struct pages *pages = job->owner;
    struct call call = job_call(job);
    struct page *page = job->data;
    if (pages->ended)
        page->ok = true;
    else
        pages->ended = !page_read(pages, PAGE, &call, page);
    return true;
}

static void release_job(struct job *job)
{
    struct page *page = job->data;
    arena_release(&page->arena);
}

/* --- the caller ------------------------------------------------------------------------------ */

static void job_came(struct job *job, void *owner)
{
    struct pages *pages = owner;
    struct page *page = job->data;
    pages->came[pages->ncame++ % AHEAD] = *page;
    page->arena = (struct arena)ARENA_INIT;
}

static void ask(struct pages *pages)
{
    struct job *job = job_new(pages->cli->opts.timeout_ms, pages);
    job->data = arena_new(&job->arena, struct page);
    job->run = run_job;
    job->done = job_came;
    job->release = release_job;
    worker_send(pages->worker, job);
}

bool pages_open(struct cli *cli, struct store *store, struct pages **ret, struct err *err)
{
    struct scan *scan;
    struct call call = cli_call(cli);
    if (!store_scan_ids(store, &call, &scan, err))
        return false;
    *ret = xcalloc(1, sizeof **ret);
    **ret = (struct pages){.cli = cli, .store = store, .scan = scan};
    return true;
}

static bool start(struct pages *pages, struct err *err)
{
    if (!worker_start(NULL, NULL, NULL, &pages->worker, err))
        return false;
    for (int i = 0; i < AHEAD; i++)
        ask(pages);
    return true;
}

static bool take(struct pages *pages, struct err *err)
{
    struct call call = {INT64_MAX, &pages->cli->cancel};
    while (pages->ncame == pages->ntaken) {
        if (!call_wait_fd(&call, worker_fd(pages->worker), POLLIN, "listing ids", err))
            return err_context(err, "%.*s", STR_ARG(store_info(pages->store)->identity));
        worker_collect(pages->worker);
    }
    pages->now = pages->came[pages->ntaken++ % AHEAD];
    ask(pages);
    return true;
}

bool pages_next(struct pages *pages, struct row **ret, size_t *ret_n, struct err *err)
{
    bool first = !pages->started;
    arena_release(&pages->now.arena);
    pages->now = (struct page){0};
    pages->started = true;
    if (first) {
        struct call call = cli_call(pages->cli);
        pages->ended = !page_read(pages, FIRST_PAGE, &call, &pages->now);
    } else if ((!pages->worker && !start(pages, err)) || !take(pages, err)) {
        return false;
    }
    if (!pages->now.ok) {
        if (err)
            *err = pages->now.err;
        return false;
    }
    *ret = pages->now.rows;
    *ret_n = pages->now.n;
    return true;
}

void pages_close(struct pages *pages)
{
    if (pages->worker)
        worker_stop(pages->worker, UNTIL_IT_ENDS_MS);
    store_scan_close(pages->scan);
    for (; pages->ntaken < pages->ncame; pages->ntaken++)
        arena_release(&pages->came[pages->ntaken % AHEAD].arena);
    arena_release(&pages->now.arena);
    free(pages);
}
