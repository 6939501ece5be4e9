#include "tui/view_table.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { STORE_CELLS = 24 };

struct table_view {
    struct listview lv;
    const struct table_class *class;
    struct arena arena;
    struct str arg, about;
    struct rows *rows;   /* shown; NULL: nothing came yet */
    struct rows *coming; /* filled while stores answer */
    size_t awaited;      /* stores that have not */
    int64_t asked_at_ms; /* 0: never */
    bool unasked;        /* by itself: a pause keeps what it reads off the screen */
    struct sbuf errors;  /* "crm-redis: connection refused", a line each */
    struct sbuf coming_errors;
};

struct app *table_app(const struct table_view *v)
{
    return v->lv.base.app;
}

struct str table_arg(const struct table_view *v)
{
    return v->arg;
}

const struct rows *table_rows(const struct table_view *v)
{
    return v->rows;
}

struct session *table_session(const struct table_view *v, struct str name)
{
    struct session *s = table_app(v)->sessions;
    while (s && !str_eq(s->name, name))
        s = s->next;
    return s;
}

static void title(const struct view *view, struct sbuf *out)
{
    const struct table_view *v = (const struct table_view *)view;
    sbuf_cstr(out, v->class->title);
    if (v->about.len)
        sbuf_printf(out, " %.*s", STR_ARG(v->about));
    if (app_is_top(view->app, view))
        listview_counts(&v->lv, out);
}

static void show(struct table_view *v, struct rows *rows)
{
    struct rows *old = v->rows;
    v->rows = rows;
    listview_swap(&v->lv, rows, true);
    rows_free(old);
}

/* --- gathering ------------------------------------------------------------------------------ */

struct gather_job {
    const struct table_class *class;
    struct bench *bench;
    struct table_source source;
};

static bool gather_run(struct job *job, struct store *store)
{
    struct gather_job *data = job->data;
    struct table_source *source = &data->source;
    if (store)
        source->open = bench_store(data->bench, store);
    source->call = job_call(job);
    source->job = job;
    source->arena = &job->arena;
    source->err = &job->err;
    return data->class->gather(source);
}

static void gather_release(struct job *job)
{
    struct gather_job *data = job->data;
    rows_page_free(data->source.page);
}

/* "crm-redis: connection refused": the store by its name alone. */
static void add_error(struct table_view *v, struct str store, struct str why)
{
    struct arena a = ARENA_INIT;
    const struct session *session = table_session(v, store);
    struct str name = text_cut_middle(&a, store, STORE_CELLS, 0);
    struct str identity = session ? str_of(session->target.address.identity) : STR("");
    if (identity.len && why.len > identity.len + 2 && str_starts(why, identity.ptr))
        why = str_sub(why, identity.len + 2, why.len);
    sbuf_printf(&v->coming_errors, "%.*s%s%.*s\n", STR_ARG(name), name.len ? ": " : "",
                STR_ARG(why));
    arena_release(&a);
}

static void gather_done(struct job *job, void *owner)
{
    struct table_view *v = owner;
    struct gather_job *data = job->data;
    if (job->ok) {
        rows_take(v->coming, data->source.page, NULL);
        data->source.page = NULL;
    } else if (job->err.kind != ERR_CANCELLED)
        add_error(v, data->source.store_name, str_of(job->err.text));
    if (--v->awaited)
        return;
    if (v->unasked && v->rows && table_app(v)->paused) {
        rows_free(v->coming);
        v->coming = NULL;
        return;
    }
    table_app(v)->dirty = true;
    struct sbuf errors = v->errors;
    v->errors = v->coming_errors;
    v->coming_errors = errors;
    show(v, v->coming);
    v->coming = NULL;
}

static void send_to(struct table_view *v, struct worker *worker, struct session *session)
{
    struct job *job = job_new(table_app(v)->opts.timeout_ms, v);
    struct gather_job *data = arena_new(&job->arena, struct gather_job);
    data->class = v->class;
    data->bench = session ? session->bench : NULL;
    data->source = (struct table_source){
        .journal_path = table_app(v)->opts.journal_path,
        .audit_path = table_app(v)->opts.audit_path,
        .arg = arena_str(&job->arena, v->arg),
        .store_name = session ? arena_str(&job->arena, session->name) : STR(""),
        .now_us = app_now_us(table_app(v)),
        .page = rows_page_new(v->class->sheet, false),
    };
    job->data = data;
    job->urgent = true;
    job->run = gather_run;
    job->done = gather_done;
    job->release = gather_release;
    v->awaited++;
    worker_send(worker, job);
}

static void gather(struct table_view *v, bool asked)
{
    struct app *app = table_app(v);
    v->unasked = !asked && (v->unasked || !v->awaited);
    if (v->awaited)
        return;
    v->asked_at_ms = clock_monotonic_ms();
    v->coming = rows_new(v->class->sheet);
    v->coming_errors.len = 0;
    if (!v->class->per_store) {
        struct worker *worker = app_indexer(app);
        if (worker)
            send_to(v, worker, NULL);
    } else {
        for (struct session *s = app->sessions; s; s = s->next)
            send_to(v, s->worker, s);
    }
    if (!v->awaited) { /* no store is open */
        show(v, v->coming);
        v->coming = NULL;
    }
}

