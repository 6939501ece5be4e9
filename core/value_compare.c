/* Equality and digests. Readers bound how far shared nodes unfold (see pickle_read), so that these
 * plain walks end; what is one node on both sides is not walked at all. */
#include "core/value.h"

#include "core/identity.h"
#include "core/value_impl.h"

#include <math.h>
#include <string.h>

/* What a late value can turn into: a row id, a moment in any of the systems' forms, an id as text
 * or as Python's UUID object. */
static bool late_accepts(enum value_late late, const struct value *v)
{
    switch (v->type) {
    case VALUE_INT:
        return late != LATE_UUID;
    case VALUE_FLOAT:
        return late == LATE_NOW;
    case VALUE_STR:
    case VALUE_PY2STR:
        return true;
    case VALUE_CALL:
        return late != LATE_ID;
    default:
        return false;
    }
}

/* Two floats are one value when they are written alike: -0.0 is not 0.0, every NaN is NaN. */
static bool float_equal(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* A comparison under way. `left` and `right` pair up the nodes met so far; NULL when sharing does
 * not count. */
struct comparison {
    struct identity *left, *right;
};

static bool equal(const struct comparison *c, const struct value *a, const struct value *b);

static bool items_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    if (a->list.n != b->list.n)
        return false;
    for (size_t i = 0; i < a->list.n; i++) {
        if (!equal(c, a->list.items[i], b->list.items[i]))
            return false;
    }
    return true;
}

static bool pairs_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    if (a->dict.n != b->dict.n)
        return false;
    for (size_t i = 0; i < a->dict.n; i++) {
        if (!equal(c, a->dict.pairs[i].key, b->dict.pairs[i].key) ||
            !equal(c, a->dict.pairs[i].val, b->dict.pairs[i].val))
            return false;
    }
    return true;
}

static bool calls_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    if (a->call.kind != b->call.kind || a->call.nsteps != b->call.nsteps ||
        !equal(c, a->call.callable, b->call.callable) || !equal(c, a->call.args, b->call.args) ||
        !equal(c, a->call.kwargs, b->call.kwargs))
        return false;
    for (size_t i = 0; i < a->call.nsteps; i++) {
        const struct value_call_step *s = &a->call.steps[i], *t = &b->call.steps[i];
        if (s->op != t->op || !equal(c, s->key, t->key) || !equal(c, s->val, t->val))
            return false;
    }
    return true;
}

static bool nodes_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    switch (a->type) {
    case VALUE_NULL:
    case VALUE_CYCLE:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_INT:
    case VALUE_STR:
    case VALUE_BYTES:
    case VALUE_PY2STR:
    case VALUE_BYTEARRAY:
        return str_eq(a->text, b->text);
    case VALUE_FLOAT:
        return float_equal(a->real, b->real);
    case VALUE_LATE:
        return a->late == b->late;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET:
        return items_equal(c, a, b);
    case VALUE_DICT:
        return pairs_equal(c, a, b);
    case VALUE_GLOBAL:
        return str_eq(a->global.module, b->global.module) && str_eq(a->global.name, b->global.name);
    case VALUE_CALL:
        return calls_equal(c, a, b);
    case VALUE_TYPES:
        break;
    }
    return false;
}

static bool equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    if (!a || !b)
        return a == b;
    if (!c->left) {
        if (a == b)
            return true;
        if (a->type != b->type)
            return (a->type == VALUE_LATE && late_accepts(a->late, b)) ||
                   (b->type == VALUE_LATE && late_accepts(b->late, a));
        return nodes_equal(c, a, b);
    }
    if (a->type != b->type)
        return false;
    if (!value_has_identity(a) || !value_has_identity(b))
        return nodes_equal(c, a, b);
    const struct identity_entry *l = identity_get(c->left, a), *r = identity_get(c->right, b);
    if (l || r)
        return l && r && l->ptr == b && r->ptr == a;
    identity_put(c->left, a)->ptr = b;
    identity_put(c->right, b)->ptr = a;
    return nodes_equal(c, a, b);
}

bool value_equal(const struct value *a, const struct value *b)
{
    struct comparison c = {0};
    return equal(&c, a, b);
}

bool value_same_graph(const struct value *a, const struct value *b)
{
    struct identity left = {0}, right = {0};
    struct comparison c = {&left, &right};
    bool same = equal(&c, a, b);
    identity_release(&left);
    identity_release(&right);
    return same;
}

/* Objects as keys have no hash: beyond this many pairs they are found at their own place alone. */
enum { LIKE_MAX = 1000 };

ptrdiff_t value_dict_find_like(const struct value *dict, size_t i, const struct value *key)
{
    if (i < dict->dict.n && value_equal(dict->dict.pairs[i].key, key))
        return (ptrdiff_t)i; /* nearly always */
    ptrdiff_t at = value_dict_find(dict, key);
    if (at >= 0 || key->type == VALUE_STR || dict->dict.n > LIKE_MAX)
        return at;
    for (size_t j = 0; j < dict->dict.n; j++) {
        if (value_equal(dict->dict.pairs[j].key, key))
            return (ptrdiff_t)j;
    }
    return -1;
}

