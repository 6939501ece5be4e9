#include "core/acks.h"

#include "core/audit.h"
#include "core/base/arena.h"
#include "core/base/call.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/hash.h"
#include "core/base/path.h"
#include "core/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

bool acks_read(const char *path, json_t **ret, struct err *err)
{
    json_error_t at;
    struct err why;
    CLEANUP(fd_close) int fd = -1;
    if (!path_open(path, O_RDONLY, &fd, &why)) {
        if (why.kind != ERR_NOT_FOUND) {
            *err = why;
            return err_context(err, "acknowledgements");
        }
        *ret = json_object();
        return true;
    }
    json_t *acks = json_loadfd(fd, JSON_REJECT_DUPLICATES, &at);
    if (!json_is_object(acks)) {
        json_decref(acks);
        err_set(err, ERR_CORRUPT, "acknowledgements %s: damaged, or not a file of penstock", path);
        return err_hint(err, "move it away; nothing else is kept in it");
    }
    *ret = acks;
    return true;
}

struct str acks_finding_id(struct arena *arena, struct str store, const char *code,
                           struct str object)
{
    uint8_t sha[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    struct sha256 *h = sha256_new();
    struct str parts[] = {store, str_of(code), object};
    for (size_t i = 0; i < 3; i++) {
        sha256_u64(h, parts[i].len);
        sha256_add(h, parts[i].ptr, parts[i].len);
    }
    sha256_finish(h, sha);
    hex_encode(sha, sizeof sha, hex);
    return arena_str(arena, (struct str){hex, FINDING_ID_LEN});
}

static int64_t until_of(json_t *ack)
{
    const char *text = json_string_value(json_object_get(ack, "until"));
    int64_t until;
    return text && time_parse(str_of(text), &until) ? until : TIME_UNKNOWN;
}

int64_t acks_until(json_t *acks, struct str id, int64_t now_us)
{
    struct arena a = ARENA_INIT;
    json_t *ack = json_object_get(acks, arena_cstr(&a, id));
    arena_release(&a);
    int64_t until = ack ? until_of(ack) : TIME_UNKNOWN;
    return until != TIME_UNKNOWN && until > now_us ? until : TIME_UNKNOWN;
}

static void forget_past(json_t *acks, int64_t now_us)
{
    const char *id;
    json_t *ack;
    void *next;
    json_object_foreach_safe(acks, next, id, ack)
    {
        int64_t until = until_of(ack);
        if (until == TIME_UNKNOWN || until <= now_us)
            json_object_del(acks, id);
    }
}

static bool write_file(const char *path, const json_t *acks, struct err *err)
{
    char *text = json_dumps(acks, JSON_INDENT(1));
    bool ok = text ? path_replace(path, str_of(text), true, err)
                   : err_set(err, ERR_INTERNAL, "%s: it cannot be put into words", path);
    free(text);
    return ok || err_context(err, "acknowledgements");
}

/* Whoever holds it, writes one small file: who takes longer does not come back. */
static bool lock_file(const char *path, int *ret, struct err *err)
{
    enum { WAIT_MS = 5000, PAUSE_MS = 20 };
    struct call call = call_within(WAIT_MS, NULL);
    struct arena a = ARENA_INIT;
    const char *name = arena_printf(&a, "%s.lock", path).ptr;
    CLEANUP(fd_close) int fd = -1;
    bool ok = path_open(name, O_RDWR | O_CREAT | O_NOFOLLOW, &fd, err);
    while (ok && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            ok = err_set(err, ERR_INTERNAL, "%s: cannot lock it: %s", name, strerror(errno));
        else if (!call_pause(&call, PAUSE_MS, name, NULL))
            ok = err_set(err, ERR_LOCKED, "%s: another program holds it", name);
    }
    if (ok) {
        *ret = fd;
        fd = -1;
    }
    arena_release(&a);
    return ok || err_context(err, "acknowledgements");
}

bool acks_add(const char *path, const struct ack *ack, struct err *err)
{
    json_t *acks = NULL;
    CLEANUP(fd_close) int lock = -1;
    bool ok = path_make_parents(path, 0700, err) && lock_file(path, &lock, err) &&
              acks_read(path, &acks, err);
    if (ok) {
        json_t *entry = json_object();
        json_object_set_new(entry, "until", output_time(ack->until_us));
        json_object_set_new(entry, "at", output_time(ack->at_us));
        json_object_set_new(entry, "who", output_text(str_of(ack->who)));
        json_object_set_new(entry, "reason", output_text(ack->reason));
        forget_past(acks, ack->at_us);
        json_object_set_new(acks, ack->id, entry);
        ok = write_file(path, acks, err);
        json_decref(acks);
    }
    return ok;
}

bool acks_take(const char *path, struct audit *audit, const struct ack *ack,
               const struct acked *what, struct err *err)
{
    json_t *line = json_object();
    json_object_set_new(line, "step", json_string("acknowledged"));
    json_object_set_new(line, "verb", json_string("check ack"));
    json_object_set_new(line, "finding", json_string(ack->id));
    json_object_set_new(line, "code", json_string(what->code));
    json_object_set_new(line, "store", output_text(what->store));
    json_object_set_new(line, "object", output_id(what->object));
    json_object_set_new(line, "until", output_time(ack->until_us));
    json_object_set_new(line, "reason", output_text(ack->reason));
    return audit_add(audit, line, err) && audit_sync(audit, err) && acks_add(path, ack, err);
}
