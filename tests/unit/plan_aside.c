/* What an operator takes out of a plan and puts back: dropped records, records set aside. */
#include "tests/unit/test.h"

#include "backends/memory/memory.h"
#include "core/json.h"
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena arena;
    struct open_store store;
    struct call call;
};

/* Removes a record; one whose `completed` holds anything loses data by it. */
static bool wipe_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    (void)err;
    op_edit_add(out, 0, EDIT_REMOVE, NULL);
    op_consequence(out, in->arena, "gone", LEVEL_WARN, "the record is gone")->bytes = 10;
    if (value_count(value_get(in->docs[0]->root, "completed")))
        op_consequence(out, in->arena, "lost", LEVEL_DANGER, "LOSES what %.*s held",
                       STR_ARG(in->docs[0]->id))
            ->instead = "keep";
    return true;
}

static bool shift_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    (void)err;
    op_edit_add(out, 1, EDIT_WRITE, in->docs[0]->root);
    op_edit_add(out, 0, EDIT_REMOVE, NULL)->needs_previous = true;
    return true;
}

static struct writer judge(const struct op *op, const struct op_input *in)
{
    (void)op, (void)in;
    return (struct writer){WRITER_NONE_SEEN, STR_NULL};
}

static const struct op wipe = {.verb = "wipe", .run = wipe_run, .judge = judge};
static const struct op shift = {.verb = "shift",
                                .takes_second = true,
                                .second = "dst",
                                .second_absent_ok = true,
                                .run = shift_run,
                                .judge = judge};

static void put(struct fixture *f, const char *id, const char *json)
{
    const struct value *root = NULL;
    struct err err = {0};
    assert_true(json_read(&f->arena, str_of(json), &root, &err));
    memory_put(f->store.store, id, NULL, root);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    f->call = call_within(TEST_CALL_MS, NULL);
    struct address address = {.backend = "memory", .identity = "meltano+memory:test"};
    struct store_opts opts = {.writable = true};
    f->store.target = (struct target){.address = address, .name = "test", .env = ENV_DEV};
    assert_true(
        store_open(memory_layout("meltano"), &address, &opts, &f->call, &f->store.store, &err));
    put(f, "a", "{\"completed\": {}, \"partial\": {}}");
    put(f, "b", "{\"completed\": {\"n\": 2}, \"partial\": {}}");
    put(f, "c", "{\"completed\": {}, \"partial\": {\"n\": 3}}");
    put(f, "d", "{\"completed\": {\"n\": 4}, \"partial\": {}}");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store.store);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct plan *make(struct fixture *f, const struct op *op, const char *ids)
{
    struct plan_record records[8] = {0};
    size_t n = 0;
    for (; ids[n]; n++) {
        records[n].id = (struct str){ids + n, 1};
        if (op->takes_second)
            records[n].other_id = arena_printf(&f->arena, "new-%c", ids[n]);
    }
    struct plan_request request = {
        .op = op, .verb = op->verb, .records = records, .nrecords = n, .store = &f->store};
    struct plan *plan = NULL;
    struct err err = {0};
    if (!plan_make(&request, &f->call, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

static enum outcome outcome_of(const struct plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->nitems; i++) {
        if (str_is(plan->items[i].id, id))
            return plan->items[i].outcome;
    }
    fail_msg("%s is not in the plan", id);
    return OUTCOME_FAILED;
}

static void what_loses_data_is_set_aside(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make(f, &wipe, "abc");
    assert_str(plan->consequences->text, "LOSES what b held");
    assert_string_equal(plan->consequences->instead, "keep");
    assert_int_equal(plan->consequences->next->records, 3);
    plan_set_aside(plan, false);
    assert_int_equal(outcome_of(plan, "a"), OUTCOME_PLANNED);
    assert_int_equal(outcome_of(plan, "b"), OUTCOME_SET_ASIDE);
    assert_int_equal(plan_count(plan, OUTCOME_PLANNED), 2);
    assert_str(plan->consequences->text, "the record is gone");
    assert_int_equal(plan->consequences->records, 2);
    assert_str(plan->screen_confirm, "wipe 2");
    assert_false(plan->needs_reason);
    assert_str(plan->equivalent, "penstock -t test state wipe a c");
    assert_int_equal(plan_exit(plan, false), 0);

    plan_include(plan, 1);
    assert_int_equal(outcome_of(plan, "b"), OUTCOME_PLANNED);
    assert_str(plan->screen_confirm, "test 3");
    assert_null(plan->confirm.ptr); /* the command line names what it wants anyway */
    assert_true(plan->needs_reason);
    assert_str(plan->consequences->text, "LOSES what b held");
    plan_drop(plan, 1);
    assert_false(plan->needs_reason);
    assert_str(plan->screen_confirm, "wipe 2");
    plan_free(plan);
}

static void what_all_do_is_what_was_asked_for(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make(f, &wipe, "bd");
    plan_set_aside(plan, false);
    assert_int_equal(plan_count(plan, OUTCOME_PLANNED), 2);
    plan_set_aside(plan, true);
    assert_int_equal(plan_count(plan, OUTCOME_SET_ASIDE), 2);
    assert_null(plan->screen_confirm.ptr);
    plan_free(plan);
    plan = make(f, &wipe, "ac");
    plan_set_aside(plan, false);
    assert_int_equal(plan_count(plan, OUTCOME_PLANNED), 2);
    plan_free(plan);
}

/* Both edits of a record go together: half a move would be a copy. */
static void a_record_is_dropped_whole(void **state)
{
    struct fixture *f = *state;
    struct plan *plan = make(f, &shift, "abc");
    assert_int_equal(plan->nitems, 6);
    plan_drop(plan, 3); /* the removal of b */
    assert_int_equal(plan->nitems, 4);
    assert_int_equal(plan->request.nrecords, 2);
    assert_str(plan->items[2].id, "new-c");
    assert_str(plan->items[3].id, "c");
    assert_int_equal(plan->items[3].needs, 2);
    assert_int_equal(plan->items[3].record, 1);
    assert_str(plan->equivalent, "penstock -t test state shift a --dst new-a c --dst new-c");
    plan_free(plan);
}

/* What was decided is part of a saved plan. */
static void a_saved_plan_keeps_it(void **state)
{
    struct fixture *f = *state;
    const struct op *clear = system_op(store_system(f->store.store), "clear");
    struct plan *plan = make(f, clear, "bd"), *loaded = NULL;
    json_t *saved = plan_save(plan);
    json_t *items = json_object_get(json_object_get(saved, "saved"), "items");
    json_object_set_new(json_array_get(items, 0), "included", json_true());
    json_object_set_new(json_array_get(items, 1), "outcome", json_string("set_aside"));
    struct err err = {0};
    if (!plan_load(saved, &f->store, 1, NULL, &f->call, &loaded, &err))
        fail_msg("%s", err.text);
    assert_int_equal(outcome_of(loaded, "b"), OUTCOME_PLANNED);
    assert_int_equal(outcome_of(loaded, "d"), OUTCOME_SET_ASIDE);
    assert_true(loaded->items[0].included);
    assert_str(loaded->screen_confirm, "b");
    json_t *again = plan_save(loaded);
    assert_true(json_equal(items, json_object_get(json_object_get(again, "saved"), "items")));
    json_decref(again);
    json_decref(saved);
    plan_free(loaded);
    plan_free(plan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_loses_data_is_set_aside),
        TEST(what_all_do_is_what_was_asked_for),
        TEST(a_record_is_dropped_whole),
        TEST(a_saved_plan_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
