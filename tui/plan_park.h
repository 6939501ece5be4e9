/* Plans that wait: made, not applied, and put away under their ids. Nothing is held in a store for
 * them; one that comes back is read again first, and says so when what it was made from changed. */
#ifndef PENSTOCK_TUI_PLAN_PARK_H
#define PENSTOCK_TUI_PLAN_PARK_H

#include "tui/view.h"

struct plan_view;

/* Puts the plan of the box away and closes the box. */
void plan_park(struct plan_view *v);
size_t plan_parked(const struct app *app);
/* The i-th: its id (12 digits) and what it is, valid until the next key. False: no such one. */
bool plan_parked_at(const struct app *app, size_t i, struct str *ret_id, struct str *ret_what);
/* Opens a parked plan by its id or the beginning of one; "" is the one that was parked last. */
void view_plan_reopen(struct app *app, struct str id);
/* One line about what waits and how to go on with it; false: nothing does. */
bool plan_park_status(const struct app *app, struct sbuf *out);
/* May the program end? Where a plan is open or waits, it asks instead. */
bool plan_park_may_quit(struct app *app);
void plan_park_free(struct app *app);

#endif
