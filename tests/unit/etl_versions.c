/* What `table versions`, `table show` and `check` say of stored schema versions, of the destination
 * and of positions. */
#include "tests/unit/values.h"

#include "core/systems/etl/etl.h"

#include <string.h>

static struct arena arena = ARENA_INIT;

static int tear_down(void **state)
{
    arena_release(&arena);
    arena = (struct arena)ARENA_INIT;
    return 0;
}

#define STATES                                                                                     \
    "\"states\": [{\"id\": 1, \"state\": \"ready\", \"metadata\": {\"type\": \"ready\"}, "         \
    "\"prev\": null, \"is_current\": true}]"
#define COLUMN(place, name, type)                                                                  \
    "{\"column_name\": \"" name "\", \"column_type\": \"" type "\", \"type_modifier\": -1, "       \
    "\"nullable\": true, \"ordinal_position\": " #place "}"
#define VERSION(id, snapshot, columns)                                                             \
    "{\"id\": " #id ", \"snapshot_id\": \"" snapshot "\", \"schema_name\": \"public\", "           \
    "\"table_name\": \"t\", \"columns\": [" columns "]}"

static const struct value *parse(const char *json)
{
    return json_value(&arena, json);
}

struct table {
    struct document doc;
    struct row row;
    struct sheet_input in;
};

static struct table *table_of(const char *id, const char *json)
{
    struct table *t = arena_new(&arena, struct table);
    t->doc = (struct document){.id = str_of(id), .label = str_of(id), .root = parse(json)};
    t->row = (struct row){.id = t->doc.id, .label = t->doc.label};
    t->in = (struct sheet_input){
        .system = &system_etl, .row = &t->row, .doc = &t->doc, .arena = &arena};
    return t;
}

static const char *text_of(const struct cell *cell)
{
    return cell->type == CELL_TEXT ? arena_cstr(&arena, cell->text) : "-";
}

