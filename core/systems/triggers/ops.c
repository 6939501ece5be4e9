/* Operations on instances: replay, skip, resolve logs, fail, and the preview of a fire. */
#include "core/systems/triggers/ops.h"

#include "core/json.h"
#include "core/system.h"
#include "core/systems/triggers/draft.h"

#include <string.h>

enum {
    CELERY_MAX_RETRIES = 3, /* Celery's default, which depth counts against (2.5) */
    EXPIRY_WARN_S = 600,
};

/* --- shared ---------------------------------------------------------------------------------- */

bool op_session(const struct op_input *in, struct session *ret, struct err *err)
{
    const struct document *doc = in->docs[0];
    if (doc->problem.kind) {
        *err = doc->problem;
        return false;
    }
    session_read(in->arena, doc->root, ret);
    return session_editable(ret, err);
}

void op_warn_expiry(const struct op_input *in, struct op_output *out)
{
    int64_t expires = in->docs[0]->expires_at_us;
    if (expires == TIME_NEVER || expires == TIME_UNKNOWN)
        return;
    int64_t off = in->docs[0]->expires_off_us, left = expires - off - in->now_us;
    if (left < EXPIRY_WARN_S * 1000000LL && off)
        op_consequence(out, in->arena, "expires", LEVEL_WARN,
                       "the session has expired or expires in %.*s at the latest: its cache keeps "
                       "no zone; where Django takes it for gone, this is in vain",
                       STR_ARG(time_span(in->arena, left + 2 * off)));
    else if (left < EXPIRY_WARN_S * 1000000LL)
        op_consequence(out, in->arena, "expires", LEVEL_WARN,
                       "the session expires in %.*s, with whatever is prepared in it",
                       STR_ARG(time_span(in->arena, left > 0 ? left : 0)));
}

/* "a, b or c" */
static void add_names(struct sbuf *out, const struct str *names, size_t n, const char *last)
{
    for (size_t i = 0; i < n; i++) {
        sbuf_cstr(out, i == 0 ? "" : i + 1 == n ? last : ", ");
        sbuf_str(out, names[i]);
    }
}

/* Would this fire complete `unless`? Then the instance is abandoned, not run (3.1 c). */
static bool would_abandon(const struct instance *i, struct str trigger)
{
    const struct names *unless = &i->task->unless;
    if (!names_have(unless, trigger))
        return false;
    for (size_t k = 0; k < unless->n; k++) {
        if (!str_eq(unless->items[k], trigger) && !names_have(&i->abandon, unless->items[k]))
            return false;
    }
    return true;
}

/* Triggers of a set that bring an unstarted instance on; `ret` has room for all. */
static size_t add_starters(const struct instance *i, const struct names *set, bool missing_only,
                           struct str *ret)
{
    size_t n = 0;
    for (size_t k = 0; k < set->n; k++) {
        bool fired = missing_only && names_have(&i->kwargs, set->items[k]);
        if (!fired && !would_abandon(i, set->items[k]))
            ret[n++] = set->items[k];
    }
    return n;
}

/* What starts an unstarted instance: 3.9. */
static struct str what_starts(struct arena *arena, const struct instance *i)
{
    const struct names *after = &i->task->after, *unless = &i->task->unless;
    struct str *starters = arena_array(arena, struct str, after->n + unless->n);
    bool complete = names_within(after, &i->kwargs);
    size_t n = add_starters(i, after, !complete, starters);
    if (complete)
        n += add_starters(i, unless, false, starters + n);
    if (!n)
        return STR("a dispatch by the application: no fire can start it");
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, "the next fire of ");
    add_names(&out, starters, n, complete ? " or " : " and ");
    return arena_take(arena, &out);
}

/* The plan's "waits for", of several instances each cause once. */
static void add_waits(struct op_output *out, struct arena *arena, struct str waits)
{
    if (!out->waits_for.ptr) {
        out->waits_for = waits;
        return;
    }
    char *all = arena_cstr(arena, out->waits_for);
    if (!strstr(all, arena_cstr(arena, waits)) && out->waits_for.len < 300)
        out->waits_for = arena_printf(arena, "%s; %.*s", all, STR_ARG(waits));
}

