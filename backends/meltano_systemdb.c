#include "backends/meltano_systemdb_image.h"

#include "core/json.h"

enum { HEAD_BYTES = 4096, SECOND = 1000000 };
static const int64_t HEARTBEAT_STALE_US = (int64_t)5 * 60 * SECOND;
static const int64_t SILENT_STALE_US = (int64_t)24 * 3600 * SECOND;

/* --- schema --------------------------------------------------------------------------------- */

const char *const systemdb_state_columns[4] = {"state_id", "completed_state", "partial_state",
                                               "updated_at"};
const char *const systemdb_half_columns[SYSTEMDB_HALVES] = {"completed_state", "partial_state"};
const char *const systemdb_run_columns[RUN_COLUMNS] = {
    [RUN_ID] = "id",
    [RUN_JOB_NAME] = "job_name",
    [RUN_STATE] = "state",
    [RUN_STARTED_AT] = "started_at",
    [RUN_ENDED_AT] = "ended_at",
    [RUN_PAYLOAD] = "payload",
    [RUN_PAYLOAD_FLAGS] = "payload_flags",
    [RUN_RUN_ID] = "run_id",
    [RUN_TRIGGER] = "trigger",
    [RUN_LAST_HEARTBEAT_AT] = "last_heartbeat_at",
};

/* Revisions whose tables `state` and `runs` are those we write [3.6]. */
static const char *const known_revisions[] = {"6828cc5b1a4f", "c0efb3c314eb"};

static const char *first_missing(unsigned found, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(found >> i & 1))
            return names[i];
    }
    return NULL;
}

bool systemdb_runs_readable(const struct systemdb_schema *schema)
{
    return !first_missing(schema->run_columns, systemdb_run_columns, RUN_COLUMNS);
}

bool systemdb_schema_judge(const struct systemdb_schema *schema, struct store *store,
                           struct err *err)
{
    struct arena *a = &store->arena;
    const char *missing = first_missing(schema->state_columns, systemdb_state_columns, 4);
    if (missing)
        return err_set(err, ERR_UNSUPPORTED, "table state has no column %s", missing);
    store->info.layout_version = schema->revision;
    store->info.note = STR("updated_at is the wall clock of the machine that wrote it, without a "
                           "zone");
    missing = first_missing(schema->run_columns, systemdb_run_columns, RUN_COLUMNS);
    if (missing)
        store_read_only(store, arena_printf(a, "table runs has no column %s", missing));
    for (size_t i = 0; i < sizeof known_revisions / sizeof known_revisions[0]; i++) {
        if (str_is(schema->revision, known_revisions[i]))
            return true;
    }
    if (schema->revision.ptr)
        store_read_only(store,
                        arena_printf(a, "its schema revision %.*s is not one that is known here",
                                     STR_ARG(schema->revision)));
    else
        store_read_only(store, STR("its alembic_version does not name one schema revision"));
    return true;
}

/* --- documents ------------------------------------------------------------------------------ */

/* NULL is a version of its own: no text begins with a NUL. */
static struct version half_version(struct str half, bool is_blob)
{
    if (!half.ptr)
        return version_of(STR("\0null"));
    if (!is_blob)
        return version_of(half);
    struct version v;
    struct sha256 *h = sha256_new();
    sha256_add(h, "\0blob", 5);
    sha256_add(h, half.ptr, half.len);
    sha256_finish(h, v.sha);
    return v;
}

void systemdb_document(struct arena *arena, const struct systemdb_row *row, struct document *ret)
{
    ret->updated_at_us = TIME_UNKNOWN;
    ret->expires_at_us = TIME_NEVER;
    ret->format = STR("json in two columns");
    ret->absent = !row;
    if (!row)
        return;
    const struct system *system = &system_meltano;
    struct value_pair pairs[SYSTEMDB_HALVES];
    for (int i = 0; i < SYSTEMDB_HALVES; i++) {
        struct str half = row->halves[i];
        struct err err = {0};
        pairs[i] = (struct value_pair){value_cstr(arena, system->parts[i]),
                                       row->null_is_empty ? value_empty_dict(arena) : &value_null};
        ret->versions[i] = half_version(half, row->is_blob[i]);
        ret->bytes += half.len;
        if (half.ptr && !json_read(arena, half, &pairs[i].val, &err) && !ret->problem.kind) {
            ret->problem = err;
            err_context(&ret->problem, "%s", systemdb_half_columns[i]);
            ret->head = str_sub(half, 0, half.len < HEAD_BYTES ? half.len : HEAD_BYTES);
        }
    }
    if (!ret->problem.kind)
        ret->root = value_dict(arena, pairs, SYSTEMDB_HALVES);
    ret->image = systemdb_image(arena, row);
    if (!row->updated_at.ptr || !time_parse(row->updated_at, &ret->updated_at_us))
        ret->updated_at_us = TIME_UNKNOWN;
}

