/* One run: the command line read, the command found, its result made an exit code. */
#include "cli/cli.h"

#include "cli/commands.h"
#include "core/base/cleanup.h"
#include "core/base/mem.h"
#include "core/base/near.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

/* The one thing a signal handler can reach. Set once, before the handlers are. */
static struct cancel *signal_cancel;

static void on_signal(int number)
{
    int saved = errno;
    /* The second time the person means it: the journal settles what was under way. */
    if (number != SIGALRM && atomic_load(&signal_cancel->fired))
        _exit(128 + number);
    cancel_fire(signal_cancel);
    errno = saved;
}

static bool set_signals(struct cli *cli, struct err *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    struct sigaction action = {.sa_handler = on_signal};
    if (!cancel_init(&cli->cancel, err))
        return false;
    signal_cancel = &cli->cancel;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    outlet_begin(&cli->outlet, &cli->cancel);
    cli->print.out = stdout;
    /* A reader that goes away must not kill us in the middle of a change, nor a limit on files. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (cli->opts.deadline_ms) {
        int64_t ms = cli->opts.deadline_ms;
        struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};
        cli->deadline_at_ms = clock_monotonic_ms() + ms;
        setitimer(ITIMER_REAL, &timer, NULL);
    }
    return true;
}

struct call cli_call(struct cli *cli)
{
    struct call call = call_within(cli->opts.timeout_ms, &cli->cancel);
    if (cli->deadline_at_ms && cli->deadline_at_ms < call.deadline_ms)
        call.deadline_ms = cli->deadline_at_ms;
    return call;
}

struct call cli_patience(struct cli *cli)
{
    return (struct call){cli->deadline_at_ms ? cli->deadline_at_ms : INT64_MAX, &cli->cancel};
}

static bool read_all(struct cli *cli, int fd, const char *path, size_t limit, struct sbuf *text,
                     struct err *err)
{
    struct call call = cli_patience(cli);
    char chunk[65536];
    for (ssize_t n = 1; n;) {
        if (!call_wait_fd(&call, fd, POLLIN, path, err))
            return false;
        n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return err_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
        if (n > 0)
            sbuf_add(text, chunk, (size_t)n);
        if (text->len > limit)
            return err_set(err, ERR_INVALID, "%s: more than %zu bytes", path, limit);
    }
    return true;
}

bool cli_read_file(struct cli *cli, const char *path, size_t limit, struct str *ret,
                   struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    /* A pipe that nobody writes to is opened at once, and waited for like one that says nothing. */
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
    CLEANUP(sbuf_release) struct sbuf text = SBUF_INIT;
    bool ok = read_all(cli, fd, path, limit, &text, err);
    if (ok)
        *ret = arena_str(&cli->arena, sbuf_view(&text));
    if (!is_stdin)
        close(fd);
    return ok;
}

/* --- which command --------------------------------------------------------------------------- */

static bool is_noun(const char *word)
{
    if (system_by_noun(str_of(word)) || strcmp(word, "plan") == 0)
        return true;
    for (size_t i = 0; command_at(i); i++) {
        if (strcmp(command_at(i)->noun, word) == 0 && word[0] != '*')
            return true;
    }
    return false;
}

void cli_nouns(void (*offer)(void *ctx, const char *word), void *ctx)
{
    offer(ctx, "plan");
    for (const struct system *const *s = systems; *s; s++)
        offer(ctx, (*s)->noun);
    for (size_t i = 0; command_at(i); i++) { /* rows of one noun stand together */
        const char *noun = command_at(i)->noun;
        bool again = i && strcmp(command_at(i - 1)->noun, noun) == 0;
        if (noun[0] != '*' && !again && !system_by_noun(str_of(noun)))
            offer(ctx, noun);
    }
}

/* Nouns with verbs need one; the others stand alone. */
static bool has_verbs(const char *noun)
{
    return system_by_noun(str_of(noun)) || !command_find(noun, NULL);
}

