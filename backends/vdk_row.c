#include "backends/vdk_row.h"

#include "backends/row_image.h"
#include "core/json.h"

/* --- images: updated_at beside the state -------------------------------------------------------
 */

static const char image_null[] = "vdk2 null", image_text[] = "vdk2 text",
                  image_blob[] = "vdk2 blob";

static struct str image_of(struct arena *arena, const struct vdk_row *row)
{
    const char *kind = !row->state.ptr ? image_null : row->is_blob ? image_blob : image_text;
    return row_image(arena, kind, row->updated_at, row->state);
}

static bool image_read(struct str image, struct vdk_row *ret, struct err *err)
{
    *ret = (struct vdk_row){0};
    if (row_image_read(image, image_text, &ret->updated_at, &ret->state))
        return true;
    ret->is_blob = row_image_read(image, image_blob, &ret->updated_at, &ret->state);
    if (ret->is_blob)
        return true;
    if (!row_image_read(image, image_null, &ret->updated_at, &ret->state))
        return err_set(err, ERR_CORRUPT, "the image is none of a row of data_source_state");
    ret->state = STR_NULL;
    return true;
}

/* --- documents -------------------------------------------------------------------------------- */

static void document_reset(struct document *doc)
{
    *doc = (struct document){.id = doc->id,
                             .label = doc->label,
                             .absent = true,
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_NEVER,
                             .format = STR(VDK_ROW_FORMAT)};
}

void vdk_row_document(struct arena *arena, const struct vdk_row *row, struct document *doc)
{
    document_reset(doc);
    if (!row)
        return;
    doc->absent = false;
    doc->bytes = row->state.len;
    doc->image = image_of(arena, row);
    struct str moment = row->utc.ptr ? row->utc : row->updated_at;
    if (!moment.ptr || !time_parse(moment, &doc->updated_at_us))
        doc->updated_at_us = TIME_UNKNOWN;
    doc->versions[0] = version_of(row->state.ptr ? row->state : STR("\0null"));
    if (!row->state.ptr)
        err_set(&doc->problem, ERR_CORRUPT, "state_data is NULL");
    else if (!json_read(arena, row->state, &doc->root, &doc->problem))
        doc->head = row->state;
}

void vdk_row_truncated(const struct vdk_row *row, uint64_t bytes, struct document *doc)
{
    document_reset(doc);
    doc->absent = false;
    doc->truncated = true;
    doc->bytes = bytes;
    doc->head = row->state;
}

bool vdk_row_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                    struct document *ret, struct err *err)
{
    struct vdk_row row;
    (void)store;
    if (!image_read(image, &row, err))
        return false;
    *ret = (struct document){.id = id, .label = id};
    vdk_row_document(arena, &row, ret);
    return true;
}

/* --- changing --------------------------------------------------------------------------------- */

struct change {
    const struct vdk_row_engine *engine;
    void *tx;
    struct commit_item *item;
    struct arena *arena;
    bool found;
    struct vdk_row row;
    struct str want; /* the state that is meant to be there when it is done; ptr NULL: no row, or */
    bool want_null;  /* a row whose state is NULL */
};

/* The row is locked: when it is there and is not touched, something in the database prevents it. */
static bool touched(const struct change *c, int64_t rows, struct err *err)
{
    if (rows != 1 && c->found)
        return commit_not_kept(c->item, err);
    return rows == 1 || err_set(err, ERR_CONFLICT, "%.*s: %lld rows were touched, not one",
                                STR_ARG(c->item->id), (long long)rows);
}

static bool read_now(struct change *c, struct document *ret, struct err *err)
{
    if (!c->engine->get(c->tx, c->item->id, c->arena, &c->found, &c->row, err))
        return false;
    *ret = (struct document){.id = c->item->id, .label = c->item->id};
    vdk_row_document(c->arena, c->found ? &c->row : NULL, ret);
    return true;
}

static bool put(struct change *c, const struct vdk_row *row, struct err *err)
{
    int64_t rows;
    c->want = row->state.ptr ? arena_str(c->arena, row->state) : STR_NULL;
    c->want_null = !row->state.ptr;
    return (c->found ? c->engine->update : c->engine->insert)(c->tx, c->item->id, row, &rows,
                                                              err) &&
           touched(c, rows, err);
}

static bool write_row(struct change *c, struct err *err)
{
    struct sbuf text = SBUF_INIT;
    struct vdk_row row = {.is_blob = c->found && c->row.is_blob, .now = true};
    bool ok = json_write(&text, c->item->after, JSON_PYTHON, err);
    row.state = sbuf_view(&text);
    ok = ok && put(c, &row, err);
    sbuf_release(&text);
    return ok;
}

/* Of a row that an undo takes away we know how it was made. */
static bool may_remove(struct change *c, struct err *err)
{
    struct str more = STR_NULL;
    if (c->item->kind != EDIT_REMOVE)
        return true;
    return c->engine->more(c->tx, c->item->id, c->arena, &more, err) &&
           (!more.ptr || commit_takes_more(c->item, more, err));
}

static bool remove_row(struct change *c, struct err *err)
{
    int64_t rows;
    return may_remove(c, err) && c->engine->remove(c->tx, c->item->id, &rows, err) &&
           touched(c, rows, err);
}

static bool restore_row(struct change *c, struct err *err)
{
    struct vdk_row row;
    return image_read(c->item->image, &row, err) && put(c, &row, err);
}

/* What the transaction would leave is what was meant; a column of type jsonb respells it. */
static bool check_kept(const struct change *c, const struct document *now, struct err *err)
{
    const struct value *want;
    if (!c->found) /* nothing else is known of the row then */
        return c->want.ptr || c->want_null ? commit_not_kept(c->item, err) : true;
    if (c->want_null && !c->row.state.ptr)
        return true;
    if (c->want.ptr && c->row.state.ptr &&
        (str_eq(c->want, c->row.state) ||
         (now->root && json_read(c->arena, c->want, &want, NULL) && value_equal(want, now->root))))
        return true;
    return commit_not_kept(c->item, err);
}

bool vdk_row_commit(const struct vdk_row_engine *engine, void *tx, struct commit_item *item,
                    struct arena *arena, struct err *err)
{
    struct change c = {.engine = engine, .tx = tx, .item = item, .arena = arena};
    struct document now;
    if (!read_now(&c, &now, err))
        return commit_failed(item, err);
    if (!commit_compare(item, &now))
        return true;
    item->now = now; /* for a conflict that only the write shows */
    bool ok = commit_takes_away(item)      ? remove_row(&c, err)
              : item->kind == EDIT_RESTORE ? restore_row(&c, err)
                                           : write_row(&c, err);
    if (!ok || !read_now(&c, &now, err) || !check_kept(&c, &now, err))
        return commit_failed(item, err);
    item->now = now;
    item->outcome = OUTCOME_APPLIED;
    return true;
}
