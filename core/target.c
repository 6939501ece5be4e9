#include "core/target_parts.h"

#include "core/system.h"
#include "core/url.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Words of a scheme and the backend they mean. */
static const struct {
    const char *word, *backend;
} schemes[] = {
    {"file", "file"},   {"sqlite", "sqlite"}, {"postgresql", "postgres"}, {"postgres", "postgres"},
    {"redis", "redis"}, {"rediss", "redis"},  {"unix", "redis"},          {"memory", "memory"},
};

/* What libpq knows in a URI (34.1.2 of the PostgreSQL manual, 13 to 17); all else is ours. */
static const char *const libpq_params[] = {
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "require_auth",
    "channel_binding",
    "connect_timeout",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "replication",
    "gssencmode",
    "sslmode",
    "requiressl",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "requirepeer",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "service",
    "servicefile",
    "target_session_attrs",
    "load_balance_hosts",
    "ssl",
    NULL,
};

const char *environment_name(enum environment env)
{
    static const char *const names[] = {
        [ENV_UNKNOWN] = "ENV?", [ENV_LOCAL] = "local", [ENV_DEMO] = "demo",
        [ENV_DEV] = "dev",      [ENV_PROD] = "prod",
    };
    return names[env];
}

const char *address_param(const struct address *address, const char *name)
{
    for (size_t i = address->nparams; i-- > 0;) {
        if (strcmp(address->params[i].name, name) == 0)
            return address->params[i].value;
    }
    return NULL;
}

const char *const address_companions[ADDRESS_COMPANIONS] = {"lock", "runs", "slots", "broker"};

bool address_is_companion(const char *name)
{
    for (size_t i = 0; i < ADDRESS_COMPANIONS; i++) {
        if (strcmp(address_companions[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_one_of(struct str word, const char *const *words)
{
    for (; *words; words++) {
        if (str_is(word, *words))
            return true;
    }
    return false;
}

bool address_is_secret(struct str name)
{
    return str_ends(name, "password") || str_is(name, "passwd") || str_is(name, "secret");
}

/* --- masking -------------------------------------------------------------------------------- */

static bool ends_address(char c)
{
    return (unsigned char)c <= ' ' || strchr("\"'<>`|", c);
}

static bool starts_fold(struct str s, size_t at, const char *word)
{
    size_t len = strlen(word);
    return s.len - at >= len && strncasecmp(s.ptr + at, word, len) == 0;
}

/* Copies one "//user:password@" with the password masked; at is behind the slashes. Also where the
 * address stands percent-coded inside another one. Returns the place to go on from. */
static size_t mask_login(struct sbuf *out, struct str s, size_t at, const char *colon,
                         const char *at_sign, bool nested)
{
    size_t end = at, sign = 0, first = 0;
    for (; end < s.len && !ends_address(s.ptr[end]) && !(nested && s.ptr[end] == '&'); end++) {
        if (starts_fold(s, end, at_sign))
            sign = end;
        else if (!first && starts_fold(s, end, colon))
            first = end + strlen(colon);
        if (!nested && s.ptr[end] == '?')
            break;
    }
    if (!sign || !first || first > sign)
        return at;
    sbuf_add(out, s.ptr + at, first - at);
    sbuf_cstr(out, "***");
    return sign;
}

struct str address_mask(struct arena *arena, struct str s)
{
    static const char *const keys[] = {"password=", "passwd=", "secret="};
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < s.len;) {
        const char *key = NULL;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0] && !key; k++)
            key = starts_fold(s, i, keys[k]) ? keys[k] : NULL;
        if (key) {
            sbuf_add(&out, s.ptr + i, strlen(key));
            sbuf_cstr(&out, "***");
            for (i += strlen(key); i < s.len && s.ptr[i] != '&' && !ends_address(s.ptr[i]);)
                i++;
        } else if (starts_fold(s, i, "://")) {
            sbuf_cstr(&out, "://");
            i = mask_login(&out, s, i + 3, ":", "@", false);
        } else if (starts_fold(s, i, "%3a%2f%2f")) {
            sbuf_add(&out, s.ptr + i, 9);
            i = mask_login(&out, s, i + 9, "%3a", "%40", true);
        } else if (starts_fold(s, i, "%3a//")) {
            sbuf_add(&out, s.ptr + i, 5);
            i = mask_login(&out, s, i + 5, ":", "@", true);
        } else {
            sbuf_char(&out, s.ptr[i++]);
        }
    }
    return arena_take(arena, &out);
}

const char *address_url_plain(struct arena *arena, const struct url *url)
{
    struct url plain = *url;
    plain.password = STR_NULL;
    plain.params = arena_array(arena, struct url_param, url->nparams);
    plain.nparams = 0;
    if (plain.user.ptr && !plain.user.len)
        plain.user = STR_NULL;
    for (size_t i = 0; i < url->nparams; i++) {
        struct url_param param = url->params[i];
        struct url inner;
        struct err ignored = {0};
        if (address_is_secret(param.name))
            continue;
        if (memmem(param.value.ptr, param.value.len, "://", 3) &&
            url_parse(arena, param.value, &inner, &ignored))
            param.value = str_of(address_url_plain(arena, &inner));
        plain.params[plain.nparams++] = param;
    }
    return url_format(arena, &plain).ptr;
}

/* --- paths ---------------------------------------------------------------------------------- */

const char *address_path_absolute(struct arena *arena, struct str path)
{
    struct sbuf out = SBUF_INIT;
    char cwd[PATH_MAX];
    if (!str_starts(path, "/") && getcwd(cwd, sizeof cwd))
        sbuf_cstr(&out, cwd);
    while (path.len) {
        ptrdiff_t slash = str_index(path, '/');
        struct str piece = slash < 0 ? path : str_sub(path, 0, (size_t)slash);
        path = slash < 0 ? STR("") : str_sub(path, (size_t)slash + 1, path.len);
        if (!piece.len || str_is(piece, "."))
            continue;
        if (!out.len || out.ptr[out.len - 1] != '/')
            sbuf_char(&out, '/');
        sbuf_str(&out, piece);
    }
    if (!out.len)
        sbuf_char(&out, '/');
    const char *text = arena_cstr(arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
}

const char *address_path_real(struct arena *arena, const char *path)
{
    char *real = realpath(path, NULL);
    if (!real)
        return path;
    const char *text = arena_cstr(arena, str_of(real));
    free(real);
    return text;
}

static bool is_sqlite_file(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    char head[16];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n == (ssize_t)sizeof head && memcmp(head, magic, sizeof head) == 0;
}

static bool parse_path(struct arena *arena, const char *text, struct address *ret, struct err *err)
{
    struct stat st;
    const char *path = address_path_absolute(arena, str_of(text));
    if (!*text)
        return err_set(err, ERR_INVALID, "the address is empty");
    if (stat(path, &st) != 0)
        return err_set(err, ERR_INVALID, "%s: %s", text, strerror(errno));
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: neither a directory nor a file", text);
    bool sqlite = S_ISREG(st.st_mode) && is_sqlite_file(path);
    *ret = (struct address){
        .backend = sqlite ? "sqlite" : "file", .url = path, .masked = path, .plain = path};
    *ret = address_settle(arena, ret, NULL, NULL);
    return true;
}

/* --- one backend's URL ---------------------------------------------------------------------- */

/* Moves the parameters that `known` does not name to the address. */
static void take_params(struct arena *arena, struct url *url, const char *const *known,
                        struct address *ret)
{
    struct address_param *params = arena_array(arena, struct address_param, url->nparams);
    size_t kept = 0;
    for (size_t i = 0; i < url->nparams; i++) {
        struct url_param *p = &url->params[i];
        if (is_one_of(p->name, known))
            url->params[kept++] = *p;
        else if (str_is(p->name, "layout"))
            ret->layout = arena_cstr(arena, p->value);
        else
            params[ret->nparams++] =
                (struct address_param){arena_cstr(arena, p->name), arena_cstr(arena, p->value)};
    }
    url->nparams = kept;
    ret->params = params;
}

static bool parse_postgres(struct arena *arena, struct url *url, struct address *ret,
                           struct err *err)
{
    take_params(arena, url, libpq_params, ret);
    url->scheme = STR("postgresql");
    url->has_authority = true;
    ret->url = url_format(arena, url).ptr;
    return true;
}

bool address_host_is_plain(struct str s, const char *marks)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c < 0x80 && !strchr(marks, c))
            return false;
    }
    return true;
}

