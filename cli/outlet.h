/* Standard output that a person can end.
 *
 * A reader may rest (`| less`, a terminal stopped by Ctrl-S) while write(2) waits for it; a signal
 * ends such a wait only if it comes in the middle of one, and stdio goes on after half a write. So
 * stdio writes through this: it waits for room with the cancel token at hand, and for pipes and
 * terminals never hands over more than there is room for. */
#ifndef PENSTOCK_CLI_OUTLET_H
#define PENSTOCK_CLI_OUTLET_H

#include "core/base/call.h"

#include <stdio.h>

struct outlet {
    struct cancel *cancel;
    FILE *was;  /* libc's own stdout */
    bool waits; /* the other end is no file */
    bool given_up;
    char *buffer;
};

/* From here to outlet_end `stdout` ends when the token is fired: what the reader takes at once is
 * still written, the rest is ECANCELED. */
void outlet_begin(struct outlet *outlet, struct cancel *cancel);
/* Gives back libc's stdout; what is left unwritten is dropped. Accepts one that was not begun. */
void outlet_end(struct outlet *outlet);

#endif
