/* Between the files that ask a store for plans; nobody else includes this. */
#ifndef PENSTOCK_TUI_ASK_PARTS_H
#define PENSTOCK_TUI_ASK_PARTS_H

#include "tui/ask.h"

struct plan_job {
    struct bench *bench;
    struct plan_source source;
    struct plan *plan;
    struct plan *old; /* recheck */
    const char *why;  /* decline */
    struct str path;  /* save */
    struct str about; /* undo: whose change of when, in the plan's arena */
};

/* On the worker's thread: undo, redo or resume, as the source of the job says. */
bool plan_journal_run(struct job *job, struct store *store);

#endif
