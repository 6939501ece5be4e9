/* Which of its versions the schema `etl` is, and the statements for it. */
#include "backends/postgres/etl.h"

#include <string.h>

/* One row of answers; nothing here needs a privilege on the schema itself. */
static const char look_sql[] =
    "with t as ("
    "  select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    "  where n.nspname = 'etl' and c.relkind in ('r', 'p', 'v', 'f')"
    "), a as ("
    "  select t.relname, t.oid, a.attname, format_type(a.atttypid, null) as type"
    "  from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped"
    ") select"
    "  coalesce(bool_or(relname = 'replication_state' and attname = 'pipeline_id'), false),"
    "  coalesce(bool_or(relname = 'replication_state' and attname = 'is_current'), false),"
    "  coalesce(bool_or(relname = 'replication_state' and attname = 'created_at'), false)"
    "   and coalesce(bool_or(relname = 'replication_state' and attname = 'updated_at'), false),"
    "  to_regclass('etl.idx_replication_state_prev') is not null,"
    "  coalesce(bool_or(relname = 'table_schemas' and attname = 'pipeline_id'), false),"
    "  coalesce(bool_or(relname = 'table_columns' and attname = 'column_name'), false),"
    "  coalesce(bool_or(relname = 'table_schemas' and attname = 'snapshot_id'), false),"
    "  coalesce(bool_or(relname = 'table_schemas' and attname = 'snapshot_id' and type = 'text'),"
    "    false),"
    "  coalesce(bool_or(relname = 'replication_progress' and attname = 'flush_lsn'), false),"
    "  coalesce(bool_or(relname = 'destination_tables_metadata' and attname = 'table_id'), false),"
    "  coalesce(bool_or(relname = 'table_mappings' and attname = 'source_table_id'), false),"
    "  coalesce(bool_or(relname = 'table_columns' and attname = 'default_expression'), false),"
    "  coalesce(bool_and(relname <> 'replication_state'"
    "    or (has_table_privilege(oid, 'insert') and has_table_privilege(oid, 'update')"
    "        and has_table_privilege(oid, 'delete'))), false),"
    "  string_agg(distinct relname::text, ', ') filter (where not has_table_privilege(oid, "
    "    'select')),"
    "  coalesce((select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = "
    "    'etl'), true),"
    "  coalesce(bool_or(relname = 'destination_tables_metadata'"
    "    and attname = 'previous_replication_mask'), false)"
    " from a";

static bool readable(struct str unreadable, const char *table)
{
    return !unreadable.ptr || !memmem(unreadable.ptr, unreadable.len, table, strlen(table));
}

static struct str level_of(const struct etl_schema *s)
{
    if (s->legacy_a)
        return STR("legacy-A");
    if (s->legacy_b)
        return STR("legacy-B");
    if (s->pair_snapshots)
        return STR("L5+");
    if (s->default_expression)
        return STR("L4");
    if (s->progress)
        return STR("L3");
    return s->destinations ? STR("L2") : STR("L1");
}

bool etl_schema_look(struct pg_client *client, const struct call *call, struct arena *arena,
                     struct etl_schema *ret, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(client, look_sql, NULL, 0, call, &res, err))
        return false;
    bool usage = pg_bool(res, 0, 14);
    struct str no = usage ? pg_copy(arena, res, 0, 13) : STR("schema etl");
    bool present = pg_bool(res, 0, 0), chained = pg_bool(res, 0, 1);
    struct etl_schema s = {
        .states = present && usage && readable(no, "replication_state"),
        .legacy_a = present && !chained,
        .times = pg_bool(res, 0, 2),
        .legacy_b = chained && pg_bool(res, 0, 3),
        .schemas = usage && pg_bool(res, 0, 4) && readable(no, "table_schemas"),
        .columns = usage && pg_bool(res, 0, 5) && readable(no, "table_columns"),
        .snapshots = pg_bool(res, 0, 6),
        .pair_snapshots = pg_bool(res, 0, 7),
        .progress = usage && pg_bool(res, 0, 8) && readable(no, "replication_progress"),
        .destinations = usage && pg_bool(res, 0, 9) && readable(no, "destination_tables_metadata"),
        .previous_masks = pg_bool(res, 0, 15),
        .mappings = usage && pg_bool(res, 0, 10) && readable(no, "table_mappings"),
        .default_expression = pg_bool(res, 0, 11),
        .may_write_states = usage && pg_bool(res, 0, 12),
        .unreadable = no,
    };
    s.level = level_of(&s);
    if (!present)
        return err_set(err, ERR_NOT_FOUND, "there is no table etl.replication_state here");
    if (!s.states) {
        err_set(err, ERR_DENIED, "this role may not read %.*s", STR_ARG(no));
        return err_hint(err, "it needs usage on schema etl and select on its tables");
    }
    *ret = s;
    return true;
}

