#include "backends/drivers.h"

#include "core/store_driver.h"

#include "backends/file/store.h"
#include "backends/sqlite/layouts.h"
#ifdef PENSTOCK_HAVE_POSTGRES
#include "backends/postgres/layouts.h"
#endif
#ifdef PENSTOCK_HAVE_REDIS
#include "backends/redis/layouts.h"
#endif

#include <stddef.h>

const struct layout *const layouts[] = {
    &file_meltano.layout,
    &file_meltano_windows.layout,
    &file_vdk.layout,
    &file_vdk_properties,
    &sqlite_meltano_systemdb,
    &sqlite_vdk,
    &sqlite_triggers_dbcache,
#ifdef PENSTOCK_HAVE_POSTGRES
    &postgres_meltano_systemdb,
    &postgres_meltano_plugin,
    &postgres_etl,
    &postgres_vdk,
    &postgres_vdk_job_properties,
    &postgres_triggers_dbcache,
#endif
    &file_plain_etl.layout,
    &sqlite_plain_etl,
    &file_triggers_djcache,
    &file_plain_triggers.layout,
#ifdef PENSTOCK_HAVE_REDIS
    &redis_triggers_django,
    &redis_plain_meltano,
    &redis_plain_vdk,
    &redis_plain_etl,
#endif
    NULL,
};
