#include "tui/plain.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
    HEIGHT = 30,
    WIDTH_LEAST = 60,
    WIDTH_MOST = 120,
    FDS_MAX = 256,
    SETTLE_MS = 10000, /* then the picture is printed though something is still under way */
    LEAST_MS = 10,
    SOON_MS = 1000, /* a view that wants to be drawn again by then is waited for */
};

bool plain_check(struct err *err)
{
    return (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) ||
           err_set(err, ERR_UNSUPPORTED, "the screen needs a terminal");
}

/* --- the picture ----------------------------------------------------------------------------- */

static int width(void)
{
    struct winsize size;
    int w = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : WIDTH_LEAST;
    return w < WIDTH_LEAST ? WIDTH_LEAST : w > WIDTH_MOST ? WIDTH_MOST : w;
}

/* Frames and rules say nothing to an ear. */
static bool is_frame(uint32_t c)
{
    return c >= 0x2500 && c < 0x2580;
}

static struct str line_text(struct canvas *canvas, int y, int from, bool ascii)
{
    struct sbuf out = SBUF_INIT;
    char bytes[4];
    for (int x = from; x < canvas->w; x++) {
        const struct glyph *g = canvas_at(canvas, y, x);
        uint32_t c = is_frame(g->c) ? ' ' : ascii && g->c ? canvas_plain_form(g->c) : g->c;
        if (c)
            sbuf_add(&out, bytes, utf8_put(c, bytes));
        for (size_t i = 0; !ascii && i < sizeof g->accents / sizeof g->accents[0] && g->accents[i];
             i++)
            sbuf_add(&out, bytes, utf8_put(g->accents[i], bytes));
    }
    struct str text = arena_str(&canvas->scratch, sbuf_view(&out));
    while (text.len && text.ptr[text.len - 1] == ' ')
        text.len--;
    sbuf_release(&out);
    return text;
}

static bool is_in_box(const struct canvas *canvas, int y)
{
    int x = 0;
    while (x < canvas->w && canvas_at(canvas, y, x)->c == ' ')
        x++;
    return x < canvas->w && is_frame(canvas_at(canvas, y, x)->c);
}

/* Where the sign of the cursor stands in a line, near its beginning; -1: nowhere. */
static int cursor_column(const struct canvas *canvas, int y)
{
    enum { CURSOR = 0x25b8, LEFT = 8 };
    for (int x = 0; x < LEFT && x < canvas->w; x++) {
        if (canvas_at(canvas, y, x)->c == CURSOR)
            return x;
    }
    return -1;
}

/* The line that the keys act on: of a box, where there is one, else of the list. */
static struct str selection(struct canvas *canvas, bool ascii)
{
    struct str found = STR_NULL;
    bool in_box = false;
    for (int y = 0; y < canvas->h; y++) {
        int x = cursor_column(canvas, y);
        if (x < 0 || (in_box && !is_in_box(canvas, y)))
            continue;
        found = str_trim(line_text(canvas, y, x + 1, ascii));
        in_box = is_in_box(canvas, y);
    }
    return found;
}

/* Without the blanks that put it in columns. */
static void print_squeezed(const char *label, struct str text)
{
    fputs(label, stdout);
    for (size_t i = 0; i < text.len; i++) {
        bool gap = text.ptr[i] == ' ' && i + 1 < text.len && text.ptr[i + 1] == ' ';
        if (i == 0 || (text.ptr[i] != ' ' && text.ptr[i - 1] == ' '))
            putchar(' ');
        if (!gap && text.ptr[i] != ' ')
            putchar(text.ptr[i]);
    }
    putchar('\n');
}

static void print_picture(struct app *app, struct canvas *canvas, bool ascii)
{
    bool blank = true; /* of several blank lines one is left */
    app_draw(app, canvas, HEIGHT, width());
    for (int y = 0; y < canvas->h; y++) {
        struct str text = line_text(canvas, y, 0, ascii);
        if (text.len || !blank)
            printf("%.*s\n", STR_ARG(text));
        blank = !text.len;
    }
    struct str at = selection(canvas, ascii);
    if (at.len)
        print_squeezed("selected:", at);
    if (app->clipboard.len)
        printf("to be copied: %.*s\n",
               STR_ARG(text_clean(&canvas->scratch, sbuf_view(&app->clipboard), CLEAN_LINES)));
    app->clipboard.len = 0;
    fputs("keys, a word such as down or esc, a number, or ? and Enter: ", stdout);
    fflush(stdout);
    if (app->top->class->drawn)
        app->top->class->drawn(app->top);
}

/* --- waiting --------------------------------------------------------------------------------- */

