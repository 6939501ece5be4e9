/* Cleaned text holds nothing that moves a cursor, hides or reorders; cut text fits. The first two
 * bytes choose flags and width. */
#include "tests/fuzz/fuzz.h"

#include "core/base/text.h"
#include "core/json.h"

/* Said a second time here, on purpose: the test must not ask the code that it tests. */
static bool is_safe(int32_t c, unsigned flags)
{
    if (c == '\n')
        return flags & CLEAN_LINES;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    if (flags & CLEAN_ASCII)
        return c < 0x7f;
    return c != 0x61c && c != 0xad && c != 0x180e && !(c >= 0x200b && c <= 0x200f) &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff &&
           !(c >= 0xfff9 && c <= 0xfffb) && !(c >= 0xe0000 && c <= 0xe0fff);
}

static void check_clean(struct str s, unsigned flags)
{
    for (size_t pos = 0; pos < s.len;)
        must(is_safe(utf8_next(s, &pos), flags));
}

static void check_cut(struct str cut, int cells, unsigned flags)
{
    check_clean(cut, flags);
    must(text_width(cut) <= (cells > 0 ? cells : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    unsigned flags = data[0] & (CLEAN_LINES | CLEAN_ASCII);
    int cells = (int8_t)data[1];
    struct str s = {(const char *)data + 2, size - 2};
    struct arena a = ARENA_INIT;
    struct str clean = text_clean(&a, s, flags);
    check_clean(clean, flags);
    must(str_eq(text_clean(&a, clean, flags), clean));
    must(text_width(s) >= 0 && text_width(s) <= 2 * (int)s.len);

    struct str line = text_clean(&a, s, flags & ~(unsigned)CLEAN_LINES);
    check_cut(text_cut(&a, line, cells, flags), cells, flags);
    check_cut(text_cut_middle(&a, line, cells, flags), cells, flags);
    if (text_width(line) <= cells)
        must(str_eq(text_cut_middle(&a, line, cells, flags), line));

    struct sbuf quoted = SBUF_INIT;
    const struct value *v;
    json_quote(&quoted, s);
    must(json_read(&a, sbuf_view(&quoted), &v, NULL) && v->type == VALUE_STR);
    if (str_is_utf8(s))
        must(str_eq(v->text, s));
    sbuf_release(&quoted);
    arena_release(&a);
    return 0;
}
