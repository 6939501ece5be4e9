/* core/pickle: graphs in, graphs out, nothing executed. The sessions are those of the format
 * reference (formats/triggers.md 5.9 and 6), made by the framework. */
#include "tests/unit/test.h"

#include "core/json.h"
#include "core/pickle.h"

#include <glob.h>
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

/* Python writes values of every kind in every protocol, we write them again, Python compares. */
static void python_agrees(void **state)
{
    char dir[] = "/tmp/penstock-pickle-XXXXXX", command[256];
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "/usr/bin/env python3 tests/unit/pickle_peer.py make %s",
             dir);
    assert_int_equal(system(command), 0);
    glob_t made = {0};
    snprintf(command, sizeof command, "%s/*.in", dir);
    assert_int_equal(glob(command, 0, NULL, &made), 0);
    assert_true(made.gl_pathc > 70);
    for (size_t i = 0; i < made.gl_pathc; i++) {
        struct arena a = ARENA_INIT;
        struct pickle_info info;
        struct str path = str_of(made.gl_pathv[i]);
        int protocol = path.ptr[path.len - 4] - '0';
        const struct value *v = read_ok(&a, read_file(&a, path.ptr), &info);
        assert_int_equal(info.protocol, protocol);
        struct str bytes = write_ok(&a, v, protocol);
        FILE *out = fopen(arena_printf(&a, "%.*sout", (int)path.len - 2, path.ptr).ptr, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, out), bytes.len);
        assert_int_equal(fclose(out), 0);
        arena_release(&a);
    }
    globfree(&made);
    snprintf(command, sizeof command,
             "/usr/bin/env python3 tests/unit/pickle_peer.py check %s && rm -r %s", dir, dir);
    assert_int_equal(system(command), 0);
}

#define BYTES(lit) lit, sizeof(lit) - 1

static void refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum err_kind kind;
        const char *what;
    } cases[] = {
        {BYTES(""), ERR_CORRUPT, "without STOP"},
        {BYTES("."), ERR_CORRUPT, "stack is empty"},
        {BYTES("\x80"), ERR_CORRUPT, "ends too early"},
        {BYTES("\x80\x06N."), ERR_UNSUPPORTED, "protocol above 5"},
        {BYTES("N"), ERR_CORRUPT, "without STOP"},
        {BYTES("\xffN."), ERR_CORRUPT, "unknown opcode"},
        {BYTES("X\xff\xff\xff\xffxx."), ERR_CORRUPT, "ends too early"},
        {BYTES("\x8d\xff\xff\xff\xff\xff\xff\xff\xffxx."), ERR_CORRUPT, "ends too early"},
        {BYTES("\x8b\xff\xff\xff\xffxx."), ERR_CORRUPT, "negative length"},
        {BYTES("\x95\xff\x00\x00\x00\x00\x00\x00\x00N."), ERR_CORRUPT, "frame longer"},
        {BYTES("\x8c\x02\xc0\x80."), ERR_CORRUPT, "not UTF-8"},
        {BYTES("h\x00."), ERR_CORRUPT, "never stored"},
        {BYTES("Nq\x05h\x04."), ERR_CORRUPT, "never stored"},
        {BYTES("Nr\xff\xff\xff\x7f."), ERR_CORRUPT, "memo index beyond"},
        {BYTES("N1."), ERR_CORRUPT, "mark is missing"},
        {BYTES("]NNt."), ERR_CORRUPT, "mark is missing"},
        {BYTES("](a."), ERR_CORRUPT, "stack is empty"},
        {BYTES("}(K\x01u."), ERR_CORRUPT, "key without a value"},
        {BYTES("]K\x01K\x02s."), ERR_CORRUPT, "no dict"},
        {BYTES("}]Ns."), ERR_CORRUPT, "array as a key"},
        {BYTES("}}\x85Ns."), ERR_CORRUPT, "tuple as a key"},
        {BYTES("}K\x01"
               "a."),
         ERR_CORRUPT, "no list"},
        {BYTES("K\x01K\x02"
               "a."),
         ERR_CORRUPT, "no list"},
        {BYTES("]K\x02"
               "b."),
         ERR_CORRUPT, "state for a plain container"},
        {BYTES("K\x01K\x02\x93."), ERR_CORRUPT, "not text"},
        {BYTES("(o."), ERR_CORRUPT, "without a class"},
        {BYTES("I1x\n."), ERR_CORRUPT, "bad integer"},
        {BYTES("F0x1p3\n."), ERR_CORRUPT, "bad float"},
        {BYTES("V\\u12\n."), ERR_CORRUPT, "bad text"},
        {BYTES("Sabc\n."), ERR_CORRUPT, "bad string"},
        {BYTES("I1"), ERR_CORRUPT, "line without an end"},
        {BYTES("P1\n."), ERR_UNSUPPORTED, "persistent id"},
        {BYTES("NQ."), ERR_UNSUPPORTED, "persistent id"},
        {BYTES("\x82\x01."), ERR_UNSUPPORTED, "extension registry"},
        {BYTES("\x84\x01\x00\x00\x00."), ERR_UNSUPPORTED, "extension registry"},
        {BYTES("\x80\x05\x97."), ERR_UNSUPPORTED, "out-of-band"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        const struct value *v = NULL;
        struct err err = {0};
        assert_false(pickle_read(&a, (struct str){cases[i].bytes, cases[i].len}, &v, NULL, &err));
        if (!strstr(err.text, cases[i].what))
            fail_msg("case %zu: %s", i, err.text);
        assert_int_equal(err.kind, cases[i].kind);
        assert_null(v);
        arena_release(&a);
    }
}

