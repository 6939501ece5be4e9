/* The journal: what was changed, by whom, and taking any of it back. */
#include "core/own_sheets.h"
#include "tui/view_table.h"

#include <string.h>

enum { COLUMN_VERB = 4, COLUMN_STORE = 13 };

/* A journal that was never written to is an empty one. */
static bool open_journal(const struct table_source *s, struct journal **ret)
{
    *ret = NULL;
    if (journal_open(s->journal_path, true, ret, s->err))
        return true;
    bool none = s->err->kind == ERR_NOT_FOUND;
    if (none)
        *s->err = (struct err){0};
    return none;
}

static bool gather_entries(const struct table_source *s)
{
    struct journal *journal;
    struct journal_entry *entries = NULL;
    size_t n = 0;
    if (!open_journal(s, &journal))
        return false;
    bool ok = !journal || journal_list(journal, s->arena, 0, STR_NULL, &entries, &n, s->err);
    for (size_t i = 0; i < n; i++) {
        struct cell cells[ENTRY_COLUMNS];
        entry_cells(&entries[i], entry_id_of_number(entries, n, entries[i].undone_by), s->arena,
                    cells);
        struct row_in in = {.key = str_of(entries[i].id),
                            .label = str_of(entries[i].id),
                            .cells = cells,
                            .known = true};
        rows_page_add(s->page, &in);
    }
    journal_close(journal);
    return ok;
}

static struct session *session_of_store(const struct app *app, struct str identity)
{
    struct session *s = app->sessions;
    while (s && !str_is(identity, s->target.address.identity))
        s = s->next;
    return s;
}

static void take_up(struct table_view *v, size_t row, enum plan_from kind)
{
    struct app *app = table_app(v);
    struct str store = rows_cell(table_rows(v), row, COLUMN_STORE).text;
    struct session *session = session_of_store(app, store);
    if (!session) {
        app_say(app, STYLE_WARN, "its store %.*s is not open here", STR_ARG(store));
        return;
    }
    bool is_undo = str_is(rows_cell(table_rows(v), row, COLUMN_VERB).text, "undo");
    if (kind != FROM_RESUME && is_undo != (kind == FROM_REDO)) {
        app_say(app, STYLE_WARN,
                is_undo ? "this is an undo: Z takes it back" : "this is no undo: z undoes it");
        return;
    }
    view_journal_plan_open(app, session, kind, rows_key(table_rows(v), row));
}

static bool gather_items(const struct table_source *s)
{
    struct journal *journal;
    struct journal_entry entry = {0};
    if (!open_journal(s, &journal) || !journal)
        return false;
    bool ok = journal_load(journal, s->arena, s->arg, &entry, s->err);
    for (size_t i = 0; ok && i < entry.nitems; i++) {
        struct cell cells[ITEM_COLUMNS];
        item_cells(&entry.items[i], cells);
        struct row_in in = {.key = arena_printf(s->arena, "%zu", i),
                            .label = entry.items[i].label,
                            .cells = cells,
                            .known = true};
        rows_page_add(s->page, &in);
    }
    journal_close(journal);
    return ok;
}

static const struct table_class journal_items_table = {
    .title = "entry",
    .empty = "no record was touched",
    .sheet = &item_sheet,
    .gather = gather_items,
};

static bool entries_command(struct table_view *v, enum command command, ptrdiff_t row)
{
    size_t at;
    if (command != CMD_UNDO && command != CMD_REDO && command != CMD_RESUME &&
        !(command == CMD_ENTER && row >= 0))
        return false;
    if (!listview_may_act((struct listview *)v, &at))
        return true;
    if (command == CMD_ENTER)
        view_table_open(table_app(v), &journal_items_table, rows_key(table_rows(v), at));
    else
        take_up(v, at,
                command == CMD_RESUME ? FROM_RESUME
                : command == CMD_REDO ? FROM_REDO
                                      : FROM_UNDO);
    return true;
}

const struct table_class journal_table = {
    .title = "journal",
    .empty = "nothing was ever changed from here",
    .sheet = &entry_sheet,
    .scopes = SCOPE_JOURNAL,
    .gather = gather_entries,
    .command = entries_command,
};
