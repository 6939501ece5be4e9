#include "core/systems/triggers/findings.h"

#include "core/output.h"
#include "core/systems/triggers/session.h"

enum {
    EXPIRES_SOON_S = 3600,
    STUCK_S = 3600,   /* scheduled or running without a sign for so long */
    FINDINGS_MAX = 50 /* of one session: a session of thousands of failures is one trouble */
};

/* --- words ----------------------------------------------------------------------------------- */

struct counts {
    size_t unresolved, failed, in_flight, waiting;
};

static struct counts count(const struct session *session)
{
    struct counts c = {0};
    for (size_t i = 0; i < session->ninstances; i++) {
        const struct instance *instance = &session->instances[i];
        c.unresolved += !instance_resolved(instance);
        c.failed += instance_failed(instance);
        c.in_flight += instance_in_flight(instance);
    }
    c.waiting = c.unresolved - c.failed - c.in_flight;
    return c;
}

static struct str status_word(const struct session *session, enum mark *ret_mark)
{
    struct counts c = count(session);
    *ret_mark = MARK_BAD;
    if (session->defect.kind)
        return STR("damaged");
    if (!session->ntasks) {
        *ret_mark = MARK_WARN;
        return STR("empty");
    }
    if (c.failed)
        return STR("failed");
    *ret_mark = c.unresolved ? MARK_WAIT : MARK_OK;
    return c.unresolved ? STR("waiting") : STR("done");
}

struct str session_brief(const struct value *root, struct arena *arena)
{
    if (!root)
        return STR("absent");
    struct session session;
    enum mark mark;
    session_read(arena, root, &session);
    struct counts c = count(&session);
    struct str word = status_word(&session, &mark);
    if (mark == MARK_OK || session.defect.kind || !session.ntasks)
        return word;
    return arena_printf(arena, "%.*s (%zu failed, %zu waiting of %zu)", STR_ARG(word), c.failed,
                        c.unresolved - c.failed, session.ninstances);
}

struct str session_status(const struct sheet_input *in, enum mark *ret_mark)
{
    *ret_mark = MARK_BAD;
    if (!in->doc || !in->doc->root)
        return STR("damaged");
    struct session session;
    session_read(in->arena, in->doc->root, &session);
    return status_word(&session, ret_mark);
}

/* --- findings -------------------------------------------------------------------------------- */

struct check {
    const struct sheet_input *in;
    const struct session *session;
    struct finding *list;
    size_t n;
    struct str instance; /* that is looked at; ptr NULL: none */
};

__attribute__((format(printf, 4, 5))) static struct finding *
add(struct check *check, const char *code, enum severity severity, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str text = arena_vprintf(check->in->arena, fmt, ap);
    va_end(ap);
    struct finding *f = finding_add(&check->list, check->in->arena, code, severity,
                                    check->in->row->label, "%.*s", STR_ARG(text));
    f->part = check->instance;
    check->n++;
    return f;
}

static struct str fix_line(const struct check *check, const char *verb, struct str name)
{
    struct arena *arena = check->in->arena;
    return arena_printf(arena, "session %s %.*s %.*s", verb,
                        STR_ARG(output_id_word(arena, check->in->row->id)),
                        STR_ARG(shell_quote(arena, name)));
}

static void check_failed(struct check *check, const struct instance *i)
{
    struct arena *arena = check->in->arena;
    struct str exception = instance_exception(arena, i);
    const struct instance *child = session_child(check->session, i);
    if (child) {
        add(check, "replayed-twice", SEVERITY_WARNING,
            "%.*s is failed although %.*s replays it: replayed again, its work may run twice",
            STR_ARG(i->name), STR_ARG(child->name));
        return;
    }
    struct finding *f = add(check, "failed", SEVERITY_ERROR, "%.*s failed%s%.*s", STR_ARG(i->name),
                            exception.ptr ? ": " : "", STR_ARG(exception));
    f->detail = text_or(FIELD(i->metadata, "exceptionInfo"), STR_NULL);
    f->fix = fix_line(check, "replay", i->name);
}

