/* The journal and the audit file: what was done, and taking it back. */
#include "cli/commands.h"

#include "core/own_sheets.h"

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

bool journal_open_to_change(struct cli *cli, struct err *err)
{
    struct str path = config_state_path(&cli->arena, "journal.db");
    return cli->opts.dry_run ? journal_open(path.ptr, true, &cli->journal, err)
                             : cli_open_journal(cli, err);
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
    struct print *print = print_new(&cli->print, entry_sheet.columns, ENTRY_COLUMNS, 0);
    for (size_t i = 0; i < n && !(cli->opts.limit && i >= cli->opts.limit); i++) {
        struct cell cells[ENTRY_COLUMNS];
        if (entries[i].at_us < since_us)
            continue;
        entry_cells(&entries[i], entry_id_of_number(entries, n, entries[i].undone_by), &cli->arena,
                    cells);
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    return true;
}

/* --- show ------------------------------------------------------------------------------------ */

json_t *journal_entry_json(const struct journal_entry *entry, struct str undone_by)
{
    struct arena arena = ARENA_INIT;
    struct cell cells[ENTRY_COLUMNS];
    entry_cells(entry, undone_by, &arena, cells);
    json_t *o = print_row_json(entry_sheet.columns, ENTRY_COLUMNS, 0, cells), *list = json_array();
    for (size_t i = 0; i < entry->nitems; i++) {
        struct cell own[ITEM_COLUMNS];
        item_cells(&entry->items[i], own);
        json_array_append_new(list, print_row_json(item_sheet.columns, ITEM_COLUMNS, ITEM_ID, own));
    }
    json_object_set_new(o, "items", list);
    arena_release(&arena);
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
    *ret_undone = entry_id_of_number(all, n, ret->undone_by);
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
        entry_cells(&entry, undone_by, &cli->arena, cells);
        struct print *head = print_new(&cli->print, entry_sheet.columns, ENTRY_COLUMNS, 0);
        print_row(head, cells);
        print_page(head);
        print_free(head);
        putchar('\n');
    }
    struct print *print = print_new(&cli->print, item_sheet.columns, ITEM_COLUMNS, ITEM_ID);
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

static void print_audit(struct cli *cli, json_t *lines)
{
    struct print *print = print_new(&cli->print, audit_sheet.columns, AUDIT_COLUMNS, AUDIT_OBJECT);
    const bool *folded = audit_folded(&cli->arena, lines);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        json_t *line = json_array_get(lines, i);
        struct cell cells[AUDIT_COLUMNS];
        if (folded[i])
            continue;
        if (cli->print.output == OUTPUT_JSON) {
            print_json(stdout, json_incref(line));
            continue;
        }
        audit_cells(line, cells);
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
