#include "tests/screen/fixture.h"

#include "backends/memory/memory.h"
#include "core/json.h"
#include "core/store_driver.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE(id, state, prev, current, at)                                                        \
    "{\"id\": " #id ", \"state\": \"" state "\", \"metadata\": {\"type\": \"" state                \
    "\"}, \"prev\": " #prev ", \"is_current\": " current ", \"created_at\": \"" at                 \
    "\", \"updated_at\": \"" at "\"}"
#define ERRORED(id, prev, reason, policy, at)                                                      \
    "{\"id\": " #id                                                                                \
    ", \"state\": \"errored\", \"metadata\": {\"type\": \"errored\", \"reason\": \"" reason        \
    "\", \"solution\": \"look at the destination\", \"retry_policy\": {\"type\": \"" policy        \
    "\"}}, \"prev\": " #prev ", \"is_current\": true, \"created_at\": \"" at                       \
    "\", \"updated_at\": \"" at "\"}"
#define TABLE(states)                                                                              \
    "{\"states\": [" states "], \"progress\": [], \"schemas\": [], \"destination\": null}"

#define COPIED(id, n)                                                                              \
    "{\"states\": [{\"id\": " id "0, \"state\": \"finished_copy\", \"metadata\": {\"type\": "      \
    "\"finished_copy\"}, \"prev\": null, \"is_current\": false, \"created_at\": "                  \
    "\"2026-11-18T04:05:00Z\", \"updated_at\": \"2026-11-18T04:05:00Z\"}, {\"id\": " id            \
    "1, \"state\": \"errored\", \"metadata\": {\"type\": \"errored\", \"reason\": "                \
    "\"[InvalidState] "                                                                            \
    "slot " n "\", \"solution\": null, \"retry_policy\": {\"type\": \"manual_retry\"}}, "          \
    "\"prev\": " id "0, \"is_current\": true, \"created_at\": \"2026-11-20T01:01:44Z\", "          \
    "\"updated_at\": \"2026-11-20T01:01:44Z\"}], \"progress\": [], \"schemas\": [], "              \
    "\"destination\": null}"

static const struct record {
    const char *system, *id, *label, *json;
} records[] = {
    {"etl", "4/16401", "public.users",
     TABLE(STATE(1, "init", null, "false", "2026-11-18T02:00:00Z") "," STATE(
         2, "data_sync", 1, "false", "2026-11-18T02:01:00Z") "," STATE(3, "ready", 2, "true",
                                                                       "2026-11-18T04:05:00Z"))},
    {"etl", "4/16411", "public.orders",
     TABLE(STATE(4, "init", null, "false", "2026-11-18T02:00:00Z") "," STATE(
         5, "data_sync", 4, "false",
         "2026-11-18T02:01:00Z") "," STATE(6, "finished_copy", 5, "false",
                                           "2026-11-18T04:05:00Z") "," ERRORED(7, 6,
                                                                               "[InvalidState] "
                                                                               "replication slot "
                                                                               "is active for "
                                                                               "another process",
                                                                               "manual_retry",
                                                                               "2026-11-20T01:01:"
                                                                               "44Z"))},
    {"etl", "4/16421", "public.items",
     TABLE(STATE(8, "init", null, "false", "2026-11-18T02:00:00Z") "," STATE(
         9, "data_sync", 8, "false",
         "2026-11-18T02:01:00Z") "," STATE(10, "finished_copy", 9, "false",
                                           "2026-11-18T04:06:00Z") "," ERRORED(11, 10,
                                                                               "[DestinationTimeou"
                                                                               "t] append timed "
                                                                               "out",
                                                                               "timed_retry",
                                                                               "2026-11-20T01:01:"
                                                                               "44Z"))},
    {"etl", "4/16431", "public.fresh",
     TABLE(STATE(12, "init", null, "true", "2026-11-20T03:00:00Z"))},
    {"etl", "4/16441", "東京.注文明細",
     TABLE(STATE(13, "ready", null, "true", "2026-11-19T03:00:00Z"))},
    {"etl", "4/16451", "evil.\x1b]0;pwn\x07\x1b[2Jn\xcc\x83\xff\xe2\x80\xae",
     TABLE(STATE(14, "data_sync", null, "true", "2026-11-20T02:00:00Z"))},

    {"meltano", "prod:tap-crm-to-wh", NULL,
     "{\"completed\": {\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": 9007199254740993, "
     "\"big\": 1e400, \"none\": null}, \"contacts\": {\"since\": \"2026-11-19T01:00:00Z\"}}}}, "
     "\"partial\": {\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": 9007199254740994}}}}}"},
    {"meltano", "dev:tap-\xe2\x80\x8btricky-to-wh", NULL,
     "{\"completed\": {\"singer_state\": {\"bookmarks\": {\"\\u001b[31mred\": \"\\u0000\\u0007 "
     "bell\", \"注文\": \"日本語の長いテキスト\"}}}, \"partial\": {}}"},

    {"triggers", "applicant:1017", NULL,
     "{\"tasks\": {\"t_create\": {\"after\": [\"page\"], \"unless\": [], \"andEvery\": null, "
     "\"run\": "
     "\"app.Create\", \"using\": null, \"withParams\": {}}, \"t_score\": {\"after\": "
     "[\"t_create\"], "
     "\"unless\": [], \"andEvery\": null, \"run\": \"app.Score\", \"using\": null, \"withParams\": "
     "{}}}, "
     "\"instances\": {\"t_create#0\": {\"abandonState\": [], \"kwargs\": {\"page\": {}}, "
     "\"metadata\": "
     "{\"timestamps\": {\"created\": \"2026-11-20T02:10:44.000\", \"lastModified\": "
     "\"2026-11-20T02:14:44.000\"}, \"logLevel\": 40, \"exception\": \"ValueError: no such subject "
     "8812\"}, \"status\": \"failed\", \"task\": \"t_create\"}}, \"metas\": {}}"},
};

