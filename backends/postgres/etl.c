#include "backends/postgres/etl.h"

#include "backends/postgres/layouts.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const params[] = {"pipeline", NULL};

static bool detect(const struct layout *layout, const struct address *address,
                   const struct call *call, struct err *err)
{
    struct pg_client *client;
    if (!pg_client_open(address->url, false, call, &client, err))
        return false;
    struct arena arena = ARENA_INIT;
    struct etl_schema schema;
    struct err no = {0};
    bool found = etl_schema_look(client, call, &arena, &schema, &no);
    arena_release(&arena);
    pg_client_close(client);
    return found;
}

static void info_fill(struct etl_store *es)
{
    const struct pg_server *server = pg_client_server(es->client);
    struct store_info *info = &es->base.info;
    info->layout_version = es->schema.level;
    info->rights = arena_printf(
        &es->base.arena, "%s phases; %s%s%.*s",
        es->schema.may_write_states ? "reads and writes" : "reads",
        server->superuser ? "sees what other sessions do" : "sees slots and names of sessions only",
        es->schema.unreadable.ptr ? "; may not read " : "", STR_ARG(es->schema.unreadable));
    if (server->pooler)
        info->note = STR("pooler: read-only per transaction");
}

static bool pipeline_param(struct etl_store *es, const struct address *address, struct err *err)
{
    const char *text = address_param(address, "pipeline");
    if (!text)
        return true;
    es->one_pipeline = true;
    return str_u64(str_of(text), &es->pipeline) ||
           err_set(err, ERR_INVALID, "pipeline=%s: not an unsigned number", text);
}

static void etl_close(struct store *store)
{
    struct etl_store *es = etl_store(store);
    pg_client_close(es->client);
    arena_release(&es->base.arena);
    free(es);
}

static bool etl_open(const struct layout *layout, const struct address *address,
                     const struct store_opts *opts, const struct call *call, struct store **ret,
                     struct err *err)
{
    struct etl_store *es = xcalloc(1, sizeof *es);
    store_init(&es->base, layout, address, opts);
    struct arena *a = &es->base.arena;
    if (!pipeline_param(es, address, err) ||
        !pg_client_open_for(&es->base, address, call, &es->client, err) ||
        !etl_schema_look(es->client, call, a, &es->schema, err)) {
        etl_close(&es->base);
        return false;
    }
    etl_sql_make(&es->schema, pg_client_server(es->client), a, &es->sql);
    info_fill(es);
    store_read_only(&es->base, etl_why_read_only(&es->schema));
    if (!es->schema.may_write_states)
        store_read_only(&es->base,
                        STR("this role lacks insert, update or delete on etl.replication_state"));
    *ret = &es->base;
    return true;
}

static bool etl_probe(struct store *store, const struct call *call, struct err *err)
{
    struct etl_store *es = etl_store(store);
    if (!pg_client_ask(es->client, call, err))
        return false;
    pg_client_describe(es->client, store);
    const struct str pid =
        es->one_pipeline ? etl_signed_pid(&store->arena, es->pipeline) : STR_NULL;
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(es->client,
                 es->schema.legacy_a
                     ? "select count(*) from etl.replication_state r"
                       " where $1::int8 is null or r.pipeline_id = $1::int8"
                     : "select count(*) from etl.replication_state r where is_current = true"
                       " and ($1::int8 is null or r.pipeline_id = $1::int8)",
                 &pid, 1, call, &res, err))
        return false;
    store->info.records = pg_i64(res, 0, 0, -1);
    return true;
}

static bool check_id(struct store *store, struct str id, struct err *err)
{
    struct etl_store *es = etl_store(store);
    uint64_t pipeline;
    uint32_t oid;
    if (!es->one_pipeline || !etl_id_parse(id, &pipeline, &oid) || pipeline == es->pipeline)
        return true;
    return err_set(err, ERR_INVALID, "%.*s: the address opens pipeline %llu only", STR_ARG(id),
                   (unsigned long long)es->pipeline);
}

const struct layout postgres_etl = {
    .system = "etl",
    .backend = "postgres",
    .name = "etl",
    .native = true,
    .params = params,
    .detect = detect,
    .open = etl_open,
    .close = etl_close,
    .probe = etl_probe,
    .scan_open = etl_scan_open,
    .scan_next = etl_scan_next,
    .scan_close = etl_scan_close,
    .read = etl_read,
    .decode = etl_decode,
    .check_id = check_id,
    .commit = etl_commit,
    .commit_lot = etl_commit_lot,
    .activity = etl_activity,
    .facts = etl_facts,
};
