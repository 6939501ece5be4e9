/* Plans: a request, made into a frozen list of items that is shown, checked and then applied.
 *
 * A request names an operation, records and arguments. plan_make reads the records, asks who is
 * writing, runs the operation on each and keeps what came: items with the versions seen, the edit,
 * consequences, and whether it can be undone. Nothing is written, nothing is held. A plan owns its
 * memory: one arena, in which before and after of an item share nodes. */
#ifndef PENSTOCK_PLAN_H
#define PENSTOCK_PLAN_H

#include "core/journal.h"
#include "core/store.h"

#include <jansson.h>

/* A store that is open, with what is known of it beside its address. */
struct open_store {
    struct store *store;
    struct target target;
};

/* One record of a request. */
struct plan_record {
    struct str id; /* resolved: unique in its store */
    struct str label;
    struct str other_id; /* second record of copy, move, merge; ptr NULL: none */
    struct op_args args; /* added to the request's own: `name` of an instance */
};

struct plan_request {
    const struct op *op; /* NULL for undo, redo (entry != NULL) and for a lock break */
    const char *verb;    /* as the operator said it: "reset" where op is "rollback" */
    struct op_args args;
    const struct plan_record *records;
    size_t nrecords;
    struct open_store *store;       /* every record lies here */
    struct open_store *other_store; /* other_id lies here; usually the same */
    const struct lock *locks;       /* lock break: the locks as seen, in the order of records */
    bool force;                     /* override a live writer that the plan names */
    struct str reason;              /* or ptr NULL */
};

struct plan_item {
    struct open_store *store;
    struct str id, label;
    enum edit_kind kind;
    const struct document *before;
    const struct value *after;     /* WRITE */
    struct str image;              /* RESTORE; ptr NULL: absent */
    struct str receipt;            /* RESTORE */
    struct str lock_token;         /* BREAK */
    const struct document *source; /* WRITE: another record that `after` was made from, or NULL */
    struct open_store *source_store;
    const struct run_note *note;
    struct str note_id;       /* given by apply, where the store keeps notes */
    unsigned compare, change; /* bits per part */
    ptrdiff_t needs;          /* index of the item that must have been applied, or -1 */
    ptrdiff_t record;         /* index in the request's records; -1: undo, break */
    struct writer writer;
    enum undo_scope undo;
    struct str waits_for; /* unless `effective` */
    struct str before_text, after_text;
    struct change_words *words; /* the same in the system's words, where it has them */
    size_t nwords;
    struct value_change *diff;
    size_t ndiff;
    bool diff_more;
    struct consequence *consequences;
    /* PLANNED; or REFUSED, FAILED, UNCHANGED already in the plan, with err or detail saying why.
     * After apply: what became of it. */
    enum outcome outcome;
    struct err err;
    struct str detail;
    bool typed, needs_reason;   /* the operation asks for it */
    bool included;              /* was set aside, and the operator wants it nevertheless */
    bool verified;              /* read back and compared */
    bool effective;             /* nothing has to happen first */
    const struct document *now; /* CONFLICT: as found; APPLIED: as read back, perhaps no root */
    const struct op *op;        /* for judging the writer again; NULL for RESTORE and BREAK */
    struct op_args args;
    struct journal_item *journal;     /* once apply recorded it; NULL before */
    struct str new_receipt;           /* what the commit gave */
    int64_t undoes;                   /* RESTORE: n of the journal item it undoes, else 0 */
    struct version expect[PARTS_MAX]; /* versions the item was made from */
    struct version target[PARTS_MAX]; /* RESTORE: versions that come back */
};

