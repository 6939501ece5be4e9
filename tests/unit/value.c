/* core/value: look-ups, functional edits, pointers, comparison, digests, late values, diff. */
#include "tests/unit/values.h"

#include "core/json.h"
#include "core/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_json(const struct value *v, const char *expected)
{
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    if (!json_write(&out, v, JSON_PYTHON, &err))
        fail_msg("%s", err.text);
    assert_string_equal(sbuf_view(&out).ptr, expected);
    sbuf_release(&out);
}

static void look_ups(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v =
        json_value(&a, "{\"a\": [1, \"x\"], \"b\": null, \"n\": -9223372036854775808, "
                       "\"u\": 18446744073709551615}");
    assert_null(value_get(v, "c"));
    assert_null(value_get(NULL, "c"));
    assert_null(value_get(value_get(v, "a"), "c"));
    assert_true(value_is_null(value_get(v, "b")));
    assert_int_equal(value_count(value_get(v, "a")), 2);
    assert_null(value_at(value_get(v, "a"), 2));
    assert_str(value_str_or(value_at(value_get(v, "a"), 1), STR("?")), "x");
    assert_str(value_str_or(NULL, STR("?")), "?");
    int64_t i;
    uint64_t u;
    assert_true(value_to_i64(value_get(v, "n"), &i) && i == INT64_MIN);
    assert_false(value_to_i64(value_get(v, "u"), &i));
    assert_true(value_to_u64(value_get(v, "u"), &u) && u == UINT64_MAX);
    assert_false(value_to_u64(value_get(v, "n"), &u) || value_to_i64(NULL, &i));
    arena_release(&a);
}

