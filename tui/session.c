#include "tui/session.h"

#include "core/apply.h"
#include "core/base/clock.h"
#include "core/listing.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PAGE_ROWS = 1000,  /* of a scan */
    LOT_ROWS = 50,     /* read with their values between two breaths */
    VALUES_MAX = 5000, /* rows whose values are read unasked */
    PATIENCE = 100,    /* a full scan repeats no sooner than after so many times its duration */
    RETRY_MAX_MS = 30000,
};

/* --- the worker's side ---------------------------------------------------------------------- */

struct open_store *bench_store(struct bench *bench, struct store *store)
{
    bench->open.store = store;
    return &bench->open;
}

bool bench_journal(struct bench *bench, struct journal **ret, struct err *err)
{
    if (!bench->journal && !journal_open(bench->journal_path, false, &bench->journal, err))
        return false;
    *ret = bench->journal;
    return true;
}

bool bench_audit(struct bench *bench, struct audit **ret, struct err *err)
{
    if (!bench->audit && !audit_open(bench->audit_path, &bench->audit, err))
        return false;
    *ret = bench->audit;
    return true;
}

/* --- loading the list ----------------------------------------------------------------------- */

struct load {
    const struct sheet *sheet;
    struct bench *bench;
    int64_t started_ms;
    /* the loop's */
    struct rows *building;
    bool first; /* shown while it grows */
    bool given; /* to the session */
};

struct load_page {
    struct listing_page page;
    bool known; /* with values */
};

/* The rows whose values are read afterwards, in the job's arena. */
struct load_rows {
    struct row *rows;
    size_t n;
};

static struct row copy_row(struct arena *a, const struct row *row)
{
    struct row copy = *row;
    copy.id = arena_str(a, row->id);
    copy.label = arena_str(a, row->label);
    copy.phase = row->phase.ptr ? arena_str(a, row->phase) : STR_NULL;
    return copy;
}

static bool send_page(struct job *job, struct store *store, struct row *rows, size_t n,
                      unsigned what, struct arena *arena)
{
    struct load *load = job->data;
    struct load_page *page = arena_new(arena, struct load_page);
    struct call call = job_call(job);
    page->known = what != LIST_IDS;
    bool ok = listing_fill(store, load->sheet, rows, n, what, clock_now_us(), &call, arena,
                           &page->page, &job->err);
    if (ok)
        job_note(job, arena, page);
    arena_release(arena);
    return ok;
}

static bool load_scan(struct job *job, struct store *store, struct scan *scan,
                      struct load_rows *kept)
{
    for (;;) {
        struct arena arena = ARENA_INIT;
        struct call call = job_call(job);
        struct row *rows = NULL;
        size_t n = 0;
        if (!store_scan_next(scan, &call, &arena, PAGE_ROWS, &rows, &n, &job->err) || n == 0) {
            arena_release(&arena);
            return job->err.kind == ERR_NONE;
        }
        for (size_t i = 0; i < n && kept->n < VALUES_MAX; i++)
            kept->rows[kept->n++] = copy_row(&job->arena, &rows[i]);
        if (!send_page(job, store, rows, n, LIST_IDS, &arena))
            return false;
        job_breathe(job, store);
    }
}

/* What a crash left open in the journal is settled when its store is opened. Without a journal, or
 * when that fails, there is still everything to look at; the next change says what is wrong. */
static void settle(struct job *job, struct store *store)
{
    struct load *load = job->data;
    struct journal *journal;
    struct err ignored;
    struct call call = job_call(job);
    if (access(load->bench->journal_path, F_OK) == 0 &&
        bench_journal(load->bench, &journal, &ignored))
        apply_settle(journal, bench_store(load->bench, store), 1, &call, &ignored);
}

static bool load_run(struct job *job, struct store *store)
{
    if (((struct load *)job->data)->first)
        settle(job, store);
    struct load_rows kept = {arena_array(&job->arena, struct row, VALUES_MAX), 0};
    struct scan *scan = NULL;
    struct call call = job_call(job);
    if (!store_scan_open(store, &call, &scan, &job->err))
        return false;
    bool ok = load_scan(job, store, scan, &kept);
    store_scan_close(scan);
    for (size_t i = 0; i < kept.n && ok; i += LOT_ROWS) {
        struct arena arena = ARENA_INIT;
        size_t n = kept.n - i < LOT_ROWS ? kept.n - i : LOT_ROWS;
        ok = send_page(job, store, &kept.rows[i], n, LIST_FULL, &arena);
        job_breathe(job, store);
    }
    return ok;
}

