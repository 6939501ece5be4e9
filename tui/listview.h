/* What all views that are a list have in common: the widget, the filter line, the counts. */
#ifndef PENSTOCK_TUI_LISTVIEW_H
#define PENSTOCK_TUI_LISTVIEW_H

#include "tui/input.h"
#include "tui/list.h"
#include "tui/view.h"

struct listview {
    struct view base; /* first, so that the pointers convert */
    struct list list;
    struct input input;
    bool typing;   /* the filter line is open */
    size_t recent; /* in app->filters, counted from the newest, while Up goes through them */
    struct index_job *job; /* puts a long list in order; NULL: none */
    unsigned asked;        /* list.wish of the last one */
    int64_t next_index_ms; /* a list that only grew is not put in order again before */
};

void listview_init(struct listview *lv, const struct sheet *sheet);
void listview_release(struct listview *lv);
/* Keeps which columns are shown for the next run. */
bool listview_keep_columns(const struct listview *lv, struct err *err);
/* Their names and what they say, to choose from; the view stands on top of this one. */
void view_columns_open(struct listview *of);
/* For a view's scopes_now: while the filter is typed, only its own keys. */
unsigned listview_scopes(const struct view *view);
bool listview_key(struct view *view, const struct key *key);
void listview_click(struct view *view, int y, int x);
/* As if the operator had typed it. */
void listview_filter(struct listview *lv, struct str text);
bool listview_command(struct listview *lv, enum command command);
void listview_swap(struct listview *lv, struct rows *rows, bool complete);
/* For a view's wake_ms: while a long list is put in order. */
int64_t listview_wake_ms(const struct view *view, int64_t now_ms);
/* Another order or filter was asked for than is shown yet. */
bool listview_is_ordering(const struct listview *lv);
/* "  6 of 40 [phase=errored]  1 marked" */
void listview_counts(const struct listview *lv, struct sbuf *out);
/* `empty`: said when there is no row at all. */
void listview_draw(struct listview *lv, struct canvas *canvas, struct rect r, const char *empty);
/* The same, and below it what the line under the cursor has no room for. */
void listview_draw_whole(struct listview *lv, struct canvas *canvas, struct rect r,
                         const char *empty);
/* How many lines its rows take. While a filter is typed all of them, so that typing moves nothing. */
size_t listview_lines(const struct listview *lv);
/* Does the row pass the filter in force? */
bool listview_shows(const struct listview *lv, size_t row);
/* False, with a message, when a filter in error or a vanished row forbids to act. */
bool listview_may_act(struct listview *lv, size_t *ret_row);

#endif
