/* The screen line by line: for screen readers, and for terminals that cannot place a cursor. The
 * same views, drawn as text after each line that is typed; nothing is printed unasked. */
#ifndef PENSTOCK_TUI_PLAIN_H
#define PENSTOCK_TUI_PLAIN_H

#include "tui/view.h"

/* ERR_UNSUPPORTED where stdin or stdout is no terminal: nothing is asked of a script. */
bool plain_check(struct err *err);
/* Until the operator quits, or the input ends. */
void plain_run(struct app *app);

#endif
