#include "core/op.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

bool op_arg(const struct op_args *args, const char *name, size_t n, struct str *ret)
{
    for (size_t i = 0; i < args->n; i++) {
        if (strcmp(args->items[i].name, name) == 0 && n-- == 0) {
            *ret = args->items[i].value;
            return true;
        }
    }
    return false;
}

bool op_arg_flag(const struct op_args *args, const char *name)
{
    struct str ignored;
    return op_arg(args, name, 0, &ignored);
}

const char *undo_scope_name(enum undo_scope scope)
{
    static const char *const names[] = {
        [UNDO_FULL] = "full",
        [UNDO_UNTIL_RESTART] = "until restart",
        [UNDO_UNTIL_WORKER] = "until a worker takes it",
        [UNDO_ROWS_ONLY] = "rows only, lost changes stay lost",
        [UNDO_NONE] = "none",
    };
    return names[scope];
}

const char *writer_name(enum writer_verdict verdict)
{
    static const char *const names[] = {
        [WRITER_NONE_SEEN] = "none seen",
        [WRITER_SAFE] = "safe",
        [WRITER_BLOCKS] = "blocks",
        [WRITER_CANNOT_SEE] = "cannot see",
    };
    return names[verdict];
}

struct consequence *op_consequence(struct op_output *out, struct arena *a, const char *code,
                                   enum consequence_level level, const char *fmt, ...)
{
    struct consequence *c = arena_new(a, struct consequence);
    va_list ap;
    va_start(ap, fmt);
    c->text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    c->code = code;
    c->level = level;
    struct consequence **end = &out->consequences;
    while (*end)
        end = &(*end)->next;
    *end = c;
    return c;
}

struct op_edit *op_edit_add(struct op_output *out, int doc, enum edit_kind kind,
                            const struct value *after)
{
    assert(out->nedits < sizeof out->edits / sizeof out->edits[0]);
    struct op_edit *edit = &out->edits[out->nedits++];
    *edit = (struct op_edit){.doc = doc, .kind = kind, .after = after};
    return edit;
}
