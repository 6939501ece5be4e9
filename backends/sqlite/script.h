/* A new SQLite database from a script: for the sample stores of the demo and of tests. */
#ifndef PENSTOCK_SQLITE_SCRIPT_H
#define PENSTOCK_SQLITE_SCRIPT_H

#include "core/base/err.h"

/* ERR_CONFLICT when the file exists; a script that fails leaves no file. */
bool sqlite_script(const char *path, const char *sql, struct err *err);

#endif
