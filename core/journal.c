#include "core/journal.h"

#include "core/base/cleanup.h"
#include "core/base/mem.h"
#include "core/base/path.h"

#include <errno.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 1, BUSY_MS = 5000 };
static const int64_t KEPT_US = 90LL * 86400 * 1000000;

struct journal {
    sqlite3 *db;
    char *path;
    struct str warning;
};

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

_Static_assert(OUTCOME_INTENDED == 8, "the index above names the number that stands in the file");

static void stmt_finalize(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

static bool failed(struct journal *j, struct err *err)
{
    int code = sqlite3_errcode(j->db);
    enum err_kind kind =
        code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERR_CORRUPT : ERR_INTERNAL;
    err_set(err, kind, "journal %s: %s", j->path, sqlite3_errmsg(j->db));
    return err_hint(err, "changes are refused while the journal cannot be written; browsing works");
}

static bool run_sql(struct journal *j, const char *sql, struct err *err)
{
    return sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(j, err);
}

static bool prepare(struct journal *j, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    return sqlite3_prepare_v2(j->db, sql, -1, ret, NULL) == SQLITE_OK || failed(j, err);
}

/* --- binding and reading by position; ptr NULL is SQL NULL ------------------------------------ */

static void bind_str(sqlite3_stmt *stmt, int i, struct str s)
{
    if (s.ptr)
        sqlite3_bind_text64(stmt, i, s.ptr, s.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(sqlite3_stmt *stmt, int i, struct str s)
{
    if (s.ptr)
        sqlite3_bind_blob64(stmt, i, s.len ? s.ptr : "", s.len, SQLITE_STATIC);
}

static struct str column_str(sqlite3_stmt *stmt, int i, struct arena *arena)
{
    if (sqlite3_column_type(stmt, i) == SQLITE_NULL)
        return STR_NULL;
    const char *p = sqlite3_column_blob(stmt, i);
    size_t len = (size_t)sqlite3_column_bytes(stmt, i);
    return arena_str(arena, (struct str){p, len});
}

static void column_bytes(sqlite3_stmt *stmt, int i, void *out, size_t len)
{
    if ((size_t)sqlite3_column_bytes(stmt, i) == len)
        memcpy(out, sqlite3_column_blob(stmt, i), len);
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
            return failed(j, err);
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
    if (!prepare(j, "pragma user_version", &stmt, err))
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
    if (!prepare(j, "pragma user_version", &stmt, err))
        return false;
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW)
        return failed(j, err);
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
    bool ok = rc == SQLITE_OK || failed(j, err);
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

static size_t split_paths(struct arena *arena, struct str joined, const struct str **ret)
{
    size_t n = 0, i = 0;
    for (size_t at = 0; at < joined.len; at++)
        n += joined.ptr[at] == '\0';
    struct str *paths = arena_array(arena, struct str, n);
    while (i < n) {
        ptrdiff_t end = str_index(joined, '\0');
        paths[i++] = str_sub(joined, 0, (size_t)end);
        joined = str_sub(joined, (size_t)end + 1, joined.len);
    }
    *ret = paths;
    return n;
}

static bool insert_item(struct journal *j, int64_t entry, struct journal_item *item,
                        struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!prepare(j,
                 "insert into items (entry, store, id, label, kind, compare, change,"
                 " before_versions, before_absent, after_absent, before_image, digest, late_paths,"
                 " before_text, after_text, outcome, undo, undoes, waits_for, needs)"
                 " values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
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
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return failed(j, err);
    item->n = sqlite3_last_insert_rowid(j->db);
    item->outcome = OUTCOME_INTENDED;
    return true;
}

static bool insert_entry(struct journal *j, struct journal_entry *e, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!prepare(
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
        return failed(j, err);
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
    if (!prepare(journal,
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
        return failed(journal, err);
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

/* --- reading -------------------------------------------------------------------------------- */

/* An entry counts as undone when every item it applied was restored by a later one. "undoes <> 0"
 * follows from the equation, but without the words SQLite does not take the partial index. */
#define APPLIED "1"
#define RESTORES_I "u.undoes = i.n and u.undoes <> 0 and u.outcome = " APPLIED
#define ENTRY_COLUMNS                                                                              \
    "e.n, e.id, e.plan_id, e.at_us, e.who, e.target, e.store, e.server, e.system, e.verb,"         \
    " e.reason, e.request, e.undo, e.undoes, e.is_redo,"                                           \
    " (select count(*) from items i where i.entry = e.n),"                                         \
    " (select count(*) from items i where i.entry = e.n and i.outcome = " APPLIED "),"             \
    " (select count(*) from items i where i.entry = e.n and i.outcome not in (1, 2)),"             \
    " case when exists (select 1 from items i where i.entry = e.n and i.outcome = " APPLIED        \
    "   and not exists (select 1 from items u where " RESTORES_I "))"                              \
    "  then 0 else coalesce((select max(u.entry) from items i join items u on " RESTORES_I         \
    "   where i.entry = e.n), 0) end, e.owner,"                                                    \
    " (select count(*) from items i where i.entry = e.n and i.outcome = 8),"                       \
    " (select i.label from items i where i.entry = e.n order by i.n limit 1)"

_Static_assert(OUTCOME_APPLIED == 1 && OUTCOME_UNCHANGED == 2, "the numbers in the queries");

static void copy_id(char out[13], sqlite3_stmt *stmt, int i)
{
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    snprintf(out, 13, "%s", text ? text : "");
}

static struct journal_entry entry_from(sqlite3_stmt *stmt, struct arena *arena)
{
    struct journal_entry e = {
        .n = sqlite3_column_int64(stmt, 0),
        .at_us = sqlite3_column_int64(stmt, 3),
        .who = column_str(stmt, 4, arena),
        .target = column_str(stmt, 5, arena),
        .store = column_str(stmt, 6, arena),
        .server = column_str(stmt, 7, arena),
        .system = column_str(stmt, 8, arena),
        .verb = column_str(stmt, 9, arena),
        .reason = column_str(stmt, 10, arena),
        .request = column_str(stmt, 11, arena),
        .undo = (enum undo_scope)sqlite3_column_int(stmt, 12),
        .undoes = sqlite3_column_int64(stmt, 13),
        .is_redo = sqlite3_column_int(stmt, 14),
        .nitems = (size_t)sqlite3_column_int64(stmt, 15),
        .applied = (size_t)sqlite3_column_int64(stmt, 16),
        .failed = (size_t)sqlite3_column_int64(stmt, 17),
        .undone_by = sqlite3_column_int64(stmt, 18),
        .owner = column_str(stmt, 19, arena),
        .intended = (size_t)sqlite3_column_int64(stmt, 20),
        .first = column_str(stmt, 21, arena),
    };
    copy_id(e.id, stmt, 1);
    copy_id(e.plan_id, stmt, 2);
    return e;
}

static bool collect_entries(struct journal *j, sqlite3_stmt *stmt, struct arena *arena,
                            struct journal_entry **ret, size_t *ret_n, struct err *err)
{
    size_t n = 0, cap = 0;
    struct journal_entry *entries = NULL;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        entries = arena_grow(arena, entries, n, &cap, sizeof *entries);
        entries[n++] = entry_from(stmt, arena);
    }
    if (rc != SQLITE_DONE)
        return failed(j, err);
    *ret = entries;
    *ret_n = n;
    return true;
}

bool journal_list(struct journal *journal, struct arena *arena, int64_t since_us, struct str store,
                  struct journal_entry **ret, size_t *ret_n, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!prepare(journal,
                 "select " ENTRY_COLUMNS " from entries e where e.at_us >= ?1"
                 " and (?2 is null or e.store = ?2) order by e.n desc",
                 &stmt, err))
        return false;
    sqlite3_bind_int64(stmt, 1, since_us);
    bind_str(stmt, 2, store);
    return collect_entries(journal, stmt, arena, ret, ret_n, err);
}

bool journal_open_entries(struct journal *journal, struct arena *arena, struct journal_entry **ret,
                          size_t *ret_n, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    return prepare(journal,
                   "select " ENTRY_COLUMNS " from entries e where e.n in"
                   " (select entry from items where outcome = 8) order by e.n desc",
                   &stmt, err) &&
           collect_entries(journal, stmt, arena, ret, ret_n, err);
}

#define ITEM_COLUMNS                                                                               \
    "i.n, i.store, i.id, i.label, i.kind, i.compare, i.change, i.before_versions,"                 \
    " i.after_versions, i.before_absent, i.after_absent, i.before_image, i.after_image,"           \
    " i.receipt, i.digest, i.late_paths, i.before_text, i.after_text, i.outcome, i.verified,"      \
    " i.detail, i.undo, i.undoes, i.waits_for, i.needs,"                                           \
    " exists (select 1 from items u where " RESTORES_I ")"

static struct journal_item item_from(sqlite3_stmt *stmt, struct arena *arena)
{
    struct journal_item item = {
        .n = sqlite3_column_int64(stmt, 0),
        .store = column_str(stmt, 1, arena),
        .id = column_str(stmt, 2, arena),
        .label = column_str(stmt, 3, arena),
        .kind = (enum edit_kind)sqlite3_column_int(stmt, 4),
        .compare = (unsigned)sqlite3_column_int64(stmt, 5),
        .change = (unsigned)sqlite3_column_int64(stmt, 6),
        .before_absent = sqlite3_column_int(stmt, 9),
        .after_absent = sqlite3_column_int(stmt, 10),
        .before_image = column_str(stmt, 11, arena),
        .after_image = column_str(stmt, 12, arena),
        .receipt = column_str(stmt, 13, arena),
        .before_text = column_str(stmt, 16, arena),
        .after_text = column_str(stmt, 17, arena),
        .outcome = (enum outcome)sqlite3_column_int(stmt, 18),
        .verified = sqlite3_column_int(stmt, 19),
        .detail = column_str(stmt, 20, arena),
        .undo = (enum undo_scope)sqlite3_column_int(stmt, 21),
        .undoes = sqlite3_column_int64(stmt, 22),
        .waits_for = column_str(stmt, 23, arena),
        .needs = sqlite3_column_int64(stmt, 24),
        .undone = sqlite3_column_int(stmt, 25),
    };
    column_bytes(stmt, 7, item.before, sizeof item.before);
    column_bytes(stmt, 8, item.after, sizeof item.after);
    column_bytes(stmt, 14, item.digest, sizeof item.digest);
    item.nlate = split_paths(arena, column_str(stmt, 15, arena), &item.late_paths);
    return item;
}

static bool collect_items(struct journal *j, sqlite3_stmt *stmt, struct arena *arena,
                          struct journal_item **ret, size_t *ret_n, struct err *err)
{
    size_t n = 0, cap = 0;
    struct journal_item *items = NULL;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        items = arena_grow(arena, items, n, &cap, sizeof *items);
        items[n++] = item_from(stmt, arena);
    }
    if (rc != SQLITE_DONE)
        return failed(j, err);
    *ret = items;
    *ret_n = n;
    return true;
}

bool journal_load(struct journal *journal, struct arena *arena, struct str id,
                  struct journal_entry *ret, struct err *err)
{
    enum { SHORTEST = 4 };
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    CLEANUP(stmt_finalize) sqlite3_stmt *items = NULL;
    if (id.len < SHORTEST)
        return err_set(err, ERR_INVALID, "journal entry '%.*s': give at least %d digits",
                       STR_ARG(id), SHORTEST);
    if (!prepare(journal,
                 "select " ENTRY_COLUMNS " from entries e where substr(e.id, 1, ?2) = ?1 limit 2",
                 &stmt, err))
        return false;
    bind_str(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, (sqlite3_int64)id.len);
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return failed(journal, err);
    if (rc == SQLITE_DONE) {
        err_set(err, ERR_NOT_FOUND, "journal entry '%.*s': there is none", STR_ARG(id));
        return err_hint(err, "penstock journal list shows them");
    }
    struct journal_entry e = entry_from(stmt, arena);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        return err_set(err, ERR_INVALID, "journal entry '%.*s': more than one begins so",
                       STR_ARG(id));
    if (!prepare(journal, "select " ITEM_COLUMNS " from items i where i.entry = ? order by i.n",
                 &items, err))
        return false;
    sqlite3_bind_int64(items, 1, e.n);
    if (!collect_items(journal, items, arena, &e.items, &e.nitems, err))
        return false;
    *ret = e;
    return true;
}

/* Of each entry the items of one record. */
static bool items_of_record(struct journal *journal, struct arena *arena, struct str store,
                            struct str id, struct journal_entry *entries, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
        if (!prepare(journal,
                     "select " ITEM_COLUMNS " from items i where i.entry = ?1 and i.store = ?2"
                     " and i.id = ?3 order by i.n",
                     &stmt, err))
            return false;
        sqlite3_bind_int64(stmt, 1, entries[i].n);
        bind_str(stmt, 2, store);
        bind_blob(stmt, 3, id);
        if (!collect_items(journal, stmt, arena, &entries[i].items, &entries[i].nitems, err))
            return false;
    }
    return true;
}

bool journal_of_record(struct journal *journal, struct arena *arena, struct str store,
                       struct str id, size_t max, struct journal_entry **ret, size_t *ret_n,
                       struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!prepare(journal,
                 "select " ENTRY_COLUMNS " from entries e where e.n in"
                 " (select i.entry from items i where i.store = ?1 and i.id = ?2)"
                 " order by e.n desc limit ?3",
                 &stmt, err))
        return false;
    bind_str(stmt, 1, store);
    bind_blob(stmt, 2, id);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)max);
    struct journal_entry *entries;
    size_t n;
    if (!collect_entries(journal, stmt, arena, &entries, &n, err) ||
        !items_of_record(journal, arena, store, id, entries, n, err))
        return false;
    *ret = entries;
    *ret_n = n;
    return true;
}

bool journal_unsettled(struct journal *journal, struct arena *arena,
                       const struct journal_entry *entry, struct str store,
                       struct journal_item **ret, size_t *ret_n, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!prepare(journal,
                 "select " ITEM_COLUMNS " from items i where i.outcome = 8 and i.store = ?1"
                 " and i.entry = ?2 order by i.n",
                 &stmt, err))
        return false;
    bind_str(stmt, 1, store);
    sqlite3_bind_int64(stmt, 2, entry->n);
    return collect_items(journal, stmt, arena, ret, ret_n, err);
}

bool journal_prune(struct journal *journal, int64_t older_than_us, size_t *ret_n, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!prepare(journal, "delete from entries where at_us < ?", &stmt, err))
        return false;
    sqlite3_bind_int64(stmt, 1, older_than_us);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return failed(journal, err);
    *ret_n = (size_t)sqlite3_changes(journal->db);
    return true;
}
