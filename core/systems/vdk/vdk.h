/* What the state of a VDK data source means (the reference formats/vdk.md: sections in brackets).
 */
#ifndef PENSTOCK_VDK_H
#define PENSTOCK_VDK_H

#include "core/system.h"

/* A document is {"streams": {NAME: STATE}, "others": {KEY: STATE}}; either may be missing, and null
 * is an empty document [1.1, 1.2]. */
enum vdk_group { VDK_STREAMS, VDK_OTHERS, VDK_GROUPS };
extern const char *const vdk_groups[VDK_GROUPS];

/* Why VDK itself fails on this root; STR_NULL when it does not. */
struct str vdk_damage(const struct value *root);
/* Number of streams or others; 0 where there are none or the group is damaged. */
size_t vdk_count(const struct value *root, enum vdk_group group);

/* Why nothing of it can be changed here; a string literal. */
#define VDK_READ_ONLY "this version shows the state of vdk sources and does not change it"

extern const struct sheet vdk_sheets[2];
extern const struct op *const vdk_ops[];
struct finding *vdk_check(const struct sheet_input *in);
size_t vdk_show(const struct sheet_input *in, struct str (**ret)[2]);

#endif
