/* report: Markdown for a hand-over or a post-mortem: what is wrong, what was changed and why, what
 * is not in effect yet. */
#include "cli/commands.h"
#include "cli/findings.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/output.h"

#include <string.h>

/* Text from a store as Markdown shows it: clean, in one line, nothing in it a mark of its own. */
static void put_text(struct cli *cli, struct str text)
{
    struct arena a = ARENA_INIT;
    struct str clean = text_clean(&a, text, 0);
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.ptr[i] != '\0' && strchr("\\`*_{}[]<>#|~", clean.ptr[i]))
            fputc('\\', cli->print.out);
        fputc(clean.ptr[i], cli->print.out);
    }
    arena_release(&a);
}

static void put_time(struct cli *cli, int64_t us)
{
    struct arena a = ARENA_INIT;
    struct str text = time_text(&a, us);
    fprintf(cli->print.out, "%.*s", STR_ARG(text));
    arena_release(&a);
}

/* A command as code: the fence is longer than any run of backquotes in it. */
static void put_code(struct cli *cli, struct str text)
{
    struct arena a = ARENA_INIT;
    struct str clean = text_clean(&a, text, 0);
    int longest = 0, run = 0;
    for (size_t i = 0; i < clean.len; i++) {
        run = clean.ptr[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    const char *pad = longest ? " " : "";
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i <= longest; i++)
            fputc('`', cli->print.out);
        if (side == 0)
            fprintf(cli->print.out, "%s%.*s%s", pad, STR_ARG(clean), pad);
    }
    arena_release(&a);
}

static void put_findings(struct cli *cli, const struct finding_row *rows, size_t n)
{
    FILE *out = cli->print.out;
    fprintf(out, "\n## Findings\n\n");
    if (!n)
        fprintf(out, "Nothing is found wrong now.\n");
    for (size_t i = 0; i < n; i++) {
        const struct cell *cells = rows[i].cells;
        fprintf(out, "- **%s** ", severity_names[rows[i].severity]);
        put_text(cli, cells[FINDING_OBJECT].text);
        fprintf(out, ": ");
        put_text(cli, cells[FINDING_TEXT].text);
        fprintf(out, " (");
        put_text(cli, cells[FINDING_TARGET].text);
        fprintf(out, ")");
        if (rows[i].acknowledged) {
            fprintf(out, ", acknowledged until ");
            put_time(cli, cells[FINDING_ACK].number);
        }
        fputc('\n', out);
        if (cells[FINDING_FIX].text.ptr) {
            fprintf(out, "  - ");
            put_code(cli, cells[FINDING_FIX].text);
            fputc('\n', out);
        }
    }
}

static void put_item(struct cli *cli, const struct journal_item *item, bool waits)
{
    FILE *out = cli->print.out;
    fprintf(out, "- ");
    put_text(cli, item->label);
    fprintf(out, ": ");
    put_text(cli, item->before_text);
    fprintf(out, " → ");
    put_text(cli, item->after_text);
    fprintf(out, " — %s%s%s", outcome_name(item->outcome),
            item->outcome == OUTCOME_APPLIED && item->verified ? ", verified" : "",
            item->undone ? ", undone since" : "");
    if (item->detail.len) {
        fprintf(out, ": ");
        put_text(cli, item->detail);
    }
    if (item->outcome == OUTCOME_APPLIED && !item->undone && waits && item->waits_for.ptr) {
        fprintf(out, "; in effect only after: ");
        put_text(cli, item->waits_for);
    }
    fputc('\n', out);
}

