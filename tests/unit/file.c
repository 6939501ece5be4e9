/* Stores on files: what is written byte for byte, torn files, links, locks, two writers, kill
 * (formats/meltano.md 4, 10, 11; docs/stores.md). */
#include "tests/unit/tree.h"
#include "tests/unit/values.h"

#include "backends/file/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PAIR(c, p) "{\"completed\": " c ", \"partial\": " p "}"
#define SS(x) "{\"singer_state\": " x "}"

struct fixture {
    char dir[64];
    struct arena arena;
    struct call call;
    struct store *store;
};

static struct store *open_layout(struct fixture *f, const struct file_layout *files)
{
    struct address address = {
        .backend = "file", .url = f->dir, .identity = "test", .masked = "test"};
    struct store_opts opts = {
        .writable = true, .lock_wait_ms = 100, .operator_name = STR("ana@elsewhere")};
    struct store *store = NULL;
    struct err err = {0};
    if (!store_open(&files->layout, &address, &opts, &f->call, &store, &err))
        fail_msg("%s", err.text);
    return store;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/penstock-file-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->call = call_within(TEST_CALL_MS, NULL);
    f->store = open_layout(f, &file_meltano);
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

/* --- files, past the store -------------------------------------------------------------------- */

static const char *path_of(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, name).ptr;
}

