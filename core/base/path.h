/* Files of our own: notes, plans, settings. (Files of the systems: backends/file/atomic.h.)
 *
 * Errors name the file: ERR_DENIED, or ERR_INTERNAL for all causes that are not named below. */
#ifndef PENSTOCK_BASE_PATH_H
#define PENSTOCK_BASE_PATH_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <sys/types.h>

/* Makes the directories above `path` that are missing. */
bool path_make_parents(const char *path, mode_t mode, struct err *err);

/* Opens a file of ours with `flags` of open(2), 0600 where it makes it, never a terminal. Whatever
 * is no regular file is ERR_REFUSED at once: a FIFO would be waited for without end. ERR_NOT_FOUND
 * where there is none. */
bool path_open(const char *path, int flags, int *ret, struct err *err);

/* Writes a new file, 0600. One that is there is an error and stays as it is. */
bool path_create(const char *path, struct str bytes, struct err *err);

/* Puts a file, 0600, in the place of what is there: written beside it and renamed, so a failure
 * leaves the old one. `durable` syncs it first, which may take a while: so does a loss of power. */
bool path_replace(const char *path, struct str bytes, bool durable, struct err *err);

#endif
