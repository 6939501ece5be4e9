/* The sheets of the system triggers: what its lists show of a session. */
#ifndef PENSTOCK_TRIGGERS_SHEETS_H
#define PENSTOCK_TRIGGERS_SHEETS_H

#include "core/sheet.h"

extern const struct sheet session_sheets[3]; /* list, instances, tasks */
/* The instances again, for a list over several stores: with the columns `target` and `environment`,
 * which whoever fills it knows. */
extern const struct sheet all_instances_sheet;

#endif
