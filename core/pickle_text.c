/* Numbers and texts as pickles spell them. */
#include "core/base/text.h"
#include "core/pickle_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMB = 1000000000 };

struct str pickle_long_digits(struct arena *arena, struct str bytes)
{
    uint32_t limbs[PICKLE_INT_MAX * 8 / 29 + 2];
    size_t n = 0;
    bool negative = bytes.len && (unsigned char)bytes.ptr[bytes.len - 1] & 0x80;
    /* The magnitude of a negative number is its complement plus one. */
    uint64_t carry = negative;
    unsigned char magnitude[PICKLE_INT_MAX];
    for (size_t i = 0; i < bytes.len; i++) {
        carry += (unsigned char)(negative ? ~bytes.ptr[i] : bytes.ptr[i]);
        magnitude[i] = (unsigned char)carry;
        carry >>= 8;
    }
    /* A carry out of the top byte would be 2**(8 * len), which only zero has: not negative. */
    for (size_t i = bytes.len; i-- > 0;) {
        uint64_t add = magnitude[i];
        for (size_t j = 0; j < n; j++) {
            add += (uint64_t)limbs[j] << 8;
            limbs[j] = (uint32_t)(add % LIMB);
            add /= LIMB;
        }
        if (add)
            limbs[n++] = (uint32_t)add;
    }
    if (!n)
        return STR("0");
    struct sbuf digits = SBUF_INIT;
    sbuf_printf(&digits, "%s%u", negative ? "-" : "", limbs[n - 1]);
    for (size_t j = n - 1; j-- > 0;)
        sbuf_printf(&digits, "%09u", limbs[j]);
    return arena_take(arena, &digits);
}

void pickle_long_bytes(struct sbuf *out, struct str digits)
{
    bool negative = digits.len && digits.ptr[0] == '-';
    size_t start = out->len;
    for (size_t i = negative; i < digits.len; i++) {
        unsigned carry = (unsigned)(digits.ptr[i] - '0');
        for (size_t j = start; j < out->len; j++) {
            carry += (unsigned char)out->ptr[j] * 10u;
            out->ptr[j] = (char)carry;
            carry >>= 8;
        }
        if (carry)
            sbuf_char(out, (char)carry);
    }
    if (negative) {
        unsigned carry = 1;
        for (size_t j = start; j < out->len; j++) {
            carry += (unsigned char)~out->ptr[j];
            out->ptr[j] = (char)carry;
            carry >>= 8;
        }
    }
    /* The top bit is the sign; a byte of nothing but sign is left out when the next says it too. */
    bool top = out->len > start && (unsigned char)out->ptr[out->len - 1] & 0x80;
    if (out->len > start && top != negative)
        sbuf_char(out, negative ? (char)0xff : '\0');
    while (negative && out->len - start > 1 && (unsigned char)out->ptr[out->len - 1] == 0xff &&
           (unsigned char)out->ptr[out->len - 2] & 0x80)
        out->len--;
}

bool pickle_text_int(struct arena *arena, struct str line, struct str *ret)
{
    bool negative = str_starts(line, "-");
    size_t from = negative || str_starts(line, "+");
    while (from + 1 < line.len && line.ptr[from] == '0')
        from++;
    if (from >= line.len || line.len - from > DIGITS_MAX)
        return false;
    for (size_t i = from; i < line.len; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9')
            return false;
    }
    struct str digits = str_sub(line, from, line.len);
    if (negative && !str_is(digits, "0"))
        digits = arena_printf(arena, "-%.*s", STR_ARG(digits));
    *ret = digits;
    return true;
}

bool pickle_text_float(struct str line, double *ret)
{
    char copy[512], *end;
    if (!line.len || line.len >= sizeof copy)
        return false;
    memcpy(copy, line.ptr, line.len);
    copy[line.len] = '\0';
    if (strspn(copy, "+-0123456789.eEinfaINFA") != line.len) /* strtod also takes hexadecimal */
        return false;
    double d = strtod(copy, &end);
    if (*end)
        return false;
    *ret = d;
    return true;
}

/* Two, four or eight hex digits. */
static bool hex_number(struct str s, size_t at, size_t digits, uint32_t *ret)
{
    uint8_t bytes[4];
    if (s.len - at < digits || !hex_decode(str_sub(s, at, at + digits), bytes, digits / 2))
        return false;
    *ret = 0;
    for (size_t i = 0; i < digits / 2; i++)
        *ret = *ret << 8 | bytes[i];
    return true;
}

static void put(struct sbuf *out, uint32_t c)
{
    char utf8[4];
    sbuf_add(out, utf8, utf8_put(c, utf8));
}

/* Python's raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX; any other backslash is itself
 * and protects the character behind it. */
bool pickle_text_unicode(struct arena *arena, struct str line, struct str *ret)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i], next;
        if (c != '\\' || i + 1 == line.len) {
            put(&out, c);
            continue;
        }
        next = (unsigned char)line.ptr[++i];
        if (next != 'u' && next != 'U') {
            put(&out, c);
            put(&out, next);
            continue;
        }
        uint32_t point;
        size_t digits = next == 'u' ? 4 : 8;
        if (!hex_number(line, i + 1, digits, &point) || point > 0x10ffff) {
            sbuf_release(&out);
            return false;
        }
        put(&out, point);
        i += digits;
    }
    *ret = arena_take(arena, &out);
    return true;
}

/* One escape of a Python 2 string literal at s.ptr[*at], which is behind the backslash. */
static bool literal_escape(struct str s, size_t *at, struct sbuf *out)
{
    static const char plain[][2] = {{'\\', '\\'}, {'\'', '\''}, {'"', '"'},  {'a', '\a'},
                                    {'b', '\b'},  {'f', '\f'},  {'n', '\n'}, {'r', '\r'},
                                    {'t', '\t'},  {'v', '\v'}};
    char c = s.ptr[*at];
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (c == plain[i][0]) {
            sbuf_char(out, plain[i][1]);
            ++*at;
            return true;
        }
    }
    if (c == 'x') {
        uint32_t byte;
        if (!hex_number(s, *at + 1, 2, &byte))
            return false;
        sbuf_char(out, (char)byte);
        *at += 3;
        return true;
    }
    if (c >= '0' && c <= '7') {
        unsigned byte = 0;
        for (int n = 0; n < 3 && *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '7'; n++)
            byte = byte * 8 + (unsigned)(s.ptr[(*at)++] - '0');
        sbuf_char(out, (char)byte);
        return true;
    }
    sbuf_char(out, '\\'); /* unknown escapes stay as they are */
    return true;
}

bool pickle_text_string(struct arena *arena, struct str line, struct str *ret)
{
    if (line.len < 2 || (line.ptr[0] != '\'' && line.ptr[0] != '"') ||
        line.ptr[line.len - 1] != line.ptr[0])
        return false;
    struct str body = str_sub(line, 1, line.len - 1);
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < body.len;) {
        if (body.ptr[i] != '\\') {
            sbuf_char(&out, body.ptr[i++]);
        } else if (++i == body.len || !literal_escape(body, &i, &out)) {
            sbuf_release(&out);
            return false;
        }
    }
    *ret = arena_take(arena, &out);
    return true;
}

bool pickle_is_text(struct str s)
{
    for (size_t pos = 0; pos < s.len;) {
        if (utf8_next_any(s, &pos) < 0)
            return false;
    }
    return true;
}
