#include "cli/outlet.h"

#include "core/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 64 << 10, GRACE_MS = 500 };

/* Room for PIPE_BUF bytes, in a pipe; a terminal may take less, and says so. */
static bool wait_for_room(struct outlet *outlet)
{
    while (!outlet->given_up) { /* nothing may follow a gap */
        bool ending = atomic_load(&outlet->cancel->fired);
        struct pollfd fds[2] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                                {.fd = ending ? -1 : outlet->cancel->event_fd, .events = POLLIN}};
        int n = poll(fds, 2, ending ? GRACE_MS : -1);
        if (n > 0 && fds[0].revents)
            return true;
        outlet->given_up = n == 0 || (n < 0 && errno != EINTR);
    }
    errno = ECANCELED;
    return false;
}

static ssize_t outlet_write(void *cookie, const char *bytes, size_t size)
{
    struct outlet *outlet = cookie;
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done;
        if (outlet->waits && !wait_for_room(outlet))
            break;
        if (outlet->waits && piece > PIPE_BUF)
            piece = PIPE_BUF;
        ssize_t n = write(STDOUT_FILENO, bytes + done, piece);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

void outlet_begin(struct outlet *outlet, struct cancel *cancel)
{
    struct stat st;
    bool is_file = fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode);
    *outlet = (struct outlet){.cancel = cancel, .was = stdout, .waits = !is_file};
    FILE *stream = fopencookie(outlet, "w", (cookie_io_functions_t){.write = outlet_write});
    if (!stream)
        abort();
    outlet->buffer = xreallocarray(NULL, BUFFER, 1);
    setvbuf(stream, outlet->buffer, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFFER);
    stdout = stream;
}

void outlet_end(struct outlet *outlet)
{
    if (!outlet->was)
        return;
    fclose(stdout);
    stdout = outlet->was;
    outlet->was = NULL;
    free(outlet->buffer);
}
