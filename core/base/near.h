/* Suggestions for words that were mistyped. */
#ifndef PENSTOCK_BASE_NEAR_H
#define PENSTOCK_BASE_NEAR_H

#include "core/base/str.h"

/* Keeps the nearest of the words offered so far. Start with {.word = what was typed}. */
struct near {
    struct str word;
    const char *best; /* NULL: none is near enough */
    int distance;
};

void near_offer(struct near *near, const char *candidate);

#endif
