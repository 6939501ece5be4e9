/* The demo: sample stores of all four systems, in files and SQLite, with believable trouble in them
 * and moments relative to now. They are made from the bundles in cli/demo/. */
#ifndef PENSTOCK_CLI_DEMO_H
#define PENSTOCK_CLI_DEMO_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct demo {
    const char *dir;            /* absolute */
    const char *const *targets; /* addresses, in the order to show them */
    const char *const *names;   /* short ones, in that order */
    size_t ntargets;
    bool made; /* false: it was there, with whatever has been done to it since */
};

/* Makes the demo in `dir` unless it is there; `reset` makes it again. The stores appear all at once
 * or not at all. A directory that holds anything else is refused and left alone. Texts live in
 * `arena`. */
bool demo_make(const char *dir, bool reset, struct arena *arena, struct demo *ret, struct err *err);

#endif
