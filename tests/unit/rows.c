/* tui/rows, keyset: what is packed comes back; pages share what did not change; sets of keys. */
#include "tests/unit/test.h"

#include "tui/rows.h"

#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    {.name = "id", .title = "ID", .type = CELL_TEXT, .cheap = true, .keep = true},
    {.name = "tail", .type = CELL_TEXT, .cheap = true},
    {.name = "bytes", .title = "SIZE", .type = CELL_BYTES, .cheap = true},
    {.name = "failed", .title = "FAILED", .type = CELL_INT},
    {.name = "why", .title = "WHY", .type = CELL_TEXT},
    {.name = "sure", .title = "SURE", .type = CELL_BOOL},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const struct sheet sheet = {.name = "list", .columns = columns, .ncolumns = COLUMNS};

/* Row number i; without values unless `why`. The key's tail is a cell of its own. */
struct sample {
    char key[32];
    struct cell cells[COLUMNS];
    struct row_in in;
};

static const struct row_in *sample(struct sample *s, size_t i, int64_t bytes, const char *why)
{
    *s = (struct sample){0};
    int len = snprintf(s->key, sizeof s->key, "prod:tap-%06zu", i);
    struct str key = {s->key, (size_t)len};
    s->cells[0] = cell_text(key);
    s->cells[1] = cell_text(str_sub(key, key.len - 6, key.len));
    s->cells[2] = cell_bytes(bytes);
    if (why) {
        s->cells[3] = cell_int(-(int64_t)i);
        s->cells[4] = cell_text(str_of(why));
        s->cells[4].mark = MARK_BAD;
        s->cells[5] = cell_bool(true);
    }
    s->in = (struct row_in){.key = key,
                            .label = i % 2 ? key : STR("a label"),
                            .status = why ? str_of(why) : STR_NULL,
                            .mark = why ? MARK_WARN : MARK_NONE,
                            .cells = s->cells,
                            .known = why};
    return &s->in;
}

static struct rows_page *page_of(size_t from, size_t n, int64_t bytes, const char *why)
{
    struct rows_page *page = rows_page_new(&sheet, false);
    struct sample s;
    for (size_t i = from; i < from + n; i++)
        rows_page_add(page, sample(&s, i, bytes, why));
    assert_int_equal(rows_page_count(page), n);
    return page;
}

static void what_is_packed_comes_back(void **state)
{
    struct rows *rows = rows_new(&sheet);
    struct sample s;
    for (size_t i = 0; i < 500; i++)
        rows_add(rows, sample(&s, i, i % 3 ? (int64_t)i * 977 : -1, i % 2 ? "slow" : NULL));
    rows_take(rows, page_of(500, 500, 5, "broken"), NULL);
    assert_int_equal(rows_count(rows), 1000);
    assert_int_equal(rows_known(rows), 750);
    for (size_t i = 0; i < 1000; i++) {
        struct row_in in;
        struct cell cells[COLUMNS];
        bool known = i >= 500 || i % 2;
        const struct row_in *want = sample(&s, i,
                                           i >= 500 ? 5
                                           : i % 3  ? (int64_t)i * 977
                                                    : -1,
                                           i >= 500 ? "broken"
                                           : i % 2  ? "slow"
                                                    : NULL);
        rows_get(rows, i, &in, cells);
        assert_true(str_eq(in.key, want->key) && str_eq(in.label, want->label));
        assert_true(str_eq(in.key, cells[0].text) && str_eq(cells[1].text, want->cells[1].text));
        assert_int_equal(cells[2].type, want->cells[2].type);
        assert_int_equal(cells[2].number, cells[2].type == CELL_NULL ? 0 : want->cells[2].number);
        assert_int_equal(cells[3].type, known ? CELL_INT : CELL_UNKNOWN);
        assert_int_equal(cells[3].number, known ? -(int64_t)i : 0);
        assert_int_equal(cells[4].mark, known ? MARK_BAD : MARK_NONE);
        assert_int_equal(in.status.ptr != NULL, known);
        assert_int_equal(in.mark, known ? MARK_WARN : MARK_NONE);
        assert_int_equal(rows_cell(rows, i, 5).number, known);
    }
    struct row_count counts[4];
    assert_int_equal(rows_counts(rows, counts, 4), 2);
    assert_str(counts[0].status, "broken");
    assert_int_equal(counts[0].n, 500);
    assert_int_equal(counts[1].n, 250);
    rows_free(rows);
}

/* What text_width and cell_show say of a cell, without making it. */
static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    static const int64_t sizes[] = {0, 7, 999, 1000, 9940, 10000, 123456, 999000, 1000000, 5300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rows *rows = rows_new(&sheet);
        struct sample s;
        const struct row_in *in = sample(&s, i, sizes[i], "x");
        struct arena a = ARENA_INIT;
        rows_add(rows, in);
        assert_int_equal(rows_width(rows, 2), cell_show(&a, &in->cells[2], 0).len);
        assert_int_equal(rows_width(rows, 3), cell_show(&a, &in->cells[3], 0).len);
        assert_int_equal(rows_width(rows, 4), 3); /* mark and text */
        arena_release(&a);
        rows_free(rows);
    }
}

