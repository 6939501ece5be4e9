#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* libc may answer NULL to a request for nothing. */
void *xcalloc(size_t n, size_t size)
{
    return must(n && size ? calloc(n, size) : calloc(1, 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    return must(n && size ? reallocarray(p, n, size) : realloc(p, 1));
}

char *xmemdupz(const void *p, size_t n)
{
    char *copy = xreallocarray(NULL, n + 1, 1);
    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

char *xstrdup(const char *s)
{
    return must(strdup(s));
}
