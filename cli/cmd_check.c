/* check: findings over all targets, worst first. */
#include "cli/commands.h"
#include "cli/findings.h"
#include "core/acks.h"
#include "core/audit.h"
#include "core/base/clock.h"
#include "core/output.h"

#include <string.h>

const struct op_option check_options[] = {
    {.name = "exit-code", .kind = OPTION_FLAG, .help = "exit 10 when there is an error"},
    {.name = "fail-on",
     .kind = OPTION_VALUE,
     .metavar = "SEVERITY",
     .help = "exit 10 from this severity on: error, warning, info"},
    {.name = "all", .kind = OPTION_FLAG, .help = "acknowledged ones too"},
    {0},
};

static bool read_threshold(const struct cli *cli, int *ret, struct err *err)
{
    const char *fail_on = cli_value(cli, "fail-on");
    *ret = cli_flag(cli, "exit-code") ? SEVERITY_ERROR : -1;
    for (int i = 0; fail_on && i <= SEVERITY_INFO; i++) {
        if (strcmp(fail_on, severity_names[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return !fail_on || err_set(err, ERR_INVALID, "--fail-on %s: error, warning or info", fail_on);
}

static bool finish_check(struct cli *cli, size_t shown, size_t hidden, int worst, int threshold)
{
    if (hidden)
        cli_note(cli, "%zu acknowledged; check --all shows %s", hidden,
                 hidden == 1 ? "it" : "them");
    if (!shown && !cli->exit_code && cli->print.output == OUTPUT_TABLE)
        cli_note(cli, hidden ? "nothing else found" : "nothing found");
    if (worst >= 0 && worst <= threshold && !cli->exit_code)
        cli->exit_code = 10;
    return true;
}

bool cmd_check(struct cli *cli, struct err *err)
{
    struct finding_row *rows;
    size_t n, hidden = 0;
    int threshold, worst = -1; /* acknowledged ones fail nothing */
    if (cli->nwords)
        return err_set(err, ERR_INVALID, "check takes no words");
    if (!read_threshold(cli, &threshold, err) || !cli_open(cli, NULL, CLI_READ, err) ||
        !findings_collect(cli, &rows, &n, err))
        return false;
    struct print *print = print_new(&cli->print, finding_columns, FINDING_COLUMNS, FINDING_ID);
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].acknowledged && worst < 0)
            worst = (int)rows[i].severity;
        if (rows[i].acknowledged && !cli_flag(cli, "all"))
            hidden++;
        else
            print_row(print, rows[i].cells);
    }
    print_page(print);
    print_free(print);
    return finish_check(cli, n - hidden, hidden, worst, threshold);
}

/* --- ack ------------------------------------------------------------------------------------- */

const struct op_option ack_options[] = {
    {.name = "for",
     .kind = OPTION_VALUE,
     .metavar = "SPAN",
     .needed = true,
     .help = "how long it is known: 12h, 7d"},
    {0},
};

bool cmd_check_ack(struct cli *cli, struct err *err)
{
    struct finding_row *rows;
    size_t n, at = 0;
    int64_t span;
    const char *text = cli_value(cli, "for");
    if (cli->nwords != 1 || !text)
        return err_set(err, ERR_INVALID, "usage: penstock check ack ID --for SPAN");
    if (!time_span_parse(str_of(text), &span) || span <= 0)
        return err_set(err, ERR_INVALID, "--for '%s': a span like 12h or 7d", text);
    if (!cli_open(cli, NULL, CLI_READ, err) || !findings_collect(cli, &rows, &n, err))
        return false;
    while (at < n && !str_is(rows[at].cells[FINDING_ID].text, cli->words[0]))
        at++;
    if (at == n) {
        err_set(err, ERR_NOT_FOUND, "finding %s: nothing that is found here now", cli->words[0]);
        return err_hint(err, "penstock check -o tsv prints the ids");
    }
    char who[256];
    struct str path = config_state_path(&cli->arena, "acks.json");
    struct str audit = config_state_path(&cli->arena, "audit.jsonl");
    struct ack ack = {.id = cli->words[0], .at_us = clock_now_us(), .who = who};
    ack.until_us = ack.at_us + span;
    ack.reason = str_of(cli->opts.reason);
    struct acked what = {.code = arena_cstr(&cli->arena, rows[at].cells[FINDING_CODE].text),
                         .store = rows[at].cells[FINDING_STORE].text,
                         .object = rows[at].cells[FINDING_OBJECT].text};
    audit_who(who);
    if (!audit_open(audit.ptr, &cli->audit, err) ||
        !acks_take(path.ptr, cli->audit, &ack, &what, err))
        return false;
    cli_note(cli, "acknowledged until %.*s: %.*s", STR_ARG(time_rfc3339(&cli->arena, ack.until_us)),
             STR_ARG(rows[at].cells[FINDING_TEXT].text));
    return true;
}