/* As Python's bool(). */
static void truth(void **state)
{
    static const struct {
        const char *text;
        bool truth;
    } cases[] = {
        {"null", false},  {"{}", false},        {"[]", false},   {"0", false},  {"\"\"", false},
        {"false", false}, {"0.0", false},       {"-0.0", false}, {"-0", false}, {"true", true},
        {"[null]", true}, {"{\"a\": 0}", true}, {"\"0\"", true}, {"0.1", true}, {"NaN", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        assert_int_equal(value_truth(json_value(&a, cases[i].text)), cases[i].truth);
        arena_release(&a);
    }
    assert_false(value_truth(NULL));
}

/* before, pointer, value (NULL removes), after; or the error. */
static void pointer_edits(void **state)
{
    static const struct {
        const char *before, *pointer, *val, *after, *error;
    } cases[] = {
        {"{\"a\": 1}", "", "2", "2", NULL},
        {"{\"a\": 1, \"b\": 2}", "/a", "[]", "{\"a\": [], \"b\": 2}", NULL},
        {"{\"a\": 1}", "/b", "2", "{\"a\": 1, \"b\": 2}", NULL},
        {"{\"a\": 1, \"b\": 2, \"c\": 3}", "/b", NULL, "{\"a\": 1, \"c\": 3}", NULL},
        {"{\"a\": {\"b\": [1, 2.50, \"\\u00df\"]}}", "/a/b/1", "7",
         "{\"a\": {\"b\": [1, 7, \"\\u00df\"]}}", NULL},
        {"[1, 2]", "/-", "3", "[1, 2, 3]", NULL},
        {"[1, 2]", "/0", NULL, "[2]", NULL},
        {"{\"a/b\": {\"m~n\": 1}}", "/a~1b/m~0n", "2", "{\"a/b\": {\"m~n\": 2}}", NULL},
        {"{\"\": 1}", "/", "2", "{\"\": 2}", NULL},
        {"{\"a\": 1}", "a", "2", NULL, "a path starts with '/': a"},
        {"{\"a\": {}}", "/a/b/c", "2", NULL, "no \"b\" in /a"},
        {"{\"a\": 1}", "/b/c", "2", NULL, "no \"b\" in the root"},
        {"{\"a\": 1}", "/a/b", "2", NULL, "no \"b\" in /a, which holds: integer"},
        {"[1, 2]", "/2", "3", NULL, "no \"2\" in the root"},
        {"[1, 2]", "/01", "3", NULL, "no \"01\" in the root"},
        {"[1, 2]", "/-", NULL, NULL, "no \"-\" in the root"},
        {"{\"a\": 1}", "/b", NULL, NULL, "no \"b\" in the root"},
        {"{\"a\": 1}", "", NULL, NULL, "the root cannot be taken out of itself"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        struct err err = {0};
        const struct value *before = json_value(&a, cases[i].before), *after = NULL;
        struct str pointer = str_of(cases[i].pointer);
        bool ok = cases[i].val ? value_pointer_with(&a, before, pointer,
                                                    json_value(&a, cases[i].val), &after, &err)
                               : value_pointer_without(&a, before, pointer, &after, &err);
        assert_int_equal(ok, cases[i].after != NULL);
        if (ok)
            assert_json(after, cases[i].after);
        else
            assert_string_equal(err.text, cases[i].error);
        assert_json(before, cases[i].before); /* nothing that was is changed */
        arena_release(&a);
    }
}

static void edits_share(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = json_value(&a, "{\"a\": {\"x\": [1]}, \"b\": {\"y\": [2]}}"), *w, *part;
    assert_true(value_pointer_with(&a, v, STR("/a/x/0"), value_int(&a, 9), &w, NULL));
    assert_ptr_equal(value_get(v, "b"), value_get(w, "b"));
    assert_ptr_not_equal(value_get(v, "a"), value_get(w, "a"));
    assert_ptr_equal(value_dict_without(&a, v, "no such"), v);
    part = value_deep_copy(&a, v);
    assert_true(value_equal(part, v));
    assert_ptr_not_equal(value_get(value_get(part, "b"), "y"), value_get(value_get(v, "b"), "y"));
    /* a copy of a shared object is one object again */
    const struct value *twice[] = {v, v};
    part = value_deep_copy(&a, value_list(&a, VALUE_LIST, twice, 2));
    assert_ptr_equal(value_at(part, 0), value_at(part, 1));
    assert_ptr_not_equal(value_at(part, 0), v);
    arena_release(&a);
}

static void an_own_copy_outlives_its_source(void **state)
{
    static const char text[] = "{\"a\": [1e400, \"x\\u00e9\", null, true, 12345678901234567890]}";
    struct arena from = ARENA_INIT, to = ARENA_INIT, again = ARENA_INIT;
    struct str source = arena_str(&from, str_of(text));
    const struct value *v;
    assert_true(json_read(&from, source, &v, NULL));
    const struct value *copy = value_own_copy(&to, v);
    arena_release(&from);
    assert_true(value_equal(copy, json_value(&again, text)));
    assert_json(copy, text); /* tokens and all */
    arena_release(&to);
    arena_release(&again);
}

/* Dicts on both sides of where they get an index, through edits at both ends. */
static void many_keys(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = value_empty_dict(&a);
    char key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        v = value_dict_with(&a, v, key, value_int(&a, i));
        assert_int_equal(value_count(v), i + 1);
        for (int j = 0; j <= i + 1; j++) {
            int64_t n = -1;
            snprintf(key, sizeof key, "k%d", j);
            assert_int_equal(value_to_i64(value_get(v, key), &n), j <= i);
            if (j <= i)
                assert_int_equal(n, j);
        }
    }
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        v = value_dict_without(&a, v, key);
        assert_null(value_get(v, key));
        assert_int_equal(value_count(v), 99 - i);
    }
    arena_release(&a);
}

static void python_keys(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *one = value_int(&a, 1);
    const struct value_pair pairs[] = {
        {value_text(&a, VALUE_PY2STR, STR("status")), one},
        {value_int(&a, 7), one},
        {value_list(&a, VALUE_TUPLE, &one, 1), one},
        {value_text(&a, VALUE_BYTES, STR("b")), one},
    };
    const struct value *v = value_dict(&a, pairs, 4), *found;
    assert_ptr_equal(value_get(v, "status"), one);
    assert_null(value_get(v, "7"));
    assert_null(value_get(v, "b"));
    assert_true(value_pointer_get(v, STR("/#7"), &found, NULL));
    assert_true(value_pointer_get(v, STR("/#(1,)"), &found, NULL));
    assert_true(value_pointer_get(v, STR("/#b'b'"), &found, NULL));
    assert_false(value_pointer_get(v, STR("/#8"), &found, NULL));
    /* the key keeps its type when its value changes */
    v = value_dict_with(&a, v, "status", value_int(&a, 2));
    assert_int_equal(value_count(v), 4);
    assert_int_equal(v->dict.pairs[0].key->type, VALUE_PY2STR);
    assert_string_equal(value_repr(&a, v, 100).ptr, "{'status': 2, 7: 1, (1,): 1, b'b': 1}");
    arena_release(&a);
}

