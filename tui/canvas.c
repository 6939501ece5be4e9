#include "tui/canvas.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

/* Our own glyphs and what stands for them in ASCII, each one cell wide. */
static const struct {
    uint32_t glyph;
    char plain;
} plain_forms[] = {
    {0x25b8, '>'}, /* ▸ */
    {0x25cf, '*'}, /* ● */
    {0x2716, 'X'}, /* ✖ */
    {0x2713, '+'}, /* ✓ */
    {0x25cb, 'o'}, /* ○ */
    {0x2192, '>'}, /* → */
    {0x203a, '>'}, /* › */
    {0x2039, '<'}, /* ‹ */
    {0x25c2, '<'}, /* ◂ */
    {0x2026, '~'}, /* … */
    {0x00b7, '.'}, /* · */
    {0x2500, '-'}, /* ─ */
    {0x2502, '|'}, /* │ */
    {0x250c, '+'}, /* ┌ */
    {0x2510, '+'}, /* ┐ */
    {0x2514, '+'}, /* └ */
    {0x2518, '+'}, /* ┘ */
    {0x251c, '+'}, /* ├ */
    {0x2524, '+'}, /* ┤ */
    {0x2191, '^'}, /* ↑ */
    {0x2193, 'v'}, /* ↓ */
};

uint32_t canvas_plain_form(uint32_t c)
{
    if (c < 0x80)
        return c;
    for (size_t i = 0; i < sizeof plain_forms / sizeof plain_forms[0]; i++) {
        if (plain_forms[i].glyph == c)
            return (unsigned char)plain_forms[i].plain;
    }
    return '?';
}

void canvas_init(struct canvas *canvas, bool ascii)
{
    *canvas = (struct canvas){.ascii = ascii, .cursor_y = -1};
}

void canvas_release(struct canvas *canvas)
{
    free(canvas->cells);
    arena_release(&canvas->scratch);
    canvas->cells = NULL;
}

void canvas_clear(struct canvas *canvas, int h, int w)
{
    if (h != canvas->h || w != canvas->w || !canvas->cells) {
        free(canvas->cells);
        canvas->cells = xcalloc((size_t)h * (size_t)w + 1, sizeof canvas->cells[0]);
        canvas->h = h;
        canvas->w = w;
    }
    arena_release(&canvas->scratch);
    canvas->cursor_y = -1;
    canvas_fill(canvas, (struct rect){0, 0, h, w}, STYLE_TEXT);
}

struct glyph *canvas_at(const struct canvas *canvas, int y, int x)
{
    if (y < 0 || x < 0 || y >= canvas->h || x >= canvas->w)
        return NULL;
    return &canvas->cells[(size_t)y * (size_t)canvas->w + (size_t)x];
}

/* Overwriting one half of a wide character leaves no other half behind. */
static void set_glyph(struct canvas *canvas, int y, int x, uint32_t c, unsigned style)
{
    struct glyph *g = canvas_at(canvas, y, x);
    if (!g)
        return;
    struct glyph *before = canvas_at(canvas, y, x - 1);
    struct glyph *behind = canvas_at(canvas, y, x + 1);
    if (g->c == 0 && c != 0 && before)
        before->c = ' ';
    if (behind && behind->c == 0 && c != 0)
        behind->c = ' ';
    *g = (struct glyph){.c = c, .style = (uint8_t)style};
}

static void add_accent(struct canvas *canvas, int y, int x, uint32_t c)
{
    struct glyph *g = canvas_at(canvas, y, x);
    if (g && g->c == 0)
        g = canvas_at(canvas, y, x - 1);
    for (size_t i = 0; g && i < sizeof g->accents / sizeof g->accents[0]; i++) {
        if (g->accents[i] == 0) {
            g->accents[i] = c;
            return;
        }
    }
}

static int put_clean(struct canvas *canvas, int y, int x, int w, unsigned style, struct str text)
{
    int used = 0;
    for (size_t pos = 0; pos < text.len;) {
        int32_t next = utf8_next(text, &pos);
        uint32_t c = next < 0 ? 0xfffd : (uint32_t)next;
        int cells = char_width(c);
        if (canvas->ascii) {
            c = cells > 0 ? canvas_plain_form(c) : 0;
            cells = cells > 0 ? 1 : 0;
        }
        if (cells == 0 && c && used > 0)
            add_accent(canvas, y, x + used - 1, c);
        if (cells <= 0)
            continue;
        if (used + cells > w)
            break;
        set_glyph(canvas, y, x + used, c, style);
        if (cells == 2)
            set_glyph(canvas, y, x + used + 1, 0, style);
        used += cells;
    }
    return used;
}

static int room(const struct canvas *canvas, int y, int x, int w)
{
    if (y < 0 || y >= canvas->h || x < 0 || x >= canvas->w)
        return 0;
    return w < canvas->w - x ? w : canvas->w - x;
}

int canvas_put(struct canvas *canvas, int y, int x, int w, unsigned style, struct str text)
{
    w = room(canvas, y, x, w);
    if (w <= 0)
        return 0;
    struct str clean = text_clean(&canvas->scratch, text, 0);
    return put_clean(canvas, y, x, w, style, text_cut(&canvas->scratch, clean, w, 0));
}

