/* The first screen: what needs attention in all stores, what is lost first at the top; below, the
 * stores themselves. */
#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/ack.h"
#include "tui/ask.h"
#include "tui/listview.h"
#include "tui/store_rows.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

static const struct column group_columns[] = {
    {.name = "store", .title = "STORE", .type = CELL_TEXT, .width = 20, .keep = true},
    {.name = "env", .title = "ENV", .type = CELL_TEXT, .width = 5, .keep = true},
    {.name = "object", .title = "WHAT", .type = CELL_TEXT, .width = 20, .keep = true},
    {.name = "finding", .title = "FINDING", .type = CELL_TEXT, .width = 24},
    {.name = "do", .title = "DO", .type = CELL_TEXT, .width = 12, .keep = true},
};
enum { WHOLE_H = 4, WHOLE_LEAST_H = 14 }; /* the lines below the lists; where there is room */
enum { GROUP_COLUMNS = sizeof group_columns / sizeof group_columns[0] };

static const struct sheet groups_sheet = {.name = "attention",
                                          .title = "needs attention",
                                          .columns = group_columns,
                                          .ncolumns = GROUP_COLUMNS};

struct overview {
    struct listview stores; /* first: its view is the view */
    struct listview groups;
    struct rows *store_rows, *group_rows;
    size_t findings; /* in all groups */
    size_t known;    /* findings that somebody acknowledged */
    json_t *acks;
    size_t acking;      /* being written */
    int64_t acks_at_ms; /* read again some time after; 0: never read */
    bool in_groups;     /* the keys are theirs */
    bool touched;       /* by a key: from then on they stay where they are */
};

static struct listview *focused(struct overview *v)
{
    return v->in_groups ? &v->groups : &v->stores;
}

/* --- what needs attention ------------------------------------------------------------------- */

/* What somebody acknowledged stays away until its time is over (`penstock check ack`). A file that
 * cannot be read hides nothing, and is said once. */
static void read_acks(struct overview *v)
{
    struct app *app = v->stores.base.app;
    struct err err = {0};
    json_t *acks = NULL;
    int64_t now_ms = clock_monotonic_ms();
    if (!app->opts.acks_path ||
        (v->acks_at_ms && (app->paused || now_ms < v->acks_at_ms + app_refresh_ms(app))))
        return;
    if (!acks_read(app->opts.acks_path, &acks, &err) && !v->acks_at_ms)
        app_say_err(app, &err);
    json_decref(v->acks);
    v->acks = acks;
    v->acks_at_ms = now_ms;
}

static bool is_known(void *ctx, const char *id)
{
    const struct overview *v = ctx;
    return v->acks && json_object_size(v->acks) &&
           acks_until(v->acks, str_of(id), app_now_us(v->stores.base.app)) != TIME_UNKNOWN;
}

struct placed_group {
    struct attention_group group; /* first, for attention_cmp */
    const struct session *session;
};

static struct str finding_text(struct arena *a, const struct attention_group *g, int64_t now_us)
{
    struct sbuf text = SBUF_INIT;
    struct str lost = attention_lost_text(a, g, now_us);
    if (lost.ptr)
        sbuf_printf(&text, "%.*s: ", STR_ARG(lost));
    else if (g->retry_at_us != TIME_UNKNOWN && g->retry_at_us > now_us)
        sbuf_printf(&text, "%s again in %.*s: ", g->n > 1 ? "first tried" : "tried",
                    STR_ARG(time_span(a, g->retry_at_us - now_us)));
    else if (g->n > 1 && g->since_us != TIME_UNKNOWN)
        sbuf_printf(&text, "oldest %.*s: ", STR_ARG(time_span(a, now_us - g->since_us)));
    if (g->n > 1)
        sbuf_printf(&text, "%.*s: ", STR_ARG(g->label));
    sbuf_str(&text, g->text);
    return arena_take(a, &text);
}

