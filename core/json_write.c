#include "core/json.h"

#include "core/base/text.h"
#include "core/value_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IS_MAX = 200 }; /* bytes of the description of what JSON lacks */

struct writer {
    struct sbuf *out;
    enum json_style style;
    bool python;
    unsigned depth;
    uint64_t unknown; /* values written as {"$python": n, ...} so far */
    struct err *err;
};

/* ---- scalars ---- */

/* Adds one to the last digit of "d.ddde-xx"; false when that carries into a new digit. */
static bool next_decimal(char *e)
{
    for (char *p = strchr(e, 'e') - 1; p >= e; p--) {
        if (*p == '.')
            continue;
        if (*p != '9') {
            ++*p;
            return true;
        }
        *p = '0';
    }
    return false;
}

/* The shortest digits that read back as d. The nearest decimal of a length is the one that does,
 * except just above a power of two, where the doubles below lie closer together than those above:
 * there the next decimal up may do (2**-44 is 5.684341886080802e-14 for Python). */
static void shortest(double d, char out[40])
{
    int exponent;
    bool power_of_two = frexp(d, &exponent) == 0.5;
    for (int digits = 0; digits < 17; digits++) {
        snprintf(out, 40, "%.*e", digits, d);
        if (strtod(out, NULL) == d || (power_of_two && next_decimal(out) && strtod(out, NULL) == d))
            return;
    }
}

