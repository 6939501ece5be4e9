/* The instances of all sessions in one list. */
#include "core/systems/triggers/sheets.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, INSTANCES_MAX = 100000 };

static const struct sheet *const instance_sheet = &session_sheets[1];

struct gathering {
    const struct table_source *source;
    size_t n;
};

static void add_session(void *ctx, const struct sheet_input *in, const struct err *problem)
{
    struct gathering *g = ctx;
    const struct sheet *sheet = &all_instances_sheet;
    (void)problem; /* its list says so */
    if (!in->doc)
        return;
    for (struct sheet_row *row = sheet->fill(sheet, in); row; row = row->next) {
        if (g->n++ >= INSTANCES_MAX)
            return;
        *sheet_cell(sheet, row, "target") = cell_text(g->source->store_name);
        *sheet_cell(sheet, row, "environment") = environment_cell(g->source->open->target.env);
        struct row_in one = {
            .key = arena_printf(in->arena, "%.*s\n%.*s\n%.*s", STR_ARG(g->source->store_name),
                                STR_ARG(in->row->id), STR_ARG(row->key)),
            .label = row->key,
            .mark = row->mark,
            .cells = row->cells,
            .known = true,
        };
        rows_page_add(g->source->page, &one);
    }
}

static bool gather(const struct table_source *s)
{
    struct store *store = s->open->store;
    struct gathering g = {.source = s};
    struct scan *scan;
    struct call call = s->call;
    if (store_system(store) != &system_triggers)
        return true;
    bool ok = store_scan_open(store, &call, &scan, s->err), more = ok;
    if (!ok)
        return false;
    while (more && g.n < INSTANCES_MAX) {
        struct arena page = ARENA_INIT;
        struct row *rows;
        size_t n = 0;
        call = job_call(s->job);
        ok = store_scan_next(scan, &call, &page, PAGE, &rows, &n, s->err) &&
             listing_visit(store, rows, n, LIST_VALUES, s->now_us, &call, add_session, &g, s->err);
        more = ok && n;
        arena_release(&page);
        job_breathe(s->job, store);
    }
    store_scan_close(scan);
    return ok;
}

/* "store\nuid\ninstance" */
static void split_key(struct str key, struct str *ret_store, struct str *ret_uid,
                      struct str *ret_name)
{
    ptrdiff_t first = str_index(key, '\n'), last = str_rindex(key, '\n');
    *ret_store = str_sub(key, 0, (size_t)first);
    *ret_uid = str_sub(key, (size_t)first + 1, (size_t)last);
    *ret_name = str_sub(key, (size_t)last + 1, key.len);
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

/* The keys of the marked rows, or of the one under the cursor; those of one session together. */
static size_t chosen_keys(const struct table_view *v, size_t row, struct arena *a, struct str **ret)
{
    const struct list *list = &((const struct listview *)v)->list;
    size_t n = keyset_count(list->marks);
    struct str *keys = arena_array(a, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        keys[i] = keyset_at(list->marks, i);
    qsort(keys, n, sizeof keys[0], by_text);
    if (n == 0)
        keys[n++] = rows_key(table_rows(v), row);
    *ret = keys;
    return n;
}

static void act(struct table_view *v, size_t row)
{
    struct arena a = ARENA_INIT;
    struct str *keys, first, store, uid, name;
    size_t n = chosen_keys(v, row, &a, &keys), at;
    struct plan_record *records = arena_array(&a, struct plan_record, n);
    struct op_arg *names = arena_array(&a, struct op_arg, n);
    bool *hidden = arena_array(&a, bool, n), one_store = true;
    split_key(keys[0], &first, &uid, &name);
    for (size_t i = 0; i < n; i++) {
        split_key(keys[i], &store, &uid, &name);
        one_store = one_store && str_eq(store, first);
        names[i] = (struct op_arg){"name", name};
        records[i] = (struct plan_record){.id = uid, .label = uid, .args = {&names[i], 1}};
        hidden[i] = n > 1 && rows_find(table_rows(v), keys[i], &at) &&
                    !listview_shows((struct listview *)v, at);
    }
    struct want want = {.records = records, .n = n, .hidden = hidden};
    struct session *session = table_session(v, first);
    if (!one_store)
        app_say(table_app(v), STYLE_WARN,
                "instances of several stores are marked: one plan changes one store");
    else if (session)
        view_menu_open(table_app(v), session, instance_sheet, &want);
    arena_release(&a);
}

static void open_session(struct table_view *v, size_t row)
{
    struct str store, uid, name;
    split_key(rows_key(table_rows(v), row), &store, &uid, &name);
    struct session *session = table_session(v, store);
    if (session)
        view_sheet_open(table_app(v), session, uid, uid, instance_sheet);
}

static void show_all(struct table_view *v, size_t row)
{
    struct str store, uid, name;
    split_key(rows_key(table_rows(v), row), &store, &uid, &name);
    struct session *session = table_session(v, store);
    if (session)
        view_row_text_open(table_app(v), session, uid, instance_sheet, name);
}

static bool command(struct table_view *v, enum command command, ptrdiff_t row)
{
    size_t at;
    (void)row;
    if (command != CMD_ACTIONS && command != CMD_ENTER && command != CMD_ERROR)
        return false;
    if (!listview_may_act((struct listview *)v, &at))
        return true;
    if (command == CMD_ACTIONS)
        act(v, at);
    else if (command == CMD_ENTER)
        open_session(v, at);
    else
        show_all(v, at);
    return true;
}

const struct table_class instances_table = {
    .title = "instances of all sessions",
    .empty = "no session has an instance",
    .sheet = &all_instances_sheet,
    .scopes = SCOPE_ACTS,
    .per_store = true,
    .gather = gather,
    .command = command,
};
