#include "backends/redis/lock.h"

#include "core/base/clock.h"
#include "core/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    POLL_MS = 150,
    SCAN_COUNT = 1000,
    FRAMEWORK_ID_LEN = 16, /* python-redis-lock 2.3.0 to 3.2 */
    NEWER_ID_LEN = 24,     /* base64 of 18 random bytes, from 3.3 */
    LOCKS_MAX = 10000,     /* of one list */
};

static const char prefix[] = "lock:triggers:", signal_prefix[] = "lock-signal:triggers:",
                  suffix[] = ":lock";

struct str lock_key(struct arena *arena, struct str uid)
{
    return arena_join(arena, str_of(prefix), uid, str_of(suffix));
}

static struct str lock_signal_key(struct arena *arena, struct str uid)
{
    return arena_join(arena, str_of(signal_prefix), uid, str_of(suffix));
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

struct str lock_new_id(struct arena *arena, struct str operator_name)
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    return arena_printf(arena, "penstock/%.*s/%ld/%s",
                        STR_ARG(is_printable(operator_name) ? operator_name : STR("operator")),
                        (long)getpid(), hex);
}

/* "3m 12s more", of what PTTL answers. */
static struct str remaining(struct arena *arena, int64_t pttl_ms)
{
    if (redis_expiry_us(pttl_ms) == TIME_NEVER)
        return STR("it has no time limit");
    return arena_printf(arena, "%.*s left", STR_ARG(time_span(arena, pttl_ms * 1000)));
}

/* Random, or a text that another tool put there? */
static bool names_holder(struct str id)
{
    return id.len && id.len != FRAMEWORK_ID_LEN && id.len != NEWER_ID_LEN && is_printable(id);
}

static struct str holder_text(struct arena *arena, struct str id)
{
    if (names_holder(id))
        return arena_str(arena, id);
    return arena_printf(arena, "unknown (%zu bytes)", id.len);
}

static bool say_locked(struct redis_client *client, struct str key, struct str uid,
                       const struct call *call, struct arena *arena, struct err *err)
{
    struct redis_answer answers[2];
    const struct redis_command commands[] = {REDIS_COMMAND(STR("GET"), key),
                                             REDIS_COMMAND(STR("PTTL"), key)};
    if (!redis_pipeline(client, commands, 2, call, arena, answers, err))
        return false;
    struct str holder = answers[0].type == REDIS_TEXT ? holder_text(arena, answers[0].text)
                                                      : STR("somebody a moment ago");
    err_set(err, ERR_LOCKED, "%.*s is locked by %.*s: %.*s", STR_ARG(uid), STR_ARG(holder),
            STR_ARG(remaining(arena, answers[1].number)));
    return err_hint(err, "the framework holds it for milliseconds; if it stays, `lock show` and "
                         "`lock break`");
}

bool lock_take(struct redis_client *client, struct str uid, struct str id, int64_t seconds,
               int64_t wait_ms, const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str key = lock_key(&arena, uid), ex = redis_number(&arena, seconds);
    int64_t until = clock_monotonic_ms() + wait_ms;
    bool ok = true, taken = false;
    while (ok && !taken) {
        struct redis_answer answer;
        ok = redis_run(client, REDIS_COMMAND(STR("SET"), key, id, STR("NX"), STR("EX"), ex), call,
                       &arena, &answer, err);
        taken = ok && answer.type == REDIS_TEXT;
        if (ok && !taken && clock_monotonic_ms() >= until)
            ok = say_locked(client, key, uid, call, &arena, err);
        else if (ok && !taken)
            ok = call_pause(call, POLL_MS, "waiting for the session's lock", err);
    }
    arena_release(&arena);
    return ok;
}

bool lock_give_back(struct redis_client *client, struct str uid, struct str id,
                    const struct call *call, bool *ret_was_ours, struct err *err)
{
    /* UNLOCK_SCRIPT of python-redis-lock 2.3.0; the signal has no time limit there either. */
    static const char script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
                                 "redis.call('DEL', KEYS[2]) "
                                 "redis.call('LPUSH', KEYS[2], '1') "
                                 "redis.call('DEL', KEYS[1]) "
                                 "return 1";
    struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    bool ok = redis_run(client,
                        REDIS_COMMAND(STR("EVAL"), str_of(script), STR("2"), lock_key(&arena, uid),
                                      lock_signal_key(&arena, uid), id),
                        call, &arena, &answer, err);
    if (ok)
        *ret_was_ours = answer.type == REDIS_NUMBER && answer.number == 1;
    arena_release(&arena);
    return ok;
}

