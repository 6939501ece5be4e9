#include "core/systems/etl/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COPIES_AT_START "the destination table is dropped and copied again from the start"

const struct etl_phase_info etl_phases[ETL_PHASES] = {
    [ETL_INIT] = {"init", true, true, false, COPIES_AT_START},
    [ETL_DATA_SYNC] = {"data_sync", true, true, false, COPIES_AT_START},
    [ETL_FINISHED_COPY] = {"finished_copy", true, true, false, COPIES_AT_START},
    [ETL_SYNC_WAIT] = {"sync_wait", false, false, false,
                       "the worker rejects this phase and marks the table errored"},
    [ETL_CATCHUP] = {"catchup", false, false, false,
                     "the worker rejects this phase and marks the table errored"},
    [ETL_SYNC_DONE] = {"sync_done", true, false, true,
                       "no copy; becomes ready once the apply position reaches its LSN"},
    [ETL_READY] = {"ready", true, false, true, "streaming goes on"},
    [ETL_ERRORED] = {"errored", true, false, false,
                     "the table is skipped; a retry timer does not survive a restart"},
    [ETL_DAMAGED] = {"damaged", false, false, false,
                     "the whole pipeline fails to start on this row"},
};

static const struct {
    enum etl_policy policy;
    const char *name;
} policies[] = {
    {ETL_NO_RETRY, "no_retry"},
    {ETL_MANUAL_RETRY, "manual_retry"},
    {ETL_TIMED_RETRY, "timed_retry"},
};

const char *etl_policy_name(enum etl_policy policy)
{
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (policies[i].policy == policy)
            return policies[i].name;
    }
    return NULL;
}

/* --- small parsers -------------------------------------------------------------------------- */

static bool hex32(struct str s, uint64_t *ret)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = isxdigit((unsigned char)s.ptr[i]) ? strchr(digits, s.ptr[i] | 0x20) : NULL;
        if (!at)
            return false;
        n = n << 4 | (uint64_t)(at - digits);
        if (n > UINT32_MAX)
            return false;
    }
    *ret = n;
    return s.len > 0;
}

bool etl_lsn_parse(struct str s, uint64_t *ret)
{
    ptrdiff_t slash = str_index(s, '/');
    uint64_t high, low;
    if (slash < 0 || !hex32(str_sub(s, 0, (size_t)slash), &high) ||
        !hex32(str_sub(s, (size_t)slash + 1, s.len), &low))
        return false;
    *ret = high << 32 | low;
    return true;
}

static bool canonical_u64(struct str s, uint64_t *ret)
{
    return str_u64(s, ret) && (s.len == 1 || s.ptr[0] != '0');
}

bool etl_id_parse(struct str id, uint64_t *ret_pipeline, uint32_t *ret_oid)
{
    ptrdiff_t slash = str_index(id, '/');
    uint64_t pipeline, oid;
    if (slash < 0 || !canonical_u64(str_sub(id, 0, (size_t)slash), &pipeline) ||
        !canonical_u64(str_sub(id, (size_t)slash + 1, id.len), &oid) || oid > UINT32_MAX)
        return false;
    *ret_pipeline = pipeline;
    *ret_oid = (uint32_t)oid;
    return true;
}

bool etl_id_is_worker(struct str id)
{
    uint64_t pipeline;
    uint32_t oid;
    return etl_id_parse(id, &pipeline, &oid) && oid == 0;
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct str etl_reason_kind(struct str reason)
{
    bool bracket = reason.len && reason.ptr[0] == '[';
    size_t from = bracket, to = from;
    while (to < reason.len && (is_alpha(reason.ptr[to]) ||
                               (to > from && reason.ptr[to] >= '0' && reason.ptr[to] <= '9')))
        to++;
    bool closed = to > from && to < reason.len && reason.ptr[to] == (bracket ? ']' : ':');
    bool upper = to > from && reason.ptr[from] >= 'A' && reason.ptr[from] <= 'Z';
    return closed && (bracket || upper) ? str_sub(reason, from, to) : STR_NULL;
}

bool etl_timer_dead(const struct etl_row *row, int64_t now_us)
{
    return row->policy == ETL_TIMED_RETRY && row->next_retry_us != TIME_UNKNOWN &&
           row->next_retry_us < now_us - INT64_C(60) * 1000000;
}

/* --- metadata ------------------------------------------------------------------------------- */

static bool text_of(const struct value *dict, const char *key, struct str *ret)
{
    const struct value *v = value_get(dict, key);
    if (!value_is_str(v))
        return false;
    *ret = v->text;
    return true;
}

/* The fields an errored row must have; the answer is what is wrong, or NULL. `source_err` is never
 * stored, `solution` may be missing in rows from before August 2025. */
static const char *errored_read(const struct value *metadata, struct etl_row *row)
{
    struct str word, next;
    if (!text_of(metadata, "reason", &row->reason))
        return "errored without reason";
    const struct value *solution = value_get(metadata, "solution");
    if (solution && !value_is_null(solution) && !text_of(metadata, "solution", &row->solution))
        return "its solution is no text";
    const struct value *policy = value_get(metadata, "retry_policy");
    if (!text_of(policy, "type", &word))
        return "errored without retry policy";
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (str_is(word, policies[i].name))
            row->policy = policies[i].policy;
    }
    if (row->policy == ETL_NO_POLICY)
        return "unknown retry policy";
    if (row->policy == ETL_TIMED_RETRY &&
        (!text_of(policy, "next_retry", &next) || !time_parse(next, &row->next_retry_us)))
        return "timed retry without a time";
    return NULL;
}

