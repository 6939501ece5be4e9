/* The journal and the audit file: what was done, and taking it back. */
#include "cli/commands.h"

#include "core/output.h"

#include <stdlib.h>
#include <string.h>

const struct op_option since_options[] = {
    {.name = "since",
     .kind = OPTION_VALUE,
     .metavar = "T",
     .help = "a time (2026-11-20T03:00Z) or a span back from now (1h, 7d)"},
    {0},
};

const struct op_option older_options[] = {
    {.name = "older",
     .kind = OPTION_VALUE,
     .metavar = "T",
     .needed = true,
     .help = "a span (90d) or a time"},
    {0},
};

/* Also a moment without its seconds, and a day; all are UTC. */
static bool read_short_time(struct str text, int64_t *ret_us)
{
    static const char rest[] = "0000-00-00T00:00:00Z";
    enum { DAY = 10, MINUTE = 16 };
    char full[sizeof rest];
    if (text.len && text.ptr[text.len - 1] == 'Z')
        text.len--;
    if (text.len != DAY && text.len != MINUTE)
        return false;
    memcpy(full, rest, sizeof rest);
    memcpy(full, text.ptr, text.len);
    return time_parse(str_of(full), ret_us);
}

static bool read_moment(const char *text, int64_t *ret_us, struct err *err)
{
    int64_t span;
    if (time_span_parse(str_of(text), &span)) {
        *ret_us = clock_now_us() - span;
        return true;
    }
    return time_parse(str_of(text), ret_us) || read_short_time(str_of(text), ret_us) ||
           err_set(err, ERR_INVALID, "'%s' is neither a time nor a span like 1h or 7d", text);
}

bool since_of(const struct cli *cli, int64_t *ret_us, struct err *err)
{
    const char *since = cli_value(cli, "since");
    *ret_us = 0;
    return !since || read_moment(since, ret_us, err);
}

bool journal_open_to_look(struct cli *cli, bool *ret_there, struct err *err)
{
    struct err why = {0};
    struct str path = config_state_path(&cli->arena, "journal.db");
    *ret_there = journal_open(path.ptr, true, &cli->journal, &why);
    if (*ret_there || why.kind == ERR_NOT_FOUND)
        return true;
    *err = why;
    return false;
}

/* What a crash cut short in the targets that were named is settled before it is shown: its records
 * are read, and the journal says what they hold. A target out of reach leaves it as it is. */
