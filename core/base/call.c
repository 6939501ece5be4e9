#include "core/base/call.h"

#include "core/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool cancel_init(struct cancel *cancel, struct err *err)
{
    atomic_init(&cancel->fired, false);
    cancel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel->event_fd < 0)
        return err_set(err, ERR_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
    return true;
}

void cancel_fire(struct cancel *cancel)
{
    atomic_store(&cancel->fired, true);
    uint64_t one = 1;
    ssize_t n = write(cancel->event_fd, &one, sizeof one);
    (void)n; /* a full counter has woken the reader already */
}

void cancel_release(struct cancel *cancel)
{
    if (cancel->event_fd >= 0)
        close(cancel->event_fd);
    cancel->event_fd = -1;
}

struct call call_within(int64_t timeout_ms, struct cancel *cancel)
{
    return (struct call){clock_monotonic_ms() + timeout_ms, cancel};
}

struct call call_to_end(const struct call *call, int64_t ms)
{
    bool cancelled = call->cancel && atomic_load(&call->cancel->fired);
    return call_left_ms(call) > ms && !cancelled ? *call : call_within(ms, NULL);
}

int64_t call_left_ms(const struct call *call)
{
    int64_t left = call->deadline_ms - clock_monotonic_ms();
    return left > 0 ? left : 0;
}

bool call_check(const struct call *call, const char *what, struct err *err)
{
    if (call->cancel && atomic_load(&call->cancel->fired))
        return err_set(err, ERR_CANCELLED, "%s: cancelled", what);
    if (call_left_ms(call) == 0)
        return err_set(err, ERR_TIMEOUT, "%s: no answer in time", what);
    return true;
}

enum { POLL_MOST_MS = 60000 }; /* poll takes an int */

static int poll_ms(int64_t ms)
{
    return ms > POLL_MOST_MS ? POLL_MOST_MS : (int)ms;
}

bool call_wait_fd(const struct call *call, int fd, short events, const char *what, struct err *err)
{
    for (;;) {
        if (!call_check(call, what, err))
            return false;
        struct pollfd fds[2] = {
            {.fd = fd, .events = events},
            {.fd = call->cancel ? call->cancel->event_fd : -1, .events = POLLIN}};
        int n = poll(fds, 2, poll_ms(call_left_ms(call)));
        if (n < 0 && errno != EINTR)
            return err_set(err, ERR_INTERNAL, "%s: poll: %s", what, strerror(errno));
        if (n > 0 && fds[0].revents)
            return true;
    }
}

bool call_pause(const struct call *call, int64_t ms, const char *what, struct err *err)
{
    int64_t until = clock_monotonic_ms() + ms;
    for (;;) {
        if (!call_check(call, what, err))
            return false;
        int64_t left = until - clock_monotonic_ms();
        if (left <= 0)
            return true;
        int64_t deadline = call_left_ms(call);
        struct pollfd fd = {.fd = call->cancel ? call->cancel->event_fd : -1, .events = POLLIN};
        poll(&fd, 1, poll_ms(left < deadline ? left : deadline));
    }
}
