/* core/base/text: nothing that reaches a terminal may move its cursor or lie about its order. */
#include "tests/unit/test.h"

#include "core/base/text.h"

#include <string.h>

#define MARK "\xef\xbf\xbd"

static void decoding(void **state)
{
    static const struct {
        const char *bytes;
        int32_t first;
        size_t moved;
    } cases[] = {
        {"a", 'a', 1},
        {"\xc3\xa9", 0xe9, 2},
        {"\xe6\x97\xa5", 0x65e5, 3},
        {"\xf0\x9f\x98\x80", 0x1f600, 4},
        {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
        {"\xc0\x80", -1, 1},         /* overlong */
        {"\xe0\x80\xaf", -1, 1},     /* overlong */
        {"\xf0\x80\x80\xaf", -1, 1}, /* overlong */
        {"\xed\xa0\x80", -1, 1},     /* surrogate */
        {"\xf4\x90\x80\x80", -1, 1}, /* beyond U+10FFFF */
        {"\xe6\x97", -1, 1},         /* cut */
        {"\xe6X\xa5", -1, 1},
        {"\x80", -1, 1},
        {"\xff", -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t pos = 0;
        assert_int_equal(utf8_next(str_of(cases[i].bytes), &pos), cases[i].first);
        assert_int_equal(pos, cases[i].moved);
    }
    size_t pos = 0;
    assert_int_equal(utf8_next_any(STR("\xed\xa0\x80"), &pos), 0xd800);
    assert_int_equal(pos, 3);
    for (uint32_t c = 0; c < 0x110000; c += c < 0x1000 ? 1 : 61) {
        char out[4];
        struct str s = {out, utf8_put(c, out)};
        pos = 0;
        assert_int_equal(utf8_next_any(s, &pos), c);
        assert_int_equal(pos, s.len);
    }
}

static void widths(void **state)
{
    static const struct {
        uint32_t c;
        int width;
    } cases[] = {
        {'a', 1},    {0xe9, 1},   {0xad, 1},    {0x301, 0},   {0x20ac, 1},   {0x65e5, 2},
        {0xac00, 2}, {0xff21, 2}, {0x1f600, 2}, {0x2603, 1},  {0x231a, 2},   {0x1100, 2},
        {0x1161, 0}, {0x200d, 0}, {0xfe0f, 0},  {0x20000, 2}, {0x3fffd, 2},  {0xe000, 1},
        {0x4dc0, 2}, {0x600, 1},  {0x2500, 1},  {0xfffd, 1},  {0x10ffff, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(char_width(cases[i].c), cases[i].width);
    assert_int_equal(text_width(STR("a\xc3\xa9\xe6\x97\xa5"
                                    "e\xcc\x81\xff")),
                     6);
    assert_int_equal(text_width(STR("")), 0);
}

static void cleaning(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
        const char *clean;
    } cases[] = {
        {"plain é 日本 😀", 0, "plain é 日本 😀"},
        {"plain é 日本 😀", CLEAN_ASCII, "plain ? ?? ?"},
        {"\x1b[31mred\x1b]0;title\x07", 0, MARK "[31mred" MARK "]0;title" MARK},
        {"a\nb\tc\r", 0, "a" MARK "b" MARK "c" MARK},
        {"a\nb\tc\r", CLEAN_LINES, "a\nb       c" MARK},
        {"12345678\tx", CLEAN_LINES, "12345678        x"},
        {"日\tx", CLEAN_LINES, "日      x"},
        {"\xc2\x9b"
         "31m\xc2\x85",
         0, MARK "31m" MARK}, /* C1: CSI and NEL */
        {"\x9b", 0, MARK},
        {"\x7f", CLEAN_ASCII, "?"},
        {"\xff\xc0\x80z", 0, MARK MARK MARK "z"},
        {"\xed\xa0\x80", 0, MARK MARK MARK},
        {"a\xe2\x80\x8b"
         "b",
         0, "a" MARK "b"}, /* zero width space */
        {"a\xe2\x80\x8d"
         "b",
         0, "a" MARK "b"}, /* zero width joiner */
        {"\xe2\x80\xae"
         "gnp.exe",
         0, MARK "gnp.exe"},                             /* right-to-left override */
        {"\xe2\x81\xa6x\xe2\x81\xa9", 0, MARK "x" MARK}, /* isolates */
        {"\xd8\x9c", 0, MARK},                           /* U+061C */
        {"\xef\xbb\xbf", 0, MARK},                       /* U+FEFF */
        {"\xe2\x80\xa8\xe2\x80\xa9", 0, MARK MARK},      /* separators */
        {"\xf3\xa0\x81\x81", 0, MARK},                   /* tag letter */
        {"\xc2\xad", 0, MARK},                           /* soft hyphen */
        {"e\xcc\x81", 0, "e\xcc\x81"},                   /* combining accent stays */
        {"\xcc\x81", 0, MARK},                           /* on nothing */
        {"a\n\xcc\x81", CLEAN_LINES, "a\n" MARK},
        {"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 0, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81" MARK},
        {"\xe2\x9d\xa4\xef\xb8\x8f", 0, "\xe2\x9d\xa4\xef\xb8\x8f"}, /* emoji variation */
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        struct str clean = text_clean(&a, str_of(cases[i].text), cases[i].flags);
        assert_string_equal(clean.ptr, cases[i].clean);
        assert_string_equal(text_clean(&a, clean, cases[i].flags).ptr, cases[i].clean);
        arena_release(&a);
    }
    struct arena a = ARENA_INIT;
    assert_str(text_clean(&a, STR("a\0b"), 0), "a" MARK "b");
    arena_release(&a);
}

static void cutting(void **state)
{
    static const struct {
        const char *text;
        int cells;
        unsigned flags;
        const char *cut, *middle;
    } cases[] = {
        {"abcdef", 6, 0, "abcdef", "abcdef"},
        {"abcdef", 5, 0, "abcd…", "ab…ef"},
        {"abcdef", 4, 0, "abc…", "ab…f"},
        {"abcdef", 5, CLEAN_ASCII, "ab...", "a...f"},
        {"abcdef", 2, CLEAN_ASCII, "..", ".."},
        {"abcdef", 1, 0, "…", "…"},
        {"abcdef", 0, 0, "", ""},
        {"abcdef", -3, CLEAN_ASCII, "", ""},
        {"日本語日本語", 6, 0, "日本…", "日…語"},
        {"e\xcc\x81"
         "e\xcc\x81"
         "e\xcc\x81",
         2, 0, "e\xcc\x81…", "e\xcc\x81…"},
        {"e\xcc\x81xyze\xcc\x81", 3, 0, "e\xcc\x81x…", "e\xcc\x81…e\xcc\x81"},
        {"", 0, 0, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a = ARENA_INIT;
        struct str s = str_of(cases[i].text);
        assert_string_equal(text_cut(&a, s, cases[i].cells, cases[i].flags).ptr, cases[i].cut);
        assert_string_equal(text_cut_middle(&a, s, cases[i].cells, cases[i].flags).ptr,
                            cases[i].middle);
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(widths),
        cmocka_unit_test(cleaning),
        cmocka_unit_test(cutting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
