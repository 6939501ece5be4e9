/* Paths of our own files. */
#ifndef PENSTOCK_PATH_H
#define PENSTOCK_PATH_H

#include "core/base/err.h"

#include <sys/types.h>

/* Makes the directories above `path` that are missing. The error names the directory: ERR_DENIED or
 * ERR_INTERNAL. */
bool path_make_parents(const char *path, mode_t mode, struct err *err);

#endif
