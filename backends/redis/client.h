/* A connection to one Redis server: deadlines, cancel, reconnect, and a list of what may be sent.
 *
 * Commands are argument lists with lengths, so no byte of a key or value is ever a command. A call
 * that times out, is cancelled or loses the connection closes it; the next call connects again.
 * hiredis 0.14 and 1.x: only the reader and the non-blocking calls of both are used. */
#ifndef PENSTOCK_REDIS_CLIENT_H
#define PENSTOCK_REDIS_CLIENT_H

#include "core/base/arena.h"
#include "core/base/call.h"
#include "core/store_driver.h"

#include <stdint.h>

struct redis_client;

struct redis_server {
    struct str name; /* host:port/db or socket?db=N, with " as user" */
    struct str db;   /* its number */
    struct str version;
    int major, minor;
    bool cluster;
    const char *why_read_only; /* nothing can be changed there; NULL: it can */
};

enum redis_type { REDIS_NIL, REDIS_TEXT, REDIS_NUMBER, REDIS_LIST, REDIS_ERROR };

struct redis_answer {
    enum redis_type type;
    struct str text; /* TEXT (status words too), ERROR */
    int64_t number;
    struct redis_answer *items;
    size_t n;
};

struct redis_command {
    const struct str *argv;
    size_t argc;
};
#define REDIS_COMMAND(...)                                                                         \
    ((struct redis_command){(const struct str[]){__VA_ARGS__},                                     \
                            sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)})

/* `url`: redis://[user[:password]@]host:port/db or unix://[…@]/path?db=N, as struct address has it.
 * Connects. `writable` false: the client itself refuses every command that is not in its table of
 * reads, whoever asks. */
bool redis_open(const char *url, bool writable, const struct call *call, struct redis_client **ret,
                struct err *err);
void redis_close(struct redis_client *client); /* NULL is fine */
const struct redis_server *redis_server(const struct redis_client *client);

/* Fills server, version and clock_skew_us of the store's info; read-only where the server is. */
void redis_describe(struct redis_client *client, const struct call *call, struct store *store);
/* A PING; fills latency_ms. A layout's probe. */
bool redis_probe(struct redis_client *client, struct store *store, const struct call *call,
                 struct err *err);

/* The commands a read-only client sends, space separated, for documentation and tests. */
extern const char redis_read_commands[];

/* One command. An error reply becomes an error, its word mapped to a kind. */
bool redis_run(struct redis_client *client, struct redis_command command, const struct call *call,
               struct arena *arena, struct redis_answer *ret, struct err *err);
/* Many at once, in order; error replies stay answers of type REDIS_ERROR. */
bool redis_pipeline(struct redis_client *client, const struct redis_command *commands, size_t n,
                    const struct call *call, struct arena *arena, struct redis_answer *ret,
                    struct err *err);
/* The error of an answer of type REDIS_ERROR. */
bool redis_answer_error(const struct redis_client *client, const struct redis_answer *answer,
                        struct err *err);

/* The server's clock. */
bool redis_time(struct redis_client *client, const struct call *call, int64_t *ret_us,
                struct err *err);

/* The same, or ours where this user may not ask: the moment of a write. */
int64_t redis_now_us(struct redis_client *client, const struct call *call);

/* The moment a PTTL answer means, by our clock, in whole seconds: two looks at one key give the
 * same one. TIME_NEVER for -1, and for what no clock of ours comes to. */
int64_t redis_expiry_us(int64_t pttl_ms);
/* The same in milliseconds, as an image keeps it, -1 for TIME_NEVER; and what an image means. */
int64_t redis_expiry_ms(int64_t pttl_ms);
int64_t redis_kept_expiry_us(int64_t expires_ms);

struct str redis_number(struct arena *arena, int64_t n); /* an argument */

#endif
