/* The stores that are open, with counts by status; the first screen when there are several. */
#include "core/base/clock.h"
#include "tui/listview.h"

#include <stdio.h>
#include <stdlib.h>

static const struct column columns[] = {
    {.name = "store", .title = "STORE", .type = CELL_TEXT, .width = 20, .keep = true},
    {.name = "system", .title = "SYSTEM", .type = CELL_TEXT, .width = 8},
    {.name = "env", .title = "ENV", .type = CELL_TEXT, .width = 5, .keep = true},
    {.name = "records", .title = "RECORDS", .type = CELL_INT, .width = 8},
    {.name = "now", .title = "NOW", .type = CELL_TEXT, .width = 30, .keep = true},
};

static const struct sheet stores_sheet = {.name = "stores",
                                          .title = "stores",
                                          .columns = columns,
                                          .ncolumns = sizeof columns / sizeof columns[0]};

struct stores_view {
    struct listview lv;
    struct rows *rows;
};

static struct cell status_cell(struct arena *a, const struct session *s)
{
    if (s->err.kind != ERR_NONE && !s->complete) {
        struct cell bad = cell_text(arena_str(a, str_of(s->err.text)));
        bad.mark = MARK_BAD;
        return bad;
    }
    if (!s->rows)
        return cell_text(STR("opening"));
    struct row_count counts[6];
    size_t n = rows_counts(s->rows, counts, 6);
    struct sbuf text = SBUF_INIT;
    enum mark worst = MARK_NONE;
    if (s->attempts)
        sbuf_cstr(&text, "DISCONNECTED; was ");
    for (size_t i = 0; i < n; i++) {
        sbuf_printf(&text, "%s%zu %.*s", i ? "  " : "", counts[i].n, STR_ARG(counts[i].status));
        worst = counts[i].mark > worst ? counts[i].mark : worst;
    }
    if (rows_known(s->rows) < rows_count(s->rows))
        sbuf_printf(&text, "%sof %zu read", n ? "  " : "", rows_known(s->rows));
    struct cell cell = cell_text(arena_str(a, sbuf_view(&text)));
    cell.mark = s->attempts ? MARK_BAD : worst;
    sbuf_release(&text);
    return cell;
}

static void add_store(struct rows *rows, struct arena *a, const struct session *s)
{
    struct cell cells[sizeof columns / sizeof columns[0]] = {
        cell_text(s->name),
        cell_text(str_of(s->system->name)),
        cell_text(
            arena_printf(a, "%s%s", environment_tag(s->target.env),
                         session_info(s) && session_why_read_only(s).ptr ? " READ-ONLY" : "")),
        s->rows ? cell_int((int64_t)rows_count(s->rows)) : (struct cell){0},
        status_cell(a, s),
    };
    if (s->target.env == ENV_PROD)
        cells[2].mark = MARK_WARN;
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
    struct cell cells[sizeof columns / sizeof columns[0]] = {
        cell_text(str_of(target->name)),
        cell_null(),
        cell_text(str_of(environment_tag(target->env))),
        cell_null(),
        now,
    };
    struct row_in in = {.key = arena_printf(a, "target %s", target->name),
                        .label = str_of(target->name),
                        .cells = cells};
    rows_add(rows, &in);
}

static void rebuild(struct view *view, struct rows *unused)
{
    (void)unused;
    struct stores_view *v = (struct stores_view *)view;
    struct app *app = view->app;
    struct rows *rows = rows_new(&stores_sheet);
    struct arena a = ARENA_INIT;
    for (const struct session *s = app->sessions; s; s = s->next)
        add_store(rows, &a, s);
    for (size_t i = 0; i < app->opts.ntargets; i++) {
        const struct target *target;
        struct err err;
        if (!app_probe(app, i, &target, &err) && target)
            add_probe(rows, &a, target, &err);
    }
    arena_release(&a);
    listview_swap(&v->lv, rows, app->probing == 0);
    rows_free(v->rows);
    v->rows = rows;
}

static void title(const struct view *view, struct sbuf *out)
{
    sbuf_cstr(out, "stores");
    if (app_is_top(view->app, view))
        listview_counts((const struct listview *)view, out);
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    rebuild(view, NULL);
    listview_draw((struct listview *)view, canvas, r, "no store is open");
}

static struct session *session_at(struct stores_view *v, size_t row)
{
    struct session *s = v->lv.base.app->sessions;
    while (s && !str_is(rows_key(v->rows, row), s->target.address.identity))
        s = s->next;
    return s;
}

static bool command(struct view *view, enum command command)
{
    struct stores_view *v = (struct stores_view *)view;
    size_t row;
    if (command != CMD_ENTER)
        return listview_command(&v->lv, command);
    if (!listview_may_act(&v->lv, &row))
        return true;
    struct session *session = session_at(v, row);
    if (session)
        view_records_open(view->app, session);
    else {
        struct cell now = rows_cell(v->rows, row, 4);
        app_say(view->app, STYLE_BAD, "%.*s", STR_ARG(now.text));
    }
    return true;
}

static void close_view(struct view *view)
{
    struct stores_view *v = (struct stores_view *)view;
    listview_release(&v->lv);
    rows_free(v->rows);
    free(v);
}

static const struct view_class stores_class = {
    .name = "stores",
    .scopes = SCOPE_STORES | SCOPE_LIST,
    .scopes_now = listview_scopes,
    .title = title,
    .draw = draw,
    .key = listview_key,
    .click = listview_click,
    .wake_ms = listview_wake_ms,
    .command = command,
    .rows_changed = rebuild,
    .close = close_view,
};

void view_stores_open(struct app *app)
{
    struct stores_view *v = view_new(app, NULL, &stores_class, sizeof *v);
    listview_init(&v->lv, &stores_sheet);
    app_push(app, &v->lv.base);
    rebuild(&v->lv.base, NULL);
}