static void say_unstarted(const struct op_input *in, struct op_output *out,
                          const struct instance *i)
{
    struct str starts = what_starts(in->arena, i);
    op_consequence(out, in->arena, "not_started", LEVEL_WARN,
                   "%.*s stays unstarted: nothing runs it before %.*s", STR_ARG(i->name),
                   STR_ARG(starts));
    add_waits(out, in->arena, starts);
    if (i->task->and_every.ptr)
        op_consequence(out, in->arena, "and_every", LEVEL_NOTE,
                       "firing %.*s starts %.*s and also makes a further instance of %.*s "
                       "(andEvery)",
                       STR_ARG(i->task->and_every), STR_ARG(i->name), STR_ARG(i->task->name));
    if (instance_can_abandon(i))
        op_consequence(out, in->arena, "abandons", LEVEL_WARN,
                       "%.*s would be abandoned, not run: every `unless` trigger has fired",
                       STR_ARG(i->name));
}

/* Python's repr of a text, for the line an operator may paste. */
static struct str python_quote(struct arena *arena, struct str s)
{
    struct sbuf out = SBUF_INIT;
    json_quote(&out, s); /* escapes of JSON mean the same in Python */
    return arena_take(arena, &out);
}

static void say_hand_over(const struct op_input *in, struct op_output *out,
                          const struct instance *clone)
{
    op_consequence(out, in->arena, "hand_over", LEVEL_NOTE,
                   "to run it at once, in the application's shell afterwards: "
                   "m._schedule_task(m.storage[%.*s])",
                   STR_ARG(python_quote(in->arena, clone->name)));
}

/* An argument that is a JSON object; NULL and true when it was not given. */
static bool json_object_arg(const struct op_input *in, const char *name, const struct value **ret,
                            struct err *err)
{
    struct str text;
    *ret = NULL;
    if (!op_arg(&in->args, name, 0, &text))
        return true;
    if (!json_read_input(in->arena, arena_str(in->arena, text), ret, err))
        return err_context(err, "--%s", name);
    if (!value_is_dict(*ret))
        return err_set(err, ERR_INVALID, "--%s wants a JSON object, not %s", name,
                       value_type_name((*ret)->type));
    return true;
}

/* --- which instances ------------------------------------------------------------------------- */

static bool matches(const struct op_input *in, const struct instance *i)
{
    struct str task, glob;
    if (op_arg(&in->args, "task", 0, &task) && !str_eq(i->task_name, task))
        return false;
    if (!op_arg(&in->args, "exception", 0, &glob))
        return true;
    struct str type = instance_exception_type(i);
    if (!type.ptr)
        return false;
    struct str bare = str_sub(type, (size_t)(str_rindex(type, '.') + 1), type.len);
    return str_glob(type, glob) || str_glob(bare, glob) ||
           str_glob(instance_exception(in->arena, i), glob);
}

static bool not_found(const struct session *session, struct str name, struct err *err)
{
    const struct task *task = session_task(session, name);
    err_set(err, ERR_NOT_FOUND, "no instance %.*s in the session", STR_ARG(name));
    if (task && task->first)
        return err_hint(err, "that is a task; its first instance is %.*s",
                        STR_ARG(task->first->name));
    return err_hint(err, "`session instances` lists them");
}

/* The named instances, or with --failed those that failed and pass the filters. In stored order
 * for --failed, else as named, each once. */
static bool selected(const struct op_input *in, const struct session *session,
                     struct instance ***ret, size_t *ret_n, struct err *err)
{
    struct instance **list =
        arena_array(in->arena, struct instance *, session->ninstances + in->args.n);
    size_t n = 0;
    struct str name;
    bool failed = op_arg_flag(&in->args, "failed");
    if (!failed && !op_arg(&in->args, "name", 0, &name))
        return err_set(err, ERR_INVALID, "name an instance, or say --failed");
    if (failed && op_arg(&in->args, "name", 0, &name))
        return err_set(err, ERR_INVALID, "either instance names or --failed, not both");
    for (size_t k = 0; failed && k < session->ninstances; k++) {
        struct instance *i = &session->instances[k];
        if (instance_failed(i) && matches(in, i))
            list[n++] = i;
    }
    for (size_t k = 0; !failed && op_arg(&in->args, "name", k, &name); k++) {
        struct instance *i = session_instance(session, name);
        if (!i)
            return not_found(session, name, err);
        bool twice = false;
        for (size_t j = 0; j < n; j++)
            twice = twice || list[j] == i;
        if (!twice)
            list[n++] = i;
    }
    *ret = list;
    *ret_n = n;
    return true;
}

static bool must_be_failed(const struct instance *i, const char *done, struct err *err)
{
    if (instance_failed(i))
        return true;
    err_set(err, ERR_REFUSED, "%.*s is %.*s: only a failed instance can be %s", STR_ARG(i->name),
            STR_ARG(i->status), done);
    if (instance_in_flight(i))
        return err_hint(err, "if its worker is dead, `session fail` sets it to failed first");
    return false;
}

