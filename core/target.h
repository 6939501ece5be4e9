/* Addresses: `<system>+<backend>://…` names one store; a bare address, path or context name is
 * probed (design.md 5). */
#ifndef PENSTOCK_TARGET_H
#define PENSTOCK_TARGET_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct system;

struct address_param {
    const char *name;
    const char *value;
};

struct address {
    const struct system *system; /* NULL: to be probed */
    const char *backend;         /* "file", "sqlite", "postgres", "redis", "memory" */
    /* The backend's own address, credentials included, our own parameters taken out:
     *   postgres  a libpq URI
     *   redis     redis://[user[:password]@]host:port/db, always with host, port and db (rediss://
     *             for TLS), or unix://[user[:password]@]/path/to.sock?db=N; see core/url.h
     *   file, sqlite   an absolute path
     *   memory    the name behind memory:// */
    const char *url;
    const char *layout; /* layout=, or NULL */
    /* Our own parameters, companions included: prefix, version, client, table, pipeline, lock,
     * runs, slots, broker. Decoded. */
    const struct address_param *params;
    size_t nparams;
    /* Canonical, without credentials, parseable again: names the store. Leaves out what does not
     * choose the records: user, options, companions, pipeline, client. */
    const char *identity;
    const char *masked; /* as given, passwords replaced by *** */
    const char *plain;  /* as given, passwords left out: what a printed command says behind -t */
};

/* Parses an address or a path (which must exist to be told from a word; relative ones are made
 * absolute). A path that is a SQLite file gets that backend, others "file". All texts live in
 * `arena`. ERR_INVALID with the reason. Never prints a password.
 *
 * Accepted besides the forms of design.md 5: postgres:// for postgresql://; SQLAlchemy's drivers
 * (postgresql+psycopg://), which are dropped; redis+unix:///path/to.sock?db=0, unix://…,
 * redis:///0?socket=/path/to.sock and redis+socket:// (Celery) for unix sockets; <scheme>:path for
 * relative paths of files. */
bool address_parse(struct arena *arena, const char *text, struct address *ret, struct err *err);
const char *address_param(const struct address *address, const char *name); /* NULL when absent */
/* Parameters that name another server beside the store (design.md 5): any layout takes them. */
enum { ADDRESS_COMPANIONS = 4 };
extern const char *const address_companions[ADDRESS_COMPANIONS];
bool address_is_companion(const char *name);
/* The same address once its layout is known: system and layout (NULL: the usual one of its system
 * and backend) set, identity and plain made anew. */
struct address address_settle(struct arena *arena, const struct address *address,
                              const struct system *system, const char *layout);
/* Server and database (or path) of an address, whatever system lies there: equal texts are the same
 * place. */
struct str address_place(struct arena *arena, const struct address *address);
/* Is it a file or a unix socket? */
bool address_is_local(const struct address *address);
/* Replaces passwords in anything that looks like an address inside a text (for logs, errors). */
struct str address_mask(struct arena *arena, struct str s);

enum environment { ENV_UNKNOWN, ENV_LOCAL, ENV_DEMO, ENV_DEV, ENV_PROD };
const char *environment_name(enum environment env); /* "ENV?", "local", "demo", "dev", "prod" */

/* One thing the operator asked for: an address with what the configuration says of it. */
struct target {
    struct address address;
    const char *name;  /* context name, or the address without its password */
    const char *shown; /* what the screen calls it where `name` is an address; NULL: by its name */
    const char *from;  /* "-t", "PENSTOCK_TARGET", "context orders-pg", "./meltano.yml" */
    bool is_context;
    enum environment env;
    bool read_only;           /* by context or environment */
    const char *warning;      /* to be shown once: "is a place of context prod"; or NULL */
    const char *restart_hint; /* shown, never run; may be NULL */
};

#endif
