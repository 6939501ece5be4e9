/* What surrounds every view: header, title, message, footer. */
#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/plan_park.h"
#include "tui/view.h"

#include <string.h>

enum { MIN_H = 10, MIN_W = 40 };

const char *environment_tag(enum environment env)
{
    static const char *const tags[] = {
        [ENV_UNKNOWN] = "ENV?", [ENV_LOCAL] = "LOCAL", [ENV_DEMO] = "DEMO",
        [ENV_DEV] = "DEV",      [ENV_PROD] = "PROD",
    };
    return tags[env];
}

struct cell environment_cell(enum environment env)
{
    struct cell cell = cell_text(str_of(environment_tag(env)));
    cell.mark = env == ENV_PROD ? MARK_WARN : MARK_NONE;
    return cell;
}

static void count_environments(const struct app *app, struct sbuf *out)
{
    sbuf_printf(out, "%zu store%s", app->nsessions, app->nsessions == 1 ? "" : "s");
    const char *sep = ": ";
    for (int env = ENV_PROD; env >= ENV_UNKNOWN; env--) {
        size_t n = 0, ro = 0;
        for (const struct session *s = app->sessions; s; s = s->next) {
            n += (int)s->target.env == env;
            ro += (int)s->target.env == env && s->target.read_only;
        }
        if (!n)
            continue;
        sbuf_printf(out, "%s%zu %s%s", sep, n, environment_tag((enum environment)env),
                    ro == n ? " READ-ONLY" : "");
        sep = ", ";
    }
    if (app->probing)
        sbuf_printf(out, "%slooking at %zu more", sep, app->probing);
}

static void draw_header(struct app *app, struct canvas *canvas, const struct session *s)
{
    struct arena *a = &canvas->scratch;
    bool prod = s ? s->target.env == ENV_PROD : false;
    unsigned style = prod ? STYLE_HEADER_PROD : STYLE_HEADER;
    canvas_fill(canvas, (struct rect){0, 0, 1, canvas->w}, style);
    if (!s) {
        struct sbuf text = SBUF_INIT;
        count_environments(app, &text);
        int x = 1 + canvas_put(canvas, 0, 1, canvas->w - 2, style, STR("penstock")) + 2;
        canvas_put(canvas, 0, x, canvas->w - x - 1, style, sbuf_view(&text));
        sbuf_release(&text);
        return;
    }
    struct sbuf text = SBUF_INIT;
    session_freshness(s, app_now_us(app), clock_monotonic_ms(), app->paused, &text);
    struct str fresh = arena_take(a, &text);
    unsigned fresh_style = session_is_stale(s, clock_monotonic_ms()) && !prod ? STYLE_BAD : style;
    int w = text_width(fresh);
    if (w > canvas->w / 2)
        w = canvas->w / 2;
    canvas_put_right(canvas, 0, canvas->w - 1 - w, w, fresh_style, fresh);
    const struct store_info *info = session_info(s);
    bool ro = s->target.read_only || (info && !info->writable);
    const char *access = ro ? " READ-ONLY" : prod && info ? " WRITABLE" : "";
    struct str tag = arena_printf(a, "%s%s", environment_tag(s->target.env), access);
    int room = canvas->w - w - 3 - text_width(tag) - 2;
    int x = 1 + canvas_put(canvas, 0, 1, room < 24 ? room : 24, style,
                           session_short_name(s, a, room < 24 ? room : 24));
    x += 2 + canvas_put(canvas, 0, x + 2, canvas->w, style, tag);
    room = canvas->w - w - 3 - x - 2;
    if (room <= 8 || !info)
        return;
    x += 2 + canvas_put(canvas, 0, x + 2, room, style,
                        text_cut_middle(a, text_clean(a, info->server, 0), room, 0));
    struct str companions = text_clean(a, session_companions(s, a), 0);
    room = canvas->w - w - 3 - x - 2;
    if (room > 8 && companions.len)
        canvas_put(canvas, 0, x + 2, room, style, text_cut_middle(a, companions, room, 0));
}

static void add_titles(const struct view *view, struct sbuf *out)
{
    if (view->below)
        add_titles(view->below, out);
    if (!view->class->title)
        return;
    if (out->len)
        sbuf_cstr(out, " › ");
    view->class->title(view, out);
}

static void draw_title(struct app *app, struct canvas *canvas, const struct session *s)
{
    struct sbuf text = SBUF_INIT;
    add_titles(app->top, &text);
    canvas_put(canvas, 1, 1, canvas->w - 2, STYLE_TITLE, sbuf_view(&text));
    int used = text_width(text_clean(&canvas->scratch, sbuf_view(&text), 0)) + 3;
    sbuf_release(&text);
    if (s && s->err.kind != ERR_NONE && used < canvas->w - 10)
        canvas_put_right(canvas, 1, used, canvas->w - used - 1, STYLE_BAD, session_error(s));
    else if (app_reason(app).ptr && used < canvas->w - 10)
        canvas_put_right(canvas, 1, used, canvas->w - used - 1, STYLE_STRONG,
                         arena_printf(&canvas->scratch, "reason: %.*s", STR_ARG(app_reason(app))));
}

