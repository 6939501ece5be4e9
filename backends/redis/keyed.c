#include "backends/redis/keyed.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCAN_COUNT = 1000,
    BATCH_BYTES = 16 << 20, /* asked for in one pipeline */
    HEAD_BYTES = 64 << 10,  /* of a value beyond the limit, for showing */
    ANY_ROUNDS = 200,       /* SCAN calls before "there is none" */
    LOCK_LEFT_MS = 3000,    /* a lock must last so long when a value is swapped */
    CURSOR_MAX = 32,
};

struct str redis_keyed_key(struct arena *arena, const struct redis_keyed *keyed, struct str id)
{
    return arena_join(arena, keyed->head, id, keyed->tail);
}

static bool id_of(const struct redis_keyed *keyed, struct str key, struct str *ret)
{
    size_t around = keyed->head.len + keyed->tail.len;
    if (key.len <= around || !str_eq(str_sub(key, 0, keyed->head.len), keyed->head) ||
        !str_eq(str_sub(key, key.len - keyed->tail.len, key.len), keyed->tail))
        return false;
    *ret = str_sub(key, keyed->head.len, key.len - keyed->tail.len);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------- */

struct scan {
    struct arena arena; /* ids of one SCAN answer that did not fit the page */
    char cursor[CURSOR_MAX];
    bool ids_alone, ended;
    struct str *ids;
    size_t next, n;
};

static struct scan *scan_new(bool ids_alone)
{
    struct scan *scan = xcalloc(1, sizeof *scan);
    scan->ids_alone = ids_alone;
    strcpy(scan->cursor, "0");
    return scan;
}

bool redis_keyed_scan_open(struct store *store, const struct call *call, void **ret,
                           struct err *err)
{
    *ret = scan_new(false);
    return true;
}

bool redis_keyed_scan_ids(struct store *store, const struct call *call, void **ret, struct err *err)
{
    *ret = scan_new(true);
    return true;
}

void redis_keyed_scan_close(struct store *store, void *ctx)
{
    struct scan *scan = ctx;
    arena_release(&scan->arena);
    free(scan);
}

static void glob_escape(struct sbuf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] && strchr("*?[]\\^", s.ptr[i]))
            sbuf_char(out, '\\');
        sbuf_char(out, s.ptr[i]);
    }
}

/* One SCAN answer. */
static bool scan_more(struct redis_client *client, const struct redis_keyed *keyed,
                      struct scan *scan, const struct call *call, struct err *err)
{
    struct redis_answer answer;
    struct sbuf match = SBUF_INIT;
    glob_escape(&match, keyed->head);
    sbuf_char(&match, '*');
    glob_escape(&match, keyed->tail);
    struct str cursor = str_of(scan->cursor);
    arena_release(&scan->arena);
    scan->n = scan->next = 0;
    struct redis_command command =
        REDIS_COMMAND(STR("SCAN"), cursor, STR("MATCH"), sbuf_view(&match), STR("COUNT"),
                      redis_number(&scan->arena, SCAN_COUNT), STR("TYPE"), STR("string"));
    /* TYPE came with 6.0; other types answer WRONGTYPE when read. It looks up every key. */
    if (scan->ids_alone || redis_server(client)->major < 6)
        command.argc -= 2;
    bool ok = redis_run(client, command, call, &scan->arena, &answer, err);
    sbuf_release(&match);
    if (!ok)
        return false;
    if (answer.type != REDIS_LIST || answer.n != 2 || answer.items[1].type != REDIS_LIST ||
        answer.items[0].text.len >= sizeof scan->cursor)
        return err_set(err, ERR_CORRUPT, "redis: SCAN answers nonsense");
    memcpy(scan->cursor, answer.items[0].text.ptr, answer.items[0].text.len);
    scan->cursor[answer.items[0].text.len] = '\0';
    scan->ended = strcmp(scan->cursor, "0") == 0;
    scan->ids = arena_array(&scan->arena, struct str, answer.items[1].n);
    for (size_t i = 0; i < answer.items[1].n; i++)
        scan->n += id_of(keyed, answer.items[1].items[i].text, &scan->ids[scan->n]);
    return true;
}

/* What is asked of each key in one pipeline; a NULL word ends a command. */
enum { ASK_WORDS = 4, ASKS = 3 };
struct ask {
    struct str words[ASK_WORDS]; /* words[1] is the key */
    size_t n;
};

static bool ask_all(struct redis_client *client, const struct ask *asks, size_t n,
                    const struct call *call, struct arena *arena, struct redis_answer **ret,
                    struct err *err)
{
    struct redis_command *commands = arena_array(arena, struct redis_command, n);
    *ret = arena_array(arena, struct redis_answer, n);
    for (size_t i = 0; i < n; i++)
        commands[i] = (struct redis_command){asks[i].words, asks[i].n};
    return redis_pipeline(client, commands, n, call, arena, *ret, err);
}

static struct ask ask_for(const char *command, struct str key)
{
    return (struct ask){{str_of(command), key}, 2};
}

