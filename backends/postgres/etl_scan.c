/* Pages of tables: first all that have a current phase, then those that have rows but none, and the
 * positions that pipelines without any table left behind (5.1). */
#include "backends/postgres/etl.h"

#include "core/base/mem.h"

#include <stdlib.h>

struct etl_scan {
    bool in_lost;
    bool started;
    int64_t pid; /* last row given, as the database has it */
    int64_t oid;
};

bool etl_scan_open(struct store *store, const struct call *call, void **ret, struct err *err)
{
    *ret = xcalloc(1, sizeof(struct etl_scan));
    return true;
}

void etl_scan_close(struct store *store, void *scan)
{
    free(scan);
}

static struct row row_of(struct arena *arena, const PGresult *res, int i)
{
    uint64_t pid = (uint64_t)pg_i64(res, i, 0, 0);
    return (struct row){
        .id = arena_printf(arena, "%llu/%.*s", (unsigned long long)pid, STR_ARG(pg_str(res, i, 1))),
        .phase = pg_copy(arena, res, i, 2),
        .updated_at_us = pg_i64(res, i, 3, TIME_UNKNOWN),
        .label = pg_copy(arena, res, i, 4),
        .bytes = -1,
        .expires_at_us = TIME_UNKNOWN,
    };
}

static bool page(struct etl_store *es, struct etl_scan *scan, const char *sql, size_t max,
                 const struct call *call, struct arena *arena, struct row **ret, size_t *ret_n,
                 struct err *err)
{
    const struct str params[] = {
        arena_printf(arena, "%lld", (long long)(scan->started ? scan->pid : INT64_MIN)),
        arena_printf(arena, "%lld", (long long)scan->oid),
        es->one_pipeline ? etl_signed_pid(arena, es->pipeline) : STR_NULL,
        arena_printf(arena, "%zu", max),
    };
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(es->client, sql, params, 4, call, &res, err))
        return false;
    size_t n = (size_t)PQntuples(res);
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = row_of(arena, res, (int)i);
    if (n) {
        scan->started = true;
        scan->pid = pg_i64(res, (int)n - 1, 0, 0);
        scan->oid = pg_i64(res, (int)n - 1, 1, 0);
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

bool etl_scan_next(struct store *store, void *state, const struct call *call, struct arena *arena,
                   size_t max, struct row **ret, size_t *ret_n, struct err *err)
{
    struct etl_store *es = etl_store(store);
    struct etl_scan *scan = state;
    size_t n = 0;
    if (!scan->in_lost) {
        if (!page(es, scan, es->sql.scan, max, call, arena, ret, &n, err))
            return false;
        if (n || !es->sql.lost) {
            *ret_n = n;
            return true;
        }
        *scan = (struct etl_scan){.in_lost = true};
    }
    return page(es, scan, es->sql.lost, max, call, arena, ret, ret_n, err);
}
