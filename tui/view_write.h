/* The view that makes a store of a read-only context writable. */
#ifndef PENSTOCK_TUI_VIEW_WRITE_H
#define PENSTOCK_TUI_VIEW_WRITE_H

#include "tui/view.h"

/* Asks whether a store that was opened read-only by its context may be changed. */
void view_write_open(struct app *app, struct session *session);

#endif
