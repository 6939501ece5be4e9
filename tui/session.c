#include "tui/session.h"

#include "core/audit.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE = 100, /* a full scan repeats no sooner than after so many times its duration */
    RETRY_MAX_MS = 30000,
    SILENCE_MS = 2000, /* a store that is silent for so long is said to be */
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

/* --- the session ---------------------------------------------------------------------------- */

struct session *session_open(struct app *app, const struct target *target,
                             const struct found *found, struct str name, struct err *err)
{
    struct session *s = xcalloc(1, sizeof *s);
    struct bench *bench = xcalloc(1, sizeof *bench);
    s->app = app;
    s->target = *target;
    s->target.address = found->address;
    s->layout = found->layout;
    s->system = found->address.system;
    s->name = arena_str(&s->arena, name);
    if (!target->is_context) /* as a command takes it */
        s->target.name = s->target.address.plain;
    s->attention = attention_new();
    s->read_at_us = TIME_UNKNOWN;
    s->estimate = -1;
    s->opts = (struct store_opts){.writable = !target->read_only,
                                  .lock_wait_ms = app->opts.lock_wait_ms,
                                  .operator_name = str_of(app->who)};
    bench->open.target = s->target;
    bench->journal_path = app->opts.journal_path;
    bench->audit_path = app->opts.audit_path;
    s->bench = bench;
    if (!worker_start(s->layout, &s->target.address, &s->opts, &s->worker, err)) {
        attention_free(s->attention);
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
    attention_free(s->attention);
    arena_release(&s->arena);
    free(s);
    return true;
}

struct str session_short_name(const struct session *session, struct arena *a, int width)
{
    struct str name = text_clean(a, session->name, 0);
    ptrdiff_t query = str_index(name, '?');
    if (text_width(name) > width && query > 0 && memmem(name.ptr, (size_t)query, "://", 3))
        name = str_sub(name, 0, (size_t)query);
    return text_cut_middle(a, name, width, 0);
}

struct str session_companions(const struct session *session, struct arena *a)
{
    static const char *const names[] = {"lock=", "runs=", "slots=", "broker="};
    struct str masked = str_of(session->target.address.masked), found = STR("");
    for (ptrdiff_t at = str_index(masked, '?'); at >= 0; at = str_index(masked, '&')) {
        masked = str_sub(masked, (size_t)at + 1, masked.len);
        ptrdiff_t end = str_index(masked, '&');
        struct str param = str_sub(masked, 0, end < 0 ? masked.len : (size_t)end);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (str_starts(param, names[i]))
                found = arena_printf(a, "%.*s%s%.*s", STR_ARG(found), found.len ? "  " : "",
                                     STR_ARG(param));
        }
    }
    return found;
}

const struct store_info *session_info(const struct session *s)
{
    return worker_info(s->worker, NULL);
}

struct permission {
    struct bench *bench;
    bool writable;
};

/* The gate of apply asks the target, the connection is opened by the worker's options: both. */
static bool permit_run(struct job *job, struct store *store)
{
    struct permission *permission = job->data;
    (void)store;
    permission->bench->open.target.read_only = !permission->writable;
    return true;
}

void session_set_writable(struct session *s, bool writable)
{
    struct job *job = job_new(s->app->opts.timeout_ms, NULL);
    struct permission *permission = arena_new(&job->arena, struct permission);
    *permission = (struct permission){s->bench, writable};
    job->data = permission;
    job->urgent = true;
    job->run = permit_run;
    s->target.read_only = !writable;
    s->lifted = writable;
    worker_set_writable(s->worker, writable);
    worker_send(s->worker, job);
}

struct str session_error(const struct session *s)
{
    struct str text = str_of(s->err.text), address = str_of(s->target.address.identity);
    bool named =
        str_starts(text, address.ptr) && str_starts(str_sub(text, address.len, text.len), ": ");
    return named ? str_sub(text, address.len + 2, text.len) : text;
}

struct str session_why_read_only(const struct session *s)
{
    const struct store_info *info = session_info(s);
    if (!info || s->attempts)
        return s->attempts ? STR("disconnected: nothing can be changed until the store answers")
                           : STR("the store is not open");
    if (s->target.read_only && s->target.env == ENV_PROD)
        return s->app->opts.read_only
                   ? STR("started with --read-only")
                   : STR("production is opened read-only: :write makes it writable");
    if (info->writable)
        return STR_NULL;
    return info->why_read_only.ptr ? info->why_read_only : STR("opened read-only");
}

