#include "core/own_sheets.h"

#include <string.h>

/* --- locks ----------------------------------------------------------------------------------- */

static const struct column lock_columns[LOCK_COLUMNS] = {
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "system", .title = "SYSTEM", .type = CELL_TEXT},
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    {.name = "holder", .title = "HOLDER", .type = CELL_TEXT},
    {.name = "taken_at", .title = "TAKEN", .type = CELL_TIME},
    {.name = "age_seconds", .title = NULL, .type = CELL_INT},
    {.name = "expires_at", .title = NULL, .type = CELL_TIME},
    {.name = "frees_itself", .title = "FREES ITSELF", .type = CELL_TEXT},
    {.name = "waiters", .title = "WAITERS", .type = CELL_INT},
    {.name = "verdict", .title = "VERDICT", .type = CELL_TEXT, .keep = true},
    {.name = "evidence", .title = "EVIDENCE", .type = CELL_TEXT},
    {.name = "mine", .title = NULL, .type = CELL_BOOL},
    {.name = "target", .title = "STORE", .type = CELL_TEXT},
    {.name = "breakable", .title = NULL, .type = CELL_BOOL},
    {.name = "environment", .title = "ENV", .type = CELL_TEXT, .keep = true},
};
const struct sheet lock_sheet = {
    .name = "locks", .title = "locks", .columns = lock_columns, .ncolumns = LOCK_COLUMNS};

static enum mark mark_of(enum lock_verdict verdict)
{
    static const enum mark marks[] = {[LOCK_LIVE] = MARK_WAIT,
                                      [LOCK_STALE] = MARK_WARN,
                                      [LOCK_ORPHAN] = MARK_BAD,
                                      [LOCK_UNKNOWN] = MARK_NONE};
    return marks[verdict];
}

void lock_cells(const struct lock *lock, const struct open_store *store, int64_t now_us,
                struct cell ret[LOCK_COLUMNS])
{
    bool dated = lock->taken_at_us != TIME_UNKNOWN;
    int64_t age = dated ? (now_us - lock->taken_at_us) / 1000000 : 0;
    struct cell cells[LOCK_COLUMNS] = {
        cell_text(store_info(store->store)->identity),
        cell_text(str_of(store_system(store->store)->name)),
        cell_text(lock->object),
        cell_text(lock->holder),
        cell_time(lock->taken_at_us),
        dated ? cell_int(age) : cell_null(),
        cell_time(lock->expires_at_us),
        cell_text(lock->frees_itself),
        lock->waiters >= 0 ? cell_int(lock->waiters) : cell_null(),
        cell_text(str_of(lock_verdict_name(lock->verdict))),
        cell_text(lock->evidence),
        cell_bool(lock->mine),
        cell_text(str_of(store->target.name)),
        cell_bool(store_supports(store->store, STORE_BREAKS)),
        cell_text(str_of(environment_name(store->target.env))),
    };
    cells[9].mark = mark_of(lock->verdict);
    memcpy(ret, cells, sizeof cells);
}

/* --- the journal ----------------------------------------------------------------------------- */

static const struct column entry_columns[ENTRY_COLUMNS] = {
    {.name = "id", .title = "ID", .type = CELL_TEXT, .keep = true},
    {.name = "at", .title = "AGE", .type = CELL_TIME, .keep = true},
    {.name = "who", .title = "WHO", .type = CELL_TEXT},
    {.name = "target", .title = "TARGET", .type = CELL_TEXT},
    {.name = "verb", .title = "VERB", .type = CELL_TEXT, .keep = true},
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .width = 18},
    {.name = "objects", .title = NULL, .type = CELL_INT},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT},
    {.name = "undoable", .title = NULL, .type = CELL_BOOL},
    {.name = "undo_scope", .title = "UNDO", .type = CELL_TEXT},
    {.name = "undone_by", .title = "UNDONE BY", .type = CELL_TEXT},
    {.name = "reason", .title = "REASON", .type = CELL_TEXT},
    {.name = "system", .title = NULL, .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "server", .title = NULL, .type = CELL_TEXT},
    {.name = "plan_id", .title = NULL, .type = CELL_TEXT},
};
const struct sheet entry_sheet = {
    .name = "journal", .title = "journal", .columns = entry_columns, .ncolumns = ENTRY_COLUMNS};

static const char *entry_outcome(const struct journal_entry *e)
{
    if (e->intended)
        return "intended";
    if (e->applied == e->nitems)
        return "applied";
    return e->applied ? "partly" : "failed";
}

static bool is_undoable(const struct journal_entry *e)
{
    return e->applied && !e->intended && !e->undone_by && e->undo != UNDO_NONE;
}

