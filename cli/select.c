/* Which records a command acts on: named, read from a file, or chosen by what they are. */
#include "cli/cli.h"

#include "core/listing.h"
#include "core/output.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, MOST_NAMED = 1 << 20, LISTED = 8 };

const struct op_option select_options[] = {
    {.name = "all", .kind = OPTION_FLAG, .help = "every record"},
    {.name = "errored", .kind = OPTION_FLAG, .help = "those that are errored or failed"},
    {.name = "phase",
     .kind = OPTION_VALUE,
     .metavar = "P",
     .help = "those in this phase or status"},
    {.name = "pattern", .kind = OPTION_VALUE, .metavar = "GLOB", .help = "those whose id matches"},
    {.name = "pipeline", .kind = OPTION_VALUE, .metavar = "N", .help = "those of this pipeline"},
    {0},
};

bool cli_flag(const struct cli *cli, const char *name)
{
    return op_arg_flag(&cli->args, name);
}

const char *cli_value(const struct cli *cli, const char *name)
{
    struct str value;
    return op_arg(&cli->args, name, 0, &value) ? value.ptr : NULL;
}

bool select_has_filter(const struct cli *cli)
{
    return cli_flag(cli, "all") || cli_flag(cli, "errored") || cli_flag(cli, "phase") ||
           cli_flag(cli, "pattern");
}

/* The pipeline of an etl record: what stands in front of the slash of its id. */
static struct str pipeline_of(struct str id)
{
    ptrdiff_t slash = str_index(id, '/');
    return slash < 0 ? STR("") : str_sub(id, 0, (size_t)slash);
}

/* --pipeline, and what else the system knows to tell records apart by. */
static bool is_meant(const struct cli *cli, const struct row *row)
{
    const char *pipeline = cli_value(cli, "pipeline");
    if (pipeline && !str_is(pipeline_of(row->id), pipeline))
        return false;
    return !cli->system || !cli->system->narrow || cli->system->narrow(&cli->args, row);
}

static bool narrows(const struct cli *cli)
{
    return cli_flag(cli, "pattern") || cli_flag(cli, "pipeline") ||
           (cli->system && cli->system->narrow);
}

static bool passes(const struct cli *cli, const struct row *row)
{
    const char *pattern = cli_value(cli, "pattern");
    if (!is_meant(cli, row))
        return false;
    return !pattern || str_glob(row->id, str_of(pattern)) || str_glob(row->label, str_of(pattern));
}

size_t select_passing(const struct cli *cli, struct row *rows, size_t n)
{
    size_t kept = 0;
    if (!narrows(cli))
        return n;
    for (size_t i = 0; i < n; i++) {
        if (passes(cli, &rows[i]))
            rows[kept++] = rows[i];
    }
    return kept;
}

/* --- a list of choices ----------------------------------------------------------------------- */

struct choices {
    struct arena *arena;
    struct choice *items;
    size_t n, room;
};

static void add_choice(struct choices *list, const struct choice *one)
{
    list->items = arena_grow(list->arena, list->items, list->n, &list->room, sizeof *one);
    list->items[list->n++] = *one;
}

/* Of one array: the same records stand together, in the order of the array. */
static int choice_cmp(const void *a, const void *b)
{
    const struct choice *x = *(const struct choice *const *)a,
                        *y = *(const struct choice *const *)b;
    int order = (x->store > y->store) - (x->store < y->store);
    order = order ? order : str_cmp(x->row.id, y->row.id);
    return order ? order : (x > y) - (x < y);
}

/* A record that is named twice is meant once. */
static void drop_repeated(struct choices *list)
{
    const struct choice **sorted = arena_array(list->arena, const struct choice *, list->n);
    bool *again = arena_array(list->arena, bool, list->n);
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        sorted[i] = &list->items[i];
    if (list->n)
        qsort(sorted, list->n, sizeof *sorted, choice_cmp);
    for (size_t i = 1; i < list->n; i++)
        again[sorted[i] - list->items] = sorted[i]->store == sorted[i - 1]->store &&
                                         str_eq(sorted[i]->row.id, sorted[i - 1]->row.id);
    for (size_t i = 0; i < list->n; i++) {
        if (!again[i])
            list->items[n++] = list->items[i];
    }
    list->n = n;
}

