/* Whatever bytes: no crash, no endless walk, nothing executed; and a graph that was read is the
 * same graph when it was written and read again. */
#include "tests/fuzz/fuzz.h"

#include "core/json.h"
#include "core/pickle.h"

enum { MEMORY_LIMIT = 256 << 20 };

static void check_written(const struct value *v, int protocol)
{
    struct arena a = ARENA_INIT;
    struct sbuf out = SBUF_INIT, again = SBUF_INIT;
    struct err err = {0};
    const struct value *w;
    if (pickle_write(&out, v, protocol, &err)) {
        must(pickle_read(&a, sbuf_view(&out), &w, NULL, NULL));
        must(value_same_graph(v, w));
        must(pickle_write(&again, w, protocol, NULL));
        must(str_eq(sbuf_view(&out), sbuf_view(&again)));
    } else {
        must(err.kind == ERR_UNSUPPORTED && out.len == 0);
    }
    sbuf_release(&out);
    sbuf_release(&again);
    arena_release(&a);
}

static void check_walks(struct arena *a, const struct value *v)
{
    struct sbuf out = SBUF_INIT;
    struct value_change *changes;
    uint8_t digest[SHA256_LEN];
    struct str *paths;
    bool more;
    int64_t us;
    const struct value *copy = value_deep_copy(a, v), *json;
    must(value_equal(v, copy));
    must(value_same_graph(v, copy));
    must(value_diff(a, v, copy, 10, &changes, &more) == 0);
    must(value_repr(a, v, 80).len <= 80);
    must(value_late_paths(a, v, &paths) == 0);
    value_digest(v, copy, digest);
    value_to_time(v, &us);
    /* What JSON lacks is described: the outcome is JSON whatever the pickle held. */
    struct arena unfolded = ARENA_INIT; /* shared nodes stand there as often as they are shared */
    if (json_write_python(&out, v, JSON_UTF8, NULL))
        must(json_read(&unfolded, sbuf_view(&out), &json, NULL));
    arena_release(&unfolded);
    sbuf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    struct pickle_info info = {0};
    struct err err = {0};
    const struct value *v = NULL;
    if (pickle_read(&a, (struct str){(const char *)data, size}, &v, &info, &err)) {
        must(info.protocol >= 0 && info.protocol <= 5 && info.length <= size);
        check_walks(&a, v);
        check_written(v, info.protocol);
        check_written(v, 5);
    } else {
        must(!v && (err.kind == ERR_CORRUPT || err.kind == ERR_UNSUPPORTED));
    }
    arena_release(&a);
    return 0;
}
