#include "core/store.h"

#include "core/base/mem.h"
#include "core/store_driver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ID_LIMIT = 8192 }; /* longer than any native id; keeps messages and keys bounded */

struct scan {
    struct store *store;
    void *driver;
    bool ended;
};

const char *lock_verdict_name(enum lock_verdict verdict)
{
    static const char *const names[] = {
        [LOCK_LIVE] = "live",
        [LOCK_STALE] = "stale",
        [LOCK_ORPHAN] = "orphan",
        [LOCK_UNKNOWN] = "unknown",
    };
    return names[verdict];
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_PLANNED] = "planned",     [OUTCOME_APPLIED] = "applied",
        [OUTCOME_UNCHANGED] = "unchanged", [OUTCOME_CONFLICT] = "conflict",
        [OUTCOME_LOCKED] = "locked",       [OUTCOME_REFUSED] = "refused",
        [OUTCOME_FAILED] = "failed",       [OUTCOME_NOT_TRIED] = "not_tried",
        [OUTCOME_INTENDED] = "intended",   [OUTCOME_SET_ASIDE] = "set_aside",
    };
    return names[outcome];
}

void store_init(struct store *store, const struct layout *layout, const struct address *address,
                const struct store_opts *opts)
{
    store->layout = layout;
    store->opts = *opts;
    store->opts.operator_name = arena_str(&store->arena, opts->operator_name);
    store->info.layout = layout;
    store->info.backend = layout->backend;
    store->info.layout_name = layout->name;
    store->info.native = layout->native;
    store->info.system = system_by_name(str_of(layout->system));
    assert(store->info.system);
    store->info.identity = arena_str(&store->arena, str_of(address->identity));
    store->info.writable = true;
    if (!opts->writable)
        store_read_only(store, STR("opened read-only"));
    store->info.records = -1;
    store->info.clock_skew_us = TIME_UNKNOWN;
}

void store_read_only(struct store *store, struct str why)
{
    if (!why.ptr || !store->info.writable)
        return;
    store->info.writable = false;
    store->info.why_read_only = why;
}

bool store_may_write(const struct store *store, struct err *err)
{
    return store->info.writable ||
           err_set(err, ERR_REFUSED, "read-only: %.*s", STR_ARG(store->info.why_read_only));
}

/* Every error says which store it came from. */
static bool failed(const struct store *store, struct err *err)
{
    return err_context(err, "%.*s", STR_ARG(store->info.identity));
}

bool store_open(const struct layout *layout, const struct address *address,
                const struct store_opts *opts, const struct call *call, struct store **ret,
                struct err *err)
{
    struct store *store = NULL;
    if (!layout->open(layout, address, opts, call, &store, err))
        return err_context(err, "%s", address->identity);
    if (!layout->commit)
        store_read_only(store, STR("this layout can be read, not written"));
    *ret = store;
    return true;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_close(store->runs);
    store->layout->close(store);
}

const struct store_info *store_info(const struct store *store)
{
    return &store->info;
}

const struct system *store_system(const struct store *store)
{
    return store->info.system;
}

bool store_probe(struct store *store, const struct call *call, struct err *err)
{
    if (!store->layout->probe)
        return true;
    return store->layout->probe(store, call, err) || failed(store, err);
}

bool layout_has_locks(const struct layout *layout)
{
    return layout->locks;
}

bool store_supports(const struct store *store, enum store_ability ability)
{
    const struct layout *layout = store->layout;
    switch (ability) {
    case STORE_WRITES:
        return layout->commit && store->info.writable;
    case STORE_LOCKS:
        return layout_has_locks(layout);
    case STORE_BREAKS:
        return layout->breaks_locks;
    case STORE_HOLDS:
        return layout->lock_hold && store->info.writable;
    case STORE_SEES_WRITERS:
        return layout->activity || store->runs;
    case STORE_NOTES:
        return layout->keeps_notes || (store->runs && store_supports(store->runs, STORE_NOTES));
    }
    return false;
}

typedef bool scan_opener(struct store *store, const struct call *call, void **ret, struct err *err);

static bool scan_open(struct store *store, scan_opener *open, const struct call *call,
                      struct scan **ret, struct err *err)
{
    void *driver = NULL;
    if (!open(store, call, &driver, err))
        return failed(store, err);
    struct scan *scan = xcalloc(1, sizeof *scan);
    *scan = (struct scan){.store = store, .driver = driver};
    *ret = scan;
    return true;
}

bool store_scan_open(struct store *store, const struct call *call, struct scan **ret,
                     struct err *err)
{
    return scan_open(store, store->layout->scan_open, call, ret, err);
}

bool store_scan_ids(struct store *store, const struct call *call, struct scan **ret,
                    struct err *err)
{
    const struct layout *layout = store->layout;
    return scan_open(store, layout->scan_ids ? layout->scan_ids : layout->scan_open, call, ret,
                     err);
}

