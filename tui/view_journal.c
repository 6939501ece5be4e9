/* The journal: what was changed, by whom, and taking any of it back. */
#include "core/own_sheets.h"
#include "tui/view_choice.h"
#include "tui/view_table.h"

#include <string.h>

enum { COLUMN_VERB = 4, COLUMN_STORE = 13 };
enum { ENTRY_ID_LEN = 12, CHANGES_MAX = 500 };

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

/* `key` begins with the id of the entry. */
static void take_up(struct app *app, struct str store, struct str verb, struct str key,
                    enum plan_from kind)
{
    struct session *session = session_of_store(app, store);
    if (!session) {
        app_say(app, STYLE_WARN, "its store %.*s is not open here", STR_ARG(store));
        return;
    }
    bool is_undo = str_is(verb, "undo");
    if (kind != FROM_RESUME && is_undo != (kind == FROM_REDO)) {
        app_say(app, STYLE_WARN,
                is_undo ? "this is an undo: Z takes it back" : "this is no undo: z undoes it");
        return;
    }
    view_journal_plan_open(app, session, kind, str_sub(key, 0, ENTRY_ID_LEN));
}

static enum plan_from kind_of(enum command command)
{
    return command == CMD_RESUME ? FROM_RESUME : command == CMD_REDO ? FROM_REDO : FROM_UNDO;
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

/* Of both lists: what can be done about the entry that the row is of. */
static bool entry_command(struct table_view *v, enum command command, size_t verb, size_t store)
{
    size_t at;
    if (command != CMD_UNDO && command != CMD_REDO && command != CMD_RESUME && command != CMD_ENTER)
        return false;
    if (!listview_may_act((struct listview *)v, &at))
        return true;
    const struct rows *rows = table_rows(v);
    struct str key = rows_key(rows, at);
    if (command == CMD_ENTER)
        view_table_open(table_app(v), &journal_items_table, str_sub(key, 0, ENTRY_ID_LEN));
    else
        take_up(table_app(v), rows_cell(rows, at, store).text, rows_cell(rows, at, verb).text, key,
                kind_of(command));
    return true;
}

static bool entries_command(struct table_view *v, enum command command, ptrdiff_t row)
{
    (void)row;
    return entry_command(v, command, COLUMN_VERB, COLUMN_STORE);
}

static struct cell entry_cell(const struct table_view *v, ptrdiff_t row, const char *column)
{
    size_t at = 0;
    sheet_column(&entry_sheet, str_of(column), &at);
    return rows_cell(table_rows(v), (size_t)row, at);
}

/* Only what there is to do about the entry under the cursor. */
static const char *entries_footer(const struct table_view *v, const struct key_row *key,
                                  ptrdiff_t row)
{
    bool of_entry =
        key->command == CMD_UNDO || key->command == CMD_REDO || key->command == CMD_RESUME;
    if (!of_entry || row < 0)
        return of_entry ? NULL : key->footer;
    bool undoable = entry_cell(v, row, "undoable").number;
    bool is_undo = str_is(entry_cell(v, row, "verb").text, "undo");
    if (key->command == CMD_RESUME)
        return str_is(entry_cell(v, row, "outcome").text, "applied") ? NULL : key->footer;
    return undoable && is_undo == (key->command == CMD_REDO) ? (is_undo ? "redo" : "undo") : NULL;
}

const struct table_class journal_table = {
    .title = "journal",
    .empty = "nothing was ever changed from here",
    .sheet = &entry_sheet,
    .scopes = SCOPE_JOURNAL,
    .gather = gather_entries,
    .command = entries_command,
    .footer = entries_footer,
};

/* --- of one record ---------------------------------------------------------------------------- */

/* `arg` is "store\nid". */
static bool gather_changes(const struct table_source *s)
{
    struct journal *journal;
    struct journal_entry *entries = NULL;
    size_t n = 0, end = (size_t)str_index(s->arg, '\n');
    struct str store = str_sub(s->arg, 0, end), id = str_sub(s->arg, end + 1, s->arg.len);
    if (!open_journal(s, &journal))
        return false;
    bool ok = !journal ||
              journal_of_record(journal, s->arena, store, id, CHANGES_MAX, &entries, &n, s->err);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < entries[i].nitems; k++) {
            struct cell cells[CHANGE_COLUMNS];
            change_cells(&entries[i], &entries[i].items[k], cells);
            struct row_in in = {.key = arena_printf(s->arena, "%s %zu", entries[i].id, k),
                                .label = str_of(entries[i].id),
                                .cells = cells,
                                .known = true};
            rows_page_add(s->page, &in);
        }
    }
    journal_close(journal);
    return ok;
}

