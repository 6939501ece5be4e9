#include "tui/listview.h"

#include "core/base/clock.h"
#include "tui/columns.h"
#include "tui/copy.h"

#include <string.h>

enum {
    PROGRESS_MS = 100, /* between two looks at how far it is */
    COUNT_MAX = 99999999,
};

/* "etl list": what its columns are kept under. */
static struct str list_name(const struct listview *lv, struct arena *a)
{
    const struct session *s = lv->base.session;
    return arena_printf(a, "%s%s%s", s ? s->system->name : "", s ? " " : "", lv->list.sheet->name);
}

void listview_init(struct listview *lv, const struct sheet *sheet)
{
    struct arena a = ARENA_INIT;
    list_init(&lv->list, sheet);
    lv->list.flipped = columns_load(lv->base.app->opts.columns_path, list_name(lv, &a), sheet);
    arena_release(&a);
}

bool listview_keep_columns(const struct listview *lv, struct err *err)
{
    struct arena a = ARENA_INIT;
    bool ok = columns_save(lv->base.app->opts.columns_path, list_name(lv, &a), lv->list.sheet,
                           lv->list.flipped, err);
    arena_release(&a);
    return ok;
}

void listview_release(struct listview *lv)
{
    list_release(&lv->list);
    input_release(&lv->input);
}

/* --- putting a long list in order --------------------------------------------------------------
 */

struct index_job {
    struct app *app;
    struct rows *rows;
    struct filter *filter;
    struct index_want want;
    struct index_progress progress;
    struct index index;
    unsigned wish;
    int64_t started_ms;
};

static void pump(struct listview *lv);

static bool index_run(struct job *job, struct store *store)
{
    (void)store;
    struct index_job *ij = job->data;
    return index_make(&ij->want, &ij->progress, &ij->index) ||
           err_set(&job->err, ERR_CANCELLED, "stopped");
}

static void say_dropped(struct listview *lv, size_t dropped)
{
    if (dropped)
        app_say(lv->base.app, STYLE_WARN, "%zu mark%s dropped: gone", dropped,
                dropped == 1 ? "" : "s");
}

static void index_done(struct job *job, void *owner)
{
    struct listview *lv = owner;
    struct index_job *ij = job->data;
    int64_t now_ms = clock_monotonic_ms();
    lv->job = NULL;
    lv->next_index_ms = now_ms + 4 * (now_ms - ij->started_ms);
    if (job->ok)
        say_dropped(lv, list_take(&lv->list, ij->rows, &ij->index, ij->want.n, ij->wish));
    lv->base.app->dirty = true;
    pump(lv);
}

static void index_job_release(struct job *job)
{
    struct index_job *ij = job->data;
    ij->app->indexing--;
    rows_take_back(ij->rows);
    rows_free(ij->rows);
    filter_free(ij->filter);
    index_release(&ij->index);
}

static void start(struct listview *lv)
{
    struct worker *indexer = app_indexer(lv->base.app);
    if (!indexer)
        return;
    struct job *job = view_job(&lv->base);
    struct index_job *ij = arena_new(&job->arena, struct index_job);
    struct err ignored;
    ij->app = lv->base.app;
    ij->want = list_index_want(&lv->list);
    ij->rows = rows_ref(lv->list.next ? lv->list.next : lv->list.rows);
    rows_lend(ij->rows);
    /* One of its own, since the list's may be gone before the thread is through. */
    if (ij->want.filter)
        filter_parse(lv->list.sheet, filter_text(ij->want.filter), &ij->filter, &ignored);
    ij->want.filter = ij->filter;
    ij->wish = lv->asked = lv->list.wish;
    ij->started_ms = clock_monotonic_ms();
    ij->progress.stop = &job->cancel.fired;
    job->data = ij;
    job->run = index_run;
    job->done = index_done;
    job->release = index_job_release;
    lv->job = ij;
    lv->base.app->indexing++;
    worker_send(indexer, job);
}

static void pump(struct listview *lv)
{
    if (!lv->list.due || !lv->list.rows)
        return;
    if (lv->job && lv->job->wish != lv->list.wish)
        worker_cancel(app_indexer(lv->base.app), &lv->base);
    else if (!lv->job && (lv->asked != lv->list.wish || clock_monotonic_ms() >= lv->next_index_ms))
        start(lv);
}

