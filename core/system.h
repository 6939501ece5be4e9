/* A system: one of the four whose state we handle. Everything core knows of it stands in one const
 * table: parts, sheets, operations, findings. */
#ifndef PENSTOCK_SYSTEM_H
#define PENSTOCK_SYSTEM_H

#include "core/op.h"
#include "core/sheet.h"

/* What a scan gives of a record without reading it. */
struct row {
    struct str id, label;
    int64_t bytes;         /* -1: unknown */
    int64_t updated_at_us; /* TIME_UNKNOWN */
    int64_t expires_at_us; /* TIME_UNKNOWN where not asked, TIME_NEVER */
    struct str phase;      /* etl: phase of the current row as the enum has it; else STR_NULL */
    struct str team; /* vdk: team of the job, where the store has it beside the id; else STR_NULL */
};

/* A row that outlives the arena it was scanned into. */
struct row row_copy(struct arena *arena, const struct row *row);

/* An entry of the action menu: an operation with some of its arguments given. */
struct action {
    char key;               /* in the menu; never 'y', no shift twins (ux.md, keys) */
    const char *verb;       /* as the command line says it: "rollback", "reset" */
    const char *op;         /* the operation's verb */
    const char *label;      /* "rollback one step" */
    const char *args[4][2]; /* name, value; value "" = flag */
    const char *per;    /* NULL, or the sheet whose row is the argument: "instances" gives `name` */
    const char *option; /* with `per`: what the row fills; NULL: the first positional argument */
    const char *prompt; /* NULL, or the argument to ask for on the screen */
    /* What stands there now, for the prompt to begin with: of the row of that key in the sheet
     * `per`. ptr NULL: nothing that could be typed. May be NULL. */
    struct str (*present)(const struct sheet_input *in, struct str row);
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO };

struct finding {
    const char *code; /* stable */
    enum severity severity;
    struct str object; /* record label */
    struct str text;   /* one line */
    struct str detail; /* more, or STR_NULL */
    /* The rest of the command that would mend it, after `penstock -t TARGET`, quoted for a shell;
     * or STR_NULL. */
    struct str fix;
    struct str part;     /* row of sheets[1] that it is about (an instance); ptr NULL: the record */
    int64_t since_us;    /* 0: since the record last changed */
    int64_t retry_at_us; /* when it is tried again by itself; 0: it is not */
    struct finding *next;
};

/* A column of every list: which findings a record has. Filled by listing_row. */
#define ATTENTION_COLUMN                                                                           \
    {                                                                                              \
        .name = "attention", .type = CELL_TEXT, .words = true,                                     \
        .help = "codes of what check finds: errors and warnings",                                  \
    }

/* One thing that an edit changes, in the words of the system. */
struct change_words {
    const char *what;    /* "phase" */
    struct str old, new; /* ptr NULL: there was, or is, none */
};

struct system {
    const char *name;    /* "meltano" */
    const char *noun;    /* "state" */
    const char *records; /* plural for people: "states" */
    const char *parts[PARTS_MAX];
    size_t nparts;
    const struct sheet *sheets; /* sheets[0] is the list */
    size_t nsheets;
    /* The facts are the history of a record, which only its own sheets show: lists do not ask the
     * store for it. */
    bool facts_are_history;
    const struct op *const *ops; /* ends with NULL */
    /* Options of `get` that choose an entry of the root, and what they choose; NULL: none. */
    const struct op_option *get_options;
    bool (*get)(const struct op_args *args, const struct value *root, const struct value **ret,
                struct err *err);
    /* Options that narrow which records are meant, and whether they let a row pass; NULL: none. */
    const struct op_option *narrow_options;
    bool (*narrow)(const struct op_args *args, const struct row *row);
    const struct action *actions; /* ends with key 0 */
    /* What a change is that waits for something: "NOT RUNNING". NULL: "NOT IN EFFECT". */
    const char *not_yet;
    /* Why a record is not put back to what it was at some time; NULL: it can be. */
    const char *no_restore;
    /* An undo waits for the same as the change that it takes back: what is stored is read at a
     * start. Else what waited is gone with it. */
    bool undo_waits;
    /* Is this a possible id (etl: pid/oid)? NULL: every text is. */
    bool (*check_id)(struct str id, struct err *err);
    /* Does a name an operator typed mean this row? NULL: names are ids. */
    bool (*names)(const struct row *row, struct str name);
    /* Short text of a root: phase, status or `absent`; `arena` for what must be made. ptr NULL:
     * size and hash. */
    struct str (*brief)(const struct value *root, struct arena *arena);
    /* Status word of a record for counts (overview), with its mark. */
    struct str (*status)(const struct sheet_input *in, enum mark *ret_mark);
    struct writer (*judge)(const struct op *op, const struct op_input *in);
    /* Findings of one record, worst first; NULL list when all is well. */
    struct finding *(*check)(const struct sheet_input *in);
    /* A few lines that say what the record is and what is wrong, in the order of reading: label
     * (may be empty) and text. For `show` and the preview. */
    size_t (*show)(const struct sheet_input *in, struct str (**ret)[2]);
    /* What differs between two roots (NULL: absent), in the order of reading; above the paths,
     * which tell the rest. NULL: the paths say it well enough. */
    size_t (*say_changes)(const struct value *before, const struct value *after,
                          struct arena *arena, struct change_words **ret);
};

extern const struct system system_meltano, system_vdk, system_etl, system_triggers;
extern const struct system *const systems[]; /* ends with NULL */

const struct system *system_by_name(struct str name);
const struct system *system_by_noun(struct str noun);
const struct op *system_op(const struct system *system, const char *verb);
const struct sheet *system_sheet(const struct system *system, const char *name);

struct finding *finding_add(struct finding **list, struct arena *a, const char *code,
                            enum severity severity, struct str object, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* The lines of a `show`, gathered: label and text. */
struct show_lines {
    struct arena *arena;
    struct str (*at)[2];
    size_t n, room;
};
struct show_lines show_lines_new(struct arena *arena, size_t room);
/* Text with ptr NULL gives no line; nor does any beyond the room. */
void show_line(struct show_lines *lines, const char *label, struct str text);

/* Quotes one word for a POSIX shell; words that need no quotes stay bare. */
struct str shell_quote(struct arena *a, struct str word);

#endif
