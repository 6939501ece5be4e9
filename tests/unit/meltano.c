/* The system meltano: ids, merging, operations as tables of before and after
 * (formats/meltano.md 1.3, 2.3 to 2.5, 8, 10, 11). */
#include "tests/unit/values.h"

#include "core/store.h"
#include "core/systems/meltano/state.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- ids (1.3) -------------------------------------------------------------------------------- */

static void ids_follow_the_grammar(void **state)
{
    static const struct {
        const char *id, *environment, *extractor, *loader, *suffix;
    } cases[] = {
        {"dev:tap-a-to-target-b", "dev", "tap-a", "target-b", NULL},
        {"dev:tap-a-to-target-b:eu", "dev", "tap-a", "target-b", "eu"},
        {"dev:tap-a-to-b-to-target-c", "dev", "tap-a-to-b", "target-c", NULL},
        {"dev:tap-a-to-target-b:s1:s2", "dev", "tap-a", "target-b", "s1:s2"},
        {"dev:tap-a-to-target-b:x-to-y", "dev:tap-a-to-target-b", "x", "y", NULL},
        {"a:b:tap-x-to-target-y", "a:b", "tap-x", "target-y", NULL},
        {"tap-a-to-target-b", NULL, NULL, NULL, NULL},
        {"dev:tap-and-target", NULL, NULL, NULL, NULL},
        {"dev:-to-t", NULL, NULL, NULL, NULL},
        {"dev:t-to-", NULL, NULL, NULL, NULL},
        {"dev:tap-to-target:", NULL, NULL, NULL, NULL},
        {"dev:tap-to-target:s:", NULL, NULL, NULL, NULL},
        {":tap-a-to-target-b", NULL, NULL, NULL, NULL},
        {"2026-01-01T000000--tap-a--target-b", NULL, NULL, NULL, NULL},
        {"dev:tap-a-to-target\nb", NULL, NULL, NULL, NULL},
        {"", NULL, NULL, NULL, NULL},
        {":", NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct meltano_id id;
        bool parsed = meltano_id_parse(str_of(cases[i].id), &id);
        assert_int_equal(parsed, cases[i].environment != NULL);
        if (!parsed)
            continue;
        assert_str(id.environment, cases[i].environment);
        assert_str(id.extractor, cases[i].extractor);
        assert_str(id.loader, cases[i].loader);
        assert_int_equal(id.suffix.ptr != NULL, cases[i].suffix != NULL);
        if (cases[i].suffix)
            assert_str(id.suffix, cases[i].suffix);
    }
}

/* --- merging (2.3) ---------------------------------------------------------------------------- */

static void merging_follows_the_table(void **state)
{
    static const struct {
        const char *src, *dst, *merged, *conflict;
    } cases[] = {
        {"{\"k\": {\"a\": {\"b\": 1}}}", "{}", "{\"k\": {\"a\": {\"b\": 1}}}", NULL},
        {"{\"k\": {\"b\": 2}}", "{\"k\": {\"a\": 1}}", "{\"k\": {\"a\": 1, \"b\": 2}}", NULL},
        {"{\"k\": {\"b\": 2}}", "{\"k\": null}", NULL, "/k"},
        {"{\"k\": {\"b\": 2}}", "{\"k\": 5}", NULL, "/k"},
        {"{\"k\": {\"b\": 2}}", "{\"k\": \"s\"}", NULL, "/k"},
        {"{\"k\": {\"b\": 2}}", "{\"k\": [1]}", NULL, "/k"},
        {"{\"k\": {\"a/b\": {\"c\": 1}}}", "{\"k\": {\"a/b\": false}}", NULL, "/k/a~1b"},
        {"{\"k\": {}}", "{\"k\": 5}", "{\"k\": 5}", NULL},
        {"{\"k\": {}}", "{}", "{\"k\": {}}", NULL},
        {"{\"k\": [3]}", "{\"k\": [1, 2]}", "{\"k\": [3]}", NULL},
        {"{\"k\": null}", "{\"k\": {\"a\": 1}}", "{\"k\": null}", NULL},
        {"{\"k\": 7}", "{\"k\": {\"a\": 1}}", "{\"k\": 7}", NULL},
        {"{\"z\": 1, \"b\": 2}", "{\"a\": 0, \"b\": 0}", "{\"a\": 0, \"b\": 2, \"z\": 1}", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a = ARENA_INIT;
        const struct value *merged = NULL;
        struct str conflict = STR_NULL;
        bool ok = meltano_merge(&a, json_value(&a, cases[i].src), json_value(&a, cases[i].dst),
                                &merged, &conflict);
        assert_int_equal(ok, cases[i].merged != NULL);
        if (ok)
            assert_str(json_text(&a, merged), cases[i].merged);
        else
            assert_str(conflict, cases[i].conflict);
        arena_release(&a);
    }
}

/* --- operations ------------------------------------------------------------------------------- */

struct op_case {
    const char *name, *verb;
    const char *before;    /* NULL: absent */
    const char *second;    /* NULL: none; "-": absent */
    const char *second_id; /* NULL: "other" */
    struct op_arg args[4];
    enum err_kind fails;
    const char *after;   /* NULL: no edit; "removed" */
    const char *codes;   /* consequences, in order */
    int doc, flags;      /* of the first edit */
    const char *payload; /* NULL: as `after` says nothing of it */
    bool removes_source;
};

#define SS(x) "{\"singer_state\": " x "}"
#define PAIR(c, p) "{\"completed\": " c ", \"partial\": " p "}"
#define BOOK(x) SS("{\"bookmarks\": " x "}")
#define A1 BOOK("{\"a\": {\"at\": 1}}")
#define A2 BOOK("{\"a\": {\"at\": 2}}")
#define ARG(n, v)                                                                                  \
    {                                                                                              \
        n,                                                                                         \
        {                                                                                          \
            "" v, sizeof(v) - 1                                                                    \
        }                                                                                          \
    }

/* clang-format off */
static const struct op_case cases[] = {
    /* set: 2.4, 2.5 */
    {"set on nothing", "set", NULL, .args = {ARG("json", A1)},
     .after = PAIR(A1, "{}"), .codes = "", .flags = 1, .payload = A1},
    {"set replaces both halves", "set", PAIR(A1, BOOK("{\"b\": {\"at\": 5}}")), .args = {ARG("json", A2)},
     .after = PAIR(A2, "{}"), .codes = "partial_dropped streams_lost", .flags = 1, .payload = A2},
    {"set takes Python's spelling", "set", NULL,
     .args = {ARG("json", "{\"singer_state\":{\"f\":1E5,\"n\":-0,\"s\":\"\xc3\xa9\",\"k\":1,\"k\":2}}")},
     .after = PAIR(SS("{\"f\": 100000.0, \"n\": 0, \"s\": \"\\u00e9\", \"k\": 2}"), "{}"), .codes = "",
     .flags = 1, .payload = SS("{\"f\": 100000.0, \"n\": 0, \"s\": \"\\u00e9\", \"k\": 2}")},
    {"set keeps other keys", "set", NULL, .args = {ARG("json", "{\"singer_state\": 1, \"other\": 2}")},
     .after = PAIR("{\"singer_state\": 1, \"other\": 2}", "{}"), .codes = "", .flags = 1},
    {"set null singer_state resets", "set", PAIR(A1, "{}"), .args = {ARG("json", SS("null"))},
     .after = PAIR(SS("null"), "{}"), .codes = "full_import", .flags = 1},
    {"set without singer_state", "set", NULL, .args = {ARG("json", "{\"bookmarks\": {}}")}, .fails = ERR_INVALID},
    {"set {}", "set", NULL, .args = {ARG("json", "{}")}, .fails = ERR_INVALID},
    {"set []", "set", NULL, .args = {ARG("json", "[]")}, .fails = ERR_INVALID},
    {"set [singer_state]", "set", NULL, .args = {ARG("json", "[\"singer_state\"]")}, .fails = ERR_INVALID},
    {"set string", "set", NULL, .args = {ARG("json", "\"singer_state\"")}, .fails = ERR_INVALID},
    {"set null", "set", NULL, .args = {ARG("json", "null"), ARG("no-validate", "")}, .fails = ERR_INVALID},
    {"set cut text", "set", NULL, .args = {ARG("json", "{")}, .fails = ERR_INVALID},
    {"set empty text", "set", NULL, .args = {ARG("json", "")}, .fails = ERR_INVALID},
    {"set nothing at all", "set", NULL, .fails = ERR_INVALID},
    {"set the stored pair", "set", NULL, .args = {ARG("json", PAIR(A1, "{}"))}, .fails = ERR_INVALID},
    {"set un-nested by force", "set", NULL, .args = {ARG("json", "{\"foo\": 1}"), ARG("no-validate", "")},
     .after = PAIR("{\"foo\": 1}", "{}"), .codes = "ignored", .flags = 1},
    {"set {} by force on something", "set", PAIR(A1, "{}"), .args = {ARG("json", "{}"), ARG("no-validate", "")}},
    {"set {} by force on nothing", "set", NULL, .args = {ARG("json", "{}"), ARG("no-validate", "")},
     .after = PAIR("{}", "{}"), .codes = "full_import", .flags = 1},
    {"set what is there", "set", PAIR(A1, "{}"), .args = {ARG("json", A1)}},
    {"set mends a null half", "set", PAIR(A1, "null"), .args = {ARG("json", A2)},
     .after = PAIR(A2, "{}"), .codes = "", .flags = 1},
    {"set drops unknown keys", "set", "{\"completed\": " A1 ", \"partial\": {}, \"note\": \"x\"}",
     .args = {ARG("json", A2)}, .after = PAIR(A2, "{}"), .codes = "unknown_keys", .flags = 1},
    {"set partial", "set", PAIR(A1, "{}"), .args = {ARG("json", A2), ARG("part", "partial")},
     .after = PAIR(A1, A2), .codes = "", .flags = 2, .payload = A2},
    {"set empty partial", "set", PAIR(A1, A2), .args = {ARG("json", "{}"), ARG("part", "partial")},
     .after = PAIR(A1, "{}"), .codes = "partial_dropped", .flags = 2},
    {"set completed under partial", "set", PAIR(A1, A2),
     .args = {ARG("json", BOOK("{\"a\": {\"at\": 9}}")), ARG("part", "completed")},
     .after = PAIR(BOOK("{\"a\": {\"at\": 9}}"), A2), .codes = "shadowed no_effect", .flags = 1},
    {"set a part that conflicts", "set", PAIR(A1, "{}"),
     .args = {ARG("json", BOOK("{\"a\": {\"at\": {\"x\": 1}}}")), ARG("part", "partial")}, .fails = ERR_REFUSED},
    {"set unknown part", "set", NULL, .args = {ARG("json", A1), ARG("part", "merged")}, .fails = ERR_INVALID},
    {"set at", "set", PAIR(BOOK("{\"a\": {\"at\": 1.10, \"n\": 12345678901234567890}}"), "{}"),
     .args = {ARG("json", "1E2"), ARG("at", "/singer_state/bookmarks/a/new")},
     .after = PAIR(BOOK("{\"a\": {\"at\": 1.10, \"n\": 12345678901234567890, \"new\": 100.0}}"), "{}"),
     .codes = "", .flags = 1},
    {"set at, in the half that has it", "set", PAIR(SS("{\"x\": 1}"), A1),
     .args = {ARG("json", "3"), ARG("at", "/singer_state/bookmarks/a/at")},
     .after = PAIR(SS("{\"x\": 1}"), BOOK("{\"a\": {\"at\": 3}}")), .codes = "", .flags = 2},
    {"set at, in both halves", "set", PAIR(A1, A2),
     .args = {ARG("json", "3"), ARG("at", "/singer_state/bookmarks/a/at")}, .fails = ERR_INVALID},
    {"set at, nowhere", "set", PAIR(A1, "{}"),
     .args = {ARG("json", "3"), ARG("at", "/singer_state/nope/a/at")}, .fails = ERR_NOT_FOUND},

    /* edit: the pair, what was not touched keeps its spelling */
    {"edit the pair", "edit", PAIR(SS("{\"f\": 1.10, \"g\": 1.20}"), "{}"),
     .args = {ARG("json", PAIR(SS("{\"f\": 1.10, \"g\": 1.30}"), "{}"))},
     .after = PAIR(SS("{\"f\": 1.10, \"g\": 1.3}"), "{}"), .codes = "", .flags = 1},
    {"edit without change", "edit", PAIR(A1, A2), .args = {ARG("json", PAIR(A1, A2))}},
    {"edit to no pair", "edit", PAIR(A1, A2), .args = {ARG("json", A1)}, .fails = ERR_INVALID},
    {"edit to a null half", "edit", PAIR(A1, A2), .args = {ARG("json", PAIR(A1, "null"))}, .fails = ERR_INVALID},
    {"edit partial alone", "edit", PAIR(A1, A2), .args = {ARG("json", PAIR(A1, "{}"))},
     .after = PAIR(A1, "{}"), .codes = "partial_dropped", .flags = 2},

    /* merge: completed stays, partial takes */
    {"merge into nothing", "merge", NULL, .args = {ARG("json", A1)},
     .after = PAIR("{}", A1), .codes = "", .flags = 2, .payload = A1},
    {"merge into partial", "merge", PAIR(A1, BOOK("{\"b\": 1}")), .args = {ARG("json", BOOK("{\"c\": 2}"))},
     .after = PAIR(A1, BOOK("{\"b\": 1, \"c\": 2}")), .codes = "", .flags = 2, .payload = BOOK("{\"c\": 2}")},
    {"merge over null in completed", "merge", PAIR(SS("{\"bookmarks\": {\"a\": null}}"), "{}"),
     .args = {ARG("json", BOOK("{\"a\": {\"x\": 1}}"))}, .fails = ERR_REFUSED},
    {"merge over null in partial", "merge", PAIR("{}", SS("{\"bookmarks\": {\"a\": null}}")),
     .args = {ARG("json", BOOK("{\"a\": {\"x\": 1}}"))}, .fails = ERR_REFUSED},
    {"merge into a null half", "merge", PAIR(A1, "null"), .args = {ARG("json", A2)}, .fails = ERR_REFUSED},
    {"merge un-nested", "merge", PAIR(A1, "{}"), .args = {ARG("json", "{\"bookmarks\": {}}")}, .fails = ERR_INVALID},
    {"merge from another", "merge", PAIR(A1, "{}"), .second = PAIR(A1, BOOK("{\"b\": 3}")),
     .after = PAIR(A1, BOOK("{\"a\": {\"at\": 1}, \"b\": 3}")), .codes = "", .flags = 2,
     .payload = BOOK("{\"a\": {\"at\": 1}, \"b\": 3}")},
    {"merge from an unknown", "merge", PAIR(A1, "{}"), .second = "-", .fails = ERR_REFUSED},
    {"merge from itself", "merge", PAIR(A1, A2), .second = PAIR(A1, A2), .second_id = "one", .fails = ERR_REFUSED},
    {"merge from two sources", "merge", PAIR(A1, "{}"), .second = PAIR(A2, "{}"), .args = {ARG("json", A1)},
     .fails = ERR_INVALID},

    /* copy, move */
    {"copy", "copy", PAIR(A1, "{}"), .second = "-", .after = PAIR(A1, "{}"), .codes = "", .doc = 1, .flags = 1,
     .payload = A1},
    {"copy flattens", "copy", PAIR(A1, BOOK("{\"b\": 2}")), .second = PAIR(A2, A1),
     .after = PAIR(BOOK("{\"a\": {\"at\": 1}, \"b\": 2}"), "{}"), .codes = "flattened overwritten partial_dropped",
     .doc = 1, .flags = 1},
    {"move with keys of its own", "move", "{\"completed\": " A1 ", \"partial\": {}, \"note\": 1}", .second = "-",
     .after = PAIR(A1, "{}"), .codes = "unknown_keys_stay source_removed", .doc = 1, .flags = 1, .removes_source = true},
    {"copy an empty one", "copy", "{}", .second = "-", .fails = ERR_REFUSED},
    {"copy an un-nested one", "copy", PAIR("{\"bookmarks\": {}}", "{}"), .second = "-", .fails = ERR_REFUSED},
    {"copy a damaged one", "copy", PAIR(A1, "null"), .second = "-", .fails = ERR_REFUSED},
    {"copy onto itself", "copy", PAIR(A1, "{}"), .second = PAIR(A1, "{}"), .second_id = "one", .fails = ERR_REFUSED},
    {"move", "move", PAIR(A1, "{}"), .second = "-", .after = PAIR(A1, "{}"), .codes = "source_removed", .doc = 1,
     .flags = 1, .removes_source = true},
    {"move X X", "move", PAIR(A1, "{}"), .second = PAIR(A1, "{}"), .second_id = "one", .fails = ERR_REFUSED},

    {"clear", "clear", PAIR(A1, A2), .after = "removed", .codes = "full_import"},
    {"clear a damaged one", "clear", "[]", .after = "removed", .codes = "full_import"},

    /* rewind, reset */
    {"rewind a text", "rewind", PAIR(BOOK("{\"o\": {\"updated_at\": \"2026-01-15T00:00:00Z\", \"cursor\": null}}"), "{}"),
     .args = {ARG("stream", "o"), ARG("value", "2026-01-01T00:00:00Z")},
     .after = PAIR(BOOK("{\"o\": {\"updated_at\": \"2026-01-01T00:00:00Z\", \"cursor\": null}}"), "{}"),
     .codes = "read_again", .flags = 1},
    {"rewind ahead", "rewind", PAIR(BOOK("{\"o\": {\"lsn\": 108197216, \"version\": 3, \"xmin\": null}}"), "{}"),
     .args = {ARG("stream", "o"), ARG("value", "108197217")},
     .after = PAIR(BOOK("{\"o\": {\"lsn\": 108197217, \"version\": 3, \"xmin\": null}}"), "{}"),
     .codes = "skipped", .flags = 1},
    {"rewind what the next run sees", "rewind", PAIR(A2, A2), .args = {ARG("stream", "a"), ARG("value", "1")},
     .after = PAIR(A2, A1), .codes = "read_again", .flags = 2},
    {"rewind big integers", "rewind", PAIR(BOOK("{\"a\": {\"n\": 36893488147419103232}}"), "{}"),
     .args = {ARG("stream", "a"), ARG("value", "36893488147419103231")},
     .after = PAIR(BOOK("{\"a\": {\"n\": 36893488147419103231}}"), "{}"), .codes = "moved", .flags = 1},
    {"rewind partitions", "rewind",
     PAIR(BOOK("{\"i\": {\"partitions\": [{\"context\": {\"p\": 1}, \"replication_key\": \"u\", "
               "\"replication_key_value\": \"2026-02-27\"}, {\"context\": {\"p\": 2}, "
               "\"replication_key_value\": \"2026-02-28\"}]}}"), "{}"),
     .args = {ARG("stream", "i"), ARG("value", "2026-01-01")},
     .after = PAIR(BOOK("{\"i\": {\"partitions\": [{\"context\": {\"p\": 1}, \"replication_key\": \"u\", "
               "\"replication_key_value\": \"2026-01-01\"}, {\"context\": {\"p\": 2}, "
               "\"replication_key_value\": \"2026-01-01\"}]}}"), "{}"),
     .codes = "moved partitions", .flags = 1},
    {"rewind a number to a text", "rewind", PAIR(A1, "{}"), .args = {ARG("stream", "a"), ARG("value", "x")},
     .fails = ERR_INVALID},
    {"rewind two positions", "rewind", PAIR(BOOK("{\"a\": {\"x\": 1, \"y\": 2}}"), "{}"),
     .args = {ARG("stream", "a"), ARG("value", "0")}, .fails = ERR_REFUSED},
    {"rewind an unknown stream", "rewind", PAIR(A1, "{}"), .args = {ARG("stream", "b"), ARG("value", "0")},
     .fails = ERR_NOT_FOUND},
    {"reset", "reset", PAIR(BOOK("{\"a\": {\"at\": 1}, \"b\": 2, \"c/d\": 3}"), BOOK("{\"a\": {\"at\": 5}}")),
     .args = {ARG("stream", "a"), ARG("stream", "c/d")},
     .after = PAIR(BOOK("{\"b\": 2}"), BOOK("{}")), .codes = "streams_lost", .flags = 1},
    {"reset resolves a type conflict", "reset", PAIR(BOOK("{\"a\": null, \"b\": 1}"), BOOK("{\"a\": {\"x\": 1}}")),
     .args = {ARG("stream", "a")}, .after = PAIR(BOOK("{\"b\": 1}"), BOOK("{}")), .codes = "", .flags = 1},
    {"reset an unknown stream", "reset", PAIR(A1, "{}"), .args = {ARG("stream", "b")}, .fails = ERR_NOT_FOUND},

    /* repair (11-2, 11-4, section 10 S6) */
    {"repair partial null", "repair", PAIR(A1, "null"), .after = PAIR(A1, "{}"), .codes = "null_half", .flags = 1},
    {"repair completed null", "repair", PAIR("null", A1), .after = PAIR("{}", A1), .codes = "null_half", .flags = 1},
    {"repair un-nested", "repair", PAIR("{\"bookmarks\": {\"a\": 1}}", "{}"),
     .after = PAIR(BOOK("{\"a\": 1}"), "{}"), .codes = "nested", .flags = 1},
    {"repair raw", "repair", "{\"bookmarks\": {\"a\": 1}}", .after = PAIR(BOOK("{\"a\": 1}"), "{}"), .codes = "nested"},
    {"repair half-wrapped", "repair", A1, .after = PAIR(A1, "{}"), .codes = "nested"},
    {"repair a wrong half", "repair", PAIR("[]", "{}"), .fails = ERR_REFUSED},
    {"repair a conflict", "repair", PAIR(BOOK("{\"a\": null}"), A1), .fails = ERR_REFUSED},
    {"repair what is well", "repair", PAIR(A1, A2)},
};
/* clang-format on */

static void fill_doc(struct arena *a, struct document *doc, const char *id, const char *json)
{
    *doc = (struct document){.id = str_of(id), .label = str_of(id), .absent = !json};
    doc->root = json_value(a, json);
    if (json && !value_is_dict(doc->root))
        err_set(&doc->problem, ERR_CORRUPT, "not an object");
}

static struct str codes_of(struct arena *a, const struct op_output *out)
{
    struct str codes = STR("");
    for (const struct consequence *c = out->consequences; c; c = c->next)
        codes = arena_printf(a, "%.*s%s%s", STR_ARG(codes), codes.len ? " " : "", c->code);
    return codes;
}

static void check_edits(struct arena *a, const struct op_case *c, const struct op_output *out)
{
    if (!c->after) {
        assert_int_equal(out->nedits, 0);
        assert_true(out->nothing.len > 0);
        return;
    }
    assert_int_equal(out->nedits, c->removes_source ? 2 : 1);
    const struct op_edit *edit = &out->edits[0];
    assert_int_equal(edit->doc, c->doc);
    assert_str(codes_of(a, out), c->codes);
    if (strcmp(c->after, "removed") == 0) {
        assert_int_equal(edit->kind, EDIT_REMOVE);
        return;
    }
    assert_int_equal(edit->kind, EDIT_WRITE);
    assert_str(json_text(a, edit->after), c->after);
    assert_int_equal(edit->note ? edit->note->flags : 0, c->flags);
    if (c->payload)
        assert_str(json_text(a, edit->note->payload), c->payload);
    if (c->removes_source) {
        assert_int_equal(out->edits[1].kind, EDIT_REMOVE);
        assert_int_equal(out->edits[1].doc, 0);
        assert_true(out->edits[1].needs_previous);
    }
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
    fill_doc(&a, &docs[0], "one", c->before);
    if (c->second)
        fill_doc(&a, &docs[1], c->second_id ? c->second_id : "other",
                 strcmp(c->second, "-") == 0 ? NULL : c->second);
    struct str stored = c->before ? json_text(&a, docs[0].root) : STR("");
    struct op_input in = {.system = &system_meltano,
                          .docs = {&docs[0], c->second ? &docs[1] : NULL},
                          .args = {c->args, nargs},
                          .now_us = 1795216999283642,
                          .native = true,
                          .arena = &a};
    const struct op *op = system_op(&system_meltano, c->verb);
    assert_non_null(op);
    print_message("%s\n", c->name);
    bool ok = op->run(&in, &out, &err);
    if (!ok && c->fails == ERR_NONE)
        fail_msg("%s: %s", c->name, err.text);
    assert_int_equal(ok ? ERR_NONE : err.kind, c->fails);
    if (ok)
        check_edits(&a, c, &out);
    else
        assert_int_equal(out.nedits, 0);
    if (c->before)
        assert_true(str_eq(json_text(&a, docs[0].root), stored)); /* nothing given was changed */
    arena_release(&a);
}

static void operations_follow_their_tables(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i]);
}

