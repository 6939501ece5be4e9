#include "backends/memory/memory.h"

#include "core/base/mem.h"
#include "core/store_driver.h"

#include <stdlib.h>
#include <string.h>

/* A record keeps every root it ever had, so an image is the number of one. */
struct record {
    struct str id, label;
    const struct value **roots; /* roots[i] NULL: absent */
    size_t nroots;
    struct str holder; /* of the lock; ptr NULL: free */
};

struct memory_store {
    struct store base; /* first, so the two pointers convert */
    struct record *records;
    size_t n;
    int64_t next_id;
    struct activity activity;
    bool has_activity;
    void (*hook)(void *ctx);
    void *hook_ctx;
    bool mute;
};

static struct memory_store *memory_of(struct store *store)
{
    return (struct memory_store *)store;
}

static struct record *record_find(struct memory_store *ms, struct str id)
{
    for (size_t i = 0; i < ms->n; i++) {
        if (str_eq(ms->records[i].id, id))
            return &ms->records[i];
    }
    return NULL;
}

static struct record *record_make(struct memory_store *ms, struct str id)
{
    struct record *r = record_find(ms, id);
    if (r)
        return r;
    ms->records = xreallocarray(ms->records, ms->n + 1, sizeof *ms->records);
    r = &ms->records[ms->n++];
    *r = (struct record){.id = arena_str(&ms->base.arena, id)};
    r->label = r->id;
    return r;
}

static void record_push(struct memory_store *ms, struct record *r, const struct value *root)
{
    r->roots = xreallocarray(r->roots, r->nroots + 1, sizeof(const struct value *));
    r->roots[r->nroots++] = root ? value_own_copy(&ms->base.arena, root) : NULL;
}

static const struct value *record_root(const struct record *r)
{
    return r && r->nroots ? r->roots[r->nroots - 1] : NULL;
}

static void fill_document(struct memory_store *ms, struct str id, const struct value *root,
                          struct str image, struct document *ret)
{
    const struct system *system = ms->base.info.system;
    const struct record *r = record_find(ms, id);
    *ret = (struct document){.id = id,
                             .label = r ? r->label : id,
                             .absent = !root,
                             .root = root,
                             .image = image,
                             .bytes = value_count(root),
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_NEVER,
                             .format = STR("memory")};
    for (size_t i = 0; root && i < system->nparts; i++) {
        const struct value *part = document_part(system, root, i);
        if (part)
            value_digest(part, NULL, ret->versions[i].sha);
    }
}

static void read_record(struct memory_store *ms, struct str id, struct arena *arena,
                        struct document *ret)
{
    const struct record *r = record_find(ms, id);
    const struct value *root = record_root(r);
    struct str image = root ? arena_printf(arena, "%zu", r->nroots - 1) : STR_NULL;
    /* The reader's answer lives in its arena, so later writes here cannot reach it. */
    fill_document(ms, id, root ? value_own_copy(arena, root) : NULL, image, ret);
}

static bool image_root(struct memory_store *ms, struct str id, struct str image,
                       const struct value **ret, struct err *err)
{
    uint64_t i;
    const struct record *r = record_find(ms, id);
    if (!r || !str_u64(image, &i) || i >= r->nroots)
        return err_set(err, ERR_CORRUPT, "%.*s: no such image", STR_ARG(id));
    *ret = r->roots[i];
    return true;
}

/* --- the driver ---------------------------------------------------------------------------------
 */

static bool memory_open(const struct layout *layout, const struct address *address,
                        const struct store_opts *opts, const struct call *call, struct store **ret,
                        struct err *err)
{
    if (!call_check(call, "memory", err))
        return false;
    struct memory_store *ms = xcalloc(1, sizeof *ms);
    store_init(&ms->base, layout, address, opts);
    ms->base.info.server = STR("this process");
    ms->base.info.version = STR(PENSTOCK_VERSION);
    ms->next_id = 1;
    *ret = &ms->base;
    return true;
}

static void memory_close(struct store *store)
{
    struct memory_store *ms = memory_of(store);
    for (size_t i = 0; i < ms->n; i++)
        free(ms->records[i].roots);
    free(ms->records);
    arena_release(&store->arena);
    free(ms);
}

