#include "backends/django_dbcache.h"

#include "backends/django_value.h"
#include "core/base/base64.h"

#include <string.h>

const char *const dbcache_columns[3] = {"cache_key", "value", "expires"};

static const char image_magic[] = "djangodb1 ";

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

static struct str image_of(struct arena *arena, const struct dbcache_row *row)
{
    struct str head = arena_printf(arena, "%s%.*s\n", image_magic, STR_ARG(row->expires));
    char *image = arena_alloc(arena, head.len + row->value.len);
    memcpy(image, head.ptr, head.len);
    memcpy(image + head.len, row->value.ptr, row->value.len);
    return (struct str){image, head.len + row->value.len};
}

static bool image_read(struct str image, struct dbcache_row *ret, struct err *err)
{
    ptrdiff_t end = str_index(image, '\n');
    if (end < 0 || !str_starts(image, image_magic))
        return err_set(err, ERR_CORRUPT, "the kept image is none of this store");
    *ret = (struct dbcache_row){.expires = str_sub(image, sizeof image_magic - 1, (size_t)end),
                                .value = str_sub(image, (size_t)end + 1, image.len)};
    ret->bytes = ret->value.len;
    ret->expires_us = dbcache_expiry(ret->expires);
    return true;
}

static void decode(struct arena *arena, struct str value, size_t limit, struct document *doc,
                   struct django_form *ret_form)
{
    struct str bytes;
    *ret_form = (struct django_form){0};
    if (base64_decode(arena, value, &bytes))
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
    if (row->bytes > limit) {
        ret->truncated = true;
        ret->head = str_sub(row->value, 0, row->value.len < limit ? row->value.len : limit);
        return;
    }
    ret->versions[0] = version_of(row->value);
    ret->image = image_of(arena, row);
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
    if (!c->found && was.expires_us < clock_now_us())
        return err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                       STR_ARG(c->item->id));
    *ret_value = was.value;
    *ret_expires = was.expires;
    return true;
}

static bool write_row(struct change *c, struct str value, struct str expires, struct err *err)
{
    int64_t rows = 1;
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
static bool kept(const struct change *c, struct str value, struct err *err)
{
    if (value.ptr ? c->found && str_eq(c->row.value, value) : !c->found)
        return true;
    return commit_not_kept(c->item, err);
}

static bool change_row(struct change *c, struct err *err)
{
    struct str value, expires;
    return wanted(c, &value, &expires, err) && write_row(c, value, expires, err) && look(c, err) &&
           kept(c, value, err);
}

bool dbcache_commit(const struct dbcache_engine *engine, void *tx, struct str key,
                    struct commit_item *item, struct arena *arena, struct err *err)
{
    struct change c = {.engine = engine, .tx = tx, .key = key, .item = item, .arena = arena};
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