/* "7/public.users in orders-pg, 8/public.users in orders-pg" */
static bool ambiguous(struct cli *cli, const char *word, const struct choices *list,
                      struct err *err)
{
    struct sbuf names = SBUF_INIT;
    for (size_t i = 0; i < list->n && i < LISTED; i++) {
        const struct row *row = &list->items[i].row;
        sbuf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARG(row->id));
        if (!str_eq(row->id, row->label))
            sbuf_printf(&names, " (%.*s)", STR_ARG(row->label));
        if (cli->nstores > 1)
            sbuf_printf(&names, " in %s", cli_store_name(list->items[i].store));
    }
    if (list->n > LISTED)
        sbuf_printf(&names, " and %zu more", list->n - LISTED);
    err_set(err, ERR_INVALID, "%s %s means %zu records: %.*s", cli->system->noun, word, list->n,
            STR_ARG(sbuf_view(&names)));
    sbuf_release(&names);
    return err_hint(err, "name one by its id, and the store with -t");
}

/* --- named ----------------------------------------------------------------------------------- */

static bool find_everywhere(struct cli *cli, struct str name, struct choices *list, struct err *err)
{
    for (size_t i = 0; i < cli->nstores; i++) {
        struct row *rows;
        size_t n;
        struct call call = cli_call(cli);
        struct open_store *store = &cli->stores[i];
        if (store_system(store->store) != cli->system)
            continue;
        if (!store_find(store->store, name, &call, list->arena, &rows, &n, err))
            return err_context(err, "%.*s", STR_ARG(name));
        for (size_t k = 0; k < n; k++) {
            if (is_meant(cli, &rows[k]))
                add_choice(list, &(struct choice){store, rows[k]});
        }
    }
    return true;
}

/* The first open store of the noun: where a record that does not exist yet would be made. */
static bool store_for_new(struct cli *cli, const char *word, struct open_store **ret,
                          struct err *err)
{
    *ret = NULL;
    for (size_t i = 0; i < cli->nstores; i++) {
        if (store_system(cli->stores[i].store) != cli->system)
            continue;
        if (*ret) {
            err_set(err, ERR_INVALID, "%s %s exists in none of several stores", cli->system->noun,
                    word);
            return err_hint(err, "name the store with -t");
        }
        *ret = &cli->stores[i];
    }
    return *ret || err_set(err, ERR_INVALID, "no store of %s is open", cli->system->name);
}

bool select_one(struct cli *cli, const char *word, bool absent_ok, struct choice *ret,
                struct err *err)
{
    struct choices list = {.arena = &cli->arena};
    struct str name;
    if (!output_id_parse(&cli->arena, str_of(word), &name, err))
        return false;
    if (!find_everywhere(cli, name, &list, err))
        return false;
    if (list.n > 1)
        return ambiguous(cli, word, &list, err);
    if (list.n == 1) {
        *ret = list.items[0];
        return true;
    }
    struct open_store *store;
    if (!absent_ok) {
        /* An id that would leave the store is refused, not merely absent. */
        struct err why = {0};
        if (store_for_new(cli, word, &store, NULL) && !store_check_id(store->store, name, &why) &&
            why.kind == ERR_REFUSED) {
            *err = why;
            return false;
        }
        err_set(err, ERR_NOT_FOUND, "%s %s: there is none", cli->system->noun, word);
        struct str glob = arena_printf(&cli->arena, "*%s*", word);
        return err_hint(err, "what is called so: penstock %s list --pattern %.*s",
                        cli->system->noun, STR_ARG(shell_quote(&cli->arena, glob)));
    }
    if (!store_for_new(cli, word, &store, err) || !store_check_id(store->store, name, err))
        return false;
    *ret = (struct choice){.store = store,
                           .row = {.id = name,
                                   .label = name,
                                   .bytes = -1,
                                   .updated_at_us = TIME_UNKNOWN,
                                   .expires_at_us = TIME_UNKNOWN}};
    return true;
}

/* --from: one id a line, or NUL-separated. Empty lines are passed over. */
static bool read_names(struct cli *cli, const char ***ret, size_t *ret_n, struct err *err)
{
    struct str text;
    char end = cli->opts.nul ? '\0' : '\n';
    if (!cli_read_file(cli, cli->opts.from, 64 << 20, &text, err))
        return false;
    size_t most = 1, n = 0;
    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == end;
    const char **names = arena_array(&cli->arena, const char *, most);
    while (text.len) {
        ptrdiff_t at = str_index(text, end);
        struct str name = at < 0 ? text : str_sub(text, 0, (size_t)at);
        text = at < 0 ? STR("") : str_sub(text, (size_t)at + 1, text.len);
        if (end == '\n' && str_ends(name, "\r"))
            name.len--;
        if (name.len && memchr(name.ptr, '\0', name.len))
            name = output_id_base64(&cli->arena, name);
        if (name.len)
            names[n++] = arena_cstr(&cli->arena, name);
    }
    *ret = names;
    *ret_n = n;
    return true;
}

/* --- chosen by what they are ----------------------------------------------------------------- */

static bool is_bad_status(struct str status)
{
    return str_is(status, "errored") || str_is(status, "failed");
}

