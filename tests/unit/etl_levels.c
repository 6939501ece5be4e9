/* Every level of schema etl on a real server, each in a database of its own that is loaded from
 * tests/servers/etl_levels: what is read of it, and that each operation and its undo leave every
 * row of every table as it was, whatever columns the level has. */
#include "tests/unit/etl_server.h"

#include "core/system.h"

#include <stdlib.h>
#include <string.h>

struct level {
    const char *name;
    const char *files[2]; /* behind the sample of L4 */
    bool writable;
    bool destinations_only_read; /* as table_mappings are */
    const char *labels;          /* of pipeline 7, in the order of the list */
    const char *versions;        /* "snapshot=destination" of 7/16401, newest first */
    const char *columns;         /* of the newest version of 7/16461; NULL: none is kept */
};

#define OLD_VERSIONS "1A/4C00000=applied 0/0="
static const struct level levels[] = {
    {"legacy-A",
     {"legacy_a"},
     .labels = "16401 16411 16421 16431 16441 16451 16461 16471",
     .versions = ""},
    {"legacy-B",
     {"legacy_b"},
     .writable = true,
     .labels = "16401 16411 16421 16431 16441 16451 16461 16471",
     .versions = ""},
    {"legacy-B",
     {"legacy_b", "legacy_b_untimed"},
     .labels = "16401 16411 16421 16431 16441 16451 16461 16471",
     .versions = ""},
    {"L1",
     {"l1"},
     .writable = true,
     .destinations_only_read = true,
     .labels = "public.users public_orders_2 public_events_0 16431 16441 public_payments_0 "
               "public.products public.legacy_prefs",
     .versions = "=",
     .columns = "sku  VARCHAR(64) not null\nprice  NUMERIC(10,2)\n"},
    {"L2",
     {"l2"},
     .writable = true,
     .labels = "public.users public_orders_2 public_events_0 16431 16441 public_payments_0 "
               "public.products public.legacy_prefs",
     .versions = OLD_VERSIONS,
     .columns = "sku  VARCHAR(64) not null\nprice  NUMERIC(10,2)\n"},
    {"L3",
     {"l3"},
     .writable = true,
     .labels = "public.users public_orders_2 public_events_0 16431 16441 public_payments_0 "
               "public.products public.legacy_prefs",
     .versions = OLD_VERSIONS,
     .columns = "sku  VARCHAR(64) not null\nprice  NUMERIC(10,2)\n"},
    {"L4",
     {NULL},
     .writable = true,
     .labels = "public.users public_orders_2 public_events_0 16431 16441 public_payments_0 "
               "public.products public.legacy_prefs",
     .versions = OLD_VERSIONS,
     .columns = "sku  VARCHAR(64) not null\nprice  NUMERIC(10,2)\n"},
    {"L5+",
     {"l5", "l5_creating"},
     .writable = true,
     .labels = "public.users public_orders_2 public_events_0 16431 16441 public_payments_0 "
               "public.products public.legacy_prefs",
     .versions = OLD_VERSIONS,
     .columns = "sku  VARCHAR(64) not null\nprice  NUMERIC(10,2) generated\n"},
};
enum { LEVELS = sizeof levels / sizeof levels[0] };

/* --- a database of the level ------------------------------------------------------------------ */

static struct fixture *open_level(const struct level *level)
{
    void *state;
    set_up_empty(&state);
    struct fixture *f = state;
    load(f, "tests/servers/etl_schema.sql");
    load(f, "tests/servers/etl_sample.sql");
    for (size_t i = 0; i < 2 && level->files[i]; i++)
        load(f, arena_printf(&f->arena, "tests/servers/etl_levels/%s.sql", level->files[i]).ptr);
    f->store.store = open_at(f, f->url, true);
    return f;
}

static void close_level(struct fixture *f)
{
    void *state = f;
    tear_down(&state);
}

