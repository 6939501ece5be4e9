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
    /* The backend's own address, credentials included, our own parameters taken out: a libpq URI, a
     * redis:// URL, an absolute path for file and sqlite. */
    const char *url;
    const char *layout; /* layout=, or NULL */
    /* Our own parameters, companions included: prefix, version, client, table, pipeline, lock,
     * runs, slots, broker. Decoded. */
    const struct address_param *params;
    size_t nparams;
    const char *identity; /* canonical, without credentials, parseable again: names the store */
    const char *masked;   /* as given, passwords replaced by *** */
};

/* Parses an address or a path (which must exist to be told from a word; relative ones are made
 * absolute). All texts live in `arena`. ERR_INVALID with the reason. Never prints a password. */
bool address_parse(struct arena *arena, const char *text, struct address *ret, struct err *err);
const char *address_param(const struct address *address, const char *name); /* NULL when absent */
/* Replaces passwords in anything that looks like an address inside `text` (for logs, errors). */
struct str address_mask(struct arena *arena, struct str text);

enum environment { ENV_UNKNOWN, ENV_LOCAL, ENV_DEMO, ENV_DEV, ENV_PROD };
const char *environment_name(enum environment env); /* "ENV?", "local", "demo", "dev", "prod" */

/* One thing the operator asked for: an address with what the configuration says of it. */
struct target {
    struct address address;
    const char *name; /* context name, or the address's short form */
    const char *from; /* "-t", "PENSTOCK_TARGET", "context orders-pg", "./meltano.yml" */
    enum environment env;
    bool read_only;           /* by context, environment or --read-only */
    const char *restart_hint; /* shown, never run; may be NULL */
};

#endif
