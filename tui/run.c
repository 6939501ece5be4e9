/* From the command line to the loop and back. */
#include "core/base/clock.h"
#include "tui/loop.h"

#include <signal.h>

bool tui_run(const struct tui_opts *opts, struct err *err)
{
    struct terminal *term = NULL;
    int number = 0;
    if (!terminal_open(opts->no_color, opts->log_path, &term, err))
        return false;
    struct app *app = app_new(opts);
    loop_run(app, term, &number);
    terminal_close(term);
    app_free(app);
    if (number)
        raise(number);
    return true;
}
