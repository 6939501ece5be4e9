#include "core/audit.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct audit {
    int fd;
    char *path;
    char who[256];
    bool torn; /* the last line has no end: a disk was full, or somebody died */
};

static bool failed(const char *path, const char *what, struct err *err)
{
    return err_set(err, ERR_INTERNAL, "audit file %s: cannot %s: %s", path, what, strerror(errno));
}

static bool is_torn(int fd)
{
    char last = '\n';
    off_t end = lseek(fd, 0, SEEK_END);
    return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

bool audit_open(const char *path, struct audit **ret, struct err *err)
{
    if (!path_make_parents(path, 0700, err))
        return err_context(err, "audit file %s", path);
    int fd;
    if (!path_open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, &fd, err))
        return err_context(err, "audit file");
    struct audit *audit = xcalloc(1, sizeof *audit);
    audit->path = xstrdup(path);
    audit->fd = fd;
    audit->torn = is_torn(fd);
    audit_who(audit->who);
    *ret = audit;
    return true;
}

void audit_close(struct audit *audit)
{
    if (!audit)
        return;
    close(audit->fd);
    free(audit->path);
    free(audit);
}

/* One write, so lines of two writers never mix. What was torn before costs no line after it. */
static bool line_write(struct audit *audit, const char *text)
{
    CLEANUP(sbuf_release) struct sbuf line = SBUF_INIT;
    sbuf_printf(&line, "%s%s\n", audit->torn ? "\n" : "", text);
    ssize_t n = write(audit->fd, line.ptr, line.len);
    if (n > 0)
        audit->torn = line.ptr[n - 1] != '\n';
    if (n >= 0 && n < (ssize_t)line.len)
        errno = ENOSPC; /* why a file takes some of it alone */
    return n == (ssize_t)line.len;
}

bool audit_add(struct audit *audit, json_t *fields, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str now = time_rfc3339(&arena, clock_now_us());
    json_t *line = json_object();
    json_object_set_new(line, "time", json_stringn(now.ptr, now.len));
    json_object_set_new(line, "who", output_text(str_of(audit->who)));
    json_object_set_new(line, "version", json_string(PENSTOCK_VERSION));
    json_object_set_new(line, "pid", json_integer(getpid()));
    json_object_update(line, fields);
    json_decref(fields);
    arena_release(&arena);
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        return err_set(err, ERR_INTERNAL, "audit file %s: a line could not be made", audit->path);
    bool ok = line_write(audit, text);
    free(text);
    return ok || failed(audit->path, "write it", err);
}

bool audit_sync(struct audit *audit, struct err *err)
{
    return fdatasync(audit->fd) == 0 || failed(audit->path, "sync it", err);
}

static void file_close(FILE **file)
{
    if (*file)
        fclose(*file);
}

static void text_free(char **text)
{
    free(*text);
}

bool audit_read(const char *path, int64_t since_us, json_t **ret, size_t *ret_bad, struct err *err)
{
    struct err why;
    int fd = -1;
    if (!path_open(path, O_RDONLY, &fd, &why) && why.kind != ERR_NOT_FOUND) {
        *err = why;
        return err_context(err, "audit file");
    }
    CLEANUP(file_close) FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    json_t *lines = json_array();
    *ret_bad = 0;
    CLEANUP(text_free) char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while (file && (len = getline(&line, &cap, file)) >= 0) {
        json_t *fields = json_loadb(line, (size_t)len, 0, NULL);
        const char *time = json_string_value(json_object_get(fields, "time"));
        int64_t at;
        if (!time || !time_parse(str_of(time), &at)) {
            (*ret_bad)++;
            json_decref(fields);
        } else if (at < since_us) {
            json_decref(fields);
        } else {
            json_array_append_new(lines, fields);
        }
    }
    *ret = lines;
    return true;
}

void audit_who(char out[256])
{
    char host[65] = "localhost", buffer[1024];
    struct passwd pw, *found = NULL;
    gethostname(host, sizeof host - 1);
    getpwuid_r(geteuid(), &pw, buffer, sizeof buffer, &found);
    const char *operator_name = getenv("PENSTOCK_OPERATOR");
    const char *sudo = getenv("SUDO_USER");
    int n = found ? snprintf(out, 256, "%s@%s", found->pw_name, host)
                  : snprintf(out, 256, "uid %ld@%s", (long)geteuid(), host);
    if (sudo && *sudo && n < 256)
        n += snprintf(out + n, 256 - (size_t)n, " (sudo: %s)", sudo);
    if (operator_name && *operator_name && n < 256)
        snprintf(out + n, 256 - (size_t)n, " (operator: %s)", operator_name);
}