static bool memory_scan_open(struct store *store, const struct call *call, void **ret,
                             struct err *err)
{
    if (!call_check(call, "memory", err))
        return false;
    size_t *next = xcalloc(1, sizeof *next);
    *ret = next;
    return true;
}

static bool memory_scan_next(struct store *store, void *scan, const struct call *call,
                             struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                             struct err *err)
{
    struct memory_store *ms = memory_of(store);
    size_t *next = scan, n = 0;
    if (!call_check(call, "memory", err))
        return false;
    struct row *rows = arena_array(arena, struct row, max);
    for (; *next < ms->n && n < max; (*next)++) {
        const struct record *r = &ms->records[*next];
        if (!record_root(r))
            continue;
        rows[n++] = (struct row){.id = arena_str(arena, r->id),
                                 .label = arena_str(arena, r->label),
                                 .bytes = -1,
                                 .updated_at_us = TIME_UNKNOWN,
                                 .expires_at_us = TIME_NEVER};
    }
    *ret = rows;
    *ret_n = n;
    return true;
}

static void memory_scan_close(struct store *store, void *scan)
{
    free(scan);
}

static bool memory_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                        const struct call *call, struct arena *arena, struct read_item *ret,
                        struct err *err)
{
    if (!call_check(call, "memory", err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i].err = (struct err){0};
        read_record(memory_of(store), ids[i], arena, &ret[i].doc);
    }
    return true;
}

static bool memory_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                          struct document *ret, struct err *err)
{
    const struct value *root;
    if (!image_root(memory_of(store), id, image, &root, err))
        return false;
    fill_document(memory_of(store), id, root ? value_own_copy(arena, root) : NULL, image, ret);
    return true;
}

struct late_fill {
    struct memory_store *ms;
    struct arena *arena;
};

static const struct value *fill_late(void *ctx, enum value_late late)
{
    struct late_fill *fill = ctx;
    switch (late) {
    case LATE_ID:
        return value_int(fill->arena, fill->ms->next_id++);
    case LATE_NOW: {
        struct str now = time_rfc3339(fill->arena, clock_now_us());
        return value_str(fill->arena, now);
    }
    case LATE_UUID:
        break;
    }
    return value_cstr(fill->arena, "00000000-0000-0000-0000-000000000000");
}

/* The parts in `change` from `after`, the others as they are now. */
static const struct value *splice(const struct system *system, const struct value *now,
                                  const struct value *after, unsigned change, struct arena *arena)
{
    unsigned all = (1u << system->nparts) - 1;
    if (!now || !after || (change & all) == all)
        return after;
    for (size_t i = 0; i < system->nparts; i++) {
        const struct value *part = document_part(system, after, i);
        if (change >> i & 1)
            now = part ? value_dict_with(arena, now, system->parts[i], part)
                       : value_dict_without(arena, now, system->parts[i]);
    }
    return now;
}

static bool break_lock(struct commit_item *item, struct record *r)
{
    if (!r || !r->holder.ptr || !str_eq(r->holder, item->lock_token)) {
        struct err err = {0};
        err_set(&err, ERR_CONFLICT, "%.*s: the lock changed hands", STR_ARG(item->id));
        return commit_refuse(item, OUTCOME_CONFLICT, &err);
    }
    r->holder = STR_NULL;
    item->outcome = OUTCOME_APPLIED;
    item->detail = STR("gone");
    return true;
}

static bool memory_commit(struct store *store, struct commit_item *item, const struct call *call,
                          struct arena *arena, struct err *err)
{
    struct memory_store *ms = memory_of(store);
    struct record *r = record_find(ms, item->id);
    struct document now;
    if (!call_check(call, "memory", err))
        return false;
    if (item->kind == EDIT_BREAK)
        return break_lock(item, r);
    if (r && r->holder.ptr) {
        struct err held = {0};
        err_set(&held, ERR_LOCKED, "%.*s: locked by %.*s", STR_ARG(item->id), STR_ARG(r->holder));
        return commit_refuse(item, OUTCOME_LOCKED, &held);
    }
    read_record(ms, item->id, arena, &now);
    if (!commit_compare(item, &now))
        return true;
    const struct value *after = NULL;
    struct late_fill fill = {ms, arena};
    if (item->kind == EDIT_WRITE)
        after = value_fill_late(arena, item->after, fill_late, &fill);
    else if (item->kind == EDIT_RESTORE && item->image.ptr &&
             !image_root(ms, item->id, item->image, &after, err))
        return false;
    after = splice(ms->base.info.system, now.root, after, item->change, arena);
    if (ms->hook) {
        void (*hook)(void *) = ms->hook;
        ms->hook = NULL;
        hook(ms->hook_ctx);
    }
    item->new_receipt = STR("memory");
    if (ms->mute) {
        item->unanswered = true;
        return err_set(err, ERR_TIMEOUT, "memory: no answer in time");
    }
    record_push(ms, record_make(ms, item->id), after);
    read_record(ms, item->id, arena, &item->now);
    item->outcome = OUTCOME_APPLIED;
    return true;
}