static void comparison(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"{\"a\": 1, \"b\": 2}", "{\"a\": 1, \"b\": 2}", true},
        {"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", false},
        {"[1.10, 1E5, \"\\u00df\", \"\\/\"]", "[1.1, 100000.0, \"\xc3\x9f\", \"/\"]", true},
        {"1", "1.0", false},
        {"0.0", "-0.0", false},
        {"-0", "0", true},
        {"NaN", "NaN", true},
        {"NaN", "Infinity", false},
        {"true", "1", false},
        {"[1]", "[1, 2]", false},
        {"\"1\"", "1", false},
        {"null", "null", true},
        {"{}", "[]", false},
        {"123456789012345678901234567890", "123456789012345678901234567891", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        const struct value *x = json_value(&a, cases[i].a), *y = json_value(&a, cases[i].b);
        uint8_t dx[SHA256_LEN], dy[SHA256_LEN];
        value_digest(x, NULL, dx);
        value_digest(y, NULL, dy);
        assert_int_equal(value_equal(x, y), cases[i].equal);
        assert_int_equal(value_equal(y, x), cases[i].equal);
        assert_int_equal(memcmp(dx, dy, sizeof dx) == 0, cases[i].equal);
        arena_release(&a);
    }
    assert_true(value_equal(NULL, NULL));
    assert_false(value_equal(&value_null, NULL));
}

static void same_graph(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *x = value_cstr(&a, "x"), *y = value_cstr(&a, "x");
    const struct value *shared[] = {x, x}, *apart[] = {x, y};
    const struct value *one = value_list(&a, VALUE_LIST, shared, 2);
    const struct value *two = value_list(&a, VALUE_LIST, apart, 2);
    assert_true(value_equal(one, two));
    assert_false(value_same_graph(one, two));
    assert_false(value_same_graph(two, one));
    assert_true(value_same_graph(one, value_deep_copy(&a, one)));
    /* numbers have no identity */
    const struct value *n = value_int(&a, 7);
    const struct value *numbers[] = {n, n}, *others[] = {value_int(&a, 7), value_int(&a, 7)};
    assert_true(value_same_graph(value_list(&a, VALUE_LIST, numbers, 2),
                                 value_list(&a, VALUE_LIST, others, 2)));
    arena_release(&a);
}

struct filler {
    struct arena *arena;
    int calls;
};

static const struct value *fill(void *ctx, enum value_late late)
{
    struct filler *f = ctx;
    f->calls++;
    return late == LATE_ID     ? value_int(f->arena, 41 + f->calls)
           : late == LATE_UUID ? value_cstr(f->arena, "019b7c1a-4a00-7abc-8def-0123456789ab")
                               : value_cstr(f->arena, "2026-11-20T03:12:44Z");
}

static void late_values(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *id = value_late(&a, LATE_ID), *now = value_late(&a, LATE_NOW);
    const struct value *after = json_value(&a, "{\"rows\": [{\"id\": 1}, {}], \"a/b\": {}}"),
                       *plain;
    plain = json_value(&a, "{\"keep\": [1]}");
    assert_true(value_pointer_with(&a, after, STR("/rows/1/id"), id, &after, NULL));
    assert_true(value_pointer_with(&a, after, STR("/rows/1/prev"), id, &after, NULL));
    assert_true(value_pointer_with(&a, after, STR("/a~1b/at"), now, &after, NULL));
    assert_true(value_pointer_with(&a, after, STR("/plain"), plain, &after, NULL));

    struct filler f = {.arena = &a};
    const struct value *came = value_fill_late(&a, after, fill, &f);
    assert_json(came, "{\"rows\": [{\"id\": 1}, {\"id\": 42, \"prev\": 42}], "
                      "\"a/b\": {\"at\": \"2026-11-20T03:12:44Z\"}, \"plain\": {\"keep\": [1]}}");
    assert_int_equal(f.calls, 2); /* one late node, met twice, is filled once */
    assert_ptr_equal(value_get(came, "plain"), plain);

    /* every comparison accepts what came, and nothing else */
    const struct value *wrong;
    assert_true(value_equal(after, came) && value_equal(came, after));
    assert_true(value_pointer_with(&a, came, STR("/rows/1/id"), &value_null, &wrong, NULL));
    assert_false(value_equal(after, wrong));
    assert_true(value_pointer_with(&a, came, STR("/rows/0/id"), value_int(&a, 2), &wrong, NULL));
    assert_false(value_equal(after, wrong));

    uint8_t d[SHA256_LEN], e[SHA256_LEN];
    value_digest(after, after, d);
    value_digest(came, after, e);
    assert_memory_equal(d, e, sizeof d);
    value_digest(after, NULL, e);
    assert_memory_equal(d, e, sizeof d);
    value_digest(came, NULL, e);
    assert_memory_not_equal(d, e, sizeof d);
    value_digest(wrong, after, e);
    assert_memory_not_equal(d, e, sizeof d);

    struct str *paths;
    assert_int_equal(value_late_paths(&a, after, &paths), 3);
    assert_str(paths[0], "/rows/1/id");
    assert_str(paths[1], "/rows/1/prev");
    assert_str(paths[2], "/a~1b/at");
    value_digest(value_mark_late(&a, came, paths, 3), NULL, e);
    assert_memory_equal(d, e, sizeof d);
    assert_null(value_mark_late(&a, plain, paths, 3));
    arena_release(&a);
}

