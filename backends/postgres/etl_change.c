/* One table's edit inside a transaction of the caller's: writes only what differs, and says whether
 * what was read back is what was meant. */
#include "backends/postgres/etl.h"

#include "core/json.h"

#include <string.h>

enum { PARTS = 4 };

struct etl_change etl_change_of(struct etl_store *es, struct commit_item *item,
                                const struct call *call, struct arena *arena)
{
    uint64_t pipeline;
    uint32_t oid;
    etl_id_parse(item->id, &pipeline, &oid);
    return (struct etl_change){.es = es,
                               .item = item,
                               .call = call,
                               .arena = arena,
                               .pid = etl_signed_pid(arena, pipeline),
                               .oid = arena_printf(arena, "%u", oid)};
}

/* Runs a statement that must touch exactly `want` rows; others are a conflict. */
static bool write_rows(struct etl_change *c, const char *sql, const struct str *params, size_t n,
                       int64_t want, const char *what, struct err *err)
{
    int64_t touched;
    if (!pg_exec(c->es->client, sql, params, n, c->call, &touched, err))
        return err_context(err, "%s", what);
    if (touched == want)
        return true;
    return err_set(err, ERR_CONFLICT, "%s: %lld rows where %lld were expected", what,
                   (long long)touched, (long long)want);
}

/* --- states: only the rows that differ ------------------------------------------------------- */

static const struct value *find_row(const struct value *states, int64_t id)
{
    for (size_t i = 0; i < value_count(states); i++) {
        const struct value *row = value_at(states, i);
        int64_t other;
        if (value_to_i64(value_get(row, "id"), &other) && other == id)
            return row;
    }
    return NULL;
}

static bool is_late(const struct value *v)
{
    return v && v->type == VALUE_LATE;
}

/* A cell as a parameter: late values and nulls are NULL, metadata is written as JSON. */
static bool cell_param(struct etl_change *c, const struct value *row, const char *name,
                       struct str *ret, struct err *err)
{
    const struct value *v = value_get(row, name);
    *ret = STR_NULL;
    if (!v || value_is_null(v) || is_late(v))
        return true;
    if (strcmp(name, "metadata") == 0) {
        struct sbuf json = SBUF_INIT;
        bool ok = json_write(&json, v, JSON_UTF8, err);
        if (ok)
            *ret = arena_str(c->arena, sbuf_view(&json));
        sbuf_release(&json);
        return ok;
    }
    if (v->type == VALUE_BOOL)
        *ret = v->boolean ? STR("t") : STR("f");
    else if (v->type == VALUE_STR || v->type == VALUE_INT)
        *ret = v->text;
    else
        return err_set(err, ERR_INVALID, "column %s cannot hold %s", name,
                       value_type_name(v->type));
    return true;
}

