/* wait: until a record is as it should be, looking again every second. */
#include "cli/commands.h"

#include "core/listing.h"

#include <string.h>

const struct op_option wait_options[] = {
    {.name = "for",
     .kind = OPTION_VALUE,
     .metavar = "STATE",
     .needed = true,
     .help = "table: ready or not-errored; session: resolved"},
    {.name = "pipeline", .kind = OPTION_VALUE, .metavar = "N", .help = "of this pipeline"},
    {0},
};

static const struct goal {
    const char *noun, *word, *column, *value;
    bool is_not; /* reached when the column is anything but the value */
} goals[] = {
    {"table", "ready", "phase", "ready", false},
    {"table", "not-errored", "phase", "errored", true},
    {"session", "resolved", "unresolved", NULL, false},
};

static const struct goal *goal_of(const struct cli *cli, const char *word)
{
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
        if (strcmp(goals[i].noun, cli->noun) == 0 && word && strcmp(goals[i].word, word) == 0)
            return &goals[i];
    }
    return NULL;
}

static bool is_reached(const struct goal *goal, const struct cell *cell)
{
    if (!goal->value)
        return cell->type == CELL_INT && cell->number == 0;
    return cell->type == CELL_TEXT && str_is(cell->text, goal->value) != goal->is_not;
}

struct look {
    const struct goal *goal;
    bool absent, reached;
    struct err problem;
};

static void look_at(void *ctx, const struct sheet_input *in, const struct err *problem)
{
    struct look *look = ctx;
    const struct sheet *sheet = &in->system->sheets[0];
    if (problem)
        look->problem = *problem;
    else if (in->doc->absent)
        look->absent = true;
    else
        look->reached =
            is_reached(look->goal, sheet_cell(sheet, sheet->fill(sheet, in), look->goal->column));
}

static bool goal_reached(struct cli *cli, const struct choice *chosen, const struct goal *goal,
                         bool *ret, struct err *err)
{
    struct look look = {.goal = goal};
    struct row row = chosen->row;
    struct call call = cli_call(cli);
    if (!listing_visit(chosen->store->store, &row, 1, LIST_VALUES, clock_now_us(), &call, look_at,
                       &look, err))
        return false;
    if (look.absent)
        return err_set(err, ERR_NOT_FOUND, "%s %s: it is gone", cli->noun, cli->words[0]);
    if (look.problem.kind != ERR_NONE) {
        *err = cli_problem(&look.problem, str_of(cli->words[0]));
        return false;
    }
    *ret = look.reached;
    return true;
}

bool cmd_wait(struct cli *cli, struct err *err)
{
    struct choice chosen;
    bool reached;
    const struct goal *goal = goal_of(cli, cli_value(cli, "for"));
    if (cli->nwords != 1 || !goal)
        return err_set(err, ERR_INVALID, "usage: penstock %s wait %s", cli->noun,
                       cli->command->args);
    if (!cli_open(cli, cli->system, CLI_READ, err) ||
        !select_one(cli, cli->words[0], false, &chosen, err))
        return false;
    for (;;) {
        struct call pause = cli_patience(cli);
        if (!goal_reached(cli, &chosen, goal, &reached, err))
            return false;
        if (reached)
            return true;
        if (!call_pause(&pause, 1000, cli->words[0], err))
            return false;
    }
}
