/* What all layouts on files share: a directory of records, each one JSON file beside its lock. A
 * layout gives its names (struct file_layout); opening, scanning, reading, locks and commits are
 * written once.
 *
 * The base directory may be reached through symbolic links; below it none is followed: a record
 * whose directory, file or lock is a link is listed, and reading it is refused. The directory is
 * opened anew by every call, so a store that was moved away and replaced is seen as it is. */
#ifndef PENSTOCK_FILE_STORE_H
#define PENSTOCK_FILE_STORE_H

#include "backends/content.h"
#include "backends/file/image.h"
#include "backends/file/lock.h"
#include "core/store_driver.h"

#include <limits.h>

struct file_names {
    char dir[NAME_MAX + 1]; /* the record's own directory, or "" */
    char file[NAME_MAX + 1];
    char lock[NAME_MAX + 1];
};

struct file_layout {
    struct layout layout;
    bool subdir;                         /* records lie in <dir>/<system> */
    bool own_dir;                        /* each record has a directory of its own */
    struct content_format format;        /* less the system */
    const struct file_lock_format *lock; /* NULL: the system takes none */
    int64_t lock_timeout_us;
    const char *timeout_param; /* address parameter in seconds, or NULL */
    bool (*names)(struct str id, struct file_names *ret, struct err *err);
    /* Whether the records at `path` are of this layout and not of another with the same files;
     * NULL: there is no such other. */
    bool (*owns)(const char *path, const struct call *call);
    /* Id of an entry of the directory, or STR_NULL when it is no record's. */
    struct str (*id)(const char *entry, struct arena *arena);
};

struct file_store {
    struct store base; /* first, so the two pointers convert */
    const struct file_layout *files;
    struct content_format format;
    struct file_locks locks;
    const char *path; /* the directory of the records; below the address's for `subdir` */
};

extern const struct layout file_vdk_properties;
extern const struct file_layout file_meltano, file_meltano_windows, file_vdk, file_plain_etl,
    file_plain_triggers;
extern const struct layout file_triggers_djcache;

/* Functions of struct layout. */
bool file_detect(const struct layout *layout, const struct address *address,
                 const struct call *call, struct err *err);
bool file_store_open(const struct layout *layout, const struct address *address,
                     const struct store_opts *opts, const struct call *call, struct store **ret,
                     struct err *err);
void file_store_close(struct store *store);
bool file_probe(struct store *store, const struct call *call, struct err *err);
bool file_scan_open(struct store *store, const struct call *call, void **ret, struct err *err);
bool file_scan_next(struct store *store, void *scan, const struct call *call, struct arena *arena,
                    size_t max, struct row **ret, size_t *ret_n, struct err *err);
void file_scan_close(struct store *store, void *scan);
bool file_store_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                     const struct call *call, struct arena *arena, struct read_item *ret,
                     struct err *err);
bool file_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                 struct document *ret, struct err *err);
bool file_check_id(struct store *store, struct str id, struct err *err);
bool file_commit(struct store *store, struct commit_item *item, const struct call *call,
                 struct arena *arena, struct err *err);
bool file_locks(struct store *store, const struct str *ids, size_t n, const struct call *call,
                struct arena *arena, struct lock **ret, struct err *err);
bool file_lock_hold(struct store *store, struct str id, int64_t seconds, const struct call *call,
                    struct str *ret_token, struct arena *arena, struct err *err);
bool file_hold_release(struct store *store, struct str id, struct str token,
                       const struct call *call, struct err *err);

/* For a designated initialiser; the second where records have locks. */
#define FILE_LAYOUT_FUNCTIONS                                                                      \
    .detect = file_detect, .open = file_store_open, .close = file_store_close,                     \
    .probe = file_probe, .scan_open = file_scan_open, .scan_next = file_scan_next,                 \
    .scan_close = file_scan_close, .read = file_store_read, .decode = file_decode,                 \
    .check_id = file_check_id, .commit = file_commit
#define FILE_LOCK_FUNCTIONS                                                                        \
    .locks = file_locks, .lock_hold = file_lock_hold, .lock_release = file_hold_release,           \
    .breaks_locks = true

/* --- within backends/file --------------------------------------------------------------------- */

/* Where a record lies: the directory of its file and lock. */
struct file_place {
    struct file_names names;
    int base; /* -1: the store's directory is not there yet */
    int dir;  /* -1: the record's directory is not there */
    bool made;
};

/* Finds it; with `make` (may be NULL) says who is to own directories that have to be made. */
bool file_place_find(struct file_store *fs, struct str id, struct file_place *ret, struct err *err);
bool file_place_make(struct file_store *fs, const struct file_owner *keep, struct file_place *place,
                     struct err *err);
void file_place_close(struct file_place *place);

/* Reads the record at a place; a document with a problem is a success. */
bool file_place_read(struct file_store *fs, const struct file_place *place, struct str id,
                     size_t limit, const struct call *call, struct arena *arena,
                     struct document *ret, struct err *err);

#endif
