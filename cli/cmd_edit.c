/* edit ID: the document as text in $EDITOR, then an ordinary change. */
#include "cli/child.h"
#include "cli/commands.h"
#include "core/base/path.h"
#include "core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *text_argument(const struct op *op)
{
    for (const struct op_option *o = op->options; o && o->name; o++) {
        if (o->kind == OPTION_FILE)
            return o->into;
    }
    return NULL;
}

/* What is edited: the whole document, or the part that --part names. */
static bool text_of(struct cli *cli, const struct document *doc, struct sbuf *out, struct err *err)
{
    const struct value *v = doc->root;
    const char *part = cli_value(cli, "part");
    if (part)
        v = value_get(doc->root, part);
    if (part && !v)
        return err_set(err, ERR_INVALID, "--part %s: there is no such part", part);
    if (!json_write_python(out, v, JSON_PRETTY, err))
        return false;
    sbuf_char(out, '\n');
    return true;
}

/* Runs $VISUAL or $EDITOR as a shell would, with the path as its last argument. */
static bool run_editor(const char *path, struct err *err)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    struct arena a = ARENA_INIT;
    const char *script = arena_printf(&a, "%s \"$1\"", editor).ptr;
    const char *const argv[] = {"sh", "-c", script, editor, path, NULL};
    int code;
    bool ok = child_run(argv, "the editor", &code, err);
    arena_release(&a);
    if (!ok || code == 0)
        return ok;
    return err_set(err, ERR_REFUSED, "the editor '%s' failed: nothing was written", editor);
}

static bool editable(struct cli *cli, struct choice *ret, struct document *ret_doc, struct err *err)
{
    struct read_item item;
    if (!cli_open(cli, cli->system, CLI_CHANGE, err) ||
        !select_one(cli, cli->words[0], cli->op->absent_ok, ret, err))
        return false;
    struct call call = cli_call(cli);
    if (!store_read(ret->store->store, &ret->row.id, 1, 0, &call, &cli->arena, &item, err))
        return false;
    if (item.err.kind == ERR_NONE && item.doc.problem.kind != ERR_NONE)
        item.err = cli_problem(&item.doc.problem, str_of(cli->words[0]));
    if (item.err.kind == ERR_NONE && item.doc.absent)
        err_set(&item.err, ERR_NOT_FOUND, "%s %s: there is none", cli->noun, cli->words[0]);
    if (item.err.kind == ERR_NONE && !item.doc.root)
        err_set(&item.err, ERR_UNSUPPORTED, "%s %s: too large to be edited", cli->noun,
                cli->words[0]);
    *ret_doc = item.doc;
    if (item.err.kind == ERR_NONE)
        return true;
    *err = item.err;
    return false;
}

/* The change itself; the record is as it was when the text was made, or the plan says so. */
static bool change_to(struct cli *cli, const struct choice *chosen, const char *argument,
                      struct str text, struct plan **ret, struct err *err)
{
    struct op_arg *args = arena_array(&cli->arena, struct op_arg, cli->args.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < cli->args.n; i++)
        args[n++] = cli->args.items[i];
    args[n++] = (struct op_arg){argument, text};
    struct plan_record record = {.id = chosen->row.id, .label = chosen->row.label};
    struct plan_request request = {.op = cli->op,
                                   .verb = cli->verb,
                                   .args = {args, n},
                                   .records = &record,
                                   .nrecords = 1,
                                   .store = chosen->store,
                                   .force = cli->opts.force,
                                   .reason = str_of(cli->opts.reason)};
    struct call call = cli_call(cli);
    return plan_make(&request, &call, ret, err);
}

static bool same_versions(const struct document *a, const struct document *b)
{
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if (!version_eq(&a->versions[i], &b->versions[i]))
            return false;
    }
    return true;
}

static bool edit_in(struct cli *cli, const char *path, const char *argument, struct err *err)
{
    struct choice chosen;
    struct document doc;
    struct plan *plan;
    struct str text;
    struct sbuf before = SBUF_INIT;
    if (!editable(cli, &chosen, &doc, err))
        return false;
    bool ok = text_of(cli, &doc, &before, err) && path_create(path, sbuf_view(&before), err);
    change_say_target(cli, chosen.store);
    ok = ok && run_editor(path, err) && cli_read_file(cli, path, 64 << 20, &text, err);
    bool same = ok && str_eq(text, sbuf_view(&before));
    sbuf_release(&before);
    if (!ok)
        return false;
    if (same) {
        cli_note(cli, "no change: nothing was written");
        return true;
    }
    if (!change_to(cli, &chosen, argument, text, &plan, err))
        return false;
    if (plan->nitems && plan->items[0].before && !same_versions(plan->items[0].before, &doc)) {
        plan_free(plan);
        return err_set(err, ERR_CONFLICT, "%s %s changed while it was edited: nothing was written",
                       cli->noun, cli->words[0]);
    }
    return change_carry_out(cli, plan, err);
}

bool cmd_edit(struct cli *cli, struct err *err)
{
    const char *argument = cli->op ? text_argument(cli->op) : NULL;
    const char *tmp = getenv("TMPDIR");
    if (!cli->op)
        return err_set(err, ERR_UNSUPPORTED, "a %s cannot be edited as text", cli->noun);
    /* Given as an argument, or refused by the system: no editor is needed. */
    if (!argument || cli_flag(cli, "input-file") || cli->nwords > 1)
        return cmd_op(cli, err);
    if (cli->nwords != 1)
        return err_set(err, ERR_INVALID, "%s edit wants one id", cli->noun);
    if (!isatty(STDIN_FILENO) && !getenv("VISUAL") && !getenv("EDITOR"))
        return err_set(err, ERR_INVALID,
                       "no terminal for an editor; give the text with "
                       "--input-file FILE");
    char *dir = arena_cstr(&cli->arena, arena_printf(&cli->arena, "%s/penstock-edit-XXXXXX",
                                                     tmp && *tmp ? tmp : "/tmp"));
    if (!mkdtemp(dir))
        return err_set(err, ERR_INTERNAL, "cannot make %s: %s", dir, strerror(errno));
    const char *path = arena_printf(&cli->arena, "%s/edit.json", dir).ptr;
    bool ok = edit_in(cli, path, argument, err);
    if (ok && !cli->exit_code && !cli->opts.dry_run) {
        unlink(path);
        rmdir(dir);
        return true;
    }
    if (access(path, F_OK) == 0)
        cli_note(cli, "the text is kept in %s", path);
    else
        rmdir(dir);
    return ok;
}
