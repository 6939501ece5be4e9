#include "backends/postgres/client.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_NAME "penstock"
#define READ_ONLY_OPTION "-c default_transaction_read_only=on"

enum { OPTIONS_MAX = 64, ROLLBACK_MS = 1000, COMMIT_MS = 2000 };

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

/* libpq's own message about a connection: its last line is the cause, those before are attempts. */
static void conn_message(const PGconn *conn, char *out, size_t size)
{
    const char *text = PQerrorMessage(conn);
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    size_t start = len;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    /* "The server has ..." questions and the like are indented; the line before says what failed */
    while (start > 1 && (text[start] == '\t' || text[start] == ' ')) {
        len = start - 1;
        for (start = len; start > 0 && text[start - 1] != '\n';)
            start--;
    }
    snprintf(out, size, "%.*s", (int)(len - start), text + start);
}

static void disconnect(struct pg_client *client)
{
    PQfinish(client->conn);
    client->conn = NULL;
    client->in_transaction = false;
}

static bool fail_lost(struct pg_client *client, struct err *err)
{
    char text[400];
    conn_message(client->conn, text, sizeof text);
    disconnect(client);
    return err_set(err, ERR_UNAVAILABLE, "connection lost: %s", text);
}

static void drop_notice(void *ctx, const PGresult *res)
{
}

/* --- connecting ----------------------------------------------------------------------------- */

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

struct conn_params {
    const char *keys[OPTIONS_MAX];
    const char *values[OPTIONS_MAX];
    size_t n;
    char options[512];
};

static bool param_add(struct conn_params *p, const char *key, const char *value)
{
    if (p->n + 1 >= OPTIONS_MAX)
        return false;
    p->keys[p->n] = key;
    p->values[p->n++] = value;
    return true;
}

/* The address's own words, with ours in place: name, encoding, and options behind the user's. */
static bool params_make(const struct pg_client *client, const PQconninfoOption *given,
                        struct conn_params *p, struct err *err)
{
    const char *options = getenv("PGOPTIONS");
    bool fits = true;
    for (const PQconninfoOption *o = given; o->keyword; o++) {
        if (!o->val)
            continue;
        if (strcmp(o->keyword, "options") == 0)
            options = o->val;
        else if (strcmp(o->keyword, "application_name") && strcmp(o->keyword, "client_encoding"))
            fits = fits && param_add(p, o->keyword, o->val);
    }
    bool ours = !client->writable && !client->no_options;
    int len = snprintf(p->options, sizeof p->options, "%s%s%s", options ? options : "",
                       options && ours ? " " : "", ours ? READ_ONLY_OPTION : "");
    fits = fits && len < (int)sizeof p->options;
    if (len > 0)
        fits = fits && param_add(p, "options", p->options);
    fits = fits && param_add(p, "application_name", APPLICATION_NAME) &&
           param_add(p, "client_encoding", "UTF8");
    if (!fits)
        return err_set(err, ERR_INVALID, "the Postgres address has too many or too long options");
    return true;
}

static bool connect_wait(PGconn *conn, const struct call *call, struct err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!call_wait_fd(call, PQsocket(conn), events, "connecting to Postgres", err))
            return false;
        status = PQconnectPoll(conn);
    }
    if (status == PGRES_POLLING_OK)
        return true;
    char text[400];
    conn_message(conn, text, sizeof text);
    /* libpq 15 tells no SQLSTATE of a refused connection, only the server's words. */
    bool denied = PQconnectionNeedsPassword(conn) || strstr(text, "authentication failed") ||
                  strstr(text, "no pg_hba.conf entry") || strstr(text, "FATAL:  role ");
    bool missing = strstr(text, "FATAL:  database ") && strstr(text, "does not exist");
    err_set(err, denied ? ERR_DENIED : missing ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%s", text);
    if (PQconnectionNeedsPassword(conn))
        err_hint(err, "put the password into ~/.pgpass or PGPASSWORD, not into the address");
    return false;
}

