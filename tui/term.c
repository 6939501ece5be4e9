#include "tui/term.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/output.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum {
    PASTE_LIMIT = 1 << 16,
    CODE_PASTE_BEGIN = 0x6f00, /* our own curses key codes, beyond those of terminfo */
    CODE_PASTE_END,
    CODE_MOUSE,     /* SGR: what follows is text up to M or m */
    CODE_MOUSE_OLD, /* three bytes follow */
    TAIL_DELAYS = 10, /* what comes so many ESCDELAYs after an Esc may be the rest of a key */
};

struct terminal {
    SCREEN *screen;
    struct canvas shown; /* what the terminal has */
    bool all;            /* nothing is known of what it has */
    bool color;
    bool mouse;
    struct sbuf paste;
    bool pasting;
    char report[24]; /* of the mouse, as far as it has come */
    size_t report_len;
    enum { REPORT_NONE, REPORT_SGR, REPORT_OLD } reporting;
    int64_t esc_ms; /* when an Esc came alone; 0: something else came last */
    bool tail;      /* the rest of a key whose beginning was taken for an Esc */
    int stderr_fd;  /* the real one */
};

/* What a crash handler needs; written before the handlers are installed, then only read. A handler
 * has no argument, so this cannot live in struct terminal. */
static struct {
    struct termios termios;
    char leave[256];
    size_t leave_len;
    int stderr_fd;
    struct sigaction old[NSIG];
    char stack[1 << 16];
} crash;

/* Faults, and what ends a program when somebody sends it or a limit is reached. */
static const int crash_signals[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,
                                    SIGABRT, SIGUSR1, SIGUSR2, SIGXCPU};

/* Async-signal-safe: write, tcsetattr, dup2, sigaction, raise. Returning runs the faulting
 * instruction again, now under the handler that was there before; a signal that somebody sent has
 * no such instruction and is raised again. */
static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    ssize_t n = write(STDOUT_FILENO, crash.leave, crash.leave_len);
    (void)n; /* nothing left to do about it */
    tcsetattr(STDIN_FILENO, TCSANOW, &crash.termios);
    if (crash.stderr_fd >= 0)
        dup2(crash.stderr_fd, STDERR_FILENO);
    sigaction(number, &crash.old[number], NULL);
    if (number == SIGABRT || number == SIGXCPU || info->si_code <= 0)
        raise(number);
}

/* A string capability without its padding ($<5>). */
static void add_leave(const char *capability)
{
    char name[8];
    snprintf(name, sizeof name, "%s", capability);
    const char *s = tigetstr(name);
    if (!s || s == (const char *)-1)
        return;
    while (*s && crash.leave_len < sizeof crash.leave - 1) {
        if (s[0] == '$' && s[1] == '<' && strchr(s, '>')) {
            s = strchr(s, '>') + 1;
            continue;
        }
        crash.leave[crash.leave_len++] = *s++;
    }
}

static void crash_arm(int stderr_fd)
{
    crash.leave_len = 0;
    crash.stderr_fd = stderr_fd;
    static const char modes_off[] = "\x1b[?2004l\x1b[?1006l\x1b[?1000l";
    memcpy(crash.leave, modes_off, sizeof modes_off - 1);
    crash.leave_len = sizeof modes_off - 1;
    add_leave("sgr0");
    add_leave("rmkx");
    add_leave("rmcup");
    add_leave("cnorm");
    stack_t stack = {.ss_sp = crash.stack, .ss_size = sizeof crash.stack};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_ONSTACK | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], &action, &crash.old[crash_signals[i]]);
}

static void crash_disarm(void)
{
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], &crash.old[crash_signals[i]], NULL);
}

/* --- opening and closing -------------------------------------------------------------------- */

/* Bracketed paste, and the mouse where the terminal says that it has one: buttons, in numbers that
 * do not end at column 223. */
static void input_modes(const struct terminal *term, bool on)
{
    const char *text = term->mouse ? (on ? "\x1b[?2004h\x1b[?1000h\x1b[?1006h"
                                         : "\x1b[?2004l\x1b[?1006l\x1b[?1000l")
                                   : (on ? "\x1b[?2004h" : "\x1b[?2004l");
    ssize_t n = write(STDOUT_FILENO, text, strlen(text));
    (void)n; /* a terminal that is gone is noticed by the loop */
}