static void check_waiting(struct check *check, const struct instance *i)
{
    if (!instance_can_run(i))
        return;
    if (i->parent.ptr && !i->timestamps)
        add(check, "clone-not-started", SEVERITY_WARNING,
            "%.*s replays %.*s but was never sent to a worker: the next fire of its "
            "triggers starts it",
            STR_ARG(i->name), STR_ARG(i->parent));
    else
        add(check, "not-dispatched", SEVERITY_WARNING,
            "%.*s has all its triggers but was never sent to a worker", STR_ARG(i->name));
}

static void check_in_flight(struct check *check, const struct instance *i)
{
    struct arena *arena = check->in->arena;
    if (i->modified_us == TIME_UNKNOWN || check->in->now_us - i->modified_us < STUCK_S * 1000000LL)
        return;
    bool running = str_is(i->status, "running");
    struct finding *f =
        add(check, running ? "stuck-running" : "stuck-scheduled", SEVERITY_WARNING,
            "%.*s is %.*s for %.*s: %s", STR_ARG(i->name), STR_ARG(i->status),
            STR_ARG(time_span(arena, check->in->now_us - i->modified_us)),
            running ? "its worker was killed, or it works still"
                    : "message lost, no worker, or the worker cannot see the session");
    f->fix = fix_line(check, "fail", i->name);
}

static void check_instance(struct check *check, const struct instance *i)
{
    struct arena *arena = check->in->arena;
    check->instance = i->name;
    if (i->hazard)
        add(check, "bad-metadata", SEVERITY_WARNING, "%.*s: %s", STR_ARG(i->name), i->hazard);
    if (instance_failed(i))
        check_failed(check, i);
    else if (instance_unstarted(i))
        check_waiting(check, i);
    else if (instance_in_flight(i))
        check_in_flight(check, i);
    else if (str_is(i->status, "replayed") && !session_child(check->session, i))
        add(check, "clone-lost", SEVERITY_WARNING,
            "%.*s was replayed, but no instance replays it: its clone was overwritten",
            STR_ARG(i->name));
    else if (!instance_logs_resolved(i)) {
        struct finding *f =
            add(check, "logs-unresolved", SEVERITY_INFO, "%.*s is %.*s and logged %.*s",
                STR_ARG(i->name), STR_ARG(i->status), STR_ARG(log_level_name(arena, i->log_level)));
        f->fix = fix_line(check, "resolve-logs", i->name);
    }
}

static void check_names(struct check *check)
{
    struct arena *arena = check->in->arena;
    for (size_t t = 0; t < check->session->ntasks && check->n < FINDINGS_MAX; t++) {
        const struct task *task = &check->session->tasks[t];
        struct str next = task_next_name(arena, task);
        if (!session_instance(check->session, next))
            continue;
        add(check, "name-collision", SEVERITY_ERROR,
            "the next instance of %.*s overwrites %.*s: an instance was deleted and the "
            "framework names by counting",
            STR_ARG(task->name), STR_ARG(next));
    }
}

static void check_expiry(struct check *check)
{
    int64_t expires = check->in->doc->expires_at_us;
    if (expires == TIME_NEVER || expires == TIME_UNKNOWN)
        return;
    int64_t off = check->in->doc->expires_off_us, left = expires - off - check->in->now_us;
    struct counts c = count(check->session);
    if (left >= EXPIRES_SOON_S * 1000000LL || !c.failed)
        return;
    if (off && !check->in->doc->problem.kind)
        add(check, "expires-soon", SEVERITY_ERROR,
            "%zu failed, and the session has expired or expires in %.*s at the latest: its cache "
            "keeps no zone",
            c.failed, STR_ARG(time_span(check->in->arena, left + 2 * off)));
    else
        add(check, "expires-soon", SEVERITY_ERROR, "%zu failed, and the session expires in %.*s",
            c.failed, STR_ARG(time_span(check->in->arena, left > 0 ? left : 0)));
}

