/* What lies at the targets: each is looked at by a worker of its own, and its stores become
 * sessions of the app. */
#ifndef PENSTOCK_TUI_PROBE_H
#define PENSTOCK_TUI_PROBE_H

#include "tui/view.h"

void probes_start(struct app *app);
/* Takes the answers, and ends the workers that have given theirs. */
void probes_collect(struct app *app);
/* Descriptors to wait for, as app_fds. */
size_t probes_fds(const struct app *app, int *ret, size_t max);
/* False: a thread is stuck and was left behind; then what it may touch must stay. */
bool probes_stop(struct app *app, int64_t wait_ms);
/* After all sessions: their addresses lie here. */
void probes_free(struct app *app);

#endif
