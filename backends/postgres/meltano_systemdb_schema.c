#include "backends/postgres/meltano_systemdb.h"

/* --- the catalogue --------------------------------------------------------------------------- */

static void note_column(struct pg_systemdb *found, struct str table, struct str column,
                        bool *alembic)
{
    for (unsigned i = 0; str_is(table, "state") && i < 4; i++)
        found->schema.state_columns |= str_is(column, systemdb_state_columns[i]) ? 1u << i : 0;
    for (unsigned i = 0; str_is(table, "runs") && i < RUN_COLUMNS; i++)
        found->schema.run_columns |= str_is(column, systemdb_run_columns[i]) ? 1u << i : 0;
    if (str_is(table, "alembic_version") && str_is(column, "version_num"))
        *alembic = true;
}

/* The fewer catalogues a statement asks the sooner a fresh server process answers it: a join with
 * pg_class costs half as much again. */
static bool columns_read(struct pg_client *client, const struct call *call,
                         struct pg_systemdb *found, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    bool alembic = false;
    if (!pg_read(client,
                 "select attrelid::regclass, attname,"
                 " (select relkind in ('r', 'p') from pg_class where oid = attrelid),"
                 " has_table_privilege(attrelid, 'select') from pg_attribute"
                 " where attrelid = any(array[to_regclass('state'), to_regclass('runs'),"
                 " to_regclass('alembic_version')]) and attnum > 0 and not attisdropped",
                 NULL, 0, call, &res, err))
        return false;
    for (int i = 0; i < PQntuples(res); i++) {
        if (!pg_bool(res, i, 2)) /* a view */
            continue;
        note_column(found, pg_str(res, i, 0), pg_str(res, i, 1), &alembic);
        if (str_is(pg_str(res, i, 0), "alembic_version"))
            found->reads_revision = pg_bool(res, i, 3);
    }
    /* Beside a `runs` table a table `state` with a state_id is the system's, alone the plug-in's.
     */
    found->is_systemdb = (found->schema.state_columns & 1) && found->schema.run_columns && alembic;
    return true;
}

static bool rights_read(struct pg_client *client, const struct call *call,
                        struct pg_systemdb *found, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(client,
                 "select has_table_privilege('state', 'select') and has_table_privilege('state', "
                 "'insert') and has_table_privilege('state', 'update') and"
                 " has_table_privilege('state', 'delete'),"
                 " has_table_privilege('runs', 'select') and has_table_privilege('runs', 'insert')"
                 " and coalesce(has_sequence_privilege(pg_get_serial_sequence('runs', 'id'), "
                 "'usage'), true), has_table_privilege('runs', 'delete')",
                 NULL, 0, call, &res, err))
        return false;
    found->writes_state = pg_bool(res, 0, 0);
    found->adds_runs = pg_bool(res, 0, 1);
    found->removes_runs = pg_bool(res, 0, 2);
    return true;
}

static bool revision_read(struct pg_client *client, const struct call *call, struct arena *arena,
                          struct pg_systemdb *found, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(client, "select version_num from alembic_version limit 2", NULL, 0, call, &res,
                 err))
        return false;
    if (PQntuples(res) == 1)
        found->schema.revision = pg_copy(arena, res, 0, 0);
    return true;
}

static bool look(struct pg_client *client, bool writable, const struct call *call,
                 struct arena *arena, struct pg_systemdb *found, struct err *err)
{
    if (!columns_read(client, call, found, err))
        return false;
    if (!found->is_systemdb)
        return true;
    return (!writable || rights_read(client, call, found, err)) &&
           (!found->reads_revision || revision_read(client, call, arena, found, err));
}

bool pg_systemdb_look(struct pg_client *client, bool writable, const struct call *call,
                      struct arena *arena, struct pg_systemdb *ret, struct err *err)
{
    struct pg_systemdb found = {0};
    if (!look(client, writable, call, arena, &found, err))
        return false;
    *ret = found;
    return true;
}

/* --- for who only reads ---------------------------------------------------------------------- */

#define IS_TABLE(name)                                                                             \
    "(pg_identify_object('pg_class'::regclass, to_regclass('" name "'), 0)).type = 'table'"

/* The revision, whether all is as usual, and the columns of `state` by their names alone. A fresh
 * server process answers this in half the time of the catalogue. It takes no lock on `runs`, which
 * somebody may be rewriting. */
static const char usual_sql[] =
    "select version_num, " IS_TABLE("alembic_version") " and " IS_TABLE("state") " and " IS_TABLE(
        "runs") " and has_column_privilege('runs', 'job_name', 'select') is not null, s.*"
                " from alembic_version left join state s on false limit 2";

/* *ret_usual false: the catalogue has to tell what is there. */
static bool usual_read(struct pg_client *client, const struct call *call, struct arena *arena,
                       struct pg_systemdb *found, bool *ret_usual, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    struct err why = {0};
    bool alembic = true;
    if (!pg_read(client, usual_sql, NULL, 0, call, &res, &why)) {
        *ret_usual = false;
        if (why.kind == ERR_UNSUPPORTED || why.kind == ERR_DENIED)
            return true;
        if (err)
            *err = why;
        return false;
    }
    for (int i = 2; i < PQnfields(res); i++)
        note_column(found, STR("state"), str_of(PQfname(res, i)), &alembic);
    found->is_systemdb = found->schema.state_columns & 1;
    found->reads_revision = true;
    *ret_usual = found->is_systemdb && PQntuples(res) == 1 && pg_bool(res, 0, 1);
    if (*ret_usual)
        found->schema.revision = pg_copy(arena, res, 0, 0);
    return true;
}

bool pg_systemdb_look_to_read(struct pg_client *client, const struct call *call,
                              struct arena *arena, struct pg_systemdb *ret, struct err *err)
{
    struct pg_systemdb found = {0};
    bool usual;
    if (!usual_read(client, call, arena, &found, &usual, err))
        return false;
    if (!usual)
        return pg_systemdb_look(client, false, call, arena, ret, err);
    *ret = found;
    return true;
}

/* --- what follows from it -------------------------------------------------------------------- */

static void rights_judge(const struct pg_systemdb *found, struct store *store)
{
    struct store_info *info = &store->info;
    if (!found->writes_state)
        store_read_only(store, STR("this role may not write the table state"));
    if (!found->adds_runs)
        store_read_only(store, STR("this role may not add to the table runs or use its sequence"));
    info->rights = !info->writable       ? STR("reads state and runs")
                   : found->removes_runs ? STR("reads and writes state and runs")
                                         : STR("reads and writes state, adds to runs; undo cannot "
                                               "take the added row away");
}

bool pg_systemdb_judge(const struct pg_systemdb *found, struct store *store, struct err *err)
{
    if (!found->is_systemdb) {
        err_set(err, ERR_UNSUPPORTED, "there is no system database of Meltano in this database");
        return err_hint(err, "it needs the tables state, runs and alembic_version on the search "
                             "path; a project that was last run before Meltano 2.7.1 has no table "
                             "state yet");
    }
    rights_judge(found, store);
    return systemdb_schema_judge(&found->schema, store, err);
}
