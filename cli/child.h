/* Programs that a command runs: an editor, the command that a lock is held for. */
#ifndef PENSTOCK_CLI_CHILD_H
#define PENSTOCK_CLI_CHILD_H

#include "core/base/err.h"

/* Runs argv (ends with NULL, found by PATH) and waits for its end; `name` is what errors call it.
 * Ctrl-C is for the child alone meanwhile. *ret_code as a shell gives it: 127 when there is no such
 * program, 128 and the signal's number when one ended it. */
bool child_run(const char *const argv[], const char *name, int *ret_code, struct err *err);

#endif
