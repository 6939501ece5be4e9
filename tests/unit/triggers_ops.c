/* Operations on sessions: what they write equals what the framework writes (formats/triggers.md
 * 6.5, clock fixed), on pickled sessions and on those a JSON serializer keeps. */
#include "tests/unit/triggers_sample.h"

#include "core/system.h"
#include "core/systems/triggers/ops.h"

static const int64_t written_us = 1709650800000001; /* 2024-03-05T15:00:00.000001Z */

struct plan {
    struct arena arena;
    enum sample_form form;
    struct document docs[2];
    struct op_input in;
    struct op_output out;
    struct err err;
    const struct value *root; /* after, late values filled */
};

static const struct value *fill(void *ctx, enum value_late late)
{
    struct plan *plan = ctx;
    assert_int_equal(late, LATE_NOW);
    return plan->form == SAMPLE_JSON ? value_cstr(&plan->arena, "2024-03-05T15:00:00.000")
                                     : value_datetime(&plan->arena, written_us, 4);
}

static bool run_op(struct plan *plan, const struct op *op, const struct op_arg *args, size_t n)
{
    plan->docs[1].absent = true;
    plan->docs[0].expires_at_us = TIME_NEVER;
    plan->in = (struct op_input){.system = &system_triggers,
                                 .docs = {&plan->docs[0], &plan->docs[1]},
                                 .args = {args, n},
                                 .now_us = written_us,
                                 .native = true,
                                 .arena = &plan->arena};
    plan->out = (struct op_output){0};
    plan->err = (struct err){0};
    plan->root = NULL;
    if (!op->run(&plan->in, &plan->out, &plan->err))
        return false;
    if (plan->out.nedits && plan->out.edits[0].after)
        plan->root = value_fill_late(&plan->arena, plan->out.edits[0].after, fill, plan);
    return true;
}

static void begin(struct plan *plan, const char *name, enum sample_form form)
{
    *plan = (struct plan){.form = form};
    plan->docs[0].root = sample(&plan->arena, name, form);
}

#define RUN(plan, op, ...)                                                                         \
    run_op((plan), (op), (const struct op_arg[]){__VA_ARGS__},                                     \
           sizeof((const struct op_arg[]){__VA_ARGS__}) / sizeof(struct op_arg))

static const struct value *at(struct plan *plan, const char *pointer)
{
    const struct value *v = NULL;
    if (!value_pointer_get(plan->root, str_of(pointer), &v, &plan->err))
        fail_msg("%s", plan->err.text);
    return v;
}

static void assert_keys(const struct value *dict, const char *expected)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < value_count(dict); i++) {
        sbuf_cstr(&out, i ? " " : "");
        sbuf_str(&out, dict->dict.pairs[i].key->text);
    }
    assert_str(sbuf_view(&out), expected);
    sbuf_release(&out);
}

static void assert_text(struct plan *plan, const char *pointer, const char *expected)
{
    assert_str(text_or(at(plan, pointer), STR("(no text)")), expected);
}

/* A timestamp as its microseconds; JSON keeps milliseconds. */
static void assert_time(struct plan *plan, const char *pointer, int64_t us)
{
    const struct value *v = at(plan, pointer);
    int64_t got = 0;
    assert_true(value_to_time(v, &got) || time_parse(text_or(v, STR("")), &got));
    assert_int_equal(got, plan->form == SAMPLE_JSON ? us / 1000 * 1000 : us);
}

/* Everything but the given instances equals what was there. */
static void assert_rest(struct plan *plan, const char *instance, const char *other)
{
    const struct value *old = plan->docs[0].root, *new = plan->root;
    assert_ptr_equal(value_get(new, "tasks"), value_get(old, "tasks"));
    const struct value *before = value_get(old, "instances"), *after = value_get(new, "instances");
    for (size_t i = 0; i < value_count(after); i++) {
        struct str name = after->dict.pairs[i].key->text;
        if (!str_is(name, instance) && !str_is(name, other))
            assert_ptr_equal(after->dict.pairs[i].val, value_get_str(before, name));
    }
}

#define SUBJECT "/instances/t_importSubject#0"
#define CLONE "/instances/t_importSubject#1"

