#include "backends/redis/client.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/host.h"
#include "core/base/mem.h"
#include "core/url.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    REPLY_LIMIT = 513 << 20, /* Redis' own limit of one string, and some room */
    PORT_DEFAULT = 6379,
};

struct redis_client {
    struct arena arena;
    struct str host, socket, user, password;
    int port;
    bool writable;
    redisContext *context; /* NULL: to be connected at the next call */
    struct redis_server server;
};

const char redis_read_commands[] =
    "AUTH SELECT CLIENT|SETNAME PING INFO TIME SCAN TYPE EXISTS STRLEN GET GETRANGE PTTL "
    "CLIENT|LIST";

/* --- what may be sent ------------------------------------------------------------------------ */

static bool is_read(struct redis_command command)
{
    struct str rest = str_of(redis_read_commands);
    while (rest.len) {
        ptrdiff_t end = str_index(rest, ' ');
        struct str word = end < 0 ? rest : str_sub(rest, 0, (size_t)end);
        rest = end < 0 ? STR("") : str_sub(rest, (size_t)end + 1, rest.len);
        ptrdiff_t bar = str_index(word, '|');
        struct str first = bar < 0 ? word : str_sub(word, 0, (size_t)bar);
        if (!str_eq(command.argv[0], first))
            continue;
        if (bar < 0 ||
            (command.argc > 1 && str_eq(command.argv[1], str_sub(word, (size_t)bar + 1, word.len))))
            return true;
    }
    return false;
}

/* --- errors ---------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum err_kind kind;
    const char *hint;
} error_words[] = {
    {"NOAUTH", ERR_DENIED, "put user and password into the address: redis://user:password@host/0"},
    {"WRONGPASS", ERR_DENIED, NULL},
    {"NOPERM", ERR_DENIED, "this Redis user lacks a right (ACL)"},
    {"READONLY", ERR_UNSUPPORTED, "this server is a replica: name the primary"},
    {"LOADING", ERR_UNAVAILABLE, "it reads its data set: try again"},
    {"MASTERDOWN", ERR_UNAVAILABLE, NULL},
    {"CLUSTERDOWN", ERR_UNSUPPORTED, "Redis Cluster cannot hold sessions with their locks"},
    {"MOVED", ERR_UNSUPPORTED, "Redis Cluster cannot hold sessions with their locks"},
    {"ASK", ERR_UNSUPPORTED, "Redis Cluster cannot hold sessions with their locks"},
    {"CROSSSLOT", ERR_UNSUPPORTED, "Redis Cluster cannot hold sessions with their locks"},
    {"BUSY", ERR_UNAVAILABLE, "a script keeps the server busy"},
    {"OOM", ERR_REFUSED, "the server is out of memory (maxmemory)"},
    {"MISCONF", ERR_REFUSED, "the server cannot save to disk and refuses writes"},
    {"NOREPLICAS", ERR_REFUSED, NULL},
    {"WRONGTYPE", ERR_CORRUPT, NULL},
    {"DENIED", ERR_DENIED, "protected mode: only local clients may connect"},
};

bool redis_answer_error(const struct redis_client *client, const struct redis_answer *answer,
                        struct err *err)
{
    struct str text = answer->text;
    ptrdiff_t space = str_index(text, ' ');
    struct str word = space < 0 ? text : str_sub(text, 0, (size_t)space);
    if (str_starts(word, "-")) /* errors inside scripts of old servers */
        word = str_sub(word, 1, word.len);
    for (size_t i = 0; i < sizeof error_words / sizeof error_words[0]; i++) {
        if (!str_is(word, error_words[i].word))
            continue;
        err_set(err, error_words[i].kind, "redis: %.*s", STR_ARG(text));
        return error_words[i].hint ? err_hint(err, "%s", error_words[i].hint) : false;
    }
    if (str_starts(text, "ERR invalid password"))
        return err_set(err, ERR_DENIED, "redis: invalid password");
    if (str_starts(text, "ERR max number of clients"))
        return err_set(err, ERR_UNAVAILABLE, "redis: %.*s", STR_ARG(text));
    if (str_starts(text, "ERR unknown command"))
        return err_set(err, ERR_UNSUPPORTED, "redis: %.*s", STR_ARG(text));
    return err_set(err, ERR_INTERNAL, "redis: %.*s", STR_ARG(text));
}

