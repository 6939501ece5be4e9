#include "core/value.h"

#include "core/base/mem.h"
#include "core/value_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct value value_null = {.type = VALUE_NULL};
const struct value value_true = {.type = VALUE_BOOL, .boolean = true};
const struct value value_false = {.type = VALUE_BOOL, .boolean = false};

static struct value *value_new(struct arena *a, enum value_type type)
{
    struct value *v = arena_new(a, struct value);
    v->type = type;
    return v;
}

const struct value *value_bool(bool b)
{
    return b ? &value_true : &value_false;
}

const struct value *value_int(struct arena *a, int64_t n)
{
    struct value *v = value_new(a, VALUE_INT);
    v->text = arena_printf(a, "%lld", (long long)n);
    return v;
}

const struct value *value_uint(struct arena *a, uint64_t n)
{
    struct value *v = value_new(a, VALUE_INT);
    v->text = arena_printf(a, "%llu", (unsigned long long)n);
    return v;
}

const struct value *value_int_text(struct arena *a, struct str digits)
{
    return value_text(a, VALUE_INT, digits);
}

const struct value *value_float(struct arena *a, double d)
{
    struct value *v = value_new(a, VALUE_FLOAT);
    v->real = d;
    return v;
}

const struct value *value_str(struct arena *a, struct str s)
{
    return value_text(a, VALUE_STR, s);
}

const struct value *value_cstr(struct arena *a, const char *s)
{
    return value_text(a, VALUE_STR, str_of(s));
}

const struct value *value_text(struct arena *a, enum value_type type, struct str s)
{
    struct value *v = value_new(a, type);
    v->text = arena_str(a, s);
    return v;
}

const struct value *value_late(struct arena *a, enum value_late late)
{
    struct value *v = value_new(a, VALUE_LATE);
    v->late = late;
    return v;
}

const struct value *value_list_over(struct arena *a, enum value_type type,
                                    const struct value *const *items, size_t n)
{
    struct value *v = value_new(a, type);
    v->list.items = items;
    v->list.n = n;
    return v;
}

const struct value *value_list(struct arena *a, enum value_type type,
                               const struct value *const *items, size_t n)
{
    const struct value **copy = arena_array(a, const struct value *, n);
    if (n)
        memcpy(copy, items, n * sizeof *copy);
    return value_list_over(a, type, copy, n);
}

const struct value *value_dict_over(struct arena *a, const struct value_pair *pairs, size_t n)
{
    struct value *v = value_new(a, VALUE_DICT);
    v->dict.pairs = pairs;
    v->dict.n = n;
    /* Who builds a dict knows its keys; with a repeated one or without room there is no index, and
     * look-ups find the first by walking. */
    const struct value *repeated;
    value_dict_index(a, v, &repeated);
    return v;
}

const struct value *value_dict(struct arena *a, const struct value_pair *pairs, size_t n)
{
    struct value_pair *copy = arena_array(a, struct value_pair, n);
    if (n)
        memcpy(copy, pairs, n * sizeof *copy);
    return value_dict_over(a, copy, n);
}

const char *value_type_name(enum value_type type)
{
    static const char *const names[VALUE_TYPES] = {
        [VALUE_NULL] = "null",
        [VALUE_BOOL] = "boolean",
        [VALUE_INT] = "integer",
        [VALUE_FLOAT] = "number",
        [VALUE_STR] = "string",
        [VALUE_LIST] = "array",
        [VALUE_DICT] = "object",
        [VALUE_LATE] = "late value",
        [VALUE_BYTES] = "bytes",
        [VALUE_PY2STR] = "python 2 byte string",
        [VALUE_BYTEARRAY] = "bytearray",
        [VALUE_TUPLE] = "tuple",
        [VALUE_SET] = "set",
        [VALUE_FROZENSET] = "frozenset",
        [VALUE_GLOBAL] = "python name",
        [VALUE_CALL] = "python object",
        [VALUE_CYCLE] = "reference to a container around it",
    };
    return names[type];
}

/* ---- keys and the hash index of dicts ---- */

