#include "tui/listview.h"

void listview_init(struct listview *lv, const struct sheet *sheet)
{
    list_init(&lv->list, sheet);
}

void listview_release(struct listview *lv)
{
    list_release(&lv->list);
    input_release(&lv->input);
}

static void apply_filter(struct listview *lv)
{
    struct app *app = lv->base.app;
    if (!list_filter(&lv->list, input_text(&lv->input), app_now_us(app)))
        app_say(app, STYLE_BAD, "%s; the rows are those of before", lv->list.filter_err.text);
    else
        app->message.len = 0;
}

unsigned listview_scopes(const struct view *view)
{
    const struct listview *lv = (const struct listview *)view;
    return lv->typing ? SCOPE_TYPED : view->class->scopes;
}

bool listview_key(struct view *view, const struct key *key)
{
    struct listview *lv = (struct listview *)view;
    if (!lv->typing)
        return false;
    switch (input_key(&lv->input, key, false)) {
    case INPUT_CHANGED:
        apply_filter(lv);
        return true;
    case INPUT_DONE:
    case INPUT_LEFT:
        lv->typing = false;
        return true;
    case INPUT_MOVED:
        return true;
    case INPUT_NOT_MINE: /* the cursor of the list moves on */
        list_command(&lv->list, keymap_find(SCOPE_LIST, key->code), app_now_us(view->app));
        break;
    }
    return key->code != K_CTRL('l') && key->code != K_CTRL('z');
}

bool listview_command(struct listview *lv, enum command command)
{
    if (command == CMD_FILTER) {
        input_set(&lv->input, sbuf_view(&lv->list.filter_text));
        lv->typing = true;
        return true;
    }
    if (command == CMD_BACK && lv->list.filter_text.len) {
        input_set(&lv->input, STR(""));
        apply_filter(lv);
        return true;
    }
    return list_command(&lv->list, command, app_now_us(lv->base.app));
}

void listview_swap(struct listview *lv, struct rows *rows, bool complete)
{
    size_t dropped = list_swap(&lv->list, rows, complete, app_now_us(lv->base.app));
    if (dropped)
        app_say(lv->base.app, STYLE_WARN, "%zu mark%s dropped: gone", dropped,
                dropped == 1 ? "" : "s");
}

void listview_counts(const struct listview *lv, struct sbuf *out)
{
    const struct list *list = &lv->list;
    size_t shown = list->n;
    for (size_t i = 0; i < list->n; i++)
        shown -= rows_gone(list->rows, list->order[i]);
    if (list->filter)
        sbuf_printf(out, "  %zu of %zu", shown, list->total);
    else
        sbuf_printf(out, "  %zu", list->total);
    if (list->filter_text.len)
        sbuf_printf(out, " [%.*s]%s",
                    STR_ARG(((struct str){list->filter_text.ptr, list->filter_text.len})),
                    list->filter_err.kind != ERR_NONE ? " does not parse" : "");
    size_t marked = keyset_count(list->marks), hidden = list_hidden_marks(list);
    if (marked)
        sbuf_printf(out, "  %zu marked", marked);
    if (hidden)
        sbuf_printf(out, ", %zu hidden by filter", hidden);
}

void listview_draw(struct listview *lv, struct canvas *canvas, struct rect r, const char *empty)
{
    struct list *list = &lv->list;
    if (lv->typing)
        r.h--;
    list_draw(list, canvas, r, app_now_us(lv->base.app));
    if (list->n == 0 && r.h > 2)
        canvas_put(canvas, r.y + 2, r.x + 5, r.w - 6, STYLE_DIM,
                   list->filter ? STR("no row passes the filter; Esc clears it") : str_of(empty));
    if (lv->typing)
        input_draw(&lv->input, canvas, r.y + r.h, r.x + 1, r.w - 2, STR("/"));
}

bool listview_shows(const struct listview *lv, size_t row)
{
    return filter_passes(lv->list.filter, lv->list.rows, row, app_now_us(lv->base.app));
}

bool listview_may_act(struct listview *lv, size_t *ret_row)
{
    struct app *app = lv->base.app;
    if (lv->list.filter_err.kind != ERR_NONE) {
        app_say(app, STYLE_BAD, "the filter does not parse: mend or clear it first (Esc)");
        return false;
    }
    if (!list_at(&lv->list, ret_row)) {
        app_say(app, STYLE_MESSAGE, "there is no row here");
        return false;
    }
    if (rows_gone(lv->list.rows, *ret_row)) {
        app_say(app, STYLE_WARN, "row no longer exists");
        return false;
    }
    return true;
}
