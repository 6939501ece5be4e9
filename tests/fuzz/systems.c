/* Whatever stands in a document: lists, details, findings and operations of its system come to an
 * end, and an operation changes nothing that it was given. The first byte chooses the system. */
#include "tests/fuzz/fuzz.h"

#include "core/json.h"
#include "core/system.h"

#include <string.h>

enum { MEMORY_LIMIT = 256 << 20, NOW = 1795216999 };

/* An id that the system takes: operations look into it. */
static struct str id_of(const struct system *system)
{
    return strcmp(system->name, "etl") == 0 ? STR("7/16441") : STR("dev:tap-a-to-target-b");
}

static void check_views(const struct sheet_input *in)
{
    struct str(*lines)[2];
    enum mark mark;
    for (size_t i = 0; i < in->system->nsheets; i++) {
        const struct sheet *sheet = &in->system->sheets[i];
        size_t n = 0;
        for (struct sheet_row *row = sheet->fill(sheet, in); row; row = row->next, n++) {
            struct sbuf more = SBUF_INIT;
            for (size_t c = 0; c < sheet->ncolumns; c++)
                cell_show(in->arena, &row->cells[c], in->now_us);
            if (sheet->more)
                sheet->more(in, row->key, &more);
            sbuf_release(&more);
        }
        must(i > 0 || n == 1);
    }
    for (struct finding *f = in->system->check(in); f; f = f->next)
        must(f->code && f->text.len);
    if (in->system->show)
        in->system->show(in, &lines);
    if (in->system->brief)
        in->system->brief(in->doc->root, in->arena);
    if (in->system->status)
        in->system->status(in, &mark);
}

static void check_op(const struct op *op, const struct sheet_input *in, struct op_args args)
{
    struct document absent = {.id = STR("other"), .label = STR("other"), .absent = true};
    const struct value *before = value_deep_copy(in->arena, in->doc->root);
    struct op_input input = {.system = in->system,
                             .docs = {in->doc, op->takes_second ? &absent : NULL},
                             .args = args,
                             .now_us = in->now_us,
                             .arena = in->arena};
    struct op_output out = {0};
    struct err err = {0};
    if (op->run(&input, &out, &err)) {
        for (size_t i = 0; i < out.nedits; i++) {
            const struct value *after = out.edits[i].after;
            must((out.edits[i].kind == EDIT_WRITE) == (after != NULL));
            must(!after || value_equal(after, value_deep_copy(in->arena, after)));
        }
    } else {
        must(err.kind != ERR_NONE && err.text[0]);
    }
    must(value_equal(before, in->doc->root));
}

static void check_ops(const struct sheet_input *in)
{
    static const struct op_arg wanted[] = {{"name", STR("t#0")},
                                           {"json", STR("{\"singer_state\": {}}")},
                                           {"dst", STR("other")},
                                           {"stream", STR("orders")},
                                           {"full", STR("")}};
    enum { MOST = sizeof wanted / sizeof wanted[0] };
    for (const struct op *const *op = in->system->ops; *op; op++) {
        check_op(*op, in, (struct op_args){0});
        check_op(*op, in, (struct op_args){wanted, MOST});
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    size_t nsystems = 0;
    while (systems[nsystems])
        nsystems++;
    if (!size)
        return 0;
    const struct system *system = systems[data[0] % nsystems];
    struct document doc = {.id = id_of(system),
                           .updated_at_us = TIME_UNKNOWN,
                           .expires_at_us = TIME_NEVER,
                           .bytes = size - 1};
    struct row row = {.id = doc.id, .label = doc.id, .bytes = (int64_t)size - 1};
    struct sheet_input in = {
        .system = system, .row = &row, .doc = &doc, .now_us = (int64_t)NOW * 1000000, .arena = &a};
    doc.label = doc.id;
    json_read(&a, (struct str){(const char *)data + 1, size - 1}, &doc.root, &doc.problem);
    check_views(&in);
    if (doc.root)
        check_ops(&in);
    arena_release(&a);
    return 0;
}
