#include "core/systems/triggers/draft.h"

#include <string.h>

void draft_begin(struct draft *draft, struct arena *arena, struct session *session)
{
    size_t n = session->ninstances;
    *draft = (struct draft){.arena = arena, .session = session, .ninstances = n, .room = n + 16};
    draft->instances = arena_array(arena, struct value_pair, draft->room);
    if (n)
        memcpy(draft->instances, session->instances_dict->dict.pairs, n * sizeof *draft->instances);
    draft->now = value_late(arena, LATE_NOW);
}

const struct value *draft_root(const struct draft *draft)
{
    struct arena *arena = draft->arena;
    const struct value *root = draft->session->root;
    const struct value *instances = value_dict(arena, draft->instances, draft->ninstances);
    root = with_field(arena, root, STR("instances"), instances);
    if (!draft->latest)
        return root;
    const struct value *metas = draft->session->metas;
    if (!metas)
        metas = value_empty_dict(arena);
    metas = with_field(arena, metas, STR("latest_kwargs"), draft->latest);
    return with_field(arena, root, STR("metas"), metas);
}

static void put(struct draft *draft, struct instance *i, const struct value *dict)
{
    bool was = instance_resolved(i);
    draft->instances[i->at].val = dict;
    instance_read(draft->arena, i, dict);
    i->task->unresolved -= !was && instance_resolved(i);
    i->task->unresolved += was && !instance_resolved(i);
}

static const struct value *dict_or_empty(struct draft *draft, const struct value *v)
{
    return value_is_dict(v) ? v : value_empty_dict(draft->arena);
}

static const struct value *touch(struct draft *draft, const struct value *metadata,
                                 struct str status)
{
    struct arena *arena = draft->arena;
    const struct value *times = dict_or_empty(draft, FIELD(metadata, "timestamps"));
    if (!FIELD(times, "created"))
        times = with_field(arena, times, STR("created"), draft->now);
    times = with_field(arena, times, STR("lastModified"), draft->now);
    if (status.ptr)
        times = with_field(arena, times, status, draft->now);
    return with_field(arena, metadata, STR("timestamps"), times);
}

void draft_update(struct draft *draft, struct instance *i, struct str status,
                  const struct value *extra)
{
    struct arena *arena = draft->arena;
    const struct value *metadata = dict_or_empty(draft, i->metadata);
    for (size_t k = 0; k < value_count(extra); k++) {
        const struct value_pair *pair = &extra->dict.pairs[k];
        metadata = with_field(arena, metadata, pair->key->text, pair->val);
    }
    metadata = touch(draft, metadata, status);
    const struct value *dict = with_field(arena, i->dict, STR("metadata"), metadata);
    if (status.ptr)
        dict = with_field(arena, dict, STR("status"), value_str(arena, status));
    put(draft, i, dict);
}

void draft_set_status(struct draft *draft, struct instance *i, const char *status)
{
    put(draft, i,
        with_field(draft->arena, i->dict, STR("status"), value_cstr(draft->arena, status)));
}

static struct instance *append(struct draft *draft, struct task *task, const struct value *key,
                               const struct value *dict)
{
    draft->instances = arena_grow(draft->arena, draft->instances, draft->ninstances, &draft->room,
                                  sizeof *draft->instances);
    struct instance *i = arena_new(draft->arena, struct instance);
    i->name = key->text;
    i->at = draft->ninstances++;
    i->key = key;
    i->task = task;
    i->task_name = task->name;
    draft->instances[i->at] = (struct value_pair){key, dict};
    instance_read(draft->arena, i, dict);
    if (task->last)
        task->last->next = i;
    else
        task->first = i;
    task->last = i;
    task->instances++;
    task->unresolved++;
    return i;
}

/* Node of the task's name as its instances or the key in `tasks` have it: shared, not copied. */
static const struct value *task_node(const struct draft *draft, const struct task *task)
{
    if (task->first)
        return FIELD(task->first->dict, "task");
    return draft->session->tasks_dict->dict.pairs[task - draft->session->tasks].key;
}

/* A new instance of a task, named as the framework would. ERR_REFUSED when that name is taken: the
 * framework would overwrite it (3.2). */
static bool draft_add(struct draft *draft, struct task *task, const struct value *abandon,
                      const struct value *kwargs, const struct value *metadata,
                      struct instance **ret, struct err *err)
{
    struct arena *arena = draft->arena;
    struct str name = task_next_name(arena, task);
    if (session_instance(draft->session, name)) {
        err_set(err, ERR_REFUSED,
                "the new instance would be called %.*s, which exists and would be overwritten: "
                "the framework counts the %zu instances of %.*s, and one was deleted",
                STR_ARG(name), task->instances, STR_ARG(task->name));
        return err_hint(err,
                        "fill the gap first: add the missing %.*s#n with status `skipped` "
                        "(session edit), so that the numbers are dense again",
                        STR_ARG(task->name));
    }
    const struct value_pair pairs[] = {
        {value_cstr(arena, "abandonState"), abandon},
        {value_cstr(arena, "kwargs"), kwargs},
        {value_cstr(arena, "metadata"), metadata},
        {value_cstr(arena, "status"), value_cstr(arena, "unstarted")},
        {value_cstr(arena, "task"), task_node(draft, task)},
    };
    *ret = append(draft, task, value_str(arena, name), value_dict(arena, pairs, 5));
    return true;
}

