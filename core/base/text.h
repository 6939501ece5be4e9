/* Text for terminals: UTF-8, display width, and cleaning of bytes that came from a store. */
#ifndef PENSTOCK_BASE_TEXT_H
#define PENSTOCK_BASE_TEXT_H

#include "core/base/arena.h"

#include <stdint.h>

/* Decodes one character at s.ptr[*pos] and moves *pos behind it. Broken UTF-8 (overlong forms,
 * surrogates, cut sequences, stray bytes) gives -1 and moves one byte. */
static inline int32_t utf8_next(struct str s, size_t *pos);
/* As above, but lone surrogates pass (ED A0 80 .. ED BF BF): the texts of values may hold them. */
int32_t utf8_next_any(struct str s, size_t *pos);
/* Writes 1 to 4 bytes; a surrogate takes three. Not for code points above U+10FFFF. */
size_t utf8_put(uint32_t c, char out[4]);

/* Most text is ASCII, and every byte that is shown or printed comes by here. */
int32_t utf8_next_wide(struct str s, size_t *pos);
static inline int32_t utf8_next(struct str s, size_t *pos)
{
    unsigned char c = (unsigned char)s.ptr[*pos];
    return c < 0x80 ? ((*pos)++, c) : utf8_next_wide(s, pos);
}

/* Cells a character takes on a terminal: 0 (combining), 1 or 2. */
int char_width(uint32_t c);
int text_width(struct str s);

/* A count for people: 999, 240k, 1.0M. `out` takes 16 bytes and is returned. */
const char *count_text(int64_t n, char out[16]);

/* Replaces what must not reach a terminal by visible marks: C0, DEL and C1 controls, broken UTF-8,
 * zero-width and direction-changing characters become U+FFFD, except that with CLEAN_LINES a LF is
 * kept and a TAB becomes spaces. With CLEAN_ASCII every mark is '?' and so is all non-ASCII. */
enum { CLEAN_LINES = 1, CLEAN_ASCII = 2 };
struct str text_clean(struct arena *arena, struct str s, unsigned flags);

/* At most `cells` wide; what is too long is cut at the end, or in the middle, with an ellipsis
 * ("…", "..." in ASCII). Never splits a character. */
struct str text_cut(struct arena *arena, struct str s, int cells, unsigned flags);
struct str text_cut_middle(struct arena *arena, struct str s, int cells, unsigned flags);

#endif
