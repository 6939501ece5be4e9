#include "backends/meltano_systemdb.h"

#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void read_only(struct store *store, struct str why)
{
    if (!store->info.writable)
        return;
    store->info.writable = false;
    store->info.why_read_only = why;
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
        read_only(store, arena_printf(a, "table runs has no column %s", missing));
    for (size_t i = 0; i < sizeof known_revisions / sizeof known_revisions[0]; i++) {
        if (str_is(schema->revision, known_revisions[i]))
            return true;
    }
    if (schema->revision.ptr)
        read_only(store, arena_printf(a, "its schema revision %.*s is not one that is known here",
                                      STR_ARG(schema->revision)));
    else
        read_only(store, STR("its alembic_version does not name one schema revision"));
    return true;
}

/* --- fields: the one encoding of images and receipts ---------------------------------------- */

/* A field is a tag ('-' NULL, 't' text, 'b' blob), eight bytes of length, big endian, the bytes. */
static void field_put(struct sbuf *out, struct str s, bool is_blob)
{
    unsigned char head[9] = {s.ptr ? is_blob ? 'b' : 't' : '-'};
    for (int i = 0; i < 8; i++)
        head[1 + i] = (unsigned char)((uint64_t)s.len >> (56 - 8 * i));
    sbuf_add(out, head, sizeof head);
    if (s.len)
        sbuf_str(out, s);
}

static bool field_get(struct str *in, struct str *ret, bool *ret_blob)
{
    if (in->len < 9)
        return false;
    const unsigned char *head = (const unsigned char *)in->ptr;
    uint64_t len = 0;
    for (int i = 0; i < 8; i++)
        len = len << 8 | head[1 + i];
    if (len > in->len - 9 || (head[0] != '-' && head[0] != 't' && head[0] != 'b'))
        return false;
    *ret = head[0] == '-' ? STR_NULL : (struct str){in->ptr + 9, (size_t)len};
    if (ret_blob)
        *ret_blob = head[0] == 'b';
    in->ptr += 9 + len;
    in->len -= 9 + (size_t)len;
    return true;
}

static struct str take(struct arena *arena, struct sbuf *b)
{
    struct str s = arena_str(arena, sbuf_view(b));
    sbuf_release(b);
    return s;
}

#define IMAGE_MAGIC "meltano systemdb row 1\n"

static struct str image_of(struct arena *arena, const struct systemdb_row *row)
{
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, IMAGE_MAGIC);
    for (int i = 0; i < SYSTEMDB_HALVES; i++)
        field_put(&out, row->halves[i], row->is_blob[i]);
    field_put(&out, row->updated_at, false);
    field_put(&out, row->place, false);
    return take(arena, &out);
}

static bool image_read(struct str image, struct systemdb_row *ret, struct err *err)
{
    struct systemdb_row row = {0};
    struct str rest = str_sub(image, strlen(IMAGE_MAGIC), image.len);
    bool ok = str_starts(image, IMAGE_MAGIC);
    for (int i = 0; i < SYSTEMDB_HALVES; i++)
        ok = ok && field_get(&rest, &row.halves[i], &row.is_blob[i]);
    ok = ok && field_get(&rest, &row.updated_at, NULL) && field_get(&rest, &row.place, NULL);
    if (!ok || rest.len)
        return err_set(err, ERR_CORRUPT, "the kept image is not one of a state row");
    *ret = row;
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
        pairs[i] = (struct value_pair){value_cstr(arena, system->parts[i]), &value_null};
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
    ret->image = image_of(arena, row);
    if (!row->updated_at.ptr || !time_parse(row->updated_at, &ret->updated_at_us))
        ret->updated_at_us = TIME_UNKNOWN;
}

bool systemdb_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                     struct document *ret, struct err *err)
{
    struct systemdb_row row;
    if (image.ptr && !image_read(image, &row, err))
        return false;
    *ret = (struct document){.id = id, .label = id};
    systemdb_document(arena, image.ptr ? &row : NULL, ret);
    return true;
}

/* --- times and ids -------------------------------------------------------------------------- */

static struct str tm_text(struct arena *arena, const struct tm *tm, int64_t us)
{
    return arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d.%06d", tm->tm_year + 1900,
                        tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec,
                        (int)(us % SECOND));
}

