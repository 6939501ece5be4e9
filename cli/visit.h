/* Every record of every open store, with all that is known of it. */
#ifndef PENSTOCK_CLI_VISIT_H
#define PENSTOCK_CLI_VISIT_H

#include "cli/cli.h"
#include "core/listing.h"

/* Calls `visit` for each record, lot by lot; what it keeps must be copied. `problem` is NULL for
 * a record that was read and understood. A store that is lost is reported and the others go on. */
bool visit_records(struct cli *cli, unsigned what,
                   void (*visit)(void *ctx, struct open_store *store, const struct sheet_input *in,
                                 const struct err *problem),
                   void *ctx, struct err *err);

#endif