static const char *metadata_read(const struct value *metadata, struct etl_row *row,
                                 enum etl_phase *ret)
{
    struct str type;
    uint64_t lsn;
    if (!metadata || value_is_null(metadata))
        return "metadata is NULL";
    if (!text_of(metadata, "type", &type))
        return "metadata has no type";
    enum etl_phase phase = 0;
    while (phase < ETL_DAMAGED && !str_is(type, etl_phases[phase].name))
        phase++;
    if (phase == ETL_DAMAGED)
        return "unknown phase in metadata";
    bool has_lsn = phase == ETL_SYNC_DONE || phase == ETL_SYNC_WAIT || phase == ETL_CATCHUP;
    if (has_lsn && (!text_of(metadata, "lsn", &row->lsn) || !etl_lsn_parse(row->lsn, &lsn)))
        return "metadata without a valid lsn";
    *ret = phase;
    return phase == ETL_ERRORED ? errored_read(metadata, row) : NULL;
}

void etl_metadata_read(struct arena *arena, const struct value *metadata, struct etl_row *row)
{
    row->detail = value_is_null(metadata) ? NULL : metadata;
    row->next_retry_us = TIME_UNKNOWN;
    const char *damage = metadata_read(metadata, row, &row->phase);
    if (!damage)
        return;
    row->phase = ETL_DAMAGED;
    row->damage = arena_str(arena, str_of(damage));
}

/* --- rows and chain ------------------------------------------------------------------------- */

static int64_t time_of(const struct value *row, const char *key)
{
    int64_t us;
    return time_parse(value_str_or(value_get(row, key), STR("")), &us) ? us : TIME_UNKNOWN;
}

static void row_read(struct arena *arena, const struct value *value, size_t index,
                     struct etl_row *row)
{
    *row = (struct etl_row){.index = index, .value = value, .depth = -1};
    value_to_i64(value_get(value, "id"), &row->id);
    row->state = value_str_or(value_get(value, "state"), STR_NULL);
    row->has_prev = value_to_i64(value_get(value, "prev"), &row->prev);
    row->is_current = value_truth(value_get(value, "is_current"));
    row->created_us = time_of(value, "created_at");
    row->updated_us = time_of(value, "updated_at");
    etl_metadata_read(arena, value_get(value, "metadata"), row);
}

static int by_id(const void *a, const void *b)
{
    const struct etl_row *x = *(struct etl_row *const *)a, *y = *(struct etl_row *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static struct etl_row *find(struct etl_row **sorted, size_t n, int64_t id)
{
    struct etl_row key = {.id = id}, *keys = &key;
    struct etl_row **at = n ? bsearch(&keys, sorted, n, sizeof *sorted, by_id) : NULL;
    return at ? *at : NULL;
}

/* Every row is entered once, which bounds the walk; constraints prevent no cycle (9.8). */
static void chain_walk(struct arena *arena, struct etl_table *table)
{
    struct etl_row **sorted = arena_array(arena, struct etl_row *, table->nrows);
    for (size_t i = 0; i < table->nrows; i++)
        sorted[i] = &table->rows[i];
    if (table->nrows)
        qsort(sorted, table->nrows, sizeof *sorted, by_id);
    table->chain = arena_array(arena, struct etl_row *, table->nrows);
    struct etl_row *row = table->current;
    while (row) {
        row->depth = (ptrdiff_t)table->nchain;
        table->chain[table->nchain++] = row;
        if (!row->has_prev)
            return;
        row = find(sorted, table->nrows, row->prev);
        if (!row)
            table->end = ETL_CHAIN_BROKEN;
        else if (row->depth >= 0) {
            table->end = ETL_CHAIN_CYCLE;
            return;
        }
    }
}

struct etl_table etl_table_read(struct arena *arena, const struct value *root)
{
    struct etl_table table = {0};
    const struct value *states = value_get(root, "states");
    if (!value_is_list(states))
        return table;
    table.nrows = value_count(states);
    table.rows = arena_array(arena, struct etl_row, table.nrows);
    for (size_t i = 0; i < table.nrows; i++) {
        row_read(arena, value_at(states, i), i, &table.rows[i]);
        if (table.rows[i].is_current) {
            table.current = &table.rows[i];
            table.ncurrent++;
        }
    }
    chain_walk(arena, &table);
    return table;
}

struct etl_row *etl_table_back(const struct etl_table *table, const struct etl_row *row)
{
    size_t next = (size_t)row->depth + 1;
    return row->depth >= 0 && next < table->nchain ? table->chain[next] : NULL;
}

const struct etl_row *etl_table_holds(const struct etl_table *table, size_t depth)
{
    for (size_t i = 0; i < table->nrows; i++) {
        const struct etl_row *row = &table->rows[i];
        if ((row->depth >= 0 && row->depth < (ptrdiff_t)depth) || !row->has_prev)
            continue;
        for (size_t j = 0; j < depth; j++) {
            if (table->chain[j]->id == row->prev)
                return row;
        }
    }
    return NULL;
}
