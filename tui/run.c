/* From the command line to the loop and back. */
#include "core/base/path.h"
#include "tui/loop.h"

#include <signal.h>
#include <stdlib.h>

bool tui_run(const struct tui_opts *opts, struct err *err)
{
    struct terminal *term = NULL;
    int number = 0;
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
