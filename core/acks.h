/* Acknowledged findings: what somebody knows of and does not want to be told again for a while.
 * One JSON file of ours, {"FINDING": {"until", "at", "who", "reason"}}, 0600, replaced whole. */
#ifndef PENSTOCK_ACKS_H
#define PENSTOCK_ACKS_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/str.h"

#include <jansson.h>

struct audit;

struct ack {
    const char *id; /* of the finding */
    int64_t at_us, until_us;
    const char *who;
    struct str reason; /* or ptr NULL */
};

/* What is acknowledged, for the audit. */
struct acked {
    const char *code;
    struct str store, object;
};

/* The name a finding has while the same thing is wrong with the same record: 12 hex digits. */
enum { FINDING_ID_LEN = 12 };
struct str acks_finding_id(struct arena *arena, struct str store, const char *code,
                           struct str object);

/* The file as an object, the caller's; one that is not there is empty. ERR_CORRUPT when it is none
 * of ours: it is never overwritten. */
bool acks_read(const char *path, json_t **ret, struct err *err);
/* Until when a finding is acknowledged; TIME_UNKNOWN: it is not, or no more. */
int64_t acks_until(json_t *acks, struct str id, int64_t now_us);
/* Adds one and forgets those whose time is over. Two programs at once wait for each other. */
bool acks_add(const char *path, const struct ack *ack, struct err *err);
/* The same with a line in the audit before it. */
bool acks_take(const char *path, struct audit *audit, const struct ack *ack,
               const struct acked *what, struct err *err);

#endif
