/* From a plan to its result: shown, confirmed, applied, reported. */
#include "cli/cli.h"

#include "core/base/text.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

/* --- before ---------------------------------------------------------------------------------- */

void change_say_target(const struct cli *cli, const struct open_store *store)
{
    const struct target *target = &store->target;
    const char *env = target->env == ENV_PROD ? "PROD" : environment_name(target->env);
    struct str server = store_info(store->store)->server;
    if (!server.len)
        server = store_info(store->store)->identity;
    cli_note(cli, "target: %s %s %.*s (from %s)", target->name, env, STR_ARG(server), target->from);
}

static bool names_blocker(const struct plan *plan)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        if (plan->items[i].writer.verdict == WRITER_BLOCKS)
            return true;
    }
    return false;
}

/* One line for each thing that is missing; scripts look for them. */
static void say_need(const char *option, struct str value)
{
    struct arena a = ARENA_INIT;
    struct str quoted = value.ptr ? shell_quote(&a, value) : STR_NULL;
    if (value.ptr && !str_starts(quoted, "'")) /* always in quotes, as cli.md shows it */
        quoted = arena_printf(&a, "'%.*s'", STR_ARG(quoted));
    struct str clean = text_clean(&a, quoted, 0);
    fprintf(stderr, "needs: %s%s%.*s\n", option, value.ptr ? " " : "", STR_ARG(clean));
    arena_release(&a);
}

/* Waits for both, the line and Ctrl-C, which may come before the reading has begun. */
static bool read_line(struct cli *cli, char *buf, size_t size, struct err *err)
{
    struct call call = cli_patience(cli);
    if (!call_wait_fd(&call, STDIN_FILENO, POLLIN, "nothing was written", err))
        return false;
    if (!fgets(buf, (int)size, stdin))
        buf[0] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    return call_check(&call, "nothing was written", err);
}

/* Asks the person at the terminal. Enter alone is never a yes. */
static bool ask(struct cli *cli, const struct plan *plan, struct err *err)
{
    char answer[1024];
    if (plan->confirm.ptr) {
        struct arena a = ARENA_INIT;
        struct str clean = text_clean(&a, plan->confirm, 0);
        fprintf(stderr, "type  %.*s  then Enter: ", STR_ARG(clean));
        arena_release(&a);
    } else {
        fprintf(stderr, "apply this? type y, then Enter: ");
    }
    fflush(stderr);
    if (!read_line(cli, answer, sizeof answer, err))
        return false;
    bool yes = (plan->confirm.ptr ? str_is(plan->confirm, answer)
                                  : strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0);
    return yes || err_set(err, ERR_REFUSED, "not confirmed: nothing was written");
}

/* What the plan wants and the command line does not give. */
struct needs {
    bool yes, confirm, reason;
};

static struct needs needs_of(const struct cli *cli, const struct plan *plan)
{
    const struct options *o = &cli->opts;
    bool reason = plan->needs_reason || (o->force && names_blocker(plan));
    bool typed = plan->confirm.ptr && o->confirm && str_is(plan->confirm, o->confirm);
    return (struct needs){
        .yes = !o->yes,
        .confirm = plan->confirm.ptr && !typed,
        .reason = reason && !(o->reason && *o->reason),
    };
}

/* A person may still be asked, unless the text given for --confirm is plainly another one. */
static bool confirmed(struct cli *cli, const struct plan *plan, struct err *err)
{
    struct needs needs = needs_of(cli, plan);
    bool wrong = needs.confirm && cli->opts.confirm;
    if (!needs.reason && !wrong && needs.yes && cli->on_terminal)
        return ask(cli, plan, err);
    if (!needs.yes && !needs.confirm && !needs.reason)
        return true;
    if (needs.yes)
        say_need("--yes", STR_NULL);
    if (needs.confirm)
        say_need("--confirm", plan->confirm);
    if (needs.reason)
        say_need("--reason TEXT", STR_NULL);
    return err_set(err, ERR_REFUSED, "not confirmed: nothing was written");
}

static bool may_write(const struct cli *cli, const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct open_store *store = plan->items[i].store;
        if (plan->items[i].outcome != OUTCOME_PLANNED || !store->target.read_only)
            continue;
        err_set(err, ERR_REFUSED, "%s is read-only", cli_store_name(store));
        return cli->opts.read_only ? false : err_hint(err, "--write lifts that for this command");
    }
    return true;
}

/* --- applying -------------------------------------------------------------------------------- */

struct progress {
    const struct cli *cli;
    int64_t started_ms;
    bool shown;
};

static void show_progress(void *ctx, const struct plan *plan, size_t done)
{
    struct progress *p = ctx;
    if (!p->cli->on_terminal || clock_monotonic_ms() - p->started_ms < 1000)
        return;
    p->shown = true;
    fprintf(stderr, "\r%zu of %zu", done, plan->nitems);
}

