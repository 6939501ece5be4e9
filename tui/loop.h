/* The loop: one ppoll over the terminal, the workers and the next timer. */
#ifndef PENSTOCK_TUI_LOOP_H
#define PENSTOCK_TUI_LOOP_H

#include "tui/term.h"
#include "tui/view.h"

/* Runs until the operator quits, the terminal is gone, or a signal ends it; then *ret_signal is
 * that signal, else 0. */
void loop_run(struct app *app, struct terminal *term, int *ret_signal);

#endif
