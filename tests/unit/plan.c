/* Plan, apply, journal, audit, undo and settling, on stores in memory. */
#include "tests/unit/values.h"

#include "backends/memory/memory.h"
#include "core/apply.h"
#include "core/json.h"
#include "core/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char dir[64], journal_path[96], audit_path[96];
    struct arena arena;
    struct open_store store;
    struct journal *journal;
    struct audit *audit;
    struct apply_opts opts;
    struct call call;
};

/* --- operations made for the test ------------------------------------------------------------- */

/* bump: completed.n := the argument `to`, and completed.id late. */
static bool bump_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct str to = STR("1");
    op_arg(&in->args, "to", 0, &to);
    const struct value *old = value_get(in->docs[0]->root, "completed");
    if (!old)
        return err_set(err, ERR_REFUSED, "%.*s: nothing to bump", STR_ARG(in->docs[0]->id));
    struct arena *a = in->arena;
    const struct value *completed = value_dict_with(a, old, "n", value_int_text(a, to));
    completed = value_dict_with(a, completed, "id", value_late(a, LATE_ID));
    op_edit_add(out, 0, EDIT_WRITE, value_dict_with(a, in->docs[0]->root, "completed", completed));
    op_consequence(out, a, "bumped", LEVEL_WARN, "the next run starts at %.*s", STR_ARG(to));
    return true;
}

static bool shift_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    op_edit_add(out, 1, EDIT_WRITE, in->docs[0]->root);
    op_edit_add(out, 0, EDIT_REMOVE, NULL)->needs_previous = true;
    return true;
}

static struct writer judge(const struct op *op, const struct op_input *in)
{
    if (in->activity && in->activity->record_live)
        return (struct writer){WRITER_BLOCKS, STR("run 7 is writing")};
    return (struct writer){WRITER_NONE_SEEN, STR_NULL};
}

static const struct op bump = {.verb = "bump", .run = bump_run, .judge = judge};
static const struct op shift = {.verb = "shift",
                                .takes_second = true,
                                .second = "dst",
                                .second_absent_ok = true,
                                .run = shift_run,
                                .judge = judge};

