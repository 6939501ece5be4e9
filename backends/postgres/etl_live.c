/* Who works on a table, and what is known of it beside its rows: slots, sessions, sizes
 * (formats/supabase-etl.md 3.2, 4.3, 9.10, 9.11, 9.13). */
#include "backends/postgres/etl.h"

#include "core/json.h"

#include <string.h>

enum { SIZES_LOCK_MS = 200 };

enum sign_kind {
    SIGN_APPLY,
    SIGN_SYNC,
    SIGN_UNTOLD /* some replicator: its pipeline is not told */
};

/* One sign of life, or of where life would be: a slot, or a session's application name. */
struct sign {
    enum sign_kind kind;
    bool slot; /* else a session, which is always active */
    bool active;
    uint64_t pipeline;
    uint32_t oid;
    struct str name, database, wal_status;
    int64_t lag_bytes; /* -1: unknown */
    int64_t started_us;
};

struct signs {
    struct sign *items;
    size_t n;
};

/* "<prefix><pid>" or "<prefix><pid>_<oid>" (sep: '_' in slots, ':' in application names). */
static bool parse_ids(struct str rest, char sep, bool has_oid, struct sign *sign)
{
    uint64_t oid = 0;
    ptrdiff_t cut = has_oid ? str_rindex(rest, sep) : (ptrdiff_t)rest.len;
    if (cut <= 0 || !str_u64(str_sub(rest, 0, (size_t)cut), &sign->pipeline))
        return false;
    if (has_oid && (!str_u64(str_sub(rest, (size_t)cut + 1, rest.len), &oid) || oid > UINT32_MAX))
        return false;
    sign->oid = (uint32_t)oid;
    sign->kind = has_oid ? SIGN_SYNC : SIGN_APPLY;
    return true;
}

static bool slot_parse(struct str name, struct sign *sign)
{
    static const char apply[] = "supabase_etl_apply_", sync[] = "supabase_etl_table_sync_";
    if (str_starts(name, apply))
        return parse_ids(str_sub(name, sizeof apply - 1, name.len), '_', false, sign);
    return str_starts(name, sync) &&
           parse_ids(str_sub(name, sizeof sync - 1, name.len), '_', true, sign);
}

static bool session_parse(struct str name, struct sign *sign)
{
    static const char apply[] = ":apply:", sync[] = ":table_sync:";
    const char *at = memmem(name.ptr, name.len, sync, sizeof sync - 1);
    bool is_sync = at;
    if (!at)
        at = memmem(name.ptr, name.len, apply, sizeof apply - 1);
    if (at) {
        size_t from = (size_t)(at - name.ptr) + (is_sync ? sizeof sync : sizeof apply) - 1;
        if (parse_ids(str_sub(name, from, name.len), ':', is_sync, sign))
            return true;
    }
    /* The HTTP API reads and writes states as well, but it is no replicator. */
    sign->kind = SIGN_UNTOLD;
    return !str_starts(name, "supabase_etl_api");
}

/* A slot's lag is what the server has written and the reader not confirmed; on a standby, what was
 * replayed. A lost slot has none (9.10). */
static const char signs_sql[] =
    "select true, s.slot_name, s.active, s.database, s.wal_status,"
    " case when s.wal_status is distinct from 'lost' then pg_wal_lsn_diff(case when "
    "pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,"
    " s.confirmed_flush_lsn)::int8 end, " PG_TIME_US(
        "a.backend_start") " from pg_replication_slots s left join pg_stat_activity a on"
                           " a.pid = s.active_pid where s.slot_type = 'logical'"
                           " and s.slot_name like 'supabase\\_etl\\_%'"
                           " union all select false, a.application_name, true, a.datname, null, "
                           "null, " PG_TIME_US(
                               "a.backend_start") " from pg_stat_activity a where "
                                                  "a.application_name like 'supabase\\_etl%'"
                                                  " order by 1, 2";