static void pack_page(struct rows *rows, const struct load_page *p)
{
    for (size_t i = 0; i < p->page.nrows; i++) {
        const struct row *row = &p->page.rows[i];
        const struct sheet_row *cells = p->page.cells[i];
        if (!cells)
            continue;
        struct row_in in = {.key = row->id,
                            .label = row->label,
                            .status = p->page.status[i],
                            .mark = p->page.marks[i] ? p->page.marks[i] : cells->mark,
                            .cells = cells->cells,
                            .known = p->known};
        rows_add(rows, &in);
    }
}

static void load_note(struct job *job, void *owner, void *data)
{
    struct session *s = owner;
    struct load *load = job->data;
    const struct load_page *page = data;
    pack_page(load->building, page);
    if (!page->known)
        s->scanned += page->page.nrows;
    if (load->first) {
        s->rows = load->building;
        load->given = true;
        s->read_at_us = app_now_us(s->app);
        app_rows_changed(s->app, s, NULL);
    }
}

static void load_done(struct job *job, void *owner)
{
    struct session *s = owner;
    struct load *load = job->data;
    s->loading = false;
    s->loaded_at_ms = s->fresh_at_ms = clock_monotonic_ms();
    s->load_ms = s->loaded_at_ms - load->started_ms;
    session_note_result(s, job);
    if (job->ok) {
        struct rows *old = s->rows == load->building ? NULL : s->rows;
        s->rows = load->building;
        load->given = true;
        s->complete = true;
        s->read_at_us = app_now_us(s->app);
        app_rows_changed(s->app, s, old);
        rows_free(old);
    } /* else what came stays on the screen, as incomplete as it is */
}

static void load_release(struct job *job)
{
    struct load *load = job->data;
    if (!load->given)
        rows_free(load->building);
}

void session_load(struct session *s)
{
    if (s->loading)
        return;
    struct job *job = job_new(s->app->opts.timeout_ms, s);
    struct load *load = arena_new(&job->arena, struct load);
    load->sheet = &s->system->sheets[0];
    load->bench = s->bench;
    load->started_ms = clock_monotonic_ms();
    load->building = rows_new(load->sheet);
    load->first = s->rows == NULL;
    job->data = load;
    job->run = load_run;
    job->note = load_note;
    job->done = load_done;
    job->release = load_release;
    s->loading = true;
    s->scanned = 0;
    worker_send(s->worker, job);
}

/* --- reading some rows again ---------------------------------------------------------------- */

struct some {
    const struct sheet *sheet;
    const struct system *system;
    struct str *keys;
    size_t n;
    struct row_in *rows; /* what came; key ptr NULL: not there */
};

static bool some_run(struct job *job, struct store *store)
{
    struct some *some = job->data;
    some->rows = arena_array(&job->arena, struct row_in, some->n);
    for (size_t i = 0; i < some->n; i++) {
        struct call call = job_call(job);
        struct record_view *view = arena_new(&job->arena, struct record_view);
        struct err err = {0};
        if (!record_view_read(store, some->keys[i], 0, &call, &job->arena, view, &err)) {
            if (err.kind != ERR_UNAVAILABLE && err.kind != ERR_TIMEOUT && err.kind != ERR_CANCELLED)
                continue;
            job->err = err;
            return false;
        }
        if (view->item.err.kind != ERR_NONE || view->item.doc.absent)
            continue; /* the next scan says what became of it */
        enum mark mark = MARK_NONE;
        struct sheet_row *cells = some->sheet->fill(some->sheet, &view->input);
        some->rows[i] = (struct row_in){
            .key = some->keys[i], .label = view->row.label, .cells = cells->cells, .known = true};
        if (some->system->status)
            some->rows[i].status = some->system->status(&view->input, &mark);
        some->rows[i].mark = mark ? mark : cells->mark;
    }
    return true;
}

