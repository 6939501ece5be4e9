#include "backends/file/lock.h"

#include "core/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_LIMIT = 4096, POLL_MS = 50 };

/* Two hosts' clocks differ; a lock from further ahead than this is suspect (meltano.md 4.4, version
 * skew). */
static const int64_t ahead_us = 5 * 1000000;

bool file_lock_see(const struct file_locks *locks, int dir, const char *name,
                   const struct call *call, struct arena *arena, struct file_lock_seen *ret,
                   struct err *err)
{
    struct file_content content;
    if (!file_read(dir, name, LOCK_LIMIT, 0, call, arena, &content, err))
        return false;
    *ret = (struct file_lock_seen){.taken_at_us = TIME_UNKNOWN, .expires_at_us = TIME_NEVER};
    if (content.absent)
        return true;
    ret->present = true;
    ret->text = content.bytes;
    ret->st = content.st;
    ret->readable =
        !content.cut && locks->format->parse(content.bytes, locks->timeout_us, arena, ret);
    return true;
}

static enum file_lock_state file_lock_state(const struct file_lock_seen *seen, int64_t now_us)
{
    if (!seen->present)
        return FILE_LOCK_FREE;
    if (!seen->readable)
        return FILE_LOCK_UNREADABLE;
    if (seen->expires_at_us < now_us)
        return FILE_LOCK_EXPIRED;
    return seen->taken_at_us > now_us + ahead_us ? FILE_LOCK_AHEAD : FILE_LOCK_HELD;
}

static bool same_lock(const struct file_lock_seen *a, const struct file_lock_seen *b)
{
    return a->present && b->present && str_eq(a->text, b->text) && a->st.st_ino == b->st.st_ino &&
           a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
           a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec;
}

/* Moves the lock file away, looks whether it is the one that was seen, and ends it or puts it back.
 * A check before an unlink could not tell: the file may change hands in between. */
static bool lock_end(const struct file_locks *locks, int dir, const char *name,
                     const struct file_lock_seen *seen, const struct call *call,
                     struct arena *arena, bool *ret_ended, struct err *err)
{
    *ret_ended = false;
    struct file_stage aside;
    bool absent;
    if (!file_stage_aside(dir, name, &aside, &absent, err))
        return false;
    if (absent)
        return true;
    struct file_lock_seen moved;
    if (!file_lock_see(locks, dir, aside.name, call, arena, &moved, err))
        moved.present = false;
    if (same_lock(&moved, seen)) {
        *ret_ended = true;
        file_stage_drop(&aside);
        return true;
    }
    return file_stage_return(&aside, name, err);
}

static bool locked_error(const struct file_lock_seen *seen, enum file_lock_state state,
                         int64_t now_us, struct arena *arena, struct err *err)
{
    struct str span = STR_NULL;
    switch (state) {
    case FILE_LOCK_UNREADABLE:
        err_set(err, ERR_LOCKED, "locked: the lock file holds '%.*s', which is no lock's content",
                (int)(seen->text.len < 60 ? seen->text.len : 60), seen->text.ptr);
        break;
    case FILE_LOCK_AHEAD:
        span = time_span(arena, seen->taken_at_us - now_us);
        err_set(err, ERR_LOCKED, "locked: the lock's time lies %.*s ahead of this host's clock",
                STR_ARG(span));
        break;
    case FILE_LOCK_HELD:
    case FILE_LOCK_EXPIRED:
    case FILE_LOCK_FREE:
        span = time_span(arena, now_us - seen->taken_at_us);
        err_set(err, ERR_LOCKED, "locked by %.*s since %.*s",
                STR_ARG(seen->holder.ptr ? seen->holder : STR("somebody (holder not recorded)")),
                STR_ARG(span));
        return err_hint(err, "it frees itself in %.*s",
                        STR_ARG(time_span(arena, seen->expires_at_us - now_us)));
    }
    return err_hint(err, "see 'lock list'; 'lock break' ends it");
}

/* One try. *ret_state says what stood in the way when it is not FREE. */
static bool try_take(const struct file_locks *locks, int dir, const char *name, int64_t lasts_us,
                     const struct call *call, struct arena *arena, struct file_lock *ret,
                     struct file_lock_seen *ret_seen, enum file_lock_state *ret_state,
                     struct err *err)
{
    if (!file_lock_see(locks, dir, name, call, arena, ret_seen, err))
        return false;
    *ret_state = file_lock_state(ret_seen, clock_now_us());
    if (*ret_state == FILE_LOCK_EXPIRED) {
        bool ended;
        return lock_end(locks, dir, name, ret_seen, call, arena, &ended, err);
    }
    if (*ret_state != FILE_LOCK_FREE)
        return true;
    struct file_lock_ask ask = {clock_now_us(), lasts_us, locks->timeout_us, locks->holder};
    struct str text = locks->format->print(&ask, arena);
    struct file_stage stage;
    bool taken;
    if (!file_stage(dir, text, NULL, false, &stage, err) ||
        !file_stage_create(&stage, name, &taken, err))
        return false;
    if (taken)
        *ret_state = FILE_LOCK_EXPIRED; /* somebody was faster: look again at once */
    else
        *ret = (struct file_lock){locks, dir, name, text, ask.now_us + lasts_us};
    return true;
}

