#include "cli/visit.h"

#include <string.h>

enum { PAGE = 200 };

struct visit_run {
    struct open_store *store;
    void (*visit)(void *ctx, struct open_store *store, const struct sheet_input *in,
                  const struct err *problem);
    void *ctx;
};

static void visit_one(void *ctx, const struct sheet_input *in, const struct err *problem)
{
    struct visit_run *run = ctx;
    run->visit(run->ctx, run->store, in, problem);
}

static bool visit_store(struct cli *cli, struct visit_run *run, unsigned what, struct err *err)
{
    struct store *store = run->store->store;
    struct scan *scan;
    struct call call = cli_call(cli);
    bool ok = store_scan_open(store, &call, &scan, err), more = ok;
    if (!ok)
        return false;
    while (more) {
        struct arena page = ARENA_INIT;
        struct row *rows;
        size_t n = 0;
        call = cli_call(cli);
        ok = store_scan_next(scan, &call, &page, PAGE, &rows, &n, err) &&
             listing_visit(store, rows, n, what, clock_now_us(), &call, visit_one, run, err);
        more = ok && n;
        arena_release(&page);
    }
    store_scan_close(scan);
    return ok;
}

bool visit_records(struct cli *cli, unsigned what,
                   void (*visit)(void *ctx, struct open_store *store, const struct sheet_input *in,
                                 const struct err *problem),
                   void *ctx, struct err *err)
{
    for (size_t i = 0; i < cli->nstores; i++) {
        struct visit_run run = {&cli->stores[i], visit, ctx};
        struct err why = {0};
        if (visit_store(cli, &run, what, &why))
            continue;
        if (why.kind == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        cli_report_on(cli, &why);
    }
    return true;
}
