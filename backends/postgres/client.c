#include "backends/postgres/connect.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { ROLLBACK_MS = 1000, COMMIT_MS = 2000 };

struct pg_client {
    char *url;
    bool writable;
    bool no_options; /* the server's pooler refused startup options */
    PGconn *conn;    /* NULL: connect at the next pg_begin */
    bool in_transaction;
    struct pg_server server;
    struct arena arena; /* the server's texts */
};

/* --- errors --------------------------------------------------------------------------------- */

static void disconnect(struct pg_client *client)
{
    PQfinish(client->conn);
    client->conn = NULL;
    client->in_transaction = false;
}

static bool fail_lost(struct pg_client *client, struct err *err)
{
    char text[400];
    pg_conn_message(client->conn, text, sizeof text);
    disconnect(client);
    return err_set(err, ERR_UNAVAILABLE, "connection lost: %s", text);
}

/* --- one statement -------------------------------------------------------------------------- */

/* Sends what libpq has buffered. */
static bool flush(struct pg_client *client, const struct call *call, struct err *err)
{
    int left;
    while ((left = PQflush(client->conn)) == 1) {
        if (!call_wait_fd(call, PQsocket(client->conn), POLLIN | POLLOUT, "Postgres", err)) {
            disconnect(client);
            return false;
        }
        if (!PQconsumeInput(client->conn))
            return fail_lost(client, err);
    }
    return left == 0 || fail_lost(client, err);
}

/* Waits for a result; NULL behind the last of a statement. */
static bool next_result(struct pg_client *client, const struct call *call, PGresult **ret,
                        struct err *err)
{
    while (PQisBusy(client->conn)) {
        if (!call_wait_fd(call, PQsocket(client->conn), POLLIN, "Postgres", err)) {
            disconnect(client);
            return false;
        }
        if (!PQconsumeInput(client->conn))
            return fail_lost(client, err);
    }
    *ret = PQgetResult(client->conn);
    return true;
}

/* Keeps the last result or the first error. */
static bool finish(struct pg_client *client, const struct call *call, PGresult **ret,
                   struct err *err)
{
    CLEANUP_PGRESULT PGresult *last = NULL;
    if (!flush(client, call, err))
        return false;
    for (;;) {
        PGresult *res;
        if (!next_result(client, call, &res, err))
            return false;
        if (!res)
            break;
        bool failed = last && PQresultStatus(last) == PGRES_FATAL_ERROR;
        PQclear(failed ? res : last);
        last = failed ? last : res;
    }
    if (!last)
        return fail_lost(client, err);
    ExecStatusType status = PQresultStatus(last);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        *ret = last;
        last = NULL;
        return true;
    }
    pg_fail(last, err);
    if (PQstatus(client->conn) == CONNECTION_BAD)
        disconnect(client);
    return false;
}

/* A fixed text, several statements allowed: one round trip. */
static bool run_plain(struct pg_client *client, const char *sql, const struct call *call,
                      struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!PQsendQuery(client->conn, sql))
        return fail_lost(client, err);
    return finish(client, call, &res, err);
}

static bool params_check(const struct str *params, size_t nparams, struct err *err)
{
    for (size_t i = 0; i < nparams; i++) {
        if (params[i].ptr && memchr(params[i].ptr, 0, params[i].len))
            return err_set(err, ERR_INVALID, "a value with a NUL byte cannot be in Postgres");
    }
    return true;
}

static bool send_statement(struct pg_client *client, const char *sql, const struct str *params,
                           size_t nparams)
{
    struct arena scratch = ARENA_INIT;
    const char **values = arena_array(&scratch, const char *, nparams + 1);
    for (size_t i = 0; i < nparams; i++)
        values[i] = params[i].ptr ? arena_cstr(&scratch, params[i]) : NULL;
    int sent = PQsendQueryParams(client->conn, sql, (int)nparams, NULL, values, NULL, NULL, 0);
    arena_release(&scratch);
    return sent;
}

bool pg_query(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
              const struct call *call, PGresult **ret, struct err *err)
{
    if (!client->conn || !client->in_transaction)
        return err_set(err, ERR_UNAVAILABLE, "connection lost");
    if (!params_check(params, nparams, err))
        return false;
    if (!send_statement(client, sql, params, nparams))
        return fail_lost(client, err);
    return finish(client, call, ret, err);
}

bool pg_exec(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
             const struct call *call, int64_t *ret_rows, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_query(client, sql, params, nparams, call, &res, err))
        return false;
    if (ret_rows)
        *ret_rows = strtoll(PQcmdTuples(res), NULL, 10);
    return true;
}

/* --- transactions --------------------------------------------------------------------------- */

enum { BEGINNING = 4, BEGINNING_OF_READ = 2 };

