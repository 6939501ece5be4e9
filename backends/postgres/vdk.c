/* VDK's table `data_source_state` on Postgres, a port of the one in SQLite: one row a source
 * (formats/vdk.md 2.9). Found by the search path of the address. The types of its columns are as
 * its maker declared them: state_data text, json or jsonb, updated_at with a time zone or without.
 */
#include "core/systems/vdk/vdk.h"
#include "backends/postgres/keyed.h"
#include "backends/postgres/layouts.h"
#include "backends/vdk_row.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_UPDATED, NOTE_UTC };

/* A time without a zone is the local one of the session that wrote it: read with our session's. */
static const struct pg_keyed source_table = {
    .table = "data_source_state",
    .key = "source_name",
    .values = {"t.state_data::text"},
    .notes = {"to_json(t.updated_at) #>> '{}'", PG_TIME_TEXT("t.updated_at::timestamptz")},
    .ours = "'source_name', 'state_data', 'updated_at'"};

/* How state_data may be declared. */
static const struct state_type {
    const char *name; /* as pg_type has it */
    bool strict;      /* refuses NaN and Infinity */
    bool rewritten;   /* keys in an order of its own, numbers respelled */
} state_types[] = {{"text", false, false},
                   {"varchar", false, false},
                   {"json", true, false},
                   {"jsonb", true, true}};

struct vdk_store {
    struct store base;
    struct pg_client *client;
    const struct state_type *state; /* NULL: none that is known */
    char time[16];                  /* type of updated_at */
};

static struct vdk_store *vdk(struct store *store)
{
    return (struct vdk_store *)store;
}

/* --- what is there ---------------------------------------------------------------------------- */

struct found {
    unsigned columns; /* source_name, state_data, updated_at: a bit each */
    char state[64], time[64];
    bool writes;
};
enum { ALL_COLUMNS = 7 };

static void note_column(struct found *found, struct str column, struct str type)
{
    struct arena scratch = ARENA_INIT;
    const char *name = arena_cstr(&scratch, type);
    if (str_is(column, "source_name"))
        found->columns |= 1;
    if (str_is(column, "state_data")) {
        found->columns |= 2;
        snprintf(found->state, sizeof found->state, "%s", name);
    }
    if (str_is(column, "updated_at")) {
        found->columns |= 4;
        snprintf(found->time, sizeof found->time, "%s", name);
    }
    arena_release(&scratch);
}

static bool columns_read(struct pg_client *client, const struct call *call, struct found *found,
                         struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(client,
                 "select a.attname, y.typname, has_table_privilege(c.oid, 'insert') and"
                 " has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete')"
                 " from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type y on"
                 " y.oid = a.atttypid where c.oid = to_regclass('data_source_state')"
                 " and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped",
                 NULL, 0, call, &res, err))
        return false;
    for (int i = 0; i < PQntuples(res); i++) {
        note_column(found, pg_str(res, i, 0), pg_str(res, i, 1));
        found->writes = pg_bool(res, i, 2);
    }
    return true;
}

