/* Sessions in django-redis against a real server: what is written, what is left alone, whose lock
 * it was, and what a reader sends. A second connection plays the application.
 *
 * PENSTOCK_REDIS_SOCKET names a private server; the program owns it whole. */
#include "tests/unit/triggers_sample.h"

#include "backends/compression.h"
#include "backends/drivers.h"
#include "backends/redis/client.h"
#include "backends/redis/layouts.h"
#include "core/base/clock.h"
#include "core/systems/triggers/ops.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct str uid = STR("q-5f3c1");
static const struct str key = STR(":1:triggers.storages.cache:q-5f3c1");
static const struct str lock_key_text = STR("lock:triggers:q-5f3c1:lock");
static const struct str signal_key = STR("lock-signal:triggers:q-5f3c1:lock");

struct fixture {
    struct arena arena;
    struct redis_client *app; /* the other side */
    struct store *store;
    struct call call;
};

/* --- the other side -------------------------------------------------------------------------- */

static struct str url_of(struct arena *arena, const char *login)
{
    const char *socket = getenv("PENSTOCK_REDIS_SOCKET");
    return arena_printf(arena, "unix://%s%s?db=0", login, socket);
}

static struct redis_answer app(struct fixture *f, struct redis_command command)
{
    struct redis_answer answer;
    struct err err = {0};
    if (!redis_run(f->app, command, &f->call, &f->arena, &answer, &err))
        fail_msg("%s", err.text);
    return answer;
}

static struct str stored(struct fixture *f)
{
    struct redis_answer answer = app(f, REDIS_COMMAND(STR("GET"), key));
    return answer.type == REDIS_TEXT ? answer.text : STR_NULL;
}

static int64_t ttl_ms(struct fixture *f, struct str of)
{
    return app(f, REDIS_COMMAND(STR("PTTL"), of)).number;
}

static void put(struct fixture *f, struct str bytes)
{
    app(f, REDIS_COMMAND(STR("SET"), key, bytes, STR("PX"), STR("3600000")));
}

static struct store *open_with(struct fixture *f, const char *login, bool writable,
                               const struct address_param *params, size_t nparams)
{
    struct address address = {
        .backend = "redis", .identity = "triggers+redis", .params = params, .nparams = nparams};
    struct store_opts opts = {
        .writable = writable, .lock_wait_ms = 200, .operator_name = STR("test@host")};
    struct store *store = NULL;
    struct err err = {0};
    address.url = url_of(&f->arena, login).ptr;
    if (!store_open(&redis_triggers_django, &address, &opts, &f->call, &store, &err))
        fail_msg("%s", err.text);
    return store;
}

