/* VDK's control service keeps the properties of a job as one JSON text in a row of
 * `job_properties`, in them the state of its sources (formats/vdk.md 2.5, 2.6). The service reads
 * and saves without a lock, and rewrites the text on every save: documents are compared by value,
 * and only the bytes of the changed source are replaced. */
#include "backends/postgres/vdk_job_properties.h"

#include "backends/postgres/layouts.h"
#include "core/base/mem.h"
#include "core/json.h"
#include "core/systems/vdk/properties.h"
#include "core/systems/vdk/vdk.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT "job_properties"

const struct pg_keyed jobs_table = {
    .table = "job_properties", .key = "job_name", .values = {"t.properties_json"}};

static struct jobs_store *jobs(struct store *store)
{
    return (struct jobs_store *)store;
}

/* --- opening ---------------------------------------------------------------------------------- */

struct found {
    bool properties, writes, has_jobs, has_executions;
    struct str no_text; /* a column that should be text; ptr NULL: none */
};

static bool tables_read(struct pg_client *client, const struct call *call, struct arena *arena,
                        struct found *ret, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(
            client,
            "select c.relname, count(*) filter (where a.attname = any(w.columns)) ="
            " cardinality(w.columns), has_table_privilege(c.oid, 'select'),"
            " has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, "
            "'update'), " PG_NO_TEXT_SQL(
                "c.oid",
                "'job_name', 'properties_json'") " from (values ('job_properties', "
                                                 "array['job_name', 'properties_json']),"
                                                 " ('data_job', array['name', 'team']), "
                                                 "('data_job_execution',"
                                                 " array['id', 'job_name', 'status'])) w(name, "
                                                 "columns)"
                                                 " join pg_class c on c.oid = to_regclass(w.name) "
                                                 "and c.relkind in ('r', 'p', 'v')"
                                                 " join pg_attribute a on a.attrelid = c.oid and "
                                                 "a.attnum > 0"
                                                 " and not a.attisdropped group by c.oid, "
                                                 "c.relname, w.columns",
            NULL, 0, call, &res, err))
        return false;
    for (int i = 0; i < PQntuples(res); i++) {
        struct str name = pg_str(res, i, 0);
        bool whole = pg_bool(res, i, 1), readable = pg_bool(res, i, 2);
        if (str_is(name, "job_properties")) {
            ret->properties = whole;
            ret->writes = pg_bool(res, i, 3);
            ret->no_text = pg_copy(arena, res, i, 4);
        } else if (str_is(name, "data_job")) {
            ret->has_jobs = whole && readable;
        } else {
            ret->has_executions = whole && readable;
        }
    }
    return true;
}

static bool jobs_detect(const struct layout *layout, const struct address *address,
                        const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct found found = {0};
    struct pg_client *client = NULL;
    bool ok = pg_client_open(address->url, false, call, &client, err) &&
              tables_read(client, call, &arena, &found, err) && found.properties;
    pg_client_close(client);
    arena_release(&arena);
    return ok;
}

static void jobs_close(struct store *store)
{
    pg_client_close(jobs(store)->client);
    arena_release(&store->arena);
    free(store);
}

static bool found_take(struct jobs_store *s, const struct found *found, struct err *err)
{
    struct store_info *info = &s->base.info;
    if (!found->properties)
        return err_set(err, ERR_UNSUPPORTED,
                       "there is no table job_properties with the columns "
                       "job_name and properties_json");
    if (!pg_keyed_check_texts(STR("job_properties"), found->no_text, err))
        return false;
    if (!found->writes)
        store_read_only(&s->base, STR("this role may not write the table job_properties"));
    s->has_jobs = found->has_jobs;
    s->has_executions = found->has_executions;
    info->rights = !info->writable         ? STR("read")
                   : found->has_executions ? STR("read and write; sees executions")
                                           : STR("read and write; cannot see executions");
    info->note = STR("the control service calls this table its own and does not lock it");
    return true;
}

static bool jobs_open(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    struct jobs_store *s = xcalloc(1, sizeof *s);
    struct found found = {0};
    store_init(&s->base, layout, address, opts);
    if (!pg_client_open_for(&s->base, address, call, &s->client, err) ||
        !tables_read(s->client, call, &s->base.arena, &found, err) || !found_take(s, &found, err)) {
        jobs_close(&s->base);
        return false;
    }
    *ret = &s->base;
    return true;
}

