/* Help, printed from the tables: commands, operations, options. */
#include "cli/commands.h"

#include "core/base/near.h"

#include <string.h>

enum { INDENT = 34 };

static void row(const char *left, const char *right)
{
    printf("  %-*s %s\n", INDENT, left, right ? right : "");
}

/* --- usage of an operation ------------------------------------------------------------------- */

static void add_option_usage(struct sbuf *out, const struct op_option *o)
{
    const char *open = o->needed ? "" : "[", *close = o->needed ? "" : "]";
    const char *more = o->many ? "..." : "";
    if (o->kind == OPTION_POSITIONAL)
        sbuf_printf(out, " %s%s%s%s", open, o->metavar, more, close);
    else if (o->kind == OPTION_FLAG)
        sbuf_printf(out, " %s--%s%s", open, o->name, close);
    else
        sbuf_printf(out, " %s--%s %s%s%s", open, o->name, o->metavar, more, close);
}

static bool has_positional(const struct op *op)
{
    for (const struct op_option *o = op->options; o && o->name; o++) {
        if (o->kind == OPTION_POSITIONAL)
            return true;
    }
    return false;
}

struct str help_usage_op(struct arena *arena, const struct system *system, const char *verb,
                         const struct op *op)
{
    struct sbuf out = SBUF_INIT;
    sbuf_printf(&out, "%s %s ID%s", system->noun, verb, has_positional(op) ? "" : "...");
    for (const struct op_option *o = op->options; o && o->name; o++)
        add_option_usage(&out, o);
    for (const struct op_option *o = change_to_options(op); o && o->name; o++)
        add_option_usage(&out, o);
    return arena_take(arena, &out);
}

/* --- lists ----------------------------------------------------------------------------------- */

static void print_option(const struct op_option *o)
{
    char left[96];
    if (o->kind == OPTION_POSITIONAL)
        snprintf(left, sizeof left, "%s%s", o->metavar, o->many ? "..." : "");
    else
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->metavar ? " " : "",
                 o->metavar ? o->metavar : "");
    row(left, o->help);
}

static void print_options(const struct op_option *options)
{
    for (const struct op_option *o = options; o && o->name; o++)
        print_option(o);
}

/* Which rows of a list, and what its columns are. */
static void print_rows(const struct system *system, const struct sheet *sheet)
{
    print_options(select_options);
    print_options(system->narrow_options);
    for (const struct op_option *o = filter_options; o->name; o++) {
        if (filter_fits(sheet, o->name))
            print_option(o);
    }
    puts("\ncolumns");
    for (size_t i = 0; i < sheet->ncolumns; i++)
        row(sheet->columns[i].name, sheet->columns[i].help);
}

static void print_globals(void)
{
    for (size_t i = 0; option_row(i); i++) {
        const struct option_row *o = option_row(i);
        char left[96];
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", o->letter ? "-" : "",
                 o->letter ? o->letter : ' ', o->letter ? ", " : "   ", o->name,
                 o->metavar ? " " : "", o->metavar ? o->metavar : "");
        row(left, o->help);
    }
}

static void print_command(const struct cli_command *c, const char *noun)
{
    char left[96];
    snprintf(left, sizeof left, "%s%s%s %s", noun, c->verb ? " " : "", c->verb ? c->verb : "",
             c->args);
    row(left, c->help);
}

/* Verbs that are printed already stand in the common part. */
static void print_system(const struct system *system)
{
    char left[96];
    printf("\n%s (%s, system %s)\n", system->noun, system->records, system->name);
    for (size_t i = 1; i < system->nsheets; i++) {
        snprintf(left, sizeof left, "%s %s [ID...]", system->noun, system->sheets[i].name);
        row(left, system->sheets[i].title);
    }
    for (const struct op *const *op = system->ops; op && *op; op++) {
        snprintf(left, sizeof left, "%s %s", system->noun, (*op)->verb);
        row(left, (*op)->help);
    }
    for (const struct action *a = system->actions; a && a->key; a++) {
        if (system_op(system, a->verb))
            continue;
        snprintf(left, sizeof left, "%s %s", system->noun, a->verb);
        row(left, a->label);
    }
    for (size_t i = 0; command_at(i); i++) {
        if (strcmp(command_at(i)->noun, system->noun) == 0)
            print_command(command_at(i), system->noun);
    }
}

