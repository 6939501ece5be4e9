#include "backends/file/atomic.h"

#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { READ_CHUNK = 1 << 20, READ_TRIES = 5, RANDOM_LEN = 8 };

struct file_owner file_owner_of(const struct stat *st)
{
    return (struct file_owner){st->st_mode & 07777, st->st_uid, st->st_gid};
}

bool file_failed(struct err *err, int errnum, const char *fmt, ...)
{
    static const struct {
        int errnum;
        enum err_kind kind;
    } kinds[] = {
        {ENOENT, ERR_NOT_FOUND},     {EACCES, ERR_DENIED},  {EPERM, ERR_DENIED},
        {EROFS, ERR_DENIED},         {ELOOP, ERR_REFUSED},  {ENOTDIR, ERR_REFUSED},
        {ENAMETOOLONG, ERR_REFUSED}, {EISDIR, ERR_REFUSED}, {EINVAL, ERR_REFUSED},
        {ENXIO, ERR_REFUSED}, /* a socket */
    };
    enum err_kind kind = ERR_UNAVAILABLE;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].errnum == errnum)
            kind = kinds[i].kind;
    }
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    const char *why =
        errnum == ELOOP ? "is a symbolic link, which is not followed" : strerror(errnum);
    return err_set(err, kind, "%s: %s", what, why);
}

/* With O_NOFOLLOW and O_DIRECTORY a link gives ENOTDIR; it deserves its own word. */
static bool is_link(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

int file_open_dir(int dir, const char *name, struct err *err)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        file_failed(err, errno == ENOTDIR && is_link(dir, name) ? ELOOP : errno, "%s", name);
    return fd;
}

