/* The journal: pre-images and outcomes of every change, in one SQLite file, 0600, WAL, full sync.
 * One entry is one applied plan, one item a record. Entries are kept 90 days. */
#ifndef PENSTOCK_JOURNAL_H
#define PENSTOCK_JOURNAL_H

#include "core/store.h"

struct journal;

struct journal_item {
    int64_t n;        /* rowid, unique in the journal */
    struct str store; /* identity */
    struct str id, label;
    enum edit_kind kind;
    unsigned compare, change;
    struct version before[PARTS_MAX], after[PARTS_MAX]; /* after: once applied */
    bool before_absent, after_absent;
    struct str before_image, after_image; /* ptr NULL: absent, or not read */
    /* What commit gave; ptr NULL: none. Until then what undo can find its note by (store.h). */
    struct str receipt;
    /* What `after` was to be: WRITE: value_digest of the new root, with the paths of its late
     * values; RESTORE: digest of the versions to come back; else unused. See apply_settle. */
    uint8_t digest[SHA256_LEN];
    const struct str *late_paths;
    size_t nlate;
    struct str before_text, after_text;
    enum outcome outcome;
    bool verified;
    struct str detail;
    enum undo_scope undo;
    struct str waits_for; /* what had to happen before it took effect; ptr NULL: nothing */
    int64_t needs;        /* index in the entry of the item that had to be applied first, or -1 */
    int64_t undoes;       /* n of the item this one restored, else 0 */
    bool undone;          /* a later item that was applied restored it */
};

struct journal_entry {
    int64_t n;
    char id[13]; /* 12 hex digits: the journal_id of cli.md */
    char plan_id[13];
    int64_t at_us;
    struct str owner;  /* host/pid/start of the program that applies it: is it still at work? */
    struct str who;    /* user@host, "(sudo: name)" when there was one */
    struct str target; /* context or address, without credentials */
    struct str store;  /* identity */
    struct str server;
    struct str system, verb, reason;
    struct str request; /* JSON, as in a saved plan: what `resume` makes a plan from */
    enum undo_scope undo;
    int64_t undoes; /* n of the entry this one undid or redid, else 0 */
    bool is_redo;
    int64_t undone_by;              /* n of the entry that undid this one and is in force, else 0 */
    size_t nitems, applied, failed; /* counts; failed: neither applied nor unchanged */
    size_t intended;                /* not settled */
    struct str first;               /* label of the first item */
    struct journal_item *items;     /* NULL unless asked for */
};

/* Opens or makes the file and its directory. ERR_UNAVAILABLE with the path when it cannot be
 * written; `read_only` opens what is there (an absent journal is then ERR_NOT_FOUND). */
bool journal_open(const char *path, bool read_only, struct journal **ret, struct err *err);
void journal_close(struct journal *journal);
/* A warning to show once: the file system will not last (tmpfs, overlay); STR_NULL when fine. */
struct str journal_warning(const struct journal *journal);

/* Writes an entry with all its items as INTENDED, one transaction, synced to disk before it
 * returns. Fills entry->n, entry->id and the items' n. */
bool journal_begin(struct journal *journal, struct journal_entry *entry, struct err *err);
/* Records what became of an item: after versions and image, receipt, outcome, verified, detail. The
 * item is found by n. Survives the end of the program at once, a loss of power after journal_sync;
 * what that loses is still `intended` and settled by reading. */
bool journal_record(struct journal *journal, const struct journal_item *item, struct err *err);

bool journal_sync(struct journal *journal, struct err *err);

/* Newest first, without items; since_us 0 = all; store ptr NULL = all stores. */
bool journal_list(struct journal *journal, struct arena *arena, int64_t since_us, struct str store,
                  struct journal_entry **ret, size_t *ret_n, struct err *err);
/* Those in which an item is still INTENDED, newest first, without items. */
bool journal_open_entries(struct journal *journal, struct arena *arena, struct journal_entry **ret,
                          size_t *ret_n, struct err *err);
/* One entry with its items; id may be a unique prefix of at least 4 digits. */
bool journal_load(struct journal *journal, struct arena *arena, struct str id,
                  struct journal_entry *ret, struct err *err);
/* The entries that touched one record, newest first and at most `max`, each with the items of that
 * record alone. */
bool journal_of_record(struct journal *journal, struct arena *arena, struct str store,
                       struct str id, size_t max, struct journal_entry **ret, size_t *ret_n,
                       struct err *err);
/* Items of an entry in one store that are still INTENDED: a crash, or somebody at work. */
bool journal_unsettled(struct journal *journal, struct arena *arena,
                       const struct journal_entry *entry, struct str store,
                       struct journal_item **ret, size_t *ret_n, struct err *err);
/* Forgets entries; never one with an item that is INTENDED. */
bool journal_prune(struct journal *journal, int64_t older_than_us, size_t *ret_n, struct err *err);

#endif
