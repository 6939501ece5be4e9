/* cli/print, cli/options, cli/commands: rows in every format; the tables hold together. */
#include "tests/unit/test.h"

#include "cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {.name = "id", .title = "ID", .type = CELL_TEXT, .keep = true},
    {.name = "ok", .title = NULL, .type = CELL_BOOL},
    {.name = "bytes", .title = "SIZE", .type = CELL_BYTES},
    {.name = "at", .title = "AGE", .type = CELL_TIME},
    {.name = "note", .title = "NOTE", .type = CELL_TEXT},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static char *print_rows(struct print_opts opts, const struct cell (*rows)[COLUMNS], size_t n)
{
    char *text = NULL;
    size_t len = 0;
    opts.out = open_memstream(&text, &len);
    opts.now_us = 1000000000;
    struct print *print = print_new(&opts, columns, COLUMNS, 0);
    for (size_t i = 0; i < n; i++)
        print_row(print, rows[i]);
    assert_true(print_page(print));
    print_free(print);
    fclose(opts.out);
    return text;
}

static void formats(void **state)
{
    const struct cell rows[][COLUMNS] = {
        {cell_text(STR("b\tc\x1b[2J")), cell_bool(true), cell_bytes(1500), cell_time(940000000),
         cell_text(STR("two\nlines"))},
        {cell_text(STR("\xff")), cell_null(), cell_bytes(-1), cell_null(), {.type = CELL_UNKNOWN}},
    };
    static const struct {
        struct print_opts opts;
        const char *text;
    } cases[] = {
        {{.output = OUTPUT_JSON},
         "{\"id\":\"b\\tc\\u001B[2J\",\"ok\":true,\"bytes\":1500,\"at\":\"1970-01-01T00:15:40Z\","
         "\"note\":\"two\\nlines\"}\n"
         "{\"id\":\"base64:/w==\",\"ok\":null,\"bytes\":null,\"at\":null,\"note\":null}\n"},
        {{.output = OUTPUT_TSV, .headers = true},
         "id\tok\tbytes\tat\tnote\n"
         "b\\tc\\x1b[2J\ttrue\t1500\t1970-01-01T00:15:40Z\ttwo\\nlines\n"
         "base64:/w==\t\t\t\t\n"},
        {{.output = OUTPUT_NAME}, "base64:YgljG1sySg==\nbase64:/w==\n"},
        {{.output = OUTPUT_TABLE, .headers = true, .ascii = true},
         "ID         SIZE  AGE  NOTE\n"
         "b?c?[2J  1.5 kB  1m   two?lines\n"
         "?             -  -    -\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = print_rows(cases[i].opts, rows, 2);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

static void columns_line_up(void **state)
{
    const struct cell rows[][COLUMNS] = {
        {cell_text(STR("stra\xc3\x9f"
                       "e")),
         cell_null(), cell_bytes(1), cell_null(), cell_text(STR("x"))},
        {cell_text(STR("\xe6\x97\xa5\xe6\x9c\xac")), cell_null(), cell_bytes(22), cell_null(),
         cell_text(STR("y"))},
    };
    char *text = print_rows((struct print_opts){.output = OUTPUT_TABLE}, rows, 2);
    assert_string_equal(text, "stra\xc3\x9f"
                              "e   1 B  -  x\n"
                              "\xe6\x97\xa5\xe6\x9c\xac    22 B  -  y\n");
    free(text);
}

static void nothing_but_a_header(void **state)
{
    char *text = print_rows((struct print_opts){.output = OUTPUT_TSV, .headers = true}, NULL, 0);
    assert_string_equal(text, "id\tok\tbytes\tat\tnote\n");
    free(text);
    text = print_rows((struct print_opts){.output = OUTPUT_JSON, .headers = true}, NULL, 0);
    assert_string_equal(text, "");
    free(text);
}

static void narrow_terminals(void **state)
{
    const struct cell rows[][COLUMNS] = {
        {cell_text(STR("an-id-that-stays-whole-in-any-case")), cell_null(), cell_null(),
         cell_null(), cell_text(STR("a note that is too long for the terminal"))},
    };
    struct print_opts opts = {.output = OUTPUT_TABLE, .ascii = true, .width = 60};
    char *text = print_rows(opts, rows, 1);
    assert_non_null(strstr(text, "an-id-that-stays-whole-in-any-case"));
    assert_non_null(strstr(text, "..."));
    assert_true(strlen(text) <= 61);
    free(text);
}

/* --- options --------------------------------------------------------------------------------- */

static const struct op_option own[] = {
    {.name = "full", .kind = OPTION_FLAG},
    {.name = "part", .kind = OPTION_VALUE, .metavar = "P"},
    {.name = "id", .kind = OPTION_VALUE, .metavar = "I", .many = true},
    {.name = "name", .kind = OPTION_POSITIONAL, .metavar = "NAME"},
    {0},
};

static bool read_all(const char *const *words, struct options *ret, struct op_args *ret_args,
                     size_t *ret_nwords, struct arena *arena, struct err *err)
{
    static const struct op_option *const lists[] = {own, NULL};
    char *argv[16];
    size_t n = 0;
    for (; words[n]; n++)
        argv[n] = arena_cstr(arena, str_of(words[n]));
    *ret = options_default;
    struct option_reader r = {.argv = argv,
                              .argc = n,
                              .options = ret,
                              .own = lists,
                              .args = arena_array(arena, struct op_arg, n)};
    const char *word;
    *ret_nwords = 0;
    do {
        if (!options_next(&r, arena, &word, err))
            return false;
        *ret_nwords += word != NULL;
    } while (word);
    *ret_args = (struct op_args){r.args, r.nargs};
    return true;
}

static void options_are_read(void **state)
{
    struct arena arena = ARENA_INIT;
    struct options o;
    struct op_args args;
    struct err err = {0};
    struct str value;
    size_t nwords;
    const char *const line[] = {
        "-ny", "-tA",    "--target=B", "w1",   "--part", "a=b",    "--full",        "--id",
        "1",   "--id=2", "-o",         "json", "--",     "--full", "--deadline=1m", NULL};
    assert_true(read_all(line, &o, &args, &nwords, &arena, &err));
    assert_true(o.dry_run && o.yes && o.ntargets == 2);
    assert_string_equal(o.targets[0], "A");
    assert_string_equal(o.targets[1], "B");
    assert_int_equal(o.output, OUTPUT_JSON);
    assert_int_equal(nwords, 3);
    assert_int_equal(o.deadline_ms, 0);
    assert_true(op_arg(&args, "part", 0, &value));
    assert_str(value, "a=b");
    assert_true(op_arg(&args, "id", 1, &value));
    assert_str(value, "2");
    assert_true(op_arg_flag(&args, "full"));
    static const struct {
        const char *line[4];
        const char *says;
    } wrong[] = {
        {{"--fulll"}, "did you mean '--full'?"}, {{"--yess"}, "did you mean '--yes'?"},
        {{"--part"}, "needs a value"},           {{"--full=x"}, "takes no value"},
        {{"--part", "a", "--part=b"}, "twice"},  {{"--name", "x"}, "unknown option"},
        {{"-q"}, "unknown option '-q'"},         {{"-o", "yaml"}, "one of table"},
        {{"--limit", "-1"}, "whole number"},     {{"--timeout", "soon"}, "number of seconds"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(read_all(wrong[i].line, &o, &args, &nwords, &arena, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        if (!strstr(err.text, wrong[i].says))
            fail_msg("%s\nlacks: %s", err.text, wrong[i].says);
    }
    arena_release(&arena);
}

static void tables_have_no_gaps(void **state)
{
    for (size_t i = 0; option_row(i); i++) {
        assert_true(option_row(i)->help && *option_row(i)->help);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(option_row(i)->name, option_row(k)->name);
            assert_true(!option_row(i)->letter || option_row(i)->letter != option_row(k)->letter);
        }
    }
    for (size_t i = 0; command_at(i); i++) {
        const struct cli_command *c = command_at(i);
        assert_true(c->run && *c->help && c->args);
        if (c->noun[0] != '*')
            assert_ptr_equal(command_find(c->noun, c->verb), c);
    }
    /* What a system offers is reached by its verb: no operation hides behind a command. */
    for (const struct system *const *s = systems; *s; s++) {
        for (const struct op *const *op = (*s)->ops; op && *op; op++) {
            const struct cli_command *c = command_find("*", (*op)->verb);
            assert_true(!c || c->run == cmd_edit);
            assert_null(command_find((*s)->noun, (*op)->verb));
        }
        for (const struct action *a = (*s)->actions; a && a->key; a++)
            assert_non_null(system_op(*s, a->op));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(nothing_but_a_header),
        cmocka_unit_test(narrow_terminals),
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(tables_have_no_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