int64_t listview_wake_ms(const struct view *view, int64_t now_ms)
{
    const struct listview *lv = (const struct listview *)view;
    if (lv->job)
        return view->app->drawn_at_ms + PROGRESS_MS;
    return lv->list.due ? lv->next_index_ms : INT64_MAX;
}

bool listview_is_ordering(const struct listview *lv)
{
    const struct list *list = &lv->list;
    struct str text = {list->filter_text.ptr, list->filter_text.len};
    return list->due && list->filter_err.kind == ERR_NONE &&
           (list->want.sort != list->shown.sort ||
            list->want.descending != list->shown.descending ||
            !str_eq(text, (struct str){list->shown_filter.ptr, list->shown_filter.len}));
}

static void stop_ordering(struct listview *lv)
{
    list_stop(&lv->list);
    if (lv->job)
        worker_cancel(app_indexer(lv->base.app), &lv->base);
    app_say(lv->base.app, STYLE_WARN, "stopped: order and filter are those of before");
}

/* --- the filter line -------------------------------------------------------------------------- */

static void apply_filter(struct listview *lv)
{
    struct app *app = lv->base.app;
    if (!list_filter(&lv->list, input_text(&lv->input), app_now_us(app)))
        app_say(app, STYLE_BAD, "%s; the rows are those of before", lv->list.filter_err.text);
    else
        app->message.len = 0;
    pump(lv);
}

static void remember(struct listview *lv, struct str text)
{
    struct keyset *filters = lv->base.app->filters;
    if (text.len == 0)
        return;
    keyset_put(filters, text, false);
    keyset_put(filters, text, true);
}

/* Up: the filter typed before, Down: the one after. */
static void go_through_filters(struct listview *lv, int step)
{
    const struct keyset *filters = lv->base.app->filters;
    size_t n = keyset_count(filters);
    if (step > 0 ? lv->recent >= n : lv->recent == 0)
        return;
    lv->recent += (size_t)step;
    input_set(&lv->input, lv->recent ? keyset_at(filters, n - lv->recent) : STR(""));
    lv->input.cursor = lv->input.text.len;
    apply_filter(lv);
}

/* Digits before a motion say how often, or which line. */
static bool take_digit(struct listview *lv, uint32_t code)
{
    struct list *list = &lv->list;
    if (code < '0' || code > '9' || (code == '0' && list->count == 0)) {
        enum command command = keymap_find(SCOPE_LIST, code);
        if (!(command >= CMD_UP && command <= CMD_LAST))
            list->count = 0;
        return false;
    }
    if (list->count < COUNT_MAX / 10)
        list->count = list->count * 10 + (code - '0');
    return true;
}

void listview_filter(struct listview *lv, struct str text)
{
    input_set(&lv->input, text);
    apply_filter(lv);
}

unsigned listview_scopes(const struct view *view)
{
    const struct listview *lv = (const struct listview *)view;
    return lv->typing ? SCOPE_TYPED : view->class->scopes;
}

bool listview_key(struct view *view, const struct key *key)
{
    struct listview *lv = (struct listview *)view;
    if (!lv->typing)
        return take_digit(lv, key->code);
    if (key->code == K_UP || key->code == K_DOWN) {
        go_through_filters(lv, key->code == K_UP ? 1 : -1);
        return true;
    }
    switch (input_key(&lv->input, key, false)) {
    case INPUT_CHANGED:
        apply_filter(lv);
        return true;
    case INPUT_DONE:
    case INPUT_LEFT:
        remember(lv, input_text(&lv->input));
        lv->typing = false;
        return true;
    case INPUT_MOVED:
        return true;
    case INPUT_NOT_MINE: /* the cursor of the list moves on */
        list_command(&lv->list, keymap_find(SCOPE_LIST, key->code), app_now_us(view->app));
        break;
    }
    return key->code != K_CTRL('l') && key->code != K_CTRL('z');
}

void listview_click(struct view *view, int y, int x)
{
    struct listview *lv = (struct listview *)view;
    list_click(&lv->list, y, x, app_now_us(view->app));
    pump(lv);
}

