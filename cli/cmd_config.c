/* The configuration, the keys, the demo: commands that open no store. */
#include "cli/commands.h"

#include <string.h>

bool cmd_config_check(struct cli *cli, struct err *err)
{
    /* Reading it is the check, and has been done; what is left are the addresses. */
    for (size_t i = 0; i < cli->config->ncontexts; i++) {
        struct target target;
        const struct config_context *context = &cli->config->contexts[i];
        if (!config_target(cli->config, context->name, "config check", &cli->arena, &target, err))
            return err_context(err, "%s", cli->config->path);
        if (target.warning)
            cli_note(cli, "warning: %s", target.warning);
    }
    cli_note(cli, "%s: %zu contexts, all well", cli->config->path, cli->config->ncontexts);
    return true;
}

bool cmd_config_paths(struct cli *cli, struct err *err)
{
    static const struct column columns[] = {
        {.name = "name", .title = "NAME", .type = CELL_TEXT, .keep = true},
        {.name = "path", .title = "PATH", .type = CELL_TEXT, .keep = true},
    };
    struct arena *a = &cli->arena;
    struct {
        const char *name;
        struct str path;
    } paths[] = {
        {"config", str_of(cli->config->path)},
        {"journal", config_state_path(a, "journal.db")},
        {"audit", config_state_path(a, "audit.jsonl")},
        {"log", config_state_path(a, "penstock.log")},
        {"demo", config_data_path(a, "demo")},
    };
    struct print *print = print_new(&cli->print, columns, 2, 1);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct cell cells[] = {cell_text(str_of(paths[i].name)), cell_text(paths[i].path)};
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}

bool cmd_config_contexts(struct cli *cli, struct err *err)
{
    static const struct column columns[] = {
        {.name = "name", .title = "NAME", .type = CELL_TEXT, .keep = true},
        {.name = "env", .title = "ENV", .type = CELL_TEXT, .keep = true},
        {.name = "read_only", .title = "READ-ONLY", .type = CELL_BOOL},
        {.name = "default", .title = "DEFAULT", .type = CELL_BOOL},
        {.name = "address", .title = "ADDRESS", .type = CELL_TEXT, .keep = true},
        {.name = "restart_hint", .title = NULL, .type = CELL_TEXT},
    };
    enum { N = sizeof columns / sizeof columns[0] };
    struct print *print = print_new(&cli->print, columns, N, 0);
    for (size_t i = 0; i < cli->config->ncontexts; i++) {
        const struct config_context *c = &cli->config->contexts[i];
        const char *chosen = cli->config->default_context;
        struct cell cells[N] = {
            cell_text(str_of(c->name)),
            cell_text(str_of(environment_name(c->env))),
            cell_bool(c->read_only),
            cell_bool(chosen && strcmp(chosen, c->name) == 0),
            cell_text(address_mask(&cli->arena, str_of(c->address))),
            cell_text(str_of(c->restart_hint)),
        };
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}

bool cmd_keys(struct cli *cli, struct err *err)
{
    if (!cli->hooks->keys)
        return err_set(err, ERR_UNSUPPORTED, "this penstock has no screen");
    cli->hooks->keys(cli);
    return true;
}

const struct op_option demo_options[] = {
    {.name = "dir", .kind = OPTION_VALUE, .metavar = "DIR", .help = "where the stores are made"},
    {.name = "reset", .kind = OPTION_FLAG, .help = "make them again, as they were at first"},
    {.name = "no-tui", .kind = OPTION_FLAG, .help = "only make them and print their addresses"},
    {0},
};

bool cmd_demo(struct cli *cli, struct err *err)
{
    const char *const *targets, *const *names;
    size_t n;
    const char *dir = cli_value(cli, "dir");
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "demo takes no words");
    if (!dir)
        dir = config_data_path(&cli->arena, "demo").ptr;
    if (!cli->hooks->demo(dir, cli_flag(cli, "reset"), &cli->arena, &targets, &names, &n, err))
        return false;
    if (cli_flag(cli, "no-tui")) {
        for (size_t i = 0; i < n; i++)
            puts(targets[i]);
        return true;
    }
    cli->opts.targets = (const char **)arena_array(&cli->arena, const char *, n);
    memcpy(cli->opts.targets, targets, n * sizeof *targets);
    cli->opts.ntargets = n;
    if (!cli_targets(cli, err))
        return false;
    for (size_t i = 0; i < cli->ntargets; i++) {
        cli->targets[i].env = ENV_DEMO;
        cli->targets[i].shown = names[i];
    }
    return cli_screen(cli, "sample stores: change what you like, demo --reset brings them back",
                      err);
}

bool cmd_help(struct cli *cli, struct err *err)
{
    if (!cli->nwords) {
        help_overview(cli);
        return true;
    }
    return help_for(cli, cli->words[0], cli->nwords > 1 ? cli->words[1] : NULL, err);
}