/* "snapshot destination: changes" of each version. */
static const char *versions_of(const char *json)
{
    struct table *t = table_of("7/1", json);
    const struct sheet *sheet = system_sheet(&system_etl, "versions");
    struct sbuf out = SBUF_INIT;
    for (struct sheet_row *r = sheet->fill(sheet, &t->in); r; r = r->next)
        sbuf_printf(&out, "%s %s: %s\n", text_of(sheet_cell(sheet, r, "snapshot_id")),
                    text_of(sheet_cell(sheet, r, "destination")),
                    text_of(sheet_cell(sheet, r, "changes")));
    const char *text = arena_cstr(&arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

/* clang-format off */
static const char three_versions[] =
    "{\"schemas\": ["
    VERSION(1, "0/0", COLUMN(1, "id", "INT8") "," COLUMN(2, "mail", "TEXT") ","
                      COLUMN(3, "x", "INT4")) ","
    VERSION(2, "0/A0", COLUMN(1, "id", "INT8") "," COLUMN(2, "email", "TEXT") ","
                       COLUMN(3, "x", "INT8")) ","
    VERSION(3, "0/B0", COLUMN(1, "id", "INT8") "," COLUMN(2, "address", "VARCHAR") ","
                       COLUMN(4, "y", "DATE"))
    "], \"destination\": [{\"snapshot_id\": \"0/A0\", \"previous_snapshot_id\": \"0/0\","
    " \"schema_status\": \"applying\"}]}";
/* clang-format on */

static void what_changed_is_told_by_name_and_by_place(void **state)
{
    assert_string_equal(versions_of(three_versions),
                        "0/B0 not yet: ~ address was called email, now VARCHAR, + y DATE, - x\n"
                        "0/A0 applying: ~ email was called mail, ~ x INT8, was INT4\n"
                        "0/0 previous: -\n");
}

static void a_modifier_is_taken_apart_if_it_is_one(void **state)
{
    static const struct {
        const char *type, *modifier, *shown;
    } cases[] = {
        {"NUMERIC", "655366", "NUMERIC(10,2)"},
        {"VARCHAR", "68", "VARCHAR(64)"},
        {"VARCHAR", "-1", "VARCHAR"},
        {"VARCHAR", "-9223372036854775808", "VARCHAR"},
        {"TEXT", "68", "TEXT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str json =
            arena_printf(&arena,
                         "{\"schemas\": [{\"id\": 1, \"columns\": [{\"column_name\": \"c\", "
                         "\"column_type\": \"%s\", \"type_modifier\": %s}]}]}",
                         cases[i].type, cases[i].modifier);
        struct table *t = table_of("7/1", json.ptr);
        struct sbuf out = SBUF_INIT;
        system_sheet(&system_etl, "versions")->more(&t->in, STR("1"), &out);
        assert_string_equal(sbuf_view(&out).ptr,
                            arena_printf(&arena, "c  %s\n", cases[i].shown).ptr);
        sbuf_release(&out);
    }
}

/* 9/FFFFFFFF stands before 10/0, and 10 before 9 as text. */
static void versions_stand_in_the_order_of_their_snapshots(void **state)
{
    assert_string_equal(versions_of("{\"schemas\": [" VERSION(1, "10/0", "") "," VERSION(
                            2, "9/FFFFFFFF", "") "," VERSION(3, "0/0", "") "]}"),
                        "10/0 -: nothing\n9/FFFFFFFF -: nothing\n0/0 -: -\n");
    assert_string_equal(
        versions_of(
            "{\"schemas\": [" VERSION(1, "0:0", "") "," VERSION(2, "1000:2000", "") "," VERSION(
                3, "1000:1000", "") "," VERSION(4, "999:18446744073709551615",
                                                "") "], \"destination\": [{\"snapshot_id\": "
                                                    "\"1000:1000\", \"schema_status\": "
                                                    "\"applied\"}]}"),
        "0/3E8, message 0/7D0 not yet: nothing\n"
        "0/3E8 applied: nothing\n"
        "0/3E7, message FFFFFFFF/FFFFFFFF -: nothing\n"
        "0/0 -: -\n");
}

static void columns_that_are_not_replicated_are_marked(void **state)
{
    struct table *t =
        table_of("7/1", "{\"schemas\": [" VERSION(
                            1, "0/0",
                            COLUMN(1, "id", "INT8") "," COLUMN(
                                2, "secret", "TEXT")) "], \"destination\": [{\"snapshot_id\": "
                                                      "\"0/0\", \"schema_status\": \"applied\", "
                                                      "\"replication_mask\": \"\\\\x0100\"}]}");
    struct sbuf out = SBUF_INIT;
    system_sheet(&system_etl, "versions")->more(&t->in, STR("1"), &out);
    assert_string_equal(sbuf_view(&out).ptr, "id  INT8\nsecret  TEXT  not replicated\n");
    sbuf_release(&out);
}

static const char *shown(const struct table *t)
{
    struct str(*lines)[2];
    struct sbuf all = SBUF_INIT;
    size_t n = etl_show(&t->in, &lines);
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&all, "%.*s|%.*s\n", STR_ARG(lines[i][0]), STR_ARG(lines[i][1]));
    const char *text = arena_cstr(&arena, sbuf_view(&all));
    sbuf_release(&all);
    return text;
}

static void a_table_shows_its_destination_and_positions(void **state)
{
    struct table *t = table_of(
        "7/1",
        "{" STATES ", \"progress\": [{\"flush_lsn\": \"1A/4C5F0A0\", \"updated_at\": "
        "\"2026-07-24T09:12:20.000000Z\"}], \"schemas\": [" VERSION(1, "0/0", "") "," VERSION(
            2, "0/B0",
            "") "], \"destination\": [{\"destination_table_id\": \"public_t_0\", "
                "\"snapshot_id\": \"0/A0\", \"previous_snapshot_id\": \"0/0\", \"schema_status\": "
                "\"applying\"}]}");
    t->in.facts = parse("{\"apply_position\": {\"flush_lsn\": \"1A/4C60F28\", \"updated_at\": "
                        "\"2026-07-24T09:12:31.000000Z\"}}");
    const struct sheet *sheet = system_sheet(&system_etl, "list");
    struct sheet_row *cells = sheet->fill(sheet, &t->in);
    assert_string_equal(text_of(sheet_cell(sheet, cells, "destination")), "public_t_0");
    assert_string_equal(text_of(sheet_cell(sheet, cells, "schema_status")), "applying");
    assert_string_equal(text_of(sheet_cell(sheet, cells, "position")), "1A/4C5F0A0");
    const char *text = shown(t);
    static const char *const parts[] = {
        "|oid 1   pipeline 7   destination public_t_0\n",
        "schema|0/A0 applying, before it 0/0; a newer one is stored\n",
        "copied|1A/4C5F0A0 since 2026-07-24T09:12:20Z\n",
        "applied|1A/4C60F28 since 2026-07-24T09:12:31Z\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!strstr(text, parts[i]))
            fail_msg("no %s in\n%s", parts[i], text);
    }
}

static const struct finding *found(const char *id, const char *json, const char *facts)
{
    struct table *t = table_of(id, json);
    t->in.facts = facts ? parse(facts) : NULL;
    return etl_check(&t->in);
}

static void what_a_pipeline_left_is_an_orphan(void **state)
{
    static const char position[] = "{\"progress\": [{\"flush_lsn\": \"0/9F00AB8\", \"updated_at\": "
                                   "\"2026-06-02T00:00:00.000000Z\"}]}";
    const struct finding *f = found("3/0", position, "{\"slot\": null}");
    assert_string_equal(f->code, "orphan");
    assert_str(f->text, "the pipeline has no table here; its apply worker got to 0/9F00AB8 since "
                        "2026-06-02T00:00:00Z");
    assert_str(f->fix, "table forget 3/0");
    f = found("3/0", position, "{\"slot\": {\"name\": \"supabase_etl_apply_3\"}}");
    assert_null(f->fix.ptr);
    assert_non_null(strstr(f->detail.ptr, "supabase_etl_apply_3"));
    f = found("3/16401", "{\"destination\": [{\"snapshot_id\": \"0/0\"}]}", NULL);
    assert_string_equal(f->code, "orphan");
    assert_str(f->fix, "table forget 3/16401");
    assert_null(f->next);
    struct table *worker = table_of("3/0", position);
    assert_non_null(strstr(shown(worker), "copied|0/9F00AB8 since"));
    const struct sheet *sheet = system_sheet(&system_etl, "list");
    struct sheet_row *cells = sheet->fill(sheet, &worker->in);
    assert_string_equal(text_of(sheet_cell(sheet, cells, "verdict")), "left over");
    assert_string_equal(text_of(sheet_cell(sheet, cells, "advice")), "forget");
    assert_string_equal(text_of(sheet_cell(sheet, cells, "position")), "0/9F00AB8");
}

/* Section 12: any other combination stops the whole pipeline. */
static void combinations_that_stop_a_pipeline_are_found(void **state)
{
    static const struct {
        const char *status, *snapshot, *mask;
        bool good;
        const char *fix;
    } rows[] = {
        {"creating", "null", "null", true, NULL},
        {"applied", "null", "null", true, NULL},
        {"applying", "\"0:0\"", "\"\\\\x01\"", true, NULL},
        {"applying", "\"0:0\"", "null", false, "table reset 7/1"},
        {"applying", "null", "null", false, NULL},
        {"applied", "\"0:0\"", "null", false, NULL},
        {"creating", "null", "\"\\\\x01\"", false, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *json =
            arena_printf(
                &arena,
                "{" STATES ", \"schemas\": [" VERSION(
                    1, "5:5",
                    "") "], \"destination\": "
                        "[{\"snapshot_id\": \"5:5\", \"schema_status\": \"%s\", "
                        "\"previous_snapshot_id\": %s, \"previous_replication_mask\": %s}]}",
                rows[i].status, rows[i].snapshot, rows[i].mask)
                .ptr;
        const struct finding *f = found("7/1", json, NULL);
        while (f && strcmp(f->code, "destination_invalid") != 0)
            f = f->next;
        assert_int_equal(f == NULL, rows[i].good);
        if (f && rows[i].fix)
            assert_str(f->fix, rows[i].fix);
        else if (f)
            assert_null(f->fix.ptr);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_changed_is_told_by_name_and_by_place),
        TEST(a_modifier_is_taken_apart_if_it_is_one),
        TEST(versions_stand_in_the_order_of_their_snapshots),
        TEST(columns_that_are_not_replicated_are_marked),
        TEST(a_table_shows_its_destination_and_positions),
        TEST(what_a_pipeline_left_is_an_orphan),
        TEST(combinations_that_stop_a_pipeline_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
