/* core/worker: order, partial results, cancelling, forgetting, a lost store, a stuck thread. */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "core/store_driver.h"
#include "core/worker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A store that counts how often it was opened; the first `refuse` times it cannot be. */
static atomic_int opened, closed, refuse;

static bool fake_open(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    if (refuse > 0) {
        refuse--;
        return err_set(err, ERR_UNAVAILABLE, "nobody listens");
    }
    opened++;
    struct store *store = calloc(1, sizeof *store);
    store_init(store, layout, address, opts);
    store->info.server = arena_printf(&store->arena, "fake %d", opened);
    *ret = store;
    return true;
}

static void fake_close(struct store *store)
{
    closed++;
    arena_release(&store->arena);
    free(store);
}

static const struct layout fake = {.system = "meltano",
                                   .backend = "memory",
                                   .name = "fake",
                                   .open = fake_open,
                                   .close = fake_close};

static const struct address address = {.backend = "memory", .identity = "meltano+memory://fake"};

/* What came back, in order. */
struct log {
    char text[256];
};

static void log_add(struct log *log, const char *word)
{
    strncat(log->text, word, sizeof log->text - strlen(log->text) - 1);
    strncat(log->text, " ", sizeof log->text - strlen(log->text) - 1);
}

static void on_done(struct job *job, void *owner)
{
    log_add(owner, job->ok ? "ok" : err_kind_name(job->err.kind));
}

static void on_note(struct job *job, void *owner, void *data)
{
    log_add(owner, data);
}

static struct worker *start(const struct layout *layout)
{
    struct worker *w = NULL;
    struct err err = {0};
    struct store_opts opts = {.operator_name = STR("me@here")};
    opened = closed = refuse = 0;
    assert_true(worker_start(layout, &address, &opts, &w, &err));
    return w;
}

static void post(struct worker *w, struct log *log, bool urgent,
                 bool (*run)(struct job *, struct store *), const void *data)
{
    struct job *job = job_new(TEST_CALL_MS, log);
    job->run = run;
    job->note = on_note;
    job->done = on_done;
    job->urgent = urgent;
    job->data = (void *)data;
    worker_send(w, job);
}

/* Collects until the log reads as it should, or gives up. */
static void expect(struct worker *w, struct log *log, const char *text)
{
    int64_t until = clock_monotonic_ms() + 60000;
    while (strcmp(log->text, text) != 0 && clock_monotonic_ms() < until) {
        struct pollfd fd = {.fd = worker_fd(w), .events = POLLIN};
        poll(&fd, 1, 100);
        worker_collect(w);
    }
    assert_string_equal(log->text, text);
}

static bool run_named(struct job *job, struct store *store)
{
    struct arena arena = ARENA_INIT;
    char *text = arena_cstr(&arena, str_of(job->data));
    job_note(job, &arena, text);
    return true;
}

/* Waits for its token alone. */
static bool run_until_cancelled(struct job *job, struct store *store)
{
    struct call call = call_within(TEST_CALL_MS, &job->cancel);
    return call_pause(&call, TEST_CALL_MS, "waiting", &job->err);
}

static void jobs_run_in_order_and_notes_come_first(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0};
    post(w, &log, false, run_named, "a");
    post(w, &log, false, run_named, "b");
    expect(w, &log, "a ok b ok ");
    struct err err;
    assert_str(worker_info(w, &err)->server, "fake 1");
    assert_int_equal(err.kind, ERR_NONE);
    assert_true(worker_stop(w, 60000));
    assert_int_equal(closed, 1);
}

static bool run_breathing(struct job *job, struct store *store)
{
    int gate = *(int *)job->data;
    char c;
    bool woken = read(gate, &c, 1) == 1; /* the urgent job has been sent by now */
    job_breathe(job, store);
    struct arena arena = ARENA_INIT;
    char *text = arena_cstr(&arena, STR("after"));
    job_note(job, &arena, text);
    return woken;
}

static void a_long_job_lets_urgent_ones_through(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0};
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    post(w, &log, false, run_breathing, &gate[0]);
    post(w, &log, false, run_named, "plain");
    post(w, &log, true, run_named, "urgent");
    assert_int_equal(write(gate[1], "x", 1), 1);
    /* Were the worker slow to start, the urgent one would simply run first. */
    int64_t until = clock_monotonic_ms() + 60000;
    while (!strstr(log.text, "plain ok") && clock_monotonic_ms() < until)
        worker_collect(w);
    assert_true(strcmp(log.text, "urgent ok after ok plain ok ") == 0);
    assert_true(worker_stop(w, 60000));
    close(gate[0]);
    close(gate[1]);
}