static void replay(void **state)
{
    for (int form = 0; form < SAMPLE_FORMS; form++) {
        struct plan plan;
        begin(&plan, "q-5f3c1", form);
        assert_true(RUN(&plan, &session_replay, {"name", STR("t_importSubject#0")}));
        assert_keys(at(&plan, "/instances"),
                    "t_importSubject#0 t_importResponses#0 t_importBrowserMetadata#0 "
                    "t_importResponses#1 t_importSubject#1");
        assert_rest(&plan, "t_importSubject#0", "t_importSubject#1");
        assert_ptr_equal(at(&plan, "/metas"), value_get(plan.docs[0].root, "metas"));
        const struct value *old;
        assert_true(value_pointer_get(plan.docs[0].root, STR(SUBJECT "/metadata"), &old, NULL));
        assert_text(&plan, SUBJECT "/status", "replayed");
        assert_ptr_equal(at(&plan, SUBJECT "/metadata"), old); /* no touch */
        assert_keys(at(&plan, CLONE), "abandonState kwargs metadata status task");
        assert_int_equal(value_count(at(&plan, CLONE "/abandonState")), 0);
        assert_keys(at(&plan, CLONE "/metadata"), "depth parent");
        assert_str(at(&plan, CLONE "/metadata/depth")->text, "1");
        assert_text(&plan, CLONE "/metadata/parent", "t_importSubject#0");
        assert_text(&plan, CLONE "/status", "unstarted");
        assert_text(&plan, CLONE "/task", "t_importSubject");
        assert_true(value_equal(at(&plan, CLONE "/kwargs"), at(&plan, SUBJECT "/kwargs")));
        /* deep copy: a later trigger must not change what the parent records (2.11) */
        assert_ptr_not_equal(at(&plan, CLONE "/kwargs/firstPageReceived/responses"),
                             at(&plan, SUBJECT "/kwargs/firstPageReceived/responses"));
        assert_int_equal(plan.out.undo, UNDO_UNTIL_WORKER);
        assert_str(plan.out.waits_for,
                   "the next fire of firstPageReceived or questionnaireComplete");
        arena_release(&plan.arena);
    }
}

static void replay_with_kwargs(void **state)
{
    struct plan plan;
    begin(&plan, "q-5f3c1", SAMPLE_PICKLE);
    assert_true(RUN(&plan, &session_replay, {"name", STR("t_importSubject#0")},
                    {"kwargs", STR("{\"firstPageReceived\": {\"responses\": {\"spam\": 0.0}}}")}));
    assert_keys(at(&plan, CLONE "/kwargs"), "firstPageReceived");
    assert_text(&plan, SUBJECT "/status", "replayed");
    assert_str(plan.out.waits_for, "the next fire of questionnaireComplete");
    assert_false(
        RUN(&plan, &session_replay, {"name", STR("t_importSubject#0")}, {"kwargs", STR("[1]")}));
    assert_int_equal(plan.err.kind, ERR_INVALID);
    arena_release(&plan.arena);
}

static void replay_by_filter(void **state)
{
    struct plan plan;
    begin(&plan, "q-5f3c1", SAMPLE_JSON);
    assert_true(RUN(&plan, &session_replay, {"failed", STR("")}, {"exception", STR("*Error")},
                    {"task", STR("t_importSubject")}));
    assert_text(&plan, CLONE "/status", "unstarted");
    assert_true(RUN(&plan, &session_replay, {"failed", STR("")}, {"exception", STR("Key*")}));
    assert_int_equal(plan.out.nedits, 0);
    assert_str(plan.out.nothing, "no failed instance matches");
    arena_release(&plan.arena);
}