static struct cell change_cell(const struct table_view *v, size_t row, const char *column)
{
    size_t at = 0;
    sheet_column(&change_sheet, str_of(column), &at);
    return rows_cell(table_rows(v), row, at);
}

/* The change that the question is about is the one under the cursor: nothing moves meanwhile. */
static void restore(struct app *app, const struct table_view *v, bool before)
{
    size_t row;
    if (!list_at(&((const struct listview *)v)->list, &row))
        return;
    struct session *session = session_of_store(app, change_cell(v, row, "store").text);
    struct str arg = table_arg(v);
    if (session)
        view_restore_open(app, session, rows_label(table_rows(v), row),
                          str_sub(arg, (size_t)str_index(arg, '\n') + 1, arg.len), before);
}

static void restore_before(struct app *app, void *ctx)
{
    restore(app, ctx, true);
}

static void restore_after(struct app *app, void *ctx)
{
    restore(app, ctx, false);
}

static void ask_what(struct table_view *v, size_t row)
{
    struct app *app = table_app(v);
    struct session *session = session_of_store(app, change_cell(v, row, "store").text);
    struct arena a = ARENA_INIT;
    struct str before = change_cell(v, row, "before").text;
    struct str after = change_cell(v, row, "after").text;
    const struct choice choices[] = {
        {'b', arena_printf(&a, "back to what it was before: %.*s", STR_ARG(before)).ptr,
         restore_before},
        {'a', arena_printf(&a, "back to what came of it: %.*s", STR_ARG(after)).ptr,
         restore_after}};
    if (!session)
        app_say(app, STYLE_WARN, "its store is not open here");
    else if (session->system->no_restore)
        app_say(app, STYLE_MESSAGE, "%s", session->system->no_restore);
    else if (!str_is(change_cell(v, row, "outcome").text, "applied"))
        app_say(app, STYLE_MESSAGE, "this change was not made: nothing came of it");
    else
        view_choice_open(app, session, "RESTORE",
                         arena_printf(&a,
                                      "the %.*s of %.*s, whatever happened since (a plan comes "
                                      "first)",
                                      STR_ARG(change_cell(v, row, "verb").text),
                                      STR_ARG(change_cell(v, row, "who").text)),
                         choices, 2, v);
    arena_release(&a);
}

static bool changes_command(struct table_view *v, enum command command, ptrdiff_t row)
{
    size_t at;
    (void)row;
    if (command != CMD_ACTIONS)
        return entry_command(v, command, CHANGE_VERB, CHANGE_STORE);
    if (listview_may_act((struct listview *)v, &at))
        ask_what(v, at);
    return true;
}

static const char *changes_footer(const struct table_view *v, const struct key_row *key,
                                  ptrdiff_t row)
{
    if (row < 0)
        return key->scope & (SCOPE_JOURNAL | SCOPE_ACTS) ? NULL : key->footer;
    const struct session *session =
        session_of_store(table_app(v), change_cell(v, (size_t)row, "store").text);
    struct str outcome = change_cell(v, (size_t)row, "outcome").text;
    bool applied = str_is(outcome, "applied");
    bool is_undo = str_is(change_cell(v, (size_t)row, "verb").text, "undo");
    switch (key->command) {
    case CMD_ACTIONS:
        return applied && session && !session->system->no_restore ? "restore" : NULL;
    case CMD_RESUME:
        return applied || str_is(outcome, "unchanged") ? NULL : key->footer;
    case CMD_UNDO:
    case CMD_REDO:
        return applied && !change_cell(v, (size_t)row, "undone").number &&
                       is_undo == (key->command == CMD_REDO)
                   ? (is_undo ? "redo" : "undo")
                   : NULL;
    default:
        return key->footer;
    }
}

static const struct table_class changes_table = {
    .title = "changes made from here",
    .empty = "this record was never changed from here",
    .sheet = &change_sheet,
    .scopes = SCOPE_JOURNAL | SCOPE_ACTS,
    .gather = gather_changes,
    .command = changes_command,
    .footer = changes_footer,
};

void view_changes_open(struct app *app, const struct session *session, struct str id,
                       struct str label)
{
    struct arena a = ARENA_INIT;
    view_table_about(app, &changes_table,
                     arena_printf(&a, "%s\n%.*s", session->target.address.identity, STR_ARG(id)),
                     arena_printf(&a, "in %.*s", STR_ARG(label)));
    arena_release(&a);
}
