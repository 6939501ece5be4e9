#include "backends/django_key.h"

#include <string.h>

static const char default_template[] = "{prefix}:{version}:triggers.storages.cache:{uid}";

/* Replaces the first {name} in a template. */
static struct str fill(struct arena *arena, struct str template, const char *name, struct str value)
{
    struct str mark = arena_printf(arena, "{%s}", name);
    const char *at = memmem(template.ptr, template.len, mark.ptr, mark.len);
    if (!at)
        return template;
    size_t from = (size_t)(at - template.ptr);
    struct str before = str_sub(template, 0, from);
    struct str behind = str_sub(template, from + mark.len, template.len);
    return arena_join(arena, before, value, behind);
}

static struct str param_or(const struct address *address, const char *name, const char *otherwise)
{
    const char *value = address_param(address, name);
    return str_of(value ? value : otherwise);
}

static struct str half(struct arena *arena, const struct address *address, struct str text)
{
    text = fill(arena, text, "prefix", param_or(address, "prefix", ""));
    text = fill(arena, text, "version", param_or(address, "version", "1"));
    return arena_str(arena, text);
}

bool django_key_init(struct arena *arena, const struct address *address, struct django_key *ret,
                     struct err *err)
{
    static const struct str uid = STR("{uid}");
    struct str text = param_or(address, "template", default_template);
    const char *at = memmem(text.ptr, text.len, uid.ptr, uid.len);
    size_t from = at ? (size_t)(at - text.ptr) : 0;
    if (!at || memmem(at + 1, text.len - from - 1, uid.ptr, uid.len))
        return err_set(err, ERR_INVALID, "template= names {uid} exactly once");
    ret->head = half(arena, address, str_sub(text, 0, from));
    ret->tail = half(arena, address, str_sub(text, from + uid.len, text.len));
    return true;
}

struct str django_key_of(struct arena *arena, const struct django_key *key, struct str uid)
{
    return arena_join(arena, key->head, uid, key->tail);
}

bool django_key_uid(const struct django_key *key, struct str stored, struct str *ret)
{
    if (stored.len <= key->head.len + key->tail.len)
        return false;
    *ret = str_sub(stored, key->head.len, stored.len - key->tail.len);
    return str_eq(str_sub(stored, 0, key->head.len), key->head) &&
           str_eq(str_sub(stored, stored.len - key->tail.len, stored.len), key->tail);
}