void cli_verbs(const char *noun, void (*offer)(void *ctx, const char *word), void *ctx)
{
    const struct system *system = system_by_noun(str_of(noun));
    for (size_t i = 0; command_at(i); i++) {
        const struct cli_command *c = command_at(i);
        bool here = strcmp(c->noun, noun) == 0 || (system && c->noun[0] == '*');
        if (here && c->verb)
            offer(ctx, c->verb);
    }
    if (!system)
        return;
    for (size_t i = 1; i < system->nsheets; i++)
        offer(ctx, system->sheets[i].name);
    for (const struct op *const *op = system->ops; op && *op; op++) {
        if (!command_find("*", (*op)->verb))
            offer(ctx, (*op)->verb);
    }
    for (const struct action *a = system->actions; a && a->key; a++) {
        if (!system_op(system, a->verb) && !command_find("*", a->verb))
            offer(ctx, a->verb);
    }
}

static void offer_near(void *ctx, const char *word)
{
    near_offer(ctx, word);
}

/* What all systems are asked for by the same word, and not all allow. */
static bool is_common_verb(const char *verb)
{
    return strcmp(verb, "copy") == 0 || strcmp(verb, "clear") == 0;
}

static bool unknown_verb(const struct cli *cli, struct err *err)
{
    struct near near = {.word = str_of(cli->verb)};
    const struct system *system = system_by_noun(str_of(cli->noun));
    if (system && is_common_verb(cli->verb)) {
        err_set(err, ERR_UNSUPPORTED, "%s %s: %s of %s know no such operation", cli->noun,
                cli->verb, system->records, system->name);
        return err_hint(err, "penstock help %s", cli->noun);
    }
    cli_verbs(cli->noun, offer_near, &near);
    if (near.best)
        return err_set(err, ERR_INVALID, "unknown verb '%s %s'; did you mean '%s'?", cli->noun,
                       cli->verb, near.best);
    err_set(err, ERR_INVALID, "unknown verb '%s %s'", cli->noun, cli->verb);
    return err_hint(err, "penstock help %s", cli->noun);
}

static void find_alias(struct cli *cli)
{
    for (const struct action *a = cli->system->actions; a && a->key; a++) {
        if (strcmp(a->verb, cli->verb) == 0 && !system_op(cli->system, a->verb)) {
            cli->action = a;
            cli->op = system_op(cli->system, a->op);
            return;
        }
    }
}

/* Our own commands first, then what the system's table offers under this verb. */
static bool find_command(struct cli *cli, struct err *err)
{
    cli->system = system_by_noun(str_of(cli->noun));
    cli->command = command_find(cli->noun, cli->verb);
    if (!cli->system)
        return cli->command || unknown_verb(cli, err);
    cli->op = system_op(cli->system, cli->verb);
    if (!cli->command)
        cli->command = command_find("*", cli->verb);
    if (cli->command)
        return true;
    cli->sheet = system_sheet(cli->system, cli->verb);
    if (!cli->op && !cli->sheet)
        find_alias(cli);
    if (cli->op)
        cli->command = command_generic();
    else if (cli->sheet)
        cli->command = command_sheet();
    return cli->command || unknown_verb(cli, err);
}

/* The options that this command has of its own. */
const struct op_option *const *cli_own_options(struct cli *cli)
{
    enum { MOST = 8 };
    const struct op_option **lists = arena_array(&cli->arena, const struct op_option *, MOST);
    size_t n = 0;
    if (cli->op && cli->op->options)
        lists[n++] = cli->op->options;
    if (cli->op && change_to_options(cli->op))
        lists[n++] = change_to_options(cli->op);
    if (cli->command->options)
        lists[n++] = cli->command->options;
    if (!cli->system)
        return lists;
    lists[n++] = select_options;
    if (cli->system->narrow_options)
        lists[n++] = cli->system->narrow_options;
    if (cli->command->run == cmd_get && cli->system->get_options)
        lists[n++] = cli->system->get_options;
    if (cli->command->run == cmd_list || cli->command->run == cmd_sheet)
        lists[n++] = filter_options;
    return lists;
}

/* --- reading the line ------------------------------------------------------------------------ */

static void add_word(struct cli *cli, const char *word, bool behind_dashes)
{
    cli->words[cli->nwords++] = word;
    if (!behind_dashes)
        cli->nbefore_dashes = cli->nwords;
}

