/* A record that is one JSON text, as a document and back: in a file, or under a key.
 *
 * Native layouts hold the root itself; the plain layout holds it in an envelope (docs/stores.md):
 *   {"label": "public.orders", "expires_at": "2026-11-21T03:00:00Z", "document": ROOT}
 * Versions are digests of the stored bytes of each part. An image is the text as it was behind one
 * line of the driver's own (owner and mode, expiry). */
#ifndef PENSTOCK_CONTENT_H
#define PENSTOCK_CONTENT_H

#include "core/json.h"
#include "core/store.h"

/* How the texts of one layout hold a record. */
struct content_format {
    const struct system *system;
    const char *name; /* for people; NULL: "json" */
    bool wrapped;
    enum json_style style;
    /* The moment of a write in the JSON form of the record's system; NULL: RFC 3339. */
    const struct value *(*now)(const char *system, int64_t now_us, struct arena *arena);
};

/* The stored text in an image: what follows its first line, which is the driver's own. ptr NULL
 * when there is no such line. */
struct str content_text(struct str image);

/* `after` with its late values: a row id behind all that it and `now` have, the moment, a fresh
 * UUID. */
const struct value *content_fill_late(const struct content_format *format, const struct value *now,
                                      const struct value *after, int64_t now_us,
                                      struct arena *arena);

/* A record that is not there; or the beginning of one that is. */
struct document content_absent(const struct content_format *format, struct str id);
/* Fills root, versions, problem, label and expiry from an image; label and id were set. */
void content_read(const struct content_format *format, struct str image, struct arena *arena,
                  struct document *doc);

/* Label and expiry from the beginning of a wrapped file; leaves them as they are when not there. */
void content_head(struct str text, struct arena *arena, struct str *label, int64_t *expires_at_us);

/* The text after a change: the parts in `change` come from `after`, all others stay byte for byte
 * as `now` has them, also when `after` says otherwise. Top-level keys that are no parts stay when
 * `after` has them. A damaged `now` can only be replaced whole. */
bool content_write(const struct content_format *format, const struct document *now,
                   const struct value *after, unsigned change, struct sbuf *out, struct err *err);

/* The text that an undo leaves: exactly the old one, unless parts that the undone edit did not
 * touch have changed since; then these stay. */
bool content_restore(const struct content_format *format, const struct document *now,
                     struct str image, unsigned change, struct arena *arena, struct sbuf *out,
                     struct err *err);

#endif
