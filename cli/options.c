#include "cli/options.h"

#include "core/base/clock.h"
#include "core/base/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct options options_default = {
    .timeout_ms = 10000,
    .lock_wait_ms = 2000,
};

const char *const output_names[OUTPUTS] = {
    [OUTPUT_TABLE] = "table",
    [OUTPUT_JSON] = "json",
    [OUTPUT_TSV] = "tsv",
    [OUTPUT_NAME] = "name",
};

struct global {
    struct option_row row;
    bool (*take)(struct options *o, struct arena *arena, const char *value, struct err *err);
};

/* --- what each does -------------------------------------------------------------------------- */

static bool take_target(struct options *o, struct arena *arena, const char *value, struct err *err)
{
    const char **targets = arena_array(arena, const char *, o->ntargets + 1);
    if (o->ntargets)
        memcpy(targets, o->targets, o->ntargets * sizeof *targets);
    targets[o->ntargets++] = value;
    o->targets = targets;
    return true;
}

static bool take_output(struct options *o, struct arena *arena, const char *value, struct err *err)
{
    for (size_t i = 0; i < OUTPUTS; i++) {
        if (strcmp(value, output_names[i]) == 0) {
            o->output = (enum output)i;
            return true;
        }
    }
    return err_set(err, ERR_INVALID, "--output '%s': one of table, json, tsv, name", value);
}

static bool take_json(struct options *o, struct arena *arena, const char *value, struct err *err)
{
    o->output = OUTPUT_JSON;
    return true;
}

static bool read_count(const char *name, const char *value, uint64_t *ret, struct err *err)
{
    if (!str_u64(str_of(value), ret) || *ret == 0)
        return err_set(err, ERR_INVALID, "--%s '%s': a whole number above 0", name, value);
    return true;
}

static bool take_limit(struct options *o, struct arena *arena, const char *value, struct err *err)
{
    return read_count("limit", value, &o->limit, err);
}

static bool take_max_failures(struct options *o, struct arena *arena, const char *value,
                              struct err *err)
{
    return read_count("max-failures", value, &o->max_failures, err);
}

static bool take_rate(struct options *o, struct arena *arena, const char *value, struct err *err)
{
    static const double least = 1e-6; /* two weeks for one; of less the moments cannot be told */
    char *end;
    double rate = strtod(value, &end);
    if (end == value || (*end && strcmp(end, "/s") != 0) || !(rate >= least) || !isfinite(rate))
        return err_set(err, ERR_INVALID, "--rate '%s': a number of objects a second, like 5/s",
                       value);
    o->rate = rate;
    return true;
}

static bool read_span(const char *name, const char *value, int64_t *ret_ms, struct err *err)
{
    int64_t us;
    double seconds;
    char *end;
    if (time_span_parse(str_of(value), &us)) {
        *ret_ms = us / 1000;
        return true;
    }
    seconds = strtod(value, &end);
    if (end == value || *end || !(seconds >= 0) || seconds > 1e6)
        return err_set(err, ERR_INVALID, "--%s '%s': a number of seconds", name, value);
    *ret_ms = (int64_t)(seconds * 1000);
    return true;
}

static bool take_timeout(struct options *o, struct arena *arena, const char *value, struct err *err)
{
    return read_span("timeout", value, &o->timeout_ms, err);
}

static bool take_lock_wait(struct options *o, struct arena *arena, const char *value,
                           struct err *err)
{
    if (!read_span("lock-wait", value, &o->lock_wait_ms, err))
        return false;
    if (o->lock_wait_ms == 0)
        o->lock_wait_ms = 1; /* to a store 0 is no limit of its own */
    return true;
}

static bool take_deadline(struct options *o, struct arena *arena, const char *value,
                          struct err *err)
{
    return read_span("deadline", value, &o->deadline_ms, err);
}

#define TAKE_FLAG(field)                                                                           \
    static bool take_##field(struct options *o, struct arena *arena, const char *value,            \
                             struct err *err)                                                      \
    {                                                                                              \
        o->field = true;                                                                           \
        return true;                                                                               \
    }
