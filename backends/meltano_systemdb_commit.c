#include "backends/meltano_systemdb_image.h"

#include "core/json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECOND = 1000000 };

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

/* By the wall clock of this machine, as updated_at is stored. */
static struct str time_local(struct arena *arena, int64_t us)
{
    time_t seconds = (time_t)(us / SECOND);
    struct tm tm;
    localtime_r(&seconds, &tm);
    return tm_text(arena, &tm, us);
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

/* The row is locked: when it is there and is not touched, something in the database prevents it. */
static bool touched(int64_t rows, const struct change *c, struct err *err)
{
    if (rows != 1 && c->found)
        return commit_not_kept(c->item, err);
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
        return commit_not_kept(c->item, err);
    c->item->new_receipt = systemdb_receipt_inserted(c->arena, &stored);
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
    run.columns[RUN_RUN_ID] = c->item->note_id;
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

/* What updated_at becomes. The system database keeps the writer's wall clock; the plug-in asks the
 * server, for new rows too, where the other leaves NULL [3.3, 6.1]. */
static bool updated_at(struct change *c, struct str *ret, struct err *err)
{
    *ret = STR_NULL;
    if (c->engine->now)
        return c->engine->now(c->tx, c->arena, ret, err);
    if (c->found)
        *ret = time_local(c->arena, c->now_us);
    return true;
}

/* The text of a half; an empty one of the plug-in's is NULL. */
static bool half_text(struct change *c, const struct value *half, struct str *ret, struct err *err)
{
    bool plugin = c->engine->now;
    if (plugin &&
        (!half || half->type == VALUE_NULL || (value_is_dict(half) && value_count(half) == 0))) {
        *ret = STR_NULL;
        return true;
    }
    if (!half) {
        *ret = STR("{}");
        return true;
    }
    return json_text(c->arena, half, ret, err);
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
        if ((!c->found || (item->change >> i & 1)) && !half_text(c, half, &row.halves[i], err))
            return false;
    }
    c->want = row;
    c->wrote = c->found ? item->change : ~0u;
    if (item->note && c->engine->run_insert && !note_add(c, item->note, err))
        return false;
    if (!updated_at(c, &row.updated_at, err))
        return false;
    if (!c->found)
        return c->engine->row_insert(c->tx, item->id, &row, err);
    int64_t rows;
    return c->engine->row_update(c->tx, item->id, &row, item->change, &rows, err) &&
           touched(rows, c, err);
}

/* Of a row that an undo takes away we know how it was made. */
static bool may_remove(struct change *c, struct err *err)
{
    struct str more = STR_NULL;
    if (c->item->kind != EDIT_REMOVE)
        return true;
    return c->engine->row_more(c->tx, c->item->id, c->arena, &more, err) &&
           (!more.ptr || commit_takes_more(c->item, more, err));
}

static bool remove_row(struct change *c, struct err *err)
{
    int64_t rows;
    c->gone_after = true;
    return may_remove(c, err) && c->engine->row_delete(c->tx, c->item->id, &rows, err) &&
           touched(rows, c, err);
}

/* Gives back a row of `runs` that the undone commit took away. */
static bool run_return(struct change *c, struct systemdb_run *run, struct err *err)
{
    struct systemdb_run other;
    bool found;
    if (!c->engine->run_get(c->tx, run->columns[RUN_ID], c->arena, &found, &other, err))
        return false;
    if (found) /* its id was given to another row meanwhile */
        run->columns[RUN_ID] = STR_NULL;
    return run_add(c, run, err);
}

/* Takes away the row of `runs` that the undone commit inserted; one that changed since stays. */
static bool run_remove(struct change *c, struct str id, const struct version *digest,
                       struct err *err)
{
    struct systemdb_run run;
    bool found;
    int64_t rows;
    if (!c->engine->run_get(c->tx, id, c->arena, &found, &run, err))
        return false;
    struct version now = found ? systemdb_run_version(c->arena, &run) : version_absent;
    if (!version_eq(&now, digest)) {
        c->item->detail =
            found ? arena_printf(c->arena, "row %.*s of runs was changed since and stays",
                                 STR_ARG(id))
                  : arena_printf(c->arena, "row %.*s of runs had gone already", STR_ARG(id));
        return true;
    }
    if (!c->engine->run_delete(c->tx, id, &rows, err) || !touched(rows, c, err))
        return false;
    c->item->new_receipt = systemdb_receipt_deleted(c->arena, &run);
    return true;
}

/* The same where nothing is known of it but what it was to be called: it may never have come. */
static bool run_remove_noted(struct change *c, struct str note_id, struct err *err)
{
    struct systemdb_run run;
    bool found;
    if (!c->engine->run_find(c->tx, c->item->id, note_id, c->arena, &found, &run, err))
        return false;
    struct version digest = found ? systemdb_run_version(c->arena, &run) : version_absent;
    return !found || run_remove(c, run.columns[RUN_ID], &digest, err);
}

static bool restore_run(struct change *c, struct err *err)
{
    struct systemdb_receipt receipt;
    if (!systemdb_receipt_read(c->item->receipt, &receipt, err))
        return false;
    if (receipt.note_id.ptr)
        return run_remove_noted(c, receipt.note_id, err);
    return receipt.deleted ? run_return(c, &receipt.run, err)
                           : run_remove(c, receipt.run.columns[RUN_ID], &receipt.digest, err);
}

static bool half_same(const struct systemdb_row *a, const struct systemdb_row *b, int i)
{
    if (!a->halves[i].ptr || !b->halves[i].ptr)
        return !a->halves[i].ptr && !b->halves[i].ptr;
    return a->is_blob[i] == b->is_blob[i] && str_eq(a->halves[i], b->halves[i]);
}

static bool restore_row(struct change *c, struct err *err)
{
    struct commit_item *item = c->item;
    struct systemdb_row row;
    /* without a table of runs here, the row is in that of runs= (core/store.c) */
    if (item->receipt.len && c->engine->run_get && !restore_run(c, err))
        return false;
    if (!item->image.ptr)
        return remove_row(c, err);
    if (!systemdb_image_read(item->image, &row, err))
        return false;
    c->want = row;
    c->wrote = c->found ? item->change : ~0u;
    if (!c->found)
        return c->engine->row_insert(c->tx, item->id, &row, err);
    /* A half that the undone edit did not touch and others changed since stays; then the row is not
     * the old one, and updated_at must not say so. */
    for (int i = 0; i < SYSTEMDB_HALVES; i++) {
        if (!(item->change >> i & 1) && !half_same(&row, &c->row, i) &&
            !updated_at(c, &row.updated_at, err))
            return false;
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
        return commit_not_kept(c->item, err);
    for (int i = 0; c->found && i < SYSTEMDB_HALVES; i++) {
        bool wrote = c->wrote >> i & 1;
        if (wrote ? !half_kept(c->arena, &c->want, &c->row, i) : !half_same(was, &c->row, i))
            return commit_not_kept(c->item, err);
    }
    return true;
}

/* The record lies in another store: only what Meltano would note of it is written or taken back. */
static bool change_note(struct change *c, struct err *err)
{
    if (!(c->item->note ? note_add(c, c->item->note, err) : restore_run(c, err)))
        return commit_failed(c->item, err);
    c->item->outcome = OUTCOME_APPLIED;
    return true;
}

bool systemdb_commit(const struct systemdb_engine *engine, void *tx, struct commit_item *item,
                     struct arena *arena, struct err *err)
{
    struct change c = {
        .engine = engine, .tx = tx, .item = item, .arena = arena, .now_us = clock_now_us()};
    struct document now;
    item->now = (struct document){.id = item->id, .label = item->id};
    if (item->note_only)
        return change_note(&c, err);
    if (!row_document(&c, &now, err))
        return commit_failed(item, err);
    if (!commit_compare(item, &now))
        return true;
    item->now = now; /* for a conflict that only the write shows */
    struct systemdb_row was = c.row;
    if (!change_row(&c, err) || !row_document(&c, &now, err) || !check_kept(&c, &was, err))
        return commit_failed(item, err);
    item->now = now;
    item->outcome = OUTCOME_APPLIED;
    return true;
}