static struct ask ask_head(struct arena *arena, struct str key, size_t head)
{
    return (struct ask){
        {STR("GETRANGE"), key, STR("0"), redis_number(arena, head ? (int64_t)head - 1 : 0)}, 4};
}

/* `value` NULL: not asked for. */
static void take(struct redis_client *client, const struct redis_answer *len,
                 const struct redis_answer *pttl, const struct redis_answer *value,
                 struct redis_stored *ret)
{
    const struct redis_answer *answers[] = {len, pttl, value};
    for (size_t i = 0; i < ASKS; i++) {
        if (!answers[i] || answers[i]->type != REDIS_ERROR)
            continue;
        redis_answer_error(client, answers[i], &ret->err);
        err_context(&ret->err, "%.*s", STR_ARG(ret->id));
        ret->len = -1;
        return;
    }
    ret->pttl_ms = pttl->number;
    ret->present = (!value || value->type == REDIS_TEXT) && pttl->number != -2;
    ret->bytes = value && value->type == REDIS_TEXT ? value->text : STR("");
    ret->len = ret->present ? len->number : -1;
}

static bool measure(struct redis_client *client, const struct redis_keyed *keyed,
                    struct redis_stored *rows, size_t n, size_t head, const struct call *call,
                    struct arena *arena, struct err *err)
{
    size_t each = head ? ASKS : ASKS - 1;
    struct ask *asks = arena_array(arena, struct ask, each * n);
    struct redis_answer *answers;
    for (size_t i = 0; i < n; i++) {
        struct str key = redis_keyed_key(arena, keyed, rows[i].id);
        asks[each * i] = ask_for("STRLEN", key);
        asks[each * i + 1] = ask_for("PTTL", key);
        if (head)
            asks[each * i + 2] = ask_head(arena, key, head);
    }
    if (!ask_all(client, asks, each * n, call, arena, &answers, err))
        return false;
    for (size_t i = 0; i < n; i++)
        take(client, &answers[each * i], &answers[each * i + 1],
             head ? &answers[each * i + 2] : NULL, &rows[i]);
    return true;
}

/* At most `max` of the ids that came, which live until the next SCAN; asks for more when there are
 * none. */
static bool ids_take(struct redis_client *client, const struct redis_keyed *keyed,
                     struct scan *scan, const struct call *call, size_t max, const struct str **ret,
                     size_t *ret_n, struct err *err)
{
    while (scan->next == scan->n && !scan->ended) {
        if (!call_check(call, "redis SCAN", err) || !scan_more(client, keyed, scan, call, err))
            return false;
    }
    *ret = scan->ids + scan->next;
    *ret_n = scan->n - scan->next < max ? scan->n - scan->next : max;
    scan->next += *ret_n;
    return true;
}

bool redis_keyed_scan_next(struct redis_client *client, const struct redis_keyed *keyed, void *scan,
                           size_t head, const struct call *call, struct arena *arena, size_t max,
                           struct redis_stored **ret, size_t *ret_n, struct err *err)
{
    const struct str *ids;
    size_t n;
    if (!ids_take(client, keyed, scan, call, max, &ids, &n, err))
        return false;
    struct redis_stored *rows = arena_array(arena, struct redis_stored, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct redis_stored){.id = arena_str(arena, ids[i]), .len = -1, .pttl_ms = -1};
    if (n && !measure(client, keyed, rows, n, head, call, arena, err))
        return false;
    *ret = rows;
    *ret_n = n;
    return true;
}

bool redis_keyed_ids_alone(const void *scan)
{
    return ((const struct scan *)scan)->ids_alone;
}

