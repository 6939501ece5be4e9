#include "core/listing.h"

#include "core/base/cleanup.h"

#include <string.h>

/* Documents are read in small lots, so that a page of large ones does not fill the memory. */
enum { LOT_ROWS = 512, LOT_BYTES = 8 << 20 };

/* --- copies into the caller's arena ---------------------------------------------------------- */

static struct str copy_str(struct arena *arena, struct str s)
{
    return s.ptr ? arena_str(arena, s) : STR_NULL;
}

static const struct err *copy_err(struct arena *arena, const struct err *err)
{
    struct err *copy = arena_new(arena, struct err);
    *copy = *err;
    return copy;
}

static const struct value *copy_object(struct arena *arena, const struct value *object)
{
    struct value_pair *pairs = arena_array(arena, struct value_pair, value_count(object));
    for (size_t i = 0; i < value_count(object); i++) {
        const struct value_pair *from = &object->dict.pairs[i];
        struct value *val = arena_new(arena, struct value);
        *val = *from->val;
        val->token = STR_NULL;
        if (val->type == VALUE_STR || val->type == VALUE_INT)
            val->text = arena_str(arena, val->text);
        pairs[i].key = value_str(arena, value_str_or(from->key, STR("")));
        pairs[i].val = val;
    }
    return value_dict(arena, pairs, value_count(object));
}

/* The cells of a chain of rows, with nothing left in the arena they were made in. */
static struct sheet_row *copy_rows(const struct sheet *sheet, struct arena *arena,
                                   const struct sheet_row *row)
{
    struct sheet_row *first = NULL, **end = &first;
    for (; row; row = row->next) {
        struct sheet_row *copy = sheet_row_new(sheet, arena, copy_str(arena, row->key));
        copy->mark = row->mark;
        for (size_t i = 0; i < sheet->ncolumns; i++) {
            copy->cells[i] = row->cells[i];
            copy->cells[i].text = copy_str(arena, row->cells[i].text);
            if (value_is_dict(row->cells[i].object))
                copy->cells[i].object = copy_object(arena, row->cells[i].object);
        }
        *end = copy;
        end = &copy->next;
    }
    return first;
}

/* --- what a lot of rows is asked for --------------------------------------------------------- */

struct lot {
    struct str ids[LOT_ROWS];
    struct read_item items[LOT_ROWS];
    struct activity activity[LOT_ROWS];
    const struct value *facts[LOT_ROWS];
    struct lock *locks;
    bool has_values, has_activity, has_facts, has_locks;
};

/* Without a connection nothing more can come; anything else costs only its own cells. */
static bool is_fatal(const struct err *err)
{
    return err->kind == ERR_UNAVAILABLE || err->kind == ERR_TIMEOUT || err->kind == ERR_CANCELLED;
}

/* False only when the store as a whole has failed; *ret_has says whether there is an answer. */
static bool answered(bool ok, bool *ret_has, struct err *why, struct err *err)
{
    *ret_has = ok;
    if (ok || !is_fatal(why))
        return true;
    if (err)
        *err = *why;
    return false;
}

static bool ask(struct store *store, struct lot *lot, size_t n, unsigned what,
                const struct call *call, struct arena *arena, struct err *err)
{
    struct err why = {0};
    lot->has_values = what & LIST_VALUES;
    if (lot->has_values && !store_read(store, lot->ids, n, 0, call, arena, lot->items, err))
        return false;
    if ((what & LIST_WRITERS) &&
        !answered(store_activity(store, lot->ids, n, call, arena, lot->activity, &why),
                  &lot->has_activity, &why, err))
        return false;
    if ((what & LIST_FACTS) &&
        !answered(store_facts(store, lot->ids, n, call, arena, lot->facts, &why), &lot->has_facts,
                  &why, err))
        return false;
    if (!(what & LIST_LOCKS))
        return true;
    if (!store_supports(store, STORE_LOCKS)) {
        lot->has_locks = true; /* it has none, and that needs no asking */
        return true;
    }
    return answered(store_locks(store, lot->ids, n, call, arena, &lot->locks, &why),
                    &lot->has_locks, &why, err);
}

static const struct lock *lock_of(const struct lock *locks, struct str id)
{
    for (; locks; locks = locks->next) {
        if (str_eq(locks->object, id))
            return locks;
    }
    return NULL;
}