struct str etl_why_read_only(const struct etl_schema *s)
{
    if (s->legacy_a)
        return STR("the schema is from before August 2025 and keeps no history");
    return s->times ? STR_NULL : STR("the schema is from August 2025 and keeps no times");
}

/* --- statements ----------------------------------------------------------------------------- */

/* Names by 5.7: the catalogue, else the newest stored schema, else the destination's name. Where
 * the first two differ, the catalogue is believed only if the pipeline's slot says that this
 * database is its source: elsewhere the oid is some other table's. `w` is the row that has columns
 * pid and oid.
 */
static void names_sql(const struct etl_schema *s, struct sbuf *joins)
{
    sbuf_cstr(joins, " left join pg_class c on c.oid = w.oid and c.relkind in ('r', 'p')"
                     " and c.relnamespace <> 'etl'::regnamespace" /* never replicated */
                     " left join pg_namespace n on n.oid = c.relnamespace"
                     " left join pg_replication_slots source on source.slot_name ="
                     " 'supabase_etl_apply_' || w.pid and source.database = current_database()");
    if (s->schemas)
        sbuf_printf(joins,
                    " left join lateral (select t.schema_name || '.' || t.table_name as name"
                    "   from etl.table_schemas t where t.pipeline_id = w.pid and t.table_id = w.oid"
                    "   order by %s limit 1) k on true",
                    s->pair_snapshots ? "split_part(t.snapshot_id, ':', 1)::numeric desc,"
                                        " split_part(t.snapshot_id, ':', 2)::numeric desc"
                                      : (s->snapshots ? "t.snapshot_id desc" : "t.id desc"));
    else
        sbuf_cstr(joins, " left join (select null::text as name) k on true");
    if (s->destinations || s->mappings)
        sbuf_printf(joins,
                    " left join lateral (select d.destination_table_id as name from etl.%s d"
                    "   where d.pipeline_id = w.pid and d.%s = w.oid limit 1) d on true",
                    s->destinations ? "destination_tables_metadata" : "table_mappings",
                    s->destinations ? "table_id" : "source_table_id");
    else
        sbuf_cstr(joins, " left join (select null::text as name) d on true");
}

/* Oid 0, which is no relation's, stands for the pipeline's apply worker. */
#define LABEL                                                                                      \
    "case when w.oid = 0 then 'apply worker' else"                                                 \
    " coalesce(case when source.slot_name is null then k.name end, n.nspname || '.' || c.relname," \
    " k.name, d.name, w.oid::text) end"

static const char *finished(struct sbuf *text, struct arena *arena)
{
    const char *sql = arena_cstr(arena, sbuf_view(text));
    sbuf_release(text);
    return sql;
}

/* Current rows in the order of the unique index over them: each page is a range of it. */
static const char *scan_sql(const struct etl_schema *s, struct arena *arena, const char *from)
{
    struct sbuf sql = SBUF_INIT;
    sbuf_printf(&sql,
                "select w.pid, w.oid, w.state, w.at, " LABEL " from (%s"
                " and (r.pipeline_id, r.table_id) > ($1::int8, $2::oid)"
                " and ($3::int8 is null or r.pipeline_id = $3::int8)"
                " order by 1, 2 limit $4::int8) w",
                from);
    names_sql(s, &sql);
    sbuf_cstr(&sql, " order by w.pid, w.oid");
    return finished(&sql, arena);
}

/* Rows of tables without a current phase: a damaged history, and what a deleted pipeline leaves in
 * the other tables (5.1), the apply worker's position only once no table is left. */
static const char *lost_sql(const struct etl_schema *s, struct arena *arena)
{
#define NO_CURRENT(oid)                                                                            \
    " where not exists (select 1 from etl.replication_state x where x.is_current = true"           \
    " and x.pipeline_id = r.pipeline_id" oid ")"
#define OF_TABLE NO_CURRENT(" and x.table_id = r.table_id")
    const char *from =
        arena_printf(
            arena,
            "select r.pipeline_id as pid, r.table_id as oid, null::text as state, null::int8 as at"
            " from (select r.pipeline_id, r.table_id from etl.replication_state r" OF_TABLE
            "%s%s%s) r where true",
            s->schemas ? " union select r.pipeline_id, r.table_id from etl.table_schemas r" OF_TABLE
                       : "",
            s->destinations ? " union select r.pipeline_id, r.table_id from"
                              " etl.destination_tables_metadata r" OF_TABLE
                            : "",
            s->progress ? " union select r.pipeline_id, r.table_id from etl.replication_progress"
                          " r" OF_TABLE " and r.table_id is not null"
                          " union select r.pipeline_id, 0::oid from etl.replication_progress"
                          " r" NO_CURRENT("") " and r.table_id is null"
                        : "")
            .ptr;
    return scan_sql(s, arena, from);
}

