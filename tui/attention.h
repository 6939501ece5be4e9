/* What needs attention in one store: the findings of its records, kept as the records were read,
 * and grouped by what is wrong.
 *
 * A worker notes what it finds in a record (attention_note); the loop's thread takes the notes. Of
 * a record that is read again the old findings are replaced. */
#ifndef PENSTOCK_TUI_ATTENTION_H
#define PENSTOCK_TUI_ATTENTION_H

#include "core/system.h"
#include "tui/rows.h"

struct attention;

struct attention *attention_new(void);
void attention_free(struct attention *attention); /* NULL is fine */

/* Of one record; made by a worker in an arena that goes to the loop. Errors and warnings only. */
struct attention_item {
    const char *code; /* static */
    enum severity severity;
    struct str text,
        verb; /* verb of the command that would mend it; ptr NULL: somebody has to look */
};
struct attention_note {
    struct str key, label;
    int64_t lost_at_us; /* when what failed here is gone for good; TIME_UNKNOWN: not known */
    int64_t since_us;   /* last change of the record; TIME_UNKNOWN */
    struct attention_item *items;
    size_t n; /* 0: all is well */
    struct attention_note *next;
};
struct attention_note *attention_note(struct arena *keep, const struct sheet_input *in,
                                      const struct finding *findings);

void attention_take(struct attention *attention, const struct attention_note *notes);
/* Forgets what is known of records that are not in `rows`, or whose values are not known there. */
void attention_prune(struct attention *attention, const struct rows *rows);
/* Records of one store with the same finding. Texts live until notes are taken. */
struct attention_group {
    const char *code;
    enum severity severity;
    size_t n;
    size_t nverb;                 /* of these `verb` would mend */
    struct str verb;              /* that helps most of them; ptr NULL: look */
    struct str key, label, text;  /* of the record that comes first */
    int64_t lost_at_us, since_us; /* the earliest */
};
/* By attention_cmp. */
size_t attention_groups(const struct attention *attention, struct arena *a,
                        struct attention_group **ret);
/* What is lost first comes first, then what is worse, older, more; a qsort comparison. */
int attention_cmp(const void *a, const void *b);
/* The records of a group, in the order in which they were first read. */
typedef void attention_visitor(void *ctx, struct str key, struct str label);
void attention_each(const struct attention *attention, const char *code, attention_visitor *visit,
                    void *ctx);

#endif
