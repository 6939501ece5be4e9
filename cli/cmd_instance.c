/* One instance of a session: its columns, its chain, what it was given, why it failed. */
#include "cli/commands.h"

#include "core/base/text.h"
#include "core/json.h"
#include "core/listing.h"
#include "core/output.h"

#include <string.h>

static const struct sheet_row *find_row(const struct sheet_row *row, struct str name)
{
    while (row && !str_eq(row->key, name))
        row = row->next;
    return row;
}

/* A document's value inside our JSON is a string: its exact text (cli.md). */
static json_t *text_of(const struct value *v)
{
    struct sbuf out = SBUF_INIT;
    bool ok = v && json_write_python(&out, v, JSON_PYTHON, NULL);
    json_t *json = ok ? output_text(sbuf_view(&out)) : json_null();
    sbuf_release(&out);
    return json;
}

static void print_line(struct cli *cli, const char *name, struct str text)
{
    struct str clean = print_clean(&cli->print, &cli->arena, text, true);
    while (clean.len && clean.ptr[clean.len - 1] == '\n')
        clean.len--;
    while (true) { /* further lines of a text stand under its first */
        ptrdiff_t end = str_index(clean, '\n');
        struct str line = end < 0 ? clean : str_sub(clean, 0, (size_t)end);
        printf("  %-16s %.*s\n", name, STR_ARG(line));
        if (end < 0)
            return;
        clean = str_sub(clean, (size_t)end + 1, clean.len);
        name = "";
    }
}

bool cmd_instance(struct cli *cli, struct err *err)
{
    struct choice chosen;
    struct record_view view;
    if (cli->nwords != 2)
        return err_set(err, ERR_INVALID,
                       "session instance wants a uid and the name of an instance");
    if (!cli_open(cli, cli->system, CLI_READ, err) ||
        !select_one(cli, cli->words[0], false, &chosen, err))
        return false;
    struct call call = cli_call(cli);
    if (!record_view_read(chosen.store->store, chosen.row.id, 0, &call, &cli->arena, &view, err))
        return false;
    if (view.item.err.kind == ERR_NONE && !view.item.doc.root)
        view.item.err = cli_problem(&view.item.doc.problem, str_of(cli->words[0]));
    if (view.item.err.kind != ERR_NONE) {
        *err = view.item.err;
        return false;
    }
    const struct sheet *sheet = system_sheet(cli->system, "instances");
    struct str name = str_of(cli->words[1]);
    const struct sheet_row *row = find_row(sheet->fill(sheet, &view.input), name);
    const struct value *dict = value_get_str(value_get(view.item.doc.root, "instances"), name);
    if (!row || !dict)
        return err_set(err, ERR_NOT_FOUND, "session %s has no instance %s", cli->words[0],
                       cli->words[1]);
    const struct value *kwargs = value_get(dict, "kwargs"), *metadata = value_get(dict, "metadata");
    if (cli->print.output == OUTPUT_JSON) {
        json_t *o = print_row_json(sheet->columns, sheet->ncolumns, 1, row->cells);
        json_object_set_new(o, "kwargs", text_of(kwargs));
        json_object_set_new(o, "metadata", text_of(metadata));
        return print_json(stdout, o);
    }
    for (size_t i = 0; i < sheet->ncolumns; i++) {
        const struct cell *cell = &row->cells[i];
        if (cell->type == CELL_NULL || cell->type == CELL_UNKNOWN)
            continue;
        print_line(cli, sheet->columns[i].name,
                   cell_show(&cli->arena, cell, cell->type == CELL_TIME ? TIME_UNKNOWN : 0));
    }
    struct sbuf more = SBUF_INIT;
    sheet->more(&view.input, name, &more);
    struct str rest = print_clean(&cli->print, &cli->arena, sbuf_view(&more), true);
    sbuf_release(&more);
    while (rest.len) {
        ptrdiff_t end = str_index(rest, '\n');
        size_t n = end < 0 ? rest.len : (size_t)end;
        printf("  %.*s\n", (int)n, rest.ptr);
        rest = str_sub(rest, n + 1, rest.len);
    }
    return true;
}
