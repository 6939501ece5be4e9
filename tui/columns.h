/* Which columns of a list are shown, kept between runs: one line for each list that was changed,
 * "etl list: lsn -lag" for one that is shown and one that is not beside the usual ones. */
#ifndef PENSTOCK_TUI_COLUMNS_H
#define PENSTOCK_TUI_COLUMNS_H

#include "core/base/err.h"
#include "core/sheet.h"

/* Bit per column (the first 64) that is shown although usually it is not, or the other way round.
 * 0 where nothing was kept, or it cannot be read; columns that are not known any more are passed
 * over. `path` NULL: nothing is kept. */
uint64_t columns_load(const char *path, struct str list, const struct sheet *sheet);
/* The other lists' lines stay as they are. */
bool columns_save(const char *path, struct str list, const struct sheet *sheet, uint64_t flipped,
                  struct err *err);

#endif
