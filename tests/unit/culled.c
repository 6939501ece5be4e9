/* Django's file cache culls while we write: at each moment it is said what happened, and what
 * others keep there is not touched. */
#include "tests/unit/test.h"
#include "tests/unit/tree.h"

#include "backends/file/store.h"
#include "core/json.h"
#include "core/store_driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The session `c` of formats/triggers.md 4.4, and its file. */
static const char file_name[] = "d75bc209b602f294c9a7b0edf1525a76.djcache";

enum moment { NEVER, BEFORE, BEHIND };

struct fixture {
    char dir[64];
    struct arena arena;
    struct call call;
    struct store *store;
};

static const char *culled_dir; /* whose file is culled, and when: around the exchange */
static enum moment cull_at;

static void cull(void)
{
    int dir = open(culled_dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(unlinkat(dir, file_name, 0), 0);
    close(dir);
}

/* In place of libc's. */
int renameat2(int dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    enum moment when = strcmp(to, file_name) == 0 ? cull_at : NEVER;
    if (when == BEFORE)
        cull();
    int result = (int)syscall(SYS_renameat2, dir, from, to_dir, to, flags);
    if (when == BEHIND)
        cull();
    return result;
}

static int set_up(void **state)
{
    static const struct address_param params[] = {{"lock", "none"}};
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    strcpy(f->dir, "/tmp/penstock-culled-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->call = call_within(TEST_CALL_MS, NULL);
    struct address address = {.backend = "file",
                              .url = f->dir,
                              .params = params,
                              .nparams = 1,
                              .identity = "test",
                              .masked = "test",
                              .plain = "test"};
    struct store_opts opts = {
        .writable = true, .lock_wait_ms = 100, .operator_name = STR("ana@elsewhere")};
    if (!store_open(&file_triggers_djcache, &address, &opts, &f->call, &f->store, &err))
        fail_msg("%s", err.text);
    culled_dir = f->dir;
    cull_at = NEVER;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    tree_remove(f->dir);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct document read_now(struct fixture *f)
{
    struct read_item item;
    struct err err = {0};
    struct str id = STR("c");
    if (!store_read(f->store, &id, 1, 0, &f->call, &f->arena, &item, &err))
        fail_msg("%s", err.text);
    return item.doc;
}

/* *ret_err: the store's error or the item's. */
static struct commit_item commit(struct fixture *f, enum edit_kind kind,
                                 const struct document *before, const char *after,
                                 struct err *ret_err)
{
    struct commit_item item = {
        .kind = kind, .id = before->id, .compare = 1, .change = 1, .before = before};
    *ret_err = (struct err){0};
    if (after && !json_read(&f->arena, str_of(after), &item.after, ret_err))
        fail_msg("%s", ret_err->text);
    memcpy(item.expect, before->versions, sizeof item.expect);
    if (store_commit(f->store, &item, &f->call, &f->arena, ret_err))
        *ret_err = item.err;
    return item;
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    size_t n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n == 2; /* . and .. */
}

static const char session[] = "{\"tasks\": {}, \"instances\": {}, \"metas\": {\"m\": 1}}";
static const char changed[] = "{\"tasks\": {}, \"instances\": {}, \"metas\": {\"m\": 2}}";

static struct document make(struct fixture *f)
{
    struct err err;
    struct document none = read_now(f);
    assert_true(none.absent);
    assert_int_equal(commit(f, EDIT_WRITE, &none, session, &err).outcome, OUTCOME_APPLIED);
    return read_now(f);
}

static void culled_before_it_is_written_over(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct document doc = make(f);
    cull_at = BEFORE;
    struct commit_item item = commit(f, EDIT_WRITE, &doc, changed, &err);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_non_null(strstr(err.text, "somebody removed it meanwhile; nothing was changed"));
    assert_true(is_empty(f->dir)); /* it does not come back, and nothing of ours is left */
}

static void culled_right_behind_the_write(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct document doc = make(f);
    cull_at = BEHIND;
    struct commit_item item = commit(f, EDIT_WRITE, &doc, changed, &err);
    assert_int_not_equal(item.outcome, OUTCOME_APPLIED);
    assert_non_null(strstr(err.text, "written, and removed by somebody right behind it"));
    assert_true(is_empty(f->dir));
}

static void culled_between_plan_and_change(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct document doc = make(f);
    cull();
    assert_int_equal(commit(f, EDIT_WRITE, &doc, changed, &err).outcome, OUTCOME_CONFLICT);
    assert_int_equal(commit(f, EDIT_REMOVE, &doc, NULL, &err).outcome, OUTCOME_CONFLICT);
    assert_true(is_empty(f->dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(culled_before_it_is_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(culled_right_behind_the_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(culled_between_plan_and_change, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
