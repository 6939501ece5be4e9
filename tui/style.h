/* Looks: every style is one row of a table, with a look in colour and one without. Colour is never
 * the only sign: what a style says is also said by a word or a glyph. */
#ifndef PENSTOCK_TUI_STYLE_H
#define PENSTOCK_TUI_STYLE_H

#include "core/sheet.h"

enum style {
    STYLE_TEXT,
    STYLE_DIM,
    STYLE_STRONG,
    STYLE_HEADER,      /* context and environment */
    STYLE_HEADER_PROD, /* the same where it is production: a bar over the whole width */
    STYLE_TITLE,       /* where we are */
    STYLE_HEADING,     /* of columns */
    STYLE_KEY,
    STYLE_OK,
    STYLE_WAIT,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_FRAME,
    STYLE_INPUT,
    STYLE_NAME, /* keys of a document */
    STYLE_MESSAGE,
    STYLES,
    STYLE_HERE = 0x80, /* added: the row under the cursor */
};

enum { ATTR_BOLD = 1, ATTR_DIM = 2, ATTR_REVERSE = 4, ATTR_UNDERLINE = 8 };

/* Colours are the terminal's own 0 to 7, so its theme decides what they look like; -1: default. */
struct look {
    signed char fg, bg;
    unsigned char attr;      /* ATTR_*, with colour */
    unsigned char mono_attr; /* without */
};

extern const struct look looks[STYLES];

enum style style_of_mark(enum mark mark);
/* "✖ " and the like; "" for MARK_NONE. */
const char *glyph_of_mark(enum mark mark);

#endif
