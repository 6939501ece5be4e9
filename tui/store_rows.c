#include "tui/store_rows.h"

#include "core/base/text.h"
#include "tui/attention.h"
#include "tui/session.h"

#include <string.h>

enum {
    NAME_LEAST = 13,
    NAME_MOST = 20,
    NAME_SHARE = 6,
    STORE_MORE = 8
}; /* cells; a sixth of all */

static const struct column store_columns[] = {
    {.name = "address", .type = CELL_TEXT, .help = "the whole address"},
    {.name = "store", .title = "STORE", .type = CELL_TEXT, .keep = true},
    {.name = "env", .title = "ENV", .type = CELL_TEXT, .width = 5, .keep = true},
    {.name = "records", .title = "RECORDS", .type = CELL_TEXT, .keep = true},
    {.name = "now", .title = "NOW", .type = CELL_TEXT, .width = 30},
    {.name = "system", .title = "SYSTEM", .type = CELL_TEXT, .width = 8},
};
enum { STORE_ENV = 2, STORE_COLUMNS = sizeof store_columns / sizeof store_columns[0] };

const struct sheet store_rows_sheet = {
    .name = "stores", .title = "stores", .columns = store_columns, .ncolumns = STORE_COLUMNS};

struct str overview_name(struct arena *a, struct str name, int width)
{
    return text_cut_middle(a, text_clean(a, name, 0), width, 0);
}

int overview_name_width(const struct app *app)
{
    int width = app->shown ? app->shown->w / NAME_SHARE : NAME_MOST;
    return width < NAME_LEAST ? NAME_LEAST : width > NAME_MOST ? NAME_MOST : width;
}

static bool failed_to_open(const struct session *s)
{
    return s->err.kind != ERR_NONE && !s->complete;
}

/* "   40 tables  6 errored  33 ready  1 sync_done" */
static struct cell records_cell(struct arena *a, const struct session *s)
{
    if (!s->rows)
        return failed_to_open(s) ? cell_null() : (struct cell){0};
    struct row_count counts[6];
    char total[16];
    size_t n = rows_counts(s->rows, counts, 6);
    struct sbuf text = SBUF_INIT;
    enum mark worst = MARK_NONE;
    sbuf_printf(&text, "%4s %s", count_text((int64_t)rows_there(s->rows), total),
                rows_there(s->rows) == 1 ? s->system->noun : s->system->records);
    for (size_t i = 0; i < n; i++) {
        sbuf_printf(&text, "  %zu %.*s", counts[i].n, STR_ARG(counts[i].status));
        worst = counts[i].mark > worst ? counts[i].mark : worst;
    }
    if (rows_there(s->rows) && !rows_known(s->rows))
        sbuf_cstr(&text, "  Enter looks at them");
    else if (rows_known(s->rows) < rows_there(s->rows))
        sbuf_printf(&text, "  of %zu looked at", rows_known(s->rows));
    struct cell cell = cell_text(arena_str(a, sbuf_view(&text)));
    cell.mark = worst;
    sbuf_release(&text);
    return cell;
}

static void add_count(struct sbuf *out, size_t n, const char *one, const char *many)
{
    if (n)
        sbuf_printf(out, "%s%zu %s", out->len ? ", " : "", n, n == 1 ? one : many);
}

/* "1 running, 2 locks held": what happens there, or why nothing is known. */
static struct cell now_cell(struct arena *a, const struct session *s)
{
    struct attention_now now = attention_now(s->attention);
    struct sbuf text = SBUF_INIT;
    enum mark mark = MARK_NONE;
    if (s->attempts && s->rows) {
        sbuf_printf(&text, "DISCONNECTED: %.*s", STR_ARG(session_error(s)));
        mark = MARK_BAD;
    } else if (failed_to_open(s)) {
        sbuf_str(&text, session_error(s));
        mark = MARK_BAD;
    } else if (!s->rows)
        sbuf_cstr(&text, "opening");
    else {
        add_count(&text, now.written, "being written", "being written");
        if (now.owned && !now.written)
            sbuf_cstr(&text, "its program runs");
        add_count(&text, now.held, "lock held", "locks held");
        add_count(&text, now.left_over, "lock left over", "locks left over");
    }
    struct cell cell = text.len ? cell_text(arena_str(a, sbuf_view(&text))) : cell_null();
    cell.mark = mark;
    sbuf_release(&text);
    return cell;
}

static void add_store(struct rows *rows, struct arena *a, const struct session *s, int width)
{
    struct cell cells[STORE_COLUMNS] = {
        cell_text(str_of(s->target.address.masked)),
        cell_text(session_short_name(s, a, width)),
        cell_text(
            arena_printf(a, "%s%s", environment_tag(s->target.env),
                         session_info(s) && session_why_read_only(s).ptr ? " READ-ONLY" : "")),
        records_cell(a, s),
        now_cell(a, s),
        cell_text(str_of(s->system->name)),
    };
    if (s->target.env == ENV_PROD)
        cells[STORE_ENV].mark = MARK_WARN;
    struct row_in in = {
        .key = str_of(s->target.address.identity), .label = s->name, .cells = cells};
    rows_add(rows, &in);
}

/* Targets whose store is not open: still looking, or why not. */
static void add_probe(struct rows *rows, struct arena *a, const struct target *target,
                      const struct err *err)
{
    struct cell now = cell_text(err->kind == ERR_NONE ? STR("looking what is there")
                                                      : arena_str(a, str_of(err->text)));
    now.mark = err->kind == ERR_NONE ? MARK_WAIT : MARK_BAD;
    struct cell cells[STORE_COLUMNS] = {
        cell_null(),
        cell_text(str_of(target->shown ? target->shown : target->name)),
        cell_text(str_of(environment_tag(target->env))),
        cell_null(),
        now,
        cell_null(),
    };
    struct row_in in = {.key = arena_printf(a, "target %s", target->name),
                        .label = str_of(target->name),
                        .cells = cells};
    rows_add(rows, &in);
}

struct rows *store_rows_make(const struct app *app)
{
    struct rows *rows = rows_new(&store_rows_sheet);
    struct arena a = ARENA_INIT;
    for (const struct session *s = app->sessions; s; s = s->next)
        add_store(rows, &a, s, overview_name_width(app) + STORE_MORE);
    for (size_t i = 0; i < app->opts.ntargets; i++) {
        const struct target *target;
        struct err err;
        if (!app_probe(app, i, &target, &err) && target)
            add_probe(rows, &a, target, &err);
    }
    arena_release(&a);
    return rows;
}
