#include "core/project.h"

#include "core/config_yaml.h"
#include "core/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct project {
    const char *dir;
    struct arena *arena;
    struct yaml_file *yaml;
    struct str dotenv; /* text of .env, "" without one */
};

bool meltano_project_is(struct arena *arena, const char *dir)
{
    return access(arena_printf(arena, "%s/meltano.yml", dir).ptr, F_OK) == 0;
}

/* --- variables ------------------------------------------------------------------------------ */

static struct str read_dotenv(struct project *p)
{
    char buf[65536];
    FILE *in = fopen(arena_printf(p->arena, "%s/.env", p->dir).ptr, "re");
    if (!in)
        return STR("");
    size_t n = fread(buf, 1, sizeof buf, in);
    fclose(in);
    return arena_str(p->arena, (struct str){buf, n});
}

/* Value of NAME=value in .env: quotes taken off, "export " and a trailing " # comment" too. */
static bool dotenv_get(const struct project *p, struct str name, struct str *ret)
{
    bool found = false;
    for (struct str rest = p->dotenv; rest.len;) {
        ptrdiff_t end = str_index(rest, '\n');
        struct str line = str_trim(end < 0 ? rest : str_sub(rest, 0, (size_t)end));
        rest = end < 0 ? STR("") : str_sub(rest, (size_t)end + 1, rest.len);
        if (str_starts(line, "export "))
            line = str_trim(str_sub(line, 7, line.len));
        ptrdiff_t eq = str_index(line, '=');
        if (eq < 0 || !str_eq(str_trim(str_sub(line, 0, (size_t)eq)), name))
            continue;
        struct str value = str_trim(str_sub(line, (size_t)eq + 1, line.len));
        char quote = value.len ? value.ptr[0] : '\0';
        if (quote == '"' || quote == '\'') {
            value = str_sub(value, 1, value.len);
            ptrdiff_t close = str_index(value, quote);
            value = close < 0 ? value : str_sub(value, 0, (size_t)close);
        } else {
            const char *comment = value.len ? memmem(value.ptr, value.len, " #", 2) : NULL;
            if (comment)
                value = str_trim(str_sub(value, 0, (size_t)(comment - value.ptr)));
        }
        *ret = value;
        found = true;
    }
    return found;
}

static bool variable(struct project *p, struct str name, struct str *ret)
{
    const char *cname = arena_cstr(p->arena, name);
    yaml_node_t *env = yaml_file_get(p->yaml, p->yaml->root, "env");
    struct str text = yaml_file_text(yaml_file_get(p->yaml, env, cname));
    if (text.ptr) {
        *ret = text;
        return true;
    }
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
    return dotenv_get(p, name, ret);
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
    struct str expanded = arena_str(p->arena, sbuf_view(&out));
    sbuf_release(&out);
    return expanded;
}

/* --- settings ------------------------------------------------------------------------------- */

/* Root `env:`, the process, .env: verbatim. Then meltano.yml, nested or dotted, and the default:
 * expanded. */
static struct str setting(struct project *p, const char *env_name, const char *outer,
                          const char *inner, const char *fallback)
{
    struct str text = STR_NULL;
    yaml_node_t *root = p->yaml->root;
    text = yaml_file_text(yaml_file_get(p->yaml, yaml_file_get(p->yaml, root, "env"), env_name));
    if (text.ptr)
        return text;
    if (getenv(env_name))
        return str_of(getenv(env_name));
    if (dotenv_get(p, str_of(env_name), &text))
        return text;
    yaml_node_t *node = yaml_file_get(p->yaml, root, outer);
    if (inner) {
        node = yaml_file_get(p->yaml, node, inner);
        const char *dotted = arena_printf(p->arena, "%s.%s", outer, inner).ptr;
        if (!node)
            node = yaml_file_get(p->yaml, root, dotted);
    }
    text = yaml_file_text(node);
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
    struct str text = arena_str(p->arena, sbuf_view(&out));
    sbuf_release(&out);
    return text;
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
    *ret = arena_str(p->arena, sbuf_view(&out));
    sbuf_release(&out);
    return true;
}

static bool project_resolve(struct project *p, struct address *ret, struct err *err)
{
    struct str uri = setting(p, "MELTANO_STATE_BACKEND_URI", "state_backend", "uri", "systemdb");
    struct str database = setting(p, "MELTANO_DATABASE_URI", "database_uri", NULL,
                                  "sqlite:///$MELTANO_SYS_DIR_ROOT/meltano.db");
    struct str runs = database_address(p, database), text;
    if (str_is(uri, "systemdb"))
        return address_parse(p->arena, runs.ptr, ret, err);
    if (str_starts(uri, "file:")) {
        if (!file_address(p, uri, &text, err))
            return false;
    } else if (str_starts(uri, "postgresql:")) {
        bool query = str_index(uri, '?') >= 0;
        text =
            arena_printf(p->arena, "meltano+%.*s%slayout=plugin", STR_ARG(uri), query ? "&" : "?");
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
    struct address_param *params = arena_array(p->arena, struct address_param, ret->nparams + 1);
    if (ret->nparams)
        memcpy(params, ret->params, ret->nparams * sizeof *params);
    params[ret->nparams++] = (struct address_param){"runs", runs.ptr};
    ret->params = params;
    return true;
}

bool meltano_project_address(const char *dir, struct arena *arena, struct address *ret,
                             struct err *err)
{
    CLEANUP(yaml_file_release) struct yaml_file yaml = {0};
    const char *path = arena_printf(arena, "%s/meltano.yml", dir).ptr;
    if (!yaml_file_open(path, &yaml, err))
        return false;
    struct project project = {.dir = arena_cstr(arena, str_of(dir)), .arena = arena, .yaml = &yaml};
    project.dotenv = read_dotenv(&project);
    struct address address;
    if (!project_resolve(&project, &address, err))
        return false;
    address.plain = address.masked = project.dir;
    *ret = address;
    return true;
}
