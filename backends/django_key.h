/* The names under which Django's caches keep sessions (formats/triggers.md 1.1). */
#ifndef PENSTOCK_DJANGO_KEY_H
#define PENSTOCK_DJANGO_KEY_H

#include "core/target.h"

/* What stands around the uid in a stored key. */
struct django_key {
    struct str head, tail;
};

/* Address parameters prefix=, version= and template=, which a layout lists in its own. */
#define DJANGO_KEY_PARAMS "prefix", "version", "template"

/* From the parameters; Django's default key function unless they say otherwise. Texts go to
 * `arena`. ERR_INVALID for a template that does not name {uid} exactly once. */
bool django_key_init(struct arena *arena, const struct address *address, struct django_key *ret,
                     struct err *err);
struct str django_key_of(struct arena *arena, const struct django_key *key, struct str uid);
/* The uid in a stored key, a view of it; false when it is none of these. */
bool django_key_uid(const struct django_key *key, struct str stored, struct str *ret);

#endif
