/* Files of Django's file cache: the sample of formats/triggers.md 4.4, and what is none. */
#include "tests/unit/test.h"

#include "backends/file/djcache.h"

#include <string.h>

static const char sample_hex[] = "8005950a000000000000004741d979cd4e5000002e789c4d90b14ec33010861bd"
                                 "2346d5598589811a853c51b305488098460"
                                 "aeaa23711bab8d137267024295589018bc713c04cfc18b30f2189c0d42f562dfe"
                                 "fbbffff74cfc9fb53d40967c3639710e00a"
                                 "79c32ea679c641aa5aa31a76e9e7c79dd5b56297c0824499b18b1e185ccf9ab54"
                                 "2f47517a9aa45ea83c9cfee55f3c8972e6e"
                                 "acf133753d99ca6d519ba5c8c3565371050d943ecea21b6883042653213e91f8c"
                                 "3930030825bb1abcc0d01a9ed94deaa8566"
                                 "19dafba522c881c01743d2a512afb2c66090668d92d15cdaa445f9dfede71b4f8"
                                 "7e9779ceca5479d689f5ff89add680d4817"
                                 "55ae175ae68a6337f8830895d0f6c49f2c7231765dbf332e6251138f118076d76"
                                 "28f34ff472c0e3c4ad4f2f9e9d7efbedd4e"
                                 "b5e2578b68273f9ce99798";

static struct str sample(struct arena *a)
{
    size_t len = (sizeof sample_hex - 1) / 2;
    char *bytes = arena_alloc(a, len);
    assert_true(hex_decode(str_of(sample_hex), bytes, len));
    return (struct str){bytes, len};
}

static void names_are_digests_of_keys(void **state)
{
    static const struct django_key key = {.head = STR(":1:triggers.storages.cache:"),
                                          .tail = STR("")};
    char name[DJCACHE_NAME];
    djcache_name(&key, STR("c"), name);
    assert_string_equal(name, "d75bc209b602f294c9a7b0edf1525a76.djcache");
    assert_true(djcache_is_name(str_of(name)));
    assert_false(djcache_is_name(STR("D75bc209b602f294c9a7b0edf1525a76.djcache")));
    assert_false(djcache_is_name(STR("d75bc209b602f294c9a7b0edf1525a7.djcache")));
    assert_false(djcache_is_name(STR("tmpd75bc209")));
    char cut[DJCACHE_NAME];
    djcache_name(&key, STR("c\0d"), cut); /* what stands behind a NUL is part of the uid */
    assert_string_not_equal(cut, name);
}

static void header_and_value_are_told_apart(void **state)
{
    struct arena a = ARENA_INIT;
    struct djcache file;
    struct document doc = {0};
    struct django_form form;
    struct str bytes = sample(&a), plain;
    assert_true(djcache_split(&a, bytes, &file, NULL));
    assert_int_equal(file.header.len, 21);
    assert_int_equal(file.expires_us, 1709651257250000);
    assert_int_equal(compression_expand(&a, COMPRESSION_ZLIB, file.value, 1 << 20, &plain),
                     EXPAND_OK);
    assert_int_equal(plain.len, 390);
    djcache_document(&a, bytes, 1 << 20, &doc, &form);
    assert_non_null(value_get(doc.root, "instances"));
    assert_int_equal(doc.problem.kind, ERR_UNSUPPORTED); /* it expired in 2024 */
    assert_string_equal(doc.format.ptr, "pickle 5, zlib");
    arena_release(&a);
}

static void a_write_keeps_the_header(void **state)
{
    struct arena a = ARENA_INIT;
    struct djcache file, again;
    struct document doc = {0}, now = {0};
    struct django_form form;
    struct str bytes = sample(&a), out;
    assert_true(djcache_split(&a, bytes, &file, NULL));
    djcache_document(&a, bytes, 1 << 20, &doc, &form);
    assert_true(djcache_write(&a, file.header, doc.root, &form, &out, NULL));
    assert_true(djcache_split(&a, out, &again, NULL));
    assert_true(str_eq(again.header, file.header));
    djcache_document(&a, out, 1 << 20, &now, &form);
    assert_true(value_equal(now.root, doc.root));
    assert_true(djcache_write(&a, STR_NULL, doc.root, &form, &out, NULL));
    assert_true(djcache_split(&a, out, &again, NULL));
    assert_int_equal(again.expires_us, TIME_NEVER);
    arena_release(&a);
}

/* A touch in place by a shorter write leaves its tail, which Python does not look at (4.4). */
static void garbage_behind_the_stream_is_passed_over(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc = {0};
    struct django_form form;
    struct str bytes = sample(&a);
    djcache_document(&a, arena_printf(&a, "%s", ""), 1 << 20, &doc, &form);
    assert_int_equal(doc.problem.kind, ERR_CORRUPT);
    char *longer = arena_alloc(&a, bytes.len + 3);
    memcpy(longer, bytes.ptr, bytes.len);
    memcpy(longer + bytes.len, "xyz", 3);
    doc = (struct document){0};
    djcache_document(&a, (struct str){longer, bytes.len + 3}, 1 << 20, &doc, &form);
    assert_non_null(value_get(doc.root, "tasks"));
    arena_release(&a);
}

static void cut_files_are_corrupt(void **state)
{
    struct arena a = ARENA_INIT;
    struct str bytes = sample(&a);
    for (size_t len = 0; len < bytes.len; len++) {
        struct document doc = {0};
        struct django_form form;
        djcache_document(&a, str_sub(bytes, 0, len), 1 << 20, &doc, &form);
        assert_int_equal(doc.problem.kind, ERR_CORRUPT);
    }
    arena_release(&a);
}

/* django-redis can write it; it is named, shown as bytes and not edited. */
static void msgpack_is_named_and_not_edited(void **state)
{
    struct arena a = ARENA_INIT;
    struct document doc = {0};
    struct django_form form;
    django_decode(&a, STR("\x83\xa5tasks\x80\xa9instances\x80\xa5metas\x80"), 1 << 20, &doc, &form);
    assert_str(doc.format, "msgpack");
    assert_null(doc.root);
    assert_int_equal(doc.problem.kind, ERR_UNSUPPORTED);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_digests_of_keys),
        cmocka_unit_test(header_and_value_are_told_apart),
        cmocka_unit_test(a_write_keeps_the_header),
        cmocka_unit_test(garbage_behind_the_stream_is_passed_over),
        cmocka_unit_test(cut_files_are_corrupt),
        cmocka_unit_test(msgpack_is_named_and_not_edited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
