/* export, import: documents out of a store and into one, as one JSON object {"<id>": document, …},
 * which for states is what `meltano state export` and `import` speak (meltano.md 8). */
#include "cli/commands.h"

#include "core/json.h"
#include "core/json_span.h"
#include "core/output.h"

#include <string.h>

const struct op_option import_options[] = {
    {.name = "no-validate",
     .kind = OPTION_FLAG,
     .help = "take states as they are, also where runs would ignore them"},
    {0},
};

/* --- export ---------------------------------------------------------------------------------- */

enum { LOT = 200, FILE_LIMIT = 1 << 30 };

struct exporting {
    struct cli *cli;
    bool any;
};

/* Everything is turned into text before any of it is printed. */
static void export_one(struct exporting *x, const struct choice *chosen,
                       const struct read_item *item)
{
    struct arena arena = ARENA_INIT;
    struct sbuf text = SBUF_INIT;
    struct err why = item->err;
    if (why.kind == ERR_NONE && item->doc.absent)
        err_set(&why, ERR_NOT_FOUND, "%s %.*s: there is none", x->cli->noun,
                STR_ARG(chosen->row.label));
    else if (why.kind == ERR_NONE && !item->doc.root)
        why = item->doc.problem;
    if (why.kind == ERR_NONE) {
        struct str id = str_is_utf8(chosen->row.id) && !str_starts(chosen->row.id, "base64:")
                            ? chosen->row.id
                            : output_id_base64(&arena, chosen->row.id);
        json_quote(&text, id);
        sbuf_char(&text, ':');
        if (!json_write(&text, item->doc.root, JSON_DENSE, &why))
            err_hint(&why, "`%s copy %.*s DST --to ADDR` carries what JSON lacks", x->cli->noun,
                     STR_ARG(chosen->row.label));
    }
    if (why.kind == ERR_NONE) {
        printf("%s", x->any ? "," : "{");
        fwrite(text.ptr, 1, text.len, stdout);
        x->any = true;
    } else {
        err_context(&why, "%.*s: not exported", STR_ARG(chosen->row.label));
        cli_report_on(x->cli, &why);
    }
    sbuf_release(&text);
    arena_release(&arena);
}

static bool export_lot(struct exporting *x, const struct choice *chosen, size_t n, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str *ids = arena_array(&arena, struct str, n);
    struct read_item *items = arena_array(&arena, struct read_item, n);
    struct call call = cli_call(x->cli);
    for (size_t i = 0; i < n; i++)
        ids[i] = chosen[i].row.id;
    bool ok = store_read(chosen[0].store->store, ids, n, 0, &call, &arena, items, err);
    for (size_t i = 0; ok && i < n; i++)
        export_one(x, &chosen[i], &items[i]);
    arena_release(&arena);
    return ok;
}

bool cmd_export(struct cli *cli, struct err *err)
{
    struct exporting x = {.cli = cli};
    struct choice *chosen;
    size_t n;
    bool named = cli->nwords || cli->opts.from || select_has_filter(cli);
    if (!cli_open(cli, cli->system, CLI_READ, err) ||
        !(named ? select_records(cli, cli->nwords, false, &chosen, &n, err)
                : select_every(cli, &chosen, &n, err)))
        return false;
    for (size_t from = 0; from < n; from += LOT) {
        if (!export_lot(&x, chosen + from, n - from < LOT ? n - from : LOT, err))
            return false;
    }
    printf("%s}\n", x.any ? "" : "{");
    return true;
}

/* --- import ---------------------------------------------------------------------------------- */

/* The members of the object, each the text of one document, exactly as it stands there. */
static bool read_members(struct cli *cli, const char *argument, struct str text,
                         struct plan_record **ret, size_t *ret_n, struct err *err)
{
    struct arena *a = &cli->arena;
    const struct value *whole;
    if (!json_read(a, text, &whole, err)) {
        if (err)
            err->kind = ERR_INVALID; /* what is given, not what is stored */
        return err_context(err, "import");
    }
    if (!value_is_dict(whole)) {
        err_set(err, ERR_INVALID, "import: expected a JSON object, got %s",
                value_type_name(whole->type));
        return err_hint(err, "it is what `%s export` prints: {\"<id>\": document, ...}", cli->noun);
    }
    struct plan_record *records = arena_array(a, struct plan_record, value_count(whole));
    for (size_t i = 0; i < value_count(whole); i++) {
        struct str key = whole->dict.pairs[i].key->text;
        struct op_arg *arg = arena_new(a, struct op_arg);
        if (!output_id_parse(a, key, &records[i].id, err))
            return false;
        records[i].label = records[i].id;
        *arg = (struct op_arg){argument, json_member_bytes(text, whole, key)};
        records[i].args = (struct op_args){arg, 1};
    }
    *ret = records;
    *ret_n = value_count(whole);
    return true;
}

static bool one_store(struct cli *cli, struct open_store **ret, struct err *err)
{
    if (!cli_open(cli, cli->system, CLI_CHANGE, err))
        return false;
    if (cli->nstores != 1)
        return err_set(err, ERR_INVALID,
                       "import: %zu stores are open, -t names the one that is "
                       "meant",
                       cli->nstores);
    *ret = &cli->stores[0];
    return true;
}

bool cmd_import(struct cli *cli, struct err *err)
{
    const char *path = cli->nwords ? cli->words[0] : "-";
    const struct op *edit = system_op(cli->system, "edit");
    const char *argument = edit ? text_argument(edit) : NULL;
    struct open_store *store;
    struct plan_record *records;
    struct plan *plan;
    struct str text;
    size_t n;
    if (!argument)
        return err_set(err, ERR_UNSUPPORTED, "a %s cannot be written as text", cli->noun);
    if (cli->nwords > 1)
        return err_set(err, ERR_INVALID, "%s import: one word too many: '%s'", cli->noun,
                       cli->words[1]);
    if (!cli_read_file(cli, path, FILE_LIMIT, &text, err) || !one_store(cli, &store, err) ||
        !read_members(cli, argument, text, &records, &n, err))
        return false;
    if (!n) {
        cli_note(cli, "nothing in it: nothing to do");
        return true;
    }
    change_say_target(cli, store);
    struct plan_request request = {.op = edit,
                                   .verb = "import",
                                   .args = {cli->args.items, cli->args.n},
                                   .records = records,
                                   .nrecords = n,
                                   .store = store,
                                   .force = cli->opts.force,
                                   .reason = str_of(cli->opts.reason)};
    struct call call = cli_call(cli);
    return plan_make(&request, &call, &plan, err) && change_carry_out(cli, plan, err);
}
