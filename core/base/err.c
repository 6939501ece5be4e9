#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_code;
} kinds[ERR_KINDS] = {
    [ERR_NONE] = {"none", 0},
    [ERR_INTERNAL] = {"internal", 1},
    [ERR_INVALID] = {"invalid", 2},
    [ERR_NOT_FOUND] = {"not_found", 3},
    [ERR_CONFLICT] = {"conflict", 4},
    [ERR_LOCKED] = {"locked", 5},
    [ERR_REFUSED] = {"refused", 6},
    [ERR_DENIED] = {"denied", 6},
    [ERR_UNSUPPORTED] = {"unsupported", 6},
    [ERR_TIMEOUT] = {"timeout", 7},
    [ERR_UNAVAILABLE] = {"unavailable", 7},
    [ERR_CORRUPT] = {"corrupt", 8},
    [ERR_CANCELLED] = {"cancelled", 1},
};

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind].name;
}

int err_kind_exit(enum err_kind kind)
{
    return kinds[kind].exit_code;
}

static void strip_controls(char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = *s == '\n' || *s == '\t' ? ' ' : '?';
    }
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (!err)
        return false;
    char text[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    strip_controls(text);
    err->kind = kind;
    memcpy(err->text, text, sizeof text);
    err->hint[0] = '\0';
    return false;
}

bool err_context(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    char prefix[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    strip_controls(prefix);
    size_t used = strlen(prefix);
    snprintf(prefix + used, sizeof prefix - used, ": %s", err->text);
    memcpy(err->text, prefix, sizeof prefix);
    return false;
}

bool err_hint(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    strip_controls(err->hint);
    return false;
}
