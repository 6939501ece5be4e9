/* The screen: opens the targets, shows them until the operator leaves. */
#ifndef PENSTOCK_TUI_H
#define PENSTOCK_TUI_H

#include "core/base/err.h"
#include "core/target.h"

struct layout;

struct tui_opts {
    const struct layout *const *layouts; /* that are built in; ends with NULL */
    /* Probed and opened by the screen itself, each in a thread of its own, so that the first
     * picture waits for no server. They live longer than the screen. */
    const struct target *targets;
    size_t ntargets;
    const char *journal_path, *audit_path;
    const char *acks_path;    /* findings that somebody knows of; NULL: none */
    const char *columns_path; /* which columns lists show; NULL: not kept */
    const char *log_path; /* takes what libraries print to stderr while the screen is up */
    bool no_color, ascii;
    int64_t timeout_ms;       /* of each store call */
    int64_t lock_wait_ms;     /* how long a held lock is polled inside a commit */
    int64_t confirm_quiet_ms; /* a confirm key counts after so long without any key */
    int64_t refresh_ms;       /* 0: 5 s */
    int64_t quit_wait_ms;     /* what is under way at the end may take so long; 0: 200 ms */
    int64_t write_idle_ms;    /* production that was made writable is read-only again after so long
                                 without a key */
    bool plain;               /* line by line, without placing a cursor */
    bool read_only;           /* by the command line: nothing lifts it */
    const char *notice;       /* shown at the start until a key is pressed; may be NULL */
};

/* Returns when the operator quits or the terminal is gone; the terminal is as it was before. False
 * when there is no terminal that can show it (ERR_UNSUPPORTED with one line why). When a signal
 * ended it (SIGTERM, SIGHUP), it is raised again after all is put back. */
bool tui_run(const struct tui_opts *opts, struct err *err);

#endif
