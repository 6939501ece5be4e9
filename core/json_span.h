/* The members of a JSON object as bytes, for changing one and keeping the others as they are. The
 * text was found to be valid by json_read, or is the beginning of one. */
#ifndef PENSTOCK_JSON_SPAN_H
#define PENSTOCK_JSON_SPAN_H

#include "core/value.h"

struct json_member {
    struct str key; /* its token, quotes included */
    struct str value;
};

/* The next member; *at starts at 0. False at the end, and at a member that is cut: then `ret` holds
 * its key and what is there of its value (ptr NULL where nothing is). */
bool json_next_member(struct str text, size_t *at, struct json_member *ret);

/* Bytes of the value under `key` in `text`, which was read as `dict`: members and pairs stand in
 * the same order, so escapes in keys need no second reading. STR_NULL when there is none. */
struct str json_member_bytes(struct str text, const struct value *dict, struct str key);

/* The last member of that name, as readers that allow several take it, and how many there are. The
 * object is whole. */
bool json_find_member(struct str object, struct str name, struct json_member *ret, size_t *ret_n);

/* The object with one member's value replaced, the member put behind the others, or (`value` with
 * ptr NULL) taken out; all other bytes stay as they are. The name stands once in it at most.
 * `dense`: new separators have no blanks. */
void json_splice(struct sbuf *out, struct str object, struct str name, struct str value,
                 bool dense);

#endif
