/* What every call that may wait takes: a deadline and a cancel token.
 *
 * The token is an atomic flag and an eventfd, so a thread in poll wakes at once. One thread owns
 * the call; cancel_fire may be called from any thread and from a signal handler. */
#ifndef PENSTOCK_BASE_CALL_H
#define PENSTOCK_BASE_CALL_H

#include "core/base/err.h"

#include <stdatomic.h>
#include <stdint.h>

struct cancel {
    atomic_bool fired;
    int event_fd;
};

bool cancel_init(struct cancel *cancel, struct err *err);
void cancel_fire(struct cancel *cancel);
void cancel_release(struct cancel *cancel);

struct call {
    int64_t deadline_ms;   /* monotonic; see clock_monotonic_ms */
    struct cancel *cancel; /* may be NULL */
};

struct call call_within(int64_t timeout_ms, struct cancel *cancel);
/* For what ends something begun, as the release of a lock: the same call, or `ms` of its own when
 * that has less left or was cancelled. */
struct call call_to_end(const struct call *call, int64_t ms);
int64_t call_left_ms(const struct call *call); /* never negative */
/* True while there is time and nobody cancelled; else ERR_TIMEOUT or ERR_CANCELLED. `what` names
 * the thing waited for. */
bool call_check(const struct call *call, const char *what, struct err *err);
/* Waits until fd is ready for the poll events; false on deadline and cancel. One that hung up or
 * failed is ready too: what is done with it next says so. */
bool call_wait_fd(const struct call *call, int fd, short events, const char *what, struct err *err);
/* Sleeps at most `ms`, less when cancelled or out of time (then false). */
bool call_pause(const struct call *call, int64_t ms, const char *what, struct err *err);

#endif
