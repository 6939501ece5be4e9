/* Library handles that end with their scope, so early return is safe:
 *     CLEANUP(stmt_finalize) sqlite3_stmt *stmt = NULL;
 * The function takes a pointer to the variable and accepts a handle that was never set. */
#ifndef PENSTOCK_BASE_CLEANUP_H
#define PENSTOCK_BASE_CLEANUP_H

#define CLEANUP(fn) __attribute__((cleanup(fn)))

#endif