int canvas_put_right(struct canvas *canvas, int y, int x, int w, unsigned style, struct str text)
{
    w = room(canvas, y, x, w);
    if (w <= 0)
        return 0;
    struct str clean = text_clean(&canvas->scratch, text, 0);
    struct str cut = text_cut_middle(&canvas->scratch, clean, w, 0);
    return put_clean(canvas, y, x + w - text_width(cut), text_width(cut), style, cut);
}

int canvas_printf(struct canvas *canvas, int y, int x, int w, unsigned style, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str text = arena_vprintf(&canvas->scratch, fmt, ap);
    va_end(ap);
    return canvas_put(canvas, y, x, w, style, text);
}

size_t canvas_fold(struct str line, int w)
{
    size_t pos = 0, blank = 0;
    int used = 0;
    while (pos < line.len) {
        size_t at = pos;
        int32_t c = utf8_next(line, &at);
        used += char_width(c < 0 ? 0xfffd : (uint32_t)c);
        if (used > w)
            return blank ? blank : pos ? pos : at;
        pos = at;
        if (c == ' ')
            blank = pos;
    }
    return line.len;
}

int canvas_put_folded(struct canvas *canvas, struct rect r, unsigned style, struct str text)
{
    struct str rest = text_clean(&canvas->scratch, text, 0);
    int line = 0;
    while (line < r.h && rest.len) {
        size_t take = line == r.h - 1 ? rest.len : canvas_fold(rest, r.w); /* the last one is cut */
        canvas_put(canvas, r.y + line++, r.x, r.w, style, str_sub(rest, 0, take));
        rest = str_sub(rest, take, rest.len);
    }
    return line;
}

void canvas_fill(struct canvas *canvas, struct rect r, unsigned style)
{
    for (int y = r.y; y < r.y + r.h; y++) {
        for (int x = r.x; x < r.x + r.w; x++)
            set_glyph(canvas, y, x, ' ', style);
    }
}

void canvas_restyle(struct canvas *canvas, struct rect r, unsigned bits)
{
    for (int y = r.y; y < r.y + r.h; y++) {
        for (int x = r.x; x < r.x + r.w; x++) {
            struct glyph *g = canvas_at(canvas, y, x);
            if (g)
                g->style |= (uint8_t)bits;
        }
    }
}

static void put_char(struct canvas *canvas, int y, int x, uint32_t c, unsigned style)
{
    set_glyph(canvas, y, x, canvas->ascii ? canvas_plain_form(c) : c, style);
}

void canvas_hline(struct canvas *canvas, int y, int x, int w, unsigned style)
{
    for (int i = 0; i < w; i++)
        put_char(canvas, y, x + i, 0x2500, style);
}

struct rect canvas_box(struct canvas *canvas, struct rect r, struct str title, struct str right)
{
    int bottom = r.y + r.h - 1, last = r.x + r.w - 1;
    canvas_fill(canvas, r, STYLE_TEXT);
    canvas_hline(canvas, r.y, r.x, r.w, STYLE_FRAME);
    canvas_hline(canvas, bottom, r.x, r.w, STYLE_FRAME);
    for (int y = r.y + 1; y < bottom; y++) {
        put_char(canvas, y, r.x, 0x2502, STYLE_FRAME);
        put_char(canvas, y, last, 0x2502, STYLE_FRAME);
    }
    put_char(canvas, r.y, r.x, 0x250c, STYLE_FRAME);
    put_char(canvas, r.y, last, 0x2510, STYLE_FRAME);
    put_char(canvas, bottom, r.x, 0x2514, STYLE_FRAME);
    put_char(canvas, bottom, last, 0x2518, STYLE_FRAME);
    /* The right one has a third; more where the title leaves it. */
    int title_width = text_width(text_clean(&canvas->scratch, title, 0)) + 3;
    int least = r.w / 3, room = r.w - 3 - title_width;
    int taken = 0;
    if (right.len && r.w > 12) {
        room = room > least ? room : least;
        struct str text = arena_printf(&canvas->scratch, " %.*s ", STR_ARG(right));
        taken = canvas_put_right(canvas, r.y, r.x + r.w - 2 - room, room, STYLE_STRONG, text);
    }
    if (title.len && r.w > 6)
        canvas_printf(canvas, r.y, r.x + 1, r.w - 3 - taken, STYLE_STRONG, " %.*s ",
                      STR_ARG(title));
    return (struct rect){r.y + 1, r.x + 2, r.h - 2, r.w - 4};
}

void canvas_text(const struct canvas *canvas, struct sbuf *out)
{
    for (int y = 0; y < canvas->h; y++) {
        size_t end = out->len;
        for (int x = 0; x < canvas->w; x++) {
            const struct glyph *g = canvas_at(canvas, y, x);
            if (g->c == 0)
                continue;
            char bytes[4];
            sbuf_add(out, bytes, utf8_put(g->c, bytes));
            for (size_t i = 0; i < sizeof g->accents / sizeof g->accents[0] && g->accents[i]; i++)
                sbuf_add(out, bytes, utf8_put(g->accents[i], bytes));
            if (g->c != ' ')
                end = out->len;
        }
        out->len = end;
        sbuf_char(out, '\n');
    }
}
