/* Late values and whole-graph copies. Both visit a shared node once. */
#include "core/value.h"

#include "core/identity.h"
#include "core/value_impl.h"

#include <string.h>

struct mapper {
    struct arena *arena;
    struct identity done; /* node -> what it became */
    bool copy;            /* copy every container, or only those above a change */
    bool own;             /* copy everything else too */
    const struct value *(*fill)(void *ctx, enum value_late late);
    void *ctx;
};

static const struct value *map_value(struct mapper *m, const struct value *v);

static const struct value *map_items(struct mapper *m, const struct value *v)
{
    bool changed = m->copy;
    const struct value **items = arena_array(m->arena, const struct value *, v->list.n);
    for (size_t i = 0; i < v->list.n; i++) {
        items[i] = map_value(m, v->list.items[i]);
        changed |= items[i] != v->list.items[i];
    }
    if (!changed)
        return v;
    return value_list_over(m->arena, v->type, items, v->list.n);
}

static const struct value *map_pairs(struct mapper *m, const struct value *v)
{
    bool changed = m->copy;
    struct value_pair *pairs = arena_array(m->arena, struct value_pair, v->dict.n);
    for (size_t i = 0; i < v->dict.n; i++) {
        const struct value_pair *p = &v->dict.pairs[i];
        pairs[i] = (struct value_pair){map_value(m, p->key), map_value(m, p->val)};
        changed |= pairs[i].key != p->key || pairs[i].val != p->val;
    }
    return changed ? value_dict_over(m->arena, pairs, v->dict.n) : v;
}

static const struct value *map_call(struct mapper *m, const struct value *v)
{
    struct value *w = arena_new(m->arena, struct value);
    struct value_call_step *steps = arena_array(m->arena, struct value_call_step, v->call.nsteps);
    *w = *v;
    w->call.callable = map_value(m, v->call.callable);
    w->call.args = map_value(m, v->call.args);
    w->call.kwargs = v->call.kwargs ? map_value(m, v->call.kwargs) : NULL;
    w->call.steps = steps;
    bool changed = m->copy || w->call.callable != v->call.callable ||
                   w->call.args != v->call.args || w->call.kwargs != v->call.kwargs;
    for (size_t i = 0; i < v->call.nsteps; i++) {
        const struct value_call_step *from = &v->call.steps[i];
        steps[i] = (struct value_call_step){from->op, from->key ? map_value(m, from->key) : NULL,
                                            map_value(m, from->val)};
        changed |= steps[i].key != from->key || steps[i].val != from->val;
    }
    return changed ? w : v;
}

static struct str own_str(struct arena *a, struct str s)
{
    return s.ptr ? arena_str(a, s) : s;
}

/* A scalar in the mapper's arena, its token with it. */
static const struct value *own_scalar(struct mapper *m, const struct value *v)
{
    if (v->type == VALUE_NULL)
        return &value_null;
    if (v->type == VALUE_BOOL)
        return v->boolean ? &value_true : &value_false;
    struct value *w = arena_new(m->arena, struct value);
    *w = *v;
    w->token = own_str(m->arena, v->token);
    if (v->type == VALUE_GLOBAL) {
        w->global.module = own_str(m->arena, v->global.module);
        w->global.name = own_str(m->arena, v->global.name);
    } else if (v->type != VALUE_FLOAT && v->type != VALUE_LATE)
        w->text = own_str(m->arena, v->text);
    return w;
}

static const struct value *map_node(struct mapper *m, const struct value *v)
{
    switch (v->type) {
    case VALUE_LATE:
        if (m->fill)
            return m->fill(m->ctx, v->late);
        return m->own ? own_scalar(m, v) : v;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET:
        return map_items(m, v);
    case VALUE_DICT:
        return map_pairs(m, v);
    case VALUE_CALL:
        return map_call(m, v);
    case VALUE_BYTEARRAY: /* can be changed in place, so a copy is a thing of its own */
        return m->copy ? value_text(m->arena, v->type, v->text) : v;
    default:
        return m->own ? own_scalar(m, v) : v;
    }
}

static bool may_change(const struct value *v)
{
    return v->type == VALUE_LATE || v->type == VALUE_DICT || v->type == VALUE_CALL ||
           v->type == VALUE_BYTEARRAY || value_has_items(v);
}

static const struct value *map_value(struct mapper *m, const struct value *v)
{
    if (!m->own && !may_change(v))
        return v;
    const struct identity_entry *seen = identity_get(&m->done, v);
    if (seen)
        return seen->ptr;
    const struct value *mapped = map_node(m, v);
    identity_put(&m->done, v)->ptr = mapped;
    return mapped;
}

static const struct value *map_run(struct mapper *m, const struct value *v)
{
    const struct value *mapped = v ? map_value(m, v) : NULL;
    identity_release(&m->done);
    return mapped;
}

const struct value *value_deep_copy(struct arena *a, const struct value *v)
{
    struct mapper m = {.arena = a, .copy = true};
    return map_run(&m, v);
}

const struct value *value_own_copy(struct arena *a, const struct value *v)
{
    struct mapper m = {.arena = a, .copy = true, .own = true};
    return map_run(&m, v);
}

const struct value *value_fill_late(struct arena *a, const struct value *v,
                                    const struct value *(*fill)(void *ctx, enum value_late late),
                                    void *ctx)
{
    struct mapper m = {.arena = a, .fill = fill, .ctx = ctx};
    return map_run(&m, v);
}

/* ---- where they stand ---- */

struct late_walk {
    struct arena *arena;
    struct sbuf path, paths; /* paths: an array of struct str */
};

static void late_walk(struct late_walk *w, const struct value *v)
{
    size_t len = w->path.len;
    if (v->type == VALUE_LATE) {
        struct str path = arena_str(w->arena, sbuf_view(&w->path));
        sbuf_add(&w->paths, &path, sizeof path);
    } else if (v->type == VALUE_DICT) {
        for (size_t i = 0; i < v->dict.n; i++) {
            sbuf_char(&w->path, '/');
            value_pointer_key(&w->path, v->dict.pairs[i].key);
            late_walk(w, v->dict.pairs[i].val);
            w->path.len = len;
        }
    } else if (value_has_items(v)) {
        for (size_t i = 0; i < v->list.n; i++) {
            sbuf_printf(&w->path, "/%zu", i);
            late_walk(w, v->list.items[i]);
            w->path.len = len;
        }
    }
}

size_t value_late_paths(struct arena *a, const struct value *v, struct str **ret)
{
    struct late_walk w = {.arena = a};
    if (v)
        late_walk(&w, v);
    size_t n = w.paths.len / sizeof **ret;
    *ret = arena_array(a, struct str, n);
    if (n)
        memcpy(*ret, w.paths.ptr, w.paths.len);
    sbuf_release(&w.path);
    sbuf_release(&w.paths);
    return n;
}

const struct value *value_mark_late(struct arena *a, const struct value *v,
                                    const struct str *late_paths, size_t n)
{
    static const struct value mark = {.type = VALUE_LATE};
    for (size_t i = 0; i < n; i++) {
        const struct value *there;
        if (!v || !value_pointer_get(v, late_paths[i], &there, NULL) ||
            !value_pointer_with(a, v, late_paths[i], &mark, &v, NULL))
            return NULL;
    }
    return v;
}