static bool same_moment(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* One pass. *ret_steady: nobody wrote meanwhile. */
static bool read_once(int fd, const char *name, size_t limit, size_t lead, const struct call *call,
                      struct arena *arena, struct file_content *ret, bool *ret_steady,
                      struct err *err)
{
    struct stat st, after;
    if (fstat(fd, &st) < 0)
        return file_failed(err, errno, "%s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_REFUSED, "%s: is not a regular file", name);
    size_t size = (size_t)st.st_size;
    bool cut = size > limit;
    if (cut)
        size = limit;
    char *room = arena_try_alloc(arena, lead + size + 1);
    if (!room)
        return err_set(err, ERR_CORRUPT, "%s: %zu bytes are more than may be read", name, size);
    size_t got = 0;
    while (got < size) {
        if (!call_check(call, name, err))
            return false;
        size_t want = size - got < READ_CHUNK ? size - got : READ_CHUNK;
        ssize_t n = pread(fd, room + lead + got, want, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_failed(err, errno, "%s", name);
        if (n == 0)
            break;
        got += (size_t)n;
    }
    if (fstat(fd, &after) < 0)
        return file_failed(err, errno, "%s", name);
    *ret_steady = got == size && same_moment(&st, &after);
    *ret = (struct file_content){.bytes = {room + lead, got}, .room = room, .cut = cut, .st = st};
    return true;
}

bool file_read(int dir, const char *name, size_t limit, size_t lead, const struct call *call,
               struct arena *arena, struct file_content *ret, struct err *err)
{
    CLEANUP(fd_close)
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            return file_failed(err, errno, "%s", name);
        *ret = (struct file_content){.absent = true};
        return true;
    }
    bool steady = false;
    for (int i = 0; i < READ_TRIES && !steady; i++) {
        if (!read_once(fd, name, limit, lead, call, arena, ret, &steady, err))
            return false;
    }
    return true; /* a file that never rests is given as last seen; its parser judges */
}

/* Root acts for the owner of the directory; everybody else makes files of their own. */
static bool give_to_dir_owner(int dir, int fd)
{
    struct stat st;
    if (geteuid() != 0)
        return true;
    return fstat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

/* The owner may not change when that would take the file from whoever wrote it: somebody else's
 * file is replaced by ours only when its group and mode, by which we may write it, stay. */
static bool keep_owner(int fd, const struct file_owner *keep)
{
    if (fchown(fd, keep->uid, keep->gid) < 0 && fchown(fd, (uid_t)-1, keep->gid) < 0)
        return false;
    return fchmod(fd, keep->mode) == 0;
}

static void stage_name(char name[FILE_STAGE_NAME], const char *suffix)
{
    uint8_t random[RANDOM_LEN];
    char hex[2 * RANDOM_LEN + 1];
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    snprintf(name, FILE_STAGE_NAME, FILE_STAGE_PREFIX "%s%s", hex, suffix);
}

bool file_stage(int dir, struct str bytes, const struct file_owner *keep, bool durable,
                struct file_stage *ret, struct err *err)
{
    struct file_stage stage = {.dir = dir};
    stage_name(stage.name, ".tmp");
    CLEANUP(fd_close)
    int fd = openat(dir, stage.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return file_failed(err, errno, "cannot make a file");
    if (keep ? !keep_owner(fd, keep) : !give_to_dir_owner(dir, fd)) {
        file_failed(err, errno, "cannot keep the owner and mode of the file");
        err_hint(err, "run as its owner or as root");
        file_stage_drop(&stage);
        return false;
    }
    if (!fd_write_all(fd, bytes) || (durable && fsync(fd) < 0)) {
        file_failed(err, errno, "cannot write %zu bytes", bytes.len);
        file_stage_drop(&stage);
        return false;
    }
    *ret = stage;
    return true;
}

bool file_stage_replace(struct file_stage *stage, const char *name, struct err *err)
{
    if (renameat(stage->dir, stage->name, stage->dir, name) < 0) {
        file_failed(err, errno, "cannot replace %s", name);
        file_stage_drop(stage);
        return false;
    }
    stage->name[0] = '\0';
    return file_sync_dir(stage->dir, err);
}

static bool unknown_here(int errnum)
{
    return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP || errnum == EPERM;
}

/* A link is exclusive and shows the whole content at once: nobody ever reads a half-written lock
 * (meltano.md 4.4 hazard b). File systems without links have a rename that replaces nothing. */
static int name_exclusively(struct file_stage *stage, const char *name)
{
    if (linkat(stage->dir, stage->name, stage->dir, name, 0) == 0) {
        file_stage_drop(stage);
        return 0;
    }
    int errnum = errno;
    if (errnum == EEXIST)
        return errnum;
    if (renameat2(stage->dir, stage->name, stage->dir, name, RENAME_NOREPLACE) == 0) {
        stage->name[0] = '\0';
        return 0;
    }
    return errno == EEXIST || unknown_here(errnum) ? errno : errnum;
}

bool file_stage_create(struct file_stage *stage, const char *name, bool *ret_taken, struct err *err)
{
    int errnum = name_exclusively(stage, name);
    *ret_taken = errnum == EEXIST;
    file_stage_drop(stage);
    if (errnum == 0 || *ret_taken)
        return true;
    if (unknown_here(errnum))
        return err_set(err, ERR_UNSUPPORTED,
                       "cannot make %s: the file system has neither links nor a rename that "
                       "replaces nothing",
                       name);
    return file_failed(err, errnum, "cannot make %s", name);
}

bool file_stage_return(struct file_stage *aside, const char *name, struct err *err)
{
    int dir = aside->dir, errnum = name_exclusively(aside, name);
    if (unknown_here(errnum)) {
        bool taken = faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        errnum = taken ? EEXIST : renameat(dir, aside->name, dir, name) == 0 ? 0 : errno;
        if (errnum == 0)
            aside->name[0] = '\0';
    }
    if (errnum && errnum != EEXIST)
        return file_failed(err, errnum, "%s lies in %s now and could not be put back", name,
                           aside->name);
    file_stage_drop(aside);
    return true;
}

bool file_stage_link(int dir, const char *name, struct file_stage *ret)
{
    struct file_stage stage = {.dir = dir};
    stage_name(stage.name, ".tmp");
    if (linkat(dir, name, dir, stage.name, 0) < 0)
        return false;
    *ret = stage;
    return true;
}

bool file_stage_aside(int dir, const char *name, struct file_stage *ret, bool *ret_absent,
                      struct err *err)
{
    struct file_stage stage = {.dir = dir};
    stage_name(stage.name, ".aside");
    *ret_absent = false;
    if (renameat(dir, name, dir, stage.name) < 0) {
        *ret_absent = errno == ENOENT;
        return *ret_absent || file_failed(err, errno, "cannot move %s away", name);
    }
    *ret = stage;
    return true;
}

void file_stage_drop(struct file_stage *stage)
{
    if (stage->name[0])
        unlinkat(stage->dir, stage->name, 0);
    stage->name[0] = '\0';
}

bool file_make_dir(int dir, const char *name, const struct file_owner *keep, bool *ret_made,
                   struct err *err)
{
    *ret_made = false;
    if (mkdirat(dir, name, 0777) < 0) {
        if (errno == EEXIST)
            return true;
        return file_failed(err, errno, "cannot make the directory %s", name);
    }
    *ret_made = true;
    CLEANUP(fd_close) int fd = file_open_dir(dir, name, err);
    if (fd < 0)
        return false;
    if (keep ? !keep_owner(fd, keep) : !give_to_dir_owner(dir, fd)) {
        int errnum = errno;
        unlinkat(dir, name, AT_REMOVEDIR);
        *ret_made = false;
        return file_failed(err, errnum, "cannot give the directory %s its owner", name);
    }
    return file_sync_dir(dir, err);
}

bool file_dir_hold(int dir, int64_t wait_ms, const struct call *call, int *ret, struct err *err)
{
    enum { PAUSE_MS = 20 };
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_failed(err, errno, "cannot open the directory");
    for (int64_t waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += PAUSE_MS) {
        bool held = errno == EWOULDBLOCK || errno == EINTR;
        if (held && waited_ms < wait_ms && call_pause(call, PAUSE_MS, "the directory", err))
            continue;
        fd_close(&fd);
        if (!held) /* NFS and others know no lock on a directory */
            break;
        return call_check(call, "the directory", err)
                   ? err_set(err, ERR_LOCKED, "another program holds the directory")
                   : false;
    }
    *ret = fd;
    return true;
}

void file_sweep(int dir)
{
    enum { LEFT_AFTER_S = 60 }; /* a younger one may be another program's that is at work */
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        fd_close(&fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(entries))) {
        struct str name = str_of(entry->d_name);
        struct stat st;
        if (str_starts(name, FILE_STAGE_PREFIX) && str_ends(name, ".tmp") &&
            fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ctim.tv_sec + LEFT_AFTER_S < time(NULL))
            unlinkat(dir, entry->d_name, 0);
    }
    closedir(entries);
}

bool file_sync_dir(int dir, struct err *err)
{
    if (fsync(dir) < 0 && errno != EINVAL && errno != EBADF && errno != EROFS)
        return file_failed(err, errno, "cannot sync the directory");
    return true;
}