bool store_scan_next(struct scan *scan, const struct call *call, struct arena *arena, size_t max,
                     struct row **ret, size_t *ret_n, struct err *err)
{
    struct row *rows = NULL;
    size_t n = 0;
    if (!scan->ended && !scan->store->layout->scan_next(scan->store, scan->driver, call, arena, max,
                                                        &rows, &n, err))
        return failed(scan->store, err);
    scan->ended = n == 0;
    *ret = rows;
    *ret_n = n;
    return true;
}

void store_scan_close(struct scan *scan)
{
    if (!scan)
        return;
    scan->store->layout->scan_close(scan->store, scan->driver);
    free(scan);
}

bool store_check_id(struct store *store, struct str id, struct err *err)
{
    const struct system *system = store->info.system;
    if (id.len > ID_LIMIT)
        return err_set(err, ERR_REFUSED, "%s id of %zu bytes: longer than %d", system->noun, id.len,
                       ID_LIMIT);
    if (system->check_id && !system->check_id(id, err))
        return false;
    return !store->layout->check_id || store->layout->check_id(store, id, err);
}

bool store_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                const struct call *call, struct arena *arena, struct read_item *ret,
                struct err *err)
{
    if (!n)
        return true;
    memset(ret, 0, n * sizeof *ret);
    struct str *good = arena_array(arena, struct str, n);
    size_t *place = arena_array(arena, size_t, n);
    size_t ngood = 0;
    for (size_t i = 0; i < n; i++) {
        if (!store_check_id(store, ids[i], &ret[i].err)) {
            ret[i].doc.id = ids[i];
            ret[i].doc.label = ids[i];
            continue;
        }
        place[ngood] = i;
        good[ngood++] = ids[i];
    }
    struct read_item *items = ngood == n ? ret : arena_array(arena, struct read_item, ngood);
    if (ngood && !store->layout->read(store, good, ngood, limit ? limit : VALUE_LIMIT, call, arena,
                                      items, err))
        return failed(store, err);
    for (size_t i = 0; i < ngood && items != ret; i++)
        ret[place[i]] = items[i];
    return true;
}

bool store_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                  struct document *ret, struct err *err)
{
    if (!image.ptr) {
        *ret = (struct document){.id = id, .label = id, .absent = true};
        return true;
    }
    if (!store->layout->decode)
        return err_set(err, ERR_UNSUPPORTED, "%s: images cannot be shown", store->layout->name);
    return store->layout->decode(store, id, image, arena, ret, err) || failed(store, err);
}

/* What the record's own store has no place for, or what an undo takes back there. The change itself
 * is done: a note that could not be written is told, and fails nothing. */
static void commit_note(struct store *runs, struct commit_item *item, const struct call *call,
                        struct arena *arena)
{
    struct commit_item note = {.kind = item->kind,
                               .id = item->id,
                               .note = item->note,
                               .note_id = item->note_id,
                               .receipt = item->receipt,
                               .note_only = true};
    struct err why = {0};
    if (store_commit(runs, &note, call, arena, &why) && note.outcome == OUTCOME_APPLIED) {
        item->new_receipt = note.new_receipt;
        if (note.detail.ptr)
            item->detail = note.detail;
        return;
    }
    if (note.err.kind != ERR_NONE)
        why = note.err;
    if (item->note) /* unless it came to nothing but the answer */
        item->new_receipt = arena_printf(arena, NOTE_RECEIPT "%.*s", STR_ARG(item->note_id));
    item->detail = arena_printf(arena, "%s in the history of runs: %s",
                                item->note ? "not noted" : "not taken back", why.text);
}

/* What goes takes every part with it, so every part must be as it was seen. */
static void compare_all_that_goes(const struct store *store, struct commit_item *item)
{
    if (commit_takes_away(item) && !item->note_only)
        item->compare = (1u << store->info.system->nparts) - 1;
}

bool store_commit(struct store *store, struct commit_item *item, const struct call *call,
                  struct arena *arena, struct err *err)
{
    item->outcome = OUTCOME_FAILED;
    if (!store_may_write(store, err)) {
        item->outcome = OUTCOME_REFUSED;
        item->err = *err;
        return failed(store, err);
    }
    if (!store_check_id(store, item->id, err)) {
        item->outcome = OUTCOME_REFUSED;
        item->err = *err;
        return false;
    }
    if (item->kind == EDIT_BREAK && !store->layout->breaks_locks)
        return err_set(err, ERR_UNSUPPORTED, "%.*s: its locks cannot be broken from here",
                       STR_ARG(store->info.identity));
    compare_all_that_goes(store, item);
    struct err why = {0};
    if (!store->layout->commit(store, item, call, arena, &why)) {
        item->outcome = OUTCOME_FAILED;
        item->err = *err = why;
        return failed(store, err);
    }
    assert(item->outcome != OUTCOME_PLANNED);
    if (item->outcome != OUTCOME_APPLIED || store->layout->keeps_notes)
        return true;
    if (store->runs && (item->note || item->receipt.len))
        commit_note(store->runs, item, call, arena);
    else if (item->receipt.len && store->info.system == &system_meltano)
        item->detail = STR("not taken back in the history of runs: no runs= leads to it");
    return true;
}

