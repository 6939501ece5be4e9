/* Views and the program around them.
 *
 * A view is a const struct of functions and its own data, on a stack; a dialog is a view drawn over
 * the one below. Nothing here waits: what needs a store goes to a session's worker, with the view
 * as the job's owner, and is dropped when the view has gone. */
#ifndef PENSTOCK_TUI_VIEW_H
#define PENSTOCK_TUI_VIEW_H

#include "tui/app.h"
#include "tui/canvas.h"
#include "tui/keymap.h"
#include "tui/messages.h"
#include "tui/session.h"

struct view;

struct view_class {
    const char *name;
    unsigned scopes;                                 /* of its keys */
    unsigned (*scopes_now)(const struct view *view); /* instead, where they change; may be NULL */
    /* What the footer calls a key, where that is not the word of the table; NULL: it is left out,
     * since it would do nothing now. May be NULL. */
    const char *(*footer)(const struct view *view, const struct key_row *row);
    bool overlay;  /* drawn over the view below */
    bool is_of_it; /* points to the view below: leaving it closes it */
    /* While it says so, what it was made from stays as it is on the screen; NULL: never. */
    bool (*holds_refresh)(const struct view *view);
    bool no_paste; /* a paste is ignored; else it comes as K_PASTE */
    /* Where we are, for the line below the header. */
    void (*title)(const struct view *view, struct sbuf *out);
    void (*draw)(struct view *view, struct canvas *canvas, struct rect r);
    /* A key before the table is asked: for prompts. True: it was taken. May be NULL. */
    bool (*key)(struct view *view, const struct key *key);
    /* A click on the screen; may be NULL. */
    void (*click)(struct view *view, int y, int x);
    /* False: not for this view. */
    bool (*command)(struct view *view, enum command command);
    /* The rows of its session changed; `old` (may be NULL) is freed afterwards. May be NULL. */
    void (*rows_changed)(struct view *view, struct rows *old);
    /* Has the rows it shows read again; with `now` false only says whether it shows any. */
    bool (*read_visible)(struct view *view, bool now);
    /* It is on the terminal now, complete; may be NULL. */
    void (*drawn)(struct view *view);
    bool (*is_busy)(const struct view *view); /* waits for a worker; may be NULL */
    /* When the view wants to be drawn again though nothing happened; may be NULL. */
    int64_t (*wake_ms)(const struct view *view, int64_t now_ms);
    void (*close)(struct view *view); /* frees it; its jobs are forgotten already */
};

struct view {
    const struct view_class *class;
    struct app *app;
    struct session *session; /* or NULL */
    struct view *below;
};

struct probe;  /* of one target; probe.c */
struct parked; /* a plan that waits; plan_park.c */
struct follow; /* an edit that is read again; follow.c */

struct app {
    struct tui_opts opts;
    struct view *top;
    struct view *left;     /* the view that was left last, open still; NULL: none */
    struct view *replaced; /* as the first one; open still for the dialogs that are of it */
    struct session *sessions;
    size_t nsessions;
    struct probe *probes;
    struct worker *indexer;     /* puts long lists in order; NULL until there is one */
    size_t indexing;            /* its jobs */
    int64_t paused_us;          /* since then, or as of the last ^R */
    struct keyset *filters;     /* typed so far, the newest last */
    struct keyset *said;        /* behind a colon, likewise */
    const struct canvas *shown; /* the last picture */
    size_t probing;             /* targets whose answer is awaited */
    struct parked *parked;      /* the last one first */
    struct follow *follows;
    int64_t follow_ms[2];    /* when, after the write */
    unsigned follow_answers; /* grows with each that came */
    size_t declining;        /* plans whose audit lines are being written */
    int64_t quit_by_ms;      /* it ends when they are, or then; 0: it does not end */
    struct sbuf reason;      /* given to every plan until it is cleared; empty: none */
    struct sbuf clipboard;   /* for the loop to hand to the terminal */
    char who[256];
    struct sbuf message;
    struct messages messages; /* what was on it */
    enum style message_style;
    int64_t message_at_ms, drawn_at_ms;
    bool paused, quit, dirty;
    bool no_preview;               /* below lists; the operator wants none */
    bool flush_input;              /* keys typed so far are not meant for what is drawn now */
    enum command terminal_command; /* REDRAW, SUSPEND: for the loop */
    int64_t fixed_now_us;          /* tests: the clock stands still; 0 = it runs */
    int64_t key_at_ms;             /* when the last key came */
};

/* --- the program: app.c --------------------------------------------------------------------- */

struct app *app_new(const struct tui_opts *opts);
/* False: a worker was stuck and is left behind, with all that it may touch. */
bool app_free(struct app *app);
void app_key(struct app *app, const struct key *key);
void app_collect(struct app *app); /* what workers have finished */
/* Does what is due; returns the monotonic time of the next thing to do, or INT64_MAX. */
int64_t app_tick(struct app *app);
void app_draw(struct app *app, struct canvas *canvas, int h, int w);
size_t app_fds(const struct app *app, int *ret, size_t max); /* of the workers */
/* The thread that puts long lists in order; NULL when it cannot be started. */
struct worker *app_indexer(struct app *app);
bool app_idle(const struct app *app); /* nothing is loading; for tests */

