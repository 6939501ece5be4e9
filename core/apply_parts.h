/* Between the files of apply; nobody else includes this. */
#ifndef PENSTOCK_APPLY_PARTS_H
#define PENSTOCK_APPLY_PARTS_H

#include "core/apply.h"

/* The audit line of an item that has its outcome. */
bool apply_audit_result(struct audit *audit, const struct plan *plan, const struct plan_item *item,
                        struct err *err);
/* Tries the planned items, whose pre-images are in the journal, and records each outcome. */
void apply_items(struct plan *plan, const struct apply_opts *opts);

#endif
