/* Meltano's file state backend: <dir>/<state id>/state.json beside <dir>/<state id>/lock, ids as
 * they are (meltano.md 4). */
#include "backends/file/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Windows stores have base64 names; there is no telling them apart name by name (meltano.md 4.2),
 * so they are listed as they are. */
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

const struct file_layout file_meltano = {
    .layout = {.system = "meltano",
               .backend = "file",
               .name = "state.json",
               .native = true,
               .params = params,
               FILE_LAYOUT_FUNCTIONS},
    .own_dir = true,
    .lock = &meltano_lock,
    .lock_timeout_us = 10 * 1000000,
    .timeout_param = "lock_timeout",
    .names = meltano_names,
    .id = meltano_id,
};
