/* The ids of a store, page by page, read ahead: while the caller prints a page a thread asks for the
 * next ones. Each is taken into memory whole before it is handed on, and no more than a few are, so
 * that a reader of our output who stalls holds nothing open on the server. */
#ifndef PENSTOCK_CLI_PAGES_H
#define PENSTOCK_CLI_PAGES_H

#include "cli/cli.h"

struct pages;

/* From here to pages_close nobody else may call into the store. */
bool pages_open(struct cli *cli, struct store *store, struct pages **ret, struct err *err);
/* Valid until the next call; *ret_n == 0 with true: the end. */
bool pages_next(struct pages *pages, struct row **ret, size_t *ret_n, struct err *err);
/* Gives up what is under way. */
void pages_close(struct pages *pages);

#endif