/* --- fixture ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    strcpy(f->dir, "/tmp/penstock-plan-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->journal_path, sizeof f->journal_path, "%s/s/journal.db", f->dir);
    snprintf(f->audit_path, sizeof f->audit_path, "%s/s/audit.jsonl", f->dir);
    f->call = call_within(TEST_CALL_MS, NULL);
    struct address address = {.backend = "memory", .identity = "meltano+memory:test"};
    struct store_opts opts = {.writable = true};
    f->store.target = (struct target){.address = address, .name = "test", .env = ENV_DEV};
    if (!store_open(memory_layout("meltano"), &address, &opts, &f->call, &f->store.store, &err) ||
        !journal_open(f->journal_path, false, &f->journal, &err) ||
        !audit_open(f->audit_path, &f->audit, &err))
        fail_msg("%s", err.text);
    f->opts =
        (struct apply_opts){.journal = f->journal, .audit = f->audit, .timeout_ms = TEST_CALL_MS};
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 1}, \"partial\": {}}"));
    memory_put(f->store.store, "b", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 2}, \"partial\": {}}"));
    memory_put(f->store.store, "c", NULL, json_value(&f->arena, "{\"partial\": {}}"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    store_close(f->store.store);
    journal_close(f->journal);
    audit_close(f->audit);
    arena_release(&f->arena);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static struct plan_request request_for(struct fixture *f, const struct op *op,
                                       struct plan_record *records, size_t n)
{
    return (struct plan_request){
        .op = op, .verb = op->verb, .records = records, .nrecords = n, .store = &f->store};
}

static struct plan *make(struct fixture *f, const struct plan_request *request)
{
    struct plan *plan = NULL;
    struct err err = {0};
    if (!plan_make(request, &f->call, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

static struct plan *make_bump(struct fixture *f, const char *ids)
{
    struct plan_record records[8] = {0};
    size_t n = 0;
    for (; *ids; ids++)
        records[n++] = (struct plan_record){.id = {ids, 1}};
    static const struct op_arg to = {"to", {"41", 2}};
    struct plan_request request = request_for(f, &bump, records, n);
    request.args = (struct op_args){&to, 1};
    return make(f, &request);
}

static void apply(struct fixture *f, struct plan *plan)
{
    struct err err = {0};
    if (!apply_plan(plan, &f->opts, &err))
        fail_msg("%s", err.text);
}

static const char *json_of(struct fixture *f, const char *id)
{
    struct str s = str_of(id);
    struct read_item item;
    struct err err = {0};
    assert_true(store_read(f->store.store, &s, 1, 0, &f->call, &f->arena, &item, &err));
    if (item.doc.absent)
        return "absent";
    struct sbuf out = SBUF_INIT;
    assert_true(json_write(&out, item.doc.root, JSON_DENSE, &err));
    const char *text = arena_cstr(&f->arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

static struct journal_entry newest(struct fixture *f)
{
    struct journal_entry *list, entry = {0};
    size_t n;
    struct err err = {0};
    assert_true(journal_list(f->journal, &f->arena, 0, STR_NULL, &list, &n, &err));
    assert_true(n > 0);
    assert_true(journal_load(f->journal, &f->arena, str_of(list[0].id), &entry, &err));
    return entry;
}

static struct plan *make_undo(struct fixture *f, const char *id)
{
    struct journal_entry entry;
    struct plan *plan = NULL;
    struct err err = {0};
    assert_true(journal_load(f->journal, &f->arena, str_of(id), &entry, &err));
    if (!plan_undo(&entry, &f->store, 1, STR_NULL, &f->call, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void applied_undone_redone(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "a");
    assert_int_equal(plan->items[0].outcome, OUTCOME_PLANNED);
    assert_int_equal(plan->items[0].change, 1); /* completed alone */
    assert_null(plan->confirm.ptr);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":1},\"partial\":{}}");
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    assert_true(plan->items[0].verified);
    assert_int_equal(plan_exit(plan, true), 0);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":41,\"id\":1},\"partial\":{}}");

    struct plan *undo = make_undo(f, plan->journal_id);
    assert_int_equal(undo->nitems, 1);
    assert_true(undo->items[0].ndiff > 0);
    apply(f, undo);
    assert_true(undo->items[0].verified);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":1},\"partial\":{}}");
    struct journal_entry entry = newest(f);
    assert_int_equal(entry.undoes, 1);

    struct plan *redo = make_undo(f, undo->journal_id);
    assert_string_equal(redo->verb, "redo");
    apply(f, redo);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":41,\"id\":1},\"partial\":{}}");

    /* The first change stays undone: what is in force is the redo, and that can be undone. */
    struct err err = {0};
    struct plan *none = NULL;
    assert_true(journal_load(f->journal, &f->arena, str_of(plan->journal_id), &entry, &err));
    assert_false(plan_undo(&entry, &f->store, 1, STR_NULL, &f->call, &none, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    struct plan *again = make_undo(f, redo->journal_id);
    apply(f, again);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":1},\"partial\":{}}");
    plan_free(plan);
    plan_free(undo);
    plan_free(redo);
    plan_free(again);
}

/* Of one record: its items alone, newest first, and none of another record's. */
static void the_journal_knows_what_one_record_went_through(void **state)
{
    struct fixture *f = *state;
    struct plan *first = make_bump(f, "a"), *both;
    struct journal_entry *entries;
    size_t n;
    struct err err = {0};
    struct str store = store_info(f->store.store)->identity;
    apply(f, first);
    struct plan *undo = make_undo(f, first->journal_id);
    apply(f, undo);
    both = make_bump(f, "ab");
    apply(f, both);
    assert_true(journal_of_record(f->journal, &f->arena, store, STR("a"), 10, &entries, &n, &err));
    assert_int_equal(n, 3);
    assert_string_equal(entries[0].id, both->journal_id);
    assert_string_equal(entries[2].id, first->journal_id);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(entries[i].nitems, 1);
        assert_true(str_is(entries[i].items[0].id, "a"));
    }
    assert_true(journal_of_record(f->journal, &f->arena, store, STR("b"), 10, &entries, &n, &err));
    assert_int_equal(n, 1);
    assert_true(journal_of_record(f->journal, &f->arena, store, STR("a"), 1, &entries, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(entries[0].id, both->journal_id);
    assert_true(
        journal_of_record(f->journal, &f->arena, STR("other"), STR("a"), 9, &entries, &n, &err));
    assert_int_equal(n, 0);
    plan_free(first);
    plan_free(undo);
    plan_free(both);
}

static void stale_plan_is_refused(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "ab");
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 7}, \"partial\": {}}"));
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_CONFLICT);
    assert_non_null(plan->items[0].now);
    assert_int_equal(plan->items[1].outcome, OUTCOME_APPLIED);
    assert_int_equal(plan_exit(plan, true), 9);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":7},\"partial\":{}}");
    plan_free(plan);

    plan = make_bump(f, "a");
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 8}, \"partial\": {}}"));
    apply(f, plan);
    assert_int_equal(plan_exit(plan, true), 4);
    plan_free(plan);
}