/* The statements that begin a transaction. The idle limit ends one, and its row locks, of a program
 * that was stopped. A read whose statements are all sent at once needs no more than the first two:
 * it is never idle, and waits no longer for a lock than for its statement. */
static void begin_statements(enum pg_mode mode, int64_t lock_ms, const struct call *call,
                             char ret[BEGINNING][80])
{
    static const char *const begin[] = {
        [PG_READ] = "begin isolation level read committed read only",
        [PG_SNAPSHOT] = "begin isolation level repeatable read read only",
        [PG_WRITE] = "begin isolation level read committed read write",
    };
    long long left = call_left_ms(call);
    left = left < 1 ? 1 : left > 3600000 ? 3600000 : left;
    long long lock = lock_ms > 0 && lock_ms < left ? lock_ms : left;
    snprintf(ret[0], sizeof ret[0], "%s", begin[mode]);
    snprintf(ret[1], sizeof ret[1], "set local statement_timeout = %lld", left);
    snprintf(ret[2], sizeof ret[2], "set local lock_timeout = %lld", lock);
    snprintf(ret[3], sizeof ret[3], "set local idle_in_transaction_session_timeout = %lld",
             left + 1000);
}

static bool begin_once(struct pg_client *client, enum pg_mode mode, int64_t lock_ms,
                       const struct call *call, struct err *err)
{
    /* What a trigger does, and what a constraint says, comes before we read back, not at COMMIT. */
    static const char deferred[] = "; set constraints all immediate";
    char sql[BEGINNING][80], all[BEGINNING * 80 + sizeof deferred + 8];
    begin_statements(mode, lock_ms, call, sql);
    snprintf(all, sizeof all, "%s; %s; %s; %s%s", sql[0], sql[1], sql[2], sql[3],
             mode == PG_WRITE ? deferred : "");
    if (!run_plain(client, all, call, err))
        return false;
    client->in_transaction = true;
    return true;
}

/* A server that went away while we were idle shows itself at the first call: nothing was done yet,
 * and another connection is as good. */
static bool went_away(const struct pg_client *client, const struct err *why)
{
    return !client->conn && why->kind == ERR_UNAVAILABLE;
}

static bool connect_and_ask(struct pg_client *client, const struct call *call, struct err *err);

bool pg_begin(struct pg_client *client, enum pg_mode mode, int64_t lock_ms, const struct call *call,
              struct err *err)
{
    assert(!client->in_transaction);
    if (mode == PG_WRITE && !client->writable)
        return err_set(err, ERR_REFUSED, "this connection is read-only");
    if (client->conn) {
        struct err why = {0};
        if (begin_once(client, mode, lock_ms, call, &why))
            return true;
        if (!went_away(client, &why)) {
            if (client->conn)
                disconnect(client);
            if (err)
                *err = why;
            return false;
        }
    }
    if (!connect_and_ask(client, call, err))
        return false;
    if (begin_once(client, mode, lock_ms, call, err))
        return true;
    disconnect(client);
    return false;
}

static bool commit(struct pg_client *client, const struct call *call, struct err *err)
{
    /* Once sent it is done or not whatever we do: a cancel now would only hide which. */
    int64_t left = call_left_ms(call);
    struct call wait = call_within(left > COMMIT_MS ? left : COMMIT_MS, NULL);
    CLEANUP_PGRESULT PGresult *res = NULL;
    client->in_transaction = false;
    if (!PQsendQuery(client->conn, "commit"))
        return fail_lost(client, err);
    if (!finish(client, &wait, &res, err))
        return false;
    /* COMMIT of a transaction that failed meanwhile is answered with ROLLBACK, not an error. */
    if (strcmp(PQcmdStatus(res), "COMMIT") != 0)
        return err_set(err, ERR_CONFLICT, "the server rolled the transaction back");
    return true;
}

static void rollback(struct pg_client *client)
{
    struct call brief = call_within(ROLLBACK_MS, NULL);
    client->in_transaction = false;
    if (!run_plain(client, "rollback", &brief, NULL) && client->conn)
        disconnect(client);
}

bool pg_end(struct pg_client *client, bool ok, const struct call *call, struct err *err)
{
    if (!client->in_transaction)
        return ok ? err_set(err, ERR_UNAVAILABLE, "connection lost") : false;
    if (ok && call_check(call, "Postgres", err))
        return commit(client, call, err);
    rollback(client);
    return false;
}

/* --- a read in one round trip ---------------------------------------------------------------- */

