/* overview: counts per store. probe: what is found at the targets. */
#include "cli/commands.h"
#include "cli/visit.h"
#include "core/own_sheets.h"

#include <stdlib.h>

/* --- overview -------------------------------------------------------------------------------- */

struct count {
    struct str status;
    enum mark mark;
    int64_t n;
};

struct tally {
    struct arena *arena;
    const struct open_store *store; /* being counted */
    struct count *counts;
    size_t n, room;
    int64_t records, bad;
};

static void count_record(void *ctx, struct open_store *store, const struct sheet_input *in,
                         const struct err *problem)
{
    struct tally *all = ctx, *t = &all[0];
    while (t->store != store)
        t++;
    enum mark mark = MARK_BAD;
    struct str status = STR("unreadable");
    if (in->doc && in->system->status)
        status = in->system->status(in, &mark);
    if (!status.len)
        status = STR("unreadable");
    t->records++;
    t->bad += mark == MARK_BAD;
    for (size_t i = 0; i < t->n; i++) {
        if (str_eq(t->counts[i].status, status)) {
            t->counts[i].n++;
            return;
        }
    }
    t->counts = arena_grow(t->arena, t->counts, t->n, &t->room, sizeof *t->counts);
    t->counts[t->n++] = (struct count){arena_str(t->arena, status), mark, 1};
}

static int most_first(const void *a, const void *b)
{
    const struct count *x = a, *y = b;
    return x->n != y->n ? (x->n > y->n ? -1 : 1) : str_cmp(x->status, y->status);
}

/* "33 ready, 1 sync_done, 6 errored", and the same as an object. */
static struct cell counts_cell(struct tally *t)
{
    struct sbuf text = SBUF_INIT;
    struct value_pair *pairs = arena_array(t->arena, struct value_pair, t->n);
    if (t->n)
        qsort(t->counts, t->n, sizeof *t->counts, most_first);
    for (size_t i = 0; i < t->n; i++) {
        sbuf_printf(&text, "%s%lld %.*s", i ? ", " : "", (long long)t->counts[i].n,
                    STR_ARG(t->counts[i].status));
        pairs[i].key = value_str(t->arena, t->counts[i].status);
        pairs[i].val = value_int(t->arena, t->counts[i].n);
    }
    struct cell cell = {.type = CELL_OBJECT, .mark = t->bad ? MARK_BAD : MARK_OK};
    cell.text = arena_str(t->arena, sbuf_view(&text));
    cell.object = value_dict(t->arena, pairs, t->n);
    sbuf_release(&text);
    return cell;
}

static struct cell locks_cell(struct cli *cli, struct store *store)
{
    struct lock *locks = NULL;
    int64_t n = 0;
    struct call call = cli_call(cli);
    if (!store_supports(store, STORE_LOCKS) ||
        !store_locks(store, NULL, 0, &call, &cli->arena, &locks, NULL))
        return cell_null();
    for (; locks; locks = locks->next)
        n++;
    return cell_int(n);
}

bool cmd_overview(struct cli *cli, struct err *err)
{
    static const struct column columns[] = {
        {.name = "target", .title = "STORE", .type = CELL_TEXT, .keep = true},
        {.name = "system", .title = "SYSTEM", .type = CELL_TEXT, .keep = true},
        {.name = "env", .title = "ENV", .type = CELL_TEXT, .keep = true},
        {.name = "records", .title = "RECORDS", .type = CELL_INT, .keep = true},
        {.name = "status", .title = "NOW", .type = CELL_OBJECT},
        {.name = "locks", .title = "LOCKS", .type = CELL_INT},
        {.name = "store", .title = NULL, .type = CELL_TEXT},
        {.name = "server", .title = NULL, .type = CELL_TEXT},
    };
    enum { N = sizeof columns / sizeof columns[0] };
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "overview takes no words");
    if (!cli_open(cli, NULL, CLI_READ, err))
        return false;
    struct tally *tallies = arena_array(&cli->arena, struct tally, cli->nstores);
    for (size_t i = 0; i < cli->nstores; i++)
        tallies[i] = (struct tally){.arena = &cli->arena, .store = &cli->stores[i]};
    if (!visit_records(cli, LIST_FULL, count_record, tallies, err))
        return false;
    struct print *print = print_new(&cli->print, columns, N, 0);
    for (size_t i = 0; i < cli->nstores; i++) {
        const struct open_store *open = &cli->stores[i];
        const struct store_info *info = store_info(open->store);
        struct cell cells[N] = {
            cell_text(str_of(cli_store_name(open))),
            cell_text(str_of(info->system->name)),
            cell_text(
                str_of(open->target.env == ENV_PROD ? "PROD" : environment_name(open->target.env))),
            cell_int(tallies[i].records),
            counts_cell(&tallies[i]),
            locks_cell(cli, open->store),
            cell_text(info->identity),
            cell_text(info->server),
        };
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}

/* --- probe ----------------------------------------------------------------------------------- */

bool cmd_probe(struct cli *cli, struct err *err)
{
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "probe takes no words; name targets with -t");
    /* Opened as for a change, so that `writable` and `rights` say what a change would meet. */
    if (!cli_open(cli, NULL, CLI_PROBE, err))
        return false;
    struct print *print = print_new(&cli->print, probe_sheet.columns, PROBE_COLUMNS, 0);
    for (size_t i = 0; i < cli->nstores; i++) {
        struct open_store *open = &cli->stores[i];
        struct err why = {0};
        struct call call = cli_call(cli);
        if (!store_probe(open->store, &call, &why))
            cli_report_on(cli, &why);
        struct cell cells[PROBE_COLUMNS];
        probe_cells(open, cells);
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}
