/* The layouts built in, in the order in which a bare address is probed. For main and tests. */
#ifndef PENSTOCK_DRIVERS_H
#define PENSTOCK_DRIVERS_H

struct layout;

extern const struct layout *const layouts[]; /* ends with NULL */

#endif
