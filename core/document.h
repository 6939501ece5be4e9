/* Documents: the state of one record, as one store held it at one moment. */
#ifndef PENSTOCK_DOCUMENT_H
#define PENSTOCK_DOCUMENT_H

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/value.h"

enum { PARTS_MAX = 4 };

/* Version of a part: SHA-256 of its stored bytes or rows; never of inode, mtime, xmin or TTL. All
 * zero bytes = the part is absent, which is a version too. */
struct version {
    uint8_t sha[SHA256_LEN];
};

extern const struct version version_absent;
bool version_eq(const struct version *a, const struct version *b);
struct version version_of(struct str bytes);
/* "absent" or the first 12 hex digits. */
struct str version_text(struct arena *a, const struct version *v);

/* One record. Everything in it lives in the arena it was read into.
 *
 * root: a system with several parts has a dict whose top-level keys are the part names; part i is
 * the value under names[i]. A system with one part has the part itself. NULL when the record is
 * absent or its bytes do not parse; then `problem` says why it cannot be edited (it can still be
 * copied as bytes, cleared and restored). A root with a problem can be shown but not edited. */
struct document {
    struct str id;    /* stable, unique in its store */
    struct str label; /* what people call it; equals id where there is nothing better */
    bool absent;
    const struct value *root;
    struct err problem; /* kind ERR_NONE when the document can be edited */
    struct version versions[PARTS_MAX];
    struct str image;      /* stored bytes or rows exactly as read; opaque to all but its driver */
    struct str head;       /* when cut by the byte limit: the first bytes, for showing. Of text that
                              does not parse all of it, where the layout gives it; else STR_NULL */
    bool truncated;        /* only `head` was read; not editable */
    uint64_t bytes;        /* stored size */
    int64_t updated_at_us; /* TIME_UNKNOWN where the store keeps none */
    int64_t expires_at_us; /* TIME_NEVER without expiry */
    /* The expiry may lie by so much on either side: the store keeps no zone. 0: it is exact. */
    int64_t expires_off_us;
    struct str format; /* how it is stored, for people: "pickle 4, zlib", "json" */
};

/* Value of part i of a root (NULL root gives NULL). nparts == 1: the root itself. */
struct system;
const struct value *document_part(const struct system *system, const struct value *root, size_t i);

#endif
