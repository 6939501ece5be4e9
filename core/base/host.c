#include "core/base/host.h"

#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* One question, owned by the asker and the thread together: the last to leave frees it, because the
 * resolver cannot be interrupted and may answer long after nobody waits. */
struct lookup {
    atomic_int owners;
    int event_fd; /* readable when the answer is there */
    int status, system_error;
    struct addrinfo *found;
    char name[]; /* NUL-terminated */
};

static void lookup_leave(struct lookup **lookup)
{
    struct lookup *l = *lookup;
    if (!l || atomic_fetch_sub(&l->owners, 1) > 1)
        return;
    if (l->found)
        freeaddrinfo(l->found);
    fd_close(&l->event_fd);
    free(l);
}

static void *lookup_main(void *arg)
{
    CLEANUP(lookup_leave) struct lookup *l = arg;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    l->status = getaddrinfo(l->name, NULL, &hints, &l->found);
    l->system_error = errno;
    uint64_t one = 1;
    ssize_t n = write(l->event_fd, &one, sizeof one);
    (void)n; /* the counter is empty: it takes one */
    return NULL;
}

static bool lookup_start(struct lookup *l, struct err *err)
{
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->event_fd < 0)
        return err_set(err, ERR_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
    sigset_t all, old; /* the thread inherits the mask it is made under */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    pthread_t thread;
    atomic_store(&l->owners, 2);
    int error = pthread_create(&thread, NULL, lookup_main, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error) {
        atomic_store(&l->owners, 1);
        return err_set(err, ERR_INTERNAL, "cannot start a thread: %s", strerror(error));
    }
    pthread_detach(thread);
    return true;
}

static struct host_addresses addresses_of(const struct addrinfo *found, struct arena *arena)
{
    size_t n = 0, most = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        most++;
    const char **items = arena_array(arena, const char *, most);
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        char text[NI_MAXHOST]; /* with the scope of a link-local address: fe80::1%eth0 */
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            items[n++] = arena_cstr(arena, str_of(text));
    }
    return (struct host_addresses){items, n};
}

static bool is_number(const char *name)
{
    struct in6_addr any;
    return inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1;
}

bool host_lookup(const char *name, const struct call *call, struct arena *arena,
                 struct host_addresses *ret, struct err *err)
{
    if (is_number(name)) {
        const char **items = arena_array(arena, const char *, 1);
        items[0] = arena_cstr(arena, str_of(name));
        *ret = (struct host_addresses){items, 1};
        return true;
    }
    size_t len = strlen(name);
    CLEANUP(lookup_leave) struct lookup *l = xcalloc(1, sizeof *l + len + 1);
    memcpy(l->name, name, len + 1);
    atomic_init(&l->owners, 1);
    if (!lookup_start(l, err))
        return false;
    if (!call_wait_fd(call, l->event_fd, POLLIN, "looking up the host's name", err))
        return false;
    uint64_t one;
    ssize_t got = read(l->event_fd, &one, sizeof one);
    (void)got; /* it is readable; and what the thread wrote before is seen from here on */
    if (l->status) {
        const char *why =
            l->status == EAI_SYSTEM ? strerror(l->system_error) : gai_strerror(l->status);
        return err_set(err, ERR_UNAVAILABLE, "no address for the host %s: %s", name, why);
    }
    *ret = addresses_of(l->found, arena);
    return ret->n || err_set(err, ERR_UNAVAILABLE, "no address for the host %s", name);
}
