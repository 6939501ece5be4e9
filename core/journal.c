#include "core/journal_parts.h"

#include "core/base/mem.h"
#include "core/base/path.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* BUSY_MS: for other programs, each of which syncs what it writes; a disk may take seconds for
 * that. */
enum { SCHEMA_VERSION = 1, BUSY_MS = 30000 };
static const int64_t KEPT_US = 90LL * 86400 * 1000000;

static const char schema[] =
    "create table entries ("
    " n integer primary key, id text not null unique, plan_id text not null, at_us integer not "
    "null,"
    " who text, target text, store text, server text, system text, verb text, reason text,"
    " request text, owner text, undo integer, undoes integer not null, is_redo integer not null);"
    "create table items ("
    " n integer primary key, entry integer not null references entries(n) on delete cascade,"
    " store text, id blob, label blob, kind integer, compare integer, change integer,"
    " before_versions blob, after_versions blob, before_absent integer, after_absent integer,"
    " before_image blob, after_image blob, receipt blob, digest blob, late_paths blob,"
    " before_text text, after_text text, outcome integer not null, verified integer,"
    " detail text, waits_for text, needs integer, undo integer, undoes integer not null);"
    "create index items_entry on items(entry);"
    "create index items_undoes on items(undoes) where undoes <> 0;"
    "create index items_intended on items(store) where outcome = 8;"
    "create index entries_at on entries(at_us);"
    "pragma user_version = 1;";

bool journal_failed(struct journal *j, struct err *err)
{
    int code = sqlite3_errcode(j->db);
    enum err_kind kind =
        code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERR_CORRUPT : ERR_INTERNAL;
    err_set(err, kind, "journal %s: %s", j->path, sqlite3_errmsg(j->db));
    return err_hint(err, "changes are refused while the journal cannot be written; browsing works");
}

static bool run_sql(struct journal *j, const char *sql, struct err *err)
{
    return sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK || journal_failed(j, err);
}

bool journal_prepare(struct journal *j, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    return sqlite3_prepare_v2(j->db, sql, -1, ret, NULL) == SQLITE_OK || journal_failed(j, err);
}

/* --- opening -------------------------------------------------------------------------------- */

/* What lasts and what does not: a journal in memory or in a container's layer is gone when it is
 * needed most. */
static void look_at_filesystem(struct journal *j, bool *ret_wal)
{
    struct statfs fs;
    *ret_wal = true;
    if (statfs(j->path, &fs) < 0)
        return;
    switch ((unsigned long)fs.f_type) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
        j->warning = STR("the journal lies in memory (tmpfs): undo ends with the next restart");
        break;
    case OVERLAYFS_SUPER_MAGIC:
        j->warning = STR("the journal lies in a container layer: undo ends with the container");
        break;
    case NFS_SUPER_MAGIC:
        *ret_wal = false; /* shared memory of a WAL does not work over NFS */
        break;
    }
}

/* SQLite does not call the busy handler for this one: two programs may make the file at once. */
static bool set_mode(struct journal *j, const char *sql, struct err *err)
{
    enum { STEP_MS = 20 };
    for (int waited = 0; sqlite3_exec(j->db, sql, NULL, NULL, NULL) != SQLITE_OK;
         waited += STEP_MS) {
        if ((sqlite3_errcode(j->db) & 0xff) != SQLITE_BUSY || waited >= BUSY_MS)
            return journal_failed(j, err);
        sqlite3_sleep(STEP_MS);
    }
    return true;
}

static bool prepare_file(struct journal *j, struct err *err)
{
    bool wal;
    look_at_filesystem(j, &wal);
    if (!set_mode(j, wal ? "pragma journal_mode = wal" : "pragma journal_mode = delete", err) ||
        !run_sql(j, "pragma foreign_keys = on", err) || !run_sql(j, "begin immediate", err))
        return false;
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!journal_prepare(j, "pragma user_version", &stmt, err))
        return false;
    int version = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : 0;
    sqlite3_reset(stmt);
    if (version > SCHEMA_VERSION)
        return err_set(err, ERR_UNSUPPORTED, "journal %s: written by a newer penstock", j->path);
    if (version == 0 && !run_sql(j, schema, err))
        return false;
    return run_sql(j, "commit", err);
}

