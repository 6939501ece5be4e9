/* What the state of a VDK data source means (the reference formats/vdk.md: sections in brackets).
 * Pure functions; results live in the arena and share nodes with what they were made from. */
#ifndef PENSTOCK_VDK_H
#define PENSTOCK_VDK_H

#include "core/system.h"

/* A document is {"streams": {NAME: STATE}, "others": {KEY: STATE}}; either may be missing, and null
 * is an empty document [1.1, 1.2]. */
enum vdk_group { VDK_STREAMS, VDK_OTHERS, VDK_GROUPS };
extern const char *const vdk_groups[VDK_GROUPS]; /* "streams", "others" */
extern const char *const vdk_one[VDK_GROUPS];    /* "stream", "other": option, and word for one */
#define VDK_ENTRY_OPTIONS                                                                          \
    {.name = "stream",                                                                             \
     .kind = OPTION_VALUE,                                                                         \
     .metavar = "NAME",                                                                            \
     .help = "the state of one stream"},                                                           \
    {                                                                                              \
        .name = "other", .kind = OPTION_VALUE, .metavar = "KEY", .help = "one of the others"       \
    }

/* Why VDK itself fails on this root; STR_NULL when it does not. */
struct str vdk_damage(const struct value *root);
/* Number of streams or others; 0 where there are none or the group is damaged. */
size_t vdk_count(const struct value *root, enum vdk_group group);
/* Does a stream's state look like what a Singer tap says? VDK's singer source never hands it back
 * to the tap [5]. */
bool vdk_is_singer(const struct value *state);

/* Beside sources a store may hold records that are there to be mended: a job whose properties keep
 * VDK from reading or writing state, and a properties file that does not parse. `format` of their
 * document tells; vdk_properties.h says what their root is. */
enum vdk_kind { VDK_SOURCE, VDK_JOB, VDK_FILE };
#define VDK_JOB_FORMAT "job properties"
#define VDK_FILE_FORMAT "properties file"
enum vdk_kind vdk_kind_of(const struct document *doc);

/* Where a store holds several jobs, the id of a source is JOB/SOURCE and its label the source: the
 * job as it stands in the id. STR_NULL elsewhere. */
struct str vdk_job_of(struct str id, struct str label);

/* Facts that a layout may give of a record. */
#define VDK_FACT_JOB "job"         /* text: name of its job, where that is known for sure */
#define VDK_FACT_TEAM "team"       /* text: team of its job, likewise */
#define VDK_FACT_SERVICE "service" /* true: the control service rewrites what is stored [2.6] */
#define VDK_FACT_STRICT "strict"   /* true: a type that refuses NaN and Infinity [2.9] */
#define VDK_FACT_JSONB "jsonb"     /* true: keys and numbers are stored as jsonb has them [2.9] */
#define VDK_FACT_NO_JOB "no_job"   /* true: the control service knows no job of that name [2.5] */
#define VDK_FACT_NEW_JOB "new_job" /* true: nothing is stored under this job */

/* `after` with integers made floats where `before` has a float, so that no type drifts unasked [6].
 * *ret_path: pointer of the first value that changes between text, number and true or false, or
 * becomes a fraction where an integer was; ptr NULL when none does. */
const struct value *vdk_keep_types(struct arena *a, const struct value *before,
                                   const struct value *after, struct str *ret_path);

/* `root` as a jsonb column gives it back: keys ordered by length, then bytes; a number that is an
 * integer without an exponent is one. */
const struct value *vdk_as_jsonb(struct arena *a, const struct value *root);

/* --- the tables, put together in vdk.c -------------------------------------------------------- */

extern const struct op vdk_set, vdk_edit, vdk_clear, vdk_copy, vdk_repair;
enum { VDK_SHEETS = 3 };
extern const struct sheet vdk_sheets[VDK_SHEETS];

/* Is this a source whose text could be read? */
bool vdk_editable(const struct document *doc, struct err *err);
/* The root that an edit starts from ({} of an absent or null document); refuses what cannot be
 * edited. */
bool vdk_open(const struct document *doc, struct arena *a, const struct value **ret,
              struct err *err);
/* How every operation on a source ends: adds the edit that makes docs[doc] hold `root`, and what it
 * means; refuses what would stop the next run. */
bool vdk_write(const struct op_input *in, struct op_output *out, int doc, const struct value *root,
               struct err *err);

struct writer vdk_judge(const struct op *op, const struct op_input *in);
struct finding *vdk_check(const struct sheet_input *in);
size_t vdk_show(const struct sheet_input *in, struct str (**ret)[2]);

/* Names of a dict's keys, at most six of them: "orders, items, 3 more". */
struct str vdk_names(const struct value *dict, struct arena *a);

#endif