/* Uncut, for the lines below the lists. */
static struct str whole_finding(struct arena *a, const struct placed_group *p, int64_t now_us)
{
    const struct attention_group *g = &p->group;
    return arena_printf(a, "%.*s  %.*s%s%.*s", STR_ARG(p->session->name),
                        STR_ARG(g->n == 1 ? g->label : STR("")), g->n == 1 ? ": " : "",
                        STR_ARG(finding_text(a, g, now_us)));
}

static void add_group(struct rows *rows, struct arena *a, const struct placed_group *p,
                      int64_t now_us, int width)
{
    const struct attention_group *g = &p->group;
    const struct session *s = p->session;
    struct cell cells[GROUP_COLUMNS] = {
        cell_text(session_short_name(s, a, width)),
        cell_text(str_of(environment_tag(s->target.env))),
        cell_text(g->n == 1 ? overview_name(a, g->label, width)
                            : arena_printf(a, "%zu %s", g->n, s->system->records)),
        cell_text(finding_text(a, g, now_us)),
        cell_text(!g->verb.ptr ? STR("look")
                  : g->n == 1  ? g->verb
                               : arena_printf(a, "%.*s %zu", STR_ARG(g->verb), g->nverb)),
    };
    struct row_in in = {.key = arena_printf(a, "%s\n%s", s->target.address.identity, g->code),
                        .label = whole_finding(a, p, now_us),
                        .mark = g->severity == SEVERITY_ERROR ? MARK_BAD : MARK_WARN,
                        .cells = cells,
                        .known = true};
    rows_add(rows, &in);
}

static void rebuild_groups(struct overview *v)
{
    struct app *app = v->stores.base.app;
    struct arena a = ARENA_INIT;
    struct placed_group *all = NULL;
    size_t n = 0;
    const struct attention_hide hide = {is_known, v};
    read_acks(v);
    v->known = 0;
    for (const struct session *s = app->sessions; s; s = s->next) {
        struct attention_group *groups;
        size_t hidden, more = attention_groups(s->attention, &hide, &a, &groups, &hidden);
        v->known += hidden;
        struct placed_group *longer = arena_array(&a, struct placed_group, n + more);
        if (n)
            memcpy(longer, all, n * sizeof *all);
        for (size_t i = 0; i < more; i++)
            longer[n + i] = (struct placed_group){groups[i], s};
        all = longer;
        n += more;
    }
    if (n)
        qsort(all, n, sizeof *all, attention_cmp);
    struct rows *rows = rows_new(&groups_sheet);
    v->findings = 0;
    for (size_t i = 0; i < n; i++) {
        add_group(rows, &a, &all[i], app_now_us(app), overview_name_width(app));
        v->findings += all[i].group.n;
    }
    arena_release(&a);
    listview_swap(&v->groups, rows, true);
    rows_free(v->group_rows);
    v->group_rows = rows;
}

/* "identity\ncode"; the code is found again in what the store's check may say. */
static struct session *group_at(struct overview *v, size_t row, struct str *ret_code)
{
    struct str key = rows_key(v->group_rows, row);
    size_t end = (size_t)str_rindex(key, '\n');
    *ret_code = str_sub(key, end + 1, key.len);
    struct session *s = v->stores.base.app->sessions;
    while (s && !str_is(str_sub(key, 0, end), s->target.address.identity))
        s = s->next;
    return s;
}

struct choosing {
    struct arena *a;
    struct plan_record *records;
    size_t n, room;
    bool parts; /* of all of them it is known which part is meant */
};

static void choose(void *ctx, struct str key, struct str label, struct str part, const char *id)
{
    struct choosing *c = ctx;
    struct op_arg *arg = arena_new(c->a, struct op_arg);
    *arg = (struct op_arg){"name", part};
    c->parts = c->parts && part.ptr;
    c->records = arena_grow(c->a, c->records, c->n, &c->room, sizeof *c->records);
    c->records[c->n++] =
        (struct plan_record){.id = key, .label = label, .args = {arg, part.ptr ? 1 : 0}};
}

/* The records of the group by name, or the instances and streams in them that it is about, as they
 * are known now. */
