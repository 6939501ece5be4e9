/* tui/columns: what is kept is there again; other lists' lines and a damaged file do no harm. */
#include "tests/unit/test.h"

#include "tui/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct column columns[] = {
    {.name = "id", .title = "ID", .keep = true},
    {.name = "lag", .title = "LAG"},
    {.name = "lsn"},
};

static const struct sheet sheet = {.name = "list", .columns = columns, .ncolumns = 3};

static void kept_and_read(void **state)
{
    char dir[] = "/tmp/penstock-columns-XXXXXX", path[64], other[64];
    struct err err = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/state/columns", dir);
    assert_int_equal(columns_load(path, STR("etl list"), &sheet), 0); /* none yet */
    assert_true(columns_save(path, STR("etl list"), &sheet, 6, &err));
    assert_true(columns_save(path, STR("vdk list"), &sheet, 2, &err));
    assert_int_equal(columns_load(path, STR("etl list"), &sheet), 6);
    assert_int_equal(columns_load(path, STR("vdk list"), &sheet), 2);
    assert_int_equal(columns_load(path, STR("list"), &sheet), 0);
    assert_true(columns_save(path, STR("etl list"), &sheet, 0, &err));
    assert_int_equal(columns_load(path, STR("etl list"), &sheet), 0);
    assert_int_equal(columns_load(path, STR("vdk list"), &sheet), 2);

    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("\n:\netl list: -lag no-such lsn lag -lsn -\x01 -", f); /* the usual state is no change */
    fclose(f);
    assert_int_equal(columns_load(path, STR("etl list"), &sheet), 6);
    assert_int_equal(columns_load(NULL, STR("etl list"), &sheet), 0);
    assert_true(columns_save(NULL, STR("etl list"), &sheet, 2, &err));
    snprintf(other, sizeof other, "%s/below", path);
    assert_false(columns_save(other, STR("etl list"), &sheet, 2, &err));
    assert_true(err.kind != ERR_NONE);
    unlink(path);
    snprintf(path, sizeof path, "%s/state", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_and_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