static struct apply_opts apply_opts_of(const struct cli *cli, struct progress *progress)
{
    return (struct apply_opts){
        .journal = cli->journal,
        .audit = cli->audit,
        .timeout_ms = cli->opts.timeout_ms,
        .cancel = (struct cancel *)&cli->cancel,
        .limit = cli->opts.limit,
        .max_failures = cli->opts.max_failures,
        .rate = cli->opts.rate,
        .progress = show_progress,
        .progress_ctx = progress,
    };
}

static bool apply(struct cli *cli, struct plan *plan, struct err *err)
{
    struct progress progress = {.cli = cli, .started_ms = clock_monotonic_ms()};
    struct apply_opts opts = apply_opts_of(cli, &progress);
    bool ok = apply_plan(plan, &opts, err);
    if (progress.shown)
        fprintf(stderr, "\n");
    return ok;
}

static void say_what_is_left(const struct cli *cli, const struct plan *plan)
{
    const char *hint = plan->request.store ? plan->request.store->target.restart_hint : NULL;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->outcome != OUTCOME_APPLIED || item->effective)
            continue;
        cli_note(cli, "not in effect yet, waits for: %.*s%s%s", STR_ARG(item->waits_for),
                 hint ? " — " : "", hint ? hint : "");
        break;
    }
    if (plan->journal_id[0] && plan_count(plan, OUTCOME_APPLIED))
        cli_note(
            cli, "journal: %s  undo: %.*s", plan->journal_id,
            STR_ARG(plan->undo_text.ptr ? plan->undo_text : str_of(undo_scope_name(plan->undo))));
}

static bool begins_with(const char *text, struct str name)
{
    return !name.len || strncmp(text, name.ptr, name.len) == 0;
}

/* Drivers do not always name the record: that a lock was waited for in vain, what a server said. */
static void report_item(const struct cli *cli, const struct plan_item *item)
{
    struct err err = item->err;
    if (!begins_with(err.text, item->label) && !begins_with(err.text, item->id))
        err_context(&err, "%.*s", STR_ARG(item->label));
    cli_report(cli, &err);
}

/* The error line: of the one record, of every conflict, else the first thing that went wrong; the
 * table says the rest. */
static void finish(struct cli *cli, const struct plan *plan, bool applied)
{
    int code = plan_exit(plan, applied);
    bool reported = false;
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        bool conflict = applied && item->outcome == OUTCOME_CONFLICT;
        if (item->err.kind == ERR_NONE || item->outcome == OUTCOME_APPLIED)
            continue;
        if (reported && !conflict && !cli->opts.verbose)
            continue;
        report_item(cli, item);
        reported = true;
    }
    if (code)
        cli->exit_code = code;
}

/* The plan is the answer: a dry run, nothing to do, or refused before anything was tried. */
static void show_unapplied(const struct cli *cli, const struct plan *plan)
{
    if (cli->print.output == OUTPUT_TABLE)
        plan_show(cli, plan, stdout);
    else
        plan_show_results(cli, plan, stdout);
    fflush(stdout); /* in front of what stderr says next */
}

static bool decline(struct cli *cli, const struct plan *plan, bool shown, const char *why)
{
    struct progress progress = {.cli = cli};
    struct apply_opts opts = apply_opts_of(cli, &progress);
    if (!shown)
        show_unapplied(cli, plan);
    if (cli->audit)
        apply_declined(plan, &opts, why);
    return false;
}

static bool carry_out(struct cli *cli, struct plan *plan, struct err *err)
{
    if (cli->opts.dry_run) {
        show_unapplied(cli, plan);
        finish(cli, plan, false);
        return true;
    }
    if (cli->opts.force && !names_blocker(plan))
        cli_note(cli, "note: --force had nothing to override; --yes skips the question");
    if (!plan_count(plan, OUTCOME_PLANNED)) {
        show_unapplied(cli, plan);
        if (cli_open_journal(cli, err))
            apply_declined(plan, &(struct apply_opts){.audit = cli->audit}, "nothing to do");
        finish(cli, plan, false);
        return true;
    }
    bool people = cli->print.output == OUTPUT_TABLE;
    bool asks = cli->on_terminal && !cli->opts.yes;
    bool shown = asks || (people && cli->opts.yes);
    if (!may_write(cli, plan, err)) {
        show_unapplied(cli, plan);
        return false;
    }
    if (!cli_open_journal(cli, err))
        return false;
    if (shown)
        plan_show(cli, plan, stderr);
    if (!confirmed(cli, plan, err))
        return decline(cli, plan, shown, "not confirmed");
    if (!apply(cli, plan, err))
        return false;
    plan_show_results(cli, plan, stdout);
    fflush(stdout);
    if (people)
        say_what_is_left(cli, plan);
    finish(cli, plan, true);
    return true;
}

bool change_carry_out(struct cli *cli, struct plan *plan, struct err *err)
{
    bool ok = carry_out(cli, plan, err);
    plan_free(plan);
    return ok;
}
