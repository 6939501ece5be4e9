/* The tree a document is: an immutable graph of values.
 *
 * Values never change once built, so documents share them freely: an edit copies the path it
 * changes and points at the rest. Identity means something: two references to one node are one
 * shared object in a pickle (formats/triggers.md 2.11); an edit that copies a path un-shares it.
 * All nodes live in an arena; a node may point into other arenas that live at least as long
 * (a plan item has one arena for before and after).
 *
 * Texts are bytes as stored: UTF-8 in which lone surrogates may stand (ED A0 80 .. ED BF BF).
 * A node read from JSON keeps its token, so that what an edit did not touch is written as read. */
#ifndef PENSTOCK_VALUE_H
#define PENSTOCK_VALUE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/hash.h"

#include <stdint.h>

enum value_type {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,   /* any size */
    VALUE_FLOAT, /* IEEE double, NaN and infinities included */
    VALUE_STR,
    VALUE_LIST,
    VALUE_DICT,
    VALUE_LATE, /* known only at the commit; see enum value_late */
    /* only in pickles */
    VALUE_BYTES,
    VALUE_PY2STR, /* byte string that Python 2 wrote */
    VALUE_BYTEARRAY,
    VALUE_TUPLE,
    VALUE_SET,
    VALUE_FROZENSET,
    VALUE_GLOBAL, /* reference to a class or function, never looked up */
    VALUE_CALL,   /* object made by a callable; never called */
    VALUE_CYCLE,  /* stands where a container refers to one it lies in, so that trees have an end:
                     shown, never written */
    VALUE_TYPES
};

/* A late value stands in `after`; the driver fills it in, every comparison accepts it. */
enum value_late {
    LATE_ID,   /* row id the store assigns */
    LATE_NOW,  /* moment of the write, by the store's clock, in the store's own form */
    LATE_UUID, /* fresh UUID */
};

enum value_call_kind { CALL_REDUCE, CALL_NEWOBJ, CALL_NEWOBJ_EX, CALL_INST, CALL_OBJ };
enum value_call_op { CALLOP_APPEND, CALLOP_SETITEM, CALLOP_ADDITEM, CALLOP_BUILD };

struct value;

struct value_pair {
    const struct value *key; /* VALUE_STR in JSON; anything hashable in a pickle */
    const struct value *val;
};

/* One operation applied to the object after it was made, in order. SETITEM: key and val; APPEND,
 * ADDITEM, BUILD: val alone (BUILD: the state). */
struct value_call_step {
    enum value_call_op op;
    const struct value *key, *val;
};

struct value {
    enum value_type type;
    union {
        bool boolean;
        enum value_late late;
        struct str text; /* STR, BYTES, PY2STR, BYTEARRAY: the bytes. INT: decimal digits with an
                            optional '-', canonical (no leading zeros, no "-0") */
        double real;     /* FLOAT */
        struct {
            const struct value *const *items;
            size_t n;
        } list; /* LIST, TUPLE, SET, FROZENSET */
        struct {
            const struct value_pair *pairs;
            size_t n;
            const uint32_t *index; /* hash index, or NULL in small dicts; private to value.c */
        } dict;
        struct {
            struct str module, name;
        } global;
        struct {
            enum value_call_kind kind;
            const struct value *callable, *args, *kwargs; /* kwargs: NEWOBJ_EX only, else NULL */
            const struct value_call_step *steps;
            size_t nsteps;
        } call;
    };
    struct str token; /* JSON source text of a scalar, quotes included; ptr NULL when built by us */
};

extern const struct value value_null, value_true, value_false;

const struct value *value_bool(bool b);
const struct value *value_int(struct arena *a, int64_t n);
const struct value *value_uint(struct arena *a, uint64_t n);
const struct value *value_int_text(struct arena *a, struct str digits); /* canonical digits */
const struct value *value_float(struct arena *a, double d);
const struct value *value_str(struct arena *a, struct str s);           /* copies */
const struct value *value_cstr(struct arena *a, const char *s);
const struct value *value_text(struct arena *a, enum value_type type, struct str s);
const struct value *value_late(struct arena *a, enum value_late late);
const struct value *value_list(struct arena *a, enum value_type type,
                               const struct value *const *items, size_t n); /* copies the array */
const struct value *value_dict(struct arena *a, const struct value_pair *pairs, size_t n);
#define value_empty_dict(a) value_dict((a), NULL, 0)

const char *value_type_name(enum value_type type); /* as JSON and Python people call it: "object" */

/* Look-ups; NULL when absent, when v is NULL, or when v is not a dict (list, tuple, set). A key
 * that Python 2 wrote as an ASCII byte string is found as well. */
