/* What changed, by path. */
#include "core/value.h"

#include "core/value_impl.h"

#include <string.h>

struct diff {
    struct arena *arena;
    struct sbuf path, changes; /* changes: an array of struct value_change */
    size_t max, n;
    bool more;
};

static void emit(struct diff *d, const struct value *before, const struct value *after)
{
    if (d->n == d->max) {
        d->more = true;
        return;
    }
    struct value_change change = {arena_str(d->arena, sbuf_view(&d->path)), before, after};
    sbuf_add(&d->changes, &change, sizeof change);
    d->n++;
}

static void diff_value(struct diff *d, const struct value *before, const struct value *after);

static void diff_key(struct diff *d, const struct value *key, const struct value *before,
                     const struct value *after)
{
    size_t len = d->path.len;
    sbuf_char(&d->path, '/');
    value_pointer_key(&d->path, key);
    diff_value(d, before, after);
    d->path.len = len;
}

static void diff_index(struct diff *d, size_t i, const struct value *before,
                       const struct value *after)
{
    size_t len = d->path.len;
    sbuf_printf(&d->path, "/%zu", i);
    diff_value(d, before, after);
    d->path.len = len;
}

/* Keys both sides have stand in the same order, and are spelled alike (1 and True are one key). */
static bool same_keys(const struct value *before, const struct value *after)
{
    ptrdiff_t last = -1;
    for (size_t i = 0; i < before->dict.n; i++) {
        ptrdiff_t at = value_dict_find_like(after, i, before->dict.pairs[i].key);
        if (at < 0)
            continue;
        if (at < last || !value_equal(before->dict.pairs[i].key, after->dict.pairs[at].key))
            return false;
        last = at;
    }
    return true;
}

static void diff_dict(struct diff *d, const struct value *before, const struct value *after)
{
    size_t found = d->n;
    for (size_t i = 0; i < before->dict.n && !d->more; i++) {
        const struct value_pair *p = &before->dict.pairs[i];
        ptrdiff_t at = value_dict_find_like(after, i, p->key);
        diff_key(d, p->key, p->val, at < 0 ? NULL : after->dict.pairs[at].val);
    }
    for (size_t i = 0; i < after->dict.n && !d->more; i++) {
        const struct value_pair *p = &after->dict.pairs[i];
        if (value_dict_find_like(before, i, p->key) < 0)
            diff_key(d, p->key, NULL, p->val);
    }
    /* A change of the keys' order alone is a change all the same. */
    if (d->n == found && !d->more && !same_keys(before, after))
        emit(d, before, after);
}

/* What both lists begin and end with is left out; when that leaves nothing of one side, items were
 * only put in or only taken out there. */
static void diff_list(struct diff *d, const struct value *before, const struct value *after)
{
    size_t n = before->list.n, m = after->list.n, same = n < m ? n : m, head = 0, tail = 0;
    while (head < same && value_equal(before->list.items[head], after->list.items[head]))
        head++;
    while (n != m && tail < same - head &&
           value_equal(before->list.items[n - tail - 1], after->list.items[m - tail - 1]))
        tail++;
    size_t removed = n - head - tail, added = m - head - tail, i = 0;
    for (; i < removed && i < added && !d->more; i++)
        diff_index(d, head + i, before->list.items[head + i], after->list.items[head + i]);
    for (; i < removed && !d->more; i++)
        diff_index(d, head + i, before->list.items[head + i], NULL);
    for (; i < added && !d->more; i++)
        diff_index(d, head + i, NULL, after->list.items[head + i]);
}

static void diff_value(struct diff *d, const struct value *before, const struct value *after)
{
    if (before == after || d->more)
        return;
    if (!before || !after || before->type != after->type) {
        if (!value_equal(before, after)) /* a late value equals what came */
            emit(d, before, after);
        return;
    }
    switch (before->type) {
    case VALUE_DICT:
        diff_dict(d, before, after);
        break;
    case VALUE_LIST:
    case VALUE_TUPLE:
        diff_list(d, before, after);
        break;
    default:
        if (!value_equal(before, after))
            emit(d, before, after);
    }
}

size_t value_diff(struct arena *a, const struct value *before, const struct value *after,
                  size_t max, struct value_change **ret, bool *ret_more)
{
    struct diff d = {.arena = a, .max = max};
    diff_value(&d, before, after);
    *ret = arena_array(a, struct value_change, d.n);
    if (d.n)
        memcpy(*ret, d.changes.ptr, d.n * sizeof **ret);
    *ret_more = d.more;
    sbuf_release(&d.path);
    sbuf_release(&d.changes);
    return d.n;
}