static bool settle_named(struct cli *cli, struct err *err)
{
    struct journal_entry *entries;
    size_t n, cut_short = 0;
    struct err why;
    if (!journal_list(cli->journal, &cli->arena, 0, STR_NULL, &entries, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        cut_short += entries[i].intended > 0;
    if (!cut_short)
        return true;
    if (!cli->opts.ntargets && !getenv("PENSTOCK_TARGET")) {
        cli_note(cli,
                 "note: not finished, or cut short; penstock -t TARGET journal list says which");
        return true;
    }
    journal_close(cli->journal);
    cli->journal = NULL;
    if (cli_open(cli, NULL, CLI_READ, &why) && cli_open_journal(cli, &why))
        return true;
    cli_report_on(cli, &why);
    bool there;
    return cli->journal || journal_open_to_look(cli, &there, err);
}

/* --- list ------------------------------------------------------------------------------------ */

static const struct column entry_columns[] = {
    {.name = "id", .title = "ID", .type = CELL_TEXT, .keep = true},
    {.name = "at", .title = "AGE", .type = CELL_TIME, .keep = true},
    {.name = "who", .title = "WHO", .type = CELL_TEXT},
    {.name = "target", .title = "TARGET", .type = CELL_TEXT},
    {.name = "verb", .title = "VERB", .type = CELL_TEXT, .keep = true},
    {.name = "objects", .title = "OBJECTS", .type = CELL_INT},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT},
    {.name = "undoable", .title = NULL, .type = CELL_BOOL},
    {.name = "undo_scope", .title = "UNDO", .type = CELL_TEXT},
    {.name = "undone_by", .title = "UNDONE BY", .type = CELL_TEXT},
    {.name = "reason", .title = "REASON", .type = CELL_TEXT},
    {.name = "system", .title = NULL, .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "server", .title = NULL, .type = CELL_TEXT},
    {.name = "plan_id", .title = NULL, .type = CELL_TEXT},
};
enum { ENTRY_COLUMNS = sizeof entry_columns / sizeof entry_columns[0] };

static const char *entry_outcome(const struct journal_entry *e)
{
    if (e->intended)
        return "intended";
    if (e->applied == e->nitems)
        return "applied";
    return e->applied ? "partly" : "failed";
}

static bool is_undoable(const struct journal_entry *e)
{
    return e->applied && !e->intended && !e->undone_by && e->undo != UNDO_NONE;
}

/* The id of the entry with number n; STR_NULL when it is not among these. */
static struct str id_of_number(const struct journal_entry *entries, size_t n, int64_t number)
{
    for (size_t i = 0; number && i < n; i++) {
        if (entries[i].n == number)
            return str_of(entries[i].id);
    }
    return STR_NULL;
}

static void entry_cells(const struct journal_entry *e, struct str undone_by,
                        struct cell cells[ENTRY_COLUMNS])
{
    const struct cell own[ENTRY_COLUMNS] = {
        cell_text(str_of(e->id)),
        cell_time(e->at_us),
        cell_text(e->who),
        cell_text(e->target),
        cell_text(e->verb),
        cell_int((int64_t)e->nitems),
        cell_text(str_of(entry_outcome(e))),
        cell_bool(is_undoable(e)),
        cell_text(str_of(undo_scope_name(e->undo))),
        cell_text(undone_by),
        cell_text(e->reason.len ? e->reason : STR_NULL),
        cell_text(e->system),
        cell_text(e->store),
        cell_text(e->server),
        cell_text(str_of(e->plan_id)),
    };
    memcpy(cells, own, sizeof own);
}

bool cmd_journal_list(struct cli *cli, struct err *err)
{
    struct journal_entry *entries = NULL;
    size_t n = 0;
    int64_t since_us;
    bool there;
    if (!since_of(cli, &since_us, err) || !journal_open_to_look(cli, &there, err) ||
        (there && !settle_named(cli, err)) ||
        (there && !journal_list(cli->journal, &cli->arena, 0, STR_NULL, &entries, &n, err)))
        return false;
    struct print *print = print_new(&cli->print, entry_columns, ENTRY_COLUMNS, 0);
    for (size_t i = 0; i < n && !(cli->opts.limit && i >= cli->opts.limit); i++) {
        struct cell cells[ENTRY_COLUMNS];
        if (entries[i].at_us < since_us)
            continue;
        entry_cells(&entries[i], id_of_number(entries, n, entries[i].undone_by), cells);
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}

/* --- show ------------------------------------------------------------------------------------ */

static const struct column item_columns[] = {
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    {.name = "before", .title = "BEFORE", .type = CELL_TEXT},
    {.name = "after", .title = "AFTER", .type = CELL_TEXT},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT, .keep = true},
    {.name = "verified", .title = NULL, .type = CELL_BOOL},
    {.name = "undone", .title = "UNDONE", .type = CELL_BOOL},
    {.name = "detail", .title = "DETAIL", .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "id", .title = NULL, .type = CELL_TEXT},
};
enum { ITEM_COLUMNS = sizeof item_columns / sizeof item_columns[0], ITEM_ID = ITEM_COLUMNS - 1 };

static void item_cells(const struct journal_item *item, struct cell cells[ITEM_COLUMNS])
{
    const struct cell own[ITEM_COLUMNS] = {
        cell_text(item->label),      cell_text(item->before_text),
        cell_text(item->after_text), cell_text(str_of(outcome_name(item->outcome))),
        cell_bool(item->verified),   cell_bool(item->undone),
        cell_text(item->detail),     cell_text(item->store),
        cell_text(item->id),
    };
    memcpy(cells, own, sizeof own);
}

json_t *journal_entry_json(const struct journal_entry *entry, struct str undone_by)
{
    struct cell cells[ENTRY_COLUMNS];
    entry_cells(entry, undone_by, cells);
    json_t *o = print_row_json(entry_columns, ENTRY_COLUMNS, 0, cells), *list = json_array();
    for (size_t i = 0; i < entry->nitems; i++) {
        struct cell own[ITEM_COLUMNS];
        item_cells(&entry->items[i], own);
        json_array_append_new(list, print_row_json(item_columns, ITEM_COLUMNS, ITEM_ID, own));
    }
    json_object_set_new(o, "items", list);
    return o;
}

/* The whole journal is small: entries are found in its list. */
static bool load(struct cli *cli, const char *id, struct journal_entry *ret, struct str *ret_undone,
                 struct err *err)
{
    struct journal_entry *all;
    size_t n;
    if (!journal_load(cli->journal, &cli->arena, str_of(id), ret, err) ||
        !journal_list(cli->journal, &cli->arena, 0, STR_NULL, &all, &n, err))
        return false;
    *ret_undone = id_of_number(all, n, ret->undone_by);
    return true;
}

bool cmd_journal_show(struct cli *cli, struct err *err)
{
    struct journal_entry entry;
    struct str undone_by;
    bool there;
    if (cli->nwords != 1)
        return err_set(err, ERR_INVALID, "journal show wants one id");
    if (!journal_open_to_look(cli, &there, err))
        return false;
    if (!there)
        return err_set(err, ERR_NOT_FOUND, "journal entry %s: the journal is empty", cli->words[0]);
    if (!settle_named(cli, err) || !load(cli, cli->words[0], &entry, &undone_by, err))
        return false;
    if (cli->print.output == OUTPUT_JSON)
        return print_json(stdout, journal_entry_json(&entry, undone_by));
    if (cli->print.output == OUTPUT_TABLE) {
        struct cell cells[ENTRY_COLUMNS];
        entry_cells(&entry, undone_by, cells);
        struct print *head = print_new(&cli->print, entry_columns, ENTRY_COLUMNS, 0);
        print_row(head, cells);
        print_page(head);
        print_free(head);
        putchar('\n');
    }
    struct print *print = print_new(&cli->print, item_columns, ITEM_COLUMNS, ITEM_ID);
    for (size_t i = 0; i < entry.nitems; i++) {
        struct cell own[ITEM_COLUMNS];
        item_cells(&entry.items[i], own);
        print_row(print, own);
    }
    print_page(print);
    print_free(print);
    return true;
}

/* --- prune ----------------------------------------------------------------------------------- */

bool cmd_journal_prune(struct cli *cli, struct err *err)
{
    const char *older = cli_value(cli, "older");
    int64_t moment;
    size_t n;
    struct str path = config_state_path(&cli->arena, "journal.db");
    if (!older)
        return err_set(err, ERR_INVALID, "journal prune wants --older T");
    if (!read_moment(older, &moment, err))
        return false;
    if (!cli->opts.yes)
        return err_set(err, ERR_REFUSED, "what is pruned cannot be undone any more: --yes does it");
    if (!journal_open(path.ptr, false, &cli->journal, err) ||
        !journal_prune(cli->journal, moment, &n, err))
        return false;
    cli_note(cli, "%zu forgotten", n);
    return true;
}

/* --- audit ----------------------------------------------------------------------------------- */

static struct cell text_cell(json_t *line, const char *name)
{
    json_t *v = json_object_get(line, name);
    return json_is_string(v) ? cell_text((struct str){json_string_value(v), json_string_length(v)})
                             : cell_null();
}

/* A result stands for the intention in front of it; an intention alone was never finished. Marks
 * the intentions that have a result, going backwards. */
static bool *find_folded(struct arena *arena, json_t *lines)
{
    size_t n = json_array_size(lines);
    bool *folded = arena_array(arena, bool, n);
    json_t *results = json_object();
    for (size_t i = n; i-- > 0;) {
        json_t *line = json_array_get(lines, i);
        const char *step = json_string_value(json_object_get(line, "step"));
        const char *plan = json_string_value(json_object_get(line, "plan_id"));
        const char *store = json_string_value(json_object_get(line, "store"));
        const char *id = json_string_value(json_object_get(line, "id"));
        if (!step || !plan || !store || !id)
            continue;
        const char *key = arena_printf(arena, "%s %s %s", plan, store, id).ptr;
        if (strcmp(step, "result") == 0)
            json_object_set_new(results, key, json_true());
        else
            folded[i] = json_object_get(results, key) != NULL;
    }
    json_decref(results);
    return folded;
}

static void print_audit(struct cli *cli, json_t *lines)
{
    static const struct column columns[] = {
        {.name = "time", .title = "AGE", .type = CELL_TIME, .keep = true},
        {.name = "who", .title = "WHO", .type = CELL_TEXT},
        {.name = "context", .title = "TARGET", .type = CELL_TEXT},
        {.name = "verb", .title = "VERB", .type = CELL_TEXT, .keep = true},
        {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
        {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT, .keep = true},
        {.name = "reason", .title = "REASON", .type = CELL_TEXT},
        {.name = "plan_id", .title = NULL, .type = CELL_TEXT},
    };
    enum { N = sizeof columns / sizeof columns[0], NAME = 4 };
    struct print *print = print_new(&cli->print, columns, N, NAME);
    const bool *folded = find_folded(&cli->arena, lines);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        json_t *line = json_array_get(lines, i);
        struct cell cells[N];
        int64_t at = TIME_UNKNOWN;
        if (folded[i])
            continue;
        if (cli->print.output == OUTPUT_JSON) {
            print_json(stdout, json_incref(line));
            continue;
        }
        for (size_t k = 0; k < N; k++)
            cells[k] = text_cell(line, columns[k].name);
        if (cells[0].text.ptr)
            time_parse(cells[0].text, &at);
        cells[0] = cell_time(at);
        if (cells[5].type == CELL_NULL)
            cells[5] = text_cell(line, "step");
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
}

bool cmd_audit_list(struct cli *cli, struct err *err)
{
    int64_t since_us;
    json_t *lines;
    size_t bad;
    struct str path = config_state_path(&cli->arena, "audit.jsonl");
    if (!since_of(cli, &since_us, err) || !audit_read(path.ptr, since_us, &lines, &bad, err))
        return false;
    print_audit(cli, lines);
    json_decref(lines);
    if (bad)
        cli_note(cli, "%zu lines of %s could not be read", bad, path.ptr);
    return true;
}
