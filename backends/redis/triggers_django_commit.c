/* Writing a session exactly as formats/triggers.md 1.7 asks: lock, read again, compare, encode and
 * verify, compare-and-swap under the lock, read back, release with a signal. Killed at any point it
 * leaves the old value or the new one, and a lock that ends in LOCK_TTL_S. */
#include "backends/redis/lock.h"
#include "backends/redis/triggers_django.h"
#include "core/base/clock.h"

#include <string.h>

/* KEYS: session, lock. ARGV: lock id ('' = there is no lock), ms it must last, what to do ('set',
 * 'del', 'new'), old bytes, new bytes, ms to live ('' = keep, '-1' = for ever). */
static const char swap_script[] =
    "if ARGV[1] ~= '' then "
    "  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'lock' end "
    "  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then return 'lock' end "
    "end "
    "local now = redis.call('GET', KEYS[1]) "
    "if ARGV[3] == 'new' then "
    "  if now then return 'changed' end "
    "elseif now ~= ARGV[4] then "
    "  return 'changed' "
    "end "
    "if ARGV[3] == 'del' then redis.call('DEL', KEYS[1]) return 'ok' end "
    "if ARGV[6] == '' then redis.call('SET', KEYS[1], ARGV[5], 'KEEPTTL') "
    "elseif ARGV[6] == '-1' then redis.call('SET', KEYS[1], ARGV[5]) "
    "else redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[6]) end "
    "return 'ok'";

struct commit {
    struct django_store *store;
    struct commit_item *item;
    const struct call *call;
    struct arena *arena;
    struct str key;
    const struct session_hold *hold;
    struct django_stored now;
    struct document now_doc;
    struct django_form form;
};

static bool fetch(struct commit *c, struct err *err)
{
    struct redis_answer answers[2];
    const struct redis_command commands[] = {REDIS_COMMAND(STR("GET"), c->key),
                                             REDIS_COMMAND(STR("PTTL"), c->key)};
    if (!redis_pipeline(c->store->client, commands, 2, c->call, c->arena, answers, err))
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (answers[i].type == REDIS_ERROR)
            return redis_answer_error(c->store->client, &answers[i], err);
    }
    c->now = (struct django_stored){.present = answers[0].type == REDIS_TEXT,
                                    .bytes = answers[0].text,
                                    .pttl_ms = answers[1].number};
    django_document(&c->now, c->item->id, VALUE_LIMIT, c->arena, &c->now_doc, &c->form);
    return true;
}

/* --- new bytes ------------------------------------------------------------------------------- */

struct late {
    struct arena *arena;
    const struct django_form *form;
    int64_t now_us;
};

static const struct value *fill(void *ctx, enum value_late late)
{
    const struct late *l = ctx;
    if (late == LATE_NOW)
        return django_time(l->arena, l->form, l->now_us);
    return &value_null; /* sessions have no other late values */
}

static bool encode(struct commit *c, struct str *ret, struct err *err)
{
    struct late late = {.arena = c->arena, .form = &c->form};
    struct err ignored = {0};
    if (!c->now.present)
        c->form = django_form_new(c->item->after);
    if (!redis_time(c->store->client, c->call, &late.now_us, &ignored))
        late.now_us = clock_now_us(); /* this user may not ask */
    const struct value *root = value_fill_late(c->arena, c->item->after, fill, &late);
    return django_encode(c->arena, root, &c->form, ret, err);
}

/* Time to live of an image that is put back where nothing is now. */
static bool image_ttl(const struct commit *c, int64_t expires_ms, struct str *ret, struct err *err)
{
    int64_t left = expires_ms - clock_now_us() / 1000;
    if (expires_ms < 0) {
        *ret = STR("-1");
        return true;
    }
    if (left <= 0)
        return err_set(err, ERR_REFUSED, "%.*s expired meanwhile: it is not brought back",
                       STR_ARG(c->item->id));
    *ret = redis_number(c->arena, left);
    return true;
}

/* Redis before 6.0 has no KEEPTTL: the time read just now is set again. */
static struct str keep_ttl(const struct commit *c)
{
    if (redis_server(c->store->client)->major >= 6)
        return STR("");
    return redis_number(c->arena, c->now.pttl_ms > 0 ? c->now.pttl_ms : -1);
}

