#include "core/project.h"

#include "core/dotenv.h"
#include "core/project_files.h"
#include "core/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct project {
    const char *dir;
    struct arena *arena;
    struct project_files *files;
    struct dotenv dotenv;
};

bool meltano_project_is(struct arena *arena, const char *dir)
{
    return access(arena_printf(arena, "%s/meltano.yml", dir).ptr, F_OK) == 0;
}

/* --- variables ------------------------------------------------------------------------------ */

static struct dotenv read_dotenv(struct project *p)
{
    char buf[65536];
    FILE *in = fopen(arena_printf(p->arena, "%s/.env", p->dir).ptr, "re");
    if (!in)
        return (struct dotenv){0};
    size_t n = fread(buf, 1, sizeof buf, in);
    fclose(in);
    return dotenv_parse(p->arena, (struct str){buf, n});
}

static struct str root_env(struct project *p, struct str name)
{
    return project_files_text(p->files, arena_printf(p->arena, "env.%.*s", STR_ARG(name)));
}

static bool variable(struct project *p, struct str name, struct str *ret)
{
    const char *cname = arena_cstr(p->arena, name);
    *ret = root_env(p, name);
    if (ret->ptr)
        return true;
    if (str_is(name, "MELTANO_PROJECT_ROOT")) {
        *ret = str_of(p->dir);
        return true;
    }
    const char *value = getenv(cname);
    if (value) {
        *ret = str_of(value);
        return true;
    }
    if (str_is(name, "MELTANO_SYS_DIR_ROOT")) {
        *ret = arena_printf(p->arena, "%s/.meltano", p->dir);
        return true;
    }
    return dotenv_get(&p->dotenv, name, ret);
}

static bool is_word(char c, bool braced)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (braced && c >= 'a' && c <= 'z');
}

/* "$NAME" and "${name}"; a backslash in front keeps the text; what is missing is empty. */
static struct str expand(struct project *p, struct str text)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < text.len;) {
        bool kept = text.ptr[i] == '\\' && i + 1 < text.len && text.ptr[i + 1] == '$';
        size_t dollar = i + kept;
        if (text.ptr[dollar] != '$') {
            sbuf_char(&out, text.ptr[i++]);
            continue;
        }
        bool braced = dollar + 1 < text.len && text.ptr[dollar + 1] == '{';
        size_t from = dollar + 1 + braced, to = from;
        while (to < text.len && is_word(text.ptr[to], braced))
            to++;
        bool closed = !braced || (to < text.len && text.ptr[to] == '}');
        bool starts = to > from && (braced || !isdigit((unsigned char)text.ptr[from]));
        if (!closed || !starts) {
            sbuf_char(&out, text.ptr[i++]);
            continue;
        }
        struct str value;
        if (kept)
            sbuf_str(&out, str_sub(text, dollar, to + braced));
        else if (variable(p, str_sub(text, from, to), &value))
            sbuf_str(&out, value);
        i = to + braced;
    }
    return arena_take(p->arena, &out);
}

/* --- settings ------------------------------------------------------------------------------- */

/* MELTANO_STATE_BACKEND_URI for state_backend.uri */
static struct str env_name(struct project *p, const char *name)
{
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, "MELTANO_");
    for (; *name; name++)
        sbuf_char(&out, *name == '.' ? '_' : (char)toupper((unsigned char)*name));
    return arena_take(p->arena, &out);
}

/* Root `env:`, the process, .env: verbatim. Then meltano.yml, and the default: expanded. */
static struct str setting(struct project *p, const char *name, const char *fallback)
{
    struct str env = env_name(p, name), text = root_env(p, env);
    if (text.ptr)
        return text;
    if (getenv(env.ptr))
        return str_of(getenv(env.ptr));
    if (dotenv_get(&p->dotenv, env, &text))
        return text;
    text = project_files_text(p->files, str_of(name));
    return expand(p, text.ptr ? text : str_of(fallback));
}

/* SQLAlchemy: three slashes and a relative path, four and an absolute one. */
static struct str database_address(struct project *p, struct str uri)
{
    if (!str_starts(uri, "sqlite:"))
        return arena_printf(p->arena, "meltano+%.*s", STR_ARG(uri));
    ptrdiff_t question = str_index(uri, '?');
    if (question >= 0)
        uri = str_sub(uri, 0, (size_t)question);
    struct str path = str_starts(uri, "sqlite:///") ? str_sub(uri, 10, uri.len) : STR("");
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, "meltano+sqlite://");
    if (!str_starts(path, "/")) {
        url_encode(&out, str_of(p->dir), "/");
        sbuf_char(&out, '/');
    }
    url_encode(&out, path, "/");
    return arena_take(p->arena, &out);
}