static void parts_that_are_not_touched_may_change(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "a");
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 1}, \"partial\": {\"x\": 1}}"));
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    assert_true(plan->items[0].verified);
    assert_string_equal(json_of(f, "a"),
                        "{\"completed\":{\"n\":41,\"id\":1},\"partial\":{\"x\":1}}");
    plan_free(plan);
}

static void undo_of_changed_record_is_refused(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "a");
    apply(f, plan);
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 9}, \"partial\": {}}"));
    struct plan *undo = make_undo(f, plan->journal_id);
    assert_int_equal(undo->items[0].outcome, OUTCOME_CONFLICT);
    apply(f, undo);
    assert_int_equal(plan_exit(undo, true), 4);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":9},\"partial\":{}}");
    plan_free(plan);
    plan_free(undo);
}

static void refusals_stand_beside_the_rest(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "abc");
    assert_int_equal(plan->items[2].outcome, OUTCOME_REFUSED);
    assert_int_equal(plan_exit(plan, false), 0);
    apply(f, plan);
    assert_int_equal(plan_count(plan, OUTCOME_APPLIED), 2);
    assert_int_equal(plan_exit(plan, true), 9);
    assert_string_equal(json_of(f, "c"), "{\"partial\":{}}");
    plan_free(plan);

    plan = make_bump(f, "c");
    assert_int_equal(plan_exit(plan, false), 6);
    plan_free(plan);
}

static void missing_record_fails_the_request(void **state)
{
    struct fixture *f = *state;
    struct plan_record record = {.id = STR("nope")};
    struct plan_request request = request_for(f, &bump, &record, 1);
    struct plan *plan = NULL;
    struct err err = {0};
    assert_false(plan_make(&request, &f->call, &plan, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void second_step_needs_the_first(void **state)
{
    struct fixture *f = *state;
    struct plan_record record = {.id = STR("a"), .other_id = STR("z")};
    struct plan_request request = request_for(f, &shift, &record, 1);
    struct plan *plan = make(f, &request);
    assert_int_equal(plan->nitems, 2);
    memory_set_lock(f->store.store, "z", "somebody");
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_LOCKED);
    assert_int_equal(plan->items[1].outcome, OUTCOME_NOT_TRIED);
    assert_int_equal(plan_exit(plan, true), 5);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":1},\"partial\":{}}");
    plan_free(plan);

    memory_set_lock(f->store.store, "z", NULL);
    plan = make(f, &request);
    apply(f, plan);
    assert_int_equal(plan_exit(plan, true), 0);
    assert_string_equal(json_of(f, "a"), "absent");
    assert_string_equal(json_of(f, "z"), "{\"completed\":{\"n\":1},\"partial\":{}}");

    /* Undone in reverse: SRC must be back before DST goes. */
    struct plan *undo = make_undo(f, plan->journal_id);
    assert_int_equal(undo->items[1].needs, 0);
    assert_str(undo->items[0].id, "a");
    memory_set_lock(f->store.store, "a", "somebody");
    apply(f, undo);
    assert_int_equal(undo->items[1].outcome, OUTCOME_NOT_TRIED);
    assert_string_equal(json_of(f, "z"), "{\"completed\":{\"n\":1},\"partial\":{}}");
    memory_set_lock(f->store.store, "a", NULL);
    plan_free(undo);
    undo = make_undo(f, plan->journal_id);
    apply(f, undo);
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":1},\"partial\":{}}");
    assert_string_equal(json_of(f, "z"), "absent");
    plan_free(plan);
    plan_free(undo);
}

