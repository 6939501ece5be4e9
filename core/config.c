#include "core/config.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/config_yaml.h"
#include "core/project.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- places --------------------------------------------------------------------------------- */

static const char *home_dir(void)
{
    const char *home = getenv("HOME");
    if (home && *home)
        return home;
    const struct passwd *pw = getpwuid(getuid());
    return pw ? pw->pw_dir : "/";
}

/* $variable when it is an absolute path (the XDG specification ignores others), else under home. */
static struct str xdg_path(struct arena *arena, const char *variable, const char *under_home,
                           const char *name)
{
    const char *dir = getenv(variable);
    if (dir && dir[0] == '/')
        return arena_printf(arena, "%s/penstock/%s", dir, name);
    return arena_printf(arena, "%s/%s/penstock/%s", home_dir(), under_home, name);
}

struct str config_state_path(struct arena *arena, const char *name)
{
    return xdg_path(arena, "XDG_STATE_HOME", ".local/state", name);
}

struct str config_data_path(struct arena *arena, const char *name)
{
    return xdg_path(arena, "XDG_DATA_HOME", ".local/share", name);
}

/* --- reading -------------------------------------------------------------------------------- */

struct reader {
    struct config *config;
    struct yaml_file *file;
    struct config_context *context; /* being read */
    struct err *err;
};

struct key {
    const char *name;
    bool (*read)(struct reader *r, yaml_node_t *value);
};

static bool read_text(struct reader *r, yaml_node_t *value, const char *what, const char **ret)
{
    struct str text = yaml_file_text(value);
    if (!text.len)
        return yaml_file_wrong(r->file, value, r->err, "%s must be a text", what);
    if (memchr(text.ptr, '\0', text.len))
        return yaml_file_wrong(r->file, value, r->err, "%s holds a NUL", what);
    *ret = arena_cstr(&r->config->arena, text);
    return true;
}

static bool unknown_word(struct reader *r, yaml_node_t *node, const char *what, struct near near)
{
    if (near.best)
        return yaml_file_wrong(r->file, node, r->err, "unknown %s '%.*s'; did you mean '%s'?", what,
                               STR_ARG(near.word), near.best);
    return yaml_file_wrong(r->file, node, r->err, "unknown %s '%.*s'", what, STR_ARG(near.word));
}

/* Reads a mapping by a table of keys: none unknown, none twice. */
static bool read_mapping(struct reader *r, yaml_node_t *map, const struct key *keys, size_t nkeys,
                         const char *what)
{
    uint64_t seen = 0;
    if (map->type != YAML_MAPPING_NODE)
        return yaml_file_wrong(r->file, map, r->err, "%s must be a mapping", what);
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *name = yaml_file_node(r->file, p->key);
        struct near near = {.word = yaml_file_text(name)};
        size_t i = 0;
        while (i < nkeys && !str_is(near.word, keys[i].name))
            near_offer(&near, keys[i++].name);
        if (i == nkeys)
            return unknown_word(r, name, "key", near);
        if (seen & (1ull << i))
            return yaml_file_wrong(r->file, name, r->err, "key '%s' stands here twice",
                                   keys[i].name);
        seen |= 1ull << i;
        if (!keys[i].read(r, yaml_file_node(r->file, p->value)))
            return false;
    }
    return true;
}

static bool read_name(struct reader *r, yaml_node_t *value)
{
    if (!read_text(r, value, "name", &r->context->name))
        return false;
    const char *name = r->context->name;
    if (name[0] == '-' || strpbrk(name, "/: \t\n") || !str_is_utf8(str_of(name)))
        return yaml_file_wrong(r->file, value, r->err,
                               "a context's name has no '/', ':' or blank and no '-' in front");
    for (const struct config_context *c = r->config->contexts; c < r->context; c++) {
        if (strcmp(c->name, name) == 0)
            return yaml_file_wrong(r->file, value, r->err, "there are two contexts '%s'", name);
    }
    return true;
}

static bool read_address(struct reader *r, yaml_node_t *value)
{
    const char *text;
    if (!read_text(r, value, "address", &text))
        return false;
    if (text[0] == '~' && text[1] == '/')
        text = arena_printf(&r->config->arena, "%s%s", home_dir(), text + 1).ptr;
    r->context->address = text;
    return true;
}

static bool read_env(struct reader *r, yaml_node_t *value)
{
    struct near near = {.word = yaml_file_text(value)};
    for (enum environment env = ENV_UNKNOWN + 1; env <= ENV_PROD; env++) {
        if (str_is(near.word, environment_name(env))) {
            r->context->env = env;
            return true;
        }
        near_offer(&near, environment_name(env));
    }
    if (near.best)
        return unknown_word(r, value, "env", near);
    return yaml_file_wrong(r->file, value, r->err, "env is one of prod, dev, demo, local");
}

static bool read_read_only(struct reader *r, yaml_node_t *value)
{
    struct str text = yaml_file_text(value);
    if (!str_is(text, "true") && !str_is(text, "false"))
        return yaml_file_wrong(r->file, value, r->err, "read_only is true or false");
    r->context->read_only = str_is(text, "true");
    r->context->says_read_only = true;
    return true;
}