struct str entry_id_of_number(const struct journal_entry *entries, size_t n, int64_t number)
{
    for (size_t i = 0; number && i < n; i++) {
        if (entries[i].n == number)
            return str_of(entries[i].id);
    }
    return STR_NULL;
}

static struct str entry_object(const struct journal_entry *e, struct arena *arena)
{
    return e->nitems > 1
               ? arena_printf(arena, "%.*s and %zu more", STR_ARG(e->first), e->nitems - 1)
               : e->first;
}

void entry_cells(const struct journal_entry *e, struct str undone_by, struct arena *arena,
                 struct cell ret[ENTRY_COLUMNS])
{
    const struct cell cells[ENTRY_COLUMNS] = {
        cell_text(str_of(e->id)),
        cell_time(e->at_us),
        cell_text(e->who),
        cell_text(e->target),
        cell_text(e->verb),
        cell_text(entry_object(e, arena)),
        cell_int((int64_t)e->nitems),
        cell_text(str_of(entry_outcome(e))),
        cell_bool(is_undoable(e)),
        cell_text(str_of(undo_scope_name(e->undo))),
        cell_text(undone_by),
        cell_text(e->reason.len ? e->reason : STR_NULL),
        cell_text(e->system),
        cell_text(e->store),
        cell_text(e->server),
        cell_text(str_of(e->plan_id)),
    };
    memcpy(ret, cells, sizeof cells);
}

static const struct column item_columns[ITEM_COLUMNS] = {
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    {.name = "before", .title = "BEFORE", .type = CELL_TEXT},
    {.name = "after", .title = "AFTER", .type = CELL_TEXT},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT, .keep = true},
    {.name = "verified", .title = NULL, .type = CELL_BOOL},
    {.name = "undone", .title = "UNDONE", .type = CELL_BOOL},
    {.name = "detail", .title = "DETAIL", .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "id", .title = NULL, .type = CELL_TEXT},
};
const struct sheet item_sheet = {
    .name = "items", .title = "records", .columns = item_columns, .ncolumns = ITEM_COLUMNS};

void item_cells(const struct journal_item *item, struct cell ret[ITEM_COLUMNS])
{
    const struct cell cells[ITEM_COLUMNS] = {
        cell_text(item->label),      cell_text(item->before_text),
        cell_text(item->after_text), cell_text(str_of(outcome_name(item->outcome))),
        cell_bool(item->verified),   cell_bool(item->undone),
        cell_text(item->detail),     cell_text(item->store),
        cell_text(item->id),
    };
    memcpy(ret, cells, sizeof cells);
}

static const struct column change_columns[CHANGE_COLUMNS] = {
    {.name = "id", .title = "ID", .type = CELL_TEXT, .keep = true},
    {.name = "at", .title = "AGE", .type = CELL_TIME, .keep = true},
    {.name = "who", .title = "WHO", .type = CELL_TEXT},
    {.name = "verb", .title = "VERB", .type = CELL_TEXT, .keep = true},
    {.name = "before", .title = "BEFORE", .type = CELL_TEXT},
    {.name = "after", .title = "AFTER", .type = CELL_TEXT},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT},
    {.name = "undone", .title = "UNDONE", .type = CELL_BOOL},
    {.name = "undo_scope", .title = "UNDO", .type = CELL_TEXT},
    {.name = "reason", .title = "REASON", .type = CELL_TEXT},
    {.name = "detail", .title = NULL, .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
};
const struct sheet change_sheet = {
    .name = "changes", .title = "changes", .columns = change_columns, .ncolumns = CHANGE_COLUMNS};

void change_cells(const struct journal_entry *e, const struct journal_item *item,
                  struct cell ret[CHANGE_COLUMNS])
{
    const struct cell cells[CHANGE_COLUMNS] = {
        cell_text(str_of(e->id)),
        cell_time(e->at_us),
        cell_text(e->who),
        cell_text(e->verb),
        cell_text(item->before_text),
        cell_text(item->after_text),
        cell_text(str_of(outcome_name(item->outcome))),
        cell_bool(item->undone),
        cell_text(str_of(undo_scope_name(item->undo))),
        cell_text(e->reason.len ? e->reason : STR_NULL),
        cell_text(item->detail),
        cell_text(item->store),
    };
    memcpy(ret, cells, sizeof cells);
}

/* --- the audit file -------------------------------------------------------------------------- */

