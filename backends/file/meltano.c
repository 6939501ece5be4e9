/* Meltano's file state backend: <dir>/<state id>/state.json beside <dir>/<state id>/lock
 * (meltano.md 4). On POSIX the id is the directory's name as it is; Windows wrote its base64. */
#include "backends/file/store.h"
#include "core/base/base64.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- names: as they are ------------------------------------------------------------------------
 */

static bool meltano_names(struct str id, struct file_names *ret, struct err *err)
{
    static const char *const refused[] = {"", ".", ".."};
    bool bad = id.len > 0 && (memchr(id.ptr, '/', id.len) || memchr(id.ptr, '\0', id.len));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        bad = bad || str_is(id, refused[i]);
    if (bad) {
        err_set(err, ERR_REFUSED, "state id '%.*s': would leave its directory in a file store",
                (int)(id.len < 100 ? id.len : 100), id.ptr ? id.ptr : "");
        return err_hint(err, "ids here are neither empty, '.', '..' nor hold '/' or NUL");
    }
    if (id.len > NAME_MAX)
        return err_set(err, ERR_REFUSED, "state id of %zu bytes: a file name takes %d", id.len,
                       NAME_MAX);
    *ret = (struct file_names){.file = "state.json", .lock = "lock"};
    memcpy(ret->dir, id.ptr, id.len);
    return true;
}

/* As Meltano's own glob: names with a leading dot are passed over. */
static struct str meltano_id(const char *entry, struct arena *arena)
{
    return entry[0] == '.' ? STR_NULL : arena_str(arena, str_of(entry));
}

/* --- names: base64 (meltano.md 4.2) ------------------------------------------------------------
 */

/* The id whose base64 the name is, in the one spelling that Meltano gives it; else STR_NULL. */
static struct str windows_id(const char *entry, struct arena *arena)
{
    struct str id, name = str_of(entry);
    if (!base64_decode(arena, name, &id) || !id.len || !str_is_utf8(id) ||
        memchr(id.ptr, '\0', id.len) || !str_eq(base64_encode(arena, id), name))
        return STR_NULL;
    return id;
}

static bool windows_names(struct str id, struct file_names *ret, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str name = base64_encode(&arena, id);
    bool ok = id.len && str_is_utf8(id) && !memchr(id.ptr, '\0', id.len) &&
              !memchr(name.ptr, '/', name.len) && name.len <= NAME_MAX;
    if (ok) {
        *ret = (struct file_names){.file = "state.json", .lock = "lock"};
        memcpy(ret->dir, name.ptr, name.len);
    } else {
        err_set(err, ERR_REFUSED, "state id '%.*s': its base64 is no name of a directory",
                (int)(id.len < 100 ? id.len : 100), id.ptr ? id.ptr : "");
    }
    arena_release(&arena);
    return ok;
}

/* One id of letters and digits alone could be either, so the store as a whole decides: every name
 * is base64, and one of the ids shows that it was worth it. */
static bool windows_wrote(const char *path, const struct call *call)
{
    enum { LOOK_AT = 1000 };
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct arena arena = ARENA_INIT;
    DIR *entries = opendir(path);
    const struct dirent *entry;
    bool all = entries, telling = false;
    for (int i = 0;
         all && i < LOOK_AT && call_check(call, path, NULL) && (entry = readdir(entries)); i++) {
        struct str id = windows_id(entry->d_name, &arena);
        const char *file = arena_printf(&arena, "%s/state.json", entry->d_name).ptr;
        if (entry->d_name[0] == '.' || faccessat(dirfd(entries), file, F_OK, 0) < 0)
            continue;
        all = id.ptr;
        telling = telling || (all && strspn(arena_cstr(&arena, id), plain) < id.len);
    }
    if (entries)
        closedir(entries);
    arena_release(&arena);
    return all && telling;
}

static bool posix_wrote(const char *path, const struct call *call)
{
    return !windows_wrote(path, call);
}

/* --- the lock: one decimal float, seconds since the epoch (meltano.md 4.4) ----------------------
 */

/* As Python prints a double of this size: one to six digits, no trailing zeros. A lock that lasts
 * longer than the timeout carries a time ahead: that is how long others will wait. */
static struct str meltano_lock_print(const struct file_lock_ask *ask, struct arena *arena)
{
    int64_t us = ask->now_us + ask->lasts_us - ask->timeout_us;
    struct str text =
        arena_printf(arena, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
    while (str_ends(text, "0") && !str_ends(text, ".0"))
        text.len--;
    return text;
}

/* Python's float(): blanks around it, exponents, '_' between digits; no nan, no infinity here. */
static bool python_float(struct str text, double *ret)
{
    char digits[64];
    size_t n = 0;
    text = str_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool between = c == '_' && i > 0 && i + 1 < text.len &&
                       strchr("0123456789", text.ptr[i - 1]) &&
                       strchr("0123456789", text.ptr[i + 1]);
        if (between)
            continue;
        if (!c || !strchr("0123456789.eE+-", c) || n + 1 >= sizeof digits)
            return false;
        digits[n++] = c;
    }
    digits[n] = '\0';
    char *end;
    *ret = strtod(digits, &end);
    return n > 0 && *end == '\0' && isfinite(*ret);
}

static bool meltano_lock_parse(struct str text, int64_t timeout_us, struct arena *arena,
                               struct file_lock_seen *ret)
{
    static const double far = 2e11; /* beyond what our moments hold; nobody's clock */
    double seconds;
    if (!python_float(text, &seconds) || fabs(seconds) > far)
        return false;
    ret->taken_at_us = (int64_t)llround(seconds * 1e6);
    ret->expires_at_us = ret->taken_at_us + timeout_us;
    return true;
}

static const struct file_lock_format meltano_lock = {meltano_lock_print, meltano_lock_parse};

static const char *const params[] = {"lock_timeout", "runs", NULL};

#define MELTANO_LAYOUT(layout_name, names_of, id_of, owns_it)                                      \
    {                                                                                              \
        .layout = {.system = "meltano",                                                            \
                   .backend = "file",                                                              \
                   .name = (layout_name),                                                          \
                   .native = true,                                                                 \
                   .params = params,                                                               \
                   FILE_LAYOUT_FUNCTIONS,                                                          \
                   FILE_LOCK_FUNCTIONS},                                                           \
        .own_dir = true, .lock = &meltano_lock, .lock_timeout_us = 10 * 1000000,                   \
        .timeout_param = "lock_timeout", .names = (names_of), .id = (id_of), .owns = (owns_it)     \
    }

const struct file_layout file_meltano =
    MELTANO_LAYOUT("state.json", meltano_names, meltano_id, posix_wrote);
const struct file_layout file_meltano_windows =
    MELTANO_LAYOUT("base64", windows_names, windows_id, windows_wrote);
