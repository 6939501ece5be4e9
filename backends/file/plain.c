/* The plain layout: <dir>/<system>/<escaped id>.json beside <escaped id>.lock, for systems whose
 * users write files of their own (docs/stores.md says the format). */
#include "backends/file/store.h"

#include "core/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* The fence is the moment of taking in microseconds: it grows from holder to holder, so a writer
 * that lost its lock is told apart from the one that has it now. */
static struct str plain_lock_print(const struct file_lock_ask *ask, struct arena *arena)
{
    struct sbuf holder = SBUF_INIT;
    json_quote(&holder, arena_printf(arena, "%.*s/%ld", STR_ARG(ask->holder), (long)getpid()));
    struct str text =
        arena_printf(arena, "{\"holder\": %.*s, \"fence\": %lld, \"expires_at\": \"%.*s\"}",
                     STR_ARG(sbuf_view(&holder)), (long long)ask->now_us,
                     STR_ARG(time_rfc3339(arena, ask->now_us + ask->lasts_us)));
    sbuf_release(&holder);
    return text;
}

static bool plain_lock_parse(struct str text, int64_t timeout_us, struct arena *arena,
                             struct file_lock_seen *ret)
{
    const struct value *lock;
    int64_t fence, expires;
    if (!json_read(arena, text, &lock, NULL) || !value_to_i64(value_get(lock, "fence"), &fence) ||
        !time_parse(value_str_or(value_get(lock, "expires_at"), STR("")), &expires))
        return false;
    ret->holder = value_str_or(value_get(lock, "holder"), STR_NULL);
    ret->taken_at_us = fence;
    ret->expires_at_us = expires;
    return true;
}

static const struct file_lock_format plain_lock = {plain_lock_print, plain_lock_parse};

/* --- the layouts ------------------------------------------------------------------------------ */

/* Times as the systems' own JSON has them: triggers sessions are naive with milliseconds,
 * truncated, none when they are zero (triggers.md 5.8); the rest is RFC 3339 with microseconds. */
static const struct value *plain_now(const char *system, int64_t now_us, struct arena *arena)
{
    struct str text = time_rfc3339(arena, now_us);
    struct str seconds = str_sub(text, 0, strlen("2026-11-21T01:30:00"));
    long long us = now_us % 1000000;
    if (strcmp(system, "triggers") != 0)
        return value_str(arena, arena_printf(arena, "%.*s.%06lldZ", STR_ARG(seconds), us));
    if (us == 0)
        return value_str(arena, seconds);
    return value_str(arena, arena_printf(arena, "%.*s.%03lld", STR_ARG(seconds), us / 1000));
}

#define PLAIN_LAYOUT(system_name)                                                                  \
    {                                                                                              \
        .layout = {.system = (system_name),                                                        \
                   .backend = "file",                                                              \
                   .name = "plain",                                                                \
                   .native = false,                                                                \
                   .activity = file_activity,                                                      \
                   FILE_LAYOUT_FUNCTIONS},                                                         \
        .subdir = true, .wrapped = true, .lock = &plain_lock, .lock_timeout_us = 30 * 1000000,     \
        .names = plain_names, .id = plain_id, .now = plain_now                                     \
    }

const struct file_layout file_plain_etl = PLAIN_LAYOUT("etl");
const struct file_layout file_plain_triggers = PLAIN_LAYOUT("triggers");