static bool connect_once(struct pg_client *client, const struct call *call, struct err *err)
{
    /* libpq's message on a malformed address quotes pieces of it, the password among them. */
    PQconninfoOption *given = PQconninfoParse(client->url, NULL);
    if (!given) {
        err_set(err, ERR_INVALID, "not an address that libpq understands");
        return err_hint(err, "postgresql://user@host:5432/database; %%-escape @ : / in names");
    }
    struct conn_params params = {0};
    bool ok = params_make(client, given, &params, err);
    if (ok) {
        client->conn = PQconnectStartParams(params.keys, params.values, 0);
        if (!client->conn)
            abort(); /* out of memory */
        PQsetNoticeReceiver(client->conn, drop_notice, NULL);
        if (PQstatus(client->conn) == CONNECTION_BAD) {
            char text[400];
            conn_message(client->conn, text, sizeof text);
            ok = err_set(err, ERR_UNAVAILABLE, "%s", text);
        } else {
            ok = connect_wait(client->conn, call, err);
        }
    }
    PQconninfoFree(given);
    if (!ok)
        disconnect(client);
    else
        PQsetnonblocking(client->conn, 1);
    return ok;
}

static bool connect_any(struct pg_client *client, const struct call *call, struct err *err)
{
    struct err first = {0};
    if (connect_once(client, call, &first))
        return true;
    /* PgBouncer before 1.20: "unsupported startup parameter: options"; later ones name the setting
     * inside options, unless ignore_startup_parameters has it. */
    if (!client->writable && !client->no_options &&
        strstr(first.text, "unsupported startup parameter")) {
        client->no_options = true;
        if (connect_once(client, call, err))
            return true;
        client->no_options = false;
        return false;
    }
    if (err)
        *err = first;
    return false;
}

/* --- one statement -------------------------------------------------------------------------- */