/* Rows as JSON in which nothing depends on the session: times in UTC, bytes in hexadecimal, and
 * metadata as its text, so that SQL NULL and JSON null stay apart. Columns we do not know of come
 * along. jsonb orders the keys, so the text is canonical. */
#define TIMES                                                                                      \
    "'created_at', " PG_TIME_TEXT("r.created_at") ", 'updated_at', " PG_TIME_TEXT("r.updated_at")
#define TIMED "to_jsonb(r) || jsonb_build_object(" TIMES ")"
#define MASK(column) "'" column "', '\\x' || encode(r." column ", 'hex'), "
#define TABLE_ID "r.table_id"

/* Where the rows of one part are. */
struct part {
    const char *name;
    const char *row; /* a row as JSON; NULL: the part is not stored */
    const char *table;
    const char *oid; /* of a row `r` of it, as SQL */
};

/* Joins the part's rows of all wanted tables as `name`.t: one pass over the part's table, however
 * many are wanted (history rows have no index). The pass itself picks by oid, or it would make a
 * record of every row there is; only from version 14 on it looks the oid up instead of trying each.
 */
static void part_sql(struct sbuf *sql, const struct part *p, const struct pg_server *server)
{
    if (!p->row) {
        sbuf_printf(sql, " left join (select null::int8 as i, null::text as t) %s on false",
                    p->name);
        return;
    }
    sbuf_printf(sql,
                " left join (select w.i, jsonb_agg(%s order by r.id)::text as t from w join %s r"
                " on r.pipeline_id = w.pid and %s = w.oid",
                p->row, p->table, p->oid);
    if (server->version_number >= 140000)
        sbuf_printf(sql, " and %s = any($2::oid[])", p->oid);
    sbuf_printf(sql, " group by w.i) %s on %s.i = w.i", p->name, p->name);
}

/* Rows that somebody else has locked are passed over, not waited for. */
#define LOCKED                                                                                     \
    "(select x.* from etl.replication_state x where x.table_id = any($2::oid[])"                   \
    " and (x.pipeline_id, x.table_id) in"                                                          \
    "  (select u.pid, u.oid from unnest($1::int8[], $2::oid[]) u(pid, oid))"                       \
    " for update of x skip locked)"

static struct part states_part(const struct etl_schema *s, bool lock)
{
    if (s->legacy_a) /* no history: the one row a table has is shown as its chain */
        return (struct part){"states",
                             "to_jsonb(r) || jsonb_build_object('prev', null, 'is_current', true,"
                             " 'metadata', jsonb_strip_nulls(jsonb_build_object('type', r.state,"
                             " 'lsn', r.sync_done_lsn))::text)",
                             "(select 1 as id, x.* from etl.replication_state x)", TABLE_ID};
    return (struct part){
        "states",
        s->times ? "to_jsonb(r) || jsonb_build_object('metadata', r.metadata::text, " TIMES ")"
                 : "to_jsonb(r) || jsonb_build_object('metadata', r.metadata::text)",
        lock ? LOCKED : "etl.replication_state", TABLE_ID};
}

static struct part progress_part(const struct etl_schema *s)
{
    return (struct part){"progress", s->progress ? TIMED : NULL, "etl.replication_progress",
                         "coalesce(" TABLE_ID ", 0)"};
}

static struct part schemas_part(const struct etl_schema *s)
{
    static const char with_columns[] =
        "to_jsonb(r) || jsonb_build_object(" TIMES
        ", 'columns', coalesce((select jsonb_agg(to_jsonb(x) ||"
        " jsonb_build_object('created_at', " PG_TIME_TEXT(
            "x.created_at") ") order by x.id) from etl.table_columns x where "
                            "x.table_schema_id = r.id), '[]'::jsonb))";
    return (struct part){"schemas",
                         !s->schemas  ? NULL
                         : s->columns ? with_columns
                                      : TIMED,
                         "etl.table_schemas", TABLE_ID};
}

static struct part destination_part(const struct etl_schema *s)
{
    static const char row[] =
        "to_jsonb(r) || jsonb_build_object(" MASK("replication_mask") TIMES ")";
    static const char row_of_two[] = "to_jsonb(r) || jsonb_build_object(" MASK("replication_mask")
        MASK("previous_replication_mask") TIMES ")";
    if (s->destinations)
        return (struct part){"destination", s->previous_masks ? row_of_two : row,
                             "etl.destination_tables_metadata", TABLE_ID};
    return (struct part){"destination", s->mappings ? TIMED : NULL, "etl.table_mappings",
                         "r.source_table_id"};
}

