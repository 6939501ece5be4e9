/* The operations of the system vdk as tables of before and after, and what is kept of cut texts
 * (formats/vdk.md 1.2, 2.2, 2.3, 2.6, 6). */
#include "tests/unit/values.h"

#include "core/json.h"
#include "core/systems/vdk/properties.h"
#include "core/systems/vdk/vdk.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- operations ------------------------------------------------------------------------------- */

struct op_case {
    const char *name, *verb;
    const char *before; /* NULL: absent; text that is no JSON: damaged */
    const char *second; /* NULL: none; "-": absent */
    struct op_arg args[4];
    const char *facts; /* of the record that is written */
    enum err_kind fails;
    const char *after; /* NULL: no edit; "removed" */
    const char *codes; /* consequences, in order */
    const char *format;
};

#define ARG(n, v)                                                                                  \
    {                                                                                              \
        n,                                                                                         \
        {                                                                                          \
            "" v, sizeof(v) - 1                                                                    \
        }                                                                                          \
    }
#define STREAMS(x) "{\"streams\": " x "}"
#define S1 STREAMS("{\"a\": {\"id\": 42}}")

/* clang-format off */
static const struct op_case cases[] = {
    {"set on nothing", "set", NULL, .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42}")},
     .after = S1, .codes = "new_source"},
    {"set on null", "set", "null", .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42}")},
     .after = S1, .codes = ""},
    {"set keeps siblings and tokens", "set",
     "{\"old\": 1.10, \"streams\": {\"b\": {\"f\": 1E5, \"n\": 12345678901234567890}, \"a\": {}}, \"others\": {}}",
     .args = {ARG("stream", "a"), ARG("value", "{\"id\": 1}")},
     .after = "{\"old\": 1.10, \"streams\": {\"b\": {\"f\": 1E5, \"n\": 12345678901234567890}, \"a\": {\"id\": 1}}, \"others\": {}}",
     .codes = ""},
    {"set replaces, never merges", "set", STREAMS("{\"a\": {\"id\": 1, \"x\": 2}}"),
     .args = {ARG("stream", "a"), ARG("value", "{\"id\": 1}")}, .after = STREAMS("{\"a\": {\"id\": 1}}"), .codes = ""},
    {"rewind", "set", S1, .args = {ARG("stream", "a"), ARG("at", "/id"), ARG("value", "40")},
     .after = STREAMS("{\"a\": {\"id\": 40}}"), .codes = "read_again"},
    {"jump ahead", "set", S1, .args = {ARG("stream", "a"), ARG("at", "/id"), ARG("value", "50")},
     .after = STREAMS("{\"a\": {\"id\": 50}}"), .codes = "skipped"},
    {"rewind a time", "set", STREAMS("{\"a\": {\"t\": \"2025-03-04 10:11:12.345678\"}}"),
     .args = {ARG("stream", "a"), ARG("at", "/t"), ARG("value", "\"2025-03-01 00:00:00\"")},
     .after = STREAMS("{\"a\": {\"t\": \"2025-03-01 00:00:00\"}}"), .codes = "read_again"},
    {"a float stays one", "set", STREAMS("{\"a\": {\"t\": 1.0}}"),
     .args = {ARG("stream", "a"), ARG("at", "/t"), ARG("value", "7")},
     .after = STREAMS("{\"a\": {\"t\": 7.0}}"), .codes = "skipped"},
    {"a number over a text", "set", STREAMS("{\"a\": {\"t\": \"42\"}}"),
     .args = {ARG("stream", "a"), ARG("at", "/t"), ARG("value", "42")}, .fails = ERR_REFUSED},
    {"a text over a number, below", "set", S1,
     .args = {ARG("stream", "a"), ARG("value", "{\"id\": \"42\"}")}, .fails = ERR_REFUSED},
    {"a fraction over an integer", "set", S1,
     .args = {ARG("stream", "a"), ARG("at", "/id"), ARG("value", "4.5")}, .fails = ERR_REFUSED},
    {"another type, as asked", "set", S1,
     .args = {ARG("stream", "a"), ARG("at", "/id"), ARG("value", "\"42\""), ARG("retype", "")},
     .after = STREAMS("{\"a\": {\"id\": \"42\"}}"), .codes = ""},
    {"null as a stream", "set", S1, .args = {ARG("stream", "a"), ARG("value", "null")}, .fails = ERR_REFUSED},
    {"null as an other", "set", S1, .args = {ARG("other", "k"), ARG("value", "null")}, .fails = ERR_REFUSED},
    {"null within", "set", S1, .args = {ARG("stream", "a"), ARG("value", "{\"id\": null}")},
     .after = STREAMS("{\"a\": {\"id\": null}}"), .codes = ""},
    {"null within, through the service", "set", S1, .facts = "{\"service\": true}",
     .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42, \"c\": null}")},
     .after = STREAMS("{\"a\": {\"id\": 42, \"c\": null}}"), .codes = "nulls_dropped"},
    {"NaN", "set", S1, .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42, \"f\": NaN}")},
     .after = STREAMS("{\"a\": {\"id\": 42, \"f\": NaN}}"), .codes = ""},
    {"NaN through the service", "set", S1, .facts = "{\"service\": true}",
     .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42, \"f\": NaN}")}, .fails = ERR_REFUSED},
    {"a scalar", "set", STREAMS("{\"a\": 5}"), .args = {ARG("stream", "a"), ARG("value", "4")},
     .after = STREAMS("{\"a\": 4}"), .codes = "not_object read_again"},
    {"set an other", "set", S1, .args = {ARG("other", "k"), ARG("value", "[1]")},
     .after = "{\"streams\": {\"a\": {\"id\": 42}}, \"others\": {\"k\": [1]}}", .codes = ""},
    {"names are opaque", "set", STREAMS("{\"a/b~c\": {\"x\": 1}, \"\": {}}"),
     .args = {ARG("stream", ""), ARG("value", "{\"y\": 1}")},
     .after = STREAMS("{\"a/b~c\": {\"x\": 1}, \"\": {\"y\": 1}}"), .codes = ""},
    {"at, of no stream", "set", S1, .args = {ARG("stream", "b"), ARG("at", "/id"), ARG("value", "1")}, .fails = ERR_NOT_FOUND},
    {"at, nowhere", "set", S1, .args = {ARG("stream", "a"), ARG("at", "/x/y"), ARG("value", "1")}, .fails = ERR_NOT_FOUND},
    {"which?", "set", S1, .args = {ARG("value", "1")}, .fails = ERR_INVALID},
    {"both", "set", S1, .args = {ARG("stream", "a"), ARG("other", "a"), ARG("value", "1")}, .fails = ERR_INVALID},
    {"no JSON", "set", S1, .args = {ARG("stream", "a"), ARG("value", "2025-01-01")}, .fails = ERR_INVALID},
    {"as it is", "set", S1, .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42}")}},
    {"on damage", "set", "{\"streams\": null}", .args = {ARG("stream", "a"), ARG("value", "{}")}, .fails = ERR_CORRUPT},
    {"on a cut text", "set", "{\"streams\": {", .args = {ARG("stream", "a"), ARG("value", "{}")}, .fails = ERR_CORRUPT},
    {"singer", "set", STREAMS("{\"a\": {\"bookmarks\": {\"a\": {\"id\": 1}}}}"),
     .args = {ARG("stream", "a"), ARG("value", "{\"bookmarks\": {\"a\": {\"id\": 0}}}")},
     .after = STREAMS("{\"a\": {\"bookmarks\": {\"a\": {\"id\": 0}}}}"), .codes = "no_effect read_again"},
    {"in a new job", "set", NULL, .facts = "{\"new_job\": true}",
     .args = {ARG("stream", "a"), ARG("value", "{\"id\": 42}")}, .after = S1, .codes = "new_source new_job"},

    {"edit", "edit", "{\"streams\": {\"a\": {\"f\": 1.10, \"g\": 1.20}}}",
     .args = {ARG("value", "{\"streams\": {\"a\": {\"f\": 1.10, \"g\": 1.20, \"h\": 1}}}")},
     .after = "{\"streams\": {\"a\": {\"f\": 1.10, \"g\": 1.20, \"h\": 1}}}", .codes = ""},
    {"edit to another type", "edit", S1, .args = {ARG("value", STREAMS("{\"a\": {\"id\": \"42\"}}"))},
     .after = STREAMS("{\"a\": {\"id\": \"42\"}}"), .codes = "type_drift"},
    {"edit to damage", "edit", S1, .args = {ARG("value", "{\"streams\": []}")}, .fails = ERR_REFUSED},
    {"edit mends a wrong type", "edit", "{\"streams\": \"x\"}", .args = {ARG("value", S1)},
     .after = S1, .codes = ""},
    {"edit a cut text", "edit", "{\"str", .args = {ARG("value", S1)}, .fails = ERR_CORRUPT},
    {"edit to null", "edit", S1, .args = {ARG("value", "null")}, .fails = ERR_REFUSED},
    {"edit takes a stream away", "edit", S1, .args = {ARG("value", "{\"streams\": {}}")},
     .after = "{\"streams\": {}}", .codes = "from_start"},

    {"clear", "clear", S1, .after = "removed", .codes = "all_from_start"},
    {"clear damage", "clear", "{\"str", .after = "removed", .codes = "all_from_start"},
    {"clear one", "clear", STREAMS("{\"a\": {\"id\": 1}, \"x/y\": {\"id\": 2}}"), .args = {ARG("stream", "x/y")},
     .after = STREAMS("{\"a\": {\"id\": 1}}"), .codes = "from_start"},
    {"clear an other", "clear", "{\"others\": {\"k\": 1}}", .args = {ARG("other", "k")},
     .after = "{\"others\": {}}", .codes = ""},
    {"clear none", "clear", S1, .args = {ARG("stream", "b")}, .fails = ERR_NOT_FOUND},
    {"clear a job", "clear", "{}", .format = VDK_JOB_FORMAT, .fails = ERR_REFUSED},

    {"copy", "copy", "{\"streams\": {\"a\": {\"f\": 1.10}}, \"more\": 1}", .second = "-",
     .after = "{\"streams\": {\"a\": {\"f\": 1.10}}, \"more\": 1}", .codes = "new_source"},
    {"copy over", "copy", S1, .second = STREAMS("{\"a\": {\"id\": 50}, \"b\": {\"id\": 1}}"),
     .after = S1, .codes = "overwritten from_start read_again"},
    {"copy over damage", "copy", S1, .second = "{\"str", .after = S1, .codes = "overwritten damaged_replaced"},
    {"copy one stream", "copy", STREAMS("{\"a\": {\"id\": 1}, \"b\": {\"id\": 2}}"), .second = "{\"others\": {\"k\": 1}}",
     .args = {ARG("stream", "b")}, .after = "{\"others\": {\"k\": 1}, \"streams\": {\"b\": {\"id\": 2}}}", .codes = ""},
    {"copy one stream into damage", "copy", S1, .second = "{\"str", .args = {ARG("stream", "a")}, .fails = ERR_CORRUPT},
    {"copy damage", "copy", "{\"str", .second = "-", .fails = ERR_CORRUPT},
    {"copy NaN to the service", "copy", STREAMS("{\"a\": {\"f\": NaN}}"), .second = "-",
     .facts = "{\"service\": true}", .fails = ERR_REFUSED},

    {"repair null streams", "repair", "{\"streams\": null, \"others\": {\"k\": null, \"l\": 1}}",
     .after = "{\"others\": {\"l\": 1}}", .codes = "group_dropped null_dropped"},
    {"repair a null stream", "repair", STREAMS("{\"a\": null, \"b\": {\"id\": 1.0}}"),
     .after = STREAMS("{\"b\": {\"id\": 1.0}}"), .codes = "null_dropped"},
    {"repair what was dumped twice", "repair", "\"{\\\"streams\\\": {\\\"a\\\": {\\\"id\\\": 42}}}\"",
     .after = S1, .codes = "unwrapped"},
    {"repair a list", "repair", "[1]", .fails = ERR_REFUSED},
    {"repair streams that are text", "repair", "{\"streams\": \"x\"}", .fails = ERR_REFUSED},
    {"repair nothing", "repair", S1},
    {"repair a cut text", "repair", "{\"streams\": {\"a\": {\"id\": 42}, \"b\": {\"id\": 4",
     .after = S1, .codes = "cut damaged_replaced"},
    {"repair what is left of nothing", "repair", "{\"stre", .fails = ERR_REFUSED},

    {"repair a job", "repair",
     "{\"api\": \"(string)\", \"on\": true, \"my name\": \"(string)\", \".vdk.data_sources.state\": \"{\\\"s\\\": {}}\"}",
     .format = VDK_JOB_FORMAT,
     .after = "{\"api\": \"(string)\", \"on\": 1, \"my_name\": \"(string)\", \".vdk.data_sources.state\": {\"s\": {}}}",
     .codes = "boolean_number renamed unwrapped"},
    {"repair a job with a null key", "repair", "{\".vdk.data_sources.state\": null}", .format = VDK_JOB_FORMAT,
     .after = "{\".vdk.data_sources.state\": {}}", .codes = "null_key"},
    {"repair a job with a text of nothing", "repair", "{\".vdk.data_sources.state\": \"no\"}",
     .format = VDK_JOB_FORMAT, .fails = ERR_REFUSED},
    {"repair a job whose new name is taken", "repair", "{\"a b\": 1, \"a_b\": 2}", .format = VDK_JOB_FORMAT,
     .fails = ERR_REFUSED},
    {"repair a job that runs", "repair", "{\"a\": 1}", .format = VDK_JOB_FORMAT},
    {"set in a job", "set", "{\"a\": 1}", .format = VDK_JOB_FORMAT,
     .args = {ARG("stream", "a"), ARG("value", "{}")}, .fails = ERR_REFUSED},
    {"repair a file", "repair",
     "{\"t_a__\": {\"pw\": \"hunter2\", \".vdk.data_sources.state\": {\"s\": {\"streams\": {\"x\": {\"i\": 1}, \"y\": {\"i\"",
     .format = VDK_FILE_FORMAT,
     .after = "{\"t_a__\": {\"pw\": \"(string)\", \".vdk.data_sources.state\": {\"s\": {\"streams\": {\"x\": {\"i\": 1}}}}}}",
     .codes = "cut"},
};
/* clang-format on */

