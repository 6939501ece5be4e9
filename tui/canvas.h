/* A grid of cells into which views draw: characters with a style, no terminal.
 *
 * Whatever is drawn is cleaned here (text_clean), so no byte of a store reaches the terminal by any
 * other way. With `ascii` our own glyphs get their plain stand-ins and every other character beyond
 * ASCII a question mark. */
#ifndef PENSTOCK_TUI_CANVAS_H
#define PENSTOCK_TUI_CANVAS_H

#include "core/base/arena.h"
#include "tui/style.h"

struct rect {
    int y, x, h, w;
};

struct glyph {
    uint32_t c;          /* 0: the second half of a wide character */
    uint32_t accents[2]; /* combining characters, 0 = none */
    uint8_t style;
};

struct canvas {
    int h, w;
    bool ascii;
    struct glyph *cells;
    struct arena scratch;   /* emptied by canvas_clear */
    int cursor_y, cursor_x; /* where a prompt wants it; y < 0: hidden */
};

void canvas_init(struct canvas *canvas, bool ascii);
void canvas_release(struct canvas *canvas);
/* Blank, of this size. */
void canvas_clear(struct canvas *canvas, int h, int w);
struct glyph *canvas_at(const struct canvas *canvas, int y, int x); /* NULL outside */

/* Draws one line into at most `w` cells and returns how many it took; what is too long is cut with
 * an ellipsis. Outside the canvas nothing happens. */
int canvas_put(struct canvas *canvas, int y, int x, int w, unsigned style, struct str text);
int canvas_printf(struct canvas *canvas, int y, int x, int w, unsigned style, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* As above, ending at x + w; cut in the middle. */
int canvas_put_right(struct canvas *canvas, int y, int x, int w, unsigned style, struct str text);

/* Bytes of `line` that fit in `w` cells, broken after a blank where there is one. */
size_t canvas_fold(struct str line, int w);
/* Draws a long text over several lines and returns how many it took. */
int canvas_put_folded(struct canvas *canvas, struct rect r, unsigned style, struct str text);

void canvas_fill(struct canvas *canvas, struct rect r, unsigned style);   /* with blanks */
void canvas_restyle(struct canvas *canvas, struct rect r, unsigned bits); /* adds STYLE_HERE */
void canvas_hline(struct canvas *canvas, int y, int x, int w, unsigned style);
/* A frame with a blank inside; returns the inside. */
struct rect canvas_box(struct canvas *canvas, struct rect r, struct str title, struct str right);

/* What stands for a character where there is only ASCII, as wide as it. */
uint32_t canvas_plain_form(uint32_t c);

/* All lines, trailing blanks cut, for tests and saved screens. */
void canvas_text(const struct canvas *canvas, struct sbuf *out);

#endif
