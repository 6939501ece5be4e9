/* Between the files of meltano-state-backend-postgresql's layout: meltano_plugin.c has the table,
 * meltano_plugin_locks.c its locks. */
#ifndef PENSTOCK_POSTGRES_MELTANO_PLUGIN_H
#define PENSTOCK_POSTGRES_MELTANO_PLUGIN_H

#include "backends/postgres/meltano_state.h"

struct plugin_store {
    struct pg_state_store state; /* first, so the two pointers convert */
    const char *url;
    struct pg_client *hold; /* its open transaction holds a lock; NULL: none is held */
};

/* Functions of struct layout, and the commit of an EDIT_BREAK. */
bool plugin_locks(struct store *store, const struct str *ids, size_t n, const struct call *call,
                  struct arena *arena, struct lock **ret, struct err *err);
bool plugin_lock_hold(struct store *store, struct str id, int64_t seconds, const struct call *call,
                      struct str *ret_token, struct arena *arena, struct err *err);
bool plugin_lock_release(struct store *store, struct str id, struct str token,
                         const struct call *call, struct err *err);
bool plugin_break(struct store *store, struct commit_item *item, const struct call *call,
                  struct arena *arena, struct err *err);

#endif
