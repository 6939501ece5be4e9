#include "backends/file/store.h"

#include "backends/meltano_runs.h"

#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_LIMIT = 64 << 10, LABEL_LIMIT = 4096, CHECK_EVERY = 256 };

/* A file that does not parse may be a writer's that is between truncating and writing
 * (meltano.md 11-10): one changed so lately is looked at again. */
enum { TORN_TRIES = 4, TORN_PAUSE_MS = 50 };
static const int64_t torn_age_us = 2 * 1000000;

static const struct file_layout *layout_files(const struct layout *layout)
{
    return (const struct file_layout *)layout; /* its first member */
}

static int64_t stat_time_us(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

/* --- open ------------------------------------------------------------------------------------- */

static char *records_path(const struct file_layout *files, const char *dir, struct arena *arena)
{
    struct str path = files->subdir ? arena_printf(arena, "%s/%s", dir, files->layout.system)
                                    : arena_str(arena, str_of(dir));
    return (char *)path.ptr;
}

static int open_path(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The path of an entry's record, relative to the directory. */
static const char *entry_path(const struct file_layout *files, const char *entry, struct str id,
                              struct arena *arena)
{
    struct file_names names;
    if (!files->own_dir || !files->names(id, &names, NULL))
        return entry;
    return arena_printf(arena, "%s/%s", entry, names.file).ptr;
}

/* Is there a record below the directory? */
static bool has_record(const struct file_layout *files, const char *path, const struct call *call,
                       struct arena *arena)
{
    int fd = open_path(path);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    bool found = false;
    if (!entries) {
        fd_close(&fd);
        return false;
    }
    const struct dirent *entry;
    while (!found && call_check(call, path, NULL) && (entry = readdir(entries))) {
        struct stat st;
        struct str id = files->id(entry->d_name, arena);
        found = id.ptr &&
                fstatat(fd, entry_path(files, entry->d_name, id, arena), &st,
                        AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(st.st_mode);
    }
    closedir(entries);
    return found;
}

/* An address that names the system may be an empty store; a bare one must show a record. */
bool file_detect(const struct layout *layout, const struct address *address,
                 const struct call *call, struct err *err)
{
    const struct file_layout *files = layout_files(layout);
    struct stat st;
    if (stat(address->url, &st) < 0)
        return file_failed(err, errno, "%s", address->url);
    if (!S_ISDIR(st.st_mode) || (files->owns && !files->owns(address->url, call)))
        return false;
    if (address->system)
        return true;
    struct arena arena = ARENA_INIT;
    bool found = has_record(files, records_path(files, address->url, &arena), call, &arena);
    arena_release(&arena);
    return found;
}

static bool read_timeout(struct file_store *fs, const struct address *address, struct err *err)
{
    fs->locks.timeout_us = fs->files->lock_timeout_us;
    const char *name = fs->files->timeout_param;
    const char *text = name ? address_param(address, name) : NULL;
    uint64_t seconds;
    if (!text)
        return true;
    if (!str_u64(str_of(text), &seconds) || seconds == 0 || seconds > 86400)
        return err_set(err, ERR_INVALID, "%s=%s: not a number of seconds from 1 to 86400", name,
                       text);
    fs->locks.timeout_us = (int64_t)seconds * 1000000;
    return true;
}

/* A plain store may begin its life here; a native one is its system's to make. */
static bool look_at_dir(struct file_store *fs, const char *dir, struct err *err)
{
    struct stat st;
    if (stat(dir, &st) < 0)
        return file_failed(err, errno, "%s", dir);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: is not a directory", dir);
    const char *place = stat(fs->path, &st) == 0 ? fs->path : dir;
    if (access(place, R_OK | X_OK) < 0)
        return file_failed(err, errno, "%s", place);
    bool writable = faccessat(AT_FDCWD, place, W_OK, AT_EACCESS) == 0;
    fs->base.info.rights = writable ? STR("read and write") : STR("read");
    if (!writable)
        store_read_only(&fs->base, arena_printf(&fs->base.arena, "no permission to write in %s: %s",
                                                place, strerror(errno)));
    return true;
}

bool file_store_open(const struct layout *layout, const struct address *address,
                     const struct store_opts *opts, const struct call *call, struct store **ret,
                     struct err *err)
{
    struct file_store *fs = xcalloc(1, sizeof *fs);
    store_init(&fs->base, layout, address, opts);
    fs->files = layout_files(layout);
    fs->format = fs->files->format;
    fs->format.system = fs->base.info.system;
    fs->path = records_path(fs->files, address->url, &fs->base.arena);
    fs->locks = (struct file_locks){.format = fs->files->lock,
                                    .wait_ms = opts->lock_wait_ms,
                                    .holder = fs->base.opts.operator_name};
    fs->base.info.server = arena_str(&fs->base.arena, str_of(fs->path));
    fs->base.info.layout_version = STR_NULL;
    if (!read_timeout(fs, address, err) || !look_at_dir(fs, address->url, err) ||
        !file_probe(&fs->base, call, err) || !meltano_runs_open(&fs->base, address, call, err)) {
        file_store_close(&fs->base);
        return false;
    }
    *ret = &fs->base;
    return true;
}

void file_store_close(struct store *store)
{
    struct arena arena = store->arena;
    free((struct file_store *)store);
    arena_release(&arena);
}

bool file_probe(struct store *store, const struct call *call, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    int64_t start = clock_monotonic_ms();
    CLEANUP(fd_close) int fd = open_path(fs->path);
    if (fd < 0 && errno != ENOENT)
        return file_failed(err, errno, "%s", fs->path);
    store->info.latency_ms = clock_monotonic_ms() - start;
    store->info.clock_skew_us = 0;
    return call_check(call, fs->path, err);
}

/* --- scan ------------------------------------------------------------------------------------- */

bool file_scan_open(struct store *store, const struct call *call, void **ret, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    *ret = NULL;
    if (!call_check(call, fs->path, err))
        return false;
    int fd = open_path(fs->path);
    if (fd < 0) /* not made yet: no records */
        return errno == ENOENT || file_failed(err, errno, "%s", fs->path);
    DIR *entries = fdopendir(fd);
    if (!entries) {
        int errnum = errno;
        fd_close(&fd);
        return file_failed(err, errnum, "%s", fs->path);
    }
    *ret = entries;
    return true;
}

/* Labels lie in the first bytes of a wrapped file; a record that has none keeps its id. */
static void read_head(const struct file_store *fs, int dir, const char *file,
                      const struct call *call, struct arena *arena, struct row *row)
{
    struct file_content content;
    if (fs->format.wrapped && file_read(dir, file, LABEL_LIMIT, 0, call, arena, &content, NULL) &&
        !content.absent)
        content_head(content.bytes, arena, &row->label, &row->expires_at_us);
}

static bool scan_entry(const struct file_store *fs, int dir, const char *entry,
                       const struct call *call, struct arena *arena, struct row *ret)
{
    struct str id = fs->files->id(entry, arena);
    if (!id.ptr)
        return false;
    struct stat st;
    const char *path = entry_path(fs->files, entry, id, arena);
    if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    *ret = (struct row){.id = id,
                        .label = id,
                        .bytes = S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1,
                        .updated_at_us = stat_time_us(&st),
                        .expires_at_us = fs->format.wrapped ? TIME_NEVER : TIME_UNKNOWN};
    read_head(fs, dir, path, call, arena, ret);
    return true;
}

bool file_scan_next(struct store *store, void *scan, const struct call *call, struct arena *arena,
                    size_t max, struct row **ret, size_t *ret_n, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    DIR *entries = scan;
    size_t n = 0, seen = 0;
    struct row *rows = entries ? arena_array(arena, struct row, max) : NULL;
    while (entries && n < max) {
        if (seen++ % CHECK_EVERY == 0 && !call_check(call, fs->path, err))
            return false;
        errno = 0;
        const struct dirent *entry = readdir(entries);
        if (!entry && errno)
            return file_failed(err, errno, "%s", fs->path);
        if (!entry)
            break;
        n += scan_entry(fs, dirfd(entries), entry->d_name, call, arena, &rows[n]);
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

void file_scan_close(struct store *store, void *scan)
{
    if (scan)
        closedir(scan);
}

/* --- places ----------------------------------------------------------------------------------- */

bool file_place_find(struct file_store *fs, struct str id, struct file_place *ret, struct err *err)
{
    *ret = (struct file_place){.base = -1, .dir = -1};
    if (!fs->files->names(id, &ret->names, err))
        return false;
    ret->base = open_path(fs->path);
    if (ret->base < 0)
        return errno == ENOENT || file_failed(err, errno, "%s", fs->path);
    if (!fs->files->own_dir) {
        ret->dir = ret->base;
        return true;
    }
    struct err failure;
    ret->dir = file_open_dir(ret->base, ret->names.dir, &failure);
    if (ret->dir >= 0 || failure.kind == ERR_NOT_FOUND)
        return true;
    file_place_close(ret);
    if (err)
        *err = failure;
    return false;
}

bool file_place_make(struct file_store *fs, const struct file_owner *keep, struct file_place *place,
                     struct err *err)
{
    bool made;
    if (place->dir >= 0)
        return true;
    if (place->base < 0) {
        const char *slash = strrchr(fs->path, '/');
        assert(slash); /* addresses hold absolute paths */
        struct arena arena = ARENA_INIT;
        CLEANUP(fd_close)
        int above =
            open_path(arena_cstr(&arena, (struct str){fs->path, (size_t)(slash - fs->path) + 1}));
        int errnum = errno;
        arena_release(&arena);
        if (above < 0)
            return file_failed(err, errnum, "%s", fs->path);
        if (!file_make_dir(above, slash + 1, NULL, &made, err))
            return false;
        place->base = open_path(fs->path);
        if (place->base < 0)
            return file_failed(err, errno, "%s", fs->path);
    }
    if (!fs->files->own_dir) {
        place->dir = place->base;
        return true;
    }
    if (!file_make_dir(place->base, place->names.dir, keep, &place->made, err))
        return false;
    place->dir = file_open_dir(place->base, place->names.dir, err);
    return place->dir >= 0;
}

void file_place_close(struct file_place *place)
{
    if (place->dir != place->base)
        fd_close(&place->dir);
    fd_close(&place->base);
    place->base = place->dir = -1;
}

bool file_place_read(struct file_store *fs, const struct file_place *place, struct str id,
                     size_t limit, const struct call *call, struct arena *arena,
                     struct document *ret, struct err *err)
{
    *ret = content_absent(&fs->format, id);
    if (place->dir < 0)
        return true;
    struct stat dir_stat;
    struct file_content content;
    if (fstat(place->dir, &dir_stat) < 0)
        return file_failed(err, errno, "%.*s", STR_ARG(id));
    if (!file_read(place->dir, place->names.file, limit, IMAGE_HEAD, call, arena, &content, err))
        return false;
    if (content.absent)
        return true;
    ret->absent = false;
    ret->bytes = (uint64_t)content.st.st_size;
    ret->updated_at_us = stat_time_us(&content.st);
    if (content.cut) {
        ret->truncated = true;
        ret->head = str_sub(content.bytes, 0,
                            content.bytes.len < HEAD_LIMIT ? content.bytes.len : HEAD_LIMIT);
        return true;
    }
    struct file_owner file = file_owner_of(&content.st), dir = file_owner_of(&dir_stat);
    image_head(&file, &dir, content.room);
    content_read(&fs->format, (struct str){content.room, IMAGE_HEAD + content.bytes.len}, arena,
                 ret);
    return true;
}

/* --- read ------------------------------------------------------------------------------------- */

static void read_item(struct file_store *fs, struct str id, size_t limit, const struct call *call,
                      struct arena *arena, struct read_item *ret)
{
    struct file_place place;
    ret->err = (struct err){0};
    ret->doc = (struct document){.id = id, .label = id};
    if (!file_place_find(fs, id, &place, &ret->err))
        return;
    file_place_read(fs, &place, id, limit, call, arena, &ret->doc, &ret->err);
    file_place_close(&place);
}

static bool may_be_at_work(const struct read_item *item)
{
    return item->err.kind == ERR_NONE && item->doc.problem.kind != ERR_NONE &&
           clock_now_us() - item->doc.updated_at_us < torn_age_us;
}

static bool stops_all(const struct err *err)
{
    return err->kind == ERR_TIMEOUT || err->kind == ERR_CANCELLED;
}

bool file_store_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                     const struct call *call, struct arena *arena, struct read_item *ret,
                     struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    size_t torn = n;
    for (int round = 0; round < TORN_TRIES && torn; round++) {
        if (round && !call_pause(call, TORN_PAUSE_MS, fs->path, err))
            return false;
        torn = 0;
        for (size_t i = 0; i < n; i++) {
            if (round && !may_be_at_work(&ret[i]))
                continue;
            if (!call_check(call, fs->path, err))
                return false;
            read_item(fs, ids[i], limit, call, arena, &ret[i]);
            if (stops_all(&ret[i].err)) {
                *err = ret[i].err;
                return false;
            }
            torn += may_be_at_work(&ret[i]);
        }
    }
    return true;
}

bool file_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                 struct document *ret, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    struct image was;
    if (!image_read(image, &was, err))
        return false;
    *ret = content_absent(&fs->format, id);
    ret->absent = false;
    ret->bytes = was.text.len;
    content_read(&fs->format, image, arena, ret);
    return true;
}

bool file_check_id(struct store *store, struct str id, struct err *err)
{
    struct file_names names;
    return ((struct file_store *)store)->files->names(id, &names, err);
}
