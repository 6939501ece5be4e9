/* The jobs of a session: the scan of the list, rows read again, values of all rows. They pack what
 * they read on the worker's thread; the loop takes whole pages. */
#include "core/apply.h"
#include "core/base/clock.h"
#include "core/listing.h"
#include "tui/view.h"

#include <unistd.h>

enum {
    FIRST_ROWS = 200,   /* of a scan's first page: something to look at */
    PAGE_ROWS = 2000,   /* of the others */
    LOT_ROWS = 50,      /* read with their values between two breaths */
    VALUES_MAX = 5000,  /* rows whose values are read unasked */
    VALUE_ROWS = 4000,  /* in one job when all are asked for */
    CHANGED_MS = 10000, /* what changed is pointed at for so long */
    VALUE_LOT = 500,    /* of these between two breaths */
};

/* --- packing, on the worker's thread -------------------------------------------------------- */

struct packing {
    const struct sheet *sheet;
    struct str store; /* its identity */
    bool values;
    struct rows_page *page;
    struct arena *keep; /* of the notes */
    struct attention_note **last;
};

static void note_findings(struct packing *p, const struct sheet_input *in,
                          const struct finding *findings)
{
    *p->last = attention_note(p->keep, p->store, in, findings);
    p->last = &(*p->last)->next;
}

static void pack_one(void *ctx, const struct sheet_input *in, const struct err *problem)
{
    struct packing *p = ctx;
    if (p->values && in->doc && in->doc->absent) {
        rows_page_add_gone(p->page, in->row->id);
        note_findings(p, in, NULL);
        return;
    }
    struct listed listed = listing_row(p->sheet, in, p->values, problem);
    if (p->values)
        note_findings(p, in, listed.findings);
    struct row_in row = {.key = in->row->id,
                         .label = in->row->label.ptr ? in->row->label : in->row->id,
                         .status = listed.status,
                         .mark = listed.mark ? listed.mark : listed.row->mark,
                         .cells = listed.row->cells,
                         .known = p->values};
    rows_page_add(p->page, &row);
}

/* A page on its way to the loop: in the message's arena, but the packed rows are its own. */
struct load_page {
    struct rows_page *rows;
    struct attention_note *notes;
    bool known; /* with values */
    int64_t estimate;
};

static bool pack_rows(struct job *job, struct store *store, const struct sheet *sheet,
                      struct row *rows, size_t n, unsigned what, struct rows_page *page,
                      struct arena *keep, struct attention_note **notes)
{
    while (*notes)
        notes = &(*notes)->next;
    struct packing packing = {sheet, store_info(store)->identity, what & LIST_VALUES, page, keep,
                              notes};
    struct call call = job_call(job);
    return listing_visit(store, rows, n, what, clock_now_us(), &call, pack_one, &packing,
                         &job->err);
}

/* --- the scan ------------------------------------------------------------------------------- */

struct load {
    const struct sheet *sheet;
    struct bench *bench;
    int64_t started_ms;
    bool first; /* shown while it grows */
    /* the loop's */
    bool unwanted; /* came by itself while nothing is to change */
    struct rows *building;
    bool given; /* to the session */
};

/* The rows whose values are read afterwards, in the job's arena. */
struct load_rows {
    struct row *rows;
    size_t n, all;
};

static bool send_page(struct job *job, struct store *store, struct row *rows, size_t n,
                      unsigned what, bool brief)
{
    struct load *load = job->data;
    struct arena arena = ARENA_INIT;
    struct load_page *page = arena_new(&arena, struct load_page);
    page->known = what & LIST_VALUES;
    page->estimate = store_info(store)->records;
    page->rows = rows_page_new(load->sheet, brief);
    if (!pack_rows(job, store, load->sheet, rows, n, what, page->rows, &arena, &page->notes)) {
        rows_page_free(page->rows);
        arena_release(&arena);
        return false;
    }
    job_note(job, &arena, page);
    return true;
}

/* How many there will be; after the first page, which does not wait for it. A store that cannot say
 * has no estimate. */
static void ask_estimate(struct job *job, struct store *store)
{
    struct call call = job_call(job);
    struct err ignored;
    store_probe(store, &call, &ignored);
}

