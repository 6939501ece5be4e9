/* Configuration: contexts and options from $XDG_CONFIG_HOME/penstock/config.yaml; paths of our own
 * files. Strict: an unknown key or a bad value is an error with file:line and a suggestion. */
#ifndef PENSTOCK_CONFIG_H
#define PENSTOCK_CONFIG_H

#include "core/base/call.h"
#include "core/target.h"

struct layout;

struct config_context {
    const char *name;
    const char *address;
    enum environment env;
    bool read_only;      /* true in the file, or env prod without read_only: false */
    bool says_read_only; /* read_only stands in the file */
    const struct address_param *companions;
    size_t ncompanions;
    const char *restart_hint;
    int64_t refresh_ms; /* 0: default */
};

struct config {
    struct arena arena;
    const char *path; /* where it was looked for, there or not */
    const struct config_context *contexts;
    size_t ncontexts;
    const char *default_context; /* or NULL */
    int64_t confirm_quiet_ms;    /* 500 */
    int64_t write_idle_ms;       /* 15 min; see tui/app.h */
};

/* `path` NULL: the XDG place, where a missing file is an empty configuration; a file that was named
 * must be there. */
bool config_load(const char *path, struct config **ret, struct err *err);
void config_free(struct config *config);
const struct config_context *config_context(const struct config *config, const char *name);

/* $XDG_STATE_HOME/penstock/NAME, or ~/.local/state/penstock/NAME. The directory is not made. */
struct str config_state_path(struct arena *arena, const char *name);
/* $XDG_DATA_HOME/penstock/NAME, or ~/.local/share/penstock/NAME. */
struct str config_data_path(struct arena *arena, const char *name);

/* What -t, PENSTOCK_TARGET, a context name or a bare word means: one target; companions and rules
 * of the context are in it. An address whose host and database a prod context names gets its rules.
 * A directory with a meltano.yml means the backend which that project is configured for.
 * ERR_INVALID with the nearest context for a word that is none of these. `config` must outlive the
 * target. */
bool config_target(const struct config *config, const char *word, const char *from,
                   struct arena *arena, struct target *ret, struct err *err);

/* Tries the layouts at a target's address: all that are found, in the order of `layouts` (which
 * ends with NULL); for an address with a system and backend just that one. `ret` are addresses
 * ready for store_open, with their layout. ERR_NOT_FOUND when nothing known is there. */
struct found {
    const struct layout *layout; /* one of those given */
    struct address address;
};
bool config_probe(const struct layout *const *layouts, const struct target *target,
                  const struct call *call, struct arena *arena, struct found **ret, size_t *ret_n,
                  struct err *err);

#endif