static bool signs_read(struct etl_store *es, const struct call *call, struct arena *arena,
                       struct signs *ret, struct err *err)
{
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_read(es->client, signs_sql, NULL, 0, call, &res, err))
        return false;
    int rows = PQntuples(res);
    struct signs signs = {.items = arena_array(arena, struct sign, (size_t)rows)};
    for (int i = 0; i < rows; i++) {
        struct sign *sign = &signs.items[signs.n];
        *sign = (struct sign){.slot = pg_bool(res, i, 0),
                              .name = pg_copy(arena, res, i, 1),
                              .active = pg_bool(res, i, 2),
                              .database = pg_copy(arena, res, i, 3),
                              .wal_status = pg_copy(arena, res, i, 4),
                              .lag_bytes = pg_i64(res, i, 5, -1),
                              .started_us = pg_i64(res, i, 6, TIME_UNKNOWN)};
        signs.n += sign->slot ? slot_parse(sign->name, sign) : session_parse(sign->name, sign);
    }
    *ret = signs;
    return true;
}

/* The server answered, but not with what was asked for: that is blindness, not a lost store. */
static bool is_blindness(const struct err *err)
{
    return err->kind != ERR_UNAVAILABLE && err->kind != ERR_TIMEOUT && err->kind != ERR_CANCELLED;
}

/* --- activity ----------------------------------------------------------------------------------
 */

static const struct sign *find(const struct signs *signs, enum sign_kind kind, uint64_t pipeline,
                               uint32_t oid, bool slots, bool active)
{
    for (size_t i = 0; i < signs->n; i++) {
        const struct sign *s = &signs->items[i];
        if (s->kind == kind && s->pipeline == pipeline && (kind != SIGN_SYNC || s->oid == oid) &&
            (s->slot || !slots) && (s->active || !active))
            return s;
    }
    return NULL;
}

static const struct sign *first_active(const struct signs *signs, bool untold, uint64_t pipeline)
{
    for (size_t i = 0; i < signs->n; i++) {
        const struct sign *s = &signs->items[i];
        if (s->active &&
            (untold ? s->kind == SIGN_UNTOLD : s->kind != SIGN_UNTOLD && s->pipeline == pipeline))
            return s;
    }
    return NULL;
}

static bool another_lives(const struct signs *signs, uint64_t pipeline)
{
    for (size_t i = 0; i < signs->n; i++) {
        const struct sign *s = &signs->items[i];
        if (s->active && s->kind != SIGN_UNTOLD && s->pipeline != pipeline)
            return true;
    }
    return false;
}

static struct activity blind(struct str why)
{
    return (struct activity){.sight = ACTIVITY_BLIND,
                             .started_at_us = TIME_UNKNOWN,
                             .heartbeat_at_us = TIME_UNKNOWN,
                             .why = why};
}

static struct activity judge_signs(const struct signs *signs, uint64_t pipeline, uint32_t oid,
                                   struct arena *arena)
{
    const struct sign *copy = find(signs, SIGN_SYNC, pipeline, oid, false, true);
    const struct sign *apply = find(signs, SIGN_APPLY, pipeline, 0, false, true);
    const struct sign *any = copy ? copy : apply ? apply : first_active(signs, false, pipeline);
    if (any)
        return (struct activity){
            .sight = ACTIVITY_SEEN,
            .owner_live = true,
            .record_live = copy,
            .started_at_us = apply ? apply->started_us : any->started_us,
            .heartbeat_at_us = TIME_UNKNOWN,
            .who =
                arena_printf(arena, "%s%.*s", any->slot ? "slot " : "session ", STR_ARG(any->name)),
        };
    const struct sign *untold = first_active(signs, true, 0);
    if (untold && !another_lives(signs, pipeline))
        return blind(arena_printf(arena,
                                  "a replicator is connected (%.*s), of which pipeline cannot be "
                                  "told",
                                  STR_ARG(untold->name)));
    /* The apply slot stays for a pipeline's whole life: without one the source is elsewhere. */
    if (!find(signs, SIGN_APPLY, pipeline, 0, true, false))
        return blind(arena_printf(arena,
                                  "this server has no slot supabase_etl_apply_%llu: the source may "
                                  "be another server",
                                  (unsigned long long)pipeline));
    return (struct activity){
        .sight = ACTIVITY_NONE, .started_at_us = TIME_UNKNOWN, .heartbeat_at_us = TIME_UNKNOWN};
}

bool etl_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                  struct arena *arena, struct activity *ret, struct err *err)
{
    struct signs signs;
    struct err why = {0};
    bool seen = signs_read(etl_store(store), call, arena, &signs, &why);
    if (!seen && !is_blindness(&why)) {
        *err = why;
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t pipeline = 0;
        uint32_t oid = 0;
        etl_id_parse(ids[i], &pipeline, &oid);
        ret[i] = seen ? judge_signs(&signs, pipeline, oid, arena)
                      : blind(arena_str(arena, str_of(why.text)));
    }
    return true;
}

