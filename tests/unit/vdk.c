/* VDK's state as it is read: the samples of formats/vdk.md 5 and the shapes of 1.2, in
 * files and in a SQLite table. */
#include "tests/unit/test.h"

#include "backends/file/store.h"
#include "backends/sqlite/layouts.h"
#include "backends/sqlite/script.h"
#include "core/listing.h"
#include "core/systems/vdk/vdk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sample {
    const char *id, *text;
    const char *status; /* as system_vdk says it */
    const char *finding;
    int streams, others; /* -1: not known */
};

static const struct sample samples[] = {
    {"crm",
     "{\n  \"streams\": {\n    \"orders\": {\n      \"last_row_id\": 100233\n    },\n"
     "    \"products\": {}\n  },\n  \"others\": {\n    \"connection\": {}\n  }\n}",
     "ok", NULL, 2, 1},
    {"git",
     "{\"streams\": {\"https://git.example.test/team/repo.git\": {\"head\": \"9c1f0e7a52b4\"}}}",
     "ok", NULL, 1, 0},
    {"hostile",
     "{\"streams\": {\"\": {\"n\": 0}, \"a.b/c\": {\"big\": 123456789012345678901234567890, "
     "\"inf\": Infinity}, \"dead\": null, \"scalar\": 7}, \"legacy_top_level\": {\"keep\": "
     "\"me\"}}",
     "ok", "null_stream", 4, 0},
    {"nothing", "null", "empty", NULL, 0, 0},
    {"bare", "{}", "empty", NULL, 0, 0},
    {"a list", "[]", "damaged", "damaged", -1, -1},
    {"null streams", "{\"streams\": null}", "damaged", "damaged", -1, -1},
    {"text", "{\"streams\": {}, \"others\": \"x\"}", "damaged", "damaged", -1, -1},
    {"empty file", "", "damaged", "damaged", -1, -1},
    {"torn", "{\"streams\": {\"orders\": {\"last", "damaged", "damaged", -1, -1},
    {"caf\xc3\xa9 \xe2\x98\x83", "{\"streams\": {\"s\": {}}}", "ok", NULL, 1, 0},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

struct fixture {
    struct arena arena;
    char dir[64];
    struct call call;
    struct store *store;
};

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->dir, "/tmp/penstock-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->call = call_within(TEST_CALL_MS, NULL);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    DIR *d = opendir(f->dir);
    for (struct dirent *e; (e = readdir(d));)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    assert_int_equal(rmdir(f->dir), 0);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static void open_at(struct fixture *f, const struct layout *layout, const char *path)
{
    struct address address = {
        .system = &system_vdk, .backend = layout->backend, .url = path, .identity = "vdk+test"};
    struct store_opts opts = {.writable = true};
    struct err err = {0};
    assert_true(layout->detect(layout, &address, &f->call, &err));
    if (!store_open(layout, &address, &opts, &f->call, &f->store, &err))
        fail_msg("%s", err.text);
    assert_true(store_supports(f->store, STORE_WRITES));
}

static const struct cell *cell_of(const struct sheet_row *row, const char *column)
{
    size_t i = 0;
    assert_non_null(sheet_column(&system_vdk.sheets[0], str_of(column), &i));
    return &row->cells[i];
}

static void check_list(struct fixture *f)
{
    struct scan *scan;
    struct row *rows;
    size_t n;
    struct err err = {0};
    struct listing_page page;
    assert_true(store_scan_open(f->store, &f->call, &scan, &err));
    assert_true(store_scan_next(scan, &f->call, &f->arena, 100, &rows, &n, &err));
    store_scan_close(scan);
    assert_int_equal(n, SAMPLES);
    assert_true(listing_fill(f->store, &system_vdk.sheets[0], rows, n, LIST_VALUES, clock_now_us(),
                             &f->call, &f->arena, &page, &err));
    for (size_t i = 0; i < n; i++) {
        const struct sample *s = NULL;
        for (size_t j = 0; j < SAMPLES; j++)
            s = str_is(rows[i].id, samples[j].id) ? &samples[j] : s;
        assert_non_null(s);
        assert_str(page.status[i], s->status);
        assert_int_equal(rows[i].bytes, strlen(s->text));
        assert_int_equal(cell_of(page.cells[i], "streams")->type,
                         s->streams < 0 ? CELL_NULL : CELL_INT);
        if (s->streams >= 0) {
            assert_int_equal(cell_of(page.cells[i], "streams")->number, s->streams);
            assert_int_equal(cell_of(page.cells[i], "others")->number, s->others);
        }
        assert_int_equal(cell_of(page.cells[i], "updated_at")->type, CELL_TIME);
        assert_true(cell_of(page.cells[i], "layout")->text.len > 0);
    }
}

static void check_views(struct fixture *f)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        struct record_view view;
        struct err err = {0};
        assert_true(
            record_view_read(f->store, str_of(samples[i].id), 0, &f->call, &f->arena, &view, &err));
        const struct finding *finding = vdk_check(&view.input);
        assert_int_equal(finding != NULL, samples[i].finding != NULL);
        if (finding)
            assert_string_equal(finding->code, samples[i].finding);
        struct str(*lines)[2];
        assert_true(vdk_show(&view.input, &lines) >= 3);
        size_t rows = 0;
        for (int sheet = 1; sheet < VDK_SHEETS; sheet++) {
            for (const struct sheet_row *row =
                     vdk_sheets[sheet].fill(&vdk_sheets[sheet], &view.input);
                 row; row = row->next)
                rows++;
        }
        if (samples[i].streams >= 0)
            assert_int_equal(rows, samples[i].streams + samples[i].others);
    }
}

