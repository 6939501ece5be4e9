/* Acknowledging from the screen what `check ack` does on the command line: somebody knows of it. */
#ifndef PENSTOCK_TUI_ACK_H
#define PENSTOCK_TUI_ACK_H

#include "tui/attention.h"
#include "tui/view.h"

/* All findings of a group that are not hidden, for `span_us` from now. `done` is called on the
 * loop's thread when they are written, or could not be, unless the owner has gone. */
void ack_group(struct view *owner, struct session *session, const char *code,
               const struct attention_hide *hide, int64_t span_us,
               void (*done)(struct view *owner));

#endif