static bool memory_locks(struct store *store, const struct str *ids, size_t n,
                         const struct call *call, struct arena *arena, struct lock **ret,
                         struct err *err)
{
    struct memory_store *ms = memory_of(store);
    if (!call_check(call, "memory", err))
        return false;
    for (size_t i = ms->n; i-- > 0;) {
        const struct record *r = &ms->records[i];
        bool wanted = n == 0;
        for (size_t k = 0; k < n; k++)
            wanted = wanted || str_eq(ids[k], r->id);
        if (!wanted || !r->holder.ptr)
            continue;
        struct lock *lock = arena_new(arena, struct lock);
        *lock = (struct lock){.object = arena_str(arena, r->id),
                              .holder = arena_str(arena, r->holder),
                              .taken_at_us = TIME_UNKNOWN,
                              .expires_at_us = TIME_NEVER,
                              .frees_itself = STR("never"),
                              .waiters = -1,
                              .verdict = LOCK_UNKNOWN,
                              .evidence = STR("held in memory"),
                              .token = arena_str(arena, r->holder),
                              .next = *ret};
        *ret = lock;
    }
    return true;
}

static bool memory_activity(struct store *store, const struct str *ids, size_t n,
                            const struct call *call, struct arena *arena, struct activity *ret,
                            struct err *err)
{
    struct memory_store *ms = memory_of(store);
    if (!call_check(call, "memory", err))
        return false;
    for (size_t i = 0; i < n && ms->has_activity; i++)
        ret[i] = ms->activity;
    return true;
}

#define MEMORY_LAYOUT(name_)                                                                       \
    {                                                                                              \
        .system = name_, .backend = "memory", .name = "memory", .open = memory_open,               \
        .close = memory_close, .scan_open = memory_scan_open, .scan_next = memory_scan_next,       \
        .scan_close = memory_scan_close, .read = memory_read, .decode = memory_decode,             \
        .commit = memory_commit, .locks = memory_locks, .breaks_locks = true,                      \
        .activity = memory_activity,                                                               \
    }

static const struct layout memory_layouts[] = {
    MEMORY_LAYOUT("meltano"),  MEMORY_LAYOUT("vdk"), MEMORY_LAYOUT("etl"),
    MEMORY_LAYOUT("triggers"), {.system = NULL},
};

const struct layout *memory_layout(const char *system)
{
    for (const struct layout *l = memory_layouts; l->system; l++) {
        if (strcmp(l->system, system) == 0)
            return l;
    }
    return NULL;
}

/* --- what tests do behind the driver's back
 * ---------------------------------------------------------- */

void memory_put(struct store *store, const char *id, const char *label, const struct value *root)
{
    struct memory_store *ms = memory_of(store);
    struct record *r = record_make(ms, str_of(id));
    if (label)
        r->label = arena_str(&store->arena, str_of(label));
    record_push(ms, r, root);
}

void memory_set_activity(struct store *store, const struct activity *activity)
{
    memory_of(store)->activity = *activity;
    memory_of(store)->has_activity = true;
}

void memory_set_lock(struct store *store, const char *id, const char *holder)
{
    struct record *r = record_make(memory_of(store), str_of(id));
    r->holder = holder ? arena_str(&store->arena, str_of(holder)) : STR_NULL;
}

void memory_set_hook(struct store *store, void (*hook)(void *ctx), void *ctx)
{
    memory_of(store)->hook = hook;
    memory_of(store)->hook_ctx = ctx;
}

void memory_set_mute(struct store *store, bool mute)
{
    memory_of(store)->mute = mute;
}
