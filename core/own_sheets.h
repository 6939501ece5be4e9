/* Sheets that belong to no system: locks, the journal, the audit file, what a probe found. Their
 * cells are made one row at a time, from what the caller has; texts are lent. */
#ifndef PENSTOCK_OWN_SHEETS_H
#define PENSTOCK_OWN_SHEETS_H

#include "core/journal.h"
#include "core/plan.h"
#include "core/sheet.h"

#include <jansson.h>

enum {
    LOCK_OBJECT = 2,
    LOCK_TARGET = 12,
    LOCK_BREAKABLE = 13,
    LOCK_ENVIRONMENT = 14,
    LOCK_COLUMNS = 15
};
extern const struct sheet lock_sheet;
void lock_cells(const struct lock *lock, const struct open_store *store, int64_t now_us,
                struct cell ret[LOCK_COLUMNS]);

/* Journal entries, and the items of one. */
enum { ENTRY_COLUMNS = 16 };
extern const struct sheet entry_sheet;
/* `undone_by`: id of the entry that undid this one and is in force, or STR_NULL. Texts that are
 * made live in `arena`. */
void entry_cells(const struct journal_entry *entry, struct str undone_by, struct arena *arena,
                 struct cell ret[ENTRY_COLUMNS]);
/* The id of the entry with number n; STR_NULL when it is not among these. */
struct str entry_id_of_number(const struct journal_entry *entries, size_t n, int64_t number);

enum { ITEM_COLUMNS = 9, ITEM_ID = ITEM_COLUMNS - 1 };
extern const struct sheet item_sheet;
void item_cells(const struct journal_item *item, struct cell ret[ITEM_COLUMNS]);

/* What one record went through: an item with its entry. */
enum { CHANGE_VERB = 3, CHANGE_STORE = 11, CHANGE_COLUMNS = 12 };
extern const struct sheet change_sheet;
void change_cells(const struct journal_entry *entry, const struct journal_item *item,
                  struct cell ret[CHANGE_COLUMNS]);

/* Audit lines. `audit_folded` says of each line whether a later one gives its result. */
enum { AUDIT_OBJECT = 4, AUDIT_OUTCOME = 5, AUDIT_COLUMNS = 8 };
extern const struct sheet audit_sheet;
bool *audit_folded(struct arena *arena, json_t *lines);
void audit_cells(json_t *line, struct cell ret[AUDIT_COLUMNS]);

/* What was found at a target, once it was probed. */
enum { PROBE_COLUMNS = 14 };
extern const struct sheet probe_sheet;
void probe_cells(const struct open_store *open, struct cell ret[PROBE_COLUMNS]);

#endif
