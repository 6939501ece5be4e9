/* The hosts of a Postgres address as numbers, looked up within the deadline before libpq would look
 * them up without one. */
#ifndef PENSTOCK_POSTGRES_HOSTS_H
#define PENSTOCK_POSTGRES_HOSTS_H

#include "backends/postgres/client.h"

/* libpq's options of these names, lists of the same length: a name with three addresses stands
 * three times. NULL: nothing is to be looked up, and libpq gets what was given. */
struct pg_hosts {
    const char *host;     /* the names as given: certificates and ~/.pgpass go by them */
    const char *hostaddr; /* "" in the list for a socket's directory */
    const char *port;     /* NULL: none was given */
};

/* Looks up what `given` or PGHOST names; a host of several that has no address is left out, and
 * the call fails only when none has one. Sockets, hostaddr and services are libpq's own business.
 * What is returned lives in `arena`. */
bool pg_hosts_look_up(const PQconninfoOption *given, const struct call *call, struct arena *arena,
                      struct pg_hosts *ret, struct err *err);

#endif
