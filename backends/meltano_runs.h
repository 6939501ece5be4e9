/* The system database of a Meltano project beside a store of states that is elsewhere: what runs,
 * what ran, and the rows by which Meltano notes changes made by hand (formats/meltano.md 3.4). */
#ifndef PENSTOCK_MELTANO_RUNS_H
#define PENSTOCK_MELTANO_RUNS_H

#include "core/store_driver.h"

/* Opens what the address names by runs= as store->runs. Where it cannot be opened the store works
 * without, and info.note says why; ERR_INVALID for what is no address of a system database. */
bool meltano_runs_open(struct store *store, const struct address *address, const struct call *call,
                       struct err *err);

#endif
