/* manual: the manual page, printed from the tables that also print help and drive the parser. */
#include "cli/commands.h"

#include <string.h>

/* Text in roff: nothing in it is a request or an escape. */
static void text(const char *s)
{
    for (const char *p = s; *p; p++) {
        if ((*p == '.' || *p == '\'') && (p == s || p[-1] == '\n'))
            fputs("\\&", stdout);
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '-')
            fputs("\\-", stdout);
        else
            putchar(*p);
    }
}

static void section(const char *name)
{
    printf(".SH %s\n", name);
}

static void subsection(const char *name)
{
    fputs(".SS ", stdout);
    text(name);
    putchar('\n');
}

/* A tagged paragraph: what is typed, and what it does. */
static void item(const char *typed, const char *help)
{
    fputs(".TP\n\\fB", stdout);
    text(typed);
    fputs("\\fR\n", stdout);
    text(help ? help : "");
    putchar('\n');
}

static void paragraph(const char *words)
{
    fputs(".PP\n", stdout);
    text(words);
    putchar('\n');
}

/* --- commands -------------------------------------------------------------------------------- */

static void option_items(const struct op_option *options)
{
    bool any = false;
    for (const struct op_option *o = options; o && o->name; o++) {
        char typed[96];
        if (o->kind == OPTION_POSITIONAL)
            snprintf(typed, sizeof typed, "%s%s", o->metavar, o->many ? "..." : "");
        else
            snprintf(typed, sizeof typed, "--%s%s%s", o->name, o->metavar ? " " : "",
                     o->metavar ? o->metavar : "");
        if (!any)
            puts(".RS");
        any = true;
        item(typed, o->help);
    }
    if (any)
        puts(".RE");
}

static void command_item(const struct cli_command *c, const char *noun)
{
    char typed[160];
    snprintf(typed, sizeof typed, "%s%s%s%s%s", noun, c->verb ? " " : "", c->verb ? c->verb : "",
             *c->args ? " " : "", c->args);
    item(typed, c->help);
    option_items(c->options);
}

static void commands_of(const char *noun, const char *shown)
{
    for (size_t i = 0; command_at(i); i++) {
        if (strcmp(command_at(i)->noun, noun) == 0)
            command_item(command_at(i), shown);
    }
}

static void system_commands(const struct system *system)
{
    struct arena arena = ARENA_INIT;
    subsection(arena_printf(&arena, "%s: %s", system->noun, system->records).ptr);
    if (system->narrow_options)
        paragraph("Also chosen by:");
    option_items(system->narrow_options);
    for (size_t i = 1; i < system->nsheets; i++)
        item(arena_printf(&arena, "%s %s [ID...]", system->noun, system->sheets[i].name).ptr,
             system->sheets[i].title);
    for (const struct op *const *op = system->ops; *op; op++) {
        item(help_usage_op(&arena, system, (*op)->verb, *op).ptr, (*op)->help);
        option_items((*op)->options);
        option_items(change_to_options(*op));
    }
    for (const struct action *a = system->actions; a->key; a++) {
        if (!system_op(system, a->verb))
            item(arena_printf(&arena, "%s %s ID...", system->noun, a->verb).ptr, a->label);
    }
    commands_of(system->noun, system->noun);
    arena_release(&arena);
}

static void print_commands(void)
{
    section("COMMANDS");
    subsection("of every system");
    commands_of("*", "NOUN");
    paragraph("Records are named by their ids, or chosen:");
    option_items(select_options);
    for (const struct system *const *s = systems; *s; s++)
        system_commands(*s);
    subsection("other");
    item("plan NOUN VERB ...", "print the plan of a change; -o json is what apply takes");
    for (size_t i = 0; command_at(i); i++) {
        const struct cli_command *c = command_at(i);
        if (strcmp(c->noun, "*") != 0 && !system_by_noun(str_of(c->noun)))
            command_item(c, c->noun);
    }
}

static void print_options(void)
{
    section("OPTIONS");
    for (size_t i = 0; option_row(i); i++) {
        const struct option_row *o = option_row(i);
        char typed[96];
        snprintf(typed, sizeof typed, "%s%c%s--%s%s%s", o->letter ? "-" : "",
                 o->letter ? o->letter : ' ', o->letter ? ", " : "", o->name, o->metavar ? " " : "",
                 o->metavar ? o->metavar : "");
        item(typed[0] == ' ' ? typed + 1 : typed, o->help);
    }
}

/* --- the rest -------------------------------------------------------------------------------- */

static const char *const environment[][2] = {
    {"PENSTOCK_TARGET", "the target where -t names none"},
    {"PENSTOCK_OPERATOR", "the name that journal, audit and locks record"},
    {"NO_COLOR", "no colour"},
    {"VISUAL, EDITOR", "what edit starts"},
    {"PGPASSFILE, PGSERVICE and the other variables of libpq", "as libpq uses them"},
};

static const char *const files[][2] = {
    {"$XDG_CONFIG_HOME/penstock/config.yaml", "contexts and options"},
    {"$XDG_STATE_HOME/penstock/journal.db", "every change, with what it replaced: undo comes from "
                                            "here"},
    {"$XDG_STATE_HOME/penstock/audit.jsonl", "who did what, a line each"},
};

static void print_environment(void)
{
    section("ENVIRONMENT");
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++)
        item(environment[i][0], environment[i][1]);
    section("FILES");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        item(files[i][0], files[i][1]);
}

static void print_exits(void)
{
    section("EXIT STATUS");
    for (size_t i = 0; help_exit(i); i++) {
        char code[8];
        snprintf(code, sizeof code, "%zu", i);
        item(code, help_exit(i));
    }
}

bool cmd_manual(struct cli *cli, struct err *err)
{
    puts(".\\\" Printed by `penstock manual`.");
    puts(".TH PENSTOCK 1 \"\" \"penstock " PENSTOCK_VERSION "\" \"User Commands\"");
    section("NAME");
    puts("penstock \\- an operator's console for the state that data pipelines leave behind");
    section("SYNOPSIS");
    puts(".B penstock\n[\\fIOPTIONS\\fR] [\\fITARGET\\fR...]\n.br");
    puts(".B penstock\n[\\fIOPTIONS\\fR] \\fINOUN\\fR \\fIVERB\\fR [\\fIARGUMENTS\\fR]");
    section("DESCRIPTION");
    paragraph(
        "Meltano, VDK, Supabase ETL and the Python framework triggers keep state in Postgres, "
        "Redis, SQLite and files. penstock reads and writes it in each system's own format. "
        "Without a command it opens the screen on its targets; `penstock keys` lists the keys "
        "there. Every change is a plan that is shown, checked against live writers and locks, "
        "journalled, verified by reading back, and can be undone.");
    paragraph(
        "A TARGET is an address SYSTEM+BACKEND://..., a path, or the name of a context in the "
        "configuration: meltano+file:///var/meltano/state, etl+postgresql://host/db, "
        "triggers+redis://host/0. A bare address or path is looked at, and every store found "
        "there is opened.");
    print_commands();
    print_options();
    print_exits();
    print_environment();
    return true;
}
