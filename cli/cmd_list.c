/* Lists: one row a record, and the other sheets of a system (history, instances, …). */
#include "cli/commands.h"

#include "cli/pages.h"
#include "core/base/near.h"
#include "core/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200 };

const struct op_option list_options[] = {
    {.name = "ids", .kind = OPTION_FLAG, .help = "ids alone, without reading any value"},
    {.name = "sort", .kind = OPTION_VALUE, .metavar = "COLUMN", .help = "-COLUMN turns it round"},
    {0},
};

/* Options that keep rows by the value of a column. */
static const struct filter {
    const char *option;
    enum { KEEP_POSITIVE, KEEP_FALSE, KEEP_WORD, KEEP_VALUE, KEEP_GLOB } how;
    const char *column, *word;
} filters[] = {
    {"errored", KEEP_WORD, "phase", "errored"},
    {"phase", KEEP_VALUE, "phase", NULL},
    {"failed", KEEP_POSITIVE, "failed", NULL},
    {"failed", KEEP_WORD, "status", "failed"},
    {"unresolved", KEEP_POSITIVE, "unresolved", NULL},
    {"unresolved", KEEP_FALSE, "resolved", NULL},
    {"logs-unresolved", KEEP_FALSE, "logs_resolved", NULL},
    {"task", KEEP_VALUE, "task", NULL},
    {"exception", KEEP_GLOB, "exception", NULL},
};

const struct op_option filter_options[] = {
    {.name = "failed", .kind = OPTION_FLAG, .help = "only what failed"},
    {.name = "unresolved", .kind = OPTION_FLAG, .help = "only what is not resolved"},
    {.name = "logs-unresolved", .kind = OPTION_FLAG, .help = "only unresolved logs"},
    {.name = "task", .kind = OPTION_VALUE, .metavar = "T", .help = "only this task"},
    {.name = "exception", .kind = OPTION_VALUE, .metavar = "GLOB", .help = "only this exception"},
    {0},
};

bool filter_fits(const struct sheet *sheet, const char *option)
{
    size_t at;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (strcmp(filters[i].option, option) == 0 &&
            sheet_column(sheet, str_of(filters[i].column), &at))
            return true;
    }
    return false;
}

static bool keeps(const struct cli *cli, const struct sheet *sheet, const struct sheet_row *row)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const struct filter *f = &filters[i];
        size_t at;
        if (!cli_flag(cli, f->option) || !sheet_column(sheet, str_of(f->column), &at))
            continue;
        const struct cell *cell = &row->cells[at];
        const char *value = cli_value(cli, f->option);
        bool kept = f->how == KEEP_POSITIVE ? cell->number > 0
                    : f->how == KEEP_FALSE  ? cell->type == CELL_BOOL && !cell->number
                    : f->how == KEEP_WORD   ? str_is(cell->text, f->word)
                    : f->how == KEEP_VALUE  ? str_is(cell->text, value)
                                            : cell->text.ptr && str_glob(cell->text, str_of(value));
        if (!kept)
            return false;
    }
    return true;
}

/* --- the output ------------------------------------------------------------------------------ */

struct sorted_row {
    struct cell *cells;
    const struct cell *key;
    size_t place; /* equal rows keep their order */
};

struct list_run {
    struct cli *cli;
    const struct sheet *sheet;
    struct print *print;
    struct column *columns; /* the sheet's, `target`, and `id` where nothing else says it */
    size_t ncolumns, name_column;
    uint64_t printed;
    bool stop;  /* nobody reads any more, or the limit was reached */
    bool names; /* nothing but ids is asked for and printed */

    ptrdiff_t sort; /* column, or -1 */
    bool backwards;
    struct sorted_row *rows;
    size_t nrows, room;
};