static bool jobs_probe(struct store *store, const struct call *call, struct err *err)
{
    struct jobs_store *s = jobs(store);
    if (!pg_client_ask(s->client, call, err))
        return false;
    pg_client_describe(s->client, store);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------- */

enum { JOBS_PAGE = 100 };

struct jobs_scan {
    struct pg_keyed_scan keys;
    struct arena arena; /* of the rows that did not fit the page */
    struct row *rows;
    size_t next, n, cap;
    bool ended;
};

static void add_row(struct jobs_scan *scan, struct str id, struct str label, struct str team,
                    size_t bytes)
{
    scan->rows = arena_grow(&scan->arena, scan->rows, scan->n, &scan->cap, sizeof *scan->rows);
    scan->rows[scan->n++] = (struct row){.id = id,
                                         .label = label.len ? label : id,
                                         .bytes = (int64_t)bytes,
                                         .updated_at_us = TIME_UNKNOWN,
                                         .expires_at_us = TIME_NEVER,
                                         .team = team};
}

static void add_job(struct jobs_scan *scan, struct str job, struct str team, struct str text)
{
    struct json_member source;
    struct document doc = {.id = job};
    size_t at = 0;
    if (!text.ptr) /* NULL is {} */
        return;
    vdk_job_document(text, &scan->arena, &doc);
    if (doc.problem.kind != ERR_NONE || vdk_is_blocked(doc.root))
        add_row(scan, vdk_id_of_job(&scan->arena, job), STR_NULL, team, text.len);
    while (doc.root && vdk_next_source(text, &at, &source)) {
        const struct value *name;
        if (json_read(&scan->arena, source.key, &name, NULL) && value_is_str(name))
            add_row(scan, vdk_id_of(&scan->arena, job, name->text), name->text, team,
                    source.value.len);
    }
}

/* The sources stand in the texts, so a page of jobs is read whole. */
static bool scan_more(struct jobs_store *s, struct jobs_scan *scan, const struct call *call,
                      struct err *err)
{
    struct pg_keyed_row *found, *rows;
    size_t n;
    arena_release(&scan->arena);
    scan->rows = NULL;
    scan->next = scan->n = scan->cap = 0;
    if (!pg_keyed_scan_next(s->client, &jobs_table, &scan->keys, call, &scan->arena, JOBS_PAGE,
                            &found, &n, err))
        return false;
    scan->ended = n == 0;
    struct str *names = arena_array(&scan->arena, struct str, n);
    struct str *teams = arena_array(&scan->arena, struct str, n);
    rows = arena_array(&scan->arena, struct pg_keyed_row, n);
    for (size_t i = 0; i < n; i++)
        names[i] = found[i].key;
    if (n && !pg_keyed_read(s->client, &jobs_table, names, n, VALUE_LIMIT, call, &scan->arena, rows,
                            err))
        return false;
    if (!jobs_teams(s, names, n, call, &scan->arena, teams, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].key.ptr && rows[i].bytes[0] <= VALUE_LIMIT)
            add_job(scan, names[i], teams[i], rows[i].values[0]);
    }
    return true;
}

static bool jobs_scan_open(struct store *store, const struct call *call, void **ret,
                           struct err *err)
{
    struct jobs_scan *scan = xcalloc(1, sizeof *scan);
    scan->keys.keys_alone = true;
    *ret = scan;
    return true;
}

static bool jobs_scan_next(struct store *store, void *ctx, const struct call *call,
                           struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                           struct err *err)
{
    struct jobs_scan *scan = ctx;
    while (scan->next == scan->n && !scan->ended) {
        if (!scan_more(jobs(store), scan, call, err))
            return false;
    }
    size_t n = scan->n - scan->next < max ? scan->n - scan->next : max;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = row_copy(arena, &scan->rows[scan->next++]);
    *ret = rows;
    *ret_n = n;
    return true;
}

static void jobs_scan_close(struct store *store, void *ctx)
{
    struct jobs_scan *scan = ctx;
    pg_keyed_scan_release(&scan->keys);
    arena_release(&scan->arena);
    free(scan);
}

/* --- records ---------------------------------------------------------------------------------- */

static const char image_head[] = "vdkjob1\n";

static struct str image_of(struct arena *arena, struct str text)
{
    return arena_join(arena, str_of(image_head), text, STR_NULL);
}

bool jobs_image_text(struct str image, struct str *ret, struct err *err)
{
    if (!str_starts(image, image_head))
        return err_set(err, ERR_CORRUPT, "the kept image is none of a job's properties");
    *ret = str_sub(image, strlen(image_head), image.len);
    return true;
}

/* By value, since the service respells the text; of what is no value by bytes. */
static struct version version_by(struct str text, bool job)
{
    struct arena scratch = ARENA_INIT;
    const struct value *tree;
    struct version version = json_read_input(&scratch, text, &tree, NULL)
                                 ? vdk_version_by_value(tree, job)
                                 : version_of(text);
    arena_release(&scratch);
    return version;
}