static void source_of_a_copy_must_not_change(void **state)
{
    struct fixture *f = *state;
    struct plan_record record = {.id = STR("a"), .other_id = STR("z")};
    struct plan_request request = request_for(f, &shift, &record, 1);
    struct plan *plan = make(f, &request);
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 9}, \"partial\": {}}"));
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_CONFLICT);
    assert_int_equal(plan_exit(plan, true), 4);
    assert_string_equal(json_of(f, "z"), "absent");
    assert_string_equal(json_of(f, "a"), "{\"completed\":{\"n\":9},\"partial\":{}}");
    plan_free(plan);
}

static void live_writer_blocks(void **state)
{
    struct fixture *f = *state;
    struct activity live = {.sight = ACTIVITY_SEEN, .record_live = true, .who = STR("run 7")};
    struct plan *plan = make_bump(f, "a");
    memory_set_activity(f->store.store, &live); /* starts between plan and apply */
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_LOCKED);
    assert_int_equal(plan_exit(plan, true), 5);
    plan_free(plan);

    plan = make_bump(f, "a");
    assert_true(plan->blocked);
    assert_int_equal(plan_exit(plan, false), 5);
    plan_free(plan);

    struct plan_record record = {.id = STR("a")};
    struct plan_request request = request_for(f, &bump, &record, 1);
    request.force = true;
    plan = make(f, &request);
    assert_true(plan->needs_reason);
    assert_str(plan->confirm, "a");
    struct err err = {0};
    assert_false(apply_plan(plan, &f->opts, &err)); /* no reason */
    assert_int_equal(err.kind, ERR_REFUSED);
    plan_free(plan);
    request.reason = STR("INC-1");
    plan = make(f, &request);
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    plan_free(plan);
}

static void limit_leaves_the_rest(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "ab");
    assert_str(plan->screen_confirm, "bump 2");
    f->opts.limit = 1;
    apply(f, plan);
    assert_int_equal(plan->items[1].outcome, OUTCOME_NOT_TRIED);
    assert_int_equal(plan_exit(plan, true), 9);
    plan_free(plan);
}