void session_note_answer(struct session *s, const struct job *job)
{
    if (job->ok || job->err.kind == ERR_UNAVAILABLE || job->err.kind == ERR_TIMEOUT)
        session_note_result(s, job);
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

static void load_unasked(struct session *s)
{
    session_load(s);
    s->unasked = true;
}

/* A few rows tell whether a store answers, where a full scan is dear: those on the screen, or one.
 * False: there is none. */
static bool read_some(struct session *s, bool now)
{
    if (app_read_visible(s->app, s, now))
        return true;
    if (!s->rows || rows_count(s->rows) == 0)
        return false;
    struct str key = rows_key(s->rows, 0);
    if (now)
        session_read_rows(s, &key, 1, false);
    return true;
}

/* Does a store that was lost answer again? */
static void retry(struct session *s)
{
    bool dear = s->complete && s->load_ms * PATIENCE > app_refresh_ms(s->app);
    if (!dear || !read_some(s, true))
        load_unasked(s);
}

int64_t session_tick(struct session *s, int64_t now_ms, bool paused)
{
    if (s->owed && now_ms - s->owed_ms >= SILENCE_MS)
        s->app->dirty = true; /* the header counts the seconds */
    if (s->loading || s->refreshing || paused)
        return INT64_MAX;
    if (s->attempts) {
        if (s->retry_at_ms <= now_ms)
            retry(s);
        return s->retry_at_ms > now_ms ? s->retry_at_ms : INT64_MAX;
    }
    int64_t rest = s->load_ms * PATIENCE, every = app_refresh_ms(s->app);
    int64_t due = s->loaded_at_ms + (rest > every ? rest : every), visible = s->fresh_at_ms + every;
    if (due > visible && read_some(s, now_ms >= visible))
        return visible > now_ms ? visible : INT64_MAX;
    if (due > now_ms)
        return due;
    load_unasked(s);
    return INT64_MAX;
}

/* --- what the store owes -------------------------------------------------------------------- */

void session_owes(struct session *s, struct job *job)
{
    if (s->owed++ == 0)
        s->owed_ms = clock_monotonic_ms();
    worker_send(s->worker, job);
}

void session_heard(struct session *s, bool done)
{
    s->owed -= done;
    s->owed_ms = clock_monotonic_ms();
}

/* While the screen is paused, only what was asked for is waited for. */
static int64_t silent_ms(const struct session *s, int64_t now_ms)
{
    bool awaited = !s->app->paused || s->valuing || (s->loading && !s->unasked);
    return s->owed && awaited ? now_ms - s->owed_ms : 0;
}

bool session_waits(const struct session *s, int64_t now_ms)
{
    return (s->loading && !s->complete) || s->valuing || silent_ms(s, now_ms) >= SILENCE_MS;
}

void session_stop(struct session *s)
{
    s->stopped = s->loading && !s->complete;
    s->valuing = s->again = false;
    worker_cancel(s->worker, s);
}

bool session_is_stale(const struct session *s, int64_t now_ms)
{
    return s->attempts || (s->complete && silent_ms(s, now_ms) >= app_refresh_ms(s->app));
}

/* --- how fresh it is ------------------------------------------------------------------------ */

static void add_clock(struct sbuf *out, struct arena *a, int64_t us)
{
    struct str text = time_rfc3339(a, us);
    ptrdiff_t t = str_index(text, 'T');
    sbuf_printf(out, "%.8sZ", text.ptr + t + 1);
}

/* Seconds are told apart here, where time_span rounds to what a list has room for. */
static void add_age(struct sbuf *out, struct arena *a, int64_t us)
{
    if (us < 60 * 1000000LL)
        sbuf_printf(out, "%lld s", (long long)(us > 0 ? us / 1000000 : 0));
    else
        sbuf_str(out, time_span(a, us));
}

static void add_loading(const struct session *s, struct sbuf *out)
{
    char n[16], of[16];
    sbuf_printf(out, "loaded %s", count_text((int64_t)s->scanned, n));
    if (s->estimate >= (int64_t)s->scanned)
        sbuf_printf(out, " of ~%s", count_text(s->estimate, of));
}

void session_freshness(const struct session *s, int64_t now_us, int64_t now_ms, bool paused,
                       struct sbuf *out)
{
    struct arena a = ARENA_INIT;
    int64_t silent = silent_ms(s, now_ms);
    if (paused)
        sbuf_cstr(out, "PAUSED  ");
    if (s->attempts && s->retry_at_ms > now_ms)
        sbuf_printf(out, "DISCONNECTED, retry in %lld s (%u)",
                    (long long)(s->retry_at_ms - now_ms + 999) / 1000, s->attempts);
    else if (s->attempts)
        sbuf_printf(out, "DISCONNECTED, trying again (%u)", s->attempts);
    else if (silent >= SILENCE_MS)
        sbuf_printf(out, "no answer for %lld s, Esc stops", (long long)silent / 1000);
    else if (s->loading && !s->complete && s->rows)
        add_loading(s, out);
    else if (s->read_at_us == TIME_UNKNOWN)
        sbuf_cstr(out, s->stopped ? "stopped" : "opening");
    else {
        sbuf_cstr(out, "as of ");
        add_clock(out, &a, s->read_at_us);
        if (!paused) { /* then nothing on the screen changes */
            sbuf_cstr(out, " (");
            add_age(out, &a, now_us - s->read_at_us);
            sbuf_cstr(out, ")");
        }
    }
    arena_release(&a);
}
