/* What a Meltano state is: a pair of halves, `completed` and `partial`, of which the next run sees
 * partial merged over completed (formats/meltano.md 1 and 2). Pure functions; results live in the
 * arena and share nodes with what they were made from. */
#ifndef PENSTOCK_MELTANO_STATE_H
#define PENSTOCK_MELTANO_STATE_H

#include "core/system.h"

enum half { COMPLETED, PARTIAL, HALVES };
extern const char *const half_names[HALVES];

/* An id that follows Meltano's own grammar (1.3). */
struct meltano_id {
    struct str environment, extractor, loader;
    struct str suffix; /* ptr NULL: none */
};
bool meltano_id_parse(struct str id, struct meltano_id *ret);

/* "merge SRC into DST" (2.3). False on a type conflict, where Meltano crashes: *ret_conflict is the
 * pointer to it. */
bool meltano_merge(struct arena *a, const struct value *src, const struct value *dst,
                   const struct value **ret, struct str *ret_conflict);

enum half_kind {
    HALF_MISSING, /* no such key: reads as {} */
    HALF_OBJECT,
    HALF_NULL, /* crashes Meltano (11-2) */
    HALF_WRONG /* any other type */
};

/* A root, taken apart. */
struct meltano_state {
    enum half_kind kind[HALVES];
    const struct value *half[HALVES]; /* an object always; {} where there is none */
    bool bare;                        /* not empty, but neither half: read as empty by Meltano */
    size_t unknown;                   /* top-level keys that are neither half */
    const struct value *merged;       /* what the next run sees; NULL when Meltano would crash */
    struct str conflict;              /* pointer of a type conflict between the halves */
    bool valid;                       /* the merged view has singer_state */
};
void meltano_state_of(const struct value *root, struct arena *a, struct meltano_state *ret);

/* Which half crashes Meltano, as words: "partial is null"; STR_NULL when none does. */
struct str meltano_damage(const struct meltano_state *state, struct arena *a);

/* A half that has content but not under singer_state, so that runs do not see it (2.1). */
bool meltano_not_nested(const struct value *half);
/* Would a run find something to go on from? (2.1: missing or falsy means a complete import) */
bool meltano_resumes(const struct meltano_state *state);

/* The dict of bookmarks by stream, and its pointer: singer_state/bookmarks, or what stands directly
 * under singer_state in taps without that level. NULL when there is none. */
const struct value *meltano_bookmarks(const struct value *half, const char **ret_pointer);
/* Streams of both halves, in the order of the merged view. */
size_t meltano_streams(const struct meltano_state *state, struct arena *a, struct str **ret);
/* Where a bookmark says how far its stream has come: the pointers within it, one for each
 * partition. 0 when that cannot be told. */
size_t meltano_positions(const struct value *bookmark, struct arena *a, struct str **ret);
/* Does its first position name a time that is still to come? Then runs find nothing new. */
bool meltano_lies_ahead(const struct value *bookmark, int64_t now_us, struct arena *a,
                        int64_t *ret_us);
/* A bookmark in few words: its position, "8 partitions", or its JSON; STR_NULL for NULL. */
struct str meltano_bookmark_text(const struct value *bookmark, struct arena *a);

/* Names of a dict's keys that `skip` does not have, at most six of them: "orders, items, 3 more".
 */
struct str meltano_names(const struct value *dict, const struct value *skip, struct arena *a);
/* The top-level keys beside the halves. */
struct str meltano_unknown_names(const struct value *root, struct arena *a);

/* --- the tables, put together in meltano.c ---------------------------------------------------- */

extern const struct op meltano_set, meltano_edit, meltano_op_merge, meltano_copy, meltano_move,
    meltano_clear, meltano_rewind, meltano_reset, meltano_repair;
/* How far a stream has come, as `rewind` takes it; ptr NULL where it has not exactly one position.
 */
struct str meltano_position_text(const struct sheet_input *in, struct str stream);
enum { MELTANO_SHEETS = 3 };
extern const struct sheet meltano_sheets[MELTANO_SHEETS];

/* The halves that an edit of a document starts from; refuses what cannot be edited. */
bool meltano_open(const struct op_input *in, const struct document *doc, struct meltano_state *ret,
                  struct err *err);

/* A root as Meltano writes it: completed, then partial. */
const struct value *meltano_pair(struct arena *a, const struct value *const half[HALVES]);

/* The end of every operation that writes: refuses what would crash Meltano, tells what it means,
 * and adds the edit of document `doc`. `payload` NULL: nothing that Meltano would note. */
bool meltano_write(const struct op_input *in, struct op_output *out, int doc,
                   const struct value *const half[HALVES], int flags, const struct value *payload,
                   struct err *err);

struct str meltano_brief(const struct value *root, struct arena *a);
struct str meltano_status(const struct sheet_input *in, enum mark *ret_mark);
size_t meltano_show(const struct sheet_input *in, struct str (**ret)[2]);
struct writer meltano_judge(const struct op *op, const struct op_input *in);
struct finding *meltano_check(const struct sheet_input *in);

#endif
