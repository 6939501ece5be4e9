/* What the control service keeps of a value: its Jackson and org.json rewrite order, spacing, nulls
 * and numbers on every write, so documents there are compared by value (formats/vdk.md 2.6). */
#include "core/systems/vdk/properties.h"

#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int pair_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct value_pair *)a)->key->text,
                   ((const struct value_pair *)b)->key->text);
}

/* 1.0 and 1, -0.0 and 0, 1.7E9 and 1700000000 are one number. */
static void put_number(struct sbuf *out, double d)
{
    char digits[400];
    if (!isfinite(d) || d != trunc(d)) {
        sbuf_add(out, digits, json_float(d, digits));
        return;
    }
    snprintf(digits, sizeof digits, "%.0f", d == 0 ? 0.0 : d);
    sbuf_cstr(out, digits);
}

static void put(struct sbuf *out, const struct value *v, bool keeps_nulls);

static void put_dict(struct sbuf *out, const struct value *v, bool keeps_nulls)
{
    size_t n = value_count(v);
    struct arena scratch = ARENA_INIT;
    struct value_pair *pairs = arena_array(&scratch, struct value_pair, n + 1);
    for (size_t i = 0; i < n; i++)
        pairs[i] = v->dict.pairs[i];
    qsort(pairs, n, sizeof *pairs, pair_cmp);
    sbuf_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (value_is_null(pairs[i].val) && !keeps_nulls)
            continue;
        json_quote(out, pairs[i].key->text);
        sbuf_char(out, ':');
        put(out, pairs[i].val, false);
        sbuf_char(out, ',');
    }
    sbuf_char(out, '}');
    arena_release(&scratch);
}

static void put(struct sbuf *out, const struct value *v, bool keeps_nulls)
{
    switch (v->type) {
    case VALUE_DICT:
        put_dict(out, v, keeps_nulls);
        break;
    case VALUE_LIST:
        sbuf_char(out, '[');
        for (size_t i = 0; i < value_count(v); i++) {
            put(out, value_at(v, i), false);
            sbuf_char(out, ',');
        }
        sbuf_char(out, ']');
        break;
    case VALUE_FLOAT:
        put_number(out, v->real);
        break;
    case VALUE_INT:
        sbuf_str(out, v->text);
        break;
    case VALUE_STR:
        json_quote(out, v->text);
        break;
    default:
        sbuf_cstr(out, value_is_null(v) ? "null" : v->boolean ? "true" : "false");
        break;
    }
}

struct version vdk_version_by_value(const struct value *v, bool job)
{
    struct sbuf out = SBUF_INIT;
    put(&out, v, job);
    struct version version = version_of(sbuf_view(&out));
    sbuf_release(&out);
    return version;
}
