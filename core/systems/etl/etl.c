/* The table of the system etl. */
#include "core/systems/etl/etl.h"

#include <string.h>

static bool check_id(struct str id, struct err *err)
{
    uint64_t pipeline;
    uint32_t oid;
    if (etl_id_parse(id, &pipeline, &oid))
        return true;
    err_set(err, ERR_INVALID, "%.*s: not a pipeline id and a table oid, like 7/16411", STR_ARG(id));
    return err_hint(err, "schema.name works too");
}

/* schema.name, oid, pid/schema.name; pid/oid is the id itself. */
static bool names(const struct row *row, struct str name)
{
    ptrdiff_t slash = str_index(row->id, '/');
    if (str_eq(name, row->label) || str_eq(name, row->id))
        return true;
    if (slash < 0)
        return false;
    size_t pid = (size_t)slash + 1; /* with its slash */
    if (str_eq(name, str_sub(row->id, pid, row->id.len)))
        return true;
    return name.len > pid && memcmp(name.ptr, row->id.ptr, pid) == 0 &&
           str_eq(str_sub(name, pid, name.len), row->label);
}

static struct str brief(const struct value *root, struct arena *arena)
{
    if (!root)
        return STR("absent");
    struct etl_table table = etl_table_read(arena, root);
    if (table.current)
        return str_of(etl_phases[table.current->phase].name);
    return table.nrows ? STR("no phase") : STR("left over");
}

static struct str status(const struct sheet_input *in, enum mark *ret_mark)
{
    if (!in->doc || !in->doc->root) {
        bool unreadable = in->doc && !in->doc->absent;
        *ret_mark = unreadable ? MARK_BAD : MARK_NONE;
        return unreadable ? STR("unreadable") : in->row->phase;
    }
    struct etl_table table = etl_table_read(in->arena, in->doc->root);
    *ret_mark = etl_verdict_of(in, &table).mark;
    return brief(in->doc->root, in->arena);
}

static const struct action actions[] = {
    {.key = 'r', .verb = "rollback", .op = "rollback", .label = "rollback one step"},
    {.key = 'h',
     .verb = "rollback",
     .op = "rollback",
     .label = "rollback to the nearest healthy phase: copies again, history kept",
     .args = {{"to-healthy", ""}}},
    {.key = 't',
     .verb = "reset",
     .op = "rollback",
     .label = "reset to init: copies again, history goes",
     .args = {{"full", ""}}},
    {.key = 'c',
     .verb = "clear-copy",
     .op = "clear-copy",
     .label = "clear copy state: after the object was dropped by hand"},
    {.key = 'f',
     .verb = "forget",
     .op = "forget",
     .label = "forget: remove a table that left the publication"},
    {0},
};

const struct system system_etl = {
    .name = "etl",
    .noun = "table",
    .records = "tables",
    .parts = {[ETL_STATES] = "states",
              [ETL_PROGRESS] = "progress",
              [ETL_SCHEMAS] = "schemas",
              [ETL_DESTINATION] = "destination"},
    .nparts = 4,
    .sheets = etl_sheets,
    .nsheets = sizeof etl_sheets / sizeof etl_sheets[0],
    .no_restore = "a table goes back along its phases: x on the table rolls it back",
    .undo_waits = true,
    .ops = etl_ops,
    .actions = actions,
    .check_id = check_id,
    .names = names,
    .brief = brief,
    .status = status,
    .judge = etl_judge,
    .check = etl_check,
    .show = etl_show,
    .say_changes = etl_say_changes,
};
