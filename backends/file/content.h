/* A record's file as a document, and back.
 *
 * Native layouts hold the root itself; the plain layout holds it in an envelope (docs/stores.md):
 *   {"label": "public.orders", "expires_at": "2026-11-21T03:00:00Z", "document": ROOT}
 * Versions are digests of the stored bytes of each part. An image is the file as it was: one line
 * with owner and mode of file and directory, then the bytes. */
#ifndef PENSTOCK_FILE_CONTENT_H
#define PENSTOCK_FILE_CONTENT_H

#include "backends/file/atomic.h"
#include "core/json.h"
#include "core/store.h"

/* How the files of one layout hold a record. */
struct content_format {
    const struct system *system;
    bool wrapped;
    enum json_style style;
};

enum { IMAGE_HEAD = 60 };

struct image {
    struct file_owner file, dir;
    struct str text;
};

/* Writes the first line of an image; `out` takes IMAGE_HEAD bytes, no NUL. */
void image_head(const struct file_owner *file, const struct file_owner *dir, char *out);
bool image_read(struct str image, struct image *ret, struct err *err);

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