static bool read_noun(struct cli *cli, struct option_reader *r, const char **word, struct err *err)
{
    if (strcmp(*word, "plan") == 0) {
        cli->planning = cli->opts.dry_run = true;
        if (!options_next(r, &cli->arena, word, err))
            return false;
        if (!*word && cli->opts.help)
            return true;
        if (!*word) {
            err_set(err, ERR_INVALID, "plan wants a command: plan NOUN VERB ...");
            return err_hint(err, "one that changes something: penstock plan table rollback ID");
        }
    }
    cli->noun = *word;
    if (!is_noun(cli->noun))
        return true;
    if (has_verbs(cli->noun)) {
        if (!options_next(r, &cli->arena, &cli->verb, err))
            return false;
        if (!cli->verb)
            return cli->opts.help || (err_set(err, ERR_INVALID, "%s wants a verb", cli->noun),
                                      err_hint(err, "penstock help %s", cli->noun));
    }
    if (!find_command(cli, err))
        return false;
    r->own = cli_own_options(cli);
    return true;
}

/* A noun that stands alone may have a verb all the same: `check ack`. */
static bool take_verb(struct cli *cli, struct option_reader *r, const char *word)
{
    const struct cli_command *c =
        cli->command && !cli->verb && !cli->nwords ? command_find(cli->noun, word) : NULL;
    if (!c)
        return false;
    cli->verb = word;
    cli->command = c;
    r->own = cli_own_options(cli);
    return true;
}

bool cli_read(struct cli *cli, int argc, char **argv, struct err *err)
{
    size_t n = argc > 0 ? (size_t)argc - 1 : 0;
    struct option_reader reader = {
        .argv = argv + 1,
        .argc = n,
        .options = &cli->opts,
        .args = arena_array(&cli->arena, struct op_arg, n + 1),
    };
    const char *word;
    cli->words = arena_array(&cli->arena, const char *, n + 1);
    if (!options_next(&reader, &cli->arena, &word, err))
        return false;
    if (word && !read_noun(cli, &reader, &word, err))
        return false;
    if (word && !cli->command && !cli->opts.help)
        add_word(cli, word, reader.ended);
    while (word && options_next(&reader, &cli->arena, &word, err)) {
        if (!word) {
            cli->args = (struct op_args){reader.args, reader.nargs};
            return true;
        }
        if (reader.ended || !take_verb(cli, &reader, word))
            add_word(cli, word, reader.ended);
    }
    return !word;
}

/* --- running --------------------------------------------------------------------------------- */

/* A long list is many pages: what one leaves behind in the heap is kept for the next. */
static void expect_many_pages(void)
{
    enum { HEAP_KEPT = 16 << 20, LARGEST_IN_HEAP = 4 << 20 };
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    mallopt(M_MMAP_THRESHOLD, LARGEST_IN_HEAP);
}

