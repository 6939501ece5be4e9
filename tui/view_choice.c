#include "tui/view_choice.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { CHOICES = 4 };

struct choice_view {
    struct view base;
    struct arena arena;
    struct str title, question;
    struct choice choices[CHOICES];
    size_t n;
    void *ctx;
};

static void title(const struct view *view, struct sbuf *out)
{
    (void)view;
    sbuf_cstr(out, "?");
}

static void draw(struct view *view, struct canvas *canvas, struct rect r)
{
    const struct choice_view *v = (const struct choice_view *)view;
    const struct session *s = view->session;
    struct arena *a = &canvas->scratch;
    int lines = 0, w = r.w - 2;
    for (struct str rest = text_clean(a, v->question, 0); rest.len; lines++)
        rest = str_sub(rest, canvas_fold(rest, w - 4), rest.len);
    int h = lines + 4 + (int)v->n;
    h = h > r.h ? r.h : h;
    struct str store = s ? arena_printf(a, "%s %.*s", environment_tag(s->target.env),
                                        STR_ARG(session_short_name(s, a, w / 2)))
                         : STR("");
    struct rect in =
        canvas_box(canvas, (struct rect){r.y + (r.h - h) / 2, r.x + 1, h, w}, v->title, store);
    canvas_put_folded(canvas, (struct rect){in.y, in.x, lines, in.w}, STYLE_STRONG, v->question);
    for (size_t i = 0; i < v->n; i++) {
        canvas_printf(canvas, in.y + lines + 1 + (int)i, in.x, 3, STYLE_KEY, "%c",
                      v->choices[i].key);
        canvas_put(canvas, in.y + lines + 1 + (int)i, in.x + 4, in.w - 4, STYLE_TEXT,
                   str_of(v->choices[i].label));
    }
    canvas_put(canvas, in.y + lines + 1 + (int)v->n, in.x, in.w, STYLE_DIM, STR("Esc stays"));
}

static bool key(struct view *view, const struct key *key)
{
    struct choice_view *v = (struct choice_view *)view;
    struct app *app = view->app;
    for (size_t i = 0; i < v->n; i++) {
        if (key->code != (unsigned char)v->choices[i].key)
            continue;
        struct choice chosen = v->choices[i];
        void *ctx = v->ctx;
        app_pop(app, view);
        chosen.choose(app, ctx);
        return true;
    }
    if (key->code != K_CTRL('l') && key->code != K_CTRL('z'))
        app_pop(app, view);
    return key->code != K_CTRL('l') && key->code != K_CTRL('z');
}

/* As the view does that the question is about. */
static bool holds_refresh(const struct view *view)
{
    const struct view *below = view->below;
    return below->class->holds_refresh && below->class->holds_refresh(below);
}

static void close_view(struct view *view)
{
    struct choice_view *v = (struct choice_view *)view;
    arena_release(&v->arena);
    free(v);
}

static const struct view_class choice_class = {
    .name = "choice",
    .scopes = SCOPE_CHOICE,
    .overlay = true,
    .no_paste = true,
    .holds_refresh = holds_refresh,
    .title = title,
    .draw = draw,
    .key = key,
    .close = close_view,
};

void view_choice_open(struct app *app, struct session *session, const char *title,
                      struct str question, const struct choice *choices, size_t n, void *ctx)
{
    struct choice_view *v = view_new(app, session, &choice_class, sizeof *v);
    v->title = arena_str(&v->arena, str_of(title));
    v->question = arena_str(&v->arena, question);
    v->n = n < CHOICES ? n : CHOICES;
    memcpy(v->choices, choices, v->n * sizeof *choices);
    for (size_t i = 0; i < v->n; i++)
        v->choices[i].label = arena_cstr(&v->arena, str_of(choices[i].label));
    v->ctx = ctx;
    app_push(app, &v->base);
}
