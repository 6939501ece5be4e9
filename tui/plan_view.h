/* Between the two files of the plan box: view_plan.c has its life, plan_draw.c its looks. */
#ifndef PENSTOCK_TUI_PLAN_VIEW_H
#define PENSTOCK_TUI_PLAN_VIEW_H

#include "tui/ask.h"
#include "tui/input.h"

enum plan_state {
    PLAN_MAKING,   /* on the worker; every key but leaving is discarded */
    PLAN_READY,    /* waits for its confirmation */
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

/* One line of the part that scrolls. */
struct plan_line {
    enum style style;
    int indent;
    struct str text;
    ptrdiff_t item; /* index of the item it is the first line of, or -1 */
};

struct plan_view {
    struct view base;
    enum plan_state state;
    enum plan_question question;
    struct arena arena;      /* `want` and its like */
    const struct want *want; /* NULL: undo or redo */
    bool redo;
    struct str about;  /* of an undo: whose change of when; ptr NULL else */
    struct plan *plan; /* not ours while APPLYING */
    struct err err;    /* apply tried nothing */
    size_t total, done;
    bool cancelling;
    struct input input;
    bool rows_focus; /* of the typed tier: keys go to the rows */
    bool all_diffs;
    /* The confirmation counts only once the box has been complete on the screen for a while without
     * a key: over a slow line a key may arrive late. */
    int64_t drawn_at_ms; /* 0: not drawn since it last changed */
    bool armed;
    size_t cursor, top; /* lines of the part that scrolls */
    size_t nlines;
    ptrdiff_t cursor_item; /* item that the line under the cursor belongs to, or -1 */
    int page;
};

/* The lines of the part that scrolls, in `a`. */
struct plan_line *plan_lines(const struct plan_view *v, struct arena *a, int width, size_t *ret_n);
void plan_draw(struct plan_view *v, struct canvas *canvas, struct rect r);
/* Is the confirmation open at this time? */
bool plan_is_quiet(const struct plan_view *v, int64_t now_ms);

#endif
