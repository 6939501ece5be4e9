/* check: findings over all targets, worst first. */
#include "cli/commands.h"
#include "cli/visit.h"

#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

const struct op_option check_options[] = {
    {.name = "exit-code", .kind = OPTION_FLAG, .help = "exit 10 when there is an error"},
    {.name = "fail-on",
     .kind = OPTION_VALUE,
     .metavar = "SEVERITY",
     .help = "exit 10 from this severity on: error, warning, info"},
    {0},
};

static const char *const severities[] = {
    [SEVERITY_ERROR] = "error",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_INFO] = "info",
};

static const struct column columns[] = {
    {.name = "id", .title = NULL, .type = CELL_TEXT},
    {.name = "code", .title = "CODE", .type = CELL_TEXT, .keep = true},
    {.name = "severity", .title = "SEVERITY", .type = CELL_TEXT, .keep = true},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "system", .title = "SYSTEM", .type = CELL_TEXT},
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    {.name = "finding", .title = "FINDING", .type = CELL_TEXT},
    {.name = "detail", .title = NULL, .type = CELL_TEXT},
    {.name = "fix", .title = "FIX", .type = CELL_TEXT, .keep = true},
    {.name = "target", .title = NULL, .type = CELL_TEXT},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

struct row_found {
    enum severity severity;
    size_t place;
    struct cell cells[COLUMNS];
};

struct check_run {
    struct cli *cli;
    struct row_found *rows;
    size_t n, room;
};

static struct str keep(struct check_run *run, struct str s)
{
    return s.ptr ? arena_str(&run->cli->arena, s) : STR_NULL;
}

/* Stable while the same thing is wrong with the same record. */
static struct str finding_id(struct arena *arena, struct str store, const char *code,
                             struct str object)
{
    uint8_t sha[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    struct sha256 *h = sha256_new();
    struct str parts[] = {store, str_of(code), object};
    for (size_t i = 0; i < 3; i++) {
        sha256_u64(h, parts[i].len);
        sha256_add(h, parts[i].ptr, parts[i].len);
    }
    sha256_finish(h, sha);
    hex_encode(sha, sizeof sha, hex);
    return arena_str(arena, (struct str){hex, 12});
}

/* The whole command: nothing has to be added to it. */
static struct str fix_command(struct check_run *run, const struct open_store *store, struct str fix)
{
    struct arena *a = &run->cli->arena;
    const struct config_context *context = config_context(run->cli->config, store->target.name);
    bool read_only = store->target.env == ENV_PROD && (!context || context->read_only);
    if (!fix.ptr)
        return STR_NULL;
    return arena_printf(a, "penstock -t %.*s%s %.*s",
                        STR_ARG(shell_quote(a, str_of(store->target.name))),
                        read_only ? " --write" : "", STR_ARG(fix));
}

static void add_finding(struct check_run *run, struct open_store *store, const struct finding *f)
{
    static const enum mark marks[] = {
        [SEVERITY_ERROR] = MARK_BAD, [SEVERITY_WARNING] = MARK_WARN, [SEVERITY_INFO] = MARK_NONE};
    struct str identity = store_info(store->store)->identity;
    if (run->n == run->room) {
        size_t room = run->room ? run->room * 2 : 64;
        struct row_found *rows = arena_array(&run->cli->arena, struct row_found, room);
        if (run->n)
            memcpy(rows, run->rows, run->n * sizeof *rows);
        run->rows = rows;
        run->room = room;
    }
    struct row_found *row = &run->rows[run->n];
    *row = (struct row_found){.severity = f->severity, .place = run->n};
    run->n++;
    row->cells[0] = cell_text(finding_id(&run->cli->arena, identity, f->code, f->object));
    row->cells[1] = cell_text(str_of(f->code));
    row->cells[2] = cell_text(str_of(severities[f->severity]));
    row->cells[2].mark = marks[f->severity];
    row->cells[3] = cell_text(identity);
    row->cells[4] = cell_text(str_of(store_system(store->store)->name));
    row->cells[5] = cell_text(keep(run, f->object));
    row->cells[6] = cell_text(keep(run, f->text));
    row->cells[7] = cell_text(keep(run, f->detail));
    row->cells[8] = cell_text(fix_command(run, store, f->fix));
    row->cells[9] = cell_text(str_of(cli_store_name(store)));
}

static void check_record(void *ctx, struct open_store *store, const struct sheet_input *in,
                         const struct err *problem)
{
    struct check_run *run = ctx;
    const struct system *system = in->system;
    struct finding *list = in->doc && system->check ? system->check(in) : NULL;
    for (const struct finding *f = list; f; f = f->next)
        add_finding(run, store, f);
    /* What the system has not found out about a record that cannot be read, we say. */
    if (problem && !list) {
        struct finding bad = {.code = "unreadable",
                              .severity = SEVERITY_ERROR,
                              .object = in->row->label,
                              .text = str_of(problem->text),
                              .detail = problem->hint[0] ? str_of(problem->hint) : STR_NULL};
        add_finding(run, store, &bad);
    }
}

static int worst_first(const void *a, const void *b)
{
    const struct row_found *x = a, *y = b;
    if (x->severity != y->severity)
        return x->severity < y->severity ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static bool read_threshold(const struct cli *cli, int *ret, struct err *err)
{
    const char *fail_on = cli_value(cli, "fail-on");
    *ret = cli_flag(cli, "exit-code") ? SEVERITY_ERROR : -1;
    for (int i = 0; fail_on && i <= SEVERITY_INFO; i++) {
        if (strcmp(fail_on, severities[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return !fail_on || err_set(err, ERR_INVALID, "--fail-on %s: error, warning or info", fail_on);
}

bool cmd_check(struct cli *cli, struct err *err)
{
    struct check_run run = {.cli = cli};
    int threshold;
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "check takes no words");
    if (!read_threshold(cli, &threshold, err) || !cli_open(cli, NULL, CLI_READ, err) ||
        !visit_records(cli, LIST_FULL, check_record, &run, err))
        return false;
    if (run.n)
        qsort(run.rows, run.n, sizeof *run.rows, worst_first);
    struct print *print = print_new(&cli->print, columns, COLUMNS, 0);
    for (size_t i = 0; i < run.n; i++)
        print_row(print, run.rows[i].cells);
    print_page(print);
    print_free(print);
    if (!run.n && !cli->exit_code && cli->print.output == OUTPUT_TABLE)
        cli_note(cli, "nothing found");
    if (threshold >= 0 && run.n && (int)run.rows[0].severity <= threshold && !cli->exit_code)
        cli->exit_code = 10;
    return true;
}