/* A second scan of the same rows keeps the values that were read and takes no room for their bytes;
 * what changed is there anew, without values. */
static void a_page_shares_what_did_not_change(void **state)
{
    enum { N = 5000 };
    struct rows *before = rows_new(&sheet), *rows = rows_new(&sheet);
    rows_take(before, page_of(0, N, 10, "slow"), NULL);
    rows_take(rows, page_of(0, 1000, 10, NULL), before);
    rows_take(rows, page_of(1000, 1, 11, NULL), before);
    struct sample s; /* the loop reads visible rows again, while the scan goes on */
    rows_set(before, 1500, sample(&s, 1500, 10, "errored"));
    rows_take(rows, page_of(1001, N - 1002, 10, NULL), before);
    rows_take(rows, page_of(N, 1, 10, NULL), before);
    assert_int_equal(rows_count(rows), N);
    assert_int_equal(rows_known(rows), N - 2);
    assert_int_equal(rows_cell(rows, 1000, 3).type, CELL_UNKNOWN);
    assert_int_equal(rows_cell(rows, 1000, 2).number, 11);
    assert_str(rows_cell(rows, 1500, 4).text, "errored");
    assert_true(rows_bytes(before) + rows_bytes(rows) < rows_bytes(before) * 3);
    size_t shared = rows_bytes(before);
    rows_free(before);
    assert_true(rows_bytes(rows) < shared * 2 + 4096);
    assert_str(rows_cell(rows, 4000, 4).text, "slow");
    assert_false(rows_find(rows, STR("prod:tap-004999"), NULL));
    rows_free(rows);
}

/* Reading all values replaces all rows: what they were packed in goes, unless a thread reads it. */
static void blocks_without_rows_go(void **state)
{
    enum { N = 20000, PAGE = 1000 };
    struct rows *rows = rows_new(&sheet);
    for (size_t i = 0; i < N; i += PAGE)
        rows_take(rows, page_of(i, PAGE, 10, NULL), NULL);
    size_t before = rows_bytes(rows);
    struct str key = rows_key(rows, 0);
    rows_lend(rows);
    for (size_t i = 0; i < N; i += PAGE)
        rows_update(rows, page_of(i, PAGE, 10, "slow"));
    rows_update(rows, page_of(N, 1, 10, "slow")); /* nobody knows it: it is not added */
    assert_int_equal(rows_count(rows), N);
    assert_int_equal(rows_known(rows), N);
    assert_str(key, "prod:tap-000000"); /* still there for the other thread */
    assert_true(rows_bytes(rows) > before * 2);
    rows_take_back(rows);
    assert_true(rows_bytes(rows) < before * 2);
    assert_str(rows_cell(rows, N - 1, 4).text, "slow");
    rows_free(rows);
}

/* ux.md R14 A5: what changed is known for a while, what is only known since is no change. */
static void changes_are_noted_for_a_while(void **state)
{
    struct rows *before = rows_new(&sheet), *rows = rows_new(&sheet);
    rows_take(before, page_of(0, 10, 10, "slow"), NULL);
    rows_take(rows, page_of(0, 12, 10, NULL), before);
    rows_update(rows, page_of(3, 1, 10, "broken"));
    rows_compare(rows, before, 1000);
    assert_int_equal(rows_changes(rows, 3, 999), 1 << 4); /* WHY */
    assert_int_equal(rows_changes(rows, 3, 1000), 0);
    assert_int_equal(rows_changes(rows, 11, 999), UINT64_MAX);
    assert_int_equal(rows_changes(rows, 2, 999), 0);
    rows_update(rows, page_of(4, 1, 10, "broken")); /* nobody watches */
    assert_int_equal(rows_changes(rows, 4, 0), 0);
    rows_watch(rows, 2000);
    rows_update(rows, page_of(4, 1, 77, "broken"));
    rows_update(rows, page_of(11, 1, 10, "slow"));
    assert_int_equal(rows_changes(rows, 4, 0), 1 << 2); /* SIZE */
    assert_int_equal(rows_changes(rows, 11, 1500), 0);  /* its values came, nothing changed */
    rows_free(before);
    rows_free(rows);
}

