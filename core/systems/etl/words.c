/* What an edit changes of a table, in the order in which an operator asks for it. */
#include "core/systems/etl/etl.h"

#include <string.h>

enum { WORDS_MOST = 10 };

struct said {
    struct arena *arena;
    struct change_words *at;
    size_t n;
};

static void say(struct said *s, const char *what, struct str old, struct str new)
{
    bool same = old.ptr && new.ptr ? str_eq(old, new) : !old.ptr && !new.ptr;
    if (!same && s->n < WORDS_MOST)
        s->at[s->n++] = (struct change_words){what, old, new};
}

static struct str phase_of(const struct etl_row *row)
{
    return row ? str_of(etl_phases[row->phase].name) : STR_NULL;
}

static struct str policy_of(const struct etl_row *row)
{
    return row ? str_of(etl_policy_name(row->policy)) : STR_NULL;
}

static struct str next_retry_of(struct arena *a, const struct etl_row *row)
{
    return row && row->next_retry_us != TIME_UNKNOWN ? time_text(a, row->next_retry_us) : STR_NULL;
}

/* The first line; the paths have the rest. */
static struct str reason_of(struct arena *a, const struct etl_row *row)
{
    struct str reason = row ? row->reason : STR_NULL;
    ptrdiff_t end = reason.ptr ? str_index(reason, '\n') : -1;
    return end < 0 ? reason : arena_printf(a, "%.*s …", (int)end, reason.ptr);
}

static struct str lsn_of(const struct etl_row *row)
{
    return row ? row->lsn : STR_NULL;
}

/* The rows of a part that a word stands for; none: STR_NULL. */
static struct str rows_of(struct arena *a, const struct value *root, const char *part,
                          const char *noun)
{
    size_t n = value_count(value_get(root, part));
    return n ? arena_printf(a, "%zu %s%s", n, noun, n == 1 ? "" : "s") : STR_NULL;
}

static struct str destination_of(const struct value *root)
{
    const struct value *row = value_at(value_get(root, "destination"), 0);
    return value_str_or(value_get(row, "destination_table_id"), STR_NULL);
}

size_t etl_say_changes(const struct value *before, const struct value *after, struct arena *arena,
                       struct change_words **ret)
{
    struct said s = {arena, arena_array(arena, struct change_words, WORDS_MOST), 0};
    struct etl_table was = etl_table_read(arena, before), is = etl_table_read(arena, after);
    say(&s, "phase", phase_of(was.current), phase_of(is.current));
    say(&s, "since LSN", lsn_of(was.current), lsn_of(is.current));
    say(&s, "retry policy", policy_of(was.current), policy_of(is.current));
    say(&s, "next retry", next_retry_of(arena, was.current), next_retry_of(arena, is.current));
    say(&s, "reason", reason_of(arena, was.current), reason_of(arena, is.current));
    say(&s, "history", rows_of(arena, before, "states", "phase"),
        rows_of(arena, after, "states", "phase"));
    say(&s, "progress of the copy", rows_of(arena, before, "progress", "row"),
        rows_of(arena, after, "progress", "row"));
    say(&s, "stored schema", rows_of(arena, before, "schemas", "version"),
        rows_of(arena, after, "schemas", "version"));
    say(&s, "destination", destination_of(before), destination_of(after));
    *ret = s.at;
    return s.n;
}
