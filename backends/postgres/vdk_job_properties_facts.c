/* What the control service's other tables tell of a job: executions under way, and its team. */
#include "backends/postgres/vdk_job_properties.h"

#include "core/systems/vdk/vdk.h"

static bool ask(struct jobs_store *s, const char *sql, const struct str *names, size_t n,
                const struct call *call, struct arena *arena, PGresult **ret, struct err *err)
{
    struct str array = pg_array(arena, names, n);
    return pg_read(s->client, sql, &array, 1, call, ret, err);
}

/* 0 is submitted, 1 running; local runs are not recorded [2.5]. */
bool jobs_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                   struct arena *arena, struct activity *ret, struct err *err)
{
    struct jobs_store *s = (struct jobs_store *)store;
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct jobs_place *places = arena_array(arena, struct jobs_place, n);
    struct str *names = arena_array(arena, struct str, n);
    size_t *index = arena_array(arena, size_t, n);
    size_t njobs = jobs_of(ids, n, arena, places, names, index);
    if (s->has_executions &&
        !ask(s,
             "select job_name, min(id) from data_job_execution where status in (0, 1)"
             " and job_name = any($1::text[]) group by job_name",
             names, njobs, call, arena, &res, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!s->has_executions) {
            ret[i].sight = ACTIVITY_BLIND;
            ret[i].why = STR("the control service's executions cannot be read from here");
        }
        for (int row = 0; res && row < PQntuples(res); row++) {
            if (!str_eq(pg_str(res, row, 0), places[i].job))
                continue;
            ret[i].sight = ACTIVITY_SEEN;
            ret[i].owner_live = ret[i].record_live = true;
            ret[i].who = arena_printf(arena, "execution %.*s of job %.*s",
                                      STR_ARG(pg_str(res, row, 1)), STR_ARG(places[i].job));
        }
    }
    return true;
}

bool jobs_teams(struct jobs_store *s, const struct str *names, size_t n, const struct call *call,
                struct arena *arena, struct str *ret, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!s->has_jobs || !n)
        return true;
    if (!ask(s,
             "select j.team from unnest($1::text[]) with ordinality k(name, place)"
             " left join data_job j on j.name = k.name order by k.place",
             names, n, call, arena, &res, err))
        return false;
    for (size_t i = 0; i < n && (size_t)PQntuples(res) == n; i++)
        ret[i] = pg_copy(arena, res, (int)i, 0);
    return true;
}

static const struct value *facts_of(struct str job, const PGresult *res, int row, bool has_jobs,
                                    struct arena *arena)
{
    const struct value *facts = value_empty_dict(arena);
    struct str team = pg_str(res, row, 1);
    facts = value_dict_with(arena, facts, VDK_FACT_SERVICE, &value_true);
    facts = value_dict_with(arena, facts, VDK_FACT_JOB, value_str(arena, job));
    if (team.ptr)
        facts = value_dict_with(arena, facts, VDK_FACT_TEAM, value_str(arena, team));
    if (has_jobs && !pg_bool(res, row, 2))
        facts = value_dict_with(arena, facts, VDK_FACT_NO_JOB, &value_true);
    if (!pg_bool(res, row, 3))
        facts = value_dict_with(arena, facts, VDK_FACT_NEW_JOB, &value_true);
    return facts;
}

bool jobs_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
                struct arena *arena, const struct value **ret, struct err *err)
{
    struct jobs_store *s = (struct jobs_store *)store;
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct jobs_place *places = arena_array(arena, struct jobs_place, n);
    struct str *names = arena_array(arena, struct str, n);
    size_t *index = arena_array(arena, size_t, n);
    size_t njobs = jobs_of(ids, n, arena, places, names, index);
    if (!ask(s,
             s->has_jobs ? "select k.name, j.team, j.name is not null, p.job_name is not null"
                           " from unnest($1::text[]) with ordinality k(name, place)"
                           " left join data_job j on j.name = k.name"
                           " left join job_properties p on p.job_name = k.name order by k.place"
                         : "select k.name, null, false, p.job_name is not null"
                           " from unnest($1::text[]) with ordinality k(name, place)"
                           " left join job_properties p on p.job_name = k.name order by k.place",
             names, njobs, call, arena, &res, err))
        return false;
    for (size_t i = 0; i < n && (size_t)PQntuples(res) == njobs; i++)
        ret[i] = facts_of(places[i].job, res, (int)index[i], s->has_jobs, arena);
    return true;
}
