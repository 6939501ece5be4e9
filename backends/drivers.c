#include "backends/drivers.h"

#include "core/store_driver.h"

#include "backends/file/store.h"
#include "backends/sqlite/layouts.h"

#include <stddef.h>

const struct layout *const layouts[] = {
    &file_meltano.layout,
    &sqlite_meltano_systemdb,
    &file_plain_etl.layout,
    &file_plain_triggers.layout,
    NULL,
};