bool file_lock_take(const struct file_locks *locks, int dir, const char *name, int64_t lasts_us,
                    const struct call *call, struct arena *arena, struct file_lock *ret,
                    struct err *err)
{
    int64_t until = clock_monotonic_ms() + locks->wait_ms;
    for (;;) {
        struct file_lock_seen seen;
        enum file_lock_state state;
        if (!call_check(call, name, err) ||
            !try_take(locks, dir, name, lasts_us, call, arena, ret, &seen, &state, err))
            return false;
        if (state == FILE_LOCK_FREE)
            return true;
        if (state == FILE_LOCK_EXPIRED)
            continue;
        if (state == FILE_LOCK_AHEAD || clock_monotonic_ms() >= until)
            return locked_error(&seen, state, clock_now_us(), arena, err);
        if (!call_pause(call, POLL_MS, name, err))
            return false;
    }
}

/* The name still holds our very bytes. */
static bool still_ours(int dir, const char *name, struct str text)
{
    char bytes[LOCK_LIMIT];
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    return n >= 0 && str_eq((struct str){bytes, (size_t)n}, text);
}

bool file_lock_check(const struct file_lock *lock, struct err *err)
{
    if (clock_now_us() >= lock->until_us)
        return err_set(err, ERR_LOCKED, "our lock ran out before the write; nothing was written");
    if (!still_ours(lock->dir, lock->name, lock->text))
        return err_set(err, ERR_LOCKED, "our lock was taken away; nothing was written");
    return true;
}

bool file_lock_release_text(int dir, const char *name, struct str text)
{
    return still_ours(dir, name, text) && unlinkat(dir, name, 0) == 0;
}

void file_lock_release(const struct file_lock *lock)
{
    file_lock_release_text(lock->dir, lock->name, lock->text);
}

/* What a break compares: content, inode and time of change (ux.md, Locks). */
static struct str lock_token(const struct file_lock_seen *seen, struct arena *arena)
{
    return arena_printf(arena, "%llu %lld.%09ld %.*s", (unsigned long long)seen->st.st_ino,
                        (long long)seen->st.st_mtim.tv_sec, (long)seen->st.st_mtim.tv_nsec,
                        STR_ARG(seen->text));
}

bool file_lock_break(const struct file_locks *locks, int dir, const char *name, struct str token,
                     const struct call *call, struct arena *arena, bool *ret_broken,
                     struct err *err)
{
    struct file_lock_seen seen;
    *ret_broken = false;
    if (!file_lock_see(locks, dir, name, call, arena, &seen, err))
        return false;
    if (!seen.present || !str_eq(lock_token(&seen, arena), token))
        return true;
    return lock_end(locks, dir, name, &seen, call, arena, ret_broken, err);
}

/* "user@host/pid" of this host: is the process there? Without start times a reused pid counts as
 * alive, which errs on the side of waiting. */
static enum lock_verdict holder_verdict(const struct file_lock_seen *seen, bool *ret_mine,
                                        const char **ret_evidence)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    ptrdiff_t at = str_index(seen->holder, '@'), slash = str_rindex(seen->holder, '/');
    ptrdiff_t blank = str_index(seen->holder, ' '); /* "ana@host (sudo: root)/4711" */
    ptrdiff_t host_end = blank > at ? blank : slash;
    uint64_t pid;
    *ret_mine = false;
    if (at < 0 || slash < at ||
        !str_is(str_sub(seen->holder, (size_t)at + 1, (size_t)host_end), host) ||
        !str_u64(str_sub(seen->holder, (size_t)slash + 1, seen->holder.len), &pid) || pid == 0 ||
        pid > INT_MAX) {
        *ret_evidence = "held on another host: cannot be probed from here";
        return LOCK_UNKNOWN;
    }
    *ret_mine = pid == (uint64_t)getpid();
    if (kill((pid_t)pid, 0) == 0 || errno == EPERM) {
        *ret_evidence = "its process is alive on this host";
        return LOCK_LIVE;
    }
    *ret_evidence = "its process is gone from this host";
    return LOCK_STALE;
}

struct lock *file_lock_row(const struct file_locks *locks, const struct file_lock_seen *seen,
                           int64_t now_us, struct arena *arena)
{
    struct lock *row = arena_new(arena, struct lock);
    *row = (struct lock){.holder = seen->holder,
                         .taken_at_us = seen->taken_at_us,
                         .expires_at_us = seen->expires_at_us,
                         .waiters = -1,
                         .verdict = LOCK_UNKNOWN,
                         .token = lock_token(seen, arena)};
    const char *evidence = "the lock file names no holder";
    switch (file_lock_state(seen, now_us)) {
    case FILE_LOCK_EXPIRED:
        row->verdict = LOCK_STALE;
        row->frees_itself = STR("at the next run");
        row->evidence =
            arena_printf(arena, "left over %.*s, limit %.*s: blocks nobody",
                         STR_ARG(time_span(arena, now_us - seen->taken_at_us)),
                         STR_ARG(time_span(arena, seen->expires_at_us - seen->taken_at_us)));
        return row;
    case FILE_LOCK_AHEAD:
        row->frees_itself = time_span(arena, now_us - seen->expires_at_us);
        row->evidence =
            arena_printf(arena,
                         "its time lies %.*s ahead: a clock is wrong, or an old version "
                         "wrote local time",
                         STR_ARG(time_span(arena, seen->taken_at_us - now_us)));
        return row;
    case FILE_LOCK_UNREADABLE:
        row->frees_itself = STR("never");
        row->evidence = arena_printf(arena, "unreadable content of %zu bytes", seen->text.len);
        return row;
    case FILE_LOCK_HELD:
    case FILE_LOCK_FREE:
        break;
    }
    if (seen->holder.ptr)
        row->verdict = holder_verdict(seen, &row->mine, &evidence);
    row->frees_itself = time_span(arena, now_us - seen->expires_at_us);
    row->evidence = str_of(evidence);
    return row;
}
