/* Stores in memory with known records, for drawing. Nothing in them depends on the time of day. */
#ifndef PENSTOCK_SCREEN_FIXTURE_H
#define PENSTOCK_SCREEN_FIXTURE_H

#include "core/store.h"

/* 2026-11-20 03:12:44Z: now, in every picture. */
#define FIXTURE_NOW_US 1795144364000000

/* Ends with NULL. Backend `memory` holds records of each system, `empty` none, `down` cannot be
 * opened. For plans: `mixed` has tables of which one loses changes when it is rolled back, `many`
 * has 25 that are alike, `busy` is mixed with a live writer on public.orders. */
enum { FIXTURE_LONG = 6000 }; /* meltano `long` has so many states */
extern const struct layout *const fixture_layouts[];
void fixture_init(void);

/* Changes a record of an open fixture as another program would, at its next commit. */
void fixture_change_at_commit(bool on);
/* A copy worker begins on every table of `mixed`. */
void fixture_start_writer(bool on);
/* The server refuses every commit. */
void fixture_fail_commits(bool on);
/* Writes over what was committed, when it has been read back. */
void fixture_overwrite_after_commit(bool on);
/* How often the tables of `memory` were listed, by all tests so far. */
int fixture_scans(void);
/* `long` answers no read while this is on, unless it is cancelled. */
void fixture_hold_reads(bool on);

#endif
