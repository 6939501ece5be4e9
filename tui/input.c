#include "tui/input.h"

#include "core/base/text.h"

#include <string.h>

enum { INPUT_MAX = 4096 };

static void insert(struct input *in, const char *bytes, size_t len)
{
    if (in->text.len + len > INPUT_MAX)
        return;
    sbuf_add(&in->text, bytes, len); /* makes room; the bytes move to their place below */
    char *at = in->text.ptr + in->cursor;
    memmove(at + len, at, in->text.len - len - in->cursor);
    memcpy(at, bytes, len);
    in->cursor += len;
}

static void insert_char(struct input *in, uint32_t c)
{
    char bytes[4];
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return;
    insert(in, bytes, utf8_put(c, bytes));
}

static void insert_paste(struct input *in, struct str text)
{
    for (size_t pos = 0; pos < text.len;) {
        int32_t c = utf8_next(text, &pos);
        if (c >= 0)
            insert_char(in, (uint32_t)c);
    }
}

static size_t char_before(const struct input *in)
{
    size_t at = in->cursor;
    while (at > 0 && ((unsigned char)in->text.ptr[--at] & 0xc0) == 0x80)
        ;
    return at;
}

static size_t char_behind(const struct input *in)
{
    size_t at = in->cursor;
    if (at < in->text.len)
        at++;
    while (at < in->text.len && ((unsigned char)in->text.ptr[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static void cut(struct input *in, size_t from, size_t to)
{
    if (from == to)
        return;
    memmove(in->text.ptr + from, in->text.ptr + to, in->text.len - to);
    in->text.len -= to - from;
    in->cursor = from;
}

enum input_result input_key(struct input *in, const struct key *key, bool no_paste)
{
    size_t len = in->text.len;
    switch (key->code) {
    case K_ENTER:
        return INPUT_DONE;
    case K_ESC:
    case K_CTRL('c'):
        return INPUT_LEFT;
    case K_BACKSPACE:
        cut(in, char_before(in), in->cursor);
        break;
    case K_DELETE:
        cut(in, in->cursor, char_behind(in));
        break;
    case K_CTRL('u'):
        cut(in, 0, in->cursor);
        break;
    case K_CTRL('k'):
        cut(in, in->cursor, in->text.len);
        break;
    case K_LEFT:
        in->cursor = char_before(in);
        break;
    case K_RIGHT:
        in->cursor = char_behind(in);
        break;
    case K_CTRL('a'):
    case K_HOME:
        in->cursor = 0;
        break;
    case K_CTRL('e'):
    case K_END:
        in->cursor = in->text.len;
        break;
    case K_PASTE:
        if (no_paste)
            return INPUT_NOT_MINE;
        insert_paste(in, key->paste);
        break;
    default:
        if (key->code < 0x20 || key->code >= K_FIRST)
            return INPUT_NOT_MINE;
        insert_char(in, key->code);
    }
    return in->text.len == len ? INPUT_MOVED : INPUT_CHANGED;
}

void input_set(struct input *in, struct str text)
{
    in->text.len = 0;
    in->cursor = 0;
    insert_paste(in, text);
}

struct str input_text(struct input *in)
{
    return sbuf_view(&in->text);
}

void input_release(struct input *in)
{
    sbuf_release(&in->text);
}

void input_draw(struct input *in, struct canvas *canvas, int y, int x, int w, struct str prompt)
{
    int used = canvas_put(canvas, y, x, w, STYLE_STRONG, prompt);
    x += used;
    w -= used;
    if (w < 4)
        return;
    /* The end that holds the cursor is what is shown. */
    struct str before = str_sub(input_text(in), 0, in->cursor);
    size_t from = 0;
    while (text_width(str_sub(before, from, before.len)) > w - 1)
        utf8_next(before, &from);
    canvas_fill(canvas, (struct rect){y, x, 1, w}, STYLE_INPUT);
    canvas_put(canvas, y, x, w, STYLE_INPUT, str_sub(input_text(in), from, in->text.len));
    canvas->cursor_y = y;
    canvas->cursor_x = x + text_width(str_sub(before, from, before.len));
}
