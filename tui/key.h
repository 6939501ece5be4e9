/* Keys, as the rest of the screen sees them: a character, a control character, or one of these. */
#ifndef PENSTOCK_TUI_KEY_H
#define PENSTOCK_TUI_KEY_H

#include "core/base/str.h"

#define K_CTRL(c) ((c)&0x1f)

enum {
    K_TAB = 9,
    K_ENTER = 13,
    K_ESC = 27,
    K_FIRST = 0x200000, /* beyond Unicode */
    K_UP,
    K_DOWN,
    K_LEFT,
    K_RIGHT,
    K_PAGE_UP,
    K_PAGE_DOWN,
    K_HOME,
    K_END,
    K_BACKSPACE,
    K_DELETE,
    K_PASTE,   /* `paste` holds the text */
    K_MOUSE,   /* `mouse` says what */
    K_RESIZE,  /* the terminal has another size */
    K_UNKNOWN, /* a key we have no name for: never acts as its letters */
};

enum mouse_action { MOUSE_CLICK, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct key {
    uint32_t code;
    struct {
        enum mouse_action action;
        int y, x; /* of the screen, from 0 */
    } mouse;
    struct str paste; /* valid until the next key is read */
};

/* "Enter", "^R", "PgUp", "x": for footers and help. `out` takes 16 bytes. */
const char *key_text(uint32_t code, char out[16]);

#endif
