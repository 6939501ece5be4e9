/* Moments inside pickles (formats/triggers.md 5.2 and 5.6). */
#include "core/value.h"

#include "core/base/clock.h"
#include "core/value_impl.h"

#include <assert.h>
#include <string.h>

enum { STATE_LEN = 10, US_PER_S = 1000000, S_PER_DAY = 86400 };

/* Module names as Python 3 has them; protocols below 3 use those of Python 2. */
static bool module_is(struct str module, const char *name)
{
    if (str_is(module, "__builtin__"))
        return strcmp(name, "builtins") == 0;
    if (str_is(module, "copy_reg"))
        return strcmp(name, "copyreg") == 0;
    return str_is(module, name);
}

static bool is_global(const struct value *v, const char *module, const char *name)
{
    return v && v->type == VALUE_GLOBAL && module_is(v->global.module, module) &&
           str_is(v->global.name, name);
}

bool value_is_call_of(const struct value *v, const char *module, const char *name)
{
    return v && v->type == VALUE_CALL && v->call.nsteps == 0 && !v->call.kwargs &&
           v->call.args->type == VALUE_TUPLE && is_global(v->call.callable, module, name);
}

/* Text whose characters are all below U+0100, as the bytes they number. */
static bool latin1_exact(struct str text, uint8_t *out, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++, n++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c >= 0x80) {
            if ((c != 0xc2 && c != 0xc3) || i + 1 == text.len)
                return false;
            c = (uint8_t)(c << 6 | ((uint8_t)text.ptr[++i] & 0x3f));
        }
        if (n == len)
            return false;
        out[n] = c;
    }
    return n == len;
}

bool value_bytes_exact(const struct value *v, uint8_t *out, size_t len)
{
    if (!v)
        return false;
    if (v->type == VALUE_BYTES || v->type == VALUE_PY2STR) {
        if (v->text.len != len)
            return false;
        if (len)
            memcpy(out, v->text.ptr, len);
        return true;
    }
    if (value_is_call_of(v, "_codecs", "encode")) {
        const struct value *text = value_at(v->call.args, 0), *codec = value_at(v->call.args, 1);
        return value_count(v->call.args) == 2 && value_is_str(text) && value_is_str(codec) &&
               str_is(codec->text, "latin1") && latin1_exact(text->text, out, len);
    }
    return len == 0 && value_is_call_of(v, "builtins", "bytes") && !value_count(v->call.args);
}

static bool timedelta_s(const struct value *v, int64_t *ret_s)
{
    int64_t days, seconds;
    if (!value_is_call_of(v, "datetime", "timedelta") ||
        !value_to_i64(value_at(v->call.args, 0), &days) ||
        !value_to_i64(value_at(v->call.args, 1), &seconds) || days < -1 || days > 1 ||
        seconds < -S_PER_DAY || seconds > S_PER_DAY)
        return false;
    *ret_s = days * S_PER_DAY + seconds;
    return true;
}

bool value_fixed_offset(const struct value *tz, int64_t *ret_s)
{
    static const struct {
        const char *module, *name;
    } utc[] = {
        {"pytz", "_UTC"},
        {"django.utils.timezone", "UTC"},
        {"dateutil.tz.tz", "tzutc"},
    };
    for (size_t i = 0; i < sizeof utc / sizeof utc[0]; i++) {
        if (value_is_call_of(tz, utc[i].module, utc[i].name) && !value_count(tz->call.args)) {
            *ret_s = 0;
            return true;
        }
    }
    if (value_is_call_of(tz, "datetime", "timezone"))
        return timedelta_s(value_at(tz->call.args, 0), ret_s);
    int64_t n;
    if (value_is_call_of(tz, "pytz", "FixedOffset") &&
        value_to_i64(value_at(tz->call.args, 0), &n) && n > -1440 && n < 1440) {
        *ret_s = n * 60;
        return true;
    }
    /* pytz._p(zone, utcoffset, dst, name): one of the zone's fixed offsets. */
    if (value_is_call_of(tz, "pytz", "_p") && value_count(tz->call.args) == 4 &&
        value_to_i64(value_at(tz->call.args, 1), &n) && n > -S_PER_DAY && n < S_PER_DAY) {
        *ret_s = n;
        return true;
    }
    return false;
}