static void a_copy_to_another_store_keeps_its_id(void **state)
{
    struct arena a = ARENA_INIT;
    struct document docs[2];
    struct op_output out = {0};
    struct err err = {0};
    fill_doc(&a, &docs[0], "one", PAIR(A1, "{}"));
    fill_doc(&a, &docs[1], "one", NULL);
    struct op_input in = {
        .system = &system_meltano, .docs = {&docs[0], &docs[1]}, .other_store = true, .arena = &a};
    assert_true(meltano_copy.run(&in, &out, &err));
    assert_int_equal(out.nedits, 1);
    arena_release(&a);
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void findings_and_status(void **state)
{
    static const struct {
        const char *json, *status, *codes, *fix;
    } rows[] = {
        {PAIR(A1, "{}"), "ok", "", NULL},
        {PAIR(A1, A2), "partial", "", NULL},
        {PAIR("{}", A1), "partial", "partial_only", NULL},
        {"{}", "empty", "empty", NULL},
        {PAIR(SS("{}"), "{}"), "ok", "empty", NULL},
        {"{\"bookmarks\": {}}", "ignored", "not_a_pair", "state repair 'a b'"},
        {PAIR("{\"x\": 1}", "{}"), "ignored", "not_nested", "state repair 'a b'"},
        {PAIR(A1, "null"), "damaged", "null_half", "state repair 'a b'"},
        {PAIR("5", "{}"), "damaged", "wrong_half", "state set 'a b' --part completed '{}'"},
        {"[]", "damaged", "damaged", NULL},
        {PAIR(BOOK("{\"a\": null}"), A1), "damaged", "type_conflict", "state reset 'a b' a"},
        {PAIR(SS("{\"n\": NaN}"), "{}"), "ok", "not_finite", NULL},
        {PAIR(BOOK("{\"a\": {\"at\": \"2036-01-01T00:00:00Z\"}}"), "{}"), "ok", "bookmark_ahead",
         "state rewind 'a b' a 2026-11-20T23:23:19Z"},
        {"{\"completed\": " A1 ", \"note\": 1}", "ok", "unknown_keys", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a = ARENA_INIT;
        struct document doc;
        struct row row = {.id = STR("a b"), .label = STR("a b"), .bytes = 1};
        fill_doc(&a, &doc, "a b", rows[i].json);
        struct sheet_input in = {.system = &system_meltano,
                                 .row = &row,
                                 .doc = &doc,
                                 .now_us = 1795216999283642,
                                 .arena = &a};
        enum mark mark;
        print_message("%s\n", rows[i].json);
        assert_str(meltano_status(&in, &mark), rows[i].status);
        struct str codes = STR("");
        const struct finding *found = meltano_check(&in);
        for (const struct finding *f = found; f; f = f->next)
            codes = arena_printf(&a, "%.*s%s%s", STR_ARG(codes), codes.len ? " " : "", f->code);
        assert_str(codes, rows[i].codes);
        if (rows[i].fix)
            assert_str(found->fix, rows[i].fix);
        arena_release(&a);
    }
}

static void list_row_of_a_whole_state(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc;
    struct row row = {.id = STR("prod:tap-a-to-target-b:eu"),
                      .label = STR("prod:tap-a-to-target-b:eu"),
                      .bytes = 77,
                      .updated_at_us = TIME_UNKNOWN};
    struct lock lock = {.object = row.id,
                        .taken_at_us = 1795216999283642,
                        .expires_at_us = 1795217009283642,
                        .verdict = LOCK_UNKNOWN};
    struct activity activity = {.sight = ACTIVITY_SEEN,
                                .record_live = true,
                                .started_at_us = 1795216000000000,
                                .heartbeat_at_us = TIME_UNKNOWN,
                                .who = STR("r1")};
    fill_doc(&a, &doc, "x", PAIR(A1, "{}"));
    struct sheet_input in = {.system = &system_meltano,
                             .row = &row,
                             .doc = &doc,
                             .activity = &activity,
                             .lock = &lock,
                             .locks_known = true,
                             .arena = &a};
    const struct sheet *sheet = &system_meltano.sheets[0];
    struct sheet_row *r = sheet->fill(sheet, &in);
    assert_str(sheet_cell(sheet, r, "environment")->text, "prod");
    assert_str(sheet_cell(sheet, r, "suffix")->text, "eu");
    assert_int_equal(sheet_cell(sheet, r, "completed")->number, 1);
    assert_int_equal(sheet_cell(sheet, r, "partial")->number, 0);
    assert_int_equal(sheet_cell(sheet, r, "valid")->number, 1);
    assert_int_equal(sheet_cell(sheet, r, "updated_at")->type, CELL_NULL);
    assert_str(json_text(&a, sheet_cell(sheet, r, "lock")->object),
               "{\"holder\": null, \"taken_at\": \"2026-11-20T23:23:19.283642Z\", \"expires_at\": "
               "\"2026-11-20T23:23:29.283642Z\", \"verdict\": \"unknown\"}");
    assert_str(json_text(&a, sheet_cell(sheet, r, "run")->object),
               "{\"state\": \"RUNNING\", \"started_at\": \"2026-11-20T23:06:40Z\", "
               "\"heartbeat_at\": null, \"live\": true}");
    in.doc = NULL;
    r = sheet->fill(sheet, &in);
    assert_int_equal(sheet_cell(sheet, r, "valid")->type, CELL_UNKNOWN);
    arena_release(&a);
}

static void streams_say_what_the_next_run_gets(void **state)
{
    /* section 10, S3 */
    static const char s3[] = PAIR(
        SS("{\"bookmarks\": {\"orders\": {\"updated_at\": \"2026-01-01T00:00:00Z\", \"cursor\": "
           "null}, \"items\": {\"updated_at\": \"2026-01-01T00:00:00Z\"}}, \"currently_syncing\": "
           "null}"),
        SS("{\"bookmarks\": {\"orders\": {\"updated_at\": \"2026-01-15T00:00:00Z\"}, \"refunds\": "
           "{\"updated_at\": \"2026-01-15T00:00:00Z\"}}, \"currently_syncing\": \"orders\"}"));
    struct arena a = ARENA_INIT;
    struct document doc;
    struct row row = {.id = STR("s3"), .label = STR("s3")};
    struct meltano_state taken;
    fill_doc(&a, &doc, "s3", s3);
    meltano_state_of(doc.root, &a, &taken);
    assert_str(json_text(&a, taken.merged),
               SS("{\"bookmarks\": {\"orders\": {\"updated_at\": \"2026-01-15T00:00:00Z\", "
                  "\"cursor\": null}, \"items\": {\"updated_at\": \"2026-01-01T00:00:00Z\"}, "
                  "\"refunds\": {\"updated_at\": \"2026-01-15T00:00:00Z\"}}, "
                  "\"currently_syncing\": \"orders\"}"));
    struct sheet_input in = {.system = &system_meltano, .row = &row, .doc = &doc, .arena = &a};
    const struct sheet *sheet = system_sheet(&system_meltano, "streams");
    assert_true(time_parse(STR("2026-02-01T00:00:00Z"), &in.now_us));
    struct sheet_row *r = sheet->fill(sheet, &in);
    assert_str(r->key, "orders");
    assert_int_equal(sheet_cell(sheet, r, "ahead")->type, CELL_NULL);
    assert_int_equal(r->mark, MARK_OK);
    assert_str(sheet_cell(sheet, r, "next")->text, "2026-01-15T00:00:00Z");
    assert_str(sheet_cell(sheet, r, "completed")->text, "2026-01-01T00:00:00Z");
    assert_int_equal(sheet_cell(sheet, r, "hides")->type, CELL_TEXT);
    assert_str(r->next->key, "items");
    assert_int_equal(sheet_cell(sheet, r->next, "hides")->type, CELL_NULL);
    assert_str(r->next->next->key, "refunds");
    assert_null(r->next->next->next);
    /* what the clock has not reached yet is no progress */
    assert_true(time_parse(STR("2026-01-05T00:00:00Z"), &in.now_us));
    r = sheet->fill(sheet, &in);
    assert_str(sheet_cell(sheet, r, "ahead")->text, "10d 0h: finds nothing new");
    assert_int_equal(r->mark, MARK_WARN);
    arena_release(&a);
}

static void writers_are_judged(void **state)
{
    struct arena a = ARENA_INIT;
    struct activity none = {.sight = ACTIVITY_NONE};
    struct activity blind = {.sight = ACTIVITY_BLIND, .why = STR("no runs")};
    struct activity live = {
        .sight = ACTIVITY_SEEN, .record_live = true, .heartbeat_at_us = 0, .who = STR("r1")};
    struct activity stale = live;
    stale.record_live = false;
    stale.stale = true;
    const struct {
        const struct op *op;
        const struct activity *activity;
        enum writer_verdict verdict;
    } rows[] = {
        {&meltano_set, &none, WRITER_NONE_SEEN},   {&meltano_set, NULL, WRITER_NONE_SEEN},
        {&meltano_set, &blind, WRITER_CANNOT_SEE}, {&meltano_set, &live, WRITER_BLOCKS},
        {&meltano_set, &stale, WRITER_CANNOT_SEE}, {&meltano_clear, &live, WRITER_BLOCKS},
        {&meltano_copy, &live, WRITER_SAFE},       {&meltano_move, &live, WRITER_BLOCKS},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct op_input in = {.system = &system_meltano, .activity = rows[i].activity, .arena = &a};
        const struct op *op = rows[i].op;
        struct writer w = op->judge ? op->judge(op, &in) : system_meltano.judge(op, &in);
        assert_int_equal(w.verdict, rows[i].verdict);
        assert_int_equal(w.why.len > 0, w.verdict != WRITER_NONE_SEEN);
    }
    arena_release(&a);
}

static void actions_reach_operations(void **state)
{
    unsigned char seen[256] = {0};
    for (const struct action *action = system_meltano.actions; action->key; action++) {
        const struct op *op = system_op(&system_meltano, action->op);
        assert_non_null(op);
        assert_false(seen[(unsigned char)action->key]++);
        bool known = !action->prompt;
        for (const struct op_option *o = op->options; o && o->name && !known; o++)
            known = strcmp(o->name, action->prompt) == 0;
        assert_true(known);
        assert_true(!action->per || system_sheet(&system_meltano, action->per));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_follow_the_grammar),
        cmocka_unit_test(merging_follows_the_table),
        cmocka_unit_test(operations_follow_their_tables),
        cmocka_unit_test(a_copy_to_another_store_keeps_its_id),
        cmocka_unit_test(findings_and_status),
        cmocka_unit_test(list_row_of_a_whole_state),
        cmocka_unit_test(streams_say_what_the_next_run_gets),
        cmocka_unit_test(writers_are_judged),
        cmocka_unit_test(actions_reach_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