static struct store *open_as(struct fixture *f, const char *login, bool writable)
{
    return open_with(f, login, writable, NULL, 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    f->call = call_within(TEST_CALL_MS, NULL);
    if (!redis_open(url_of(&f->arena, "").ptr, true, &f->call, &f->app, &err))
        fail_msg("%s", err.text);
    app(f, REDIS_COMMAND(STR("FLUSHALL")));
    f->store = open_as(f, "", true);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    redis_close(f->app);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* --- our side -------------------------------------------------------------------------------- */

static struct document look(struct fixture *f)
{
    struct read_item item;
    struct err err = {0};
    if (!store_read(f->store, &uid, 1, 0, &f->call, &f->arena, &item, &err))
        fail_msg("%s", err.text);
    assert_int_equal(item.err.kind, ERR_NONE);
    return item.doc;
}

static struct commit_item item_for(const struct document *before, enum edit_kind kind)
{
    struct commit_item item = {
        .kind = kind, .id = uid, .compare = 1, .change = 1, .before = before};
    item.expect[0] = before->versions[0];
    return item;
}

static void commit(struct fixture *f, struct commit_item *item)
{
    struct err err = {0};
    if (!store_commit(f->store, item, &f->call, &f->arena, &err))
        fail_msg("%s", err.text);
}

static const struct value *skipped(struct fixture *f, const struct document *doc)
{
    const struct op_arg args[] = {{"name", STR("t_importSubject#0")}};
    struct op_input in = {.system = &system_triggers,
                          .docs = {doc},
                          .args = {args, 1},
                          .now_us = clock_now_us(),
                          .native = true,
                          .arena = &f->arena};
    struct op_output out = {0};
    struct err err = {0};
    if (!session_skip.run(&in, &out, &err))
        fail_msg("%s", err.text);
    return out.edits[0].after;
}

static struct commit_item skip_failed(struct fixture *f, const struct document *before)
{
    struct commit_item item = item_for(before, EDIT_WRITE);
    item.after = skipped(f, before);
    commit(f, &item);
    return item;
}

static struct str pickled(struct fixture *f, const struct value *v, int protocol)
{
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    if (!pickle_write(&out, v, protocol, &err))
        fail_msg("%s", err.text);
    struct str bytes = arena_str(&f->arena, sbuf_view(&out));
    sbuf_release(&out);
    return bytes;
}

static void assert_free(struct fixture *f)
{
    assert_int_equal(app(f, REDIS_COMMAND(STR("EXISTS"), lock_key_text)).number, 0);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The edit arrives, in the form the value had, with its time to live; undo brings back the very
 * bytes. */
static void check_form(struct fixture *f, struct str bytes, const char *format)
{
    put(f, bytes);
    struct document before = look(f);
    assert_str(before.format, format);
    assert_int_equal(before.problem.kind, ERR_NONE);
    struct commit_item item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_true(value_equal(item.now.root, item.after));
    assert_false(value_equal(item.now.root, before.root));
    assert_str(item.now.format, format);
    assert_true(ttl_ms(f, key) > 3000000 && ttl_ms(f, key) <= 3600000);
    assert_free(f);
    struct commit_item undo = item_for(&item.now, EDIT_RESTORE);
    undo.image = before.image;
    commit(f, &undo);
    assert_int_equal(undo.outcome, OUTCOME_APPLIED);
    assert_true(str_eq(stored(f), bytes));
    assert_true(ttl_ms(f, key) > 3000000 && ttl_ms(f, key) <= 3600000);
    assert_true(version_eq(&undo.now.versions[0], &before.versions[0]));
}

static void every_form_is_kept(void **state)
{
    static const struct {
        const char *name, *format;
        bool json;
    } cases[] = {
        {"q-5f3c1.p2", "pickle 2", false}, {"q-5f3c1.p3", "pickle 3", false},
        {"q-5f3c1", "pickle 4", false},    {"q-5f3c1.p5", "pickle 5", false},
        {"q-5f3c1", "json", true},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str bytes = cases[i].json ? sample_file(&f->arena, cases[i].name, "json")
                                         : sample_pickle(&f->arena, cases[i].name);
        check_form(f, bytes, cases[i].format);
        for (enum compression c = COMPRESSION_ZLIB; c <= COMPRESSION_ZSTD; c++) {
            struct str packed;
            assert_true(compression_pack(&f->arena, c, bytes, &packed));
            check_form(f, packed,
                       arena_printf(&f->arena, "%s, %s", cases[i].format, compression_name(c)).ptr);
        }
    }
}

/* HerdClient: the marker and the moment beside the session stay. */
static void herd_is_kept(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->arena;
    struct value *class = arena_new(a, struct value), *marker = arena_new(a, struct value);
    *class = (struct value){.type = VALUE_GLOBAL,
                            .global = {STR("django_redis.client.herd"), STR("Marker")}};
    *marker = (struct value){.type = VALUE_CALL,
                             .call = {.kind = CALL_NEWOBJ,
                                      .callable = class,
                                      .args = value_list(a, VALUE_TUPLE, NULL, 0)}};
    const struct value *items[] = {marker, sample(a, "q-5f3c1", SAMPLE_PICKLE),
                                   value_int(a, 1709651257)};
    check_form(f, pickled(f, value_list(a, VALUE_TUPLE, items, 3), 4), "pickle 4, herd");
    put(f, pickled(f, value_list(a, VALUE_TUPLE, items, 3), 4));
    struct document before = look(f);
    skip_failed(f, &before);
    const struct value *whole;
    struct pickle_info info;
    struct err err = {0};
    assert_true(pickle_read(a, stored(f), &whole, &info, &err));
    assert_int_equal(whole->type, VALUE_TUPLE);
    assert_true(value_equal(value_at(whole, 0), marker));
    assert_true(value_equal(value_at(whole, 2), items[2]));
}

static void without_a_limit_it_stays_so(void **state)
{
    struct fixture *f = *state;
    app(f, REDIS_COMMAND(STR("SET"), key, sample_pickle(&f->arena, "q-5f3c1")));
    struct document before = look(f);
    assert_int_equal(before.expires_at_us, TIME_NEVER);
    skip_failed(f, &before);
    assert_int_equal(ttl_ms(f, key), -1);
}

static void a_foreign_lock_stops_the_write(void **state)
{
    struct fixture *f = *state;
    struct str token = {"\x00\x8f\xff\r\n$5 abcdefgh", 16};
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    struct document before = look(f);
    app(f, REDIS_COMMAND(STR("SET"), lock_key_text, token, STR("NX"), STR("EX"), STR("3600")));
    struct commit_item item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_LOCKED);
    assert_int_equal(item.err.kind, ERR_LOCKED);
    assert_non_null(strstr(item.err.text, "unknown (16 bytes)"));
    assert_true(str_eq(stored(f), sample_pickle(&f->arena, "q-5f3c1")));
    assert_true(str_eq(app(f, REDIS_COMMAND(STR("GET"), lock_key_text)).text, token));
    assert_true(ttl_ms(f, lock_key_text) > 3000000);
}

static void a_change_meanwhile_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    struct document before = look(f);
    put(f, sample_pickle(&f->arena, "q-77aa0"));
    struct commit_item item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_true(str_eq(stored(f), sample_pickle(&f->arena, "q-77aa0")));
    assert_free(f);
    app(f, REDIS_COMMAND(STR("DEL"), key)); /* an expired session is not brought back */
    item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_null(stored(f).ptr);
    item = item_for(&before, EDIT_REMOVE);
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
}

static void removed_and_brought_back_with_its_time(void **state)
{
    struct fixture *f = *state;
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    struct document before = look(f);
    struct commit_item gone = item_for(&before, EDIT_REMOVE);
    commit(f, &gone);
    assert_int_equal(gone.outcome, OUTCOME_APPLIED);
    assert_true(gone.now.absent);
    assert_null(stored(f).ptr);
    struct commit_item back = item_for(&gone.now, EDIT_RESTORE);
    back.image = before.image;
    commit(f, &back);
    assert_int_equal(back.outcome, OUTCOME_APPLIED);
    assert_true(str_eq(stored(f), sample_pickle(&f->arena, "q-5f3c1")));
    assert_true(ttl_ms(f, key) > 3000000 && ttl_ms(f, key) <= 3600000);
    app(f, REDIS_COMMAND(STR("DEL"), key));
    back = item_for(&gone.now, EDIT_RESTORE);
    back.image = STR("django1 1000\n{}"); /* its time was over in 1970 */
    commit(f, &back);
    assert_int_equal(back.outcome, OUTCOME_REFUSED);
    assert_non_null(strstr(back.err.text, "expired meanwhile"));
    assert_null(stored(f).ptr);
}

/* --- locks ----------------------------------------------------------------------------------- */

struct waiter {
    pthread_t thread;
    struct str url;
    bool woken;
};

static void *wait_for_signal(void *arg)
{
    struct waiter *w = arg;
    struct arena arena = ARENA_INIT;
    struct redis_client *client;
    struct redis_answer answer;
    struct err err = {0};
    struct call call = call_within(TEST_CALL_MS, NULL);
    if (redis_open(w->url.ptr, true, &call, &client, &err)) {
        struct redis_command command = REDIS_COMMAND(STR("BLPOP"), signal_key, STR("0"));
        w->woken = redis_run(client, command, &call, &arena, &answer, &err) &&
                   answer.type == REDIS_LIST && str_is(answer.items[1].text, "1");
        redis_close(client);
    }
    arena_release(&arena);
    return NULL;
}

static void wait_until_blocked(struct fixture *f, int clients)
{
    for (;;) {
        struct redis_answer list = app(f, REDIS_COMMAND(STR("CLIENT"), STR("LIST")));
        int n = 0;
        for (const char *at = list.text.ptr; (at = strstr(at, "cmd=blpop")); at++)
            n++;
        if (n == clients)
            return;
    }
}

static void a_release_wakes_a_waiter(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter = {.url = url_of(&f->arena, "")};
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    struct document before = look(f);
    pthread_create(&waiter.thread, NULL, wait_for_signal, &waiter);
    wait_until_blocked(f, 1);
    struct commit_item item = skip_failed(f, &before);
    pthread_join(waiter.thread, NULL);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_true(waiter.woken);
}

static struct lock *locks_of(struct fixture *f)
{
    struct lock *locks = NULL;
    struct err err = {0};
    if (!store_locks(f->store, NULL, 0, &f->call, &f->arena, &locks, &err))
        fail_msg("%s", err.text);
    return locks;
}

/* A signal in another database of the same server. */
static void signal_elsewhere(struct fixture *f, struct str url)
{
    struct redis_client *client;
    struct redis_answer answer;
    struct err err = {0};
    if (!redis_open(url.ptr, true, &f->call, &client, &err) ||
        !redis_run(client, REDIS_COMMAND(STR("LPUSH"), signal_key, STR("1")), &f->call, &f->arena,
                   &answer, &err))
        fail_msg("%s", err.text);
    redis_close(client);
}

static void who_waits_in_another_database_waits_for_another_lock(void **state)
{
    struct fixture *f = *state;
    struct str url = url_of(&f->arena, "");
    struct waiter here = {.url = url};
    struct waiter there = {
        .url = arena_printf(&f->arena, "%.*s3", (int)url.len - 1, url.ptr)}; /* ?db=3 */
    app(f, REDIS_COMMAND(STR("SET"), lock_key_text, STR("x"), STR("EX"), STR("3600")));
    pthread_create(&here.thread, NULL, wait_for_signal, &here);
    pthread_create(&there.thread, NULL, wait_for_signal, &there);
    wait_until_blocked(f, 2);
    assert_int_equal(locks_of(f)->waiters, 1);
    signal_elsewhere(f, here.url);
    signal_elsewhere(f, there.url);
    pthread_join(here.thread, NULL);
    pthread_join(there.thread, NULL);
}

static void a_lock_is_shown_and_broken(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter = {.url = url_of(&f->arena, "")};
    struct str token = STR("0123456789abcdef");
    app(f, REDIS_COMMAND(STR("SET"), lock_key_text, token, STR("EX"), STR("3600")));
    pthread_create(&waiter.thread, NULL, wait_for_signal, &waiter);
    wait_until_blocked(f, 1);
    struct lock *lock = locks_of(f);
    assert_non_null(lock);
    assert_null(lock->next);
    assert_str(lock->object, "q-5f3c1");
    assert_str(lock->holder, "unknown (16 bytes)");
    assert_int_equal(lock->waiters, 1);
    assert_int_equal(lock->verdict, LOCK_UNKNOWN);
    assert_false(lock->mine);
    struct document doc = look(f);
    struct commit_item item = item_for(&doc, EDIT_BREAK);
    item.lock_token = STR("fedcba9876543210"); /* it changed hands since */
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_true(str_eq(app(f, REDIS_COMMAND(STR("GET"), lock_key_text)).text, token));
    item.lock_token = lock->token;
    commit(f, &item);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_str(item.detail, "gone");
    pthread_join(waiter.thread, NULL);
    assert_true(waiter.woken);
    assert_null(locks_of(f));
}

static void a_lock_without_limit_is_flagged(void **state)
{
    struct fixture *f = *state;
    app(f, REDIS_COMMAND(STR("SET"), lock_key_text, STR("x")));
    struct lock *lock = locks_of(f);
    assert_str(lock->frees_itself, "never");
    assert_int_equal(lock->expires_at_us, TIME_NEVER);
}

/* Redis counts in milliseconds: it takes a thousand times what microseconds hold. */
static void a_limit_beyond_all_clocks_is_none(void **state)
{
    struct fixture *f = *state;
    const struct str far = STR("9000000000000000000");
    app(f, REDIS_COMMAND(STR("SET"), key, sample_pickle(&f->arena, "q-5f3c1"), STR("PX"), far));
    app(f, REDIS_COMMAND(STR("SET"), lock_key_text, STR("x"), STR("PX"), far));
    assert_int_equal(look(f).expires_at_us, TIME_NEVER);
    assert_int_equal(locks_of(f)->expires_at_us, TIME_NEVER);
    app(f, REDIS_COMMAND(STR("DEL"), lock_key_text));
    struct document before = look(f);
    skip_failed(f, &before);
    assert_true(ttl_ms(f, key) > INT64_C(8999999999999000000)); /* and stays as it is */

    /* An undo brings it back without one; images of earlier builds have the sum. */
    const struct str early = STR("django1 9000001780000000000\n{}");
    struct document seen = look(f), kept;
    struct err err = {0};
    assert_true(store_decode(f->store, uid, early, &f->arena, &kept, &err));
    assert_int_equal(kept.expires_at_us, TIME_NEVER);
    const struct str images[] = {seen.image, early};
    for (size_t i = 0; i < 2; i++) {
        struct document now = look(f);
        struct commit_item gone = item_for(&now, EDIT_REMOVE);
        commit(f, &gone);
        struct commit_item back = item_for(&gone.now, EDIT_RESTORE);
        back.image = images[i];
        commit(f, &back);
        assert_int_equal(back.outcome, OUTCOME_APPLIED);
        assert_int_equal(ttl_ms(f, key), -1);
    }
}

/* One key that is no lock does not hide the others. */
static void a_lock_of_another_type_is_shown(void **state)
{
    struct fixture *f = *state;
    app(f, REDIS_COMMAND(STR("RPUSH"), lock_key_text, STR("x")));
    app(f, REDIS_COMMAND(STR("SET"), STR("lock:triggers:other:lock"), STR("x")));
    struct lock *first = locks_of(f);
    assert_non_null(first);
    assert_non_null(first->next);
    struct lock *odd = str_is(first->object, "other") ? first->next : first;
    assert_str(odd->object, "q-5f3c1");
    assert_true(str_starts(odd->evidence, "the key holds no text"));
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    struct document before = look(f);
    struct commit_item item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_LOCKED);
    assert_true(str_eq(stored(f), sample_pickle(&f->arena, "q-5f3c1")));
}

