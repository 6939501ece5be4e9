#include "core/base/str.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_of(const char *cstr)
{
    return cstr ? (struct str){cstr, strlen(cstr)} : STR_NULL;
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_is(struct str a, const char *b)
{
    return str_eq(a, str_of(b));
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

bool str_ends(struct str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && memcmp(s.ptr + s.len - n, suffix, n) == 0;
}

ptrdiff_t str_index(struct str s, char c)
{
    const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return p ? p - s.ptr : -1;
}

ptrdiff_t str_rindex(struct str s, char c)
{
    const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return p ? p - s.ptr : -1;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct str){s.ptr + from, to - from};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_u64(struct str s, uint64_t *ret)
{
    uint64_t n = 0;
    if (!s.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(s.ptr[i] - '0'), &n))
            return false;
    }
    *ret = n;
    return true;
}

bool str_i64(struct str s, int64_t *ret)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t n;
    if (!str_u64(negative ? str_sub(s, 1, s.len) : s, &n) ||
        n > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* Matches c against the bracket expression behind '['; returns the pattern behind ']' or NULL
 * when the bracket is never closed (then '[' is an ordinary character). */
static const char *glob_bracket(const char *p, const char *end, char c, bool *ret)
{
    bool negate = p < end && (*p == '!' || *p == '^'), hit = false;
    if (negate)
        p++;
    for (const char *first = p; p < end && (*p != ']' || p == first); p++) {
        char lo = *p, hi = lo;
        if (p + 2 < end && p[1] == '-' && p[2] != ']') {
            hi = p[2];
            p += 2;
        }
        if ((unsigned char)lo <= (unsigned char)c && (unsigned char)c <= (unsigned char)hi)
            hit = true;
    }
    if (p >= end)
        return NULL;
    *ret = hit != negate;
    return p + 1;
}

bool str_glob(struct str s, struct str pattern)
{
    const char *t = s.ptr, *tend = s.ptr + s.len;
    const char *p = pattern.ptr, *pend = pattern.ptr + pattern.len;
    const char *star = NULL, *retry = NULL;
    while (t < tend) {
        bool hit = false;
        const char *next = p;
        if (p < pend && *p == '*') {
            star = ++p;
            retry = t;
            continue;
        }
        if (p < pend) {
            const char *after = *p == '[' ? glob_bracket(p + 1, pend, *t, &hit) : NULL;
            if (after) {
                next = after;
            } else if (*p == '?') {
                hit = true;
                next = p + 1;
            } else {
                if (*p == '\\' && p + 1 < pend)
                    p++;
                hit = *p == *t;
                next = p + 1;
            }
        }
        if (hit) {
            p = next;
            t++;
        } else if (star) {
            p = star;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pend && *p == '*')
        p++;
    return p == pend;
}

bool str_is_utf8(struct str s)
{
    for (size_t pos = 0; pos < s.len;) {
        if (utf8_next(s, &pos) < 0)
            return false;
    }
    return true;
}

static void sbuf_grow(struct sbuf *b, size_t more)
{
    if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
        abort();
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap * 2 : 64;
    if (cap < need)
        cap = need;
    b->ptr = xreallocarray(b->ptr, cap, 1);
    b->cap = cap;
}

void sbuf_add(struct sbuf *b, const void *p, size_t len)
{
    sbuf_grow(b, len);
    if (len)
        memcpy(b->ptr + b->len, p, len);
    b->len += len;
    b->ptr[b->len] = '\0';
}

void sbuf_str(struct sbuf *b, struct str s)
{
    sbuf_add(b, s.ptr, s.len);
}

void sbuf_cstr(struct sbuf *b, const char *s)
{
    sbuf_add(b, s, strlen(s));
}

void sbuf_char(struct sbuf *b, char c)
{
    sbuf_add(b, &c, 1);
}

void sbuf_printf(struct sbuf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    if (len < 0)
        abort();
    sbuf_grow(b, (size_t)len);
    vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, again);
    b->len += (size_t)len;
    va_end(again);
    va_end(ap);
}

struct str sbuf_view(struct sbuf *b)
{
    if (!b->ptr)
        sbuf_grow(b, 0), b->ptr[0] = '\0';
    return (struct str){b->ptr, b->len};
}

void sbuf_release(struct sbuf *b)
{
    free(b->ptr);
    *b = (struct sbuf)SBUF_INIT;
}

void hex_encode(const void *p, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = p;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct str s, void *out, size_t len)
{
    unsigned char *bytes = out;
    if (s.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int hi = hex_digit(s.ptr[2 * i]), lo = hex_digit(s.ptr[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        bytes[i] = (unsigned char)(hi << 4 | lo);
    }
    return true;
}
