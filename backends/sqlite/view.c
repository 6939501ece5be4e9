#include "backends/sqlite/view.h"

#include "core/base/arena.h"
#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAL_HEADER_BYTES = 32 };
enum { HEADER_BYTES = 100, WRITE_VERSION_AT = 18, WRITE_VERSION_WAL = 2, CHUNK = 256 * 1024 };

/* --- what lies on the disk ------------------------------------------------------------------ */

static struct sqlite_side side_of(const char *path, const char *suffix)
{
    struct sbuf name = SBUF_INIT;
    sbuf_cstr(&name, path);
    sbuf_cstr(&name, suffix);
    struct sqlite_side side = {0};
    side.there = stat(sbuf_view(&name).ptr, &side.st) == 0;
    sbuf_release(&name);
    return side;
}

void sqlite_sides_take(const char *path, struct sqlite_sides *ret)
{
    *ret = (struct sqlite_sides){side_of(path, ""), side_of(path, "-wal"), side_of(path, "-shm")};
}

static bool side_same(const struct sqlite_side *a, const struct sqlite_side *b)
{
    if (!a->there || !b->there)
        return a->there == b->there;
    return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino &&
           a->st.st_size == b->st.st_size && a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
           a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec &&
           a->st.st_ctim.tv_sec == b->st.st_ctim.tv_sec &&
           a->st.st_ctim.tv_nsec == b->st.st_ctim.tv_nsec;
}

static bool sides_unchanged(const char *path, const struct sqlite_sides *before)
{
    struct sqlite_sides now;
    sqlite_sides_take(path, &now);
    return side_same(&before->db, &now.db) && side_same(&before->wal, &now.wal) &&
           before->shm.there == now.shm.there;
}

bool sqlite_view_held(const char *path, const struct sqlite_view *view)
{
    return view->kind != VIEW_IMMUTABLE || sides_unchanged(path, &view->before);
}

/* --- opening -------------------------------------------------------------------------------- */

void sqlite_uri(struct sbuf *out, const char *path, const char *query)
{
    sbuf_cstr(out, "file:");
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= 'a' && *p <= 'z') || strchr("/._-~", *p);
        if (plain)
            sbuf_char(out, (char)*p);
        else
            sbuf_printf(out, "%%%02X", *p);
    }
    sbuf_char(out, '?');
    sbuf_cstr(out, query);
}

static void db_close(sqlite3 **db)
{
    sqlite3_close(*db);
    *db = NULL;
}