static const struct {
    const char *name, *type;
} columns[] = {
    {"id", "int8"},
    {"state", "etl.table_state"},
    {"metadata", "jsonb"},
    {"prev", "int8"},
    {"is_current", "bool"},
    {"created_at", "timestamptz"},
    {"updated_at", "timestamptz"},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* The columns of `after` that differ from `before`, and no others. */
static bool update_row(struct etl_change *c, const struct value *before, const struct value *after,
                       struct err *err)
{
    struct sbuf sql = SBUF_INIT;
    struct str params[COLUMNS + 3];
    size_t n = 0;
    bool ok = cell_param(c, after, "id", &params[n++], err);
    params[n++] = c->pid;
    params[n++] = c->oid;
    for (size_t i = 1; ok && i < COLUMNS; i++) {
        const struct value *new = value_get(after, columns[i].name);
        if (!is_late(new) && value_equal(value_get(before, columns[i].name), new))
            continue;
        sbuf_printf(&sql, "%s%s = ", !sql.len ? "update etl.replication_state set " : ", ",
                    columns[i].name);
        if (is_late(new)) {
            sbuf_cstr(&sql, "now()");
            continue;
        }
        sbuf_printf(&sql, "$%zu::%s", n + 1, columns[i].type);
        ok = cell_param(c, after, columns[i].name, &params[n++], err);
    }
    if (ok && sql.len) {
        sbuf_cstr(&sql, " where id = $1::int8 and pipeline_id = $2::int8 and table_id = $3::oid");
        ok = write_rows(c, sbuf_view(&sql).ptr, params, n, 1, "update of a phase row", err);
    }
    sbuf_release(&sql);
    return ok;
}

/* Explicit ids come back at undo ("overriding system value"), a late one is the identity's. */
static bool insert_row(struct etl_change *c, const struct value *row, struct err *err)
{
    struct sbuf names = SBUF_INIT, values = SBUF_INIT;
    struct str params[COLUMNS + 2] = {c->pid, c->oid};
    size_t n = 2;
    bool ok = true;
    for (size_t i = 0; ok && i < COLUMNS; i++) {
        const struct value *v = value_get(row, columns[i].name);
        if (is_late(v))
            continue; /* the column's own default: identity, now() */
        sbuf_printf(&names, ", %s", columns[i].name);
        sbuf_printf(&values, ", $%zu::%s", n + 1, columns[i].type);
        ok = cell_param(c, row, columns[i].name, &params[n++], err);
    }
    if (ok) {
        const char *sql = arena_printf(c->arena,
                                       "insert into etl.replication_state (pipeline_id, "
                                       "table_id%s) overriding system value values ($1::int8, "
                                       "$2::oid%s)",
                                       sbuf_view(&names).ptr, sbuf_view(&values).ptr)
                              .ptr;
        ok = write_rows(c, sql, params, n, 1, "insert of a phase row", err);
    }
    sbuf_release(&names);
    sbuf_release(&values);
    return ok;
}

/* All in one statement: rows of a chain refer to each other, and the check runs at its end. */
static bool delete_rows(struct etl_change *c, const struct value *now, const struct value *after,
                        struct err *err)
{
    struct sbuf ids = SBUF_INIT;
    int64_t n = 0;
    for (size_t i = 0; i < value_count(now); i++) {
        int64_t id;
        if (!value_to_i64(value_get(value_at(now, i), "id"), &id) || find_row(after, id))
            continue;
        sbuf_printf(&ids, "%c%lld", n++ ? ',' : '{', (long long)id);
    }
    sbuf_char(&ids, '}');
    const struct str params[] = {sbuf_view(&ids), c->pid, c->oid};
    bool ok = n == 0 || write_rows(c,
                                   "delete from etl.replication_state where id = any($1::int8[])"
                                   " and pipeline_id = $2::int8 and table_id = $3::oid",
                                   params, 3, n, "delete of phase rows", err);
    sbuf_release(&ids);
    return ok;
}

/* The rows of `after` that are new, or (`promote` decides) those that exist and become current or
 * do not. A second current row is refused at once by the unique index, so demotion and deletion go
 * first, promotion last (9.1). */
static bool write_existing(struct etl_change *c, const struct value *now, const struct value *after,
                           bool promote, struct err *err)
{
    for (size_t i = 0; i < value_count(after); i++) {
        const struct value *row = value_at(after, i);
        int64_t id;
        const struct value *old =
            value_to_i64(value_get(row, "id"), &id) ? find_row(now, id) : NULL;
        if (old && value_truth(value_get(row, "is_current")) == promote &&
            !update_row(c, old, row, err))
            return false;
    }
    return true;
}

static bool insert_new(struct etl_change *c, const struct value *now, const struct value *after,
                       struct err *err)
{
    for (size_t i = 0; i < value_count(after); i++) {
        const struct value *row = value_at(after, i);
        int64_t id;
        bool stored = value_to_i64(value_get(row, "id"), &id) && find_row(now, id);
        if (!stored && !insert_row(c, row, err))
            return false;
    }
    return true;
}

/* The rows of an image that are gone, from its own text and in one statement: their `prev` may name
 * each other, and the key that checks it is not deferrable but waits for the end of a statement. */
static bool insert_image(struct etl_change *c, const struct value *now, struct str image,
                         size_t nrows, struct err *err)
{
    struct sbuf ids = SBUF_INIT;
    int64_t stay = 0;
    for (size_t i = 0; i < value_count(now); i++) {
        int64_t id;
        if (value_to_i64(value_get(value_at(now, i), "id"), &id))
            sbuf_printf(&ids, "%c%lld", stay++ ? ',' : '{', (long long)id);
    }
    sbuf_cstr(&ids, stay ? "}" : "{}");
    static const char sql[] =
        "insert into etl.replication_state (id, pipeline_id, table_id, state, metadata, prev,"
        " is_current, created_at, updated_at) overriding system value"
        " select (r->>'id')::int8, $1::int8, $2::oid, (r->>'state')::etl.table_state,"
        " (r->>'metadata')::jsonb, (r->>'prev')::int8, (r->>'is_current')::bool,"
        " (r->>'created_at')::timestamptz, (r->>'updated_at')::timestamptz"
        " from jsonb_array_elements($3::jsonb) r where (r->>'id')::int8 <> all($4::int8[])";
    const struct str params[] = {c->pid, c->oid, image, sbuf_view(&ids)};
    bool ok = write_rows(c, sql, params, 4, (int64_t)nrows, "restore of phase rows", err);
    sbuf_release(&ids);
    return ok;
}

static size_t count_new(const struct value *now, const struct value *after)
{
    size_t n = 0;
    for (size_t i = 0; i < value_count(after); i++) {
        int64_t id;
        n += !value_to_i64(value_get(value_at(after, i), "id"), &id) || !find_row(now, id);
    }
    return n;
}

/* `image`: the text that `after` was read from, at a restore; else ptr NULL. */
static bool write_states(struct etl_change *c, const struct value *after, struct str image,
                         struct err *err)
{
    const struct value *now = value_get(c->now.root, "states");
    size_t fresh = count_new(now, after);
    if (!write_existing(c, now, after, false, err) || !delete_rows(c, now, after, err))
        return false;
    bool ok = !fresh || (image.ptr ? insert_image(c, now, image, fresh, err)
                                   : insert_new(c, now, after, err));
    return ok && write_existing(c, now, after, true, err);
}

/* --- the other parts: whole, as the system's own lifecycle steps handle them (5.6) -------------
 */

static const struct {
    enum etl_part part;
    const char *table, *remove, *restore;
} parts[] = {
    {ETL_DESTINATION, "destination_tables_metadata",
     "delete from etl.destination_tables_metadata where pipeline_id = $1::int8 and table_id = "
     "$2::oid",
     "insert into etl.destination_tables_metadata overriding system value select * from"
     " jsonb_populate_recordset(null::etl.destination_tables_metadata, $1::jsonb)"},
    {ETL_SCHEMAS, "table_schemas",
     "delete from etl.table_schemas where pipeline_id = $1::int8 and table_id = $2::oid",
     "insert into etl.table_schemas overriding system value select * from"
     " jsonb_populate_recordset(null::etl.table_schemas, $1::jsonb)"},
    {ETL_PROGRESS, "replication_progress",
     "delete from etl.replication_progress where pipeline_id = $1::int8"
     " and coalesce(table_id, 0) = $2::oid",
     "insert into etl.replication_progress overriding system value select * from"
     " jsonb_populate_recordset(null::etl.replication_progress, $1::jsonb)"},
};

static const char columns_restore[] =
    "insert into etl.table_columns overriding system value select x.* from"
    " jsonb_array_elements($1::jsonb) s,"
    " jsonb_populate_recordset(null::etl.table_columns, s->'columns') x";

static bool part_stored(const struct etl_schema *schema, enum etl_part part)
{
    return part == ETL_DESTINATION ? schema->destinations
           : part == ETL_SCHEMAS   ? schema->schemas && schema->columns
                                   : schema->progress;
}

static bool write_part(struct etl_change *c, size_t i, struct str rows, struct err *err)
{
    const struct str key[] = {c->pid, c->oid};
    const struct value *now = value_get(c->now.root, c->es->base.info.system->parts[parts[i].part]);
    if (!part_stored(&c->es->schema, parts[i].part))
        return !now && !rows.ptr ? true
                                 : err_set(err, ERR_UNSUPPORTED,
                                           "%s of this schema level is only read", parts[i].table);
    if (!write_rows(c, parts[i].remove, key, 2, (int64_t)value_count(now), parts[i].table, err))
        return false;
    if (!rows.ptr)
        return true;
    return pg_exec(c->es->client, parts[i].restore, &rows, 1, c->call, NULL, err) &&
           (parts[i].part != ETL_SCHEMAS ||
            pg_exec(c->es->client, columns_restore, &rows, 1, c->call, NULL, err));
}

/* --- the three kinds of edit ------------------------------------------------------------------ */

static bool change_write(struct etl_change *c, struct err *err)
{
    const struct system *system = c->es->base.info.system;
    if (c->now.absent)
        return err_set(err, ERR_REFUSED,
                       "a table's rows are made by the replicator, when it finds "
                       "the table in the publication");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!(c->item->change >> parts[i].part & 1))
            continue;
        if (value_count(document_part(system, c->item->after, parts[i].part)))
            return err_set(err, ERR_UNSUPPORTED, "%s is removed or restored, never edited",
                           system->parts[parts[i].part]);
        if (!write_part(c, i, STR_NULL, err))
            return false;
    }
    return !(c->item->change >> ETL_STATES & 1) ||
           write_states(c, value_get(c->item->after, "states"), STR_NULL, err);
}