/* --- connection ------------------------------------------------------------------------------ */

static void disconnect(struct redis_client *client)
{
    if (client->context)
        redisFree(client->context);
    client->context = NULL;
}

static bool unreachable(struct redis_client *client, const char *why, struct err *err)
{
    err_set(err, ERR_UNAVAILABLE, "redis %.*s: %s", STR_ARG(client->server.name), why);
    disconnect(client); /* only now: `why` is often the context's own text */
    return false;
}

/* Takes over what hiredis began to connect. */
static bool connect_wait(struct redis_client *client, redisContext *context,
                         const struct call *call, struct err *err)
{
    const char *what = "connecting to redis";
    client->context = context;
    if (!context)
        return err_set(err, ERR_INTERNAL, "redis: out of memory");
    if (client->context->err)
        return unreachable(client, client->context->errstr, err);
    if (!call_wait_fd(call, client->context->fd, POLLOUT, what, err)) {
        disconnect(client);
        return false;
    }
    int code = 0;
    socklen_t len = sizeof code;
    if (getsockopt(client->context->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;
    return code == 0 || unreachable(client, strerror(code), err);
}

static bool connect_host(struct redis_client *client, const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct host_addresses found;
    struct err why = {0};
    bool ok = host_lookup(client->host.ptr, call, &arena, &found, &why);
    if (ok) {
        for (size_t i = 0; i < found.n; i++) {
            redisContext *context = redisConnectNonBlock(found.items[i], client->port);
            /* one that does not answer leaves the others their share of the time */
            int64_t share_ms = call_left_ms(call) / (int64_t)(found.n - i);
            struct call one = call_within(share_ms, call->cancel);
            ok = connect_wait(client, context, &one, &why);
            if (ok || (why.kind != ERR_UNAVAILABLE && why.kind != ERR_TIMEOUT))
                break;
        }
    }
    if (!ok && err)
        *err = why;
    arena_release(&arena);
    return ok;
}

static bool connect_server(struct redis_client *client, const struct call *call, struct err *err)
{
    if (client->socket.ptr)
        return connect_wait(client, redisConnectUnixNonBlock(client->socket.ptr), call, err);
    return connect_host(client, call, err);
}

static bool convert(const redisReply *reply, struct arena *arena, struct redis_answer *ret,
                    struct err *err)
{
    *ret = (struct redis_answer){.type = REDIS_NIL};
    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR: {
        size_t len = (size_t)reply->len;
        char *copy = arena_try_alloc(arena, len + 1);
        if (!copy)
            return err_set(err, ERR_CORRUPT, "redis: a value of %zu bytes is too large", len);
        memcpy(copy, reply->str, len);
        ret->type = reply->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT;
        ret->text = (struct str){copy, len};
        return true;
    }
    case REDIS_REPLY_INTEGER:
        ret->type = REDIS_NUMBER;
        ret->number = reply->integer;
        return true;
    case REDIS_REPLY_ARRAY:
        ret->type = REDIS_LIST;
        ret->n = reply->elements;
        ret->items = arena_array(arena, struct redis_answer, ret->n);
        for (size_t i = 0; i < ret->n; i++) {
            if (!convert(reply->element[i], arena, &ret->items[i], err))
                return false;
        }
        return true;
    default: /* nil, and what RESP3 alone has */
        return true;
    }
}

static void reply_free(void *reply)
{
    redisReply **r = reply;
    if (*r)
        freeReplyObject(*r);
}

/* Takes one reply that has arrived; *ret_got false: more bytes are needed. */
static bool take_reply(struct redis_client *client, struct arena *arena, struct redis_answer *ret,
                       bool *ret_got, struct err *err)
{
    CLEANUP(reply_free) redisReply *reply = NULL;
    void *raw = NULL;
    *ret_got = false;
    if (redisReaderGetReply(client->context->reader, &raw) != REDIS_OK)
        return unreachable(client, client->context->reader->errstr, err);
    reply = raw;
    if (!reply) {
        if (client->context->reader->len > REPLY_LIMIT)
            return unreachable(client, "an answer beyond all limits", err);
        return true;
    }
    if (!convert(reply, arena, ret, err)) {
        disconnect(client); /* the answers behind it would be taken for others' */
        return false;
    }
    *ret_got = true;
    return true;
}

/* Sends what is in the output buffer and reads n answers, both ways at once: a server that cannot
 * get rid of its answers stops reading. */
static bool exchange(struct redis_client *client, size_t n, const struct call *call,
                     struct arena *arena, struct redis_answer *ret, struct err *err)
{
    redisContext *context = client->context;
    int sent = 0;
    for (size_t got = 0; got < n;) {
        if (!sent && redisBufferWrite(context, &sent) != REDIS_OK)
            return unreachable(client, context->errstr, err);
        bool one;
        if (!take_reply(client, arena, &ret[got], &one, err))
            return false;
        got += one;
        if (one)
            continue;
        if (!call_wait_fd(call, context->fd, sent ? POLLIN : POLLIN | POLLOUT, "redis", err)) {
            disconnect(client);
            return false;
        }
        if (redisBufferRead(context) != REDIS_OK)
            return unreachable(client, context->errstr, err);
    }
    return true;
}

static void append(struct redis_client *client, struct redis_command command)
{
    enum { FEW = 16 };
    const char *argv[FEW];
    size_t lens[FEW];
    size_t n = command.argc < FEW ? command.argc : FEW; /* the longest of ours has ten */
    for (size_t i = 0; i < n; i++) {
        argv[i] = command.argv[i].ptr ? command.argv[i].ptr : "";
        lens[i] = command.argv[i].len;
    }
    redisAppendCommandArgv(client->context, (int)n, argv, lens);
}

static bool greet(struct redis_client *client, const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct redis_answer answers[3];
    size_t n = 0;
    if (client->password.ptr && client->user.len)
        append(client, REDIS_COMMAND(STR("AUTH"), client->user, client->password));
    else if (client->password.ptr)
        append(client, REDIS_COMMAND(STR("AUTH"), client->password));
    n += client->password.ptr != NULL;
    if (!str_is(client->server.db, "0")) { /* every connection begins there */
        append(client, REDIS_COMMAND(STR("SELECT"), client->server.db));
        n++;
    }
    size_t matters = n;
    append(client, REDIS_COMMAND(STR("CLIENT"), STR("SETNAME"), STR("penstock")));
    n++; /* its answer does not matter: a user without the right connects all the same */
    bool ok = exchange(client, n, call, &arena, answers, err);
    for (size_t i = 0; ok && i < matters; i++)
        ok = answers[i].type != REDIS_ERROR || redis_answer_error(client, &answers[i], err);
    if (!ok)
        disconnect(client);
    arena_release(&arena);
    return ok;
}

/* A connection on which something arrived while nobody asked has been closed by the server (its
 * `timeout` setting, a restart): nothing was sent yet, so another one is as good. */
static bool is_stale(const redisContext *context)
{
    struct pollfd fd = {.fd = context->fd, .events = POLLIN};
    return poll(&fd, 1, 0) != 0;
}

static bool ensure_connected(struct redis_client *client, const struct call *call, struct err *err)
{
    if (client->context && is_stale(client->context))
        disconnect(client);
    if (client->context)
        return call_check(call, "redis", err);
    return connect_server(client, call, err) && greet(client, call, err);
}

/* --- calls ----------------------------------------------------------------------------------- */

bool redis_pipeline(struct redis_client *client, const struct redis_command *commands, size_t n,
                    const struct call *call, struct arena *arena, struct redis_answer *ret,
                    struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!client->writable && !is_read(commands[i]))
            return err_set(err, ERR_REFUSED, "redis: read-only: %.*s is not sent",
                           STR_ARG(commands[i].argv[0]));
    }
    if (!ensure_connected(client, call, err))
        return false;
    for (size_t i = 0; i < n; i++)
        append(client, commands[i]);
    return exchange(client, n, call, arena, ret, err);
}

