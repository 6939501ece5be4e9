/* The command line: one run of the program. */
#ifndef PENSTOCK_CLI_H
#define PENSTOCK_CLI_H

#include "cli/options.h"
#include "cli/outlet.h"
#include "cli/print.h"
#include "core/apply.h"
#include "core/config.h"
#include "core/journal.h"
#include "core/plan.h"

/* What only main knows. */
struct cli;
struct layout;
struct cli_hooks {
    const struct layout *const *layouts; /* ends with NULL */
    /* Opens the screen on cli->targets. */
    bool (*screen)(struct cli *cli, const char *notice, struct err *err);
    /* Makes the demo stores; `dir` NULL: the usual place. */
    bool (*demo)(const char *dir, bool reset, struct arena *arena, const char *const **ret_targets,
                 const char *const **ret_names, size_t *ret_n, struct err *err);
    /* Prints the keys of the screen. */
    void (*keys)(struct cli *cli);
};

/* A command that is not an operation of a system. The verb is NULL where the noun alone says it,
 * the noun "*" where all four nouns of the systems have it. */
struct cli_command {
    const char *noun, *verb;
    const char *args; /* as usage shows them */
    const char *help; /* one line */
    const struct op_option *options;
    bool changes; /* opens one store, for writing */
    bool (*run)(struct cli *cli, struct err *err);
};

struct cli {
    const struct cli_hooks *hooks;
    struct options opts;
    struct arena arena;
    struct config *config;

    /* What was asked for. */
    const struct cli_command *command;
    const struct system *system; /* of the noun, or NULL */
    const struct op *op;         /* the verb is an operation … */
    const struct action *action; /* … under another name, or NULL */
    const struct sheet *sheet;   /* the verb is a sheet, or NULL */
    const char *noun, *verb;
    bool planning; /* `penstock plan …` */
    const char **words;
    size_t nwords;
    size_t nbefore_dashes; /* words in front of "--" */
    struct op_args args;   /* the command's own options */

    /* What is open. */
    struct target *targets;
    size_t ntargets;
    struct open_store *stores;
    size_t nstores, room;
    struct journal *journal;
    struct audit *audit;

    struct cancel cancel;
    struct outlet outlet;
    int64_t deadline_at_ms; /* monotonic; 0: none */
    struct print_opts print;
    bool on_terminal; /* somebody can be asked */
    int exit_code;    /* worst so far, of a command that went on */
};

/* Runs a whole command line and returns the exit code. */
int cli_main(int argc, char **argv, const struct cli_hooks *hooks);

/* Reads a command line: what was asked for, up to where an error is. */
bool cli_read(struct cli *cli, int argc, char **argv, struct err *err);
/* The words that may stand first, and behind a noun; each once. */
void cli_nouns(void (*offer)(void *ctx, const char *word), void *ctx);
void cli_verbs(const char *noun, void (*offer)(void *ctx, const char *word), void *ctx);
/* The options that the command has of its own: lists, ended by NULL. */
const struct op_option *const *cli_own_options(struct cli *cli);

/* Tables and look-up (commands.c); the parts of the table come from the command files. */
const struct cli_command *command_find(const char *noun, const char *verb);
const struct cli_command *command_at(size_t i);  /* NULL behind the last */
const struct cli_command *command_generic(void); /* runs an operation */
const struct cli_command *command_sheet(void);   /* prints a sheet */

/* Opens the screen, which wants libc's own stdout. */
bool cli_screen(struct cli *cli, const char *notice, struct err *err);

/* Time left for one store call. */
struct call cli_call(struct cli *cli);
/* For what waits for a person or another program: the command's own deadline alone. */
struct call cli_patience(struct cli *cli);

/* Errors (report.c): one line `penstock: …`, a hint, with -o json an object too. */
void cli_report(const struct cli *cli, const struct err *err);
/* Reports a failure that does not end the command; the exit code becomes `code` unless it is set.
 */