static void read_only_gate(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct plan *plan = make_bump(f, "a");
    f->store.target.read_only = true;
    assert_false(apply_plan(plan, &f->opts, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    plan_free(plan);
}

static void locks_are_broken_once(void **state)
{
    struct fixture *f = *state;
    struct lock *locks = NULL;
    struct err err = {0};
    struct plan *plan = NULL;
    memory_set_lock(f->store.store, "a", "x1");
    assert_true(store_locks(f->store.store, NULL, 0, &f->call, &f->arena, &locks, &err));
    assert_non_null(locks);
    assert_true(plan_break(&f->store, locks, 1, STR("stuck"), false, &plan, &err));
    assert_str(plan->confirm, "a");
    assert_str(plan->undo_text, "NOT UNDOABLE");
    memory_set_lock(f->store.store, "a", "x2");
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_CONFLICT);
    plan_free(plan);
    locks = NULL;
    assert_true(store_locks(f->store.store, NULL, 0, &f->call, &f->arena, &locks, &err));
    assert_true(plan_break(&f->store, locks, 1, STR("stuck"), false, &plan, &err));
    apply(f, plan);
    assert_int_equal(plan->items[0].outcome, OUTCOME_APPLIED);
    struct journal_entry entry = newest(f);
    struct plan *undo = NULL;
    assert_false(plan_undo(&entry, &f->store, 1, STR_NULL, &f->call, &undo, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    plan_free(plan);
}

static void journal_that_cannot_be_written(void **state)
{
    struct err err = {0};
    struct journal *journal = NULL;
    assert_false(journal_open("/proc/penstock/journal.db", false, &journal, &err));
    assert_int_equal(err.kind, ERR_INTERNAL); /* "unavailable" is a store that does not answer */
    assert_non_null(strstr(err.text, "/proc/penstock"));
}

static void files_are_private_and_lines_parse(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make_bump(f, "a");
    apply(f, plan);
    plan_free(plan);
    struct stat st;
    assert_int_equal(stat(f->journal_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(f->audit_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    json_t *lines = NULL;
    size_t bad;
    struct err err = {0};
    assert_true(audit_read(f->audit_path, 0, &lines, &bad, &err));
    assert_int_equal(bad, 0);
    assert_int_equal(json_array_size(lines), 2);
    const char *step = json_string_value(json_object_get(json_array_get(lines, 0), "step"));
    assert_string_equal(step, "intended");
    json_decref(lines);
}

static const char *text_at(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

/* A path, a name and an id may be any bytes; JSON has room for UTF-8 alone. */
static void no_field_is_lost_that_is_not_utf8(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    json_t *lines = NULL;
    size_t bad;
    struct plan_record records[] = {{.id = STR("a")}, {.id = STR("\xff")}};
    memory_put(f->store.store, "\xff", NULL, json_value(&f->arena, "{\"partial\": {}}"));
    f->store.target.name = "/data/\xff";
    assert_int_equal(setenv("PENSTOCK_OPERATOR", "Andr\xe9", true), 0);
    audit_close(f->audit);
    assert_true(audit_open(f->audit_path, &f->audit, &err));
    assert_int_equal(unsetenv("PENSTOCK_OPERATOR"), 0);
    f->opts.audit = f->audit;
    struct plan_request request = request_for(f, &bump, records, 2);
    struct plan *plan = make(f, &request);
    json_t *shown = plan_json(plan);
    assert_string_equal(text_at(shown, "target"), "/data/\ufffd");
    json_decref(shown);
    apply(f, plan);
    plan_free(plan);
    assert_true(audit_read(f->audit_path, 0, &lines, &bad, &err));
    assert_int_equal(json_array_size(lines), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *line = json_array_get(lines, i);
        assert_string_equal(text_at(line, "context"), "/data/\ufffd");
        assert_non_null(strstr(text_at(line, "who"), "Andr\ufffd"));
        if (strcmp(text_at(line, "outcome"), "refused") == 0)
            assert_string_equal(text_at(line, "error"), "\ufffd: nothing to bump");
    }
    json_decref(lines);
}

/* A disk that was full in the middle of a line costs that line, and none that follow. */
static void a_torn_line_costs_itself_alone(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct audit *audit;
    json_t *lines = NULL;
    size_t bad;
    FILE *file = fopen(f->audit_path, "a");
    assert_non_null(file);
    fputs("{\"time\": \"2026-11-2", file);
    fclose(file);
    assert_true(audit_open(f->audit_path, &audit, &err));
    assert_true(audit_add(audit, json_object(), &err));
    assert_true(audit_add(audit, json_object(), &err));
    audit_close(audit);
    assert_true(audit_read(f->audit_path, 0, &lines, &bad, &err));
    assert_int_equal(bad, 1);
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
}

static void die(void *ctx)
{
    _exit(9);
}

/* Dies in the middle of a commit in a child; the parent settles it against what the store holds. */
static void settled_after_a_crash(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *holds;
        enum outcome outcome;
    } cases[] = {
        {"{\"completed\": {\"n\": 1}, \"partial\": {}}", OUTCOME_NOT_TRIED},
        {"{\"completed\": {\"n\": 41, \"id\": 77}, \"partial\": {}}", OUTCOME_APPLIED},
        {"{\"completed\": {\"n\": 5}, \"partial\": {}}", OUTCOME_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        memory_put(f->store.store, "a", NULL,
                   json_value(&f->arena, "{\"completed\": {\"n\": 1}, \"partial\": {}}"));
        pid_t pid = fork();
        if (pid == 0) {
            struct journal *journal = NULL;
            if (!journal_open(f->journal_path, false, &journal, &err))
                _exit(1);
            f->opts.journal = journal;
            memory_set_hook(f->store.store, die, NULL);
            apply_plan(make_bump(f, "a"), &f->opts, &err);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 9);
        memory_put(f->store.store, "a", NULL, json_value(&f->arena, cases[i].holds));
        assert_int_equal(newest(f).intended, 1);
        assert_true(apply_settle(f->journal, &f->store, 1, &f->call, &err));
        struct journal_entry entry = newest(f);
        assert_int_equal(entry.intended, 0);
        assert_int_equal(entry.items[0].outcome, cases[i].outcome);
    }
}

/* A write that was sent and never answered: the old document, found right after, proves nothing. */
static void unanswered_is_not_failed(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    pid_t pid = fork();
    if (pid == 0) {
        struct journal *journal = NULL;
        if (!journal_open(f->journal_path, false, &journal, &err))
            _exit(1);
        f->opts.journal = journal;
        memory_set_mute(f->store.store, true);
        struct plan *plan = make_bump(f, "a");
        bool done = apply_plan(plan, &f->opts, &err);
        _exit(done && plan->items[0].outcome == OUTCOME_FAILED && !plan->items[0].verified ? 9 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 9);
    assert_true(apply_settle(f->journal, &f->store, 1, &f->call, &err));
    struct journal_entry entry = newest(f);
    assert_int_equal(entry.intended, 1);
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 41, \"id\": 77}, \"partial\": {}}"));
    assert_true(apply_settle(f->journal, &f->store, 1, &f->call, &err));
    entry = newest(f);
    assert_int_equal(entry.intended, 0);
    assert_int_equal(entry.items[0].outcome, OUTCOME_APPLIED);
    assert_str(entry.items[0].receipt, "memory");
}

/* The program that lost the answer settles it itself, and may go on with what it did not try. */
static void unanswered_is_settled_by_its_own_program(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct plan_record records[] = {{.id = STR("a")}, {.id = STR("b")}};
    const struct op *clear = system_op(store_system(f->store.store), "clear");
    struct plan_request request = request_for(f, clear, records, 2);
    struct plan *plan = make(f, &request), *rest = NULL;
    memory_set_mute(f->store.store, true);
    apply(f, plan);
    memory_set_mute(f->store.store, false);
    assert_int_equal(plan->items[1].outcome, OUTCOME_NOT_TRIED);
    assert_str(plan->items[1].detail, "stopped: the store was lost");
    plan_free(plan);
    assert_true(apply_settle(f->journal, &f->store, 1, &f->call, &err));
    struct journal_entry entry = newest(f);
    assert_int_equal(entry.intended, 1); /* it may still come */
    if (!plan_resume(&entry, &f->store, 1, f->journal, STR_NULL, &f->call, &rest, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rest->nitems, 1);
    assert_str(rest->items[0].id, "b");
    assert_non_null(strstr(rest->note.ptr, "not known"));
    plan_free(rest);

    memory_put(f->store.store, "a", NULL, NULL);
    assert_true(apply_settle(f->journal, &f->store, 1, &f->call, &err));
    entry = newest(f);
    assert_int_equal(entry.intended, 0);
    assert_int_equal(entry.items[0].outcome, OUTCOME_APPLIED);
}

static void stale_plan_shows_both_values(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct plan_record record = {.id = STR("a")};
    const struct op *clear = system_op(store_system(f->store.store), "clear");
    struct plan_request request = request_for(f, clear, &record, 1);
    struct plan *plan = make(f, &request), *loaded = NULL;
    json_t *saved = plan_save(plan);
    assert_false(plan_load(saved, &f->store, 0, f->journal, &f->call, &loaded, &err));
    assert_int_equal(err.kind, ERR_CONFLICT); /* of another store */
    json_t *named = json_object_get(json_object_get(saved, "saved"), "request");
    named = json_array_get(json_object_get(named, "records"), 0);
    json_object_set_new(named, "label", json_string("harmless"));
    assert_false(plan_load(saved, &f->store, 1, f->journal, &f->call, &loaded, &err));
    assert_non_null(strstr(err.text, "names harmless, which is a now"));
    json_object_set_new(named, "label", json_string("a"));
    memory_put(f->store.store, "a", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 23}, \"partial\": {}}"));
    assert_false(plan_load(saved, &f->store, 1, f->journal, &f->call, &loaded, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "was {\"completed\": {\"n\": 1}"));
    assert_non_null(strstr(err.text, "is {\"completed\": {\"n\": 23}"));
    json_decref(saved);
    plan_free(plan);
}

/* A printed command names the record it was printed for, whatever the id is made of. */
static void printed_ids_come_back(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct str id;
        const char *word;
    } cases[] = {
        {STR("a:tap-x-to-y"), "a:tap-x-to-y"},
        {STR("it's"), "'it'\\''s'"},
        {STR("-rf"), "base64:LXJm"},
        {STR("a\nb"), "base64:YQpi"},
        {STR("\xc2\x9b"), "base64:wps="},
        {STR("\xff"), "base64:/w=="},
        {STR("base64:YQ=="), "base64:YmFzZTY0OllRPT0="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        struct str back;
        assert_str(output_id_word(&f->arena, cases[i].id), cases[i].word);
        struct str name = output_id_name(&f->arena, cases[i].id);
        assert_true(output_id_parse(&f->arena, name, &back, &err));
        assert_true(str_eq(back, cases[i].id));
    }
    memory_put(f->store.store, "base64:YQ==", NULL,
               json_value(&f->arena, "{\"completed\": {\"n\": 1}, \"partial\": {}}"));
    struct plan_record record = {.id = STR("base64:YQ==")};
    struct plan_request request = request_for(f, &bump, &record, 1);
    struct plan *plan = NULL;
    struct err err = {0};
    assert_true(plan_make(&request, &f->call, &plan, &err));
    json_t *shown = plan_json(plan);
    assert_non_null(strstr(json_string_value(json_object_get(shown, "same_as")),
                           " bump base64:YmFzZTY0OllRPT0="));
    json_decref(shown);
    plan_free(plan);
}

static void saved_plan_goes_stale(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct plan *plan = make_bump(f, "a"), *loaded = NULL;
    json_t *saved = plan_save(plan);
    char *text = json_dumps(saved, 0);
    assert_null(
        strstr(text, "\"completed\"")); /* no stored document stands in it, but for the diff */
    free(text);
    json_t *request = json_object_get(json_object_get(saved, "saved"), "request");
    json_object_set_new(request, "op", json_string("no-such-operation"));
    assert_false(plan_load(saved, &f->store, 1, f->journal, &f->call, &loaded, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    json_decref(saved);
    plan_free(plan);
}

/* The token in the file is the digest of a lock that was seen; "" is what no lock has. */
static void saved_break_of_no_lock(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct lock *locks = NULL;
    struct plan *plan = NULL, *loaded = NULL;
    memory_set_lock(f->store.store, "a", "x1");
    assert_true(store_locks(f->store.store, NULL, 0, &f->call, &f->arena, &locks, &err));
    assert_true(plan_break(&f->store, locks, 1, STR("stuck"), false, &plan, &err));
    json_t *saved = plan_save(plan);
    json_t *record = json_object_get(json_object_get(saved, "saved"), "request");
    record = json_array_get(json_object_get(record, "records"), 0);
    json_object_set_new(record, "token", json_string(""));
    memory_set_lock(f->store.store, "a", NULL);
    assert_false(plan_load(saved, &f->store, 1, f->journal, &f->call, &loaded, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "was released"));
    json_decref(saved);
    plan_free(plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applied_undone_redone),
        TEST(saved_break_of_no_lock),
        TEST(stale_plan_is_refused),
        TEST(the_journal_knows_what_one_record_went_through),
        TEST(parts_that_are_not_touched_may_change),
        TEST(undo_of_changed_record_is_refused),
        TEST(refusals_stand_beside_the_rest),
        TEST(missing_record_fails_the_request),
        TEST(second_step_needs_the_first),
        TEST(source_of_a_copy_must_not_change),
        TEST(live_writer_blocks),
        TEST(limit_leaves_the_rest),
        TEST(read_only_gate),
        TEST(locks_are_broken_once),
        TEST(journal_that_cannot_be_written),
        TEST(files_are_private_and_lines_parse),
        TEST(no_field_is_lost_that_is_not_utf8),
        TEST(a_torn_line_costs_itself_alone),
        TEST(settled_after_a_crash),
        TEST(unanswered_is_not_failed),
        TEST(unanswered_is_settled_by_its_own_program),
        TEST(printed_ids_come_back),
        TEST(saved_plan_goes_stale),
        TEST(stale_plan_shows_both_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
