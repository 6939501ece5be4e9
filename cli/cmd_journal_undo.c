/* Taking a change back, putting it in again, and finishing one that broke off. */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

/* undo: the newest applied entry that is neither an undo nor undone. redo: the newest undo that is
 * in force and after which nothing else was applied. */
static const struct journal_entry *newest(const struct cli *cli,
                                          const struct journal_entry *entries, size_t n, bool redo)
{
    for (size_t i = 0; i < n; i++) {
        const struct journal_entry *e = &entries[i];
        bool is_undo = e->undoes && !e->is_redo;
        if (!e->applied || !cli_has_store(cli, e->store))
            continue;
        if (redo)
            return is_undo && !e->undone_by ? e : NULL;
        if (!is_undo && !e->undone_by)
            return e;
    }
    return NULL;
}

/* Without an id only what is plainly the operator's own last change is taken back. */
static bool choose(struct cli *cli, bool redo, const char **ret, struct err *err)
{
    enum { HOUR_US = 3600 * 1000000LL };
    struct journal_entry *entries;
    char who[256];
    size_t n;
    const char *what = redo ? "redo" : "undo";
    if (cli->nstores != 1) {
        err_set(err, ERR_INVALID, "several stores are open: %s wants the journal id", what);
        return err_hint(err, "penstock journal list");
    }
    if (!journal_list(cli->journal, &cli->arena, 0, store_info(cli->stores[0].store)->identity,
                      &entries, &n, err))
        return false;
    const struct journal_entry *e = newest(cli, entries, n, redo);
    if (!e)
        return err_set(err, ERR_NOT_FOUND, "nothing to %s in %s", what,
                       cli_store_name(&cli->stores[0]));
    audit_who(who);
    struct str age = time_span(&cli->arena, clock_now_us() - e->at_us);
    bool old = clock_now_us() - e->at_us > (int64_t)HOUR_US;
    if (!str_is(e->who, who) || old) {
        err_set(err, ERR_INVALID,
                "the newest change is %s, %.*s by %.*s, %.*s ago: %s wants its id", e->id,
                STR_ARG(e->verb), STR_ARG(e->who), STR_ARG(age), what);
        return err_hint(err, "penstock journal %s %s", what, e->id);
    }
    *ret = arena_cstr(&cli->arena, str_of(e->id));
    return true;
}

/* With an id and no target the entry itself says where. */
static bool open_for_entry(struct cli *cli, struct err *err)
{
    struct journal_entry entry;
    struct str path = config_state_path(&cli->arena, "journal.db");
    if (cli->nwords == 1 && !cli_names_target(cli)) {
        if (!journal_open(path.ptr, true, &cli->journal, err) ||
            !journal_load(cli->journal, &cli->arena, str_of(cli->words[0]), &entry, err))
            return false;
        journal_close(cli->journal);
        cli->journal = NULL;
        if (!cli_target_kept(cli, entry.target, entry.store, "the journal", err))
            return false;
    }
    return cli_open(cli, NULL, CLI_CHANGE, err);
}

static bool open_all(struct cli *cli, struct err *err)
{
    return open_for_entry(cli, err) && journal_open_to_change(cli, err);
}

/* Shows, asks and applies, as every change. */
static bool carry_out(struct cli *cli, const char *what, const struct journal_entry *entry,
                      struct plan *plan, struct err *err)
{
    if (plan->request.store)
        change_say_target(cli, plan->request.store);
    struct str age = time_span(&cli->arena, clock_now_us() - entry->at_us);
    cli_note(cli, "%s: %s, %.*s by %.*s, %.*s ago", what, entry->id, STR_ARG(entry->verb),
             STR_ARG(entry->who), STR_ARG(age));
    return change_carry_out(cli, plan, err);
}

static bool take_back(struct cli *cli, bool redo, struct err *err)
{
    struct journal_entry entry;
    struct plan *plan;
    const char *what = redo ? "redo" : "undo";
    const char *id = cli->nwords ? cli->words[0] : NULL;
    if (cli->nwords > 1)
        return err_set(err, ERR_INVALID, "journal %s wants one id at most", what);
    if (!open_all(cli, err))
        return false;
    if ((!id && !choose(cli, redo, &id, err)) ||
        !journal_load(cli->journal, &cli->arena, str_of(id), &entry, err))
        return false;
    bool is_undo = entry.undoes && !entry.is_redo;
    if (redo != is_undo)
        return err_set(err, ERR_INVALID, "journal entry %s is %s: %s", entry.id,
                       is_undo ? "an undo" : "no undo",
                       is_undo ? "redo takes it back" : "undo takes it back");
    struct call call = cli_call(cli);
    if (!plan_undo(&entry, cli->stores, cli->nstores, str_of(cli->opts.reason), &call, &plan, err))
        return false;
    return carry_out(cli, what, &entry, plan, err);
}

bool cmd_journal_undo(struct cli *cli, struct err *err)
{
    return take_back(cli, false, err);
}

bool cmd_journal_redo(struct cli *cli, struct err *err)
{
    return take_back(cli, true, err);
}

bool cmd_journal_resume(struct cli *cli, struct err *err)
{
    struct journal_entry entry;
    struct plan *plan;
    if (cli->nwords != 1)
        return err_set(err, ERR_INVALID, "journal resume wants one id");
    if (!open_all(cli, err) ||
        !journal_load(cli->journal, &cli->arena, str_of(cli->words[0]), &entry, err))
        return false;
    if (!entry.failed && !entry.intended) {
        cli_note(cli, "journal entry %s: nothing is left of it", entry.id);
        return true;
    }
    struct call call = cli_call(cli);
    return plan_resume(&entry, cli->stores, cli->nstores, cli->journal, str_of(cli->opts.reason),
                       &call, &plan, err) &&
           carry_out(cli, "resume", &entry, plan, err);
}
