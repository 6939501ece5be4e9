#include "cli/commands.h"

#include <string.h>

static const struct cli_command commands[] = {
    {"*", "list", "", "one row a record", list_options, false, cmd_list},
    {"*", "show", "ID", "what one record is and what is wrong with it", NULL, false, cmd_show},
    {"*", "get", "ID", "the document itself", get_options, false, cmd_get},
    {"*", "diff", "ID [ID2|--with JOURNAL_ID]", "what differs, by path", diff_options, false,
     cmd_diff},
    {"*", "edit", "ID", "change the document as text, in $EDITOR", NULL, true, cmd_edit},
    {"*", "export", "[ID...]", "documents as one JSON object, for import", filter_options, false,
     cmd_export},
    {"*", "import", "[FILE]", "write the documents of such an object; - or nothing is stdin",
     import_options, true, cmd_import},
    {"state", "next", "ID", "what the next run receives", NULL, false, cmd_next},
    {"state", "restore", "ID --entry E", "back to what the journal keeps of it", restore_options,
     true, cmd_restore},
    {"source", "restore", "ID --entry E", "back to what the journal keeps of it", restore_options,
     true, cmd_restore},
    {"state", "prune", "--older SPAN", "remove the states of single runs, long not written",
     prune_options, true, cmd_prune},
    {"session", "instance", "UID NAME", "everything about one instance", NULL, false, cmd_instance},
    {"table", "pipelines", "", "what the tables of each pipeline add up to", NULL, false,
     cmd_pipelines},
    {"table", "wait", "TABLE --for ready|not-errored", "until a table is there", wait_options,
     false, cmd_wait},
    {"session", "wait", "UID --for resolved", "until a session is there", wait_options, false,
     cmd_wait},
    {"lock", "list", "", "every lock that the stores show", NULL, false, cmd_lock_list},
    {"lock", "show", "OBJECT", "the lock on one record", NULL, false, cmd_lock_show},
    {"lock", "break", "OBJECT", "take a lock away; cannot be undone", NULL, true, cmd_lock_break},
    {"lock", "hold", "OBJECT [--for SECONDS] -- COMMAND...", "run a command under the lock",
     hold_options, true, cmd_lock_hold},
    {"check", NULL, "", "findings over all targets, worst first", check_options, false, cmd_check},
    {"check", "ack", "ID --for SPAN", "a finding is known for a while", ack_options, false,
     cmd_check_ack},
    {"overview", NULL, "", "counts per store by phase or status", NULL, false, cmd_overview},
    {"apply", NULL, "FILE|-", "carry out a saved plan", NULL, true, cmd_apply},
    {"journal", "list", "", "changes, newest first", since_options, false, cmd_journal_list},
    {"journal", "show", "ID", "one change with its records", NULL, false, cmd_journal_show},
    {"journal", "undo", "[ID]", "restore what a change replaced", NULL, true, cmd_journal_undo},
    {"journal", "redo", "[ID]", "do again what an undo restored", NULL, true, cmd_journal_redo},
    {"journal", "resume", "ID", "plan anew what a batch left, with all checks", NULL, true,
     cmd_journal_resume},
    {"journal", "prune", "--older T", "forget old changes", older_options, false,
     cmd_journal_prune},
    {"audit", "list", "", "who did what", since_options, false, cmd_audit_list},
    {"report", NULL, "--since T", "Markdown for a hand-over: findings, changes, what waits",
     since_options, false, cmd_report},
    {"probe", NULL, "", "what is found at the targets", NULL, false, cmd_probe},
    {"config", "check", "", "is the configuration valid?", NULL, false, cmd_config_check},
    {"config", "paths", "", "where our own files lie", NULL, false, cmd_config_paths},
    {"config", "contexts", "", "the contexts of the configuration", NULL, false,
     cmd_config_contexts},
    {"keys", NULL, "", "the keys of the screen", NULL, false, cmd_keys},
    {"completion", NULL, "bash|zsh|fish", "a script for the shell", NULL, false, cmd_completion},
    {"manual", NULL, "", "the manual page", NULL, false, cmd_manual},
    {"demo", NULL, "", "make sample stores and open the screen on them", demo_options, false,
     cmd_demo},
    {"help", NULL, "[NOUN [VERB]]", "help", NULL, false, cmd_help},
};

const struct cli_command *command_at(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}

const struct cli_command *command_find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct cli_command *c = &commands[i];
        bool same_verb = c->verb ? verb && strcmp(c->verb, verb) == 0 : !verb;
        if (strcmp(c->noun, noun) == 0 && same_verb)
            return c;
    }
    return NULL;
}

const struct cli_command *command_generic(void)
{
    static const struct cli_command change = {"*", NULL, "ID...", "", NULL, true, cmd_op};
    return &change;
}

const struct cli_command *command_sheet(void)
{
    static const struct cli_command sheet = {"*",          NULL,  "[ID...]", "",
                                             list_options, false, cmd_sheet};
    return &sheet;
}
