#include "core/output.h"

#include "core/base/base64.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/system.h"

#define PREFIX "base64:"

/* What a terminal, a shell and a file of lines all leave as it is. */
static bool is_plain(struct str s)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    while (p < end && *p >= ' ' && *p < 0x7f)
        p++; /* of most ids that is all */
    for (size_t pos = (size_t)(p - s.ptr); pos < s.len;) {
        int32_t c = utf8_next(s, &pos);
        if (c < ' ' || (c >= 0x7f && c < 0xa0))
            return false;
    }
    return !str_starts(s, PREFIX) && !str_starts(s, "-");
}

struct str output_id_base64(struct arena *arena, struct str id)
{
    struct str text = base64_encode(arena, id);
    return arena_printf(arena, PREFIX "%.*s", STR_ARG(text));
}

struct str output_id_name(struct arena *arena, struct str id)
{
    return is_plain(id) ? id : output_id_base64(arena, id);
}

struct str output_id_word(struct arena *arena, struct str id)
{
    return shell_quote(arena, output_id_name(arena, id));
}

json_t *output_id(struct str id)
{
    if (!id.ptr)
        return json_null();
    /* An id that begins like the escape would come back as another one. */
    if (str_is_utf8(id) && !str_starts(id, PREFIX))
        return json_stringn(id.ptr, id.len);
    struct arena arena = ARENA_INIT;
    struct str word = output_id_base64(&arena, id);
    json_t *json = json_stringn(word.ptr, word.len);
    arena_release(&arena);
    return json;
}

json_t *output_text(struct str text)
{
    if (!text.ptr)
        return json_null();
    if (str_is_utf8(text))
        return json_stringn(text.ptr, text.len);
    struct sbuf out = SBUF_INIT;
    for (size_t pos = 0; pos < text.len;) {
        size_t from = pos;
        if (utf8_next(text, &pos) < 0)
            sbuf_cstr(&out, "\xef\xbf\xbd");
        else
            sbuf_add(&out, text.ptr + from, pos - from);
    }
    json_t *json = json_stringn(out.ptr, out.len);
    sbuf_release(&out);
    return json;
}

json_t *output_time(int64_t us)
{
    struct arena arena = ARENA_INIT;
    struct str s = time_rfc3339(&arena, us);
    json_t *json = s.ptr ? json_stringn(s.ptr, s.len) : json_null();
    arena_release(&arena);
    return json;
}

bool output_id_parse(struct arena *arena, struct str text, struct str *ret, struct err *err)
{
    if (!str_starts(text, PREFIX)) {
        *ret = arena_str(arena, text);
        return true;
    }
    struct str code = str_sub(text, sizeof PREFIX - 1, text.len);
    return base64_decode(arena, code, ret) ||
           err_set(err, ERR_INVALID, "'%.*s': not base64", STR_ARG(text));
}
