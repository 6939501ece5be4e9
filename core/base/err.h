/* Errors: a kind that callers branch on, one line of text for people, and a hint.
 *
 * A function that can fail returns bool and takes `struct err *err` last. On failure it fills it
 * and leaves its other results untouched; on success err is untouched. Buffers are fixed: an err
 * may be copied between threads and never owns memory. Text is lower case, without a full stop,
 * names the object and the cause, and never holds a credential. */
#ifndef PENSTOCK_BASE_ERR_H
#define PENSTOCK_BASE_ERR_H

#include <stdbool.h>

enum err_kind {
    ERR_NONE,
    ERR_INTERNAL,
    ERR_INVALID,     /* wrong usage or input, or an ambiguous name */
    ERR_NOT_FOUND,   /* an object the caller named does not exist */
    ERR_CONFLICT,    /* changed since it was read; a write that touched nothing */
    ERR_LOCKED,      /* somebody holds the lock, or a live writer is in the way */
    ERR_REFUSED,     /* by a rule, ours or the system's */
    ERR_DENIED,      /* by the store: privileges */
    ERR_UNSUPPORTED, /* this store cannot do that */
    ERR_TIMEOUT,
    ERR_UNAVAILABLE, /* not reachable, connection lost */
    ERR_CORRUPT,     /* stored data invalid or torn */
    ERR_CANCELLED,
    ERR_KINDS
};

struct err {
    enum err_kind kind;
    char text[512];
    char hint[384];
};

/* Name as it stands in JSON ("not_found"), and the exit code of the command line (cli.md). */
const char *err_kind_name(enum err_kind kind);
int err_kind_exit(enum err_kind kind);

/* Fills *err (which may be NULL) and returns false, so that a failure is one line. Control bytes
 * in the formatted text are replaced by '?', so an error never carries terminal codes. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text. Returns false. */
bool err_context(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the hint: what the operator can do next. Returns false. */
bool err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
