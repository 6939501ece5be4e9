/* The changes that the command line knows for sources. This version shows vdk state and writes none
 * of it: each of them is refused with the reason, before anything is looked up or planned. */
#include "core/systems/vdk/vdk.h"

static bool refuse(const struct op_input *in, struct op_output *out, struct err *err)
{
    err_set(err, ERR_REFUSED, VDK_READ_ONLY);
    return err_hint(err, "'get' prints a source as VDK stored it");
}

static const struct op_option where[] = {
    {.name = "stream", .kind = OPTION_VALUE, .metavar = "NAME", .help = "state of one stream"},
    {.name = "other", .kind = OPTION_VALUE, .metavar = "KEY", .help = "one of the others"},
    {.name = "at", .kind = OPTION_VALUE, .metavar = "POINTER", .help = "a JSON pointer into it"},
    {.name = "value", .kind = OPTION_POSITIONAL, .metavar = "JSON", .help = "the new value"},
    {0},
};
static const struct op_option whole[] = {
    {.name = "value", .kind = OPTION_POSITIONAL, .metavar = "JSON", .help = "the new document"},
    {0},
};

static const struct op op_set = {.verb = "set",
                                 .help = "set the state of a stream (refused: read-only view)",
                                 .options = where,
                                 .absent_ok = true,
                                 .run = refuse};
static const struct op op_clear = {.verb = "clear",
                                   .help = "remove a source or a stream (refused: read-only view)",
                                   .options = where,
                                   .run = refuse};
static const struct op op_repair = {
    .verb = "repair", .help = "mend a damaged source (refused: read-only view)", .run = refuse};
static const struct op op_edit = {.verb = "edit",
                                  .help = "edit a source as JSON (refused: read-only view)",
                                  .options = whole,
                                  .run = refuse};

const struct op *const vdk_ops[] = {&op_set, &op_clear, &op_repair, &op_edit, NULL};
