/* make_sqlite FILE < SQL: a new SQLite database from a script. */
#include "backends/sqlite/script.h"
#include "core/base/str.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct sbuf sql = SBUF_INIT;
    struct err err = {0};
    char chunk[4096];
    if (argc != 2)
        return 2;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, stdin)) > 0;)
        sbuf_add(&sql, chunk, n);
    bool ok = sqlite_script(argv[1], sbuf_view(&sql).ptr, &err);
    if (!ok)
        fprintf(stderr, "make_sqlite: %s\n", err.text);
    sbuf_release(&sql);
    return ok ? 0 : 1;
}
