#include "tui/palette.h"

#include "core/base/near.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "tui/ask.h"
#include "tui/plan_park.h"
#include "tui/view_table.h"
#include "tui/view_write.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 200, IDS_MAX = 50 };

/* --- the commands --------------------------------------------------------------------------- */

static void run_locks(struct app *app, struct str argument)
{
    (void)argument;
    view_table_open(app, &locks_table, STR(""));
}

static void run_journal(struct app *app, struct str argument)
{
    (void)argument;
    view_table_open(app, &journal_table, STR(""));
}

static void run_audit(struct app *app, struct str argument)
{
    (void)argument;
    view_table_open(app, &audit_table, STR(""));
}

static void run_messages(struct app *app, struct str argument)
{
    (void)argument;
    view_table_open(app, &messages_table, STR(""));
}

static void run_probe(struct app *app, struct str argument)
{
    (void)argument;
    view_table_open(app, &probe_table, STR(""));
}

static void run_instances(struct app *app, struct str argument)
{
    (void)argument;
    view_table_open(app, &instances_table, STR(""));
}

static void run_overview(struct app *app, struct str argument)
{
    (void)argument;
    view_overview_open(app);
}

static void run_keys(struct app *app, struct str argument)
{
    (void)argument;
    view_help_open(app, view_scopes(app->top));
}

static void run_context(struct app *app, struct str argument)
{
    for (struct session *s = app->sessions; s; s = s->next) {
        if (str_eq(s->name, argument)) {
            view_records_open(app, s);
            return;
        }
    }
    app_say(app, STYLE_WARN, "'%.*s' is not open here: penstock -t %.*s opens it",
            STR_ARG(argument), STR_ARG(argument));
}

static void run_plan(struct app *app, struct str argument)
{
    view_plan_reopen(app, argument);
}

static struct str no_parked(const struct app *app)
{
    return plan_parked(app) ? STR_NULL : STR("no plan is parked");
}

/* The store that a command is about: that of the view, or the only one. */
static struct session *session_meant(const struct app *app)
{
    const struct view *view = app->top;
    while (view && !view->session)
        view = view->below;
    return view ? view->session : app->nsessions == 1 ? app->sessions : NULL;
}

static void run_write(struct app *app, struct str argument)
{
    (void)argument;
    struct session *session = session_meant(app);
    if (session)
        view_write_open(app, session);
    else
        app_say(app, STYLE_MESSAGE, "open the store first that is to be changed");
}

static void run_reason(struct app *app, struct str argument)
{
    app_set_reason(app, argument);
    if (argument.len)
        app_say(app, STYLE_MESSAGE, "every change now carries the reason: %.*s", STR_ARG(argument));
    else
        app_say(app, STYLE_MESSAGE, "changes carry no reason of their own any more");
}

static void run_resume(struct app *app, struct str argument)
{
    if (app->top->session)
        view_journal_plan_open(app, app->top->session, FROM_RESUME,
                               argument.len ? argument : STR_NULL);
    else
        app_say(app, STYLE_MESSAGE, "open the store whose change is to go on, or choose it in J");
}

static void run_ack(struct app *app, struct str argument)
{
    int64_t us;
    if (time_span_parse(argument, &us) && us > 0)
        view_overview_ack(app, us);
    else
        app_say(app, STYLE_WARN, "ack '%.*s': a span like 12h or 7d", STR_ARG(argument));
}

static void run_every(struct app *app, struct str argument)
{
    int64_t us;
    if (!time_span_parse(argument, &us) || us < 500000) {
        app_say(app, STYLE_WARN, "every '%.*s': a time like 5s or 2m, not below 0.5 s",
                STR_ARG(argument));
        return;
    }
    app->opts.refresh_ms = us / 1000;
    app_say(app, STYLE_MESSAGE, "refreshed every %.*s", STR_ARG(argument));
}

/* The screen as text, in a file of ours. */
static void run_save_screen(struct app *app, struct str argument)
{
    if (!argument.len) {
        app_say(app, STYLE_WARN, "save-screen wants a file");
        return;
    }
    struct arena a = ARENA_INIT;
    struct sbuf text = SBUF_INIT;
    struct err err = {0};
    const char *path = arena_cstr(&a, argument);
    canvas_text(app->shown, &text);
    if (path_create(path, sbuf_view(&text), &err))
        app_say(app, STYLE_MESSAGE, "the screen is in %s", path);
    else
        app_say(app, STYLE_BAD, "%s", err.text);
    sbuf_release(&text);
    arena_release(&a);
}