/* Django's own RedisCache has no lock; it lies where `default` is, here another database. */
static void a_lock_elsewhere_is_taken_there(void **state)
{
    struct fixture *f = *state;
    struct redis_client *elsewhere;
    struct redis_answer answer;
    struct err err = {0};
    const char *url =
        arena_printf(&f->arena, "unix://%s?db=3", getenv("PENSTOCK_REDIS_SOCKET")).ptr;
    const struct address_param params[] = {{"client", "django"}, {"lock", url}};
    assert_true(redis_open(url, true, &f->call, &elsewhere, &err));

    store_close(f->store);
    f->store = open_with(f, "", true, params, 1);
    assert_false(store_info(f->store)->writable);
    assert_non_null(strstr(store_info(f->store)->why_read_only.ptr, "lock="));

    store_close(f->store);
    f->store = open_with(f, "", true, params, 2);
    assert_true(store_info(f->store)->writable);
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    struct document before = look(f);
    assert_true(redis_run(elsewhere, REDIS_COMMAND(STR("SET"), lock_key_text, STR("theirs")),
                          &f->call, &f->arena, &answer, &err));
    struct commit_item item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_LOCKED);
    assert_true(str_eq(stored(f), sample_pickle(&f->arena, "q-5f3c1")));

    assert_true(redis_run(elsewhere, REDIS_COMMAND(STR("DEL"), lock_key_text), &f->call, &f->arena,
                          &answer, &err));
    item = skip_failed(f, &before);
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_true(redis_run(elsewhere, REDIS_COMMAND(STR("LLEN"), signal_key), &f->call, &f->arena,
                          &answer, &err));
    assert_int_equal(answer.number, 1); /* taken and released there */
    assert_int_equal(app(f, REDIS_COMMAND(STR("EXISTS"), signal_key)).number, 0);
    redis_close(elsewhere);
}

