#include "tui/columns.h"

#include "core/base/path.h"

#include <fcntl.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 16 };

/* Empty when there is none. */
static void read_file(const char *path, struct sbuf *out)
{
    int fd = -1;
    char part[4096];
    ssize_t n;
    path_open(path, O_RDONLY, &fd, NULL);
    while (fd >= 0 && out->len < FILE_MAX && (n = read(fd, part, sizeof part)) > 0)
        sbuf_add(out, part, (size_t)n);
    if (fd >= 0)
        close(fd);
}

/* The next line of a text, without its end; false: there is none. */
static bool next_line(struct str *text, struct str *ret)
{
    if (text->len == 0)
        return false;
    ptrdiff_t end = str_index(*text, '\n');
    size_t len = end < 0 ? text->len : (size_t)end;
    *ret = str_sub(*text, 0, len);
    *text = str_sub(*text, len + (end >= 0), text->len);
    return true;
}

/* What stands behind "list: "; false: the line is of another list. */
static bool is_of(struct str line, struct str list, struct str *ret_rest)
{
    if (line.len < list.len + 1 || !str_eq(str_sub(line, 0, list.len), list) ||
        line.ptr[list.len] != ':')
        return false;
    *ret_rest = str_sub(line, list.len + 1, line.len);
    return true;
}

static uint64_t read_names(struct str names, const struct sheet *sheet)
{
    uint64_t flipped = 0;
    for (size_t i = 0, end; i < names.len; i = end + 1) {
        for (end = i; end < names.len && names.ptr[end] != ' '; end++)
            ;
        struct str name = str_sub(names, i, end);
        bool shown = !str_starts(name, "-");
        size_t column;
        const struct column *c =
            sheet_column(sheet, shown ? name : str_sub(name, 1, name.len), &column);
        if (c && column < 64 && shown == !c->title)
            flipped |= (uint64_t)1 << column;
    }
    return flipped;
}

uint64_t columns_load(const char *path, struct str list, const struct sheet *sheet)
{
    struct sbuf text = SBUF_INIT;
    uint64_t flipped = 0;
    if (path)
        read_file(path, &text);
    struct str left = sbuf_view(&text), line, names;
    while (next_line(&left, &line)) {
        if (is_of(line, list, &names))
            flipped = read_names(names, sheet);
    }
    sbuf_release(&text);
    return flipped;
}

bool columns_save(const char *path, struct str list, const struct sheet *sheet, uint64_t flipped,
                  struct err *err)
{
    if (!path)
        return true;
    struct sbuf before = SBUF_INIT, text = SBUF_INIT;
    read_file(path, &before);
    struct str left = sbuf_view(&before), line, names;
    while (next_line(&left, &line)) {
        if (!is_of(line, list, &names))
            sbuf_printf(&text, "%.*s\n", STR_ARG(line));
    }
    if (flipped)
        sbuf_printf(&text, "%.*s:", STR_ARG(list));
    for (size_t c = 0; c < sheet->ncolumns && c < 64 && flipped; c++) {
        if (flipped >> c & 1)
            sbuf_printf(&text, " %s%s", sheet->columns[c].title ? "-" : "", sheet->columns[c].name);
    }
    if (flipped)
        sbuf_char(&text, '\n');
    bool ok =
        path_make_parents(path, 0700, err) && path_replace(path, sbuf_view(&text), false, err);
    sbuf_release(&before);
    sbuf_release(&text);
    return ok;
}