static bool vdk_detect(const struct layout *layout, const struct address *address,
                       const struct call *call, struct err *err)
{
    struct found found = {0};
    struct pg_client *client = NULL;
    bool ok = pg_client_open(address->url, false, call, &client, err) &&
              columns_read(client, call, &found, err) && found.columns == ALL_COLUMNS;
    pg_client_close(client);
    return ok;
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool types_take(struct vdk_store *s, const struct found *found, struct err *err)
{
    struct store_info *info = &s->base.info;
    if (found->columns != ALL_COLUMNS)
        return err_set(err, ERR_UNSUPPORTED,
                       "there is no table data_source_state with the columns "
                       "source_name, state_data and updated_at");
    for (size_t i = 0; i < sizeof state_types / sizeof state_types[0]; i++) {
        if (strcmp(state_types[i].name, found->state) == 0)
            s->state = &state_types[i];
    }
    bool time_known =
        strcmp(found->time, "timestamp") == 0 || strcmp(found->time, "timestamptz") == 0;
    if (!time_known)
        return err_set(err, ERR_UNSUPPORTED, "updated_at is a %s, not a timestamp", found->time);
    snprintf(s->time, sizeof s->time, "%s", found->time);
    if (!found->writes)
        store_read_only(&s->base, STR("this role may not write the table data_source_state"));
    if (!s->state)
        store_read_only(&s->base, STR("state_data is of a type that this version does not write"));
    info->rights = info->writable ? STR("read and write") : STR("read");
    info->layout_version = arena_str(&s->base.arena, str_of(found->state));
    return true;
}

static void vdk_close(struct store *store)
{
    pg_client_close(vdk(store)->client);
    arena_release(&store->arena);
    free(store);
}

static bool vdk_open_at(const struct layout *layout, const struct address *address,
                        const struct store_opts *opts, const struct call *call, struct store **ret,
                        struct err *err)
{
    struct vdk_store *s = xcalloc(1, sizeof *s);
    struct found found = {0};
    store_init(&s->base, layout, address, opts);
    if (!pg_client_open_for(&s->base, address, call, &s->client, err) ||
        !columns_read(s->client, call, &found, err) || !types_take(s, &found, err)) {
        vdk_close(&s->base);
        return false;
    }
    *ret = &s->base;
    return true;
}

static bool vdk_probe(struct store *store, const struct call *call, struct err *err)
{
    struct vdk_store *s = vdk(store);
    if (!pg_client_ask(s->client, call, err) ||
        !pg_keyed_count(s->client, &source_table, call, &store->info.records, err))
        return false;
    pg_client_describe(s->client, store);
    return true;
}

/* --- scan ------------------------------------------------------------------------------------- */

static bool vdk_scan_next(struct store *store, void *scan, const struct call *call,
                          struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                          struct err *err)
{
    struct pg_keyed_row *found;
    size_t n;
    if (((struct pg_keyed_scan *)scan)->keys_alone)
        return pg_keyed_next_ids(vdk(store)->client, &source_table, scan, call, arena, max, ret,
                                 ret_n, err);
    if (!pg_keyed_scan_next(vdk(store)->client, &source_table, scan, call, arena, max, &found, &n,
                            err))
        return false;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct row){.id = found[i].key,
                               .label = found[i].key,
                               .bytes = found[i].bytes[0],
                               .expires_at_us = TIME_NEVER};
        if (!found[i].notes[NOTE_UTC].ptr ||
            !time_parse(found[i].notes[NOTE_UTC], &rows[i].updated_at_us))
            rows[i].updated_at_us = TIME_UNKNOWN;
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct vdk_row row_of(const struct pg_keyed_row *found)
{
    return (struct vdk_row){.state = found->values[0],
                            .updated_at = found->notes[NOTE_UPDATED],
                            .utc = found->notes[NOTE_UTC]};
}

static bool vdk_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                     const struct call *call, struct arena *arena, struct read_item *ret,
                     struct err *err)
{
    struct pg_keyed_row *rows = arena_array(arena, struct pg_keyed_row, n);
    if (!pg_keyed_read(vdk(store)->client, &source_table, ids, n, limit, call, arena, rows, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct vdk_row row = row_of(&rows[i]);
        ret[i] = (struct read_item){.doc = {.id = ids[i], .label = ids[i]}};
        if (rows[i].bytes[0] > (int64_t)limit) {
            row.state = str_sub(row.state, 0, row.state.len < limit ? row.state.len : limit);
            vdk_row_truncated(&row, (uint64_t)rows[i].bytes[0], &ret[i].doc);
        } else {
            vdk_row_document(arena, rows[i].key.ptr ? &row : NULL, &ret[i].doc);
        }
    }
    return true;
}

static bool vdk_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
                      struct arena *arena, const struct value **ret, struct err *err)
{
    const struct state_type *type = vdk(store)->state;
    const struct value *facts = value_empty_dict(arena);
    if (type && type->strict)
        facts = value_dict_with(arena, facts, VDK_FACT_STRICT, &value_true);
    if (type && type->rewritten)
        facts = value_dict_with(arena, facts, VDK_FACT_JSONB, &value_true);
    for (size_t i = 0; i < n; i++)
        ret[i] = facts;
    return true;
}

