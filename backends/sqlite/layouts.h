/* The layouts on SQLite files. */
#ifndef PENSTOCK_SQLITE_LAYOUTS_H
#define PENSTOCK_SQLITE_LAYOUTS_H

#include "core/store_driver.h"

extern const struct layout sqlite_meltano_systemdb;
extern const struct layout sqlite_plain_etl;
extern const struct layout sqlite_triggers_dbcache;
extern const struct layout sqlite_vdk;

#endif