static bool change_restore(struct etl_change *c, struct err *err)
{
    struct str texts[PARTS_MAX] = {{0}};
    const struct value *states = NULL;
    if (!etl_image_parts(c->item->image, texts, err) ||
        (texts[ETL_STATES].ptr &&
         !etl_part_value(c->arena, ETL_STATES, texts[ETL_STATES], &states, err)))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if ((c->item->change >> parts[i].part & 1) && !write_part(c, i, texts[parts[i].part], err))
            return false;
    }
    return !(c->item->change >> ETL_STATES & 1) || write_states(c, states, texts[ETL_STATES], err);
}

bool etl_change_make(struct etl_change *c, struct err *err)
{
    switch (c->item->kind) {
    case EDIT_WRITE:
        return change_write(c, err);
    case EDIT_REMOVE: { /* the order of the system's own Delete (5.6) */
        for (size_t i = 0; i < 2; i++) {
            if (!write_part(c, i, STR_NULL, err))
                return false;
        }
        return write_states(c, NULL, STR_NULL, err) && write_part(c, 2, STR_NULL, err);
    }
    case EDIT_RESTORE:
        return change_restore(c, err);
    case EDIT_BREAK:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "this store has no locks to break");
}

/* --- checks behind the change ------------------------------------------------------------------
 */

