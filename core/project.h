/* Which backend a Meltano project is configured for, resolved as Meltano does when it is run by
 * hand (formats/meltano.md 7.2), without running any of it. */
#ifndef PENSTOCK_PROJECT_H
#define PENSTOCK_PROJECT_H

#include "core/target.h"

/* Does `dir` hold a meltano.yml? */
bool meltano_project_is(struct arena *arena, const char *dir);

/* The address of the project's state, the system database as companion `runs` where the state lies
 * elsewhere. ERR_INVALID for a file that cannot be read, ERR_UNSUPPORTED for a backend that we do
 * not know. */
bool meltano_project_address(const char *dir, struct arena *arena, struct address *ret,
                             struct err *err);

#endif