static void run_preview(struct app *app, struct str argument)
{
    (void)argument;
    app->no_preview = !app->no_preview;
    app_say(app, STYLE_MESSAGE,
            app->no_preview ? "lists have the whole screen; :preview shows what the row is again"
                            : "what the row is stands below each list, where there is room");
}

static void run_quit(struct app *app, struct str argument)
{
    (void)argument;
    if (plan_park_may_quit(app))
        app->quit = true;
}

const struct palette_command palette_commands[] = {
    {"overview", NULL, "what needs attention, and the stores", run_overview, NULL},
    {"locks", NULL, "locks of all stores", run_locks, NULL},
    {"journal", NULL, "what was changed from here, and undoing any of it", run_journal, NULL},
    {"audit", NULL, "who did what", run_audit, NULL},
    {"messages", NULL, "everything that was said on the message line", run_messages, NULL},
    {"probe", NULL, "what was found at the targets", run_probe, NULL},
    {"instances", NULL, "the instances of all sessions", run_instances, NULL},
    {"context", "NAME", "the records of another store that is open", run_context, NULL},
    {"plan", "ID", "a plan that was parked", run_plan, no_parked},
    {"resume", "ID", "go on with what a change left", run_resume, NULL, .changes = true},
    {"write", NULL, "make production writable for a while", run_write, NULL},
    {"reason", "TEXT", "given to every change from now on; empty: none", run_reason, NULL},
    {"ack", "7d", "what the overview's cursor is on is known for so long", run_ack, NULL},
    {"every", "5s", "how often rows are read again", run_every, NULL},
    {"preview", NULL, "what the row is, below the list: hide or show it", run_preview, NULL},
    {"save-screen", "FILE", "what is on the screen, as text", run_save_screen, NULL},
    {"keys", NULL, "the keys valid here", run_keys, NULL},
    {"quit", NULL, "leave penstock", run_quit, NULL},
};
const size_t npalette_commands = sizeof palette_commands / sizeof palette_commands[0];

/* --- finding -------------------------------------------------------------------------------- */

static int lower(char c)
{
    return tolower((unsigned char)c);
}

int palette_rank(struct str typed, struct str name)
{
    size_t at = 0;
    if (typed.len > name.len)
        return -1;
    for (size_t from = 0; from + typed.len <= name.len; from++) {
        size_t same = 0;
        while (same < typed.len && lower(name.ptr[from + same]) == lower(typed.ptr[same]))
            same++;
        if (same == typed.len)
            return from ? 2 : name.len == typed.len ? 0 : 1;
    }
    for (size_t i = 0; i < name.len && at < typed.len; i++)
        at += lower(name.ptr[i]) == lower(typed.ptr[at]);
    return at == typed.len ? 3 : -1;
}

/* Why a command cannot be run now; STR_NULL: it can. */
static struct str why_not(const struct app *app, const struct palette_command *c, struct arena *a)
{
    const struct session *session = c->changes ? session_meant(app) : NULL;
    struct str ro = session ? session_why_read_only(session) : STR_NULL;
    if (ro.ptr)
        return arena_printf(a, "READ-ONLY: %.*s", STR_ARG(ro));
    return c->why_not ? c->why_not(app) : STR_NULL;
}

struct matching {
    const struct app *app;
    struct arena *a;
    struct str typed;
    struct palette_entry *entries;
    size_t n;
};

static void add(struct matching *m, struct str typed, struct str name, struct palette_entry entry)
{
    entry.rank = palette_rank(typed, name);
    entry.place = m->n;
    if (entry.rank >= 0 && m->n < ENTRIES_MAX)
        m->entries[m->n++] = entry;
}

static void add_commands(struct matching *m)
{
    for (size_t i = 0; i < npalette_commands; i++) {
        const struct palette_command *c = &palette_commands[i];
        struct str label =
            c->argument ? arena_printf(m->a, "%s %s", c->name, c->argument) : str_of(c->name);
        add(m, m->typed, str_of(c->name),
            (struct palette_entry){
                .text = str_of(c->name),
                .help = arena_printf(m->a, "%-18.*s %s", STR_ARG(label), c->help),
                .why_not = why_not(m->app, c, m->a),
                .needs_argument = c->argument != NULL,
            });
    }
}

static void add_contexts(struct matching *m, struct str typed)
{
    for (const struct session *s = m->app->sessions; s; s = s->next)
        add(m, typed, s->name,
            (struct palette_entry){
                .text = arena_printf(m->a, "context %.*s", STR_ARG(s->name)),
                .help = arena_printf(m->a, "%-18.*s %s, the %s of this store", STR_ARG(s->name),
                                     environment_tag(s->target.env), s->system->records)});
}

