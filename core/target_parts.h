/* Between the files about addresses; nobody else includes this. */
#ifndef PENSTOCK_TARGET_PARTS_H
#define PENSTOCK_TARGET_PARTS_H

#include "core/target.h"
#include "core/url.h"

/* Is it the name of a parameter whose value nobody may see? */
bool address_is_secret(struct str name);
/* The address without what is secret in it, in the addresses of companions neither. */
const char *address_url_plain(struct arena *arena, const struct url *url);
/* Letters, digits and `marks` alone: such a host can stand before the path as it is. */
bool address_host_is_plain(struct str s, const char *marks);
/* Absolute, without empty and "." pieces; ".." is left to the kernel, which knows the links. */
const char *address_path_absolute(struct arena *arena, struct str path);
/* With links resolved, when it exists. */
const char *address_path_real(struct arena *arena, const char *path);

#endif
