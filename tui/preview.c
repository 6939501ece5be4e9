#include "tui/preview.h"

#include "core/base/text.h"
#include "tui/ask.h"

enum {
    READ_BYTES = 256 << 10, /* of a value */
    LEAST_H = 18,           /* of list and preview together */
    LIST_LEAST = 4,
    LABEL_LEAST = 10,
    LABEL_MOST = 18,
};

void preview_init(struct preview *p, struct view *view)
{
    *p = (struct preview){.view = view};
}

void preview_release(struct preview *p)
{
    worker_forget(p->view->session->worker, p);
    sbuf_release(&p->wanted);
    sbuf_release(&p->asked);
    sbuf_release(&p->shown);
    arena_release(&p->arena);
}

struct rect preview_split(struct preview *p, size_t rows, struct rect r, struct rect *ret)
{
    *ret = (struct rect){r.y + r.h, r.x, 0, r.w};
    p->page = 0;
    if (p->view->app->no_preview || r.h < LEAST_H) {
        p->focused = false;
        return r;
    }
    int most = r.h - r.h / 3;
    int list = rows == 0 || rows > (size_t)most ? most : (int)rows + 2;
    list = list < LIST_LEAST ? LIST_LEAST : list > most ? most : list;
    *ret = (struct rect){r.y + list, r.x, r.h - list, r.w};
    r.h = list;
    return r;
}

/* --- reading -------------------------------------------------------------------------------- */

static void set(struct sbuf *to, struct str id)
{
    to->len = 0;
    sbuf_str(to, id);
}

/* What the lines are about; another thing is read from its first line on. */
static void set_shown(struct preview *p, struct str id)
{
    if (!str_eq(sbuf_view(&p->shown), id))
        p->top = 0;
    set(&p->shown, id);
}

static void take(struct preview *p, struct job *job)
{
    struct record_view *record = record_answer(job);
    arena_release(&p->arena);
    p->arena = job->arena;
    job->arena = (struct arena)ARENA_INIT;
    record->input.now_us = app_now_us(p->view->app);
    p->n = record_lines(p->view->session->system, record, "Enter reads more", &p->arena, &p->lines);
    p->has_lines = true;
    set_shown(p, sbuf_view(&p->asked));
}

static void read_done(struct job *job, void *owner)
{
    struct preview *p = owner;
    p->reading = false;
    p->view->app->dirty = true; /* drawing asks for what is wanted by then */
    session_note_answer(p->view->session, job);
    if (!str_eq(sbuf_view(&p->wanted), sbuf_view(&p->asked)))
        return;
    if (p->view->app->paused && p->has_lines &&
        str_eq(sbuf_view(&p->shown), sbuf_view(&p->asked))) {
        p->stale = true; /* it stays as it is until the pause ends */
        return;
    }
    p->err = job->err;
    if (job->ok)
        take(p, job);
}

static bool is_asked(struct preview *p)
{
    return p->asked.len && str_eq(sbuf_view(&p->wanted), sbuf_view(&p->asked)) &&
           (!p->stale || p->view->app->paused);
}

static void read_wanted(struct preview *p)
{
    p->reading = true;
    p->stale = false;
    p->err = (struct err){0};
    set(&p->asked, sbuf_view(&p->wanted));
    ask_record(p->view->session, p, sbuf_view(&p->asked), READ_BYTES, read_done);
}

void preview_changed(struct preview *p)
{
    p->stale = true;
}

void preview_cancel(struct preview *p)
{
    worker_cancel(p->view->session->worker, p);
}

bool preview_is_busy(const struct preview *p)
{
    return p->reading;
}

/* --- drawing -------------------------------------------------------------------------------- */

struct page {
    struct canvas *canvas;
    struct rect r;
    int label_w;
    size_t top, line; /* of those that come: shown from, and how many were there */
};

static void put(struct page *page, struct str label, struct str text, unsigned style)
{
    size_t at = page->line++;
    int y = page->r.y + (int)(at - page->top), x = page->r.x + page->label_w;
    if (at < page->top || y >= page->r.y + page->r.h)
        return;
    if (label.len)
        canvas_put(page->canvas, y, page->r.x, page->label_w - 2, STYLE_DIM, label);
    canvas_put(page->canvas, y, x, page->r.w - page->label_w, style, text);
}

static void put_folded(struct page *page, struct str label, struct str text, unsigned style)
{
    text = text_clean(&page->canvas->scratch, text, 0);
    do {
        size_t take = canvas_fold(text, page->r.w - page->label_w);
        put(page, label, str_sub(text, 0, take), style);
        text = str_sub(text, take, text.len);
        label = STR("");
    } while (text.len);
}

