/* Sessions in Django's file cache (formats/triggers.md 4.4): files named by the MD5 of their key,
 * all in one directory. Their uids come from the locks' Redis (1.2); a session whose uid nobody
 * knows is listed under its file's name. */
#include "backends/file/atomic.h"
#include "backends/file/djcache.h"
#include "backends/file/guard.h"
#include "backends/file/image.h"
#include "backends/file/store.h"
#include "backends/session_locks.h"
#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct djcache_store {
    struct session_store sessions; /* first, so that the pointers convert */
    const char *path;
};

static struct djcache_store *djcache(struct store *store)
{
    return (struct djcache_store *)store;
}

static int open_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        file_failed(err, errno, "%s", path);
    return fd;
}

/* A store's ids are uids, and names of files whose uid is not known. */
static void name_of(const struct djcache_store *s, struct str id, char ret[DJCACHE_NAME])
{
    if (djcache_is_name(id)) {
        memcpy(ret, id.ptr, id.len);
        ret[id.len] = '\0';
    } else {
        djcache_name(&s->sessions.key, id, ret);
    }
}

static int64_t stat_time_us(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

/* --- opening --------------------------------------------------------------------------------- */

/* A file of a cache, looked at for its header. */
static bool is_cache_file(int dir, const char *name, const struct call *call, struct arena *arena)
{
    struct file_content content;
    struct djcache file;
    return djcache_is_name(str_of(name)) &&
           file_read(dir, name, DJCACHE_HEAD, 0, call, arena, &content, NULL) && !content.absent &&
           djcache_split(arena, content.bytes, &file, NULL);
}

/* A cache may be empty, since its last session was cleared. Then lock=, which the plain layout has
 * no use for, tells them apart, where no plain record ever was. */
static bool is_named(const struct address *address, int dir)
{
    struct stat st;
    return address->system && address_param(address, "lock") &&
           fstatat(dir, address->system->name, &st, 0) < 0;
}

static bool djcache_detect(const struct layout *layout, const struct address *address,
                           const struct call *call, struct err *err)
{
    int fd = open_dir(address->url, err);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    if (!entries) {
        fd_close(&fd);
        return false;
    }
    bool found = is_named(address, fd);
    while (!found && call_check(call, address->url, NULL) && (entry = readdir(entries))) {
        struct arena arena = ARENA_INIT;
        found = is_cache_file(fd, entry->d_name, call, &arena);
        arena_release(&arena);
    }
    closedir(entries);
    return found;
}

static void djcache_close(struct store *store)
{
    struct arena arena = store->arena;
    session_locks_close((struct session_store *)store);
    free(djcache(store));
    arena_release(&arena);
}

static bool djcache_probe(struct store *store, const struct call *call, struct err *err)
{
    int64_t start = clock_monotonic_ms();
    CLEANUP(fd_close) int fd = open_dir(djcache(store)->path, err);
    store->info.latency_ms = clock_monotonic_ms() - start;
    store->info.clock_skew_us = 0;
    return fd >= 0 && call_check(call, djcache(store)->path, err);
}

static void info_fill(struct djcache_store *s)
{
    struct store_info *info = &s->sessions.base.info;
    info->server = str_of(s->path);
    info->layout_version = STR("Django's file cache");
    if (faccessat(AT_FDCWD, s->path, W_OK, AT_EACCESS) < 0)
        store_read_only(&s->sessions.base, arena_printf(&s->sessions.base.arena,
                                                        "no permission to write in %s", s->path));
    info->rights = info->writable ? STR("reads and writes sessions") : STR("reads sessions");
}

static bool djcache_open(const struct layout *layout, const struct address *address,
                         const struct store_opts *opts, const struct call *call, struct store **ret,
                         struct err *err)
{
    struct djcache_store *s = xcalloc(1, sizeof *s);
    struct store *base = &s->sessions.base;
    store_init(base, layout, address, opts);
    s->path = arena_str(&base->arena, str_of(address->url)).ptr;
    if (!django_key_init(&base->arena, address, &s->sessions.key, err) ||
        !djcache_probe(base, call, err) ||
        !session_locks_open(&s->sessions, address, NULL, call, err)) {
        djcache_close(base);
        return false;
    }
    info_fill(s);
    *ret = base;
    return true;
}

/* --- scan ------------------------------------------------------------------------------------ */

struct known {
    char name[DJCACHE_NAME];
    struct str uid;
};

struct djcache_scan {
    struct arena arena;
    DIR *entries;
    struct known *known; /* in the order of their names */
    size_t n;
};

static int compare_known(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static bool learn_uids(struct djcache_store *s, struct djcache_scan *scan, const struct call *call,
                       struct err *err)
{
    struct str *uids;
    size_t n;
    if (!session_locks_uids(&s->sessions, call, &scan->arena, &uids, &n, err))
        return err_context(err, "the uids in lock=");
    scan->known = arena_array(&scan->arena, struct known, n);
    for (size_t i = 0; i < n; i++) {
        djcache_name(&s->sessions.key, uids[i], scan->known[i].name);
        scan->known[i].uid = uids[i];
    }
    if (n)
        qsort(scan->known, n, sizeof *scan->known, compare_known);
    scan->n = n;
    return true;
}

static void djcache_scan_close(struct store *store, void *ctx)
{
    struct djcache_scan *scan = ctx;
    if (scan->entries)
        closedir(scan->entries);
    arena_release(&scan->arena);
    free(scan);
}

static bool djcache_scan_open(struct store *store, const struct call *call, void **ret,
                              struct err *err)
{
    struct djcache_store *s = djcache(store);
    struct djcache_scan *scan = xcalloc(1, sizeof *scan);
    int fd = open_dir(s->path, err);
    scan->entries = fd < 0 ? NULL : fdopendir(fd);
    if (!scan->entries || !learn_uids(s, scan, call, err)) {
        if (fd >= 0 && !scan->entries)
            fd_close(&fd);
        djcache_scan_close(store, scan);
        return false;
    }
    *ret = scan;
    return true;
}

static bool is_session(const struct value *root)
{
    return root && value_get(root, "tasks") && value_get(root, "instances") &&
           value_get(root, "metas");
}

/* Of a file without a uid the whole is read: the cache keeps other things too. */
static bool row_fill(int dir, const char *name, const struct known *known, const struct call *call,
                     struct arena *arena, struct row *ret)
{
    struct file_content content;
    struct djcache file = {.expires_us = TIME_UNKNOWN};
    struct arena work = ARENA_INIT;
    size_t limit = known ? DJCACHE_HEAD : VALUE_LIMIT;
    bool is_row = file_read(dir, name, limit, 0, call, &work, &content, NULL) && !content.absent;
    if (is_row && !djcache_split(&work, content.bytes, &file, NULL))
        is_row = known; /* a damaged one is shown when it has a name */
    if (is_row && !known && !content.cut) {
        struct document doc = {0};
        struct django_form form;
        django_decode(&work, file.value, VALUE_LIMIT, &doc, &form);
        is_row = is_session(doc.root);
    }
    if (is_row) {
        struct str id = arena_str(arena, known ? known->uid : str_of(name));
        *ret = (struct row){.id = id,
                            .label = id,
                            .bytes = (int64_t)content.st.st_size,
                            .updated_at_us = stat_time_us(&content.st),
                            .expires_at_us = file.expires_us};
    }
    arena_release(&work);
    return is_row;
}

static bool djcache_scan_next(struct store *store, void *ctx, const struct call *call,
                              struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                              struct err *err)
{
    struct djcache_scan *scan = ctx;
    struct row *rows = arena_array(arena, struct row, max);
    size_t n = 0;
    while (n < max) {
        if (!call_check(call, djcache(store)->path, err))
            return false;
        errno = 0;
        const struct dirent *entry = readdir(scan->entries);
        if (!entry && errno)
            return file_failed(err, errno, "%s", djcache(store)->path);
        if (!entry)
            break;
        if (!djcache_is_name(str_of(entry->d_name)))
            continue;
        struct known key = {{0}, STR_NULL};
        memcpy(key.name, entry->d_name, sizeof key.name);
        const struct known *known =
            scan->n ? bsearch(&key, scan->known, scan->n, sizeof key, compare_known) : NULL;
        n += row_fill(dirfd(scan->entries), entry->d_name, known, call, arena, &rows[n]);
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A file as it is now; an absent one is a success. */
struct seen {
    struct document doc;
    struct django_form form;
    struct str bytes;
    struct stat st; /* of a file that is there */
};

/* A session without a uid has a lock without a name. */
static void refuse_unnamed(const struct djcache_store *s, struct document *doc)
{
    if (doc->problem.kind || s->sessions.locks.waived || !djcache_is_name(doc->id))
        return;
    err_set(&doc->problem, ERR_UNSUPPORTED,
            "the file does not tell its uid, so its lock cannot be taken");
    err_hint(&doc->problem, "name the session by its uid");
}

static bool look(const struct djcache_store *s, int dir, struct str id, size_t limit,
                 const struct call *call, struct arena *arena, struct seen *ret, struct err *err)
{
    char name[DJCACHE_NAME];
    struct file_content content;
    struct stat dir_stat;
    struct document *doc = &ret->doc;
    *ret = (struct seen){.doc = {.id = id,
                                 .label = id,
                                 .absent = true,
                                 .updated_at_us = TIME_UNKNOWN,
                                 .expires_at_us = TIME_UNKNOWN}};
    name_of(s, id, name);
    if (!file_read(dir, name, limit, IMAGE_HEAD, call, arena, &content, err))
        return false;
    if (content.absent)
        return true;
    if (fstat(dir, &dir_stat) < 0)
        return file_failed(err, errno, "%s", s->path);
    doc->absent = false;
    doc->bytes = (uint64_t)content.st.st_size;
    doc->updated_at_us = stat_time_us(&content.st);
    ret->st = content.st;
    ret->bytes = content.bytes;
    if (content.cut) {
        doc->truncated = true;
        doc->head = content.bytes;
        return true;
    }
    struct file_owner file = file_owner_of(&content.st), above = file_owner_of(&dir_stat);
    image_head(&file, &above, content.room);
    doc->image = (struct str){content.room, IMAGE_HEAD + content.bytes.len};
    djcache_document(arena, content.bytes, limit, doc, &ret->form);
    refuse_unnamed(s, doc);
    return true;
}

static bool djcache_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                         const struct call *call, struct arena *arena, struct read_item *ret,
                         struct err *err)
{
    struct djcache_store *s = djcache(store);
    CLEANUP(fd_close) int dir = open_dir(s->path, err);
    if (dir < 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct seen seen;
        if (!call_check(call, s->path, err))
            return false;
        ret[i] = (struct read_item){0};
        look(s, dir, ids[i], limit, call, arena, &seen, &ret[i].err);
        ret[i].doc = seen.doc;
    }
    return true;
}

static bool djcache_decode(struct store *store, struct str id, struct str image,
                           struct arena *arena, struct document *ret, struct err *err)
{
    struct image was;
    struct django_form form;
    if (!image_read(image, &was, err))
        return false;
    *ret = (struct document){.id = id,
                             .label = id,
                             .image = image,
                             .bytes = was.text.len,
                             .updated_at_us = TIME_UNKNOWN};
    djcache_document(arena, was.text, VALUE_LIMIT, ret, &form);
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

struct work {
    struct djcache_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct session_hold *hold;
    int dir;
    char name[DJCACHE_NAME];
    struct seen now;
};

static bool encode(struct work *w, struct str *ret, struct err *err)
{
    struct djcache file = {.header = STR_NULL};
    if (w->now.doc.absent)
        w->now.form = djcache_form_new(w->item->after);
    else if (!djcache_split(w->arena, w->now.bytes, &file, err))
        return false;
    const struct value *root =
        django_fill_late(w->arena, w->item->after, &w->now.form, clock_now_us());
    return djcache_write(w->arena, file.header, root, &w->now.form, ret, err);
}

/* The bytes that are to be there, and whose they are. ptr NULL: none. An expiry that is running now
 * runs on; only what has gone comes back with its own. */
static bool wanted(struct work *w, struct str *ret, struct file_owner *ret_owner, struct err *err)
{
    struct image was;
    struct djcache old, now;
    *ret = STR_NULL;
    if (w->item->kind == EDIT_WRITE) {
        if (w->now.doc.problem.kind) {
            *err = w->now.doc.problem;
            return false;
        }
        return encode(w, ret, err);
    }
    if (commit_takes_away(w->item))
        return true;
    if (!image_read(w->item->image, &was, err))
        return false;
    *ret = was.text;
    if (w->now.doc.absent)
        *ret_owner = was.file;
    if (!djcache_split(w->arena, was.text, &old, NULL))
        return true; /* damaged bytes come back as they were */
    if (w->now.doc.absent && old.expires_us < clock_now_us())
        return err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                       STR_ARG(w->item->id));
    if (!w->now.doc.absent && djcache_split(w->arena, w->now.bytes, &now, NULL)) {
        if (now.expires_us < clock_now_us())
            return err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                           STR_ARG(w->item->id));
        *ret = arena_join(w->arena, now.header, old.value, STR_NULL);
    }
    return true;
}

/* Others replace the file by renaming, or touch it in place (4.4). */
static struct file_guard guard_of(struct work *w)
{
    return (struct file_guard){.seen = w->now.doc.absent ? STR_NULL : w->now.bytes,
                               .arena = w->arena};
}

static bool put_file(struct work *w, struct str bytes, const struct file_owner *owner,
                     struct err *err)
{
    struct file_stage stage;
    struct file_guard guard = guard_of(w);
    if (!file_stage(w->dir, bytes, owner, true, &stage, err))
        return false;
    if (session_hold_check(w->hold, err))
        return file_guarded_replace(&guard, &stage, bytes, w->name, err);
    file_stage_drop(&stage);
    return false;
}

static bool remove_file(struct work *w, struct err *err)
{
    struct file_guard guard = guard_of(w);
    return w->now.doc.absent ||
           (session_hold_check(w->hold, err) && file_guarded_remove(&guard, w->dir, w->name, err));
}

static bool look_now(struct work *w, struct err *err)
{
    return look(w->store, w->dir, w->item->id, VALUE_LIMIT, w->call, w->arena, &w->now, err);
}

/* A file that we may not write is not replaced, though the directory would let us; a new one is its
 * directory's owner's, as Django makes it. */
static bool owner_of(const struct work *w, struct file_owner *ret, struct err *err)
{
    enum { DJANGO_MODE = 0600 };
    struct stat st;
    if (fstat(w->dir, &st) < 0)
        return file_failed(err, errno, "%s", w->store->path);
    *ret = (struct file_owner){.mode = DJANGO_MODE, .uid = st.st_uid, .gid = st.st_gid};
    if (w->now.doc.absent)
        return true;
    if (faccessat(w->dir, w->name, W_OK, AT_EACCESS) < 0)
        return file_failed(err, errno, "%s may not be written", w->name);
    *ret = file_owner_of(&w->now.st);
    return true;
}

static bool change_file(struct work *w, struct err *err)
{
    struct str bytes;
    struct file_owner owner;
    if (!owner_of(w, &owner, err) || !wanted(w, &bytes, &owner, err))
        return false;
    if (!(bytes.ptr ? put_file(w, bytes, &owner, err) : remove_file(w, err)))
        return false;
    if (!look_now(w, err))
        return false;
    if (bytes.ptr ? str_eq(w->now.bytes, bytes) : w->now.doc.absent)
        return true;
    w->item->now = w->now.doc;
    return commit_overwritten(w->item, err);
}

/* Under the session's lock; other penstocks are kept out even where there is none. */
static bool change(void *ctx, struct session_hold *hold, struct err *err)
{
    struct work *w = ctx;
    CLEANUP(fd_close) int held = -1;
    w->hold = hold;
    if (!store_may_write(&w->store->sessions.base, err) ||
        !file_dir_hold(w->dir, w->store->sessions.base.opts.lock_wait_ms, w->call, &held, err) ||
        !look_now(w, err))
        return commit_failed(w->item, err);
    w->item->now = w->now.doc;
    if (!commit_compare(w->item, &w->now.doc))
        return true;
    if (!change_file(w, err)) {
        w->item->now = w->now.doc;
        return commit_failed(w->item, err);
    }
    w->item->now = w->now.doc;
    w->item->outcome = OUTCOME_APPLIED;
    return true;
}

static bool djcache_commit(struct store *store, struct commit_item *item, const struct call *call,
                           struct arena *arena, struct err *err)
{
    struct work w = {.store = djcache(store), .item = item, .call = call, .arena = arena};
    CLEANUP(fd_close) int dir = open_dir(w.store->path, err);
    if (dir < 0)
        return false;
    w.dir = dir;
    name_of(w.store, item->id, w.name);
    return session_locks_commit(&w.store->sessions, item, change, &w, call, arena, err);
}

static const char *const params[] = {DJANGO_KEY_PARAMS, NULL};

const struct layout file_triggers_djcache = {
    .system = "triggers",
    .backend = "file",
    .name = "djcache",
    .native = true,
    .params = params,
    .detect = djcache_detect,
    .open = djcache_open,
    .close = djcache_close,
    .probe = djcache_probe,
    .scan_open = djcache_scan_open,
    .scan_next = djcache_scan_next,
    .scan_close = djcache_scan_close,
    .read = djcache_read,
    .decode = djcache_decode,
    .commit = djcache_commit,
    SESSION_LOCK_FUNCTIONS,
};