static void some_done(struct job *job, void *owner)
{
    struct session *s = owner;
    struct some *some = job->data;
    s->fresh_at_ms = clock_monotonic_ms();
    session_note_result(s, job);
    for (size_t i = 0; i < some->n && job->ok && s->rows; i++) {
        size_t at;
        if (some->rows[i].cells && rows_find(s->rows, some->rows[i].key, &at))
            rows_set(s->rows, at, &some->rows[i]);
    }
    if (job->ok)
        app_rows_changed(s->app, s, NULL);
}

void session_read_rows(struct session *s, const struct str *keys, size_t n)
{
    struct job *job = job_new(s->app->opts.timeout_ms, s);
    struct some *some = arena_new(&job->arena, struct some);
    some->sheet = &s->system->sheets[0];
    some->system = s->system;
    some->keys = arena_array(&job->arena, struct str, n);
    for (some->n = 0; some->n < n; some->n++)
        some->keys[some->n] = arena_str(&job->arena, keys[some->n]);
    job->data = some;
    job->urgent = true;
    job->run = some_run;
    job->done = some_done;
    worker_send(s->worker, job);
}

/* --- the session ---------------------------------------------------------------------------- */

struct session *session_open(struct app *app, const struct target *target,
                             const struct found *found, struct str name, struct err *err)
{
    struct session *s = calloc(1, sizeof *s);
    struct bench *bench = calloc(1, sizeof *bench);
    if (!s || !bench)
        abort();
    s->app = app;
    s->target = *target;
    s->target.address = found->address;
    s->layout = found->layout;
    s->system = found->address.system;
    s->name = arena_str(&s->arena, name);
    s->target.name = s->name.ptr;
    s->read_at_us = TIME_UNKNOWN;
    s->opts = (struct store_opts){.writable = !target->read_only,
                                  .lock_wait_ms = app->opts.lock_wait_ms,
                                  .operator_name = str_of(app->who)};
    bench->open.target = s->target;
    bench->journal_path = app->opts.journal_path;
    bench->audit_path = app->opts.audit_path;
    s->bench = bench;
    if (!worker_start(s->layout, &s->target.address, &s->opts, &s->worker, err)) {
        arena_release(&s->arena);
        free(bench);
        free(s);
        return NULL;
    }
    session_load(s);
    return s;
}

bool session_close(struct session *s, int64_t wait_ms)
{
    if (!worker_stop(s->worker, wait_ms))
        return false;
    journal_close(s->bench->journal);
    audit_close(s->bench->audit);
    free(s->bench);
    rows_free(s->rows);
    arena_release(&s->arena);
    free(s);
    return true;
}

const struct store_info *session_info(const struct session *s)
{
    return worker_info(s->worker, NULL);
}

struct str session_why_read_only(const struct session *s)
{
    const struct store_info *info = session_info(s);
    if (!info)
        return STR("the store is not open");
    if (s->target.read_only && s->target.env == ENV_PROD)
        return STR("opened read-only: start with --write to change production");
    if (info->writable)
        return STR_NULL;
    return info->why_read_only.ptr ? info->why_read_only : STR("opened read-only");
}

void session_note_result(struct session *s, const struct job *job)
{
    bool lost = !job->ok && (job->err.kind == ERR_UNAVAILABLE || job->err.kind == ERR_TIMEOUT ||
                             !session_info(s));
    if (job->ok || job->err.kind != ERR_CANCELLED)
        s->err = job->err;
    if (!lost) {
        s->attempts = 0;
        return;
    }
    int64_t wait = 1000LL << (s->attempts < 5 ? s->attempts : 5);
    s->attempts++;
    s->retry_at_ms = clock_monotonic_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

int64_t session_tick(struct session *s, int64_t now_ms, bool paused)
{
    if (s->loading || paused)
        return INT64_MAX;
    int64_t due;
    if (s->attempts)
        due = s->retry_at_ms;
    else {
        int64_t rest = s->load_ms * PATIENCE;
        int64_t every = app_refresh_ms(s->app);
        due = s->loaded_at_ms + (rest > every ? rest : every);
        int64_t visible = s->fresh_at_ms + every;
        if (due > visible && app_read_visible(s->app, s, now_ms >= visible))
            due = visible > now_ms ? visible : now_ms + every;
    }
    if (due > now_ms)
        return due;
    session_load(s);
    return INT64_MAX;
}
