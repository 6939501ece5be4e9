/* What is wrong with a session, and what it is in words. */
#ifndef PENSTOCK_TRIGGERS_FINDINGS_H
#define PENSTOCK_TRIGGERS_FINDINGS_H

#include "core/system.h"

struct str session_brief(const struct value *root, struct arena *arena);
struct str session_status(const struct sheet_input *in, enum mark *ret_mark);
struct finding *session_check(const struct sheet_input *in);
size_t session_show(const struct sheet_input *in, struct str (**ret)[2]);

#endif
