/* File descriptors. */
#ifndef PENSTOCK_BASE_FD_H
#define PENSTOCK_BASE_FD_H

#include "core/base/str.h"

/* For CLEANUP: closes it unless it is negative, and makes it -1. */
void fd_close(int *fd);

/* All of it, whatever interrupts; false: errno says why. */
bool fd_write_all(int fd, struct str bytes);

#endif
