/* The program: what only main may know of each other, brought together. */
#include "backends/drivers.h"
#include "cli/cli.h"
#include "cli/demo.h"
#include "tui/app.h"
#include "tui/keymap.h"

static bool make_demo(const char *dir, bool reset, struct arena *arena,
                      const char *const **ret_targets, const char *const **ret_names, size_t *ret_n,
                      struct err *err)
{
    struct demo demo;
    if (!demo_make(dir, reset, arena, &demo, err))
        return false;
    *ret_targets = demo.targets;
    *ret_names = demo.names;
    *ret_n = demo.ntargets;
    return true;
}

static bool open_screen(struct cli *cli, const char *notice, struct err *err)
{
    struct arena *a = &cli->arena;
    const struct config_context *context = NULL;
    if (cli->ntargets && cli->targets[0].is_context)
        context = config_context(cli->config, cli->targets[0].name);
    struct tui_opts opts = {
        .layouts = cli->hooks->layouts,
        .targets = cli->targets,
        .ntargets = cli->ntargets,
        .journal_path = config_state_path(a, "journal.db").ptr,
        .audit_path = config_state_path(a, "audit.jsonl").ptr,
        .acks_path = config_state_path(a, "acks.json").ptr,
        .columns_path = config_state_path(a, "columns").ptr,
        .log_path = config_state_path(a, "penstock.log").ptr,
        .no_color = cli->opts.no_color,
        .ascii = cli->opts.ascii,
        .plain = cli->opts.plain,
        .timeout_ms = cli->opts.timeout_ms,
        .lock_wait_ms = cli->opts.lock_wait_ms,
        .confirm_quiet_ms = cli->config->confirm_quiet_ms,
        .refresh_ms = context ? context->refresh_ms : 0,
        .write_idle_ms = cli->config->write_idle_ms,
        .read_only = cli->opts.read_only,
        .notice = notice,
    };
    return tui_run(&opts, err);
}

static void print_keys(struct cli *cli)
{
    static const struct column columns[] = {
        {.name = "keys", .title = "KEYS", .type = CELL_TEXT, .keep = true},
        {.name = "help", .title = "HELP", .type = CELL_TEXT, .keep = true},
    };
    struct print *print = print_new(&cli->print, columns, 2, 0);
    for (size_t i = 0; i < nkey_rows; i++) {
        const struct key_row *row = &key_rows[i];
        if (!row->help)
            continue;
        struct cell cells[] = {cell_text(keymap_keys(&cli->arena, row->scope, row)),
                               cell_text(str_of(row->help))};
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
}

int main(int argc, char **argv)
{
    static const struct cli_hooks hooks = {
        .layouts = layouts, .screen = open_screen, .demo = make_demo, .keys = print_keys};
    return cli_main(argc, argv, &hooks);
}