/* --- facts -------------------------------------------------------------------------------------
 */

static const struct value *text_or_null(struct arena *arena, struct str s)
{
    return s.ptr ? value_str(arena, s) : &value_null;
}

static const struct value *slot_value(struct arena *arena, const struct sign *slot)
{
    if (!slot)
        return &value_null;
    const struct value_pair pairs[] = {
        {value_cstr(arena, "name"), value_str(arena, slot->name)},
        {value_cstr(arena, "active"), value_bool(slot->active)},
        {value_cstr(arena, "wal_status"), text_or_null(arena, slot->wal_status)},
        {value_cstr(arena, "lag_bytes"),
         slot->lag_bytes < 0 ? &value_null : value_int(arena, slot->lag_bytes)},
        {value_cstr(arena, "database"), text_or_null(arena, slot->database)},
    };
    return value_dict(arena, pairs, sizeof pairs / sizeof pairs[0]);
}

static const struct value *facts_of(struct etl_store *es, const struct signs *signs, struct str id,
                                    const PGresult *res, int row, struct arena *arena)
{
    uint64_t pipeline = 0;
    uint32_t oid = 0;
    etl_id_parse(id, &pipeline, &oid);
    const struct sign *apply = find(signs, SIGN_APPLY, pipeline, 0, true, false);
    const struct sign *sync = find(signs, SIGN_SYNC, pipeline, oid, true, false);
    struct str size = pg_str(res, row, 3), publications = pg_copy(arena, res, row, 4);
    const struct value *facts = value_empty_dict(arena);
    facts = value_dict_with(arena, facts, "slot", slot_value(arena, apply));
    facts = value_dict_with(arena, facts, "sync_slot", slot_value(arena, sync));
    /* Only where the slot says so is this database the source, and a missing table gone. */
    struct str name = pg_str(res, row, 1);
    bool is_source = apply && str_eq(apply->database, pg_client_server(es->client)->database);
    if (name.ptr || is_source)
        facts = value_dict_with(arena, facts, "catalog_name", text_or_null(arena, name));
    facts = value_dict_with(arena, facts, "stored_name", text_or_null(arena, pg_str(res, row, 2)));
    if (size.ptr)
        facts =
            value_dict_with(arena, facts, "source_bytes", value_int(arena, pg_i64(res, row, 3, 0)));
    const struct value *list;
    struct err ignored;
    if (publications.ptr && json_read(arena, publications, &list, &ignored))
        facts = value_dict_with(arena, facts, "publications", list);
    struct str position = pg_copy(arena, res, row, 5);
    if (position.ptr && json_read(arena, position, &list, &ignored))
        facts = value_dict_with(arena, facts, "apply_position", list);
    return facts;
}

static bool facts_query(struct etl_store *es, struct str params[3], bool sizes,
                        const struct call *call, PGresult **ret, struct err *err)
{
    params[2] = sizes ? STR("t") : STR("f");
    if (!pg_begin(es->client, PG_READ, SIZES_LOCK_MS, call, err))
        return false;
    bool ok = pg_query(es->client, es->sql.facts, params, 3, call, ret, err);
    return pg_end(es->client, ok, call, err);
}

bool etl_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
               struct arena *arena, const struct value **ret, struct err *err)
{
    struct etl_store *es = etl_store(store);
    struct str params[3];
    etl_id_arrays(arena, ids, n, &params[0], &params[1]);
    struct err why = {0};
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!facts_query(es, params, true, call, &res, &why)) {
        /* A table under DDL, or dropped this moment, has no size; the rest is known. */
        if (!is_blindness(&why)) {
            *err = why;
            return false;
        }
        if (!facts_query(es, params, false, call, &res, err))
            return false;
    }
    struct signs signs = {0};
    if (!signs_read(es, call, arena, &signs, &why) && !is_blindness(&why)) {
        *err = why;
        return false;
    }
    for (size_t i = 0; i < n && i < (size_t)PQntuples(res); i++)
        ret[i] = facts_of(es, &signs, ids[i], res, (int)i, arena);
    return true;
}
