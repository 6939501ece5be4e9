#include "core/json.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/value_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct arena *arena;
    const char *text, *pos, *end;
    bool input; /* typed by an operator: no tokens, repeated keys are joined */
    unsigned depth;
    struct sbuf stack; /* pairs and items of the containers that are still open */
    struct err *err;
};

/* Says where, as Python's reader does: columns count characters, from one. */
static bool fail_at(struct reader *r, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail_at(struct reader *r, const char *at, const char *fmt, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    size_t line = 1, column = 1;
    for (const char *p = r->text; p < at; p++) {
        if (*p == '\n')
            line++, column = 1;
        else if (((unsigned char)*p & 0xc0) != 0x80)
            column++;
    }
    return err_set(r->err, r->input ? ERR_INVALID : ERR_CORRUPT,
                   "%s: line %zu column %zu (byte %zu)", what, line, column,
                   (size_t)(at - r->text));
}

/* Room in the arena, or NULL with the error set. */
static void *take(struct reader *r, size_t size)
{
    void *p = arena_try_alloc(r->arena, size);
    if (!p)
        fail_at(r, r->pos, "the value needs more memory than the limit of %zu bytes",
                r->arena->limit);
    return p;
}

static struct value *take_value(struct reader *r, enum value_type type)
{
    struct value *v = take(r, sizeof *v);
    if (v)
        v->type = type;
    return v;
}

static void skip_space(struct reader *r)
{
    while (r->pos < r->end &&
           (*r->pos == ' ' || *r->pos == '\t' || *r->pos == '\n' || *r->pos == '\r'))
        r->pos++;
}

static bool at_char(const struct reader *r, char c)
{
    return r->pos < r->end && *r->pos == c;
}

static bool accept_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->pos) < len || memcmp(r->pos, word, len) != 0)
        return false;
    r->pos += len;
    return true;
}

/* ---- strings ---- */

/* Moves behind the closing quote; says whether anything is escaped. */
static bool scan_string(struct reader *r, bool *ret_escaped)
{
    const char *open = r->pos++, *p = r->pos;
    *ret_escaped = false;
    while (p < r->end && *p != '"') {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c < 0x80 && c != '\\') {
            p++;
        } else if (c == '\\') {
            *ret_escaped = true;
            p += p + 1 < r->end ? 2 : 1;
        } else if (c < 0x20) {
            return fail_at(r, p, "invalid control character in a string");
        } else {
            struct str rest = {p, (size_t)(r->end - p)};
            size_t len = 0;
            if ((r->input ? utf8_next(rest, &len) : utf8_next_any(rest, &len)) < 0)
                return fail_at(r, p, "broken UTF-8 in a string");
            p += len;
        }
    }
    if (p >= r->end)
        return fail_at(r, open, "unterminated string starting");
    r->pos = p + 1;
    return true;
}

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
    uint8_t bytes[2];
    if (end - p < 4 || !hex_decode((struct str){p, 4}, bytes, 2))
        return false;
    *ret = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

/* p stands on the backslash; returns what follows the escape, or NULL. */
static const char *unescape(struct reader *r, const char *p, const char *end, char **out)
{
    static const char plain[][2] = {{'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'b', '\b'},
                                    {'f', '\f'}, {'n', '\n'},  {'r', '\r'}, {'t', '\t'}};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (p[1] == plain[i][0]) {
            *(*out)++ = plain[i][1];
            return p + 2;
        }
    }
    uint32_t c, low;
    if (p[1] != 'u') {
        fail_at(r, p, "invalid \\escape");
        return NULL;
    }
    if (!hex4(p + 2, end, &c)) {
        fail_at(r, p, "invalid \\uXXXX escape");
        return NULL;
    }
    p += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        hex4(p + 2, end, &low) && low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *out += utf8_put(c, *out);
    return p;
}

/* The text between the quotes; an escape never grows when it is resolved. */
static bool read_text(struct reader *r, struct str *ret)
{
    const char *open = r->pos;
    bool escaped;
    if (!scan_string(r, &escaped))
        return false;
    const char *p = open + 1, *end = r->pos - 1;
    if (!escaped && !r->input) {
        *ret = (struct str){p, (size_t)(end - p)};
        return true;
    }
    char *text = take(r, (size_t)(end - p) + 1), *out = text;
    if (!text)
        return false;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        size_t len = (size_t)((stop ? stop : end) - p);
        memcpy(out, p, len);
        out += len;
        p += len;
        if (stop && !(p = unescape(r, p, end, &out)))
            return false;
    }
    *ret = (struct str){text, (size_t)(out - text)};
    return true;
}

