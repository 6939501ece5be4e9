/* A map from the address of a node to what a walk has noted about it: so that a shared node is
 * visited once, however often it is referred to. */
#ifndef PENSTOCK_IDENTITY_H
#define PENSTOCK_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

struct identity_entry {
    const void *node;
    union {
        const void *ptr;
        uint64_t num;
    };
};

/* Zeroed = empty. */
struct identity {
    struct identity_entry *entries;
    size_t slots, used;
};

/* The entry of the node, or NULL. Valid until the next identity_put. */
struct identity_entry *identity_get(const struct identity *map, const void *node);
/* As above; makes a zeroed entry when there is none. */
struct identity_entry *identity_put(struct identity *map, const void *node);
void identity_release(struct identity *map);

#endif