static bool must_be_safe(const struct instance *i, struct err *err)
{
    if (!i->hazard)
        return true;
    err_set(err, ERR_CORRUPT, "%.*s: %s", STR_ARG(i->name), i->hazard);
    return err_hint(err, "mend it with `session edit` first");
}

static void change_texts(const struct op_input *in, struct op_edit *edit, struct instance **list,
                         size_t n, struct str before, const char *after)
{
    struct str what = n == 1 ? list[0]->name : arena_printf(in->arena, "%zu instances", n);
    edit->before_text = arena_printf(in->arena, "%.*s %.*s", STR_ARG(what), STR_ARG(before));
    edit->after_text = str_of(after);
}

static bool nothing(struct op_output *out, const char *text)
{
    out->nothing = str_of(text);
    return true;
}

/* --- replay ---------------------------------------------------------------------------------- */

static void say_replay(const struct op_input *in, struct op_output *out,
                       const struct session *session, const struct instance *parent,
                       const struct instance *clone)
{
    const struct instance *other = session_child(session, parent);
    if (other) {
        op_consequence(out, in->arena, "replayed_before", LEVEL_WARN,
                       "%.*s was replayed before as %.*s (%.*s): its work may run twice",
                       STR_ARG(parent->name), STR_ARG(other->name), STR_ARG(other->status));
        out->typed = true;
    }
    if (clone->depth >= CELERY_MAX_RETRIES)
        op_consequence(out, in->arena, "depth", LEVEL_WARN,
                       "%.*s is attempt %lld: replays count against the task's max_retries, and a "
                       "self-retry may then fail with MaxRetriesExceeded",
                       STR_ARG(clone->name), (long long)clone->depth + 1);
    say_unstarted(in, out, clone);
    say_hand_over(in, out, clone);
}

static bool replay_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct session session;
    struct instance **list;
    size_t n;
    const struct value *kwargs;
    if (op_arg_flag(&in->args, "dispatch")) {
        err_set(err, ERR_REFUSED, "a replay is prepared here, not sent to a worker");
        return err_hint(err,
                        "without --dispatch the clone waits for the next fire of its triggers");
    }
    if (!op_session(in, &session, err) || !selected(in, &session, &list, &n, err) ||
        !json_object_arg(in, "kwargs", &kwargs, err))
        return false;
    if (!n)
        return nothing(out, "no failed instance matches");
    struct draft draft;
    draft_begin(&draft, in->arena, &session);
    for (size_t k = 0; k < n; k++) {
        struct instance *parent = list[k], *clone;
        if (!must_be_failed(parent, "replayed", err) || !must_be_safe(parent, err))
            return false;
        draft_set_status(&draft, parent, "replayed");
        if (!draft_clone(&draft, parent, kwargs, &clone, err))
            return err_context(err, "replay of %.*s", STR_ARG(parent->name));
        say_replay(in, out, &session, parent, clone);
    }
    op_warn_expiry(in, out);
    struct op_edit *edit = op_edit_add(out, 0, EDIT_WRITE, draft_root(&draft));
    change_texts(in, edit, list, n, STR("failed"), "replayed, clone unstarted");
    edit->reads = ~0u;
    out->undo = UNDO_UNTIL_WORKER;
    return true;
}

struct str session_kwargs_text(const struct sheet_input *in, struct str name)
{
    const struct value *instances = value_get(in->doc->root, "instances");
    const struct value *kwargs = value_get(value_get_str(instances, name), "kwargs");
    struct sbuf out = SBUF_INIT;
    bool ok = kwargs && json_write(&out, kwargs, JSON_UTF8, NULL);
    struct str text = ok ? arena_str(in->arena, sbuf_view(&out)) : STR_NULL;
    sbuf_release(&out);
    return text;
}

#define SELECTION                                                                                  \
    {.name = "name",                                                                               \
     .kind = OPTION_POSITIONAL,                                                                    \
     .many = true,                                                                                 \
     .metavar = "NAME",                                                                            \
     .help = "instance"},                                                                          \
        {.name = "failed", .kind = OPTION_FLAG, .help = "every failed instance of the session"},   \
        {.name = "task",                                                                           \
         .kind = OPTION_VALUE,                                                                     \
         .metavar = "TASK",                                                                        \
         .help = "with --failed: those of this task"},                                             \
    {                                                                                              \
        .name = "exception", .kind = OPTION_VALUE, .metavar = "GLOB",                              \
        .help = "with --failed: those whose exception matches"                                     \
    }

