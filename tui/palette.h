/* What can be said behind a colon: one table of commands, and how a typed text finds its entries.
 */
#ifndef PENSTOCK_TUI_PALETTE_H
#define PENSTOCK_TUI_PALETTE_H

#include "tui/view.h"

struct palette_command {
    const char *name;
    const char *argument; /* as the list shows it: "TEXT"; NULL: takes none */
    const char *help;
    void (*run)(struct app *app, struct str argument); /* argument: trimmed, maybe empty */
    /* Why it cannot be done now; STR_NULL: it can. May be NULL. */
    struct str (*why_not)(const struct app *app);
    bool changes; /* leads to a change: not where nothing may be changed */
};

extern const struct palette_command palette_commands[];
extern const size_t npalette_commands;

/* Everything that could be meant: commands, contexts that are open, parked plans, ids of rows. */
struct palette_entry {
    struct str text; /* what is run when it is chosen */
    struct str help;
    struct str why_not; /* ptr NULL: it can be done */
    bool needs_argument;
    int rank;     /* smaller is nearer */
    size_t place; /* among those of one rank */
};

/* The entries that fit what was typed, best first, in `a`. Behind a command's name everything
 * belongs to its argument. */
size_t palette_match(const struct app *app, struct str typed, struct arena *a,
                     struct palette_entry **ret);
/* How well `typed` fits `name`, letters in order, case ignored: 0 the same, 1 its beginning, 2
 * somewhere within, 3 scattered; negative: not at all. */
int palette_rank(struct str typed, struct str name);
/* Runs a whole line; a name that is none says the nearest. */
void palette_run(struct app *app, struct str line);

#endif