static void keep_token(struct reader *r, struct value *v, const char *from)
{
    if (!r->input)
        v->token = (struct str){from, (size_t)(r->pos - from)};
}

static bool read_string(struct reader *r, const struct value **ret)
{
    const char *from = r->pos;
    struct value *v = take_value(r, VALUE_STR);
    if (!v || !read_text(r, &v->text))
        return false;
    keep_token(r, v, from);
    *ret = v;
    return true;
}

/* ---- numbers ---- */

static bool is_digit(const struct reader *r, const char *p)
{
    return p < r->end && *p >= '0' && *p <= '9';
}

static const char *skip_digits(const struct reader *r, const char *p)
{
    while (is_digit(r, p))
        p++;
    return p;
}

/* strtod wants an end; the text has none. */
static double parse_double(struct str token)
{
    char small[128], *copy = token.len < sizeof small ? small : xcalloc(token.len + 1, 1);
    memcpy(copy, token.ptr, token.len);
    copy[token.len] = '\0';
    double d = strtod(copy, NULL);
    if (copy != small)
        free(copy);
    return d;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? and no more: "1." is 1 and something behind it,
 * as for Python. */
static bool read_number(struct reader *r, const struct value **ret)
{
    const char *from = r->pos, *first = from + (*from == '-'), *p = first, *q;
    if (!is_digit(r, p))
        return fail_at(r, from, "expecting value");
    p = *p == '0' ? p + 1 : skip_digits(r, p);
    const char *int_end = p;
    if (p < r->end && *p == '.' && is_digit(r, p + 1))
        p = skip_digits(r, p + 1);
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        q = p + 1;
        if (q < r->end && (*q == '-' || *q == '+'))
            q++;
        if (is_digit(r, q))
            p = skip_digits(r, q);
    }
    bool whole = p == int_end;
    if (whole && int_end - first > DIGITS_MAX)
        return fail_at(r, from, "an integer of more than %d digits", DIGITS_MAX);
    struct value *v = take_value(r, whole ? VALUE_INT : VALUE_FLOAT);
    if (!v)
        return false;
    struct str token = {from, (size_t)(p - from)};
    if (!whole)
        v->real = parse_double(token);
    else if (*first == '0')
        v->text = STR("0"); /* -0 too */
    else if (!r->input)
        v->text = token;
    else
        v->text = arena_str(r->arena, token);
    r->pos = p;
    keep_token(r, v, from);
    *ret = v;
    return true;
}

static bool read_special(struct reader *r, const struct value **ret)
{
    static const struct {
        const char *word;
        double real;
    } specials[] = {
        {"NaN", __builtin_nan("")}, {"Infinity", __builtin_inf()}, {"-Infinity", -__builtin_inf()}};
    const char *from = r->pos;
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (!accept_word(r, specials[i].word))
            continue;
        struct value *v = take_value(r, VALUE_FLOAT);
        if (!v)
            return false;
        v->real = specials[i].real;
        keep_token(r, v, from);
        *ret = v;
        return true;
    }
    return fail_at(r, from, "expecting value");
}

/* ---- containers ---- */

static bool read_value(struct reader *r, const struct value **ret);

static bool read_list(struct reader *r, const struct value **ret)
{
    size_t base = r->stack.len;
    r->pos++;
    skip_space(r);
    if (at_char(r, ']')) {
        r->pos++;
    } else {
        for (;;) {
            const struct value *item;
            if (!read_value(r, &item))
                return false;
            sbuf_add(&r->stack, &item, sizeof item);
            skip_space(r);
            if (at_char(r, ']'))
                break;
            if (!at_char(r, ','))
                return fail_at(r, r->pos, "expecting ',' delimiter");
            r->pos++;
        }
        r->pos++;
    }
    size_t size = r->stack.len - base;
    struct value *v = take_value(r, VALUE_LIST);
    void *items = v ? take(r, size) : NULL;
    if (!items)
        return false;
    if (size)
        memcpy(items, r->stack.ptr + base, size);
    r->stack.len = base;
    v->list.items = items;
    v->list.n = size / sizeof *v->list.items;
    *ret = v;
    return true;
}

