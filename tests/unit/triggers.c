/* Sessions of the triggers framework: predicates, the preview of a fire, malformed ones. The
 * expected results are those of formats/triggers.md 6, observed in the framework itself. */
#include "tests/unit/triggers_sample.h"

#include "core/systems/triggers/draft.h"
#include "core/systems/triggers/findings.h"
#include "core/systems/triggers/session.h"

static void add(struct sbuf *out, struct str word)
{
    sbuf_cstr(out, out->len ? " " : "");
    sbuf_str(out, word);
}

static bool unresolved(const struct instance *i)
{
    return !instance_resolved(i);
}

static bool logs_unresolved(const struct instance *i)
{
    return !instance_logs_resolved(i);
}

static void assert_names(const struct session *session, bool (*has)(const struct instance *),
                         const char *expected)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < session->ninstances; i++) {
        if (has(&session->instances[i]))
            add(&out, session->instances[i].name);
    }
    assert_str(sbuf_view(&out), expected);
    sbuf_release(&out);
}

static const struct {
    const char *name, *tasks, *instances, *logs, *can_run, *can_replay, *next, *statuses, *waits,
        *levels;
} samples[] = {
    {"q-5f3c1", "t_importSubject t_importResponses t_importBrowserMetadata",
     "t_importSubject#0 t_importResponses#0 t_importBrowserMetadata#0 t_importResponses#1",
     "t_importSubject#0", "", "t_importSubject#0",
     "t_importSubject#1 t_importResponses#2 t_importBrowserMetadata#1",
     "failed unstarted unstarted unstarted",
     "t_importResponses#0:t_importSubject t_importBrowserMetadata#0:t_importSubject "
     "t_importResponses#1:t_importSubject",
     "ERROR - - -"},
    {"q-77aa0", "t_fetch t_done", "t_fetch#3", "", "t_fetch#3", "", "t_fetch#4 t_done#0",
     "replayed replayed replayed unstarted", "", "- - - -"},
    {"q-0042", "t_final", "", "t_pages#1", "", "", "t_pages#2 t_dup#1 t_web#1 t_final#0 t_subj#1",
     "abandoned finished skipped finished skipped", "", "- ERROR - ERROR ERROR"},
    {"applicant-1017", "t_compareResponses", "t_compareResponses#0", "", "", "",
     "t_compareResponses#1", "unstarted", "t_compareResponses#0:fauna_page6", "-"},
};

static void predicates(void **state)
{
    for (size_t s = 0; s < 2 * sizeof samples / sizeof samples[0]; s++) {
        struct arena arena = ARENA_INIT;
        struct session session;
        struct sbuf tasks = SBUF_INIT, next = SBUF_INIT, statuses = SBUF_INIT, waits = SBUF_INIT,
                    levels = SBUF_INIT;
        session_read(&arena, sample(&arena, samples[s / 2].name, s % 2), &session);
        assert_string_equal(session.defect.text, "");
        for (size_t t = 0; t < session.ntasks; t++) {
            if (task_unresolved(&session.tasks[t]))
                add(&tasks, session.tasks[t].name);
            add(&next, task_next_name(&arena, &session.tasks[t]));
        }
        for (size_t i = 0; i < session.ninstances; i++) {
            const struct instance *instance = &session.instances[i];
            struct str waits_for = instance_waits_for(&arena, instance);
            add(&statuses, instance->status);
            add(&levels,
                instance->log_level ? log_level_name(&arena, instance->log_level) : STR("-"));
            if (waits_for.ptr)
                add(&waits,
                    arena_printf(&arena, "%.*s:%.*s", STR_ARG(instance->name), STR_ARG(waits_for)));
            assert_ptr_equal(session_instance(&session, instance->name), instance);
        }
        assert_str(sbuf_view(&tasks), samples[s / 2].tasks);
        assert_str(sbuf_view(&next), samples[s / 2].next);
        assert_str(sbuf_view(&statuses), samples[s / 2].statuses);
        assert_str(sbuf_view(&waits), samples[s / 2].waits);
        assert_str(sbuf_view(&levels), samples[s / 2].levels);
        assert_names(&session, unresolved, samples[s / 2].instances);
        assert_names(&session, logs_unresolved, samples[s / 2].logs);
        assert_names(&session, instance_can_run, samples[s / 2].can_run);
        assert_names(&session, instance_failed, samples[s / 2].can_replay);
        sbuf_release(&tasks);
        sbuf_release(&next);
        sbuf_release(&statuses);
        sbuf_release(&waits);
        sbuf_release(&levels);
        arena_release(&arena);
    }
}

