/* What a driver says of a commit, in the same words for all. */
#include "core/store_driver.h"

bool commit_conflict(struct commit_item *item, const struct document *now)
{
    item->outcome = OUTCOME_CONFLICT;
    item->now = *now;
    err_set(&item->err, ERR_CONFLICT, "%.*s: changed since it was read", STR_ARG(item->id));
    err_hint(&item->err, "read it again and make a new plan");
    return true;
}

bool commit_refuse(struct commit_item *item, enum outcome outcome, const struct err *err)
{
    item->outcome = outcome;
    item->err = *err;
    return true;
}

bool commit_failed(struct commit_item *item, const struct err *err)
{
    switch (err->kind) {
    case ERR_LOCKED:
        return commit_refuse(item, OUTCOME_LOCKED, err);
    case ERR_CONFLICT:
        return commit_refuse(item, OUTCOME_CONFLICT, err);
    case ERR_REFUSED:
    case ERR_DENIED:
    case ERR_INVALID:
    case ERR_UNSUPPORTED:
        return commit_refuse(item, OUTCOME_REFUSED, err);
    default:
        return false;
    }
}

bool commit_failed_by_record(struct commit_item *item, const struct err *err)
{
    return err->kind == ERR_CORRUPT ? commit_refuse(item, OUTCOME_REFUSED, err)
                                    : commit_failed(item, err);
}

bool commit_not_kept(const struct commit_item *item, struct err *err)
{
    err_set(err, ERR_REFUSED,
            "%.*s: the database drops or alters what is written: nothing was kept",
            STR_ARG(item->id));
    return err_hint(err, "look for a trigger, a rule or a policy on its tables");
}

bool commit_overwritten(const struct commit_item *item, struct err *err)
{
    if (item->now.absent && !commit_takes_away(item)) {
        err_set(err, ERR_INTERNAL, "%.*s: written, and removed by somebody right behind it",
                STR_ARG(item->id));
        return err_hint(err, "the journal keeps what was there before");
    }
    err_set(err, ERR_INTERNAL, "%.*s: written, but something else is there now", STR_ARG(item->id));
    return err_hint(err, "somebody wrote right behind it: look at what is there");
}

bool commit_takes_more(const struct commit_item *item, struct str what, struct err *err)
{
    return err_set(err, ERR_REFUSED,
                   "%.*s: more than the record would go, which no undo could bring back: %.*s",
                   STR_ARG(item->id), STR_ARG(what));
}

bool commit_takes_away(const struct commit_item *item)
{
    return item->kind == EDIT_REMOVE || (item->kind == EDIT_RESTORE && !item->image.ptr);
}

bool commit_matches(const struct commit_item *item, const struct document *now)
{
    bool made = item->kind == EDIT_WRITE && item->before && item->before->absent != now->absent;
    bool gone = commit_takes_away(item) && now->absent;
    if (now->truncated || made || gone)
        return false;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if ((item->compare >> i & 1) && !version_eq(&item->expect[i], &now->versions[i]))
            return false;
    }
    return true;
}

bool commit_compare(struct commit_item *item, const struct document *now)
{
    return commit_matches(item, now) || !commit_conflict(item, now);
}

bool commit_broke(struct commit_item *item, bool was_it, const struct document *now)
{
    item->outcome = OUTCOME_APPLIED;
    item->now = *now;
    if (was_it)
        return true;
    commit_conflict(item, now);
    err_set(&item->err, ERR_CONFLICT, "%.*s: the lock changed hands or is gone", STR_ARG(item->id));
    return true;
}
