/* What store an address names: one spelling for each, without credentials. */
#include "core/target_parts.h"

#include "core/system.h"

#include <stdlib.h>
#include <string.h>

/* Parameters beside the companions that do not choose the records, and values that mean the same as
 * none. */
static const struct {
    const char *name, *same_as_none;
} unnamed_params[] = {
    {"pipeline", NULL}, {"client", NULL}, {"layout", NULL},
    {"zone", NULL},     {"prefix", ""},   {"version", "1"},
};

static struct str lower(struct arena *arena, struct str s)
{
    char *p = arena_cstr(arena, s);
    for (size_t i = 0; i < s.len; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
    }
    return (struct str){p, s.len};
}

/* Host, port and database as libpq will take them from the URI, in one spelling. */
static void place_postgres(struct arena *arena, const struct address *address, struct url *ret)
{
    struct url url;
    struct str host = STR(""), port = STR(""), db, service;
    if (!url_parse(arena, str_of(address->url), &url, NULL))
        return;
    *ret = (struct url){.scheme = STR("postgresql"), .has_authority = true, .host = STR("")};
    ret->params = arena_array(arena, struct url_param, 4);
    bool many = str_index(url.host, ',') >= 0;
    if (many)
        host = url.host;
    else
        url_host_split(url.host, &host, &port);
    url_decode(arena, host, &host, NULL);
    if (!url_param(&url, "host", &host))
        url_param(&url, "hostaddr", &host);
    url_param(&url, "port", &port);
    if (str_is(port, "5432"))
        port = STR("");
    db = url.path.len > 1 ? str_sub(url.path, 1, url.path.len) : STR("");
    url_param(&url, "dbname", &db);
    if (!db.len && url.user.ptr)
        db = url.user;
    bool socket = str_starts(host, "/");
    if (socket || !address_host_is_plain(host, many ? "-._:,[]" : "-._:") ||
        !address_host_is_plain(port, ",")) {
        if (socket)
            host = str_of(address_path_real(arena, address_path_absolute(arena, host)));
        ret->params[ret->nparams++] = (struct url_param){STR("host"), host};
        if (port.len)
            ret->params[ret->nparams++] = (struct url_param){STR("port"), port};
    } else {
        bool v6 = !many && str_index(host, ':') >= 0;
        ret->host =
            arena_printf(arena, "%s%.*s%s%s%.*s", v6 ? "[" : "", STR_ARG(lower(arena, host)),
                         v6 ? "]" : "", port.len ? ":" : "", STR_ARG(port));
    }
    if (url_param(&url, "service", &service))
        ret->params[ret->nparams++] = (struct url_param){STR("service"), service};
    ret->path = db.len ? arena_printf(arena, "/%.*s", STR_ARG(db)) : STR("");
    if (ret->nparams && !ret->path.len)
        ret->path = STR("/");
}

static void place_redis(struct arena *arena, const struct address *address, struct url *ret)
{
    struct url url;
    if (!url_parse(arena, str_of(address->url), &url, NULL))
        return;
    *ret = url;
    ret->user = ret->password = STR_NULL;
    ret->host = lower(arena, url.host);
    if (str_ends(ret->host, ":6379"))
        ret->host.len -= strlen(":6379");
    if (str_is(url.scheme, "unix")) {
        ret->scheme = STR("redis+unix");
        ret->path = str_of(address_path_real(arena, arena_cstr(arena, url.path)));
    }
}

/* A name stands where others have their host, so nothing in it may look like a user or a port. */
static struct str memory_host(struct arena *arena, struct str name)
{
    struct sbuf encoded = SBUF_INIT;
    url_encode(&encoded, name, "/");
    return arena_take(arena, &encoded);
}

/* The place as a URL of the backend alone. */
static void place_url(struct arena *arena, const struct address *address, struct url *ret)
{
    *ret = (struct url){.host = STR(""), .has_authority = true};
    if (strcmp(address->backend, "postgres") == 0) {
        place_postgres(arena, address, ret);
    } else if (strcmp(address->backend, "redis") == 0) {
        place_redis(arena, address, ret);
    } else if (strcmp(address->backend, "memory") == 0) {
        ret->scheme = STR("memory");
        ret->host = memory_host(arena, str_of(address->url));
    } else {
        ret->scheme = str_of(address->backend);
        ret->path = str_of(address_path_real(arena, address->url));
    }
}

struct str address_place(struct arena *arena, const struct address *address)
{
    struct url url;
    place_url(arena, address, &url);
    return url_format(arena, &url);
}

static bool names_records(const struct address_param *param)
{
    for (size_t i = 0; i < sizeof unnamed_params / sizeof unnamed_params[0]; i++) {
        const char *none = unnamed_params[i].same_as_none;
        if (strcmp(param->name, unnamed_params[i].name) == 0)
            return none && strcmp(param->value, none) != 0;
    }
    return !address_is_companion(param->name) && !address_is_secret(str_of(param->name));
}

static int param_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct url_param *)a)->name, ((const struct url_param *)b)->name);
}

static const char *identity_of(struct arena *arena, const struct address *address)
{
    struct url url;
    place_url(arena, address, &url);
    size_t n = url.nparams;
    struct url_param *params = arena_array(arena, struct url_param, n + address->nparams + 1);
    if (n)
        memcpy(params, url.params, n * sizeof *params);
    if (address->layout)
        params[n++] = (struct url_param){STR("layout"), str_of(address->layout)};
    for (size_t i = 0; i < address->nparams; i++) {
        const struct address_param *p = &address->params[i];
        if (names_records(p))
            params[n++] = (struct url_param){str_of(p->name), str_of(p->value)};
    }
    if (n)
        qsort(params, n, sizeof *params, param_cmp);
    url.params = params;
    url.nparams = n;
    if (address->system)
        url.scheme = arena_printf(arena, "%s+%.*s", address->system->name, STR_ARG(url.scheme));
    return url_format(arena, &url).ptr;
}

/* Files are named by their absolute path, with the system once it is known. */
static const char *plain_of_file(struct arena *arena, const struct address *address)
{
    if (!address->system)
        return address->url;
    struct url url = {.has_authority = true, .host = STR(""), .path = str_of(address->url)};
    url.scheme = arena_printf(arena, "%s+%s", address->system->name, address->backend);
    url.params = arena_array(arena, struct url_param, address->nparams + 1);
    if (address->layout)
        url.params[url.nparams++] = (struct url_param){STR("layout"), str_of(address->layout)};
    for (size_t i = 0; i < address->nparams; i++)
        url.params[url.nparams++] =
            (struct url_param){str_of(address->params[i].name), str_of(address->params[i].value)};
    return address_url_plain(arena, &url);
}

struct address address_settle(struct arena *arena, const struct address *address,
                              const struct system *system, const char *layout)
{
    struct address settled = *address;
    settled.system = system;
    settled.layout = layout;
    settled.identity = identity_of(arena, &settled);
    if (strcmp(settled.backend, "file") == 0 || strcmp(settled.backend, "sqlite") == 0)
        settled.plain = plain_of_file(arena, &settled);
    return settled;
}

bool address_is_local(const struct address *address)
{
    if (strcmp(address->backend, "postgres") == 0) {
        struct arena arena = ARENA_INIT;
        struct url url;
        struct str host;
        place_postgres(&arena, address, &url);
        bool local = url_param(&url, "host", &host) && str_starts(host, "/");
        arena_release(&arena);
        return local;
    }
    if (strcmp(address->backend, "redis") == 0)
        return strncmp(address->url, "unix:", 5) == 0;
    return true;
}