/* Until there is something to read, when `typed`, or a worker has finished, or `ms` are over. */
static bool wait_for(struct app *app, bool typed, int64_t ms)
{
    int workers[FDS_MAX - 1];
    struct pollfd fds[FDS_MAX] = {{.fd = typed ? STDIN_FILENO : -1, .events = POLLIN}};
    size_t n = app_fds(app, workers, FDS_MAX - 1);
    for (size_t i = 0; i < n; i++)
        fds[i + 1] = (struct pollfd){.fd = workers[i], .events = POLLIN};
    poll(fds, n + 1, ms < LEAST_MS ? LEAST_MS : ms > SOON_MS ? SOON_MS : (int)ms);
    app_collect(app);
    return fds[0].revents != 0;
}

/* Draws, since drawing asks for what is shown, until nothing is under way and no view wants to be
 * drawn anew: a plan takes no key before it was to be seen for a while. */
static void settle(struct app *app, struct canvas *canvas)
{
    int64_t end = clock_monotonic_ms() + SETTLE_MS, now;
    while (!app->quit && (now = clock_monotonic_ms()) < end) {
        const struct view *top = app->top;
        app_draw(app, canvas, HEIGHT, width());
        if (app->top->class->drawn)
            app->top->class->drawn(app->top);
        int64_t wake = top->class->wake_ms ? top->class->wake_ms(top, now) : INT64_MAX;
        bool soon = wake > now && wake < now + SOON_MS;
        if (app_idle(app) && !soon)
            return;
        app_tick(app);
        wait_for(app, false, soon ? wake - now : SOON_MS / 10);
    }
}

/* --- what is typed --------------------------------------------------------------------------- */

static void press(struct app *app, uint32_t code)
{
    app_key(app, &(struct key){.code = code});
    app->terminal_command = CMD_NONE; /* there is no screen to draw anew, and job control is the
                                         terminal's */
}

static bool takes_text(const struct app *app)
{
    return view_scopes(app->top) & SCOPE_TYPED;
}

static void press_text(struct app *app, struct str text)
{
    size_t pos = 0;
    while (pos < text.len) {
        int32_t c = utf8_next(text, &pos);
        if (c >= ' ')
            press(app, (uint32_t)c);
    }
}

/* The n-th entry of a menu is chosen, the n-th line of a list gone to. */
static void press_number(struct app *app, struct str text, uint64_t n)
{
    enum { ENTRIES_MAX = 100 };
    if (!(view_scopes(app->top) & SCOPE_MENU)) {
        press_text(app, text);
        press(app, 'G');
        return;
    }
    for (int i = 0; i < ENTRIES_MAX; i++)
        press(app, K_UP);
    for (uint64_t i = 1; i < n && i < ENTRIES_MAX; i++)
        press(app, K_DOWN);
    press(app, K_ENTER);
}

static bool press_word(struct app *app, struct str word)
{
    static const struct {
        const char *word;
        uint32_t code;
    } words[] = {
        {"enter", K_ENTER},  {"esc", K_ESC},        {"tab", K_TAB},   {"space", ' '},
        {"up", K_UP},        {"down", K_DOWN},      {"left", K_LEFT}, {"right", K_RIGHT},
        {"pgup", K_PAGE_UP}, {"pgdn", K_PAGE_DOWN}, {"home", K_HOME}, {"end", K_END},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_is(word, words[i].word)) {
            press(app, words[i].code);
            return true;
        }
    }
    if (word.len == 2 && word.ptr[0] == '^') {
        press(app, K_CTRL((unsigned char)word.ptr[1]));
        return true;
    }
    return false;
}

/* Where a line is typed all of it is text, and Enter is pressed behind it; so is what follows a
 * colon or a slash. Else it is a word, a number, or keys one after the other. */
static void take_line(struct app *app, struct str line)
{
    uint64_t n;
    if (!line.len)
        press(app, K_ENTER);
    else if (takes_text(app)) {
        if (press_word(app, line))
            return;
        press_text(app, line);
        press(app, K_ENTER);
    } else if (line.ptr[0] == ':' || line.ptr[0] == '/') {
        press(app, (unsigned char)line.ptr[0]);
        press(app, K_CTRL('u')); /* a filter that is in force */
        press_text(app, str_sub(line, 1, line.len));
        press(app, K_ENTER);
    } else if (str_u64(line, &n) && n)
        press_number(app, line, n);
    else if (!press_word(app, line))
        press_text(app, line);
}

void plain_run(struct app *app)
{
    struct canvas canvas;
    char *line = NULL;
    size_t room = 0;
    bool ascii = app->opts.ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    canvas_init(&canvas, false);
    while (!app->quit) {
        settle(app, &canvas);
        if (app->quit)
            break;
        print_picture(app, &canvas, ascii);
        while (!wait_for(app, true, app_tick(app) - clock_monotonic_ms()))
            ;
        ssize_t len = getline(&line, &room, stdin);
        if (len < 0)
            break;
        take_line(app, (struct str){line, (size_t)len - (len && line[len - 1] == '\n')});
    }
    free(line);
    canvas_release(&canvas);
}
