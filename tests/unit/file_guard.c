/* Replacing and removing a file while others write: what they wrote is never lost, and nothing of
 * ours stays where the change did not happen. */
#include "tests/unit/test.h"

#include "backends/file/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What somebody does just when we look at what was displaced. */
enum meddling {
    NOTHING,
    LOCK_TAKEN,     /* our lock is theirs now */
    WRITTEN,        /* in place, as Meltano and VDK write */
    RENAMED,        /* another file put over the name, as Django writes */
    REMOVED,        /* as Django culls */
    STILL_OURS = 8, /* and our lock is ours all the same */
    BEFORE = 16,    /* not when we look behind the change, but right before it */
};

/* What the file system can do: ext4 all, NFS links alone, exFAT only not to replace. */
enum ability { EXCHANGE = 1, NOREPLACE = 2, LINK = 4, ALL = 7 };

static const int file_systems[] = {ALL, NOREPLACE | LINK, LINK, NOREPLACE, 0};

struct fixture {
    char path[64];
    int dir;
    struct arena arena;
    struct call call;
    int meddling, looks_before;
};

static struct fixture *meddled; /* whose file system it is */
static int abilities = ALL;

static int rename_as_is(int dir, const char *from, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, dir, from, dir, to, flags);
}

static void put(struct fixture *f, const char *name, const char *text)
{
    int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void meddle(struct fixture *f)
{
    int what = f->meddling & ~(STILL_OURS | BEFORE);
    if (what == WRITTEN)
        put(f, "state", "theirs");
    if (what == RENAMED) {
        put(f, "other", "theirs");
        assert_int_equal(rename_as_is(f->dir, "other", "state", 0), 0);
    }
    if (what == REMOVED)
        unlinkat(f->dir, "state", 0);
}

/* In place of libc's: what the file system cannot do, and what somebody does right before it. */
static int renamed(int dir, const char *from, const char *to, unsigned flags)
{
    int needs = flags == RENAME_EXCHANGE ? EXCHANGE : flags == RENAME_NOREPLACE ? NOREPLACE : 0;
    if (needs & ~abilities) {
        errno = EINVAL;
        return -1;
    }
    if (meddled && (meddled->meddling & BEFORE) && strcmp(to, "state") == 0) {
        meddle(meddled);
        meddled->meddling = NOTHING;
    }
    return rename_as_is(dir, from, to, flags);
}

int renameat2(int dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    assert_int_equal(dir, to_dir);
    return renamed(dir, from, to, flags);
}

int renameat(int dir, const char *from, int to_dir, const char *to)
{
    assert_int_equal(dir, to_dir);
    return renamed(dir, from, to, 0);
}

int linkat(int dir, const char *from, int to_dir, const char *to, int flags)
{
    if (!(abilities & LINK)) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, dir, from, to_dir, to, flags);
}

static bool still(void *ctx, struct err *err)
{
    struct fixture *f = ctx;
    if ((f->meddling & BEFORE) || f->looks_before-- > 0)
        return true;
    meddle(f);
    return f->meddling == NOTHING || (f->meddling & STILL_OURS) ||
           err_set(err, ERR_LOCKED, "taken");
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/penstock-guard-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->dir = open(f->path, O_RDONLY | O_DIRECTORY);
    f->call = call_within(TEST_CALL_MS, NULL);
    *state = meddled = f;
    abilities = ALL;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    meddled = NULL;
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

/* Right before the change: an exchange loses nothing, a link nothing that is written in place. */
static const struct {
    int meddling;
    const char *exchanged, *linked, *neither; /* "new": we did not see it */
} just_before[] = {
    {WRITTEN, "theirs", "theirs", "new"},
    {RENAMED, "theirs", "new", "new"},
    {REMOVED, NULL, "new", "new"},
};

static struct file_guard guard_of(struct fixture *f, const struct guard_case *c)
{
    f->meddling = c->meddling;
    if (c->there)
        put(f, "state", c->there);
    return (struct file_guard){str_of(c->seen), still, f, &f->arena};
}

static void replace(struct fixture *f, const struct guard_case *c)
{
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

static void replaced(void **state)
{
    struct fixture *f = *state;
    for (size_t fs = 0; fs < sizeof file_systems / sizeof file_systems[0]; fs++) {
        abilities = file_systems[fs];
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            if (!(abilities & (EXCHANGE | LINK)) && (cases[i].meddling & STILL_OURS))
                continue; /* nothing is looked at behind the change */
            f->looks_before = (abilities & (EXCHANGE | LINK)) == LINK;
            replace(f, &cases[i]);
        }
    }
}

static void replaced_while_it_is_written(void **state)
{
    struct fixture *f = *state;
    for (size_t fs = 0; fs < sizeof file_systems / sizeof file_systems[0]; fs++) {
        abilities = file_systems[fs];
        for (size_t i = 0; i < sizeof just_before / sizeof just_before[0]; i++) {
            const char *then = abilities & EXCHANGE ? just_before[i].exchanged
                               : abilities & LINK   ? just_before[i].linked
                                                    : just_before[i].neither;
            bool unseen = then && strcmp(then, "new") == 0;
            replace(f, &(struct guard_case){"old", "old", just_before[i].meddling | BEFORE,
                                            unseen ? ERR_NONE : ERR_CONFLICT, then, NULL});
        }
    }
}

static void removed(void **state)
{
    struct fixture *f = *state;
    size_t ncases = sizeof cases / sizeof cases[0];
    for (size_t i = 0; i < ncases * (sizeof file_systems / sizeof file_systems[0]); i++) {
        const struct guard_case *c = &cases[i % ncases];
        abilities = file_systems[i / ncases];
        struct file_guard guard = guard_of(f, c);
        struct err err = {0};
        assert_int_equal(file_guarded_remove(&guard, f->dir, "state", &err), c->kind == ERR_NONE);
        assert_int_equal(err.kind, c->kind);
        assert_state(f, c->removed);
        unlinkat(f->dir, "state", 0);
    }
}

/* A new file must not replace one that appears: where that cannot be asked for it is not made. */
static void a_file_is_made_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    for (size_t fs = 0; fs < sizeof file_systems / sizeof file_systems[0]; fs++) {
        abilities = file_systems[fs];
        replace(f, abilities
                       ? &(struct guard_case){NULL, NULL, NOTHING, ERR_NONE, "new", NULL}
                       : &(struct guard_case){NULL, NULL, NOTHING, ERR_UNSUPPORTED, NULL, NULL});
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
        cmocka_unit_test_setup_teardown(replaced_while_it_is_written, start, stop),
        cmocka_unit_test_setup_teardown(removed, start, stop),
        cmocka_unit_test_setup_teardown(a_file_is_made_whole_or_not_at_all, start, stop),
        cmocka_unit_test_setup_teardown(a_file_that_appeared_stays, start, stop),
        cmocka_unit_test_setup_teardown(a_sweep_takes_only_what_we_made, start, stop),
        cmocka_unit_test_setup_teardown(what_could_not_come_back_stays, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
