/* The layouts built in, in the order in which a bare address is probed. */
#include "core/store_driver.h"

#include <stddef.h>

const struct layout *const layouts[] = {
    NULL,
};
