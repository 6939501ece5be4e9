/* How a SQLite file can be looked at without leaving a trace; for client.c alone. */
#ifndef PENSTOCK_SQLITE_VIEW_H
#define PENSTOCK_SQLITE_VIEW_H

#include "core/base/call.h"
#include "core/base/str.h"

#include <sqlite3.h>
#include <sys/stat.h>

/* What lies beside each other on the disk at one moment. */
struct sqlite_side {
    bool there;
    struct stat st;
};
struct sqlite_sides {
    struct sqlite_side db, wal, shm;
};
void sqlite_sides_take(const char *path, struct sqlite_sides *ret);

struct sqlite_view {
    sqlite3 *db;
    enum sqlite_view_kind {
        VIEW_LIVE,      /* locks and -shm are used as any reader does */
        VIEW_IMMUTABLE, /* no locks: good only if the file is unchanged afterwards */
        VIEW_COPY,      /* a private copy: good if the file was unchanged while it was taken */
    } kind;
    struct sqlite_sides before;
};

/* Opens `path` (without symbolic links) for reading and touches it. *ret_again: what lies on the
 * disk changed meanwhile or is locked, a new attempt may do better. The caller closes view.db. */
bool sqlite_view_open(const char *path, const struct call *call, struct sqlite_view *ret,
                      bool *ret_again, struct err *err);
/* Is what was read through the view good? */
bool sqlite_view_held(const char *path, const struct sqlite_view *view);

/* "file:" URI with everything but plain letters escaped. `out` is an empty buffer. */
void sqlite_uri(struct sbuf *out, const char *path, const char *query);

/* Kind and text of an error: "path: message". */
bool sqlite_db_fail(sqlite3 *db, const char *what, const struct call *call, struct err *err);

#endif
