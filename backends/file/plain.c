/* The plain layout: <dir>/<system>/<escaped id>.json beside <escaped id>.lock, for systems whose
 * users write files of their own (docs/stores.md says the format). */
#include "backends/file/store.h"

#include "backends/plain.h"

#include <stdio.h>
#include <string.h>

/* --- names ------------------------------------------------------------------------------------ */

/* Letters, digits and these stand for themselves, but for a dot in front; every other byte is %XX.
 */
static bool stands_for_itself(struct str id, size_t i)
{
    char c = id.ptr[i];
    if (c == '.')
        return i > 0;
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("_-:@+=,", c));
}

static bool plain_names(struct str id, struct file_names *ret, struct err *err)
{
    char stem[NAME_MAX + 1];
    size_t n = 0, room = NAME_MAX - strlen(".json");
    if (id.len == 0)
        return err_set(err, ERR_REFUSED, "an empty id has no file name");
    for (size_t i = 0; i < id.len; i++) {
        bool itself = stands_for_itself(id, i);
        if (n + (itself ? 1 : 3) > room)
            return err_set(err, ERR_REFUSED, "id of %zu bytes: too long for a file name", id.len);
        if (itself)
            stem[n++] = id.ptr[i];
        else
            n += (size_t)snprintf(stem + n, 4, "%%%02X", (unsigned char)id.ptr[i]);
    }
    stem[n] = '\0';
    *ret = (struct file_names){0};
    snprintf(ret->file, sizeof ret->file, "%s.json", stem);
    snprintf(ret->lock, sizeof ret->lock, "%s.lock", stem);
    return true;
}

static struct str plain_id(const char *entry, struct arena *arena)
{
    struct str name = str_of(entry);
    if (!str_ends(name, ".json"))
        return STR_NULL;
    char *id = arena_alloc(arena, name.len);
    size_t n = 0;
    for (size_t i = 0; i < name.len - strlen(".json"); i++) {
        id[n] = name.ptr[i];
        if (name.ptr[i] == '%' && hex_decode(str_sub(name, i + 1, i + 3), &id[n], 1))
            i += 2;
        n++;
    }
    /* only the one name that we would give: two files must never be one record */
    struct file_names names;
    if (!plain_names((struct str){id, n}, &names, NULL) || strcmp(names.file, entry) != 0)
        return STR_NULL;
    return (struct str){id, n};
}

/* --- the lock --------------------------------------------------------------------------------- */

static struct str lock_print(const struct file_lock_ask *ask, struct arena *arena)
{
    return plain_lock_print(arena, ask->holder, ask->now_us, ask->now_us + ask->lasts_us);
}

static bool lock_parse(struct str text, int64_t timeout_us, struct arena *arena,
                       struct file_lock_seen *ret)
{
    struct plain_lock lock;
    if (!plain_lock_parse(arena, text, &lock))
        return false;
    ret->holder = lock.holder;
    ret->taken_at_us = lock.fence_us;
    ret->expires_at_us = lock.expires_at_us;
    return true;
}

static const struct file_lock_format plain_lock = {lock_print, lock_parse};

/* --- the layouts ------------------------------------------------------------------------------ */

#define PLAIN_LAYOUT(system_name)                                                                  \
    {                                                                                              \
        .layout = {.system = (system_name),                                                        \
                   .backend = "file",                                                              \
                   .name = "plain",                                                                \
                   .native = false,                                                                \
                   .activity = plain_activity,                                                     \
                   FILE_LAYOUT_FUNCTIONS,                                                          \
                   FILE_LOCK_FUNCTIONS},                                                           \
        .subdir = true, .format = {.wrapped = true, .now = plain_now}, .lock = &plain_lock,        \
        .lock_timeout_us = INT64_C(1000000) * PLAIN_LOCK_S, .names = plain_names, .id = plain_id   \
    }

const struct file_layout file_plain_etl = PLAIN_LAYOUT("etl");
const struct file_layout file_plain_triggers = PLAIN_LAYOUT("triggers");
