/* The properties of VDK's data jobs as text: what every storage shares that keeps the state of
 * several sources in one JSON object (formats/vdk.md 2.2). Other properties hold passwords in plain
 * text, so no value of theirs is ever parsed into a document. */
#ifndef PENSTOCK_VDK_PROPERTIES_H
#define PENSTOCK_VDK_PROPERTIES_H

#include "core/value.h"

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

/* Text that is cut or followed by something else, as far as it can be kept: all members that are
 * whole, down to the single stream; what is cut within is left out and named in *ret_lost (a JSON
 * pointer; ptr NULL: something only follows). False when nothing can be kept. */
bool vdk_salvage(struct arena *a, struct str text, bool file, struct str *ret,
                 struct str *ret_lost);

#endif
