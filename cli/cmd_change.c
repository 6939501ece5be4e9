/* Operations of the systems, generically: their options drive what a command line may say. */
#include "cli/commands.h"

#include "core/output.h"

#include <string.h>

/* Into another store goes what is written to a second record: not what only reads one (merge). */
const struct op_option *change_to_options(const struct op *op)
{
    static const struct op_option to[] = {
        {.name = "to", .kind = OPTION_VALUE, .metavar = "ADDR", .help = "DST lies in this store"},
        {0},
    };
    for (const struct op_option *o = op->takes_second ? op->options : NULL; o && o->name; o++) {
        if (o->kind == OPTION_POSITIONAL && strcmp(o->name, op->second) == 0)
            return to;
    }
    return NULL;
}

enum { INPUT_LIMIT = 64 << 20 };

/* --- arguments ------------------------------------------------------------------------------- */

struct building {
    struct cli *cli;
    struct op_arg *args;
    size_t nargs;
    const char *second; /* word that names the second record, or NULL */
    size_t nids;        /* words that are ids of records */
};

static void add_arg(struct building *b, const char *name, struct str value)
{
    b->args[b->nargs++] = (struct op_arg){name, value};
}

static const struct op_option *option_of(const struct op *op, const char *name)
{
    for (const struct op_option *o = op->options; o && o->name; o++) {
        if (strcmp(o->name, name) == 0)
            return o;
    }
    return NULL;
}

static bool is_second(const struct op *op, const char *name)
{
    return op->takes_second && op->second && strcmp(op->second, name) == 0;
}

/* An alias brings its arguments along: `table reset` is `rollback --full`. */
static void add_alias(struct building *b)
{
    const struct action *action = b->cli->action;
    enum { MOST = sizeof action->args / sizeof action->args[0] };
    for (size_t i = 0; action && i < MOST && action->args[i][0]; i++)
        add_arg(b, action->args[i][0], str_of(action->args[i][1] ? action->args[i][1] : ""));
}

static bool add_options(struct building *b, struct err *err)
{
    struct cli *cli = b->cli;
    for (size_t i = 0; i < cli->args.n; i++) {
        const struct op_arg *arg = &cli->args.items[i];
        const struct op_option *o = option_of(cli->op, arg->name);
        if (is_second(cli->op, arg->name)) {
            b->second = arg->value.ptr;
        } else if (o && o->kind == OPTION_FILE) {
            struct str text;
            if (!cli_read_file(cli, arg->value.ptr, INPUT_LIMIT, &text, err))
                return false;
            add_arg(b, o->into, text);
        } else if (o) {
            add_arg(b, arg->name, arg->value);
        }
    }
    return true;
}

/* The same argument as a word and as a file: neither may be passed over in silence. */
static bool check_given_once(const struct building *b, const char *name, struct err *err)
{
    const struct op_args args = {b->args, b->nargs};
    for (const struct op_option *o = b->cli->op->options; o->name; o++) {
        if (o->kind == OPTION_FILE && strcmp(o->into, name) == 0 && op_arg_flag(&args, name))
            return err_set(err, ERR_INVALID, "%s %s: it is given twice, as a word and with --%s",
                           b->cli->noun, b->cli->verb, o->name);
    }
    return true;
}

/* Words behind the id, one after the other, into the operation's positional arguments. Without
 * such arguments every word is an id. */
static bool add_words(struct building *b, struct err *err)
{
    const struct cli *cli = b->cli;
    bool has_positional = false, selected = cli->opts.from || select_has_filter(cli);
    for (const struct op_option *o = cli->op->options; o && o->name; o++)
        has_positional = has_positional || o->kind == OPTION_POSITIONAL;
    b->nids = cli->nwords;
    if (!has_positional)
        return true;
    b->nids = selected || !cli->nwords ? 0 : 1;
    size_t at = b->nids;
    for (const struct op_option *o = cli->op->options; o->name; o++) {
        if (o->kind != OPTION_POSITIONAL)
            continue;
        if (o->needed && at >= cli->nwords)
            return err_set(err, ERR_INVALID, "%s %s wants %s", cli->noun, cli->verb, o->metavar);
        if (at < cli->nwords && !check_given_once(b, o->name, err))
            return false;
        for (bool more = true; more && at < cli->nwords; more = o->many, at++) {
            if (is_second(cli->op, o->name))
                b->second = cli->words[at];
            else
                add_arg(b, o->name, str_of(cli->words[at]));
        }
    }
    if (at < cli->nwords)
        return err_set(err, ERR_INVALID, "%s %s: one word too many: '%s'", cli->noun, cli->verb,
                       cli->words[at]);
    return true;
}

