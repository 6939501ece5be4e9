/* Filters of lists: what the operator types behind `/`.
 *
 * Words, all of which must occur in some shown column (smart case: lower case matches both);
 * ~word: its characters in this order; !word must not; column=value, column:value and
 * column!=value compare the shown text, of a column of words (attention) each of them, or `any`;
 * column>n and column<n compare numbers, sizes (10MB) and ages (1h); re:... is one regular
 * expression over the rest. A word before such a sign that is no column here is part of a plain
 * word. What does not parse is an error with its position, never an empty filter. A filter never
 * changes: several threads may use one. */
#ifndef PENSTOCK_TUI_FILTER_H
#define PENSTOCK_TUI_FILTER_H

#include "tui/rows.h"

struct filter;

/* Empty text gives NULL, which every row passes. */
bool filter_parse(const struct sheet *sheet, struct str text, struct filter **ret, struct err *err);
struct str filter_text(const struct filter *filter); /* as it was parsed */
void filter_free(struct filter *filter);
bool filter_passes(const struct filter *filter, const struct rows *rows, size_t i, int64_t now_us);
/* It compares a column that only reading a value fills. */
bool filter_needs_values(const struct filter *filter);

#endif
