/* Plans as people read them: what will be written where, what follows from it, who is in the way.
 */
#include "cli/cli.h"

#include "core/base/text.h"

#include <string.h>

enum { SHOWN_DIFF = 12 };

static void line(const struct cli *cli, FILE *out, const char *name, struct str text)
{
    struct arena a = ARENA_INIT;
    struct str clean = print_clean(&cli->print, &a, text, false);
    fprintf(out, "%-9s %.*s\n", name, STR_ARG(clean));
    arena_release(&a);
}

static void show_consequences(const struct cli *cli, const struct plan *plan, FILE *out)
{
    static const char *const levels[] = {
        [LEVEL_NOTE] = "note",
        [LEVEL_WARN] = "warning",
        [LEVEL_DANGER] = "DANGER",
    };
    for (const struct consequence *c = plan->consequences; c; c = c->next)
        line(cli, out, levels[c->level], c->text);
}

static void show_writers(const struct cli *cli, const struct plan *plan, FILE *out)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->writer.verdict == WRITER_NONE_SEEN)
            continue;
        bool said = false;
        for (size_t k = 0; k < i && !said; k++)
            said = plan->items[k].writer.verdict == item->writer.verdict &&
                   str_eq(plan->items[k].writer.why, item->writer.why);
        if (said)
            continue;
        struct arena a = ARENA_INIT;
        line(cli, out, "writer",
             arena_printf(&a, "%s%s%.*s", writer_name(item->writer.verdict),
                          item->writer.why.len ? ": " : "", STR_ARG(item->writer.why)));
        arena_release(&a);
    }
}

/* Of a plan for one record every change is shown, of others the short texts tell: in the system's
 * words, then by path. */
static void show_words(const struct cli *cli, const struct plan *plan, FILE *out)
{
    const struct plan_item *item = &plan->items[0];
    for (size_t i = 0; plan->nitems == 1 && i < item->nwords; i++) {
        const struct change_words *w = &item->words[i];
        struct arena a = ARENA_INIT;
        struct str old = w->old.ptr ? w->old : STR("(none)");
        struct str new = w->new.ptr ? w->new : STR("(none)");
        line(cli, out, i ? "" : "changes",
             arena_printf(&a, "%s: %.*s -> %.*s", w->what, STR_ARG(old), STR_ARG(new)));
        arena_release(&a);
    }
}

static void show_diff(const struct cli *cli, const struct plan *plan, FILE *out)
{
    enum { VALUE_SHOWN = 60 };
    size_t n = plan->nitems == 1 ? plan->items[0].ndiff : 0;
    for (size_t i = 0; i < n && i < SHOWN_DIFF; i++) {
        const struct value_change *c = &plan->items[0].diff[i];
        struct arena a = ARENA_INIT;
        struct str before = c->before ? value_repr(&a, c->before, VALUE_SHOWN) : STR("(none)");
        struct str after = c->after ? value_repr(&a, c->after, VALUE_SHOWN) : STR("(none)");
        struct str path = c->path.len ? c->path : STR("(all)");
        line(
            cli, out, i ? "" : "diff",
            arena_printf(&a, "%.*s: %.*s -> %.*s", STR_ARG(path), STR_ARG(before), STR_ARG(after)));
        arena_release(&a);
    }
    if (n > SHOWN_DIFF || (n && plan->items[0].diff_more))
        fprintf(out, "%-9s and more\n", "");
}

static const struct column item_columns[] = {
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    {.name = "before", .title = "BEFORE", .type = CELL_TEXT},
    {.name = "after", .title = "AFTER", .type = CELL_TEXT},
    {.name = "writer", .title = NULL, .type = CELL_TEXT},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT, .keep = true},
    {.name = "verified", .title = NULL, .type = CELL_BOOL},
    {.name = "effective", .title = NULL, .type = CELL_BOOL},
    {.name = "waits_for", .title = NULL, .type = CELL_TEXT},
    {.name = "detail", .title = "DETAIL", .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "id", .title = NULL, .type = CELL_TEXT},
};

static enum mark mark_of(const struct plan_item *item)
{
    if (item->outcome == OUTCOME_APPLIED)
        return item->verified ? MARK_OK : MARK_WARN;
    if (item->outcome == OUTCOME_PLANNED || item->outcome == OUTCOME_UNCHANGED)
        return MARK_NONE;
    return item->outcome == OUTCOME_NOT_TRIED || item->outcome == OUTCOME_SET_ASIDE ? MARK_WAIT
                                                                                    : MARK_BAD;
}

static struct str detail_of(const struct plan_item *item, bool for_people)
{
    if (item->err.kind != ERR_NONE)
        return str_of(item->err.text);
    if (item->outcome == OUTCOME_APPLIED && item->verified && !item->detail.ptr && for_people)
        return STR("verified");
    return item->detail;
}

/* Name output prints the ids of what was (or would be) changed. */
static bool prints_item(const struct cli *cli, const struct plan_item *item)
{
    return cli->print.output != OUTPUT_NAME || item->outcome == OUTCOME_APPLIED ||
           item->outcome == OUTCOME_PLANNED;
}

static bool show_items(const struct cli *cli, const struct plan *plan, FILE *out,
                       enum output output)
{
    enum { NCOLUMNS = sizeof item_columns / sizeof item_columns[0], ID = NCOLUMNS - 1 };
    struct print_opts opts = cli->print;
    opts.out = out;
    opts.output = output;
    struct print *print = print_new(&opts, item_columns, NCOLUMNS, ID);
    for (size_t i = 0; i < plan->nitems; i++) {
        const struct plan_item *item = &plan->items[i];
        struct cell cells[NCOLUMNS] = {
            cell_text(item->label),
            cell_text(item->before_text),
            cell_text(item->after_text),
            cell_text(str_of(writer_name(item->writer.verdict))),
            cell_text(str_of(outcome_name(item->outcome))),
            cell_bool(item->verified),
            cell_bool(item->effective && item->outcome == OUTCOME_APPLIED),
            cell_text(item->effective ? STR_NULL : item->waits_for),
            cell_text(detail_of(item, output == OUTPUT_TABLE)),
            cell_text(store_info(item->store->store)->identity),
            cell_text(item->id),
        };
        cells[4].mark = mark_of(item);
        if (prints_item(cli, item))
            print_row(print, cells);
    }
    bool ok = print_page(print);
    print_free(print);
    return ok;
}

void plan_show(const struct cli *cli, const struct plan *plan, FILE *out)
{
    fprintf(out, "PLAN %s  %s  %zu of %zu to do\n", plan->id, plan->verb,
            plan_count(plan, OUTCOME_PLANNED), plan->nitems);
    show_items(cli, plan, out, OUTPUT_TABLE);
    show_words(cli, plan, out);
    show_diff(cli, plan, out);
    show_consequences(cli, plan, out);
    show_writers(cli, plan, out);
    if (plan_count(plan, OUTCOME_PLANNED))
        line(cli, out, "undo", plan->undo_text);
    if (plan->equivalent.len)
        line(cli, out, "same as", plan->equivalent);
}

bool plan_show_results(const struct cli *cli, const struct plan *plan, FILE *out)
{
    if (cli->print.output == OUTPUT_JSON)
        return print_json(out, cli->opts.dry_run ? plan_save(plan) : plan_json(plan));
    return show_items(cli, plan, out, cli->print.output);
}
