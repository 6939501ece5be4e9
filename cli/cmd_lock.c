/* Locks: listed as the stores show them, broken only as seen. */
#include "cli/child.h"
#include "cli/commands.h"

#include "core/output.h"
#include "core/own_sheets.h"

#include <string.h>

const struct op_option hold_options[] = {
    {.name = "for", .kind = OPTION_VALUE, .metavar = "SECONDS", .help = "how long at most (60)"},
    {0},
};

static void print_lock(struct print *print, const struct open_store *store, const struct lock *lock)
{
    struct cell cells[LOCK_COLUMNS];
    lock_cells(lock, store, clock_now_us(), cells);
    print_row(print, cells);
}

bool cmd_lock_list(struct cli *cli, struct err *err)
{
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "lock list takes no words");
    if (!cli_open(cli, NULL, CLI_READ, err))
        return false;
    struct print *print = print_new(&cli->print, lock_sheet.columns, LOCK_COLUMNS, LOCK_OBJECT);
    size_t n = 0;
    bool unseen = false;
    for (size_t i = 0; i < cli->nstores; i++) {
        struct lock *locks = NULL;
        struct err why = {0};
        struct call call = cli_call(cli);
        if (!store_supports(cli->stores[i].store, STORE_LOCKS))
            continue;
        if (!store_locks(cli->stores[i].store, NULL, 0, &call, &cli->arena, &locks, &why)) {
            if (why.kind == ERR_UNSUPPORTED) /* as its address says */
                cli_note(cli, "%s", why.text);
            else
                cli_report_on(cli, &why);
            unseen = true;
        }
        for (; locks; locks = locks->next, n++)
            print_lock(print, &cli->stores[i], locks);
        if (!print_page(print))
            break;
    }
    print_page(print);
    print_free(print);
    if (!n && !unseen && cli->print.output == OUTPUT_TABLE)
        cli_note(cli, "no locks");
    return true;
}

/* --- one lock -------------------------------------------------------------------------------- */

struct found_lock {
    struct open_store *store;
    struct lock *lock;
    size_t n; /* how many were found */
};

/* A lock on something that is no record any more is found by its own name. */
static bool find_lock(struct cli *cli, const char *word, struct found_lock *ret, struct err *err)
{
    struct str name;
    struct err unseen = {0};
    *ret = (struct found_lock){0};
    if (!output_id_parse(&cli->arena, str_of(word), &name, err))
        return false;
    for (size_t i = 0; i < cli->nstores; i++) {
        struct open_store *store = &cli->stores[i];
        const struct system *system = store_system(store->store);
        struct lock *locks = NULL;
        struct call call = cli_call(cli);
        if (!store_supports(store->store, STORE_LOCKS))
            continue;
        struct err why = {0};
        if (!store_locks(store->store, NULL, 0, &call, &cli->arena, &locks, &why)) {
            if (why.kind != ERR_UNSUPPORTED) {
                *err = why;
                return false;
            }
            unseen = why; /* another store may have it */
        }
        for (; locks; locks = locks->next) {
            struct row row = {.id = locks->object, .label = locks->object};
            bool named = system->names && system->names(&row, name);
            if (!str_eq(locks->object, name) && !named)
                continue;
            ret->store = store;
            ret->lock = locks;
            ret->n++;
        }
    }
    if (ret->n == 1)
        return true;
    if (ret->n) {
        err_set(err, ERR_INVALID, "lock %s: found in more than one place", word);
        return err_hint(err, "name the store with -t");
    }
    if (unseen.kind) {
        *err = unseen;
        return false;
    }
    return err_set(err, ERR_NOT_FOUND, "lock %s: nothing holds it", word);
}

bool cmd_lock_show(struct cli *cli, struct err *err)
{
    struct found_lock found;
    if (cli->nwords != 1)
        return err_set(err, ERR_INVALID, "lock show wants one object");
    if (!cli_open(cli, NULL, CLI_READ, err) || !find_lock(cli, cli->words[0], &found, err))
        return false;
    struct print *print = print_new(&cli->print, lock_sheet.columns, LOCK_COLUMNS, LOCK_OBJECT);
    print_lock(print, found.store, found.lock);
    print_page(print);
    print_free(print);
    return true;
}