/* ---- digest ---- */

/* Collects the many small fields before they go into the hash. */
struct digester {
    struct sha256 *hash;
    size_t len;
    uint8_t buf[4096];
};

static void digest_bytes(struct digester *d, const void *p, size_t len)
{
    if (len > sizeof d->buf - d->len) {
        sha256_add(d->hash, d->buf, d->len);
        d->len = 0;
    }
    if (len > sizeof d->buf)
        sha256_add(d->hash, p, len);
    else if (len)
        memcpy(d->buf + d->len, p, len), d->len += len;
}

static void digest_u64(struct digester *d, uint64_t n)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (56 - 8 * i));
    digest_bytes(d, bytes, sizeof bytes);
}

static void digest_str(struct digester *d, struct str s)
{
    digest_u64(d, s.len);
    digest_bytes(d, s.ptr, s.len);
}

/* Stands in stored digests: the numbers must not change with the enum. */
static const char type_tags[VALUE_TYPES] = {
    [VALUE_NULL] = 'n',  [VALUE_BOOL] = 'b',      [VALUE_INT] = 'i',       [VALUE_FLOAT] = 'f',
    [VALUE_STR] = 's',   [VALUE_LIST] = 'l',      [VALUE_DICT] = 'd',      [VALUE_LATE] = '?',
    [VALUE_BYTES] = 'y', [VALUE_PY2STR] = '2',    [VALUE_BYTEARRAY] = 'a', [VALUE_TUPLE] = 't',
    [VALUE_SET] = 'e',   [VALUE_FROZENSET] = 'z', [VALUE_GLOBAL] = 'g',    [VALUE_CALL] = 'c',
    [VALUE_CYCLE] = 'o',
};

static void digest_value(struct digester *d, const struct value *v, const struct value *mask);

static void digest_call(struct digester *d, const struct value *v, const struct value *mask)
{
    bool masked = mask && mask->call.nsteps == v->call.nsteps;
    digest_u64(d, v->call.kind);
    digest_value(d, v->call.callable, mask ? mask->call.callable : NULL);
    digest_value(d, v->call.args, mask ? mask->call.args : NULL);
    digest_value(d, v->call.kwargs, mask ? mask->call.kwargs : NULL);
    digest_u64(d, v->call.nsteps);
    for (size_t i = 0; i < v->call.nsteps; i++) {
        const struct value_call_step *step = &v->call.steps[i];
        digest_u64(d, step->op);
        digest_value(d, step->key, NULL);
        digest_value(d, step->val, masked ? mask->call.steps[i].val : NULL);
    }
}

/* The value of the mask under the same key. */
static const struct value *mask_pair(const struct value *mask, size_t i, const struct value *key)
{
    ptrdiff_t at = mask ? value_dict_find_like(mask, i, key) : -1;
    return at < 0 ? NULL : mask->dict.pairs[at].val;
}

static void digest_value(struct digester *d, const struct value *v, const struct value *mask)
{
    if (!v) {
        digest_bytes(d, "-", 1);
        return;
    }
    if (v->type == VALUE_LATE || (mask && mask->type == VALUE_LATE)) {
        digest_bytes(d, &type_tags[VALUE_LATE], 1);
        return;
    }
    if (mask && mask->type != v->type)
        mask = NULL;
    digest_bytes(d, &type_tags[v->type], 1);
    switch (v->type) {
    case VALUE_BOOL:
        digest_bytes(d, v->boolean ? "1" : "0", 1);
        break;
    case VALUE_FLOAT: {
        double real = isnan(v->real) ? NAN : v->real;
        uint64_t bits;
        memcpy(&bits, &real, sizeof bits);
        digest_u64(d, bits);
        break;
    }
    case VALUE_INT:
    case VALUE_STR:
    case VALUE_BYTES:
    case VALUE_PY2STR:
    case VALUE_BYTEARRAY:
        digest_str(d, v->text);
        break;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET:
        digest_u64(d, v->list.n);
        for (size_t i = 0; i < v->list.n; i++)
            digest_value(d, v->list.items[i], value_at(mask, i));
        break;
    case VALUE_DICT:
        digest_u64(d, v->dict.n);
        for (size_t i = 0; i < v->dict.n; i++) {
            const struct value_pair *p = &v->dict.pairs[i];
            digest_value(d, p->key, NULL);
            digest_value(d, p->val, mask_pair(mask, i, p->key));
        }
        break;
    case VALUE_GLOBAL:
        digest_str(d, v->global.module);
        digest_str(d, v->global.name);
        break;
    case VALUE_CALL:
        digest_call(d, v, mask);
        break;
    default:
        break;
    }
}

void value_digest(const struct value *v, const struct value *mask, uint8_t out[SHA256_LEN])
{
    struct digester d = {.hash = sha256_new()};
    digest_value(&d, v, mask);
    sha256_add(d.hash, d.buf, d.len);
    sha256_finish(d.hash, out);
}
