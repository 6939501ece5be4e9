/* The view of the palette: a command typed by its name. */
#ifndef PENSTOCK_TUI_VIEW_PALETTE_H
#define PENSTOCK_TUI_VIEW_PALETTE_H

#include "tui/palette.h"

/* The line behind a colon, over the view it was typed in. */
void view_palette_open(struct app *app);

#endif