bool store_commit_lot(struct store *store, struct commit_item *items, size_t n,
                      const struct call *call, struct arena *arena, size_t *ret_done,
                      struct err *err)
{
    assert(n <= COMMIT_LOT);
    *ret_done = 0;
    if (!store->layout->commit_lot || !store_supports(store, STORE_WRITES))
        return true;
    for (size_t i = 0; i < n; i++) {
        if (items[i].kind == EDIT_BREAK || !store_check_id(store, items[i].id, NULL))
            return true;
        compare_all_that_goes(store, &items[i]);
    }
    return store->layout->commit_lot(store, items, n, call, arena, ret_done, err) ||
           failed(store, err);
}

bool store_locks(struct store *store, const struct str *ids, size_t n, const struct call *call,
                 struct arena *arena, struct lock **ret, struct err *err)
{
    *ret = NULL;
    if (!store->layout->locks)
        return true;
    return store->layout->locks(store, ids, n, call, arena, ret, err) || failed(store, err);
}

bool store_lock_hold(struct store *store, struct str id, int64_t seconds, const struct call *call,
                     struct str *ret_token, struct arena *arena, struct err *err)
{
    if (!store->layout->lock_hold)
        return err_set(err, ERR_UNSUPPORTED, "%.*s: has no locks to hold",
                       STR_ARG(store->info.identity));
    if (!store_may_write(store, err))
        return failed(store, err);
    if (!store_check_id(store, id, err))
        return false;
    return store->layout->lock_hold(store, id, seconds, call, ret_token, arena, err) ||
           failed(store, err);
}

bool store_lock_release(struct store *store, struct str id, struct str token,
                        const struct call *call, struct err *err)
{
    assert(store->layout->lock_release);
    return store->layout->lock_release(store, id, token, call, err) || failed(store, err);
}

bool store_activity(struct store *store, const struct str *ids, size_t n, const struct call *call,
                    struct arena *arena, struct activity *ret, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct activity){.started_at_us = TIME_UNKNOWN, .heartbeat_at_us = TIME_UNKNOWN};
    if (store->runs)
        return store_activity(store->runs, ids, n, call, arena, ret, err);
    if (!store->layout->activity || store->why_no_runs.ptr) {
        for (size_t i = 0; i < n; i++) {
            ret[i].sight = ACTIVITY_BLIND;
            ret[i].why = store->why_no_runs.ptr ? store->why_no_runs
                                                : STR("this store has no record of who is running");
        }
        return true;
    }
    if (!n)
        return true;
    return store->layout->activity(store, ids, n, call, arena, ret, err) || failed(store, err);
}

bool store_facts(struct store *store, const struct str *ids, size_t n, const struct call *call,
                 struct arena *arena, const struct value **ret, struct err *err)
{
    if (store->runs)
        return store_facts(store->runs, ids, n, call, arena, ret, err);
    const struct value *none = value_empty_dict(arena);
    for (size_t i = 0; i < n; i++)
        ret[i] = none;
    if (!store->layout->facts || !n)
        return true;
    return store->layout->facts(store, ids, n, call, arena, ret, err) || failed(store, err);
}

/* An id is unique: one read tells, without a scan. */
static bool find_id(struct store *store, struct str id, const struct call *call,
                    struct arena *arena, struct row **ret, size_t *ret_n, struct err *err)
{
    struct read_item item;
    if (!store_read(store, &id, 1, 1, call, arena, &item, err))
        return false;
    if (item.err.kind != ERR_NONE) { /* an unsafe name, a record that may not be read: not "none" */
        *err = item.err;
        return failed(store, err);
    }
    *ret = arena_new(arena, struct row);
    **ret = (struct row){.id = id,
                         .label = item.doc.label,
                         .bytes = -1,
                         .updated_at_us = TIME_UNKNOWN,
                         .expires_at_us = TIME_UNKNOWN};
    *ret_n = !item.doc.absent;
    return true;
}

bool store_find(struct store *store, struct str name, const struct call *call, struct arena *arena,
                struct row **ret, size_t *ret_n, struct err *err)
{
    const struct system *system = store->info.system;
    bool is_id = !system->names || !system->check_id || system->check_id(name, NULL);
    if (is_id && !find_id(store, name, call, arena, ret, ret_n, err))
        return false;
    if (is_id && (*ret_n || !system->names))
        return true;
    struct scan *scan;
    if (!store_scan_ids(store, call, &scan, err))
        return false;
    struct arena lent = ARENA_INIT; /* of one page: a store may have millions of other rows */
    struct row *page, *found = NULL;
    size_t n, nfound = 0, cap = 0;
    bool ok;
    while ((ok = store_scan_next(scan, call, &lent, 1000, &page, &n, err)) && n) {
        for (size_t i = 0; i < n; i++) {
            if (!str_eq(page[i].id, name) && !system->names(&page[i], name))
                continue;
            found = arena_grow(arena, found, nfound, &cap, sizeof *found);
            found[nfound++] = row_copy(arena, &page[i]);
        }
        arena_release(&lent);
    }
    arena_release(&lent);
    store_scan_close(scan);
    if (!ok)
        return false;
    *ret = found;
    *ret_n = nfound;
    return true;
}