static void refusals(void **state)
{
    static const struct {
        const char *sample;
        const struct op *op;
        struct op_arg args[2];
        enum err_kind kind;
        const char *text;
    } cases[] = {
        {"q-5f3c1",
         &session_replay,
         {{"name", STR("t_importResponses#0")}},
         ERR_REFUSED,
         "t_importResponses#0 is unstarted: only a failed instance can be replayed"},
        {"q-0042",
         &session_skip,
         {{"name", STR("t_pages#1")}},
         ERR_REFUSED,
         "t_pages#1 is finished: only a failed instance can be skipped"},
        {"q-5f3c1",
         &session_replay,
         {{"name", STR("t_importSubject")}},
         ERR_NOT_FOUND,
         "no instance t_importSubject in the session"},
        {"q-5f3c1",
         &session_replay,
         {{"name", STR("t_importSubject#0")}, {"dispatch", STR("")}},
         ERR_REFUSED,
         "a replay is prepared here, not sent to a worker"},
        {"q-5f3c1",
         &session_fail,
         {{"name", STR("t_importSubject#0")}},
         ERR_REFUSED,
         "t_importSubject#0 is failed: only a scheduled or running instance can be set to failed"},
        {"q-5f3c1",
         &session_skip,
         {{"name", STR("t_importSubject#0")}, {"result", STR("3")}},
         ERR_INVALID,
         "--result wants a JSON object, not integer"},
        {"q-5f3c1",
         &session_replay,
         {{"task", STR("t_importSubject")}},
         ERR_INVALID,
         "name an instance, or say --failed"},
        {"q-5f3c1",
         &session_set,
         {{"at", STR("/tasks")}, {"json", STR("{}")}},
         ERR_REFUSED,
         "without tasks the framework drops all instances"},
        {"q-5f3c1",
         &session_set,
         {{"at", STR(SUBJECT "/name")}, {"json", STR("1")}},
         ERR_REFUSED,
         "the framework could not load it: instance t_importSubject#0 has a key `name`, which the "
         "framework cannot take"},
        {"q-5f3c1",
         &session_set,
         {{"at", STR(SUBJECT "/metadata/timestamps")}, {"json", STR("null")}},
         ERR_REFUSED,
         "t_importSubject#0: metadata.timestamps is not a dict: every update of it fails"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct plan plan;
        begin(&plan, cases[c].sample, SAMPLE_PICKLE);
        size_t n = cases[c].args[1].name ? 2 : 1;
        assert_false(run_op(&plan, cases[c].op, cases[c].args, n));
        assert_string_equal(plan.err.text, cases[c].text);
        assert_int_equal(plan.err.kind, cases[c].kind);
        arena_release(&plan.arena);
    }
}

static void skip_alone(void **state)
{
    for (int form = 0; form < SAMPLE_FORMS; form++) {
        struct plan plan;
        begin(&plan, "q-5f3c1", form);
        assert_true(RUN(&plan, &session_skip, {"name", STR("t_importSubject#0")},
                        {"result", STR("{\"subjectId\": null}")}));
        assert_rest(&plan, "t_importSubject#0", "");
        assert_ptr_equal(at(&plan, "/metas"), value_get(plan.docs[0].root, "metas"));
        assert_text(&plan, SUBJECT "/status", "skipped");
        assert_keys(at(&plan, SUBJECT "/metadata"),
                    "timestamps actualKwargs exceptionContext exceptionInfo exceptionType logLevel "
                    "cascade result");
        assert_keys(at(&plan, SUBJECT "/metadata/timestamps"),
                    "created lastModified scheduled running failed skipped");
        assert_time(&plan, SUBJECT "/metadata/timestamps/created", 1709647652373463);
        assert_time(&plan, SUBJECT "/metadata/timestamps/failed", 1709647654873477);
        assert_time(&plan, SUBJECT "/metadata/timestamps/lastModified", written_us);
        assert_ptr_equal(at(&plan, SUBJECT "/metadata/timestamps/lastModified"),
                         at(&plan, SUBJECT "/metadata/timestamps/skipped"));
        assert_false(at(&plan, SUBJECT "/metadata/cascade")->boolean);
        assert_true(value_is_null(at(&plan, SUBJECT "/metadata/result/subjectId")));
        assert_int_equal(plan.out.undo, UNDO_FULL);
        assert_null(plan.out.waits_for.ptr);
        arena_release(&plan.arena);
    }
}

static void skip_with_cascade(void **state)
{
    for (int form = 0; form < SAMPLE_FORMS; form++) {
        static const char *const dependants[] = {"t_importResponses#0", "t_importBrowserMetadata#0",
                                                 "t_importResponses#1"};
        struct plan plan;
        begin(&plan, "q-5f3c1", form);
        assert_true(RUN(&plan, &session_skip, {"name", STR("t_importSubject#0")},
                        {"cascade", STR("")}, {"result", STR("{\"subjectId\": 7}")}));
        const struct value *result = at(&plan, "/metas/latest_kwargs/t_importSubject");
        for (size_t i = 0; i < 3; i++) {
            struct str instance = arena_printf(&plan.arena, "/instances/%s", dependants[i]);
            struct str kwargs = arena_printf(&plan.arena, "%s/kwargs", instance.ptr);
            struct str status = arena_printf(&plan.arena, "%s/status", instance.ptr);
            struct str given = arena_printf(&plan.arena, "%s/t_importSubject", kwargs.ptr);
            assert_keys(at(&plan, kwargs.ptr), "pageReceived t_importSubject");
            assert_text(&plan, status.ptr, "unstarted"); /* nobody dispatched it */
            assert_ptr_equal(at(&plan, given.ptr), result);
        }
        assert_true(at(&plan, SUBJECT "/metadata/cascade")->boolean);
        assert_ptr_not_equal(at(&plan, SUBJECT "/metadata/result"), result);
        /* isEmbeddedApplication would abandon t_importBrowserMetadata#0, not start it */
        assert_str(plan.out.waits_for, "the next fire of pageReceived or t_importSubject");
        assert_int_equal(plan.out.undo, UNDO_UNTIL_WORKER);
        arena_release(&plan.arena);
    }
}

static void resolve_logs(void **state)
{
    struct plan plan;
    begin(&plan, "q-5f3c1", SAMPLE_PICKLE);
    assert_true(RUN(&plan, &session_resolve_logs, {"name", STR("t_importSubject#0")}));
    assert_text(&plan, SUBJECT "/status", "failed");
    assert_keys(at(&plan, SUBJECT "/metadata"),
                "timestamps actualKwargs exceptionContext exceptionInfo exceptionType logLevel "
                "logsResolved");
    assert_true(at(&plan, SUBJECT "/metadata/logsResolved")->boolean);
    assert_keys(at(&plan, SUBJECT "/metadata/timestamps"),
                "created lastModified scheduled running failed");
    assert_time(&plan, SUBJECT "/metadata/timestamps/lastModified", written_us);
    assert_true(RUN(&plan, &session_resolve_logs, {"name", STR("t_importResponses#0")}));
    assert_int_equal(plan.out.nedits, 0);
    arena_release(&plan.arena);
}

/* Session with one instance of the given status, and a gap where an instance was deleted. */
static void begin_text(struct plan *plan, const char *instances)
{
    *plan = (struct plan){.form = SAMPLE_JSON};
    struct str text = arena_printf(
        &plan->arena,
        "{\"tasks\": {\"t_a\": {\"after\": [\"x\"], \"run\": \"r\"}}, \"instances\": %s}",
        instances);
    assert_true(json_read(&plan->arena, text, &plan->docs[0].root, &plan->err));
}

static void fail_stuck(void **state)
{
    struct plan plan;
    begin_text(&plan, "{\"t_a#0\": {\"task\": \"t_a\", \"status\": \"running\", \"metadata\": {}},"
                      " \"t_a#1\": {\"task\": \"t_a\", \"status\": \"running\"}}");
    assert_true(RUN(&plan, &session_fail, {"name", STR("t_a#0")}));
    assert_text(&plan, "/instances/t_a#0/status", "failed");
    assert_keys(at(&plan, "/instances/t_a#0/metadata/timestamps"), "created lastModified failed");
    assert_rest(&plan, "t_a#0", "");
    assert_int_equal(session_judge(&session_fail, &plan.in).verdict, WRITER_BLOCKS);
    /* another instance's worker does not stop this one's edit */
    assert_true(RUN(&plan, &session_set, {"at", STR("/instances/t_a#0/status")},
                    {"json", STR("\"failed\"")}));
    assert_int_equal(session_judge(&session_set, &plan.in).verdict, WRITER_BLOCKS);
    assert_true(RUN(&plan, &session_set, {"at", STR("/instances/t_a#2")},
                    {"json", STR("{\"task\": \"t_a\"}")}));
    assert_int_equal(session_judge(&session_set, &plan.in).verdict, WRITER_SAFE);
    /* what no command line says, a saved plan may: there is none that failed */
    assert_true(RUN(&plan, &session_fail, {"failed", STR("")}));
    assert_int_equal(plan.out.nedits, 0);
    arena_release(&plan.arena);
}

/* Its clone would count one further. */
static void a_depth_has_an_end(void **state)
{
    static const char *const depths[] = {"9223372036854775807", "9223372036854775808"};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        struct plan plan;
        char text[256];
        snprintf(text, sizeof text,
                 "{\"t_a#0\": {\"task\": \"t_a\", \"status\": \"failed\", \"metadata\": "
                 "{\"depth\": %s}}}",
                 depths[i]);
        begin_text(&plan, text);
        assert_false(RUN(&plan, &session_replay, {"name", STR("t_a#0")}));
        assert_int_equal(plan.err.kind, ERR_CORRUPT);
        assert_string_equal(plan.err.text, "t_a#0: metadata.depth is no count: it cannot be "
                                           "replayed");
        arena_release(&plan.arena);
    }
}