static void chain_of_replays(void **state)
{
    struct arena arena = ARENA_INIT;
    struct session session;
    session_read(&arena, sample(&arena, "q-77aa0", SAMPLE_PICKLE), &session);
    struct instance *last = session_instance(&session, STR("t_fetch#3"));
    assert_int_equal(last->depth, 3);
    assert_str(last->parent, "t_fetch#2");
    assert_ptr_equal(session_child(&session, &session.instances[2]), last);
    assert_null(session_child(&session, last));
    assert_str(instance_exception_type(&session.instances[2]), "triggers.task.MaxRetriesExceeded");
    assert_str(
        instance_exception(&arena, &session.instances[2]),
        "triggers.task.MaxRetriesExceeded: Attempting retry #3, but `self.max_retries` = 2.");
    assert_int_equal(session.instances[0].modified_us, 1709647658623498);
    arena_release(&arena);
}

/* A fire as data; what becomes ready is shown as the framework would leave it: scheduled. */
static void fires(void **state)
{
    static const struct {
        const char *sample, *trigger, *effect;
    } cases[] = {
        {"q-5f3c1", "firstPageReceived", ""},
        {"q-5f3c1", "isEmbeddedApplication", "t_importBrowserMetadata#0>abandoned"},
        {"q-5f3c1", "pageReceived", "new:t_importResponses#2>unstarted"},
        {"q-5f3c1", "questionnaireComplete", ""},
        {"q-5f3c1", "t_importSubject",
         "t_importResponses#0>scheduled t_importResponses#1>scheduled "
         "t_importBrowserMetadata#0>scheduled"},
        {"q-77aa0", "start", "t_fetch#3>scheduled"},
        {"q-77aa0", "t_fetch", "new:t_done#0>scheduled"},
        {"q-0042", "firstPageReceived", ""},
        {"q-0042", "isEmbeddedApplication", ""},
        {"q-0042", "never", ""},
        {"q-0042", "pageReceived", "new:t_pages#2>scheduled"},
        {"q-0042", "ready", ""},
        {"q-0042", "sessionFinalized", "new:t_final#0>scheduled"},
        {"applicant-1017", "fauna_page6", "t_compareResponses#0>scheduled"},
        {"applicant-1017", "flora_page3", ""},
        {"applicant-1017", "nobody_listens", ""},
    };
    for (size_t c = 0; c < 2 * sizeof cases / sizeof cases[0]; c++) {
        struct arena arena = ARENA_INIT;
        struct session session;
        struct draft draft;
        struct fired *fired;
        struct err err = {0};
        struct str trigger = str_of(cases[c / 2].trigger);
        const struct value_pair probe = {value_cstr(&arena, "probe"), value_int(&arena, 1)};
        const struct value *kwargs = value_dict(&arena, &probe, 1);
        session_read(&arena, sample(&arena, cases[c / 2].sample, c % 2), &session);
        draft_begin(&draft, &arena, &session);
        assert_true(draft_fire(&draft, trigger, kwargs, &fired, &err));
        struct sbuf out = SBUF_INIT;
        for (; fired; fired = fired->next)
            add(&out,
                arena_printf(&arena, "%s%.*s>%.*s", fired->created ? "new:" : "",
                             STR_ARG(fired->instance->name),
                             STR_ARG(fired->ready ? STR("scheduled") : fired->instance->status)));
        assert_str(sbuf_view(&out), cases[c / 2].effect);
        sbuf_release(&out);
        const struct value *root = draft_root(&draft);
        const struct value *latest = FIELD(FIELD(root, "metas"), "latest_kwargs");
        assert_ptr_equal(field(latest, trigger), kwargs);
        session_read(&arena, root, &session);
        assert_string_equal(session.defect.text, "");
        arena_release(&arena);
    }
}

