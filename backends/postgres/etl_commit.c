/* Writes: one short transaction per table (formats/supabase-etl.md 3, suggested edit protocol).
 *
 * Lock the rows of (pipeline, table), read again, compare, write only what differs, read back,
 * check, commit. The replicator takes no lock of its own beyond its row locks; one that wrote first
 * shows as a conflict, one that comes later waits these few milliseconds. */
#include "backends/postgres/etl.h"

enum { LOCK_MS = 1000 };

static bool read_now(struct etl_change *c, struct document *ret, struct err *err)
{
    struct read_item read;
    if (!etl_read_within(c->es, c->es->sql.read, &c->item->id, 1, VALUE_LIMIT, c->call, c->arena,
                         &read, err))
        return false;
    if (read.err.kind != ERR_NONE) {
        *err = read.err;
        return false;
    }
    *ret = read.doc;
    return true;
}

/* Inside the transaction. *ret_conflict: nothing was written, item has its outcome. */
static bool transact(struct etl_change *c, struct document *ret_after, bool *ret_conflict,
                     struct err *err)
{
    const struct str key[] = {c->pid, c->oid};
    CLEANUP_PGRESULT PGresult *locked = NULL;
    if (!pg_query(c->es->client,
                  "select 1 from etl.replication_state where pipeline_id = $1::int8"
                  " and table_id = $2::oid order by id for update",
                  key, 2, c->call, &locked, err) ||
        !read_now(c, &c->now, err))
        return false;
    *ret_conflict = !commit_compare(c->item, &c->now);
    if (*ret_conflict)
        return false;
    return etl_change_make(c, err) && read_now(c, ret_after, err) &&
           etl_change_check(c, ret_after, err);
}

static enum outcome outcome_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_CONFLICT:
        return OUTCOME_CONFLICT;
    case ERR_LOCKED:
        return OUTCOME_LOCKED;
    case ERR_REFUSED:
    case ERR_DENIED:
    case ERR_UNSUPPORTED:
    case ERR_INVALID:
        return OUTCOME_REFUSED;
    default:
        return OUTCOME_FAILED;
    }
}

bool etl_commit(struct store *store, struct commit_item *item, const struct call *call,
                struct arena *arena, struct err *err)
{
    struct etl_store *es = etl_store(store);
    struct etl_change c = etl_change_of(es, item, call, arena);
    int64_t lock_ms = es->base.opts.lock_wait_ms;
    struct document after = {0};
    struct err why = {0};
    bool conflict = false;
    bool ok = pg_begin(es->client, PG_WRITE, lock_ms > 0 ? lock_ms : LOCK_MS, call, &why);
    if (ok) {
        bool sent = transact(&c, &after, &conflict, &why);
        ok = pg_end(es->client, sent, call, &why);
        item->unanswered = sent && !ok && pg_unanswered(&why);
    }
    if (conflict)
        return true;
    if (ok) {
        item->outcome = OUTCOME_APPLIED;
        item->now = after;
        return true;
    }
    item->outcome = outcome_of(&why);
    if (item->outcome == OUTCOME_FAILED) {
        *err = why;
        return false;
    }
    if (item->outcome == OUTCOME_CONFLICT)
        item->now = c.now;
    return commit_refuse(item, item->outcome, &why);
}
