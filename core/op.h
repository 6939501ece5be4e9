/* Operations: pure functions from documents, arguments, facts and the time to edits and their
 * consequences. No terminal, no server, no clock. An operation is one `struct op` in its system's
 * table; plan, diff, dry run, journal, undo, menus and the command line follow from it. */
#ifndef PENSTOCK_OP_H
#define PENSTOCK_OP_H

#include "core/document.h"

struct system;

/* --- arguments ------------------------------------------------------------------------------ */

enum op_option_kind {
    OPTION_FLAG,       /* --full */
    OPTION_VALUE,      /* --part completed */
    OPTION_POSITIONAL, /* a word behind the ids, in table order; value NAME of `replay UID NAME` */
    OPTION_FILE,       /* --input-file F: the content arrives under `into` */
};

struct op_option {
    const char *name; /* without dashes */
    enum op_option_kind kind;
    bool many; /* may be repeated; a positional takes all the words that follow */
    bool needed;
    const char *into;    /* FILE: the argument it fills; NULL elsewhere */
    const char *metavar; /* shown in usage, NULL for flags */
    const char *help;
};

struct op_arg {
    const char *name;
    struct str value; /* STR("") for a flag */
};

struct op_args {
    const struct op_arg *items;
    size_t n;
};

/* The n-th value of a name; false when there are not so many. */
bool op_arg(const struct op_args *args, const char *name, size_t n, struct str *ret);
bool op_arg_flag(const struct op_args *args, const char *name);

/* --- what goes in --------------------------------------------------------------------------- */

/* Who is writing to a record now, as the store's own signs show it (one struct for all systems:
 * only what judgement needs). */
struct activity {
    enum {
        ACTIVITY_NONE,
        ACTIVITY_SEEN,
        ACTIVITY_BLIND
    } sight;          /* BLIND: cannot see, `why` says why */
    bool owner_live;  /* the program that owns the record runs (etl: its pipeline's replicator) */
    bool record_live; /* it works on this very record (etl: a copy worker; meltano: a fresh RUNNING
                         row) */
    bool stale; /* signs of a writer that stopped giving signs (meltano: RUNNING, old heartbeat) */
    int64_t started_at_us, heartbeat_at_us; /* TIME_UNKNOWN where there is none */
    struct str who; /* run id, application name, pid; never empty when SEEN */
    struct str why;
};

struct op_input {
    const struct system *system;
    /* docs[0] is the record the plan was asked for, docs[1] the second one (target of copy and
     * move, source of merge), NULL for operations on one record. A record that does not exist has
     * `absent`. */
    const struct document *docs[2];
    bool other_store; /* docs[1] lies in another store than docs[0]: equal ids are two records */
    struct op_args args;
    const struct value *facts;       /* dict of what the driver gathered of docs[0], or NULL */
    const struct value *other_facts; /* the same of docs[1] */
    const struct activity *activity; /* of docs[0]; NULL: not asked */
    int64_t now_us;
    bool native; /* false: one of our own plain layouts */
    struct arena *arena;
};

/* --- what comes out ------------------------------------------------------------------------- */

enum consequence_level { LEVEL_NOTE, LEVEL_WARN, LEVEL_DANGER }; /* DANGER: data may be lost */

struct consequence {
    const char
        *code; /* stable word, compared when a saved plan is applied: "recopy", "lost_changes" */
    enum consequence_level level;
    struct str text;     /* a sentence for the operator; equal texts are grouped over records */
    const char *instead; /* DANGER: the verb of an action that avoids it; NULL: there is none */
    int64_t bytes;       /* an amount the text names, for sums; 0: none */
    size_t records;      /* of a plan's: for how many records it holds */
    struct consequence *next;
};

enum undo_scope { UNDO_FULL, UNDO_UNTIL_RESTART, UNDO_UNTIL_WORKER, UNDO_ROWS_ONLY, UNDO_NONE };
const char *
undo_scope_name(enum undo_scope scope); /* "full", "until restart", ... design.md 4.11 */

enum edit_kind { EDIT_WRITE, EDIT_REMOVE, EDIT_RESTORE, EDIT_BREAK };

/* What the system itself would note of a change, where it keeps such notes (meltano's STATE_EDIT
 * row). Layouts without them ignore it. */
struct run_note {
    int flags;                   /* payload_flags: 1 replaced, 2 merged */
    const struct value *payload; /* as the system would store it */
};

struct op_edit {
    int doc;                   /* index into op_input.docs */
    enum edit_kind kind;       /* WRITE or REMOVE */
    const struct value *after; /* WRITE: the new root, sharing nodes with the old */
    unsigned reads; /* bit per part whose content the result depends on; parts that change are
                       compared anyway. ~0u: all */
    const struct run_note *note;
    bool needs_previous;                /* not tried unless the edit before it was applied */
    struct str before_text, after_text; /* short; ptr NULL: system->brief of the roots */
};

struct op_output {
    struct op_edit edits[2];
    size_t nedits; /* 0: nothing to do, says `nothing` */
    struct str nothing;
    struct consequence *consequences;
    enum undo_scope undo;
    struct str waits_for; /* ptr NULL: in effect once written; else what has to happen first */
    bool typed; /* worth typing the name on the screen; --yes is enough on the command line, since
                   it can be undone (cli.md) */
    bool needs_reason;
};

/* Adds one and returns it for the fields that differ from zero. */
struct consequence *op_consequence(struct op_output *out, struct arena *a, const char *code,
                                   enum consequence_level level, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Adds an edit and returns it for the fields that differ from zero. */
struct op_edit *op_edit_add(struct op_output *out, int doc, enum edit_kind kind,
                            const struct value *after);

enum writer_verdict { WRITER_NONE_SEEN, WRITER_SAFE, WRITER_BLOCKS, WRITER_CANNOT_SEE };
const char *
writer_name(enum writer_verdict verdict); /* "none seen", "safe", "blocks", "cannot see" */

struct writer {
    enum writer_verdict verdict;
    struct str why; /* STR_NULL when none seen */
};

struct op {
    const char *verb;                /* the command line's verb and the journal's word */
    const char *help;                /* one line */
    const struct op_option *options; /* ends with name NULL; may be NULL */
    bool takes_second;               /* a second record is named by an option or word `second` */
    const char *second;              /* name of that option: "dst", "from-state-id" */
    bool absent_ok;                  /* docs[0] need not exist (set, merge) */
    bool second_absent_ok;
    bool preview; /* only shows what the system's own program would do: there is nothing to apply */
    /* Changes nothing it was given. Errors: ERR_REFUSED (the rule), ERR_INVALID (arguments),
     * ERR_CORRUPT (the document cannot be edited), with a hint. */
    bool (*run)(const struct op_input *in, struct op_output *out, struct err *err);
    /* Would a live writer collide with this edit? NULL: the system's own judge. */
    struct writer (*judge)(const struct op *op, const struct op_input *in);
};

#endif
