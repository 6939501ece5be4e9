#include "cli/findings.h"

#include "cli/visit.h"
#include "core/acks.h"
#include "core/base/clock.h"

#include <stdlib.h>

const char *const severity_names[SEVERITY_INFO + 1] = {
    [SEVERITY_ERROR] = "error",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_INFO] = "info",
};

const struct column finding_columns[FINDING_COLUMNS] = {
    [FINDING_ID] = {.name = "id", .title = NULL, .type = CELL_TEXT},
    [FINDING_CODE] = {.name = "code", .title = "CODE", .type = CELL_TEXT, .keep = true},
    [FINDING_SEVERITY] = {.name = "severity", .title = "SEVERITY", .type = CELL_TEXT, .keep = true},
    [FINDING_STORE] = {.name = "store", .title = NULL, .type = CELL_TEXT},
    [FINDING_SYSTEM] = {.name = "system", .title = "SYSTEM", .type = CELL_TEXT},
    [FINDING_OBJECT] = {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    [FINDING_TEXT] = {.name = "finding", .title = "FINDING", .type = CELL_TEXT},
    [FINDING_DETAIL] = {.name = "detail", .title = NULL, .type = CELL_TEXT},
    [FINDING_FIX] = {.name = "fix", .title = "FIX", .type = CELL_TEXT, .keep = true},
    [FINDING_TARGET] = {.name = "target", .title = NULL, .type = CELL_TEXT},
    [FINDING_ACK] = {.name = "acknowledged_until", .title = NULL, .type = CELL_TIME},
};

struct check_run {
    struct cli *cli;
    json_t *acks;
    int64_t now_us;
    struct finding_row *rows;
    size_t n, room;
};

static struct str keep(struct check_run *run, struct str s)
{
    return s.ptr ? arena_str(&run->cli->arena, s) : STR_NULL;
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
    run->rows = arena_grow(&run->cli->arena, run->rows, run->n, &run->room, sizeof *run->rows);
    struct finding_row *row = &run->rows[run->n];
    *row = (struct finding_row){.severity = f->severity, .place = run->n};
    run->n++;
    row->cells[FINDING_ID] =
        cell_text(acks_finding_id(&run->cli->arena, identity, f->code, f->object));
    row->cells[FINDING_CODE] = cell_text(str_of(f->code));
    row->cells[FINDING_SEVERITY] = cell_text(str_of(severity_names[f->severity]));
    row->cells[FINDING_SEVERITY].mark = marks[f->severity];
    row->cells[FINDING_STORE] = cell_text(identity);
    row->cells[FINDING_SYSTEM] = cell_text(str_of(store_system(store->store)->name));
    row->cells[FINDING_OBJECT] = cell_text(keep(run, f->object));
    row->cells[FINDING_TEXT] = cell_text(keep(run, f->text));
    row->cells[FINDING_DETAIL] = cell_text(keep(run, f->detail));
    row->cells[FINDING_FIX] = cell_text(fix_command(run, store, f->fix));
    int64_t until = acks_until(run->acks, row->cells[FINDING_ID].text, run->now_us);
    row->acknowledged = until != TIME_UNKNOWN;
    row->cells[FINDING_ACK] = cell_time(until);
    row->cells[FINDING_TARGET] = cell_text(str_of(cli_store_name(store)));
}

static void check_record(void *ctx, struct open_store *store, const struct sheet_input *in,
                         const struct err *problem)
{
    struct check_run *run = ctx;
    for (const struct finding *f = listing_findings(in, problem); f; f = f->next)
        add_finding(run, store, f);
}

static int worst_first(const void *a, const void *b)
{
    const struct finding_row *x = a, *y = b;
    if (x->severity != y->severity)
        return x->severity < y->severity ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

bool findings_collect(struct cli *cli, struct finding_row **ret, size_t *ret_n, struct err *err)
{
    struct check_run run = {.cli = cli, .now_us = clock_now_us()};
    struct str path = config_state_path(&cli->arena, "acks.json");
    if (!acks_read(path.ptr, &run.acks, err))
        return false;
    bool ok = visit_records(cli, LIST_FULL, check_record, &run, err);
    json_decref(run.acks);
    if (ok && run.n)
        qsort(run.rows, run.n, sizeof *run.rows, worst_first);
    *ret = run.rows;
    *ret_n = run.n;
    return ok;
}
