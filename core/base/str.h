/* Strings with a length: bytes from a store may hold NUL, broken UTF-8 and terminal codes.
 *
 * struct str is a view and owns nothing; ptr is NULL only for "absent" where a field says so.
 * struct sbuf grows on the heap and is released by its owner. */
#ifndef PENSTOCK_BASE_STR_H
#define PENSTOCK_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

/* For string literals, also in initialisers; and for printf: printf("%.*s", STR_ARG(s)). */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_NULL ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_of(const char *cstr); /* NULL gives STR_NULL */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *b);
int str_cmp(struct str a, struct str b); /* bytes, then length: a total order */
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
/* Position of the first (last) byte c, or -1. */
ptrdiff_t str_index(struct str s, char c);
ptrdiff_t str_rindex(struct str s, char c);
struct str str_sub(struct str s, size_t from, size_t to);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* Whole decimal numbers without sign, blanks or a leading '+'; false on overflow or anything else.
 */
bool str_u64(struct str s, uint64_t *ret);
bool str_i64(struct str s, int64_t *ret); /* an optional '-' */
/* Shell-style pattern over all of s: * ? [a-z] [!a-z] and \ to quote; case-sensitive. */
bool str_glob(struct str s, struct str pattern);
bool str_is_utf8(struct str s);

struct sbuf {
    char *ptr;
    size_t len, cap;
};

#define SBUF_INIT                                                                                  \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void sbuf_add(struct sbuf *b, const void *p, size_t len);
void sbuf_str(struct sbuf *b, struct str s);
void sbuf_cstr(struct sbuf *b, const char *s);
void sbuf_char(struct sbuf *b, char c);
void sbuf_printf(struct sbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* View of the content; always NUL-terminated behind it. Valid until the next change. */
struct str sbuf_view(struct sbuf *b);
void sbuf_release(struct sbuf *b);

/* Hexadecimal, lower case. `out` takes 2 * len + 1 bytes. */
void hex_encode(const void *p, size_t len, char *out);
bool hex_decode(struct str s, void *out, size_t len);

#endif
