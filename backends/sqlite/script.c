#include "backends/sqlite/script.h"

#include <sqlite3.h>
#include <unistd.h>

bool sqlite_script(const char *path, const char *sql, struct err *err)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    bool ok = true;
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_CONFLICT, "%s: the file exists", path);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        ok = err_set(err, ERR_UNAVAILABLE, "%s: cannot make the database: %s", path,
                     sqlite3_errmsg(db));
    else if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        ok = err_set(err, ERR_INTERNAL, "%s: %s", path, message);
    sqlite3_free(message);
    sqlite3_close(db);
    if (!ok)
        unlink(path);
    return ok;
}
