#include "cli/cli.h"

#include "core/base/text.h"
#include "core/output.h"

#include <stdarg.h>
#include <string.h>

static void report_json(const struct err *err)
{
    json_t *body = json_object(), *line = json_object();
    json_object_set_new(body, "kind", json_string(err_kind_name(err->kind)));
    json_object_set_new(body, "message", output_text(str_of(err->text)));
    json_object_set_new(body, "hint", output_text(err->hint[0] ? str_of(err->hint) : STR_NULL));
    json_object_set_new(line, "error", body);
    print_json(stderr, line);
}

/* Errors may name stored ids: they are cleaned like everything else on its way to a terminal. */
void cli_report(const struct cli *cli, const struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str text = address_mask(&arena, str_of(err->text));
    struct err masked = *err;
    snprintf(masked.text, sizeof masked.text, "%.*s", STR_ARG(text));
    text = text_clean(&arena, text, cli->opts.ascii ? CLEAN_ASCII : 0);
    fprintf(stderr, "penstock: %.*s\n", STR_ARG(text));
    if (err->hint[0]) {
        struct str hint = text_clean(&arena, str_of(err->hint), cli->opts.ascii ? CLEAN_ASCII : 0);
        fprintf(stderr, "hint: %.*s\n", STR_ARG(hint));
    }
    if (cli->opts.output == OUTPUT_JSON)
        report_json(&masked);
    arena_release(&arena);
}

void cli_report_on(struct cli *cli, const struct err *err)
{
    cli_report(cli, err);
    if (!cli->exit_code)
        cli->exit_code = err_kind_exit(err->kind);
}

struct err cli_problem(const struct err *problem, struct str label)
{
    struct err err = *problem;
    if (err.kind != ERR_NONE)
        err_context(&err, "%.*s", STR_ARG(label));
    return err;
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
    struct arena arena = ARENA_INIT;
    va_list ap;
    va_start(ap, fmt);
    struct str text = arena_vprintf(&arena, fmt, ap);
    va_end(ap);
    text = text_clean(&arena, text, cli->opts.ascii ? CLEAN_ASCII : 0);
    fprintf(stderr, "%.*s\n", STR_ARG(text));
    arena_release(&arena);
}