static void fill_doc(struct arena *a, struct document *doc, const char *id, const char *json,
                     const char *format)
{
    *doc = (struct document){.id = str_of(id), .label = str_of(id), .absent = !json};
    if (format)
        doc->format = str_of(format);
    if (json && !json_read(a, str_of(json), &doc->root, &doc->problem))
        doc->head = str_of(json);
}

static void check_edits(struct arena *a, const struct op_case *c, const struct op_output *out)
{
    assert_int_equal(out->nedits, c->after ? 1 : 0);
    if (!c->after) {
        assert_true(out->nothing.len > 0);
        return;
    }
    const struct op_edit *edit = &out->edits[0];
    assert_int_equal(edit->doc, c->second ? 1 : 0);
    if (strcmp(c->after, "removed") == 0)
        assert_int_equal(edit->kind, EDIT_REMOVE);
    else
        assert_str(json_text(a, edit->after), c->after);
    struct sbuf codes = SBUF_INIT;
    for (const struct consequence *q = out->consequences; q; q = q->next)
        sbuf_printf(&codes, "%s%s", codes.len ? " " : "", q->code);
    assert_str(sbuf_view(&codes), c->codes);
    sbuf_release(&codes);
}

static void run_case(const struct op_case *c)
{
    struct arena a = ARENA_INIT;
    struct document docs[2];
    struct op_output out = {.undo = UNDO_FULL};
    struct err err = {0};
    size_t nargs = 0;
    while (nargs < COUNT(c->args) && c->args[nargs].name)
        nargs++;
    fill_doc(&a, &docs[0], "one", c->before, c->format);
    if (c->second)
        fill_doc(&a, &docs[1], "other", strcmp(c->second, "-") == 0 ? NULL : c->second, NULL);
    struct op_input in = {.system = &system_vdk,
                          .docs = {&docs[0], c->second ? &docs[1] : NULL},
                          .args = {c->args, nargs},
                          .facts = c->second ? NULL : json_value(&a, c->facts),
                          .other_facts = c->second ? json_value(&a, c->facts) : NULL,
                          .now_us = 1795216999283642,
                          .native = true,
                          .arena = &a};
    const struct op *op = system_op(&system_vdk, c->verb);
    assert_non_null(op);
    print_message("%s\n", c->name);
    bool ok = op->run(&in, &out, &err);
    if (!ok && c->fails == ERR_NONE)
        fail_msg("%s: %s", c->name, err.text);
    assert_int_equal(ok ? ERR_NONE : err.kind, c->fails);
    if (ok)
        check_edits(&a, c, &out);
    arena_release(&a);
}

