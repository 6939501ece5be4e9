/* Whatever a plain record or a lock holds: read, or said why not; a part that is written leaves the
 * bytes of the others as they were. */
#include "tests/fuzz/fuzz.h"

#include "backends/content.h"
#include "backends/file/store.h"
#include "backends/plain.h"
#include "core/json_span.h"
#include "core/system.h"

#include <string.h>

enum { MEMORY_LIMIT = 256 << 20 };

static struct str image_of(struct arena *a, struct str text)
{
    struct sbuf image = SBUF_INIT;
    sbuf_cstr(&image, "driver\n");
    sbuf_str(&image, text);
    struct str bytes = arena_str(a, sbuf_view(&image));
    sbuf_release(&image);
    return bytes;
}

static struct document document_of(const struct content_format *format, struct str text,
                                   struct arena *a)
{
    struct document doc = {.id = STR("7/1"), .label = STR("7/1"), .expires_at_us = TIME_NEVER};
    content_read(format, image_of(a, text), a, &doc);
    must(doc.root || doc.problem.kind != ERR_NONE);
    return doc;
}

static void check_record(const struct system *system, bool wrapped, struct str text)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    struct content_format format = {.system = system, .wrapped = wrapped};
    struct document doc = document_of(&format, text, &a);
    if (!doc.root || doc.problem.kind != ERR_NONE) {
        arena_release(&a);
        return;
    }
    struct sbuf out = SBUF_INIT;
    const struct value *after = system->nparts > 1
                                    ? value_dict_with(&a, doc.root, system->parts[0], &value_null)
                                    : doc.root;
    struct err err = {0};
    if (content_write(&format, &doc, after, 1, &out, &err)) {
        struct document now = document_of(&format, sbuf_view(&out), &a);
        must(now.root && value_equal(now.root, after));
        for (size_t i = 1; i < system->nparts; i++)
            must(version_eq(&now.versions[i], &doc.versions[i]));
    } else {
        must(err.kind != ERR_NONE);
    }
    sbuf_release(&out);
    struct str label = STR("none");
    int64_t expires_us = TIME_NEVER;
    content_head(text, &a, &label, &expires_us);
    arena_release(&a);
}

static void check_lock(struct str text)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    struct file_lock_seen seen = {0};
    const struct lock *lock =
        plain_lock_row(&a, STR("7/1"), text, STR("ana@host"), TIME_UNKNOWN, 1795216999000000);
    must(str_eq(lock->token, text) && lock->evidence.len);
    file_meltano.lock->parse(text, 10000000, &a, &seen);
    file_plain_etl.lock->parse(text, 10000000, &a, &seen);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    check_record(&system_etl, true, text);
    check_record(&system_meltano, false, text);
    check_lock(text);
    return 0;
}
