/* What the screen asks of a store: jobs for its worker, and what comes back.
 *
 * Everything a job needs is copied into its arena; what it made is taken out in `done`. */
#ifndef PENSTOCK_TUI_ASK_H
#define PENSTOCK_TUI_ASK_H

#include "core/apply.h"
#include "core/listing.h"
#include "tui/view.h"

/* What the operator wants done, before it is a plan. */
struct want {
    const struct action *action;       /* NULL: not chosen yet */
    const struct plan_record *records; /* with label; args for the rows of a sheet */
    size_t n;
    const bool *hidden; /* of each record: marked, but a filter hides it; NULL: none is */
    struct str answer;  /* to action->prompt; ptr NULL: not asked */
    bool force;
    struct str reason; /* ptr NULL: none */
};

/* What the argument that is asked for means: "the position to go on from". */
const char *action_prompt_help(const struct system *system, const struct action *action);
/* "rollback one step", without the explanation that its label may have behind a colon. */
struct str action_name(const struct action *action);
struct want *want_copy(struct arena *a, const struct want *want);
/* The same of those records for which `keep` says so. */
struct want *want_pick(struct arena *a, const struct want *want, const bool *keep);
size_t want_hidden(const struct want *want);
/* On the worker's thread: the plan of a want, as a request makes it. */
bool want_plan(struct job *job, struct open_store *store, const struct want *want,
               struct plan **ret, struct err *err);

/* What makes a plan: a want, an entry of the journal, or a lock. */
enum plan_from { FROM_WANT, FROM_UNDO, FROM_REDO, FROM_RESUME, FROM_RESTORE, FROM_BREAK };
struct plan_source {
    enum plan_from kind;
    const struct want *want; /* FROM_WANT; else NULL */
    struct str entry;        /* its id; ptr NULL: the newest one that is fit for it. FROM_BREAK: the
                                object that is locked */
    struct str record;       /* FROM_RESTORE: its id */
    bool before;             /* FROM_RESTORE: to what it was before the entry, not after it */
    bool force;              /* FROM_BREAK: although somebody holds it */
    struct str reason;       /* with an entry; ptr NULL: none */
    /* Of what an earlier plan had set aside some is in it: it stays so, whatever else there is. */
    bool keep_aside;
};

typedef void ask_done(struct job *job, void *owner);

/* Makes a plan, with what loses data set aside. In done: plan_taken, or NULL with job->err. */
void ask_plan(struct view *owner, const struct plan_source *source, ask_done *done);
/* Makes a plan again as a saved one is: the same, or ERR_CONFLICT saying what differs. The old one
 * is the job's until done, where plan_old gives it back. `owner` outlives the job. */
void ask_recheck(struct session *session, void *owner, struct plan *plan, ask_done *done);
struct plan *plan_old(struct job *job);
/* Writes the plan as `apply FILE` takes it. The plan is the job's until done, where plan_taken
 * gives it back and saved_path says where it lies. */
void ask_save(struct view *owner, struct plan *plan, ask_done *done);
struct str saved_path(const struct job *job); /* in the job's arena */
/* Applies it; the plan is the job's until done, where plan_taken gives it back, applied or (with
 * job->err) untouched. `note` gets a size_t: items done. */
void ask_apply(struct view *owner, struct plan *plan, void (*note)(struct job *, void *, void *),
               ask_done *done);
struct plan *plan_taken(struct job *job);
struct str plan_about(
    const struct job *job); /* which change a plan from the journal takes up, in the plan's arena */
/* The audit line of a plan that was turned down. Takes the plan. */
void ask_decline(struct session *session, struct plan *plan, const char *why);

/* What each action of the system would do to these records. */
struct menu_entry {
    const struct action *action;
    bool possible;
    struct str text; /* effect, or why not */
    enum consequence_level level;
    struct str present; /* what its prompt begins with; ptr NULL: nothing */
};
struct menu_answer {
    struct menu_entry *entries;
    size_t n;
};
void ask_menu(struct view *owner, const struct sheet *sheet, const struct want *want,
              ask_done *done);
const struct menu_answer *menu_answer(const struct job *job);

/* One record with everything. In done: job->arena may be taken over with the answer. An owner that
 * is no view forgets its jobs itself. */
void ask_record(struct session *session, void *owner, struct str id, size_t limit, ask_done *done);
struct record_view *record_answer(const struct job *job);

#endif
