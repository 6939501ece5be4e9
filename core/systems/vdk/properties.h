/* The properties of VDK's data jobs as text: what every storage shares that keeps the state of
 * several sources in one JSON object (formats/vdk.md 2.2). Other properties hold passwords in plain
 * text, so no value of theirs is ever parsed into a document. */
#ifndef PENSTOCK_VDK_PROPERTIES_H
#define PENSTOCK_VDK_PROPERTIES_H

#include "core/document.h"
#include "core/json_span.h"

/* The property that holds the state: an object, source id to document. */
#define VDK_KEY ".vdk.data_sources.state"

/* Root of a job's record, and of a properties file's (job to that): each property by name. Numbers,
 * null and true or false are themselves, as is VDK_KEY; of others only the type is told:
 * "(string)". `tree` is the object as read; what is none stays as it is. */
const struct value *vdk_job_root(struct arena *a, const struct value *tree);
const struct value *vdk_file_root(struct arena *a, const struct value *tree);

/* What keeps VDK from using a job's state [1.2, 2.2]. */
enum vdk_block {
    VDK_NO_BLOCK,
    VDK_NOT_OBJECT, /* the job itself is no object */
    VDK_KEY_STRING, /* VDK_KEY is a text: every run dies */
    VDK_KEY_WRONG,  /* VDK_KEY is null, a list, a number */
    VDK_BOOLEAN,    /* a top-level true or false: no state can be written */
    VDK_BLANK,      /* a top-level name with white space in it: likewise */
};
/* The next property that blocks, from *at (0 at first) on; VDK_NO_BLOCK at the end. */
enum vdk_block vdk_next_block(const struct value *job, size_t *at, const struct value_pair **ret);
/* Does anything? */
bool vdk_is_blocked(const struct value *job);
/* The job with all that mended which can be: a text that holds an object becomes it, null becomes
 * {}, true and false become 1 and 0, white space in names becomes _. False with the reason. */
bool vdk_unblock(struct arena *a, const struct value *job, const struct value **ret,
                 struct err *err);

/* --- a job's properties as stored text --------------------------------------------------------
 * The text is sound JSON, but for members that stand twice in an object: of those VDK takes the
 * last. Nothing is changed where something on the way is there twice. */

/* The sources of a job, member by member: *at starts at 0. False at the end, and where the job or
 * its VDK_KEY is no object. */
bool vdk_next_source(struct str job, size_t *at, struct json_member *ret);
/* Text of a source's document; ptr NULL: the job has none of that name. ERR_CORRUPT where VDK
 * cannot find it either. */
bool vdk_find_source(struct str job, struct str source, struct str *ret, struct err *err);
/* The job with the source's document replaced, added or (ptr NULL) gone. */
bool vdk_put_source(struct str job, struct str source, struct str document, bool dense,
                    struct sbuf *out, struct err *err);
/* What has to be made before a source can stand in the job, as a commit's receipt: "job", "key" or
 * "" (nothing). `job` ptr NULL: there is none. A driver may have other words for "job". */
struct str vdk_made_for_source(struct str job);
/* The job without the source and, where nothing else came to stand there since, without what was
 * made for it. *ret_gone: nothing is left of a job that was made for it. */
bool vdk_take_source(struct str job, struct str source, struct str made, bool dense,
                     struct sbuf *out, bool *ret_gone, struct err *err);
/* The job with the members changed in which two roots of it (vdk_job_root) differ, by position. */
bool vdk_put_job(struct str job, const struct value *before, const struct value *after, bool dense,
                 struct sbuf *out, struct err *err);

/* Documents from text; id and label are set before. `text` ptr NULL: absent. They say nothing of
 * image and version, which are the driver's. */
void vdk_source_document(struct str text, size_t limit, struct arena *a, struct document *doc);
void vdk_job_document(struct str text, struct arena *a, struct document *doc);

/* Version of a value as the control service keeps it: the same for two texts that it might make of
 * one another. `job`: of a job's properties, whose own nulls stay. */
struct version vdk_version_by_value(const struct value *v, bool job);

/* Ids where a store holds several jobs: JOB/SOURCE, the job with % and / as %25 and %2F; a job's
 * own id is that without a slash. */
struct str vdk_id_of(struct arena *a, struct str job, struct str source);
struct str vdk_id_of_job(struct arena *a, struct str job);
/* *ret_source ptr NULL: the job itself. False for what no id is. */
bool vdk_id_parse(struct arena *a, struct str id, struct str *ret_job, struct str *ret_source);

/* --- torn text --------------------------------------------------------------------------------
 * Text that is cut or followed by something else, as far as it can be kept: all members that are
 * whole, down to the single stream; what is cut within is left out and named in *ret_lost (a JSON
 * pointer; ptr NULL: something only follows). False when nothing can be kept. */
bool vdk_salvage(struct arena *a, struct str text, bool file, struct str *ret,
                 struct str *ret_lost);

#endif
