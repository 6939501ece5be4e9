/* core/config, core/project: the configuration file, and what a word on the command line
 * means. */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "core/base/near.h"
#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static const char *put(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static const char good[] = "# two places\n"
                           "contexts:\n"
                           "  - name: orders-pg\n"
                           "    address: etl+postgresql://app@db-3:5432/shop\n"
                           "    env: prod\n"
                           "    restart_hint: kubectl rollout restart deploy/replicator\n"
                           "    refresh: 2s\n"
                           "  - name: crm\n"
                           "    address: triggers+redis://r:6379/0?version=2\n"
                           "    env: dev\n"
                           "    companions:\n"
                           "      lock: redis://:pw@locks/1\n"
                           "      broker: amqp://b\n"
                           "  - {name: open-prod, address: 'etl+postgresql://x/y', env: prod, "
                           "read_only: false}\n"
                           "default: crm\n"
                           "confirm_quiet_ms: 250\n";

static void reads_contexts(void **state)
{
    struct config *config;
    struct err err = {0};
    assert_true(config_load(put("c.yaml", good), &config, &err));
    assert_int_equal(config->ncontexts, 3);
    const struct config_context *c = config_context(config, "orders-pg");
    assert_int_equal(c->env, ENV_PROD);
    assert_true(c->read_only);
    assert_int_equal(c->refresh_ms, 2000);
    assert_string_equal(c->restart_hint, "kubectl rollout restart deploy/replicator");
    assert_false(config_context(config, "open-prod")->read_only);
    assert_int_equal(config_context(config, "crm")->ncompanions, 2);
    assert_string_equal(config->default_context, "crm");
    assert_int_equal(config->confirm_quiet_ms, 250);
    assert_null(config_context(config, "nobody"));
    config_free(config);
}

