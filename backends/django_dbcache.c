#include "backends/django_dbcache.h"

#include "backends/django_value.h"
#include "backends/row_image.h"
#include "core/base/base64.h"

static const char image_kind[] = "djangodb2";

bool dbcache_never(int64_t expires_us)
{
    int64_t year;
    int month, day;
    time_civil_from_days(expires_us / 86400000000, &year, &month, &day);
    return expires_us != TIME_UNKNOWN && year >= 9999;
}

int64_t dbcache_expiry(struct str text)
{
    int64_t us;
    if (!text.ptr || !time_parse(text, &us))
        return TIME_UNKNOWN;
    return dbcache_never(us) ? TIME_NEVER : us;
}

/* --- rows as documents ----------------------------------------------------------------------- */

static bool image_read(struct str image, struct dbcache_row *ret, struct err *err)
{
    *ret = (struct dbcache_row){0};
    if (!row_image_read(image, image_kind, &ret->expires, &ret->value))
        return err_set(err, ERR_CORRUPT, "the kept image is none of this store");
    ret->bytes = ret->value.len;
    ret->expires_us = dbcache_expiry(ret->expires);
    return true;
}

static void decode(struct arena *arena, struct str value, size_t limit, struct document *doc,
                   struct django_form *ret_form)
{
    struct str bytes;
    *ret_form = (struct django_form){0};
    if (!value.ptr)
        err_set(&doc->problem, ERR_CORRUPT, "the value is NULL");
    else if (base64_decode(arena, value, &bytes))
        django_decode(arena, bytes, limit, doc, ret_form);
    else
        err_set(&doc->problem, ERR_CORRUPT, "the value is not base64");
}

static void document_fill(struct arena *arena, const struct dbcache_row *row, struct str uid,
                          size_t limit, struct document *ret, struct django_form *ret_form)
{
    *ret = (struct document){.id = uid,
                             .label = uid,
                             .absent = !row,
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_UNKNOWN};
    if (!row)
        return;
    ret->bytes = row->bytes;
    ret->expires_at_us = row->expires_us;
    ret->expires_off_us = row->expires_off_us;
    if (row->bytes > limit) {
        ret->truncated = true;
        ret->head = str_sub(row->value, 0, row->value.len < limit ? row->value.len : limit);
        return;
    }
    ret->versions[0] = version_of(row->value);
    ret->image = row_image(arena, image_kind, row->expires, row->value);
    decode(arena, row->value, limit, ret, ret_form);
    if (row->expired && !ret->problem.kind)
        err_set(&ret->problem, ERR_UNSUPPORTED,
                "expired: Django takes it for gone and deletes it when it is next read");
}

void dbcache_document(struct arena *arena, const struct dbcache_row *row, struct str uid,
                      size_t limit, struct document *ret)
{
    struct django_form form;
    document_fill(arena, row, uid, limit, ret, &form);
}

bool dbcache_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                    struct document *ret, struct err *err)
{
    struct dbcache_row row;
    if (!image_read(image, &row, err))
        return false;
    dbcache_document(arena, &row, id, VALUE_LIMIT, ret);
    ret->image = image;
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

struct change {
    const struct dbcache_engine *engine;
    void *tx;
    struct str key;
    const struct session_hold *hold;
    struct commit_item *item;
    struct arena *arena;
    bool found;
    struct dbcache_row row; /* as it is now, when found */
    struct document now;
    struct django_form form;
};

static bool look(struct change *c, struct err *err)
{
    if (!c->engine->row_get(c->tx, c->key, c->arena, &c->found, &c->row, err))
        return false;
    document_fill(c->arena, c->found ? &c->row : NULL, c->item->id, VALUE_LIMIT, &c->now, &c->form);
    return true;
}

static bool encode(struct change *c, struct str *ret, struct err *err)
{
    struct str bytes;
    if (!c->found)
        c->form = django_form_new(c->item->after);
    const struct value *root = django_fill_late(c->arena, c->item->after, &c->form, clock_now_us());
    if (!django_encode(c->arena, root, &c->form, &bytes, err))
        return false;
    *ret = base64_encode(c->arena, bytes);
    return true;
}

/* The text that is to be stored, and when it expires where there is no row yet. ptr NULL: no row.
 */
static bool wanted(struct change *c, struct str *ret_value, struct str *ret_expires,
                   struct err *err)
{
    struct dbcache_row was;
    *ret_value = STR_NULL;
    *ret_expires = c->engine->never;
    if (c->item->kind == EDIT_WRITE) {
        if (c->found && c->now.problem.kind) {
            *err = c->now.problem;
            return false;
        }
        return encode(c, ret_value, err);
    }
    if (commit_takes_away(c->item))
        return true;
    if (!image_read(c->item->image, &was, err))
        return false;
    if (!c->found && was.expires_us != TIME_UNKNOWN && was.expires_us != TIME_NEVER &&
        was.expires_us - c->engine->ahead_us + c->engine->off_us < clock_now_us())
        return err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                       STR_ARG(c->item->id));
    *ret_value = was.value;
    *ret_expires = was.expires;
    return true;
}

