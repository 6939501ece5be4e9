/* Changing one source in a job's properties: one transaction that locks the job's row, compares the
 * source by value, replaces its bytes in the text, and writes only where the text is still the one
 * it read. */
#include "backends/postgres/vdk_job_properties.h"

#include "core/json.h"
#include "core/systems/vdk/properties.h"

struct change {
    struct jobs_store *s;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct jobs_place place;
    struct pg_keyed_row row;
    struct str job_text, text;
    struct document now;
    bool gone; /* nothing is to be left of what was made for the source */
};

/* The receipt for a row that was NULL; of one that was not there it is "job". */
#define MADE_OF_NULL "null"

static bool look(struct change *c, struct err *err)
{
    if (!pg_keyed_lock(c->s->client, &jobs_table, c->place.job, c->call, c->arena, &c->row, err) ||
        !jobs_find(&c->place, &c->row, &c->job_text, &c->text, err))
        return false;
    c->now = jobs_document(&c->place, c->item->id, c->text, VALUE_LIMIT, c->arena);
    return true;
}

static bool new_text(struct change *c, struct sbuf *out, struct err *err)
{
    struct commit_item *item = c->item;
    bool gone = commit_takes_away(item);
    struct sbuf document = SBUF_INIT;
    struct str text = STR_NULL;
    bool ok = true;
    if (gone && !c->place.source.ptr)
        return err_set(err, ERR_REFUSED, "%.*s: only a source can be removed", STR_ARG(item->id));
    if (item->kind == EDIT_RESTORE && !gone) {
        ok = jobs_image_text(item->image, &text, err);
    } else if (!gone && c->place.source.ptr) {
        ok = json_write(&document, item->after, JSON_UTF8, err);
        text = sbuf_view(&document);
    }
    if (ok && gone) {
        ok = vdk_take_source(c->job_text, c->place.source, item->receipt, true, out, &c->gone, err);
    } else if (ok && c->place.source.ptr) {
        item->new_receipt = c->row.key.ptr && !c->row.values[0].ptr
                                ? STR(MADE_OF_NULL)
                                : vdk_made_for_source(c->job_text);
        ok = vdk_put_source(c->job_text, c->place.source, text, true, out, err);
    } else if (ok && text.ptr)
        sbuf_str(out, text);
    else if (ok)
        ok = vdk_put_job(c->text, c->now.root, item->after, true, out, err);
    sbuf_release(&document);
    return ok;
}

/* One row, which still has the text that was read. */
static bool put_row(struct change *c, struct str text, struct err *err)
{
    int64_t rows;
    bool null = c->gone && str_is(c->item->receipt, MADE_OF_NULL);
    struct str params[] = {c->place.job, null ? STR_NULL : text, c->row.values[0]};
    struct str seen[] = {c->place.job, c->row.values[0]};
    bool ok =
        c->gone && !null ? pg_exec(c->s->client,
                                   "delete from job_properties where job_name = $1"
                                   " and properties_json is not distinct from $2",
                                   seen, 2, c->call, &rows, err)
        : c->row.key.ptr
            ? pg_exec(c->s->client,
                      "update job_properties set properties_json = $2 where job_name = $1"
                      " and properties_json is not distinct from $3",
                      params, 3, c->call, &rows, err)
            : pg_exec(
                  c->s->client,
                  "insert into job_properties (job_name, properties_json) select $1::text, $2::text"
                  " where not exists (select 1 from job_properties where job_name = $1::text)",
                  params, 2, c->call, &rows, err);
    return ok && (rows == 1 || err_set(err, ERR_CONFLICT, "job %.*s: somebody wrote meanwhile",
                                       STR_ARG(c->place.job)));
}

/* As read back. */
static bool is_kept(const struct change *c, struct str text)
{
    if (!c->gone)
        return str_eq(c->row.values[0], text);
    return !c->row.values[0].ptr && !!c->row.key.ptr == str_is(c->item->receipt, MADE_OF_NULL);
}

static bool change_row(struct change *c, struct err *err)
{
    struct commit_item *item = c->item;
    struct sbuf text = SBUF_INIT;
    if (!look(c, err))
        return false;
    if (!commit_compare(item, &c->now))
        return true;
    item->now = c->now; /* for a conflict that only the write shows */
    bool ok = new_text(c, &text, err) && put_row(c, sbuf_view(&text), err) && look(c, err) &&
              (is_kept(c, sbuf_view(&text)) || commit_not_kept(item, err));
    sbuf_release(&text);
    if (!ok)
        return false;
    item->now = c->now;
    item->outcome = OUTCOME_APPLIED;
    return true;
}

bool jobs_commit(struct store *store, struct commit_item *item, const struct call *call,
                 struct arena *arena, struct err *err)
{
    struct change c = {.s = (struct jobs_store *)store, .item = item, .call = call, .arena = arena};
    vdk_id_parse(arena, item->id, &c.place.job, &c.place.source);
    if (!pg_begin(c.s->client, PG_WRITE, store->opts.lock_wait_ms, call, err))
        return commit_failed(item, err);
    bool ok = change_row(&c, err) || commit_failed_by_record(item, err);
    return pg_end_item(c.s->client, ok, item, call, err);
}
