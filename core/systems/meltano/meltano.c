/* The table of the system meltano. */
#include "core/systems/meltano/state.h"

static const struct op *const ops[] = {
    &meltano_set,   &meltano_edit,   &meltano_op_merge, &meltano_copy,   &meltano_move,
    &meltano_clear, &meltano_rewind, &meltano_reset,    &meltano_repair, NULL,
};

/* clang-format off */
static const struct action actions[] = {
    {.key = 'e', .verb = "edit", .op = "edit", .label = "edit: the pair as text"},
    {.key = 'w', .verb = "rewind", .op = "rewind", .label = "rewind one stream: read again from a value",
     .per = "streams", .prompt = "value", .present = meltano_position_text},
    {.key = 't', .verb = "reset", .op = "reset", .label = "reset one stream: import it from the start",
     .per = "streams"},
    {.key = 'p', .verb = "repair", .op = "repair", .label = "repair: null halves, state beside singer_state"},
    {.key = 'n', .verb = "copy", .op = "copy", .label = "copy to a new id: completed and partial merged",
     .prompt = "dst"},
    {.key = 'm', .verb = "move", .op = "move", .label = "move to another id: copy, then remove this one",
     .prompt = "dst"},
    {.key = 'c', .verb = "clear", .op = "clear", .label = "clear: the next run imports everything"},
    {0},
};
/* clang-format on */

const struct system system_meltano = {
    .name = "meltano",
    .noun = "state",
    .records = "states",
    .parts = {"completed", "partial"},
    .nparts = HALVES,
    .sheets = meltano_sheets,
    .nsheets = MELTANO_SHEETS,
    .facts_are_history = true,
    .ops = ops,
    .actions = actions,
    .brief = meltano_brief,
    .status = meltano_status,
    .judge = meltano_judge,
    .check = meltano_check,
    .show = meltano_show,
};