const char *help_exit(size_t code)
{
    static const char *const exits[] = {
        "done; also: nothing to do",
        "failed",
        "usage, or a name that means several",
        "a named object was not found",
        "conflict: changed since it was read, or a stale plan",
        "locked, or a live writer in the way",
        "refused: read-only, not confirmed, a precondition that does not hold",
        "a store is unreachable or timed out",
        "stored data are invalid or torn",
        "partly done",
        "findings (check --exit-code)",
    };
    return code < sizeof exits / sizeof exits[0] ? exits[code] : NULL;
}

void help_overview(const struct cli *cli)
{
    puts("penstock: an operator's console for the state that data pipelines leave behind\n");
    puts("  penstock [OPTIONS] [TARGET...]             the screen, on these targets");
    puts("  penstock [OPTIONS] NOUN VERB [ARGUMENTS]   the same powers here");
    puts("  penstock help NOUN [VERB]                  more about one of them\n");
    for (const struct system *const *s = systems; *s; s++)
        printf("%s%s", s == systems ? "" : ", ", (*s)->noun);
    putchar('\n');
    for (size_t i = 0; command_at(i); i++) {
        if (strcmp(command_at(i)->noun, "*") == 0)
            print_command(command_at(i), "…");
    }
    for (const struct system *const *s = systems; *s; s++)
        print_system(*s);
    puts("\nother");
    row("plan NOUN VERB ...", "print the plan of a change; -o json is what apply takes");
    for (size_t i = 0; command_at(i); i++) {
        const struct cli_command *c = command_at(i);
        if (strcmp(c->noun, "*") != 0 && !system_by_noun(str_of(c->noun)))
            print_command(c, c->noun);
    }
    puts("\noptions");
    print_globals();
    puts("\nexit codes");
    for (size_t i = 0; help_exit(i); i++) {
        char code[8];
        snprintf(code, sizeof code, "%zu", i);
        row(code, help_exit(i));
    }
}

static bool help_verb(const struct system *system, const char *noun, const char *verb)
{
    const struct cli_command *c = command_find(noun, verb);
    const struct op *op = system ? system_op(system, verb) : NULL;
    const struct sheet *sheet = system ? system_sheet(system, verb) : NULL;
    const struct action *alias = NULL;
    for (const struct action *a = system ? system->actions : NULL; a && a->key; a++) {
        if (strcmp(a->verb, verb) == 0 && !alias)
            alias = a;
    }
    if (op || (alias && !c && !sheet)) {
        struct arena arena = ARENA_INIT;
        const struct op *shown = op ? op : system_op(system, alias->op);
        struct str usage = help_usage_op(&arena, system, verb, shown);
        printf("penstock %.*s\n\n%s\n\n", STR_ARG(usage), op ? op->help : alias->label);
        print_options(shown->options);
        print_options(change_to_options(shown));
        if (!has_positional(shown))
            print_options(select_options);
        if (system->narrow_options)
            print_options(system->narrow_options);
        arena_release(&arena);
        return true;
    }
    if (!c && system)
        c = command_find("*", verb);
    if (!c && !sheet)
        return false;
    if (c) {
        printf("penstock %s%s%s %s\n\n%s\n\n", noun, verb ? " " : "", verb ? verb : "", c->args,
               c->help);
        print_options(c->options);
        if (system && c->run == cmd_get && system->get_options)
            print_options(system->get_options);
    }
    if (sheet && !c)
        printf("penstock %s %s [ID...]\n\n%s\n\n", noun, sheet->name, sheet->title);
    if (sheet)
        print_rows(system, sheet);
    if (system && !sheet)
        print_options(system->narrow_options);
    return true;
}

bool help_for(const struct cli *cli, const char *noun, const char *verb, struct err *err)
{
    const struct system *system = system_by_noun(str_of(noun));
    if (verb)
        return help_verb(system, noun, verb) ||
               err_set(err, ERR_INVALID, "there is no '%s %s'", noun, verb);
    if (system) {
        for (size_t i = 0; command_at(i); i++) {
            if (strcmp(command_at(i)->noun, "*") == 0)
                print_command(command_at(i), noun);
        }
        print_system(system);
        return true;
    }
    bool found = false;
    for (size_t i = 0; command_at(i); i++) {
        const struct cli_command *c = command_at(i);
        if (strcmp(c->noun, noun) != 0)
            continue;
        print_command(c, noun);
        print_options(c->options);
        found = true;
    }
    return found || err_set(err, ERR_INVALID, "there is no '%s'", noun);
}
