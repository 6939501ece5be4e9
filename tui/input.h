/* One line that is typed: filters, prompts, confirmations. */
#ifndef PENSTOCK_TUI_INPUT_H
#define PENSTOCK_TUI_INPUT_H

#include "tui/canvas.h"
#include "tui/key.h"

struct input {
    struct sbuf text; /* UTF-8, without control characters */
    size_t cursor;    /* byte offset, between characters */
};

enum input_result { INPUT_NOT_MINE, INPUT_MOVED, INPUT_CHANGED, INPUT_DONE, INPUT_LEFT };

/* DONE: Enter; LEFT: Esc or ^C. A paste is taken without its control characters, unless `no_paste`.
 */
enum input_result input_key(struct input *input, const struct key *key, bool no_paste);
void input_set(struct input *input, struct str text);
struct str input_text(struct input *input);
void input_release(struct input *input);
/* Prompt and text in one line; puts the terminal's cursor there. */
void input_draw(struct input *input, struct canvas *canvas, int y, int x, int w, struct str prompt);

#endif
