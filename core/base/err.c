#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* What is too long loses its middle: at the end stands the cause, in front the object, whose name
 * is as long as somebody made it. */
static void fit(char *out, size_t size, const char *text)
{
    static const char gap[] = " ... ";
    size_t len = strlen(text), keep = (size - sizeof gap) / 2;
    if (len < size) {
        memcpy(out, text, len + 1);
        return;
    }
    size_t head = keep, tail = len - keep;
    while (head > 0 && is_continuation(text[head]))
        head--;
    while (is_continuation(text[tail]))
        tail++;
    snprintf(out, size, "%.*s%s%s", (int)head, text, gap, text + tail);
}

/* The caller frees it. The arguments may point into the error that it is for. */
__attribute__((format(printf, 1, 0))) static char *printed(const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        abort(); /* out of memory */
    strip_controls(text);
    return text;
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list ap;
    va_start(ap, fmt);
    char *text = printed(fmt, ap);
    va_end(ap);
    err->kind = kind;
    fit(err->text, sizeof err->text, text);
    err->hint[0] = '\0';
    free(text);
    return false;
}

bool err_context(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    struct err inner = *err;
    va_list ap;
    va_start(ap, fmt);
    char *prefix = printed(fmt, ap);
    va_end(ap);
    err_set(err, inner.kind, "%s: %s", prefix, inner.text);
    memcpy(err->hint, inner.hint, sizeof err->hint);
    free(prefix);
    return false;
}

bool err_hint(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list ap;
    va_start(ap, fmt);
    char *text = printed(fmt, ap);
    va_end(ap);
    fit(err->hint, sizeof err->hint, text);
    free(text);
    return false;
}