/* --- listing --------------------------------------------------------------------------------- */

/* Clients that sleep in BLPOP in this database, or -1 when this user may not see them. CLIENT LIST
 * does not tell the key, so they are waiters of some lock: counted only where one lock is held. */
static int64_t count_waiters(struct redis_client *client, const struct call *call,
                             struct arena *arena)
{
    struct redis_answer answer;
    struct err ignored = {0};
    if (!redis_run(client, REDIS_COMMAND(STR("CLIENT"), STR("LIST")), call, arena, &answer,
                   &ignored) ||
        answer.type != REDIS_TEXT)
        return -1;
    int64_t n = 0;
    struct str db = arena_printf(arena, " db=%.*s ", STR_ARG(redis_server(client)->db));
    for (struct str rest = answer.text; rest.len;) {
        ptrdiff_t end = str_index(rest, '\n');
        struct str line = end < 0 ? rest : str_sub(rest, 0, (size_t)end);
        rest = end < 0 ? STR("") : str_sub(rest, (size_t)end + 1, rest.len);
        n += memmem(line.ptr, line.len, " cmd=blpop", 10) &&
             memmem(line.ptr, line.len, db.ptr, db.len);
    }
    return n;
}

static struct lock *make_lock(struct arena *arena, struct str uid, struct str id, int64_t pttl_ms,
                              struct str operator_name)
{
    struct lock *lock = arena_new(arena, struct lock);
    lock->object = arena_str(arena, uid);
    lock->token = id;
    lock->holder = holder_text(arena, id);
    lock->taken_at_us = TIME_UNKNOWN;
    lock->waiters = -1;
    lock->verdict = LOCK_UNKNOWN;
    lock->expires_at_us = redis_expiry_us(pttl_ms);
    if (lock->expires_at_us == TIME_NEVER) {
        lock->frees_itself = STR("never");
        lock->evidence = STR("taken without a time limit (ttl None); its holder is not recorded");
    } else {
        lock->frees_itself = time_span(arena, -pttl_ms * 1000);
        lock->evidence = names_holder(id)
                             ? STR("its value is a text of another tool")
                             : STR("its value names no holder; normally held for milliseconds");
    }
    if (str_starts(id, "penstock/")) {
        struct str mine = arena_printf(arena, "penstock/%.*s/", STR_ARG(operator_name));
        lock->mine = operator_name.len && str_starts(id, arena_cstr(arena, mine));
        lock->verdict = pttl_ms >= 0 ? LOCK_LIVE : LOCK_UNKNOWN;
        lock->evidence = STR("penstock's own form: user@host/process");
    }
    return lock;
}

