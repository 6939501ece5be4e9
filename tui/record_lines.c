#include "tui/record_lines.h"

enum { MORE_LINES = 8 }; /* beside those of the system */

static bool ends_with(struct str s, struct str end)
{
    return s.len >= end.len && str_eq(str_sub(s, s.len - end.len, s.len), end);
}

static size_t add_problem(struct record_line *lines, size_t n, const struct err *err)
{
    lines[n++] = (struct record_line){STR("problem"), str_of(err->text), true};
    if (err->hint[0])
        lines[n++] = (struct record_line){STR(""), str_of(err->hint), false};
    return n;
}

size_t record_lines(const struct system *system, struct record_view *record, const char *whole,
                    struct arena *a, struct record_line **ret)
{
    const struct read_item *item = &record->item;
    const struct document *doc = &item->doc;
    struct str(*shown)[2] = NULL;
    bool there = item->err.kind == ERR_NONE && !doc->absent;
    record->input.arena = a;
    size_t n = 0, nshown = there && system->show ? system->show(&record->input, &shown) : 0;
    struct record_line *lines = arena_array(a, struct record_line, nshown + MORE_LINES);
    *ret = lines;
    if (item->err.kind != ERR_NONE)
        return add_problem(lines, n, &item->err);
    if (doc->absent) {
        lines[n++] =
            (struct record_line){STR("problem"), STR("it does not exist (any more)"), true};
        return n;
    }
    for (size_t i = 0; i < nshown; i++)
        lines[n++] =
            (struct record_line){shown[i][0].ptr ? shown[i][0] : STR(""), shown[i][1], false};
    bool said = false; /* by what check found */
    for (size_t i = 0; i < n; i++)
        said = said || ends_with(lines[i].text, str_of(doc->problem.text));
    if (doc->problem.kind != ERR_NONE && !said)
        n = add_problem(lines, n, &doc->problem);
    if (doc->truncated)
        lines[n++] = (struct record_line){
            STR("cut"), arena_printf(a, "only the first bytes were read; %s", whole), false};
    return n;
}