#ifdef LIBPQ_HAS_PIPELINING
/* The answers up to the end of the pipeline: of all statements only the caller's has rows. */
static bool pipeline_finish(struct pg_client *client, const struct call *call, PGresult **ret,
                            struct err *err)
{
    CLEANUP_PGRESULT PGresult *rows = NULL;
    CLEANUP_PGRESULT PGresult *failure = NULL;
    for (bool end = false; !end && PQstatus(client->conn) == CONNECTION_OK;) {
        PGresult *res;
        if (!next_result(client, call, &res, err))
            return false;
        ExecStatusType status = res ? PQresultStatus(res) : PGRES_EMPTY_QUERY;
        end = status == PGRES_PIPELINE_SYNC;
        if (status == PGRES_TUPLES_OK && !rows)
            rows = res;
        else if (status == PGRES_FATAL_ERROR && !failure)
            failure = res;
        else
            PQclear(res);
    }
    if (failure) {
        pg_fail(failure, err);
        if (PQstatus(client->conn) != CONNECTION_OK)
            disconnect(client);
    }
    if (!client->conn)
        return false;
    if (!PQexitPipelineMode(client->conn))
        return fail_lost(client, err);
    if (!failure && rows) {
        *ret = rows;
        rows = NULL;
        return true;
    }
    rollback(client);
    return failure ? false : err_set(err, ERR_INTERNAL, "a read gave no rows");
}

/* Everything is sent before anything is answered; behind a statement that fails the server passes
 * over the rest. */
static bool read_once(struct pg_client *client, const char *sql, const struct str *params,
                      size_t nparams, const struct call *call, PGresult **ret, struct err *err)
{
    char begin[BEGINNING][80];
    begin_statements(PG_READ, 0, call, begin);
    bool sent = PQenterPipelineMode(client->conn);
    for (size_t i = 0; sent && i < BEGINNING_OF_READ; i++)
        sent = send_statement(client, begin[i], NULL, 0);
    sent = sent && send_statement(client, sql, params, nparams) &&
           send_statement(client, "commit", NULL, 0) && PQpipelineSync(client->conn);
    if (!sent)
        return fail_lost(client, err);
    return flush(client, call, err) && pipeline_finish(client, call, ret, err);
}
#else
static bool read_once(struct pg_client *client, const char *sql, const struct str *params,
                      size_t nparams, const struct call *call, PGresult **ret, struct err *err)
{
    return begin_once(client, PG_READ, 0, call, err) &&
           pg_end(client, pg_query(client, sql, params, nparams, call, ret, err), call, err);
}
#endif

bool pg_read(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
             const struct call *call, PGresult **ret, struct err *err)
{
    assert(!client->in_transaction);
    if (!params_check(params, nparams, err))
        return false;
    if (client->conn) {
        struct err why = {0};
        if (read_once(client, sql, params, nparams, call, ret, &why))
            return true;
        if (!went_away(client, &why)) {
            if (err)
                *err = why;
            return false;
        }
    }
    return connect_and_ask(client, call, err) &&
           read_once(client, sql, params, nparams, call, ret, err);
}

/* --- opening -------------------------------------------------------------------------------- */

/* What a connection asks first. Functions and settings alone: a fresh server process reads every
 * catalogue that a statement touches, views above all. */
enum {
    ASK_DATABASE,
    ASK_ROLE,
    ASK_VERSION,
    ASK_STANDBY,
    ASK_SUPERUSER,
    ASK_SEES_ALL,
    ASK_CLOCK,
    ASK_ADDRESS,
    ASK_READ_ONLY,
};
static const char ask_sql[] =
    "select current_database(), current_user, current_setting('server_version'),"
    " pg_is_in_recovery(), current_setting('is_superuser'),"
    " pg_has_role('pg_read_all_stats', 'member'), to_json(clock_timestamp()),"
    " inet_server_addr(), current_setting('default_transaction_read_only')";

/* The server's clock, a JSON string. */
static int64_t clock_skew(const PGresult *res, int64_t now_us)
{
    struct str text = pg_str(res, 0, ASK_CLOCK);
    int64_t server_us;
    return time_parse(str_sub(text, 1, text.len - 1), &server_us) ? server_us - now_us
                                                                  : TIME_UNKNOWN;
}