/* Oddities that Python takes as well. */
static void accepted(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *repr;
        int protocol;
    } cases[] = {
        {BYTES("N."), "null", 0},
        {BYTES("I01\n."), "true", 0},
        {BYTES("I-007\n."), "-7", 0},
        {BYTES("L-12345678901234567890L\n."), "-12345678901234567890", 0},
        {BYTES("F-1.5e3\n."), "-1500.0", 0},
        {BYTES("Fnan\n."), "NaN", 0},
        {BYTES("Va\\u20ac\xe9\\\\u0041\n."), "\"a€é\\\\\\\\u0041\"", 0},
        {BYTES("S'it\\'s \\x00\\n\\101'\n."), "'it\\'s \\x00\\nA'", 0},
        {BYTES("(lp0\nI1\naI2\na."), "[1, 2]", 0},
        {BYTES("(dp0\nS'k'\nI1\ns."), "{'k': 1}", 0},
        {BYTES("}(K\x01K\x02K\x03K\x04K\x01K\x05u."), "{1: 5, 3: 4}", 1},
        {BYTES("}(K\x01K\x02\x88K\x03G?\xf0\x00\x00\x00\x00\x00\x00K\x04u."), "{1: 4}", 1},
        /* a float whose eight bytes read like the digits of the other key */
        {BYTES("}(I12345678\nK\x01G87654321K\x02u."), "{12345678: 1, 6.821320051701325e-38: 2}", 1},
        {BYTES("\x80\x02K\x01."), "1", 2},
        {BYTES("\x80\x04\x8a\x00."), "0", 4},
        {BYTES("\x80\x04\x8a\x03\x00\x00\xff."), "-65536", 4},
        {BYTES("\x80\x02(K\x01K\x02K\x03t0K\x04."), "4", 2},
        {BYTES("\x80\x02K\x01(K\x02K\x03"
               "1."),
         "1", 2},
        {BYTES("\x80\x02]K\x07q\x00"
               "ah\x00"
               "a."),
         "[7, 7]", 2},
        {BYTES("N.trailing bytes"), "null", 0},
        {BYTES("(imod\nClass\n."), "<mod.Class()>", 0},
        {BYTES("(cmod\nClass\nK\x01o}b."), "<mod.Class(1) {}>", 1},
        {BYTES("cos\nsystem\n(S'echo pwned'\ntR."), "<os.system('echo pwned')>", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        const struct value *v = NULL;
        struct pickle_info info;
        struct err err = {0};
        if (!pickle_read(&a, (struct str){cases[i].bytes, cases[i].len}, &v, &info, &err))
            fail_msg("case %zu: %s", i, err.text);
        assert_repr(v, cases[i].repr);
        assert_int_equal(info.protocol, cases[i].protocol);
        arena_release(&a);
    }
}

/* Levels of lists, each referring twice to the one before: 2**levels when unfolded. */
static struct str laughs(struct arena *a, int levels)
{
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, "\x80\x04]\x94");
    for (int i = 0; i < levels; i++)
        sbuf_add(&out, (char[]){']', '\x94', '(', 'h', (char)i, 'h', (char)i, 'e'}, 8);
    sbuf_char(&out, '.');
    struct str s = arena_str(a, sbuf_view(&out));
    sbuf_release(&out);
    return s;
}

