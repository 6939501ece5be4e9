#include "backends/row_image.h"

#include <string.h>

struct str row_image(struct arena *arena, const char *kind, struct str note, struct str value)
{
    struct sbuf out = SBUF_INIT;
    if (note.ptr)
        sbuf_printf(&out, "%s %zu\n", kind, note.len);
    else
        sbuf_printf(&out, "%s -\n", kind);
    sbuf_str(&out, note);
    sbuf_str(&out, value);
    return arena_take(arena, &out);
}

bool row_image_read(struct str image, const char *kind, struct str *ret_note, struct str *ret_value)
{
    ptrdiff_t end = str_index(image, '\n');
    size_t head = strlen(kind) + 1;
    if (end < 0 || (size_t)end < head || !str_starts(image, kind) || image.ptr[head - 1] != ' ')
        return false;
    struct str length = str_sub(image, head, (size_t)end);
    struct str rest = str_sub(image, (size_t)end + 1, image.len);
    uint64_t len = 0;
    bool none = str_is(length, "-");
    if (!none && (!str_u64(length, &len) || len > rest.len))
        return false;
    *ret_note = none ? STR_NULL : str_sub(rest, 0, (size_t)len);
    *ret_value = str_sub(rest, (size_t)len, rest.len);
    return true;
}
