/* From the machine's open containers to a final graph: without cycles, of bounded depth and of a
 * bounded size when every shared node is counted as often as it is met, so that the plain walks of
 * value.h (equality, digest, diff, JSON) end soon on every graph that was read. */
#include "core/pickle_impl.h"

#include <string.h>

/* Sharing as the framework makes it unfolds to a few times the size (a chain of replays refers to
 * one kwargs object); a bomb doubles at every level. Sixteen times the pickle, and no less than 64
 * MiB, in units of a byte of text. */
enum { UNFOLD_MIN = 64 << 20, UNFOLD_TIMES = 16, NODE_WEIGHT = 16 };

static const struct value cycle = {.type = VALUE_CYCLE};

struct finisher {
    struct arena *arena;
    uint64_t weight_max;
    bool cyclic;
    struct err *err;
};

static bool is_container(const struct value *v)
{
    return value_has_items(v) || v->type == VALUE_DICT || v->type == VALUE_CALL;
}

static uint64_t scalar_weight(const struct value *v)
{
    switch (v->type) {
    case VALUE_INT:
    case VALUE_STR:
    case VALUE_BYTES:
    case VALUE_PY2STR:
    case VALUE_BYTEARRAY:
        return NODE_WEIGHT + v->text.len;
    case VALUE_GLOBAL:
        return NODE_WEIGHT + v->global.module.len + v->global.name.len;
    default:
        return NODE_WEIGHT;
    }
}

static bool finish(struct finisher *f, struct container *c, unsigned depth);

/* Finishes what *child refers to and adds it to the container's measures. */
static bool adopt(struct finisher *f, struct container *c, const struct value **child,
                  unsigned depth)
{
    if (!*child)
        return true;
    if (!is_container(*child)) {
        c->weight += scalar_weight(*child);
    } else {
        struct container *below = (struct container *)*child;
        if (below->state == CONTAINER_BUSY) {
            *child = &cycle;
            f->cyclic = true;
            return true;
        }
        if (below->state == CONTAINER_OPEN && !finish(f, below, depth + 1))
            return false;
        c->weight += below->weight;
        if (c->height <= below->height)
            c->height = below->height + 1;
    }
    if (c->weight > f->weight_max)
        return err_set(f->err, ERR_CORRUPT,
                       "the pickle's shared objects unfold to more than %llu MiB",
                       (unsigned long long)f->weight_max >> 20);
    return true;
}

static bool adopt_entries(struct finisher *f, struct container *c, unsigned depth)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!adopt(f, c, &c->entries[i].key, depth) || !adopt(f, c, &c->entries[i].val, depth))
            return false;
    }
    return true;
}

static void *take(struct finisher *f, size_t n, size_t size)
{
    void *p = arena_try_alloc(f->arena, n * size);
    if (!p)
        err_set(f->err, ERR_CORRUPT, "the pickle needs more memory than the limit of %zu bytes",
                f->arena->limit);
    return p;
}

static bool close_list(struct finisher *f, struct container *c)
{
    const struct value **items = take(f, c->n, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < c->n; i++)
        items[i] = c->entries[i].val;
    c->value.list.items = items;
    c->value.list.n = c->n;
    return true;
}

/* What Python could not hash; a cycle through a key cannot have been a dict either. */
static bool hashable(const struct value *key)
{
    switch (key->type) {
    case VALUE_LIST:
    case VALUE_DICT:
    case VALUE_SET:
    case VALUE_BYTEARRAY:
    case VALUE_CYCLE:
        return false;
    case VALUE_TUPLE:
        for (size_t i = 0; i < key->list.n; i++) {
            if (!hashable(key->list.items[i]))
                return false;
        }
        return true;
    default:
        return true;
    }
}

static bool close_dict(struct finisher *f, struct container *c)
{
    struct value_pair *pairs = take(f, c->n, sizeof *pairs);
    if (!pairs)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        pairs[i] = (struct value_pair){c->entries[i].key, c->entries[i].val};
        if (!hashable(pairs[i].key))
            return err_set(f->err, ERR_CORRUPT, "not a sound pickle: %s as a key",
                           value_type_name(pairs[i].key->type));
    }
    c->value.dict.pairs = pairs;
    c->value.dict.n = value_pairs_join(pairs, c->n);
    const struct value *repeated;
    return value_dict_index(f->arena, &c->value, &repeated) || take(f, SIZE_MAX / 4, 1);
}

static bool close_call(struct finisher *f, struct container *c)
{
    struct value_call_step *steps = take(f, c->n, sizeof *steps);
    if (!steps)
        return false;
    if (c->n)
        memcpy(steps, c->entries, c->n * sizeof *steps);
    c->value.call.steps = steps;
    c->value.call.nsteps = c->n;
    return true;
}

static bool too_deep(struct finisher *f)
{
    return err_set(f->err, ERR_CORRUPT, "the pickle is nested deeper than %d levels", DEPTH_MAX);
}

static bool finish(struct finisher *f, struct container *c, unsigned depth)
{
    c->state = CONTAINER_BUSY;
    c->weight = NODE_WEIGHT;
    c->height = 1;
    if (depth > DEPTH_MAX)
        return too_deep(f);
    if (c->value.type == VALUE_CALL &&
        !(adopt(f, c, &c->value.call.callable, depth) && adopt(f, c, &c->value.call.args, depth) &&
          adopt(f, c, &c->value.call.kwargs, depth)))
        return false;
    if (!adopt_entries(f, c, depth))
        return false;
    /* What was finished near the top and is met again lower down makes paths longer than this walk
     * ever went. */
    if (c->height > DEPTH_MAX)
        return too_deep(f);
    c->state = CONTAINER_DONE;
    return c->value.type == VALUE_DICT   ? close_dict(f, c)
           : c->value.type == VALUE_CALL ? close_call(f, c)
                                         : close_list(f, c);
}

bool pickle_graph_finish(struct arena *arena, const struct value **root, size_t length,
                         bool *ret_cyclic, struct err *err)
{
    struct finisher f = {.arena = arena, .err = err, .weight_max = UNFOLD_MIN};
    if (length > UNFOLD_MIN / UNFOLD_TIMES)
        f.weight_max = (uint64_t)length * UNFOLD_TIMES;
    /* The root as the only entry of a container of our own: scalars need no case of theirs. */
    struct container top = {.value = {.type = VALUE_LIST}};
    if (!adopt(&f, &top, root, 0))
        return false;
    *ret_cyclic = f.cyclic;
    return true;
}
