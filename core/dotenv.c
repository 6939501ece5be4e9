#include "core/dotenv.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VALUE = 65536 }; /* values that double from line to line end here */

struct reader {
    struct arena *arena;
    struct str text;
    size_t at;
};

static char peek(const struct reader *r)
{
    return r->at < r->text.len ? r->text.ptr[r->at] : '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_blanks(struct reader *r)
{
    while (is_blank(peek(r)))
        r->at++;
}

static void skip_line(struct reader *r)
{
    while (r->at < r->text.len && !is_end(peek(r)))
        r->at++;
}

/* --- one line -------------------------------------------------------------------------------- */

static struct str read_key(struct reader *r)
{
    size_t from = r->at;
    if (peek(r) == '\'') {
        while (++r->at < r->text.len && peek(r) != '\'') {
        }
        struct str key = str_sub(r->text, from + 1, r->at);
        r->at += r->at < r->text.len;
        return key;
    }
    while (!is_blank(peek(r)) && !is_end(peek(r)) && !strchr("=#", peek(r)))
        r->at++;
    return str_sub(r->text, from, r->at);
}

/* The letter behind a backslash; both quotes have fewer and more of them. */
static bool unescape(char quote, char c, char *ret)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *found = c ? strchr(from, c) : NULL;
    if (!found || (quote == '\'' && found - from > 1))
        return false;
    *ret = to[found - from];
    return true;
}

/* A quoted value may go over several lines; one that is not closed is no value. */
static struct str read_quoted(struct reader *r)
{
    struct sbuf out = SBUF_INIT;
    struct str value = STR_NULL;
    char quote = peek(r), plain;
    for (size_t i = r->at + 1; i < r->text.len; i++) {
        char c = r->text.ptr[i];
        if (c == quote) {
            value = arena_str(r->arena, sbuf_view(&out));
            r->at = i + 1;
            break;
        }
        if (c != '\\' || i + 1 == r->text.len) {
            sbuf_char(&out, c);
        } else if (unescape(quote, r->text.ptr[++i], &plain)) {
            sbuf_char(&out, plain);
        } else {
            sbuf_char(&out, c);
            sbuf_char(&out, r->text.ptr[i]);
        }
    }
    sbuf_release(&out);
    return value;
}

/* Up to the end of the line or a '#' behind white space. */
static struct str read_unquoted(struct reader *r)
{
    size_t from = r->at, to = from;
    skip_line(r);
    while (to < r->at &&
           !(is_blank(r->text.ptr[to]) && to + 1 < r->at && r->text.ptr[to + 1] == '#'))
        to++;
    return str_trim(str_sub(r->text, from, to));
}

/* STR_NULL: a name alone. */
static struct str read_value(struct reader *r)
{
    skip_blanks(r);
    if (peek(r) != '=' || r->at == r->text.len)
        return STR_NULL;
    size_t sign = r->at++;
    skip_blanks(r);
    if (is_end(peek(r)) || (peek(r) == '#' && r->at > sign + 1))
        return STR("");
    return peek(r) == '"' || peek(r) == '\'' ? read_quoted(r) : read_unquoted(r);
}

/* --- ${NAME} --------------------------------------------------------------------------------- */

static struct str variable(struct arena *arena, const struct dotenv *above, struct str name,
                           struct str fallback)
{
    struct str value;
    if (dotenv_get(above, name, &value))
        return value;
    const char *process = getenv(arena_cstr(arena, name));
    return process ? str_of(process) : fallback;
}

static struct str resolve(struct arena *arena, const struct dotenv *above, struct str text)
{
    struct sbuf out = SBUF_INIT;
    size_t i = 0;
    while (i < text.len && sbuf_view(&out).len < MAX_VALUE) {
        struct str rest = str_sub(text, i, text.len);
        ptrdiff_t close = str_starts(rest, "${") ? str_index(rest, '}') : -1;
        struct str inner = close < 0 ? STR("") : str_sub(rest, 2, (size_t)close);
        ptrdiff_t colon = str_index(inner, ':');
        bool plain = close < 0 ||
                     (colon >= 0 && !str_starts(str_sub(inner, (size_t)colon, inner.len), ":-"));
        if (plain) {
            sbuf_char(&out, text.ptr[i++]);
            continue;
        }
        size_t name = colon < 0 ? inner.len : (size_t)colon;
        struct str fallback = colon < 0 ? STR("") : str_sub(inner, name + 2, inner.len);
        sbuf_str(&out, variable(arena, above, str_sub(inner, 0, name), fallback));
        i += (size_t)close + 1;
    }
    return arena_take(arena, &out);
}

/* --- the file -------------------------------------------------------------------------------- */

struct dotenv dotenv_parse(struct arena *arena, struct str text)
{
    struct reader r = {arena, text, 0};
    struct dotenv dotenv = {0};
    size_t cap = 0;
    if (str_starts(text, "\xef\xbb\xbf"))
        r.at = 3;
    while (r.at < text.len) {
        if (is_blank(peek(&r)) || is_end(peek(&r))) {
            r.at++;
            continue;
        }
        struct str line = str_sub(text, r.at, text.len);
        if (str_starts(line, "export") && line.len > 6 && is_blank(line.ptr[6])) {
            r.at += 6;
            skip_blanks(&r);
        }
        struct str name = peek(&r) == '#' ? STR("") : read_key(&r);
        struct str value = name.len ? read_value(&r) : STR_NULL;
        skip_line(&r);
        if (!name.len)
            continue;
        dotenv.entries = arena_grow(arena, dotenv.entries, dotenv.n, &cap, sizeof *dotenv.entries);
        dotenv.entries[dotenv.n] = (struct dotenv_entry){
            arena_str(arena, name), value.ptr ? resolve(arena, &dotenv, value) : STR_NULL};
        dotenv.n++;
    }
    return dotenv;
}

bool dotenv_get(const struct dotenv *dotenv, struct str name, struct str *ret)
{
    for (size_t i = dotenv->n; i-- > 0;) {
        if (!str_eq(dotenv->entries[i].name, name))
            continue;
        *ret = dotenv->entries[i].value;
        return ret->ptr != NULL;
    }
    return false;
}
