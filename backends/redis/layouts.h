/* The layouts on Redis. */
#ifndef PENSTOCK_REDIS_LAYOUTS_H
#define PENSTOCK_REDIS_LAYOUTS_H

#include "core/store_driver.h"

extern const struct layout redis_triggers_django;
extern const struct layout redis_plain_meltano, redis_plain_vdk, redis_plain_etl;

#endif