/* Of a page, which lies in `a`. The phase of the scan where it has one, else the status that the
 * document gives. */
static bool add_matching(struct cli *cli, struct open_store *store, struct row *rows, size_t n,
                         struct choices *list, struct arena *a, struct err *err)
{
    const char *phase = cli_value(cli, "phase");
    bool errored = cli_flag(cli, "errored"), all_phases = true;
    struct listing_page page = {0};
    n = select_passing(cli, rows, n);
    for (size_t i = 0; i < n; i++)
        all_phases = all_phases && rows[i].phase.ptr;
    struct call call = cli_call(cli);
    if ((phase || errored) && !all_phases &&
        !listing_fill(store->store, &cli->system->sheets[0], rows, n, LIST_VALUES, clock_now_us(),
                      &call, a, &page, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct str status = rows[i].phase.ptr || !page.status ? rows[i].phase : page.status[i];
        if ((errored && !is_bad_status(status)) || (phase && !str_is(status, phase)))
            continue;
        add_choice(list, &(struct choice){store, row_copy(list->arena, &rows[i])});
    }
    return true;
}

static bool scan_store(struct cli *cli, struct open_store *store, struct choices *list,
                       struct err *err)
{
    struct scan *scan;
    struct call call = cli_call(cli);
    bool ok = store_scan_open(store->store, &call, &scan, err), more = ok;
    if (!ok)
        return false;
    while (more) {
        struct arena page = ARENA_INIT;
        struct row *rows;
        size_t n = 0;
        call = cli_call(cli);
        ok = store_scan_next(scan, &call, &page, PAGE, &rows, &n, err) &&
             add_matching(cli, store, rows, n, list, &page, err);
        more = ok && n;
        arena_release(&page);
    }
    store_scan_close(scan);
    return ok;
}

/* --errored and --all never reach into several pipelines unasked. */
static bool one_pipeline(struct cli *cli, const struct choices *list, struct err *err)
{
    bool asked = cli_flag(cli, "errored") || cli_flag(cli, "all");
    for (size_t i = 1; asked && i < list->n; i++) {
        struct str first = pipeline_of(list->items[0].row.id);
        struct str other = pipeline_of(list->items[i].row.id);
        if (cli->system != &system_etl || str_eq(first, other))
            continue;
        err_set(err, ERR_INVALID, "tables of several pipelines match: %.*s, %.*s", STR_ARG(first),
                STR_ARG(other));
        return err_hint(err, "choose one with --pipeline N");
    }
    return true;
}

static bool one_store(struct cli *cli, const struct choices *list, struct err *err)
{
    for (size_t i = 1; i < list->n; i++) {
        if (list->items[i].store == list->items[0].store)
            continue;
        err_set(err, ERR_INVALID, "records in more than one store: %s, %s",
                cli_store_name(list->items[0].store), cli_store_name(list->items[i].store));
        return err_hint(err, "a change acts on one store: name it with -t");
    }
    return true;
}

bool select_every(struct cli *cli, struct choice **ret, size_t *ret_n, struct err *err)
{
    struct choices list = {.arena = &cli->arena};
    for (size_t i = 0; i < cli->nstores; i++) {
        if (store_system(cli->stores[i].store) == cli->system &&
            !scan_store(cli, &cli->stores[i], &list, err))
            return false;
    }
    if (!one_store(cli, &list, err))
        return false;
    *ret = list.items;
    *ret_n = list.n;
    return true;
}

bool select_records(struct cli *cli, size_t nwords, bool absent_ok, struct choice **ret,
                    size_t *ret_n, struct err *err)
{
    struct choices list = {.arena = &cli->arena};
    const char **names = cli->words;
    size_t nnames = nwords;
    bool filtered = select_has_filter(cli);
    if (filtered + (nwords > 0) + (cli->opts.from != NULL) > 1)
        return err_set(err, ERR_INVALID,
                       "name records, or read them with --from, or select them: one of these");
    if (cli->opts.from && !read_names(cli, &names, &nnames, err))
        return false;
    if (nnames > MOST_NAMED)
        return err_set(err, ERR_INVALID, "%zu names are more than %d", nnames, MOST_NAMED);
    for (size_t i = 0; i < nnames; i++) {
        struct choice one;
        if (!select_one(cli, names[i], absent_ok, &one, err))
            return false;
        add_choice(&list, &one);
    }
    drop_repeated(&list);
    for (size_t i = 0; filtered && i < cli->nstores; i++) {
        if (store_system(cli->stores[i].store) == cli->system &&
            !scan_store(cli, &cli->stores[i], &list, err))
            return false;
    }
    if (cli->command->changes && (!one_pipeline(cli, &list, err) || !one_store(cli, &list, err)))
        return false;
    *ret = list.items;
    *ret_n = list.n;
    return true;
}
