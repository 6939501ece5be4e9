/* What the operations of several systems do with trees. */
#include "core/value.h"

#include "core/base/clock.h"
#include "core/value_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct value *graft_dict(struct arena *a, const struct value *before,
                                      const struct value *after)
{
    size_t n = value_count(after);
    struct value_pair *pairs = arena_array(a, struct value_pair, n);
    bool same = n == value_count(before);
    for (size_t i = 0; i < n; i++) {
        struct str key = after->dict.pairs[i].key->text;
        const struct value *old = value_get_str(before, key);
        pairs[i] = after->dict.pairs[i];
        pairs[i].val = value_graft(a, old, pairs[i].val);
        same = same && pairs[i].val == before->dict.pairs[i].val &&
               str_eq(key, before->dict.pairs[i].key->text);
    }
    return same ? before : value_dict_over(a, pairs, n);
}

const struct value *value_graft(struct arena *a, const struct value *before,
                                const struct value *after)
{
    if (!before || before->type != after->type)
        return after;
    if (value_is_dict(after))
        return graft_dict(a, before, after);
    if (!value_is_list(after))
        return value_equal(before, after) ? before : after;
    size_t n = value_count(after);
    const struct value **items = arena_array(a, const struct value *, n);
    bool same = n == value_count(before);
    for (size_t i = 0; i < n; i++) {
        items[i] = value_graft(a, value_at(before, i), value_at(after, i));
        same = same && items[i] == value_at(before, i);
    }
    return same ? before : value_list_over(a, VALUE_LIST, items, n);
}

static double number_of(const struct value *v)
{
    char digits[400];
    if (v->type == VALUE_FLOAT)
        return v->real;
    if (v->type != VALUE_INT || v->text.len >= sizeof digits)
        return NAN;
    memcpy(digits, v->text.ptr, v->text.len);
    digits[v->text.len] = '\0';
    return strtod(digits, NULL);
}

int value_position_cmp(const struct value *new, const struct value *old)
{
    int64_t a, b;
    if (value_is_str(new) && value_is_str(old)) {
        bool times = time_parse(new->text, &a) && time_parse(old->text, &b);
        return times ? (a > b) - (a < b) : 0;
    }
    if (value_to_i64(new, &a) && value_to_i64(old, &b))
        return (a > b) - (a < b);
    double x = number_of(new), y = number_of(old);
    return (x > y) - (x < y);
}

struct str value_pointer_add(struct arena *a, struct str pointer, struct str key)
{
    const struct value name = {.type = VALUE_STR, .text = key};
    struct sbuf out = SBUF_INIT;
    sbuf_str(&out, pointer);
    sbuf_char(&out, '/');
    value_pointer_key(&out, &name);
    return arena_take(a, &out);
}
