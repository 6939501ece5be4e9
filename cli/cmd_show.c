/* One record: for people, as its document, and compared. */
#include "cli/commands.h"

#include "core/base/text.h"
#include "core/json.h"
#include "core/listing.h"
#include "core/output.h"
#include "core/systems/meltano/state.h"

#include <string.h>

enum { DIFF_MOST = 10000 };

static bool one_word(struct cli *cli, struct err *err)
{
    if (cli->nwords == 1)
        return true;
    return err_set(err, ERR_INVALID, "%s %s wants one id", cli->noun, cli->verb);
}

/* --- show ------------------------------------------------------------------------------------ */

static void show_lines(struct cli *cli, const struct record_view *view, struct str (*lines)[2],
                       size_t n)
{
    struct arena *a = &cli->arena;
    int width = 0;
    for (size_t i = 0; i < n; i++) {
        int w = text_width(lines[i][0]);
        width = w > width ? w : width;
    }
    struct str label = print_clean(&cli->print, a, view->row.label, false);
    struct str id = print_clean(&cli->print, a, view->row.id, false);
    printf("%.*s", STR_ARG(label));
    if (!str_eq(view->row.id, view->row.label))
        printf("   %.*s", STR_ARG(id));
    putchar('\n');
    for (size_t i = 0; i < n; i++) {
        struct str name = print_clean(&cli->print, a, lines[i][0], false);
        struct str rest = print_clean(&cli->print, a, lines[i][1], true);
        while (true) { /* further lines of a text stand under its first */
            ptrdiff_t end = str_index(rest, '\n');
            struct str line = end < 0 ? rest : str_sub(rest, 0, (size_t)end);
            printf("  %.*s%*s  %.*s\n", STR_ARG(name), width - text_width(name), "", STR_ARG(line));
            if (end < 0)
                break;
            rest = str_sub(rest, (size_t)end + 1, rest.len);
            name = STR("");
        }
    }
}

bool cmd_show(struct cli *cli, struct err *err)
{
    struct choice chosen;
    struct record_view view;
    struct str(*lines)[2];
    if (!one_word(cli, err) || !cli_open(cli, cli->system, CLI_READ, err) ||
        !select_one(cli, cli->words[0], false, &chosen, err))
        return false;
    struct call call = cli_call(cli);
    if (!record_view_read(chosen.store->store, chosen.row.id, 0, &call, &cli->arena, &view, err))
        return false;
    if (view.item.err.kind != ERR_NONE) {
        *err = view.item.err;
        return false;
    }
    const struct sheet *sheet = &cli->system->sheets[0];
    if (cli->print.output != OUTPUT_TABLE) {
        struct print *print = print_new(&cli->print, sheet->columns, sheet->ncolumns, 0);
        print_row(print, sheet->fill(sheet, &view.input)->cells);
        print_page(print);
        print_free(print);
        return true;
    }
    if (!cli->system->show)
        return err_set(err, ERR_UNSUPPORTED, "a %s has no picture; 'get' prints it", cli->noun);
    size_t n = cli->system->show(&view.input, &lines);
    show_lines(cli, &view, lines, n);
    return true;
}

/* --- get ------------------------------------------------------------------------------------- */

const struct op_option get_options[] = {
    {.name = "part",
     .kind = OPTION_VALUE,
     .metavar = "PART",
     .help = "one part; state: merged (default), completed, partial, raw"},
    {.name = "at", .kind = OPTION_VALUE, .metavar = "POINTER", .help = "a JSON pointer into it"},
    {.name = "format", .kind = OPTION_VALUE, .metavar = "json|pretty", .help = "json is one line"},
    {0},
};

/* What the next run is given (meltano.md 2.1). */
static const struct value *merged_state(struct cli *cli, const struct value *root, struct err *err)
{
    struct meltano_state state;
    meltano_state_of(root, &cli->arena, &state);
    if (state.merged)
        return state.merged;
    if (state.conflict.ptr) {
        err_set(err, ERR_CORRUPT, "%s: partial and completed have different types at %.*s",
                cli->words[0], STR_ARG(state.conflict));
        err_hint(err, "--part completed, partial or raw print what is there");
    } else {
        err_set(err, ERR_CORRUPT, "%s: completed and partial are not both objects", cli->words[0]);
        err_hint(err, "--part raw prints what is there");
    }
    return NULL;
}

