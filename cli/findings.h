/* Findings over all open stores, as rows: for check, its acknowledgements and the report. */
#ifndef PENSTOCK_CLI_FINDINGS_H
#define PENSTOCK_CLI_FINDINGS_H

#include "cli/cli.h"
#include "core/system.h"

enum {
    FINDING_ID,
    FINDING_CODE,
    FINDING_SEVERITY,
    FINDING_STORE,
    FINDING_SYSTEM,
    FINDING_OBJECT,
    FINDING_TEXT,
    FINDING_DETAIL,
    FINDING_FIX,
    FINDING_TARGET,
    FINDING_ACK,
    FINDING_COLUMNS
};
extern const struct column finding_columns[FINDING_COLUMNS];
extern const char *const severity_names[SEVERITY_INFO + 1];

struct finding_row {
    enum severity severity;
    size_t place;      /* in the order they were found */
    bool acknowledged; /* and the time is not over */
    struct cell cells[FINDING_COLUMNS];
};

/* Worst first, in cli->arena. A store that is lost is reported and the others go on. */
bool findings_collect(struct cli *cli, struct finding_row **ret, size_t *ret_n, struct err *err);

#endif
