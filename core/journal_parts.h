/* Between journal.c, which makes and writes the file, and journal_read.c; nobody else includes it.
 */
#ifndef PENSTOCK_JOURNAL_PARTS_H
#define PENSTOCK_JOURNAL_PARTS_H

#include "core/base/cleanup.h"
#include "core/journal.h"

#include <sqlite3.h>

struct journal {
    sqlite3 *db;
    char *path;
    struct str warning;
};

/* Fills *err from SQLite's last error; false. */
bool journal_failed(struct journal *j, struct err *err);
bool journal_prepare(struct journal *j, const char *sql, sqlite3_stmt **ret, struct err *err);

static inline void stmt_finalize(sqlite3_stmt **stmt) /* for CLEANUP */
{
    sqlite3_finalize(*stmt);
}

/* Binding by position: ptr NULL is SQL NULL; what is bound is lent until the statement ends. */
static inline void bind_str(sqlite3_stmt *stmt, int i, struct str s)
{
    if (s.ptr)
        sqlite3_bind_text64(stmt, i, s.ptr, s.len, SQLITE_STATIC, SQLITE_UTF8);
}
static inline void bind_blob(sqlite3_stmt *stmt, int i, struct str s)
{
    if (s.ptr)
        sqlite3_bind_blob64(stmt, i, s.len ? s.ptr : "", s.len, SQLITE_STATIC);
}

/* The numbers that stand in the schema, the queries, and the files of every user. */
_Static_assert(OUTCOME_APPLIED == 1 && OUTCOME_UNCHANGED == 2 && OUTCOME_INTENDED == 8,
               "outcomes are stored as numbers");

#endif