static bool part_of(struct cli *cli, const struct value *root, const struct value **ret,
                    struct err *err)
{
    const char *part = cli_value(cli, "part");
    const struct system *system = cli->system;
    bool is_state = system == &system_meltano;
    if ((!part && !is_state) || (part && strcmp(part, "raw") == 0)) {
        *ret = root;
        return true;
    }
    if (is_state && (!part || strcmp(part, "merged") == 0)) {
        *ret = merged_state(cli, root, err);
        return *ret != NULL;
    }
    for (size_t i = 0; i < system->nparts; i++) {
        if (strcmp(part, system->parts[i]) != 0)
            continue;
        *ret = document_part(system, root, i);
        return *ret || err_set(err, ERR_NOT_FOUND, "%s has no %s", cli->words[0], part);
    }
    return err_set(err, ERR_INVALID, "--part %s: a %s has no such part", part, system->noun);
}

static bool read_document(struct cli *cli, const char *word, struct document *ret, struct err *err)
{
    struct choice chosen;
    struct read_item item;
    if (!select_one(cli, word, false, &chosen, err))
        return false;
    struct call call = cli_call(cli);
    if (!store_read(chosen.store->store, &chosen.row.id, 1, 0, &call, &cli->arena, &item, err))
        return false;
    if (item.err.kind == ERR_NONE && item.doc.absent)
        err_set(&item.err, ERR_NOT_FOUND, "%s %s: there is none", cli->noun, word);
    if (item.err.kind == ERR_NONE && item.doc.truncated)
        err_set(&item.err, ERR_UNSUPPORTED, "%s %s: %llu bytes, too large to be read whole",
                cli->noun, word, (unsigned long long)item.doc.bytes);
    if (item.err.kind == ERR_NONE && !item.doc.root)
        item.err = cli_problem(&item.doc.problem, str_of(word));
    if (item.err.kind != ERR_NONE) {
        *err = item.err;
        return false;
    }
    *ret = item.doc;
    return true;
}

static bool print_value(const struct value *v, enum json_style style, struct err *err)
{
    struct sbuf out = SBUF_INIT;
    bool ok = json_write_python(&out, v, style, err);
    if (ok) {
        sbuf_char(&out, '\n');
        fwrite(out.ptr, 1, out.len, stdout);
    }
    sbuf_release(&out);
    return ok;
}

bool cmd_get(struct cli *cli, struct err *err)
{
    struct document doc;
    const struct value *v;
    const char *at = cli_value(cli, "at"), *format = cli_value(cli, "format");
    bool pretty = format && strcmp(format, "pretty") == 0;
    if (format && !pretty && strcmp(format, "json") != 0)
        return err_set(err, ERR_INVALID, "--format %s: json or pretty", format);
    if (!one_word(cli, err) || !cli_open(cli, cli->system, CLI_READ, err) ||
        !read_document(cli, cli->words[0], &doc, err) || !part_of(cli, doc.root, &v, err) ||
        (cli->system->get && !cli->system->get(&cli->args, v, &v, err)))
        return false;
    if (at && !value_pointer_get(v, str_of(at), &v, err))
        return false;
    /* `meltano state get` prints without blanks, what is stored has them (meltano.md 2.2). */
    const char *part = cli_value(cli, "part");
    bool dense = cli->system == &system_meltano && (!part || strcmp(part, "merged") == 0);
    return print_value(v, pretty ? JSON_PRETTY : dense ? JSON_DENSE : JSON_PYTHON, err);
}

/* What the tap of the next run is handed (meltano.md 2.1). */
bool cmd_next(struct cli *cli, struct err *err)
{
    struct document doc;
    if (!one_word(cli, err) || !cli_open(cli, cli->system, CLI_READ, err) ||
        !read_document(cli, cli->words[0], &doc, err))
        return false;
    const struct value *merged = merged_state(cli, doc.root, err);
    if (!merged)
        return false;
    const struct value *state = value_get(merged, "singer_state");
    if (state && value_truth(state))
        return print_value(state, JSON_PRETTY, err);
    cli_note(cli, "no state: the next run imports everything");
    return true;
}

