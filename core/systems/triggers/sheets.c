/* The lists of the system triggers: sessions, instances, tasks (cli.md). */
#include "core/systems/triggers/sheets.h"

#include "core/system.h"
#include "core/systems/triggers/session.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- sessions -------------------------------------------------------------------------------- */

static const struct column list_columns[] = {
    {"uid", "SESSION", CELL_TEXT, 24, true, true, "uid of the session"},
    {"tasks", "TASKS", CELL_INT, 5, false, false, "configured tasks"},
    {"instances", "INSTANCES", CELL_INT, 9, false, false, "instances of them"},
    {"unresolved", "UNRESOLVED", CELL_INT, 10, false, true,
     "instances not finished, skipped, replayed or abandoned"},
    {"failed", "FAILED", CELL_INT, 6, false, true, "failed instances"},
    {"expires_at", "EXPIRES", CELL_TIME, 9, true, false, "when the cache drops the session"},
    {"bytes", "SIZE", CELL_BYTES, 8, true, false, "stored size"},
    ATTENTION_COLUMN,
};

static struct sheet_row *list_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    struct sheet_row *row = sheet_row_new(sheet, in->arena, in->row->id);
    const struct document *doc = in->doc;
    *sheet_cell(sheet, row, "uid") = cell_text(in->row->label);
    *sheet_cell(sheet, row, "expires_at") =
        cell_time(doc && !doc->absent ? doc->expires_at_us : in->row->expires_at_us);
    *sheet_cell(sheet, row, "bytes") =
        cell_bytes(doc && !doc->absent ? (int64_t)doc->bytes : in->row->bytes);
    if (!doc)
        return row;
    static const char *const counts[] = {"tasks", "instances", "unresolved", "failed"};
    for (size_t i = 0; i < COUNT(counts); i++)
        *sheet_cell(sheet, row, counts[i]) = cell_null();
    if (!doc->root) {
        row->mark = MARK_BAD;
        return row;
    }
    struct session session;
    session_read(in->arena, doc->root, &session);
    int64_t unresolved = 0, failed = 0;
    for (size_t i = 0; i < session.ninstances; i++) {
        unresolved += !instance_resolved(&session.instances[i]);
        failed += instance_failed(&session.instances[i]);
    }
    *sheet_cell(sheet, row, "tasks") = cell_int((int64_t)session.ntasks);
    *sheet_cell(sheet, row, "instances") = cell_int((int64_t)session.ninstances);
    *sheet_cell(sheet, row, "unresolved") = cell_int(unresolved);
    struct cell *cell = sheet_cell(sheet, row, "failed");
    *cell = cell_int(failed);
    cell->mark = failed ? MARK_BAD : MARK_NONE;
    row->mark = session.defect.kind || failed ? MARK_BAD : unresolved ? MARK_WAIT : MARK_OK;
    return row;
}

static void more_of_dict(struct arena *a, const char *name, const struct value *dict,
                         struct sbuf *out)
{
    enum { LONGEST = 1 << 16 };
    for (size_t i = 0; i < value_count(dict); i++) {
        const struct value_pair *pair = &dict->dict.pairs[i];
        struct str key =
            value_is_str(pair->key) ? pair->key->text : value_repr(a, pair->key, LONGEST);
        /* a traceback keeps its lines, and begins one */
        struct str val =
            value_is_str(pair->val) ? pair->val->text : value_repr(a, pair->val, LONGEST);
        bool lines = str_index(val, '\n') >= 0;
        sbuf_printf(out, "%-16s %.*s:%s%.*s\n", name, STR_ARG(key), lines ? "\n" : " ",
                    STR_ARG(val));
        name = "";
    }
}

static void instance_more(const struct sheet_input *in, struct str key, struct sbuf *out)
{
    const struct value *root = in->doc ? in->doc->root : NULL;
    const struct value *instance = value_get_str(value_get(root, "instances"), key);
    more_of_dict(in->arena, "kwargs", value_get(instance, "kwargs"), out);
    more_of_dict(in->arena, "metadata", value_get(instance, "metadata"), out);
}

/* --- instances ------------------------------------------------------------------------------- */