struct plan {
    struct arena arena;
    char id[13]; /* 12 hex digits */
    const char *verb;
    const struct system *system; /* of its store, which a screen may not touch */
    struct plan_request request;
    struct plan_item *items;
    size_t nitems;
    /* Of the items that are planned (when there are none: locked), grouped: equal texts once, worst
     * first. */
    struct consequence *consequences;
    /* What must be typed (or given with --confirm): the object's name, for several "verb count";
     * ptr NULL when --yes, or one key, is enough. The screen asks for more than the command line:
     * for several objects, an unknown environment and a writer that cannot be seen; and for several
     * of which one cannot be undone it wants "context count". */
    struct str confirm, screen_confirm;
    bool needs_reason;
    enum undo_scope undo; /* the least of the items' */
    struct str undo_text; /* as shown: "full", "until restart", "NOT UNDOABLE: …" */
    bool blocked;         /* a live writer blocks some item and --force was not given */
    int64_t made_at_us, read_at_us;
    struct str equivalent; /* the command line that makes this plan; ptr NULL: none, or too long */
    bool partial;          /* an undo from which items were dropped */
    struct str note;       /* about the plan or its application as a whole; ptr NULL: nothing */
    char journal_id[13];   /* after apply: id of the entry; else "" */
    int64_t undoes;        /* n of the entry that this plan undoes or redoes, else 0 */
    char undoes_id[13];
    bool is_redo;
    char restores_id[13]; /* plan_restore: its entry; else "" */
    bool restores_before;
};

/* Never fails for one bad record (that item says why); fails when the request itself is wrong, a
 * named record does not exist, or the store is out of reach. */
bool plan_make(const struct plan_request *request, const struct call *call, struct plan **ret,
               struct err *err);
/* Restores what a journal entry changed; redo restores what the undo changed. `stores` are the open
 * ones; the entry's store must be among them. */
bool plan_undo(const struct journal_entry *entry, struct open_store *stores, size_t nstores,
               struct str reason, const struct call *call, struct plan **ret, struct err *err);
/* Puts one record back to what journal entry `entry` made of it, or with `before` to what it was
 * before, whatever happened to it since; the parts that the entry did not change stay. */
bool plan_restore(const struct journal_entry *entry, struct str id, bool before,
                  struct open_store *stores, size_t nstores, struct str reason,
                  const struct call *call, struct plan **ret, struct err *err);
/* Breaks locks as seen. */
bool plan_break(struct open_store *store, const struct lock *locks, size_t n, struct str reason,
                bool force, struct plan **ret, struct err *err);
void plan_free(struct plan *plan);

size_t plan_count(const struct plan *plan, enum outcome outcome);
/* Drops item i: the whole of its record, and what needs it. */
void plan_drop(struct plan *plan, size_t i);
/* Sets aside the items that lose data where others do not: among many they are easily overlooked.
 * Where all do, that is what was asked for, unless `even_all`. The screen's default; a saved plan
 * keeps it. */
void plan_set_aside(struct plan *plan, bool even_all);
/* Takes item i back in; the plan then asks for more. */
void plan_include(struct plan *plan, size_t i);

/* The fields of cli.md, "a change, a plan". The caller owns the reference. */
json_t *plan_json(const struct plan *plan);
/* What `apply FILE` takes: request, ids, versions, hash of each after, kinds of consequence; no
 * stored document and no credential. plan_json's object with more fields, so one file serves both.
 */
json_t *plan_save(const struct plan *plan);
/* Makes the plan again and compares it with the saved one: ERR_CONFLICT naming what differs
 * (server, versions, effect, consequences that are worse). `stores`: where to look for its store.
 */
bool plan_load(json_t *saved, struct open_store *stores, size_t nstores, struct journal *journal,
               const struct call *call, struct plan **ret, struct err *err);

/* Plans anew what an applied plan left: the records of the journal entry that are neither applied
 * nor unchanged, with all checks from the start, and a conflict where a record is not what
 * that plan was made from (so nothing is done twice); of an undo, what it has not restored.
 * `reason` takes the place of the entry's unless empty; an override is never taken over. A record
 * whose write was never answered is left out, and the plan's note says so. ERR_NOT_FOUND when
 * nothing is left, ERR_REFUSED for a lock break and for an entry that is being applied. */
bool plan_resume(const struct journal_entry *entry, struct open_store *stores, size_t nstores,
                 struct journal *journal, struct str reason, const struct call *call,
                 struct plan **ret, struct err *err);

/* Exit code of a plan that was made or applied (cli.md): 0, 4, 5, 6, 7, 9 … */
int plan_exit(const struct plan *plan, bool applied);

#endif