/* Reads the locks of some uids and puts those that are held at *end. */
static bool read_locks(struct redis_client *client, const struct str *uids, size_t n,
                       struct str operator_name, const struct call *call, struct arena *arena,
                       struct lock ***end, struct err *err)
{
    struct redis_command *commands = arena_array(arena, struct redis_command, 2 * n);
    struct redis_answer *answers = arena_array(arena, struct redis_answer, 2 * n);
    struct str(*argv)[2] = arena_alloc_array(arena, 2 * n, sizeof *argv);
    for (size_t i = 0; i < n; i++) {
        struct str key = lock_key(arena, uids[i]);
        argv[2 * i][0] = STR("GET");
        argv[2 * i + 1][0] = STR("PTTL");
        for (size_t k = 2 * i; k < 2 * i + 2; k++) {
            argv[k][1] = key;
            commands[k] = (struct redis_command){argv[k], 2};
        }
    }
    if (!redis_pipeline(client, commands, 2 * n, call, arena, answers, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct redis_answer *id = &answers[2 * i];
        bool no_text = id->type == REDIS_ERROR && str_starts(id->text, "WRONGTYPE");
        if (id->type == REDIS_ERROR && !no_text)
            return redis_answer_error(client, id, err);
        if (id->type != REDIS_TEXT && !no_text)
            continue;
        **end = make_lock(arena, uids[i], no_text ? STR("") : id->text, answers[2 * i + 1].number,
                          operator_name);
        if (no_text)
            (**end)->evidence =
                STR("the key holds no text, so nobody can take or release this lock");
        *end = &(**end)->next;
    }
    return true;
}

/* The uid in a key that begins with `head`; ptr NULL when it is none of these. */
static struct str uid_of(struct str key, const char *head)
{
    size_t from = strlen(head), around = from + strlen(suffix);
    if (key.len < around || !str_starts(key, head) || !str_ends(key, suffix))
        return STR_NULL;
    return str_sub(key, from, key.len - strlen(suffix));
}

/* One step of SCAN; *cursor is "0" at the end. */
static bool scan_keys(struct redis_client *client, struct str match, struct str *cursor,
                      const struct call *call, struct arena *arena, struct redis_answer *ret_keys,
                      struct err *err)
{
    struct redis_answer answer;
    if (!redis_run(client,
                   REDIS_COMMAND(STR("SCAN"), *cursor, STR("MATCH"), match, STR("COUNT"),
                                 redis_number(arena, SCAN_COUNT)),
                   call, arena, &answer, err))
        return false;
    if (answer.type != REDIS_LIST || answer.n != 2)
        return err_set(err, ERR_CORRUPT, "redis: SCAN answers nonsense");
    *cursor = answer.items[0].text;
    *ret_keys = answer.items[1];
    return true;
}

/* All locks, by SCAN; one that comes twice is taken once. */
static bool scan_locks(struct redis_client *client, struct str operator_name,
                       const struct call *call, struct arena *arena, struct lock **first,
                       struct err *err)
{
    struct str cursor = STR("0"), match = arena_printf(arena, "%s*%s", prefix, suffix);
    struct lock **end = first;
    size_t total = 0;
    do {
        struct redis_answer keys;
        if (!scan_keys(client, match, &cursor, call, arena, &keys, err))
            return false;
        struct str *uids = arena_array(arena, struct str, keys.n);
        size_t n = 0;
        for (size_t i = 0; i < keys.n; i++) {
            struct str uid = uid_of(keys.items[i].text, prefix);
            bool known = !uid.ptr;
            for (const struct lock *l = *first; l && !known; l = l->next)
                known = str_eq(l->object, uid);
            if (!known)
                uids[n++] = uid;
        }
        if (n && !read_locks(client, uids, n, operator_name, call, arena, &end, err))
            return false;
        total += n;
    } while (!str_is(cursor, "0") && total < LOCKS_MAX);
    return true;
}

bool lock_list(struct redis_client *client, const struct str *uids, size_t n,
               struct str operator_name, const struct call *call, struct arena *arena,
               struct lock **ret, struct err *err)
{
    struct lock *first = NULL, **end = &first;
    bool ok = n ? read_locks(client, uids, n, operator_name, call, arena, &end, err)
                : scan_locks(client, operator_name, call, arena, &first, err);
    if (!ok)
        return false;
    int64_t waiters = first ? count_waiters(client, call, arena) : -1;
    for (struct lock *lock = first; lock; lock = lock->next) {
        if (waiters == 0 || (waiters > 0 && !n && !first->next))
            lock->waiters = waiters;
        else if (waiters > 0)
            lock->evidence = arena_printf(arena,
                                          "%.*s; %lld clients sleep in BLPOP, on this lock "
                                          "or another",
                                          STR_ARG(lock->evidence), (long long)waiters);
    }
    *ret = first;
    return true;
}

/* --- uids ------------------------------------------------------------------------------------ */

struct uid_list {
    struct str *items;
    size_t n, cap;
};

static void uid_add(struct uid_list *list, struct arena *arena, struct str uid)
{
    list->items = arena_grow(arena, list->items, list->n, &list->cap, sizeof *list->items);
    list->items[list->n++] = uid;
}

static bool add_uids(struct redis_client *client, const char *head, const struct call *call,
                     struct arena *arena, struct uid_list *list, struct err *err)
{
    struct str cursor = STR("0"), match = arena_printf(arena, "%s*%s", head, suffix);
    do {
        struct redis_answer keys;
        if (!scan_keys(client, match, &cursor, call, arena, &keys, err))
            return false;
        for (size_t i = 0; i < keys.n; i++) {
            struct str uid = uid_of(keys.items[i].text, head);
            if (uid.ptr)
                uid_add(list, arena, uid);
        }
    } while (!str_is(cursor, "0"));
    return true;
}

static int compare_uids(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool lock_uids(struct redis_client *client, const struct call *call, struct arena *arena,
               struct str **ret, size_t *ret_n, struct err *err)
{
    struct uid_list list = {0};
    if (!add_uids(client, signal_prefix, call, arena, &list, err) ||
        !add_uids(client, prefix, call, arena, &list, err))
        return false;
    size_t n = 0;
    if (list.n)
        qsort(list.items, list.n, sizeof *list.items, compare_uids);
    for (size_t i = 0; i < list.n; i++) {
        if (!n || !str_eq(list.items[n - 1], list.items[i]))
            list.items[n++] = list.items[i];
    }
    *ret = list.items;
    *ret_n = n;
    return true;
}