static bool read_companions(struct reader *r, yaml_node_t *value)
{
    if (value->type != YAML_MAPPING_NODE)
        return yaml_file_wrong(r->file, value, r->err, "companions must be a mapping");
    struct address_param *list =
        arena_array(&r->config->arena, struct address_param, ADDRESS_COMPANIONS);
    size_t n = 0;
    for (yaml_node_pair_t *p = value->data.mapping.pairs.start; p < value->data.mapping.pairs.top;
         p++) {
        yaml_node_t *name = yaml_file_node(r->file, p->key);
        struct near near = {.word = yaml_file_text(name)};
        size_t i = 0;
        while (i < ADDRESS_COMPANIONS && !str_is(near.word, address_companions[i]))
            near_offer(&near, address_companions[i++]);
        if (i == ADDRESS_COMPANIONS)
            return unknown_word(r, name, "companion", near);
        for (size_t k = 0; k < n; k++) {
            if (strcmp(list[k].name, address_companions[i]) == 0)
                return yaml_file_wrong(r->file, name, r->err, "companion '%s' stands here twice",
                                       address_companions[i]);
        }
        list[n].name = address_companions[i];
        if (!read_text(r, yaml_file_node(r->file, p->value), address_companions[i], &list[n].value))
            return false;
        n++;
    }
    r->context->companions = list;
    r->context->ncompanions = n;
    return true;
}

static bool read_restart_hint(struct reader *r, yaml_node_t *value)
{
    return read_text(r, value, "restart_hint", &r->context->restart_hint);
}

static bool read_refresh(struct reader *r, yaml_node_t *value)
{
    int64_t us;
    if (!time_span_parse(yaml_file_text(value), &us) || us == 0)
        return yaml_file_wrong(r->file, value, r->err, "refresh is a time like 5s or 2m");
    r->context->refresh_ms = us / 1000;
    return true;
}

static bool read_context(struct reader *r, yaml_node_t *node)
{
    static const struct key keys[] = {
        {"name", read_name},
        {"address", read_address},
        {"env", read_env},
        {"read_only", read_read_only},
        {"companions", read_companions},
        {"restart_hint", read_restart_hint},
        {"refresh", read_refresh},
    };
    if (!read_mapping(r, node, keys, sizeof keys / sizeof keys[0], "a context"))
        return false;
    if (!r->context->name)
        return yaml_file_wrong(r->file, node, r->err, "the context has no name");
    if (!r->context->address)
        return yaml_file_wrong(r->file, node, r->err, "context '%s' has no address",
                               r->context->name);
    if (!r->context->says_read_only)
        r->context->read_only = r->context->env == ENV_PROD;
    return true;
}

static bool read_contexts(struct reader *r, yaml_node_t *value)
{
    if (value->type != YAML_SEQUENCE_NODE)
        return yaml_file_wrong(r->file, value, r->err,
                               "contexts is a list: '- name: …' and 'address: …' under it");
    size_t n = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
    struct config_context *contexts = arena_array(&r->config->arena, struct config_context, n);
    r->config->contexts = contexts;
    for (size_t i = 0; i < n; i++) {
        r->context = &contexts[i];
        if (!read_context(r, yaml_file_node(r->file, value->data.sequence.items.start[i])))
            return false;
        r->config->ncontexts = i + 1;
    }
    return true;
}

static bool read_default(struct reader *r, yaml_node_t *value)
{
    return read_text(r, value, "default", &r->config->default_context);
}

static bool read_quiet(struct reader *r, yaml_node_t *value)
{
    uint64_t ms;
    if (!str_u64(yaml_file_text(value), &ms) || ms > 10000)
        return yaml_file_wrong(r->file, value, r->err,
                               "confirm_quiet_ms is a number of milliseconds, 10000 at most");
    r->config->confirm_quiet_ms = (int64_t)ms;
    return true;
}

static bool read_write_idle(struct reader *r, yaml_node_t *value)
{
    int64_t us;
    if (!time_span_parse(yaml_file_text(value), &us) || us < 1000000)
        return yaml_file_wrong(r->file, value, r->err, "write_idle is a time like 15m");
    r->config->write_idle_ms = us / 1000;
    return true;
}

static bool read_config(struct reader *r)
{
    static const struct key keys[] = {
        {"contexts", read_contexts},
        {"default", read_default},
        {"confirm_quiet_ms", read_quiet},
        {"write_idle", read_write_idle},
    };
    yaml_node_t *root = r->file->root;
    if (!root || (root->type == YAML_SCALAR_NODE && !yaml_file_text(root).ptr))
        return true;
    if (!read_mapping(r, root, keys, sizeof keys / sizeof keys[0], "the configuration"))
        return false;
    const char *name = r->config->default_context;
    if (!name || config_context(r->config, name))
        return true;
    struct near near = {.word = str_of(name)};
    for (size_t i = 0; i < r->config->ncontexts; i++)
        near_offer(&near, r->config->contexts[i].name);
    return unknown_word(r, yaml_file_get(r->file, root, "default"), "context", near);
}