/* --- for views ------------------------------------------------------------------------------ */

void *view_new(struct app *app, struct session *session, const struct view_class *class,
               size_t size);
void app_push(struct app *app, struct view *view);
/* In the place of the first view; what was opened on it since stays in front. */
void app_replace_first(struct app *app, struct view *view);
/* Closes this view and what stands on it. */
void app_pop(struct app *app, struct view *view);
/* Back to a view that is on the stack already: closes what stands on it. False, and nothing is
 * closed, when a plan among that waits for its confirmation or is being applied. */
bool app_return(struct app *app, struct view *view);
unsigned view_scopes(const struct view *view); /* those of every view included */
/* For the footer of a view of one store: H is called by what it opens. */
const char *view_footer(const struct view *view, const struct key_row *row);
bool app_is_top(const struct app *app, const struct view *view);
void app_say(struct app *app, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void app_say_err(struct app *app, const struct err *err);
/* `:reason`: kept in the header, the journal and the audit of every change from now on. */
void app_set_reason(struct app *app, struct str reason);
/* Somebody knows for so long of what the cursor of the overview is on. */
void view_overview_ack(struct app *app, int64_t span_us);
struct str app_reason(const struct app *app); /* ptr NULL: none */
/* To the clipboard of the terminal, where that takes it; bounded. */
void app_copy(struct app *app, struct str text);
int64_t app_now_us(const struct app *app);
/* The monotonic clock, for what is on the screen for a while; it stands still with the other. */
int64_t app_now_ms(const struct app *app);
/* The time that ages are shown for, by either clock: it stands still while paused. */
int64_t app_shown_us(const struct app *app);
int64_t app_shown_ms(const struct app *app);
int64_t app_refresh_ms(const struct app *app);
void app_rows_changed(struct app *app, struct session *session, struct rows *old);
/* Asks the views for the rows they show of a session and reads those again; false: none does. With
 * `now` false it only says whether there are such rows. */
bool app_read_visible(struct app *app, struct session *session, bool now);
/* The i-th target: true once its stores were found; kind of *ret_err NONE: still looking. */
bool app_probe(const struct app *app, size_t i, const struct target **ret, struct err *ret_err);
const char *environment_tag(enum environment env);  /* "PROD", "ENV?" */
struct cell environment_cell(enum environment env); /* the same for a list: PROD is marked */
/* A job of this view on its session's worker. */
struct job *view_job(struct view *view);

/* --- the views, each opened on top of the stack --------------------------------------------- */

struct want; /* ask.h */
struct plan_record;

/* What needs attention, and the stores. */
void view_overview_open(struct app *app);
void view_records_open(struct app *app, struct session *session);
/* As the first view. */
void view_records_begin(struct app *app, struct session *session);
/* The same with a filter in force. */
void view_records_show(struct app *app, struct session *session, struct str filter);
/* A sheet of one record: history, instances, ... */
void view_sheet_open(struct app *app, struct session *session, struct str id, struct str label,
                     const struct sheet *sheet);
void view_detail_open(struct app *app, struct session *session, struct str id, struct str label);
void view_text_open(struct app *app, struct session *session, const char *title, struct str text);
/* One whose text is still being made, by a job that it owns; `name` is not copied. */
struct view *view_text_wait(struct app *app, struct session *session, const char *name);
void view_text_fill(struct view *view, struct str text);
/* Reads the record and shows everything known of it. */
void view_record_text_open(struct app *app, struct session *session, struct str id,
                           struct str label);
/* Reads two records, or one and what the journal keeps of it from before its newest change, and
 * shows what differs. */
void view_diff_open(struct app *app, struct session *session, const struct plan_record *records,
                    size_t n);
/* Reads the record and shows everything known of one row of its sheet. */
void view_row_text_open(struct app *app, struct session *session, struct str id,
                        const struct sheet *sheet, struct str key);
/* One row, a line for each column that is known. */
void row_text(struct sbuf *out, const struct sheet *sheet, const struct cell *cells);
/* The keys of these scopes, for the view on top. */
void view_help_open(struct app *app, unsigned scopes);
/* What can be done to these records; `sheet` says of what the rows are. */
void view_menu_open(struct app *app, struct session *session, const struct sheet *sheet,
                    const struct want *want);
void view_plan_open(struct app *app, struct session *session, const struct want *want);
void view_undo_open(struct app *app, struct session *session, bool redo);
/* A plan from an entry of the journal, whosever it is; ptr NULL: the newest one that is fit. */
enum plan_from;
void view_journal_plan_open(struct app *app, struct session *session, enum plan_from kind,
                            struct str entry);
/* Puts one record back to what an entry of the journal made of it, or to what it was before. */
void view_restore_open(struct app *app, struct session *session, struct str entry,
                       struct str record, bool before);

#endif
