/* A list that is not the records of one store: locks, journal, audit, messages, ... Each is a const
 * struct of what it shows and where that comes from; the widget, the refresh and a store that does
 * not answer are the same for all. */
#ifndef PENSTOCK_TUI_VIEW_TABLE_H
#define PENSTOCK_TUI_VIEW_TABLE_H

#include "tui/ask.h"
#include "tui/listview.h"

/* What a row is gathered from, on a worker's thread. */
struct table_source {
    struct open_store *open; /* NULL: not of a store */
    const char *journal_path, *audit_path;
    struct str arg; /* what the view was opened with: id of an entry */
    struct str store_name;
    int64_t now_us;
    struct call call;
    struct job *job;
    struct arena *arena; /* emptied when the page was taken */
    struct rows_page *page;
    struct err *err;
};

struct table_view;

struct table_class {
    const char *title, *empty;
    /* What is said of no rows in the place of `empty`; NULL from it: `empty`. May be NULL. */
    const char *(*why_empty)(const struct table_view *v);
    const struct sheet *sheet;
    unsigned scopes; /* beside those of every list */
    /* On the worker of each open store, or on a thread without one. NULL: `fill` instead. */
    bool per_store;
    bool (*gather)(const struct table_source *source);
    /* From what the screen itself knows, at each drawing. */
    void (*fill)(struct app *app, struct arena *a, struct rows *rows);
    /* Keys of its own; `row` is that under the cursor, -1 where there is none. May be NULL. */
    bool (*command)(struct table_view *v, enum command command, ptrdiff_t row);
    /* As a view's: what the footer calls a key while the cursor is on this row. May be NULL. */
    const char *(*footer)(const struct table_view *v, const struct key_row *key, ptrdiff_t row);
};

void view_table_open(struct app *app, const struct table_class *class, struct str arg);
/* The title says `about` instead of the argument. */
void view_table_about(struct app *app, const struct table_class *class, struct str arg,
                      struct str about);
struct str table_arg(const struct table_view *v); /* what it was opened with */
struct app *table_app(const struct table_view *v);
const struct rows *table_rows(const struct table_view *v);
/* The open store of that name; NULL: it was closed. */
struct session *table_session(const struct table_view *v, struct str name);

/* The tables there are. */
extern const struct table_class locks_table, journal_table, audit_table, messages_table,
    probe_table, instances_table;
/* What was changed from here in one record. */
void view_changes_open(struct app *app, const struct session *session, struct str id,
                       struct str label);

#endif