/* Sends what libpq has buffered, then waits for and keeps the last result or the first error. */
static bool finish(struct pg_client *client, const struct call *call, PGresult **ret,
                   struct err *err)
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
    if (left < 0)
        return fail_lost(client, err);

    CLEANUP_PGRESULT PGresult *last = NULL;
    for (;;) {
        while (PQisBusy(client->conn)) {
            if (!call_wait_fd(call, PQsocket(client->conn), POLLIN, "Postgres", err)) {
                disconnect(client);
                return false;
            }
            if (!PQconsumeInput(client->conn))
                return fail_lost(client, err);
        }
        PGresult *res = PQgetResult(client->conn);
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

bool pg_query(struct pg_client *client, const char *sql, const struct str *params, size_t nparams,
              const struct call *call, PGresult **ret, struct err *err)
{
    if (!client->conn || !client->in_transaction)
        return err_set(err, ERR_UNAVAILABLE, "connection lost");
    struct arena scratch = ARENA_INIT;
    const char **values = arena_array(&scratch, const char *, nparams + 1);
    for (size_t i = 0; i < nparams; i++) {
        if (params[i].ptr && memchr(params[i].ptr, 0, params[i].len)) {
            arena_release(&scratch);
            return err_set(err, ERR_INVALID, "a value with a NUL byte cannot be in Postgres");
        }
        values[i] = params[i].ptr ? arena_cstr(&scratch, params[i]) : NULL;
    }
    int sent = PQsendQueryParams(client->conn, sql, (int)nparams, NULL, values, NULL, NULL, 0);
    arena_release(&scratch);
    if (!sent)
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

static bool begin_once(struct pg_client *client, enum pg_mode mode, int64_t lock_ms,
                       const struct call *call, struct err *err)
{
    static const char *const begin[] = {
        [PG_READ] = "begin isolation level read committed read only",
        [PG_SNAPSHOT] = "begin isolation level repeatable read read only",
        [PG_WRITE] = "begin isolation level read committed read write",
    };
    long long left = call_left_ms(call);
    left = left < 1 ? 1 : left > 3600000 ? 3600000 : left;
    long long lock = lock_ms > 0 && lock_ms < left ? lock_ms : left;
    char sql[320];
    /* The idle limit ends the transaction, and its row locks, of a program that was stopped. */
    snprintf(sql, sizeof sql,
             "%s; set local statement_timeout = %lld; set local lock_timeout = %lld; "
             "set local idle_in_transaction_session_timeout = %lld",
             begin[mode], left, lock, left + 1000);
    if (!run_plain(client, sql, call, err))
        return false;
    client->in_transaction = true;
    return true;
}

static bool ask(struct pg_client *client, const struct call *call, struct err *err);

bool pg_begin(struct pg_client *client, enum pg_mode mode, int64_t lock_ms, const struct call *call,
              struct err *err)
{
    assert(!client->in_transaction);
    if (mode == PG_WRITE && !client->writable)
        return err_set(err, ERR_REFUSED, "this connection is read-only");
    if (client->conn) {
        struct err lost = {0};
        if (begin_once(client, mode, lock_ms, call, &lost))
            return true;
        /* A server that went away while we were idle shows itself here; nothing was done yet. */
        bool again = !client->conn && lost.kind == ERR_UNAVAILABLE;
        if (!again) {
            if (client->conn)
                disconnect(client);
            if (err)
                *err = lost;
            return false;
        }
    }
    if (!connect_any(client, call, err))
        return false;
    if (!begin_once(client, mode, lock_ms, call, err) || !ask(client, call, err)) {
        disconnect(client);
        return false;
    }
    return true;
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

bool pg_end(struct pg_client *client, bool ok, const struct call *call, struct err *err)
{
    if (!client->in_transaction)
        return ok ? err_set(err, ERR_UNAVAILABLE, "connection lost") : false;
    if (ok && call_check(call, "Postgres", err))
        return commit(client, call, err);
    client->in_transaction = false;
    struct call brief = call_within(ROLLBACK_MS, NULL);
    if (!run_plain(client, "rollback", &brief, NULL) && client->conn)
        disconnect(client);
    return false;
}

/* --- opening -------------------------------------------------------------------------------- */

static void server_fill(struct pg_client *client, const PGresult *res, int64_t took_us)
{
    struct pg_server *s = &client->server;
    struct arena *a = &client->arena;
    arena_release(a);
    *s = (struct pg_server){
        .database = pg_copy(a, res, 0, 0),
        .role = pg_copy(a, res, 0, 1),
        .version = pg_copy(a, res, 0, 2),
        .version_number = PQserverVersion(client->conn),
        .superuser = pg_bool(res, 0, 4),
        .pooler = client->no_options,
        .latency_ms = (took_us + 999) / 1000,
        .clock_skew_us = pg_i64(res, 0, 5, 0) - (clock_now_us() - took_us / 2),
    };
    if (pg_bool(res, 0, 3))
        s->why_read_only = "the server is a standby";
    else if (client->writable && pg_bool(res, 0, 7)) /* of a reader it is our own option */
        s->why_read_only = "default_transaction_read_only is on for this role or database";
    struct str address = pg_str(res, 0, 6);
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
    static const char sql[] =
        "select current_database(), current_user, current_setting('server_version'),"
        " pg_is_in_recovery(),"
        " (select rolsuper from pg_roles where rolname = current_user)"
        "   or pg_has_role(current_user, 'pg_read_all_stats', 'member')," PG_TIME_US(
            "clock_timestamp()") ", host(inet_server_addr()),"
                                 " current_setting('default_transaction_read_only')::bool";
    int64_t started_us = clock_now_us();
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!PQsendQuery(client->conn, sql))
        return fail_lost(client, err);
    if (!finish(client, call, &res, err))
        return false;
    server_fill(client, res, clock_now_us() - started_us);
    return true;
}

bool pg_client_ask(struct pg_client *client, const struct call *call, struct err *err)
{
    if (!pg_begin(client, PG_READ, 0, call, err))
        return false;
    return pg_end(client, ask(client, call, err), call, err);
}

const struct pg_server *pg_client_server(const struct pg_client *client)
{
    return &client->server;
}

bool pg_client_open(const char *url, bool writable, const struct call *call, struct pg_client **ret,
                    struct err *err)
{
    struct pg_client *client = xcalloc(1, sizeof *client);
    client->url = strip_driver(url);
    client->writable = writable;
    if (!pg_begin(client, PG_READ, 0, call, err) || !pg_end(client, true, call, err)) {
        pg_client_close(client);
        return false;
    }
    *ret = client;
    return true;
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