static bool may_refresh(const struct table_view *v)
{
    const struct app *app = table_app(v);
    return !app->paused && !app->top->class->holds_refresh;
}

static int64_t due_ms(const struct table_view *v)
{
    return v->asked_at_ms + app_refresh_ms(table_app(v));
}

static int64_t wake_ms(const struct view *view, int64_t now_ms)
{
    const struct table_view *v = (const struct table_view *)view;
    int64_t list = listview_wake_ms(view, now_ms);
    if (!v->class->gather || v->awaited || !may_refresh(v))
        return list;
    return due_ms(v) < list ? due_ms(v) : list;
}

/* --- looks and keys ------------------------------------------------------------------------- */

static int draw_errors(struct table_view *v, struct canvas *canvas, struct rect r)
{
    struct str rest = sbuf_view(&v->errors);
    int used = 0;
    while (rest.len && used < r.h / 3) {
        ptrdiff_t end = str_index(rest, '\n');
        canvas_put(canvas, r.y + r.h - 1 - used++, r.x + 1, r.w - 2, STYLE_BAD,
                   str_sub(rest, 0, (size_t)end));
        rest = str_sub(rest, (size_t)end + 1, rest.len);
    }
    return used;
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct table_view *v = (struct table_view *)view;
    if (v->class->fill) {
        struct rows *rows = rows_new(v->class->sheet);
        v->class->fill(view->app, &canvas->scratch, rows);
        show(v, rows);
    } else if (!v->asked_at_ms || (may_refresh(v) && clock_monotonic_ms() >= due_ms(v)))
        gather(v, false);
    r.h -= draw_errors(v, canvas, r);
    const char *empty = v->class->why_empty ? v->class->why_empty(v) : NULL;
    if (v->errors.len) /* of what did not answer nothing is known */
        empty = "nothing was found where there was an answer";
    else if (!empty)
        empty = v->class->empty;
    listview_draw_whole(&v->lv, canvas, r, v->rows ? empty : "reading");
}

static void show_row(struct table_view *v, size_t row)
{
    struct arena a = ARENA_INIT;
    struct sbuf text = SBUF_INIT;
    struct cell *cells = arena_array(&a, struct cell, v->class->sheet->ncolumns);
    struct row_in in;
    rows_get(v->rows, row, &in, cells);
    row_text(&text, v->class->sheet, cells);
    view_text_open(table_app(v), NULL, "whole row", sbuf_view(&text));
    sbuf_release(&text);
    arena_release(&a);
}

static const char *footer(const struct view *view, const struct key_row *key)
{
    const struct table_view *v = (const struct table_view *)view;
    size_t at;
    ptrdiff_t row = v->rows && list_at(&v->lv.list, &at) ? (ptrdiff_t)at : -1;
    return v->class->footer ? v->class->footer(v, key, row) : key->footer;
}

static bool command(struct view *view, enum command command)
{
    struct table_view *v = (struct table_view *)view;
    size_t at;
    ptrdiff_t row = v->rows && list_at(&v->lv.list, &at) ? (ptrdiff_t)at : -1;
    if (v->class->command && v->class->command(v, command, row))
        return true;
    switch (command) {
    case CMD_ENTER:
    case CMD_ERROR:
        if (listview_may_act(&v->lv, &at))
            show_row(v, at);
        return true;
    case CMD_REFRESH:
        if (v->class->gather)
            gather(v, true);
        return false; /* and the lists below */
    default:
        return listview_command(&v->lv, command);
    }
}

static bool is_busy(const struct view *view)
{
    return ((const struct table_view *)view)->awaited > 0;
}

static void close_view(struct view *view)
{
    struct table_view *v = (struct table_view *)view;
    listview_release(&v->lv);
    rows_free(v->rows);
    rows_free(v->coming);
    sbuf_release(&v->errors);
    sbuf_release(&v->coming_errors);
    arena_release(&v->arena);
    free(v);
}

static unsigned scopes(const struct view *view)
{
    const struct table_view *v = (const struct table_view *)view;
    return v->lv.typing ? SCOPE_TYPED : SCOPE_TABLE | SCOPE_LIST | v->class->scopes;
}

static const struct view_class table_class = {
    .name = "table",
    .scopes_now = scopes,
    .footer = footer,
    .title = title,
    .draw = draw,
    .key = listview_key,
    .click = listview_click,
    .command = command,
    .wake_ms = wake_ms,
    .is_busy = is_busy,
    .close = close_view,
};

/* The same table is on the stack already. */
static bool is_same(const struct view *view, const struct table_class *class, struct str arg)
{
    const struct table_view *v = (const struct table_view *)view;
    return view->class == &table_class && v->class == class && str_eq(v->arg, arg);
}

void view_table_open(struct app *app, const struct table_class *class, struct str arg)
{
    view_table_about(app, class, arg, arg);
}

void view_table_about(struct app *app, const struct table_class *class, struct str arg,
                      struct str about)
{
    for (struct view *view = app->top; view; view = view->below) {
        if (is_same(view, class, arg) && app_return(app, view))
            return;
    }
    struct table_view *v = view_new(app, NULL, &table_class, sizeof *v);
    v->class = class;
    v->arg = arena_str(&v->arena, arg);
    v->about = arena_str(&v->arena, about);
    listview_init(&v->lv, class->sheet);
    app_push(app, &v->lv.base);
}