/* Every row of every table, whatever the level has. */
static const char *dump_all(struct fixture *f)
{
    return ask(f, f->admin,
               "select string_agg(relname || E'\\n' || query_to_xml(format('select t::text from "
               "etl.%I t order by 1', relname), false, true, '')::text, E'\\n' order by relname) "
               "from pg_class where relnamespace = 'etl'::regnamespace and relkind = 'r'");
}

/* --- what is read ----------------------------------------------------------------------------- */

static const char *labels_of(struct fixture *f)
{
    struct sbuf out = SBUF_INIT;
    struct scan *scan;
    struct row *rows;
    size_t n;
    struct err err = {0};
    assert_true(store_scan_open(f->store.store, &f->call, &scan, &err));
    while (store_scan_next(scan, &f->call, &f->arena, 3, &rows, &n, &err) && n) {
        for (size_t i = 0; i < n; i++) {
            if (str_starts(rows[i].id, "7/"))
                sbuf_printf(&out, "%s%.*s", out.len ? " " : "", STR_ARG(rows[i].label));
        }
    }
    store_scan_close(scan);
    const char *text = arena_cstr(&f->arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

static struct sheet_input input_of(struct fixture *f, const char *id, struct row *row,
                                   struct document *doc)
{
    *doc = read_one(f, id);
    *row = (struct row){.id = doc->id, .label = doc->label};
    return (struct sheet_input){.system = &system_etl,
                                .row = row,
                                .doc = doc,
                                .arena = &f->arena,
                                .now_us = clock_now_us()};
}

static const char *versions_of(struct fixture *f, const char *id)
{
    struct document doc;
    struct row row;
    struct sheet_input in = input_of(f, id, &row, &doc);
    const struct sheet *sheet = system_sheet(&system_etl, "versions");
    struct sbuf out = SBUF_INIT;
    for (struct sheet_row *r = sheet->fill(sheet, &in); r; r = r->next) {
        const struct cell *snapshot = sheet_cell(sheet, r, "snapshot_id");
        const struct cell *place = sheet_cell(sheet, r, "destination");
        sbuf_printf(&out, "%s%.*s=%.*s", out.len ? " " : "",
                    STR_ARG(snapshot->type == CELL_TEXT ? snapshot->text : STR("")),
                    STR_ARG(place->type == CELL_TEXT ? place->text : STR("")));
    }
    const char *text = arena_cstr(&f->arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

static const char *columns_of(struct fixture *f, const char *id)
{
    struct document doc;
    struct row row;
    struct sheet_input in = input_of(f, id, &row, &doc);
    const struct sheet *sheet = system_sheet(&system_etl, "versions");
    struct sheet_row *newest = sheet->fill(sheet, &in);
    struct sbuf out = SBUF_INIT;
    if (!newest)
        return NULL;
    sheet->more(&in, newest->key, &out);
    const char *text = arena_cstr(&f->arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

static void read_level(const struct level *level)
{
    struct fixture *f = open_level(level);
    assert_str(store_info(f->store.store)->layout_version, level->name);
    assert_int_equal(store_info(f->store.store)->writable, level->writable);
    assert_string_equal(labels_of(f), level->labels);
    assert_string_equal(versions_of(f, "7/16401"), level->versions);
    const char *columns = columns_of(f, "7/16461");
    assert_int_equal(columns != NULL, level->columns != NULL);
    if (columns)
        assert_string_equal(columns, level->columns);
    assert_int_equal(read_one(f, "7/16451").problem.kind,
                     level->writable ? ERR_NONE : ERR_UNSUPPORTED);
    close_level(f);
}

/* --- what is written -------------------------------------------------------------------------- */

static void change_and_back(struct fixture *f, const struct level *level, const char *verb,
                            const char *flag, const char *id, bool done)
{
    const char *before = dump_all(f);
    struct plan *plan = plan_of(f, verb, flag, &id, 1);
    apply(f, plan);
    bool applied = plan->items[0].outcome == OUTCOME_APPLIED;
    if (applied != done)
        fail_msg("%s: %s %s: %s: %s", level->name, verb, id, outcome_name(plan->items[0].outcome),
                 plan->items[0].err.text);
    if (applied) {
        char entry[13];
        assert_true(plan->items[0].verified);
        assert_string_not_equal(dump_all(f), before);
        memcpy(entry, plan->journal_id, sizeof entry);
        take_back(f, entry);
    }
    assert_string_equal(dump_all(f), before);
    plan_free(plan);
}

static void write_level(const struct level *level)
{
    struct fixture *f = open_level(level);
    bool whole = !level->destinations_only_read;
    change_and_back(f, level, "rollback", NULL, "7/16451", level->writable);
    change_and_back(f, level, "rollback", "full", "7/16461", level->writable);
    if (level->columns)
        change_and_back(f, level, "clear-copy", NULL, "7/16461", true);
    if (level->writable) {
        change_and_back(f, level, "forget", NULL, "7/16471", true); /* no mapping at L1 */
        change_and_back(f, level, "forget", NULL, "7/16421", whole);
    }
    close_level(f);
}

static void every_level_is_read(void **state)
{
    for (size_t i = 0; i < LEVELS; i++)
        read_level(&levels[i]);
}

static void every_level_gets_all_back(void **state)
{
    for (size_t i = 0; i < LEVELS; i++)
        write_level(&levels[i]);
}

/* Versions do not depend on how a session shows bytes, of masks that only L5 has either. */
static void masks_are_read_alike(void **state)
{
    struct fixture *f = open_level(&levels[LEVELS - 1]);
    struct document one = read_one(f, "7/16421");
    sql(f,
        arena_printf(&f->arena, "alter database %s set bytea_output = 'escape'", f->database).ptr);
    store_close(f->store.store);
    f->store.store = open_at(f, f->url, true);
    struct document two = read_one(f, "7/16421");
    assert_memory_equal(one.versions, two.versions, sizeof one.versions);
    const struct value *row = value_at(value_get(two.root, "destination"), 0);
    assert_str(value_str_or(value_get(row, "previous_replication_mask"), STR_NULL), "\\x010101");
    close_level(f);
}

/* --- the system's own order ------------------------------------------------------------------- */

/* The rows that go, in the order in which they go (5.6). */
static void rows_go_in_the_systems_order(void **state)
{
    static const struct {
        const char *verb, *id, *gone;
    } rows[] = {
        {"clear-copy", "7/16421", "destination_tables_metadata table_schemas replication_progress"},
        {"forget", "7/16421",
         "destination_tables_metadata table_schemas replication_state replication_state "
         "replication_state replication_progress"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *f = open_level(&levels[LEVELS - 2]);
        sql(f, "insert into etl.table_schemas (pipeline_id, table_id, schema_name, table_name, "
               "snapshot_id) values (7, 16421, 'public', 'events', '0/0');"
               "create table public.gone (n serial, name text);"
               "create function public.note() returns trigger language plpgsql as $$ begin insert "
               "into public.gone (name) values (tg_table_name); return null; end $$;"
               "create trigger note after delete on etl.replication_state for each row execute "
               "function public.note();"
               "create trigger note after delete on etl.table_schemas for each row execute "
               "function public.note();"
               "create trigger note after delete on etl.destination_tables_metadata for each row "
               "execute function public.note();"
               "create trigger note after delete on etl.replication_progress for each row execute "
               "function public.note()");
        struct plan *plan = plan_of(f, rows[i].verb, NULL, &rows[i].id, 1);
        apply(f, plan);
        assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
        plan_free(plan);
        assert_string_equal(ask(f, f->admin, "select string_agg(name, ' ' order by n) from gone"),
                            rows[i].gone);
        close_level(f);
    }
}

/* --- what a deleted pipeline leaves (5.1) ----------------------------------------------------- */

static bool finding_of(struct fixture *f, const char *id, const char *code, const char *fix)
{
    struct document doc;
    struct row row;
    struct sheet_input in = input_of(f, id, &row, &doc);
    const struct value *facts;
    struct err err = {0};
    assert_true(store_facts(f->store.store, &row.id, 1, &f->call, &f->arena, &facts, &err));
    in.facts = facts;
    for (const struct finding *found = system_etl.check(&in); found; found = found->next) {
        if (strcmp(found->code, code) != 0)
            continue;
        if (fix)
            assert_str(found->fix, fix);
        else
            assert_null(found->fix.ptr);
        return true;
    }
    return false;
}

static void orphans_are_found_and_forgotten(void **state)
{
    struct fixture *f = open_level(&levels[LEVELS - 2]);
    int pid = 700000 + (int)(clock_now_us() % 100000); /* slot names are the whole server's */
    sql(f,
        arena_printf(&f->arena,
                     "insert into etl.replication_progress (pipeline_id, worker_type, table_id, "
                     "flush_lsn) values (5, 'table_sync', 16500, '0/1'), (%d, 'apply', null, "
                     "'0/2'), (-1, 'apply', null, '0/3'); insert into "
                     "etl.destination_tables_metadata (pipeline_id, table_id, "
                     "destination_table_id, snapshot_id, schema_status, replication_mask) values "
                     "(5, 16501, 'public_old', '0/0', 'applied', '\\x01')",
                     pid)
            .ptr);
    struct scan *scan;
    struct row *rows;
    size_t n;
    struct err err = {0};
    struct sbuf left = SBUF_INIT;
    assert_true(store_scan_open(f->store.store, &f->call, &scan, &err));
    while (store_scan_next(scan, &f->call, &f->arena, 2, &rows, &n, &err) && n) {
        for (size_t i = 0; i < n; i++) {
            if (!rows[i].phase.ptr)
                sbuf_printf(&left, "%.*s=%.*s ", STR_ARG(rows[i].id), STR_ARG(rows[i].label));
        }
    }
    store_scan_close(scan);
    assert_string_equal(sbuf_view(&left).ptr,
                        arena_printf(&f->arena,
                                     "18446744073709551615/0=apply worker 3/0=apply worker "
                                     "5/16500=16500 5/16501=public_old %d/0=apply worker ",
                                     pid)
                            .ptr);
    sbuf_release(&left);

    assert_true(finding_of(f, "3/0", "orphan", "table forget 3/0"));
    assert_true(finding_of(f, "5/16501", "orphan", "table forget 5/16501"));
    assert_false(finding_of(f, "7/16451", "orphan", NULL));
    const char *with_slot = arena_printf(&f->arena, "%d/0", pid).ptr;
    const char *slot = arena_printf(&f->arena, "supabase_etl_apply_%d", pid).ptr;
    ask(f, f->admin,
        arena_printf(&f->arena, "select pg_create_logical_replication_slot('%s', 'pgoutput')", slot)
            .ptr);
    bool found = finding_of(f, with_slot, "orphan", NULL);
    ask(f, f->admin, arena_printf(&f->arena, "select pg_drop_replication_slot('%s')", slot).ptr);
    assert_true(found);

    static const char *const ids[] = {"3/0", "18446744073709551615/0", "5/16500", "5/16501"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        change_and_back(f, &levels[LEVELS - 2], "forget", NULL, ids[i], true);
    change_and_back(f, &levels[LEVELS - 2], "clear-copy", NULL, "3/0", false);
    change_and_back(f, &levels[LEVELS - 2], "rollback", NULL, "3/0", false);
    close_level(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_is_read),
        cmocka_unit_test(every_level_gets_all_back),
        cmocka_unit_test(masks_are_read_alike),
        cmocka_unit_test(rows_go_in_the_systems_order),
        cmocka_unit_test(orphans_are_found_and_forgotten),
    };
    const char *server = getenv("PENSTOCK_POSTGRES");
    if (!server || !*server)
        return missing("PENSTOCK_POSTGRES is not set");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
