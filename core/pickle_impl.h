/* What the files of the pickle codec share; nobody else includes it. */
#ifndef PENSTOCK_PICKLE_IMPL_H
#define PENSTOCK_PICKLE_IMPL_H

#include "core/pickle.h"
#include "core/value_impl.h"

/* A container while its pickle is read: the machine adds entries, pickle_graph_finish turns them
 * into the value's own arrays once nothing can change any more. */
struct container {
    struct value value; /* first, so the two pointers convert */
    struct value_call_step *entries;
    size_t n, cap;
    uint64_t weight; /* of the graph below with every shared node counted each time */
    unsigned height;
    enum { CONTAINER_OPEN, CONTAINER_BUSY, CONTAINER_DONE } state;
};

/* Makes the graph under *root final. *ret_cyclic: a reference to a container above was replaced by
 * VALUE_CYCLE. `length` of the pickle bounds how far shared nodes may unfold. */
bool pickle_graph_finish(struct arena *arena, const struct value **root, size_t length,
                         bool *ret_cyclic, struct err *err);

enum { PICKLE_INT_MAX = 1786 }; /* bytes of an integer of DIGITS_MAX digits */

/* Two's complement, little endian, to canonical digits and back (minimal length). */
struct str pickle_long_digits(struct arena *arena, struct str bytes);
void pickle_long_bytes(struct sbuf *out, struct str digits);

/* Arguments of protocol 0. False when malformed. */
bool pickle_text_int(struct arena *arena, struct str line, struct str *ret);
bool pickle_text_float(struct str line, double *ret);
bool pickle_text_unicode(struct arena *arena, struct str line, struct str *ret);
bool pickle_text_string(struct arena *arena, struct str line, struct str *ret);

/* UTF-8 in which surrogates may stand, as Python's "surrogatepass" takes it. */
bool pickle_is_text(struct str s);

#endif