static bool parse_redis(struct arena *arena, struct url *url, bool socket_scheme,
                        struct address *ret, struct err *err)
{
    static const char *const known[] = {"db",       "virtual_host", "socket",
                                        "username", "password",     NULL};
    bool tls = str_is(url->scheme, "rediss");
    struct str socket = STR_NULL, db = STR_NULL;
    take_params(arena, url, known, ret);
    struct str path = url->path;
    if (socket_scheme)
        socket = path;
    else if (path.len > 1)
        db = str_sub(path, 1, path.len);
    url_param(url, "socket", &socket);
    if (!url_param(url, "db", &db))
        url_param(url, "virtual_host", &db);
    url_param(url, "username", &url->user);
    url_param(url, "password", &url->password);
    uint64_t number = 0;
    if (db.len && (!str_u64(db, &number) || number > INT_MAX))
        return err_set(err, ERR_INVALID, "the database of a Redis address is a number");
    struct str host, port;
    url_host_split(url->host, &host, &port);
    struct url out = {.has_authority = true, .user = url->user, .password = url->password};
    if (socket.ptr) {
        if (!str_starts(socket, "/"))
            return err_set(err, ERR_INVALID, "the path of a Redis socket starts with /");
        out.scheme = STR("unix");
        out.host = STR("");
        out.path = socket;
        struct url_param param = {STR("db"),
                                  arena_printf(arena, "%llu", (unsigned long long)number)};
        out.params = &param;
        out.nparams = 1;
        ret->url = url_format(arena, &out).ptr;
        return true;
    }
    if (port.len && (!str_u64(port, &(uint64_t){0}) || port.len > 5))
        return err_set(err, ERR_INVALID, "the port of a Redis address is a number");
    if (!address_host_is_plain(host, "-._:%"))
        return err_set(err, ERR_INVALID, "the host of a Redis address is a name or an address");
    if (!host.len)
        host = STR("localhost");
    if (!port.len)
        port = STR("6379");
    out.scheme = tls ? STR("rediss") : STR("redis");
    out.host = str_index(host, ':') >= 0
                   ? arena_printf(arena, "[%.*s]:%.*s", STR_ARG(host), STR_ARG(port))
                   : arena_printf(arena, "%.*s:%.*s", STR_ARG(host), STR_ARG(port));
    out.path = arena_printf(arena, "/%llu", (unsigned long long)number);
    ret->url = url_format(arena, &out).ptr;
    return true;
}

