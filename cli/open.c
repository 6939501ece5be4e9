/* Targets and the stores behind them. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what the operator meant ----------------------------------------------------------------- */

static bool nothing_to_open(struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "nothing to open. Try: penstock demo | penstock . | penstock "
                   "postgresql://host/db");
}

static bool add_target(struct cli *cli, const char *word, const char *from, struct err *err)
{
    struct target *targets = arena_array(&cli->arena, struct target, cli->ntargets + 1);
    if (cli->ntargets)
        memcpy(targets, cli->targets, cli->ntargets * sizeof *targets);
    cli->targets = targets;
    struct target *target = &targets[cli->ntargets];
    if (!config_target(cli->config, word, from, &cli->arena, target, err))
        return false;
    if (target->warning)
        cli_note(cli, "warning: %s", target->warning);
    if (cli->opts.write && !cli->opts.read_only)
        target->read_only = false;
    if (cli->opts.read_only)
        target->read_only = true;
    cli->ntargets++;
    return true;
}

bool cli_targets(struct cli *cli, struct err *err)
{
    const char *environment = getenv("PENSTOCK_TARGET");
    if (cli->ntargets)
        return true;
    for (size_t i = 0; i < cli->opts.ntargets; i++) {
        if (!add_target(cli, cli->opts.targets[i], "-t", err))
            return false;
    }
    if (cli->ntargets)
        return true;
    if (environment && *environment)
        return add_target(cli, environment, "PENSTOCK_TARGET", err);
    if (cli->config->default_context)
        return add_target(cli, cli->config->default_context, "the configured default", err);
    if (access("meltano.yml", F_OK) == 0)
        return add_target(cli, ".", "./meltano.yml", err);
    return nothing_to_open(err);
}

bool cli_names_target(const struct cli *cli)
{
    const char *environment = getenv("PENSTOCK_TARGET");
    return cli->opts.ntargets || (environment && *environment);
}

bool cli_target_kept(struct cli *cli, struct str target, struct str store, const char *from,
                     struct err *err)
{
    const char *context = arena_cstr(&cli->arena, target);
    bool known = config_context(cli->config, context) != NULL;
    return add_target(cli, known ? context : arena_cstr(&cli->arena, store), from, err);
}

/* --- opening --------------------------------------------------------------------------------- */

static struct open_store *add_store(struct cli *cli)
{
    /* Plans keep pointers to these: the array never moves once stores are in use. */
    enum { MOST = 256 };
    if (!cli->stores) {
        cli->stores = arena_array(&cli->arena, struct open_store, MOST);
        cli->room = MOST;
    }
    return cli->nstores < cli->room ? &cli->stores[cli->nstores++] : NULL;
}

static bool open_found(struct cli *cli, const struct target *target, const struct found *found,
                       bool writable, struct err *err)
{
    char who[256];
    audit_who(who);
    struct store_opts opts = {
        .writable = writable, .lock_wait_ms = cli->opts.lock_wait_ms, .operator_name = str_of(who)};
    struct call call = cli_call(cli);
    struct open_store *open = add_store(cli);
    if (!open)
        return err_set(err, ERR_INVALID, "too many stores");
    *open = (struct open_store){.target = *target};
    open->target.address = found->address;
    if (!target->is_context)
        open->target.name = found->address.plain;
    if (!store_open(found->layout, &open->target.address, &opts, &call, &open->store, err)) {
        cli->nstores--;
        return false;
    }
    return true;
}

/* All stores of one target that belong to `system`. Those of other systems are passed over. */
static bool open_target(struct cli *cli, const struct target *target, const struct system *system,
                        bool writable, size_t *ret_n, struct err *err)
{
    struct found *found;
    size_t n, opened = 0;
    *ret_n = 0;
    if (system && target->address.system && target->address.system != system)
        return true;
    struct call call = cli_call(cli);
    if (!config_probe(cli->hooks->layouts, target, &call, &cli->arena, &found, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (system && found[i].address.system != system)
            continue;
        if (!open_found(cli, target, &found[i], writable, err))
            return false;
        opened++;
    }
    *ret_n = opened;
    return true;
}

bool cli_open(struct cli *cli, const struct system *system, enum cli_purpose purpose,
              struct err *err)
{
    bool change = purpose == CLI_CHANGE;
    if (!cli_targets(cli, err))
        return false;
    for (size_t i = 0; i < cli->ntargets; i++) {
        struct target *target = &cli->targets[i];
        /* A dry run never has a connection that could write. */
        bool writable = purpose != CLI_READ && !cli->opts.dry_run && !target->read_only;
        struct err why = {0};
        size_t n;
        if (open_target(cli, target, system, writable, &n, &why))
            continue;
        if (change || cli->ntargets == 1) {
            if (err)
                *err = why;
            return false;
        }
        cli_report_on(cli, &why);
    }
    if (cli->nstores || cli->exit_code)
        return cli->nstores || err_set(err, ERR_UNAVAILABLE, "none of the targets could be opened");
    err_set(err, ERR_INVALID, "%s: no store of %s there", cli->targets[0].name,
            system ? system->name : "any system");
    return err_hint(err, "penstock probe shows what is found");
}

bool cli_open_other(struct cli *cli, const char *word, const struct system *system,
                    struct open_store **ret, struct err *err)
{
    struct target target;
    size_t n, first = cli->nstores;
    if (!config_target(cli->config, word, "--to", &cli->arena, &target, err))
        return false;
    target.read_only = cli->opts.read_only || (target.read_only && !cli->opts.write);
    bool writable = !cli->opts.dry_run && !target.read_only;
    if (!open_target(cli, &target, system, writable, &n, err))
        return false;
    if (n != 1)
        return err_set(err, ERR_INVALID, "--to %s: %s", target.name,
                       n ? "there is more than one store" : "no such store there");
    *ret = &cli->stores[first];
    return true;
}

bool cli_has_store(const struct cli *cli, struct str identity)
{
    for (size_t i = 0; i < cli->nstores; i++) {
        if (str_eq(store_info(cli->stores[i].store)->identity, identity))
            return true;
    }
    return false;
}

const char *cli_store_name(const struct open_store *store)
{
    return store->target.name;
}

/* --- journal and audit ----------------------------------------------------------------------- */

bool cli_open_journal(struct cli *cli, struct err *err)
{
    struct str journal = config_state_path(&cli->arena, "journal.db");
    struct str audit = config_state_path(&cli->arena, "audit.jsonl");
    if (cli->journal)
        return true;
    if (!journal_open(journal.ptr, false, &cli->journal, err) ||
        !audit_open(audit.ptr, &cli->audit, err))
        return false;
    struct str warning = journal_warning(cli->journal);
    if (warning.len)
        cli_note(cli, "warning: %.*s", STR_ARG(warning));
    struct call call = cli_call(cli);
    return apply_settle(cli->journal, cli->stores, cli->nstores, &call, err);
}

void cli_close(struct cli *cli)
{
    for (size_t i = 0; i < cli->nstores; i++)
        store_close(cli->stores[i].store);
    cli->nstores = 0;
    journal_close(cli->journal);
    audit_close(cli->audit);
    cli->journal = NULL;
    cli->audit = NULL;
}
