#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

enum { TAB_STOP = 8, MARKS_MAX = 4 };

static int32_t decode(struct str s, size_t *pos, bool surrogates)
{
    const unsigned char *p = (const unsigned char *)s.ptr + *pos;
    size_t left = s.len - *pos, len;
    uint32_t c = p[0], min;
    *pos += 1;
    if (c < 0x80)
        return (int32_t)c;
    if (c >= 0xc2 && c <= 0xdf)
        len = 2, min = 0x80, c &= 0x1f;
    else if (c >= 0xe0 && c <= 0xef)
        len = 3, min = 0x800, c &= 0x0f;
    else if (c >= 0xf0 && c <= 0xf4)
        len = 4, min = 0x10000, c &= 0x07;
    else
        return -1;
    if (left < len)
        return -1;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < min || c > 0x10ffff || (!surrogates && c >= 0xd800 && c <= 0xdfff))
        return -1;
    *pos += len - 1;
    return (int32_t)c;
}

int32_t utf8_next_wide(struct str s, size_t *pos)
{
    return decode(s, pos, false);
}

int32_t utf8_next_any(struct str s, size_t *pos)
{
    return decode(s, pos, true);
}

size_t utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(0xf00 >> len | c);
    return len;
}

/* Characters that show nothing, change the direction of what follows or have no meaning: controls,
 * the Default_Ignorable_Code_Points of Unicode 15.1 except the variation selectors of emoji
 * (U+FE0E, U+FE0F), line and paragraph separators, interlinear annotation, noncharacters. */
static bool is_hidden(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x0000, 0x001f}, {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
        {0x061c, 0x061c}, {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
        {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},
        {0xfdd0, 0xfdef}, {0xfe00, 0xfe0d},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    if ((c & 0xfffe) == 0xfffe)
        return true;
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0] && c >= hidden[i].first; i++) {
        if (c <= hidden[i].last)
            return true;
    }
    return false;
}

static void put_mark(struct sbuf *out, unsigned flags)
{
    sbuf_cstr(out, flags & CLEAN_ASCII ? "?" : "\xef\xbf\xbd");
}

struct str text_clean(struct arena *arena, struct str s, unsigned flags)
{
    struct sbuf out = SBUF_INIT;
    int column = 0;
    int marks = MARKS_MAX; /* combining marks in a row; none may stand at the start of a line */
    for (size_t pos = 0; pos < s.len;) {
        size_t start = pos;
        int32_t c = utf8_next(s, &pos);
        if (c == '\n' && flags & CLEAN_LINES) {
            sbuf_char(&out, '\n');
            column = 0;
            marks = MARKS_MAX;
            continue;
        }
        if (c == '\t' && flags & CLEAN_LINES) {
            do
                sbuf_char(&out, ' ');
            while (++column % TAB_STOP);
            marks = 0;
            continue;
        }
        bool hidden = c < 0 || is_hidden((uint32_t)c) || (flags & CLEAN_ASCII && c >= 0x80);
        int width = hidden ? 1 : char_width((uint32_t)c);
        if (width == 0 && marks++ >= MARKS_MAX)
            hidden = true, width = 1;
        if (width)
            marks = 0;
        column += width;
        if (hidden)
            put_mark(&out, flags);
        else
            sbuf_add(&out, s.ptr + start, pos - start);
    }
    return arena_take(arena, &out);
}

/* Length of the longest prefix of whole characters, with the marks on them, that fits. */
static size_t prefix_fitting(struct str s, int cells)
{
    size_t pos = 0, end = 0;
    while (pos < s.len) {
        int32_t c = utf8_next(s, &pos);
        cells -= c < 0 ? 1 : char_width((uint32_t)c);
        if (cells < 0)
            break;
        end = pos;
    }
    return end;
}

/* Where the longest suffix begins that fits, with `width` the width of all of s. */
static size_t suffix_fitting(struct str s, int width, int cells)
{
    size_t pos = 0, start = 0;
    while (pos < s.len) {
        start = pos;
        int32_t c = utf8_next(s, &pos);
        int wide = c < 0 ? 1 : char_width((uint32_t)c);
        if (width <= cells && wide)
            return start;
        width -= wide;
    }
    return s.len;
}

static struct str cut(struct arena *arena, struct str s, int cells, unsigned flags, bool middle)
{
    int width = text_width(s);
    if (width <= cells)
        return arena_str(arena, s);
    const char *ellipsis = flags & CLEAN_ASCII ? "..." : "\xe2\x80\xa6";
    int taken = flags & CLEAN_ASCII ? 3 : 1;
    if (cells <= taken) {
        if (cells < taken)
            return arena_str(arena, (struct str){ellipsis, cells > 0 ? (size_t)cells : 0});
        return arena_str(arena, str_of(ellipsis));
    }
    int tail = middle ? (cells - taken) / 2 : 0;
    size_t head = prefix_fitting(s, cells - taken - tail);
    size_t from = tail ? suffix_fitting(s, width, tail) : s.len;
    return arena_printf(arena, "%.*s%s%.*s", (int)head, s.ptr, ellipsis, (int)(s.len - from),
                        s.ptr + from);
}

struct str text_cut(struct arena *arena, struct str s, int cells, unsigned flags)
{
    return cut(arena, s, cells, flags, false);
}

struct str text_cut_middle(struct arena *arena, struct str s, int cells, unsigned flags)
{
    return cut(arena, s, cells, flags, true);
}

const char *count_text(int64_t n, char out[16])
{
    if (n < 10000)
        snprintf(out, 16, "%lld", (long long)n);
    else if (n < 999500)
        snprintf(out, 16, "%lldk", (long long)((n + 500) / 1000));
    else
        snprintf(out, 16, "%.1fM", (double)n / 1e6);
    return out;
}
