/* Operations on sessions. */
#ifndef PENSTOCK_TRIGGERS_OPS_H
#define PENSTOCK_TRIGGERS_OPS_H

#include "core/system.h"
#include "core/systems/triggers/session.h"

extern const struct op session_replay, session_skip, session_resolve_logs, session_fail,
    session_fire, session_edit, session_set, session_copy, session_clear;

/* The root of docs[0] as a session that may be edited. */
bool op_session(const struct op_input *in, struct session *ret, struct err *err);

/* A session whose time runs out soon: what is prepared now dies with it. */
void op_warn_expiry(const struct op_input *in, struct op_output *out);

/* The kwargs of an instance as JSON; ptr NULL where JSON lacks something in them. */
struct str session_kwargs_text(const struct sheet_input *in, struct str name);

struct writer session_judge(const struct op *op, const struct op_input *in);

#endif