static bool write_row(struct change *c, struct str value, struct str expires, struct err *err)
{
    int64_t rows = 1;
    struct str more = STR_NULL;
    if (c->item->kind == EDIT_REMOVE && c->found) {
        if (!c->engine->row_more(c->tx, c->key, c->arena, &more, err))
            return false;
        if (more.ptr)
            return commit_takes_more(c->item, more, err);
    }
    bool ok = !value.ptr ? c->engine->row_delete(c->tx, c->key, &rows, err)
              : c->found ? c->engine->row_update(c->tx, c->key, value, &rows, err)
                         : c->engine->row_insert(c->tx, c->key, value, expires, err);
    return ok && (rows == 1 || err_set(err, ERR_CONFLICT,
                                       "%.*s: the row was not there to be "
                                       "written",
                                       STR_ARG(c->item->id)));
}

/* What the transaction would leave must be what was meant: a trigger or a rule of the table may
 * drop or alter it. */
static bool kept(const struct change *c, struct str value, struct str expires, struct err *err)
{
    bool same = str_eq(c->row.expires, expires) ||
                (c->row.expires_us != TIME_UNKNOWN &&
                 dbcache_expiry(c->row.expires) == dbcache_expiry(expires));
    if (value.ptr ? c->found && str_eq(c->row.value, value) && same : !c->found)
        return true;
    return commit_not_kept(c->item, err);
}

/* Whoever had the row may have kept us waiting for longer than the session's lock lasts. No other
 * server is asked within a transaction, so the clock has to tell. */
static bool lock_lasts(const struct change *c, struct err *err)
{
    enum { COMMIT_MS = 1000 }; /* the write and its commit take no longer */
    return !c->hold->id.len || clock_monotonic_ms() + COMMIT_MS < c->hold->until_ms ||
           err_set(err, ERR_LOCKED,
                   "%.*s: our lock ran out while the row was waited for; nothing was written",
                   STR_ARG(c->item->id));
}

/* What Django takes for gone stays as it is, and so does what we could not put back. */
static bool may_change(const struct change *c, struct err *err)
{
    if (c->found && c->row.expired)
        return err_set(err, ERR_REFUSED, "%.*s has expired: Django takes it for gone",
                       STR_ARG(c->item->id));
    return !c->found || c->row.value.ptr ||
           err_set(err, ERR_REFUSED, "%.*s: its value is NULL", STR_ARG(c->item->id));
}

static bool change_row(struct change *c, struct err *err)
{
    struct str value, expires;
    if (!may_change(c, err) || !wanted(c, &value, &expires, err))
        return false;
    if (c->found) /* as it is: only the value is written */
        expires = c->row.expires;
    if (!lock_lasts(c, err) || !write_row(c, value, expires, err) || !look(c, err) ||
        !kept(c, value, expires, err))
        return false;
    /* By the database's clock, which is another than ours. */
    return !value.ptr || !c->row.expired ||
           err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                   STR_ARG(c->item->id));
}

bool dbcache_commit(const struct dbcache_engine *engine, void *tx, struct str key,
                    const struct session_hold *hold, struct commit_item *item, struct arena *arena,
                    struct err *err)
{
    struct change c = {
        .engine = engine, .tx = tx, .key = key, .hold = hold, .item = item, .arena = arena};
    if (!look(&c, err))
        return commit_failed(item, err);
    item->now = c.now;
    if (!commit_compare(item, &c.now))
        return true;
    if (!change_row(&c, err))
        return commit_failed(item, err);
    item->now = c.now;
    item->outcome = OUTCOME_APPLIED;
    return true;
}