static bool run_init(struct list_run *run, struct cli *cli, const struct sheet *sheet,
                     struct err *err)
{
    const char *sort = cli_value(cli, "sort");
    *run = (struct list_run){.cli = cli, .sheet = sheet, .sort = -1};
    run->ncolumns = sheet->ncolumns + 1;
    run->columns = arena_array(&cli->arena, struct column, run->ncolumns + 1);
    memcpy(run->columns, sheet->columns, sheet->ncolumns * sizeof *run->columns);
    run->columns[sheet->ncolumns] = (struct column){
        .name = "target", .title = cli->nstores > 1 ? "STORE" : NULL, .type = CELL_TEXT};
    bool has_id = sheet_column(sheet, STR("id"), NULL) || sheet_column(sheet, STR("uid"), NULL);
    if (!has_id || cli->print.output == OUTPUT_NAME) {
        run->name_column = run->ncolumns++;
        run->columns[run->name_column] = (struct column){.name = "id", .type = CELL_TEXT};
    }
    if (sort) {
        size_t at;
        run->backwards = sort[0] == '-';
        if (!sheet_column(sheet, str_of(sort + run->backwards), &at)) {
            struct near near = {.word = str_of(sort + run->backwards)};
            for (size_t i = 0; i < sheet->ncolumns; i++)
                near_offer(&near, sheet->columns[i].name);
            err_set(err, ERR_INVALID, "--sort: there is no column '%s'", sort);
            return near.best ? err_hint(err, "did you mean %s?", near.best) : false;
        }
        run->sort = (ptrdiff_t)at;
    }
    run->print = print_new(&cli->print, run->columns, run->ncolumns, run->name_column);
    return true;
}

static bool limit_reached(const struct list_run *run)
{
    uint64_t limit = run->cli->opts.limit;
    return limit && run->printed >= limit;
}

static void put_cells(struct list_run *run, const struct cell *cells)
{
    if (limit_reached(run))
        return;
    print_row(run->print, cells);
    run->printed++;
}

static void add_row(struct list_run *run, const struct sheet_row *row,
                    const struct open_store *store, struct arena *arena)
{
    struct cell *cells = arena_array(arena, struct cell, run->ncolumns);
    memcpy(cells, row->cells, run->sheet->ncolumns * sizeof *cells);
    cells[run->sheet->ncolumns] = cell_text(str_of(cli_store_name(store)));
    if (run->name_column)
        cells[run->name_column] = cell_text(row->key);
    if (run->sort < 0) {
        put_cells(run, cells);
        return;
    }
    run->rows = arena_grow(arena, run->rows, run->nrows, &run->room, sizeof *run->rows);
    run->rows[run->nrows] = (struct sorted_row){cells, &cells[run->sort], run->nrows};
    run->nrows++;
}