static void a_held_lock_is_ours(void **state)
{
    struct fixture *f = *state;
    struct str token;
    struct err err = {0};
    assert_true(store_lock_hold(f->store, uid, 3600, &f->call, &token, &f->arena, &err));
    struct lock *lock = locks_of(f);
    assert_true(lock->mine);
    assert_true(str_starts(lock->holder, "penstock/test@host/"));
    assert_true(store_lock_release(f->store, uid, token, &f->call, &err));
    assert_false(store_lock_release(f->store, uid, token, &f->call, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool is_listed(struct str name)
{
    char words[512], *save = NULL;
    snprintf(words, sizeof words, "%s", redis_read_commands);
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (strlen(word) == name.len && strncasecmp(word, name.ptr, name.len) == 0)
            return true;
    }
    return false;
}

/* The server's own count of what it was asked. */
static void a_reader_sends_only_reads(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct scan *scan;
    struct row *rows;
    struct activity activity;
    size_t n;
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    app(f, REDIS_COMMAND(STR("SET"), lock_key_text, STR("x"), STR("EX"), STR("3600")));
    store_close(f->store);
    app(f, REDIS_COMMAND(STR("CONFIG"), STR("RESETSTAT")));
    f->store = open_as(f, "", false);
    assert_true(store_scan_open(f->store, &f->call, &scan, &err));
    assert_true(store_scan_next(scan, &f->call, &f->arena, 10, &rows, &n, &err));
    store_scan_close(scan);
    assert_int_equal(n, 1);
    struct document doc = look(f);
    assert_non_null(locks_of(f));
    assert_true(store_activity(f->store, &uid, 1, &f->call, &f->arena, &activity, &err));
    assert_true(store_probe(f->store, &f->call, &err));
    struct commit_item item = item_for(&doc, EDIT_REMOVE);
    assert_false(store_commit(f->store, &item, &f->call, &f->arena, &err));
    struct str stats = app(f, REDIS_COMMAND(STR("INFO"), STR("commandstats"))).text;
    size_t seen = 0;
    while (stats.len) {
        ptrdiff_t end = str_index(stats, '\n');
        struct str line = end < 0 ? stats : str_sub(stats, 0, (size_t)end);
        stats = end < 0 ? STR("") : str_sub(stats, (size_t)end + 1, stats.len);
        ptrdiff_t colon = str_index(line, ':');
        if (!str_starts(line, "cmdstat_") || colon < 0)
            continue;
        struct str name = str_sub(line, 8, (size_t)colon);
        if (!is_listed(name) && !str_is(name, "config|resetstat"))
            fail_msg("a reader sent %.*s", STR_ARG(name));
        seen++;
    }
    assert_true(seen > 5);
}

/* The client itself refuses, whatever asks it. */
static void the_client_is_the_gate(void **state)
{
    static const char *const writes[] = {"SET",  "DEL",      "EVAL",   "LPUSH",   "EXPIRE",
                                         "KEYS", "FLUSHALL", "CONFIG", "MONITOR", "set"};
    struct fixture *f = *state;
    struct redis_client *reader;
    struct err err = {0};
    assert_true(redis_open(url_of(&f->arena, "").ptr, false, &f->call, &reader, &err));
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        struct redis_answer answer;
        struct redis_command command = REDIS_COMMAND(str_of(writes[i]), STR("x"));
        assert_false(redis_run(reader, command, &f->call, &f->arena, &answer, &err));
        assert_int_equal(err.kind, ERR_REFUSED);
    }
    struct redis_answer answer;
    assert_false(redis_run(reader, REDIS_COMMAND(STR("CLIENT"), STR("KILL"), STR("x")), &f->call,
                           &f->arena, &answer, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    redis_close(reader);
}

static void scan_names_its_own(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {":1:triggers.storages.cache:applicant:1017",
                                       ":1:triggers.storages.cache:a *?[b]\\",
                                       ":2:triggers.storages.cache:old",
                                       "app:1:triggers.storages.cache:other",
                                       ":1:triggers.storages.cache:",
                                       "unrelated"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        app(f, REDIS_COMMAND(STR("SET"), str_of(keys[i]), STR("{}")));
    app(f, REDIS_COMMAND(STR("LPUSH"), STR(":1:triggers.storages.cache:list"), STR("x")));
    for (size_t page = 1; page <= 10; page += 9) {
        struct scan *scan;
        struct row *rows;
        struct err err = {0};
        size_t n, seen = 0;
        assert_true(store_scan_open(f->store, &f->call, &scan, &err));
        do {
            assert_true(store_scan_next(scan, &f->call, &f->arena, page, &rows, &n, &err));
            for (size_t i = 0; i < n; i++) {
                assert_true(str_is(rows[i].id, "applicant:1017") ||
                            str_is(rows[i].id, "a *?[b]\\"));
                assert_int_equal(rows[i].bytes, 2);
                assert_int_equal(rows[i].expires_at_us, TIME_NEVER);
            }
            seen += n;
        } while (n);
        store_scan_close(scan);
        assert_int_equal(seen, 2);
    }
}

/* --- hostile values -------------------------------------------------------------------------- */

static struct str bomb(struct fixture *f)
{
    size_t size = 100 << 20;
    char *zeros = calloc(1, size);
    assert_non_null(zeros);
    struct str bytes;
    assert_true(compression_pack(&f->arena, COMPRESSION_ZLIB, (struct str){zeros, size}, &bytes));
    free(zeros);
    return bytes;
}

static void hostile_values_are_shown_safely(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct str bytes;
        enum err_kind problem;
    } cases[] = {
        {STR("42"), ERR_CORRUPT},
        {STR(""), ERR_CORRUPT},
        {STR("\x80\x04N."), ERR_CORRUPT},
        {STR("\x80\x04}\x94(\x8c\x05tas"), ERR_CORRUPT},
        {STR("{\"tasks\": {"), ERR_CORRUPT},
        {STR("\x83\xa5tasks"), ERR_UNSUPPORTED},
        {STR("\x04\x22\x4d\x18xxxx"), ERR_CORRUPT},
        {STR("\x28\xb5\x2f\xfdxxxx"), ERR_CORRUPT},
        {STR("x\x9cnot zlib"), ERR_CORRUPT},
        {STR("<html>"), ERR_CORRUPT},
        {STR("cos\nsystem\n(S'touch /tmp/penstock-was-here'\ntR."), ERR_CORRUPT},
        {STR("\x80\x02}q\x00U\x05taskscos\nsystem\nU\x04true\x85Rs."), ERR_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(f, cases[i].bytes);
        struct document doc = look(f);
        if (doc.problem.kind != cases[i].problem)
            fail_msg("case %zu: %d %s", i, (int)doc.problem.kind, doc.problem.text);
        /* whatever it is, it can be removed and brought back as bytes */
        struct commit_item gone = item_for(&doc, EDIT_REMOVE);
        commit(f, &gone);
        assert_int_equal(gone.outcome, OUTCOME_APPLIED);
        struct commit_item back = item_for(&gone.now, EDIT_RESTORE);
        back.image = doc.image;
        commit(f, &back);
        assert_true(str_eq(stored(f), cases[i].bytes));
    }
    assert_int_not_equal(access("/tmp/penstock-was-here", F_OK), 0);
    put(f, bomb(f));
    struct document doc = look(f);
    assert_int_equal(doc.problem.kind, ERR_UNSUPPORTED);
    assert_null(doc.root);
}

static void a_huge_value_is_cut(void **state)
{
    struct fixture *f = *state;
    size_t size = 50 << 20;
    struct str huge = {calloc(1, size), size};
    const struct str ids[] = {STR("q-5f3c1"), STR("small"), STR("nowhere"), STR("list")};
    struct read_item items[4];
    struct err err = {0};
    put(f, huge);
    free((char *)huge.ptr);
    app(f, REDIS_COMMAND(STR("SET"), STR(":1:triggers.storages.cache:small"), STR("{}")));
    app(f, REDIS_COMMAND(STR("LPUSH"), STR(":1:triggers.storages.cache:list"), STR("x")));
    int64_t began = clock_monotonic_ms();
    assert_true(store_read(f->store, ids, 4, 1 << 20, &f->call, &f->arena, items, &err));
    assert_true(clock_monotonic_ms() - began < 60000);
    assert_true(items[0].doc.truncated);
    assert_int_equal(items[0].doc.bytes, size);
    assert_int_equal(items[0].doc.head.len, 64 << 10);
    assert_int_equal(items[0].doc.problem.kind, ERR_UNSUPPORTED);
    assert_non_null(items[1].doc.root); /* one bad record never hides the others */
    assert_true(items[2].doc.absent);
    assert_int_equal(items[3].err.kind, ERR_CORRUPT);
}

/* --- the connection -------------------------------------------------------------------------- */

static void a_lost_connection_is_made_again(void **state)
{
    struct fixture *f = *state;
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    look(f);
    app(f, REDIS_COMMAND(STR("CLIENT"), STR("KILL"), STR("TYPE"), STR("normal"), STR("SKIPME"),
                         STR("yes")));
    assert_non_null(look(f).root);
}

static void rights_are_told(void **state)
{
    struct fixture *f = *state;
    struct redis_client *client;
    struct err err = {0};
    app(f, REDIS_COMMAND(STR("ACL"), STR("SETUSER"), STR("reader"), STR("on"), STR(">secret"),
                         STR("~*"), STR("+scan"), STR("+get"), STR("+strlen"), STR("+pttl")));
    put(f, sample_pickle(&f->arena, "q-5f3c1"));
    assert_false(
        redis_open(url_of(&f->arena, "reader:wrong@").ptr, false, &f->call, &client, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_null(strstr(err.text, "wrong@"));
    store_close(f->store);
    f->store = open_as(f, "reader:secret@", true);
    struct document before = look(f);
    assert_non_null(before.root);
    assert_false(store_supports(f->store, STORE_WRITES));
    assert_non_null(strstr(store_info(f->store)->why_read_only.ptr, "scripts"));
    struct commit_item item = item_for(&before, EDIT_REMOVE);
    assert_false(store_commit(f->store, &item, &f->call, &f->arena, &err));
    assert_non_null(stored(f).ptr);
    assert_int_equal(app(f, REDIS_COMMAND(STR("EXISTS"), lock_key_text)).number, 0);
}

static void a_replica_is_read_only(void **state)
{
    struct fixture *f = *state;
    app(f, REDIS_COMMAND(STR("REPLICAOF"), STR("127.0.0.1"), STR("1")));
    store_close(f->store);
    f->store = open_as(f, "", true);
    bool writable = store_info(f->store)->writable;
    struct str why = store_info(f->store)->why_read_only;
    app(f, REDIS_COMMAND(STR("REPLICAOF"), STR("NO"), STR("ONE")));
    assert_false(writable);
    assert_true(str_starts(why, "this server is a replica"));
}

/* A server that accepts and never answers: the call ends by its deadline. */
static void a_silent_server_costs_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s.silent",
             getenv("PENSTOCK_REDIS_SOCKET"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 5), 0);
    struct redis_client *client;
    struct err err = {0};
    struct call call = call_within(150, NULL);
    struct str url = arena_printf(&f->arena, "unix://%s?db=3", address.sun_path);
    assert_false(redis_open(url.ptr, false, &call, &client, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    close(fd);
    call = call_within(TEST_CALL_MS, NULL);
    assert_false(redis_open(url.ptr, false, &call, &client, &err)); /* nobody listens now */
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    unlink(address.sun_path);
}

int main(void)
{
    if (!getenv("PENSTOCK_REDIS_SOCKET")) {
        fprintf(stderr, "PENSTOCK_REDIS_SOCKET is not set: run under tests/servers/run.sh\n");
        return 77;
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_form_is_kept),
        TEST(herd_is_kept),
        TEST(without_a_limit_it_stays_so),
        TEST(a_foreign_lock_stops_the_write),
        TEST(a_change_meanwhile_is_a_conflict),
        TEST(removed_and_brought_back_with_its_time),
        TEST(a_release_wakes_a_waiter),
        TEST(who_waits_in_another_database_waits_for_another_lock),
        TEST(a_lock_is_shown_and_broken),
        TEST(a_lock_without_limit_is_flagged),
        TEST(a_limit_beyond_all_clocks_is_none),
        TEST(a_lock_of_another_type_is_shown),
        TEST(a_lock_elsewhere_is_taken_there),
        TEST(a_held_lock_is_ours),
        TEST(a_reader_sends_only_reads),
        TEST(the_client_is_the_gate),
        TEST(scan_names_its_own),
        TEST(hostile_values_are_shown_safely),
        TEST(a_huge_value_is_cut),
        TEST(a_lost_connection_is_made_again),
        TEST(rights_are_told),
        TEST(a_replica_is_read_only),
        TEST(a_silent_server_costs_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
