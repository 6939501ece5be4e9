/* Writes of many tables at once: one transaction for a lot. Alone, each costs three passes over the
 * history, which has no index (formats/supabase-etl.md 1.2): to lock, to compare, to read back.
 *
 * The lot ends before the first table that is not as expected: locked by somebody, changed since,
 * refused, another than meant when read back. What shows only after something was written is rolled
 * back, and the lot made again without it. (Savepoints would do that at once; but a row that is
 * locked outside of one and written inside gets a MultiXact, which slows all later reads of it
 * until vacuum.) Rows that are locked are passed over, not waited for, and the lot is short, since
 * the replicator waits for it (3.1). */
#include "backends/postgres/etl.h"

#include "core/base/cleanup.h"

/* LOT_MS: when no further table is begun. LOCK_MS: for what a write itself may wait for. */
enum { LOT_MS = 200, LOCK_MS = 50 };

struct lot {
    struct etl_store *es;
    size_t n; /* tables that are still in it */
    struct str *ids;
    struct etl_change *changes;
    struct read_item *after;
    size_t bad; /* a write or a check failed there; 0: nowhere, or at the first */
    const struct call *call;
    struct arena *arena; /* ends with the lot */
};

/* Locks, reads, and keeps the tables up to the first that is not as it was expected. */
static bool lot_compare(struct lot *lot, struct err *err)
{
    struct read_item *now = arena_array(lot->arena, struct read_item, lot->n);
    if (!etl_read_within(lot->es, lot->es->sql.lock, lot->ids, lot->n, VALUE_LIMIT, lot->call,
                         lot->arena, now, err))
        return false;
    for (size_t i = 0; i < lot->n; i++) {
        lot->changes[i].now = now[i].doc;
        if (now[i].err.kind != ERR_NONE || !commit_matches(lot->changes[i].item, &now[i].doc))
            lot->n = i;
    }
    return true;
}

static bool lot_write(struct lot *lot, struct err *err)
{
    int64_t until_ms = clock_monotonic_ms() + LOT_MS;
    for (size_t i = 0; i < lot->n; i++) {
        if (i && clock_monotonic_ms() > until_ms) {
            lot->n = i;
        } else if (!etl_change_make(&lot->changes[i], err)) {
            lot->bad = i;
            return false;
        }
    }
    return true;
}

static bool lot_check(struct lot *lot, struct arena *arena, struct err *err)
{
    if (!etl_read_within(lot->es, lot->es->sql.read, lot->ids, lot->n, VALUE_LIMIT, lot->call,
                         arena, lot->after, err))
        return false;
    for (size_t i = 0; i < lot->n; i++) {
        if (lot->after[i].err.kind != ERR_NONE ||
            !etl_change_check(&lot->changes[i], &lot->after[i].doc, err)) {
            lot->bad = i;
            return false;
        }
    }
    return true;
}

/* One transaction for the first `n`. True: lot->n are written. */
static bool lot_try(struct lot *lot, size_t n, struct arena *arena, bool *ret_unanswered,
                    struct err *err)
{
    lot->n = n;
    lot->bad = 0;
    *ret_unanswered = false;
    if (!pg_begin(lot->es->client, PG_WRITE, LOCK_MS, lot->call, err))
        return false;
    bool written = lot_compare(lot, err) && lot->n && lot_write(lot, err) &&
                   lot_check(lot, arena, err) && call_check(lot->call, "Postgres", err);
    bool kept = pg_end(lot->es->client, written, lot->call, err);
    *ret_unanswered = written && !kept && pg_unanswered(err);
    return kept;
}

bool etl_commit_lot(struct store *store, struct commit_item *items, size_t n,
                    const struct call *call, struct arena *arena, size_t *ret_done, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = ARENA_INIT;
    struct lot lot = {.es = etl_store(store),
                      .ids = arena_array(&scratch, struct str, n),
                      .changes = arena_array(&scratch, struct etl_change, n),
                      .after = arena_array(&scratch, struct read_item, n),
                      .call = call,
                      .arena = &scratch};
    for (size_t i = 0; i < n; i++) {
        lot.ids[i] = items[i].id;
        lot.changes[i] = etl_change_of(lot.es, &items[i], call, &scratch);
    }
    struct err first = {0}, why = {0};
    bool unanswered, kept;
    do { /* again without the one that was bad */
        kept = lot_try(&lot, n, arena, &unanswered, &why);
        if (!kept && first.kind != ERR_UNAVAILABLE)
            first = why;
    } while (!kept && (n = lot.bad));
    bool lost = !kept && (unanswered || why.kind == ERR_UNAVAILABLE);
    *ret_done = kept || unanswered ? lot.n : lost;
    for (size_t i = 0; i < *ret_done; i++) {
        items[i].outcome = kept ? OUTCOME_APPLIED : OUTCOME_FAILED;
        items[i].now = lot.after[i].doc;
        items[i].unanswered = unanswered;
    }
    if (lost)
        *err = unanswered ? why : first;
    return !lost;
}
