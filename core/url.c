#include "core/url.h"

#include <string.h>

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("-._~", c));
}

void url_encode(struct sbuf *out, struct str s, const char *safe)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (is_unreserved(c) || (c && strchr(safe, c)))
            sbuf_char(out, c);
        else
            sbuf_printf(out, "%%%02X", (unsigned char)c);
    }
}

bool url_decode(struct arena *arena, struct str s, struct str *ret, struct err *err)
{
    char *out = arena_alloc(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (i + 2 >= s.len || !hex_decode(str_sub(s, i + 1, i + 3), &c, 1))
                return err_set(err, ERR_INVALID,
                               "the address has a %% without two hexadecimal digits behind it");
            i += 2;
        }
        if (c == '\0')
            return err_set(err, ERR_INVALID, "the address holds a NUL byte");
        out[n++] = c;
    }
    out[n] = '\0';
    *ret = (struct str){out, n};
    return true;
}

static bool parse_scheme(struct arena *arena, struct str text, struct url *url, size_t *ret_end)
{
    ptrdiff_t colon = str_index(text, ':');
    if (colon <= 0)
        return false;
    char *scheme = arena_cstr(arena, str_sub(text, 0, (size_t)colon));
    for (char *c = scheme; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        bool letter = *c >= 'a' && *c <= 'z';
        bool other = (*c >= '0' && *c <= '9') || *c == '+' || *c == '-' || *c == '.' || *c == '_';
        if (!letter && !(other && c > scheme))
            return false;
    }
    url->scheme = (struct str){scheme, (size_t)colon};
    *ret_end = (size_t)colon + 1;
    return true;
}

/* Up to the last '@' is the user: a password with an unquoted '@' is still kept apart. */
static bool parse_authority(struct arena *arena, struct str text, struct url *url, struct err *err)
{
    ptrdiff_t at = str_rindex(text, '@');
    url->host = text;
    if (at < 0)
        return true;
    struct str login = str_sub(text, 0, (size_t)at);
    url->host = str_sub(text, (size_t)at + 1, text.len);
    ptrdiff_t colon = str_index(login, ':');
    if (colon >= 0) {
        struct str password = str_sub(login, (size_t)colon + 1, login.len);
        if (!url_decode(arena, password, &url->password, err))
            return false;
        login = str_sub(login, 0, (size_t)colon);
    }
    return url_decode(arena, login, &url->user, err);
}

static bool parse_params(struct arena *arena, struct str query, struct url *url, struct err *err)
{
    size_t most = 1;
    for (size_t i = 0; i < query.len; i++)
        most += query.ptr[i] == '&';
    url->params = arena_array(arena, struct url_param, most);
    while (query.len) {
        ptrdiff_t amp = str_index(query, '&');
        struct str piece = amp < 0 ? query : str_sub(query, 0, (size_t)amp);
        query = amp < 0 ? STR("") : str_sub(query, (size_t)amp + 1, query.len);
        if (!piece.len)
            continue;
        ptrdiff_t eq = str_index(piece, '=');
        struct url_param *param = &url->params[url->nparams++];
        struct str name = eq < 0 ? piece : str_sub(piece, 0, (size_t)eq);
        struct str value = eq < 0 ? STR("") : str_sub(piece, (size_t)eq + 1, piece.len);
        if (!url_decode(arena, name, &param->name, err) ||
            !url_decode(arena, value, &param->value, err))
            return false;
    }
    return true;
}

bool url_parse(struct arena *arena, struct str text, struct url *ret, struct err *err)
{
    struct url url = {.host = STR("")};
    size_t at = 0;
    if (!parse_scheme(arena, text, &url, &at))
        return err_set(err, ERR_INVALID, "the address has no scheme");
    struct str rest = str_sub(text, at, text.len);
    struct str query = STR("");
    if (str_starts(rest, "//")) {
        url.has_authority = true;
        size_t end = 2;
        while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
            end++;
        if (!parse_authority(arena, str_sub(rest, 2, end), &url, err))
            return false;
        rest = str_sub(rest, end, rest.len);
    }
    ptrdiff_t question = str_index(rest, '?');
    if (question >= 0) {
        query = str_sub(rest, (size_t)question + 1, rest.len);
        rest = str_sub(rest, 0, (size_t)question);
    }
    if (!url_decode(arena, rest, &url.path, err) || !parse_params(arena, query, &url, err))
        return false;
    *ret = url;
    return true;
}

struct str url_format(struct arena *arena, const struct url *url)
{
    struct sbuf out = SBUF_INIT;
    sbuf_str(&out, url->scheme);
    sbuf_cstr(&out, url->has_authority ? "://" : ":");
    if (url->user.ptr || url->password.ptr) {
        url_encode(&out, url->user, "");
        if (url->password.ptr) {
            sbuf_char(&out, ':');
            url_encode(&out, url->password, "");
        }
        sbuf_char(&out, '@');
    }
    sbuf_str(&out, url->host);
    url_encode(&out, url->path, "/:@+,=");
    for (size_t i = 0; i < url->nparams; i++) {
        sbuf_char(&out, i ? '&' : '?');
        url_encode(&out, url->params[i].name, "");
        sbuf_char(&out, '=');
        url_encode(&out, url->params[i].value, "/:@,*");
    }
    return arena_take(arena, &out);
}

bool url_param(const struct url *url, const char *name, struct str *ret)
{
    for (size_t i = url->nparams; i-- > 0;) {
        if (str_is(url->params[i].name, name)) {
            *ret = url->params[i].value;
            return true;
        }
    }
    return false;
}

void url_host_split(struct str hostport, struct str *ret_host, struct str *ret_port)
{
    *ret_host = hostport;
    *ret_port = STR("");
    if (str_starts(hostport, "[")) {
        ptrdiff_t end = str_index(hostport, ']');
        if (end < 0)
            return;
        *ret_host = str_sub(hostport, 1, (size_t)end);
        struct str rest = str_sub(hostport, (size_t)end + 1, hostport.len);
        if (str_starts(rest, ":"))
            *ret_port = str_sub(rest, 1, rest.len);
        return;
    }
    ptrdiff_t colon = str_rindex(hostport, ':');
    if (colon < 0)
        return;
    *ret_host = str_sub(hostport, 0, (size_t)colon);
    *ret_port = str_sub(hostport, (size_t)colon + 1, hostport.len);
}