static void files(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const char *path = arena_printf(&f->arena, "%s/%s_state.json", f->dir, samples[i].id).ptr;
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        size_t len = strlen(samples[i].text);
        assert_int_equal(write(fd, samples[i].text, len), len);
        close(fd);
        /* old enough to be no writer at work */
        struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    open_at(f, &file_vdk.layout, f->dir);
    check_list(f);
    check_views(f);
}

static void names_stay_in_their_directory(void **state)
{
    struct fixture *f = *state;
    open_at(f, &file_vdk.layout, f->dir);
    static const char *const bad[] = {"../x", "a/b", "/etc/x"};
    struct err err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(store_check_id(f->store, str_of(bad[i]), &err));
    char longest[NAME_MAX];
    memset(longest, 'x', sizeof longest);
    assert_true(store_check_id(f->store, (struct str){longest, 244}, &err));
    assert_false(store_check_id(f->store, (struct str){longest, 245}, &err));
}

static void table(void **state)
{
    struct fixture *f = *state;
    struct sbuf sql = SBUF_INIT;
    struct err err = {0};
    sbuf_cstr(&sql, "CREATE TABLE data_source_state (source_name TEXT PRIMARY KEY, state_data TEXT,"
                    " updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);");
    for (size_t i = 0; i < SAMPLES; i++)
        sbuf_printf(&sql,
                    "INSERT INTO data_source_state (source_name, state_data) VALUES ('%s', '%s');",
                    samples[i].id, samples[i].text);
    /* A key that is NULL cannot be addressed; it must not stop the others. */
    sbuf_cstr(&sql, "INSERT INTO data_source_state (source_name, state_data) VALUES (NULL, '{}')");
    const char *path = arena_printf(&f->arena, "%s/state.db", f->dir).ptr;
    if (!sqlite_script(path, sbuf_view(&sql).ptr, &err))
        fail_msg("%s", err.text);
    sbuf_release(&sql);
    open_at(f, &sqlite_vdk, path);
    check_list(f);
    check_views(f);
}

static void a_null_state_is_damage(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const char *path = arena_printf(&f->arena, "%s/state.db", f->dir).ptr;
    assert_true(sqlite_script(path,
                              "CREATE TABLE data_source_state (source_name TEXT PRIMARY KEY,"
                              " state_data TEXT, updated_at TIMESTAMP);"
                              "INSERT INTO data_source_state VALUES ('n', NULL, NULL),"
                              " ('b', CAST('{\"streams\": {}}' AS BLOB), NULL), ('x', 5.5, 'no')",
                              &err));
    open_at(f, &sqlite_vdk, path);
    struct str ids[] = {STR("n"), STR("b"), STR("x"), STR("none")};
    struct read_item items[4];
    assert_true(store_read(f->store, ids, 4, 0, &f->call, &f->arena, items, &err));
    assert_int_equal(items[0].doc.problem.kind, ERR_CORRUPT);
    assert_int_equal(items[1].doc.problem.kind, ERR_NONE);
    assert_non_null(items[1].doc.root);
    assert_non_null(vdk_damage(items[2].doc.root).ptr); /* text affinity makes it '5.5' */
    assert_true(items[3].doc.absent);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(files),
        IN_PLACE(names_stay_in_their_directory),
        IN_PLACE(table),
        IN_PLACE(a_null_state_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