struct str systemdb_time_utc(struct arena *arena, int64_t us)
{
    time_t seconds = (time_t)(us / SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return tm_text(arena, &tm, us);
}

struct str systemdb_time_local(struct arena *arena, int64_t us)
{
    time_t seconds = (time_t)(us / SECOND);
    struct tm tm;
    localtime_r(&seconds, &tm);
    return tm_text(arena, &tm, us);
}

struct str systemdb_uuid7(struct arena *arena, int64_t us)
{
    unsigned char b[16];
    char hex[2 * sizeof b + 1];
    random_bytes(b, sizeof b);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)((uint64_t)(us / 1000) >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    hex_encode(b, sizeof b, hex);
    return arena_str(arena, (struct str){hex, 2 * sizeof b});
}

/* --- receipts ------------------------------------------------------------------------------- */

/* What a commit did to `runs`, so that undo and redo can take it back: 'I' with the id and the
 * digest of the row it inserted, or 'D' with the whole row that it took away. */

static struct str run_encode(struct arena *arena, const struct systemdb_run *run)
{
    struct sbuf out = SBUF_INIT;
    for (int i = 0; i < RUN_COLUMNS; i++)
        field_put(&out, run->columns[i], false);
    return take(arena, &out);
}

static struct str receipt_inserted(struct arena *arena, const struct systemdb_run *run)
{
    struct version digest = version_of(run_encode(arena, run));
    struct sbuf out = SBUF_INIT;
    sbuf_char(&out, 'I');
    field_put(&out, run->columns[RUN_ID], false);
    field_put(&out, (struct str){(const char *)digest.sha, sizeof digest.sha}, true);
    return take(arena, &out);
}

static struct str receipt_deleted(struct arena *arena, const struct systemdb_run *run)
{
    struct str row = run_encode(arena, run);
    struct sbuf out = SBUF_INIT;
    sbuf_char(&out, 'D');
    sbuf_str(&out, row);
    return take(arena, &out);
}

/* --- changing ------------------------------------------------------------------------------- */

struct change {
    const struct systemdb_engine *engine;
    void *tx;
    struct commit_item *item;
    struct arena *arena;
    int64_t now_us;
    bool found;
    struct systemdb_row row; /* as it is now, when found */
    bool gone_after;         /* what is meant to be there when it is done: no row, or */
    struct systemdb_row want;
    unsigned wrote; /* these halves of `want`, the others as they were */
};

static bool not_kept(const struct change *c, struct err *err)
{
    err_set(err, ERR_REFUSED,
            "%.*s: the database drops or alters what is written: nothing was kept",
            STR_ARG(c->item->id));
    return err_hint(err, "look for a trigger, a rule or a policy on its tables");
}

/* The row is locked: when it is there and is not touched, something in the database prevents it. */
static bool touched(int64_t rows, const struct change *c, struct err *err)
{
    if (rows != 1 && c->found)
        return not_kept(c, err);
    return rows == 1 || err_set(err, ERR_CONFLICT, "%.*s: the row was not there to be written",
                                STR_ARG(c->item->id));
}

/* Inserts a row of `runs` and reads it back for the receipt. */
static bool run_add(struct change *c, const struct systemdb_run *run, struct err *err)
{
    struct systemdb_run stored;
    struct str id;
    bool found;
    if (!c->engine->run_insert(c->tx, run, c->arena, &id, err) ||
        !c->engine->run_get(c->tx, id, c->arena, &found, &stored, err))
        return false;
    if (!found)
        return not_kept(c, err);
    c->item->new_receipt = receipt_inserted(c->arena, &stored);
    return true;
}

static bool json_text(struct arena *arena, const struct value *v, struct str *ret, struct err *err)
{
    struct sbuf out = SBUF_INIT;
    bool ok = json_write(&out, v, JSON_PYTHON, err);
    if (ok)
        *ret = arena_str(arena, sbuf_view(&out));
    sbuf_release(&out);
    return ok;
}

/* The row that Meltano's own commands would add: it is what makes a change by hand visible in the
 * history of the state [3.4]. */
static bool note_add(struct change *c, const struct run_note *note, struct err *err)
{
    const char *trigger = getenv("MELTANO_JOB_TRIGGER");
    struct systemdb_run run = {0};
    if (!json_text(c->arena, note->payload, &run.columns[RUN_PAYLOAD], err))
        return false;
    run.columns[RUN_JOB_NAME] = c->item->id;
    run.columns[RUN_STATE] = STR("STATE_EDIT");
    run.columns[RUN_STARTED_AT] = systemdb_time_utc(c->arena, c->now_us);
    run.columns[RUN_ENDED_AT] = run.columns[RUN_STARTED_AT];
    run.columns[RUN_PAYLOAD_FLAGS] = arena_printf(c->arena, "%d", note->flags);
    run.columns[RUN_RUN_ID] = systemdb_uuid7(c->arena, c->now_us);
    run.columns[RUN_TRIGGER] = str_of(trigger && *trigger ? trigger : "penstock");
    if (run_add(c, &run, err))
        return true;
    if (err && err->kind == ERR_REFUSED)
        err_hint(err, "a database that Meltano made before 2021 may carry a check that knows no "
                      "STATE_EDIT; Meltano's own edits fail there too");
    return false;
}

/* Keys that have no column would be lost without a word. */
static bool only_halves(const struct value *after, struct err *err)
{
    for (size_t i = 0; i < value_count(after); i++) {
        struct str key = value_str_or(after->dict.pairs[i].key, STR("?"));
        if (!str_is(key, system_meltano.parts[0]) && !str_is(key, system_meltano.parts[1]))
            return err_set(err, ERR_REFUSED,
                           "the system database has no place for the key \"%.*s\"", STR_ARG(key));
    }
    return true;
}

static bool write_row(struct change *c, struct err *err)
{
    struct commit_item *item = c->item;
    struct systemdb_row row = {0};
    if (!value_is_dict(item->after))
        return err_set(err, ERR_REFUSED, "a state is an object with completed and partial");
    if (!only_halves(item->after, err))
        return false;
    if (!c->found && (!str_is_utf8(item->id) || memchr(item->id.ptr, 0, item->id.len)))
        return err_set(err, ERR_REFUSED, "a state id must be text that Meltano can read");
    for (size_t i = 0; i < SYSTEMDB_HALVES; i++) {
        const struct value *half = document_part(&system_meltano, item->after, i);
        if (!half)
            row.halves[i] = STR("{}");
        else if (!c->found || (item->change >> i & 1)) {
            if (!json_text(c->arena, half, &row.halves[i], err))
                return false;
        }
    }
    c->want = row;
    c->wrote = c->found ? item->change : ~0u;
    if (item->note && !note_add(c, item->note, err))
        return false;
    if (!c->found) /* updated_at stays NULL, as after Meltano's own insert [3.3] */
        return c->engine->row_insert(c->tx, item->id, &row, err);
    int64_t rows;
    row.updated_at = systemdb_time_local(c->arena, c->now_us);
    return c->engine->row_update(c->tx, item->id, &row, item->change, &rows, err) &&
           touched(rows, c, err);
}

static bool remove_row(struct change *c, struct err *err)
{
    int64_t rows;
    c->gone_after = true;
    return c->engine->row_delete(c->tx, c->item->id, &rows, err) && touched(rows, c, err);
}

/* Takes back what the undone commit did to `runs`; a row that changed since is left alone. */
static bool restore_run(struct change *c, struct err *err)
{
    struct str rest = str_sub(c->item->receipt, 1, c->item->receipt.len);
    struct systemdb_run run = {0};
    bool found;
    if (c->item->receipt.ptr[0] == 'D') {
        for (int i = 0; i < RUN_COLUMNS; i++) {
            if (!field_get(&rest, &run.columns[i], NULL))
                return err_set(err, ERR_CORRUPT, "the kept receipt is damaged");
        }
        struct systemdb_run other;
        if (!c->engine->run_get(c->tx, run.columns[RUN_ID], c->arena, &found, &other, err))
            return false;
        if (found) /* its id was given to another row meanwhile */
            run.columns[RUN_ID] = STR_NULL;
        return run_add(c, &run, err);
    }
    struct str id, digest;
    if (c->item->receipt.ptr[0] != 'I' || !field_get(&rest, &id, NULL) ||
        !field_get(&rest, &digest, NULL) || digest.len != SHA256_LEN)
        return err_set(err, ERR_CORRUPT, "the kept receipt is damaged");
    if (!c->engine->run_get(c->tx, id, c->arena, &found, &run, err))
        return false;
    struct version now = found ? version_of(run_encode(c->arena, &run)) : version_absent;
    if (memcmp(now.sha, digest.ptr, digest.len) != 0) {
        c->item->detail =
            found ? arena_printf(c->arena, "row %.*s of runs was changed since and stays",
                                 STR_ARG(id))
                  : arena_printf(c->arena, "row %.*s of runs had gone already", STR_ARG(id));
        return true;
    }
    int64_t rows;
    if (!c->engine->run_delete(c->tx, id, &rows, err) || !touched(rows, c, err))
        return false;
    c->item->new_receipt = receipt_deleted(c->arena, &run);
    return true;
}

static bool half_same(const struct systemdb_row *a, const struct systemdb_row *b, int i)
{
    struct version va = half_version(a->halves[i], a->is_blob[i]);
    struct version vb = half_version(b->halves[i], b->is_blob[i]);
    return version_eq(&va, &vb);
}

static bool restore_row(struct change *c, struct err *err)
{
    struct commit_item *item = c->item;
    struct systemdb_row row;
    if (item->receipt.len && !restore_run(c, err))
        return false;
    if (!item->image.ptr)
        return remove_row(c, err);
    if (!image_read(item->image, &row, err))
        return false;
    c->want = row;
    c->wrote = c->found ? item->change : ~0u;
    if (!c->found)
        return c->engine->row_insert(c->tx, item->id, &row, err);
    /* A half that the undone edit did not touch and others changed since stays; then the row is not
     * the old one, and updated_at must not say so. */
    for (int i = 0; i < SYSTEMDB_HALVES; i++) {
        if (!(item->change >> i & 1) && !half_same(&row, &c->row, i))
            row.updated_at = systemdb_time_local(c->arena, c->now_us);
    }
    int64_t rows;
    return c->engine->row_update(c->tx, item->id, &row, item->change, &rows, err) &&
           touched(rows, c, err);
}

static bool change_row(struct change *c, struct err *err)
{
    switch (c->item->kind) {
    case EDIT_WRITE:
        return write_row(c, err);
    case EDIT_REMOVE:
        return remove_row(c, err);
    case EDIT_RESTORE:
        return restore_row(c, err);
    case EDIT_BREAK:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "the system database has no locks");
}

static bool row_document(struct change *c, struct document *ret, struct err *err)
{
    if (!c->engine->row_get(c->tx, c->item->id, c->arena, &c->found, &c->row, err))
        return false;
    *ret = (struct document){.id = c->item->id, .label = c->item->id};
    systemdb_document(c->arena, c->found ? &c->row : NULL, ret);
    return true;
}

/* A column of type jsonb keeps the value, not its spelling. */
static bool half_kept(struct arena *arena, const struct systemdb_row *want,
                      const struct systemdb_row *now, int i)
{
    const struct value *a, *b;
    if (half_same(want, now, i))
        return true;
    return want->halves[i].ptr && now->halves[i].ptr && !want->is_blob[i] && !now->is_blob[i] &&
           json_read(arena, want->halves[i], &a, NULL) &&
           json_read(arena, now->halves[i], &b, NULL) && value_equal(a, b);
}

/* `was` is the row before, c->row what was read back, in the same transaction. */
static bool check_kept(struct change *c, const struct systemdb_row *was, struct err *err)
{
    if (c->found == c->gone_after)
        return not_kept(c, err);
    for (int i = 0; c->found && i < SYSTEMDB_HALVES; i++) {
        bool wrote = c->wrote >> i & 1;
        if (wrote ? !half_kept(c->arena, &c->want, &c->row, i) : !half_same(was, &c->row, i))
            return not_kept(c, err);
    }
    return true;
}

bool systemdb_commit(const struct systemdb_engine *engine, void *tx, struct commit_item *item,
                     struct arena *arena, struct err *err)
{
    struct change c = {
        .engine = engine, .tx = tx, .item = item, .arena = arena, .now_us = clock_now_us()};
    struct document now;
    item->now = (struct document){.id = item->id, .label = item->id};
    if (!row_document(&c, &now, err))
        return systemdb_commit_failed(item, err);
    if (!commit_compare(item, &now))
        return true;
    item->now = now; /* for a conflict that only the write shows */
    struct systemdb_row was = c.row;
    if (!change_row(&c, err) || !row_document(&c, &now, err) || !check_kept(&c, &was, err))
        return systemdb_commit_failed(item, err);
    item->now = now;
    item->outcome = OUTCOME_APPLIED;
    return true;
}

bool systemdb_commit_failed(struct commit_item *item, const struct err *err)
{
    switch (err->kind) {
    case ERR_LOCKED:
        return commit_refuse(item, OUTCOME_LOCKED, err);
    case ERR_CONFLICT:
        return commit_refuse(item, OUTCOME_CONFLICT, err);
    case ERR_REFUSED:
    case ERR_DENIED:
    case ERR_INVALID:
    case ERR_UNSUPPORTED:
        return commit_refuse(item, OUTCOME_REFUSED, err);
    default:
        return false;
    }
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
    struct str ago = time_span(arena, now_us - (beat != TIME_UNKNOWN ? beat : started));
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
