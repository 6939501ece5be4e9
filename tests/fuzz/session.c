/* Whatever Django's caches hold under a session's key, in a file and in a row: it is decoded within
 * its limits or says why not; what can be edited is written back to the same. */
#include "tests/fuzz/fuzz.h"

#include "backends/django_dbcache.h"
#include "backends/django_value.h"
#include "backends/file/djcache.h"

enum { LIMIT = 8 << 20, MEMORY_LIMIT = 512 << 20 };

static void check_value(struct str bytes)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    struct document doc = {0}, again = {0};
    struct django_form form, read;
    struct str out;
    struct err err = {0};
    django_decode(&a, bytes, LIMIT, &doc, &form);
    must(doc.root || doc.problem.kind != ERR_NONE);
    if (doc.problem.kind == ERR_NONE && django_encode(&a, doc.root, &form, &out, &err)) {
        django_decode(&a, out, 2 * LIMIT, &again, &read);
        must(again.root && value_equal(again.root, doc.root));
        must(read.codec == form.codec && read.compression == form.compression);
    }
    arena_release(&a);
}

static void check_file(struct str bytes)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    struct document doc = {0};
    struct django_form form;
    struct djcache file, again;
    struct str out;
    djcache_document(&a, bytes, LIMIT, &doc, &form);
    must(doc.root || doc.problem.kind != ERR_NONE);
    if (djcache_split(&a, bytes, &file, NULL)) {
        must(file.header.len + file.value.len == bytes.len);
        if (doc.problem.kind == ERR_NONE &&
            djcache_write(&a, file.header, doc.root, &form, &out, NULL)) {
            must(djcache_split(&a, out, &again, NULL));
            must(str_eq(again.header, file.header));
        }
    }
    arena_release(&a);
}

static void check_row(struct str bytes)
{
    struct arena a = {.limit = MEMORY_LIMIT};
    struct dbcache_row row = {.value = bytes, .bytes = bytes.len, .expires = STR("9999-12-31")};
    struct document doc, kept;
    struct err err = {0};
    row.expires_us = dbcache_expiry(row.expires);
    dbcache_document(&a, &row, STR("q-1"), LIMIT, &doc);
    must(doc.truncated || doc.root || doc.problem.kind != ERR_NONE);
    if (!doc.truncated) {
        must(dbcache_decode(NULL, STR("q-1"), doc.image, &a, &kept, &err));
        must(version_eq(&kept.versions[0], &doc.versions[0]));
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    check_value(bytes);
    check_file(bytes);
    check_row(bytes);
    return 0;
}