/* --- changing --------------------------------------------------------------------------------- */

struct tx {
    struct vdk_store *s;
    const struct call *call;
};

static bool row_get(void *ctx, struct str id, struct arena *arena, bool *ret_found,
                    struct vdk_row *ret, struct err *err)
{
    const struct tx *tx = ctx;
    struct pg_keyed_row row;
    if (!pg_keyed_lock(tx->s->client, &source_table, id, tx->call, arena, &row, err))
        return false;
    *ret_found = row.key.ptr;
    *ret = row_of(&row);
    return true;
}

/* `before` and `after` stand around the new values in the statement. CURRENT_TIMESTAMP is what the
 * table's own default gives. */
static bool row_put(const struct tx *tx, const char *before, const char *after, struct str id,
                    const struct vdk_row *row, int64_t *ret_rows, struct err *err)
{
    struct sbuf sql = SBUF_INIT;
    struct str params[] = {id, row->state, row->updated_at, row->now ? STR("t") : STR("f")};
    sbuf_printf(&sql,
                "%s $2::text::%s, case when $4::bool then current_timestamp::%s"
                " else $3::text::%s end %s",
                before, tx->s->state->name, tx->s->time, tx->s->time, after);
    bool ok = pg_exec(tx->s->client, sbuf_view(&sql).ptr, params, 4, tx->call, ret_rows, err);
    sbuf_release(&sql);
    return ok;
}

static bool row_insert(void *ctx, struct str id, const struct vdk_row *row, int64_t *ret_rows,
                       struct err *err)
{
    return row_put(
        ctx,
        "insert into data_source_state (source_name, state_data, updated_at)"
        " select $1::text,",
        "where not exists (select 1 from data_source_state where source_name = $1::text)", id, row,
        ret_rows, err);
}

static bool row_update(void *ctx, struct str id, const struct vdk_row *row, int64_t *ret_rows,
                       struct err *err)
{
    return row_put(ctx, "update data_source_state set (state_data, updated_at) = (select",
                   ") where source_name = $1", id, row, ret_rows, err);
}

static bool row_remove(void *ctx, struct str id, int64_t *ret_rows, struct err *err)
{
    const struct tx *tx = ctx;
    return pg_exec(tx->s->client, "delete from data_source_state where source_name = $1", &id, 1,
                   tx->call, ret_rows, err);
}

static bool row_more(void *ctx, struct str id, struct arena *arena, struct str *ret,
                     struct err *err)
{
    const struct tx *tx = ctx;
    return pg_keyed_more(tx->s->client, &source_table, id, tx->call, arena, ret, err);
}

static const struct vdk_row_engine engine = {row_get, row_insert, row_update, row_remove, row_more};

static bool vdk_commit(struct store *store, struct commit_item *item, const struct call *call,
                       struct arena *arena, struct err *err)
{
    struct vdk_store *s = vdk(store);
    struct tx tx = {s, call};
    if (!pg_begin(s->client, PG_WRITE, s->base.opts.lock_wait_ms, call, err))
        return commit_failed(item, err);
    return pg_end_item(s->client, vdk_row_commit(&engine, &tx, item, arena, err), item, call, err);
}

const struct layout postgres_vdk = {
    .system = "vdk",
    .backend = "postgres",
    .name = "data_source_state",
    .native = true,
    .detect = vdk_detect,
    .open = vdk_open_at,
    .close = vdk_close,
    .probe = vdk_probe,
    .scan_open = pg_keyed_scan_open,
    .scan_ids = pg_keyed_scan_ids,
    .scan_next = vdk_scan_next,
    .scan_close = pg_keyed_scan_close,
    .read = vdk_read,
    .decode = vdk_row_decode,
    .check_id = pg_keyed_check_id,
    .commit = vdk_commit,
    .facts = vdk_facts,
};
