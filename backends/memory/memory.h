/* Stores in memory: a real driver, for tests of core and the screen. One layout per system; every
 * open store has records of its own. */
#ifndef PENSTOCK_MEMORY_H
#define PENSTOCK_MEMORY_H

#include "core/store.h"

const struct layout *memory_layout(const char *system);

/* Puts a record as if another program had written it; copies. root NULL takes the record away. */
void memory_put(struct store *store, const char *id, const char *label, const struct value *root);
/* What activity will say of every record; texts are not copied. */
void memory_set_activity(struct store *store, const struct activity *activity);
/* Holds the lock of a record for somebody else until it is released by the test (holder NULL). */
void memory_set_lock(struct store *store, const char *id, const char *holder);
/* Called once at the next commit, after the comparison and before the write: races and crashes. */
void memory_set_hook(struct store *store, void (*hook)(void *ctx), void *ctx);
/* While mute, commits are sent and never answered, and not done. */
void memory_set_mute(struct store *store, bool mute);

#endif
