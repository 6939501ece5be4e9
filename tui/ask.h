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
    size_t hidden;     /* of the marked, how many a filter hides */
    struct str answer; /* to action->prompt; ptr NULL: not asked */
    bool force;
    struct str reason; /* ptr NULL: none */
};

struct want *want_copy(struct arena *a, const struct want *want);

typedef void ask_done(struct job *job, void *owner);

/* Makes a plan. In done: plan_taken, or NULL with job->err. */
void ask_plan(struct view *owner, const struct want *want, ask_done *done);
/* The plan that undoes the newest change, or redoes what was undone last. */
void ask_undo(struct view *owner, bool redo, ask_done *done);
/* Applies it; the plan is the job's until done, where plan_taken gives it back, applied or (with
 * job->err) untouched. `note` gets a size_t: items done. */
void ask_apply(struct view *owner, struct plan *plan, void (*note)(struct job *, void *, void *),
               ask_done *done);
struct plan *plan_taken(struct job *job);
struct str plan_about(const struct job *job); /* what an undo plan undoes, in the plan's arena */
/* The audit line of a plan that was turned down. Takes the plan. */
void ask_decline(struct session *session, struct plan *plan, const char *why);

/* What each action of the system would do to these records. */
struct menu_entry {
    const struct action *action;
    bool possible;
    struct str text; /* effect, or why not */
    enum consequence_level level;
};
struct menu_answer {
    struct menu_entry *entries;
    size_t n;
};
void ask_menu(struct view *owner, const struct sheet *sheet, const struct want *want,
              ask_done *done);
const struct menu_answer *menu_answer(const struct job *job);

/* One record with everything. In done: job->arena may be taken over with the answer. */
void ask_record(struct view *owner, struct str id, size_t limit, ask_done *done);
struct record_view *record_answer(const struct job *job);

#endif
