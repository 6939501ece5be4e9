/* What was read is written as read; what was written reads back equal, in every style. */
#include "tests/fuzz/fuzz.h"

#include "core/json.h"

#include <string.h>

enum { MEMORY_LIMIT = 256 << 20 };

static void check_styles(const struct value *v)
{
    static const enum json_style styles[] = {JSON_PYTHON, JSON_DENSE, JSON_PRETTY, JSON_UTF8};
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        struct arena a = ARENA_INIT;
        struct sbuf out = SBUF_INIT, again = SBUF_INIT;
        const struct value *w;
        must(json_write(&out, v, styles[i], NULL));
        must(json_read(&a, sbuf_view(&out), &w, NULL));
        must(value_equal(v, w));
        must(json_write(&again, w, styles[i], NULL));
        must(str_eq(sbuf_view(&out), sbuf_view(&again)));
        sbuf_release(&out);
        sbuf_release(&again);
        arena_release(&a);
    }
}

static void check_digest(const struct value *v, const struct value *w)
{
    uint8_t d[SHA256_LEN], e[SHA256_LEN];
    value_digest(v, NULL, d);
    value_digest(w, NULL, e);
    must((memcmp(d, e, sizeof d) == 0) == value_equal(v, w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena a = {.limit = MEMORY_LIMIT};
    struct err err = {0};
    const struct value *stored = NULL, *typed = NULL;
    struct value_change *changes;
    bool more;
    bool ok = json_read(&a, text, &stored, &err);
    must(ok ? err.kind == ERR_NONE : err.kind == ERR_CORRUPT && !stored && err.text[0]);
    if (ok)
        check_styles(stored);
    err = (struct err){0};
    if (json_read_input(&a, text, &typed, &err)) {
        check_styles(typed);
        if (stored) {
            must(value_equal(stored, typed)); /* they differ only where keys repeat */
            check_digest(stored, typed);
            must(value_diff(&a, stored, typed, 10, &changes, &more) == 0);
        }
    } else {
        must(err.kind == ERR_INVALID);
    }
    if (stored)
        must(value_repr(&a, stored, 80).len <= 80);
    arena_release(&a);
    return 0;
}
