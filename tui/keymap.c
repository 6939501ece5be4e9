#include "tui/keymap.h"

/* clang-format off */
/* Rows that share a command stand together; the first one has the words. Order is that of the
 * footer and of the help. */
const struct key_row key_rows[] = {
    { SCOPE_TYPED,   K_ENTER,      CMD_ENTER,      "done",    "done typing" },
    { SCOPE_TYPED_PLAN, K_ESC,     CMD_BACK,       "park",    "park the plan: it waits under its id, :plan brings it back" },
    { SCOPE_TYPED,   K_ESC,        CMD_BACK,       "leave",   "leave the line" },
    { SCOPE_CHOICE,  K_ESC,        CMD_BACK,       "stay",    "choose nothing" },
    { SCOPE_TYPED_PLAN, K_TAB,     CMD_FOCUS,      "rows",    "from what is to be typed to the rows, and back" },
    { SCOPE_PLAN,    K_TAB,        CMD_FOCUS,      NULL,      NULL },
    { SCOPE_PLAN,    'y',          CMD_ACCEPT,     NULL,      "apply, where one key is enough" },
    { SCOPE_PLAN,    ' ',          CMD_DROP,       "drop row", "leave this record out of the plan" },
    { SCOPE_PLAN,    'd',          CMD_DIFF,       "diff",    "every changed value of this record, or one line" },
    { SCOPE_PLAN,    '1',          CMD_FIRST_ONLY, "only the first", "apply the first row alone; the others are planned again afterwards" },
    { SCOPE_PLAN,    'i',          CMD_INCLUDE,    NULL,      "include what was set aside; then a name has to be typed" },
    { SCOPE_PLAN,    'v',          CMD_VISIBLE,    NULL,      "only the rows that no filter hides" },
    { SCOPE_PLAN,    'f',          CMD_FORCE,      NULL,      "override a live writer that blocks: typed, with a reason" },
    { SCOPE_PLAN,    'W',          CMD_SAVE_PLAN,  "save",    "write the plan to a file, for `penstock apply`" },
    { SCOPE_PLAN,    'Y',          CMD_COPY_COMMAND, NULL,    "copy the command that makes this plan" },
    { SCOPE_PLAN | SCOPE_TYPED_PLAN, K_CTRL('x'), CMD_DISCARD, NULL, "discard the plan; nothing was written" },
    { SCOPE_TYPED_PLAN, K_CTRL('c'), CMD_CANCEL,   NULL,      "leave the plan; asks whether to park or discard it" },
    { SCOPE_APPLYING, K_CTRL('c'), CMD_CANCEL,     "stop",    "stop after the record that is being written; what was written stays" },
    { SCOPE_RESULT,  'r',          CMD_AGAIN,      "plan again", "a fresh plan of the row under the cursor, if it was not applied" },
    { SCOPE_RESULT,  'R',          CMD_RESUME,     "go on",   "a fresh plan of the rows that were not tried" },
    { SCOPE_RESULT,  'z',          CMD_UNDO,       "undo",    "undo this change (a plan comes first)" },
    { SCOPE_RESULT,  'Z',          CMD_REDO,       "redo",    "take this undo back (a plan comes first)" },
    { SCOPE_RESULT,  K_ENTER,      CMD_BACK,       "close",   "close the result" },

    { SCOPE_TABLE,   K_ENTER,      CMD_ENTER,      "open",    "the whole row, or what lies behind it" },
    { SCOPE_TABLE,   'E',          CMD_ERROR,      NULL,      "everything known of this row, uncut" },
    { SCOPE_ACTS,    'x',          CMD_ACTIONS,    "act",     "what can be done, and what it would do" },
    { SCOPE_JOURNAL, 'z',          CMD_UNDO,       "undo",    "undo this change (a plan comes first)" },
    { SCOPE_JOURNAL, 'Z',          CMD_REDO,       NULL,      "take this undo back (a plan comes first)" },
    { SCOPE_JOURNAL, 'R',          CMD_RESUME,     "go on",   "plan anew what this change left" },
    { SCOPE_STORES,  K_ENTER,      CMD_ENTER,      "open",    "the records behind this row" },
    { SCOPE_STORES,  'x',          CMD_ACTIONS,    "act",     "what can be done for exactly these records" },
    { SCOPE_STORES,  K_TAB,        CMD_FOCUS,      "stores",  "from what needs attention to the stores, and back" },
    { SCOPE_STORES,  ' ',          CMD_MARK,       NULL,      "marks are made in a list of records: Enter opens it" },
    { SCOPE_STORES,  'E',          CMD_ERROR,      NULL,      "the whole finding, or what a store is doing, uncut" },
    { SCOPE_RECORDS, K_ENTER,      CMD_DETAIL,     "detail",  "the whole document as a tree" },
    { SCOPE_RECORDS, 'd',          CMD_DETAIL,     NULL,      NULL },
    { SCOPE_RECORDS, K_TAB,        CMD_FOCUS,      NULL,      "from the list to what it says of the row, and back" },
    { SCOPE_RECORD,  'H',          CMD_SHEET,      "parts",   "history or parts of the record; again: the next, at last what was changed from here" },
    { SCOPE_RECORD,  'E',          CMD_ERROR,      "all",     "everything known of this row, uncut" },
    { SCOPE_RECORD,  '=',          CMD_COMPARE,    NULL,      "what differs: two marked records, or this one from what it was before it was changed here" },
    { SCOPE_RECORD,  'x',          CMD_ACTIONS,    "act",     "what can be done, and what it would do" },
    { SCOPE_COLUMNS, ' ',          CMD_MARK,       "show",    "show or hide this column" },
    { SCOPE_LIST,    ' ',          CMD_MARK,       "mark",    "mark or unmark" },
    { SCOPE_LIST,    '*',          CMD_MARK_SHOWN, NULL,      "mark every row that is shown" },
    { SCOPE_LIST,    'v',          CMD_RANGE,      NULL,      "mark a range: once where it begins, again where it ends" },
    { SCOPE_LIST,    'u',          CMD_UNMARK,     NULL,      "clear all marks; again: bring them back" },
    { SCOPE_LIST,    '/',          CMD_FILTER,     "filter",  "only matching rows: words, !word, ~fuzzy, column=value, size>1MB, re:pattern" },
    { SCOPE_RECORDS, '!',          CMD_ATTENTION,  NULL,      "only what needs attention, or all again" },
    { SCOPE_STORES,  'z',          CMD_UNDO,       "undo",    "undo a change: the newest, or where there are several stores one of the journal" },
    { SCOPE_STORE,   'z',          CMD_UNDO,       "undo",    "undo the newest change (a plan comes first)" },
    { SCOPE_STORE,   'Z',          CMD_REDO,       NULL,      "redo what was undone (a plan comes first)" },

    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_MENU, 'j',            CMD_DOWN, NULL, "down" },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_MENU | SCOPE_PLAN | SCOPE_TYPED_PLAN | SCOPE_RESULT, K_DOWN, CMD_DOWN, NULL, NULL },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_MENU, 'k',            CMD_UP,   NULL, "up" },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_MENU | SCOPE_PLAN | SCOPE_TYPED_PLAN | SCOPE_RESULT, K_UP, CMD_UP, NULL, NULL },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_PLAN | SCOPE_TYPED_PLAN | SCOPE_RESULT, K_PAGE_DOWN, CMD_PAGE_DOWN, NULL, "a page down" },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_PLAN | SCOPE_TYPED_PLAN | SCOPE_RESULT, K_CTRL('f'), CMD_PAGE_DOWN, NULL, NULL },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_PLAN | SCOPE_TYPED_PLAN | SCOPE_RESULT, K_PAGE_UP,   CMD_PAGE_UP,   NULL, "a page up" },
    { SCOPE_LIST | SCOPE_SCROLL | SCOPE_PLAN | SCOPE_TYPED_PLAN | SCOPE_RESULT, K_CTRL('b'), CMD_PAGE_UP,   NULL, NULL },
    { SCOPE_LIST | SCOPE_SCROLL, K_CTRL('d'), CMD_HALF_DOWN, NULL, "half a page down" },
    { SCOPE_LIST | SCOPE_SCROLL, K_CTRL('u'), CMD_HALF_UP,   NULL, "half a page up" },
    { SCOPE_LIST | SCOPE_SCROLL, 'g',         CMD_FIRST,     NULL, "first line" },
    { SCOPE_LIST | SCOPE_SCROLL, K_HOME,      CMD_FIRST,     NULL, NULL },
    { SCOPE_LIST | SCOPE_SCROLL, 'G',         CMD_LAST,      NULL, "last line" },
    { SCOPE_LIST | SCOPE_SCROLL, K_END,       CMD_LAST,      NULL, NULL },
    { SCOPE_LIST | SCOPE_TREE,   'h',         CMD_LEFT,      NULL, "columns to the left; in a tree: fold" },
    { SCOPE_LIST | SCOPE_TREE,   K_LEFT,      CMD_LEFT,      NULL, NULL },
    { SCOPE_LIST | SCOPE_TREE,   'l',         CMD_RIGHT,     NULL, "columns to the right; in a tree: unfold" },
    { SCOPE_LIST | SCOPE_TREE,   K_RIGHT,     CMD_RIGHT,     NULL, NULL },
    { SCOPE_TREE,    K_ENTER,      CMD_ENTER,      "fold",    "fold or unfold" },
    { SCOPE_TREE,    ' ',          CMD_FOLD_ALL,   NULL,      "fold or unfold everything below" },
    { SCOPE_TREE,    '/',          CMD_FILTER,     "find",    "find a key or a value" },
    { SCOPE_TREE,    'n',          CMD_NEXT_MATCH, NULL,      "next match" },
    { SCOPE_TREE,    'N',          CMD_PREV_MATCH, NULL,      "match before" },
    { SCOPE_TREE,    'W',          CMD_WHOLE,      NULL,      "read a value that was cut, whole" },
    { SCOPE_MENU,    K_ENTER,      CMD_ENTER,      "choose",  "make the plan of this entry" },
    { SCOPE_HELP,    K_ENTER,      CMD_ENTER,      "press",   "press this key where the help was asked for" },
    { SCOPE_HELP,    '/',          CMD_FILTER,     "filter",  "only keys whose words match" },

    { SCOPE_LIST,    '<',          CMD_SORT_PREV,  NULL,      "sort by the column before" },
    { SCOPE_LIST,    '>',          CMD_SORT_NEXT,  NULL,      "sort by the next column" },
    { SCOPE_LIST,    's',          CMD_SORT_FLIP,  NULL,      "turn the order round" },
    { SCOPE_LIST,    'w',          CMD_WIDE,       NULL,      "columns as wide as what is in them, or as the screen has room" },
    { SCOPE_LIST,    'C',          CMD_COLUMNS,    NULL,      "which columns are shown, and what they say" },
    { SCOPE_LIST,    'n',          CMD_NEXT_MATCH, NULL,      "next row that the last filter matches" },
    { SCOPE_LIST,    'N',          CMD_PREV_MATCH, NULL,      "row before that the last filter matches" },
    { SCOPE_LIST,    'y',          CMD_COPY,       NULL,      "copy: the id, the row, or the command that shows it" },
    { SCOPE_TREE,    'y',          CMD_COPY,       NULL,      "copy: the value, its path, or the command that shows the record" },
    { SCOPE_LIST,    'T',          CMD_TIMES,      NULL,      "times as ages or as UTC" },
    { SCOPE_LIST | SCOPE_STORE, K_CTRL('r'), CMD_REFRESH, NULL, "read again now" },
    { SCOPE_LIST,    'P',          CMD_PAUSE,      NULL,      "pause the refresh, or go on" },

    { SCOPE_PLAN,    K_ESC,        CMD_BACK,       "park",    "park the plan: it waits under its id, :plan brings it back" },
    { SCOPE_MENU,    K_ESC,        CMD_BACK,       "leave",   "leave; nothing was written" },
    { SCOPE_ANY,     K_ESC,        CMD_BACK,       NULL,      "one step back" },
    { SCOPE_ANY,     '-',          CMD_LAST_VIEW,  NULL,      "the view that was left last, as it was; again: back" },
    { SCOPE_ANY,     ':',          CMD_PALETTE,    "go",      "views, commands, contexts, ids: what to go to" },
    { SCOPE_ANY,     'o',          CMD_OVERVIEW,   NULL,      "overview: what needs attention, and the stores" },
    { SCOPE_ANY,     'L',          CMD_LOCKS,      NULL,      "locks of all stores" },
    { SCOPE_ANY,     'J',          CMD_JOURNAL,    NULL,      "journal: what was changed, and undoing any of it" },
    { SCOPE_ANY,     'A',          CMD_AUDIT,      NULL,      "audit: who did what" },
    { SCOPE_ANY,     '?',          CMD_HELP,       "keys",    "the keys valid here" },
    { SCOPE_FIRST,   'q',          CMD_QUIT,       "quit",    "quit: this is the first screen" },
    { SCOPE_ANY,     'q',          CMD_QUIT,       "back",    "one step back; on the first screen: quit" },
    { SCOPE_ANY,     K_CTRL('c'),  CMD_CANCEL,     NULL,      "cancel what is running" },
    { SCOPE_ANY | SCOPE_TYPED | SCOPE_CHOICE, K_CTRL('l'),  CMD_REDRAW,     NULL,      "draw the screen anew" },
    { SCOPE_ANY | SCOPE_TYPED | SCOPE_CHOICE, K_CTRL('z'),  CMD_SUSPEND,    NULL,      "to the shell; fg comes back" },
};
/* clang-format on */

const size_t nkey_rows = sizeof key_rows / sizeof key_rows[0];

bool command_changes(enum command command)
{
    return command == CMD_ACTIONS || command == CMD_UNDO || command == CMD_REDO;
}

const struct key_row *keymap_row(unsigned scopes, uint32_t key)
{
    for (size_t i = 0; i < nkey_rows; i++) {
        if ((key_rows[i].scope & scopes) && key_rows[i].key == key)
            return &key_rows[i];
    }
    return NULL;
}

enum command keymap_find(unsigned scopes, uint32_t key)
{
    const struct key_row *row = keymap_row(scopes, key);
    return row ? row->command : CMD_NONE;
}

struct str keymap_keys(struct arena *a, unsigned scopes, const struct key_row *row)
{
    struct sbuf out = SBUF_INIT;
    for (const struct key_row *r = row; r < key_rows + nkey_rows; r++) {
        if (r > row && (r->help || r->command != row->command))
            break;
        if (!(r->scope & scopes))
            continue;
        char name[16];
        if (out.len)
            sbuf_char(&out, ' ');
        sbuf_cstr(&out, key_text(r->key, name));
    }
    return arena_take(a, &out);
}