/* --- diff ------------------------------------------------------------------------------------ */

const struct op_option diff_options[] = {
    {.name = "with",
     .kind = OPTION_VALUE,
     .metavar = "JOURNAL_ID",
     .help = "what it was before that change"},
    {0},
};

/* The document as it was before a journalled change: of the entry named, or of the newest one. */
static bool journal_document(struct cli *cli, const struct choice *chosen, const char *entry_id,
                             struct document *ret, struct err *err)
{
    struct journal_entry *entries, entry;
    struct store *store = chosen->store->store;
    size_t n = 0;
    struct str path = config_state_path(&cli->arena, "journal.db");
    if (!cli->journal && !journal_open(path.ptr, true, &cli->journal, err))
        return false;
    if (!entry_id &&
        !journal_list(cli->journal, &cli->arena, 0, store_info(store)->identity, &entries, &n, err))
        return false;
    for (size_t i = 0; i < n || entry_id; i++) {
        const char *id = entry_id ? entry_id : entries[i].id;
        if (!journal_load(cli->journal, &cli->arena, str_of(id), &entry, err))
            return false;
        for (size_t k = 0; k < entry.nitems; k++) {
            const struct journal_item *item = &entry.items[k];
            if (!str_eq(item->id, chosen->row.id) ||
                !str_eq(item->store, store_info(store)->identity))
                continue;
            if (!item->before_absent)
                return store_decode(store, item->id, item->before_image, &cli->arena, ret, err);
            *ret = (struct document){.id = item->id, .label = item->label, .absent = true};
            return true;
        }
        if (entry_id)
            return err_set(err, ERR_NOT_FOUND, "journal entry %s does not hold %.*s", entry_id,
                           STR_ARG(chosen->row.id));
    }
    err_set(err, ERR_NOT_FOUND, "the journal holds no change of %.*s", STR_ARG(chosen->row.id));
    return err_hint(err, "name a second record, or a journal entry with --with");
}

static bool diff_sides(struct cli *cli, struct document *before, struct document *after,
                       struct err *err)
{
    struct choice chosen;
    if (cli->nwords == 2)
        return read_document(cli, cli->words[0], before, err) &&
               read_document(cli, cli->words[1], after, err);
    return select_one(cli, cli->words[0], false, &chosen, err) &&
           journal_document(cli, &chosen, cli_value(cli, "with"), before, err) &&
           read_document(cli, cli->words[0], after, err);
}

bool cmd_diff(struct cli *cli, struct err *err)
{
    static const struct column columns[] = {
        {.name = "path", .title = "PATH", .type = CELL_TEXT, .keep = true},
        {.name = "old", .title = "OLD", .type = CELL_TEXT},
        {.name = "new", .title = "NEW", .type = CELL_TEXT},
    };
    enum { SHOWN = 200 };
    struct document before = {0}, after = {0};
    struct value_change *changes;
    bool more;
    if (cli->nwords < 1 || cli->nwords > 2 || (cli->nwords == 2 && cli_value(cli, "with")))
        return err_set(err, ERR_INVALID, "diff wants one id, and a second one or --with");
    if (!cli_open(cli, cli->system, CLI_READ, err) || !diff_sides(cli, &before, &after, err))
        return false;
    size_t n = value_diff(&cli->arena, before.root, after.root, DIFF_MOST, &changes, &more);
    struct print *print = print_new(&cli->print, columns, 3, 0);
    for (size_t i = 0; i < n; i++) {
        struct value_change *c = &changes[i];
        struct cell cells[] = {
            cell_text(c->path),
            cell_text(c->before ? value_repr(&cli->arena, c->before, SHOWN) : STR_NULL),
            cell_text(c->after ? value_repr(&cli->arena, c->after, SHOWN) : STR_NULL),
        };
        print_row(print, cells);
    }
    print_page(print);
    print_free(print);
    if (more)
        cli_note(cli, "and more");
    if (!n && cli->print.output == OUTPUT_TABLE)
        cli_note(cli, "no difference");
    return true;
}