/* --- footer --------------------------------------------------------------------------------- */

struct footer_key {
    const struct key_row *row;
    struct str word;
};

static int key_width(const struct footer_key *key)
{
    char name[16];
    return text_width(str_of(key_text(key->row->key, name))) + 1 + text_width(key->word) + 2;
}

static int put_key(struct canvas *canvas, int y, int x, const struct footer_key *key)
{
    char name[16];
    int start = x;
    x += canvas_put(canvas, y, x, canvas->w - x, STYLE_KEY, str_of(key_text(key->row->key, name)));
    x += 1 + canvas_put(canvas, y, x + 1, canvas->w - x, STYLE_TEXT, key->word);
    return x + 2 - start;
}

const char *view_footer(const struct view *view, const struct key_row *row)
{
    const struct system *system = view->session->system;
    if (row->command != CMD_SHEET)
        return row->footer;
    return system->nsheets > 1 ? system->sheets[1].title : NULL;
}

/* In the order of the table; `?` and `q`, the last two, always find their place. */
static void draw_footer(const struct view *view, struct canvas *canvas)
{
    struct footer_key keys[16];
    unsigned scopes = view_scopes(view);
    size_t n = 0;
    int total = 0, room = canvas->w - 1;
    for (size_t i = 0; i < nkey_rows && n < 16; i++) {
        const struct key_row *row = &key_rows[i];
        if (!(row->scope & scopes) || keymap_row(scopes, row->key) != row)
            continue;
        const char *word = view->class->footer ? view->class->footer(view, row) : row->footer;
        if (!word)
            continue;
        keys[n] = (struct footer_key){row, str_of(word)};
        total += key_width(&keys[n++]);
    }
    while (n > 2 && total > room) { /* what stands before the last two goes first */
        total -= key_width(&keys[n - 3]);
        keys[n - 3] = keys[n - 2];
        keys[n - 2] = keys[n - 1];
        n--;
    }
    int x = 1;
    for (size_t i = 0; i < n; i++)
        x += put_key(canvas, canvas->h - 1, x, &keys[i]);
}

/* --- the whole ------------------------------------------------------------------------------ */

static void draw_views(struct view *view, struct canvas *canvas, struct rect body)
{
    if (view->class->overlay && view->below)
        draw_views(view->below, canvas, body);
    canvas->cursor_y = -1;
    view->class->draw(view, canvas, body);
}

static int message_height(struct app *app, struct canvas *canvas)
{
    if (!app->message.len)
        return 0;
    int w = text_width(text_clean(&canvas->scratch, sbuf_view(&app->message), 0));
    return w > canvas->w - 2 ? 2 : 1;
}

static void draw_message(struct app *app, struct canvas *canvas, int h)
{
    struct rect r = {canvas->h - 1 - h, 0, h, canvas->w};
    canvas_fill(canvas, r, STYLE_TEXT);
    canvas_put_folded(canvas, (struct rect){r.y, 1, h, canvas->w - 2}, app->message_style,
                      sbuf_view(&app->message));
}

/* What waits to be applied, above the message. */
static int draw_parked(const struct app *app, struct canvas *canvas, int message)
{
    struct sbuf text = SBUF_INIT;
    bool any = plan_park_status(app, &text);
    if (any)
        canvas_put(canvas, canvas->h - 2 - message, 1, canvas->w - 2, STYLE_WARN, sbuf_view(&text));
    sbuf_release(&text);
    return any;
}

void app_draw(struct app *app, struct canvas *canvas, int h, int w)
{
    canvas_clear(canvas, h, w);
    app->shown = canvas;
    app->drawn_at_ms = clock_monotonic_ms();
    app->dirty = false;
    if (h < MIN_H || w < MIN_W) {
        if (h > 0)
            canvas_put_folded(canvas, (struct rect){0, 0, h, w}, STYLE_TEXT,
                              STR("terminal too small (need 40x10)"));
        return;
    }
    const struct session *s = app->top->session;
    if (!s && app->nsessions == 1 && app->opts.ntargets == 1)
        s = app->sessions; /* there is but one that anything could be about */
    draw_header(app, canvas, s);
    draw_title(app, canvas, s);
    int message = message_height(app, canvas), parked = draw_parked(app, canvas, message);
    draw_views(app->top, canvas, (struct rect){2, 0, h - 3 - message - parked, w});
    if (message)
        draw_message(app, canvas, message);
    draw_footer(app->top, canvas);
}
