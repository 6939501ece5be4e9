/* From the command line to the loop and back. */
#include "core/base/path.h"
#include "tui/loop.h"
#include "tui/plain.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>

/* Pages of rows are made by one thread and freed by another. As mappings of their own they go back
 * to the system at once; glibc would raise the limit with the first one that is freed. */
static void set_memory(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

static bool run_plain(const struct tui_opts *opts, struct err *err)
{
    if (!plain_check(err))
        return false;
    struct app *app = app_new(opts);
    plain_run(app);
    app_free(app);
    return true;
}

bool tui_run(const struct tui_opts *opts, struct err *err)
{
    struct terminal *term = NULL;
    int number = 0;
    set_memory();
    if (opts->plain)
        return run_plain(opts, err);
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: any text but none */
    if (opts->log_path) {
        struct err ignored; /* without a log the screen works all the same */
        path_make_parents(opts->log_path, 0700, &ignored);
    }
    if (!terminal_open(opts->no_color || (no_color && *no_color), opts->log_path, &term, err))
        return false;
    struct app *app = app_new(opts);
    loop_run(app, term, &number);
    terminal_close(term);
    app_free(app);
    if (number)
        raise(number);
    return true;
}
