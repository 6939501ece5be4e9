/* Filters of lists: what the operator types behind `/`.
 *
 * Words, all of which must occur in some shown column (smart case: lower case matches both);
 * !word must not; column=value and column!=value compare the shown text; column>n and column<n
 * compare numbers, sizes (10MB) and ages (1h); re:... is one regular expression over the rest. A
 * word before = that is no column here is a plain word. What does not parse is an error with its
 * position, never an empty filter. */
#ifndef PENSTOCK_TUI_FILTER_H
#define PENSTOCK_TUI_FILTER_H

#include "tui/rows.h"

struct filter;

/* Empty text gives NULL, which every row passes. */
bool filter_parse(const struct sheet *sheet, struct str text, struct filter **ret, struct err *err);
void filter_free(struct filter *filter);
bool filter_passes(const struct filter *filter, const struct rows *rows, size_t i, int64_t now_us);

#endif
