/* completion: scripts for the shells, which ask us what may stand next. The words typed so far are
 * read by the parser that reads them when Enter is pressed, so there is no second list of anything.
 */
#include "cli/commands.h"

#include "core/output.h"

#include <string.h>

enum { IDS_MOST = 500, IDS_WAIT_MS = 2000, PAGE = 500 };

static const char bash_script[] =
    "# penstock: completion for bash\n"
    "_penstock() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words cur word quoted\n"
    "    read -ra words <<<\"$line\"\n"
    "    case $line in *[[:space:]]) words+=('') ;; esac\n"
    "    cur=${words[${#words[@]} - 1]}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r word; do\n"
    "        printf -v quoted %q \"$word\"\n"
    "        # bash has cut the word at its colons\n"
    "        case $COMP_WORDBREAKS in *:*) quoted=${quoted#\"${cur%\"${cur##*:}\"}\"} ;; esac\n"
    "        COMPREPLY+=(\"$quoted\")\n"
    "    done < <(\"${words[0]}\" completion candidates -- \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -o default -F _penstock penstock\n";

static const char zsh_script[] =
    "#compdef penstock\n"
    "# penstock: completion for zsh\n"
    "_penstock() {\n"
    "    local -a found\n"
    "    found=(${(f)\"$(\"${words[1]}\" completion candidates -- \"${(@)words[2,CURRENT]}\" "
    "2>/dev/null)\"})\n"
    "    (( $#found )) && compadd -- $found || _files\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _penstock ]; then _penstock; else compdef _penstock penstock; fi\n";

static const char fish_script[] =
    "# penstock: completion for fish\n"
    "function __penstock_candidates\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    $words[1] completion candidates -- $words[2..-1] 2>/dev/null\n"
    "end\n"
    "complete -c penstock -f -a '(__penstock_candidates)'\n";

static const struct {
    const char *shell, *text;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

/* --- what may stand next --------------------------------------------------------------------- */

struct candidates {
    FILE *out;
    struct str typed; /* of the word that is being completed */
};

static void offer(void *ctx, const char *word)
{
    const struct candidates *c = ctx;
    if (str_starts(str_of(word), c->typed.ptr))
        fprintf(c->out, "%s\n", word);
}

static void offer_contexts(const struct cli *cli, struct candidates *c)
{
    for (size_t i = 0; i < cli->config->ncontexts; i++)
        offer(c, cli->config->contexts[i].name);
}

static void offer_option(struct candidates *c, const char *name)
{
    char word[64];
    snprintf(word, sizeof word, "--%s", name);
    offer(c, word);
}

static void offer_options(struct cli *cli, struct candidates *c)
{
    const struct op_option *const *own = cli->command ? cli_own_options(cli) : NULL;
    for (; own && *own; own++) {
        for (const struct op_option *o = *own; o->name; o++) {
            if (o->kind != OPTION_POSITIONAL)
                offer_option(c, o->name);
        }
    }
    for (size_t i = 0; option_row(i); i++)
        offer_option(c, option_row(i)->name);
}

/* Is the word an option whose value comes next? */
static const struct option_row *awaits_value(const char *word)
{
    for (size_t i = 0; option_row(i); i++) {
        const struct option_row *o = option_row(i);
        bool same = word[0] == '-' && word[1] == '-'
                        ? strcmp(word + 2, o->name) == 0
                        : word[0] == '-' && o->letter && word[1] == o->letter && !word[2];
        if (same && o->metavar)
            return o;
    }
    return NULL;
}

static void offer_values(const struct cli *cli, struct candidates *c, const struct option_row *o)
{
    if (strcmp(o->name, "target") == 0)
        offer_contexts(cli, c);
    for (size_t i = 0; strcmp(o->name, "output") == 0 && i < OUTPUTS; i++)
        offer(c, output_names[i]);
}

static void offer_store(struct cli *cli, struct candidates *c, struct store *store, size_t *left)
{
    struct scan *scan;
    struct err ignored;
    struct call call = call_within(cli->opts.timeout_ms, &cli->cancel);
    if (!store_scan_ids(store, &call, &scan, &ignored))
        return;
    for (bool more = true; more && *left;) {
        struct arena page = ARENA_INIT;
        struct row *rows;
        size_t n = 0;
        more = store_scan_next(scan, &call, &page, PAGE, &rows, &n, &ignored) && n;
        for (size_t i = 0; i < n && *left; i++) {
            struct str name = output_id_name(&page, rows[i].id);
            if (!str_starts(name, c->typed.ptr))
                continue;
            fprintf(c->out, "%.*s\n", STR_ARG(name));
            --*left;
        }
        arena_release(&page);
    }
    store_scan_close(scan);
}

static void offer_ids(struct cli *cli, struct candidates *c)
{
    struct err ignored;
    size_t left = IDS_MOST;
    if (!cli_open(cli, cli->system, CLI_READ, &ignored))
        return;
    for (size_t i = 0; i < cli->nstores; i++)
        offer_store(cli, c, cli->stores[i].store, &left);
}

static void offer_entries(struct cli *cli, struct candidates *c)
{
    struct journal_entry *entries;
    size_t n = 0;
    struct err ignored;
    bool there;
    if (!journal_open_to_look(cli, &there, &ignored) || !there ||
        !journal_list(cli->journal, &cli->arena, 0, STR_NULL, &entries, &n, &ignored))
        return;
    for (size_t i = 0; i < n; i++)
        offer(c, entries[i].id);
}

static bool candidates(struct cli *cli, const char **words, size_t n)
{
    struct candidates c = {stdout, str_of(n ? words[n - 1] : "")};
    const struct option_row *value = n > 1 ? awaits_value(words[n - 2]) : NULL;
    struct cli line = {.hooks = cli->hooks, .config = cli->config, .opts = options_default};
    char **argv = arena_array(&cli->arena, char *, n + 1);
    struct err ignored;
    for (size_t i = 0; i + 1 < n; i++)
        argv[i + 1] = arena_cstr(&cli->arena, str_of(words[i]));
    line.cancel = cli->cancel;
    cli_read(&line, n ? (int)n : 1, argv, &ignored); /* an unfinished line is no mistake here */
    bool given = cli->opts.timeout_ms != options_default.timeout_ms;
    line.opts.timeout_ms = given ? cli->opts.timeout_ms : IDS_WAIT_MS;
    if (value)
        offer_values(cli, &c, value);
    else if (c.typed.len && c.typed.ptr[0] == '-')
        offer_options(&line, &c);
    else if (!line.noun) {
        cli_nouns(offer, &c);
        offer_contexts(cli, &c);
    } else if (!line.command)
        cli_verbs(line.noun, offer, &c);
    else if (line.system)
        offer_ids(&line, &c);
    else if (strcmp(line.noun, "journal") == 0)
        offer_entries(&line, &c);
    line.config = NULL; /* lent */
    cli_close(&line);
    arena_release(&line.arena);
    return true;
}

bool cmd_completion(struct cli *cli, struct err *err)
{
    if (cli->nwords && strcmp(cli->words[0], "candidates") == 0)
        return candidates(cli, cli->words + 1, cli->nwords - 1);
    for (size_t i = 0; cli->nwords == 1 && i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].shell, cli->words[0]) == 0)
            return fputs(scripts[i].text, stdout) >= 0;
    }
    err_set(err, ERR_INVALID, "usage: penstock completion bash|zsh|fish");
    return err_hint(err, "source <(penstock completion bash)");
}