static void malformed(void **state)
{
    static const char task[] = "{\"t\": {\"after\": [\"x\"], \"run\": \"r\"}}";
    static const struct {
        const char *tasks, *instances, *defect;
    } cases[] = {
        {task, "{\"t#0\": {\"task\": \"t\"}}", ""},
        {task, "{\"t#0\": {\"task\": \"t\", \"name\": \"t#0\"}}",
         "instance t#0 has a key `name`, which the framework cannot take"},
        {task, "{\"t#0\": {\"status\": \"failed\"}}", "instance t#0 has no `task`"},
        {task, "{\"u#0\": {\"task\": \"u\"}}",
         "instance u#0 belongs to task u, which does not exist"},
        {"{\"t\": {\"run\": \"r\"}}", "{}", "task t has no `after`"},
        {"{\"t\": {\"after\": []}}", "{}", "task t has no `run`"},
        {"{\"t\": {\"after\": [], \"run\": \"r\", \"name\": 1}}", "{}",
         "task t has a directive `name`, which the framework cannot take"},
        {"[1]", "{}", "`tasks` is not a dict"},
        {task, "{\"t#0\": 1}", "instance t#0 is not a dict"},
        {task, "null", ""},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct arena arena = ARENA_INIT;
        struct err err = {0};
        struct session session;
        const struct value *root;
        struct str text = arena_printf(&arena, "{\"tasks\": %s, \"instances\": %s, \"metas\": {}}",
                                       cases[c].tasks, cases[c].instances);
        assert_true(json_read(&arena, text, &root, &err));
        session_read(&arena, root, &session);
        assert_string_equal(session.defect.text, cases[c].defect);
        assert_int_equal(session_editable(&session, &err), !*cases[c].defect);
        arena_release(&arena);
    }
}

/* What the framework reads as it reads it, however odd. */
static void odd_forms(void **state)
{
    static const char text[] =
        "{\"tasks\": {\"t\": {\"after\": \"xy\", \"run\": \"r\", \"unless\": null}},"
        " \"instances\": {"
        "  \"t#0\": {\"task\": \"t\", \"status\": \"\", \"kwargs\": {\"x\": {}, \"y\": {}}},"
        "  \"any name\": {\"task\": \"t\", \"status\": \"onHold\", \"metadata\": {\"logLevel\": "
        "45}},"
        "  \"t#9\": {\"task\": \"t\", \"status\": \"failed\","
        "           \"metadata\": {\"timestamps\": null, \"exceptionType\": \"a.B\","
        "                        \"exceptionInfo\": \"Traceback\\na.B: first\\nsecond\\n\"}}}}";
    struct arena arena = ARENA_INIT;
    struct err err = {0};
    struct session session;
    const struct value *root;
    assert_true(json_read(&arena, str_of(text), &root, &err));
    session_read(&arena, root, &session);
    assert_string_equal(session.defect.text, "");
    const struct instance *i = session.instances;
    assert_str(i[0].status, "unstarted"); /* empty is unstarted, `after` its characters */
    assert_true(instance_can_run(&i[0]));
    assert_false(instance_resolved(&i[1])); /* the set of statuses is open */
    assert_false(instance_failed(&i[1]) || instance_unstarted(&i[1]));
    assert_false(instance_logs_resolved(&i[1]));
    assert_str(log_level_name(&arena, i[1].log_level), "Level 45");
    assert_non_null(i[2].hazard);
    assert_str(instance_exception(&arena, &i[2]), "B: second");
    assert_str(task_next_name(&arena, &session.tasks[0]), "t#3");
    arena_release(&arena);
}

