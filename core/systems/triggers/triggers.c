/* The table of the system triggers. */
#include "core/system.h"

#include "core/systems/triggers/findings.h"
#include "core/systems/triggers/ops.h"
#include "core/systems/triggers/sheets.h"

static const struct op *const ops[] = {
    &session_replay, &session_skip, &session_resolve_logs, &session_fail,  &session_fire,
    &session_edit,   &session_set,  &session_copy,         &session_clear, NULL,
};

/* clang-format off */
static const struct action actions[] = {
    {'a', "replay", "replay", "prepare a replay: a clone that waits, runs nothing", .per = "instances"},
    {'w', "replay", "replay", "prepare a replay with other kwargs", .per = "instances",
     .prompt = "kwargs", .present = session_kwargs_text},
    {'p', "replay", "replay", "replay and send to a worker", {{"dispatch", ""}}, .per = "instances"},
    {'r', "replay", "replay", "prepare a replay of every failed instance", {{"failed", ""}}},
    {'s', "skip", "skip", "skip: what waits for it goes on waiting", .per = "instances"},
    {'i', "skip", "skip", "skip as if it had succeeded, with this result", {{"cascade", ""}},
     .per = "instances", .prompt = "result"},
    {'l', "resolve-logs", "resolve-logs", "resolve logs", .per = "instances"},
    {'h', "fail", "fail", "set to failed: its worker died", .per = "instances"},
    {'n', "copy", "copy", "copy to a new uid", .prompt = "dst"},
    {'c', "clear", "clear", "clear: remove the whole session"},
    {0},
};
/* clang-format on */

const struct system system_triggers = {
    .name = "triggers",
    .noun = "session",
    .records = "sessions",
    .parts = {"session"},
    .nparts = 1,
    .sheets = session_sheets,
    .nsheets = 3,
    .ops = ops,
    .actions = actions,
    .not_yet = "NOT RUNNING",
    .no_restore = "a session that went on would run things again: z undoes what nothing followed",
    .brief = session_brief,
    .status = session_status,
    .judge = session_judge,
    .check = session_check,
    .show = session_show,
};
