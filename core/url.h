/* URLs: taken apart, put together, percent-coded. No rules of any backend.
 *
 * There are no fragments: '#' is a character like any other, because it is one in libpq's URIs and
 * in the passwords people have. '+' is never a blank. */
#ifndef PENSTOCK_URL_H
#define PENSTOCK_URL_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct url_param {
    struct str name, value; /* decoded */
};

struct url {
    struct str scheme;         /* lower case */
    bool has_authority;        /* "//" stood behind the scheme */
    struct str user, password; /* decoded; ptr NULL where there is none */
    struct str host; /* as written, ports and brackets included: "h1:1,h2", "[::1]:6379" */
    struct str path; /* decoded, with its leading slash */
    struct url_param *params;
    size_t nparams;
};

/* Everything lives in `arena`. ERR_INVALID without quoting the text, which may hold a password. */
bool url_parse(struct arena *arena, struct str text, struct url *ret, struct err *err);
struct str url_format(struct arena *arena, const struct url *url);

/* Value of a parameter, the last one when it stands there twice; false when absent. */
bool url_param(const struct url *url, const char *name, struct str *ret);

/* ERR_INVALID for a '%' without two hexadecimal digits, and for NUL. */
bool url_decode(struct arena *arena, struct str s, struct str *ret, struct err *err);
/* Appends s; letters, digits, "-._~" and the bytes in `safe` stand for themselves. */
void url_encode(struct sbuf *out, struct str s, const char *safe);

/* Splits "host:port" or "[v6]:port"; the port is empty when there is none, brackets stay off. */
void url_host_split(struct str hostport, struct str *ret_host, struct str *ret_port);

#endif