static bool parse_file(struct arena *arena, struct url *url, struct address *ret, struct err *err)
{
    static const char *const none[] = {NULL};
    if (url->has_authority && url->host.len && !str_is(url->host, "localhost")) {
        err_set(err, ERR_INVALID, "the address names a host, but files lie on this one");
        return err_hint(err, "%s:///absolute/path, or %s:relative/path", ret->backend,
                        ret->backend);
    }
    if (!url->path.len)
        return err_set(err, ERR_INVALID, "the address names no path");
    take_params(arena, url, none, ret);
    ret->url = address_path_absolute(arena, url->path);
    return true;
}

/* --- the scheme ----------------------------------------------------------------------------- */

/* Takes `<system>+<backend>+<driver>` apart. False when no word of it is ours. */
static bool parse_scheme(struct str scheme, struct address *ret, struct str *ret_word,
                         struct str *ret_driver)
{
    ptrdiff_t plus = str_index(scheme, '+');
    struct str word = plus < 0 ? scheme : str_sub(scheme, 0, (size_t)plus);
    const struct system *system = system_by_name(word);
    if (system) {
        if (plus < 0)
            return false;
        scheme = str_sub(scheme, (size_t)plus + 1, scheme.len);
        plus = str_index(scheme, '+');
        word = plus < 0 ? scheme : str_sub(scheme, 0, (size_t)plus);
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!str_is(word, schemes[i].word))
            continue;
        ret->system = system;
        ret->backend = schemes[i].backend;
        *ret_word = word;
        *ret_driver = plus < 0 ? STR("") : str_sub(scheme, (size_t)plus + 1, scheme.len);
        return true;
    }
    return false;
}

static bool parse_backend(struct arena *arena, struct url *url, struct str word, struct str driver,
                          struct address *ret, struct err *err)
{
    static const char *const none[] = {NULL};
    bool server = strcmp(ret->backend, "postgres") == 0 || strcmp(ret->backend, "redis") == 0;
    if (server && !url->has_authority)
        return err_set(err, ERR_INVALID, "'//' is missing behind '%.*s:'", STR_ARG(url->scheme));
    url->scheme = word;
    if (strcmp(ret->backend, "postgres") == 0)
        return parse_postgres(arena, url, ret, err);
    if (strcmp(ret->backend, "redis") == 0) {
        bool on_socket = str_is(word, "unix") || str_is(driver, "unix") || str_is(driver, "socket");
        return parse_redis(arena, url, on_socket, ret, err);
    }
    if (strcmp(ret->backend, "memory") == 0) {
        struct str name;
        if (!url_decode(arena, url->host, &name, err))
            return false;
        take_params(arena, url, none, ret);
        ret->url = arena_printf(arena, "%.*s%.*s", STR_ARG(name), STR_ARG(url->path)).ptr;
        return true;
    }
    return parse_file(arena, url, ret, err);
}

bool address_parse(struct arena *arena, const char *text, struct address *ret, struct err *err)
{
    struct url url;
    struct address address = {0};
    struct str word, driver;
    struct err why = {0};
    bool parsed = url_parse(arena, str_of(text), &url, &why);
    ptrdiff_t colon = str_index(str_of(text), ':');
    struct str scheme = colon > 0 ? str_sub(str_of(text), 0, (size_t)colon) : STR("");
    if (!parse_scheme(parsed ? url.scheme : scheme, &address, &word, &driver)) {
        if (strstr(text, "://")) {
            err_set(err, ERR_INVALID, "unknown kind of address '%.*s://'", STR_ARG(scheme));
            return err_hint(err, "<system>+<backend>://…: meltano, vdk, etl or triggers, and "
                                 "postgresql, redis, sqlite or file");
        }
        return parse_path(arena, text, ret, err);
    }
    if (!parsed) {
        if (err)
            *err = why;
        return false;
    }
    address.masked = address_mask(arena, str_of(text)).ptr;
    address.plain = address_url_plain(arena, &url);
    if (!parse_backend(arena, &url, word, driver, &address, err))
        return false;
    const char *plain = address.plain;
    address = address_settle(arena, &address, address.system, address.layout);
    if (strcmp(address.backend, "file") != 0 && strcmp(address.backend, "sqlite") != 0)
        address.plain = plain;
    *ret = address;
    return true;
}
