/* The state of the stack machine that reads a pickle: its input, stack, marks and memo. What fails
 * sets the machine's error and returns false (NULL). */
#ifndef PENSTOCK_PICKLE_MACHINE_H
#define PENSTOCK_PICKLE_MACHINE_H

#include "core/pickle_impl.h"

struct machine {
    struct arena *arena; /* of the answer */
    struct arena scratch;
    struct str bytes;
    size_t pos;
    const struct value **stack;
    size_t depth, stack_cap;
    size_t *marks; /* heights of the stack */
    size_t nmarks, marks_cap;
    const struct value **memo;
    size_t memo_cap, memo_used;
    size_t nodes;
    int protocol; /* declared; -1 while no PROTO was met */
    bool binary, python2;
    struct err *err;
};

bool machine_corrupt(struct machine *m, const char *what);
bool machine_unsupported(struct machine *m, const char *what);

/* Input: bytes, a little-endian number, a line without its end, a length of `size` bytes with as
 * many bytes behind it, a decimal line. */
bool machine_bytes(struct machine *m, uint64_t n, struct str *ret);
bool machine_uint(struct machine *m, unsigned size, uint64_t *ret);
bool machine_line(struct machine *m, struct str *ret);
bool machine_counted(struct machine *m, unsigned size, struct str *ret);
bool machine_index(struct machine *m, uint64_t *ret);

/* A node of the answer: struct value, or a container that begins with one. */
void *machine_node(struct machine *m, size_t size, enum value_type type);

/* The stack. What lies below the last mark is out of reach: `floor` is where it ends. A NULL value
 * is not pushed: it says that making it failed. */
bool machine_push(struct machine *m, const struct value *v);
size_t machine_floor(const struct machine *m);
bool machine_need(struct machine *m, size_t n);
bool machine_mark(struct machine *m);
/* Takes the last mark away; the items above it are stack[*ret_first .. depth). */
bool machine_pop_mark(struct machine *m, size_t *ret_first);

bool machine_memo_put(struct machine *m, uint64_t index); /* the stack's top */
bool machine_memo_get(struct machine *m, uint64_t index);

void machine_release(struct machine *m);

#endif
