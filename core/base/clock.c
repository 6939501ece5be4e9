#include "core/base/clock.h"

#include <time.h>

enum { SECOND = 1000000 };
static const int64_t DAY = 86400;

int64_t clock_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Civil calendar after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
int64_t time_days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void time_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

struct str time_rfc3339(struct arena *arena, int64_t us)
{
    if (us == TIME_UNKNOWN || us == TIME_NEVER)
        return STR_NULL;
    int64_t seconds = us / SECOND, fraction = us % SECOND;
    if (fraction < 0)
        fraction += SECOND, seconds--;
    int64_t days = seconds / DAY, rest = seconds % DAY;
    if (rest < 0)
        rest += DAY, days--;
    int64_t year;
    int month, day;
    time_civil_from_days(days, &year, &month, &day);
    int h = (int)(rest / 3600), m = (int)(rest / 60 % 60), s = (int)(rest % 60);
    if (!fraction)
        return arena_printf(arena, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)year, month, day,
                            h, m, s);
    return arena_printf(arena, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", (long long)year, month, day,
                        h, m, s, (int)fraction);
}

struct str time_text(struct arena *arena, int64_t us)
{
    if (us != TIME_UNKNOWN && us != TIME_NEVER)
        us -= (us % SECOND + SECOND) % SECOND;
    return time_rfc3339(arena, us);
}

struct cursor {
    const char *p, *end;
};

static bool digits(struct cursor *c, int min, int max, int64_t *ret)
{
    int64_t n = 0;
    int count = 0;
    while (c->p < c->end && count < max && *c->p >= '0' && *c->p <= '9') {
        n = n * 10 + (*c->p++ - '0');
        count++;
    }
    *ret = n;
    return count >= min;
}

static bool expect(struct cursor *c, char a, char b)
{
    if (c->p == c->end || (*c->p != a && *c->p != b))
        return false;
    c->p++;
    return true;
}

static int64_t fraction_us(struct cursor *c)
{
    int64_t us = 0;
    int count = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        if (count++ < 6)
            us = us * 10 + (*c->p - '0');
    }
    for (; count < 6; count++)
        us *= 10;
    return us;
}

static bool zone(struct cursor *c, int64_t *ret_seconds)
{
    int64_t h, m = 0;
    if (c->p == c->end || *c->p == 'Z' || *c->p == 'z') {
        c->p += c->p < c->end;
        *ret_seconds = 0;
        return true;
    }
    int sign = *c->p == '-' ? -1 : 1;
    if (!expect(c, '+', '-') || !digits(c, 2, 2, &h))
        return false;
    if (c->p < c->end) {
        if (*c->p == ':')
            c->p++;
        if (!digits(c, 2, 2, &m))
            return false;
    }
    *ret_seconds = sign * (h * 3600 + m * 60);
    return true;
}

bool time_parse(struct str s, int64_t *ret_us)
{
    struct cursor c = {s.ptr, s.ptr + s.len};
    int64_t year, month, day, h, m, sec, us = 0, offset;
    if (!digits(&c, 4, 5, &year) || !expect(&c, '-', '-') || !digits(&c, 2, 2, &month) ||
        !expect(&c, '-', '-') || !digits(&c, 2, 2, &day) || !expect(&c, 'T', ' ') ||
        !digits(&c, 2, 2, &h) || !expect(&c, ':', ':') || !digits(&c, 2, 2, &m) ||
        !expect(&c, ':', ':') || !digits(&c, 2, 2, &sec))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31 || h > 24 || m > 59 || sec > 60)
        return false;
    if (c.p < c.end && *c.p == '.') {
        c.p++;
        us = fraction_us(&c);
    }
    if (!zone(&c, &offset) || c.p != c.end)
        return false;
    int64_t seconds =
        time_days_from_civil(year, (int)month, (int)day) * DAY + h * 3600 + m * 60 + sec;
    *ret_us = (seconds - offset) * SECOND + us;
    return true;
}

struct str time_span(struct arena *arena, int64_t us)
{
    const char *sign = us < 0 ? "in " : "";
    uint64_t s = (us < 0 ? 0 - (uint64_t)us : (uint64_t)us) / SECOND;
    unsigned long long d = s / 86400, h = s / 3600 % 24, m = s / 60 % 60;
    if (d)
        return arena_printf(arena, "%s%llud %lluh", sign, d, h);
    if (h)
        return arena_printf(arena, "%s%lluh %llum", sign, h, m);
    if (m)
        return arena_printf(arena, "%s%llum", sign, m);
    return arena_printf(arena, "%s%llus", sign, (unsigned long long)s);
}

bool time_span_parse(struct str s, int64_t *ret_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    enum { MOST_SECONDS = 100 * 366 * 86400LL };
    int64_t total = 0;
    if (!s.len)
        return false;
    while (s.len) {
        size_t digits = 0;
        while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
            digits++;
        uint64_t n;
        if (!str_u64(str_sub(s, 0, digits), &n) || n > MOST_SECONDS)
            return false;
        int64_t seconds = digits == s.len ? 1 : 0;
        for (size_t i = 0; !seconds && i < sizeof units / sizeof units[0]; i++)
            seconds = units[i].unit == s.ptr[digits] ? units[i].seconds : 0;
        if (!seconds)
            return false;
        total += (int64_t)n * seconds;
        if (total > MOST_SECONDS)
            return false;
        s = str_sub(s, digits == s.len ? digits : digits + 1, s.len);
    }
    *ret_us = total * 1000000;
    return true;
}
