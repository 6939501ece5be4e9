/* A session: one open store as the screen sees it, its worker, and the rows of its list.
 *
 * The fields here belong to the loop's thread. What a job touches on the worker's thread is the
 * bench alone. */
#ifndef PENSTOCK_TUI_SESSION_H
#define PENSTOCK_TUI_SESSION_H

#include "core/config.h"
#include "core/plan.h"
#include "core/worker.h"
#include "tui/attention.h"
#include "tui/rows.h"

struct app;

/* The worker's side: made by the loop before the first job, then touched by jobs only. Journal and
 * audit are opened by the first job that needs them, each worker its own. */
struct bench {
    struct open_store open; /* `store` is set by bench_store in every job */
    const char *journal_path, *audit_path;
    struct journal *journal;
    struct audit *audit;
};

struct open_store *bench_store(struct bench *bench, struct store *store);
bool bench_journal(struct bench *bench, struct journal **ret, struct err *err);
bool bench_audit(struct bench *bench, struct audit **ret, struct err *err);

struct session {
    struct app *app;
    struct arena arena;
    const struct target *given; /* what the operator asked for */
    struct target target;       /* with the address of this store, not as it was given */
    const struct layout *layout;
    const struct system *system;
    struct str name;
    struct store_opts opts;
    struct worker *worker;
    struct bench *bench;

    struct rows *rows; /* of the list; NULL before the first page */
    struct attention *attention;
    bool complete; /* rows hold the whole scan */
    bool loading;
    bool unasked;       /* by itself: a pause keeps what it reads off the screen */
    bool again;         /* asked for while it ran: it may have passed what changed since */
    bool lifted;        /* its context says read-only; an operator made it writable */
    size_t scanned;     /* by the load that runs */
    int64_t estimate;   /* of all records; -1: none */
    int64_t read_at_us; /* rows are as of then; TIME_UNKNOWN: never */
    int64_t loaded_at_ms, load_ms;
    int64_t fresh_at_ms; /* visible rows were read again */
    bool refreshing;     /* rows are being read again */
    bool stopped;        /* the operator stopped the last load */
    /* The values of all rows, where somebody sorts or filters by them. */
    bool valuing;
    size_t value_at;   /* rows before this one are read or asked for */
    size_t owed;       /* jobs that are out */
    int64_t owed_ms;   /* since when the store has not answered, when some are */
    struct err err;    /* of the last attempt; kind NONE: fine */
    unsigned attempts; /* failed in a row */
    int64_t retry_at_ms;
    struct session *next;
};

/* `address` must lie in memory that lives as long as the session. */
struct session *session_open(struct app *app, const struct target *target,
                             const struct found *found, struct str name, struct err *err);
/* False: the worker is stuck, and everything it may touch stays. */
bool session_close(struct session *session, int64_t wait_ms);

const struct store_info *session_info(const struct session *session); /* NULL when not open */
/* What it is called in `width` cells: of an address that does not fit the parameters go first,
 * since their end would read like that of a file. */
struct str session_short_name(const struct session *session, struct arena *a, int width);
/* The other stores that it was opened with, "lock=none  runs=…"; empty: none. */
struct str session_companions(const struct session *session, struct arena *a);
/* Why nothing can be changed here, or STR_NULL. */
struct str session_why_read_only(const struct session *session);
/* What went wrong last, without the address: the header, or the row, says which store it is. */
struct str session_error(const struct session *session);
/* Opens the store anew, for writing or not; the rows stay. */
void session_set_writable(struct session *session, bool writable);

/* Reads the whole list again; once more after it when that is under way. */
void session_load(struct session *session);
/* Reads these rows again, before anything else. `whole`: they are all that is shown. */
void session_read_rows(struct session *session, const struct str *keys, size_t n, bool whole);
/* Of a long list values are read only where somebody looks, or asks for all. */
bool session_is_long(const struct session *session);
/* Reads the values of all rows that lack them; session->valuing says whether that goes on. */
void session_read_values(struct session *session);
/* Something is under way that an operator may want to stop: a first load, all values, or a call
 * that gets no answer. */
bool session_waits(const struct session *session, int64_t now_ms);
/* Stops what is under way; what was read stays. */
void session_stop(struct session *session);
/* Does what is due (retry, refresh); `visible` may be NULL. Returns when to be called next. */
int64_t session_tick(struct session *session, int64_t now_ms, bool paused);
/* A job failed or the server answered again: header and retry follow. */
void session_note_result(struct session *session, const struct job *job);
/* The same of a job about something in the store: what is wrong with that is no fault of the store.
 */
void session_note_answer(struct session *session, const struct job *job);
/* "as of 12:03:04Z (2 s)", "DISCONNECTED, retry in 4 s (3)", "loaded 240k of ~1.0M". */
void session_freshness(const struct session *session, int64_t now_us, int64_t now_ms, bool paused,
                       struct sbuf *out);
/* Rows are older than they should be: the store does not answer. */
bool session_is_stale(const struct session *session, int64_t now_ms);

/* --- between session.c, load.c ------------------------------------------------------------- */

/* A job of the session itself was sent, has noted something, or is done. */
void session_owes(struct session *session, struct job *job);
void session_heard(struct session *session, bool done);

#endif