static void put(struct fixture *f, const char *name, const char *text)
{
    char *dir = arena_cstr(&f->arena, str_of(path_of(f, name)));
    *strrchr(dir, '/') = '\0';
    assert_true(mkdir(dir, 0755) == 0 || errno == EEXIST);
    FILE *file = fopen(path_of(f, name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* NULL when there is none. */
static const char *get(struct fixture *f, const char *name)
{
    char buf[8192];
    FILE *file = fopen(path_of(f, name), "r");
    if (!file)
        return NULL;
    size_t n = fread(buf, 1, sizeof buf, file);
    fclose(file);
    return arena_cstr(&f->arena, (struct str){buf, n});
}

/* Names in a directory, but for `.` and `..`. */
static size_t entries(struct fixture *f, const char *name)
{
    DIR *dir = opendir(path_of(f, name));
    size_t n = 0;
    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct read_item read_of(struct fixture *f, const char *id)
{
    struct read_item item;
    struct err err = {0};
    struct str name = str_of(id);
    if (!store_read(f->store, &name, 1, 0, &f->call, &f->arena, &item, &err))
        fail_msg("%s", err.text);
    return item;
}

static struct commit_item commit(struct fixture *f, enum edit_kind kind,
                                 const struct document *before, const char *after, struct str image,
                                 unsigned change)
{
    struct commit_item item = {.kind = kind,
                               .id = before->id,
                               .compare = change,
                               .change = change,
                               .before = before,
                               .after = after ? json_value(&f->arena, after) : NULL,
                               .image = image};
    struct err err = {0};
    memcpy(item.expect, before->versions, sizeof item.expect);
    if (!store_commit(f->store, &item, &f->call, &f->arena, &err))
        err_context(&item.err, "%s", err.text);
    return item;
}

static struct commit_item write_to(struct fixture *f, const char *id, const char *after,
                                   unsigned change)
{
    struct read_item now = read_of(f, id);
    assert_int_equal(now.err.kind, ERR_NONE);
    return commit(f, EDIT_WRITE, &now.doc, after, STR_NULL, change);
}

static void assert_applied(const struct commit_item *item)
{
    if (item->outcome != OUTCOME_APPLIED)
        fail_msg("%s: %s", outcome_name(item->outcome), item->err.text);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void what_is_not_touched_keeps_its_bytes(void **state)
{
    static const struct {
        const char *before, *after;
        unsigned change;
        const char *stored;
    } cases[] = {
        /* a new state, and one whose tokens no double holds */
        {NULL, PAIR(SS("1"), "{}"), 3, PAIR(SS("1"), "{}")},
        {PAIR("{}", SS("{\"lsn\": 1767225600123456789012, \"f\": 1.10, \"e\": 1E5, \"n\": NaN}")),
         PAIR(SS("2"),
              SS("{\"lsn\": 1767225600123456789012, \"f\": 1.10, \"e\": 1E5, \"n\": NaN}")),
         3,
         PAIR(SS("2"),
              SS("{\"lsn\": 1767225600123456789012, \"f\": 1.10, \"e\": 1E5, \"n\": NaN}"))},
        /* a file somebody formatted by hand: the other half stays as it is */
        {"{\n  \"completed\": {\n    \"a\" : 1\n  },\n  \"partial\": {}\n}\n",
         PAIR("{\"a\": 1}", SS("3")), 2,
         "{\"completed\": {\n    \"a\" : 1\n  }, \"partial\": " SS("3") "}"},
        /* keys with escapes are found; unknown ones stay while the edit has them */
        {"{\"note\": \"x\" , \"comple\\u0074ed\": {\"b\":2}, \"partial\": {}}",
         "{\"note\": \"x\", \"completed\": {\"b\": 2}, \"partial\": 4}", 2,
         "{\"note\": \"x\", \"completed\": {\"b\":2}, \"partial\": 4}"},
        {"{\"completed\": {\"b\":2}, \"partial\": {}, \"note\": 1}", PAIR("{\"b\": 2}", "{}"), 3,
         PAIR("{\"b\": 2}", "{}")},
        /* a half that was missing */
        {"{\"completed\": {\"b\":2}}", PAIR("{\"b\": 2}", "{}"), 2, PAIR("{\"b\":2}", "{}")},
        /* a part that is not to change stays, whatever the new root says of it */
        {PAIR("{\"b\":2}", "{}"), PAIR("{\"other\": 1}", SS("5")), 2, PAIR("{\"b\":2}", SS("5"))},
        /* escapes, section 10, S5 */
        {PAIR("{}",
              "{\"p\": \"C:\\\\tmp\\\\a/b \\\"}{\", \"n\": \"\\u0000\\ud83d\\ude00\\ud800\"}"),
         PAIR(SS("{\"\xc3\xa9\": \"\xe2\x98\x83\x7f\"}"), "{}"), 1,
         PAIR(SS("{\"\xc3\xa9\": \"\xe2\x98\x83\x7f\"}"),
              "{\"p\": \"C:\\\\tmp\\\\a/b \\\"}{\", \"n\": \"\\u0000\\ud83d\\ude00\\ud800\"}")},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = *state;
        const char *id = arena_printf(&f->arena, "prod:tap \xe2\x98\x83:%zu", i).ptr;
        const char *name = arena_printf(&f->arena, "%s/state.json", id).ptr;
        if (cases[i].before)
            put(f, name, cases[i].before);
        struct read_item before = read_of(f, id);
        struct commit_item item =
            commit(f, EDIT_WRITE, &before.doc, cases[i].after, STR_NULL, cases[i].change);
        assert_applied(&item);
        assert_string_equal(get(f, name), cases[i].stored);
        assert_int_equal(entries(f, id), 1); /* no lock, no temporary file */

        struct commit_item back =
            commit(f, EDIT_RESTORE, &item.now, NULL, before.doc.image, cases[i].change);
        assert_applied(&back);
        if (cases[i].before)
            assert_string_equal(get(f, name), cases[i].before);
        else
            assert_int_equal(entries(f, "."), i);
    }
}

static void undo_keeps_what_others_changed_meanwhile(void **state)
{
    struct fixture *f = *state;
    put(f, "x/state.json", PAIR("{\"a\":1}", "{}"));
    struct read_item before = read_of(f, "x");
    struct commit_item edit =
        commit(f, EDIT_WRITE, &before.doc, PAIR("{\"a\": 2}", "{}"), STR_NULL, 1);
    assert_applied(&edit);
    struct commit_item theirs = write_to(f, "x", PAIR("{\"a\": 2}", SS("9")), 2);
    assert_applied(&theirs);
    struct commit_item back = commit(f, EDIT_RESTORE, &edit.now, NULL, before.doc.image, 1);
    assert_applied(&back);
    assert_string_equal(get(f, "x/state.json"), PAIR("{\"a\":1}", SS("9")));
}

static void mode_and_directory_come_back(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    put(f, "x/state.json", PAIR(SS("1"), "{}"));
    chmod(path_of(f, "x/state.json"), 0640);
    chmod(path_of(f, "x"), 0750);
    struct read_item before = read_of(f, "x");
    struct commit_item edit = write_to(f, "x", PAIR(SS("2"), "{}"), 1);
    assert_applied(&edit);
    assert_int_equal(stat(path_of(f, "x/state.json"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    struct commit_item gone = commit(f, EDIT_REMOVE, &edit.now, NULL, STR_NULL, 3);
    assert_applied(&gone);
    assert_int_equal(entries(f, "."), 0);
    struct commit_item back = commit(f, EDIT_RESTORE, &gone.now, NULL, before.doc.image, 3);
    assert_applied(&back);
    assert_int_equal(stat(path_of(f, "x/state.json"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(stat(path_of(f, "x"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
}

static void removing_is_never_recursive(void **state)
{
    struct fixture *f = *state;
    put(f, "x/state.json", PAIR(SS("1"), "{}"));
    put(f, "x/b/state.json", PAIR(SS("1"), "{}"));
    struct read_item before = read_of(f, "x");
    struct commit_item gone = commit(f, EDIT_REMOVE, &before.doc, NULL, STR_NULL, 3);
    assert_applied(&gone);
    assert_null(get(f, "x/state.json"));
    assert_non_null(get(f, "x/b/state.json"));
}

/* --- damage and hostile names ----------------------------------------------------------------- */

static void escapes_are_refused(void **state)
{
    static const struct str ids[] = {{"", 0},    {".", 1},    {"..", 2},   {"/etc", 4},
                                     {"a/b", 3}, {"../x", 4}, {"a\0b", 3}, {"a/", 2}};
    struct fixture *f = *state;
    put(f, "x/state.json", PAIR(SS("1"), "{}"));
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct document doc = {.id = ids[i]};
        struct read_item item;
        struct err err = {0};
        assert_true(store_read(f->store, &ids[i], 1, 0, &f->call, &f->arena, &item, &err));
        assert_int_equal(item.err.kind, ERR_REFUSED);
        for (enum edit_kind kind = EDIT_WRITE; kind <= EDIT_BREAK; kind++) {
            struct commit_item done = commit(f, kind, &doc, "{}", STR_NULL, 3);
            assert_int_equal(done.outcome, OUTCOME_REFUSED);
            assert_int_equal(done.err.kind, ERR_REFUSED);
        }
    }
    char *longest = arena_alloc(&f->arena, NAME_MAX + 2);
    memset(longest, 'x', NAME_MAX + 1);
    assert_false(store_check_id(f->store, str_of(longest), &(struct err){0}));
    longest[NAME_MAX] = '\0';
    assert_true(store_check_id(f->store, str_of(longest), &(struct err){0}));
    assert_int_equal(entries(f, "."), 1);
}

static void a_damaged_file_is_shown_and_replaced_only_whole(void **state)
{
    static const char *const texts[] = {"", "{\"completed\": {\"sin", "[]", "\xef\xbb\xbf{}",
                                        "{\"completed\": {}, \"completed\": {}}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        put(f, "torn/state.json", texts[i]);
        utimensat(AT_FDCWD, path_of(f, "torn/state.json"),
                  (struct timespec[]){{1000, 0}, {1000, 0}}, 0); /* nobody is at work on it */
        struct read_item torn = read_of(f, "torn");
        assert_int_equal(torn.err.kind, ERR_NONE);
        assert_int_equal(torn.doc.problem.kind, ERR_CORRUPT);
        struct version whole = version_of(str_of(texts[i]));
        assert_true(version_eq(&torn.doc.versions[0], &whole));
        assert_true(version_eq(&torn.doc.versions[1], &whole));
        struct commit_item half =
            commit(f, EDIT_WRITE, &torn.doc, PAIR(SS("1"), "{}"), STR_NULL, 1);
        assert_int_equal(half.outcome, OUTCOME_REFUSED);
        assert_string_equal(get(f, "torn/state.json"), texts[i]);
        struct commit_item all = commit(f, EDIT_WRITE, &torn.doc, PAIR(SS("1"), "{}"), STR_NULL, 3);
        assert_applied(&all);
        struct commit_item back = commit(f, EDIT_RESTORE, &all.now, NULL, torn.doc.image, 3);
        assert_applied(&back);
        assert_string_equal(get(f, "torn/state.json"), texts[i]);
    }
}

static void links_are_not_followed(void **state)
{
    struct fixture *f = *state;
    put(f, "x/state.json", PAIR(SS("1"), "{}"));
    assert_int_equal(symlink("x", path_of(f, "dirlink")), 0);
    assert_int_equal(mkdir(path_of(f, "filelink"), 0755), 0);
    assert_int_equal(symlink("../x/state.json", path_of(f, "filelink/state.json")), 0);
    assert_int_equal(mkdir(path_of(f, "pipe"), 0755), 0);
    assert_int_equal(mkfifo(path_of(f, "pipe/state.json"), 0600), 0);
    static const char *const ids[] = {"dirlink", "filelink", "pipe"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct read_item item = read_of(f, ids[i]);
        assert_int_equal(item.err.kind, ERR_REFUSED);
        struct document doc = {.id = str_of(ids[i]), .absent = true};
        struct commit_item done = commit(f, EDIT_WRITE, &doc, PAIR(SS("2"), "{}"), STR_NULL, 3);
        assert_int_equal(done.outcome, OUTCOME_REFUSED);
    }
    assert_string_equal(get(f, "x/state.json"), PAIR(SS("1"), "{}"));
    assert_int_equal(read_of(f, "x").err.kind, ERR_NONE); /* bad ones do not hide the others */
}

static void listing_is_meltanos_glob(void **state)
{
    struct fixture *f = *state;
    put(f, "plain/state.json", "{}");
    put(f, "with space:x/state.json", "{}");
    put(f, "ZGV2OnRhcA==/state.json", "{}"); /* a Windows name is a name */
    put(f, ".hidden/state.json", "{}");
    put(f, "no-state/other", "{}");
    put(f, "file-at-the-top", "{}");
    struct scan *scan = NULL;
    struct row *rows;
    struct err err = {0};
    size_t n;
    assert_true(store_scan_open(f->store, &f->call, &scan, &err));
    assert_true(store_scan_next(scan, &f->call, &f->arena, 100, &rows, &n, &err));
    store_scan_close(scan);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].bytes, 2);
        assert_true(str_is(rows[i].id, "plain") || str_is(rows[i].id, "with space:x") ||
                    str_is(rows[i].id, "ZGV2OnRhcA=="));
    }
}

/* --- locks (4.4) ------------------------------------------------------------------------------ */

static void lock_text_is_a_python_float(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } printed[] = {{1795216999283642, "1795216999.283642"},
                   {1700000000000000, "1700000000.0"},
                   {1700000000500000, "1700000000.5"},
                   {1700000000000010, "1700000000.00001"}};
    static const struct {
        const char *text;
        bool readable;
    } read[] = {{"1700000000.5", true},
                {" 1700000000.5\n", true},
                {"1.7000000005e9", true},
                {"1_700_000_000.5", true},
                {"", false},
                {"garbage", false},
                {"nan", false},
                {"inf", false},
                {"0x10", false},
                {"_1.5", false},
                {"1e300", false},
                {"1 2", false}};
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(printed); i++) {
        struct file_lock_ask ask = {printed[i].us, 10, 10, STR("x")};
        assert_str(file_meltano.lock->print(&ask, &f->arena), printed[i].text);
    }
    for (size_t i = 0; i < COUNT(read); i++) {
        struct file_lock_seen seen = {0};
        assert_int_equal(file_meltano.lock->parse(str_of(read[i].text), 10000000, &f->arena, &seen),
                         read[i].readable);
        if (read[i].readable) {
            assert_int_equal(seen.taken_at_us, 1700000000500000);
            assert_int_equal(seen.expires_at_us, 1700000010500000);
        }
    }
}

static const char *lock_at(struct fixture *f, int64_t seconds_from_now)
{
    return arena_printf(&f->arena, "%lld.5",
                        (long long)(clock_now_us() / 1000000 + seconds_from_now))
        .ptr;
}

static struct lock *only_lock(struct fixture *f)
{
    struct lock *lock = NULL;
    struct err err = {0};
    if (!store_locks(f->store, NULL, 0, &f->call, &f->arena, &lock, &err))
        fail_msg("%s", err.text);
    assert_non_null(lock);
    assert_null(lock->next);
    return lock;
}

static void locks_block_or_not(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *text;
        enum lock_verdict verdict;
        enum outcome outcome;
    } cases[] = {
        {lock_at(f, 0), LOCK_UNKNOWN, OUTCOME_LOCKED},    /* held */
        {lock_at(f, -60), LOCK_STALE, OUTCOME_APPLIED},   /* left over: blocks nobody */
        {lock_at(f, 3600), LOCK_UNKNOWN, OUTCOME_LOCKED}, /* ahead of the clock */
        {"", LOCK_UNKNOWN, OUTCOME_LOCKED},               /* a writer between create and write */
        {"garbage", LOCK_UNKNOWN, OUTCOME_LOCKED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        put(f, "x/state.json", PAIR(SS("1"), "{}"));
        put(f, "x/lock", cases[i].text);
        const struct lock *lock = only_lock(f);
        assert_str(lock->object, "x");
        assert_int_equal(lock->verdict, cases[i].verdict);
        assert_null(lock->holder.ptr);
        assert_true(lock->evidence.len > 0 && lock->frees_itself.len > 0);
        assert_string_equal(get(f, "x/lock"), cases[i].text); /* looking changes nothing */
        struct commit_item item = write_to(f, "x", PAIR(SS("2"), "{}"), 1);
        assert_int_equal(item.outcome, cases[i].outcome);
        if (item.outcome == OUTCOME_LOCKED) {
            assert_int_equal(item.err.kind, ERR_LOCKED);
            assert_string_equal(get(f, "x/state.json"), PAIR(SS("1"), "{}"));
            assert_string_equal(get(f, "x/lock"), cases[i].text);
        } else {
            assert_null(get(f, "x/lock"));
        }
    }
}

static void breaking_ends_the_lock_that_was_seen(void **state)
{
    struct fixture *f = *state;
    put(f, "x/state.json", PAIR(SS("1"), "{}"));
    put(f, "x/lock", "garbage");
    struct commit_item item = {
        .kind = EDIT_BREAK, .id = STR("x"), .lock_token = only_lock(f)->token};
    struct err err = {0};
    put(f, "x/lock", "another");
    assert_true(store_commit(f->store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_string_equal(get(f, "x/lock"), "another");
    item.lock_token = only_lock(f)->token;
    assert_true(store_commit(f->store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_APPLIED);
    assert_int_equal(entries(f, "x"), 1);
    assert_true(store_commit(f->store, &item, &f->call, &f->arena, &err));
    assert_int_equal(item.outcome, OUTCOME_CONFLICT); /* gone */
}

static void a_refused_write_leaves_no_directory(void **state)
{
    struct fixture *f = *state;
    struct document doc = {.id = STR("new"), .absent = false};
    doc.versions[0] = version_of(STR("seen"));
    struct commit_item item = commit(f, EDIT_WRITE, &doc, PAIR(SS("1"), "{}"), STR_NULL, 3);
    assert_int_equal(item.outcome, OUTCOME_CONFLICT);
    assert_int_equal(entries(f, "."), 0);
}

/* --- several processes ------------------------------------------------------------------------ */

enum { WRITERS = 4, ROUNDS = 25 };

static int64_t counter(struct fixture *f)
{
    struct read_item item = read_of(f, "x");
    int64_t n = -1;
    if (item.doc.problem.kind == ERR_NONE)
        value_to_i64(value_get(value_get(item.doc.root, "completed"), "singer_state"), &n);
    return n;
}

/* Adds one, as often as it takes to be the one whose version still holds. */
static bool count_up(struct fixture *f)
{
    for (;;) {
        struct read_item now = read_of(f, "x");
        int64_t n = 0;
        value_to_i64(value_get(value_get(now.doc.root, "completed"), "singer_state"), &n);
        const char *after = arena_printf(&f->arena, PAIR(SS("%lld"), "{}"), (long long)n + 1).ptr;
        struct commit_item item = commit(f, EDIT_WRITE, &now.doc, after, STR_NULL, 3);
        if (item.outcome == OUTCOME_APPLIED)
            return true;
        if (item.outcome != OUTCOME_CONFLICT && item.outcome != OUTCOME_LOCKED)
            return false;
    }
}

static void no_update_is_lost(void **state)
{
    struct fixture *f = *state;
    pid_t pids[WRITERS];
    put(f, "x/state.json", PAIR(SS("0"), "{}"));
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            bool ok = true;
            for (int k = 0; k < ROUNDS && ok; k++)
                ok = count_up(f);
            _exit(!ok);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(counter(f), WRITERS * ROUNDS);
    assert_int_equal(entries(f, "x"), 1);
}

/* Killed wherever it stands, the file holds a whole state, and what was reported is in it. */
static void kill_leaves_old_or_new(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 20; round++) {
        int done[2];
        int64_t reported = 0;
        put(f, "x/state.json", PAIR(SS("0"), "{}"));
        unlink(path_of(f, "x/lock"));
        assert_int_equal(pipe(done), 0);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            while (count_up(f) && write(done[1], "", 1) == 1)
                ;
            _exit(1);
        }
        close(done[1]);
        for (int i = 0; i <= round; i++) {
            char byte;
            reported += read(done[0], &byte, 1);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        char byte;
        while (read(done[0], &byte, 1) == 1)
            reported++;
        close(done[0]);
        assert_in_range(counter(f), reported, reported + 1);
    }
}

/* --- the plain layout ------------------------------------------------------------------------- */

static void plain_names_are_reversible(void **state)
{
    static const struct {
        struct str id;
        const char *file;
    } cases[] = {
        {{"7/16411", 7}, "7%2F16411.json"},
        {{"applicant:1017", 14}, "applicant:1017.json"},
        {{".", 1}, "%2E.json"},
        {{"..", 2}, "%2E..json"},
        {{"a.b", 3}, "a.b.json"},
        {{"50%", 3}, "50%25.json"},
        {{"\xc3\xa9\0 ", 4}, "%C3%A9%00%20.json"},
        {{"x.json", 6}, "x.json.json"},
    };
    static const char *const strangers[] = {"x",       "x.lock",   ".json",  "%2f.json", "%41.json",
                                            ".x.json", "a b.json", "%.json", "%4.json"};
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct file_names names;
        struct err err = {0};
        assert_true(file_plain_etl.names(cases[i].id, &names, &err));
        assert_string_equal(names.file, cases[i].file);
        assert_true(str_eq(file_plain_etl.id(names.file, &f->arena), cases[i].id));
    }
    for (size_t i = 0; i < COUNT(strangers); i++)
        assert_null(file_plain_etl.id(strangers[i], &f->arena).ptr);
    struct file_names names;
    char *longest = arena_alloc(&f->arena, 300);
    memset(longest, 'x', 250);
    assert_true(file_plain_etl.names(str_of(longest), &names, NULL));
    longest[250] = 'x';
    assert_false(file_plain_etl.names(str_of(longest), &names, NULL));
    assert_false(file_plain_etl.names(STR(""), &names, NULL));
}

static void plain_keeps_its_envelope_and_fills_late_values(void **state)
{
    static const char before[] =
        "{\"label\": \"public.orders\", \"expires_at\": \"2026-11-21T03:00:00Z\", \"mine\" : [1],\n"
        "\"document\": {\"states\": [{\"id\": 41}], \"progress\":[ ]} , \"tail\": 2}";
    struct fixture *f = *state;
    store_close(f->store);
    f->store = open_layout(f, &file_plain_etl);
    put(f, "etl/7%2F9.json", before);
    struct scan *scan = NULL;
    struct row *rows;
    struct err err = {0};
    size_t n;
    assert_true(store_scan_open(f->store, &f->call, &scan, &err));
    assert_true(store_scan_next(scan, &f->call, &f->arena, 10, &rows, &n, &err));
    store_scan_close(scan);
    assert_int_equal(n, 1);
    assert_str(rows[0].id, "7/9");
    assert_str(rows[0].label, "public.orders");
    assert_int_equal(rows[0].expires_at_us, 1795230000000000);

    struct read_item doc = read_of(f, "7/9");
    assert_int_equal(doc.doc.problem.kind, ERR_NONE);
    assert_str(doc.doc.label, "public.orders");
    const struct value *row = value_dict_with(&f->arena, value_empty_dict(&f->arena), "id",
                                              value_late(&f->arena, LATE_ID));
    row = value_dict_with(&f->arena, row, "at", value_late(&f->arena, LATE_NOW));
    struct commit_item item = {.kind = EDIT_WRITE, .id = STR("7/9"), .compare = 1, .change = 1};
    item.before = &doc.doc;
    item.after = value_dict_with(&f->arena, doc.doc.root, "states",
                                 value_list(&f->arena, VALUE_LIST, &row, 1));
    memcpy(item.expect, doc.doc.versions, sizeof item.expect);
    assert_true(store_commit(f->store, &item, &f->call, &f->arena, &err));
    assert_applied(&item);
    const struct value *filled = value_at(value_get(item.now.root, "states"), 0);
    int64_t id, at;
    assert_true(value_to_i64(value_get(filled, "id"), &id));
    assert_int_equal(id, 42);
    assert_true(time_parse(value_get(filled, "at")->text, &at));
    assert_in_range(at, clock_now_us() - 60000000, clock_now_us());
    const char *after = arena_printf(&f->arena,
                                     "{\"label\": \"public.orders\", \"expires_at\": "
                                     "\"2026-11-21T03:00:00Z\", \"mine\" : [1],\n\"document\": "
                                     "{\"states\": [{\"id\": 42, \"at\": \"%.*s\"}], "
                                     "\"progress\": [ ]} , \"tail\": 2}",
                                     STR_ARG(value_get(filled, "at")->text))
                            .ptr;
    assert_string_equal(get(f, "etl/7%2F9.json"), after);
    struct commit_item back = commit(f, EDIT_RESTORE, &item.now, NULL, doc.doc.image, 1);
    assert_applied(&back);
    assert_string_equal(get(f, "etl/7%2F9.json"), before);
}

static void times_have_the_systems_form(void **state)
{
    struct fixture *f = *state;
    assert_str(file_plain_etl.format.now("etl", 1795216999283642, &f->arena)->text,
               "2026-11-20T23:23:19.283642Z");
    assert_str(file_plain_etl.format.now("etl", 1795216999000000, &f->arena)->text,
               "2026-11-20T23:23:19.000000Z");
    assert_str(file_plain_triggers.format.now("triggers", 1795216999283642, &f->arena)->text,
               "2026-11-20T23:23:19.283");
    assert_str(file_plain_triggers.format.now("triggers", 1795216999000000, &f->arena)->text,
               "2026-11-20T23:23:19");
}

static void plain_locks_name_their_holder(void **state)
{
    struct fixture *f = *state;
    struct str token, id = STR("applicant:1017");
    struct err err = {0};
    store_close(f->store);
    f->store = open_layout(f, &file_plain_triggers);
    assert_true(store_lock_hold(f->store, id, 600, &f->call, &token, &f->arena, &err));
    const struct lock *lock = only_lock(f);
    assert_str(lock->object, "applicant:1017");
    assert_true(str_starts(lock->holder, "ana@elsewhere/"));
    assert_int_equal(lock->verdict, LOCK_UNKNOWN); /* another host cannot be probed */
    struct activity activity;
    assert_true(store_activity(f->store, &id, 1, &f->call, &f->arena, &activity, &err));
    assert_true(activity.record_live);
    assert_true(store_lock_release(f->store, id, token, &f->call, &err));
    assert_false(store_lock_release(f->store, id, token, &f->call, &err));
    assert_true(store_activity(f->store, &id, 1, &f->call, &f->arena, &activity, &err));
    assert_int_equal(activity.sight, ACTIVITY_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_touched_keeps_its_bytes),
        TEST(undo_keeps_what_others_changed_meanwhile),
        TEST(mode_and_directory_come_back),
        TEST(removing_is_never_recursive),
        TEST(escapes_are_refused),
        TEST(a_damaged_file_is_shown_and_replaced_only_whole),
        TEST(links_are_not_followed),
        TEST(listing_is_meltanos_glob),
        TEST(lock_text_is_a_python_float),
        TEST(locks_block_or_not),
        TEST(breaking_ends_the_lock_that_was_seen),
        TEST(a_refused_write_leaves_no_directory),
        TEST(no_update_is_lost),
        TEST(kill_leaves_old_or_new),
        TEST(plain_names_are_reversible),
        TEST(plain_keeps_its_envelope_and_fills_late_values),
        TEST(times_have_the_systems_form),
        TEST(plain_locks_name_their_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
