/* What needs attention in one store: the findings of its records, kept as the records were read,
 * and grouped by what is wrong.
 *
 * A worker notes what it finds in a record (attention_note); the loop's thread takes the notes. Of
 * a record that is read again the old findings are replaced. */
#ifndef PENSTOCK_TUI_ATTENTION_H
#define PENSTOCK_TUI_ATTENTION_H

#include "core/acks.h"
#include "core/system.h"
#include "tui/rows.h"

struct attention;

struct attention *attention_new(void);
void attention_free(struct attention *attention); /* NULL is fine */

/* Of one record; made by a worker in an arena that goes to the loop. Errors and warnings only. */
struct attention_item {
    const char *code; /* static */
    enum severity severity;
    struct str text;
    struct str verb;     /* of the command that would mend it; ptr NULL: somebody has to look */
    struct str part;     /* of the record, see struct finding */
    int64_t retry_at_us; /* when it is tried again by itself; TIME_UNKNOWN: it is not */
    char id[FINDING_ID_LEN + 1];
};
/* What is going on with a record, wrong or not. */
enum {
    NOW_HELD = 1,      /* locked */
    NOW_LEFT_OVER = 2, /* by a lock that blocks nobody any more */
    NOW_WRITTEN = 4,   /* somebody works on this record */
    NOW_OWNED = 8,     /* the program that it belongs to runs */
};
struct attention_note {
    struct str key, label;
    int64_t lost_at_us;   /* when what failed here is gone for good; TIME_UNKNOWN: not known */
    int64_t lost_span_us; /* or so much later: the store keeps no zone */
    int64_t since_us;     /* last change of the record; TIME_UNKNOWN */
    struct attention_item *items;
    size_t n;     /* 0: all is well */
    unsigned now; /* NOW_... */
    struct attention_note *next;
};
/* `store` is its identity. */
struct attention_note *attention_note(struct arena *keep, struct str store,
                                      const struct sheet_input *in, const struct finding *findings);

void attention_take(struct attention *attention, const struct attention_note *notes);
/* Forgets what is known of records that are not in `rows`, or whose values are not known there. */
void attention_prune(struct attention *attention, const struct rows *rows);
/* How many records have each of the bits. */
struct attention_now {
    size_t held, left_over, written, owned;
};
struct attention_now attention_now(const struct attention *attention);
/* Says of a finding whether it is left out. */
struct attention_hide {
    bool (*hides)(void *ctx, const char *id); /* NULL: none is */
    void *ctx;
};
/* Records of one store with the same finding. Texts live until notes are taken. */
struct attention_group {
    const char *code;
    enum severity severity;
    size_t n;                                  /* records */
    bool parts;                                /* every finding is of a part of its record */
    struct str verb;                           /* what mends most of them; ptr NULL: look */
    size_t nverb;                              /* findings that it would mend */
    struct str key, label, text;               /* of the record that comes first */
    int64_t lost_at_us, since_us, retry_at_us; /* the earliest */
    int64_t lost_span_us;
};
/* "expires in 3h 2m"; ptr NULL where lost_at_us is not known. */
struct str attention_lost_text(struct arena *a, const struct attention_group *group,
                               int64_t now_us);
/* By attention_cmp; how many findings are left out comes back, too. */
size_t attention_groups(const struct attention *attention, const struct attention_hide *hide,
                        struct arena *a, struct attention_group **ret, size_t *ret_hidden);
/* What is lost first comes first, then what is worse, what is tried again sooner, what is older,
 * more; a qsort comparison. */
int attention_cmp(const void *a, const void *b);
/* The findings of a group, in the order in which their records were first read. */
typedef void attention_visitor(void *ctx, struct str key, struct str label, struct str part,
                               const char *id);
void attention_each(const struct attention *attention, const struct attention_hide *hide,
                    const char *code, attention_visitor *visit, void *ctx);

#endif
