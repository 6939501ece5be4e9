/* Time. Inside core a moment is UTC microseconds since the epoch in int64_t; deadlines use the
 * monotonic clock in milliseconds. */
#ifndef PENSTOCK_BASE_CLOCK_H
#define PENSTOCK_BASE_CLOCK_H

#include "core/base/arena.h"

#include <stdint.h>

#define TIME_UNKNOWN INT64_MIN
#define TIME_NEVER INT64_MAX

int64_t clock_now_us(void);
int64_t clock_monotonic_ms(void);

/* RFC 3339 in UTC, with 6 fraction digits or none when they are zero: 2026-11-20T03:12:44.5Z never
 * appears, 2026-11-20T03:12:44.500000Z does. TIME_UNKNOWN and TIME_NEVER give STR_NULL. */
struct str time_rfc3339(struct arena *arena, int64_t us);

/* For sentences: the same cut to whole seconds, 2026-11-20T03:12:44Z. */
struct str time_text(struct arena *arena, int64_t us);

/* Reads YYYY-MM-DD[T ]HH:MM:SS[.fraction][Z|+hh[:mm]|-hh[:mm]]; years of 4 or 5 digits; a time
 * without zone is UTC; more than 6 fraction digits are cut. False when it is anything else. */
bool time_parse(struct str s, int64_t *ret_us);

/* "9s", "3m", "2h 11m", "2d 4h"; negative spans as "in 3m". */
struct str time_span(struct arena *arena, int64_t us);

/* Reads a span an operator typed: a number and s, m, h, d or w ("90s", "7d"), seconds without a
 * unit; several may follow each other ("1h30m"). */
bool time_span_parse(struct str s, int64_t *ret_us);

/* Days since the epoch of a civil date, and back. */
int64_t time_days_from_civil(int64_t year, int month, int day);
void time_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

#endif