static void server_fill(struct pg_client *client, const PGresult *res, int64_t took_us)
{
    struct pg_server *s = &client->server;
    struct arena *a = &client->arena;
    arena_release(a);
    *s = (struct pg_server){
        .database = pg_copy(a, res, 0, ASK_DATABASE),
        .role = pg_copy(a, res, 0, ASK_ROLE),
        .version = pg_copy(a, res, 0, ASK_VERSION),
        .version_number = PQserverVersion(client->conn),
        .superuser = str_is(pg_str(res, 0, ASK_SUPERUSER), "on") || pg_bool(res, 0, ASK_SEES_ALL),
        .pooler = client->no_options,
        .latency_ms = (took_us + 999) / 1000,
        .clock_skew_us = clock_skew(res, clock_now_us() - took_us / 2),
    };
    if (pg_bool(res, 0, ASK_STANDBY))
        s->why_read_only = "the server is a standby";
    else if (client->writable && str_is(pg_str(res, 0, ASK_READ_ONLY), "on"))
        /* of a reader it is our own option */
        s->why_read_only = "default_transaction_read_only is on for this role or database";
    struct str address = pg_str(res, 0, ASK_ADDRESS);
    const char *host = PQhost(client->conn);
    bool socket = host && host[0] == '/';
    bool differs = !socket && address.len > 0 && !str_is(address, host ? host : "");
    s->text =
        arena_printf(a, "%s%s%.*s%s:%s/%.*s as %.*s", host ? host : "", differs ? " (" : "",
                     differs ? (int)address.len : 0, differs ? address.ptr : "", differs ? ")" : "",
                     PQport(client->conn), STR_ARG(s->database), STR_ARG(s->role));
}

static bool ask(struct pg_client *client, const struct call *call, struct err *err)
{
    int64_t started_us = clock_now_us();
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!read_once(client, ask_sql, NULL, 0, call, &res, err))
        return false;
    server_fill(client, res, clock_now_us() - started_us);
    return true;
}

static bool connect_and_ask(struct pg_client *client, const struct call *call, struct err *err)
{
    if (!pg_connect(client->url, client->writable, &client->no_options, call, &client->conn, err))
        return false;
    if (ask(client, call, err))
        return true;
    if (client->conn)
        disconnect(client);
    return false;
}

bool pg_client_ask(struct pg_client *client, const struct call *call, struct err *err)
{
    if (client->conn) {
        struct err why = {0};
        if (ask(client, call, &why))
            return true;
        if (!went_away(client, &why)) {
            if (err)
                *err = why;
            return false;
        }
    }
    return connect_and_ask(client, call, err);
}

const struct pg_server *pg_client_server(const struct pg_client *client)
{
    return &client->server;
}

/* "postgresql+psycopg2://" as SQLAlchemy writes it is not libpq's, "postgresql://" is. */
static char *strip_driver(const char *url)
{
    const char *colon = strstr(url, "://");
    const char *plus = colon ? memchr(url, '+', (size_t)(colon - url)) : NULL;
    char *out = NULL;
    int n =
        plus ? asprintf(&out, "%.*s%s", (int)(plus - url), url, colon) : asprintf(&out, "%s", url);
    if (n < 0)
        abort();
    return out;
}

/* The texts change with the server alone: a store that is probed for days must not grow. */
static void keep_text(struct arena *arena, struct str *kept, struct str text)
{
    if (!str_eq(*kept, text))
        *kept = arena_str(arena, text);
}

void pg_client_describe(const struct pg_client *client, struct store *store)
{
    CLEANUP(arena_release) struct arena a = ARENA_INIT;
    const struct pg_server *server = &client->server;
    struct store_info *info = &store->info;
    keep_text(&store->arena, &info->server, server->text);
    keep_text(&store->arena, &info->version,
              arena_printf(&a, "PostgreSQL %.*s", STR_ARG(server->version)));
    info->latency_ms = server->latency_ms;
    info->clock_skew_us = server->clock_skew_us;
}

bool pg_client_open(const char *url, bool writable, const struct call *call, struct pg_client **ret,
                    struct err *err)
{
    struct pg_client *client = xcalloc(1, sizeof *client);
    client->url = strip_driver(url);
    client->writable = writable;
    if (!connect_and_ask(client, call, err)) {
        pg_client_close(client);
        return false;
    }
    *ret = client;
    return true;
}

bool pg_client_open_for(struct store *store, const struct address *address, const struct call *call,
                        struct pg_client **ret, struct err *err)
{
    if (!pg_client_open(address->url, store->opts.writable, call, ret, err))
        return false;
    pg_client_describe(*ret, store);
    store_read_only(store, str_of((*ret)->server.why_read_only));
    return true;
}

bool pg_end_item(struct pg_client *client, bool ok, struct commit_item *item,
                 const struct call *call, struct err *err)
{
    if (!ok || item->outcome != OUTCOME_APPLIED) {
        pg_end(client, false, call, NULL);
        return ok;
    }
    if (pg_end(client, true, call, err))
        return true;
    item->unanswered = pg_unanswered(err);
    return commit_failed(item, err);
}

void pg_client_close(struct pg_client *client)
{
    if (!client)
        return;
    disconnect(client);
    arena_release(&client->arena);
    explicit_bzero(client->url, strlen(client->url));
    free(client->url);
    free(client);
}
