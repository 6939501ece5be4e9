/* What is known of a record in a few lines: above its tree, and in the preview. */
#ifndef PENSTOCK_TUI_RECORD_LINES_H
#define PENSTOCK_TUI_RECORD_LINES_H

#include "core/listing.h"

struct record_line {
    struct str label; /* may be empty: belongs to the line before */
    struct str text;
    bool bad;
};

/* What it is, what is wrong, why it cannot be read. The lines live in the arena and in the record;
 * `whole` says how a value that was cut is read whole. */
size_t record_lines(const struct system *system, struct record_view *record, const char *whole,
                    struct arena *a, struct record_line **ret);

#endif
