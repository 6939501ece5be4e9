#include "core/base/path.h"

#include "core/base/arena.h"
#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(const char *path, const char *what, struct err *err)
{
    return err_set(err, errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_INTERNAL,
                   "%s: cannot %s: %s", path, what, strerror(errno));
}

bool path_make_parents(const char *path, mode_t mode, struct err *err)
{
    char *copy = xstrdup(path);
    bool ok = true;
    /* not one in front: the root is there */
    for (char *slash = *copy ? strchr(copy + 1, '/') : NULL; ok && slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            ok = failed(copy, "make the directory", err);
        *slash = '/';
    }
    free(copy);
    return ok;
}

bool path_open(const char *path, int flags, int *ret, struct err *err)
{
    struct stat st;
    CLEANUP(fd_close) int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    /* ENXIO: a FIFO without a reader, a socket */
    if ((fd < 0 && errno == ENXIO) || (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)))
        return err_set(err, ERR_REFUSED, "%s: is not a regular file", path);
    if (fd < 0)
        return failed(path, "open it", err);
    *ret = fd;
    fd = -1;
    return true;
}

/* `path` as the operator knows it; `at` is the file that is made. */
static bool write_file(const char *path, const char *at, int flags, struct str bytes, bool durable,
                       struct err *err)
{
    int fd = open(at, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0)
        return failed(path, "make the file", err);
    bool ok =
        (fd_write_all(fd, bytes) && (!durable || fsync(fd) == 0)) || failed(path, "write it", err);
    if (close(fd) < 0 && ok)
        ok = failed(path, "write it", err);
    if (!ok)
        unlink(at);
    return ok;
}

bool path_create(const char *path, struct str bytes, struct err *err)
{
    return write_file(path, path, O_EXCL, bytes, false, err);
}

bool path_replace(const char *path, struct str bytes, bool durable, struct err *err)
{
    struct arena a = ARENA_INIT;
    const char *beside = arena_printf(&a, "%s.%ld.new", path, (long)getpid()).ptr;
    bool ok = write_file(path, beside, O_TRUNC, bytes, durable, err);
    if (ok && rename(beside, path) < 0) {
        ok = failed(path, "replace it", err);
        unlink(beside);
    }
    arena_release(&a);
    return ok;
}