static struct sheet_input input_of(const struct store *store, const struct lot *lot, size_t i,
                                   const struct row *row, int64_t now_us, struct arena *arena)
{
    bool readable = lot->has_values && lot->items[i].err.kind == ERR_NONE;
    return (struct sheet_input){
        .system = store_system(store),
        .row = row,
        .doc = readable ? &lot->items[i].doc : NULL,
        .activity = lot->has_activity ? &lot->activity[i] : NULL,
        .lock = lot->has_locks ? lock_of(lot->locks, lot->ids[i]) : NULL,
        .locks_known = lot->has_locks,
        .facts = lot->has_facts ? lot->facts[i] : NULL,
        .now_us = now_us,
        .arena = arena,
    };
}

/* What the scan did not tell, or what nobody scanned for. */
static void complete_row(struct row *row, const struct document *doc)
{
    if (!row->label.ptr)
        row->label = doc->label.ptr ? doc->label : row->id;
    if (row->bytes < 0 && !doc->absent)
        row->bytes = (int64_t)doc->bytes;
    if (row->updated_at_us == TIME_UNKNOWN)
        row->updated_at_us = doc->updated_at_us;
    if (row->expires_at_us == TIME_UNKNOWN)
        row->expires_at_us = doc->expires_at_us;
}

static bool visit_lot(struct store *store, struct row *rows, size_t n, unsigned what,
                      int64_t now_us, const struct call *call, listing_visitor *visit, void *ctx,
                      struct err *err)
{
    CLEANUP(arena_release) struct arena own = ARENA_INIT;
    struct lot *lot = arena_new(&own, struct lot);
    for (size_t i = 0; i < n; i++)
        lot->ids[i] = rows[i].id;
    if (!ask(store, lot, n, what, call, &own, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct row row = rows[i];
        if (lot->has_values && lot->items[i].err.kind == ERR_NONE)
            complete_row(&row, &lot->items[i].doc);
        struct sheet_input in = input_of(store, lot, i, &row, now_us, &own);
        const struct err *problem = NULL;
        if (lot->has_values && lot->items[i].err.kind != ERR_NONE)
            problem = &lot->items[i].err;
        else if (in.doc && in.doc->problem.kind != ERR_NONE)
            problem = &in.doc->problem;
        visit(ctx, &in, problem);
    }
    return true;
}

static bool visit_lots(struct store *store, struct row *rows, size_t n, unsigned what,
                       int64_t now_us, const struct call *call, listing_visitor *visit, void *ctx,
                       struct err *err)
{
    for (size_t at = 0; at < n;) {
        int64_t bytes = 0;
        size_t lot = 0;
        while (at + lot < n && lot < LOT_ROWS && (!lot || bytes < LOT_BYTES)) {
            bytes += rows[at + lot].bytes > 0 ? rows[at + lot].bytes : 0;
            lot++;
        }
        if (!visit_lot(store, rows + at, lot, what, now_us, call, visit, ctx, err))
            return false;
        at += lot;
    }
    return true;
}

static unsigned without_history(const struct store *store, unsigned what)
{
    return store_system(store)->facts_are_history ? what & ~(unsigned)LIST_FACTS : what;
}

bool listing_visit(struct store *store, struct row *rows, size_t n, unsigned what, int64_t now_us,
                   const struct call *call, listing_visitor *visit, void *ctx, struct err *err)
{
    return visit_lots(store, rows, n, without_history(store, what), now_us, call, visit, ctx, err);
}

/* --- cells ----------------------------------------------------------------------------------- */

struct filling {
    const struct sheet *sheet;
    unsigned what;
    struct arena *arena;
    struct listing_page *page;
    size_t at;
};

struct finding *listing_findings(const struct sheet_input *in, const struct err *problem)
{
    struct finding *list = in->doc && in->system->check ? in->system->check(in) : NULL;
    if (problem && !list) {
        struct finding *f =
            finding_add(&list, in->arena, "unreadable", SEVERITY_ERROR,
                        in->row->label.ptr ? in->row->label : in->row->id, "%s", problem->text);
        if (problem->hint[0])
            f->detail = str_of(problem->hint);
    }
    return list;
}

/* "errored slot_left_over": each code once, without what is only worth knowing. */
static struct cell attention_cell(struct arena *a, const struct finding *findings)
{
    struct sbuf words = SBUF_INIT;
    enum mark mark = MARK_NONE;
    for (const struct finding *f = findings; f; f = f->next) {
        const struct finding *same = findings;
        while (same != f && strcmp(same->code, f->code) != 0)
            same = same->next;
        if (same != f || f->severity == SEVERITY_INFO)
            continue;
        sbuf_printf(&words, "%s%s", words.len ? " " : "", f->code);
        if (mark != MARK_BAD)
            mark = f->severity == SEVERITY_ERROR ? MARK_BAD : MARK_WARN;
    }
    struct cell cell = words.len ? cell_text(arena_str(a, sbuf_view(&words))) : cell_null();
    cell.mark = mark;
    sbuf_release(&words);
    return cell;
}

struct listed listing_row(const struct sheet *sheet, const struct sheet_input *in, bool values,
                          const struct err *problem)
{
    struct listed ret = {.row = sheet->fill(sheet, in)};
    size_t attention;
    if (values && ret.row && sheet_column(sheet, STR("attention"), &attention)) {
        ret.findings = listing_findings(in, problem);
        ret.row->cells[attention] = attention_cell(in->arena, ret.findings);
    }
    enum mark own = ret.row ? ret.row->mark : MARK_NONE;
    if (values && !in->doc) {
        ret.status = STR("unreadable");
        ret.mark = MARK_BAD;
    } else if (values && in->system->status)
        ret.status = in->system->status(in, &ret.mark);
    else
        ret.mark = own;
    return ret;
}

static void fill_one(void *ctx, const struct sheet_input *in, const struct err *problem)
{
    struct filling *f = ctx;
    struct listing_page *page = f->page;
    size_t i = f->at++;
    struct listed listed = listing_row(f->sheet, in, f->what & LIST_VALUES, problem);
    page->cells[i] = copy_rows(f->sheet, f->arena, listed.row);
    if (page->cells[i] && (f->what & LIST_VALUES) && !in->doc)
        page->cells[i]->mark = MARK_BAD;
    page->status[i] = copy_str(f->arena, listed.status);
    page->marks[i] = listed.mark;
    if (problem)
        page->problems[i] = copy_err(f->arena, problem);
}

bool listing_fill(struct store *store, const struct sheet *sheet, struct row *rows, size_t n,
                  unsigned what, int64_t now_us, const struct call *call, struct arena *arena,
                  struct listing_page *ret, struct err *err)
{
    struct listing_page page = {.rows = rows, .nrows = n};
    page.cells = arena_array(arena, struct sheet_row *, n);
    page.status = arena_array(arena, struct str, n);
    page.marks = arena_array(arena, enum mark, n);
    page.problems = arena_array(arena, const struct err *, n);
    if (sheet == &store_system(store)->sheets[0])
        what = without_history(store, what);
    struct filling filling = {.sheet = sheet, .what = what, .arena = arena, .page = &page};
    if (!visit_lots(store, rows, n, what, now_us, call, fill_one, &filling, err))
        return false;
    *ret = page;
    return true;
}

/* --- one record ------------------------------------------------------------------------------ */

bool record_view_read(struct store *store, struct str id, size_t limit, const struct call *call,
                      struct arena *arena, struct record_view *ret, struct err *err)
{
    struct record_view view = {0};
    struct err why = {0};
    bool has_activity, has_facts, has_locks = true; /* where there are none, that is known */
    if (!store_read(store, &id, 1, limit, call, arena, &view.item, err))
        return false;
    if (!answered(store_activity(store, &id, 1, call, arena, &view.activity, &why), &has_activity,
                  &why, err) ||
        !answered(store_facts(store, &id, 1, call, arena, &view.facts, &why), &has_facts, &why,
                  err))
        return false;
    if (store_supports(store, STORE_LOCKS) &&
        !answered(store_locks(store, &id, 1, call, arena, &view.lock, &why), &has_locks, &why, err))
        return false;
    const struct document *doc = &view.item.doc;
    view.row = (struct row){.id = doc->id,
                            .label = doc->label,
                            .bytes = doc->absent ? -1 : (int64_t)doc->bytes,
                            .updated_at_us = doc->updated_at_us,
                            .expires_at_us = doc->expires_at_us};
    *ret = view;
    ret->input = (struct sheet_input){
        .system = store_system(store),
        .row = &ret->row,
        .doc = view.item.err.kind == ERR_NONE ? &ret->item.doc : NULL,
        .activity = has_activity ? &ret->activity : NULL,
        .lock = has_locks ? lock_of(view.lock, id) : NULL,
        .locks_known = has_locks,
        .facts = has_facts ? view.facts : NULL,
        .now_us = clock_now_us(),
        .arena = arena,
    };
    return true;
}
