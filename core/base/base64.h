/* Base64 of RFC 4648, with padding and no line breaks; by libcrypto. */
#ifndef PENSTOCK_BASE_BASE64_H
#define PENSTOCK_BASE_BASE64_H

#include "core/base/arena.h"

struct str base64_encode(struct arena *arena, struct str bytes);
/* White space between the letters is passed over; false when it is anything else. */
bool base64_decode(struct arena *arena, struct str text, struct str *ret);

#endif