bool value_to_time(const struct value *v, int64_t *ret_us)
{
    uint8_t s[STATE_LEN];
    int64_t offset_s = 0;
    if (!value_is_call_of(v, "datetime", "datetime") || v->call.kind != CALL_REDUCE)
        return false;
    size_t nargs = value_count(v->call.args);
    if (nargs < 1 || nargs > 2 || !value_bytes_exact(value_at(v->call.args, 0), s, sizeof s))
        return false;
    const struct value *tz = value_at(v->call.args, 1);
    if (tz && !value_is_null(tz) && !value_fixed_offset(tz, &offset_s))
        return false;
    int year = s[0] << 8 | s[1], month = s[2] & 0x7f, us = s[7] << 16 | s[8] << 8 | s[9];
    if (year < 1 || year > 9999 || month < 1 || month > 12 || s[3] < 1 || s[3] > 31 || s[4] > 23 ||
        s[5] > 59 || s[6] > 59 || us >= US_PER_S)
        return false;
    int64_t seconds = time_days_from_civil(year, month, s[3]) * S_PER_DAY + s[4] * 3600 +
                      s[5] * 60 + s[6] - offset_s;
    *ret_us = seconds * US_PER_S + us;
    return true;
}

static const struct value *global(struct arena *a, const char *module, const char *name)
{
    struct value *v = arena_new(a, struct value);
    v->type = VALUE_GLOBAL;
    v->global.module = str_of(module);
    v->global.name = str_of(name);
    return v;
}

static const struct value *reduce(struct arena *a, const struct value *callable,
                                  const struct value *const *args, size_t nargs)
{
    struct value *v = arena_new(a, struct value);
    v->type = VALUE_CALL;
    v->call.kind = CALL_REDUCE;
    v->call.callable = callable;
    v->call.args = value_list(a, VALUE_TUPLE, args, nargs);
    return v;
}

/* Protocol 2 has no bytes: both Pythons make them out of text. */
static const struct value *encoded_bytes(struct arena *a, const uint8_t *bytes, size_t len)
{
    struct sbuf text = SBUF_INIT;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] >= 0x80)
            sbuf_char(&text, (char)(0xc0 | bytes[i] >> 6));
        sbuf_char(&text, (char)(bytes[i] < 0x80 ? bytes[i] : 0x80 | (bytes[i] & 0x3f)));
    }
    const struct value *args[] = {value_str(a, sbuf_view(&text)), value_cstr(a, "latin1")};
    sbuf_release(&text);
    return reduce(a, global(a, "_codecs", "encode"), args, 2);
}

const struct value *value_datetime(struct arena *a, int64_t us, int protocol)
{
    int64_t seconds = us / US_PER_S, micro = us % US_PER_S;
    if (micro < 0)
        micro += US_PER_S, seconds--;
    int64_t days = seconds / S_PER_DAY, second = seconds % S_PER_DAY, year;
    if (second < 0)
        second += S_PER_DAY, days--;
    int month, day;
    time_civil_from_days(days, &year, &month, &day);
    assert(year >= 1 && year <= 9999);
    uint8_t s[STATE_LEN] = {(uint8_t)(year >> 8),     (uint8_t)year,
                            (uint8_t)month,           (uint8_t)day,
                            (uint8_t)(second / 3600), (uint8_t)(second / 60 % 60),
                            (uint8_t)(second % 60),   (uint8_t)(micro >> 16),
                            (uint8_t)(micro >> 8),    (uint8_t)micro};
    struct str bytes = {(const char *)s, sizeof s};
    const struct value *state =
        protocol < 3 ? encoded_bytes(a, s, sizeof s) : value_text(a, VALUE_BYTES, bytes);
    return reduce(a, global(a, "datetime", "datetime"), &state, 1);
}