static void add_plans(struct matching *m, struct str typed)
{
    struct str id, what;
    for (size_t i = 0; plan_parked_at(m->app, i, &id, &what); i++)
        add(m, typed, id,
            (struct palette_entry){
                .text = arena_printf(m->a, "plan %.*s", STR_ARG(id)),
                .help = arena_printf(m->a, "plan %.4s          %.*s", id.ptr, STR_ARG(what))});
}

/* Letters that lie scattered over a name would find half of a million. */
static bool is_near(struct str typed, struct str name)
{
    int rank = palette_rank(typed, name);
    return rank >= 0 && rank <= 2;
}

/* By what people call it, or as it is stored. Ids only where something was typed: there may be a
 * million. */
static void add_ids(struct matching *m)
{
    size_t found = 0;
    for (const struct session *s = m->app->sessions; s && m->typed.len > 1; s = s->next) {
        size_t n = s->rows ? rows_count(s->rows) : 0;
        for (size_t i = 0; i < n && found < IDS_MAX; i++) {
            struct str label = rows_label(s->rows, i), key = rows_key(s->rows, i);
            bool by_label = is_near(m->typed, label);
            if ((!by_label && !is_near(m->typed, key)) || rows_gone(s->rows, i))
                continue;
            found++;
            add(m, m->typed, by_label ? label : key,
                (struct palette_entry){
                    .text = arena_printf(m->a, "show %.*s\n%.*s", STR_ARG(s->name), STR_ARG(key)),
                    .help = arena_printf(m->a, "%-18.*s %s of %.*s", STR_ARG(label),
                                         s->system->noun, STR_ARG(s->name))});
        }
    }
}

static int best_first(const void *a, const void *b)
{
    const struct palette_entry *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static bool splits(struct str line, struct str *ret_name, struct str *ret_argument)
{
    ptrdiff_t blank = str_index(line, ' ');
    *ret_name = blank < 0 ? line : str_sub(line, 0, (size_t)blank);
    *ret_argument = blank < 0 ? STR("") : str_trim(str_sub(line, (size_t)blank + 1, line.len));
    return blank >= 0;
}

size_t palette_match(const struct app *app, struct str typed, struct arena *a,
                     struct palette_entry **ret)
{
    struct str name, argument;
    struct matching m = {.app = app, .a = a, .typed = typed};
    m.entries = arena_array(a, struct palette_entry, ENTRIES_MAX);
    if (splits(typed, &name, &argument)) {
        if (str_is(name, "context"))
            add_contexts(&m, argument);
        else if (str_is(name, "plan"))
            add_plans(&m, argument);
    } else {
        add_commands(&m);
        add_contexts(&m, typed);
        add_plans(&m, typed);
        add_ids(&m);
    }
    qsort(m.entries, m.n, sizeof m.entries[0], best_first);
    *ret = m.entries;
    return m.n;
}

/* --- running -------------------------------------------------------------------------------- */

static void show_record(struct app *app, struct str argument)
{
    ptrdiff_t end = str_index(argument, '\n');
    struct str name = str_sub(argument, 0, (size_t)end);
    struct str key = str_sub(argument, (size_t)end + 1, argument.len);
    for (struct session *s = app->sessions; s; s = s->next) {
        size_t at;
        if (str_eq(s->name, name) && s->rows && rows_find(s->rows, key, &at))
            view_detail_open(app, s, key, rows_label(s->rows, at));
    }
}

void palette_run(struct app *app, struct str line)
{
    struct str name, argument;
    struct near near = {0};
    splits(str_trim(line), &name, &argument);
    if (str_is(name, "show") && str_index(argument, '\n') > 0) {
        show_record(app, argument);
        return;
    }
    near.word = str_is(name, "q") ? STR("quit") : name;
    for (size_t i = 0; i < npalette_commands; i++) {
        const struct palette_command *c = &palette_commands[i];
        near_offer(&near, c->name);
        if (!str_is(near.word, c->name))
            continue;
        struct arena a = ARENA_INIT;
        struct str why = why_not(app, c, &a);
        if (why.ptr)
            app_say(app, STYLE_WARN, "%s: %.*s", c->name, STR_ARG(why));
        else
            c->run(app, argument);
        arena_release(&a);
        return;
    }
    if (near.best)
        app_say(app, STYLE_WARN, "unknown command '%.*s'; did you mean '%s'?", STR_ARG(name),
                near.best);
    else
        app_say(app, STYLE_WARN, "unknown command '%.*s'", STR_ARG(name));
}
