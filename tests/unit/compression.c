/* What django-redis' compressors wrote is expanded, within its limit; what is packed is one of
 * them. The samples were written by Python's zlib, gzip and lzma and by the packages lz4 and
 * pyzstd, as django-redis calls them. */
#include "tests/unit/test.h"

#include "backends/compression.h"

#define BYTES(lit) STR(lit)

static const struct str plain = STR("penstock penstock penstock penstock\n");

static const struct {
    enum compression kind;
    struct str bytes;
} samples[] = {
    {COMPRESSION_ZLIB,
     BYTES("\x78\x9c\x2b\x48\xcd\x2b\x2e\xc9\x4f\xce\x56\x28\xc0\xc9\xe0\x02\x00\x0a\x43"
           "\x0e\x07")},
    {COMPRESSION_GZIP,
     BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x48\xcd\x2b\x2e\xc9\x4f\xce\x56"
           "\x28\xc0\xc9\xe0\x02\x00\xd3\x5b\x8d\x41\x24\x00\x00\x00")},
    {COMPRESSION_LZ4,
     BYTES("\x04\x22\x4d\x18\x68\x40\x24\x00\x00\x00\x00\x00\x00\x00\xec\x13\x00\x00\x00"
           "\x9f\x70\x65\x6e\x73\x74\x6f\x63\x6b\x20\x09\x00\x03\x50\x74\x6f\x63\x6b\x0a"
           "\x00\x00\x00\x00")},
    {COMPRESSION_LZMA,
     BYTES("\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x14\x00\x00"
           "\x00\xff\xe7\xec\x09\xe0\x00\x23\x00\x11\x5d\x00\x38\x19\x4a\x22\x3b\x55\x62"
           "\xaa\x28\x9a\x46\x96\x91\xe1\xa0\x00\x00\x00\x00\x00\x00\xd6\xe6\x85\xb6\x8c"
           "\xb5\xba\xee\x00\x01\x2d\x24\x15\x0b\xaf\x3c\x1f\xb6\xf3\x7d\x01\x00\x00\x00"
           "\x00\x04\x59\x5a")},
    {COMPRESSION_ZSTD,
     BYTES("\x28\xb5\x2f\xfd\x20\x24\x85\x00\x00\x50\x70\x65\x6e\x73\x74\x6f\x63\x6b\x20"
           "\x0a\x01\x00\xb4\xcb\x11")},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void expands_what_python_wrote(void **state)
{
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct str out;
        assert_int_equal(compression_of(samples[i].bytes), samples[i].kind);
        assert_true(compression_is_built(samples[i].kind));
        assert_int_equal(compression_expand(&a, samples[i].kind, samples[i].bytes, plain.len, &out),
                         EXPAND_OK);
        assert_true(str_eq(out, plain));
    }
    arena_release(&a);
}

static void stops_at_the_limit(void **state)
{
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct str out;
        assert_int_equal(
            compression_expand(&a, samples[i].kind, samples[i].bytes, plain.len - 1, &out),
            EXPAND_TOO_LARGE);
    }
    arena_release(&a);
}

static void refuses_what_is_cut(void **state)
{
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t len = 0; len < samples[i].bytes.len; len++) {
            struct str out, cut = str_sub(samples[i].bytes, 0, len);
            assert_int_equal(compression_expand(&a, samples[i].kind, cut, 1 << 20, &out),
                             EXPAND_BROKEN);
        }
    }
    arena_release(&a);
}

static void packs_what_it_expands(void **state)
{
    struct arena a = ARENA_INIT;
    for (size_t len = 0; len < 200000; len = len * 3 + 7) {
        char *text = arena_alloc(&a, len);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(i * i >> 3);
        for (size_t i = 0; i < SAMPLES; i++) {
            struct str packed, out;
            assert_true(compression_pack(&a, samples[i].kind, (struct str){text, len}, &packed));
            assert_int_equal(compression_of(packed), samples[i].kind);
            assert_int_equal(compression_expand(&a, samples[i].kind, packed, len, &out), EXPAND_OK);
            assert_true(str_eq(out, (struct str){text, len}));
        }
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_what_python_wrote),
        cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(refuses_what_is_cut),
        cmocka_unit_test(packs_what_it_expands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