const struct value *value_get(const struct value *v, const char *key);
const struct value *value_get_str(const struct value *v, struct str key);
const struct value *value_at(const struct value *v, size_t i);
bool value_is_dict(const struct value *v); /* all of these take NULL and say false */
bool value_is_list(const struct value *v);
bool value_is_str(const struct value *v);
bool value_is_null(const struct value *v);
size_t value_count(const struct value *v);                        /* pairs or items, else 0 */
struct str value_str_or(const struct value *v, struct str other); /* STR, else other */
bool value_to_i64(const struct value *v, int64_t *ret);           /* INT that fits */
bool value_to_u64(const struct value *v, uint64_t *ret);
bool value_truth(const struct value *v); /* as Python's bool() for the plain types */

/* Functional edits: each returns a new node that shares the rest. dict_with replaces in place or
 * appends at the end; dict_without returns the same node when the key is absent. */
const struct value *value_dict_with(struct arena *a, const struct value *dict, const char *key,
                                    const struct value *val);
const struct value *value_dict_with_str(struct arena *a, const struct value *dict, struct str key,
                                        const struct value *val);
const struct value *value_dict_without(struct arena *a, const struct value *dict, const char *key);
const struct value *value_list_with(struct arena *a, const struct value *list, size_t i,
                                    const struct value *val); /* i == n appends */
/* A copy that shares no container with v (scalars may be shared). */
const struct value *value_deep_copy(struct arena *a, const struct value *v);
/* A copy that shares nothing at all with v, texts and tokens included, and so may outlive its
 * arena. What was one node stays one node. */
const struct value *value_own_copy(struct arena *a, const struct value *v);

/* JSON pointer (RFC 6901), "" = the root. Lookup of a missing path is ERR_NOT_FOUND naming the
 * first missing piece; `with` creates no intermediate containers, and "-" appends to a list. */
bool value_pointer_get(const struct value *root, struct str pointer, const struct value **ret,
                       struct err *err);
bool value_pointer_with(struct arena *a, const struct value *root, struct str pointer,
                        const struct value *val, const struct value **ret, struct err *err);
bool value_pointer_without(struct arena *a, const struct value *root, struct str pointer,
                           const struct value **ret, struct err *err);

/* A pointer with one more piece. */
struct str value_pointer_add(struct arena *a, struct str pointer, struct str key);

/* `after` with the nodes of `before` wherever the content is the same: what an operator did not
 * touch in a text is written as it was read. */
const struct value *value_graft(struct arena *a, const struct value *before,
                                const struct value *after);
/* Two numbers, or two texts that are times: -1 when `new` lies before `old`, 1 behind it, 0 when
 * they are the same or that cannot be told. */
int value_position_cmp(const struct value *new, const struct value *old);

/* Same content: type, order of keys and items, numbers by value, not by token. A late value equals
 * whatever could have come in its place; sharing is not compared. `set` elements by order. Either
 * side may be NULL (absent). */
bool value_equal(const struct value *a, const struct value *b);
/* As above, and the same nodes are shared on both sides (a pickle was re-encoded right). */
bool value_same_graph(const struct value *a, const struct value *b);

/* SHA-256 over the content as value_equal sees it (NULL allowed). Late values stand as a mark; with
 * `mask` (may be NULL) whatever lies where `mask` has a late value is taken as that mark too: so
 * digest(after, after) == digest(read back, after) says that the write arrived. */
void value_digest(const struct value *v, const struct value *mask, uint8_t out[SHA256_LEN]);

/* Pointers (RFC 6901) of the late values in v, in document order; a journal keeps them with the
 * digest. Later value_mark_late puts marks at those places of what was read, so that the digests
 * can be compared; NULL when v has no such place. */
size_t value_late_paths(struct arena *a, const struct value *v, struct str **ret);
const struct value *value_mark_late(struct arena *a, const struct value *v,
                                    const struct str *late_paths, size_t n);

/* Replaces the late values: each distinct late node is filled once, so what was shared stays
 * shared. */
const struct value *value_fill_late(struct arena *a, const struct value *v,
                                    const struct value *(*fill)(void *ctx, enum value_late late),
                                    void *ctx);

/* What changed, by path, in document order. Objects by key, lists by index; a list that only grew
 * or lost items at one place is reported so. Stops after `max` entries (ret_more says so). */
struct value_change {
    struct str path;                    /* JSON pointer; a key that is no text is shown as #repr */
    const struct value *before, *after; /* NULL: was not, is not there */
};
size_t value_diff(struct arena *a, const struct value *before, const struct value *after,
                  size_t max, struct value_change **ret, bool *ret_more);

/* One line for people: JSON with what JSON lacks in Python's notation (datetime(2024-03-05T...),
 * b'..', <module.Class ...>), cut at about `max` bytes with "...". Not cleaned for a terminal. */
struct str value_repr(struct arena *a, const struct value *v, size_t max);

/* A datetime in a pickle: REDUCE of datetime.datetime over 10 state bytes in any of the forms of
 * formats/triggers.md 5.2. Aware ones give UTC only for a fixed offset. */
bool value_to_time(const struct value *v, int64_t *ret_us);
/* A naive UTC datetime as protocol `protocol` would hold it (triggers.md 5.6, last table). */
const struct value *value_datetime(struct arena *a, int64_t us, int protocol);

#endif
