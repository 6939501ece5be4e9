/* The terminal; the only file that knows curses. Copies a canvas to it, reads keys from it, and
 * puts it back as it was: at the end, on a stop, and in a crash. One terminal per process, one
 * thread. */
#ifndef PENSTOCK_TUI_TERM_H
#define PENSTOCK_TUI_TERM_H

#include "core/base/err.h"
#include "tui/canvas.h"
#include "tui/key.h"

struct terminal;

/* ERR_UNSUPPORTED with one line when stdin or stdout is no terminal, or TERM names one that cannot
 * place a cursor. Until terminal_close, stderr goes to `log_path` (NULL: nowhere). */
bool terminal_open(bool no_color, const char *log_path, struct terminal **ret, struct err *err);
void terminal_close(struct terminal *term);

int terminal_fd(const struct terminal *term);
bool terminal_is_utf8(const struct terminal *term);
void terminal_size(const struct terminal *term, int *ret_h, int *ret_w);
/* The next key that has arrived; false when there is none. */
bool terminal_key(struct terminal *term, struct key *ret);
void terminal_show(struct terminal *term, const struct canvas *canvas);
/* Asks the terminal to take a text into its clipboard (OSC 52); it does not say whether it did.
 * tmux does with `set-clipboard on`. */
void terminal_copy(struct terminal *term, struct str text);
/* Forgets keys that were typed but not read. */
void terminal_flush_input(struct terminal *term);
/* Draws everything anew at the next terminal_show: somebody else wrote on the screen. */
void terminal_redraw(struct terminal *term);
/* Stops the process as ^Z does, with the terminal as it was before; returns when continued. */
void terminal_suspend(struct terminal *term);

#endif
