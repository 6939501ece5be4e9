/* What lies at an address: the layouts are asked in their order. */
#include "core/config.h"

#include "core/base/near.h"
#include "core/store_driver.h"

#include <string.h>

/* Layouts of other backends and systems are never asked. */
static bool is_candidate(const struct layout *layout, const struct address *address)
{
    if (strcmp(layout->backend, address->backend) != 0)
        return false;
    if (address->system && strcmp(layout->system, address->system->name) != 0)
        return false;
    return !address->layout || strcmp(layout->name, address->layout) == 0;
}

static bool knows_param(const struct layout *layout, const char *name)
{
    if (address_is_companion(name))
        return true;
    for (const char *const *p = layout->params; p && *p; p++) {
        if (strcmp(*p, name) == 0)
            return true;
    }
    return false;
}

static const struct address_param *unknown_param(const struct layout *layout,
                                                 const struct address *address)
{
    for (size_t i = 0; i < address->nparams; i++) {
        if (!knows_param(layout, address->params[i].name))
            return &address->params[i];
    }
    return NULL;
}

/* The first of a system and backend is the usual one: its name is not part of the identity. */
static bool is_usual(const struct layout *const *layouts, const struct layout *layout)
{
    for (const struct layout *const *l = layouts; *l != layout; l++) {
        if (strcmp((*l)->backend, layout->backend) == 0 &&
            strcmp((*l)->system, layout->system) == 0)
            return false;
    }
    return true;
}

static bool no_candidate(const struct layout *const *layouts, const struct address *address,
                         struct err *err)
{
    const char *system = address->system ? address->system->name : "any system";
    if (!address->layout)
        return err_set(err, ERR_UNSUPPORTED, "this penstock has no layout of %s for %s", system,
                       address->backend);
    struct near near = {.word = str_of(address->layout)};
    for (const struct layout *const *l = layouts; *l; l++) {
        bool here = strcmp((*l)->backend, address->backend) == 0;
        if (here && (!address->system || strcmp((*l)->system, address->system->name) == 0))
            near_offer(&near, (*l)->name);
    }
    err_set(err, ERR_INVALID, "unknown layout '%s' of %s on %s", address->layout, system,
            address->backend);
    return near.best ? err_hint(err, "did you mean layout=%s?", near.best) : false;
}

static bool wrong_param(const struct layout *const *layouts, const struct address *address,
                        const struct address_param *param, struct err *err)
{
    struct near near = {.word = str_of(param->name)};
    near_offer(&near, "layout");
    for (const struct layout *const *l = layouts; *l; l++) {
        for (const char *const *p = (*l)->params; is_candidate(*l, address) && p && *p; p++)
            near_offer(&near, *p);
    }
    err_set(err, ERR_INVALID, "the address has an unknown parameter '%s'", param->name);
    return near.best ? err_hint(err, "did you mean %s=?", near.best) : false;
}

bool config_probe(const struct layout *const *layouts, const struct target *target,
                  const struct call *call, struct arena *arena, struct found **ret, size_t *ret_n,
                  struct err *err)
{
    const struct address *address = &target->address;
    const struct address_param *wrong = NULL;
    struct err why = {0};
    size_t most = 0, tried = 0, n = 0;
    for (const struct layout *const *l = layouts; *l; l++)
        most += is_candidate(*l, address);
    if (!most)
        return no_candidate(layouts, address, err);
    struct found *found = arena_array(arena, struct found, most);
    for (const struct layout *const *l = layouts; *l; l++) {
        if (!is_candidate(*l, address))
            continue;
        const struct address_param *param = unknown_param(*l, address);
        if (param) {
            wrong = param;
            continue;
        }
        struct err reason = {0};
        tried++;
        if (!call_check(call, target->name, err))
            return false;
        /* Named by system and backend, and nothing to choose between: it is opened, even empty, and
         * opening says what is wrong with it. */
        bool named = address->system && most == 1;
        if (named || (*l)->detect(*l, address, call, &reason)) {
            const char *layout = is_usual(layouts, *l) ? NULL : (*l)->name;
            found[n].layout = *l;
            found[n].address =
                address_settle(arena, address, system_by_name(str_of((*l)->system)), layout);
            n++;
            if (address->system)
                break; /* one address, one store: the first that fits */
        } else if (reason.kind != ERR_NONE && why.kind == ERR_NONE) {
            why = reason;
        }
    }
    if (n) {
        *ret = found;
        *ret_n = n;
        return true;
    }
    if (!tried && wrong)
        return wrong_param(layouts, address, wrong, err);
    if (why.kind != ERR_NONE) {
        if (err)
            *err = why;
        return false;
    }
    return err_set(err, ERR_NOT_FOUND, "%s: nothing is there that penstock knows%s%s", target->name,
                   address->system ? " as " : "", address->system ? address->system->name : "");
}