/* A lag moves with every write to the source: were that a change, all rows were marked for ever. */
static void what_moves_by_itself_is_no_change(void **state)
{
    static const struct column moving[] = {
        {.name = "id", .title = "ID", .type = CELL_TEXT, .keep = true},
        {.name = "lag", .title = "LAG", .type = CELL_BYTES, .moves = true},
        {.name = "why", .title = "WHY", .type = CELL_TEXT}};
    static const struct sheet lags = {.name = "list", .columns = moving, .ncolumns = 3};
    struct rows *rows = rows_new(&lags);
    struct cell cells[3] = {cell_text(STR("a")), cell_bytes(1), cell_text(STR("slow"))};
    struct row_in in = {.key = STR("a"), .label = STR("a"), .cells = cells, .known = true};
    struct rows_page *page;
    rows_add(rows, &in);
    rows_watch(rows, 1000);
    for (int i = 0; i < 2; i++) {
        cells[1] = cell_bytes(2 + i);
        cells[2] = cell_text(i ? STR("broken") : STR("slow"));
        page = rows_page_new(&lags, false);
        rows_page_add(page, &in);
        rows_update(rows, page);
        assert_int_equal(rows_cell(rows, 0, 1).number, 2 + i);
        assert_int_equal(rows_changes(rows, 0, 0), i ? 1 << 2 : 0);
    }
    rows_free(rows);
}

/* Of what was read from a value a brief row keeps 64 bytes, never half a character. */
static void a_brief_row_is_short(void **state)
{
    char why[3 * 100 + 1];
    for (size_t i = 0; i < 100; i++)
        memcpy(why + 3 * i, "\xe6\x9d\xb1", 4);
    struct rows_page *page = rows_page_new(&sheet, true);
    struct sample s;
    const struct row_in *in = sample(&s, 1, 1, why);
    rows_page_add(page, in);
    struct rows *rows = rows_new(&sheet);
    rows_take(rows, page, NULL);
    struct str kept = rows_cell(rows, 0, 4).text;
    assert_true(kept.len > 48 && kept.len <= 64 && kept.len % 3 == 0);
    assert_int_equal(rows_cell(rows, 0, 5).number, true);
    assert_str(rows_key(rows, 0), "prod:tap-000001"); /* an identity is never cut */
    rows_free(rows);
}

static void gone_rows_do_not_count(void **state)
{
    struct rows *rows = rows_new(&sheet);
    rows_take(rows, page_of(0, 3, 1, "slow"), NULL);
    rows_set_gone(rows, 1);
    assert_int_equal(rows_count(rows), 3);
    assert_int_equal(rows_there(rows), 2);
    assert_int_equal(rows_known(rows), 2);
    struct row_count counts[4];
    assert_int_equal(rows_counts(rows, counts, 4), 1);
    assert_int_equal(counts[0].n, 2);
    struct sample s;
    rows_set(rows, 1, sample(&s, 1, 1, "slow")); /* it is there again */
    assert_int_equal(rows_there(rows), 3);
    rows_free(rows);
}

/* What a narrow screen cuts is what goes well. */
static void trouble_is_counted_first(void **state)
{
    static const struct {
        const char *status;
        enum mark mark;
    } looks[] = {{"ready", MARK_OK},  {"ready", MARK_OK},  {"init", MARK_WAIT},
                 {"late", MARK_WARN}, {"late", MARK_WARN}, {"errored", MARK_BAD}};
    static const char *const order[] = {"errored", "late", "ready", "init"};
    struct rows *rows = rows_new(&sheet);
    struct sample s;
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        sample(&s, i, 1, looks[i].status);
        s.in.mark = looks[i].mark;
        rows_add(rows, &s.in);
    }
    struct row_count counts[6];
    assert_int_equal(rows_counts(rows, counts, 6), 4);
    for (size_t i = 0; i < 4; i++)
        assert_str(counts[i].status, order[i]);
    rows_free(rows);
}

static void sets_keep_their_order(void **state)
{
    enum { N = 2000 };
    struct keyset *set = keyset_new();
    char key[16];
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "k%d", i);
        keyset_put(set, str_of(key), true);
        keyset_put(set, str_of(key), true);
    }
    assert_int_equal(keyset_count(set), N);
    for (int i = 0; i < N; i += 100) {
        snprintf(key, sizeof key, "k%d", i);
        keyset_put(set, str_of(key), false);
        assert_false(keyset_has(set, str_of(key)));
    }
    assert_int_equal(keyset_count(set), N - N / 100);
    assert_str(keyset_at(set, 0), "k1");
    assert_str(keyset_at(set, 99), "k101");
    assert_true(keyset_has(set, STR("k1999")));
    keyset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_page_shares_what_did_not_change),
        cmocka_unit_test(blocks_without_rows_go),
        cmocka_unit_test(changes_are_noted_for_a_while),
        cmocka_unit_test(what_moves_by_itself_is_no_change),
        cmocka_unit_test(a_brief_row_is_short),
        cmocka_unit_test(gone_rows_do_not_count),
        cmocka_unit_test(trouble_is_counted_first),
        cmocka_unit_test(sets_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