/* A program that died while it made the file left one without tables. */
static bool is_made(struct journal *j, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!journal_prepare(j, "pragma user_version", &stmt, err))
        return false;
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW)
        return journal_failed(j, err);
    return sqlite3_column_int(stmt, 0) > 0 ||
           err_set(err, ERR_NOT_FOUND, "journal %s: nothing was ever recorded here", j->path);
}

bool journal_open(const char *path, bool read_only, struct journal **ret, struct err *err)
{
    if (read_only && access(path, F_OK) != 0)
        return err_set(err, ERR_NOT_FOUND, "journal %s: nothing was ever recorded here", path);
    if (!read_only && !path_make_parents(path, 0700, err))
        return err_context(err, "journal %s", path);
    struct journal *j = xcalloc(1, sizeof *j);
    j->path = xstrdup(path);
    bool is_new = !read_only && access(path, F_OK) != 0;
    /* Also to look: what a crash left must be recovered before it can be read, and the file is
     * ours. SQLite opens one that we may not write for reading only. */
    int flags = read_only ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &j->db, flags | SQLITE_OPEN_FULLMUTEX, NULL);
    bool ok = rc == SQLITE_OK || journal_failed(j, err);
    /* Still empty here; what SQLite puts beside it gets the same mode. Not by the umask, which
     * would hold for files that other threads make meanwhile. */
    if (ok && is_new && chmod(path, 0600) < 0)
        ok = err_set(err, ERR_INTERNAL, "journal %s: cannot set its mode: %s", path,
                     strerror(errno));
    if (ok)
        sqlite3_busy_timeout(j->db, BUSY_MS);
    if (ok && read_only)
        ok = run_sql(j, "pragma query_only = on", err) && is_made(j, err);
    if (ok && !read_only) {
        size_t ignored;
        ok = prepare_file(j, err) && journal_prune(j, clock_now_us() - KEPT_US, &ignored, err);
    }
    if (!ok) {
        journal_close(j);
        return false;
    }
    *ret = j;
    return true;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    sqlite3_close(journal->db);
    free(journal->path);
    free(journal);
}

struct str journal_warning(const struct journal *journal)
{
    return journal->warning;
}

/* --- writing -------------------------------------------------------------------------------- */

static struct str versions_blob(const struct version v[PARTS_MAX])
{
    return (struct str){(const char *)v, sizeof(struct version[PARTS_MAX])};
}

/* Pointers are NUL-free texts, so NUL separates them. */
static struct str join_paths(struct sbuf *out, const struct str *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sbuf_str(out, paths[i]);
        sbuf_char(out, '\0');
    }
    return sbuf_view(out);
}