size_t json_float(double d, char out[32])
{
    if (isnan(d))
        return (size_t)snprintf(out, 32, "NaN");
    if (isinf(d))
        return (size_t)snprintf(out, 32, d < 0 ? "-Infinity" : "Infinity");
    if (d == 0)
        return (size_t)snprintf(out, 32, signbit(d) ? "-0.0" : "0.0");
    char e[40];
    shortest(fabs(d), e);
    char digits[20];
    int n = 0;
    for (const char *p = e; *p != 'e'; p++) {
        if (*p != '.')
            digits[n++] = *p;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    int exponent = atoi(strchr(e, 'e') + 1);
    const char *sign = d < 0 ? "-" : "";
    if (exponent < -4 || exponent >= 16)
        return (size_t)snprintf(out, 32, "%s%c%s%.*se%c%02d", sign, digits[0], n > 1 ? "." : "",
                                n - 1, digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
    if (exponent < 0)
        return (size_t)snprintf(out, 32, "%s0.%.*s%.*s", sign, -exponent - 1, "000", n, digits);
    if (n <= exponent + 1)
        return (size_t)snprintf(out, 32, "%s%.*s%.*s.0", sign, n, digits, exponent + 1 - n,
                                "000000000000000");
    return (size_t)snprintf(out, 32, "%s%.*s.%.*s", sign, exponent + 1, digits, n - exponent - 1,
                            digits + exponent + 1);
}

/* U+FFFD stands for what is broken. */
static void quote(struct sbuf *out, struct str s, bool ascii)
{
    static const char shorts[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                     {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
    sbuf_char(out, '"');
    for (size_t pos = 0; pos < s.len;) {
        size_t start = pos;
        while (pos < s.len && (unsigned char)s.ptr[pos] >= 0x20 && s.ptr[pos] != '"' &&
               s.ptr[pos] != '\\' && (unsigned char)s.ptr[pos] < 0x7f)
            pos++;
        sbuf_add(out, s.ptr + start, pos - start);
        if (pos == s.len)
            break;
        start = pos;
        int32_t c = utf8_next_any(s, &pos);
        if (c < 0) {
            sbuf_cstr(out, ascii ? "\\ufffd" : "\xef\xbf\xbd");
            continue;
        }
        char escape = '\0';
        for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++) {
            if (c == (unsigned char)shorts[i][0])
                escape = shorts[i][1];
        }
        if (escape)
            sbuf_printf(out, "\\%c", escape);
        else if (c >= 0x10000 && ascii)
            sbuf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                        0xdc00 + ((c - 0x10000) & 0x3ff));
        else if (c < 0x20 || (c >= 0xd800 && c < 0xe000) || (ascii && c >= 0x7f))
            sbuf_printf(out, "\\u%04x", c);
        else
            sbuf_add(out, s.ptr + start, pos - start);
    }
    sbuf_char(out, '"');
}

void json_quote(struct sbuf *out, struct str s)
{
    quote(out, s, true);
}

/* ---- values ---- */

static bool write_value(struct writer *w, const struct value *v);

/* Two surrogates of a text that make a pair would be read as one character. */
static bool text_fits_json(struct str s)
{
    int32_t last = 0, c;
    for (size_t pos = 0; pos < s.len; last = c) {
        c = utf8_next_any(s, &pos);
        if (c < 0 || (c >= 0xdc00 && c < 0xe000 && last >= 0xd800 && last < 0xdc00))
            return false;
    }
    return true;
}

static bool fits_json(const struct value *v)
{
    if (v->token.ptr)
        return true;
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_LIST:
        return true;
    case VALUE_STR:
        return text_fits_json(v->text);
    case VALUE_DICT:
        for (size_t i = 0; i < v->dict.n; i++) {
            const struct value *key = v->dict.pairs[i].key;
            if (key->type != VALUE_STR || !fits_json(key))
                return false;
        }
        return true;
    default:
        return false;
    }
}

static void separate(struct writer *w, bool first)
{
    if (!first)
        sbuf_cstr(w->out, w->style == JSON_PYTHON ? ", " : ",");
    if (w->style == JSON_PRETTY) {
        sbuf_char(w->out, '\n');
        for (unsigned i = 0; i < w->depth; i++)
            sbuf_cstr(w->out, "  ");
    }
}

static void write_colon(struct writer *w)
{
    sbuf_cstr(w->out, w->style == JSON_PYTHON || w->style == JSON_PRETTY ? ": " : ":");
}

/* json.dumps(indent=2) writes empty containers without a line break. */
static void close_container(struct writer *w, bool empty, char bracket)
{
    w->depth--;
    if (!empty && w->style == JSON_PRETTY)
        separate(w, true);
    sbuf_char(w->out, bracket);
}

static bool write_list(struct writer *w, const struct value *v)
{
    sbuf_char(w->out, '[');
    w->depth++;
    for (size_t i = 0; i < v->list.n; i++) {
        separate(w, i == 0);
        if (!write_value(w, v->list.items[i]))
            return false;
    }
    close_container(w, v->list.n == 0, ']');
    return true;
}

static bool write_dict(struct writer *w, const struct value *v)
{
    sbuf_char(w->out, '{');
    w->depth++;
    for (size_t i = 0; i < v->dict.n; i++) {
        separate(w, i == 0);
        if (!write_value(w, v->dict.pairs[i].key))
            return false;
        write_colon(w);
        if (!write_value(w, v->dict.pairs[i].val))
            return false;
    }
    close_container(w, v->dict.n == 0, '}');
    return true;
}

static bool write_unknown(struct writer *w, const struct value *v)
{
    struct arena scratch = ARENA_INIT;
    bool ok;
    if (!w->python || v->type == VALUE_LATE) {
        ok = err_set(w->err, ERR_UNSUPPORTED, "%s has no form in JSON",
                     v->type == VALUE_DICT  ? "an object with keys that are not text"
                     : v->type == VALUE_STR ? "a string that is not Unicode text"
                                            : value_type_name(v->type));
    } else {
        struct str is = text_clean(&scratch, value_repr(&scratch, v, IS_MAX), 0);
        struct value_pair pairs[] = {
            {value_cstr(&scratch, "$python"), value_uint(&scratch, w->unknown++)},
            {value_cstr(&scratch, "is"), value_str(&scratch, is)},
        };
        ok = write_value(w, value_dict(&scratch, pairs, 2));
    }
    arena_release(&scratch);
    return ok;
}

static bool write_value(struct writer *w, const struct value *v)
{
    char number[32];
    if (v->token.ptr) {
        sbuf_str(w->out, v->token);
        return true;
    }
    if (!fits_json(v))
        return write_unknown(w, v);
    switch (v->type) {
    case VALUE_NULL:
        sbuf_cstr(w->out, "null");
        return true;
    case VALUE_BOOL:
        sbuf_cstr(w->out, v->boolean ? "true" : "false");
        return true;
    case VALUE_INT:
        sbuf_str(w->out, v->text);
        return true;
    case VALUE_FLOAT:
        sbuf_add(w->out, number, json_float(v->real, number));
        return true;
    case VALUE_STR:
        quote(w->out, v->text, w->style != JSON_UTF8);
        return true;
    default:
        /* What could not be read again must not be written. */
        if (w->depth == DEPTH_MAX)
            return err_set(w->err, ERR_UNSUPPORTED, "nested deeper than %d levels", DEPTH_MAX);
        return v->type == VALUE_LIST ? write_list(w, v) : write_dict(w, v);
    }
}

static bool write_document(struct sbuf *out, const struct value *v, enum json_style style,
                           bool python, struct err *err)
{
    size_t start = out->len;
    struct writer w = {.out = out, .style = style, .python = python, .err = err};
    if (write_value(&w, v))
        return true;
    out->len = start;
    return false;
}

bool json_write(struct sbuf *out, const struct value *v, enum json_style style, struct err *err)
{
    return write_document(out, v, style, false, err);
}

bool json_write_python(struct sbuf *out, const struct value *v, enum json_style style,
                       struct err *err)
{
    return write_document(out, v, style, true, err);
}
