/* The layouts of this backend. */
#ifndef PENSTOCK_POSTGRES_LAYOUTS_H
#define PENSTOCK_POSTGRES_LAYOUTS_H

#include "core/store_driver.h"

extern const struct layout postgres_etl; /* schema etl, all its versions */
extern const struct layout postgres_meltano_systemdb;
extern const struct layout postgres_meltano_plugin;
extern const struct layout postgres_triggers_dbcache;
extern const struct layout postgres_vdk, postgres_vdk_job_properties;

#endif