static bool load_scan(struct job *job, struct store *store, struct scan *scan,
                      struct load_rows *kept)
{
    struct load *load = job->data;
    for (;;) {
        struct arena arena = ARENA_INIT;
        struct call call = job_call(job);
        struct row *rows = NULL;
        size_t n = 0, max = kept->all ? PAGE_ROWS : FIRST_ROWS;
        if (!store_scan_next(scan, &call, &arena, max, &rows, &n, &job->err) || n == 0) {
            arena_release(&arena);
            return job->err.kind == ERR_NONE;
        }
        for (size_t i = 0; i < n && kept->n < VALUES_MAX; i++)
            kept->rows[kept->n++] = row_copy(&job->arena, &rows[i]);
        bool ok = send_page(job, store, rows, n, LIST_IDS, kept->all > VALUES_MAX);
        arena_release(&arena);
        if (!ok)
            return false;
        if (load->first && kept->all == 0 && n == max)
            ask_estimate(job, store);
        kept->all += n;
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
    struct load_rows kept = {arena_array(&job->arena, struct row, VALUES_MAX), 0, 0};
    struct scan *scan = NULL;
    struct call call = job_call(job);
    if (!store_scan_open(store, &call, &scan, &job->err))
        return false;
    bool ok = load_scan(job, store, scan, &kept);
    store_scan_close(scan);
    /* Of a longer list values are read where somebody looks. */
    size_t n = kept.all <= VALUES_MAX ? kept.n : 0;
    for (size_t i = 0; i < n && ok; i += LOT_ROWS) {
        ok = send_page(job, store, &kept.rows[i], n - i < LOT_ROWS ? n - i : LOT_ROWS, LIST_FULL,
                       false);
        job_breathe(job, store);
    }
    return ok;
}

static bool is_unwanted(const struct load *load, const struct session *s)
{
    return load->unwanted || (s->app->paused && s->unasked && !load->first);
}

static void load_note(struct job *job, void *owner, void *data)
{
    struct session *s = owner;
    struct load *load = job->data;
    struct load_page *page = data;
    session_heard(s, false);
    s->estimate = page->estimate >= 0 ? page->estimate : s->estimate;
    load->unwanted = is_unwanted(load, s);
    if (load->unwanted)
        return;
    attention_take(s->attention, page->notes);
    if (page->known)
        rows_update(load->building, page->rows);
    else {
        s->scanned += rows_page_count(page->rows);
        rows_take(load->building, page->rows, load->first ? NULL : s->rows);
    }
    page->rows = NULL;
    if (load->first) {
        s->rows = load->building;
        load->given = true;
        s->read_at_us = app_now_us(s->app);
        app_rows_changed(s->app, s, NULL);
    }
}

static void load_drop(struct job *job, void *data)
{
    (void)job;
    rows_page_free(((struct load_page *)data)->rows);
}

static void show_loaded(struct session *s, struct load *load)
{
    s->app->paused_us = app_now_us(s->app);
    struct rows *old = s->rows == load->building ? NULL : s->rows;
    if (old && s->complete)
        rows_compare(load->building, old, app_now_ms(s->app) + CHANGED_MS);
    s->rows = load->building;
    load->given = true;
    s->complete = true;
    attention_prune(s->attention, s->rows);
    s->estimate = (int64_t)rows_there(s->rows);
    s->value_at = 0;
    s->read_at_us = app_now_us(s->app);
    app_rows_changed(s->app, s, old);
    rows_free(old);
}

static void load_done(struct job *job, void *owner)
{
    struct session *s = owner;
    struct load *load = job->data;
    int64_t now_ms = clock_monotonic_ms();
    bool unwanted = job->ok && is_unwanted(load, s), again = s->again;
    session_heard(s, true);
    s->loading = s->again = false;
    s->load_ms = now_ms - load->started_ms;
    if (!unwanted) /* else it is due again when the pause ends */
        s->loaded_at_ms = s->fresh_at_ms = now_ms;
    session_note_result(s, job);
    if (job->ok && !unwanted)
        show_loaded(s, load);
    else if (!job->ok && s->rows) /* what came stays on the screen, as incomplete as it is */
        app_rows_changed(s->app, s, NULL);
    if (again && !s->attempts)
        session_load(s);
}

static void load_release(struct job *job)
{
    struct load *load = job->data;
    if (!load->given)
        rows_free(load->building);
}

void session_load(struct session *s)
{
    s->unasked = false;
    s->again = s->loading;
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
    job->drop = load_drop;
    job->done = load_done;
    job->release = load_release;
    s->loading = true;
    s->stopped = false;
    s->scanned = 0;
    session_owes(s, job);
}

bool session_is_long(const struct session *s)
{
    return s->rows && rows_count(s->rows) > VALUES_MAX;
}

/* --- reading rows again, or their values ----------------------------------------------------- */

struct some {
    const struct sheet *sheet;
    struct row *rows;
    size_t n;
    bool brief, whole; /* whole: every row that is shown */
    bool all;          /* one lot of those that session_read_values asks for */
    struct rows_page *page;
    struct attention_note *notes;
};

static bool some_run(struct job *job, struct store *store)
{
    struct some *some = job->data;
    some->page = rows_page_new(some->sheet, some->brief);
    for (size_t i = 0; i < some->n; i += VALUE_LOT) {
        size_t n = some->n - i < VALUE_LOT ? some->n - i : VALUE_LOT;
        if (!pack_rows(job, store, some->sheet, &some->rows[i], n, LIST_FULL, some->page,
                       &job->arena, &some->notes))
            return false;
        job_breathe(job, store); /* an urgent one has no breath of its own */
    }
    return true;
}

static void some_done(struct job *job, void *owner)
{
    struct session *s = owner;
    struct some *some = job->data;
    session_heard(s, true);
    session_note_result(s, job);
    if (!some->all) {
        s->fresh_at_ms = clock_monotonic_ms();
        s->refreshing = false;
    } else if (!job->ok)
        s->valuing = false;
    if (!job->ok || !s->rows || (s->app->paused && !some->all))
        return;
    rows_watch(s->rows, app_now_ms(s->app) + CHANGED_MS);
    rows_update(s->rows, some->page);
    rows_watch(s->rows, 0);
    attention_take(s->attention, some->notes);
    some->page = NULL;
    if (some->whole)
        s->read_at_us = app_now_us(s->app);
    if (some->all && s->valuing)
        session_read_values(s);
    app_rows_changed(s->app, s, NULL);
}

static void some_release(struct job *job)
{
    rows_page_free(((struct some *)job->data)->page);
}

static struct job *some_new(struct session *s, size_t n)
{
    struct job *job = job_new(s->app->opts.timeout_ms, s);
    struct some *some = arena_new(&job->arena, struct some);
    some->sheet = &s->system->sheets[0];
    some->rows = arena_array(&job->arena, struct row, n);
    some->brief = session_is_long(s);
    job->data = some;
    job->run = some_run;
    job->done = some_done;
    job->release = some_release;
    return job;
}

static void some_add(struct job *job, struct str key)
{
    struct some *some = job->data;
    some->rows[some->n++] = (struct row){.id = arena_str(&job->arena, key),
                                         .bytes = -1,
                                         .updated_at_us = TIME_UNKNOWN,
                                         .expires_at_us = TIME_UNKNOWN};
}

void session_read_rows(struct session *s, const struct str *keys, size_t n, bool whole)
{
    struct job *job = some_new(s, n);
    ((struct some *)job->data)->whole = whole;
    for (size_t i = 0; i < n; i++)
        some_add(job, keys[i]);
    job->urgent = true;
    s->refreshing = true;
    session_owes(s, job);
}

void session_read_values(struct session *s)
{
    struct job *job = some_new(s, VALUE_ROWS);
    struct some *some = job->data;
    some->all = true;
    struct cell *cells = arena_array(&job->arena, struct cell, s->system->sheets[0].ncolumns);
    for (; s->value_at < rows_count(s->rows) && some->n < VALUE_ROWS; s->value_at++) {
        struct row_in row;
        rows_get(s->rows, s->value_at, &row, cells);
        if (!row.known && !row.gone)
            some_add(job, row.key);
    }
    s->valuing = some->n > 0;
    if (s->valuing)
        session_owes(s, job);
    else
        job_free(job);
}