static bool insert_item(struct journal *j, int64_t entry, struct journal_item *item,
                        struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!journal_prepare(
            j,
            "insert into items (entry, store, id, label, kind, compare, change,"
            " before_versions, before_absent, after_absent, before_image, digest, late_paths,"
            " before_text, after_text, outcome, undo, undoes, waits_for, needs, receipt)"
            " values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            &stmt, err))
        return false;
    CLEANUP(sbuf_release) struct sbuf paths = SBUF_INIT;
    sqlite3_bind_int64(stmt, 1, entry);
    bind_str(stmt, 2, item->store);
    bind_blob(stmt, 3, item->id);
    bind_blob(stmt, 4, item->label);
    sqlite3_bind_int(stmt, 5, (int)item->kind);
    sqlite3_bind_int64(stmt, 6, item->compare);
    sqlite3_bind_int64(stmt, 7, item->change);
    bind_blob(stmt, 8, versions_blob(item->before));
    sqlite3_bind_int(stmt, 9, item->before_absent);
    sqlite3_bind_int(stmt, 10, item->after_absent);
    bind_blob(stmt, 11, item->before_image);
    bind_blob(stmt, 12, (struct str){(const char *)item->digest, sizeof item->digest});
    bind_blob(stmt, 13, join_paths(&paths, item->late_paths, item->nlate));
    bind_str(stmt, 14, item->before_text);
    bind_str(stmt, 15, item->after_text);
    sqlite3_bind_int(stmt, 16, OUTCOME_INTENDED);
    sqlite3_bind_int(stmt, 17, (int)item->undo);
    sqlite3_bind_int64(stmt, 18, item->undoes);
    bind_str(stmt, 19, item->waits_for);
    sqlite3_bind_int64(stmt, 20, item->needs);
    bind_blob(stmt, 21, item->receipt);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return journal_failed(j, err);
    item->n = sqlite3_last_insert_rowid(j->db);
    item->outcome = OUTCOME_INTENDED;
    return true;
}

static bool insert_entry(struct journal *j, struct journal_entry *e, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!journal_prepare(
            j,
            "insert into entries (id, plan_id, at_us, who, target, store, server, system, verb,"
            " reason, request, undo, undoes, is_redo, owner)"
            " values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            &stmt, err))
        return false;
    const struct str texts[] = {e->who,    e->target, e->store,  e->server,
                                e->system, e->verb,   e->reason, e->request};
    bind_str(stmt, 1, str_of(e->id));
    bind_str(stmt, 2, str_of(e->plan_id));
    sqlite3_bind_int64(stmt, 3, e->at_us);
    for (int i = 0; i < 8; i++)
        bind_str(stmt, 4 + i, texts[i]);
    sqlite3_bind_int(stmt, 12, (int)e->undo);
    sqlite3_bind_int64(stmt, 13, e->undoes);
    sqlite3_bind_int(stmt, 14, e->is_redo);
    bind_str(stmt, 15, e->owner);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return journal_failed(j, err);
    e->n = sqlite3_last_insert_rowid(j->db);
    return true;
}

bool journal_begin(struct journal *journal, struct journal_entry *entry, struct err *err)
{
    uint8_t id[6];
    random_bytes(id, sizeof id);
    hex_encode(id, sizeof id, entry->id);
    if (!run_sql(journal, "pragma synchronous = full; begin immediate", err))
        return false;
    bool ok = insert_entry(journal, entry, err);
    for (size_t i = 0; ok && i < entry->nitems; i++)
        ok = insert_item(journal, entry->n, &entry->items[i], err);
    if (ok && run_sql(journal, "commit", err))
        return run_sql(journal, "pragma synchronous = normal", err);
    sqlite3_exec(journal->db, "rollback", NULL, NULL, NULL);
    return false;
}

bool journal_record(struct journal *journal, const struct journal_item *item, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!journal_prepare(journal,
                         "update items set after_versions = ?, after_absent = ?, after_image = ?,"
                         " receipt = ?, outcome = ?, verified = ?, detail = ? where n = ?",
                         &stmt, err))
        return false;
    bind_blob(stmt, 1, versions_blob(item->after));
    sqlite3_bind_int(stmt, 2, item->after_absent);
    bind_blob(stmt, 3, item->after_image);
    bind_blob(stmt, 4, item->receipt);
    sqlite3_bind_int(stmt, 5, (int)item->outcome);
    sqlite3_bind_int(stmt, 6, item->verified);
    bind_str(stmt, 7, item->detail);
    sqlite3_bind_int64(stmt, 8, item->n);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return journal_failed(journal, err);
    if (sqlite3_changes(journal->db) != 1)
        return err_set(err, ERR_INTERNAL, "journal %s: item %lld is not there", journal->path,
                       (long long)item->n);
    return true;
}

bool journal_sync(struct journal *journal, struct err *err)
{
    /* With `full` a commit syncs the log, and with it all that stands in it before. */
    return run_sql(journal, "pragma synchronous = full", err) &&
           run_sql(journal, "begin immediate; pragma user_version = 1; commit", err) &&
           run_sql(journal, "pragma synchronous = normal", err);
}

bool journal_prune(struct journal *journal, int64_t older_than_us, size_t *ret_n, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    /* What is being applied, or a crash left, cannot do without its pre-images. */
    if (!journal_prepare(journal,
                         "delete from entries where at_us < ? and not exists"
                         " (select 1 from items where entry = entries.n and outcome = 8)",
                         &stmt, err))
        return false;
    sqlite3_bind_int64(stmt, 1, older_than_us);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return journal_failed(journal, err);
    *ret_n = (size_t)sqlite3_changes(journal->db);
    return true;
}