/* Opens and reads the schema, which is when SQLite looks at the file. Returns its extended code. */
static int open_touched(const char *path, const char *query, bool touch, sqlite3 **ret)
{
    struct sbuf uri = SBUF_INIT;
    sqlite_uri(&uri, path, query);
    bool writable = strstr(query, "mode=rw") != NULL;
    int flags = (writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_URI |
                SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(sbuf_view(&uri).ptr, ret, flags, NULL);
    sbuf_release(&uri);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(*ret, 1);
    sqlite3_db_config(*ret, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(*ret, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (touch)
        rc = sqlite3_exec(*ret, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    return rc;
}

/* The file's own handle. Reading through it instead of a descriptor of our own matters: closing any
 * descriptor of a file drops the POSIX locks that the whole process holds on it. */
static sqlite3_file *file_of(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return file;
}

static bool is_wal(sqlite3 *db)
{
    unsigned char header[HEADER_BYTES] = {0};
    sqlite3_file *file = file_of(db);
    return file && file->pMethods &&
           file->pMethods->xRead(file, header, sizeof header, 0) == SQLITE_OK &&
           header[WRITE_VERSION_AT] == WRITE_VERSION_WAL;
}

/* --- the private copy ----------------------------------------------------------------------- */

/* Copies a file: `from` when there is a handle, else the path `name`. */
static bool copy_file(sqlite3_file *from, const char *name, const char *to, const struct call *call,
                      struct err *err)
{
    sqlite3_int64 size = 0, at = 0;
    CLEANUP(fd_close) int in = from ? -1 : open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(fd_close) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if ((!from && in < 0) || out < 0)
        return err_set(err, errno == EACCES ? ERR_DENIED : ERR_UNAVAILABLE, "%s: %s",
                       out < 0 ? to : name, strerror(errno));
    if (from && from->pMethods->xFileSize(from, &size) != SQLITE_OK)
        return err_set(err, ERR_UNAVAILABLE, "%s: cannot be read", name);
    char *chunk = xcalloc(1, CHUNK);
    bool ok = true;
    for (;;) {
        ssize_t n;
        if (from) {
            n = size - at < CHUNK ? (ssize_t)(size - at) : CHUNK;
            if (n && from->pMethods->xRead(from, chunk, (int)n, at) != SQLITE_OK)
                n = -1;
        } else {
            n = read(in, chunk, CHUNK);
        }
        if (n == 0)
            break;
        ok = n > 0 && fd_write_all(out, (struct str){chunk, (size_t)n});
        if (!ok)
            err_set(err, ERR_UNAVAILABLE, "cannot copy %s to %s: %s", name, to,
                    n < 0 ? "it cannot be read" : strerror(errno));
        ok = ok && call_check(call, name, err);
        if (!ok)
            break;
        at += n;
    }
    free(chunk);
    return ok;
}

/* Copies the file and its journal (`suffix`) into a directory of our own and opens the copy. The
 * names are gone before this returns: the open descriptors are all that is left of it. */
static bool copy_open(const char *path, const char *suffix, const struct call *call, sqlite3 **ret,
                      struct err *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    struct arena a = ARENA_INIT;
    const char *tmp = getenv("TMPDIR");
    char *dir = arena_cstr(&a, arena_printf(&a, "%s/penstock-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
    CLEANUP(db_close) sqlite3 *original = NULL;
    int rc = open_touched(path, "mode=ro&immutable=1", false, &original);
    bool ok = rc == SQLITE_OK || sqlite_db_fail(original, path, call, err);
    if (ok && !mkdtemp(dir)) {
        arena_release(&a);
        return err_set(err, ERR_UNAVAILABLE, "cannot make a directory for a private copy of %s: %s",
                       path, strerror(errno));
    }
    if (ok) {
        const char *copy = arena_printf(&a, "%s/db", dir).ptr;
        const char *side = arena_printf(&a, "%s%s", path, suffix).ptr;
        ok = copy_file(file_of(original), path, copy, call, err) &&
             copy_file(NULL, side, arena_printf(&a, "%s%s", copy, suffix).ptr, call, err);
        if (ok) {
            rc = open_touched(copy, "mode=rw", true, ret);
            ok = rc == SQLITE_OK || sqlite_db_fail(*ret, path, call, err);
        }
        for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
            unlink(arena_printf(&a, "%s%s", copy, suffixes[i]).ptr);
        rmdir(dir);
    }
    arena_release(&a);
    return ok;
}

/* --- choosing ------------------------------------------------------------------------------- */

static bool open_chosen(const char *path, const struct call *call, struct sqlite_view *view,
                        struct err *err)
{
    int rc = open_touched(path, "mode=ro&immutable=1", false, &view->db);
    if (rc != SQLITE_OK)
        return sqlite_db_fail(view->db, path, call, err);
    bool wal = is_wal(view->db);
    /* A -wal without a frame holds nothing. A writer that died behind its header leaves one, on
     * which SQLite's own read-only opening spins for ten seconds and gives up
     * (SQLITE_PROTOCOL, 3.40). */
    if (wal && (!view->before.wal.there || view->before.wal.st.st_size <= WAL_HEADER_BYTES)) {
        view->kind = VIEW_IMMUTABLE;
        rc = sqlite3_exec(view->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
        return rc == SQLITE_OK || sqlite_db_fail(view->db, path, call, err);
    }
    db_close(&view->db);
    if (!wal || view->before.shm.there) {
        /* readonly_shm: an existing -shm is used as it is, a missing one is not made, whatever
         * happens between our looking and SQLite's. */
        rc = open_touched(path, "mode=ro&readonly_shm=1", true, &view->db);
        if (rc == SQLITE_OK)
            return true;
        bool needs_recovery = rc == SQLITE_READONLY_ROLLBACK || rc == SQLITE_READONLY_CANTINIT ||
                              rc == SQLITE_READONLY_RECOVERY ||
                              (wal && (rc & 0xff) == SQLITE_CANTOPEN);
        if (!needs_recovery)
            return sqlite_db_fail(view->db, path, call, err);
        db_close(&view->db);
    }
    view->kind = VIEW_COPY;
    return copy_open(path, wal ? "-wal" : "-journal", call, &view->db, err);
}

bool sqlite_view_open(const char *path, const struct call *call, struct sqlite_view *ret,
                      bool *ret_again, struct err *err)
{
    struct sqlite_view view = {.kind = VIEW_LIVE};
    *ret_again = false;
    sqlite_sides_take(path, &view.before);
    if (!view.before.db.there || !S_ISREG(view.before.db.st.st_mode))
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", path,
                       view.before.db.there ? "not a file" : "no such file");
    bool ok = open_chosen(path, call, &view, err);
    if (ok && (view.kind == VIEW_LIVE || sides_unchanged(path, &view.before))) {
        *ret = view;
        return true;
    }
    /* Whoever closes the file last holds it exclusively and takes the side files away; behind that
     * lock another mode is the right one. */
    bool locked = !ok && (sqlite3_errcode(view.db) & 0xff) == SQLITE_BUSY;
    *ret_again = ok || locked || !sides_unchanged(path, &view.before);
    sqlite3_close(view.db);
    return ok ? err_set(err, ERR_CONFLICT, "%s: changed while it was opened", path) : false;
}
