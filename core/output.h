/* JSON that is ours (output, plans, audit): how bytes from a store stand in it. jansson holds only
 * valid UTF-8, so an id that is none comes as "base64:…". */
#ifndef PENSTOCK_OUTPUT_H
#define PENSTOCK_OUTPUT_H

#include "core/base/arena.h"
#include "core/base/err.h"

#include <jansson.h>

/* New references; ptr NULL gives null. */
json_t *output_id(struct str id);
/* For names, errors and other text that is only shown: broken UTF-8 is replaced. */
json_t *output_text(struct str text);
json_t *output_time(int64_t us); /* RFC 3339, or null */

/* The id as "base64:…", whatever is in it. */
struct str output_id_base64(struct arena *arena, struct str id);
/* An id as one word of a line, as an ID argument takes it back: itself, or "base64:…" when it is
 * no plain text, begins as an option does, or begins like the escape itself. */
struct str output_id_name(struct arena *arena, struct str id);
/* The same, quoted for a shell: for the commands that we print. */
struct str output_id_word(struct arena *arena, struct str id);
/* An ID argument or field: "base64:…" is decoded, all else is taken as it is. Copies. */
bool output_id_parse(struct arena *arena, struct str text, struct str *ret, struct err *err);

#endif
