#include "core/base/path.h"

#include "core/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool path_make_parents(const char *path, mode_t mode, struct err *err)
{
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *slash = strchr(copy + 1, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            ok = err_set(err, errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_INTERNAL,
                         "%s: cannot make the directory: %s", copy, strerror(errno));
        *slash = '/';
    }
    free(copy);
    return ok;
}