static void cancelled_jobs_come_back_and_forgotten_ones_do_not(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0}, gone = {0};
    post(w, &log, false, run_until_cancelled, NULL);
    worker_cancel(w, &log);
    expect(w, &log, "cancelled ");
    post(w, &gone, false, run_until_cancelled, NULL);
    post(w, &gone, false, run_named, "never");
    post(w, &log, false, run_named, "next");
    worker_forget(w, &gone);
    expect(w, &log, "cancelled next ok ");
    assert_string_equal(gone.text, "");
    assert_true(worker_stop(w, 60000));
}

static bool run_lose(struct job *job, struct store *store)
{
    return err_set(&job->err, ERR_UNAVAILABLE, "server closed the connection");
}

static void a_lost_store_is_opened_again(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0};
    struct err err;
    refuse = 1;
    post(w, &log, false, run_named, "x");
    expect(w, &log, "unavailable ");
    assert_null(worker_info(w, &err));
    assert_string_equal(err.text, "meltano+memory://fake: nobody listens");
    post(w, &log, false, run_named, "one");
    expect(w, &log, "unavailable one ok ");
    post(w, &log, false, run_lose, NULL);
    expect(w, &log, "unavailable one ok unavailable ");
    assert_null(worker_info(w, &err));
    post(w, &log, false, run_named, "two");
    expect(w, &log, "unavailable one ok unavailable two ok ");
    assert_str(worker_info(w, &err)->server, "fake 2");
    assert_true(worker_stop(w, 60000));
    assert_int_equal(closed, 2);
}

/* A connection that was closed because its job was cancelled is opened again without a word. */
static bool run_lose_when_cancelled(struct job *job, struct store *store)
{
    run_until_cancelled(job, store);
    return run_lose(job, store);
}

static void a_cancelled_job_does_not_lose_the_store(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0};
    struct err err;
    post(w, &log, false, run_named, "x");
    expect(w, &log, "x ok ");
    post(w, &log, false, run_lose_when_cancelled, NULL);
    worker_cancel(w, &log);
    expect(w, &log, "x ok unavailable ");
    assert_non_null(worker_info(w, &err));
    post(w, &log, false, run_named, "y");
    expect(w, &log, "x ok unavailable y ok ");
    assert_str(worker_info(w, &err)->server, "fake 2");
    assert_true(worker_stop(w, 60000));
}

static bool run_without_store(struct job *job, struct store *store)
{
    return store == NULL;
}

static void a_worker_needs_no_store(void **state)
{
    struct worker *w = start(NULL);
    struct log log = {0};
    post(w, &log, false, run_without_store, NULL);
    expect(w, &log, "ok ");
    assert_true(worker_stop(w, 60000));
    assert_int_equal(opened, 0);
}

static atomic_bool stuck_ended;

static bool run_stuck(struct job *job, struct store *store)
{
    char c;
    return read(*(int *)job->data, &c, 1) == 1; /* looks at no token */
}

static void on_release(struct job *job)
{
    stuck_ended = true;
}

static void quitting_leaves_a_stuck_thread_behind(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0};
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    stuck_ended = false;
    struct job *job = job_new(TEST_CALL_MS, &log);
    job->run = run_stuck;
    job->release = on_release;
    job->data = &gate[0];
    worker_send(w, job);
    int64_t until = clock_monotonic_ms() + 60000;
    while (!opened && clock_monotonic_ms() < until)
        ;
    assert_int_equal(opened, 1);
    int64_t before = clock_monotonic_ms();
    assert_false(worker_stop(w, 20));
    assert_true(clock_monotonic_ms() - before < 60000);
    assert_int_equal(write(gate[1], "x", 1), 1); /* it comes back and cleans up after itself */
    until = clock_monotonic_ms() + 60000;
    while (!stuck_ended && clock_monotonic_ms() < until)
        ;
    assert_true(stuck_ended);
    assert_int_equal(closed, 1);
    close(gate[0]);
    close(gate[1]);
}

static void stopping_frees_what_never_ran(void **state)
{
    struct worker *w = start(&fake);
    struct log log = {0};
    post(w, &log, false, run_until_cancelled, NULL);
    post(w, &log, false, run_named, "never");
    assert_true(worker_stop(w, 60000));
    assert_string_equal(log.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_in_order_and_notes_come_first),
        cmocka_unit_test(a_long_job_lets_urgent_ones_through),
        cmocka_unit_test(cancelled_jobs_come_back_and_forgotten_ones_do_not),
        cmocka_unit_test(a_lost_store_is_opened_again),
        cmocka_unit_test(a_cancelled_job_does_not_lose_the_store),
        cmocka_unit_test(a_worker_needs_no_store),
        cmocka_unit_test(quitting_leaves_a_stuck_thread_behind),
        cmocka_unit_test(stopping_frees_what_never_ran),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
