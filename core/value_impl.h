/* What the files of value and its codecs share; nobody else includes it. */
#ifndef PENSTOCK_VALUE_IMPL_H
#define PENSTOCK_VALUE_IMPL_H

#include "core/value.h"

enum {
    DICT_SMALL = 16,   /* dicts of more pairs carry a hash index */
    DEPTH_MAX = 1000,  /* of the trees that the codecs read and write */
    DIGITS_MAX = 4300, /* of an integer: Python's own limit (meltano.md 2.2) */
};

bool value_has_items(const struct value *v); /* LIST, TUPLE, SET, FROZENSET; NULL has none */

/* As value_list and value_dict, over an array that lies in the arena and is the new node's. */
const struct value *value_list_over(struct arena *a, enum value_type type,
                                    const struct value *const *items, size_t n);
const struct value *value_dict_over(struct arena *a, const struct value_pair *pairs, size_t n);

/* Position of the pair with that key, or -1. */
ptrdiff_t value_dict_find(const struct value *dict, const struct value *key);

/* For comparing two documents: position of the key with the same content, where `key` is the i-th
 * on its side. Finds objects (dates, ...) too, which as keys equal only themselves. -1 when absent.
 */
ptrdiff_t value_dict_find_like(const struct value *dict, size_t i, const struct value *key);

/* Finishes a dict whose pairs stand in the arena: makes its index. On a repeated key returns false
 * with *ret_repeated set; when the arena has reached its limit, with NULL. */
bool value_dict_index(struct arena *a, struct value *dict, const struct value **ret_repeated);

/* Joins repeated keys in place: the first place, the last value. Returns how many remain. */
size_t value_pairs_join(struct value_pair *pairs, size_t n);

/* Writes a key as a piece of a JSON pointer; one that is no text as #repr. */
void value_pointer_key(struct sbuf *out, const struct value *key);

/* Nodes that can be shared in a pickle; numbers, None and the empty tuple have no identity. */
bool value_has_identity(const struct value *v);

/* A call of that function or class with positional arguments and nothing applied afterwards. The
 * module names of Python 2 (__builtin__, copy_reg) stand for those of 3 as well. */
bool value_is_call_of(const struct value *v, const char *module, const char *name);
/* Python bytes of exactly `len`, in any of the forms the protocols have for them. */
bool value_bytes_exact(const struct value *v, uint8_t *out, size_t len);
/* Offset of a tzinfo object that means one offset for ever; false for every other. */
bool value_fixed_offset(const struct value *tz, int64_t *ret_s);

#endif
