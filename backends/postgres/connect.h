/* A connection from an address; for client.c, which owns it from then on. */
#ifndef PENSTOCK_POSTGRES_CONNECT_H
#define PENSTOCK_POSTGRES_CONNECT_H

#include "backends/postgres/client.h"

/* Without `writable` the server is asked to make every transaction read-only, unless *no_options:
 * its pooler refuses startup options, which is found out here. The connection does not block. */
bool pg_connect(const char *url, bool writable, bool *no_options, const struct call *call,
                PGconn **ret, struct err *err);

/* libpq's own message about a connection: its last line is the cause, those before are attempts. */
void pg_conn_message(const PGconn *conn, char *out, size_t size);

#endif