bool config_load(const char *path, struct config **ret, struct err *err)
{
    struct config *config = xcalloc(1, sizeof *config);
    config->confirm_quiet_ms = 500;
    config->write_idle_ms = 15 * 60 * 1000;
    config->path = path ? arena_cstr(&config->arena, str_of(path))
                        : xdg_path(&config->arena, "XDG_CONFIG_HOME", ".config", "config.yaml").ptr;
    CLEANUP(yaml_file_release) struct yaml_file file = {0};
    struct err why = {0};
    struct reader reader = {.config = config, .file = &file, .err = &why};
    bool ok = yaml_file_open(config->path, &file, &why) && read_config(&reader);
    if (!ok && !(why.kind == ERR_NOT_FOUND && !path)) {
        config_free(config);
        if (why.kind == ERR_NOT_FOUND)
            why.kind = ERR_INVALID; /* it was named on the command line */
        if (err)
            *err = why;
        return false;
    }
    *ret = config;
    return true;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    arena_release(&config->arena);
    free(config);
}

const struct config_context *config_context(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->ncontexts; i++) {
        if (strcmp(config->contexts[i].name, name) == 0)
            return &config->contexts[i];
    }
    return NULL;
}

/* --- targets -------------------------------------------------------------------------------- */

/* The context's companions, where the address itself does not name them. */
static void add_companions(const struct config_context *context, struct arena *arena,
                           struct address *address)
{
    size_t n = address->nparams;
    struct address_param *params =
        arena_array(arena, struct address_param, n + context->ncompanions);
    if (n)
        memcpy(params, address->params, n * sizeof *params);
    for (size_t i = 0; i < context->ncompanions; i++) {
        if (!address_param(address, context->companions[i].name))
            params[n++] = context->companions[i];
    }
    address->params = params;
    address->nparams = n;
}

/* An address or a path, or a project whose backend is meant. */
static bool parse_place(const char *word, struct arena *arena, struct address *ret, struct err *err)
{
    if (!address_parse(arena, word, ret, err))
        return false;
    if (ret->system || strcmp(ret->backend, "file") != 0)
        return true;
    if (!meltano_project_is(arena, ret->url))
        return true;
    const char *root = ret->url;
    if (!meltano_project_address(root, arena, ret, err))
        return err_context(err, "%s/meltano.yml", root);
    return true;
}

/* A place that a prod context names is prod under every name. */
static void apply_prod_rules(const struct config *config, struct arena *arena,
                             struct target *target)
{
    struct str place = address_place(arena, &target->address);
    for (size_t i = 0; i < config->ncontexts; i++) {
        const struct config_context *c = &config->contexts[i];
        struct address address;
        if (c->env != ENV_PROD || !parse_place(c->address, arena, &address, NULL))
            continue;
        if (!str_eq(address_place(arena, &address), place))
            continue;
        if (target->env != ENV_PROD)
            target->warning =
                arena_printf(arena, "%s is the place of context %s: its prod rules apply",
                             target->name, c->name)
                    .ptr;
        target->env = ENV_PROD;
        target->read_only = target->read_only || c->read_only;
        return;
    }
}

static bool context_target(const struct config *config, const struct config_context *context,
                           struct arena *arena, struct target *ret, struct err *err)
{
    if (!parse_place(context->address, arena, &ret->address, err))
        return err_context(err, "context %s", context->name);
    add_companions(context, arena, &ret->address);
    ret->name = context->name;
    ret->is_context = true;
    ret->env = context->env;
    if (ret->env == ENV_UNKNOWN && address_is_local(&ret->address))
        ret->env = ENV_LOCAL;
    ret->read_only = context->read_only;
    ret->restart_hint = context->restart_hint;
    return true;
}

static bool unknown_context(const struct config *config, const char *word, struct err *err)
{
    struct near near = {.word = str_of(word)};
    for (size_t i = 0; i < config->ncontexts; i++)
        near_offer(&near, config->contexts[i].name);
    if (near.best)
        return err_set(err, ERR_INVALID, "unknown context '%s'; did you mean '%s'?", word,
                       near.best);
    err_set(err, ERR_INVALID, "'%s' is no context, no address and no existing path", word);
    return err_hint(err, config->ncontexts ? "penstock config contexts lists the contexts"
                                           : "an address looks like postgresql://host/db");
}

bool config_target(const struct config *config, const char *word, const char *from,
                   struct arena *arena, struct target *ret, struct err *err)
{
    struct target target = {.from = from};
    const struct config_context *context = config_context(config, word);
    if (context) {
        if (!context_target(config, context, arena, &target, err))
            return false;
    } else {
        bool is_word = !strpbrk(word, "/:") && access(word, F_OK) != 0;
        if (is_word)
            return unknown_context(config, word, err);
        if (!parse_place(word, arena, &target.address, err))
            return false;
        target.name = target.address.plain;
        target.env = address_is_local(&target.address) ? ENV_LOCAL : ENV_UNKNOWN;
    }
    apply_prod_rules(config, arena, &target);
    *ret = target;
    return true;
}
