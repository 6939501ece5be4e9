/* Between the files of the plan box: view_plan.c has its life and its keys, plan_confirm.c what has
 * to be given before it is applied, plan_end.c how it ends, plan_again.c the plans made of it,
 * plan_park.c what waits, plan_lines.c and plan_result.c its text, plan_draw.c its looks. */
#ifndef PENSTOCK_TUI_PLAN_VIEW_H
#define PENSTOCK_TUI_PLAN_VIEW_H

#include "tui/ask.h"
#include "tui/input.h"

enum plan_state {
    PLAN_MAKING,   /* on the worker; every key but leaving is discarded */
    PLAN_READY,    /* waits for its confirmation */
    PLAN_SAVING,   /* lent to the worker: to be looked at, not touched */
    PLAN_APPLYING, /* on the worker: not to be looked at */
    PLAN_RESULT,   /* stays until it is read */
};

/* What has to be given, in this order. */
enum plan_question {
    ASK_NOTHING, /* nothing in it can be applied */
    ASK_REASON,
    ASK_TEXT, /* plan->screen_confirm */
    ASK_YES,  /* one key */
};

/* One line of what can be scrolled. */
struct plan_line {
    enum style style;
    int indent;
    struct str text;
    ptrdiff_t item; /* index of the item it is the first line of, or -1 */
};

/* The text of the box; made anew when the plan, or the width, changed. */
struct plan_lines {
    struct arena arena;
    struct plan_line *at;
    size_t n, cap;
    size_t ntop; /* the first ones say what follows, the rest are rows */
    int width;   /* 0: to be made anew */
};

struct parked;

struct plan_view {
    struct view base;
    enum plan_state state;
    enum plan_question question;
    struct arena arena; /* of `source` and its like */
    struct plan_source source;
    struct str about;    /* of an undo: whose change of when; ptr NULL else */
    struct str note;     /* how the plan came to be: canary, made again; ptr NULL: as asked for */
    struct plan *plan;   /* not ours while APPLYING */
    struct parked *park; /* MAKING: it waited, and is made again */
    struct err err;      /* apply tried nothing */
    size_t total, done;
    bool cancelling;
    struct want *rest; /* the first record goes alone; these are planned when it is done */
    struct input input;
    bool rows_focus;     /* of the typed tier: keys go to the rows */
    ptrdiff_t diff_item; /* whose changed values are shown, or -1 */
    /* The confirmation counts only once the box has been complete on the screen for a while without
     * a key: over a slow line a key may arrive late. */
    int64_t drawn_at_ms; /* 0: not drawn since it last changed */
    bool armed;
    struct plan_lines lines;
    unsigned follow_answers; /* that the lines know of */
    size_t cursor;           /* line */
    bool placed;             /* the cursor is where it belongs at first */
    size_t top, rows_top;    /* of the two parts */
    ptrdiff_t cursor_item;   /* item that the line under the cursor belongs to, or -1 */
    int page;
};

/* --- its life: view_plan.c ------------------------------------------------------------------ */

struct plan_view *plan_view_open(struct app *app, struct session *session);
bool view_is_plan(const struct view *view);
void plan_view_make(struct plan_view *v); /* from its source */
/* A plan that was made: from now on it waits for its confirmation. */
void plan_view_take(struct plan_view *v, struct plan *plan);

/* --- its end: plan_end.c -------------------------------------------------------------------- */

void plan_view_apply(struct plan_view *v);
void plan_view_save(struct plan_view *v);
/* Closes the box; a plan that was not applied is put down as turned down, saying `why`. */
void plan_view_leave(struct plan_view *v, const char *why);
void plan_view_park_or_leave(struct plan_view *v);
void plan_view_ask_to_leave(struct plan_view *v);
/* The program is to end: asks for the plan that is open; false: none is that could be lost. */
bool plan_view_asked_to_leave(struct app *app);
/* What waited for the result of the first record is planned then. */
void plan_view_close_result(struct plan_view *v);

/* --- the confirmation: plan_confirm.c ------------------------------------------------------- */

/* The box says something else now: what was typed before does not count for it. */
void plan_start_questions(struct plan_view *v);
bool plan_is_quiet(const struct plan_view *v, int64_t now_ms);
int64_t plan_wake_ms(struct plan_view *v, int64_t now_ms);
bool plan_is_typed(const struct plan_view *v); /* keys are text now */
bool plan_ready_key(struct plan_view *v, const struct key *key);

/* --- plans made of it: plan_again.c --------------------------------------------------------- */

void plan_drop_item(struct plan_view *v);
void plan_include_items(struct plan_view *v);
/* The action that does without what the set aside records would lose; NULL: there is none. */
const struct action *plan_instead(const struct plan_view *v);
void plan_open_instead(struct plan_view *v);
void plan_only_visible(struct plan_view *v);
void plan_only_first(struct plan_view *v);
void plan_make_forced(struct plan_view *v);
/* Of a result: the record under the cursor, or all that were not tried. */
void plan_again(struct plan_view *v);
void plan_go_on(struct plan_view *v);
/* Undoes what the result is of, and nothing else; `redo`: takes back what was an undo. */
void plan_undo_result(struct plan_view *v, bool redo);
bool plan_may_undo(const struct plan_view *v, bool redo);
const char *plan_result_footer(const struct plan_view *v, const struct key_row *row);

/* --- what waits: plan_park.c ---------------------------------------------------------------- */

/* Discards what waits to do the same to records that this plan has. */
void plan_park_replace(struct session *session, const struct plan *plan);
/* The box that it was to come back into is closed. */
void plan_park_forget(struct parked *p);

/* --- text and looks ------------------------------------------------------------------------- */

/* Folded at the width; the first line carries the item. */
void plan_add(struct plan_lines *l, enum style style, int indent, ptrdiff_t item, const char *fmt,
              ...) __attribute__((format(printf, 5, 6)));
void plan_add_diff(struct plan_lines *l, const struct value_change *diff, size_t n, bool more,
                   size_t most);
/* Applied and verified, or there was nothing to do. */
bool plan_went_well(const struct plan_item *item);
/* "refused: changed since preview" */
struct str plan_outcome_words(struct arena *a, const struct plan_item *item);
/* Why an item is not, or was not, done. */
struct str plan_why(const struct plan_item *item);
/* "table" or "tables". */
const char *plan_noun(const struct plan_view *v, size_t n);
void plan_waiting_lines(const struct plan_view *v, struct plan_lines *l);
void plan_result_lines(const struct plan_view *v, struct plan_lines *l);
void plan_draw(struct plan_view *v, struct canvas *canvas, struct rect r);

#endif
