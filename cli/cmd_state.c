/* What is for states alone: back to what the journal keeps of one, and runs that will not come
 * back. */
#include "cli/commands.h"

#include "core/output.h"

#include <string.h>

/* --- restore --------------------------------------------------------------------------------- */

const struct op_option restore_options[] = {
    {.name = "entry",
     .kind = OPTION_VALUE,
     .metavar = "E",
     .needed = true,
     .help = "a journal entry: the state as that change left it"},
    {.name = "before", .kind = OPTION_FLAG, .help = "as it was before that change"},
    {0},
};

bool cmd_restore(struct cli *cli, struct err *err)
{
    struct journal_entry entry;
    struct plan *plan;
    struct str id;
    const char *from = cli_value(cli, "entry");
    if (cli->nwords != 1 || !from) {
        err_set(err, ERR_INVALID, "usage: penstock %s restore ID --entry E", cli->noun);
        return err_hint(err, "penstock journal list");
    }
    if (!output_id_parse(&cli->arena, str_of(cli->words[0]), &id, err) ||
        !cli_open(cli, cli->system, CLI_CHANGE, err) || !journal_open_to_change(cli, err) ||
        !journal_load(cli->journal, &cli->arena, str_of(from), &entry, err))
        return false;
    struct call call = cli_call(cli);
    if (!plan_restore(&entry, id, cli_flag(cli, "before"), cli->stores, cli->nstores,
                      str_of(cli->opts.reason), &call, &plan, err))
        return false;
    change_say_target(cli, plan->request.store);
    return change_carry_out(cli, plan, err);
}

/* --- prune ----------------------------------------------------------------------------------- */

const struct op_option prune_options[] = {
    {.name = "older",
     .kind = OPTION_VALUE,
     .metavar = "SPAN",
     .needed = true,
     .help = "not written for so long: 90d"},
    {0},
};

/* `meltano elt` without --state-id names a run by its moment: "2026-01-01T000000--tap-a--target-b".
 * No later run ever asks for that state again. */
static bool is_of_one_run(struct str id)
{
    static const char shape[] = "dddd-dd-ddTdddddd--";
    size_t n = sizeof shape - 1;
    if (id.len <= n)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool digit = id.ptr[i] >= '0' && id.ptr[i] <= '9';
        if (shape[i] == 'd' ? !digit : id.ptr[i] != shape[i])
            return false;
    }
    struct str plugins = str_sub(id, n, id.len);
    const char *second = memmem(plugins.ptr, plugins.len, "--", 2);
    return second && second > plugins.ptr && second + 2 < plugins.ptr + plugins.len;
}

bool cmd_prune(struct cli *cli, struct err *err)
{
    struct choice *all;
    struct plan *plan;
    size_t n, chosen = 0;
    int64_t span;
    const char *older = cli_value(cli, "older");
    if (cli->nwords || !older || !time_span_parse(str_of(older), &span))
        return err_set(err, ERR_INVALID, "usage: penstock %s prune --older SPAN", cli->noun);
    if (!cli_open(cli, cli->system, CLI_CHANGE, err) || !select_every(cli, &all, &n, err))
        return false;
    struct plan_record *records = arena_array(&cli->arena, struct plan_record, n);
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &all[i].row;
        if (is_of_one_run(row->id) && row->updated_at_us != TIME_UNKNOWN &&
            row->updated_at_us < clock_now_us() - span)
            records[chosen++] = (struct plan_record){.id = row->id, .label = row->label};
    }
    if (!chosen) {
        cli_note(cli, "no state of a single run is older than %s: nothing to do", older);
        return true;
    }
    change_say_target(cli, all[0].store);
    struct plan_request request = {
        .op = system_op(cli->system, "clear"),
        .verb = "prune",
        .records = records,
        .nrecords = chosen,
        .store = all[0].store,
        .force = cli->opts.force,
        .reason = str_of(cli->opts.reason),
    };
    struct call call = cli_call(cli);
    return plan_make(&request, &call, &plan, err) && change_carry_out(cli, plan, err);
}
