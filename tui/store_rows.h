/* The stores of a screen as rows of the overview: what lies in each, what happens there now, and of
 * a target that is not open, why. */
#ifndef PENSTOCK_TUI_STORE_ROWS_H
#define PENSTOCK_TUI_STORE_ROWS_H

#include "tui/rows.h"
#include "tui/view.h"

extern const struct sheet store_rows_sheet;
enum { STORE_ROWS_NOW = 4 }; /* the column that says what happens */

/* One row a session, then one a target whose store is not open; the caller frees it. On the
 * screen's thread. */
struct rows *store_rows_make(const struct app *app);

/* A name cut in the middle: what is wrong needs the room more than names do, and their ends tell
 * them apart. And how wide a name may be on this screen. */
struct str overview_name(struct arena *a, struct str name, int width);
int overview_name_width(const struct app *app);

#endif
