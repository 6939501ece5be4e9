/* Apply: the only way anything is ever written. */
#ifndef PENSTOCK_APPLY_H
#define PENSTOCK_APPLY_H

#include "core/audit.h"
#include "core/plan.h"

struct apply_opts {
    struct journal *journal;
    struct audit *audit;
    int64_t timeout_ms;    /* of each store call */
    struct cancel *cancel; /* between items: what is left becomes NOT_TRIED */
    size_t limit;          /* items at most, 0 = all; the rest is NOT_TRIED (the canary: 1) */
    size_t max_failures;   /* stop after so many, 0 = never */
    double rate;           /* items per second at most, 0 = as fast as they go */
    /* After each item, on the calling thread; may be NULL. */
    void (*progress)(void *ctx, const struct plan *plan, size_t done);
    void *progress_ctx;
};

/* Applies a confirmed plan: read-only gate; read and compare versions and judge writers again; all
 * pre-images and `intended` lines on disk, synced once; then item by item one commit, whose result
 * is verified and recorded. Outcomes land in the items. A store that is lost on the way stops it:
 * what was not sent is NOT_TRIED. Returns false when nothing at all was tried (journal not
 * writable, store out of reach before the first item); then nothing was written. */
bool apply_plan(struct plan *plan, const struct apply_opts *opts, struct err *err);

/* Writes the audit lines of a plan that was refused or cancelled at the confirmation. */
void apply_declined(const struct plan *plan, const struct apply_opts *opts, const char *why);

/* Settles items a crash left `intended` in the given stores: reads each record and records whether
 * it matches before, after or neither. Called when stores are opened. */
bool apply_settle(struct journal *journal, struct open_store *stores, size_t nstores,
                  const struct call *call, struct err *err);

#endif
