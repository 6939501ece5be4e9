/* table pipelines: what the tables of each pipeline add up to. */
#include "cli/commands.h"
#include "cli/visit.h"

#include <stdlib.h>

enum { PHASES_MAX = 32 };

struct pipeline {
    const struct open_store *store;
    struct str id;
    int64_t tables, errored, oldest_us; /* since when the first of them is errored */
    struct {
        struct str name;
        int64_t n;
    } phases[PHASES_MAX];
    size_t nphases;
    struct str slot, reader;
    int64_t lag_bytes; /* negative: not known */
};

struct pipelines {
    struct arena *arena;
    struct pipeline **items;
    size_t n, room;
};

static struct pipeline *pipeline_of(struct pipelines *all, const struct open_store *store,
                                    struct str id)
{
    for (size_t i = all->n; i-- > 0;) { /* records come in the order of their pipelines */
        if (all->items[i]->store == store && str_eq(all->items[i]->id, id))
            return all->items[i];
    }
    all->items = arena_grow(all->arena, all->items, all->n, &all->room, sizeof *all->items);
    struct pipeline *p = all->items[all->n++] = arena_new(all->arena, struct pipeline);
    p->store = store;
    p->id = arena_str(all->arena, id);
    p->oldest_us = TIME_UNKNOWN;
    p->lag_bytes = -1;
    return p;
}

static void count_phase(struct pipelines *all, struct pipeline *p, struct str phase, int64_t since)
{
    if (str_is(phase, "errored")) {
        p->errored++;
        if (since != TIME_UNKNOWN && (p->oldest_us == TIME_UNKNOWN || since < p->oldest_us))
            p->oldest_us = since;
    }
    for (size_t i = 0; i < p->nphases; i++) {
        if (str_eq(p->phases[i].name, phase)) {
            p->phases[i].n++;
            return;
        }
    }
    if (p->nphases < PHASES_MAX) {
        p->phases[p->nphases].name = arena_str(all->arena, phase);
        p->phases[p->nphases++].n = 1;
    }
}

static void note_slot(struct pipelines *all, struct pipeline *p, const struct value *facts)
{
    const struct value *slot = value_get(facts, "slot");
    if (p->slot.ptr || !value_is_dict(slot))
        return;
    p->slot = arena_str(all->arena, value_str_or(value_get(slot, "wal_status"), STR("unknown")));
    const struct value *lag = value_get(slot, "lag_bytes");
    if (!lag || !value_to_i64(lag, &p->lag_bytes))
        p->lag_bytes = -1;
}

static void add_table(void *ctx, struct open_store *store, const struct sheet_input *in,
                      const struct err *problem)
{
    struct pipelines *all = ctx;
    ptrdiff_t slash = str_index(in->row->id, '/');
    if (slash < 0)
        return;
    struct pipeline *p = pipeline_of(all, store, str_sub(in->row->id, 0, (size_t)slash));
    struct str phase = problem ? STR("unreadable")
                       : in->row->phase.len
                           ? in->row->phase
                           : in->system->brief(in->doc ? in->doc->root : NULL, all->arena);
    count_phase(all, p, phase, in->row->updated_at_us);
    p->tables += !str_is(phase, "left over");
    note_slot(all, p, in->facts);
    const struct activity *seen = in->activity;
    if (!p->reader.ptr && seen)
        p->reader = seen->sight == ACTIVITY_BLIND
                        ? arena_printf(all->arena, "cannot see: %.*s", STR_ARG(seen->why))
                    : seen->owner_live ? arena_str(all->arena, seen->who)
                                       : STR("none seen");
}

/* "33 ready, 6 errored" and the same as an object. */
static struct cell phases_cell(struct arena *a, const struct pipeline *p)
{
    struct sbuf text = SBUF_INIT;
    struct value_pair *pairs = arena_array(a, struct value_pair, p->nphases);
    for (size_t i = 0; i < p->nphases; i++) {
        sbuf_printf(&text, "%s%lld %.*s", i ? ", " : "", (long long)p->phases[i].n,
                    STR_ARG(p->phases[i].name));
        pairs[i].key = value_str(a, p->phases[i].name);
        pairs[i].val = value_int(a, p->phases[i].n);
    }
    struct cell cell = {.type = CELL_OBJECT,
                        .mark = p->errored ? MARK_BAD : MARK_OK,
                        .text = arena_str(a, sbuf_view(&text)),
                        .object = value_dict(a, pairs, p->nphases)};
    sbuf_release(&text);
    return cell;
}

bool cmd_pipelines(struct cli *cli, struct err *err)
{
    static const struct column columns[] = {
        {.name = "pipeline_id", .title = "PIPELINE", .type = CELL_TEXT, .keep = true},
        {.name = "tables", .title = "TABLES", .type = CELL_INT, .keep = true},
        {.name = "errored", .title = "ERRORED", .type = CELL_INT, .keep = true},
        {.name = "errored_since", .title = "FOR", .type = CELL_TIME},
        {.name = "phases", .title = "PHASES", .type = CELL_OBJECT},
        {.name = "slot", .title = "SLOT", .type = CELL_TEXT},
        {.name = "lag_bytes", .title = "LAG", .type = CELL_BYTES},
        {.name = "reader", .title = "REPLICATOR", .type = CELL_TEXT},
        {.name = "target", .title = NULL, .type = CELL_TEXT},
    };
    enum { N = sizeof columns / sizeof columns[0] };
    struct pipelines all = {.arena = &cli->arena};
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "table pipelines takes no words");
    if (!cli_open(cli, cli->system, CLI_READ, err) ||
        !visit_records(cli, LIST_FULL, add_table, &all, err))
        return false;
    struct print *print = print_new(&cli->print, columns, N, 0);
    for (size_t i = 0; i < all.n; i++) {
        const struct pipeline *p = all.items[i];
        struct cell cells[N] = {
            cell_text(p->id),
            cell_int(p->tables),
            cell_int(p->errored),
            cell_time(p->oldest_us),
            phases_cell(&cli->arena, p),
            cell_text(p->slot),
            cell_bytes(p->lag_bytes),
            cell_text(p->reader),
            cell_text(str_of(cli_store_name(p->store))),
        };
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}