bool redis_keyed_next_ids(struct redis_client *client, const struct redis_keyed *keyed, void *scan,
                          const struct call *call, struct arena *arena, size_t max,
                          struct row **ret, size_t *ret_n, struct err *err)
{
    const struct str *ids;
    size_t n;
    if (!ids_take(client, keyed, scan, call, max, &ids, &n, err))
        return false;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++) {
        struct str id = arena_str(arena, ids[i]);
        rows[i] = (struct row){.id = id,
                               .label = id,
                               .bytes = -1,
                               .updated_at_us = TIME_UNKNOWN,
                               .expires_at_us = TIME_UNKNOWN};
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

bool redis_keyed_any(struct redis_client *client, const struct redis_keyed *keyed,
                     const struct call *call, struct err *err)
{
    struct scan *scan = scan_new(true);
    bool found = false;
    for (int i = 0; i < ANY_ROUNDS && !found && !scan->ended; i++) {
        if (!scan_more(client, keyed, scan, call, err))
            break;
        found = scan->n > 0;
    }
    redis_keyed_scan_close(NULL, scan);
    return found;
}

/* --- read ------------------------------------------------------------------------------------- */

/* Sizes first, so that no answer has more than BATCH_BYTES. */
static bool sizes_read(struct redis_client *client, const struct str *keys, size_t n,
                       const struct call *call, struct arena *arena, struct redis_answer **ret,
                       struct err *err)
{
    struct ask *asks = arena_array(arena, struct ask, n);
    for (size_t i = 0; i < n; i++)
        asks[i] = ask_for("STRLEN", keys[i]);
    return ask_all(client, asks, n, call, arena, ret, err);
}

static size_t head_of(size_t limit)
{
    return limit < HEAD_BYTES ? limit : HEAD_BYTES;
}

static int64_t wanted(const struct redis_answer *size, size_t limit)
{
    return size->number <= (int64_t)limit ? size->number : (int64_t)head_of(limit);
}

static bool batch_read(struct redis_client *client, const struct str *keys,
                       const struct redis_answer *sizes, size_t n, size_t limit,
                       const struct call *call, struct arena *arena, struct redis_stored *ret,
                       struct err *err)
{
    struct ask *asks = arena_array(arena, struct ask, 2 * n);
    struct redis_answer *answers;
    for (size_t i = 0; i < n; i++) {
        bool whole = sizes[i].number <= (int64_t)limit;
        asks[2 * i] = whole ? ask_for("GET", keys[i]) : ask_head(arena, keys[i], head_of(limit));
        asks[2 * i + 1] = ask_for("PTTL", keys[i]);
    }
    if (!ask_all(client, asks, 2 * n, call, arena, &answers, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        take(client, &sizes[i], &answers[2 * i + 1], &answers[2 * i], &ret[i]);
        if (ret[i].present && sizes[i].number <= (int64_t)limit)
            ret[i].len = (int64_t)ret[i].bytes.len; /* it may have changed since it was measured */
    }
    return true;
}

bool redis_keyed_read(struct redis_client *client, const struct redis_keyed *keyed,
                      const struct str *ids, size_t n, size_t limit, const struct call *call,
                      struct arena *arena, struct redis_stored *ret, struct err *err)
{
    struct str *keys = arena_array(arena, struct str, n);
    struct redis_answer *sizes;
    for (size_t i = 0; i < n; i++) {
        keys[i] = redis_keyed_key(arena, keyed, ids[i]);
        ret[i] = (struct redis_stored){.id = ids[i]};
    }
    if (!sizes_read(client, keys, n, call, arena, &sizes, err))
        return false;
    for (size_t from = 0, to; from < n; from = to) {
        int64_t bytes = wanted(&sizes[from], limit);
        for (to = from + 1; to < n && bytes + wanted(&sizes[to], limit) <= BATCH_BYTES; to++)
            bytes += wanted(&sizes[to], limit);
        if (!batch_read(client, keys + from, sizes + from, to - from, limit, call, arena,
                        ret + from, err))
            return false;
    }
    return true;
}

/* --- swap ------------------------------------------------------------------------------------- */

/* KEYS: value, lock. ARGV: text of the lock ('' = there is none), ms it must last, is there an old
 * value, the old one, is there a new one, the new one, ms to live ('0' = as it is, '-1' = for
 * ever), does this server know KEEPTTL. */
static const char swap_script[] =
    "if ARGV[1] ~= '' then "
    "  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'lock' end "
    "  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then return 'lock' end "
    "end "
    "local now = redis.call('GET', KEYS[1]) "
    "if (now ~= false) ~= (ARGV[3] == '1') then return 'changed' end "
    "if now and now ~= ARGV[4] then return 'changed' end "
    "if ARGV[5] == '0' then redis.call('DEL', KEYS[1]) return 'ok' end "
    "local left = tonumber(ARGV[7]) "
    "if left == 0 and ARGV[8] == '1' then "
    "  redis.call('SET', KEYS[1], ARGV[6], 'KEEPTTL') return 'ok' "
    "end "
    "if left == 0 then left = redis.call('PTTL', KEYS[1]) end "
    "if left > 0 then redis.call('SET', KEYS[1], ARGV[6], 'PX', left) "
    "else redis.call('SET', KEYS[1], ARGV[6]) end "
    "return 'ok'";

bool redis_swap(struct redis_client *client, const struct redis_swap *swap, const struct call *call,
                enum redis_swapped *ret, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    struct str yes = STR("1"), no = STR("0");
    bool ok = redis_run(
        client,
        REDIS_COMMAND(STR("EVAL"), str_of(swap_script), STR("2"), swap->key, swap->lock_key,
                      swap->lock, redis_number(&arena, LOCK_LEFT_MS), swap->has_old ? yes : no,
                      swap->has_old ? swap->old : STR(""), swap->has_new ? yes : no,
                      swap->has_new ? swap->new : STR(""), redis_number(&arena, swap->ttl_ms),
                      redis_server(client)->major >= 6 ? yes : no),
        call, &arena, &answer, err);
    if (ok)
        *ret = str_is(answer.text, "ok")        ? REDIS_SWAPPED
               : str_is(answer.text, "changed") ? REDIS_CHANGED
                                                : REDIS_LOCK_LOST;
    arena_release(&arena);
    return ok;
}

bool redis_lock_lost(struct str id, struct err *err)
{
    return err_set(err, ERR_LOCKED, "%.*s: our lock ran out before the write; nothing was written",
                   STR_ARG(id));
}
