#include "core/base/arena.h"

#include "core/base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 1 << 20, ALIGN = alignof(max_align_t) };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

struct arena_kept {
    struct arena_kept *next;
    void *object;
    void (*release)(void *object);
};

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = xcalloc(1, sizeof *block + size);
    block->size = size;
    return block;
}

static void *alloc_aligned(struct arena *arena, size_t size)
{
    struct arena_block *head = arena->head;
    if (!head || head->size - head->used < size) {
        size_t want = head ? head->size * 2 : FIRST_BLOCK;
        if (want > LARGEST_BLOCK)
            want = LARGEST_BLOCK;
        if (size > want / 2 && head) {
            /* A large piece gets a block of its own behind the head, which keeps its free rest. */
            struct arena_block *own = block_new(size);
            own->used = size;
            own->next = head->next;
            head->next = own;
            arena->used += size;
            return own->data;
        }
        struct arena_block *block = block_new(size > want ? size : want);
        block->next = head;
        arena->head = head = block;
    }
    void *p = head->data + head->used;
    head->used += size;
    arena->used += size;
    return p;
}

static size_t round_up(size_t size)
{
    if (size > SIZE_MAX / 2)
        abort();
    return size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return alloc_aligned(arena, round_up(size));
}

void *arena_try_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = round_up(size);
    if (arena->limit && (size > arena->limit || arena->used > arena->limit - size))
        return NULL;
    return alloc_aligned(arena, size);
}

void *arena_alloc_array(struct arena *arena, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / 2 / size)
        abort();
    return arena_alloc(arena, n * size);
}

void *arena_grow(struct arena *arena, void *items, size_t n, size_t *cap, size_t size)
{
    enum { FIRST = 16 };
    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : FIRST;
    void *more = arena_alloc_array(arena, *cap, size);
    if (n)
        memcpy(more, items, n * size);
    return more;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *p = arena_alloc(arena, s.len + 1);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return (struct str){p, s.len};
}

char *arena_cstr(struct arena *arena, struct str s)
{
    return (char *)arena_str(arena, s).ptr;
}

struct str arena_join(struct arena *arena, struct str a, struct str b, struct str c)
{
    const struct str parts[] = {a, b, c};
    char *p = arena_alloc(arena, a.len + b.len + c.len + 1), *at = p;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return (struct str){p, (size_t)(at - p)};
}

struct str arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    assert(len >= 0);
    char *p = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    return (struct str){p, (size_t)len};
}

struct str arena_take(struct arena *arena, struct sbuf *text)
{
    struct str copy = arena_str(arena, sbuf_view(text));
    sbuf_release(text);
    return copy;
}

struct str arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str s = arena_vprintf(arena, fmt, ap);
    va_end(ap);
    return s;
}

void arena_keep(struct arena *arena, void *object, void (*release)(void *object))
{
    struct arena_kept *kept = arena_new(arena, struct arena_kept);
    *kept = (struct arena_kept){arena->kept, object, release};
    arena->kept = kept;
}

void arena_release(struct arena *arena)
{
    for (; arena->kept; arena->kept = arena->kept->next)
        arena->kept->release(arena->kept->object);
    for (struct arena_block *b = arena->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    arena->head = NULL;
    arena->used = 0;
}
