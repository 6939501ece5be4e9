#include "backends/postgres/hosts.h"

#include "core/base/host.h"

#include <stdlib.h>
#include <string.h>

static const char *given_value(const PQconninfoOption *given, const char *key)
{
    for (const PQconninfoOption *o = given; o->keyword; o++) {
        if (o->val && o->val[0] && strcmp(o->keyword, key) == 0)
            return o->val;
    }
    return NULL;
}

static const char *value_or_env(const PQconninfoOption *given, const char *key, const char *env)
{
    const char *value = given_value(given, key);
    return value ? value : getenv(env);
}

/* Takes the first element off a list with commas; false at its end. */
static bool take_element(struct str *list, struct str *ret)
{
    if (!list->ptr)
        return false;
    ptrdiff_t comma = str_index(*list, ',');
    *ret = comma < 0 ? *list : str_sub(*list, 0, (size_t)comma);
    *list = comma < 0 ? STR_NULL : str_sub(*list, (size_t)comma + 1, list->len);
    return true;
}

static bool is_socket(struct str host)
{
    return host.len == 0 || host.ptr[0] == '/' || host.ptr[0] == '@';
}

static bool has_name(struct str list)
{
    struct str host;
    while (take_element(&list, &host)) {
        if (!is_socket(host))
            return true;
    }
    return false;
}

static size_t n_elements(struct str list)
{
    struct str element;
    size_t n = 0;
    while (take_element(&list, &element))
        n++;
    return n;
}

struct lists {
    struct sbuf host, hostaddr, port;
    size_t n;
};

static void lists_add(struct lists *lists, struct str host, const char *hostaddr, struct str port)
{
    const char *comma = lists->n++ ? "," : "";
    sbuf_printf(&lists->host, "%s%.*s", comma, STR_ARG(host));
    sbuf_printf(&lists->hostaddr, "%s%s", comma, hostaddr);
    sbuf_printf(&lists->port, "%s%.*s", comma, STR_ARG(port));
}

static bool lists_fill(struct str hosts, struct str ports, const struct call *call,
                       struct arena *arena, struct lists *lists, struct err *err)
{
    struct str host, port = STR("");
    bool one_port = n_elements(ports) <= 1;
    while (take_element(&hosts, &host)) {
        if (!one_port || ports.ptr)
            take_element(&ports, &port); /* one port is the port of all hosts */
        struct host_addresses found = {0};
        struct err why = {0};
        if (is_socket(host)) {
            lists_add(lists, host, "", port);
        } else if (host_lookup(arena_cstr(arena, host), call, arena, &found, &why)) {
            for (size_t i = 0; i < found.n; i++)
                lists_add(lists, host, found.items[i], port);
        } else if (why.kind != ERR_UNAVAILABLE || (!hosts.ptr && !lists->n)) {
            if (err)
                *err = why;
            return false;
        }
    }
    return true;
}

bool pg_hosts_look_up(const PQconninfoOption *given, const struct call *call, struct arena *arena,
                      struct pg_hosts *ret, struct err *err)
{
    struct str hosts = str_of(value_or_env(given, "host", "PGHOST"));
    struct str ports = str_of(value_or_env(given, "port", "PGPORT"));
    size_t n_ports = n_elements(ports);
    *ret = (struct pg_hosts){0};
    if (!has_name(hosts) || value_or_env(given, "hostaddr", "PGHOSTADDR") ||
        value_or_env(given, "service", "PGSERVICE") ||
        (n_ports > 1 && n_ports != n_elements(hosts))) /* libpq says what is wrong with it */
        return true;
    struct lists lists = {0};
    bool ok = lists_fill(hosts, ports, call, arena, &lists, err);
    if (ok) {
        ret->host = arena_cstr(arena, sbuf_view(&lists.host));
        ret->hostaddr = arena_cstr(arena, sbuf_view(&lists.hostaddr));
        ret->port = n_ports ? arena_cstr(arena, sbuf_view(&lists.port)) : NULL;
    }
    sbuf_release(&lists.host);
    sbuf_release(&lists.hostaddr);
    sbuf_release(&lists.port);
    return ok;
}
