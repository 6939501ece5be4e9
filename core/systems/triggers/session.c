#include "core/systems/triggers/session.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *status;
    bool resolved, logs_relevant;
} statuses[] = {
    {"unstarted", false, true}, {"scheduled", false, true}, {"running", false, true},
    {"finished", true, true},   {"failed", false, true},    {"replayed", true, false},
    {"skipped", true, false},   {"abandoned", true, false},
};

enum { LEVEL_ERROR = 40 };

/* --- values ---------------------------------------------------------------------------------- */

struct str text_or(const struct value *v, struct str other)
{
    if (v && (v->type == VALUE_STR || v->type == VALUE_PY2STR))
        return v->text;
    return other;
}

/* Place of a key that Python 2 wrote as a byte string. */
static ptrdiff_t python2_field(const struct value *dict, struct str key)
{
    for (size_t i = 0; i < value_count(dict); i++) {
        const struct value *k = dict->dict.pairs[i].key;
        if (k->type == VALUE_PY2STR && str_eq(k->text, key))
            return (ptrdiff_t)i;
    }
    return -1;
}

const struct value *field(const struct value *dict, struct str key)
{
    if (!value_is_dict(dict))
        return NULL;
    const struct value *v = value_get_str(dict, key);
    if (v)
        return v;
    ptrdiff_t i = python2_field(dict, key);
    return i < 0 ? NULL : dict->dict.pairs[i].val;
}

const struct value *with_field(struct arena *arena, const struct value *dict, struct str key,
                               const struct value *val)
{
    ptrdiff_t i = value_get_str(dict, key) ? -1 : python2_field(dict, key);
    if (i < 0)
        return value_dict_with_str(arena, dict, key, val);
    struct value_pair *pairs = arena_array(arena, struct value_pair, dict->dict.n);
    memcpy(pairs, dict->dict.pairs, dict->dict.n * sizeof *pairs);
    pairs[i].val = val;
    return value_dict(arena, pairs, dict->dict.n);
}

static bool is_falsy(const struct value *v)
{
    return !v || !value_truth(v);
}

/* --- sets of names --------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct names names_make(struct arena *arena, const struct str *items, size_t n)
{
    struct names names = {.items = items, .sorted = items, .n = n};
    if (n > 1) {
        struct str *sorted = arena_array(arena, struct str, n);
        memcpy(sorted, items, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare_names);
        names.sorted = sorted;
    }
    return names;
}

bool names_have(const struct names *names, struct str name)
{
    return names->n && bsearch(&name, names->sorted, names->n, sizeof name, compare_names);
}

bool names_within(const struct names *part, const struct names *whole)
{
    for (size_t i = 0; i < part->n; i++) {
        if (!names_have(whole, part->items[i]))
            return false;
    }
    return true;
}

/* A trigger name is text. Anything else cannot fire, so it only has to keep the sets different. */
static struct str name_of(const struct value *v)
{
    return text_or(v, STR("\xff not text"));
}

/* Elements of a list, tuple or set. The framework makes a set of whatever iterates: of a plain
 * string its characters (2.2). */
static struct names names_of_items(struct arena *arena, const struct value *v)
{
    struct str text = text_or(v, STR_NULL);
    size_t n = text.ptr ? text.len : (value_is_dict(v) ? 0 : value_count(v));
    struct str *items = arena_array(arena, struct str, n);
    if (!text.ptr) {
        for (size_t i = 0; i < n; i++)
            items[i] = name_of(v->list.items[i]);
        return names_make(arena, items, n);
    }
    size_t count = 0;
    for (size_t pos = 0; pos < text.len;) {
        size_t from = pos;
        utf8_next(text, &pos);
        items[count++] = str_sub(text, from, pos);
    }
    return names_make(arena, items, count);
}

