/* The locks of a store on files: listed without touching them, and held for a while. */
#include "backends/file/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What stands where the lock would be and cannot be read keeps every writer out as well. */
static struct lock *unreadable_lock(const struct err *why, struct arena *arena)
{
    struct lock *row = arena_new(arena, struct lock);
    *row = (struct lock){.taken_at_us = TIME_UNKNOWN,
                         .expires_at_us = TIME_NEVER,
                         .frees_itself = STR("never"),
                         .waiters = -1,
                         .verdict = LOCK_UNKNOWN,
                         .evidence = arena_str(arena, str_of(why->text)),
                         .token = STR("")};
    return row;
}

static bool add_lock(struct file_store *fs, struct str id, const struct call *call,
                     struct arena *arena, struct lock ***end, struct err *err)
{
    struct file_place place;
    struct file_lock_seen seen = {0};
    struct err why;
    if (!file_place_find(fs, id, &place, &why))
        return true; /* a record that cannot be reached has no lock that we could show */
    bool ok = place.dir < 0 ||
              file_lock_see(&fs->locks, place.dir, place.names.lock, call, arena, &seen, &why);
    file_place_close(&place);
    if (!ok && !call_check(call, fs->path, err))
        return false;
    if (ok && !seen.present)
        return true;
    **end =
        ok ? file_lock_row(&fs->locks, &seen, clock_now_us(), arena) : unreadable_lock(&why, arena);
    (**end)->object = arena_str(arena, id);
    *end = &(**end)->next;
    return true;
}

/* Id of the record an entry of the directory belongs to, by its lock. */
static struct str lock_entry_id(const struct file_store *fs, const char *entry, struct arena *arena)
{
    if (fs->files->own_dir)
        return fs->files->id(entry, arena);
    struct str name = str_of(entry);
    if (!str_ends(name, ".lock"))
        return STR_NULL;
    struct str stem = str_sub(name, 0, name.len - strlen(".lock"));
    return fs->files->id(arena_printf(arena, "%.*s.json", STR_ARG(stem)).ptr, arena);
}

bool file_locks(struct store *store, const struct str *ids, size_t n, const struct call *call,
                struct arena *arena, struct lock **ret, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    struct lock **end = ret;
    *ret = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!call_check(call, fs->path, err) || !add_lock(fs, ids[i], call, arena, &end, err))
            return false;
    }
    if (n)
        return true;
    void *scan;
    if (!file_scan_open(store, call, &scan, err))
        return false;
    DIR *entries = scan;
    const struct dirent *entry;
    bool ok = true;
    while (ok && entries && (entry = readdir(entries))) {
        struct str id = lock_entry_id(fs, entry->d_name, arena);
        ok = call_check(call, fs->path, err) &&
             (!id.ptr || add_lock(fs, id, call, arena, &end, err));
    }
    file_scan_close(store, scan);
    return ok;
}

bool file_lock_hold(struct store *store, struct str id, int64_t seconds, const struct call *call,
                    struct str *ret_token, struct arena *arena, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    struct file_place place;
    struct file_lock lock;
    if (!file_place_find(fs, id, &place, err))
        return false;
    bool ok = file_place_make(fs, NULL, &place, err) &&
              file_lock_take(&fs->locks, place.dir, place.names.lock, seconds * 1000000, call,
                             arena, &lock, err);
    if (ok)
        *ret_token = lock.text;
    else if (place.made)
        unlinkat(place.base, place.names.dir, AT_REMOVEDIR);
    file_place_close(&place);
    return ok;
}

bool file_hold_release(struct store *store, struct str id, struct str token,
                       const struct call *call, struct err *err)
{
    struct file_store *fs = (struct file_store *)store;
    struct file_place place;
    if (!file_place_find(fs, id, &place, err))
        return false;
    bool ours = place.dir >= 0 && file_lock_release_text(place.dir, place.names.lock, token);
    struct stat st;
    if (ours && fs->files->own_dir && fstatat(place.dir, place.names.file, &st, 0) < 0)
        unlinkat(place.base, place.names.dir, AT_REMOVEDIR);
    file_place_close(&place);
    return ours || err_set(err, ERR_CONFLICT, "%.*s: the lock was no longer ours", STR_ARG(id));
}