static void operations_follow_their_tables(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i]);
}

static void a_source_is_not_copied_onto_itself(void **state)
{
    struct arena a = ARENA_INIT;
    struct document docs[2];
    struct err err = {0};
    fill_doc(&a, &docs[0], "one", S1, NULL);
    fill_doc(&a, &docs[1], "one", NULL, NULL);
    struct op_input in = {.system = &system_vdk, .docs = {&docs[0], &docs[1]}, .arena = &a};
    assert_false(vdk_copy.run(&in, &(struct op_output){0}, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    in.other_store = true; /* there the same id is another record */
    assert_true(vdk_copy.run(&in, &(struct op_output){0}, &err));
    arena_release(&a);
}

/* --- texts that are cut ----------------------------------------------------------------------- */

static void what_is_whole_is_kept(void **state)
{
    static const struct {
        const char *text;
        bool file;
        const char *kept, *lost; /* kept NULL: nothing; lost NULL: something only follows */
    } rows[] = {
        {"", true, NULL, NULL},
        {"{", true, NULL, NULL},
        {"[1, 2", true, NULL, NULL},
        {"{\"a__\": {\"x\": 1}, \"b__\": {\"y\": 2, \"z\": \"cut he", true,
         "{\"a__\": {\"x\": 1}, \"b__\": {\"y\": 2}}", "/b__/z"},
        {"{\"a__\": {\"x\": 1}, \"b__\": {\"p\": {\"q\": 1, \"r\"", true,
         "{\"a__\": {\"x\": 1}, \"b__\": {}}", "/b__/p"},
        {"{\"a__\": {\"x\": 1}, \"b_", true, "{\"a__\": {\"x\": 1}}", "/..."},
        {"{\"a__\": {\"x\": 1}}}}garbage", true, "{\"a__\": {\"x\": 1}}", NULL},
        {"{\"a__\": {\"x\": 12", true, NULL, NULL},
        {"{\"a__\": {\"w\": 0, \"x\": 12", true, "{\"a__\": {\"w\": 0}}", "/a__/x"},
        {"{\"streams\": {\"s\": {\"id\": 1}, \"t\": {\"id\": 2", false,
         "{\"streams\": {\"s\": {\"id\": 1}}}", "/streams/t"},
        {"{\"streams\": {\"s\": {\"id\": 1}}, \"others\": {\"k\": 1,", false,
         "{\"streams\": {\"s\": {\"id\": 1}}, \"others\": {\"k\": 1}}", "/others/..."},
        {"{\"streams\": {\"s\": {\"id\": 01}, \"t\": {}}}", false, "{\"streams\": {\"t\": {}}}",
         "/streams/s"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a = ARENA_INIT;
        struct str kept, lost = STR("unset");
        print_message("%s\n", rows[i].text);
        bool ok = vdk_salvage(&a, str_of(rows[i].text), rows[i].file, &kept, &lost);
        assert_int_equal(ok, rows[i].kept != NULL);
        if (ok) {
            assert_str(kept, rows[i].kept);
            assert_int_equal(lost.ptr != NULL, rows[i].lost != NULL);
            if (rows[i].lost)
                assert_str(lost, rows[i].lost);
        }
        arena_release(&a);
    }
}

/* Wherever a writer dies: what is kept parses, and is in the whole text member by member. */
static void every_cut_leaves_sound_text(void **state)
{
    static const char whole[] =
        "{\"a_b__\": {\"pw\": \"x\\\"y\", \"n\": [1, {\"k\": 2}], \"" VDK_KEY
        "\": {\"s\": {\"streams\": {\"x\": {\"id\": 1.5e3}, \"\\u00e9\": {}}, \"others\": "
        "{\"k\": null}}, \"t\": null}}, \"c__\": {}}";
    struct arena a = ARENA_INIT;
    const struct value *all = json_value(&a, whole), *kept_tree;
    size_t kept_any = 0;
    for (size_t n = 0; n <= strlen(whole); n++) {
        struct str kept, lost;
        bool ok = vdk_salvage(&a, str_sub(str_of(whole), 0, n), true, &kept, &lost);
        if (!ok)
            continue;
        kept_any++;
        assert_true(json_read(&a, kept, &kept_tree, NULL));
        assert_int_equal(lost.ptr == NULL, n == strlen(whole));
        for (size_t i = 0; i < value_count(kept_tree); i++) {
            const struct value_pair *job = &kept_tree->dict.pairs[i];
            const struct value *was = value_get_str(all, job->key->text);
            for (size_t k = 0; k < value_count(job->val); k++) {
                const struct value_pair *property = &job->val->dict.pairs[k];
                if (!str_is(property->key->text, VDK_KEY))
                    assert_true(
                        value_equal(property->val, value_get_str(was, property->key->text)));
            }
        }
    }
    assert_true(kept_any > strlen(whole) / 2);
    arena_release(&a);
}

/* --- what the stores make of values ----------------------------------------------------------- */

static void the_service_keeps_values_not_texts(void **state)
{
    static const struct {
        const char *a, *b;
        bool job, same;
    } rows[] = {
        {"{\"a\": 1, \"b\": 2}", "{\"b\":2,\"a\":1}", false, true},
        {"{\"a\": 1.0}", "{\"a\": 1}", false, true},
        {"{\"a\": -0.0}", "{\"a\": -0}", false, true},
        {"{\"a\": 1747140161.5}", "{\"a\": 1.7471401615E9}", false, true},
        {"{\"a\": 1e20}", "{\"a\": 100000000000000000000}", false, true},
        {"{\"a\": 1e-07}", "{\"a\": 1.0E-7}", false, true},
        {"{\"a\": \"caf\u00e9 </x>\"}", "{\"a\": \"caf\xc3\xa9 <\\/x>\"}", false, true},
        {"{\"a\": {\"b\": null}}", "{\"a\": {}}", false, true},
        {"{\"a\": [null, {\"b\": null}]}", "{\"a\": [null, {}]}", false, true},
        {"{\"a\": [null]}", "{\"a\": []}", false, false},
        {"{\"a\": null}", "{}", false, true},
        {"{\"a\": null}", "{}", true, false},
        {"{\"a\": 1}", "{\"a\": \"1\"}", false, false},
        {"{\"a\": 123456789012345678901}", "{\"a\": 123456789012345678902}", false, false},
        {"{\"a\": {}}", "{\"a\": []}", false, false},
        {"{\"a\": true}", "{\"a\": 1}", true, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a = ARENA_INIT;
        struct version x = vdk_version_by_value(json_value(&a, rows[i].a), rows[i].job);
        struct version y = vdk_version_by_value(json_value(&a, rows[i].b), rows[i].job);
        print_message("%s and %s\n", rows[i].a, rows[i].b);
        assert_int_equal(version_eq(&x, &y), rows[i].same);
        arena_release(&a);
    }
}

static void jsonb_orders_and_respells(void **state)
{
    static const char *const rows[][2] = {
        {"{\"bb\": 1, \"a\": 2, \"B\": 3}", "{\"B\": 3, \"a\": 2, \"bb\": 1}"},
        {"[1e2, 1.50e2, 1.0, 1e-07, -2e0, 0e5, 1.5E1, NaN, -Infinity]",
         "[100, 150, 1.0, 1e-07, -2, 0, 15, NaN, -Infinity]"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a = ARENA_INIT;
        assert_str(json_text(&a, vdk_as_jsonb(&a, json_value(&a, rows[i][0]))), rows[i][1]);
        arena_release(&a);
    }
}

static void a_job_changes_by_bytes(void **state)
{
    static const struct {
        const char *job, *source, *document; /* document NULL: gone */
        const char *after;                   /* NULL: refused */
    } rows[] = {
        {"{}", "s", "{\"x\": 1}", "{\"" VDK_KEY "\": {\"s\": {\"x\": 1}}}"},
        {NULL, "s", "1", "{\"" VDK_KEY "\": {\"s\": 1}}"},
        {"{ \"pw\":\"x\" ,\"n\": 1E5 }", "s", "{}",
         "{ \"pw\":\"x\" ,\"n\": 1E5, \"" VDK_KEY "\": {\"s\": {}} }"},
        {"{\"" VDK_KEY "\": {\"a\":1 , \"s\" : {\"x\": 1}, \"b\": 2}, \"z\": {}}", "s", "{}",
         "{\"" VDK_KEY "\": {\"a\":1 , \"s\" : {}, \"b\": 2}, \"z\": {}}"},
        {"{\"" VDK_KEY "\": {\"a\":1 , \"s\" : {\"x\": 1}, \"b\": 2}}", "s", NULL,
         "{\"" VDK_KEY "\": {\"a\":1 , \"b\": 2}}"},
        {"{\"" VDK_KEY "\": {\"a\":1 , \"s\" : {\"x\": 1} }}", "s", NULL,
         "{\"" VDK_KEY "\": {\"a\":1 }}"},
        {"{\"" VDK_KEY "\": {\"s\": 1}}", "s", NULL, "{\"" VDK_KEY "\": {}}"},
        {"{\"" VDK_KEY "\": {\"caf\\u00e9\": 1}}", "caf\xc3\xa9", "2",
         "{\"" VDK_KEY "\": {\"caf\\u00e9\": 2}}"},
        {"{\"" VDK_KEY "\": {\"s\": 1, \"s\": 2}}", "s", "3", NULL},
        {"{\"" VDK_KEY "\": {\"s\": 1}, \"" VDK_KEY "\": {}}", "s", "3", NULL},
        {"{\"" VDK_KEY "\": \"{}\"}", "s", "3", NULL},
        {"null", "s", "3", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sbuf out = SBUF_INIT;
        struct err err = {0};
        print_message("%s\n", rows[i].job);
        bool ok = vdk_put_source(str_of(rows[i].job), str_of(rows[i].source),
                                 str_of(rows[i].document), false, &out, &err);
        assert_int_equal(ok, rows[i].after != NULL);
        if (ok)
            assert_str(sbuf_view(&out), rows[i].after);
        else
            assert_int_equal(err.kind, ERR_CORRUPT);
        sbuf_release(&out);
    }
}

static void ids_name_jobs_and_sources(void **state)
{
    static const struct {
        const char *job, *source, *id;
    } rows[] = {
        {"sales_ingest", "auto", "sales_ingest/auto"},
        {"a/b", "c/d", "a%2Fb/c/d"},
        {"50%", "", "50%25/"},
        {"sales_ingest", NULL, "sales_ingest"},
    };
    struct arena a = ARENA_INIT;
    struct str job, source;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str id = rows[i].source ? vdk_id_of(&a, str_of(rows[i].job), str_of(rows[i].source))
                                       : vdk_id_of_job(&a, str_of(rows[i].job));
        assert_str(id, rows[i].id);
        assert_true(vdk_id_parse(&a, id, &job, &source));
        assert_str(job, rows[i].job);
        assert_int_equal(source.ptr != NULL, rows[i].source != NULL);
        if (rows[i].source)
            assert_str(source, rows[i].source);
    }
    static const char *const none[] = {"", "/x", "a%b/x", "a%2f/x"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(vdk_id_parse(&a, str_of(none[i]), &job, &source));
    arena_release(&a);
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void streams_stand_side_by_side(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc;
    fill_doc(
        &a, &doc, "auto",
        STREAMS("{\"s0\": {\"last_id\": 42, \"at\": 7}, \"s1\": {\"last_id\": 40}, \"s2\": {}, "
                "\"s3\": {\"last_id\": 42}}"),
        NULL);
    struct row row = {.id = STR("auto"), .label = STR("auto")};
    struct sheet_input in = {.system = &system_vdk, .row = &row, .doc = &doc, .arena = &a};
    static const char *const lags[] = {NULL, "2", NULL, NULL};
    static const char *const positions[] = {"last_id 42", "last_id 40", NULL, "last_id 42"};
    const struct sheet *sheet = system_sheet(&system_vdk, "streams");
    struct sheet_row *r = sheet->fill(sheet, &in);
    for (size_t i = 0; i < 4; i++, r = r->next) {
        const struct cell *lag = sheet_cell(sheet, r, "behind");
        const struct cell *position = sheet_cell(sheet, r, "position");
        assert_int_equal(lag->type, lags[i] ? CELL_TEXT : CELL_NULL);
        assert_int_equal(position->type, positions[i] ? CELL_TEXT : CELL_NULL);
        if (lags[i])
            assert_str(lag->text, lags[i]);
        if (positions[i])
            assert_str(position->text, positions[i]);
    }
    assert_null(r);
    arena_release(&a);
}

static void findings_name_the_command(void **state)
{
    static const struct {
        const char *json, *format, *codes, *fix; /* the verb */
    } rows[] = {
        {S1, NULL, "", NULL},
        {STREAMS("{\"a\": null, \"b\": 5, \"c\": {\"currently_syncing\": null}}"), NULL,
         "null_stream scalar_stream singer_state", "repair"},
        {"{\"streams\": null}", NULL, "damaged", "repair"},
        {"{\"str", NULL, "damaged", "clear"}, /* nothing of it can be kept */
        {"{\"streams\": {\"a\": {}, \"b", NULL, "damaged", "repair"},
        {"", NULL, "damaged", "clear"},
        {"", VDK_FILE_FORMAT, "damaged", NULL},
        {"[1]", NULL, "damaged", "edit"},
        {"\"{}\"", NULL, "damaged", "repair"},
        {"{\"streams\": [1]}", NULL, "damaged", "edit"},
        {"{\"others\": []}", NULL, "damaged", "repair"},
        {"{\"str", VDK_FILE_FORMAT, "damaged", NULL},
        {"{\"a\": {}, \"b", VDK_FILE_FORMAT, "damaged", "repair"},
        {"{\"a\": true, \"b\xc2\xa0 c\": 1, \".vdk.data_sources.state\": \"{}\"}", VDK_JOB_FORMAT,
         "blocked_boolean blocked_name string_key", "repair"},
        {"{\".vdk.data_sources.state\": null}", VDK_JOB_FORMAT, "wrong_key", "repair"},
        {"null", VDK_JOB_FORMAT, "job_not_object", "repair"},
        {"{\"a\": 1, \".vdk.data_sources.state\": {}}", VDK_JOB_FORMAT, "", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a = ARENA_INIT;
        struct document doc;
        struct sbuf codes = SBUF_INIT;
        fill_doc(&a, &doc, "t a/x", rows[i].json, rows[i].format);
        struct row row = {.id = doc.id, .label = STR("x")};
        struct sheet_input in = {.system = &system_vdk, .row = &row, .doc = &doc, .arena = &a};
        struct finding *list = vdk_check(&in);
        for (const struct finding *f = list; f; f = f->next)
            sbuf_printf(&codes, "%s%s", codes.len ? " " : "", f->code);
        assert_str(sbuf_view(&codes), rows[i].codes);
        assert_int_equal(list && list->fix.ptr, rows[i].fix != NULL);
        if (rows[i].fix)
            assert_str(list->fix, arena_printf(&a, "source %s 't a/x'", rows[i].fix).ptr);
        sbuf_release(&codes);
        arena_release(&a);
    }
}

static void jobs_and_teams_narrow(void **state)
{
    static const struct {
        const char *id, *label, *job, *team;
        bool passes;
    } rows[] = {
        {"sales_ingest/auto", "auto", "ingest", NULL, true},
        {"sales_ingest/auto", "auto", "ingest", "sales", true},
        {"sales_ingest/auto", "auto", NULL, "sales", true},
        {"sales_ingest/auto", "auto", "sales_ingest", NULL, true},
        {"sales_ingest/auto", "auto", "gest", NULL, false},
        {"sales_ingest/auto", "auto", "ingest", "sale", false},
        {"a_b_c/x/y", "x/y", "b_c", "a", true},
        {"a_b_c/x/y", "x/y", "c", "a_b", true},
        {"a_b_c/x/y", "x/y", "c", "a", false},
        {"a_b_c/x/y", "x/y", NULL, NULL, true},
        {"ingest/auto", "auto", "ingest", NULL, true},
        {"ingest/auto", "auto", NULL, "ingest", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct row row = {.id = str_of(rows[i].id), .label = str_of(rows[i].label)};
        struct op_arg items[2];
        size_t n = 0;
        if (rows[i].job)
            items[n++] = (struct op_arg){"job", str_of(rows[i].job)};
        if (rows[i].team)
            items[n++] = (struct op_arg){"team", str_of(rows[i].team)};
        struct op_args args = {items, n};
        assert_int_equal(system_vdk.narrow(&args, &row), rows[i].passes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_follow_their_tables),
        cmocka_unit_test(a_source_is_not_copied_onto_itself),
        cmocka_unit_test(what_is_whole_is_kept),
        cmocka_unit_test(every_cut_leaves_sound_text),
        cmocka_unit_test(the_service_keeps_values_not_texts),
        cmocka_unit_test(jsonb_orders_and_respells),
        cmocka_unit_test(a_job_changes_by_bytes),
        cmocka_unit_test(ids_name_jobs_and_sources),
        cmocka_unit_test(streams_stand_side_by_side),
        cmocka_unit_test(findings_name_the_command),
        cmocka_unit_test(jobs_and_teams_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