static bool finish_dict(struct reader *r, size_t base, const char *open, const struct value **ret)
{
    struct value *v = take_value(r, VALUE_DICT);
    size_t n = (r->stack.len - base) / sizeof *v->dict.pairs;
    struct value_pair *pairs = v ? take(r, n * sizeof *pairs) : NULL;
    const struct value *repeated;
    if (!pairs)
        return false;
    if (n)
        memcpy(pairs, r->stack.ptr + base, n * sizeof *pairs);
    r->stack.len = base;
    v->dict.pairs = pairs;
    v->dict.n = r->input ? value_pairs_join(pairs, n) : n;
    if (!value_dict_index(r->arena, v, &repeated)) {
        if (repeated)
            return fail_at(r, open, "duplicate key \"%.*s\" in the object",
                           (int)(repeated->text.len < 100 ? repeated->text.len : 100),
                           repeated->text.ptr);
        return take(r, SIZE_MAX / 4) != NULL; /* says that memory ran out */
    }
    *ret = v;
    return true;
}

static bool read_dict(struct reader *r, const struct value **ret)
{
    const char *open = r->pos++;
    size_t base = r->stack.len;
    skip_space(r);
    if (at_char(r, '}')) {
        r->pos++;
        return finish_dict(r, base, open, ret);
    }
    for (;;) {
        struct value_pair pair;
        skip_space(r);
        if (!at_char(r, '"'))
            return fail_at(r, r->pos, "expecting property name enclosed in double quotes");
        if (!read_string(r, &pair.key))
            return false;
        skip_space(r);
        if (!at_char(r, ':'))
            return fail_at(r, r->pos, "expecting ':' delimiter");
        r->pos++;
        if (!read_value(r, &pair.val))
            return false;
        sbuf_add(&r->stack, &pair, sizeof pair);
        skip_space(r);
        if (at_char(r, '}'))
            break;
        if (!at_char(r, ','))
            return fail_at(r, r->pos, "expecting ',' delimiter");
        r->pos++;
    }
    r->pos++;
    return finish_dict(r, base, open, ret);
}

/* Recursive: the depth is bounded. */
static bool read_value(struct reader *r, const struct value **ret)
{
    skip_space(r);
    if (r->pos == r->end)
        return fail_at(r, r->pos, "expecting value");
    switch (*r->pos) {
    case '{':
    case '[': {
        if (r->depth == DEPTH_MAX)
            return fail_at(r, r->pos, "nested deeper than %d levels", DEPTH_MAX);
        r->depth++;
        bool ok = *r->pos == '{' ? read_dict(r, ret) : read_list(r, ret);
        r->depth--;
        return ok;
    }
    case '"':
        return read_string(r, ret);
    case '-':
        if (r->pos + 1 < r->end && r->pos[1] == 'I')
            return read_special(r, ret);
        return read_number(r, ret);
    case '0' ... '9':
        return read_number(r, ret);
    default:
        if (accept_word(r, "null"))
            *ret = &value_null;
        else if (accept_word(r, "true"))
            *ret = &value_true;
        else if (accept_word(r, "false"))
            *ret = &value_false;
        else
            return read_special(r, ret);
        return true;
    }
}

static bool read_document(struct reader *r, const struct value **ret)
{
    const struct value *v = NULL;
    if (accept_word(r, "\xef\xbb\xbf"))
        return fail_at(r, r->text, "a byte order mark stands before the value");
    if (!read_value(r, &v))
        return false;
    skip_space(r);
    if (r->pos < r->end)
        return fail_at(r, r->pos, "extra data");
    *ret = v;
    return true;
}

static bool read_text_as(struct arena *arena, struct str text, bool input, const struct value **ret,
                         struct err *err)
{
    struct reader r = {.arena = arena,
                       .text = text.ptr ? text.ptr : "",
                       .pos = text.ptr ? text.ptr : "",
                       .input = input,
                       .err = err};
    r.end = r.text + text.len;
    bool ok = read_document(&r, ret);
    sbuf_release(&r.stack);
    return ok;
}

bool json_read(struct arena *arena, struct str text, const struct value **ret, struct err *err)
{
    return read_text_as(arena, text, false, ret, err);
}

bool json_read_input(struct arena *arena, struct str text, const struct value **ret,
                     struct err *err)
{
    return read_text_as(arena, text, true, ret, err);
}