static void act(struct overview *v, struct session *session, struct str code)
{
    struct arena a = ARENA_INIT;
    struct choosing chosen = {.a = &a, .parts = session->system->nsheets > 1};
    const struct attention_hide hide = {is_known, v};
    attention_each(session->attention, &hide, arena_cstr(&a, code), choose, &chosen);
    for (size_t i = 0; i < chosen.n && !chosen.parts; i++)
        chosen.records[i].args.n = 0;
    bool *hidden = arena_array(&a, bool, chosen.n);
    struct want want = {.records = chosen.records, .n = chosen.n, .hidden = hidden};
    if (chosen.n)
        view_menu_open(v->stores.base.app, session, &session->system->sheets[chosen.parts], &want);
    else
        app_say(v->stores.base.app, STYLE_MESSAGE, "nothing of this is left");
    arena_release(&a);
}

static void command_on_group(struct overview *v, enum command command, size_t row)
{
    struct app *app = v->stores.base.app;
    struct str code;
    struct session *session = group_at(v, row, &code);
    struct arena a = ARENA_INIT;
    if (!session)
        app_say(app, STYLE_WARN, "row no longer exists");
    else if (command == CMD_ACTIONS)
        act(v, session, code);
    else
        view_records_show(app, session, arena_printf(&a, "attention=%.*s", STR_ARG(code)));
    arena_release(&a);
}

static void read_acks_again(struct view *view)
{
    struct overview *v = (struct overview *)view;
    v->acking--;
    v->acks_at_ms = 0;
}

static void ack(struct overview *v, int64_t span_us)
{
    struct app *app = v->stores.base.app;
    const struct attention_hide hide = {is_known, v};
    struct arena a = ARENA_INIT;
    struct str code;
    size_t row;
    struct session *session = NULL;
    if (v->in_groups && list_at(&v->groups.list, &row))
        session = group_at(v, row, &code);
    if (!session)
        app_say(app, STYLE_MESSAGE, "ack: put the cursor on what needs attention first (Tab)");
    else {
        v->acking++;
        ack_group(&v->stores.base, session, arena_cstr(&a, code), &hide, span_us, read_acks_again);
    }
    arena_release(&a);
}

/* --- the stores ----------------------------------------------------------------------------- */

static void rebuild_stores(struct overview *v)
{
    struct app *app = v->stores.base.app;
    struct rows *rows = store_rows_make(app);
    listview_swap(&v->stores, rows, app->probing == 0);
    rows_free(v->store_rows);
    v->store_rows = rows;
}

static void command_on_store(struct overview *v, enum command command, size_t row)
{
    struct app *app = v->stores.base.app;
    struct session *s = app->sessions;
    while (s && !str_is(rows_key(v->store_rows, row), s->target.address.identity))
        s = s->next;
    struct cell now = rows_cell(v->store_rows, row, STORE_ROWS_NOW);
    if (s && command == CMD_ENTER)
        view_records_open(app, s);
    else if (command == CMD_ACTIONS)
        app_say(app, STYLE_MESSAGE, "Enter opens the store; act on its records, or on a finding");
    else
        app_say(app, STYLE_BAD, "%.*s", STR_ARG(now.text));
}

/* --- the view ------------------------------------------------------------------------------- */

static void rebuild(struct view *view, struct rows *unused)
{
    (void)unused;
    struct overview *v = (struct overview *)view;
    rebuild_groups(v);
    rebuild_stores(v);
    if (!rows_there(v->group_rows))
        v->in_groups = false;
    else if (!v->touched) { /* what is lost first, whoever answered first */
        v->in_groups = true;
        list_command(&v->groups.list, CMD_FIRST, app_now_us(view->app));
    }
}

static void title(const struct view *view, struct sbuf *out)
{
    const struct overview *v = (const struct overview *)view;
    sbuf_cstr(out, "overview");
    if (!app_is_top(view->app, view))
        return;
    listview_counts(&v->stores, out);
    sbuf_printf(out, " store%s", list_total(&v->stores.list) == 1 ? "" : "s");
}

