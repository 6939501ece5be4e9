/* After an edit beside a live writer: the records are read again after a while, twice, and what
 * became of the edit is said. It goes on when the result has been closed. */
#ifndef PENSTOCK_TUI_FOLLOW_H
#define PENSTOCK_TUI_FOLLOW_H

#include "core/plan.h"
#include "tui/view.h"

/* Of an applied plan: the items that were applied while a writer was seen, or could not be. */
void follow_start(struct session *session, const struct plan *plan);
/* Sends what is due; returns when to be called next. */
int64_t follow_tick(struct app *app, int64_t now_ms);
bool follow_is_busy(const struct app *app);
/* What is known of an item now, in `a`: "still as written at 03:12:49Z"; ptr NULL: nothing to say.
 * *ret_bad: it was overwritten, or cannot be read. */
struct str follow_text(const struct app *app, const struct plan *plan, struct str id,
                       struct arena *a, bool *ret_bad);
void follow_free(struct app *app);

#endif
