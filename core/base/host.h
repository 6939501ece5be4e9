/* The numeric addresses of a host's name, within a deadline. getaddrinfo has none of its own, and
 * libpq and hiredis call it; both are given numbers instead. */
#ifndef PENSTOCK_BASE_HOST_H
#define PENSTOCK_BASE_HOST_H

#include "core/base/arena.h"
#include "core/base/call.h"

struct host_addresses {
    const char *const *items; /* "192.0.2.7", "2001:db8::7"; NUL-terminated, never a name */
    size_t n;                 /* at least one, in the order in which to try them (RFC 6724) */
};

/* Asks the system's resolver, on a thread of its own; a number is its own answer and asks nobody.
 * What is returned lives in `arena`. ERR_UNAVAILABLE: there is no such name, or no answer from the
 * resolver; ERR_TIMEOUT and ERR_CANCELLED as for every call: the thread then ends by itself. */
bool host_lookup(const char *name, const struct call *call, struct arena *arena,
                 struct host_addresses *ret, struct err *err);

#endif
