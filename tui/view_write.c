/* Production is opened read-only; this asks for its name before that is lifted. */
#include "tui/view_write.h"
#include "tui/input.h"

#include "core/base/text.h"

#include <stdlib.h>

struct write_view {
    struct view base;
    struct input input;
};

static void title(const struct view *view, struct sbuf *out)
{
    (void)view;
    sbuf_cstr(out, "write");
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    struct write_view *v = (struct write_view *)view;
    const struct session *s = view->session;
    struct arena *a = &canvas->scratch;
    struct str idle = time_span(a, view->app->opts.write_idle_ms * 1000);
    struct rect in =
        canvas_box(canvas, (struct rect){r.y + (r.h - 8) / 2, r.x + 1, 8, r.w - 2}, STR("WRITE"),
                   arena_printf(a, "%s %.*s", environment_tag(s->target.env), STR_ARG(s->name)));
    canvas_put_folded(
        canvas, (struct rect){in.y, in.x, 2, in.w}, STYLE_STRONG,
        arena_printf(a, "changes to %.*s become possible: each is a plan first", STR_ARG(s->name)));
    canvas_put_folded(canvas, (struct rect){in.y + 2, in.x, 2, in.w}, STYLE_DIM,
                      arena_printf(a, "read-only again after %.*s without a key", STR_ARG(idle)));
    input_draw(&v->input, canvas, in.y + in.h - 1, in.x, in.w,
               arena_printf(a, "type  %.*s  then Enter: ", STR_ARG(s->name)));
}

static void answer(struct write_view *v)
{
    struct app *app = v->base.app;
    struct session *session = v->base.session;
    struct str typed = str_trim(input_text(&v->input));
    if (!str_eq(typed, session->name)) {
        app_say(app, STYLE_WARN, "'%.*s' is not '%.*s'", STR_ARG(typed), STR_ARG(session->name));
        return;
    }
    app_pop(app, &v->base);
    session_set_writable(session, true);
    app_say(app, STYLE_WARN, "%.*s can be changed now", STR_ARG(session->name));
}

static bool key(struct view *view, const struct key *key)
{
    struct write_view *v = (struct write_view *)view;
    switch (input_key(&v->input, key, true)) {
    case INPUT_DONE:
        answer(v);
        return true;
    case INPUT_LEFT:
        app_pop(view->app, view);
        return true;
    case INPUT_NOT_MINE:
        return key->code != K_CTRL('l') && key->code != K_CTRL('z');
    default:
        return true;
    }
}

static void close_view(struct view *view)
{
    struct write_view *v = (struct write_view *)view;
    input_release(&v->input);
    free(v);
}

static const struct view_class write_class = {
    .name = "write",
    .scopes = SCOPE_TYPED,
    .overlay = true,
    .no_paste = true,
    .title = title,
    .draw = draw,
    .key = key,
    .close = close_view,
};

void view_write_open(struct app *app, struct session *session)
{
    if (app->opts.read_only)
        app_say(app, STYLE_WARN, "READ-ONLY: started with --read-only, which nothing lifts");
    else if (!session->target.read_only)
        app_say(app, STYLE_MESSAGE, "%.*s is not read-only", STR_ARG(session->name));
    else {
        struct write_view *v = view_new(app, session, &write_class, sizeof *v);
        app_push(app, &v->base);
    }
}