static bool check_needed(const struct building *b, struct err *err)
{
    const struct op_args args = {b->args, b->nargs};
    for (const struct op_option *o = b->cli->op->options; o && o->name; o++) {
        bool second = is_second(b->cli->op, o->name) && b->second;
        if (o->needed && o->kind != OPTION_POSITIONAL && !second && !op_arg_flag(&args, o->name))
            return err_set(err, ERR_INVALID, "%s %s wants --%s", b->cli->noun, b->cli->verb,
                           o->name);
    }
    return true;
}

static bool build_args(struct building *b, struct cli *cli, struct err *err)
{
    *b = (struct building){.cli = cli};
    b->args = arena_array(&cli->arena, struct op_arg, cli->args.n + cli->nwords + 4);
    add_alias(b);
    return add_options(b, err) && add_words(b, err) && check_needed(b, err);
}

/* --- the request ----------------------------------------------------------------------------- */

static bool find_second(struct cli *cli, const struct building *b, struct open_store *other,
                        const struct open_store *first, struct str *ret, struct err *err)
{
    struct row *rows;
    size_t n;
    struct str name;
    struct store *store = other ? other->store : first->store;
    if (!output_id_parse(&cli->arena, str_of(b->second), &name, err))
        return false;
    if (!store_check_id(store, name, err))
        return false;
    struct call call = cli_call(cli);
    if (!store_find(store, name, &call, &cli->arena, &rows, &n, err))
        return false;
    if (n > 1)
        return err_set(err, ERR_INVALID, "%s %s means %zu records", cli->noun, b->second, n);
    if (!n && !cli->op->second_absent_ok)
        return err_set(err, ERR_NOT_FOUND, "%s %s: there is none", cli->noun, b->second);
    *ret = n ? rows[0].id : name;
    return true;
}

static bool nothing_chosen(struct cli *cli, struct err *err)
{
    struct arena *a = &cli->arena;
    bool asked = select_has_filter(cli) || cli->opts.from;
    if (asked) {
        cli_note(cli, "nothing matches: nothing to do");
        return true;
    }
    err_set(err, ERR_INVALID, "%s %s: no record is named", cli->noun, cli->verb);
    return err_hint(err, "penstock %.*s",
                    STR_ARG(help_usage_op(a, cli->system, cli->verb, cli->op)));
}

static bool other_store_of(struct cli *cli, struct open_store **ret, struct err *err)
{
    const char *to = cli_value(cli, "to");
    *ret = NULL;
    if (!to)
        return true;
    return cli_open_other(cli, to, cli->system, ret, err);
}

static bool plan_records(struct cli *cli, const struct building *b, const struct choice *chosen,
                         size_t n, struct plan **ret, struct err *err)
{
    struct plan_record *records = arena_array(&cli->arena, struct plan_record, n);
    struct open_store *other = NULL;
    struct str second = STR_NULL;
    change_say_target(cli, chosen[0].store);
    if (!other_store_of(cli, &other, err))
        return false;
    if (other)
        change_say_target(cli, other);
    if (b->second && !find_second(cli, b, other, chosen[0].store, &second, err))
        return false;
    for (size_t i = 0; i < n; i++)
        records[i] = (struct plan_record){
            .id = chosen[i].row.id, .label = chosen[i].row.label, .other_id = second};
    struct plan_request request = {
        .op = cli->op,
        .verb = cli->verb,
        .args = {b->args, b->nargs},
        .records = records,
        .nrecords = n,
        .store = chosen[0].store,
        .other_store = other,
        .force = cli->opts.force,
        .reason = str_of(cli->opts.reason),
    };
    struct call call = cli_call(cli);
    return plan_make(&request, &call, ret, err);
}

/* A preview that was asked for as a change would say "done" of what nobody did. */
static bool check_preview(const struct cli *cli, struct err *err)
{
    if (!cli->op->preview || cli->opts.dry_run)
        return true;
    err_set(err, ERR_UNSUPPORTED, "%s %s: only the application can do that", cli->noun, cli->verb);
    return err_hint(err, "--dry-run shows what it would do");
}

bool cmd_op(struct cli *cli, struct err *err)
{
    struct building b;
    struct choice *chosen;
    struct plan *plan;
    size_t n;
    if (!check_preview(cli, err))
        return false;
    if (!build_args(&b, cli, err) || !cli_open(cli, cli->system, CLI_CHANGE, err) ||
        !select_records(cli, b.nids, cli->op->absent_ok, &chosen, &n, err))
        return false;
    if (!n)
        return nothing_chosen(cli, err);
    return plan_records(cli, &b, chosen, n, &plan, err) && change_carry_out(cli, plan, err);
}