/* Two that are copied again, and one that would not be: what changed meanwhile is lost. */
static const struct record mixed[] = {
    {"etl", "4/16411", "public.orders", COPIED("16", "1")},
    {"etl", "4/16421", "public.items", COPIED("26", "2")},
    {"etl", "4/16461", "public.audit",
     TABLE(
         "{\"id\": 31, \"state\": \"sync_done\", \"metadata\": {\"type\": \"sync_done\", \"lsn\": "
         "\"0/16B3748\"}, \"prev\": null, \"is_current\": false, \"created_at\": "
         "\"2026-11-17T23:12:00Z\", \"updated_at\": \"2026-11-17T23:12:00Z\"}," ERRORED(
             32, 31, "[SourceIoError] connection reset by peer", "manual_retry",
             "2026-11-18T01:12:00Z"))},
};

static struct layout layouts[10];
static atomic_bool change_at_commit, overwrite_after_commit, fail_commits, writer_started,
    hold_reads;
static atomic_int scans;

const struct layout *const fixture_layouts[] = {&layouts[0], &layouts[1], &layouts[2], &layouts[3],
                                                &layouts[4], &layouts[5], &layouts[6], &layouts[7],
                                                &layouts[8], &layouts[9], NULL};

void fixture_change_at_commit(bool on)
{
    change_at_commit = on;
}

void fixture_overwrite_after_commit(bool on)
{
    overwrite_after_commit = on;
}

void fixture_fail_commits(bool on)
{
    fail_commits = on;
}

void fixture_start_writer(bool on)
{
    writer_started = on;
}

int fixture_scans(void)
{
    return scans;
}

void fixture_hold_reads(bool on)
{
    hold_reads = on;
}

static bool detect(const struct layout *layout, const struct address *address,
                   const struct call *call, struct err *err)
{
    return true;
}

static const struct value *read_json(struct arena *a, const char *json)
{
    const struct value *root = NULL;
    struct err err = {0};
    bool ok = json_read(a, str_of(json), &root, &err);
    assert(ok);
    (void)ok;
    return root;
}

static void put_all(struct store *store, const char *system)
{
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        const struct record *r = &records[i];
        if (strcmp(r->system, system) == 0)
            memory_put(store, r->id, r->label ? r->label : r->id,
                       read_json(&store->arena, r->json));
    }
}

/* Somebody else resets public.orders between the preview and the write. */
static void change_orders(struct store *store)
{
    if (change_at_commit)
        memory_put(store, "4/16411", "public.orders",
                   read_json(&store->arena,
                             TABLE(STATE(20, "init", null, "true", "2026-11-20T03:12:00Z"))));
}

static bool open_full(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    if (!memory_layout(layout->system)->open(layout, address, opts, call, ret, err))
        return false;
    put_all(*ret, layout->system);
    return true;
}

static bool open_mixed(const struct layout *layout, const struct address *address,
                       const struct store_opts *opts, const struct call *call, struct store **ret,
                       struct err *err)
{
    if (!memory_layout("etl")->open(layout, address, opts, call, ret, err))
        return false;
    for (size_t i = 0; i < sizeof mixed / sizeof mixed[0]; i++)
        memory_put(*ret, mixed[i].id, mixed[i].label, read_json(&(*ret)->arena, mixed[i].json));
    return true;
}

/* 25 tables; before the first `bare` of them there is no phase to go back to. */
static void put_many(struct store *store, int bare)
{
    for (int i = 0; i < 25; i++) {
        char id[16], label[24];
        snprintf(id, sizeof id, "4/%d", 17000 + i);
        snprintf(label, sizeof label, "public.part_%02d", i);
        memory_put(store, id, label,
                   read_json(&store->arena,
                             i < bare ? TABLE(ERRORED(17, null, "[InvalidState] slot 1",
                                                      "manual_retry", "2026-11-20T01:01:44Z"))
                                      : mixed[0].json));
    }
}

static bool open_many(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    if (!memory_layout("etl")->open(layout, address, opts, call, ret, err))
        return false;
    put_many(*ret, 0);
    return true;
}

static bool open_bare(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    if (!memory_layout("etl")->open(layout, address, opts, call, ret, err))
        return false;
    put_many(*ret, 21);
    return true;
}