/* 3.2: t_a#0 was deleted, so the clone of t_a#1 would be called t_a#2, which lives. */
static void colliding_names(void **state)
{
    struct plan plan;
    begin_text(&plan, "{\"t_a#1\": {\"task\": \"t_a\", \"status\": \"failed\"},"
                      " \"t_a#2\": {\"task\": \"t_a\", \"status\": \"finished\"}}");
    assert_false(RUN(&plan, &session_replay, {"name", STR("t_a#1")}));
    assert_int_equal(plan.err.kind, ERR_REFUSED);
    assert_non_null(strstr(plan.err.text, "would be called t_a#2, which exists"));
    /* with a placeholder in the gap the numbers are dense again */
    assert_true(RUN(&plan, &session_set, {"at", STR("/instances/t_a#0")},
                    {"json", STR("{\"task\": \"t_a\", \"status\": \"skipped\"}")}));
    plan.docs[0].root = plan.root;
    assert_true(RUN(&plan, &session_replay, {"name", STR("t_a#1")}));
    assert_text(&plan, "/instances/t_a#3/metadata/parent", "t_a#1");
    /* removing one that is not the last warns of it */
    assert_true(RUN(&plan, &session_edit,
                    {"json", STR("{\"tasks\": {\"t_a\": {\"after\": [\"x\"], \"run\": \"r\"}}, "
                                 "\"instances\": {\"t_a#1\": {\"task\": \"t_a\"}}}")}));
    assert_true(plan.out.typed);
    assert_string_equal(plan.out.consequences->code, "name_collision");
    arena_release(&plan.arena);
}

