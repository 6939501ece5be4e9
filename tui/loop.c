#include "tui/loop.h"

#include "core/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
    FDS_MAX = 256,
    EMPTY_READS_MAX = 100, /* readable without a key, so often in a row: the terminal is gone */
};

/* A handler has no argument. Signals are open only inside ppoll, so these are read when none can
 * come. */
static volatile sig_atomic_t ended_by, stop_asked, continued;

static void on_signal(int number)
{
    if (number == SIGTSTP)
        stop_asked = 1;
    else if (number == SIGCONT)
        continued = 1;
    else
        ended_by = number;
}

static const int ending[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

struct signals {
    sigset_t before;
    sigset_t in_poll;
};

/* After curses is up, which puts handlers of its own; its SIGWINCH handler stays. */
static void signals_take(struct signals *s)
{
    struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigemptyset(&set);
    sigemptyset(&action.sa_mask);
    sigemptyset(&ignore.sa_mask);
    ended_by = stop_asked = continued = 0;
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        sigaddset(&set, ending[i]);
        sigaction(ending[i], &action, NULL);
    }
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, &s->before);
    sigaction(SIGTSTP, &action, NULL);
    sigaction(SIGCONT, &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    s->in_poll = s->before;
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigdelset(&s->in_poll, ending[i]);
    sigdelset(&s->in_poll, SIGTSTP);
    sigdelset(&s->in_poll, SIGCONT);
    sigdelset(&s->in_poll, SIGWINCH);
}

static void signals_give_back(const struct signals *s)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigemptyset(&plain.sa_mask);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigaction(ending[i], &plain, NULL);
    sigaction(SIGTSTP, &plain, NULL);
    sigaction(SIGCONT, &plain, NULL);
    sigprocmask(SIG_SETMASK, &s->before, NULL);
}

static void show(struct app *app, struct terminal *term, struct canvas *canvas)
{
    int h, w;
    terminal_size(term, &h, &w);
    app_draw(app, canvas, h, w);
    terminal_show(term, canvas);
    if (app->clipboard.len)
        terminal_copy(term, sbuf_view(&app->clipboard));
    app->clipboard.len = 0;
    if (app->top->class->drawn)
        app->top->class->drawn(app->top);
    if (app->flush_input) {
        app->flush_input = false;
        terminal_flush_input(term);
    }
}

static size_t read_keys(struct app *app, struct terminal *term)
{
    struct key key;
    size_t n = 0;
    while (!app->quit && terminal_key(term, &key)) {
        app_key(app, &key);
        n++;
        if (app->terminal_command == CMD_SUSPEND)
            terminal_suspend(term);
        if (app->terminal_command != CMD_NONE)
            terminal_redraw(term);
        app->terminal_command = CMD_NONE;
    }
    return n;
}

static struct timespec until(int64_t due_ms)
{
    int64_t left = due_ms - clock_monotonic_ms();
    left = left < 0 ? 0 : left;
    return (struct timespec){left / 1000, left % 1000 * 1000000};
}

static void take_signals(struct app *app, struct terminal *term)
{
    if (stop_asked) {
        stop_asked = 0;
        terminal_suspend(term);
        app->dirty = true;
    }
    if (continued) {
        continued = 0;
        terminal_redraw(term);
        app->dirty = true;
    }
}

void loop_run(struct app *app, struct terminal *term, int *ret_signal)
{
    struct signals signals;
    struct canvas canvas;
    size_t empty_reads = 0;
    signals_take(&signals);
    canvas_init(&canvas, app->opts.ascii || !terminal_is_utf8(term));
    while (!app->quit && !ended_by) {
        int64_t due = app_tick(app);
        if (app->dirty)
            show(app, term, &canvas);
        int workers[FDS_MAX - 1];
        struct pollfd fds[FDS_MAX] = {{.fd = terminal_fd(term), .events = POLLIN}};
        size_t n = app_fds(app, workers, FDS_MAX - 1);
        for (size_t i = 0; i < n; i++)
            fds[i + 1] = (struct pollfd){.fd = workers[i], .events = POLLIN};
        struct timespec wait = until(app->dirty ? 0 : due);
        int ready = ppoll(fds, n + 1, &wait, &signals.in_poll);
        if (ready < 0 && errno != EINTR)
            break;
        bool gone = ready > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
        bool readable = ready > 0 && (fds[0].revents & POLLIN);
        take_signals(app, term);
        size_t keys = read_keys(app, term);
        empty_reads = readable && keys == 0 ? empty_reads + 1 : 0;
        if (gone || empty_reads > EMPTY_READS_MAX)
            break;
        app_collect(app);
    }
    canvas_release(&canvas);
    signals_give_back(&signals);
    *ret_signal = ended_by;
}
