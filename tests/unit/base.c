/* core/base: strings, arenas, time. */
#include "tests/unit/test.h"

#include "core/base/arena.h"
#include "core/base/base64.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/path.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void glob_table(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool match;
    } cases[] = {
        {"dev:tap-a-to-b", "dev:*", true},
        {"dev:tap", "prod:*", false},
        {"abc", "a?c", true},
        {"abc", "a[a-c]c", true},
        {"abc", "a[!b]c", false},
        {"a[c", "a[c", true},
        {"a*c", "a\\*c", true},
        {"abc", "a\\*c", false},
        {"", "*", true},
        {"", "", true},
        {"aXbXc", "*X*X*", true},
        {"]", "[]]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(str_glob(str_of(cases[i].text), str_of(cases[i].pattern)), cases[i].match);
}

static void numbers(void **state)
{
    uint64_t u;
    int64_t i;
    assert_true(str_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(str_u64(STR("18446744073709551616"), &u));
    assert_false(str_u64(STR(""), &u) || str_u64(STR("+1"), &u) || str_u64(STR("1 "), &u));
    assert_true(str_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(str_i64(STR("9223372036854775808"), &i));
}

static void times(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-07-24 09:12:10.482913006Z", 1784884330482913},
        {"2026-01-16 09:00:00.866572", 1768554000866572},
        {"2026-01-02 03:09:05.7", 1767323345700000},
        {"10000-01-01 05:59:59+00", 253402322399000000},
        {"2024-02-29T00:00:00+01:00", 1709161200000000},
        {"1969-12-31T23:59:59.5Z", -500000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us;
        assert_true(time_parse(str_of(cases[i].text), &us));
        assert_int_equal(us, cases[i].us);
    }
    int64_t us;
    assert_false(time_parse(STR("2026-13-01T00:00:00Z"), &us));
    assert_false(time_parse(STR("2026-01-01"), &us));
    assert_false(time_parse(STR("2026-01-01T00:00:00Zjunk"), &us));
    struct arena a = ARENA_INIT;
    assert_str(time_rfc3339(&a, 1784884330482913), "2026-07-24T09:12:10.482913Z");
    assert_str(time_rfc3339(&a, -500000), "1969-12-31T23:59:59.500000Z");
    assert_str(time_text(&a, 1784884330482913), "2026-07-24T09:12:10Z");
    assert_str(time_text(&a, -500000), "1969-12-31T23:59:59Z");
    assert_null(time_text(&a, TIME_NEVER).ptr);
    assert_str(time_span(&a, 7860LL * 1000000), "2h 11m");
    arena_release(&a);
}

static void digests(void **state)
{
    uint8_t md5[MD5_LEN];
    char hex[2 * MD5_LEN + 1];
    md5_of(STR(":1:triggers.storages.cache:c"), md5); /* formats/triggers.md 4.4 */
    hex_encode(md5, sizeof md5, hex);
    assert_string_equal(hex, "d75bc209b602f294c9a7b0edf1525a76");
}

static void errors_carry_no_control_bytes(void **state)
{
    struct err err = {0};
    assert_false(err_set(&err, ERR_LOCKED, "state %s", "a\x1b]0;x\x07"));
    err_context(&err, "prod");
    assert_string_equal(err.text, "prod: state a?]0;x?");
    assert_int_equal(err_kind_exit(err.kind), 5);
}

static void a_long_name_leaves_the_cause(void **state)
{
    struct err err = {0};
    char name[2000];
    memset(name, 'x', sizeof name);
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    err_set(&err, ERR_CONFLICT, "%.*s: changed since preview", (int)sizeof name - 2, name);
    err_context(&err, "%.*s", (int)sizeof name - 2, name);
    assert_true(str_starts(str_of(err.text), "\xc3\xa4"));
    assert_true(str_ends(str_of(err.text), "\xa4: changed since preview"));
    assert_true(str_is_utf8(str_of(err.text)));
    err_hint(&err, "look at %.*s: again", (int)sizeof name - 2, name);
    assert_true(str_is_utf8(str_of(err.hint)));
    assert_true(str_ends(str_of(err.hint), ": again"));
}

static void arena_limit(void **state)
{
    struct arena a = {.limit = 4096};
    assert_non_null(arena_try_alloc(&a, 4000));
    assert_null(arena_try_alloc(&a, 4000));
    assert_null(arena_try_alloc(&a, SIZE_MAX));
    arena_release(&a);
}

static void count_release(void *object)
{
    ++*(int *)object;
}

static void arena_releases_what_it_keeps(void **state)
{
    struct arena a = ARENA_INIT;
    int first = 0, second = 0;
    arena_keep(&a, &first, count_release);
    arena_alloc(&a, 1 << 20);
    arena_keep(&a, &second, count_release);
    assert_int_equal(first + second, 0);
    arena_release(&a);
    assert_true(first == 1 && second == 1);
    arena_release(&a); /* as any released arena, it may be used again */
    assert_true(first == 1 && second == 1);
}

static void base64_table(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xff\xfe\x7f", "//5/"},
    };
    static const char *const broken[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm-v", "Zm9v----"};
    struct arena a = ARENA_INIT;
    struct str out;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str bytes = str_of(cases[i].bytes), text = str_of(cases[i].text);
        assert_true(str_eq(base64_encode(&a, bytes), text));
        assert_true(base64_decode(&a, text, &out) && str_eq(out, bytes));
    }
    assert_true(base64_decode(&a, STR(" Zm9v\n Zm8=\r\n"), &out) && str_is(out, "foofo"));
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_false(base64_decode(&a, str_of(broken[i]), &out));
    assert_false(base64_decode(&a, STR("Zm9\0"), &out));
    arena_release(&a);
}

static void assert_file(const char *path, const char *text)
{
    char read[16] = "";
    struct stat st;
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    read[fread(read, 1, sizeof read - 1, in)] = '\0';
    fclose(in);
    assert_string_equal(read, text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* A disk that is full, as far as this process can tell. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void own_files(void **state)
{
    char dir[] = "/tmp/penstock-base-XXXXXX", path[64], other[64];
    struct err err = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a/b/notes", dir);
    snprintf(other, sizeof other, "%s/a", dir);
    assert_false(path_create(path, STR("one"), &err)); /* no directory yet */
    assert_int_equal(err.kind, ERR_INTERNAL);
    assert_non_null(strstr(err.text, path));
    assert_true(path_make_parents("", 0700, &err)); /* there is nothing above it */
    assert_true(path_make_parents(path, 0700, &err));
    assert_true(path_create(path, STR("one"), &err));
    assert_file(path, "one");
    assert_false(path_create(path, STR("two"), &err));
    assert_file(path, "one");
    assert_true(path_replace(path, STR("three"), true, &err));
    assert_file(path, "three");
    int fd;
    assert_true(path_open(path, O_RDONLY, &fd, &err));
    assert_int_equal(close(fd), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(4);
    assert_false(path_replace(path, STR("longer"), false, &err));
    limit_files(RLIM_INFINITY);
    assert_file(path, "three");
    assert_int_equal(unlink(path), 0);
    assert_false(path_open(path, O_RDONLY, &fd, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    static const int ways[] = {O_RDONLY, O_WRONLY, O_RDWR | O_APPEND | O_CREAT};
    assert_int_equal(mkfifo(path, 0600), 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_false(path_open(path, ways[i], &fd, &err)); /* and does not wait */
        assert_int_equal(err.kind, ERR_REFUSED);
    }
    assert_int_equal(unlink(path), 0);
    path[strlen(path) - strlen("/notes")] = '\0';
    assert_int_equal(rmdir(path), 0); /* nothing was left beside it */
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob_table),   cmocka_unit_test(numbers),
        cmocka_unit_test(times),        cmocka_unit_test(digests),
        cmocka_unit_test(base64_table), cmocka_unit_test(a_long_name_leaves_the_cause),
        cmocka_unit_test(arena_limit),  cmocka_unit_test(arena_releases_what_it_keeps),
        cmocka_unit_test(own_files),    cmocka_unit_test(errors_carry_no_control_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