/* One malformed current row stops the whole pipeline (9.22): it must parse and agree with itself.
 */
static bool check_current(struct etl_change *c, const struct document *after, struct err *err)
{
    struct etl_table table = etl_table_read(c->arena, after->root);
    const struct etl_row *row = table.current;
    if (!row || c->item->kind == EDIT_RESTORE)
        return true; /* a restore brings back what was there, whatever it was */
    if (etl_phases[row->phase].stored && str_is(row->state, etl_phases[row->phase].name))
        return true;
    return err_set(err, ERR_REFUSED, "row %lld would stop the pipeline: %.*s", (long long)row->id,
                   STR_ARG(row->damage.ptr ? row->damage : STR("state and metadata disagree")));
}

/* No rows and no list of rows are the same here. */
static bool same_rows(const struct value *a, const struct value *b)
{
    return value_equal(a, b) || (!value_count(a) && !value_count(b));
}

static bool check_arrived(struct etl_change *c, const struct document *after, struct err *err)
{
    const struct system *system = c->es->base.info.system;
    struct str texts[PARTS_MAX] = {{0}};
    if (c->item->kind == EDIT_RESTORE && !etl_image_parts(c->item->image, texts, err))
        return false;
    for (size_t i = 0; i < PARTS; i++) {
        bool same = true;
        if (c->item->kind == EDIT_REMOVE)
            same = after->absent;
        else if (!(c->item->change >> i & 1))
            same = version_eq(&after->versions[i], &c->now.versions[i]);
        else if (c->item->kind == EDIT_WRITE)
            same = same_rows(document_part(system, c->item->after, i),
                             document_part(system, after->root, i));
        else {
            struct version want = texts[i].ptr ? version_of(texts[i]) : version_absent;
            same = version_eq(&want, &after->versions[i]);
        }
        if (!same)
            return err_set(err, ERR_INTERNAL, "%s read back is not what was written: nothing kept",
                           system->parts[i]);
    }
    return true;
}

bool etl_change_check(struct etl_change *c, const struct document *after, struct err *err)
{
    return check_arrived(c, after, err) && check_current(c, after, err);
}
