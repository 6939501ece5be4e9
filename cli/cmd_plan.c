/* apply FILE: a saved plan, made again, compared, and carried out like any change. */
#include "cli/commands.h"

#include "core/output.h"

#include <string.h>

/* Without a target the plan itself says where: its store, and the other one of a copy. */
static bool target_of(struct cli *cli, const json_t *saved, struct err *err)
{
    const json_t *frozen = json_object_get(saved, "saved");
    const char *target = json_string_value(json_object_get(saved, "target"));
    const char *store = json_string_value(json_object_get(frozen, "store"));
    const char *other = json_string_value(json_object_get(frozen, "other_store"));
    if (cli_names_target(cli))
        return true;
    if (!store)
        return err_set(err, ERR_INVALID, "%s: not a plan of penstock", cli->words[0]);
    return cli_target_kept(cli, str_of(target), str_of(store), "the plan", err) &&
           (!other || strcmp(other, store) == 0 ||
            cli_target_kept(cli, STR_NULL, str_of(other), "the plan", err));
}

bool cmd_apply(struct cli *cli, struct err *err)
{
    struct str text;
    json_error_t why;
    struct plan *plan;
    if (cli->nwords != 1)
        return err_set(err, ERR_INVALID, "apply wants one file, or -");
    if (!cli_read_file(cli, cli->words[0], 256 << 20, &text, err))
        return false;
    json_t *saved = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (!saved)
        return err_set(err, ERR_INVALID, "%s: not a plan: line %d: %s", cli->words[0], why.line,
                       why.text);
    bool ok = target_of(cli, saved, err) && cli_open(cli, NULL, CLI_CHANGE, err);
    struct str path = config_state_path(&cli->arena, "journal.db");
    /* A plan that undoes needs the journal to be made again; others only when they are applied. */
    if (ok && !cli->opts.dry_run)
        ok = cli_open_journal(cli, err);
    else if (ok && !journal_open(path.ptr, true, &cli->journal, NULL))
        cli->journal = NULL;
    struct call call = cli_call(cli);
    ok = ok && plan_load(saved, cli->stores, cli->nstores, cli->journal, &call, &plan, err);
    json_decref(saved);
    if (!ok)
        return false;
    if (plan->request.store)
        change_say_target(cli, plan->request.store);
    return change_carry_out(cli, plan, err);
}