void cli_report_on(struct cli *cli, const struct err *err);
/* What is wrong with a document, as the error of a command: it names the record. */
struct err cli_problem(const struct err *problem, struct str label);
void cli_note(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Did the operator say where, with -t or PENSTOCK_TARGET? */
bool cli_names_target(const struct cli *cli);
/* Adds the target of a change that was kept, by its context where there is one of that name. */
bool cli_target_kept(struct cli *cli, struct str target, struct str store, const char *from,
                     struct err *err);
/* Opens what -t, PENSTOCK_TARGET or the default names (open.c). Stores of other systems than
 * `system` stay closed (NULL: all). For a change everything must open; for reading, what does not
 * open is reported and the others go on. False when nothing is left. */
bool cli_targets(struct cli *cli, struct err *err);
enum cli_purpose {
    CLI_READ,
    CLI_CHANGE,
    CLI_PROBE, /* for looking, but opened as for a change */
};
bool cli_open(struct cli *cli, const struct system *system, enum cli_purpose purpose,
              struct err *err);
/* One more store, beside those that are open: `copy --to ADDR`. */
bool cli_open_other(struct cli *cli, const char *word, const struct system *system,
                    struct open_store **ret, struct err *err);
/* Journal and audit, for writing; settles what a crash left behind in the open stores. */
bool cli_open_journal(struct cli *cli, struct err *err);
void cli_close(struct cli *cli);

/* A short name of a store where several are open. */
const char *cli_store_name(const struct open_store *store);
bool cli_has_store(const struct cli *cli, struct str identity); /* is it open? */

/* A flag or value of the command's own options. */
bool cli_flag(const struct cli *cli, const char *name);
const char *cli_value(const struct cli *cli, const char *name); /* NULL: not given */

/* Rows of stores (select.c). */
struct choice {
    struct open_store *store;
    struct row row;
};
/* Words, --from or a selection (--all, --errored, …) made into records, each once. Words that name
 * nothing are ERR_NOT_FOUND unless `absent_ok`; a word that names several is ERR_INVALID with the
 * candidates. `nwords`: how many of cli->words are ids. */
bool select_records(struct cli *cli, size_t nwords, bool absent_ok, struct choice **ret,
                    size_t *ret_n, struct err *err);
/* All that --pattern, --pipeline and the like let through, of one store. */
bool select_every(struct cli *cli, struct choice **ret, size_t *ret_n, struct err *err);
bool select_one(struct cli *cli, const char *word, bool absent_ok, struct choice *ret,
                struct err *err);
/* Puts those in front that --pattern, --pipeline and the system's own options let through; returns
 * how many. */
size_t select_passing(const struct cli *cli, struct row *rows, size_t n);
/* Is there any option by which records are selected without being named? */
bool select_has_filter(const struct cli *cli);
extern const struct op_option select_options[];

/* A change, from plan to result (change.c). Takes the plan. */
bool change_carry_out(struct cli *cli, struct plan *plan, struct err *err);
/* Prints "target: …" on stderr. */
void change_say_target(const struct cli *cli, const struct open_store *store);
/* Plans for people and for scripts (plan_show.c). */
void plan_show(const struct cli *cli, const struct plan *plan, FILE *out);
bool plan_show_results(const struct cli *cli, const struct plan *plan, FILE *out);

/* Help (help.c). */
void help_overview(const struct cli *cli);
bool help_for(const struct cli *cli, const char *noun, const char *verb, struct err *err);
const char *help_exit(size_t code); /* what an exit code means; NULL behind the last */
/* "table rollback TABLE... [--to-healthy] [--full]" */
struct str help_usage_op(struct arena *arena, const struct system *system, const char *verb,
                         const struct op *op);

/* The content of a file, in cli->arena, "-" is stdin; at most `limit` bytes. */
bool cli_read_file(struct cli *cli, const char *path, size_t limit, struct str *ret,
                   struct err *err);

#endif
