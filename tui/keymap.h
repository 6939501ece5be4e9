/* The keys: one table from which keys are looked up and the footer and the help are printed. */
#ifndef PENSTOCK_TUI_KEYMAP_H
#define PENSTOCK_TUI_KEYMAP_H

#include "core/base/arena.h"
#include "tui/key.h"

#include <stdbool.h>

enum command {
    CMD_NONE,
    CMD_UP,
    CMD_DOWN,
    CMD_PAGE_UP,
    CMD_PAGE_DOWN,
    CMD_HALF_UP,
    CMD_HALF_DOWN,
    CMD_FIRST,
    CMD_LAST,
    CMD_LEFT,
    CMD_RIGHT,
    CMD_ENTER,
    CMD_BACK,
    CMD_QUIT,
    CMD_CANCEL,
    CMD_HELP,
    CMD_FILTER,
    CMD_MARK,
    CMD_MARK_SHOWN,
    CMD_UNMARK,
    CMD_SORT_PREV,
    CMD_SORT_NEXT,
    CMD_SORT_FLIP,
    CMD_DETAIL,
    CMD_SHEET,
    CMD_ERROR,
    CMD_TIMES,
    CMD_ACTIONS,
    CMD_UNDO,
    CMD_REDO,
    CMD_REFRESH,
    CMD_PAUSE,
    CMD_FOLD_ALL,
    CMD_NEXT_MATCH,
    CMD_PREV_MATCH,
    CMD_WHOLE,
    CMD_ACCEPT,
    CMD_DROP,
    CMD_DIFF,
    CMD_FORCE,
    CMD_INCLUDE,
    CMD_VISIBLE,
    CMD_FIRST_ONLY,
    CMD_SAVE_PLAN,
    CMD_COPY_COMMAND,
    CMD_DISCARD,
    CMD_AGAIN,
    CMD_RESUME,
    CMD_FOCUS,
    CMD_REDRAW,
    CMD_SUSPEND,
    CMD_WIDE,
    CMD_RANGE,
    CMD_COLUMNS,
    CMD_PALETTE,
    CMD_COMPARE,
    CMD_OVERVIEW,
    CMD_ATTENTION,
    CMD_LOCKS,
    CMD_JOURNAL,
    CMD_AUDIT,
    CMD_COPY,
    CMD_LAST_VIEW,
    COMMANDS
};

/* Where a key is valid; a view names its scopes in the order in which they are looked up. */
enum scope {
    SCOPE_LIST = 1,    /* every list */
    SCOPE_RECORDS = 2, /* lists whose rows are records, or parts of one */
    SCOPE_STORES = 4,  /* the overview */
    SCOPE_SCROLL = 8,  /* texts and trees */
    SCOPE_TREE = 16,
    SCOPE_RECORD = 32,  /* what shows one record */
    SCOPE_PLAN = 64,    /* a plan that waits for its confirmation */
    SCOPE_RESULT = 128, /* one that was applied */
    SCOPE_MENU = 256,
    SCOPE_STORE = 512,       /* wherever one store is looked at */
    SCOPE_TYPED = 1024,      /* while a line is typed: every other key is text */
    SCOPE_TYPED_PLAN = 2048, /* where what is typed confirms a plan */
    SCOPE_ANY = 4096,
    SCOPE_TABLE = 8192,     /* lists that are not of one store */
    SCOPE_ACTS = 16384,     /* of these, where something can be done to a row */
    SCOPE_JOURNAL = 32768,  /* entries of the journal */
    SCOPE_COLUMNS = 131072, /* the columns of a list */
    SCOPE_APPLYING = 65536, /* a plan is being applied */
    SCOPE_CHOICE = 1048576, /* a question: its own keys, or none */
    SCOPE_HELP = 524288,    /* the keys of a place, to choose from */
    SCOPE_FIRST = 262144,   /* the first screen: there is nothing to go back to */
};

struct key_row {
    unsigned scope;
    uint32_t key;
    enum command command;
    const char *footer; /* word in the footer, or NULL */
    const char *help;   /* NULL: another key for the row before */
};

extern const struct key_row key_rows[];
extern const size_t nkey_rows;

/* Does it lead to a change? Where a store is read-only it is shown, and not available. */
bool command_changes(enum command command);
/* The row that a key means under these scopes; NULL when it means nothing. */
const struct key_row *keymap_row(unsigned scopes, uint32_t key);
/* The command of a key under these scopes; CMD_NONE when it has none here. */
enum command keymap_find(unsigned scopes, uint32_t key);
/* Names of all keys of a command in these scopes, "j ↓". */
struct str keymap_keys(struct arena *a, unsigned scopes, const struct key_row *row);

#endif
