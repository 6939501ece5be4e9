/* core/url, core/target: addresses taken apart, named and masked. */
#include "tests/unit/test.h"

#include "core/system.h"
#include "core/target.h"
#include "core/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forms(void **state)
{
    static const struct {
        const char *text, *system, *backend, *url, *identity;
    } cases[] = {
        {"meltano+file:///var/meltano/state", "meltano", "file", "/var/meltano/state",
         "meltano+file:///var/meltano/state"},
        {"meltano+file:////var//meltano/./state/", "meltano", "file", "/var/meltano/state",
         "meltano+file:///var/meltano/state"},
        {"meltano+sqlite:///p/.meltano/meltano.db", "meltano", "sqlite", "/p/.meltano/meltano.db",
         "meltano+sqlite:///p/.meltano/meltano.db"},
        {"vdk+file:///a%20b/c%3Fd", "vdk", "file", "/a b/c?d", "vdk+file:///a%20b/c%3Fd"},
        {"meltano+postgresql://host/db?layout=plugin", "meltano", "postgres",
         "postgresql://host/db", "meltano+postgresql://host/db?layout=plugin"},
        {"etl+postgresql://app:pw@Host:5432/db?pipeline=7&sslmode=require", "etl", "postgres",
         "postgresql://app:pw@Host:5432/db?sslmode=require", "etl+postgresql://host/db"},
        {"etl+postgres://host:6000/db", "etl", "postgres", "postgresql://host:6000/db",
         "etl+postgresql://host:6000/db"},
        {"etl+postgresql+psycopg://host/db", "etl", "postgres", "postgresql://host/db",
         "etl+postgresql://host/db"},
        {"postgresql+psycopg2://u:p%40ss@[::1]:5433/db", NULL, "postgres",
         "postgresql://u:p%40ss@[::1]:5433/db", "postgresql://[::1]:5433/db"},
        {"etl+postgresql:///db?host=/nowhere/sock&options=-c%20a%3Db", "etl", "postgres",
         "postgresql:///db?host=/nowhere/sock&options=-c%20a%3Db",
         "etl+postgresql:///db?host=/nowhere/sock"},
        {"etl+postgresql://%2Fnowhere%2Fsock/db", "etl", "postgres",
         "postgresql://%2Fnowhere%2Fsock/db", "etl+postgresql:///db?host=/nowhere/sock"},
        {"etl+postgresql://h1:1,h2:2/db", "etl", "postgres", "postgresql://h1:1,h2:2/db",
         "etl+postgresql://h1:1,h2:2/db"},
        {"etl+postgresql://app@host", "etl", "postgres", "postgresql://app@host",
         "etl+postgresql://host/app"},
        {"etl+postgresql:///?service=orders", "etl", "postgres", "postgresql:///?service=orders",
         "etl+postgresql:///?service=orders"},
        {"triggers+redis://h/3?prefix=&version=1&client=django-redis", "triggers", "redis",
         "redis://h:6379/3", "triggers+redis://h/3"},
        {"triggers+redis://:secret@h:7000?prefix=crm", "triggers", "redis",
         "redis://:secret@h:7000/0", "triggers+redis://h:7000/0?prefix=crm"},
        {"rediss://h?db=2", NULL, "redis", "rediss://h:6379/2", "rediss://h/2"},
        {"triggers+redis+unix:///run/r.sock?db=4", "triggers", "redis", "unix:///run/r.sock?db=4",
         "triggers+redis+unix:///run/r.sock?db=4"},
        {"triggers+redis:///4?socket=/run/r.sock", "triggers", "redis", "unix:///run/r.sock?db=4",
         "triggers+redis+unix:///run/r.sock?db=4"},
        {"redis+socket:///run/r.sock?virtual_host=4", NULL, "redis", "unix:///run/r.sock?db=4",
         "redis+unix:///run/r.sock?db=4"},
        {"unix://:pw@/run/r.sock", NULL, "redis", "unix://:pw@/run/r.sock?db=0",
         "redis+unix:///run/r.sock?db=0"},
        {"triggers+redis://h/0?lock=redis://:x@l/1&broker=amqp://b", "triggers", "redis",
         "redis://h:6379/0", "triggers+redis://h/0"},
        {"etl+memory://demo", "etl", "memory", "demo", "etl+memory://demo"},
        {"META+redis://h", NULL, NULL, NULL, NULL},
        {"mysql://h/db", NULL, NULL, NULL, NULL},
        {"etl+redis://h/x", NULL, NULL, NULL, NULL},
        {"meltano+file://host/dir", NULL, NULL, NULL, NULL},
        {"meltano+file:", NULL, NULL, NULL, NULL},
        {"vdk+file:///a%2", NULL, NULL, NULL, NULL},
        {"vdk+file:///a%00b", NULL, NULL, NULL, NULL},
        {"triggers+unix:///run/r.sock?db=x", NULL, NULL, NULL, NULL},
        {"no-such-path-here", NULL, NULL, NULL, NULL},
        {"", NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = ARENA_INIT;
        struct address address;
        struct err err = {0};
        bool ok = address_parse(&arena, cases[i].text, &address, &err);
        if (!cases[i].backend) {
            assert_false(ok);
            assert_int_equal(err.kind, ERR_INVALID);
            arena_release(&arena);
            continue;
        }
        if (!ok)
            print_message("%s: %s\n", cases[i].text, err.text);
        assert_true(ok);
        if (cases[i].system)
            assert_string_equal(address.system->name, cases[i].system);
        else
            assert_null(address.system);
        assert_string_equal(address.backend, cases[i].backend);
        assert_string_equal(address.url, cases[i].url);
        assert_string_equal(address.identity, cases[i].identity);
        struct address again;
        assert_true(address_parse(&arena, address.identity, &again, &err));
        assert_string_equal(again.identity, address.identity);
        assert_ptr_equal(again.system, address.system);
        arena_release(&arena);
    }
}

static void params(void **state)
{
    struct arena arena = ARENA_INIT;
    struct address address;
    assert_true(address_parse(
        &arena, "triggers+redis://h/0?prefix=a%26b&lock=redis%3A%2F%2F%3Apw%40l%2F1&layout=plain",
        &address, NULL));
    assert_string_equal(address_param(&address, "prefix"), "a&b");
    assert_string_equal(address_param(&address, "lock"), "redis://:pw@l/1");
    assert_null(address_param(&address, "layout"));
    assert_string_equal(address.layout, "plain");
    assert_string_equal(address.identity, "triggers+redis://h/0?layout=plain&prefix=a%26b");
    arena_release(&arena);
}

static void no_password_is_shown(void **state)
{
    static const struct {
        const char *text, *masked, *plain;
    } cases[] = {
        {"etl+postgresql://app:s3cret@h/db", "etl+postgresql://app:***@h/db",
         "etl+postgresql://app@h/db"},
        {"etl+postgresql://app:s3@cret@h/db", "etl+postgresql://app:***@h/db",
         "etl+postgresql://app@h/db"},
        {"etl+postgresql://h/db?password=s3cret&sslmode=require",
         "etl+postgresql://h/db?password=***&sslmode=require",
         "etl+postgresql://h/db?sslmode=require"},
        {"triggers+redis://:s3cret@h/0", "triggers+redis://:***@h/0", "triggers+redis://h/0"},
        {"triggers+redis://h/0?lock=redis://:s3cret@l/1",
         "triggers+redis://h/0?lock=redis://:***@l/1", "triggers+redis://h/0?lock=redis://l/1"},
        {"triggers+redis://h/0?lock=redis%3A%2F%2F%3As3cret%40l&version=1",
         "triggers+redis://h/0?lock=redis%3A%2F%2F%3A***%40l&version=1",
         "triggers+redis://h/0?lock=redis://l&version=1"},
        {"triggers+redis://u:s%403cret@h/0", "triggers+redis://u:***@h/0",
         "triggers+redis://u@h/0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = ARENA_INIT;
        struct address address;
        assert_true(address_parse(&arena, cases[i].text, &address, NULL));
        assert_string_equal(address.masked, cases[i].masked);
        assert_string_equal(address.plain, cases[i].plain);
        assert_null(strstr(address.identity, "cret"));
        arena_release(&arena);
    }
    struct arena arena = ARENA_INIT;
    assert_str(address_mask(&arena, STR("cannot open \"redis://a:b@h\": no; http://x:80/p@q")),
               "cannot open \"redis://a:***@h\": no; http://x:***@q");
    assert_str(address_mask(&arena, STR("plain text: 10:20 a@b")), "plain text: 10:20 a@b");
    struct err err = {0};
    struct address address;
    assert_false(address_parse(&arena, "etl+postgresql://u:s3cret%@h/db", &address, &err));
    assert_null(strstr(err.text, "s3cret"));
    assert_false(address_parse(&arena, "mysql://u:s3cret@h/db", &address, &err));
    assert_null(strstr(err.text, "s3cret"));
    arena_release(&arena);
}

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static void paths(void **state)
{
    char dir[] = "/tmp/penstock-target-XXXXXX", path[64];
    struct arena arena = ARENA_INIT;
    struct address address, other;
    assert_non_null(mkdtemp(dir));
    assert_true(address_parse(&arena, dir, &address, NULL));
    assert_string_equal(address.backend, "file");
    assert_string_equal(address.url, dir);
    assert_true(address_is_local(&address));

    snprintf(path, sizeof path, "%s/some.db", dir);
    write_file(path, "SQLite format 3\0....", 20);
    assert_true(address_parse(&arena, path, &address, NULL));
    assert_string_equal(address.backend, "sqlite");
    assert_null(address.system);

    struct address settled = address_settle(&arena, &address, &system_meltano, NULL);
    assert_true(address_parse(&arena, settled.plain, &other, NULL));
    assert_string_equal(other.identity, settled.identity);
    assert_ptr_equal(other.system, &system_meltano);

    char link[64];
    snprintf(link, sizeof link, "%s/link", dir);
    assert_int_equal(symlink(path, link), 0);
    assert_true(address_parse(&arena, link, &other, NULL));
    assert_string_equal(other.identity, address.identity);

    unlink(link);
    unlink(path);
    rmdir(dir);
    arena_release(&arena);
}

static void places(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"etl+postgresql://u@H:5432/db?sslmode=require", "meltano+postgresql://h/db", true},
        {"etl+postgresql://h/db", "etl+postgresql://h/other", false},
        {"redis://:x@h", "triggers+redis://h:6379/0?prefix=p", true},
        {"redis://h/0", "redis://h/1", false},
        {"meltano+file:///srv/a/", "etl+file:///srv/a", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = ARENA_INIT;
        struct address a, b;
        assert_true(address_parse(&arena, cases[i].a, &a, NULL));
        assert_true(address_parse(&arena, cases[i].b, &b, NULL));
        assert_int_equal(str_eq(address_place(&arena, &a), address_place(&arena, &b)),
                         cases[i].same);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(params), cmocka_unit_test(no_password_is_shown),
        cmocka_unit_test(paths), cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