static const struct column instance_columns[] = {
    {"uid", "SESSION", CELL_TEXT, 16, true, false, "uid of the session", .of_record = true},
    {"name", "INSTANCE", CELL_TEXT, 24, false, true, "instance"},
    {"task", NULL, CELL_TEXT, 0, false, false, "task it belongs to"},
    {"status", "STATUS", CELL_TEXT, 11, false, true, "as stored"},
    {"resolved", NULL, CELL_BOOL, 0, false, false, "nothing more is expected of it"},
    {"depth", "DEPTH", CELL_INT, 5, false, false, "how many replays led to it"},
    {"parent", NULL, CELL_TEXT, 0, false, false, "the instance it replays"},
    {"log_level", "LOGS", CELL_TEXT, 8, false, false, "worst level it logged"},
    {"logs_resolved", NULL, CELL_BOOL, 0, false, false, "no error is left to be dealt with"},
    {"can_run", NULL, CELL_BOOL, 0, false, false, "the next fire of its triggers starts it"},
    {"can_replay", NULL, CELL_BOOL, 0, false, false, "it failed: may be replayed or skipped"},
    {"waits_for", "WAITS FOR", CELL_TEXT, 20, false, false, "triggers that have not fired for it"},
    {"last_modified", "MODIFIED", CELL_TIME, 8, false, false, "last change the framework noted"},
    {"exception", "EXCEPTION", CELL_TEXT, 0, false, false, "what went wrong"},
    {"target", "STORE", CELL_TEXT, 10, false, false, "where it lies"},
    {"environment", "ENV", CELL_TEXT, 5, false, true, "of that store"},
};
enum { OF_STORE = 2, INSTANCE_COLUMNS = COUNT(instance_columns) - OF_STORE };

static enum mark instance_mark(const struct instance *i)
{
    if (instance_failed(i) || !i->task)
        return MARK_BAD;
    if (!instance_logs_resolved(i))
        return MARK_WARN;
    if (instance_resolved(i))
        return MARK_OK;
    return MARK_WAIT;
}

static struct sheet_row *instance_row(const struct sheet *sheet, const struct sheet_input *in,
                                      const struct instance *i)
{
    struct arena *arena = in->arena;
    struct sheet_row *row = sheet_row_new(sheet, arena, i->name);
    const struct cell cells[] = {
        cell_text(in->row->label),
        cell_text(i->name),
        cell_text(i->task_name),
        cell_text(i->status),
        cell_bool(instance_resolved(i)),
        cell_int(i->depth),
        cell_text(i->parent),
        i->log_level ? cell_text(log_level_name(arena, i->log_level)) : cell_null(),
        cell_bool(instance_logs_resolved(i)),
        cell_bool(instance_can_run(i)),
        cell_bool(instance_failed(i)),
        cell_text(instance_waits_for(arena, i)),
        cell_time(i->modified_us),
        cell_text(instance_exception(arena, i)),
    };
    _Static_assert(COUNT(cells) == INSTANCE_COLUMNS, "a cell for every column");
    for (size_t c = 0; c < COUNT(cells); c++)
        row->cells[c] = cells[c];
    row->mark = instance_mark(i);
    sheet_cell(sheet, row, "status")->mark = row->mark;
    return row;
}

/* What began first comes first; what has not begun comes last. Equal ones as stored. */
static int compare_started(const void *a, const void *b)
{
    const struct instance *x = *(const struct instance *const *)a;
    const struct instance *y = *(const struct instance *const *)b;
    int64_t tx = x->created_us == TIME_UNKNOWN ? TIME_NEVER : x->created_us;
    int64_t ty = y->created_us == TIME_UNKNOWN ? TIME_NEVER : y->created_us;
    if (tx != ty)
        return (tx > ty) - (tx < ty);
    return (x->at > y->at) - (x->at < y->at);
}

