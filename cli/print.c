#include "cli/print.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/output.h"

#include <stdlib.h>

enum { GAP = 2, NARROWEST = 10 };

struct line {
    struct str *texts; /* one per column */
    enum mark *marks;
};

struct print {
    struct print_opts opts;
    const struct column *columns;
    size_t ncolumns, name_column;
    int *widths;
    bool header_done;
    struct arena arena; /* the widths */
    struct arena page;  /* rows that wait */
    struct line *lines; /* waiting rows, in the page's arena */
    size_t nlines, room;
};

struct print *print_new(const struct print_opts *opts, const struct column *columns,
                        size_t ncolumns, size_t name_column)
{
    struct print *p = xcalloc(1, sizeof *p);
    p->opts = *opts;
    p->columns = columns;
    p->ncolumns = ncolumns;
    p->name_column = name_column;
    p->widths = arena_array(&p->arena, int, ncolumns);
    return p;
}

void print_free(struct print *p)
{
    if (!p)
        return;
    arena_release(&p->arena);
    arena_release(&p->page);
    free(p);
}

/* --- texts ----------------------------------------------------------------------------------- */

struct str print_clean(const struct print_opts *opts, struct arena *arena, struct str s, bool lines)
{
    return text_clean(arena, s, (lines ? CLEAN_LINES : 0) | (opts->ascii ? CLEAN_ASCII : 0));
}

/* A field of a tab-separated line: what would break the line or reach a terminal as a command is
 * written as an escape. */
static void add_field(struct sbuf *out, struct str s)
{
    for (size_t pos = 0; pos < s.len;) {
        size_t from = pos;
        int32_t c = utf8_next(s, &pos);
        if (c == '\t')
            sbuf_cstr(out, "\\t");
        else if (c == '\n')
            sbuf_cstr(out, "\\n");
        else if (c == '\r')
            sbuf_cstr(out, "\\r");
        else if (c == '\\')
            sbuf_cstr(out, "\\\\");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) /* -1 is broken UTF-8 */
            for (size_t i = from; i < pos; i++)
                sbuf_printf(out, "\\x%02x", (unsigned char)s.ptr[i]);
        else
            sbuf_add(out, s.ptr + from, pos - from);
    }
}

static void add_tsv(struct sbuf *out, const struct cell *cell)
{
    struct arena arena = ARENA_INIT;
    switch (cell->type) {
    case CELL_UNKNOWN:
    case CELL_NULL:
        break;
    case CELL_BOOL:
        sbuf_cstr(out, cell->number ? "true" : "false");
        break;
    case CELL_INT:
    case CELL_BYTES:
        sbuf_printf(out, "%lld", (long long)cell->number);
        break;
    case CELL_TIME:
        sbuf_str(out, time_rfc3339(&arena, cell->number));
        break;
    case CELL_TEXT:
    case CELL_OBJECT:
        add_field(out, cell->text);
        break;
    }
    arena_release(&arena);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static json_t *scalar_json(const struct value *v)
{
    int64_t n;
    switch (v->type) {
    case VALUE_BOOL:
        return json_boolean(v->boolean);
    case VALUE_INT:
        return value_to_i64(v, &n) ? json_integer(n) : output_text(v->text);
    case VALUE_FLOAT:
        return json_real(v->real);
    case VALUE_STR:
        return output_text(v->text);
    default:
        return json_null();
    }
}

static json_t *object_json(const struct value *object)
{
    json_t *json = json_object();
    for (size_t i = 0; i < value_count(object); i++) {
        struct str key = value_str_or(object->dict.pairs[i].key, STR("?"));
        json_object_setn_new(json, key.ptr, key.len, scalar_json(object->dict.pairs[i].val));
    }
    return json;
}

static json_t *cell_json(const struct cell *cell, bool is_name)
{
    switch (cell->type) {
    case CELL_BOOL:
        return json_boolean(cell->number);
    case CELL_INT:
    case CELL_BYTES:
        return json_integer(cell->number);
    case CELL_TIME:
        return output_time(cell->number);
    case CELL_TEXT:
        return is_name ? output_id(cell->text) : output_text(cell->text);
    case CELL_OBJECT:
        return value_is_dict(cell->object) ? object_json(cell->object) : json_null();
    case CELL_UNKNOWN:
    case CELL_NULL:
        break;
    }
    return json_null();
}

json_t *print_row_json(const struct column *columns, size_t ncolumns, size_t name_column,
                       const struct cell *cells)
{
    json_t *row = json_object();
    for (size_t i = 0; i < ncolumns; i++)
        json_object_set_new(row, columns[i].name, cell_json(&cells[i], i == name_column));
    return row;
}

bool print_json(FILE *out, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text)
        abort();
    bool ok = fputs(text, out) >= 0 && fputc('\n', out) != EOF;
    free(text);
    return ok && !ferror(out);
}