#define TAKE_TEXT(field)                                                                           \
    static bool take_##field(struct options *o, struct arena *arena, const char *value,            \
                             struct err *err)                                                      \
    {                                                                                              \
        o->field = value;                                                                          \
        return true;                                                                               \
    }
TAKE_FLAG(read_only)
TAKE_FLAG(write)
TAKE_FLAG(dry_run)
TAKE_FLAG(yes)
TAKE_FLAG(force)
TAKE_FLAG(no_headers)
TAKE_FLAG(no_color)
TAKE_FLAG(ascii)
TAKE_FLAG(plain)
TAKE_FLAG(verbose)
TAKE_FLAG(help)
TAKE_FLAG(version)
TAKE_FLAG(nul)
TAKE_TEXT(confirm)
TAKE_TEXT(reason)
TAKE_TEXT(from)
TAKE_TEXT(config)

static const struct global globals[] = {
    {{"target", 't', "ADDR", "a store: address, path or context; repeatable for reading"},
     take_target},
    {{"output", 'o', "FORMAT", "table (default), json, tsv or name"}, take_output},
    {{"json", 0, NULL, "the same as -o json"}, take_json},
    {{"no-headers", 0, NULL, "tsv and table without their first line"}, take_no_headers},
    {{"read-only", 0, NULL, "no path leads to a write"}, take_read_only},
    {{"write", 0, NULL, "lift the read-only rule of a prod context"}, take_write},
    {{"dry-run", 'n', NULL, "print the plan, write nothing"}, take_dry_run},
    {{"yes", 'y', NULL, "do not ask"}, take_yes},
    {{"confirm", 0, "TEXT", "what a plan wants to have typed, besides --yes"}, take_confirm},
    {{"reason", 0, "TEXT", "kept in journal and audit"}, take_reason},
    {{"force", 0, NULL, "override a live writer that the plan names; needs --reason"}, take_force},
    {{"from", 0, "FILE", "the objects to act on, one id per line; - is stdin"}, take_from},
    {{"null", '0', NULL, "ids end with NUL instead of a line end, read and printed"}, take_nul},
    {{"limit", 0, "N", "at most so many objects"}, take_limit},
    {{"rate", 0, "N/s", "at most so many objects a second"}, take_rate},
    {{"max-failures", 0, "N", "stop after so many failures"}, take_max_failures},
    {{"timeout", 0, "SECONDS", "of each store call (10)"}, take_timeout},
    {{"lock-wait", 0, "SECONDS", "how long a held lock is polled (2)"}, take_lock_wait},
    {{"deadline", 0, "SECONDS", "of the whole command"}, take_deadline},
    {{"config", 0, "FILE", "instead of $XDG_CONFIG_HOME/penstock/config.yaml"}, take_config},
    {{"no-color", 0, NULL, "no colour"}, take_no_color},
    {{"ascii", 0, NULL, "ASCII only"}, take_ascii},
    {{"plain", 0, NULL, "the screen line by line"}, take_plain},
    {{"verbose", 'v', NULL, "say more on stderr"}, take_verbose},
    {{"version", 0, NULL, "print the version"}, take_version},
    {{"help", 'h', NULL, "print help for a command"}, take_help},
};

const struct option_row *option_row(size_t i)
{
    return i < sizeof globals / sizeof globals[0] ? &globals[i].row : NULL;
}

/* --- reading --------------------------------------------------------------------------------- */

static const struct op_option *own_option(const struct option_reader *r, struct str name)
{
    for (const struct op_option *const *list = r->own; list && *list; list++) {
        for (const struct op_option *o = *list; o->name; o++) {
            if (o->kind != OPTION_POSITIONAL && str_is(name, o->name))
                return o;
        }
    }
    return NULL;
}

static const struct global *global_option(struct str name, char letter)
{
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++) {
        if (letter ? globals[i].row.letter == letter : str_is(name, globals[i].row.name))
            return &globals[i];
    }
    return NULL;
}