bool systemdb_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                     struct document *ret, struct err *err)
{
    struct systemdb_row row;
    if (image.ptr && !systemdb_image_read(image, &row, err))
        return false;
    *ret = (struct document){.id = id, .label = id};
    systemdb_document(arena, image.ptr ? &row : NULL, ret);
    return true;
}

/* --- who is running ------------------------------------------------------------------------- */

static int64_t time_of(struct str text)
{
    int64_t us;
    return text.ptr && time_parse(text, &us) ? us : TIME_UNKNOWN;
}

void systemdb_activity_add(struct activity *activity, const struct systemdb_run *run,
                           int64_t now_us, struct arena *arena)
{
    const struct str *col = run->columns;
    int64_t started = time_of(col[RUN_STARTED_AT]), beat = time_of(col[RUN_LAST_HEARTBEAT_AT]);
    bool stale = beat != TIME_UNKNOWN
                     ? now_us - beat > HEARTBEAT_STALE_US
                     : started == TIME_UNKNOWN || now_us - started > SILENT_STALE_US;
    bool newer = activity->sight != ACTIVITY_SEEN || started > activity->started_at_us;
    if (activity->sight == ACTIVITY_SEEN &&
        (activity->record_live ? stale || !newer : stale && !newer))
        return;
    *activity = (struct activity){
        .sight = ACTIVITY_SEEN,
        .owner_live = !stale,
        .record_live = !stale,
        .stale = stale,
        .started_at_us = started,
        .heartbeat_at_us = beat,
        .who = col[RUN_RUN_ID].ptr ? col[RUN_RUN_ID]
                                   : arena_printf(arena, "row %.*s", STR_ARG(col[RUN_ID])),
    };
    int64_t age_us = now_us - (beat != TIME_UNKNOWN ? beat : started);
    struct str ago = time_span(arena, age_us > 0 ? age_us : 0); /* clocks differ */
    if (beat != TIME_UNKNOWN)
        activity->why = arena_printf(arena, "RUNNING, last heartbeat %.*s ago", STR_ARG(ago));
    else if (started != TIME_UNKNOWN)
        activity->why =
            arena_printf(arena, "RUNNING since %.*s, without a heartbeat", STR_ARG(ago));
    else
        activity->why = STR("RUNNING, with neither a start time nor a heartbeat");
}

/* --- what ran ------------------------------------------------------------------------------- */

static const struct value *fact_of(struct arena *arena, enum systemdb_run_column column,
                                   struct str text)
{
    int64_t n;
    if (!text.ptr)
        return &value_null;
    if ((column == RUN_ID || column == RUN_PAYLOAD_FLAGS) && str_i64(text, &n))
        return value_int(arena, n);
    return value_str(arena, text);
}

const struct value *systemdb_run_fact(struct arena *arena, const struct systemdb_run *run,
                                      int64_t payload_bytes)
{
    /* As the sheet `history` of the system knows them. */
    static const char *const names[RUN_COLUMNS] = {
        [RUN_ID] = "id",
        [RUN_JOB_NAME] = "job_name",
        [RUN_STATE] = "state",
        [RUN_STARTED_AT] = "started_at",
        [RUN_ENDED_AT] = "ended_at",
        [RUN_PAYLOAD] = "payload",
        [RUN_PAYLOAD_FLAGS] = "flags",
        [RUN_RUN_ID] = "run_id",
        [RUN_TRIGGER] = "trigger",
        [RUN_LAST_HEARTBEAT_AT] = "heartbeat_at",
    };
    struct value_pair pairs[RUN_COLUMNS + 1];
    for (int i = 0; i < RUN_COLUMNS; i++) {
        bool cut = i == RUN_PAYLOAD && payload_bytes > SYSTEMDB_PAYLOAD_LIMIT;
        pairs[i] = (struct value_pair){
            value_cstr(arena, names[i]),
            cut ? &value_null : fact_of(arena, (enum systemdb_run_column)i, run->columns[i])};
    }
    pairs[RUN_COLUMNS] =
        (struct value_pair){value_cstr(arena, "payload_bytes"), value_int(arena, payload_bytes)};
    return value_dict(arena, pairs, RUN_COLUMNS + 1);
}

const struct value *systemdb_facts(struct arena *arena, const struct value *const *runs, size_t n)
{
    struct value_pair pair = {value_cstr(arena, "runs"), value_list(arena, VALUE_LIST, runs, n)};
    return value_dict(arena, &pair, 1);
}
