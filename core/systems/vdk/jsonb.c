/* What a column of type jsonb makes of a document (formats/vdk.md 2.9), so that a plan shows what
 * will be read back. */
#include "core/systems/vdk/vdk.h"

#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* jsonb's own order: shorter keys first, equal ones by bytes. */
static int pair_cmp(const void *a, const void *b)
{
    struct str x = ((const struct value_pair *)a)->key->text;
    struct str y = ((const struct value_pair *)b)->key->text;
    return x.len != y.len ? (x.len > y.len) - (x.len < y.len) : str_cmp(x, y);
}

/* numeric keeps as many decimals as are written: 1e2 is 100 and 1.50e2 is 150, but 1.0 stays. */
static const struct value *number(struct arena *a, const struct value *v)
{
    char own[32];
    struct str text = v->token.ptr ? v->token : (struct str){own, json_float(v->real, own)};
    struct sbuf digits = SBUF_INIT;
    int64_t exponent = 0, decimals = 0;
    bool point = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == 'e' || c == 'E') {
            struct str power = str_sub(text, i + 1, text.len);
            if (str_starts(power, "+"))
                power = str_sub(power, 1, power.len);
            if (!str_i64(power, &exponent))
                exponent = 0;
            break;
        }
        point = point || c == '.';
        decimals += point && c != '.';
        if (c != '.')
            sbuf_char(&digits, c);
    }
    const struct value *ret = v;
    enum { POWER_MAX = 400 }; /* of a double */
    if (exponent >= decimals && exponent < POWER_MAX) {
        for (int64_t i = decimals; i < exponent; i++)
            sbuf_char(&digits, '0');
        struct str s = sbuf_view(&digits);
        bool minus = str_starts(s, "-");
        size_t zeros = minus;
        while (zeros + 1 < s.len && s.ptr[zeros] == '0')
            zeros++;
        struct str rest = str_sub(s, zeros, s.len);
        minus = minus && !str_is(rest, "0");
        ret = value_int_text(a, arena_printf(a, "%s%.*s", minus ? "-" : "", STR_ARG(rest)));
    }
    sbuf_release(&digits);
    return ret;
}

const struct value *vdk_as_jsonb(struct arena *a, const struct value *root)
{
    size_t n = value_count(root);
    if (root->type == VALUE_FLOAT && isfinite(root->real))
        return number(a, root);
    if (value_is_list(root)) {
        const struct value **items = arena_array(a, const struct value *, n);
        for (size_t i = 0; i < n; i++)
            items[i] = vdk_as_jsonb(a, value_at(root, i));
        return value_list(a, VALUE_LIST, items, n);
    }
    if (!value_is_dict(root))
        return root;
    struct value_pair *pairs = arena_array(a, struct value_pair, n);
    for (size_t i = 0; i < n; i++) {
        pairs[i] = root->dict.pairs[i];
        pairs[i].val = vdk_as_jsonb(a, pairs[i].val);
    }
    if (n)
        qsort(pairs, n, sizeof *pairs, pair_cmp);
    return value_dict(a, pairs, n);
}
