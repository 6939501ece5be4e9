/* Pickles, read and written without ever executing anything (formats/triggers.md 5).
 *
 * The stack machine runs symbolically: callables become VALUE_GLOBAL and VALUE_CALL nodes, memo
 * references become shared nodes. Rejected with ERR_UNSUPPORTED: persistent ids, the extension
 * registry, out-of-band buffers, protocols above 5; with ERR_CORRUPT: anything malformed or beyond
 * the limits: depth 1000, node count, memo, length prefixes, and what shared nodes unfold to (16
 * times the pickle, at least 64 MiB), so that plain walks over a graph that was read always end.
 * A reference back to an object around it becomes VALUE_CYCLE: trees have no cycles. */
#ifndef PENSTOCK_PICKLE_H
#define PENSTOCK_PICKLE_H

#include "core/value.h"

struct pickle_info {
    int protocol;  /* highest protocol the bytes declare; 0 or 1 for headerless ones */
    size_t length; /* bytes up to and with STOP; what follows is not looked at */
    bool python2;  /* a Python 2 byte string occurs: Python 3 cannot load it by default */
    bool cyclic;   /* an object contains itself: shown, but not edited */
};

/* Texts of the tree are views into `bytes`, which must outlive it. */
bool pickle_read(struct arena *arena, struct str bytes, const struct value **ret,
                 struct pickle_info *ret_info, struct err *err);

/* Protocols 2 to 5 (0 and 1 are written as 2): minimal memo, no frame. Late values, cyclic graphs
 * and nodes that a protocol cannot hold are ERR_UNSUPPORTED. The result is read again and compared
 * with value_same_graph before this returns true. */
bool pickle_write(struct sbuf *out, const struct value *v, int protocol, struct err *err);

#endif
