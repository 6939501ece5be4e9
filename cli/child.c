#include "cli/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The terminal sends these to both. */
static const int from_keys[] = {SIGINT, SIGQUIT};
enum { FROM_KEYS = sizeof from_keys / sizeof from_keys[0] };

/* What was ignored stays so in a new program, what was caught does not. */
static void child_main(const char *const argv[])
{
    static const int ignored[] = {SIGINT, SIGQUIT, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_DFL);
    execvp(argv[0], (char *const *)argv); /* which changes none of them */
    fprintf(stderr, "penstock: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static bool wait_for(pid_t pid, const char *name, int *ret_code, struct err *err)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return err_set(err, ERR_INTERNAL, "lost %s: %s", name, strerror(errno));
    }
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

bool child_run(const char *const argv[], const char *name, int *ret_code, struct err *err)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before[FROM_KEYS];
    sigemptyset(&ignore.sa_mask);
    for (size_t i = 0; i < FROM_KEYS; i++)
        sigaction(from_keys[i], &ignore, &before[i]);
    pid_t pid = fork();
    if (pid == 0)
        child_main(argv);
    bool ok = pid < 0 ? err_set(err, ERR_INTERNAL, "cannot start %s: %s", name, strerror(errno))
                      : wait_for(pid, name, ret_code, err);
    for (size_t i = 0; i < FROM_KEYS; i++)
        sigaction(from_keys[i], &before[i], NULL);
    return ok;
}
