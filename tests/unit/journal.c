/* core/journal.h: the file itself, and what is read from a large one. (What a plan writes into it
 * is tests/unit/plan.c.) */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "core/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MANY = 4000 };

struct fixture {
    char dir[64], path[96];
    struct arena arena;
    struct journal *journal;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    strcpy(f->dir, "/tmp/penstock-journal-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/s/journal.db", f->dir);
    mode_t old = umask(0);
    bool ok = journal_open(f->path, false, &f->journal, &err);
    umask(old);
    if (!ok)
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    journal_close(f->journal);
    arena_release(&f->arena);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* An entry with n items, which are left INTENDED; `undoes` (may be NULL) are those they restore. */
static struct journal_entry begin(struct fixture *f, size_t n, const struct journal_item *undoes)
{
    struct err err = {0};
    struct journal_item *items = arena_array(&f->arena, struct journal_item, n);
    for (size_t i = 0; i < n; i++) {
        items[i] = (struct journal_item){.store = STR("store"),
                                         .id = arena_printf(&f->arena, "%zu", i),
                                         .label = STR("record"),
                                         .needs = -1,
                                         .undoes = undoes ? undoes[i].n : 0};
    }
    struct journal_entry entry = {.at_us = clock_now_us(),
                                  .store = STR("store"),
                                  .verb = STR("test"),
                                  .nitems = n,
                                  .items = items};
    if (!journal_begin(f->journal, &entry, &err))
        fail_msg("%s", err.text);
    return entry;
}

static void record_all(struct fixture *f, const struct journal_entry *entry)
{
    struct err err = {0};
    for (size_t i = 0; i < entry->nitems; i++) {
        entry->items[i].outcome = OUTCOME_APPLIED;
        if (!journal_record(f->journal, &entry->items[i], &err))
            fail_msg("%s", err.text);
    }
}

/* Also where the umask would let everybody read it. */
static void nobody_else_reads_it(void **state)
{
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    begin(f, 1, NULL);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

/* Each item is looked for among those that restore one: by an index, or this takes minutes. */
static void a_large_undo_is_found_at_once(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct journal_entry done = begin(f, MANY, NULL);
    record_all(f, &done);
    struct journal_entry undo = begin(f, MANY, done.items);
    record_all(f, &undo);
    struct journal_entry *entries, loaded;
    size_t n;
    int64_t started_ms = clock_monotonic_ms();
    assert_true(journal_list(f->journal, &f->arena, 0, STR_NULL, &entries, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(entries[1].undone_by, undo.n);
    assert_true(journal_load(f->journal, &f->arena, str_of(done.id), &loaded, &err));
    for (size_t i = 0; i < MANY; i++)
        assert_true(loaded.items[i].undone);
    assert_in_range(clock_monotonic_ms() - started_ms, 0, 30000);
}

static void only_open_entries_are_settled(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct journal_entry done = begin(f, 3, NULL), open = begin(f, 3, NULL), *entries;
    size_t n;
    record_all(f, &done);
    open.items[1].outcome = OUTCOME_NOT_TRIED;
    assert_true(journal_record(f->journal, &open.items[1], &err));
    assert_true(journal_open_entries(f->journal, &f->arena, &entries, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(entries[0].n, open.n);
    assert_int_equal(entries[0].intended, 2);
    record_all(f, &open);
    assert_true(journal_open_entries(f->journal, &f->arena, &entries, &n, &err));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_else_reads_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_open_entries_are_settled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_undo_is_found_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
