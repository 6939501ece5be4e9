/* core/json: what is read is written as read; what we write is Python's spelling. */
#include "tests/unit/test.h"

#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct value *read_ok(struct arena *a, const char *text)
{
    const struct value *v = NULL;
    struct err err = {0};
    if (!json_read(a, str_of(text), &v, &err))
        fail_msg("%s: %s", text, err.text);
    return v;
}

static const struct value *input_ok(struct arena *a, const char *text)
{
    const struct value *v = NULL;
    struct err err = {0};
    if (!json_read_input(a, str_of(text), &v, &err))
        fail_msg("%s: %s", text, err.text);
    return v;
}

static void assert_written(const struct value *v, enum json_style style, const char *expected)
{
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    if (!json_write(&out, v, style, &err))
        fail_msg("%s: %s", expected, err.text);
    assert_string_equal(sbuf_view(&out).ptr, expected);
    sbuf_release(&out);
}

static void kept_as_read(void **state)
{
    static const char *const texts[] = {
        /* formats/meltano.md 10, S1 S2 S4 S5 */
        "{\"completed\": {\"singer_state\": {\"bookmarks\": {\"commits\": {\"replication_key\": "
        "\"created_at\"}, \"issues\": {\"partitions\": [{\"context\": {\"project_id\": 42}}, "
        "{\"context\": {\"project_id\": 77}}]}}}}, \"partial\": {}}",
        "{\"completed\": {\"singer_state\": {\"bookmarks\": {\"stra\\u00dfe\": {\"n\\u00e4me\": "
        "\"\\u65e5\\u672c\\u8a9e \\ud83d\\ude00\", \"path\": \"C:\\\\tmp\\\\a/b\", \"tab\": "
        "\"a\\tb\", \"q\": \"say \\\"hi\\\"\", \"nul\": \"\\u0000\", \"del\": \"\\u007f\"}}}}, "
        "\"partial\": {}}",
        "{\"lsn\": 108197216, \"version\": 1767225600123, \"xmin\": null}",
        /* tokens that a number type would lose */
        "[1767225600123456789012, 1.10, 1E5, 1e400, -0, -0.0, 0.10e-02, NaN, Infinity, -Infinity]",
        "[\"\\u00DF\", \"\\/\", \"\xc3\x9f\", \"\\ud800\", \"\xed\xa0\x80\", \"\x7f\"]",
        "{}",
        "[]",
        "\"\"",
        "null",
        "[true, false, {\"\": {\"a\": []}}]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena a = ARENA_INIT;
        assert_written(read_ok(&a, texts[i]), JSON_PYTHON, texts[i]);
        arena_release(&a);
    }
}

static void styles(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = input_ok(&a, "{\"a\" : [1,{\"b\":\"\xc3\xa9\\u007f\"} , []],\"c\":{}}");
    assert_written(v, JSON_PYTHON, "{\"a\": [1, {\"b\": \"\\u00e9\\u007f\"}, []], \"c\": {}}");
    assert_written(v, JSON_DENSE, "{\"a\":[1,{\"b\":\"\\u00e9\\u007f\"},[]],\"c\":{}}");
    assert_written(v, JSON_UTF8, "{\"a\":[1,{\"b\":\"\xc3\xa9\x7f\"},[]],\"c\":{}}");
    assert_written(v, JSON_PRETTY,
                   "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"\\u00e9\\u007f\"\n    },\n"
                   "    []\n  ],\n  \"c\": {}\n}");
    arena_release(&a);
}

