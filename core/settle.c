/* What an item was to become, and what became of items that a crash left `intended`. */
#include "core/apply.h"

#include "core/base/cleanup.h"
#include "core/plan_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- who is at work --------------------------------------------------------------------------- */

/* Start time of a process in clock ticks since boot, field 22 of /proc/PID/stat; 0 when unknown or
 * when it has ended and only waits to be reaped, for ever where process 1 is no init. */
static unsigned long long start_time(long pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    if (p && strncmp(p, ") Z", 3) == 0)
        return 0;
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}

static void own_host(char out[65])
{
    memset(out, 0, 65);
    if (gethostname(out, 64) < 0)
        strcpy(out, "localhost");
}

/* The start time, too: so that another penstock is not mistaken for one that crashed. */
void settle_owner(char out[128])
{
    char host[65];
    own_host(host);
    snprintf(out, 128, "%s/%ld/%llu", host, (long)getpid(), start_time(getpid()));
}

/* A batch on another host takes no longer; a container that was made anew has another name. */
static const int64_t ELSEWHERE_US = 24 * 3600LL * 1000000;

static bool owner_alive(struct str owner, int64_t age_us)
{
    char host[65];
    own_host(host);
    ptrdiff_t second = str_rindex(owner, '/');
    ptrdiff_t first = second < 0 ? -1 : str_rindex(str_sub(owner, 0, (size_t)second), '/');
    int64_t pid = 0;
    uint64_t start = 0;
    bool known = first >= 0 && str_i64(str_sub(owner, (size_t)first + 1, (size_t)second), &pid) &&
                 str_u64(str_sub(owner, (size_t)second + 1, owner.len), &start);
    /* On another host (a shared home directory) nothing can be said: leave it to that host. */
    if (known && !str_is(str_sub(owner, 0, (size_t)first), host))
        return age_us < ELSEWHERE_US;
    return known && start && start_time((long)pid) == start;
}

static bool is_own(struct str owner)
{
    char own[128];
    settle_owner(own);
    return str_is(owner, own);
}

void versions_digest(const struct version *versions, unsigned mask, bool absent,
                     uint8_t out[SHA256_LEN])
{
    struct sha256 *h = sha256_new();
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if (mask >> i & 1)
            sha256_add(h, absent ? version_absent.sha : versions[i].sha, SHA256_LEN);
    }
    sha256_finish(h, out);
}

void parts_digest(const struct system *system, const struct value *root, const struct value *mask,
                  unsigned change, uint8_t out[SHA256_LEN])
{
    struct sha256 *h = sha256_new();
    for (size_t i = 0; i < system->nparts; i++) {
        uint8_t part[SHA256_LEN];
        if (!(change >> i & 1))
            continue;
        value_digest(document_part(system, root, i), document_part(system, mask, i), part);
        sha256_add(h, part, sizeof part);
    }
    sha256_finish(h, out);
}

/* --- after a crash ---------------------------------------------------------------------------- */

/* How long a write that was never answered is waited for. A client that is gone does not end a
 * COMMIT which waits for a standby: the server ends it, or an administrator. */
static const int64_t UNANSWERED_US = 3600LL * 1000000;

/* False: too early to say. */
static bool settle_item(const struct system *system, struct journal_item *row, int64_t age_us,
                        const struct document *now)
{
    uint8_t have[SHA256_LEN] = {0};
    bool before = true, after = false;
    for (size_t i = 0; i < PARTS_MAX; i++)
        before =
            before && (!(row->change >> i & 1) || version_eq(&row->before[i], &now->versions[i]));
    switch (row->kind) {
    case EDIT_REMOVE:
        after = now->absent;
        break;
    case EDIT_RESTORE:
        versions_digest(now->versions, row->change, now->absent, have);
        after = memcmp(have, row->digest, sizeof have) == 0;
        break;
    case EDIT_WRITE: {
        struct arena a = ARENA_INIT;
        const struct value *marked = value_mark_late(&a, now->root, row->late_paths, row->nlate);
        if (marked)
            parts_digest(system, marked, marked, row->change, have);
        after = memcmp(have, row->digest, sizeof have) == 0;
        arena_release(&a);
        break;
    }
    case EDIT_BREAK:
        before = false;
        break;
    }
    /* Sent and never answered: it may still come, so the old document settles nothing yet. */
    if (before && !after && row->detail.len && age_us < UNANSWERED_US)
        return false;
    row->outcome = after ? OUTCOME_APPLIED : before ? OUTCOME_NOT_TRIED : OUTCOME_FAILED;
    row->verified = after;
    row->detail = after    ? STR("settled after a crash: the store holds the new document")
                  : before ? STR("settled after a crash: the store holds the old document")
                           : STR("settled after a crash: the store holds neither the old nor the "
                                 "new document");
    if (after) {
        memcpy(row->after, now->versions, sizeof row->after);
        row->after_absent = now->absent;
        row->after_image = now->absent ? STR_NULL : now->image;
    }
    return true;
}

/* Reads these records together and settles them; their documents are dropped. */
static bool settle_lot(struct journal *journal, struct journal_item *rows, size_t n, int64_t age_us,
                       struct open_store *store, const struct call *call, struct err *err)
{
    CLEANUP(arena_release) struct arena a = ARENA_INIT;
    struct str *ids = arena_array(&a, struct str, n);
    struct read_item *now = arena_array(&a, struct read_item, n);
    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].id;
    if (!store_read(store->store, ids, n, 0, call, &a, now, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (now[i].err.kind == ERR_NONE &&
            settle_item(store_system(store->store), &rows[i], age_us, &now[i].doc) &&
            !journal_record(journal, &rows[i], err))
            return false;
    }
    return true;
}

/* Of an entry of our own only what was given up as unknown: the rest may be under way. */
static bool settle_entry(struct journal *journal, const struct journal_entry *entry,
                         struct open_store *store, const struct call *call, struct err *err)
{
    enum { LOT = 64 };
    CLEANUP(arena_release) struct arena a = ARENA_INIT;
    bool own = is_own(entry->owner);
    struct journal_item *rows;
    size_t n, left = 0;
    if (!journal_unsettled(journal, &a, entry, store_info(store->store)->identity, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!own || rows[i].detail.len)
            rows[left++] = rows[i];
    }
    for (size_t i = 0; i < left; i += LOT) {
        size_t lot = left - i < LOT ? left - i : LOT;
        if (!settle_lot(journal, &rows[i], lot, clock_now_us() - entry->at_us, store, call, err))
            return false;
    }
    return true;
}

bool apply_settle(struct journal *journal, struct open_store *stores, size_t nstores,
                  const struct call *call, struct err *err)
{
    struct arena a = ARENA_INIT;
    struct journal_entry *entries;
    size_t n;
    bool ok = journal_open_entries(journal, &a, &entries, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        if (!is_own(entries[i].owner) &&
            owner_alive(entries[i].owner, clock_now_us() - entries[i].at_us))
            continue;
        for (size_t k = 0; ok && k < nstores; k++)
            ok = settle_entry(journal, &entries[i], &stores[k], call, err);
    }
    arena_release(&a);
    return ok;
}