/* What JSON lacks goes through an edit unharmed, and may not be changed. */
static void edit_keeps_python(void **state)
{
    struct plan plan;
    begin(&plan, "applicant-1017", SAMPLE_PICKLE);
    const struct value *old = plan.docs[0].root;
    struct sbuf text = SBUF_INIT;
    assert_true(json_write_python(&text, old, JSON_PRETTY, &plan.err));
    assert_true(RUN(&plan, &session_edit, {"json", sbuf_view(&text)}));
    assert_int_equal(plan.out.nedits, 0);
    assert_true(RUN(&plan, &session_set, {"at", STR("/metas/ticket")}, {"json", STR("\"T-1\"")}));
    assert_text(&plan, "/metas/ticket", "T-1");
    assert_ptr_equal(at(&plan, "/metas/latest_kwargs"),
                     value_get(value_get(old, "metas"), "latest_kwargs"));
    char *is = strstr(text.ptr, "12.50");
    assert_non_null(is);
    memcpy(is, "99.50", 5);
    assert_false(RUN(&plan, &session_edit, {"json", sbuf_view(&text)}));
    assert_non_null(strstr(plan.err.hint, "moved or removed"));
    sbuf_release(&text);
    arena_release(&plan.arena);
}

/* Two `unless` triggers, one of them applied: that one starts the clone again, the other would
 * complete them and abandon it. Listening to none, only the application can start it. */