/* --- tables ---------------------------------------------------------------------------------- */

static const struct {
    const char *glyph, *ascii, *color;
} marks[] = {
    [MARK_NONE] = {"", "", ""},
    [MARK_OK] = {"\xe2\x9c\x93 ", "+ ", "\033[32m"},
    [MARK_WAIT] = {"\xe2\x97\x8b ", "o ", ""},
    [MARK_WARN] = {"! ", "! ", "\033[33m"},
    [MARK_BAD] = {"\xe2\x9c\x96 ", "x ", "\033[31m"},
};

static bool is_number(const struct column *column)
{
    return column->type == CELL_INT || column->type == CELL_BYTES;
}

static struct line line_new(struct print *p)
{
    return (struct line){arena_array(&p->page, struct str, p->ncolumns),
                         arena_array(&p->page, enum mark, p->ncolumns)};
}

static void keep_row(struct print *p, const struct cell *cells)
{
    struct line line = line_new(p);
    for (size_t i = 0; i < p->ncolumns; i++) {
        if (!p->columns[i].title)
            continue;
        struct cell cell = cells[i];
        if (cell.type == CELL_UNKNOWN) /* was not asked for, and never will be */
            cell.type = CELL_NULL;
        struct str shown =
            print_clean(&p->opts, &p->page, cell_show(&p->page, &cell, p->opts.now_us), false);
        const char *glyph = p->opts.ascii ? marks[cell.mark].ascii : marks[cell.mark].glyph;
        line.texts[i] = arena_printf(&p->page, "%s%.*s", glyph, STR_ARG(shown));
        line.marks[i] = cell.mark;
    }
    p->lines = arena_grow(&p->page, p->lines, p->nlines, &p->room, sizeof *p->lines);
    p->lines[p->nlines++] = line;
}

static int total_width(const struct print *p)
{
    int total = -GAP;
    for (size_t i = 0; i < p->ncolumns; i++)
        total += p->columns[i].title ? p->widths[i] + GAP : 0;
    return total;
}

/* On a terminal the widest column that may shrink gives way until all fit. */
static void fit(struct print *p)
{
    while (p->opts.width && total_width(p) > p->opts.width) {
        size_t widest = p->ncolumns;
        for (size_t i = 0; i < p->ncolumns; i++) {
            bool may = p->columns[i].title && !p->columns[i].keep && p->widths[i] > NARROWEST;
            if (may && (widest == p->ncolumns || p->widths[i] > p->widths[widest]))
                widest = i;
        }
        if (widest == p->ncolumns)
            return;
        p->widths[widest]--;
    }
}

static void measure(struct print *p)
{
    for (size_t i = 0; i < p->ncolumns; i++) {
        if (!p->columns[i].title)
            continue;
        int title = p->opts.headers ? text_width(str_of(p->columns[i].title)) : 0;
        if (title > p->widths[i])
            p->widths[i] = title;
        for (size_t k = 0; k < p->nlines; k++) {
            int width = text_width(p->lines[k].texts[i]);
            if (width > p->widths[i])
                p->widths[i] = width;
        }
    }
    fit(p);
}

static void add_blanks(struct sbuf *out, int n)
{
    for (; n > 0; n--)
        sbuf_char(out, ' ');
}