/* More states than are put in order, or have their values read, at once. */
static bool open_long(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    if (!memory_layout("meltano")->open(layout, address, opts, call, ret, err))
        return false;
    struct arena *a = &(*ret)->arena;
    for (int i = 0; i < FIXTURE_LONG; i++) {
        char id[16];
        snprintf(id, sizeof id, "dev:tap-%04d", i);
        memory_put(*ret, id, id,
                   read_json(a, i % 1000
                                    ? "{\"completed\": {\"singer_state\": {}}, \"partial\": {}}"
                                    : "{\"completed\": {}, \"partial\": {\"singer_state\": "
                                      "{\"bookmarks\": {}}}}"));
    }
    return true;
}

static bool read_held(struct store *store, const struct str *ids, size_t n, size_t limit,
                      const struct call *call, struct arena *arena, struct read_item *ret,
                      struct err *err)
{
    while (hold_reads) {
        if (!call_pause(call, 5, "the test", err))
            return false;
    }
    return memory_layout("meltano")->read(store, ids, n, limit, call, arena, ret, err);
}

/* How large the source tables are. */
static bool facts_many(struct store *store, const struct str *ids, size_t n,
                       const struct call *call, struct arena *arena, const struct value **ret,
                       struct err *err)
{
    const struct value_pair size = {value_cstr(arena, "source_bytes"),
                                    value_int(arena, 100 * 1000 * 1000)};
    for (size_t i = 0; i < n; i++)
        ret[i] = value_dict(arena, &size, 1);
    return true;
}

/* Nobody, until the test starts a copy worker. */
static bool activity_starts(struct store *store, const struct str *ids, size_t n,
                            const struct call *call, struct arena *arena, struct activity *ret,
                            struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct activity){.sight = writer_started ? ACTIVITY_SEEN : ACTIVITY_NONE,
                                   .owner_live = writer_started,
                                   .record_live = writer_started,
                                   .started_at_us = TIME_UNKNOWN,
                                   .heartbeat_at_us = TIME_UNKNOWN,
                                   .who = STR("pid 4712 supabase_etl_table_sync_4")};
    return true;
}

/* public.orders is being copied; the others belong to a replicator that leaves them alone. */
static bool activity_busy(struct store *store, const struct str *ids, size_t n,
                          const struct call *call, struct arena *arena, struct activity *ret,
                          struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct activity){.sight = ACTIVITY_SEEN,
                                   .owner_live = true,
                                   .record_live = str_is(ids[i], "4/16411"),
                                   .started_at_us = FIXTURE_NOW_US - 3600 * 1000000LL,
                                   .heartbeat_at_us = TIME_UNKNOWN,
                                   .who = STR("pid 4711 supabase_apply_4")};
    return true;
}

static bool commit_changed(struct store *store, struct commit_item *item, const struct call *call,
                           struct arena *arena, struct err *err)
{
    if (fail_commits) {
        item->outcome = OUTCOME_FAILED;
        err_set(&item->err, ERR_DENIED, "permission denied for table states");
        return true;
    }
    change_orders(store);
    bool ok = memory_layout("etl")->commit(store, item, call, arena, err);
    if (ok && overwrite_after_commit)
        memory_put(store, arena_cstr(arena, item->id), "public.items",
                   read_json(&store->arena,
                             TABLE(STATE(40, "data_sync", null, "true", "2026-11-20T03:12:30Z"))));
    return ok;
}

static bool open_down(const struct layout *layout, const struct address *address,
                      const struct store_opts *opts, const struct call *call, struct store **ret,
                      struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "connection refused: is the server running on port 5432?");
}

static bool scan_counted(struct store *store, const struct call *call, void **ret, struct err *err)
{
    scans++;
    return memory_layout("etl")->scan_open(store, call, ret, err);
}

void fixture_init(void)
{
    static const char *const full[] = {"etl", "meltano", "triggers"};
    for (size_t i = 0; i < 3; i++) {
        layouts[i] = *memory_layout(full[i]);
        layouts[i].detect = detect;
        layouts[i].open = open_full;
    }
    layouts[0].commit = commit_changed;
    layouts[0].scan_open = scan_counted;
    layouts[3] = *memory_layout("etl");
    layouts[3].detect = detect;
    layouts[3].backend = "empty";
    layouts[4] = layouts[3];
    layouts[4].backend = "down";
    layouts[4].open = open_down;
    for (size_t i = 5; i < 9; i++)
        layouts[i] = layouts[0];
    layouts[5].backend = "bare";
    layouts[5].open = open_bare;
    layouts[6].backend = "mixed";
    layouts[6].open = open_mixed;
    layouts[6].activity = activity_starts;
    layouts[7].backend = "many";
    layouts[7].open = open_many;
    layouts[7].facts = facts_many;
    layouts[8].backend = "busy";
    layouts[8].open = open_mixed;
    layouts[8].activity = activity_busy;
    layouts[9] = layouts[1];
    layouts[9].backend = "long";
    layouts[9].open = open_long;
    layouts[9].read = read_held;
}