static void empty_shell(void **state)
{
    struct arena arena = ARENA_INIT;
    struct err err = {0};
    struct session session;
    const struct value *root;
    assert_true(json_read(&arena,
                          STR("{\"tasks\": {}, \"instances\": {\"t#0\": {}}, \"metas\": "
                              "{\"latest_kwargs\": {\"t_a\": {}}}}"),
                          &root, &err));
    session_read(&arena, root, &session);
    assert_int_equal(session.ninstances, 0);
    assert_int_equal(session.ignored, 1);
    assert_false(session_editable(&session, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_str(session_brief(root, &arena), "empty");
    arena_release(&arena);
}

static void findings(void **state)
{
    static const char tasks[] = "{\"t\": {\"after\": [\"x\"], \"run\": \"r\"}}";
    static const struct {
        const char *tasks, *instances, *codes, *status;
    } cases[] = {
        {tasks, "{}", "", "done"},
        {tasks, "{\"t#0\": {\"task\": \"t\", \"status\": \"failed\"}}", "failed expires-soon",
         "failed"},
        {tasks, "{\"t#0\": {\"task\": \"t\", \"status\": \"replayed\"}}", "clone-lost", "done"},
        {tasks, "{\"t#0\": {\"task\": \"t\", \"kwargs\": {\"x\": {}}}}", "not-dispatched",
         "waiting"},
        {tasks, "{\"t#1\": {\"task\": \"t\", \"status\": \"finished\"}}", "name-collision", "done"},
        {tasks,
         "{\"t#0\": {\"task\": \"t\", \"status\": \"failed\"},"
         " \"t#1\": {\"task\": \"t\", \"metadata\": {\"parent\": \"t#0\"}}}",
         "expires-soon replayed-twice", "failed"},
        {tasks,
         "{\"t#0\": {\"task\": \"t\", \"status\": \"running\", \"metadata\": {\"timestamps\":"
         " {\"lastModified\": \"2024-03-05T10:00:00.000\"}}}}",
         "stuck-running", "waiting"},
        {tasks, "{\"t#0\": {\"task\": \"u\"}}", "unloadable", "damaged"},
        {"{}", "{\"t#0\": {}}", "empty-shell", "empty"},
        {tasks,
         "{\"t#0\": {\"task\": \"t\", \"status\": \"finished\", \"metadata\": {\"logLevel\": 40}}}",
         "logs-unresolved", "done"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct arena arena = ARENA_INIT;
        struct err err = {0};
        struct row row = {.id = STR("u 1"), .label = STR("u 1")};
        struct document doc = {.id = row.id, .expires_at_us = 1709650860000000};
        struct sheet_input in = {.row = &row,
                                 .doc = &doc,
                                 .now_us = 1709650800000000, /* 2024-03-05T15:00:00Z */
                                 .arena = &arena};
        struct sbuf codes = SBUF_INIT;
        enum mark mark;
        struct str text = arena_printf(&arena, "{\"tasks\": %s, \"instances\": %s}", cases[c].tasks,
                                       cases[c].instances);
        assert_true(json_read(&arena, text, &doc.root, &err));
        for (const struct finding *f = session_check(&in); f; f = f->next)
            add(&codes, str_of(f->code));
        assert_str(sbuf_view(&codes), cases[c].codes);
        assert_str(session_status(&in, &mark), cases[c].status);
        sbuf_release(&codes);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicates), cmocka_unit_test(chain_of_replays),
        cmocka_unit_test(fires),      cmocka_unit_test(malformed),
        cmocka_unit_test(odd_forms),  cmocka_unit_test(empty_shell),
        cmocka_unit_test(findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
