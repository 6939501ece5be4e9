#include "tui/style.h"

/* clang-format off */
const struct look looks[STYLES] = {
    /*                      fg  bg  in colour                  without */
    [STYLE_TEXT]        = { -1, -1, 0,                         0 },
    [STYLE_DIM]         = { -1, -1, ATTR_DIM,                  ATTR_DIM },
    [STYLE_STRONG]      = { -1, -1, ATTR_BOLD,                 ATTR_BOLD },
    [STYLE_HEADER]      = {  6, -1, ATTR_BOLD,                 ATTR_BOLD },
    [STYLE_HEADER_PROD] = {  7,  1, ATTR_BOLD,                 ATTR_BOLD | ATTR_REVERSE },
    [STYLE_TITLE]       = { -1, -1, ATTR_BOLD,                 ATTR_BOLD },
    [STYLE_HEADING]     = { -1, -1, ATTR_UNDERLINE,            ATTR_UNDERLINE },
    [STYLE_KEY]         = {  6, -1, ATTR_BOLD,                 ATTR_BOLD },
    [STYLE_OK]          = {  2, -1, 0,                         0 },
    [STYLE_WAIT]        = {  4, -1, 0,                         0 },
    [STYLE_WARN]        = {  3, -1, ATTR_BOLD,                 ATTR_BOLD },
    [STYLE_BAD]         = {  1, -1, ATTR_BOLD,                 ATTR_BOLD },
    [STYLE_FRAME]       = {  6, -1, 0,                         0 },
    [STYLE_INPUT]       = { -1, -1, ATTR_UNDERLINE,            ATTR_UNDERLINE },
    [STYLE_NAME]        = {  6, -1, 0,                         0 },
    [STYLE_MESSAGE]     = { -1, -1, ATTR_BOLD,                 ATTR_BOLD },
};
/* clang-format on */

enum style style_of_mark(enum mark mark)
{
    static const enum style styles[] = {
        [MARK_NONE] = STYLE_TEXT, [MARK_OK] = STYLE_OK,   [MARK_WAIT] = STYLE_WAIT,
        [MARK_WARN] = STYLE_WARN, [MARK_BAD] = STYLE_BAD,
    };
    return styles[mark];
}

const char *glyph_of_mark(enum mark mark)
{
    static const char *const glyphs[] = {
        [MARK_NONE] = "",   [MARK_OK] = "✓ ",  [MARK_WAIT] = "○ ",
        [MARK_WARN] = "! ", [MARK_BAD] = "✖ ",
    };
    return glyphs[mark];
}
