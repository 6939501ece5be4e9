/* core/pickle: graphs in, graphs out, nothing executed. The sessions are those of the format
 * reference (formats/triggers.md 5.9 and 6), made by the framework. */
#include "tests/unit/test.h"

#include "core/json.h"
#include "core/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORPUS "tests/fuzz/corpus/pickle/"

static struct str read_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    struct sbuf content = SBUF_INIT;
    char buf[4096];
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        sbuf_add(&content, buf, n);
    fclose(f);
    struct str s = arena_str(a, sbuf_view(&content));
    sbuf_release(&content);
    return s;
}

static const struct value *read_ok(struct arena *a, struct str bytes, struct pickle_info *info)
{
    const struct value *v = NULL;
    struct err err = {0};
    if (!pickle_read(a, bytes, &v, info, &err))
        fail_msg("%s", err.text);
    return v;
}

static struct str write_ok(struct arena *a, const struct value *v, int protocol)
{
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    if (!pickle_write(&out, v, protocol, &err))
        fail_msg("%s", err.text);
    struct str s = arena_str(a, sbuf_view(&out));
    sbuf_release(&out);
    return s;
}

/* The reference's own minimal re-encodings, byte for byte. */
static void minimal_encoding(void **state)
{
    static const struct {
        const char *name;
        int protocol;
        size_t length, shorter;
        const char *sha;
    } cases[] = {
        {"session-a", 2, 659, 558,
         "9bf40f6650bcb2aa1c4ba4397e20aaa29c732a1ee4a128e690361fdaa201685b"},
        {"session-b", 4, 574, 520,
         "525815d37856c97c3b869d3384bd8ba5d45e59d18d5dcc6e5e9beb376d60b696"},
        {"session-c", 5, 390, 343,
         "47fb49f2c6359ca48e6d01bf4e68d9c5889b3f8c6620503adc7a25e89c9819e5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        struct pickle_info info;
        struct str name = arena_printf(&a, CORPUS "%s.pickle", cases[i].name);
        const struct value *v = read_ok(&a, read_file(&a, name.ptr), &info);
        assert_int_equal(info.protocol, cases[i].protocol);
        assert_int_equal(info.length, cases[i].length);
        assert_false(info.python2 || info.cyclic);
        struct str again = write_ok(&a, v, info.protocol);
        assert_int_equal(again.len, cases[i].shorter);
        uint8_t sha[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];
        sha256_of(again, sha);
        hex_encode(sha, sizeof sha, hex);
        assert_string_equal(hex, cases[i].sha);
        arena_release(&a);
    }
}

static const struct value *at(const struct value *root, const char *pointer)
{
    const struct value *v = NULL;
    struct err err = {0};
    if (!value_pointer_get(root, str_of(pointer), &v, &err))
        fail_msg("%s", err.text);
    return v;
}

static void assert_repr(const struct value *v, const char *expected)
{
    struct arena a = ARENA_INIT;
    assert_string_equal(value_repr(&a, v, 4096).ptr, expected);
    arena_release(&a);
}

/* Trees as formats/triggers.md 6.1, 6.2 and 6.4 print them, the sharing too. */
static void sample_sessions(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = read_ok(&a, read_file(&a, CORPUS "failed.pickle"), NULL);
    assert_repr(at(v, "/tasks/t_importBrowserMetadata/owner"), "\"équipe données\"");
    const char *subject = "/instances/t_importSubject#0/metadata/timestamps";
    assert_repr(at(v, subject),
                "{\"created\": datetime(2024-03-05T14:07:32.373463), \"lastModified\": "
                "datetime(2024-03-05T14:07:34.873477), \"scheduled\": "
                "datetime(2024-03-05T14:07:32.373463), \"running\": "
                "datetime(2024-03-05T14:07:33.623470), \"failed\": "
                "datetime(2024-03-05T14:07:34.873477)}");
    int64_t us;
    assert_true(value_to_time(value_get(at(v, subject), "failed"), &us));
    assert_int_equal(us, 1709647654873477);
    assert_ptr_equal(value_get(at(v, subject), "created"), value_get(at(v, subject), "scheduled"));
    assert_repr(at(v, "/instances/t_importSubject#0/kwargs/firstPageReceived/responses/birthday"),
                "date(1990-02-28)");
    assert_ptr_equal(at(v, "/instances/t_importSubject#0/kwargs/firstPageReceived"),
                     at(v, "/metas/latest_kwargs/firstPageReceived"));
    assert_ptr_equal(at(v, "/instances/t_importResponses#0/kwargs/pageReceived"),
                     at(v, "/instances/t_importBrowserMetadata#0/kwargs/pageReceived"));

    v = read_ok(&a, read_file(&a, CORPUS "replayed.pickle"), NULL);
    assert_ptr_equal(at(v, "/instances/t_fetch#0/kwargs"), at(v, "/instances/t_fetch#3/kwargs"));
    assert_repr(at(v, "/instances/t_fetch#3"),
                "{\"abandonState\": [], \"kwargs\": {\"start\": {\"url\": "
                "\"https://meta.example.net/a\"}}, \"metadata\": {\"depth\": 3, \"parent\": "
                "\"t_fetch#2\"}, \"status\": \"unstarted\", \"task\": \"t_fetch\"}");

    v = read_ok(&a, read_file(&a, CORPUS "exotic.pickle"), NULL);
    assert_repr(at(v, "/metas/latest_kwargs/flora_page3"),
                "{\"when\": datetime(2024-03-05T09:00:00+00:00), \"score\": "
                "<decimal.Decimal(\"12.50\")>, \"id\": <uuid.UUID() {\"int\": "
                "24197857161011715162171839636988778104}>, \"blob\": b'\\x00\\xff\\x80', "
                "\"tags\": {\"a\"}, \"pair\": (1, -2, 70000), \"big\": 1180591620717411303424, "
                "\"n\": 2147483648, \"none\": null, \"neg\": -1.5, \"od\": "
                "<collections.OrderedDict() \"z\": 1, \"a\": 2>, \"flag\": false, \"dur\": "
                "<datetime.timedelta(0, 3600, 0)>}");
    arena_release(&a);
}

/* Every session in every protocol that can hold it is the same graph again. */
static void graphs_survive(void **state)
{
    static const char *const names[] = {"session-a", "session-b", "session-c", "failed",
                                        "replayed",  "abandoned", "exotic"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct arena a = ARENA_INIT;
        struct pickle_info info;
        struct str path = arena_printf(&a, CORPUS "%s.pickle", names[i]), again;
        const struct value *v = read_ok(&a, read_file(&a, path.ptr), &info), *w;
        for (int protocol = info.protocol; protocol <= 5; protocol++) {
            again = write_ok(&a, v, protocol);
            w = read_ok(&a, again, &info);
            assert_true(value_same_graph(v, w));
            assert_int_equal(info.protocol, protocol);
            assert_int_equal(info.length, again.len);
            assert_memory_equal(write_ok(&a, w, protocol).ptr, again.ptr, again.len);
        }
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_encoding),
        cmocka_unit_test(sample_sessions),
        cmocka_unit_test(graphs_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