/* What the operator typed comes out as json.dumps(json.loads(text)) of Python 3.11 gives it. */
static void input_is_normalised(void **state)
{
    static const struct {
        const char *text, *written;
    } cases[] = {
        {" [1E5, 1e15, 1e16, 1e-4, 1e-5, 1e-07, 1.10, 1e400, -1e400, -0, -0.0]\n",
         "[100000.0, 1000000000000000.0, 1e+16, 0.0001, 1e-05, 1e-07, 1.1, Infinity, -Infinity, 0, "
         "-0.0]"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}"},
        {"\"\xf0\x9f\x98\x80 \\/ \\u00DF \x7f\"", "\"\\ud83d\\ude00 / \\u00df \\u007f\""},
        {"\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
        {"\"\\ud800\\u0041 \\udc00\"", "\"\\ud800A \\udc00\""},
        {"1767225600123456789012", "1767225600123456789012"},
        {"\"\\b\\f\\n\\r\\t\\u0000\\u001f\"", "\"\\b\\f\\n\\r\\t\\u0000\\u001f\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        assert_written(input_ok(&a, cases[i].text), JSON_PYTHON, cases[i].written);
        arena_release(&a);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "expecting value: line 1 column 1 (byte 0)"},
        {"{\"a\": 1,\n \"\xc3\xa9\": x}", "expecting value: line 2 column 7 (byte 16)"},
        {"{'a': 1}", "expecting property name enclosed in double quotes: line 1 column 2 (byte 1)"},
        {"[1,]", "expecting value: line 1 column 4 (byte 3)"},
        {"{\"a\": 1,}",
         "expecting property name enclosed in double quotes: line 1 column 9 (byte 8)"},
        {"{\"a\" 1}", "expecting ':' delimiter: line 1 column 6 (byte 5)"},
        {"[1 2]", "expecting ',' delimiter: line 1 column 4 (byte 3)"},
        {"[1", "expecting ',' delimiter: line 1 column 3 (byte 2)"},
        {"{}{}", "extra data: line 1 column 3 (byte 2)"},
        {"01", "extra data: line 1 column 2 (byte 1)"},
        {"1.", "extra data: line 1 column 2 (byte 1)"},
        {"-", "expecting value: line 1 column 1 (byte 0)"},
        {"+1", "expecting value: line 1 column 1 (byte 0)"},
        {"nul", "expecting value: line 1 column 1 (byte 0)"},
        {"// no\n1", "expecting value: line 1 column 1 (byte 0)"},
        {"\xef\xbb\xbf{}", "a byte order mark stands before the value: line 1 column 1 (byte 0)"},
        {"\"a\nb\"", "invalid control character in a string: line 1 column 3 (byte 2)"},
        {"\"abc", "unterminated string starting: line 1 column 1 (byte 0)"},
        {"\"abc\\", "unterminated string starting: line 1 column 1 (byte 0)"},
        {"\"\\x\"", "invalid \\escape: line 1 column 2 (byte 1)"},
        {"\"\\u12\"", "invalid \\uXXXX escape: line 1 column 2 (byte 1)"},
        {"\"\xff\"", "broken UTF-8 in a string: line 1 column 2 (byte 1)"},
        {"\"\xc0\x80\"", "broken UTF-8 in a string: line 1 column 2 (byte 1)"},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}",
         "duplicate key \"a\" in the object: line 1 column 1 (byte 0)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        const struct value *v = NULL;
        struct err err = {0};
        assert_false(json_read(&a, str_of(cases[i].text), &v, &err));
        assert_string_equal(err.text, cases[i].error);
        assert_int_equal(err.kind, ERR_CORRUPT);
        assert_null(v);
        arena_release(&a);
    }
}

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static void limits(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = NULL;
    struct err err = {0};
    char *deep = nested(1000), *deeper = nested(1001), *deepest = nested(5000000);
    assert_written(read_ok(&a, deep), JSON_PYTHON, deep);
    assert_false(json_read(&a, str_of(deeper), &v, &err));
    assert_string_equal(err.text, "nested deeper than 1000 levels: line 1 column 1001 (byte 1000)");
    assert_false(json_read(&a, str_of(deepest), &v, &err));
    const struct value *too_deep = read_ok(&a, deep);
    too_deep = value_list(&a, VALUE_LIST, &too_deep, 1);
    struct sbuf out = SBUF_INIT;
    assert_false(json_write(&out, too_deep, JSON_PYTHON, &err));
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    sbuf_release(&out);

    char digits[4302];
    memset(digits, '9', sizeof digits);
    assert_true(json_read(&a, (struct str){digits, 4300}, &v, &err));
    assert_false(json_read(&a, (struct str){digits, 4301}, &v, &err));
    arena_release(&a);

    a.limit = 4096;
    struct sbuf many = SBUF_INIT;
    sbuf_char(&many, '[');
    for (int i = 0; i < 1000; i++)
        sbuf_cstr(&many, "1,");
    sbuf_cstr(&many, "1]");
    assert_false(json_read(&a, sbuf_view(&many), &v, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    sbuf_release(&many);
    arena_release(&a);
    free(deep);
    free(deeper);
    free(deepest);
}

static void floats(void **state)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {1, "1.0"},
        {-2.5, "-2.5"},
        {123456789012345680, "1.2345678901234568e+17"},
        {1234567890123456, "1234567890123456.0"},
        {9999999999999998, "9999999999999998.0"},
        {1e22, "1e+22"},
        {0.00012345, "0.00012345"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {9.5e-05, "9.5e-05"},
        {1.5e300, "1.5e+300"},
        {0x1p-44, "5.684341886080802e-14"},
        {12.75, "12.75"},
        {NAN, "NaN"},
        {-NAN, "NaN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[32];
        size_t len = json_float(cases[i].d, out);
        assert_string_equal(out, cases[i].text);
        assert_int_equal(len, strlen(cases[i].text));
    }
}

/* Twenty thousand streams, just under 20 MB (formats/meltano.md 10, S7), read back byte for byte.
 */
static void very_large(void **state)
{
    struct sbuf text = SBUF_INIT;
    sbuf_cstr(&text, "{\"completed\": {\"singer_state\": {\"bookmarks\": {");
    for (int i = 0; i < 20000; i++) {
        sbuf_printf(&text,
                    "%s\"stream_%05d\": {\"replication_key\": \"updated_at\", "
                    "\"replication_key_value\": \"2026-01-01T00:00:00Z\", \"partitions\": [",
                    i ? ", " : "", i);
        for (int j = 0; j < 8; j++)
            sbuf_printf(&text,
                        "%s{\"context\": {\"shard\": %d, \"region\": \"eu-%d\"}, "
                        "\"replication_key_value\": \"2026-01-01T00:00:00Z\"}",
                        j ? ", " : "", j, j);
        sbuf_cstr(&text, "]}");
    }
    sbuf_cstr(&text, "}}}, \"partial\": {}}");
    struct arena a = ARENA_INIT;
    const struct value *root = read_ok(&a, sbuf_view(&text).ptr), *streams;
    assert_true(value_pointer_get(root, STR("/completed/singer_state/bookmarks"), &streams, NULL));
    assert_int_equal(value_count(streams), 20000);
    for (int i = 0; i < 20000; i++) {
        char name[16];
        snprintf(name, sizeof name, "stream_%05d", i);
        assert_int_equal(value_count(value_get(streams, name)), 3);
    }
    assert_null(value_get(streams, "stream_20000"));
    assert_written(root, JSON_PYTHON, text.ptr);
    arena_release(&a);
    sbuf_release(&text);
}

/* What JSON lacks: refused, or counted and described. */
static void python_values(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *items[] = {value_int(&a, 1), value_datetime(&a, 1709647654873477, 4),
                                   value_text(&a, VALUE_BYTES, STR("a\0'")),
                                   value_list(&a, VALUE_TUPLE, NULL, 0)};
    const struct value *list = value_list(&a, VALUE_LIST, items, 4);
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    assert_false(json_write(&out, list, JSON_DENSE, &err));
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    assert_true(json_write_python(&out, list, JSON_DENSE, &err));
    assert_string_equal(
        out.ptr, "[1,{\"$python\":0,\"is\":\"datetime(2024-03-05T14:07:34.873477)\"},"
                 "{\"$python\":1,\"is\":\"b'a\\\\x00\\\\''\"},{\"$python\":2,\"is\":\"()\"}]");
    out.len = 0;
    const struct value *late = value_late(&a, LATE_NOW);
    assert_false(json_write_python(&out, late, JSON_DENSE, &err));
    assert_false(json_write(&out, value_str(&a, STR("\xff")), JSON_DENSE, &err));
    assert_int_equal(out.len, 0);
    sbuf_release(&out);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_as_read),
        cmocka_unit_test(styles),
        cmocka_unit_test(input_is_normalised),
        cmocka_unit_test(refused),
        cmocka_unit_test(limits),
        cmocka_unit_test(floats),
        cmocka_unit_test(very_large),
        cmocka_unit_test(python_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