static struct sheet_row *instances_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    if (!in->doc || !in->doc->root)
        return NULL;
    struct session session;
    session_read(in->arena, in->doc->root, &session);
    const struct instance **order =
        arena_array(in->arena, const struct instance *, session.ninstances);
    for (size_t i = 0; i < session.ninstances; i++)
        order[i] = &session.instances[i];
    qsort(order, session.ninstances, sizeof *order, compare_started);
    struct sheet_row *first = NULL, **end = &first;
    for (size_t i = 0; i < session.ninstances; i++) {
        *end = instance_row(sheet, in, order[i]);
        end = &(*end)->next;
    }
    return first;
}

/* --- tasks ----------------------------------------------------------------------------------- */

static const struct column task_columns[] = {
    {"uid", NULL, CELL_TEXT, 0, true, false, "uid of the session"},
    {"name", "TASK", CELL_TEXT, 24, false, true, "task"},
    {"run", "RUNS", CELL_TEXT, 24, false, false, "Celery task"},
    {"using", NULL, CELL_TEXT, 0, false, false, "runner, when not the default"},
    {"after", "AFTER", CELL_TEXT, 20, false, false, "triggers that must all have fired"},
    {"unless", "UNLESS", CELL_TEXT, 12, false, false, "triggers that together forbid it"},
    {"and_every", NULL, CELL_TEXT, 0, false, false, "trigger that makes a further instance"},
    {"instances", "INSTANCES", CELL_INT, 9, false, false, "instances of it"},
    {"resolved", "RESOLVED", CELL_BOOL, 8, false, false, "it has instances, all resolved"},
    {"next_instance", NULL, CELL_TEXT, 0, false, false, "name of the next instance"},
    {"waits_for", "NOT FIRED YET", CELL_TEXT, 0, false, false,
     "triggers of `after` that never fired in this session"},
};

static struct str join(struct arena *arena, const struct names *names, const struct value *but)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < names->n; i++) {
        if (but && field(but, names->items[i]))
            continue;
        sbuf_cstr(&out, out.len ? ", " : "");
        sbuf_str(&out, names->items[i]);
    }
    struct str joined = out.len ? arena_str(arena, sbuf_view(&out)) : STR_NULL;
    sbuf_release(&out);
    return joined;
}

static struct sheet_row *task_row(const struct sheet *sheet, const struct sheet_input *in,
                                  const struct session *session, const struct task *task)
{
    struct arena *arena = in->arena;
    struct sheet_row *row = sheet_row_new(sheet, arena, task->name);
    const struct value *fired = session->latest ? session->latest : value_empty_dict(arena);
    const struct cell cells[] = {
        cell_text(in->row->label),
        cell_text(task->name),
        cell_text(task->run),
        cell_text(task->runner),
        cell_text(join(arena, &task->after, NULL)),
        cell_text(join(arena, &task->unless, NULL)),
        cell_text(task->and_every),
        cell_int((int64_t)task->instances),
        cell_bool(!task_unresolved(task)),
        cell_text(task_next_name(arena, task)),
        cell_text(join(arena, &task->after, fired)),
    };
    _Static_assert(COUNT(cells) == COUNT(task_columns), "a cell for every column");
    for (size_t c = 0; c < COUNT(cells); c++)
        row->cells[c] = cells[c];
    row->mark = task_unresolved(task) ? MARK_WAIT : MARK_OK;
    return row;
}

static struct sheet_row *tasks_fill(const struct sheet *sheet, const struct sheet_input *in)
{
    if (!in->doc || !in->doc->root)
        return NULL;
    struct session session;
    session_read(in->arena, in->doc->root, &session);
    struct sheet_row *first = NULL, **end = &first;
    for (size_t i = 0; i < session.ntasks; i++) {
        *end = task_row(sheet, in, &session, &session.tasks[i]);
        end = &(*end)->next;
    }
    return first;
}

const struct sheet session_sheets[3] = {
    {"list", "sessions", list_columns, COUNT(list_columns), list_fill},
    {"instances", "instances", instance_columns, INSTANCE_COLUMNS, instances_fill, instance_more},
    {"tasks", "tasks", task_columns, COUNT(task_columns), tasks_fill},
};
const struct sheet all_instances_sheet = {"all instances",         "instances",    instance_columns,
                                          COUNT(instance_columns), instances_fill, instance_more};