static bool unknown_option(const struct option_reader *r, const char *word, struct str name,
                           struct err *err)
{
    struct near near = {.word = name};
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
        near_offer(&near, globals[i].row.name);
    for (const struct op_option *const *list = r->own; list && *list; list++) {
        for (const struct op_option *o = *list; o->name; o++) {
            if (o->kind != OPTION_POSITIONAL)
                near_offer(&near, o->name);
        }
    }
    if (near.best)
        return err_set(err, ERR_INVALID, "unknown option '%s'; did you mean '--%s'?", word,
                       near.best);
    err_set(err, ERR_INVALID, "unknown option '%s'", word);
    return err_hint(err, "a word that begins with a dash goes behind --");
}

/* The value of an option: behind '=', the rest of the word, or the next word. */
static bool take_value(struct option_reader *r, const char *name, struct str attached,
                       struct arena *arena, const char **ret, struct err *err)
{
    if (attached.ptr) {
        *ret = arena_cstr(arena, attached);
        return true;
    }
    if (!r->argc)
        return err_set(err, ERR_INVALID, "option '%s' needs a value", name);
    *ret = *r->argv++;
    r->argc--;
    return true;
}

static bool take_own(struct option_reader *r, const struct op_option *o, struct str attached,
                     struct arena *arena, struct err *err)
{
    struct op_arg *arg = &r->args[r->nargs];
    const char *value = "";
    for (size_t i = 0; i < r->nargs && !o->many; i++) {
        if (strcmp(r->args[i].name, o->name) == 0)
            return err_set(err, ERR_INVALID, "option '--%s' stands there twice", o->name);
    }
    if (o->kind == OPTION_FLAG && attached.ptr)
        return err_set(err, ERR_INVALID, "option '--%s' takes no value", o->name);
    if (o->kind != OPTION_FLAG && !take_value(r, o->name, attached, arena, &value, err))
        return false;
    *arg = (struct op_arg){o->name, str_of(value)};
    r->nargs++;
    return true;
}

static bool take_global(struct option_reader *r, const struct global *g, struct str attached,
                        struct arena *arena, struct err *err)
{
    const char *value = NULL;
    if (!g->row.metavar && attached.ptr)
        return err_set(err, ERR_INVALID, "option '--%s' takes no value", g->row.name);
    if (g->row.metavar && !take_value(r, g->row.name, attached, arena, &value, err))
        return false;
    return g->take(r->options, arena, value, err);
}

/* "-t ADDR", "-tADDR", and flags run together: "-ny". */
static bool read_letters(struct option_reader *r, const char *word, struct arena *arena,
                         struct err *err)
{
    for (const char *c = word + 1; *c; c++) {
        const struct global *g = global_option(STR(""), *c);
        if (!g)
            return unknown_option(r, word, STR(""), err);
        bool attached = g->row.metavar && c[1];
        if (!take_global(r, g, attached ? str_of(c + 1) : STR_NULL, arena, err))
            return false;
        if (g->row.metavar)
            break;
    }
    return true;
}

static bool read_option(struct option_reader *r, const char *word, struct arena *arena,
                        struct err *err)
{
    if (word[1] != '-')
        return read_letters(r, word, arena, err);
    struct str name = str_of(word + 2), attached = STR_NULL;
    ptrdiff_t eq = str_index(name, '=');
    if (eq >= 0) {
        attached = str_sub(name, (size_t)eq + 1, name.len);
        name = str_sub(name, 0, (size_t)eq);
    }
    const struct op_option *own = own_option(r, name);
    if (own)
        return take_own(r, own, attached, arena, err);
    const struct global *g = global_option(name, 0);
    if (g)
        return take_global(r, g, attached, arena, err);
    return unknown_option(r, word, name, err);
}

bool options_next(struct option_reader *r, struct arena *arena, const char **ret_word,
                  struct err *err)
{
    while (r->argc) {
        const char *word = *r->argv++;
        r->argc--;
        if (!r->ended && strcmp(word, "--") == 0) {
            r->ended = true;
            continue;
        }
        if (r->ended || word[0] != '-' || !word[1]) {
            *ret_word = word;
            return true;
        }
        if (!read_option(r, word, arena, err))
            return false;
    }
    *ret_word = NULL;
    return true;
}
