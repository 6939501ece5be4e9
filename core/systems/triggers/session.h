/* A session of the `triggers` framework: its tasks, instances and predicates
 * (formats/triggers.md 2 and 3). Reading is lenient: what the framework itself could not load is
 * still shown, with `defect` saying why it must not be edited. */
#ifndef PENSTOCK_TRIGGERS_SESSION_H
#define PENSTOCK_TRIGGERS_SESSION_H

#include "core/base/clock.h"
#include "core/value.h"

/* Names as a set: sorted, so that subset tests stay cheap on hostile documents. */
struct names {
    const struct str *items; /* as stored: the order of `after` is kept for showing */
    const struct str *sorted;
    size_t n;
};
bool names_have(const struct names *names, struct str name);
bool names_within(const struct names *part, const struct names *whole);

struct task {
    struct str name;
    const struct value *dict;
    struct names after, unless;
    struct str and_every; /* ptr NULL: none */
    struct str run, runner;
    size_t instances; /* how many there are: the number of the next one */
    size_t unresolved;
    struct instance *first, *last; /* its instances, in stored order */
};

struct instance {
    struct str name;
    size_t at; /* place among the pairs of `instances` */
    const struct value *key, *dict;
    struct task *task; /* NULL: unknown (then the session has a defect) */
    struct str task_name;
    struct str status;
    struct names kwargs;  /* triggers that fired for it */
    struct names abandon; /* those of `unless` that did */
    const struct value *metadata, *timestamps;
    struct str parent; /* ptr NULL: an original */
    int64_t depth;
    int64_t log_level;
    int64_t created_us, modified_us; /* TIME_UNKNOWN before the first update */
    const char *hazard;    /* NULL, or what makes calls of the framework on it fail (2.10) */
    struct instance *next; /* of the same task */
};

/* Where a name stands: sorted by name, so that look-ups stay cheap on hostile documents. */
struct place {
    struct str name;
    size_t at;
};

struct session {
    const struct value *root;
    const struct value *tasks_dict, *instances_dict, *metas, *latest; /* NULL where missing */
    struct task *tasks;
    size_t ntasks;
    struct instance *instances;
    size_t ninstances;
    const struct place *by_task, *by_instance, *by_parent; /* ntasks, ninstances, nchildren */
    size_t nchildren;
    size_t ignored;    /* instances that the framework drops because `tasks` is empty */
    struct err defect; /* kind NONE: loads, may be edited */
};

/* Never fails; a root that is no dict gives a defect. Texts point into the tree. */
void session_read(struct arena *arena, const struct value *root, struct session *ret);

/* Reads an instance again after its dict changed; counts nothing. */
void instance_read(struct arena *arena, struct instance *i, const struct value *dict);

/* Why the session cannot be edited: its defect, or the empty shell of an expired one. */
bool session_editable(const struct session *session, struct err *err);

struct task *session_task(const struct session *session, struct str name);
struct instance *session_instance(const struct session *session, struct str name);
/* A child whose metadata.parent is this instance, or NULL. */
struct instance *session_child(const struct session *session, const struct instance *instance);

/* --- predicates, 2.4 ------------------------------------------------------------------------- */

bool instance_resolved(const struct instance *i);
bool instance_failed(const struct instance *i);    /* can_replay and can_skip */
bool instance_unstarted(const struct instance *i); /* can_schedule */
bool instance_in_flight(const struct instance *i); /* scheduled or running: a worker may have it */
bool instance_can_abandon(const struct instance *i);
bool instance_can_run(const struct instance *i);
bool instance_logs_resolved(const struct instance *i);
/* Triggers of `after` that have not fired for it, comma separated; STR_NULL when none is missing or
 * it is not unstarted. */
struct str instance_waits_for(struct arena *arena, const struct instance *i);

bool task_unresolved(const struct task *task);
struct str task_next_name(struct arena *arena, const struct task *task);

/* "ERROR", "Level 35". */
struct str log_level_name(struct arena *arena, int64_t level);
/* One line of what went wrong: last line of the traceback, else the type; STR_NULL without one. */
struct str instance_exception(struct arena *arena, const struct instance *i);
struct str instance_exception_type(const struct instance *i);

/* --- values ---------------------------------------------------------------------------------- */

/* Text of a STR or of a Python 2 byte string; else `other`. */
struct str text_or(const struct value *v, struct str other);
/* As value_get, where a key may be a byte string that Python 2 wrote. */
const struct value *field(const struct value *dict, struct str key);
#define FIELD(dict, key) field((dict), STR(key))
/* Replaces in place or appends; a Python 2 key stays the key it is. */
const struct value *with_field(struct arena *arena, const struct value *dict, struct str key,
                               const struct value *val);

#endif