bool draft_clone(struct draft *draft, struct instance *parent, const struct value *kwargs,
                 struct instance **ret, struct err *err)
{
    struct arena *arena = draft->arena;
    const struct value *abandon = FIELD(parent->dict, "abandonState");
    if (!value_count(abandon))
        abandon = value_list(arena, VALUE_LIST, NULL, 0);
    if (!kwargs)
        kwargs = FIELD(parent->dict, "kwargs");
    if (!kwargs || value_is_null(kwargs))
        kwargs = value_empty_dict(arena);
    const struct value_pair metadata[] = {
        {value_cstr(arena, "depth"), value_int(arena, parent->depth + 1)},
        {value_cstr(arena, "parent"), parent->key},
    };
    return draft_add(draft, parent->task, value_deep_copy(arena, abandon),
                     value_deep_copy(arena, kwargs), value_dict(arena, metadata, 2), ret, err);
}

/* --- fire ------------------------------------------------------------------------------------ */

static const struct value *latest_of(const struct draft *draft, struct str trigger)
{
    return field(draft->latest ? draft->latest : draft->session->latest, trigger);
}

static const struct value *with_item(struct draft *draft, const struct value *list,
                                     struct str trigger)
{
    if (!value_is_list(list)) /* absent, or a set or tuple: the framework makes a set of either */
        list = value_list(draft->arena, VALUE_LIST, value_count(list) ? list->list.items : NULL,
                          value_count(list));
    return value_list_with(draft->arena, list, value_count(list), value_str(draft->arena, trigger));
}

/* Applies the trigger to an unstarted instance; false when it had it already. */
static bool apply_trigger(struct draft *draft, struct instance *i, struct str trigger,
                          const struct value *kwargs)
{
    struct arena *arena = draft->arena;
    const struct value *dict = i->dict;
    if (names_have(&i->task->after, trigger) && !names_have(&i->kwargs, trigger)) {
        const struct value *own = dict_or_empty(draft, FIELD(dict, "kwargs"));
        dict = with_field(arena, dict, STR("kwargs"), with_field(arena, own, trigger, kwargs));
    }
    if (names_have(&i->task->unless, trigger) && !names_have(&i->abandon, trigger))
        dict = with_field(arena, dict, STR("abandonState"),
                          with_item(draft, FIELD(dict, "abandonState"), trigger));
    if (dict == i->dict)
        return false;
    put(draft, i, dict);
    return true;
}

/* A new instance that already has every other trigger that fired before (3.1 b). */
static bool create(struct draft *draft, struct task *task, struct str trigger,
                   struct instance **ret, struct err *err)
{
    struct arena *arena = draft->arena;
    const struct value *kwargs = value_empty_dict(arena);
    const struct value *abandon = value_list(arena, VALUE_LIST, NULL, 0);
    for (size_t i = 0; i < task->after.n; i++) {
        struct str other = task->after.items[i];
        const struct value *latest = latest_of(draft, other);
        if (latest && !str_eq(other, trigger))
            kwargs = with_field(arena, kwargs, other, latest);
    }
    for (size_t i = 0; i < task->unless.n; i++) {
        struct str other = task->unless.items[i];
        if (latest_of(draft, other) && !str_eq(other, trigger))
            abandon = with_item(draft, abandon, other);
    }
    return draft_add(draft, task, abandon, kwargs, value_empty_dict(arena), ret, err);
}

static bool fire_task(struct draft *draft, struct task *task, struct str trigger,
                      const struct value *kwargs, struct fired ***end, struct err *err)
{
    bool fresh = !task->instances || (task->and_every.ptr && str_eq(task->and_every, trigger));
    for (struct instance *i = task->first; i; i = i->next) {
        const struct value *own = FIELD(i->dict, "kwargs");
        if (instance_unstarted(i) && own && !value_is_null(own) && !value_is_dict(own))
            return err_set(err, ERR_REFUSED,
                           "kwargs of %.*s are no plain dict: they stay as they "
                           "are, nothing can be added to them",
                           STR_ARG(i->name));
        if (instance_unstarted(i) && apply_trigger(draft, i, trigger, kwargs))
            fresh = false;
    }
    struct instance *created = NULL;
    if (fresh) {
        if (!create(draft, task, trigger, &created, err))
            return false;
        apply_trigger(draft, created, trigger, kwargs);
    }
    for (struct instance *i = task->first; i; i = i->next) {
        struct fired fired = {.instance = i, .created = i == created, .before = i->status};
        bool abandon = instance_can_abandon(i);
        if (abandon)
            draft_update(draft, i, STR("abandoned"), NULL);
        fired.ready = !abandon && instance_can_run(i);
        if (!abandon && !fired.ready && !fired.created)
            continue;
        **end = arena_new(draft->arena, struct fired);
        ***end = fired;
        *end = &(**end)->next;
    }
    return true;
}

bool draft_fire(struct draft *draft, struct str trigger, const struct value *kwargs,
                struct fired **ret_fired, struct err *err)
{
    struct session *session = draft->session;
    struct fired *list = NULL, **end = &list;
    for (size_t t = 0; t < session->ntasks; t++) {
        struct task *task = &session->tasks[t];
        if (!names_have(&task->after, trigger) && !names_have(&task->unless, trigger))
            continue;
        if (!fire_task(draft, task, trigger, kwargs, &end, err))
            return false;
    }
    const struct value *latest = draft->latest ? draft->latest : session->latest;
    draft->latest =
        with_field(draft->arena, latest ? latest : value_empty_dict(draft->arena), trigger, kwargs);
    *ret_fired = list;
    return true;
}