/* --- the swap -------------------------------------------------------------------------------- */

static bool swap(struct commit *c, const char *what, struct str bytes, struct str ttl,
                 bool *ret_done, struct err *err)
{
    struct redis_answer answer;
    struct err lost = {0};
    bool beside =
        c->store->sessions.locks.borrowed; /* the lock lies beside the session: one look for both */
    if (!beside && !session_hold_check(c->hold, &lost)) {
        *err = lost;
        return lost.kind == ERR_LOCKED && commit_refuse(c->item, OUTCOME_LOCKED, &lost);
    }
    struct redis_command command = REDIS_COMMAND(
        STR("EVAL"), str_of(swap_script), STR("2"), c->key, lock_key(c->arena, c->item->id),
        beside ? c->hold->id : STR(""), redis_number(c->arena, SESSION_LOCK_LEFT_MS), str_of(what),
        c->now.bytes, bytes, ttl);
    if (!redis_run(c->store->client, command, c->call, c->arena, &answer, err))
        return false;
    *ret_done = str_is(answer.text, "ok");
    if (*ret_done)
        return true;
    if (str_is(answer.text, "changed"))
        return fetch(c, err) && commit_conflict(c->item, &c->now_doc);
    err_set(&lost, ERR_LOCKED, "%.*s: our lock ran out before the write; nothing was written",
            STR_ARG(c->item->id));
    return commit_refuse(c->item, OUTCOME_LOCKED, &lost);
}

static bool refuse(struct commit *c, const struct err *why)
{
    return commit_refuse(c->item, OUTCOME_REFUSED, why);
}

static bool write_root(struct commit *c, bool *ret_done, struct err *err)
{
    struct str bytes;
    struct err why = {0};
    if (c->now.present && c->now_doc.problem.kind)
        return refuse(c, &c->now_doc.problem);
    if (!encode(c, &bytes, &why))
        return refuse(c, &why);
    if (!c->now.present)
        return swap(c, "new", bytes, STR("-1"), ret_done, err);
    return swap(c, "set", bytes, keep_ttl(c), ret_done, err);
}

static bool restore(struct commit *c, bool *ret_done, struct err *err)
{
    struct str bytes, ttl;
    int64_t expires_ms;
    struct err why = {0};
    if (!django_image_read(c->item->image, &bytes, &expires_ms, &why))
        return refuse(c, &why);
    if (c->now.present)
        return swap(c, "set", bytes, keep_ttl(c), ret_done, err);
    if (!image_ttl(c, expires_ms, &ttl, &why))
        return refuse(c, &why);
    return swap(c, "new", bytes, ttl, ret_done, err);
}

static bool remove_key(struct commit *c, bool *ret_done, struct err *err)
{
    if (c->now.present)
        return swap(c, "del", STR(""), STR(""), ret_done, err);
    *ret_done = true;
    return true;
}

/* Between lock and release. True with an outcome in the item, or false for a failing store. */
static bool change(void *ctx, const struct session_hold *hold, struct err *err)
{
    struct commit *c = ctx;
    struct commit_item *item = c->item;
    c->hold = hold;
    bool done = false, ok;
    if (!fetch(c, err))
        return false;
    if (!commit_compare(item, &c->now_doc))
        return true;
    if (item->kind == EDIT_WRITE)
        ok = write_root(c, &done, err);
    else if (item->kind == EDIT_RESTORE && item->image.ptr)
        ok = restore(c, &done, err);
    else
        ok = remove_key(c, &done, err);
    if (!ok || !done)
        return ok;
    if (!fetch(c, err))
        return err_context(err, "written, but not read back");
    item->outcome = OUTCOME_APPLIED;
    item->now = c->now_doc;
    return true;
}

bool django_commit(struct store *base, struct commit_item *item, const struct call *call,
                   struct arena *arena, struct err *err)
{
    struct django_store *store = (struct django_store *)base;
    struct commit c = {.store = store, .item = item, .call = call, .arena = arena};
    c.key = django_key_of(arena, &store->sessions.key, item->id);
    if (item->kind == EDIT_BREAK)
        return fetch(&c, err) &&
               session_locks_break(&store->sessions, item, &c.now_doc, call, arena, err);
    return session_locks_change(&store->sessions, item, change, &c, call, arena, err);
}
