#include "core/pickle_machine.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 1 << 24 };

/* ---- failures ---- */

bool machine_corrupt(struct machine *m, const char *what)
{
    return err_set(m->err, ERR_CORRUPT, "not a sound pickle: %s (byte %zu)", what, m->pos);
}

bool machine_unsupported(struct machine *m, const char *what)
{
    return err_set(m->err, ERR_UNSUPPORTED, "a pickle with %s (byte %zu)", what, m->pos);
}

/* ---- input ---- */

bool machine_bytes(struct machine *m, uint64_t n, struct str *ret)
{
    if (n > m->bytes.len - m->pos)
        return machine_corrupt(m, "it ends too early");
    *ret = str_sub(m->bytes, m->pos, m->pos + (size_t)n);
    m->pos += (size_t)n;
    return true;
}

bool machine_uint(struct machine *m, unsigned size, uint64_t *ret)
{
    struct str s;
    if (!machine_bytes(m, size, &s))
        return false;
    *ret = 0;
    for (unsigned i = size; i-- > 0;)
        *ret = *ret << 8 | (unsigned char)s.ptr[i];
    return true;
}

bool machine_line(struct machine *m, struct str *ret)
{
    struct str rest = str_sub(m->bytes, m->pos, m->bytes.len);
    ptrdiff_t len = str_index(rest, '\n');
    if (len < 0)
        return machine_corrupt(m, "a line without an end");
    *ret = str_sub(rest, 0, (size_t)len);
    m->pos += (size_t)len + 1;
    return true;
}

bool machine_counted(struct machine *m, unsigned size, struct str *ret)
{
    uint64_t n;
    return machine_uint(m, size, &n) && machine_bytes(m, n, ret);
}

/* ---- nodes, stack, memo ---- */

void *machine_node(struct machine *m, size_t size, enum value_type type)
{
    struct value *v = arena_try_alloc(m->arena, size);
    if (!v || m->nodes++ == NODES_MAX) {
        machine_corrupt(m, v ? "too many objects" : "it needs more memory than the limit");
        return NULL;
    }
    v->type = type;
    return v;
}

static void *grown(void *p, size_t *cap, size_t need, size_t size)
{
    size_t bigger = *cap ? *cap : 64;
    while (bigger < need)
        bigger *= 2;
    if (bigger == *cap)
        return p;
    p = xreallocarray(p, bigger, size);
    *cap = bigger;
    return p;
}

bool machine_push(struct machine *m, const struct value *v)
{
    if (!v)
        return false;
    m->stack = grown(m->stack, &m->stack_cap, m->depth + 1, sizeof *m->stack);
    m->stack[m->depth++] = v;
    return true;
}

size_t machine_floor(const struct machine *m)
{
    return m->nmarks ? m->marks[m->nmarks - 1] : 0;
}

bool machine_need(struct machine *m, size_t n)
{
    return m->depth - machine_floor(m) >= n || machine_corrupt(m, "the stack is empty");
}

bool machine_mark(struct machine *m)
{
    m->marks = grown(m->marks, &m->marks_cap, m->nmarks + 1, sizeof *m->marks);
    m->marks[m->nmarks++] = m->depth;
    return true;
}

bool machine_pop_mark(struct machine *m, size_t *ret_first)
{
    if (!m->nmarks)
        return machine_corrupt(m, "a mark is missing");
    *ret_first = m->marks[--m->nmarks];
    return true;
}

bool machine_memo_put(struct machine *m, uint64_t index)
{
    if (!machine_need(m, 1))
        return false;
    if (index > m->bytes.len)
        return machine_corrupt(m, "a memo index beyond the pickle");
    size_t had = m->memo_cap;
    m->memo = grown(m->memo, &m->memo_cap, (size_t)index + 1, sizeof *m->memo);
    memset(m->memo + had, 0, (m->memo_cap - had) * sizeof *m->memo);
    m->memo_used += !m->memo[index];
    m->memo[index] = m->stack[m->depth - 1];
    return true;
}

bool machine_memo_get(struct machine *m, uint64_t index)
{
    if (index >= m->memo_cap || !m->memo[index])
        return machine_corrupt(m, "a memo entry that was never stored");
    return machine_push(m, m->memo[index]);
}

bool machine_index(struct machine *m, uint64_t *ret)
{
    struct str line;
    return machine_line(m, &line) && (str_u64(line, ret) || machine_corrupt(m, "a bad memo index"));
}

void machine_release(struct machine *m)
{
    arena_release(&m->scratch);
    free(m->stack);
    free(m->marks);
    free(m->memo);
}