struct finding *session_check(const struct sheet_input *in)
{
    struct check check = {.in = in};
    const struct document *doc = in->doc;
    struct session session;
    if (!doc || doc->absent || doc->truncated)
        return NULL;
    if (doc->problem.kind)
        add(&check, "unreadable", SEVERITY_ERROR, "%s", doc->problem.text);
    if (!doc->root)
        return check.list;
    session_read(in->arena, doc->root, &session);
    check.session = &session;
    if (session.defect.kind)
        add(&check, "unloadable", SEVERITY_ERROR, "every fire() and every worker fails on it: %s",
            session.defect.text);
    else if (!session.ntasks)
        add(&check, "empty-shell", SEVERITY_WARNING,
            "no tasks: it expired, and a later fire left this shell%s",
            session.ignored ? "; its instances are dropped at the next save" : "");
    for (size_t i = 0; i < session.ninstances && check.n < FINDINGS_MAX; i++)
        check_instance(&check, &session.instances[i]);
    check.instance = STR_NULL;
    if (!session.defect.kind) /* else the counts mean nothing */
        check_names(&check);
    check_expiry(&check);
    return check.list;
}

/* --- show ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static void line(struct show_lines *lines, const char *label,
                                                       const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    show_line(lines, label, arena_vprintf(lines->arena, fmt, ap));
    va_end(ap);
}

static void show_instance(struct show_lines *lines, const struct instance *i)
{
    struct str exception = instance_exception(lines->arena, i);
    struct str waits = instance_waits_for(lines->arena, i);
    if (instance_failed(i)) {
        struct str type = instance_exception_type(i);
        line(lines, "failed", "%.*s%s%.*s", STR_ARG(i->name), type.ptr ? "  " : "", STR_ARG(type));
        if (exception.ptr && !str_eq(exception, type))
            line(lines, "says", "%.*s", STR_ARG(exception));
    } else if (waits.ptr) {
        line(lines, "waits", "%.*s  for %.*s", STR_ARG(i->name), STR_ARG(waits));
    } else if (instance_can_run(i)) {
        line(lines, "ready", "%.*s  was not sent to a worker; the next fire starts it",
             STR_ARG(i->name));
    } else if (!instance_resolved(i)) {
        line(lines, "now", "%.*s  %.*s", STR_ARG(i->name), STR_ARG(i->status));
    }
}

static void show_expiry(struct show_lines *lines, const struct document *doc, int64_t now_us)
{
    int64_t off = doc->expires_off_us, left = doc->expires_at_us - now_us;
    struct str late = time_span(lines->arena, left + off < 0 ? -left : left + off);
    if (left + off < 0)
        line(lines, "expired", "%.*s ago", STR_ARG(late));
    else if (!off)
        line(lines, "expires", "in %.*s", STR_ARG(late));
    else if (left < off)
        line(lines, "expires", "in %.*s at the latest, if it has not yet: it has no zone here",
             STR_ARG(late));
    else
        line(lines, "expires", "in %.*s to %.*s: it has no zone here",
             STR_ARG(time_span(lines->arena, left - off)), STR_ARG(late));
}

size_t session_show(const struct sheet_input *in, struct str (**ret)[2])
{
    enum { LINES_MAX = 40 };
    struct show_lines lines = show_lines_new(in->arena, LINES_MAX);
    const struct document *doc = in->doc;
    struct session session;
    *ret = lines.at;
    if (!doc)
        return 0;
    if (doc->problem.kind)
        line(&lines, "problem", "%s", doc->problem.text);
    session_read(in->arena, doc->root, &session);
    if (doc->root && session.defect.kind)
        line(&lines, "damaged", "%s", session.defect.text);
    if (!doc->root || session.defect.kind)
        return lines.n;
    struct counts c = count(&session);
    line(&lines, "session",
         "%zu tasks, %zu instances: %zu failed, %zu scheduled or running, %zu "
         "waiting",
         session.ntasks, session.ninstances, c.failed, c.in_flight, c.waiting);
    if (!session.ntasks)
        line(&lines, "empty", "it expired, and a later fire left this shell");
    if (doc->expires_at_us != TIME_NEVER && doc->expires_at_us != TIME_UNKNOWN)
        show_expiry(&lines, doc, in->now_us);
    for (size_t i = 0; i < session.ninstances; i++) {
        if (instance_failed(&session.instances[i]))
            show_instance(&lines, &session.instances[i]);
    }
    for (size_t i = 0; i < session.ninstances; i++) {
        if (!instance_failed(&session.instances[i]))
            show_instance(&lines, &session.instances[i]);
    }
    for (size_t t = 0; t < session.ntasks; t++) {
        if (!session.tasks[t].instances)
            line(&lines, "not yet", "%.*s  has no instance", STR_ARG(session.tasks[t].name));
    }
    return lines.n;
}