/* Of a file URI Meltano takes the path alone, as it is written (formats/meltano.md 4.1). */
static bool file_address(struct project *p, struct str uri, struct str *ret, struct err *err)
{
    struct str rest = str_sub(uri, strlen("file:"), uri.len);
    size_t at = str_starts(rest, "//") ? 2 : 0;
    while (at && at < rest.len && rest.ptr[at] != '/')
        at++;
    size_t end = at;
    while (end < rest.len && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    if (at == end || rest.ptr[at] != '/')
        return err_set(err, ERR_INVALID,
                       "state_backend.uri '%.*s' names no path that Meltano can use",
                       STR_ARG(address_mask(p->arena, uri)));
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, "meltano+file://");
    url_encode(&out, str_sub(rest, at, end), "/");
    *ret = arena_take(p->arena, &out);
    return true;
}

/* Each setting of the plug-in goes over what its URI says (formats/meltano.md 6.1), as the later of
 * two parameters does for libpq. */
static struct str plugin_address(struct project *p, struct str uri)
{
    static const char *const params[][2] = {
        {"host", "host"},     {"port", "port"},   {"database", "dbname"},   {"user", "user"},
        {"schema", "schema"}, {"table", "table"}, {"password", "password"}, {"sslmode", "sslmode"},
    };
    struct sbuf out = SBUF_INIT;
    sbuf_printf(&out, "meltano+%.*s%clayout=plugin", STR_ARG(uri),
                str_index(uri, '?') >= 0 ? '&' : '?');
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        const char *name = arena_printf(p->arena, "state_backend.postgresql.%s", params[i][0]).ptr;
        struct str value = setting(p, name, "");
        if (!value.len)
            continue;
        sbuf_printf(&out, "&%s=", params[i][1]);
        url_encode(&out, value, "");
    }
    return arena_take(p->arena, &out);
}

static void add_param(struct project *p, struct address *address, const char *name,
                      struct str value)
{
    struct address_param *params =
        arena_array(p->arena, struct address_param, address->nparams + 1);
    if (address->nparams)
        memcpy(params, address->params, address->nparams * sizeof *params);
    params[address->nparams++] = (struct address_param){name, arena_cstr(p->arena, value)};
    address->params = params;
}

static bool project_resolve(struct project *p, struct address *ret, struct err *err)
{
    struct str uri = setting(p, "state_backend.uri", "systemdb");
    struct str database = setting(p, "database_uri", "sqlite:///$MELTANO_SYS_DIR_ROOT/meltano.db");
    struct str runs = database_address(p, database), text;
    bool files = str_starts(uri, "file:");
    if (str_is(uri, "systemdb"))
        return address_parse(p->arena, runs.ptr, ret, err);
    if (files) {
        if (!file_address(p, uri, &text, err))
            return false;
    } else if (str_starts(uri, "postgresql:")) {
        text = plugin_address(p, uri);
    } else {
        ptrdiff_t colon = str_index(uri, ':');
        struct str scheme = colon < 0 ? uri : str_sub(uri, 0, (size_t)colon);
        return err_set(err, ERR_UNSUPPORTED,
                       "the project keeps its state in '%.*s', which penstock "
                       "cannot open",
                       STR_ARG(scheme));
    }
    if (!address_parse(p->arena, text.ptr, ret, err))
        return false;
    struct str timeout = setting(p, "state_backend.lock_timeout_seconds", "");
    if (files && timeout.len)
        add_param(p, ret, "lock_timeout", timeout);
    add_param(p, ret, "runs", runs);
    return true;
}

bool meltano_project_address(const char *dir, struct arena *arena, struct address *ret,
                             struct err *err)
{
    CLEANUP(project_files_release) struct project_files files = {0};
    if (!project_files_open(dir, arena, &files, err))
        return false;
    struct project project = {
        .dir = arena_cstr(arena, str_of(dir)), .arena = arena, .files = &files};
    project.dotenv = read_dotenv(&project);
    struct address address;
    if (!project_resolve(&project, &address, err))
        return false;
    address.plain = address.masked = project.dir;
    *ret = address;
    return true;
}