bool cmd_lock_break(struct cli *cli, struct err *err)
{
    struct found_lock found;
    struct plan *plan;
    if (cli->nwords != 1)
        return err_set(err, ERR_INVALID, "lock break wants one object");
    if (!cli_open(cli, NULL, CLI_CHANGE, err) || !find_lock(cli, cli->words[0], &found, err))
        return false;
    change_say_target(cli, found.store);
    struct lock lock = *found.lock;
    lock.next = NULL;
    return plan_break(found.store, &lock, 1, str_of(cli->opts.reason), cli->opts.force, &plan,
                      err) &&
           change_carry_out(cli, plan, err);
}

/* --- hold ------------------------------------------------------------------------------------ */

static const int64_t SECOND_US = 1000000;

/* The store in which a record of this name lies, whatever its system. */
static bool find_record(struct cli *cli, const char *word, struct choice *ret, struct err *err)
{
    struct str name;
    size_t found = 0;
    if (!output_id_parse(&cli->arena, str_of(word), &name, err))
        return false;
    for (size_t i = 0; i < cli->nstores; i++) {
        struct row *rows;
        size_t n;
        struct call call = cli_call(cli);
        if (!store_find(cli->stores[i].store, name, &call, &cli->arena, &rows, &n, err))
            return false;
        if (n)
            *ret = (struct choice){&cli->stores[i], rows[0]};
        found += n;
    }
    if (found == 1)
        return true;
    if (found)
        return err_set(err, ERR_INVALID, "%s means %zu records", word, found);
    return err_set(err, ERR_NOT_FOUND, "%s: there is none", word);
}

bool cmd_lock_hold(struct cli *cli, struct err *err)
{
    struct choice chosen;
    struct str token;
    int64_t us = 60 * SECOND_US;
    const char *span = cli_value(cli, "for");
    if (cli->nbefore_dashes != 1 || cli->nwords < 2)
        return err_set(err, ERR_INVALID, "lock hold wants OBJECT -- COMMAND...");
    if (span && !time_span_parse(str_of(span), &us))
        return err_set(err, ERR_INVALID, "--for '%s': a number of seconds", span);
    if (us < SECOND_US)
        return err_set(err, ERR_INVALID, "--for '%s': a second at least", span);
    if (!cli_open(cli, NULL, CLI_CHANGE, err) || !find_record(cli, cli->words[0], &chosen, err))
        return false;
    struct store *store = chosen.store->store;
    if (chosen.store->target.read_only)
        return err_set(err, ERR_REFUSED, "%s is read-only", cli_store_name(chosen.store));
    if (!store_supports(store, STORE_HOLDS))
        return err_set(err, ERR_UNSUPPORTED, "%s: its locks cannot be held from here",
                       cli_store_name(chosen.store));
    change_say_target(cli, chosen.store);
    struct call call = cli_call(cli);
    int64_t until_ms = clock_monotonic_ms() + us / 1000;
    if (!store_lock_hold(store, chosen.row.id, us / SECOND_US, &call, &token, &cli->arena, err))
        return false;
    const char **argv = arena_array(&cli->arena, const char *, cli->nwords); /* ends with NULL */
    memcpy(argv, cli->words + 1, (cli->nwords - 1) * sizeof *argv);
    bool ok = child_run(argv, argv[0], &cli->exit_code, err);
    int64_t late_ms = clock_monotonic_ms() - until_ms;
    call = call_within(cli->opts.timeout_ms, NULL);
    ok = store_lock_release(store, chosen.row.id, token, &call, ok ? err : NULL) && ok;
    if (!ok || late_ms < 0) /* a file shows no expiry: what is still there may have ended */
        return ok;
    err_set(err, ERR_CONFLICT, "%s: the lock ended %.*s before the command did", cli->words[0],
            STR_ARG(time_span(&cli->arena, late_ms * 1000)));
    return err_hint(err, "others may have written meanwhile; --for takes more seconds");
}