/* Stores whose records were not all looked at: what they hold may still need attention. */
static size_t unknown_stores(const struct app *app)
{
    size_t n = app->probing;
    for (const struct session *s = app->sessions; s; s = s->next)
        n += !s->complete || s->attempts || rows_known(s->rows) < rows_there(s->rows);
    return n;
}

static void draw_groups(struct overview *v, struct canvas *canvas, struct rect r)
{
    size_t n = rows_there(v->group_rows), unknown = unknown_stores(v->stores.base.app);
    struct sbuf text = SBUF_INIT;
    if (v->groups.list.filter_text.len) {
        sbuf_cstr(&text, "NEEDS ATTENTION");
        listview_counts(&v->groups, &text);
        sbuf_cstr(&text, " groups");
    } else if (n)
        sbuf_printf(&text, "NEEDS ATTENTION  %zu group%s, %zu finding%s", n, n == 1 ? "" : "s",
                    v->findings, v->findings == 1 ? "" : "s");
    else
        sbuf_cstr(&text, "NEEDS ATTENTION  nothing found");
    if (v->known)
        sbuf_printf(&text, ", %zu acknowledged", v->known);
    if (unknown)
        sbuf_printf(&text, "; %zu store%s not read to the end", unknown, unknown == 1 ? "" : "s");
    canvas_put(canvas, r.y, 1, canvas->w - 2, STYLE_STRONG, sbuf_view(&text));
    sbuf_release(&text);
    if (r.h > 1)
        listview_draw(&v->groups, canvas, (struct rect){r.y + 1, r.x, r.h - 1, r.w}, "");
}

/* What the line under the cursor has no room for. */
static void draw_whole(struct overview *v, struct canvas *canvas, struct rect r)
{
    size_t row;
    list_draw_rest(&v->stores.list, canvas, r, app_shown_us(v->stores.base.app));
    if (!v->in_groups || !list_at(&v->groups.list, &row))
        return;
    canvas_hline(canvas, r.y, r.x + 1, r.w - 2, STYLE_DIM);
    canvas_put_folded(canvas, (struct rect){r.y + 1, r.x + 2, r.h - 1, r.w - 4}, STYLE_TEXT,
                      rows_label(v->group_rows, row));
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct overview *v = (struct overview *)view;
    int whole = r.h < WHOLE_LEAST_H ? 0 : r.h < 2 * WHOLE_LEAST_H ? WHOLE_H - 1 : WHOLE_H;
    rebuild(view, NULL);
    r.h -= whole;
    v->groups.list.resting = !v->in_groups;
    v->stores.list.resting = v->in_groups;
    /* Each gets what it needs; where there is too little, the stores keep a third. */
    int groups = rows_count(v->group_rows) ? (int)rows_count(v->group_rows) + 2 : 1;
    int stores = (int)rows_count(v->store_rows) + 2;
    int least = r.h / 3 < stores ? r.h / 3 : stores;
    groups += v->groups.typing;
    if (groups > r.h - least - 1)
        groups = r.h - least - 1;
    draw_groups(v, canvas, (struct rect){r.y, r.x, groups, r.w});
    struct rect below = {r.y + groups + 1, r.x, r.h - groups - 1, r.w};
    listview_draw(&v->stores, canvas, below, "no store is open");
    if (whole)
        draw_whole(v, canvas, (struct rect){r.y + r.h, r.x, whole, r.w});
}

static bool key(struct view *view, const struct key *key)
{
    struct overview *v = (struct overview *)view;
    v->touched = true;
    return listview_key(&focused(v)->base, key);
}

static unsigned scopes(const struct view *view)
{
    return listview_scopes(&focused((struct overview *)view)->base);
}

static void click(struct view *view, int y, int x)
{
    struct overview *v = (struct overview *)view;
    v->touched = true;
    v->in_groups = rows_there(v->group_rows) && y < v->stores.list.drawn.y;
    listview_click(&focused(v)->base, y, x);
}