static void set_print(struct cli *cli)
{
    struct winsize size;
    bool tty = isatty(STDOUT_FILENO);
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    cli->print = (struct print_opts){
        .output = cli->opts.output,
        .headers = !cli->opts.no_headers,
        .color = tty && !cli->opts.no_color && !(no_color && *no_color) &&
                 !(term && strcmp(term, "dumb") == 0),
        .ascii = cli->opts.ascii || !utf8,
        .nul = cli->opts.nul,
        .now_us = clock_now_us(),
        .out = stdout,
    };
    cli->opts.ascii = cli->print.ascii;
    if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        cli->print.width = size.ws_col;
    cli->on_terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool cli_screen(struct cli *cli, const char *notice, struct err *err)
{
    outlet_end(&cli->outlet);
    return cli->hooks->screen(cli, notice, err);
}

/* Words without a noun are targets of the screen; one that is nothing at all is a mistake. */
static bool open_screen(struct cli *cli, struct err *err)
{
    const char *word = cli->nwords ? cli->words[0] : NULL;
    for (size_t i = 0; i < cli->nwords; i++) {
        const char **targets = arena_array(&cli->arena, const char *, cli->opts.ntargets + 1);
        if (cli->opts.ntargets)
            memcpy(targets, cli->opts.targets, cli->opts.ntargets * sizeof *targets);
        targets[cli->opts.ntargets++] = cli->words[i];
        cli->opts.targets = targets;
    }
    bool is_word = word && !config_context(cli->config, word) && !strpbrk(word, "/:") &&
                   access(word, F_OK) != 0;
    if (is_word) {
        struct near near = {.word = str_of(word)};
        cli_nouns(offer_near, &near);
        for (size_t i = 0; i < cli->config->ncontexts; i++)
            near_offer(&near, cli->config->contexts[i].name);
        if (near.best)
            return err_set(err, ERR_INVALID, "unknown command or context '%s'; did you mean '%s'?",
                           word, near.best);
        return err_set(err, ERR_INVALID, "unknown command or context '%s'", word);
    }
    if (!cli_targets(cli, err))
        return false;
    return cli_screen(cli, NULL, err);
}

/* Some of `--help`, `--version` need nothing else to be right. */
static bool run_plain(struct cli *cli, bool *ret_done, struct err *err)
{
    *ret_done = true;
    if (cli->opts.version) {
        puts("penstock " PENSTOCK_VERSION);
        return true;
    }
    if (!cli->opts.help) {
        *ret_done = false;
        return true;
    }
    if (cli->noun && is_noun(cli->noun))
        return help_for(cli, cli->noun, cli->verb, err);
    help_overview(cli);
    return true;
}

static bool check_rules(const struct cli *cli, struct err *err)
{
    if (cli->opts.read_only && cli->opts.write)
        return err_set(err, ERR_INVALID, "--read-only and --write exclude each other");
    if (cli->planning && !(cli->command && cli->command->changes))
        return err_set(err, ERR_INVALID, "plan wants a command that changes something");
    return true;
}

static bool run(struct cli *cli, int argc, char **argv, struct err *err)
{
    bool done;
    bool read = cli_read(cli, argc, argv, err);
    set_print(cli);
    if (!read || !run_plain(cli, &done, err))
        return false;
    if (done)
        return true;
    if (!check_rules(cli, err) || !config_load(cli->opts.config, &cli->config, err))
        return false;
    if (!cli->command)
        return open_screen(cli, err);
    expect_many_pages();
    return set_signals(cli, err) && cli->command->run(cli, err);
}

/* The first file that is opened must not become stdout or stderr: what we say would be written into
 * a store. What was closed fails as if it still were: opened the wrong way round. */
static void keep_standard_fds(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            abort();
    }
}

static bool reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* What was flushed page by page may have failed long ago: the stream knows that, not why. */
static bool check_output(struct cli *cli, struct err *err)
{
    int why = fflush(stdout) != 0 ? errno : 0;
    if ((!why && !ferror(stdout)) || cli->exit_code || reader_gone())
        return true;
    if (cli->outlet.given_up)
        return err_set(err, ERR_CANCELLED, "writing the output: cancelled");
    return err_set(err, ERR_INTERNAL, "cannot write the output%s%s", why ? ": " : "",
                   why ? strerror(why) : "");
}

/* What was cancelled was cancelled by --deadline, not by somebody. */
static void say_late(struct err *err)
{
    static const char cancelled[] = ": cancelled";
    struct err was = *err;
    size_t end = sizeof cancelled - 1, len = strlen(was.text);
    if (len > end && strcmp(was.text + len - end, cancelled) == 0)
        len -= end;
    err_set(err, ERR_TIMEOUT, "%.*s: not done when the --deadline was over", (int)len, was.text);
}

int cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
    struct cli cli = {.hooks = hooks, .opts = options_default, .cancel = {.event_fd = -1}};
    struct err err = {0};
    keep_standard_fds();
    setlocale(LC_CTYPE, "");
    bool ok = run(&cli, argc, argv, &err) && check_output(&cli, &err);
    bool late = cli.deadline_at_ms && clock_monotonic_ms() >= cli.deadline_at_ms;
    if (!ok && err.kind == ERR_CANCELLED && late)
        say_late(&err);
    if (!ok) {
        cli_report(&cli, &err);
        cli.exit_code = err_kind_exit(err.kind);
    }
    cli_close(&cli);
    outlet_end(&cli.outlet);
    config_free(cli.config);
    cancel_release(&cli.cancel);
    arena_release(&cli.arena);
    return cli.exit_code;
}
