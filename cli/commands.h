/* The commands that are no operations; each file of commands says here what it offers. */
#ifndef PENSTOCK_CLI_COMMANDS_H
#define PENSTOCK_CLI_COMMANDS_H

#include "cli/cli.h"

/* cmd_list.c */
extern const struct op_option list_options[], filter_options[];
/* Does one of filter_options keep rows of this sheet? */
bool filter_fits(const struct sheet *sheet, const char *option);
bool cmd_list(struct cli *cli, struct err *err);
bool cmd_sheet(struct cli *cli, struct err *err);

/* cmd_show.c */
extern const struct op_option get_options[], diff_options[];
bool cmd_show(struct cli *cli, struct err *err);
bool cmd_get(struct cli *cli, struct err *err);
bool cmd_next(struct cli *cli, struct err *err);
bool cmd_diff(struct cli *cli, struct err *err);

/* cmd_instance.c */
bool cmd_instance(struct cli *cli, struct err *err);

/* cmd_change.c */
/* --to, for operations that write a second record; NULL for the others. */
const struct op_option *change_to_options(const struct op *op);
bool cmd_op(struct cli *cli, struct err *err);

/* cmd_edit.c */
const char *text_argument(const struct op *op); /* which takes the text of an edit; may be NULL */
bool cmd_edit(struct cli *cli, struct err *err);

/* cmd_transfer.c */
extern const struct op_option import_options[];
bool cmd_export(struct cli *cli, struct err *err);
bool cmd_import(struct cli *cli, struct err *err);

/* cmd_state.c */
extern const struct op_option restore_options[], prune_options[];
bool cmd_restore(struct cli *cli, struct err *err);
bool cmd_prune(struct cli *cli, struct err *err);

/* cmd_pipelines.c */
bool cmd_pipelines(struct cli *cli, struct err *err);

/* cmd_wait.c */
extern const struct op_option wait_options[];
bool cmd_wait(struct cli *cli, struct err *err);

/* cmd_plan.c */
bool cmd_apply(struct cli *cli, struct err *err);

/* cmd_journal.c */
bool since_of(const struct cli *cli, int64_t *ret_us, struct err *err); /* --since; 0: not given */
/* For looking: a journal that is not there yet is an empty one, cli->journal stays NULL. */
bool journal_open_to_look(struct cli *cli, bool *ret_there, struct err *err);
/* For taking an entry as it stands: to write it, for a dry run to read it. */
bool journal_open_to_change(struct cli *cli, struct err *err);
json_t *journal_entry_json(const struct journal_entry *entry, struct str undone_by);
extern const struct op_option since_options[], older_options[];
bool cmd_journal_list(struct cli *cli, struct err *err);
bool cmd_journal_show(struct cli *cli, struct err *err);
bool cmd_journal_prune(struct cli *cli, struct err *err);
/* cmd_journal_undo.c */
bool cmd_journal_undo(struct cli *cli, struct err *err);
bool cmd_journal_redo(struct cli *cli, struct err *err);
bool cmd_journal_resume(struct cli *cli, struct err *err);
bool cmd_audit_list(struct cli *cli, struct err *err);

/* cmd_manual.c */
bool cmd_manual(struct cli *cli, struct err *err);

/* cmd_completion.c */
bool cmd_completion(struct cli *cli, struct err *err);

/* cmd_report.c */
bool cmd_report(struct cli *cli, struct err *err);

/* cmd_lock.c */
extern const struct op_option hold_options[];
bool cmd_lock_list(struct cli *cli, struct err *err);
bool cmd_lock_show(struct cli *cli, struct err *err);
bool cmd_lock_break(struct cli *cli, struct err *err);
bool cmd_lock_hold(struct cli *cli, struct err *err);

/* cmd_check.c */
extern const struct op_option check_options[], ack_options[];
bool cmd_check(struct cli *cli, struct err *err);
bool cmd_check_ack(struct cli *cli, struct err *err);

/* cmd_overview.c */
bool cmd_overview(struct cli *cli, struct err *err);
bool cmd_probe(struct cli *cli, struct err *err);

/* cmd_config.c */
extern const struct op_option demo_options[];
bool cmd_config_check(struct cli *cli, struct err *err);
bool cmd_config_paths(struct cli *cli, struct err *err);
bool cmd_config_contexts(struct cli *cli, struct err *err);
bool cmd_keys(struct cli *cli, struct err *err);
bool cmd_demo(struct cli *cli, struct err *err);
bool cmd_help(struct cli *cli, struct err *err);

#endif