static void add_line(struct print *p, struct sbuf *out, const struct line *line)
{
    struct arena arena = ARENA_INIT;
    int owed = 0;
    for (size_t i = 0; i < p->ncolumns; i++) {
        if (!p->columns[i].title)
            continue;
        struct str text = line->texts[i];
        if (p->opts.width)
            text = p->columns[i].keep
                       ? text
                       : text_cut(&arena, text, p->widths[i], p->opts.ascii ? CLEAN_ASCII : 0);
        int blanks = p->widths[i] - text_width(text);
        if (is_number(&p->columns[i])) {
            owed += blanks > 0 ? blanks : 0;
            blanks = 0;
        }
        add_blanks(out, owed);
        const char *color = p->opts.color ? marks[line->marks[i]].color : "";
        sbuf_cstr(out, color);
        sbuf_str(out, text);
        if (*color)
            sbuf_cstr(out, "\033[m");
        owed = GAP + (blanks > 0 ? blanks : 0);
    }
    sbuf_char(out, '\n');
    arena_release(&arena);
}

static void table_page(struct print *p, struct sbuf *out)
{
    measure(p);
    if (p->opts.headers && !p->header_done) {
        struct line titles = line_new(p);
        for (size_t i = 0; i < p->ncolumns; i++)
            titles.texts[i] = str_of(p->columns[i].title);
        add_line(p, out, &titles);
        p->header_done = true;
    }
    for (size_t k = 0; k < p->nlines; k++)
        add_line(p, out, &p->lines[k]);
    p->nlines = p->room = 0;
    arena_release(&p->page);
}

/* --- one interface --------------------------------------------------------------------------- */

static void tsv_header(struct print *p)
{
    if (!p->opts.headers || p->header_done)
        return;
    for (size_t i = 0; i < p->ncolumns; i++)
        fprintf(p->opts.out, "%s%s", i ? "\t" : "", p->columns[i].name);
    fputc('\n', p->opts.out);
    p->header_done = true;
}

static void tsv_row(struct print *p, const struct cell *cells)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < p->ncolumns; i++) {
        if (i)
            sbuf_char(&out, '\t');
        if (i == p->name_column && cells[i].type == CELL_TEXT && !str_is_utf8(cells[i].text))
            sbuf_str(&out, output_id_base64(&p->page, cells[i].text));
        else
            add_tsv(&out, &cells[i]);
    }
    sbuf_char(&out, '\n');
    fwrite(out.ptr, 1, out.len, p->opts.out);
    sbuf_release(&out);
}

void print_name(struct print *p, struct str id)
{
    struct str text = p->opts.nul ? id : output_id_name(&p->page, id);
    fwrite_unlocked(text.ptr, 1, text.len, p->opts.out);
    putc_unlocked(p->opts.nul ? '\0' : '\n', p->opts.out);
}

static void name_row(struct print *p, const struct cell *cells)
{
    const struct cell *cell = &cells[p->name_column];
    print_name(p, cell->type == CELL_TEXT ? cell->text : cell_show(&p->page, cell, TIME_UNKNOWN));
}

void print_row(struct print *p, const struct cell *cells)
{
    switch (p->opts.output) {
    case OUTPUT_TABLE:
        keep_row(p, cells);
        break;
    case OUTPUT_JSON:
        print_json(p->opts.out, print_row_json(p->columns, p->ncolumns, p->name_column, cells));
        break;
    case OUTPUT_TSV:
        tsv_header(p);
        tsv_row(p, cells);
        break;
    case OUTPUT_NAME:
        name_row(p, cells);
        break;
    }
}

bool print_page(struct print *p)
{
    if (p->opts.output == OUTPUT_TABLE && p->nlines) {
        struct sbuf out = SBUF_INIT;
        table_page(p, &out);
        fwrite(out.ptr, 1, out.len, p->opts.out);
        sbuf_release(&out);
    } else if (p->opts.output != OUTPUT_TABLE) {
        if (p->opts.output == OUTPUT_TSV)
            tsv_header(p);
        arena_release(&p->page);
    }
    return fflush(p->opts.out) == 0 && !ferror(p->opts.out);
}
