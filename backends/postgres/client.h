/* One Postgres connection, with deadlines: what every layout in this folder stands on.
 *
 * Non-blocking libpq: every function ends by its call's deadline or token. A cancelled or timed-out
 * call closes the connection (the server ends the statement by statement_timeout); the next
 * pg_begin connects again. Nothing of ours stays on a server connection, so a pooler in transaction
 * mode may hand it to the application afterwards: all settings are SET LOCAL, statements are
 * unnamed, locks are transaction-level. A client that was not opened writable says
 * default_transaction_read_only=on in the startup packet, and every transaction is READ ONLY.
 *
 * One thread at a time. Texts arrive as UTF-8. TimeZone and DateStyle are the server's own: convert
 * times in SQL, with PG_TIME_US and PG_TIME_TEXT. (libpq resolves host names inside the connect
 * call, which no deadline reaches.) */
#ifndef PENSTOCK_POSTGRES_CLIENT_H
#define PENSTOCK_POSTGRES_CLIENT_H

#include "core/base/arena.h"
#include "core/base/call.h"
#include "core/store_driver.h"

#include <libpq-fe.h>

struct pg_client;

/* As the server reports itself when the connection was made. */
struct pg_server {
    struct str text;    /* "db-3.prod:5432/shop as app_ops" */
    struct str version; /* "15.4" */
    int version_number; /* 150004 */
    struct str database, role;
    const char *why_read_only; /* nothing is to be written there; NULL: it may */
    bool superuser;            /* or a member of pg_monitor: sees what other sessions do */
    bool pooler;               /* refused startup options: read-only per transaction */
    int64_t latency_ms;        /* of one round trip */
    int64_t clock_skew_us;     /* server minus ours */
};

/* `url` is a libpq URI; a driver name behind the scheme ("postgresql+psycopg2://") is passed over.
 * PGPASSFILE, PGSERVICE, ~/.pgpass and the other libpq variables work as usual. */
bool pg_client_open(const char *url, bool writable, const struct call *call, struct pg_client **ret,
                    struct err *err);
/* For a layout's open: tells also what the server says of itself, and makes the store read-only
 * where the server is. */
bool pg_client_open_for(struct store *store, const struct address *address, const struct call *call,
                        struct pg_client **ret, struct err *err);
void pg_client_close(struct pg_client *client); /* NULL is fine */
/* Valid until pg_client_close; refreshed whenever the client connects, and by pg_client_ask. */
const struct pg_server *pg_client_server(const struct pg_client *client);
/* Fills server, version, latency_ms and clock_skew_us of the store's info from that. */
void pg_client_describe(const struct pg_client *client, struct store *store);
/* Asks the server again who it is, how far and what time it has there. */
bool pg_client_ask(struct pg_client *client, const struct call *call, struct err *err);

enum pg_mode {
    PG_READ,     /* READ ONLY, READ COMMITTED */
    PG_SNAPSHOT, /* READ ONLY, REPEATABLE READ: several statements see one moment */
    PG_WRITE,    /* READ WRITE, READ COMMITTED; ERR_REFUSED unless opened writable */
};

/* Begins a transaction, connecting when there is no connection or the old one was lost. The
 * server is told the time that is left (statement_timeout), and for locks `lock_ms` (0: the same).
 */
bool pg_begin(struct pg_client *client, enum pg_mode mode, int64_t lock_ms, const struct call *call,
              struct err *err);
/* Ends it: COMMIT when ok, else ROLLBACK (and then returns false, err untouched). A COMMIT, once
 * sent, is waited for even after a cancel; when it fails with ERR_UNAVAILABLE or ERR_TIMEOUT it is
 * open whether it was done. */
bool pg_end(struct pg_client *client, bool ok, const struct call *call, struct err *err);
/* The same for a layout's commit, and returns as that does: COMMIT when `ok` and the item is
 * applied. */
bool pg_end_item(struct pg_client *client, bool ok, struct commit_item *item,
                 const struct call *call, struct err *err);
static inline bool pg_unanswered(const struct err *err)
{
    return err->kind == ERR_UNAVAILABLE || err->kind == ERR_TIMEOUT;
}

/* Runs one statement inside a transaction. Parameters are $1, $2, ... as text; ptr NULL is NULL; a
 * NUL byte is ERR_INVALID, as no Postgres value can hold one. The caller clears the result. */
bool pg_query(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
              const struct call *call, PGresult **ret, struct err *err);
/* As above for statements without rows; ret_rows (may be NULL): how many rows were touched. */
bool pg_exec(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
             const struct call *call, int64_t *ret_rows, struct err *err);

/* A statement with rows in a read transaction of its own, as if between pg_begin with PG_READ and
 * pg_end, in one round trip where libpq has pipelines (14). */
bool pg_read(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
             const struct call *call, PGresult **ret, struct err *err);

static inline void pg_result_clear(PGresult **res)
{
    PQclear(*res);
}
#define CLEANUP_PGRESULT __attribute__((cleanup(pg_result_clear)))

/* The arena takes the result over: what pg_str lends of it then lives as long as the arena. */
void pg_keep(struct arena *arena, PGresult *res);

/* The error of a result that is one, by its SQLSTATE; returns false. */
bool pg_fail(const PGresult *res, struct err *err);

/* Cells of a result. The text is lent until the result is cleared; ptr NULL for NULL. */
struct str pg_str(const PGresult *res, int row, int col);
struct str pg_copy(struct arena *arena, const PGresult *res, int row, int col);
int64_t pg_i64(const PGresult *res, int row, int col, int64_t if_null);
bool pg_bool(const PGresult *res, int row, int col); /* NULL is false */

/* A text[] literal to be passed as one parameter: `= any($1::text[])`. */
struct str pg_array(struct arena *arena, const struct str *items, size_t n);

/* SQL that gives a timestamptz as UTC microseconds since the epoch (bigint, for pg_i64; NULL when
 * infinite), and one that gives it as text in UTC with six digits, which `::timestamptz` reads back
 * exactly. */
#define PG_TIME_US(expr)                                                                           \
    "(case when isfinite(" expr ") then (extract(epoch from " expr ") * 1000000)::int8 end)"
#define PG_TIME_TEXT(expr)                                                                         \
    "(case when isfinite(" expr ") and extract(year from " expr ") > 0 then to_char((" expr        \
    ") at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') else (" expr ")::text end)"

#endif
