/* The audit file: one JSON line per item and step, 0600, O_APPEND, never rewritten. `intended`
 * lines are on disk before the first change of a plan. Contents are hashed, never stored. */
#ifndef PENSTOCK_AUDIT_H
#define PENSTOCK_AUDIT_H

#include "core/base/err.h"

#include <jansson.h>
#include <stdint.h>

struct audit;

bool audit_open(const char *path, struct audit **ret, struct err *err);
void audit_close(struct audit *audit);

/* Appends one line: `fields` plus time, who, host, tool version, pid. Takes the reference. */
bool audit_add(struct audit *audit, json_t *fields, struct err *err);
bool audit_sync(struct audit *audit, struct err *err);

/* Every line since a time, oldest first; lines that do not parse are passed over and counted. The
 * array is the caller's. */
bool audit_read(const char *path, int64_t since_us, json_t **ret, size_t *ret_bad, struct err *err);

/* "ana@host", with "(sudo: name)" and PENSTOCK_OPERATOR where they say more. `out` takes 256. */
void audit_who(char out[256]);

#endif