static void names_the_line_of_a_mistake(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"contexts:\n  - name: a\n    adress: /x\n", "c.yaml:3: unknown key 'adress'; did you mean "
                                                     "'address'?"},
        {"context: []\n", "c.yaml:1: unknown key 'context'; did you mean 'contexts'?"},
        {"contexts:\n- name: a\n  address: /x\n  env: pord\n",
         "c.yaml:4: unknown env 'pord'; did you mean 'prod'?"},
        {"contexts:\n- name: a\n  address: /x\n  env: staging\n", "c.yaml:4: env is one of"},
        {"contexts:\n- name: a\n  address: /x\n  read_only: maybe\n",
         "c.yaml:4: read_only is true or false"},
        {"contexts:\n- name: a\n", "c.yaml:2: context 'a' has no address"},
        {"contexts:\n- address: /x\n", "c.yaml:2: the context has no name"},
        {"contexts:\n- {name: a, address: /x}\n- {name: a, address: /y}\n",
         "c.yaml:3: there are two contexts 'a'"},
        {"contexts:\n- {name: a, name: b, address: /x}\n",
         "c.yaml:2: key 'name' stands here twice"},
        {"contexts:\n- {name: a/b, address: /x}\n", "c.yaml:2: a context's name has no"},
        {"contexts:\n- {name: a, address: /x, refresh: soon}\n", "c.yaml:2: refresh is a time"},
        {"contexts:\n- name: a\n  address: /x\n  companions: {lok: x}\n",
         "c.yaml:4: unknown companion 'lok'; did you mean 'lock'?"},
        {"contexts:\n- {name: alpha, address: /x}\ndefault: alhpa\n",
         "c.yaml:3: unknown context 'alhpa'; did you mean 'alpha'?"},
        {"contexts: {a: b}\n", "c.yaml:1: contexts is a list"},
        {"contexts:\n  - [\n", "c.yaml:"},
        {"- a\n", "c.yaml:1: the configuration must be a mapping"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *config;
        struct err err = {0};
        assert_false(config_load(put("c.yaml", cases[i].text), &config, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        if (!strstr(err.text, cases[i].says))
            fail_msg("%s\nlacks: %s", err.text, cases[i].says);
    }
}

static void a_missing_file(void **state)
{
    struct config *config;
    struct err err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/none.yaml", dir);
    assert_false(config_load(path, &config, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    setenv("XDG_CONFIG_HOME", dir, 1);
    assert_true(config_load(NULL, &config, &err));
    assert_int_equal(config->ncontexts, 0);
    snprintf(path, sizeof path, "%s/penstock/config.yaml", dir);
    assert_string_equal(config->path, path);
    config_free(config);
    assert_true(config_load(put("empty.yaml", "# nothing\n"), &config, &err));
    config_free(config);
}

static void means_a_target(void **state)
{
    struct config *config;
    struct err err = {0};
    struct arena arena = ARENA_INIT;
    struct target t;
    assert_true(config_load(put("c.yaml", good), &config, &err));

    assert_true(config_target(config, "crm", "-t", &arena, &t, &err));
    assert_string_equal(t.name, "crm");
    assert_true(t.is_context && t.env == ENV_DEV && !t.read_only);
    assert_string_equal(address_param(&t.address, "lock"), "redis://:pw@locks/1");
    assert_string_equal(t.address.identity, "triggers+redis://r/0?version=2");

    /* the same server and database as a prod context, under another name and user */
    assert_true(config_target(config, "etl+postgresql://me:pw@DB-3/shop", "PENSTOCK_TARGET", &arena,
                              &t, &err));
    assert_true(t.env == ENV_PROD && t.read_only && !t.is_context);
    assert_non_null(strstr(t.warning, "orders-pg"));
    assert_null(strstr(t.name, "pw"));
    assert_true(config_target(config, "etl+postgresql://db-3/other", "-t", &arena, &t, &err));
    assert_true(t.env == ENV_UNKNOWN && !t.read_only && !t.warning);
    assert_true(config_target(config, "etl+postgresql://x/y", "-t", &arena, &t, &err));
    assert_true(t.env == ENV_PROD && !t.read_only);

    assert_true(config_target(config, dir, "-t", &arena, &t, &err));
    assert_int_equal(t.env, ENV_LOCAL);
    assert_true(config_target(config, "etl+postgresql:///d?host=/run/pg", "-t", &arena, &t, &err));
    assert_int_equal(t.env, ENV_LOCAL);

    assert_false(config_target(config, "order-pg", "-t", &arena, &t, &err));
    assert_string_equal(err.text, "unknown context 'order-pg'; did you mean 'orders-pg'?");
    assert_false(config_target(config, "/no/such/place", "-t", &arena, &t, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    arena_release(&arena);
    config_free(config);
}

/* formats/meltano.md 4.1, 7.2 */
static void finds_the_backend_of_a_project(void **state)
{
    static const struct {
        const char *yaml, *dotenv, *identity; /* %s: the project */
    } cases[] = {
        {"version: 1\n", "", "meltano+sqlite://%s/.meltano/meltano.db"},
        {"state_backend: {uri: 'file:///${MELTANO_SYS_DIR_ROOT}/state'}\n", "",
         "meltano+file://%s/.meltano/state"},
        {"state_backend.uri: file:///srv/a%20b?x\n", "", "meltano+file:///srv/a%2520b"},
        {"state_backend: {uri: file://host/srv/s}\n", "", "meltano+file:///srv/s"},
        {"state_backend: {uri: 'file:///$PLACE/\\$X/\\$y'}\nenv: {PLACE: srv/q}\n", "",
         "meltano+file:///srv/q/%24X/%5C%24y"},
        {"state_backend: {uri: 'file:///${place}'}\n", "export place='srv/z' # here\n",
         "meltano+file:///srv/z"},
        {"state_backend: {uri: file:///srv/a}\nenv: {MELTANO_STATE_BACKEND_URI: file:///srv/b}\n",
         "", "meltano+file:///srv/b"},
        {"state_backend: {uri: file:///srv/a}\n", "MELTANO_STATE_BACKEND_URI=file:///srv/c\n",
         "meltano+file:///srv/c"},
        {"state_backend: {uri: file:///srv/a}\nstate_backend.uri: file:///srv/b\n", "",
         "meltano+file:///srv/b"},
        {"",
         "A='a b'\nB=${A}-${none}-${none:-d}-$A # c\nMELTANO_STATE_BACKEND_URI=\"file:///${B}\"\n",
         "meltano+file:///a%20b--d-%24A"},
        {"", "MELTANO_STATE_BACKEND_URI=file:///x\nMELTANO_STATE_BACKEND_URI\n",
         "meltano+sqlite://%s/.meltano/meltano.db"},
        {"include_paths: ['/etc/*']\n", "", NULL},
        {"state_backend: {uri: 'postgresql://u:p@pg/mel', postgresql: {table: t, host: db2}}\n", "",
         "meltano+postgresql://db2/mel?layout=plugin&table=t"},
        {"database_uri: postgresql+psycopg://u:p@pg/mel\n", "", "meltano+postgresql://pg/mel"},
        {"database_uri: sqlite:///sub/m.db\n", "", "meltano+sqlite://%s/sub/m.db"},
        {"database_uri: sqlite:////abs/m.db?timeout=5\n", "", "meltano+sqlite:///abs/m.db"},
        {"state_backend: {uri: 's3://bucket/p'}\n", "", NULL},
        {"state_backend: {uri: 'file://state'}\n", "", NULL},
        {"state_backend: [\n", "", NULL},
    };
    unsetenv("MELTANO_STATE_BACKEND_URI");
    unsetenv("MELTANO_DATABASE_URI");
    struct config *config;
    assert_true(config_load(put("empty.yaml", ""), &config, NULL));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = ARENA_INIT;
        struct target t;
        struct err err = {0};
        put("meltano.yml", cases[i].yaml);
        put(".env", cases[i].dotenv);
        bool ok = config_target(config, dir, "-t", &arena, &t, &err);
        assert_int_equal(ok, cases[i].identity != NULL);
        if (ok) {
            const char *mark = strstr(cases[i].identity, "%s");
            struct str expected = str_of(cases[i].identity);
            if (mark)
                expected = arena_printf(&arena, "%.*s%s%s", (int)(mark - cases[i].identity),
                                        cases[i].identity, dir, mark + 2);
            if (strcmp(t.address.backend, "file") == 0)
                assert_non_null(address_param(&t.address, "runs"));
            expected = arena_str(&arena, expected);
            assert_string_equal(t.address.identity, expected.ptr);
        }
        arena_release(&arena);
    }
    unlink(put("meltano.yml", ""));
    unlink(put(".env", ""));
    config_free(config);
}

static void spans(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {{"90", 90}, {"90s", 90}, {"1h30m", 5400}, {"7d", 604800}, {"2w", 1209600},
                 {"", -1},   {"h", -1},   {"1y", -1},      {"-1s", -1},    {"9999999d", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1000000;
        bool ok = time_span_parse(str_of(cases[i].text), &us);
        assert_int_equal(ok, cases[i].seconds >= 0);
        assert_int_equal(us, cases[i].seconds * 1000000);
    }
}

static void suggestions(void **state)
{
    static const char *const words[] = {"table", "state", "session", "lock", "ls"};
    static const struct {
        const char *typed, *meant;
    } cases[] = {{"tabel", "table"}, {"TABLE", "table"}, {"sesion", "session"}, {"lokc", "lock"},
                 {"zebra", NULL},    {"x", NULL},        {"stat", "state"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct near near = {.word = str_of(cases[i].typed)};
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            near_offer(&near, words[w]);
        if (cases[i].meant)
            assert_string_equal(near.best, cases[i].meant);
        else
            assert_null(near.best);
    }
}

static int make_dir(void **state)
{
    strcpy(dir, "/tmp/penstock-config-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    unlink(put("c.yaml", ""));
    unlink(put("empty.yaml", ""));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_contexts),
        cmocka_unit_test(names_the_line_of_a_mistake),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(means_a_target),
        cmocka_unit_test(finds_the_backend_of_a_project),
        cmocka_unit_test(spans),
        cmocka_unit_test(suggestions),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
