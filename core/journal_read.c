#include "core/journal_parts.h"

#include <stdio.h>
#include <string.h>

/* --- columns by position -------------------------------------------------------------------- */

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

/* --- entries -------------------------------------------------------------------------------- */

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
        return journal_failed(j, err);
    *ret = entries;
    *ret_n = n;
    return true;
}

bool journal_list(struct journal *journal, struct arena *arena, int64_t since_us, struct str store,
                  struct journal_entry **ret, size_t *ret_n, struct err *err)
{
    CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
    if (!journal_prepare(journal,
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
    return journal_prepare(journal,
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
        return journal_failed(j, err);
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
    if (!journal_prepare(journal,
                         "select " ENTRY_COLUMNS
                         " from entries e where substr(e.id, 1, ?2) = ?1 limit 2",
                         &stmt, err))
        return false;
    bind_str(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, (sqlite3_int64)id.len);
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return journal_failed(journal, err);
    if (rc == SQLITE_DONE) {
        err_set(err, ERR_NOT_FOUND, "journal entry '%.*s': there is none", STR_ARG(id));
        return err_hint(err, "penstock journal list shows them");
    }
    struct journal_entry e = entry_from(stmt, arena);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        return err_set(err, ERR_INVALID, "journal entry '%.*s': more than one begins so",
                       STR_ARG(id));
    if (!journal_prepare(journal,
                         "select " ITEM_COLUMNS " from items i where i.entry = ? order by i.n",
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
        if (!journal_prepare(journal,
                             "select " ITEM_COLUMNS
                             " from items i where i.entry = ?1 and i.store = ?2"
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
    if (!journal_prepare(journal,
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
    if (!journal_prepare(journal,
                         "select " ITEM_COLUMNS " from items i where i.outcome = 8 and i.store = ?1"
                         " and i.entry = ?2 order by i.n",
                         &stmt, err))
        return false;
    bind_str(stmt, 1, store);
    sqlite3_bind_int64(stmt, 2, entry->n);
    return collect_items(journal, stmt, arena, ret, ret_n, err);
}