/* Keys of a dict, or of an object filled item by item (OrderedDict). */
static struct names names_of_keys(struct arena *arena, const struct value *v)
{
    bool call = v && v->type == VALUE_CALL;
    size_t n = call ? v->call.nsteps : (value_is_dict(v) ? v->dict.n : 0), count = 0;
    struct str *items = arena_array(arena, struct str, n);
    for (size_t i = 0; i < n; i++) {
        if (!call)
            items[count++] = name_of(v->dict.pairs[i].key);
        else if (v->call.steps[i].op == CALLOP_SETITEM)
            items[count++] = name_of(v->call.steps[i].key);
    }
    return names_make(arena, items, count);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The first defect is the one reported. */
__attribute__((format(printf, 2, 3))) static void defect(struct session *session, const char *fmt,
                                                         ...)
{
    if (session->defect.kind)
        return;
    va_list ap;
    va_start(ap, fmt);
    char text[384];
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(&session->defect, ERR_CORRUPT, "%s", text);
    err_hint(&session->defect, "the framework cannot load it either; mend it with `session edit`");
}

static int64_t int_or(const struct value *v, int64_t other)
{
    int64_t n;
    return value_to_i64(v, &n) ? n : other;
}

/* A timestamp: a naive UTC datetime in a pickle, text in JSON (5.8). */
static int64_t time_of(const struct value *v)
{
    int64_t us;
    if (v && (value_to_time(v, &us) || time_parse(text_or(v, STR("")), &us)))
        return us;
    return TIME_UNKNOWN;
}

static void read_task(struct arena *arena, struct session *session, const struct value_pair *pair,
                      struct task *task)
{
    const struct value *dict = pair->val;
    *task = (struct task){.name = name_of(pair->key), .dict = dict};
    if (!value_is_dict(dict)) {
        defect(session, "task %.*s is not a dict", STR_ARG(task->name));
        return;
    }
    if (!FIELD(dict, "after") || !FIELD(dict, "run"))
        defect(session, "task %.*s has no `%s`", STR_ARG(task->name),
               FIELD(dict, "after") ? "run" : "after");
    if (FIELD(dict, "name") || FIELD(dict, "self"))
        defect(session, "task %.*s has a directive `%s`, which the framework cannot take",
               STR_ARG(task->name), FIELD(dict, "name") ? "name" : "self");
    task->after = names_of_items(arena, FIELD(dict, "after"));
    task->unless = names_of_items(arena, FIELD(dict, "unless"));
    task->and_every = text_or(FIELD(dict, "andEvery"), STR_NULL);
    task->run = text_or(FIELD(dict, "run"), STR_NULL);
    task->runner = text_or(FIELD(dict, "using"), STR_NULL);
}

static bool instance_key_known(struct str key)
{
    static const char *const keys[] = {"abandonState", "kwargs", "metadata", "status", "task"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (str_is(key, keys[i]))
            return true;
    }
    return false;
}

static void read_metadata(struct instance *i)
{
    const struct value *meta = i->metadata;
    const struct value *depth = FIELD(meta, "depth"), *level = FIELD(meta, "logLevel");
    int64_t count = 0; /* the one behind it must be one, too: a replay's */
    bool counts = !depth || (value_to_i64(depth, &count) && count < INT64_MAX);
    i->depth = count;
    i->log_level = int_or(level, 0);
    i->parent = text_or(FIELD(meta, "parent"), STR_NULL);
    i->timestamps = FIELD(meta, "timestamps");
    i->created_us = time_of(FIELD(i->timestamps, "created"));
    i->modified_us = time_of(FIELD(i->timestamps, "lastModified"));
    i->hazard = NULL;
    if (i->timestamps && !value_is_dict(i->timestamps))
        i->hazard = "metadata.timestamps is not a dict: every update of it fails";
    else if (!counts)
        i->hazard = "metadata.depth is no count: it cannot be replayed";
    else if (value_is_null(level))
        i->hazard = "metadata.logLevel is null: the framework's log queries fail";
}

void instance_read(struct arena *arena, struct instance *i, const struct value *dict)
{
    struct str status = text_or(FIELD(dict, "status"), STR_NULL);
    i->dict = dict;
    i->status = status.len ? status : STR("unstarted"); /* empty or None, 2.3 */
    i->kwargs = names_of_keys(arena, FIELD(dict, "kwargs"));
    i->abandon = names_of_items(arena, FIELD(dict, "abandonState"));
    i->metadata = FIELD(dict, "metadata");
    read_metadata(i);
}

static void check_instance(struct session *session, const struct instance *i)
{
    const struct value *dict = i->dict;
    if (!value_is_dict(dict)) {
        defect(session, "instance %.*s is not a dict", STR_ARG(i->name));
        return;
    }
    for (size_t k = 0; k < dict->dict.n; k++) {
        struct str key = name_of(dict->dict.pairs[k].key);
        if (!instance_key_known(key))
            defect(session, "instance %.*s has a key `%.*s`, which the framework cannot take",
                   STR_ARG(i->name), STR_ARG(key));
    }
    if (!FIELD(dict, "task"))
        defect(session, "instance %.*s has no `task`", STR_ARG(i->name));
    else if (!i->task)
        defect(session, "instance %.*s belongs to task %.*s, which does not exist",
               STR_ARG(i->name), STR_ARG(i->task_name));
    if (i->metadata && !value_is_null(i->metadata) && !value_is_dict(i->metadata))
        defect(session, "instance %.*s: metadata is not a dict", STR_ARG(i->name));
}

static void read_instance(struct arena *arena, struct session *session, size_t at)
{
    const struct value_pair *pair = &session->instances_dict->dict.pairs[at];
    struct instance *i = &session->instances[at];
    *i = (struct instance){.name = name_of(pair->key), .at = at, .key = pair->key};
    i->task_name = text_or(FIELD(pair->val, "task"), STR_NULL);
    i->task = i->task_name.ptr ? session_task(session, i->task_name) : NULL;
    instance_read(arena, i, pair->val);
    check_instance(session, i);
    if (!i->task)
        return;
    if (i->task->last)
        i->task->last->next = i;
    else
        i->task->first = i;
    i->task->last = i;
    i->task->instances++;
    i->task->unresolved += !instance_resolved(i);
}

/* A dict, or NULL with a defect when it is anything else that is not falsy. */
static const struct value *dict_or_null(struct session *session, const struct value *v,
                                        const char *what)
{
    if (value_is_dict(v))
        return v;
    if (!is_falsy(v))
        defect(session, "`%s` is not a dict", what);
    return NULL;
}

static int compare_places(const void *a, const void *b)
{
    return str_cmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

static const struct place *place_of(const struct place *places, size_t n, struct str name)
{
    struct place key = {.name = name};
    return n ? bsearch(&key, places, n, sizeof key, compare_places) : NULL;
}

static void index_tasks(struct arena *arena, struct session *session)
{
    struct place *places = arena_array(arena, struct place, session->ntasks);
    for (size_t i = 0; i < session->ntasks; i++)
        places[i] = (struct place){session->tasks[i].name, i};
    qsort(places, session->ntasks, sizeof *places, compare_places);
    session->by_task = places;
}

static void index_instances(struct arena *arena, struct session *session)
{
    size_t n = session->ninstances, children = 0;
    struct place *names = arena_array(arena, struct place, n);
    struct place *parents = arena_array(arena, struct place, n);
    for (size_t i = 0; i < n; i++) {
        names[i] = (struct place){session->instances[i].name, i};
        if (session->instances[i].parent.ptr)
            parents[children++] = (struct place){session->instances[i].parent, i};
    }
    qsort(names, n, sizeof *names, compare_places);
    qsort(parents, children, sizeof *parents, compare_places);
    session->by_instance = names;
    session->by_parent = parents;
    session->nchildren = children;
}

void session_read(struct arena *arena, const struct value *root, struct session *ret)
{
    *ret = (struct session){.root = root};
    if (!value_is_dict(root)) {
        defect(ret, "not a session: the stored value is not a dict");
        return;
    }
    ret->tasks_dict = dict_or_null(ret, FIELD(root, "tasks"), "tasks");
    ret->instances_dict = dict_or_null(ret, FIELD(root, "instances"), "instances");
    ret->metas = dict_or_null(ret, FIELD(root, "metas"), "metas");
    const struct value *latest = FIELD(ret->metas, "latest_kwargs");
    ret->latest = value_is_dict(latest) ? latest : NULL;
    if (latest && !ret->latest)
        defect(ret, "metas.latest_kwargs is not a dict");
    ret->tasks = arena_array(arena, struct task, value_count(ret->tasks_dict));
    for (size_t i = 0; i < value_count(ret->tasks_dict); i++) {
        read_task(arena, ret, &ret->tasks_dict->dict.pairs[i], &ret->tasks[i]);
        ret->ntasks++;
    }
    index_tasks(arena, ret);
    if (!ret->ntasks) { /* the framework does not even look at the instances then, 2.1 */
        ret->ignored = value_count(ret->instances_dict);
        return;
    }
    ret->instances = arena_array(arena, struct instance, value_count(ret->instances_dict));
    for (size_t i = 0; i < value_count(ret->instances_dict); i++) {
        read_instance(arena, ret, i);
        ret->ninstances++;
    }
    index_instances(arena, ret);
}

bool session_editable(const struct session *session, struct err *err)
{
    if (session->defect.kind) {
        *err = session->defect;
        return false;
    }
    if (session->ntasks)
        return true;
    err_set(err, ERR_REFUSED,
            "it has no tasks: the shell that a late fire left of an expired session");
    return err_hint(err, "the framework drops its instances at the next save; start a new session");
}

struct task *session_task(const struct session *session, struct str name)
{
    const struct place *place = place_of(session->by_task, session->ntasks, name);
    return place ? &session->tasks[place->at] : NULL;
}

struct instance *session_instance(const struct session *session, struct str name)
{
    const struct place *place = place_of(session->by_instance, session->ninstances, name);
    return place ? &session->instances[place->at] : NULL;
}

struct instance *session_child(const struct session *session, const struct instance *instance)
{
    const struct place *place = place_of(session->by_parent, session->nchildren, instance->name);
    return place ? &session->instances[place->at] : NULL;
}

/* --- predicates ------------------------------------------------------------------------------ */

static bool status_resolved(struct str status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (str_is(status, statuses[i].status))
            return statuses[i].resolved;
    }
    return false; /* the set is open: an unknown status is unresolved, 2.4 */
}

bool instance_resolved(const struct instance *i)
{
    return status_resolved(i->status);
}

bool instance_failed(const struct instance *i)
{
    return str_is(i->status, "failed");
}

bool instance_unstarted(const struct instance *i)
{
    return str_is(i->status, "unstarted");
}

bool instance_in_flight(const struct instance *i)
{
    return str_is(i->status, "scheduled") || str_is(i->status, "running");
}

bool instance_can_abandon(const struct instance *i)
{
    return i->task && instance_unstarted(i) && i->task->unless.n &&
           names_within(&i->task->unless, &i->abandon);
}

bool instance_can_run(const struct instance *i)
{
    return i->task && instance_unstarted(i) && names_within(&i->task->after, &i->kwargs) &&
           !instance_can_abandon(i);
}

bool instance_logs_resolved(const struct instance *i)
{
    for (size_t s = 0; s < sizeof statuses / sizeof statuses[0]; s++) {
        if (str_is(i->status, statuses[s].status) && !statuses[s].logs_relevant)
            return true;
    }
    const struct value *resolved = FIELD(i->metadata, "logsResolved");
    return i->log_level < LEVEL_ERROR || !is_falsy(resolved);
}

struct str instance_waits_for(struct arena *arena, const struct instance *i)
{
    if (!i->task || !instance_unstarted(i))
        return STR_NULL;
    struct sbuf out = SBUF_INIT;
    for (size_t k = 0; k < i->task->after.n; k++) {
        struct str trigger = i->task->after.items[k];
        if (names_have(&i->kwargs, trigger))
            continue;
        sbuf_cstr(&out, out.len ? ", " : "");
        sbuf_str(&out, trigger);
    }
    struct str waits = out.len ? arena_str(arena, sbuf_view(&out)) : STR_NULL;
    sbuf_release(&out);
    return waits;
}

bool task_unresolved(const struct task *task)
{
    return task->instances == 0 || task->unresolved > 0;
}

struct str task_next_name(struct arena *arena, const struct task *task)
{
    return arena_printf(arena, "%.*s#%zu", STR_ARG(task->name), task->instances);
}

struct str log_level_name(struct arena *arena, int64_t level)
{
    static const char *const names[] = {"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
    if (level >= 0 && level <= 50 && level % 10 == 0)
        return str_of(names[level / 10]);
    return arena_printf(arena, "Level %lld", (long long)level);
}

struct str instance_exception_type(const struct instance *i)
{
    return text_or(FIELD(i->metadata, "exceptionType"), STR_NULL);
}

struct str instance_exception(struct arena *arena, const struct instance *i)
{
    struct str type = instance_exception_type(i);
    struct str info = str_trim(text_or(FIELD(i->metadata, "exceptionInfo"), STR("")));
    struct str last = str_sub(info, (size_t)(str_rindex(info, '\n') + 1), info.len);
    /* A message of several lines: its last one does not name the type, so put the type before. */
    struct str class =
        type.ptr ? str_sub(type, (size_t)(str_rindex(type, '.') + 1), type.len) : STR("");
    if (!last.len)
        return type;
    if (!class.len || str_starts(last, arena_cstr(arena, class)) ||
        str_starts(last, arena_cstr(arena, type)))
        return last;
    return arena_printf(arena, "%.*s: %.*s", STR_ARG(class), STR_ARG(last));
}