static const struct column audit_columns[AUDIT_COLUMNS] = {
    {.name = "time", .title = "AGE", .type = CELL_TIME, .keep = true},
    {.name = "who", .title = "WHO", .type = CELL_TEXT},
    {.name = "context", .title = "TARGET", .type = CELL_TEXT},
    {.name = "verb", .title = "VERB", .type = CELL_TEXT, .keep = true},
    {.name = "object", .title = "OBJECT", .type = CELL_TEXT, .keep = true},
    {.name = "outcome", .title = "OUTCOME", .type = CELL_TEXT, .keep = true},
    {.name = "reason", .title = "REASON", .type = CELL_TEXT},
    {.name = "plan_id", .title = NULL, .type = CELL_TEXT},
};

const struct sheet audit_sheet = {
    .name = "audit", .title = "audit", .columns = audit_columns, .ncolumns = AUDIT_COLUMNS};

static struct cell text_cell(json_t *line, const char *name)
{
    json_t *v = json_object_get(line, name);
    return json_is_string(v) ? cell_text((struct str){json_string_value(v), json_string_length(v)})
                             : cell_null();
}

/* A result stands for the intention in front of it; an intention alone was never finished. Marks
 * the intentions that have a result, going backwards. */
bool *audit_folded(struct arena *arena, json_t *lines)
{
    size_t n = json_array_size(lines);
    bool *folded = arena_array(arena, bool, n);
    json_t *results = json_object();
    for (size_t i = n; i-- > 0;) {
        json_t *line = json_array_get(lines, i);
        const char *step = json_string_value(json_object_get(line, "step"));
        const char *plan = json_string_value(json_object_get(line, "plan_id"));
        const char *store = json_string_value(json_object_get(line, "store"));
        const char *id = json_string_value(json_object_get(line, "id"));
        if (!step || !plan || !store || !id)
            continue;
        const char *key = arena_printf(arena, "%s %s %s", plan, store, id).ptr;
        if (strcmp(step, "result") == 0)
            json_object_set_new(results, key, json_true());
        else
            folded[i] = json_object_get(results, key) != NULL;
    }
    json_decref(results);
    return folded;
}

void audit_cells(json_t *line, struct cell ret[AUDIT_COLUMNS])
{
    int64_t at = TIME_UNKNOWN;
    for (size_t i = 0; i < AUDIT_COLUMNS; i++)
        ret[i] = text_cell(line, audit_columns[i].name);
    if (ret[0].text.ptr)
        time_parse(ret[0].text, &at);
    ret[0] = cell_time(at);
    if (ret[AUDIT_OUTCOME].type == CELL_NULL)
        ret[AUDIT_OUTCOME] = text_cell(line, "step");
}

/* --- what is found at a target ---------------------------------------------------------------- */

static const struct column probe_columns[PROBE_COLUMNS] = {
    {.name = "target", .title = "STORE", .type = CELL_TEXT, .keep = true},
    {.name = "system", .title = "SYSTEM", .type = CELL_TEXT, .keep = true},
    {.name = "backend", .title = "BACKEND", .type = CELL_TEXT},
    {.name = "layout", .title = "LAYOUT", .type = CELL_TEXT},
    {.name = "layout_version", .title = "VERSION", .type = CELL_TEXT},
    {.name = "server", .title = "SERVER", .type = CELL_TEXT},
    {.name = "writable", .title = "WRITABLE", .type = CELL_BOOL},
    {.name = "rights", .title = "RIGHTS", .type = CELL_TEXT},
    {.name = "records", .title = "RECORDS", .type = CELL_INT},
    {.name = "latency_ms", .title = "MS", .type = CELL_INT},
    {.name = "note", .title = "NOTE", .type = CELL_TEXT},
    {.name = "why_read_only", .title = NULL, .type = CELL_TEXT},
    {.name = "store", .title = NULL, .type = CELL_TEXT},
    {.name = "server_version", .title = NULL, .type = CELL_TEXT},
};

const struct sheet probe_sheet = {
    .name = "probe", .title = "probe", .columns = probe_columns, .ncolumns = PROBE_COLUMNS};

void probe_cells(const struct open_store *open, struct cell ret[PROBE_COLUMNS])
{
    const struct store_info *info = store_info(open->store);
    struct cell cells[PROBE_COLUMNS] = {
        cell_text(str_of(open->target.name)),
        cell_text(str_of(info->system->name)),
        cell_text(str_of(info->backend)),
        cell_text(str_of(info->layout_name)),
        cell_text(info->layout_version),
        cell_text(info->server),
        cell_bool(store_supports(open->store, STORE_WRITES)),
        cell_text(info->rights),
        info->records >= 0 ? cell_int(info->records) : cell_null(),
        cell_int(info->latency_ms),
        cell_text(info->note),
        cell_text(info->why_read_only),
        cell_text(info->identity),
        cell_text(info->version),
    };
    memcpy(ret, cells, sizeof cells);
}
