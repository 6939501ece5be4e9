/* cli: the templates of the demo, and the demo itself in a directory of its own. */
#include "tests/unit/test.h"
#include "tests/unit/tree.h"

#include "cli/demo.h"
#include "cli/demo_template.h"
#include "core/base/cleanup.h"
#include "core/json.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t NOW = 1784884330482913; /* 2026-07-24T09:12:10.482913Z */

static void moments(void **state)
{
    static const struct {
        const char *template, *text;
    } cases[] = {
        {"", ""},
        {"plain } { @ text", "plain } { @ text"},
        {"@{z}", "2026-07-24T09:12:10Z"},
        {"@{z-2h11m}", "2026-07-24T07:01:10Z"},
        {"@{z+1d}@{z-1d}", "2026-07-25T09:12:10Z2026-07-23T09:12:10Z"},
        {"a@{f-10s}b", "a2026-07-24T091200b"},
        {"@{u}", "2026-07-24T09:12:10.000000Z"},
        {"@{u-1s}", "2026-07-24T09:12:09.531535Z"},
        {"@{n-1s}", "2026-07-24T09:12:09.531535600Z"},
        {"@{j-1s}", "2026-07-24T09:12:09.531"},
        {"@{p-1s}", "2026-07-24 09:12:09.531535+00"},
        {"@{s-1s}|@{l-1s}", "2026-07-24 09:12:09.531535|2026-07-24 09:12:09.531535"},
        {"@{e-1s}|@{i-1s}", "1784884329.531535|1784884329531535"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(sbuf_release) struct sbuf out = SBUF_INIT;
        struct err err;
        assert_true(demo_template_fill(&out, str_of(cases[i].template), NOW, &err));
        assert_str(sbuf_view(&out), cases[i].text);
    }
}

static void run_ids(void **state)
{
    CLEANUP(sbuf_release) struct sbuf out = SBUF_INIT;
    struct err err;
    assert_true(demo_template_fill(&out, STR("@{7-1s}"), NOW, &err));
    struct str id = sbuf_view(&out);
    assert_int_equal(id.len, 32);
    assert_str(str_sub(id, 0, 13), "019f93657c3b7"); /* milliseconds, then version 7 */
    assert_str(str_sub(id, 16, 17), "8");
}

static void mistakes(void **state)
{
    static const char *const cases[] = {"@{",    "@{}",    "@{x-1s}", "@{z1s}",
                                        "@{z-}", "@{z-1}", "@{z-1y}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(sbuf_release) struct sbuf out = SBUF_INIT;
        struct err err = {0};
        assert_false(demo_template_fill(&out, str_of(cases[i]), NOW, &err));
        assert_int_equal(err.kind, ERR_INTERNAL);
    }
}

/* A directory for one test. */

static int setup(void **state)
{
    char *dir = strdup("/tmp/penstock-demo.XXXXXX");
    *state = mkdtemp(dir);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    tree_remove(*state);
    free(*state);
    return 0;
}

static bool exists(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void append(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs("edited", file);
    fclose(file);
}

static size_t size_of(const char *dir, const char *name)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void makes_keeps_and_resets(void **state)
{
    static const char NAME[] = "meltano/nightly-backfill/state.json";
    struct arena arena = ARENA_INIT;
    struct err err;
    struct demo demo;
    const char *dir = arena_printf(&arena, "%s/a/b c", (const char *)*state).ptr;

    assert_true(demo_make(dir, false, &arena, &demo, &err));
    assert_true(demo.made);
    assert_string_equal(demo.dir, dir);
    assert_true(demo.ntargets >= 6);
    assert_non_null(strstr(demo.targets[0], "/a/b%20c/meltano"));
    assert_true(exists(dir, "meltano.db") && exists(dir, NAME));
    assert_true(exists(dir, "meltano/prod:tap-crm-to-target-wh/lock"));
    assert_true(exists(dir, "plain/etl/7%2F16411.json"));
    assert_true(exists(dir, "plain/triggers/applicant:1017.json"));

    size_t size = size_of(dir, NAME);
    append(dir, NAME);
    assert_true(demo_make(dir, false, &arena, &demo, &err));
    assert_false(demo.made);
    assert_int_equal(size_of(dir, NAME), size + strlen("edited"));

    assert_true(demo_make(dir, true, &arena, &demo, &err));
    assert_true(demo.made);
    assert_int_equal(size_of(dir, NAME), size);
    arena_release(&arena);
}

/* What the walk over the files counts. */
static struct {
    size_t whole, torn, states;
} seen;

static struct str read_whole(struct arena *arena, const char *path, size_t size)
{
    char *text = arena_alloc(arena, size + 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    return (struct str){text, size};
}

static int check_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct str name = str_of(path + ftw->base);
    if (type != FTW_F || !(str_ends(name, ".json") || str_ends(name, ".lock")))
        return 0;
    struct arena arena = ARENA_INIT;
    struct str text = read_whole(&arena, path, (size_t)st->st_size);
    const struct value *root;
    assert_null(memmem(text.ptr, text.len, "@{", 2));
    if (!json_read(&arena, text, &root, NULL)) {
        seen.torn++;
    } else {
        seen.whole++;
        if (str_is(name, "state.json")) {
            CLEANUP(sbuf_release) struct sbuf out = SBUF_INIT;
            struct err err;
            assert_true(json_write(&out, root, JSON_PYTHON, &err));
            assert_str(sbuf_view(&out), text.ptr); /* as Meltano spells it */
            seen.states++;
        }
    }
    arena_release(&arena);
    return 0;
}

static void files_are_what_they_seem(void **state)
{
    struct arena arena = ARENA_INIT;
    struct err err;
    struct demo demo;
    const char *dir = arena_printf(&arena, "%s/demo", (const char *)*state).ptr;
    assert_true(demo_make(dir, false, &arena, &demo, &err));
    seen.whole = seen.torn = seen.states = 0;
    assert_int_equal(nftw(dir, check_entry, 16, FTW_PHYS), 0);
    assert_int_equal(seen.torn, 3); /* one of Meltano's, one of etl's, one of VDK's */
    assert_int_equal(seen.states, 13);
    assert_true(seen.whole > 45);
    arena_release(&arena);
}

static void leaves_other_directories_alone(void **state)
{
    struct arena arena = ARENA_INIT;
    struct err err = {0};
    struct demo demo;
    append(*state, "mine.txt");
    for (int reset = 0; reset < 2; reset++) {
        assert_false(demo_make(*state, reset, &arena, &demo, &err));
        assert_int_equal(err.kind, ERR_REFUSED);
        assert_true(exists(*state, "mine.txt"));
        assert_false(exists(*state, "meltano.db"));
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(run_ids),
        cmocka_unit_test(mistakes),
        cmocka_unit_test_setup_teardown(makes_keeps_and_resets, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_what_they_seem, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_other_directories_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
