#include "backends/drivers.h"

#include "core/store_driver.h"

#include "backends/file/store.h"

#include <stddef.h>

const struct layout *const layouts[] = {
    &file_meltano.layout,
    &file_plain_etl.layout,
    &file_plain_triggers.layout,
    NULL,
};
