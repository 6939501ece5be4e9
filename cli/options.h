/* Options: one table for all that hold everywhere; each command brings its own beside it. */
#ifndef PENSTOCK_CLI_OPTIONS_H
#define PENSTOCK_CLI_OPTIONS_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/op.h"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TSV, OUTPUT_NAME };
enum { OUTPUTS = OUTPUT_NAME + 1 };
extern const char *const output_names[OUTPUTS]; /* as -o takes them */

struct options {
    const char **targets;
    size_t ntargets;
    enum output output;
    bool read_only, write, dry_run, yes, force;
    bool no_headers, no_color, ascii, plain, verbose, help, version;
    bool nul; /* -0 */
    const char *confirm, *reason, *from, *config;
    uint64_t limit, max_failures; /* 0: none */
    double rate;
    int64_t timeout_ms, lock_wait_ms;
    int64_t deadline_ms; /* of the whole command; 0: none */
};

extern const struct options options_default;

/* A global option, for help and completion. */
struct option_row {
    const char *name; /* without dashes */
    char letter;      /* or 0 */
    const char *metavar;
    const char *help;
};
const struct option_row *option_row(size_t i); /* NULL behind the last */

/* The words of a command line, read one after the other. */
struct option_reader {
    char **argv; /* what is left */
    size_t argc;
    struct options *options;
    const struct op_option *const *own; /* lists of the command's own options, ends with NULL */
    struct op_arg *args;                /* the command's own, in the order given; room for argc */
    size_t nargs;
    bool ended; /* "--" was seen */
};

/* Reads options up to the next word, which it gives; *ret_word is NULL at the end. Behind "--"
 * everything is a word. */
bool options_next(struct option_reader *reader, struct arena *arena, const char **ret_word,
                  struct err *err);

#endif