/* Libraries print there; on the screen it would be rubbish. */
static int redirect_stderr(const char *log_path)
{
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int log = -1;
    if (!log_path || !path_open(log_path, O_WRONLY | O_CREAT | O_APPEND, &log, NULL))
        log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (saved >= 0 && log >= 0)
        dup2(log, STDERR_FILENO);
    if (log >= 0)
        close(log);
    return saved;
}

static void restore_stderr(int saved)
{
    if (saved < 0)
        return;
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static void init_colors(void)
{
    start_color();
    use_default_colors();
    for (short i = 0; i < STYLES && i + 1 < COLOR_PAIRS; i++)
        init_pair((short)(i + 1), looks[i].fg, looks[i].bg);
}

static bool check_terminal(struct err *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        err_set(err, ERR_UNSUPPORTED, "the screen needs a terminal");
    else {
        const char *name = getenv("TERM");
        int status = 0;
        if (!name || !*name || setupterm(NULL, STDOUT_FILENO, &status) != OK)
            err_set(err, ERR_UNSUPPORTED, "terminal '%s' is not known here", name ? name : "");
        else if (!cursor_address)
            err_set(err, ERR_UNSUPPORTED, "terminal '%s' cannot show the screen", name);
        else {
            del_curterm(cur_term); /* newterm makes its own */
            return true;
        }
    }
    return err_hint(
        err,
        "use the commands: penstock --help, or --plain in a terminal that cannot place the cursor");
}

bool terminal_open(bool no_color, const char *log_path, struct terminal **ret, struct err *err)
{
    setlocale(LC_CTYPE, "");
    if (!check_terminal(err))
        return false;
    if (tcgetattr(STDIN_FILENO, &crash.termios) != 0)
        return err_set(err, ERR_UNSUPPORTED, "cannot read the terminal's state: %s",
                       strerror(errno));
    struct terminal *term = xcalloc(1, sizeof *term);
    if (!getenv("ESCDELAY"))
        set_escdelay(100);
    term->screen = newterm(NULL, stdout, stdin);
    if (!term->screen) {
        free(term);
        return err_set(err, ERR_UNSUPPORTED, "terminal '%s' cannot show the screen",
                       getenv("TERM"));
    }
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    define_key("\x1b[200~", CODE_PASTE_BEGIN);
    define_key("\x1b[201~", CODE_PASTE_END);
    const char *mouse = tigetstr("kmous");
    term->mouse = mouse && mouse != (const char *)-1;
    if (term->mouse) {
        define_key("\x1b[<", CODE_MOUSE);
        define_key("\x1b[M", CODE_MOUSE_OLD);
    }
    term->color = !no_color && has_colors();
    if (term->color)
        init_colors();
    term->stderr_fd = redirect_stderr(log_path);
    crash_arm(term->stderr_fd);
    canvas_init(&term->shown, false);
    term->all = true;
    input_modes(term, true);
    *ret = term;
    return true;
}

void terminal_close(struct terminal *term)
{
    if (!term)
        return;
    input_modes(term, false);
    if (!tigetstr("rmcup")) { /* what was shown stays: the prompt gets a line of its own */
        move(LINES - 1, 0);
        clrtoeol();
        refresh();
    }
    endwin();
    crash_disarm();
    delscreen(term->screen);
    /* curses leaves the state it found, which may be one that a former crash left behind */
    tcsetattr(STDIN_FILENO, TCSADRAIN, &crash.termios);
    restore_stderr(term->stderr_fd);
    canvas_release(&term->shown);
    sbuf_release(&term->paste);
    free(term);
}

int terminal_fd(const struct terminal *term)
{
    return STDIN_FILENO;
}

bool terminal_is_utf8(const struct terminal *term)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void terminal_size(const struct terminal *term, int *ret_h, int *ret_w)
{
    getmaxyx(stdscr, *ret_h, *ret_w);
}

/* --- drawing -------------------------------------------------------------------------------- */

static attr_t attributes(const struct terminal *term, unsigned style)
{
    const struct look *look = &looks[style & ~(unsigned)STYLE_HERE];
    unsigned bits = term->color ? look->attr : look->mono_attr;
    attr_t attr = 0;
    if (bits & ATTR_BOLD)
        attr |= A_BOLD;
    if (bits & ATTR_DIM)
        attr |= A_DIM;
    if (bits & ATTR_REVERSE)
        attr |= A_REVERSE;
    if (bits & ATTR_UNDERLINE)
        attr |= A_UNDERLINE;
    if (style & STYLE_HERE)
        attr = (attr & ~(attr_t)A_DIM) | A_REVERSE;
    return attr;
}

/* What looks like the blanks that curses makes has their pair, 0: else every gap between two words
 * would be a change of colour. */
static short color_pair(const struct terminal *term, unsigned style)
{
    const struct look *look = &looks[style & ~(unsigned)STYLE_HERE];
    bool plain = look->fg < 0 && look->bg < 0;
    return term->color && !plain ? (short)((style & ~(unsigned)STYLE_HERE) + 1) : 0;
}

static void show_glyph(const struct terminal *term, int y, int x, const struct glyph *g)
{
    wchar_t text[4] = {(wchar_t)g->c, (wchar_t)g->accents[0], (wchar_t)g->accents[1], 0};
    cchar_t cell;
    short pair = color_pair(term, g->style);
    if (setcchar(&cell, text, attributes(term, g->style), pair, NULL) == OK)
        mvadd_wch(y, x, &cell);
}

static bool glyph_eq(const struct glyph *a, const struct glyph *b)
{
    return a->c == b->c && a->style == b->style && a->accents[0] == b->accents[0] &&
           a->accents[1] == b->accents[1];
}

void terminal_copy(struct terminal *term, struct str text)
{
    (void)term;
    struct arena a = ARENA_INIT;
    struct str base64 = output_id_base64(&a, text);
    ptrdiff_t colon = str_index(base64, ':');
    struct str out = arena_printf(&a, "\x1b]52;c;%.*s\x07",
                                  STR_ARG(str_sub(base64, (size_t)(colon + 1), base64.len)));
    for (size_t done = 0; done < out.len;) {
        ssize_t n = write(STDOUT_FILENO, out.ptr + done, out.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* a terminal that takes nothing now has lost a convenience */
        done += (size_t)n;
    }
    arena_release(&a);
}

void terminal_show(struct terminal *term, const struct canvas *canvas)
{
    struct canvas *shown = &term->shown;
    if (shown->h != canvas->h || shown->w != canvas->w || term->all) {
        canvas_clear(shown, canvas->h, canvas->w);
        erase();
        clearok(curscr, term->all);
        term->all = false;
    }
    for (int y = 0; y < canvas->h; y++) {
        for (int x = 0; x < canvas->w; x++) {
            const struct glyph *now = canvas_at(canvas, y, x);
            struct glyph *before = canvas_at(shown, y, x);
            /* The second half of a wide character comes with the first, which must be drawn again
             * when something narrow stood in its place. */
            const struct glyph *tail = canvas_at(canvas, y, x + 1);
            bool wide = tail && tail->c == 0;
            if (glyph_eq(now, before) && !(wide && !glyph_eq(tail, canvas_at(shown, y, x + 1))))
                continue;
            *before = *now;
            if (now->c != 0)
                show_glyph(term, y, x, now);
        }
    }
    curs_set(canvas->cursor_y >= 0);
    if (canvas->cursor_y >= 0)
        move(canvas->cursor_y, canvas->cursor_x);
    wnoutrefresh(stdscr);
    doupdate();
}

void terminal_redraw(struct terminal *term)
{
    term->all = true;
}

/* --- keys ----------------------------------------------------------------------------------- */

void terminal_flush_input(struct terminal *term)
{
    flushinp();
    term->pasting = false;
    term->reporting = REPORT_NONE;
}

static uint32_t function_key(wint_t code)
{
    switch (code) {
    case KEY_UP:
        return K_UP;
    case KEY_DOWN:
        return K_DOWN;
    case KEY_LEFT:
        return K_LEFT;
    case KEY_RIGHT:
        return K_RIGHT;
    case KEY_PPAGE:
        return K_PAGE_UP;
    case KEY_NPAGE:
        return K_PAGE_DOWN;
    case KEY_HOME:
        return K_HOME;
    case KEY_END:
        return K_END;
    case KEY_BACKSPACE:
        return K_BACKSPACE;
    case KEY_DC:
        return K_DELETE;
    case KEY_ENTER:
        return K_ENTER;
    case KEY_RESIZE:
        return K_RESIZE;
    default:
        return K_UNKNOWN;
    }
}

static uint32_t plain_key(wint_t c)
{
    if (c == '\n')
        return K_ENTER;
    if (c == 0x7f || c == '\b')
        return K_BACKSPACE;
    return (uint32_t)c;
}

static void paste_add(struct terminal *term, wint_t c)
{
    char bytes[MB_LEN_MAX];
    mbstate_t state = {0};
    size_t n = wcrtomb(bytes, (wchar_t)(c == '\r' ? '\n' : c), &state);
    if (n != (size_t)-1 && term->paste.len + n <= PASTE_LIMIT)
        sbuf_add(&term->paste, bytes, n);
}

/* "0;10;8M": button, column, row. Only a press is of interest. */
static bool read_sgr(const char *report, struct key *ret)
{
    int button, x, y;
    char end;
    if (sscanf(report, "%d;%d;%d%c", &button, &x, &y, &end) != 4 || end != 'M')
        return false;
    *ret = (struct key){.code = K_MOUSE, .mouse = {.y = y - 1, .x = x - 1}};
    ret->mouse.action = button == 64   ? MOUSE_WHEEL_UP
                        : button == 65 ? MOUSE_WHEEL_DOWN
                                       : MOUSE_CLICK;
    return button == 0 || button == 64 || button == 65;
}

/* Takes the next character of a report; true when it ended and means something here. */
static bool add_report(struct terminal *term, wint_t c, struct key *ret)
{
    if (term->report_len < sizeof term->report - 1)
        term->report[term->report_len++] = (char)(c < 0x80 ? c : '?');
    term->report[term->report_len] = '\0';
    bool sgr = term->reporting == REPORT_SGR;
    bool ended = sgr ? c == 'M' || c == 'm' : term->report_len == 3;
    if (!ended)
        return false;
    term->reporting = REPORT_NONE;
    return sgr && read_sgr(term->report, ret);
}

static void begin_report(struct terminal *term, bool sgr)
{
    term->reporting = sgr ? REPORT_SGR : REPORT_OLD;
    term->report_len = 0;
}

/* On a slow line an arrow key may come as an Esc and, too late for curses, its rest. The Esc was
 * acted upon; the rest is no letters. */
static bool is_tail(struct terminal *term, wint_t c)
{
    int64_t now_ms = clock_monotonic_ms();
    bool late = now_ms - term->esc_ms > TAIL_DELAYS * get_escdelay();
    if (term->tail && !late) {
        term->tail = c < 0x40 || c == '[';
        term->esc_ms = term->tail ? term->esc_ms : 0;
        return true;
    }
    term->tail = term->esc_ms && !late && (c == '[' || c == 'O');
    if (!term->tail)
        term->esc_ms = c == K_ESC ? now_ms : 0;
    return term->tail;
}

bool terminal_key(struct terminal *term, struct key *ret)
{
    for (;;) {
        wint_t c = 0;
        int got = get_wch(&c);
        if (got == ERR)
            return false;
        if (got == KEY_CODE_YES && c == CODE_PASTE_BEGIN) {
            term->pasting = true;
            term->paste.len = 0;
        } else if (got == KEY_CODE_YES && c == CODE_PASTE_END) {
            if (!term->pasting)
                continue;
            term->pasting = false;
            *ret = (struct key){.code = K_PASTE, .paste = sbuf_view(&term->paste)};
            return true;
        } else if (term->pasting) {
            if (got == OK)
                paste_add(term, c);
        } else if (got == KEY_CODE_YES && (c == CODE_MOUSE || c == CODE_MOUSE_OLD)) {
            begin_report(term, c == CODE_MOUSE);
        } else if (term->reporting != REPORT_NONE) {
            if (add_report(term, c, ret))
                return true;
        } else if (got != OK || !is_tail(term, c)) {
            *ret = (struct key){.code = got == KEY_CODE_YES ? function_key(c) : plain_key(c)};
            return true;
        }
    }
}

void terminal_suspend(struct terminal *term)
{
    input_modes(term, false);
    def_prog_mode();
    endwin();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &crash.termios);
    struct sigaction stop = {.sa_handler = SIG_DFL}, old;
    sigset_t set, before;
    sigemptyset(&stop.sa_mask);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaction(SIGTSTP, &stop, &old);
    raise(SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &set, &before); /* stops here, and goes on here */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGTSTP, &old, NULL);
    reset_prog_mode();
    input_modes(term, true);
    term->all = true;
}