static const char *read_sql(const struct etl_schema *s, bool lock, const struct pg_server *server,
                            struct arena *arena)
{
    struct sbuf sql = SBUF_INIT;
    sbuf_cstr(&sql, "with w as (select i, pid, oid from unnest($1::int8[], $2::oid[])"
                    " with ordinality u(pid, oid, i)), doc as (select w.i, " LABEL " as label,"
                    " states.t as st, progress.t as pt, schemas.t as ct, destination.t as dt,"
                    " coalesce(octet_length(states.t), 0) + coalesce(octet_length(progress.t), 0)"
                    " + coalesce(octet_length(schemas.t), 0)"
                    " + coalesce(octet_length(destination.t), 0) as bytes from w");
    const struct part parts[] = {states_part(s, lock), progress_part(s), schemas_part(s),
                                 destination_part(s)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        part_sql(&sql, &parts[i], server);
    names_sql(s, &sql);
    sbuf_cstr(&sql, ") select i, label, bytes, case when bytes <= $3::int8 then st end,"
                    " case when bytes <= $3::int8 then pt end,"
                    " case when bytes <= $3::int8 then ct end,"
                    " case when bytes <= $3::int8 then dt end, left(st, 4096) from doc order by i");
    return finished(&sql, arena);
}

/* Names now and then, size, the publications that have the table, directly, by its schema (from
 * version 15 on) or with all others, and how the pipeline is: has it tables, and how far is its
 * apply worker. */
static const char *facts_sql(const struct etl_schema *s, int version, struct arena *arena)
{
    struct sbuf sql = SBUF_INIT;
    sbuf_printf(&sql,
                "select w.i, n.nspname || '.' || c.relname, k.name,"
                " case when $3::bool then pg_total_relation_size(c.oid::regclass) end,"
                " (select json_agg(p.pubname order by p.pubname)::text from pg_publication p"
                "   where c.oid is not null and (p.puballtables or exists (select 1 from"
                "     pg_publication_rel x where x.prpubid = p.oid and x.prrelid = c.oid)%s)), %s"
                " from unnest($1::int8[], $2::oid[]) with ordinality w(pid, oid, i)",
                version < 150000 ? ""
                                 : " or exists (select 1 from pg_publication_namespace x"
                                   " where x.pnpubid = p.oid and x.pnnspid = c.relnamespace)",
                s->progress ? "(select jsonb_build_object('flush_lsn', r.flush_lsn, " TIMES
                              ")::text"
                              " from etl.replication_progress r where r.pipeline_id = w.pid"
                              " and r.table_id is null limit 1)"
                            : "null");
    names_sql(s, &sql);
    sbuf_cstr(&sql, " order by w.i");
    return finished(&sql, arena);
}

void etl_sql_make(const struct etl_schema *s, const struct pg_server *server, struct arena *arena,
                  struct etl_sql *ret)
{
    ret->facts = facts_sql(s, server->version_number, arena);
    ret->scan = scan_sql(
        s, arena,
        s->legacy_a ? "select r.pipeline_id as pid, r.table_id as oid, r.state::text as state,"
                      " null::int8 as at from etl.replication_state r where true"
        : s->times
            ? "select r.pipeline_id as pid, r.table_id as oid, r.state::text as state, " PG_TIME_US(
                  "r.created_at") " as at from etl.replication_state r where r.is_current = true"
            : "select r.pipeline_id as pid, r.table_id as oid, r.state::text as state,"
              " null::int8 as at from etl.replication_state r where r.is_current = true");
    ret->lost = s->legacy_a ? NULL : lost_sql(s, arena);
    ret->read = read_sql(s, false, server, arena);
    ret->lock = read_sql(s, true, server, arena);
}

/* --- ids ------------------------------------------------------------------------------------ */

struct str etl_signed_pid(struct arena *arena, uint64_t pipeline)
{
    return arena_printf(arena, "%lld", (long long)(int64_t)pipeline);
}

void etl_id_arrays(struct arena *arena, const struct str *ids, size_t n, struct str *ret_pids,
                   struct str *ret_oids)
{
    struct sbuf pids = SBUF_INIT, oids = SBUF_INIT;
    for (size_t i = 0; i < n; i++) {
        uint64_t pipeline = 0;
        uint32_t oid = 0;
        etl_id_parse(ids[i], &pipeline, &oid);
        sbuf_printf(&pids, "%c%lld", i ? ',' : '{', (long long)(int64_t)pipeline);
        sbuf_printf(&oids, "%c%u", i ? ',' : '{', oid);
    }
    sbuf_cstr(&pids, n ? "}" : "{}");
    sbuf_cstr(&oids, n ? "}" : "{}");
    *ret_pids = arena_str(arena, sbuf_view(&pids));
    *ret_oids = arena_str(arena, sbuf_view(&oids));
    sbuf_release(&pids);
    sbuf_release(&oids);
}