static void put_entry(struct cli *cli, const struct journal_entry *entry)
{
    FILE *out = cli->print.out;
    fprintf(out, "\n### ");
    put_time(cli, entry->at_us);
    fprintf(out, " ");
    put_text(cli, entry->verb);
    fprintf(out, " by ");
    put_text(cli, entry->who);
    fprintf(out, "\n\nIn ");
    put_text(cli, entry->target);
    fprintf(out, " (");
    put_text(cli, entry->server);
    fprintf(out, "), journal %s, undo: %s.", entry->id, undo_scope_name(entry->undo));
    if (entry->reason.len) {
        fprintf(out, " Reason: ");
        put_text(cli, entry->reason);
    }
    fprintf(out, "\n\n");
    const struct system *system = system_by_name(entry->system);
    bool waits = !entry->undoes || entry->is_redo || !system || system->undo_waits;
    for (size_t i = 0; i < entry->nitems; i++)
        put_item(cli, &entry->items[i], waits);
}

/* The changes of these stores since then, oldest first, with their items. */
static bool load_changes(struct cli *cli, int64_t since_us, struct journal_entry **ret,
                         size_t *ret_n, struct err *err)
{
    struct journal_entry *all;
    size_t n;
    *ret_n = 0;
    if (!cli->journal)
        return true;
    if (!journal_list(cli->journal, &cli->arena, since_us, STR_NULL, &all, &n, err))
        return false;
    *ret = arena_array(&cli->arena, struct journal_entry, n);
    for (size_t i = n; i-- > 0;) {
        if (cli_has_store(cli, all[i].store) &&
            !journal_load(cli->journal, &cli->arena, str_of(all[i].id), &(*ret)[(*ret_n)++], err))
            return false;
    }
    return true;
}

static bool report_json(struct cli *cli, int64_t since_us, const struct finding_row *rows,
                        size_t nrows, const struct journal_entry *entries, size_t n)
{
    json_t *o = json_object(), *findings = json_array(), *changes = json_array();
    for (size_t i = 0; i < nrows; i++)
        json_array_append_new(
            findings, print_row_json(finding_columns, FINDING_COLUMNS, FINDING_ID, rows[i].cells));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(changes, journal_entry_json(&entries[i], STR_NULL));
    json_object_set_new(o, "since", output_time(since_us));
    json_object_set_new(o, "at", output_time(clock_now_us()));
    json_object_set_new(o, "findings", findings);
    json_object_set_new(o, "changes", changes);
    return print_json(cli->print.out, o);
}

bool cmd_report(struct cli *cli, struct err *err)
{
    struct finding_row *rows;
    struct journal_entry *entries = NULL;
    size_t nrows, n;
    int64_t since_us;
    bool there;
    if (cli->nwords || !cli_value(cli, "since"))
        return err_set(err, ERR_INVALID, "usage: penstock report --since T");
    if (!since_of(cli, &since_us, err) || !cli_open(cli, NULL, CLI_READ, err) ||
        !journal_open_to_look(cli, &there, err) ||
        !load_changes(cli, since_us, &entries, &n, err) ||
        !findings_collect(cli, &rows, &nrows, err))
        return false;
    if (cli->print.output == OUTPUT_JSON)
        return report_json(cli, since_us, rows, nrows, entries, n);
    FILE *out = cli->print.out;
    fprintf(out, "# penstock report\n\nMade ");
    put_time(cli, clock_now_us());
    fprintf(out, ", changes since ");
    put_time(cli, since_us);
    fprintf(out, ".\n\nStores:\n\n");
    for (size_t i = 0; i < cli->nstores; i++) {
        const struct open_store *open = &cli->stores[i];
        fprintf(out, "- %s ",
                open->target.env == ENV_PROD ? "PROD" : environment_name(open->target.env));
        put_text(cli, str_of(cli_store_name(open)));
        fprintf(out, " (");
        put_text(cli, store_info(open->store)->server);
        fprintf(out, ")\n");
    }
    put_findings(cli, rows, nrows);
    fprintf(out, "\n## Changes\n");
    if (!n)
        fprintf(out, "\nNothing was changed by penstock on this machine.\n");
    for (size_t i = 0; i < n; i++)
        put_entry(cli, &entries[i]);
    return true;
}