bool listview_command(struct listview *lv, enum command command)
{
    if (command == CMD_FILTER) {
        input_set(&lv->input, sbuf_view(&lv->list.filter_text));
        lv->typing = true;
        lv->recent = 0;
        return true;
    }
    if (command == CMD_COPY) {
        copy_row_open(lv);
        return true;
    }
    if (command == CMD_COLUMNS) {
        view_columns_open(lv);
        return true;
    }
    if (command == CMD_BACK && listview_is_ordering(lv)) {
        stop_ordering(lv);
        return true;
    }
    if (command == CMD_BACK && lv->list.ranging)
        return list_command(&lv->list, command, app_now_us(lv->base.app));
    if (command == CMD_BACK && lv->list.filter_text.len) {
        input_set(&lv->input, STR(""));
        apply_filter(lv);
        return true;
    }
    bool taken = list_command(&lv->list, command, app_now_us(lv->base.app));
    if (lv->list.said)
        app_say(lv->base.app, STYLE_WARN, "%s", lv->list.said);
    lv->list.said = NULL;
    pump(lv);
    return taken;
}

void listview_swap(struct listview *lv, struct rows *rows, bool complete)
{
    say_dropped(lv, list_swap(&lv->list, rows, complete, app_now_us(lv->base.app)));
    pump(lv);
}

static void add_ordering(const struct listview *lv, struct sbuf *out)
{
    if (!lv->job || !listview_is_ordering(lv))
        return;
    const struct index_progress *p = &lv->job->progress;
    size_t done = atomic_load(&p->done), of = atomic_load(&p->of);
    sbuf_printf(out, "  putting in order %zu %%, Esc stops", of ? done * 100 / of : 0);
}

void listview_counts(const struct listview *lv, struct sbuf *out)
{
    const struct list *list = &lv->list;
    size_t shown = list->n - list->tombstone;
    if (list->filter)
        sbuf_printf(out, "  %zu of %zu", shown, list_total(list));
    else
        sbuf_printf(out, "  %zu", list_total(list));
    if (list->filter_text.len)
        sbuf_printf(out, " [%.*s]%s",
                    STR_ARG(((struct str){list->filter_text.ptr, list->filter_text.len})),
                    list->filter_err.kind != ERR_NONE ? " does not parse" : "");
    if (list->stale && list->n)
        sbuf_cstr(out, "  ~ stale");
    size_t marked = keyset_count(list->marks), hidden = list_hidden_marks(list), from, to;
    if (marked)
        sbuf_printf(out, "  %zu marked", marked);
    if (hidden)
        sbuf_printf(out, ", %zu hidden by filter", hidden);
    if (list_range(list, &from, &to))
        sbuf_printf(out, "  range of %zu: v marks it, Esc leaves", to - from);
    add_ordering(lv, out);
}

void listview_draw(struct listview *lv, struct canvas *canvas, struct rect r, const char *empty)
{
    struct list *list = &lv->list;
    pump(lv);
    if (lv->typing)
        r.h--;
    list->now_ms = app_shown_ms(lv->base.app);
    list_draw(list, canvas, r, app_shown_us(lv->base.app));
    if (list->n == 0 && r.h > 2)
        canvas_put(canvas, r.y + 2, r.x + 5, r.w - 6, STYLE_DIM,
                   list->filter ? STR("no row passes the filter; Esc clears it") : str_of(empty));
    if (lv->typing)
        input_draw(&lv->input, canvas, r.y + r.h, r.x + 1, r.w - 2, STR("/"));
}

void listview_draw_whole(struct listview *lv, struct canvas *canvas, struct rect r,
                         const char *empty)
{
    int rest = list_rest_height(r);
    listview_draw(lv, canvas, (struct rect){r.y, r.x, r.h - rest, r.w}, empty);
    list_draw_rest(&lv->list, canvas, (struct rect){r.y + r.h - rest, r.x, rest, r.w},
                   app_shown_us(lv->base.app));
}

size_t listview_lines(const struct listview *lv)
{
    return lv->typing ? list_total(&lv->list) : lv->list.n;
}

bool listview_shows(const struct listview *lv, size_t row)
{
    return filter_passes(lv->list.filter, lv->list.rows, row, app_now_us(lv->base.app));
}

bool listview_may_act(struct listview *lv, size_t *ret_row)
{
    struct app *app = lv->base.app;
    if (lv->list.filter_err.kind != ERR_NONE) {
        app_say(app, STYLE_BAD, "the filter does not parse: mend or clear it first (Esc)");
        return false;
    }
    if (!list_at(&lv->list, ret_row)) {
        app_say(app, STYLE_MESSAGE, "there is no row here");
        return false;
    }
    if (rows_gone(lv->list.rows, *ret_row)) {
        app_say(app, STYLE_WARN, "row no longer exists");
        return false;
    }
    return true;
}
