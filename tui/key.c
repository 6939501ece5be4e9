#include "tui/key.h"

#include "core/base/text.h"

#include <stdio.h>

const char *key_text(uint32_t code, char out[16])
{
    static const char *const names[] = {
        [K_UP - K_FIRST] = "↑",
        [K_DOWN - K_FIRST] = "↓",
        [K_LEFT - K_FIRST] = "Left",
        [K_RIGHT - K_FIRST] = "Right",
        [K_PAGE_UP - K_FIRST] = "PgUp",
        [K_PAGE_DOWN - K_FIRST] = "PgDn",
        [K_HOME - K_FIRST] = "Home",
        [K_END - K_FIRST] = "End",
        [K_BACKSPACE - K_FIRST] = "Backspace",
        [K_DELETE - K_FIRST] = "Del",
    };
    if (code > K_FIRST && code - K_FIRST < sizeof names / sizeof names[0] && names[code - K_FIRST])
        return names[code - K_FIRST];
    if (code == K_TAB)
        return "Tab";
    if (code == K_ENTER)
        return "Enter";
    if (code == K_ESC)
        return "Esc";
    if (code == ' ')
        return "Space";
    if (code < 0x20)
        snprintf(out, 16, "^%c", (char)(code + 0x40));
    else if (code < K_FIRST)
        out[utf8_put(code, out)] = '\0';
    else
        out[0] = '\0';
    return out;
}