static void diffs(void **state)
{
    static const struct {
        const char *before, *after, *changes; /* "path before>after" per line; - for absent */
    } cases[] = {
        {"{\"a\": 1}", "{\"a\": 1}", ""},
        {"{\"a\": 1, \"b\": 2, \"c\": 3}", "{\"a\": 1, \"c\": 4, \"d\": 5}",
         "/b 2>-\n/c 3>4\n/d ->5\n"},
        {"{\"a\": {\"b/c\": [1, 2, 3]}}", "{\"a\": {\"b/c\": [1, 9, 3]}}", "/a/b~1c/1 2>9\n"},
        {"[1, 2, 3]", "[1, 2, 3, 4, 5]", "/3 ->4\n/4 ->5\n"},
        {"[1, 2, 3]", "[1, 3]", "/1 2>-\n"},
        {"[1, 2, 3]", "[0, 1, 2, 3]", "/0 ->0\n"},
        {"[1, 2, 3]", "[1, 8, 9, 3]", "/1 2>8\n/2 ->9\n"},
        {"[1, 1, 1]", "[1, 1]", "/2 1>-\n"},
        {"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}",
         " {\"a\": 1, \"b\": 2}>{\"b\": 2, \"a\": 1}\n"},
        {"{\"a\": 1.10}", "{\"a\": 1.1}", ""},
        {"{\"a\": []}", "{\"a\": {}}", "/a []>{}\n"},
        {"1", "2", " 1>2\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        struct value_change *changes;
        bool more;
        size_t n = value_diff(&a, json_value(&a, cases[i].before), json_value(&a, cases[i].after),
                              100, &changes, &more);
        assert_false(more);
        struct sbuf text = SBUF_INIT;
        for (size_t j = 0; j < n; j++) {
            const struct value_change *c = &changes[j];
            sbuf_printf(&text, "%.*s %s>%s\n", STR_ARG(c->path),
                        c->before ? value_repr(&a, c->before, 100).ptr : "-",
                        c->after ? value_repr(&a, c->after, 100).ptr : "-");
        }
        assert_string_equal(sbuf_view(&text).ptr, cases[i].changes);
        sbuf_release(&text);
        arena_release(&a);
    }
    struct arena a = ARENA_INIT;
    struct value_change *changes;
    bool more;
    assert_int_equal(value_diff(&a, json_value(&a, "[1, 2, 3]"), json_value(&a, "[4, 5, 6]"), 2,
                                &changes, &more),
                     2);
    assert_true(more);
    assert_int_equal(value_diff(&a, NULL, json_value(&a, "{}"), 2, &changes, &more), 1);
    assert_null(changes[0].before);
    assert_int_equal(value_diff(&a, NULL, NULL, 2, &changes, &more), 0);

    /* objects as keys, read twice, are not the same nodes */
    struct value_pair days[3], moved[2];
    for (int i = 0; i < 3; i++)
        days[i] = (struct value_pair){value_datetime(&a, i, 4), &value_null};
    for (int i = 0; i < 2; i++)
        moved[i] = (struct value_pair){value_datetime(&a, i + 1, 4), value_bool(i)};
    const struct value *before = value_dict(&a, days, 3), *after = value_dict(&a, moved, 2);
    assert_int_equal(value_diff(&a, before, after, 9, &changes, &more), 3);
    assert_str(changes[0].path, "/#datetime(1970-01-01T00:00:00)");
    assert_null(changes[0].after);
    assert_ptr_equal(changes[1].after, &value_false);
    assert_ptr_equal(changes[2].after, &value_true);
    arena_release(&a);
}

static void repr_is_cut(void **state)
{
    struct arena a = ARENA_INIT;
    const struct value *v = json_value(&a, "{\"k\": \"\\u65e5\\u672c\\u8a9e\", \"n\": 1.50}");
    assert_string_equal(value_repr(&a, v, 1000).ptr, "{\"k\": \"日本語\", \"n\": 1.50}");
    assert_string_equal(value_repr(&a, v, 12).ptr, "{\"k\": \"...");
    assert_string_equal(value_repr(&a, v, 13).ptr, "{\"k\": \"日...");
    assert_string_equal(value_repr(&a, v, 0).ptr, "...");
    assert_string_equal(value_repr(&a, value_late(&a, LATE_NOW), 100).ptr, "<time of the write>");
    arena_release(&a);
}

static const struct value *global(struct arena *a, const char *module, const char *name)
{
    struct value *v = arena_new(a, struct value);
    v->type = VALUE_GLOBAL;
    v->global.module = str_of(module);
    v->global.name = str_of(name);
    return v;
}

static const struct value *reduce(struct arena *a, const struct value *callable, size_t n,
                                  const struct value *const *args)
{
    struct value *v = arena_new(a, struct value);
    v->type = VALUE_CALL;
    v->call.kind = CALL_REDUCE;
    v->call.callable = callable;
    v->call.args = value_list(a, VALUE_TUPLE, args, n);
    return v;
}

/* Naive and aware datetimes; a zone whose offset depends on the date gives nothing. */
static void moments(void **state)
{
    struct arena a = ARENA_INIT;
    static const int64_t cases[] = {0, 1709647652373463, -62135596800000000, 253402300799999999};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int protocol = 2; protocol <= 5; protocol++) {
            int64_t us = 1;
            assert_true(value_to_time(value_datetime(&a, cases[i], protocol), &us));
            assert_int_equal(us, cases[i]);
        }
    }
    int64_t us;
    const struct value *state_bytes = value_at(value_datetime(&a, 0, 4)->call.args, 0);
    const struct value *delta_args[] = {value_int(&a, -1), value_int(&a, 82800), value_int(&a, 0)};
    const struct value *delta = reduce(&a, global(&a, "datetime", "timedelta"), 3, delta_args);
    const struct value *zone_args[] = {value_cstr(&a, "Europe/Berlin"), value_int(&a, 3600),
                                       value_int(&a, 0), value_cstr(&a, "CET")};
    const struct {
        const struct value *tz;
        bool known;
        int64_t us;
    } zones[] = {
        {reduce(&a, global(&a, "datetime", "timezone"), 1, &delta), true, 3600000000},
        {reduce(&a, global(&a, "pytz", "_UTC"), 0, NULL), true, 0},
        {reduce(&a, global(&a, "pytz", "_p"), 4, zone_args), true, -3600000000},
        {reduce(&a, global(&a, "pytz", "_p"), 1, zone_args), false, 0},
        {reduce(&a, global(&a, "app.zones", "Mine"), 0, NULL), false, 0},
    };
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        const struct value *args[] = {state_bytes, zones[i].tz};
        const struct value *v = reduce(&a, global(&a, "datetime", "datetime"), 2, args);
        assert_int_equal(value_to_time(v, &us), zones[i].known);
        if (zones[i].known)
            assert_int_equal(us, zones[i].us);
    }
    /* Python 2 keeps the state in a byte string */
    const struct value *py2 = value_text(&a, VALUE_PY2STR, state_bytes->text);
    assert_true(value_to_time(reduce(&a, global(&a, "datetime", "datetime"), 1, &py2), &us));
    assert_int_equal(us, 0);
    const struct value *cut = value_text(&a, VALUE_BYTES, STR("\x07\xe8\x03"));
    assert_false(value_to_time(reduce(&a, global(&a, "datetime", "datetime"), 1, &cut), &us));
    const struct value *month13 = value_text(&a, VALUE_BYTES, STR("\x07\xe8\x0d\1\0\0\0\0\0\0"));
    assert_false(value_to_time(reduce(&a, global(&a, "datetime", "datetime"), 1, &month13), &us));
    assert_false(value_to_time(&value_null, &us) || value_to_time(NULL, &us));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups),
        cmocka_unit_test(truth),
        cmocka_unit_test(pointer_edits),
        cmocka_unit_test(edits_share),
        cmocka_unit_test(an_own_copy_outlives_its_source),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(python_keys),
        cmocka_unit_test(comparison),
        cmocka_unit_test(same_graph),
        cmocka_unit_test(late_values),
        cmocka_unit_test(diffs),
        cmocka_unit_test(repr_is_cut),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