/* "public.orders   oid 16411   pipeline 4": a first line without a label belongs to the name. */
static void put_name(struct page *page, struct str name, struct str more)
{
    struct canvas *canvas = page->canvas;
    page->line++;
    if (page->top)
        return;
    int x = canvas_put(
        canvas, page->r.y, page->r.x, page->r.w, STYLE_STRONG,
        text_cut_middle(&canvas->scratch, text_clean(&canvas->scratch, name, 0), page->r.w / 2, 0));
    if (more.len)
        canvas_put(canvas, page->r.y, page->r.x + x + 3, page->r.w - x - 3, STYLE_TEXT, more);
}

static int label_width(const struct record_line *lines, size_t n)
{
    int most = LABEL_LEAST;
    for (size_t i = 0; i < n; i++) {
        int w = text_width(lines[i].label) + 2;
        most = w > most ? w : most;
    }
    return most < LABEL_MOST ? most : LABEL_MOST;
}

static void draw_rule(const struct preview *p, struct canvas *canvas, struct rect r)
{
    unsigned style = p->focused ? STYLE_KEY : STYLE_DIM;
    canvas_hline(canvas, r.y, r.x + 1, r.w - 2, style);
    struct str text = p->focused ? STR(" preview: Tab goes back to the list ") : STR("");
    if (p->total > (size_t)p->page)
        text = arena_printf(&canvas->scratch, " line %zu of %zu%s ", p->top + 1, p->total,
                            p->focused ? ", Tab goes back to the list" : ", Tab scrolls");
    int w = text_width(text);
    if (w && w < r.w - 4)
        canvas_put(canvas, r.y, r.x + r.w - 3 - w, w, style, text);
}

static void draw_lines(struct preview *p, struct canvas *canvas, struct rect r, struct str name,
                       const struct record_line *lines, size_t n)
{
    struct page page = {
        canvas, {r.y + 1, r.x + 2, r.h - 1, r.w - 3}, label_width(lines, n), p->top, 0};
    size_t first = n && lines[0].label.len == 0;
    p->page = page.r.h;
    put_name(&page, name, first ? lines[0].text : STR(""));
    for (size_t i = first; i < n; i++)
        put_folded(&page, lines[i].label, lines[i].text, lines[i].bad ? STYLE_BAD : STYLE_TEXT);
    p->total = page.line;
    draw_rule(p, canvas, r);
}

void preview_draw(struct preview *p, struct canvas *canvas, struct rect r, struct str id,
                  struct str label)
{
    const struct record_line problem = {STR("problem"), str_of(p->err.text), true};
    if (r.h < 2)
        return;
    set(&p->wanted, id.ptr ? id : STR(""));
    if (p->wanted.len && !is_asked(p) && !p->reading && !p->view->session->attempts)
        read_wanted(p);
    if (p->has_lines && str_eq(sbuf_view(&p->shown), sbuf_view(&p->wanted)))
        draw_lines(p, canvas, r, label, p->lines, p->n);
    else
        draw_lines(p, canvas, r, label, &problem, p->err.kind != ERR_NONE);
}

void preview_show(struct preview *p, struct canvas *canvas, struct rect r, struct str id,
                  const struct record_line *lines, size_t n)
{
    if (r.h < 2)
        return;
    set_shown(p, id);
    draw_lines(p, canvas, r, id, lines, n);
}

/* --- keys ----------------------------------------------------------------------------------- */

static void scroll(struct preview *p, ptrdiff_t by)
{
    ptrdiff_t most = (ptrdiff_t)p->total - p->page, to = (ptrdiff_t)p->top + by;
    to = to > most ? most : to;
    p->top = to < 0 ? 0 : (size_t)to;
}

bool preview_command(struct preview *p, enum command command)
{
    if (command == CMD_FOCUS) {
        struct app *app = p->view->app;
        if (p->page == 0)
            app_say(app, STYLE_MESSAGE,
                    app->no_preview ? "the preview is hidden; :preview shows it"
                                    : "the screen is too small for a preview; Enter shows it all");
        p->focused = !p->focused && p->page;
        return true;
    }
    ptrdiff_t page = p->page > 1 ? p->page : 1;
    switch (p->focused ? command : CMD_NONE) {
    case CMD_BACK:
        p->focused = false;
        return true;
    case CMD_UP:
        scroll(p, -1);
        return true;
    case CMD_DOWN:
        scroll(p, 1);
        return true;
    case CMD_PAGE_UP:
        scroll(p, -page);
        return true;
    case CMD_PAGE_DOWN:
        scroll(p, page);
        return true;
    case CMD_HALF_UP:
        scroll(p, -(page + 1) / 2);
        return true;
    case CMD_HALF_DOWN:
        scroll(p, (page + 1) / 2);
        return true;
    case CMD_FIRST:
        p->top = 0;
        return true;
    case CMD_LAST:
        scroll(p, (ptrdiff_t)p->total);
        return true;
    default:
        return false;
    }
}
