/* Locks of all stores: does one block anybody, and when does it free itself? Looking changes
 * nothing; a break is a plan like any other change. */
#include "core/own_sheets.h"
#include "tui/view_choice.h"
#include "tui/view_table.h"

static bool gather(const struct table_source *s)
{
    struct store *store = s->open->store;
    struct lock *locks = NULL;
    if (!store_supports(store, STORE_LOCKS))
        return true; /* this system has none here */
    if (!store_locks(store, NULL, 0, &s->call, s->arena, &locks, s->err))
        return false;
    for (; locks; locks = locks->next) {
        struct cell cells[LOCK_COLUMNS];
        lock_cells(locks, s->open, s->now_us, cells);
        cells[LOCK_TARGET] = cell_text(s->store_name);
        cells[LOCK_ENVIRONMENT] = environment_cell(s->open->target.env);
        struct row_in in = {
            .key = arena_printf(s->arena, "%.*s\n%.*s", STR_ARG(s->store_name),
                                STR_ARG(locks->object)),
            .label = locks->object,
            .cells = cells,
            .known = true,
        };
        rows_page_add(s->page, &in);
    }
    return true;
}

/* The lock that the question is about is the one under the cursor: nothing moves meanwhile. */
static void break_lock(struct app *app, void *ctx)
{
    struct table_view *v = ctx;
    size_t row;
    const struct list *list = &((struct listview *)v)->list;
    if (!list_at(list, &row))
        return;
    struct session *session = table_session(v, rows_cell(table_rows(v), row, LOCK_TARGET).text);
    if (session)
        view_journal_plan_open(app, session, FROM_BREAK, rows_label(table_rows(v), row));
}

static struct str cell_of(const struct table_view *v, size_t row, const char *column)
{
    size_t at;
    return sheet_column(&lock_sheet, str_of(column), &at) ? rows_cell(table_rows(v), row, at).text
                                                          : STR_NULL;
}

static bool is_breakable(const struct table_view *v, size_t row)
{
    return rows_cell(table_rows(v), row, LOCK_BREAKABLE).number;
}

/* What speaks for waiting stands beside what breaks it. */
static struct str question(const struct table_view *v, size_t row, struct arena *a)
{
    struct str holder = cell_of(v, row, "holder");
    struct str held = holder.len ? arena_printf(a, "is held by %.*s and", STR_ARG(holder))
                                 : STR("names no holder and");
    return arena_printf(
        a, "the lock on %.*s %.*s frees itself %.*s. %.*s: %.*s%s",
        STR_ARG(rows_label(table_rows(v), row)), STR_ARG(held),
        STR_ARG(cell_of(v, row, "frees_itself")), STR_ARG(cell_of(v, row, "verdict")),
        STR_ARG(cell_of(v, row, "evidence")),
        is_breakable(v, row)
            ? ""
            : ". It cannot be broken from here, only given back by whoever holds it");
}

static void ask_what(struct table_view *v, size_t row)
{
    static const struct choice choices[] = {
        {'b', "break it: a plan comes first, and says what that does", break_lock}};
    struct app *app = table_app(v);
    struct session *session = table_session(v, rows_cell(table_rows(v), row, LOCK_TARGET).text);
    struct str ro = session ? session_why_read_only(session) : STR("its store is not open");
    if (ro.ptr) {
        app_say(app, STYLE_WARN, "break lock: READ-ONLY: %.*s", STR_ARG(ro));
        return;
    }
    struct arena a = ARENA_INIT;
    view_choice_open(app, session, "LOCK", question(v, row, &a), choices, is_breakable(v, row), v);
    arena_release(&a);
}

static bool command(struct table_view *v, enum command command, ptrdiff_t row)
{
    size_t at;
    (void)row;
    if (command != CMD_ACTIONS)
        return false;
    if (listview_may_act((struct listview *)v, &at))
        ask_what(v, at);
    return true;
}

/* There is nothing to act on in an empty list. */
static const char *footer(const struct table_view *v, const struct key_row *key, ptrdiff_t row)
{
    (void)v;
    bool of_row = key->command == CMD_ACTIONS || key->command == CMD_ENTER ||
                  key->command == CMD_MARK || key->command == CMD_FILTER;
    return of_row && row < 0 ? NULL : key->footer;
}

/* Where the systems have no locks, none that is held is no good news. */
static const char *why_empty(const struct table_view *v)
{
    const struct session *s = table_app(v)->sessions;
    const char *none = s && !s->next ? "this store has no locks" : "none of these stores has locks";
    for (; s; s = s->next) {
        if (layout_has_locks(s->layout))
            return NULL;
    }
    return none;
}

const struct table_class locks_table = {
    .title = "locks",
    .empty = "no lock is held",
    .why_empty = why_empty,
    .sheet = &lock_sheet,
    .scopes = SCOPE_ACTS,
    .per_store = true,
    .gather = gather,
    .command = command,
    .footer = footer,
};
