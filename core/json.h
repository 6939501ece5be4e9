/* Lossless JSON for the documents of the four systems. (JSON that is ours, such as output, plans
 * and the audit file, goes through jansson.)
 *
 * Reading keeps the token of every scalar, refuses duplicate keys (ERR_CORRUPT), and takes what
 * Python's reader takes besides the standard: NaN, Infinity, -Infinity, lone surrogates escaped or
 * not. Limits: depth 1000, integers of 4300 digits (meltano.md 2.2), the arena's own. */
#ifndef PENSTOCK_JSON_H
#define PENSTOCK_JSON_H

#include "core/value.h"

/* The text must outlive the tree (tokens point into it). Errors name line, column and byte. */
bool json_read(struct arena *arena, struct str text, const struct value **ret, struct err *err);

/* For text an operator typed: a duplicate key keeps the first place and takes the last value, as
 * Python does, and tokens are dropped, so that writing gives the dialect's own spelling of every
 * number and string. What is no JSON is ERR_INVALID. The tree does not point into the text. */
bool json_read_input(struct arena *arena, struct str text, const struct value **ret,
                     struct err *err);

enum json_style {
    JSON_PYTHON, /* json.dumps defaults: ", " and ": ", ASCII escapes (meltano.md 2.2) */
    JSON_DENSE,  /* "," and ":", ASCII escapes */
    JSON_PRETTY, /* two spaces a level, ASCII escapes */
    JSON_UTF8,   /* "," and ":", UTF-8 left as it is: serde, Jackson, jsonb input */
};

/* Scalars with a token are written as that token; others in the style's spelling, floats as
 * Python's repr. What JSON lacks (and what is nested too deep to be read again) is ERR_UNSUPPORTED
 * unless `python` is set: then it is written as
 * {"$python": n, "is": "..."} with n counted in document order (session edit, cli.md). */
bool json_write(struct sbuf *out, const struct value *v, enum json_style style, struct err *err);
bool json_write_python(struct sbuf *out, const struct value *v, enum json_style style,
                       struct err *err);

/* A string as a JSON token with ASCII escapes, quotes included. */
void json_quote(struct sbuf *out, struct str s);
/* Python's repr of a double, with NaN and Infinity as JSON spells them. `out` takes 32 bytes. */
size_t json_float(double d, char out[32]);

#endif
