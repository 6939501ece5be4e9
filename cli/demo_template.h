/* The templates of the demo stores: text with moments relative to now.
 *
 * @{FORMAT OFFSET} without the blank stands for a moment: @{z-2h11m} is two hours and eleven
 * minutes ago, @{z+1d} tomorrow, @{z} now; units d h m s. Formats:
 *
 *   z  2026-11-20T03:12:44Z              p  2026-11-20 03:12:44.482913+00 (timestamptz)
 *   u  2026-11-20T03:12:44.482913Z       s  2026-11-20 03:12:44.482913 (UTC, no zone)
 *   n  2026-11-20T03:12:44.482913006Z    l  the same in the local zone, as Meltano's updated_at
 *   j  2026-11-20T03:12:44.482 (Django)  e  1795216999.283642 (seconds since the epoch)
 *   f  2026-11-20T031244 (one-off ids)   i  1795216999283642 (the same in microseconds)
 *   7  a run id: 32 digits of a UUID version 7
 *
 * Fractions are made from the offset, so equal offsets give equal texts. */
#ifndef PENSTOCK_CLI_DEMO_TEMPLATE_H
#define PENSTOCK_CLI_DEMO_TEMPLATE_H

#include "core/base/err.h"
#include "core/base/str.h"

/* Appends `text` with its moments filled in. ERR_INTERNAL names a moment that does not parse. */
bool demo_template_fill(struct sbuf *out, struct str text, int64_t now_us, struct err *err);

#endif