bool redis_run(struct redis_client *client, struct redis_command command, const struct call *call,
               struct arena *arena, struct redis_answer *ret, struct err *err)
{
    struct redis_answer answer;
    if (!redis_pipeline(client, &command, 1, call, arena, &answer, err))
        return false;
    if (answer.type == REDIS_ERROR) {
        redis_answer_error(client, &answer, err);
        return err_context(err, "%.*s", STR_ARG(command.argv[0]));
    }
    *ret = answer;
    return true;
}

bool redis_time(struct redis_client *client, const struct call *call, int64_t *ret_us,
                struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    int64_t seconds, micros;
    bool ok = redis_run(client, REDIS_COMMAND(STR("TIME")), call, &arena, &answer, err);
    if (ok && !(answer.type == REDIS_LIST && answer.n == 2 &&
                str_i64(answer.items[0].text, &seconds) && str_i64(answer.items[1].text, &micros)))
        ok = err_set(err, ERR_CORRUPT, "redis: TIME answers nonsense");
    if (ok)
        *ret_us = seconds * 1000000 + micros;
    arena_release(&arena);
    return ok;
}

int64_t redis_now_us(struct redis_client *client, const struct call *call)
{
    struct err ignored;
    int64_t now_us;
    return redis_time(client, call, &now_us, &ignored) ? now_us : clock_now_us();
}

