#include "backends/postgres/connect.h"

#include "backends/postgres/hosts.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_NAME "penstock"
#define READ_ONLY_OPTION "-c default_transaction_read_only=on"

enum { OPTIONS_MAX = 64 };

void pg_conn_message(const PGconn *conn, char *out, size_t size)
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

static void drop_notice(void *ctx, const PGresult *res)
{
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

/* What of `hosts` takes the place of a given word; NULL: that word stays. */
static const char *looked_up(const struct pg_hosts *hosts, const char *key)
{
    return strcmp(key, "host") == 0       ? hosts->host
           : strcmp(key, "hostaddr") == 0 ? hosts->hostaddr
           : strcmp(key, "port") == 0     ? hosts->port
                                          : NULL;
}

/* The address's own words, with ours in place: hosts that were looked up, name, encoding, and
 * options behind the user's. */
static bool params_make(const PQconninfoOption *given, const struct pg_hosts *hosts, bool read_only,
                        struct conn_params *p, struct err *err)
{
    const char *options = getenv("PGOPTIONS");
    bool fits = true;
    for (const PQconninfoOption *o = given; o->keyword; o++) {
        const char *value = looked_up(hosts, o->keyword);
        value = value ? value : o->val;
        if (!value)
            continue;
        if (strcmp(o->keyword, "options") == 0)
            options = value;
        else if (strcmp(o->keyword, "application_name") && strcmp(o->keyword, "client_encoding"))
            fits = fits && param_add(p, o->keyword, value);
    }
    int len = snprintf(p->options, sizeof p->options, "%s%s%s", options ? options : "",
                       options && read_only ? " " : "", read_only ? READ_ONLY_OPTION : "");
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
    pg_conn_message(conn, text, sizeof text);
    /* libpq 15 tells no SQLSTATE of a refused connection, only the server's words. */
    bool denied = PQconnectionNeedsPassword(conn) || strstr(text, "authentication failed") ||
                  strstr(text, "no pg_hba.conf entry") || strstr(text, "FATAL:  role ");
    bool missing = strstr(text, "FATAL:  database ") && strstr(text, "does not exist");
    err_set(err, denied ? ERR_DENIED : missing ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%s", text);
    if (PQconnectionNeedsPassword(conn))
        err_hint(err, "put the password into ~/.pgpass or PGPASSWORD, not into the address");
    return false;
}

static bool connect_once(const char *url, bool read_only, const struct call *call, PGconn **ret,
                         struct err *err)
{
    /* libpq's message on a malformed address quotes pieces of it, the password among them. */
    PQconninfoOption *given = PQconninfoParse(url, NULL);
    if (!given) {
        err_set(err, ERR_INVALID, "not an address that libpq understands");
        return err_hint(err, "postgresql://user@host:5432/database; %%-escape @ : / in names");
    }
    struct arena arena = ARENA_INIT;
    struct pg_hosts hosts;
    struct conn_params params = {0};
    PGconn *conn = NULL;
    bool ok = pg_hosts_look_up(given, call, &arena, &hosts, err) &&
              params_make(given, &hosts, read_only, &params, err);
    if (ok) {
        conn = PQconnectStartParams(params.keys, params.values, 0);
        if (!conn)
            abort(); /* out of memory */
        PQsetNoticeReceiver(conn, drop_notice, NULL);
        if (PQstatus(conn) == CONNECTION_BAD) {
            char text[400];
            pg_conn_message(conn, text, sizeof text);
            ok = err_set(err, ERR_UNAVAILABLE, "%s", text);
        } else {
            ok = connect_wait(conn, call, err);
        }
    }
    PQconninfoFree(given);
    arena_release(&arena);
    if (!ok) {
        PQfinish(conn);
        return false;
    }
    PQsetnonblocking(conn, 1);
    *ret = conn;
    return true;
}

bool pg_connect(const char *url, bool writable, bool *no_options, const struct call *call,
                PGconn **ret, struct err *err)
{
    struct err first = {0};
    bool read_only = !writable && !*no_options;
    if (connect_once(url, read_only, call, ret, &first))
        return true;
    /* PgBouncer before 1.20: "unsupported startup parameter: options"; later ones name the setting
     * inside options, unless ignore_startup_parameters has it. */
    if (read_only && strstr(first.text, "unsupported startup parameter")) {
        *no_options = connect_once(url, false, call, ret, err);
        return *no_options;
    }
    if (err)
        *err = first;
    return false;
}
