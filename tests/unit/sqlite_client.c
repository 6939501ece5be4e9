/* backends/sqlite/client: looking leaves no trace, writing leaves nothing of ours behind. */
#include "tests/unit/test.h"

#include "backends/sqlite/client.h"
#include "core/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OWNER = 65534, VIEWER = 65533, TIMEOUT_MS = TEST_CALL_MS };

/* --- a directory of its own per test -------------------------------------------------------- */

struct place {
    struct arena arena;
    char dir[64], tmp[64];
    const char *db;
};

static const char *path_in(struct place *p, const char *name)
{
    return arena_printf(&p->arena, "%s/%s", p->dir, name).ptr;
}

static int place_open(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/penstock-test-XXXXXX");
    strcpy(p->tmp, "/tmp/penstock-test-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    assert_non_null(mkdtemp(p->tmp));
    /* Anybody may make files here: what must not be left would really be there. */
    chmod(p->dir, 0777);
    chmod(p->tmp, 0777);
    setenv("TMPDIR", p->tmp, 1);
    p->db = path_in(p, "meltano.db");
    *state = p;
    return 0;
}

static void remove_all(const char *dir)
{
    DIR *d = opendir(dir);
    char path[512];
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(dir);
}

static int place_close(void **state)
{
    struct place *p = *state;
    remove_all(p->dir);
    remove_all(p->tmp);
    arena_release(&p->arena);
    free(p);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Everything a look could disturb: names, owners, modes, inodes, sizes, times. */
static const char *witness(struct place *p, bool names_only)
{
    const char *lines[16];
    size_t n = 0;
    DIR *d = opendir(p->dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        assert_int_equal(stat(path_in(p, e->d_name), &st), 0);
        if (names_only)
            lines[n++] = arena_printf(&p->arena, "%s %u %o", e->d_name, st.st_uid, st.st_mode).ptr;
        else
            lines[n++] = arena_printf(&p->arena, "%s %u:%u %o %lu %ld %ld.%09ld", e->d_name,
                                      st.st_uid, st.st_gid, st.st_mode, st.st_ino, st.st_size,
                                      st.st_mtim.tv_sec, st.st_mtim.tv_nsec)
                             .ptr;
    }
    closedir(d);
    qsort(lines, n, sizeof lines[0], by_name);
    struct sbuf all = SBUF_INIT;
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&all, "%s\n", lines[i]);
    const char *text = arena_cstr(&p->arena, sbuf_view(&all));
    sbuf_release(&all);
    return text;
}

static bool empty(const char *dir)
{
    struct place p = {.arena = ARENA_INIT};
    snprintf(p.dir, sizeof p.dir, "%s", dir);
    bool yes = witness(&p, true)[0] == '\0';
    arena_release(&p.arena);
    return yes;
}

static void copy(struct place *p, const char *from, const char *to)
{
    char buf[65536];
    int in = open(path_in(p, from), O_RDONLY), out = open(path_in(p, to), O_WRONLY | O_CREAT, 0666);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
        assert_int_equal(write(out, buf, (size_t)n), n);
    close(in);
    close(out);
}

/* --- another program ------------------------------------------------------------------------ */

/* Works on the file with plain sqlite3 in a process of its own, says so, and waits to be ended. */
struct other {
    pid_t pid;
    int ready, end;
};

static struct other other_start(const char *db, uid_t uid, const char *sql, bool clean_exit)
{
    int ready[2], end[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(end, O_CLOEXEC), 0);
    struct other o = {.pid = fork(), .ready = ready[0], .end = end[1]};
    assert_true(o.pid >= 0);
    if (o.pid == 0) {
        sqlite3 *conn = NULL;
        char *message = NULL, byte;
        close(end[1]);
        if (uid && setresuid(uid, uid, uid) != 0)
            _exit(3);
        umask(022);
        if (sqlite3_open(db, &conn) != SQLITE_OK ||
            sqlite3_exec(conn, sql, NULL, NULL, &message) != SQLITE_OK) {
            fprintf(stderr, "other program: %s\n", message ? message : sqlite3_errmsg(conn));
            _exit(1);
        }
        if (write(ready[1], "r", 1) != 1 || read(end[0], &byte, 1) < 0)
            _exit(2);
        if (clean_exit)
            sqlite3_close(conn);
        _exit(0);
    }
    char byte;
    close(ready[1]);
    close(end[0]);
    assert_int_equal(read(o.ready, &byte, 1), 1);
    return o;
}

static void other_end(struct other o)
{
    int status;
    close(o.ready);
    close(o.end);
    assert_int_equal(waitpid(o.pid, &status, 0), o.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void run_other(const char *db, uid_t uid, const char *sql)
{
    other_end(other_start(db, uid, sql, true));
}

/* --- looking -------------------------------------------------------------------------------- */

struct looked {
    int calls, rows;
    int64_t last;
    void (*meanwhile)(void *ctx);
    void *ctx;
};

static bool look(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    struct looked *looked = ctx;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    looked->calls++;
    looked->rows = 0;
    if (!sqlite_prepare(conn, "SELECT v FROM t ORDER BY v", &stmt, err))
        return false;
    for (bool row;;) {
        if (!sqlite_step(conn, stmt, &row, err))
            return false;
        if (!row)
            break;
        looked->rows++;
        looked->last = sqlite3_column_int64(stmt, 0);
    }
    if (looked->calls == 1 && looked->meanwhile)
        looked->meanwhile(looked->ctx);
    return true;
}

static bool look_at(const char *db, struct looked *looked, struct err *err)
{
    struct call call = call_within(TIMEOUT_MS, NULL);
    struct sqlite_client *client = sqlite_client_new(db, false);
    bool ok = sqlite_read(client, &call, look, looked, err);
    sqlite_client_free(client);
    return ok;
}

/* The row that looking must find, and a directory that must be the same afterwards. */
static void expect_no_trace(struct place *p, const char *db, int64_t last)
{
    const char *before = witness(p, false);
    struct looked looked = {0};
    struct err err = {0};
    if (!look_at(db, &looked, &err))
        fail_msg("%s", err.text);
    assert_int_equal(looked.last, last);
    assert_string_equal(before, witness(p, false));
    assert_true(empty(p->tmp));
}

#define MAKE_WAL "PRAGMA journal_mode=WAL; CREATE TABLE t(v); INSERT INTO t VALUES (1);"

static void wal_without_side_files(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, MAKE_WAL);
    expect_no_trace(p, p->db, 1);
}

static void rollback_journal_mode(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, "CREATE TABLE t(v); INSERT INTO t VALUES (1)");
    expect_no_trace(p, p->db, 1);
}

static void wal_with_a_live_writer(void **state)
{
    struct place *p = *state;
    struct other o = other_start(p->db, 0, MAKE_WAL, true);
    expect_no_trace(p, p->db, 1);
    other_end(o);
    expect_no_trace(p, p->db, 1);
}

static void wal_left_by_a_crash(void **state)
{
    struct place *p = *state;
    struct other o = other_start(p->db, 0, MAKE_WAL, false);
    other_end(o);
    assert_int_equal(access(path_in(p, "meltano.db-wal"), F_OK), 0);
    expect_no_trace(p, p->db, 1);
}

/* Opens, writes and closes again and again, as an owner does whose every command is a program of its
 * own: the side files come and go, and whoever closes last holds the file exclusively. */
static void run_coming_and_going(const char *db, int end)
{
    char byte;
    assert_int_equal(fcntl(end, F_SETFL, O_NONBLOCK), 0);
    while (read(end, &byte, 1) < 0) {
        sqlite3 *conn = NULL;
        if (sqlite3_open(db, &conn) != SQLITE_OK || sqlite3_busy_timeout(conn, TIMEOUT_MS) != 0 ||
            sqlite3_exec(conn, "UPDATE t SET v = v + 1", NULL, NULL, NULL) != SQLITE_OK)
            _exit(1);
        sqlite3_close(conn);
    }
    _exit(0);
}

static void an_owner_who_comes_and_goes(void **state)
{
    struct place *p = *state;
    int end[2], status;
    run_other(p->db, 0, MAKE_WAL);
    assert_int_equal(pipe2(end, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(end[1]);
        run_coming_and_going(p->db, end[0]);
    }
    close(end[0]);
    struct err err = {0};
    int64_t last = 1;
    bool ok = true;
    for (int i = 0; ok && i < 300; i++) {
        struct looked looked = {0};
        ok = look_at(p->db, &looked, &err) && looked.rows == 1 && looked.last >= last;
        last = looked.last;
    }
    close(end[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    if (!ok)
        fail_msg("after %lld: %s", (long long)last, err.text);
    assert_true(empty(p->tmp));
}

/* A writer that died between the header of the -wal and its first frame; SQLite's own read-only
 * opening of that spins for ten seconds and fails. */
static void wal_without_a_frame(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, MAKE_WAL);
    struct other o = other_start(p->db, 0, "INSERT INTO t VALUES (2)", true);
    copy(p, "meltano.db", "copy.db");
    copy(p, "meltano.db-wal", "copy.db-wal");
    other_end(o);
    assert_int_equal(truncate(path_in(p, "copy.db-wal"), 32), 0);
    int shm = open(path_in(p, "copy.db-shm"), O_WRONLY | O_CREAT, 0666);
    assert_int_equal(ftruncate(shm, 32768), 0);
    close(shm);
    expect_no_trace(p, path_in(p, "copy.db"), 1);
}

static void wal_alone_is_read_from_a_copy(void **state)
{
    struct place *p = *state;
    struct other o = other_start(p->db, 0, MAKE_WAL, true);
    copy(p, "meltano.db", "copy.db");
    copy(p, "meltano.db-wal", "copy.db-wal");
    expect_no_trace(p, path_in(p, "copy.db"), 1);
    other_end(o);
}

static void journal_of_a_dead_writer(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, "CREATE TABLE t(v, filler); INSERT INTO t VALUES (1, '')");
    /* Spilled: the file holds half of the transaction, the journal how to take it back. */
    struct other o =
        other_start(p->db, 0,
                    "PRAGMA cache_size=2; PRAGMA cache_spill=1; BEGIN; UPDATE t SET v = 7;"
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 200)"
                    " INSERT INTO t SELECT 9, randomblob(2000) FROM n",
                    false);
    copy(p, "meltano.db", "torn.db");
    copy(p, "meltano.db-journal", "torn.db-journal");
    other_end(o);
    expect_no_trace(p, path_in(p, "torn.db"), 1);
}

static void other_users_database(void **state)
{
    struct place *p = *state;
    if (geteuid() != 0) { /* nobody else to be: the same without the change of user */
        wal_without_side_files(state);
        return;
    }
    run_other(p->db, OWNER, MAKE_WAL);
    expect_no_trace(p, p->db, 1); /* as root, who could leave anything */
    struct other o = other_start(p->db, OWNER, "INSERT INTO t VALUES (2)", true);
    expect_no_trace(p, p->db, 2);
    const char *before = witness(p, false);
    pid_t pid = fork();
    if (pid == 0) { /* as a third user, while the owner has it open */
        struct looked looked = {0};
        struct err err = {0};
        _exit(setresuid(VIEWER, VIEWER, VIEWER) == 0 && look_at(p->db, &looked, &err) &&
                      looked.last == 2
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(before, witness(p, false));
    assert_true(empty(p->tmp));
    other_end(o);
    run_other(p->db, OWNER, "INSERT INTO t VALUES (3)"); /* the owner can still write */
    expect_no_trace(p, p->db, 3);
}

static void odd_names(void **state)
{
    struct place *p = *state;
    static const char *const names[] = {"a b.db", "a?mode=rw.db", "a#b.db", "a%41.db",
                                        "\xe2\x98\x83.db"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        run_other(path_in(p, names[i]), 0, MAKE_WAL);
        expect_no_trace(p, path_in(p, names[i]), 1);
    }
    assert_int_equal(symlink("a b.db", path_in(p, "link.db")), 0);
    expect_no_trace(p, path_in(p, "link.db"), 1);
}

static void write_more(void *ctx)
{
    struct place *p = ctx;
    run_other(p->db, 0, "INSERT INTO t VALUES (2)");
}

static void changed_while_immutable(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, MAKE_WAL);
    struct looked looked = {.meanwhile = write_more, .ctx = p};
    struct err err = {0};
    assert_true(look_at(p->db, &looked, &err));
    assert_int_equal(looked.calls, 2);
    assert_int_equal(looked.last, 2);
}

static void wrong_files(void **state)
{
    struct place *p = *state;
    struct looked looked = {0};
    struct err err = {0};
    assert_false(look_at(path_in(p, "absent.db"), &looked, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(access(path_in(p, "absent.db"), F_OK), -1);
    assert_false(look_at(p->dir, &looked, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(mkfifo(path_in(p, "fifo"), 0600), 0);
    assert_false(look_at(path_in(p, "fifo"), &looked, &err));
    int fd = open(p->db, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 200; i++)
        assert_int_equal(write(fd, "this is not a database\n", 23), 23);
    close(fd);
    assert_false(look_at(p->db, &looked, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_int_equal(looked.calls, 0);
}

static void waits_end(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, "CREATE TABLE t(v)");
    struct other o = other_start(p->db, 0, "BEGIN EXCLUSIVE", true);
    struct sqlite_client *client = sqlite_client_new(p->db, true);
    struct looked looked = {0};
    struct err err = {0};
    struct call call = call_within(50, NULL);
    assert_false(sqlite_read(client, &call, look, &looked, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    struct cancel cancel;
    assert_true(cancel_init(&cancel, &err));
    cancel_fire(&cancel);
    call = call_within(TIMEOUT_MS, &cancel);
    assert_false(sqlite_read(client, &call, look, &looked, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    struct sqlite_conn none = {0};
    assert_false(sqlite_write_begin(client, 1000, &call, &none, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    cancel_release(&cancel);
    struct sqlite_conn conn = {0};
    call = call_within(TIMEOUT_MS, NULL);
    assert_false(sqlite_write_begin(client, 20, &call, &conn, &err));
    assert_int_equal(err.kind, ERR_LOCKED);
    assert_null(conn.db);
    other_end(o);
    sqlite_client_free(client);
}

static bool endless(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    return sqlite_exec(conn,
                       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n)"
                       " SELECT count(*) FROM n",
                       NULL, 0, NULL, err);
}

static void a_long_query_ends_by_its_deadline(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, MAKE_WAL);
    struct sqlite_client *client = sqlite_client_new(p->db, true);
    struct call call = call_within(50, NULL);
    struct err err = {0};
    assert_false(sqlite_read(client, &call, endless, NULL, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    sqlite_client_free(client);
}

/* --- writing -------------------------------------------------------------------------------- */

static bool write_row(const char *db, const char *value, struct err *err)
{
    struct call call = call_within(TIMEOUT_MS, NULL);
    struct sqlite_client *client = sqlite_client_new(db, true);
    struct sqlite_conn conn = {0};
    struct str param = str_of(value);
    int64_t changed = 0;
    bool ok = sqlite_write_begin(client, 1000, &call, &conn, err) &&
              sqlite_exec(&conn, "INSERT INTO t VALUES (CAST(?1 AS INTEGER))", &param, 1, &changed,
                          err) &&
              changed == 1 && sqlite_commit(&conn, err);
    sqlite_conn_close(&conn);
    sqlite_client_free(client);
    return ok;
}

static bool mode_is_wal(const char *db)
{
    unsigned char header[20];
    int fd = open(db, O_RDONLY);
    assert_int_equal(read(fd, header, sizeof header), sizeof header);
    close(fd);
    return header[18] == 2;
}

static void writing_leaves_nothing_of_ours(void **state)
{
    struct place *p = *state;
    uid_t owner = geteuid() == 0 ? OWNER : 0;
    struct err err = {0};
    run_other(p->db, owner, MAKE_WAL);
    const char *names = witness(p, true);
    if (!write_row(p->db, "2", &err))
        fail_msg("%s", err.text);
    assert_string_equal(names, witness(p, true));
    assert_true(mode_is_wal(p->db));
    expect_no_trace(p, p->db, 2);

    /* With the owner's program there its -wal stays as it is. */
    struct other o = other_start(p->db, owner, "INSERT INTO t VALUES (3)", true);
    names = witness(p, true);
    assert_true(write_row(p->db, "4", &err));
    assert_string_equal(names, witness(p, true));
    expect_no_trace(p, p->db, 4);
    other_end(o);
    run_other(p->db, owner, "INSERT INTO t VALUES (5)");
    expect_no_trace(p, p->db, 5);

    /* The -wal of a crash is neither folded in nor taken away. */
    other_end(other_start(p->db, owner, "INSERT INTO t VALUES (6)", false));
    names = witness(p, true);
    assert_true(write_row(p->db, "7", &err));
    assert_string_equal(names, witness(p, true));
    expect_no_trace(p, p->db, 7);
}

static void not_committed_is_not_written(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, MAKE_WAL);
    struct call call = call_within(TIMEOUT_MS, NULL);
    struct sqlite_client *client = sqlite_client_new(p->db, true);
    struct sqlite_conn conn = {0};
    struct err err = {0};
    assert_true(sqlite_write_begin(client, 1000, &call, &conn, &err));
    assert_true(sqlite_exec(&conn, "INSERT INTO t VALUES (9)", NULL, 0, NULL, &err));
    sqlite_conn_close(&conn);
    sqlite_client_free(client);
    expect_no_trace(p, p->db, 1);
}

static void rights(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0, MAKE_WAL);
    if (geteuid() != 0)
        chmod(p->dir, 0555);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = {0};
        struct sqlite_client *client = sqlite_client_new(p->db, true);
        bool ok = geteuid() != 0 || setresuid(VIEWER, VIEWER, VIEWER) == 0;
        ok = ok && !sqlite_client_writable(client, &err) && err.kind == ERR_DENIED;
        ok = ok && !write_row(p->db, "2", &err);
        sqlite_client_free(client);
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    chmod(p->dir, 0777);
}

/* --- cells ---------------------------------------------------------------------------------- */

static bool read_cells(struct sqlite_conn *conn, void *ctx, struct err *err)
{
    struct arena *a = ctx;
    struct sqlite_cell cell;
    unsigned columns;
    static const char *const names[] = {"V", "w", "none"};
    assert_true(sqlite_columns(conn, "t", names, 3, &columns, err));
    assert_int_equal(columns, 3);
    assert_true(sqlite_columns(conn, "no_such", names, 3, &columns, err));
    assert_int_equal(columns, 0);
    assert_true(sqlite_cell_read(conn, "t", "v", 1, 100, a, &cell, err));
    assert_true(!cell.is_blob && cell.bytes == 5);
    assert_str(cell.value, "a\xe2\x98\x83z");
    assert_true(sqlite_cell_read(conn, "t", "v", 1, 2, a, &cell, err));
    assert_true(cell.bytes == 5 && cell.value.len == 2);
    assert_true(sqlite_cell_read(conn, "t", "v", 1, 0, a, &cell, err));
    assert_true(cell.bytes == 5 && !cell.value.ptr);
    assert_true(sqlite_cell_read(conn, "t", "w", 1, 100, a, &cell, err) && cell.is_null);
    assert_true(sqlite_cell_read(conn, "t", "v", 2, 100, a, &cell, err) && cell.is_blob);
    struct err expected = {0};
    assert_false(sqlite_cell_read(conn, "t", "w", 2, 100, a, &cell, &expected));
    assert_int_equal(expected.kind, ERR_CORRUPT);
    struct arena small = {NULL, 0, 64};
    assert_false(sqlite_cell_read(conn, "t", "w", 3, 1 << 20, &small, &cell, &expected));
    assert_int_equal(expected.kind, ERR_CORRUPT);
    arena_release(&small);
    return true;
}

static void cells(void **state)
{
    struct place *p = *state;
    run_other(p->db, 0,
              "CREATE TABLE t(v, w); INSERT INTO t VALUES ('a\xe2\x98\x83z', NULL);"
              "INSERT INTO t VALUES (x'00ff', 5); INSERT INTO t VALUES ('', zeroblob(100000))");
    struct call call = call_within(TIMEOUT_MS, NULL);
    struct sqlite_client *client = sqlite_client_new(p->db, true);
    struct err err = {0};
    if (!sqlite_read(client, &call, read_cells, &p->arena, &err))
        fail_msg("%s", err.text);
    sqlite_client_free(client);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(wal_without_side_files),
        IN_PLACE(rollback_journal_mode),
        IN_PLACE(wal_with_a_live_writer),
        IN_PLACE(an_owner_who_comes_and_goes),
        IN_PLACE(wal_left_by_a_crash),
        IN_PLACE(wal_without_a_frame),
        IN_PLACE(wal_alone_is_read_from_a_copy),
        IN_PLACE(journal_of_a_dead_writer),
        IN_PLACE(other_users_database),
        IN_PLACE(odd_names),
        IN_PLACE(changed_while_immutable),
        IN_PLACE(wrong_files),
        IN_PLACE(waits_end),
        IN_PLACE(a_long_query_ends_by_its_deadline),
        IN_PLACE(writing_leaves_nothing_of_ours),
        IN_PLACE(not_committed_is_not_written),
        IN_PLACE(rights),
        IN_PLACE(cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