static void what_starts_a_clone(void **state)
{
    static const struct {
        const char *task, *abandon, *waits;
    } cases[] = {
        {"{\"after\": [\"x\"], \"run\": \"r\", \"unless\": [\"u\", \"v\"]}", "[\"u\"]",
         "the next fire of x or u"},
        {"{\"after\": [\"x\"], \"run\": \"r\", \"unless\": [\"u\", \"v\"]}", "[]",
         "the next fire of x, u or v"},
        {"{\"after\": [\"x\", \"y\"], \"run\": \"r\"}", "[]", "the next fire of y"},
        {"{\"after\": [], \"run\": \"r\"}", "[]",
         "a dispatch by the application: no fire can start it"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct plan plan = {.form = SAMPLE_JSON};
        struct str text = arena_printf(
            &plan.arena,
            "{\"tasks\": {\"t\": %s}, \"instances\": {\"t#0\": {\"task\": \"t\", \"status\": "
            "\"failed\", \"abandonState\": %s, \"kwargs\": {\"x\": {}}}}}",
            cases[c].task, cases[c].abandon);
        assert_true(json_read(&plan.arena, text, &plan.docs[0].root, &plan.err));
        assert_true(RUN(&plan, &session_replay, {"name", STR("t#0")}));
        assert_str(plan.out.waits_for, cases[c].waits);
        arena_release(&plan.arena);
    }
}

static void fire_is_a_preview(void **state)
{
    struct plan plan;
    begin(&plan, "q-5f3c1", SAMPLE_PICKLE);
    assert_true(RUN(&plan, &session_fire, {"trigger", STR("pageReceived")}));
    assert_int_equal(plan.out.nedits, 0);
    assert_str(plan.out.nothing, "it would do: new t_importResponses#2 -> unstarted. Only the "
                                 "application can fire: m.fire(\"pageReceived\", {...})");
    arena_release(&plan.arena);
}

static void replayed_before(void **state)
{
    struct plan plan;
    begin_text(&plan, "{\"t_a#0\": {\"task\": \"t_a\", \"status\": \"failed\"},"
                      " \"t_a#1\": {\"task\": \"t_a\", \"metadata\": {\"parent\": \"t_a#0\"}}}");
    assert_true(RUN(&plan, &session_replay, {"name", STR("t_a#0")}));
    assert_string_equal(plan.out.consequences->code, "replayed_before");
    assert_true(plan.out.typed);
    arena_release(&plan.arena);
}

static void nothing_to_edit(void **state)
{
    struct plan plan;
    begin_text(&plan, "{\"t_a#0\": {\"task\": \"gone\", \"status\": \"failed\"}}");
    assert_false(RUN(&plan, &session_replay, {"name", STR("t_a#0")}));
    assert_int_equal(plan.err.kind, ERR_CORRUPT);
    /* but an edit may mend it */
    assert_true(
        RUN(&plan, &session_set, {"at", STR("/instances/t_a#0/task")}, {"json", STR("\"t_a\"")}));
    assert_int_equal(plan.out.nedits, 1);
    arena_release(&plan.arena);
}

/* Every text as a byte string, as Python 2 code without unicode literals leaves it. */
static const struct value *as_python2(struct arena *arena, const struct value *v)
{
    size_t n = value_count(v);
    if (v->type == VALUE_STR)
        return value_text(arena, VALUE_PY2STR, v->text);
    if (v->type == VALUE_DICT) {
        struct value_pair *pairs = arena_array(arena, struct value_pair, n);
        for (size_t i = 0; i < n; i++)
            pairs[i] = (struct value_pair){as_python2(arena, v->dict.pairs[i].key),
                                           as_python2(arena, v->dict.pairs[i].val)};
        return value_dict(arena, pairs, n);
    }
    if (v->type != VALUE_LIST)
        return v;
    const struct value **items = arena_array(arena, const struct value *, n);
    for (size_t i = 0; i < n; i++)
        items[i] = as_python2(arena, v->list.items[i]);
    return value_list(arena, VALUE_LIST, items, n);
}

static void python2_keys_stay(void **state)
{
    struct plan plan;
    begin(&plan, "q-5f3c1", SAMPLE_JSON);
    plan.docs[0].root = as_python2(&plan.arena, plan.docs[0].root);
    assert_true(
        RUN(&plan, &session_skip, {"name", STR("t_importSubject#0")}, {"cascade", STR("")}));
    const struct value *subject = field(FIELD(plan.root, "instances"), STR("t_importSubject#0"));
    assert_int_equal(value_count(subject), 5); /* no key twice, as text and as bytes */
    assert_int_equal(value_count(plan.root), 3);
    assert_int_equal(subject->dict.pairs[3].key->type, VALUE_PY2STR);
    assert_str(text_or(FIELD(subject, "status"), STR("")), "skipped");
    assert_int_equal(value_count(FIELD(FIELD(subject, "metadata"), "timestamps")), 6);
    plan.docs[0].root = as_python2(&plan.arena, sample(&plan.arena, "q-5f3c1", SAMPLE_JSON));
    assert_true(RUN(&plan, &session_replay, {"name", STR("t_importSubject#0")}));
    struct session session;
    session_read(&plan.arena, plan.root, &session);
    assert_string_equal(session.defect.text, "");
    assert_str(session_instance(&session, STR("t_importSubject#1"))->parent, "t_importSubject#0");
    arena_release(&plan.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay),
        cmocka_unit_test(replay_with_kwargs),
        cmocka_unit_test(replay_by_filter),
        cmocka_unit_test(refusals),
        cmocka_unit_test(skip_alone),
        cmocka_unit_test(skip_with_cascade),
        cmocka_unit_test(resolve_logs),
        cmocka_unit_test(fail_stuck),
        cmocka_unit_test(a_depth_has_an_end),
        cmocka_unit_test(colliding_names),
        cmocka_unit_test(edit_keeps_python),
        cmocka_unit_test(replayed_before),
        cmocka_unit_test(fire_is_a_preview),
        cmocka_unit_test(what_starts_a_clone),
        cmocka_unit_test(nothing_to_edit),
        cmocka_unit_test(python2_keys_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