static uint64_t rotl(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t s[4])
{
    s[0] += s[1], s[2] += s[3];
    s[1] = rotl(s[1], 13) ^ s[0], s[3] = rotl(s[3], 16) ^ s[2];
    s[0] = rotl(s[0], 32);
    s[2] += s[1], s[0] += s[3];
    s[1] = rotl(s[1], 17) ^ s[2], s[3] = rotl(s[3], 21) ^ s[0];
    s[2] = rotl(s[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein). Keyed by an address, which who made the document cannot know:
 * a state full of keys that collide must not make reading quadratic. */
static uint64_t sip_hash(uint64_t key, const void *bytes, size_t len)
{
    uint64_t s[4] = {key ^ 0x736f6d6570736575, ~key ^ 0x646f72616e646f6d, key ^ 0x6c7967656e657261,
                     ~key ^ 0x7465646279746573};
    const unsigned char *p = bytes;
    uint64_t word;
    for (; len - (size_t)(p - (const unsigned char *)bytes) >= 8; p += 8) {
        memcpy(&word, p, 8);
        s[3] ^= word;
        sip_round(s);
        s[0] ^= word;
    }
    word = (uint64_t)len << 56;
    size_t rest = len & 7;
    for (size_t i = 0; i < rest; i++)
        word |= (uint64_t)p[i] << (8 * i);
    s[3] ^= word;
    sip_round(s);
    s[0] ^= word;
    s[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(s);
    return s[0] ^ s[1] ^ s[2] ^ s[3];
}

static bool is_number(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_BOOL || v->type == VALUE_FLOAT;
}

enum { NUMBER_KEY_MAX = 352 }; /* DBL_MAX has 309 digits */

/* The spelling that equal numbers share: digits for whatever is whole, else a letter, which no
 * digits begin with, and the double's bytes. */
static struct str number_key(const struct value *v, char buf[NUMBER_KEY_MAX])
{
    if (v->type == VALUE_INT)
        return v->text;
    if (v->type == VALUE_BOOL)
        return v->boolean ? STR("1") : STR("0");
    if (!isfinite(v->real) || v->real != trunc(v->real)) {
        buf[0] = 'f';
        memcpy(buf + 1, &v->real, sizeof v->real);
        return (struct str){buf, 1 + sizeof v->real};
    }
    int len = snprintf(buf, NUMBER_KEY_MAX, "%.0f", v->real == 0 ? 0.0 : v->real);
    return (struct str){buf, (size_t)len};
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

static bool is_text(const struct value *v)
{
    return v->type == VALUE_STR || v->type == VALUE_PY2STR;
}

/* Keys as Python compares them: 1, 1.0 and True are one key; a byte string of Python 2 equals the
 * text of the same ASCII bytes; calls and frozensets are equal only to themselves. */
static bool value_key_equal(const struct value *a, const struct value *b)
{
    if (a == b)
        return true;
    if (is_text(a) && is_text(b))
        return str_eq(a->text, b->text) && (a->type == b->type || is_ascii(a->text));
    if (is_number(a) && is_number(b)) {
        char abuf[NUMBER_KEY_MAX], bbuf[NUMBER_KEY_MAX];
        if ((a->type == VALUE_FLOAT && isnan(a->real)) ||
            (b->type == VALUE_FLOAT && isnan(b->real)))
            return false; /* NaN is a key equal to itself alone */
        return str_eq(number_key(a, abuf), number_key(b, bbuf));
    }
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_NULL:
        return true;
    case VALUE_BYTES:
        return str_eq(a->text, b->text);
    case VALUE_GLOBAL:
        return str_eq(a->global.module, b->global.module) && str_eq(a->global.name, b->global.name);
    case VALUE_TUPLE:
        if (a->list.n != b->list.n)
            return false;
        for (size_t i = 0; i < a->list.n; i++) {
            if (!value_key_equal(a->list.items[i], b->list.items[i]))
                return false;
        }
        return true;
    default:
        return false;
    }
}

static uint64_t key_hash(const struct value *v, uint64_t seed)
{
    char buf[NUMBER_KEY_MAX];
    struct str s;
    switch (v->type) {
    case VALUE_STR:
    case VALUE_PY2STR:
    case VALUE_BYTES:
        return sip_hash(seed, v->text.ptr, v->text.len);
    case VALUE_NULL:
        return sip_hash(seed, NULL, 0);
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        s = number_key(v, buf);
        return sip_hash(seed, s.ptr, s.len);
    case VALUE_GLOBAL:
        return sip_hash(sip_hash(seed, v->global.module.ptr, v->global.module.len),
                        v->global.name.ptr, v->global.name.len);
    case VALUE_TUPLE:
        for (size_t i = 0; i < v->list.n; i++)
            seed = key_hash(v->list.items[i], seed);
        return sip_hash(seed, "()", 2);
    default:
        return sip_hash(seed, &v, sizeof v);
    }
}

/* Open addressing with linear probing; a slot holds the position plus one. The size follows from
 * the number of pairs, the seed is the table's own address. */
static size_t index_slots(size_t n)
{
    size_t slots = 32;
    while (slots < n * 2)
        slots *= 2;
    return slots;
}

/* The slot of the first pair with that key, or of the hole where it belongs. */
static size_t index_probe(const uint32_t *index, size_t slots, const struct value_pair *pairs,
                          const struct value *key)
{
    size_t slot = key_hash(key, (uintptr_t)index) & (slots - 1);
    while (index[slot] && !value_key_equal(pairs[index[slot] - 1].key, key))
        slot = (slot + 1) & (slots - 1);
    return slot;
}

bool value_dict_index(struct arena *a, struct value *dict, const struct value **ret_repeated)
{
    const struct value_pair *pairs = dict->dict.pairs;
    size_t n = dict->dict.n;
    *ret_repeated = NULL;
    if (n <= DICT_SMALL) {
        for (size_t i = 1; i < n; i++) {
            for (size_t j = 0; j < i; j++) {
                if (value_key_equal(pairs[i].key, pairs[j].key)) {
                    *ret_repeated = pairs[i].key;
                    return false;
                }
            }
        }
        return true;
    }
    size_t slots = index_slots(n);
    uint32_t *index = n < UINT32_MAX ? arena_try_alloc(a, slots * sizeof *index) : NULL;
    if (!index)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t slot = index_probe(index, slots, pairs, pairs[i].key);
        if (index[slot]) {
            *ret_repeated = pairs[i].key;
            return false;
        }
        index[slot] = (uint32_t)i + 1;
    }
    dict->dict.index = index;
    return true;
}

size_t value_pairs_join(struct value_pair *pairs, size_t n)
{
    size_t slots = index_slots(n), kept = 0;
    if (n >= UINT32_MAX)
        abort();
    uint32_t *index = xcalloc(slots, sizeof *index);
    for (size_t i = 0; i < n; i++) {
        size_t slot = index_probe(index, slots, pairs, pairs[i].key);
        if (index[slot]) {
            pairs[index[slot] - 1].val = pairs[i].val;
        } else {
            pairs[kept++] = pairs[i];
            index[slot] = (uint32_t)kept;
        }
    }
    free(index);
    return kept;
}

ptrdiff_t value_dict_find(const struct value *dict, const struct value *key)
{
    if (!value_is_dict(dict))
        return -1;
    if (dict->dict.index) {
        const uint32_t *index = dict->dict.index;
        return (ptrdiff_t)
                   index[index_probe(index, index_slots(dict->dict.n), dict->dict.pairs, key)] -
               1;
    }
    for (size_t i = 0; i < dict->dict.n; i++) {
        if (value_key_equal(dict->dict.pairs[i].key, key))
            return (ptrdiff_t)i;
    }
    return -1;
}

/* ---- look-ups ---- */

const struct value *value_get(const struct value *v, const char *key)
{
    return value_get_str(v, str_of(key));
}

const struct value *value_get_str(const struct value *v, struct str key)
{
    struct value wanted = {.type = VALUE_STR, .text = key};
    ptrdiff_t i = value_dict_find(v, &wanted);
    return i < 0 ? NULL : v->dict.pairs[i].val;
}

bool value_has_items(const struct value *v)
{
    return v && (v->type == VALUE_LIST || v->type == VALUE_TUPLE || v->type == VALUE_SET ||
                 v->type == VALUE_FROZENSET);
}

const struct value *value_at(const struct value *v, size_t i)
{
    return value_has_items(v) && i < v->list.n ? v->list.items[i] : NULL;
}

bool value_is_dict(const struct value *v)
{
    return v && v->type == VALUE_DICT;
}

bool value_is_list(const struct value *v)
{
    return v && v->type == VALUE_LIST;
}

bool value_is_str(const struct value *v)
{
    return v && v->type == VALUE_STR;
}

bool value_is_null(const struct value *v)
{
    return v && v->type == VALUE_NULL;
}

size_t value_count(const struct value *v)
{
    return value_is_dict(v) ? v->dict.n : value_has_items(v) ? v->list.n : 0;
}

struct str value_str_or(const struct value *v, struct str other)
{
    return value_is_str(v) ? v->text : other;
}

bool value_to_i64(const struct value *v, int64_t *ret)
{
    return v && v->type == VALUE_INT && str_i64(v->text, ret);
}

bool value_to_u64(const struct value *v, uint64_t *ret)
{
    return v && v->type == VALUE_INT && str_u64(v->text, ret);
}

bool value_truth(const struct value *v)
{
    if (!v)
        return false;
    switch (v->type) {
    case VALUE_NULL:
        return false;
    case VALUE_BOOL:
        return v->boolean;
    case VALUE_INT:
        return !str_is(v->text, "0");
    case VALUE_FLOAT:
        return v->real != 0;
    case VALUE_STR:
    case VALUE_BYTES:
    case VALUE_PY2STR:
    case VALUE_BYTEARRAY:
        return v->text.len > 0;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET:
    case VALUE_DICT:
        return value_count(v) > 0;
    default:
        return true;
    }
}

bool value_has_identity(const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_LATE:
        return false;
    case VALUE_TUPLE:
        return v->list.n > 0;
    default:
        return true;
    }
}
