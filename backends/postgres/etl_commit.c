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

/* Inside the transaction. */
static bool transact(struct etl_change *c, struct err *err)
{
    const struct str key[] = {c->pid, c->oid};
    CLEANUP_PGRESULT PGresult *locked = NULL;
    struct document after;
    if (!pg_query(c->es->client,
                  "select 1 from etl.replication_state where pipeline_id = $1::int8"
                  " and table_id = $2::oid order by id for update",
                  key, 2, c->call, &locked, err) ||
        !read_now(c, &c->now, err))
        return false;
    if (!commit_compare(c->item, &c->now))
        return true;
    c->item->now = c->now; /* for a conflict that only the write shows */
    if (!etl_change_make(c, err) || !read_now(c, &after, err) || !etl_change_check(c, &after, err))
        return false;
    c->item->now = after;
    c->item->outcome = OUTCOME_APPLIED;
    return true;
}

bool etl_commit(struct store *store, struct commit_item *item, const struct call *call,
                struct arena *arena, struct err *err)
{
    struct etl_store *es = etl_store(store);
    struct etl_change c = etl_change_of(es, item, call, arena);
    int64_t lock_ms = store->opts.lock_wait_ms;
    if (!pg_begin(es->client, PG_WRITE, lock_ms > 0 ? lock_ms : LOCK_MS, call, err))
        return commit_failed(item, err);
    bool ok = transact(&c, err) || commit_failed(item, err);
    return pg_end_item(es->client, ok, item, call, err);
}
