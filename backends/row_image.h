/* The image of a row that is one value and a short note beside it (when it changed, when it
 * expires): "<kind> <length of the note, or ->\n", the note, the value. Either may hold any byte.
 */
#ifndef PENSTOCK_ROW_IMAGE_H
#define PENSTOCK_ROW_IMAGE_H

#include "core/base/arena.h"

/* `kind` is a word or more of the layout's own; a note that is NULL comes back as such. */
struct str row_image(struct arena *arena, const char *kind, struct str note, struct str value);
/* Views into `image`; false: it is of another kind. */
bool row_image_read(struct str image, const char *kind, struct str *ret_note,
                    struct str *ret_value);

#endif