struct document jobs_document(const struct jobs_place *place, struct str id, struct str text,
                              size_t limit, struct arena *arena)
{
    struct document doc = {.id = id,
                           .label = place->source.len ? place->source : id,
                           .updated_at_us = TIME_UNKNOWN,
                           .expires_at_us = TIME_NEVER,
                           .format = STR(FORMAT)};
    if (place->source.ptr)
        vdk_source_document(text, limit, arena, &doc);
    else
        vdk_job_document(text, arena, &doc);
    if (doc.absent || doc.truncated)
        return doc;
    doc.versions[0] = version_by(text, !place->source.ptr);
    doc.image = image_of(arena, text);
    return doc;
}

bool jobs_find(const struct jobs_place *place, const struct pg_keyed_row *row, struct str *ret_job,
               struct str *ret, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    const struct value *tree;
    *ret = *ret_job = !row->key.ptr ? STR_NULL : row->values[0].ptr ? row->values[0] : STR("{}");
    if (row->bytes[0] > VALUE_LIMIT)
        return err_set(err, ERR_REFUSED, "the properties of job %.*s are larger than %d MB",
                       STR_ARG(place->job), VALUE_LIMIT >> 20);
    if (!place->source.ptr || !ret_job->ptr)
        return true;
    bool sound = json_read_input(&scratch, *ret_job, &tree, err);
    arena_release(&scratch);
    if (!sound) {
        err->kind = ERR_CORRUPT;
        return err_context(err, "the properties of job %.*s", STR_ARG(place->job));
    }
    return vdk_find_source(*ret_job, place->source, ret, err);
}

static bool jobs_check_id(struct store *store, struct str id, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct jobs_place place;
    bool ok = vdk_id_parse(&scratch, id, &place.job, &place.source);
    if (!ok)
        err_set(err, ERR_REFUSED, "'%.*s' names no job", STR_ARG(id));
    ok = ok && pg_keyed_check_id(store, id, err);
    arena_release(&scratch);
    return ok;
}

size_t jobs_of(const struct str *ids, size_t n, struct arena *arena, struct jobs_place *ret_places,
               struct str *ret_jobs, size_t *ret_index)
{
    size_t njobs = 0;
    for (size_t i = 0; i < n; i++) {
        vdk_id_parse(arena, ids[i], &ret_places[i].job, &ret_places[i].source);
        size_t k = njobs; /* the sources of one job mostly come one after the other */
        while (k > 0 && !str_eq(ret_jobs[k - 1], ret_places[i].job))
            k--;
        if (!k)
            ret_jobs[njobs++] = ret_places[i].job;
        ret_index[i] = k ? k - 1 : njobs - 1;
    }
    return njobs;
}

static bool jobs_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                      const struct call *call, struct arena *arena, struct read_item *ret,
                      struct err *err)
{
    struct jobs_place *places = arena_array(arena, struct jobs_place, n);
    struct str *names = arena_array(arena, struct str, n);
    size_t *index = arena_array(arena, size_t, n);
    size_t njobs = jobs_of(ids, n, arena, places, names, index);
    struct pg_keyed_row *rows = arena_array(arena, struct pg_keyed_row, njobs);
    if (!pg_keyed_read(jobs(store)->client, &jobs_table, names, njobs, VALUE_LIMIT, call, arena,
                       rows, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct str job, text = STR_NULL;
        ret[i].err = (struct err){0};
        jobs_find(&places[i], &rows[index[i]], &job, &text, &ret[i].err);
        ret[i].doc = jobs_document(&places[i], ids[i], text, limit, arena);
    }
    return true;
}

static bool jobs_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                        struct document *ret, struct err *err)
{
    struct jobs_place place;
    struct str text;
    if (!jobs_image_text(image, &text, err))
        return false;
    if (!vdk_id_parse(arena, id, &place.job, &place.source))
        return err_set(err, ERR_CORRUPT, "'%.*s' names no job", STR_ARG(id));
    *ret = jobs_document(&place, id, text, VALUE_LIMIT, arena);
    return true;
}

/* --- the layout ------------------------------------------------------------------------------- */

const struct layout postgres_vdk_job_properties = {
    .system = "vdk",
    .backend = "postgres",
    .name = "job_properties",
    .native = true,
    .detect = jobs_detect,
    .open = jobs_open,
    .close = jobs_close,
    .probe = jobs_probe,
    .scan_open = jobs_scan_open,
    .scan_next = jobs_scan_next,
    .scan_close = jobs_scan_close,
    .read = jobs_read,
    .decode = jobs_decode,
    .check_id = jobs_check_id,
    .commit = jobs_commit,
    .activity = jobs_activity,
    .facts = jobs_facts,
};
