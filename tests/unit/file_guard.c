/* Replacing and removing a file while others write: what they wrote is never lost, and nothing of
 * ours stays where the change did not happen. */
#include "tests/unit/test.h"

#include "backends/file/guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What somebody does just when we look at what was displaced. */
enum meddling {
    NOTHING,
    LOCK_TAKEN,     /* our lock is theirs now */
    WRITTEN,        /* in place, as Meltano and VDK write */
    RENAMED,        /* another file put over the name, as Django writes */
    STILL_OURS = 8, /* and our lock is ours all the same */
};

struct fixture {
    char path[64];
    int dir;
    struct arena arena;
    struct call call;
    int meddling;
};

static void put(struct fixture *f, const char *name, const char *text)
{
    int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static bool still(void *ctx, struct err *err)
{
    struct fixture *f = ctx;
    int what = f->meddling & ~STILL_OURS;
    if (what == WRITTEN)
        put(f, "state", "theirs");
    if (what == RENAMED) {
        put(f, "other", "theirs");
        assert_int_equal(renameat(f->dir, "other", f->dir, "state"), 0);
    }
    return what == NOTHING || (f->meddling & STILL_OURS) || err_set(err, ERR_LOCKED, "taken");
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/penstock-guard-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->dir = open(f->path, O_RDONLY | O_DIRECTORY);
    f->call = call_within(30000, NULL);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    unlinkat(f->dir, "state", 0);
    close(f->dir);
    assert_int_equal(rmdir(f->path), 0);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* The file is `text`, NULL: it is not there; nothing else is in the directory. */
static void assert_state(struct fixture *f, const char *text)
{
    struct file_content content;
    struct err err = {0};
    assert_true(file_read(f->dir, "state", 100, 0, &f->call, &f->arena, &content, &err));
    assert_int_equal(content.absent, text == NULL);
    if (text)
        assert_str(content.bytes, text);
    DIR *entries = opendir(f->path);
    assert_non_null(entries);
    for (struct dirent *e; (e = readdir(entries));)
        assert_true(e->d_name[0] == '.' ? strlen(e->d_name) < 3 : !strcmp(e->d_name, "state"));
    closedir(entries);
}

struct guard_case {
    const char *there, *seen; /* NULL: no file */
    int meddling;
    enum err_kind kind;
    const char *replaced, *removed; /* what is there then */
};

static const struct guard_case cases[] = {
    {"old", "old", NOTHING, ERR_NONE, "new", NULL},
    {"newer", "old", NOTHING, ERR_CONFLICT, "newer", "newer"},
    {"old and more", "old", NOTHING, ERR_CONFLICT, "old and more", "old and more"},
    {"", "", NOTHING, ERR_NONE, "new", NULL},
    {"", "old", NOTHING, ERR_CONFLICT, "", ""},
    {NULL, "old", NOTHING, ERR_CONFLICT, NULL, NULL},
    {"old", "old", LOCK_TAKEN, ERR_LOCKED, "old", "old"},
    {"old", "old", WRITTEN, ERR_LOCKED, "theirs", "theirs"},
    {"old", "old", RENAMED, ERR_LOCKED, "theirs", "theirs"},
    {"old", "old", WRITTEN | STILL_OURS, ERR_NONE, "theirs", "theirs"},
};

static struct file_guard guard_of(struct fixture *f, const struct guard_case *c)
{
    f->meddling = c->meddling;
    if (c->there)
        put(f, "state", c->there);
    return (struct file_guard){str_of(c->seen), still, f, &f->arena};
}

static void replaced(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct guard_case *c = &cases[i];
        struct file_guard guard = guard_of(f, c);
        struct file_stage stage;
        struct err err = {0};
        assert_true(file_stage(f->dir, STR("new"), NULL, true, &stage, &err));
        bool ok = file_guarded_replace(&guard, &stage, STR("new"), "state", &err);
        assert_int_equal(ok, c->kind == ERR_NONE);
        assert_int_equal(err.kind, c->kind);
        assert_state(f, c->replaced);
        unlinkat(f->dir, "state", 0);
    }
}

static void removed(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct guard_case *c = &cases[i];
        struct file_guard guard = guard_of(f, c);
        struct err err = {0};
        assert_int_equal(file_guarded_remove(&guard, f->dir, "state", &err), c->kind == ERR_NONE);
        assert_int_equal(err.kind, c->kind);
        assert_state(f, c->removed);
        unlinkat(f->dir, "state", 0);
    }
}

static void a_file_that_appeared_stays(void **state)
{
    struct fixture *f = *state;
    struct file_guard guard = {.seen = STR_NULL, .arena = &f->arena};
    struct file_stage stage;
    struct err err = {0};
    assert_true(file_stage(f->dir, STR("new"), NULL, true, &stage, &err));
    assert_true(file_guarded_replace(&guard, &stage, STR("new"), "state", &err));
    assert_state(f, "new");
    assert_true(file_stage(f->dir, STR("newer"), NULL, true, &stage, &err));
    assert_false(file_guarded_replace(&guard, &stage, STR("newer"), "state", &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_state(f, "new");
}

/* The directory would let us; an undo could not make the file again as it was. */
static void what_could_not_come_back_stays(void **state)
{
    enum { NOBODY = 65534 };
    struct fixture *f = *state;
    struct file_guard guard = {.seen = STR("theirs"), .arena = &f->arena};
    struct err err = {0};
    bool root = geteuid() == 0;
    put(f, "state", "theirs");
    assert_int_equal(fchmodat(f->dir, "state", 0444, 0), 0);
    assert_int_equal(chmod(f->path, 0777), 0);
    if (root)
        assert_int_equal(seteuid(NOBODY), 0);
    bool ok = file_guarded_remove(&guard, f->dir, "state", &err);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_false(ok);
    assert_int_equal(err.kind, ERR_DENIED);
    assert_state(f, "theirs");
}

static time_t ahead_s;

/* In place of libc's: the sweep spares what is younger than a minute. */
time_t time(time_t *ret)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time_t seconds = now.tv_sec + ahead_s;
    if (ret)
        *ret = seconds;
    return seconds;
}

/* A crash left both: what we made goes, what was somebody's stays. */
static void a_sweep_takes_only_what_we_made(void **state)
{
    struct fixture *f = *state;
    struct file_stage made, aside;
    struct err err = {0};
    bool absent;
    put(f, "state", "theirs");
    assert_true(file_stage(f->dir, STR("ours"), NULL, false, &made, &err));
    assert_true(file_stage_aside(f->dir, "state", &aside, &absent, &err));
    file_sweep(f->dir);
    assert_int_equal(faccessat(f->dir, made.name, F_OK, 0), 0);
    ahead_s = 3600;
    file_sweep(f->dir);
    ahead_s = 0;
    assert_int_equal(faccessat(f->dir, made.name, F_OK, 0), -1);
    assert_int_equal(renameat(f->dir, aside.name, f->dir, "state"), 0);
    assert_state(f, "theirs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaced, start, stop),
        cmocka_unit_test_setup_teardown(removed, start, stop),
        cmocka_unit_test_setup_teardown(a_file_that_appeared_stays, start, stop),
        cmocka_unit_test_setup_teardown(a_sweep_takes_only_what_we_made, start, stop),
        cmocka_unit_test_setup_teardown(what_could_not_come_back_stays, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
