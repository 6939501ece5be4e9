/* A session being changed: the edits of the framework itself (formats/triggers.md 3), as pure
 * functions. A draft collects changed and new instances and makes the new root once. */
#ifndef PENSTOCK_TRIGGERS_DRAFT_H
#define PENSTOCK_TRIGGERS_DRAFT_H

#include "core/systems/triggers/session.h"

struct draft {
    struct arena *arena;
    struct session *session; /* counts and instances are kept up to date with the draft */
    struct value_pair *instances;
    size_t ninstances, room;
    const struct value *latest; /* latest_kwargs when it changed, else NULL */
    const struct value *now;    /* one late node: all timestamps of one update are one object */
};

void draft_begin(struct draft *draft, struct arena *arena, struct session *session);
const struct value *draft_root(const struct draft *draft);

/* status := s, metadata := merged with `extra` (may be NULL), then touch: timestamps.created when
 * absent, lastModified and timestamps[status]. Without a status (ptr NULL) only lastModified. */
void draft_update(struct draft *draft, struct instance *i, struct str status,
                  const struct value *extra);
/* Sets the status and nothing else, as a replay does to the parent (3.4). */
void draft_set_status(struct draft *draft, struct instance *i, const char *status);

/* 3.3, with kwargs copied (2.11) or replaced. */
bool draft_clone(struct draft *draft, struct instance *parent, const struct value *kwargs,
                 struct instance **ret, struct err *err);

/* What one fire does to one instance. */
struct fired {
    struct instance *instance;
    bool created;
    struct str before; /* status; of a created one "unstarted" */
    bool ready;        /* the framework would dispatch it now: -> scheduled */
    struct fired *next;
};

/* Steps 1 and 2 of fire (3.1): what is data. What becomes ready stays unstarted. ret_fired: the
 * instances whose status changes or would change, and new ones, in the order of things. */
bool draft_fire(struct draft *draft, struct str trigger, const struct value *kwargs,
                struct fired **ret_fired, struct err *err);

#endif
