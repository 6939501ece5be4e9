/* Arenas: the caller passes one, everything in the answer lives there, one release ends it.
 *
 * An arena with a limit takes bytes from a store; reaching the limit makes arena_try_alloc return
 * NULL (the caller says ERR_CORRUPT). arena_alloc never returns NULL: without a limit running out
 * of memory aborts, with one a caller that cannot fail gracefully may still use it for small
 * bookkeeping beyond the limit. Not for use by two threads at once. */
#ifndef PENSTOCK_BASE_ARENA_H
#define PENSTOCK_BASE_ARENA_H

#include "core/base/str.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena_kept;

struct arena {
    struct arena_block *head;
    size_t used;  /* bytes handed out, with padding */
    size_t limit; /* 0 = none */
    struct arena_kept *kept;
};

#define ARENA_INIT                                                                                 \
    {                                                                                              \
        NULL, 0, 0, NULL                                                                           \
    }

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
/* As above, or NULL when the limit would be passed. */
void *arena_try_alloc(struct arena *arena, size_t size);
#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_alloc_array((arena), (n), sizeof(type)))
void *arena_alloc_array(struct arena *arena, size_t n, size_t size);

/* Room for one more: returns `items` while n < *cap, else a copy of the n items in twice the room.
 *     rows = arena_grow(arena, rows, n, &cap, sizeof *rows);
 *     rows[n++] = row; */
void *arena_grow(struct arena *arena, void *items, size_t n, size_t *cap, size_t size);

/* Copies, always followed by a NUL that does not count. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_cstr(struct arena *arena, struct str s);
/* The three one behind the other, NUL bytes and all: a formatted text ends at the first. */
struct str arena_join(struct arena *arena, struct str a, struct str b, struct str c);
/* What was gathered, copied; the buffer is released. */
struct str arena_take(struct arena *arena, struct sbuf *text);
struct str arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Takes over what somebody else allocated, so that it need not be copied: `release` is called with
 * it when the arena is released. */
void arena_keep(struct arena *arena, void *object, void (*release)(void *object));

/* Frees everything; the arena can be used again. */
void arena_release(struct arena *arena);

#endif