static const struct op_option replay_options[] = {
    SELECTION,
    {.name = "kwargs",
     .kind = OPTION_VALUE,
     .metavar = "JSON",
     .help = "replace all kwargs of the clone"},
    {.name = "dispatch", .kind = OPTION_FLAG, .help = "send it to a worker (not possible here)"},
    {0},
};

const struct op session_replay = {
    .verb = "replay",
    .help = "mark a failed instance as replayed and prepare its clone, unstarted",
    .options = replay_options,
    .run = replay_run,
};

/* --- skip ------------------------------------------------------------------------------------ */

static void say_fired(const struct op_input *in, struct op_output *out, const struct fired *fired)
{
    for (; fired; fired = fired->next) {
        const struct instance *i = fired->instance;
        if (fired->created)
            op_consequence(out, in->arena, "creates", LEVEL_NOTE, "%.*s is created",
                           STR_ARG(i->name));
        if (fired->ready)
            say_unstarted(in, out, i);
        else if (!fired->created)
            op_consequence(out, in->arena, "abandons", LEVEL_WARN, "%.*s becomes %.*s",
                           STR_ARG(i->name), STR_ARG(i->status));
    }
}

static bool skip_one(const struct op_input *in, struct draft *draft, struct instance *i,
                     const struct value *result, bool cascade, struct op_output *out,
                     struct err *err)
{
    const struct value_pair extra[] = {
        {value_cstr(in->arena, "cascade"), value_bool(cascade)},
        {value_cstr(in->arena, "result"), value_deep_copy(in->arena, result)},
    };
    draft_update(draft, i, STR("skipped"), value_dict(in->arena, extra, 2));
    if (!cascade)
        return true;
    struct fired *fired;
    if (!draft_fire(draft, i->task->name, result, &fired, err))
        return err_context(err, "cascade of %.*s", STR_ARG(i->name));
    say_fired(in, out, fired);
    if (!fired)
        op_consequence(out, in->arena, "no_cascade", LEVEL_NOTE,
                       "nothing becomes ready by %.*s having finished", STR_ARG(i->task->name));
    return true;
}

static bool skip_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct session session;
    struct instance **list;
    size_t n;
    const struct value *result;
    bool cascade = op_arg_flag(&in->args, "cascade");
    if (!op_session(in, &session, err) || !selected(in, &session, &list, &n, err) ||
        !json_object_arg(in, "result", &result, err))
        return false;
    if (!result)
        result = value_empty_dict(in->arena);
    if (!n)
        return nothing(out, "no failed instance matches");
    struct draft draft;
    draft_begin(&draft, in->arena, &session);
    for (size_t k = 0; k < n; k++) {
        if (!must_be_failed(list[k], "skipped", err) || !must_be_safe(list[k], err) ||
            !skip_one(in, &draft, list[k], result, cascade, out, err))
            return false;
    }
    if (!cascade)
        op_consequence(out, in->arena, "no_cascade", LEVEL_NOTE,
                       "without the cascade nothing that waits for the task runs");
    op_consequence(out, in->arena, "no_hooks", LEVEL_NOTE,
                   "the application's own hooks (_post_skip%s) do not run",
                   cascade ? ", _post_fire" : "");
    op_warn_expiry(in, out);
    struct op_edit *edit = op_edit_add(out, 0, EDIT_WRITE, draft_root(&draft));
    change_texts(in, edit, list, n, STR("failed"), cascade ? "skipped, cascaded" : "skipped");
    edit->reads = ~0u;
    out->undo = cascade ? UNDO_UNTIL_WORKER : UNDO_FULL;
    return true;
}

static const struct op_option skip_options[] = {
    SELECTION,
    {.name = "cascade",
     .kind = OPTION_FLAG,
     .help = "go on as if it had succeeded: what waits for its task gets the result"},
    {.name = "result", .kind = OPTION_VALUE, .metavar = "JSON", .help = "the result to pretend"},
    {0},
};

const struct op session_skip = {
    .verb = "skip",
    .help = "give up a failed instance",
    .options = skip_options,
    .run = skip_run,
};

/* --- resolve-logs, fail ---------------------------------------------------------------------- */

static const struct op_option name_options[] = {
    {.name = "name",
     .kind = OPTION_POSITIONAL,
     .many = true,
     .needed = true,
     .metavar = "NAME",
     .help = "instance"},
    {0},
};