int64_t redis_expiry_us(int64_t pttl_ms)
{
    enum { SECOND_US = 1000000 };
    int64_t now_us = clock_now_us();
    if (pttl_ms < 0 || pttl_ms > (INT64_MAX - now_us) / 1000 - 1000) /* beyond our clock */
        return TIME_NEVER;
    return (now_us + pttl_ms * 1000 + SECOND_US / 2) / SECOND_US * SECOND_US;
}

int64_t redis_expiry_ms(int64_t pttl_ms)
{
    bool never = redis_expiry_us(pttl_ms) == TIME_NEVER;
    return never ? -1 : clock_now_us() / 1000 + pttl_ms;
}

int64_t redis_kept_expiry_us(int64_t expires_ms)
{
    return expires_ms < 0 || expires_ms > INT64_MAX / 1000 ? TIME_NEVER : expires_ms * 1000;
}

struct str redis_number(struct arena *arena, int64_t n)
{
    return arena_printf(arena, "%lld", (long long)n);
}

const struct redis_server *redis_server(const struct redis_client *client)
{
    return &client->server;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool read_url(struct redis_client *client, const char *text, struct err *err)
{
    struct url url;
    struct arena *a = &client->arena;
    if (!url_parse(a, str_of(text), &url, err))
        return false;
    if (str_is(url.scheme, "rediss")) {
        err_set(err, ERR_UNSUPPORTED, "redis: TLS is not spoken here");
        return err_hint(err, "tunnel it, for example with stunnel or ssh -L");
    }
    client->user = url.user.ptr ? arena_str(a, url.user) : STR_NULL;
    client->password = url.password.ptr ? arena_str(a, url.password) : STR_NULL;
    client->server.db = STR("0");
    if (str_is(url.scheme, "unix")) {
        client->socket = arena_str(a, url.path);
        url_param(&url, "db", &client->server.db);
        client->server.name =
            arena_printf(a, "%.*s db %.*s", STR_ARG(client->socket), STR_ARG(client->server.db));
    } else {
        struct str host, port;
        uint64_t number = PORT_DEFAULT;
        url_host_split(url.host, &host, &port);
        if (port.len && (!str_u64(port, &number) || number > 65535))
            return err_set(err, ERR_INVALID, "redis: the port is no number");
        client->host = arena_str(a, host);
        client->port = (int)number;
        if (url.path.len > 1)
            client->server.db = arena_str(a, str_sub(url.path, 1, url.path.len));
        client->server.name = arena_printf(a, "%.*s:%d/%.*s", STR_ARG(client->host), client->port,
                                           STR_ARG(client->server.db));
    }
    if (client->user.len)
        client->server.name =
            arena_printf(a, "%.*s as %.*s", STR_ARG(client->server.name), STR_ARG(client->user));
    return true;
}

/* Value of "name:" in the text of INFO; STR_NULL when there is no such line. */
static struct str info_field(struct str info, const char *name)
{
    size_t len = strlen(name);
    while (info.len) {
        ptrdiff_t end = str_index(info, '\n');
        struct str line = str_trim(end < 0 ? info : str_sub(info, 0, (size_t)end));
        info = end < 0 ? STR("") : str_sub(info, (size_t)end + 1, info.len);
        if (str_starts(line, name) && line.len > len && line.ptr[len] == ':')
            return str_sub(line, len + 1, line.len);
    }
    return STR_NULL;
}

/* Every change is a script, which compares and writes in one step, and so is the release of a lock:
 * a user who may take a lock but not run scripts would leave it behind. */
static bool ask_scripts(struct redis_client *client, const struct call *call, struct err *err)
{
    struct redis_answer answer;
    struct redis_command eval = REDIS_COMMAND(STR("EVAL"), STR("return 1"), STR("0"));
    if (!redis_pipeline(client, &eval, 1, call, &client->arena, &answer, err))
        return false;
    if (answer.type == REDIS_ERROR &&
        (str_starts(answer.text, "NOPERM") || str_starts(answer.text, "ERR unknown command")))
        client->server.why_read_only = "this Redis user may not run scripts (EVAL)";
    return true;
}

static bool ask_server(struct redis_client *client, const struct call *call, struct err *err)
{
    struct redis_answer answer;
    struct redis_server *server = &client->server;
    struct redis_command info = REDIS_COMMAND(STR("INFO"));
    if (!redis_pipeline(client, &info, 1, call, &client->arena, &answer, err))
        return false;
    if (answer.type == REDIS_ERROR && str_starts(answer.text, "NOPERM")) {
        server->major = 6; /* it has ACLs; what else it is shows when it is used */
        return true;
    }
    if (answer.type != REDIS_TEXT)
        return redis_answer_error(client, &answer, err);
    server->version = info_field(answer.text, "redis_version");
    server->cluster = str_is(info_field(answer.text, "cluster_enabled"), "1");
    if (str_is(info_field(answer.text, "role"), "slave"))
        server->why_read_only = "this server is a replica; name the primary";
    if (server->version.ptr)
        sscanf(server->version.ptr, "%d.%d", &server->major, &server->minor);
    return true;
}

bool redis_open(const char *url, bool writable, const struct call *call, struct redis_client **ret,
                struct err *err)
{
    struct redis_client *client = xcalloc(1, sizeof *client);
    client->writable = writable;
    if (!read_url(client, url, err) || !ask_server(client, call, err) ||
        (writable && !client->server.why_read_only && !ask_scripts(client, call, err))) {
        redis_close(client);
        return false;
    }
    *ret = client;
    return true;
}

void redis_describe(struct redis_client *client, const struct call *call, struct store *store)
{
    const struct redis_server *server = &client->server;
    struct store_info *info = &store->info;
    struct err ignored = {0};
    int64_t server_us;
    info->server = server->name;
    info->version = server->version.ptr
                        ? arena_printf(&store->arena, "Redis %.*s", STR_ARG(server->version))
                        : STR("Redis, version not shown to this user");
    store_read_only(store, str_of(server->why_read_only));
    if (redis_time(client, call, &server_us, &ignored))
        info->clock_skew_us = server_us - clock_now_us();
}

bool redis_probe(struct redis_client *client, struct store *store, const struct call *call,
                 struct err *err)
{
    CLEANUP(arena_release) struct arena arena = ARENA_INIT;
    struct redis_answer answer;
    int64_t began_ms = clock_monotonic_ms();
    bool ok = redis_run(client, REDIS_COMMAND(STR("PING")), call, &arena, &answer, err);
    store->info.latency_ms = clock_monotonic_ms() - began_ms;
    return ok;
}

void redis_close(struct redis_client *client)
{
    if (!client)
        return;
    disconnect(client);
    arena_release(&client->arena);
    free(client);
}
