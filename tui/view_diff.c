/* What differs between two records, or between a record and what the journal keeps of it. Every
 * line begins with -, + or ~, so that it is read without colour. */
#include "core/base/clock.h"
#include "tui/ask.h"

enum { CHANGES_MOST = 2000, VALUE_SHOWN = 2000, ENTRIES_MOST = 200 };

struct diff_job {
    struct bench *bench;
    struct str ids[2], labels[2];
    size_t n;
    struct str about;           /* which two things were compared */
    struct change_words *words; /* what the system has words for */
    size_t nwords;
    struct value_change *changes;
    size_t nchanges;
    bool more;
};

/* The newest change of the record that was applied. */
static bool find_in_journal(struct job *job, struct store *store, struct journal *journal,
                            const struct journal_entry **ret, const struct journal_item **ret_item)
{
    struct diff_job *data = job->data;
    struct journal_entry *entries;
    size_t n;
    if (!journal_of_record(journal, &job->arena, store_info(store)->identity, data->ids[0],
                           ENTRIES_MOST, &entries, &n, &job->err))
        return false;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = entries[i].nitems; k-- > 0;) {
            const struct journal_item *item = &entries[i].items[k];
            if (item->outcome != OUTCOME_APPLIED || item->kind == EDIT_BREAK)
                continue;
            *ret = &entries[i];
            *ret_item = item;
            return true;
        }
    }
    return err_set(&job->err, ERR_NOT_FOUND,
                   "nothing of it is in the journal; mark another record (Space) and "
                   "= compares the two");
}

/* As it was before the newest change that was made from here. */
static bool read_before(struct job *job, struct store *store, const struct value **ret)
{
    struct diff_job *data = job->data;
    struct journal *journal;
    const struct journal_entry *entry;
    const struct journal_item *item;
    struct document before = {0};
    if (!bench_journal(data->bench, &journal, &job->err) ||
        !find_in_journal(job, store, journal, &entry, &item))
        return false;
    if (!item->before_absent &&
        !store_decode(store, item->id, item->before_image, &job->arena, &before, &job->err))
        return false;
    data->about = arena_printf(&job->arena, "%.*s before the %.*s of %.*s, %.*s ago, and now",
                               STR_ARG(data->labels[0]), STR_ARG(entry->verb), STR_ARG(entry->who),
                               STR_ARG(time_span(&job->arena, clock_now_us() - entry->at_us)));
    *ret = before.root;
    return true;
}

static bool diff_run(struct job *job, struct store *store)
{
    struct diff_job *data = job->data;
    struct read_item items[2];
    struct call call = job_call(job);
    const struct value *before;
    bench_store(data->bench, store);
    if (!store_read(store, data->ids, data->n, 0, &call, &job->arena, items, &job->err))
        return false;
    for (size_t i = 0; i < data->n; i++) {
        if (items[i].err.kind != ERR_NONE || items[i].doc.problem.kind != ERR_NONE) {
            job->err = items[i].err.kind != ERR_NONE ? items[i].err : items[i].doc.problem;
            return false;
        }
    }
    const struct value *after = items[data->n - 1].doc.root;
    if (data->n == 2) {
        before = items[0].doc.root;
        data->about = arena_printf(&job->arena, "%.*s and %.*s", STR_ARG(data->labels[0]),
                                   STR_ARG(data->labels[1]));
    } else if (!read_before(job, store, &before))
        return false;
    data->nchanges =
        value_diff(&job->arena, before, after, CHANGES_MOST, &data->changes, &data->more);
    const struct system *system = store_system(store);
    if (system->say_changes)
        data->nwords = system->say_changes(before, after, &job->arena, &data->words);
    return true;
}

static void diff_done(struct job *job, void *owner)
{
    struct view *view = owner;
    struct diff_job *data = job->data;
    struct arena *a = &job->arena;
    struct sbuf out = SBUF_INIT;
    session_note_answer(view->session, job);
    if (!job->ok) {
        view_text_fill(view, str_of(job->err.text));
        return;
    }
    sbuf_printf(&out, "%.*s\n\n", STR_ARG(data->about));
    for (size_t i = 0; i < data->nwords; i++) {
        const struct change_words *w = &data->words[i];
        sbuf_printf(&out, "%c %s: %.*s%s%.*s\n",
                    !w->old.ptr  ? '+'
                    : w->new.ptr ? '~'
                                 : '-',
                    w->what, STR_ARG(w->old), w->old.ptr && w->new.ptr ? " → " : "",
                    STR_ARG(w->new));
    }
    if (data->nwords)
        sbuf_char(&out, '\n');
    for (size_t i = 0; i < data->nchanges; i++) {
        const struct value_change *c = &data->changes[i];
        struct str path = c->path.len ? c->path : STR("(whole)");
        if (c->before && c->after)
            sbuf_printf(&out, "~ %.*s\n", STR_ARG(path));
        if (c->before)
            sbuf_printf(&out, "- %.*s%s%.*s\n", c->after ? 0 : (int)path.len, path.ptr,
                        c->after ? "  " : ": ", STR_ARG(value_repr(a, c->before, VALUE_SHOWN)));
        if (c->after)
            sbuf_printf(&out, "+ %.*s%s%.*s\n", c->before ? 0 : (int)path.len, path.ptr,
                        c->before ? "  " : ": ", STR_ARG(value_repr(a, c->after, VALUE_SHOWN)));
    }
    if (!data->nchanges)
        sbuf_cstr(&out, "no difference\n");
    if (data->more)
        sbuf_cstr(&out, "and more\n");
    view_text_fill(view, sbuf_view(&out));
    sbuf_release(&out);
}

void view_diff_open(struct app *app, struct session *session, const struct plan_record *records,
                    size_t n)
{
    struct view *view = view_text_wait(app, session, "diff");
    struct job *job = view_job(view);
    struct diff_job *data = arena_new(&job->arena, struct diff_job);
    data->bench = session->bench;
    data->n = n;
    for (size_t i = 0; i < n; i++) {
        data->ids[i] = arena_str(&job->arena, records[i].id);
        data->labels[i] = arena_str(&job->arena, records[i].label);
    }
    job->data = data;
    job->urgent = true;
    job->run = diff_run;
    job->done = diff_done;
    worker_send(session->worker, job);
}