static int row_cmp(const void *a, const void *b)
{
    const struct sorted_row *x = a, *y = b;
    int order = cell_cmp(x->key, y->key);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static void put_sorted(struct list_run *run)
{
    if (run->nrows)
        qsort(run->rows, run->nrows, sizeof *run->rows, row_cmp);
    for (size_t i = 0; i < run->nrows; i++)
        put_cells(run, run->rows[run->backwards ? run->nrows - 1 - i : i].cells);
}

/* --- pages ----------------------------------------------------------------------------------- */

/* What the store must be asked for: nothing beyond the scan when only ids are printed. */
static unsigned wanted(const struct list_run *run)
{
    const struct cli *cli = run->cli;
    bool filtered = false;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        filtered = filtered || cli_flag(cli, filters[i].option);
    bool ids = cli_flag(cli, "ids") || cli->opts.output == OUTPUT_NAME;
    if (run->sheet != &cli->system->sheets[0])
        return LIST_FULL;
    if (ids && run->sort < 0)
        return filtered ? LIST_VALUES : LIST_IDS;
    return LIST_FULL;
}

static void report_problem(struct cli *cli, const struct err *problem, const struct row *row)
{
    struct err why = cli_problem(problem, row->label.ptr ? row->label : row->id);
    cli_report_on(cli, &why);
}

static bool fill_page(struct list_run *run, struct open_store *store, struct row *rows, size_t n,
                      struct arena *arena, struct err *err)
{
    struct cli *cli = run->cli;
    struct listing_page page;
    struct call call = cli_call(cli);
    if (!listing_fill(store->store, run->sheet, rows, n, wanted(run), clock_now_us(), &call, arena,
                      &page, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        /* A list shows a bad record in its row; elsewhere it has no rows, so that must be said. */
        if (page.problems[i] && (run->sheet != &cli->system->sheets[0] || cli->opts.verbose))
            report_problem(cli, page.problems[i], &rows[i]);
        for (const struct sheet_row *row = page.cells[i]; row; row = row->next) {
            if (keeps(cli, run->sheet, row))
                add_row(run, row, store, arena);
        }
    }
    return true;
}

static void put_names(struct list_run *run, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n && !limit_reached(run); i++, run->printed++)
        print_name(run->print, rows[i].id);
}

static void put_page(struct list_run *run)
{
    if (!print_page(run->print))
        run->stop = true;
    if (limit_reached(run) && run->sort < 0)
        run->stop = true;
}

static bool list_ids(struct list_run *run, struct open_store *store, struct err *err)
{
    struct cli *cli = run->cli;
    struct pages *pages;
    if (!pages_open(cli, store->store, &pages, err))
        return false;
    bool ok = true;
    for (size_t n = 1; ok && n && !run->stop;) {
        struct row *rows;
        ok = pages_next(pages, &rows, &n, err);
        if (ok) {
            put_names(run, rows, select_passing(cli, rows, n));
            put_page(run);
        }
    }
    pages_close(pages);
    return ok;
}

static bool list_store(struct list_run *run, struct open_store *store, struct err *err)
{
    struct cli *cli = run->cli;
    struct call call = cli_call(cli);
    struct scan *scan;
    if (!store_scan_open(store->store, &call, &scan, err))
        return false;
    bool ok = true;
    while (ok && !run->stop) {
        struct arena page = ARENA_INIT, *arena = run->sort < 0 ? &page : &cli->arena;
        struct row *rows;
        size_t n;
        call = cli_call(cli);
        ok = store_scan_next(scan, &call, arena, PAGE, &rows, &n, err);
        size_t kept = ok ? select_passing(cli, rows, n) : 0;
        ok = ok && (!kept || fill_page(run, store, rows, kept, arena, err));
        if (ok)
            put_page(run);
        arena_release(&page);
        if (ok && !n)
            break;
    }
    store_scan_close(scan);
    return ok;
}

static bool run_finish(struct list_run *run, bool ok, struct err *err)
{
    struct cli *cli = run->cli;
    if (run->sort >= 0)
        put_sorted(run);
    bool written = print_page(run->print);
    print_free(run->print);
    if (!written && cli->outlet.given_up)
        return err_set(err, ERR_CANCELLED, "writing the output: cancelled");
    if (!written && errno != EPIPE)
        return err_set(err, ERR_INTERNAL, "cannot write the output: %s", strerror(errno));
    if (ok && !run->printed && cli->print.output == OUTPUT_TABLE && !cli->exit_code)
        cli_note(cli, "no %s",
                 cli->sheet && cli->sheet != &cli->system->sheets[0] ? cli->sheet->title
                                                                     : cli->system->records);
    return ok;
}

static bool list_everything(struct cli *cli, const struct sheet *sheet, struct err *err)
{
    struct list_run run;
    bool ok = true;
    if (!run_init(&run, cli, sheet, err))
        return false;
    run.names = cli->print.output == OUTPUT_NAME && wanted(&run) == LIST_IDS;
    for (size_t i = 0; i < cli->nstores && ok && !run.stop; i++) {
        struct err why = {0};
        ok = run.names ? list_ids(&run, &cli->stores[i], &why)
                       : list_store(&run, &cli->stores[i], &why);
        if (ok)
            continue;
        if (cli->nstores == 1 || why.kind == ERR_CANCELLED) {
            *err = why;
        } else { /* one store that is lost does not hide the others */
            cli_report_on(cli, &why);
            ok = true;
        }
    }
    return run_finish(&run, ok, err);
}

bool cmd_list(struct cli *cli, struct err *err)
{
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "%s list takes no words; --pattern GLOB narrows it",
                       cli->noun);
    if (cli_flag(cli, "ids") && cli->print.output != OUTPUT_JSON)
        cli->print.output = OUTPUT_NAME;
    return cli_open(cli, cli->system, CLI_READ, err) &&
           list_everything(cli, &cli->system->sheets[0], err);
}

/* history ID, instances [ID...], … : the rows inside the records. */
bool cmd_sheet(struct cli *cli, struct err *err)
{
    struct choice *chosen;
    size_t n;
    if (!cli_open(cli, cli->system, CLI_READ, err))
        return false;
    if (!cli->nwords && !cli->opts.from)
        return list_everything(cli, cli->sheet, err);
    if (!select_records(cli, cli->nwords, false, &chosen, &n, err))
        return false;
    struct list_run run;
    bool ok = true;
    if (!run_init(&run, cli, cli->sheet, err))
        return false;
    for (size_t i = 0; i < n && ok && !run.stop; i++) {
        ok = fill_page(&run, chosen[i].store, &chosen[i].row, 1, &cli->arena, err);
        if (ok)
            put_page(&run);
    }
    return run_finish(&run, ok, err);
}
