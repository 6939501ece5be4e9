/* The bytes in which Django's caches keep a session: recognised by themselves, written back the way
 * they were found (formats/triggers.md 4). */
#ifndef PENSTOCK_DJANGO_VALUE_H
#define PENSTOCK_DJANGO_VALUE_H

#include "backends/compression.h"
#include "core/document.h"

enum django_codec { DJANGO_PICKLE, DJANGO_JSON };

/* How one value is stored: what a writer has to keep. */
struct django_form {
    enum django_codec codec;
    enum compression compression;
    int protocol;             /* PICKLE */
    const struct value *herd; /* HerdClient's (marker, session, expiry), kept as it is; or NULL */
};

/* Decodes to doc->root, doc->format and, where it cannot be edited, doc->problem. Never fails:
 * whatever the bytes are, they can be copied and restored. `bytes` must outlive the tree; nothing
 * inflates beyond `limit`. */
void django_decode(struct arena *arena, struct str bytes, size_t limit, struct document *doc,
                   struct django_form *ret_form);

/* The bytes of a new root (no late values in it) in the given form; decoded again and compared
 * before it returns true. */
bool django_encode(struct arena *arena, const struct value *root, const struct django_form *form,
                   struct str *ret, struct err *err);

/* The form of a value that did not exist: pickle 4, or 2 when Python 2 wrote the tree. */
struct django_form django_form_new(const struct value *root);

/* `root` with its late values: the moment, as this form holds a naive UTC timestamp (5.6, 5.8). */
const struct value *django_fill_late(struct arena *arena, const struct value *root,
                                     const struct django_form *form, int64_t now_us);

#endif