static void bombs(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = NULL;
    struct err err = {0};
    struct pickle_info info;

    /* shared lists that would unfold to 2**60 */
    assert_false(pickle_read(&a, laughs(&a, 60), &v, NULL, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_non_null(strstr(err.text, "unfold"));
    assert_true(pickle_read(&a, laughs(&a, 10), &v, NULL, &err));
    assert_true(value_equal(v, value_deep_copy(&a, v)));

    /* a million nested lists, and a path made long by parts finished higher up */
    struct sbuf out = SBUF_INIT;
    for (int i = 0; i < 1000000; i++)
        sbuf_char(&out, ']');
    for (int i = 1; i < 1000000; i++)
        sbuf_char(&out, 'a');
    sbuf_char(&out, '.');
    assert_false(pickle_read(&a, sbuf_view(&out), &v, NULL, &err));
    assert_non_null(strstr(err.text, "nested deeper"));
    out.len = 0;
    sbuf_cstr(&out, "\x80\x04](");
    for (int chain = 0; chain < 3; chain++) {
        for (int i = 0; i < 600; i++)
            sbuf_char(&out, ']');
        if (chain) {
            sbuf_char(&out, 'h');
            sbuf_char(&out, (char)(chain - 1));
            sbuf_char(&out, 'a');
        }
        for (int i = 1; i < 600; i++)
            sbuf_char(&out, 'a');
        sbuf_char(&out, '\x94');
    }
    sbuf_cstr(&out, "e.");
    assert_false(pickle_read(&a, sbuf_view(&out), &v, NULL, &err));
    assert_non_null(strstr(err.text, "nested deeper"));

    /* a list in itself: shown with an end, never written */
    assert_true(pickle_read(&a, STR("]q\1h\1a."), &v, &info, &err));
    assert_true(info.cyclic);
    assert_repr(v, "[<the container around it>]");
    out.len = 0;
    assert_false(pickle_write(&out, v, 4, &err));
    assert_int_equal(err.kind, ERR_UNSUPPORTED);

    /* the arena's limit */
    struct arena small = {.limit = 4096};
    out.len = 0;
    sbuf_char(&out, '(');
    for (int i = 0; i < 1000; i++)
        sbuf_cstr(&out, "K\x01");
    sbuf_cstr(&out, "t.");
    assert_false(pickle_read(&small, sbuf_view(&out), &v, NULL, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    arena_release(&small);
    sbuf_release(&out);
    arena_release(&a);
}

/* Every prefix and every single changed byte of a session: an error or a graph, never a crash. */
static void torn(void **state)
{
    struct arena keep = ARENA_INIT;
    struct str whole = read_file(&keep, CORPUS "session-b.pickle");
    for (size_t len = 0; len < whole.len; len++) {
        struct arena a = ARENA_INIT;
        const struct value *v;
        assert_false(pickle_read(&a, str_sub(whole, 0, len), &v, NULL, NULL));
        arena_release(&a);
    }
    for (size_t i = 0; i < whole.len; i++) {
        struct arena a = ARENA_INIT;
        char *copy = arena_cstr(&a, whole);
        copy[i] ^= 0x20;
        const struct value *v;
        struct sbuf out = SBUF_INIT;
        if (pickle_read(&a, (struct str){copy, whole.len}, &v, NULL, NULL) &&
            pickle_write(&out, v, 4, NULL))
            assert_true(out.len > 2);
        sbuf_release(&out);
        arena_release(&a);
    }
    arena_release(&keep);
}

static void not_writable(void **state)
{
    struct arena a = ARENA_INIT;
    const struct {
        const struct value *v;
        int protocol;
    } cases[] = {
        {value_text(&a, VALUE_BYTES, STR("x")), 2},
        {value_list(&a, VALUE_SET, NULL, 0), 3},
        {value_list(&a, VALUE_FROZENSET, NULL, 0), 3},
        {value_text(&a, VALUE_BYTEARRAY, STR("x")), 4},
        {value_late(&a, LATE_NOW), 4},
        {value_cstr(&a, "\xff"), 4},
        {&value_null, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sbuf out = SBUF_INIT;
        struct err err = {0};
        assert_false(pickle_write(&out, cases[i].v, cases[i].protocol, &err));
        assert_int_equal(err.kind, ERR_UNSUPPORTED);
        assert_int_equal(out.len, 0);
        sbuf_release(&out);
    }
    arena_release(&a);
}

/* The timestamps of formats/triggers.md 5.6, byte for byte. */
static void new_timestamps(void **state)
{
    static const struct {
        int protocol;
        const char *bytes;
        size_t len;
    } cases[] = {
        {2, BYTES("\x80\x02"
                  "cdatetime\ndatetime\nc_codecs\nencode\nX\x0d\x00\x00\x00\x07\xc3\xa8\x03\x05\x0e"
                  "\x07 \x05\xc2\xb2\xc3\x97X\x06\x00\x00\x00latin1\x86R\x85R.")},
        {3, BYTES("\x80\x03"
                  "cdatetime\ndatetime\nC\n\x07\xe8\x03\x05\x0e\x07 \x05\xb2\xd7\x85R.")},
        {5, BYTES("\x80\x05\x8c\x08"
                  "datetime\x8c\x08"
                  "datetime\x93"
                  "C\n\x07\xe8\x03\x05\x0e\x07 \x05\xb2\xd7\x85R.")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        const struct value *v = value_datetime(&a, 1709647652373463, cases[i].protocol);
        struct str bytes = write_ok(&a, v, cases[i].protocol);
        int64_t us = 0;
        assert_true(value_to_time(read_ok(&a, bytes, NULL), &us));
        assert_int_equal(us, 1709647652373463);
        assert_int_equal(bytes.len, cases[i].len);
        assert_memory_equal(bytes.ptr, cases[i].bytes, bytes.len);
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_encoding),
        cmocka_unit_test(sample_sessions),
        cmocka_unit_test(graphs_survive),
        cmocka_unit_test(python_agrees),
        cmocka_unit_test(refused),
        cmocka_unit_test(accepted),
        cmocka_unit_test(bombs),
        cmocka_unit_test(torn),
        cmocka_unit_test(not_writable),
        cmocka_unit_test(new_timestamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