/* Beyond the end of one list lies the other. */
static bool crosses(const struct overview *v, enum command command)
{
    if (v->in_groups)
        return command == CMD_DOWN && v->groups.list.cursor + 1 >= v->groups.list.n;
    return command == CMD_UP && v->stores.list.cursor == 0 && v->groups.list.n;
}

/* Which store's change is meant is for the operator to say. */
static void undo(struct app *app)
{
    if (app->nsessions == 1) {
        view_undo_open(app, app->sessions, false);
        return;
    }
    view_table_open(app, &journal_table, STR(""));
    app_say(app, STYLE_MESSAGE, "the newest change is on top: z undoes the one under the cursor");
}

static bool command(struct view *view, enum command command)
{
    struct overview *v = (struct overview *)view;
    size_t row;
    if (crosses(v, command) || (command == CMD_FOCUS && (v->in_groups || v->groups.list.n))) {
        v->in_groups = !v->in_groups;
        return true;
    }
    if (command == CMD_MARK || command == CMD_MARK_SHOWN || command == CMD_RANGE) {
        app_say(view->app, STYLE_MESSAGE, "marks are for records: Enter opens their list");
        return true;
    }
    if (command == CMD_REFRESH)
        v->acks_at_ms = 0;
    if (command == CMD_UNDO) {
        undo(view->app);
        return true;
    }
    if (command == CMD_FOCUS) {
        app_say(view->app, STYLE_MESSAGE, "nothing needs attention");
        return true;
    }
    if (command == CMD_ERROR && listview_may_act(focused(v), &row)) {
        const struct list *list = &focused(v)->list;
        struct cell cells[LIST_COLUMNS_MAX];
        struct row_in in;
        struct sbuf text = SBUF_INIT;
        rows_get(list->rows, row, &in, cells);
        row_text(&text, list->sheet, cells);
        view_text_open(view->app, NULL, list->sheet->title, sbuf_view(&text));
        sbuf_release(&text);
        return true;
    }
    if (command != CMD_ENTER && command != CMD_ACTIONS)
        return listview_command(focused(v), command);
    if (listview_may_act(focused(v), &row))
        v->in_groups ? command_on_group(v, command, row) : command_on_store(v, command, row);
    return true;
}

static int64_t wake_ms(const struct view *view, int64_t now_ms)
{
    const struct overview *v = (const struct overview *)view;
    int64_t groups = listview_wake_ms(&v->groups.base, now_ms);
    int64_t stores = listview_wake_ms(&v->stores.base, now_ms);
    return groups < stores ? groups : stores;
}

static bool is_busy(const struct view *view)
{
    return ((const struct overview *)view)->acking > 0;
}

static void close_view(struct view *view)
{
    struct overview *v = (struct overview *)view;
    listview_release(&v->groups);
    listview_release(&v->stores);
    rows_free(v->group_rows);
    rows_free(v->store_rows);
    json_decref(v->acks);
    free(v);
}

static const struct view_class overview_class = {
    .name = "overview",
    .scopes = SCOPE_STORES | SCOPE_LIST,
    .scopes_now = scopes,
    .title = title,
    .draw = draw,
    .key = key,
    .click = click,
    .wake_ms = wake_ms,
    .command = command,
    .rows_changed = rebuild,
    .is_busy = is_busy,
    .close = close_view,
};

void view_overview_open(struct app *app)
{
    for (struct view *view = app->top; view; view = view->below) {
        if (view->class == &overview_class && app_return(app, view))
            return;
    }
    struct overview *v = view_new(app, NULL, &overview_class, sizeof *v);
    v->groups.base.app = app;
    v->groups.base.class = &overview_class;
    listview_init(&v->stores, &store_rows_sheet);
    listview_init(&v->groups, &groups_sheet);
    v->stores.list.fleeting = v->groups.list.fleeting = true;
    app_push(app, &v->stores.base);
    rebuild(&v->stores.base, NULL);
}

void view_overview_ack(struct app *app, int64_t span_us)
{
    if (app->top->class == &overview_class)
        ack((struct overview *)app->top, span_us);
    else
        app_say(app, STYLE_MESSAGE, "ack: what needs attention stands on the overview (o)");
}