static bool resolve_logs_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct session session;
    struct instance **list;
    size_t n, changed = 0;
    if (!op_session(in, &session, err) || !selected(in, &session, &list, &n, err))
        return false;
    const struct value_pair extra = {value_cstr(in->arena, "logsResolved"), value_bool(true)};
    struct draft draft;
    draft_begin(&draft, in->arena, &session);
    for (size_t k = 0; k < n; k++) {
        if (!must_be_safe(list[k], err))
            return false;
        if (instance_logs_resolved(list[k]))
            continue;
        draft_update(&draft, list[k], STR_NULL, value_dict(in->arena, &extra, 1));
        changed++;
    }
    if (!changed)
        return nothing(out, "its logs are resolved already");
    struct op_edit *edit = op_edit_add(out, 0, EDIT_WRITE, draft_root(&draft));
    change_texts(in, edit, list, n, STR("logs unresolved"), "logs resolved");
    edit->reads = ~0u;
    out->undo = UNDO_FULL;
    return true;
}

const struct op session_resolve_logs = {
    .verb = "resolve-logs",
    .help = "mark the logged errors of an instance as dealt with",
    .options = name_options,
    .run = resolve_logs_run,
};

static bool fail_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct session session;
    struct instance **list;
    size_t n;
    if (!op_session(in, &session, err) || !selected(in, &session, &list, &n, err))
        return false;
    if (!n) /* a saved plan may say --failed */
        return nothing(out, "only what is under way can be set to failed");
    struct draft draft;
    draft_begin(&draft, in->arena, &session);
    struct str before = list[0]->status;
    for (size_t k = 0; k < n; k++) {
        struct instance *i = list[k];
        if (!instance_in_flight(i)) {
            err_set(err, ERR_REFUSED,
                    "%.*s is %.*s: only a scheduled or running instance can be set to failed",
                    STR_ARG(i->name), STR_ARG(i->status));
            return false;
        }
        if (!must_be_safe(i, err))
            return false;
        op_consequence(out, in->arena, "worker_alive", LEVEL_WARN,
                       "if the worker of %.*s lives, it writes its own result over this and "
                       "cascades; replayed meanwhile, the work runs twice",
                       STR_ARG(i->name));
        draft_update(&draft, i, STR("failed"), NULL);
    }
    struct op_edit *edit = op_edit_add(out, 0, EDIT_WRITE, draft_root(&draft));
    change_texts(in, edit, list, n, before, "failed");
    edit->reads = ~0u;
    out->undo = UNDO_FULL;
    return true;
}

const struct op session_fail = {
    .verb = "fail",
    .help = "set an instance whose worker died to failed, so that it can be replayed or skipped",
    .options = name_options,
    .run = fail_run,
};

/* --- fire: a preview ------------------------------------------------------------------------- */

static bool fire_run(const struct op_input *in, struct op_output *out, struct err *err)
{
    struct session session;
    const struct value *kwargs;
    struct str trigger;
    struct fired *fired;
    if (!op_arg(&in->args, "trigger", 0, &trigger))
        return err_set(err, ERR_INVALID, "name the trigger");
    if (!op_session(in, &session, err) || !json_object_arg(in, "kwargs", &kwargs, err))
        return false;
    struct draft draft;
    draft_begin(&draft, in->arena, &session);
    if (!draft_fire(&draft, trigger, kwargs ? kwargs : value_empty_dict(in->arena), &fired, err))
        return false;
    struct sbuf effect = SBUF_INIT;
    for (const struct fired *f = fired; f; f = f->next) {
        struct str after = f->ready ? STR("scheduled") : f->instance->status;
        sbuf_printf(&effect, "%s%s%.*s -> %.*s", effect.len ? ", " : "", f->created ? "new " : "",
                    STR_ARG(f->instance->name), STR_ARG(after));
    }
    out->nothing = arena_printf(in->arena,
                                "it would do: %.*s. Only the application can fire: "
                                "m.fire(%.*s, {...})",
                                STR_ARG(effect.len ? sbuf_view(&effect) : STR("nothing")),
                                STR_ARG(python_quote(in->arena, trigger)));
    sbuf_release(&effect);
    return true;
}

static const struct op_option fire_options[] = {
    {.name = "trigger",
     .kind = OPTION_POSITIONAL,
     .needed = true,
     .metavar = "TRIGGER",
     .help = "what would be fired"},
    {.name = "kwargs", .kind = OPTION_VALUE, .metavar = "JSON", .help = "what it would carry"},
    {0},
};

const struct op session_fire = {
    .verb = "fire",
    .help = "preview what firing a trigger would start",
    .preview = true,
    .options = fire_options,
    .run = fire_run,
};
