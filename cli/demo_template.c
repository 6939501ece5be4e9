#include "cli/demo_template.h"

#include "core/base/hash.h"

#include <string.h>
#include <time.h>

enum { SECOND = 1000000 };

/* Seconds of "-2h11m", "+30s" or "". */
static bool offset_parse(struct str s, int64_t *ret)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

    *ret = 0;
    if (!s.len)
        return true;
    if (s.ptr[0] != '-' && s.ptr[0] != '+')
        return false;
    int64_t sum = 0, number = -1;
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (c >= '0' && c <= '9') {
            number = (number < 0 ? 0 : number * 10) + (c - '0');
            continue;
        }
        size_t u = 0;
        while (u < sizeof units / sizeof units[0] && units[u].unit != c)
            u++;
        if (u == sizeof units / sizeof units[0] || number < 0 || number > 100000)
            return false;
        sum += number * units[u].seconds;
        number = -1;
    }
    *ret = s.ptr[0] == '-' ? -sum : sum;
    return s.len > 1 && number < 0;
}

/* Date, `between`, time with `colon` in it. */
static void add_time(struct sbuf *out, int64_t seconds, bool local, char between, const char *colon)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (local)
        localtime_r(&t, &tm);
    else
        gmtime_r(&t, &tm);
    sbuf_printf(out, "%04d-%02d-%02d%c%02d%s%02d%s%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                tm.tm_mday, between, tm.tm_hour, colon, tm.tm_min, colon, tm.tm_sec);
}

/* Forty-eight bits of milliseconds, then version 7, variant and digits that look random. */
static void add_uuid7(struct sbuf *out, int64_t seconds, int fraction)
{
    uint8_t digest[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    int64_t ms = seconds * 1000 + fraction / 1000;
    sha256_of((struct str){(const char *)&ms, sizeof ms}, digest);
    hex_encode(digest, sizeof digest, hex);
    sbuf_printf(out, "%012llx7%.3s8%.15s", (unsigned long long)ms, hex, hex + 3);
}

static bool moment_add(struct sbuf *out, struct str what, int64_t now_us)
{
    int64_t offset;
    if (!what.len || !offset_parse(str_sub(what, 1, what.len), &offset))
        return false;
    int64_t seconds = now_us / SECOND + offset;
    int fraction = (int)((uint32_t)((uint64_t)offset * 2654435761u) % SECOND);

    switch (what.ptr[0]) {
    case 'z':
        add_time(out, seconds, false, 'T', ":");
        sbuf_char(out, 'Z');
        return true;
    case 'u':
        add_time(out, seconds, false, 'T', ":");
        sbuf_printf(out, ".%06dZ", fraction);
        return true;
    case 'n':
        add_time(out, seconds, false, 'T', ":");
        sbuf_printf(out, ".%06d%03dZ", fraction, 1 + fraction % 998);
        return true;
    case 'j':
        add_time(out, seconds, false, 'T', ":");
        sbuf_printf(out, ".%03d", fraction / 1000);
        return true;
    case 'p':
        add_time(out, seconds, false, ' ', ":");
        sbuf_printf(out, ".%06d+00", fraction);
        return true;
    case 's':
    case 'l':
        add_time(out, seconds, what.ptr[0] == 'l', ' ', ":");
        sbuf_printf(out, ".%06d", fraction);
        return true;
    case 'f':
        add_time(out, seconds, false, 'T', "");
        return true;
    case 'e':
        sbuf_printf(out, "%lld.%06d", (long long)seconds, fraction | 1); /* no zero at the end */
        return true;
    case 'i':
        sbuf_printf(out, "%lld%06d", (long long)seconds, fraction);
        return true;
    case '7':
        add_uuid7(out, seconds, fraction);
        return true;
    default:
        return false;
    }
}

bool demo_template_fill(struct sbuf *out, struct str text, int64_t now_us, struct err *err)
{
    const char *at = text.ptr, *end = text.ptr + text.len, *open;
    while ((open = memmem(at, (size_t)(end - at), "@{", 2))) {
        const char *close = memchr(open, '}', (size_t)(end - open));
        struct str what = {open + 2, close ? (size_t)(close - open - 2) : 0};
        sbuf_add(out, at, (size_t)(open - at));
        if (!close || !moment_add(out, what, now_us))
            return err_set(err, ERR_INTERNAL, "demo template: not a moment: @{%.*s}",
                           STR_ARG(what));
        at = close + 1;
    }
    sbuf_add(out, at, (size_t)(end - at));
    return true;
}
