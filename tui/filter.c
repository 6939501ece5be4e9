#include "tui/filter.h"

#include "core/base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum term_kind { TERM_WORD, TERM_FUZZY, TERM_EQUAL, TERM_LESS, TERM_MORE };

enum { COLUMNS_MAX = 64 };

struct terminal {
    enum term_kind kind;
    bool negate, any_case;
    size_t column;
    struct str text;
    int64_t number;
    unsigned types; /* bit per cell type whose shown text may hold `text` */
};

struct filter {
    struct arena arena;
    const struct sheet *sheet;
    struct str text;
    struct terminal *terms;
    size_t nterms;
    bool is_regex;
    regex_t regex;
};

static bool same(char a, char b, bool any_case)
{
    return a == b || (any_case && tolower((unsigned char)a) == tolower((unsigned char)b));
}

static bool equal(struct str a, struct str b, bool any_case)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (!same(a.ptr[i], b.ptr[i], any_case))
            return false;
    }
    return true;
}

static bool contains(struct str text, struct str word, bool any_case)
{
    if (!any_case)
        return memmem(text.ptr, text.len, word.ptr, word.len);
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (tolower((unsigned char)text.ptr[i]) == word.ptr[0] &&
            equal(str_sub(text, i, i + word.len), word, true))
            return true;
    }
    return false;
}

/* All characters, in this order, with others between them. */
static bool contains_fuzzy(struct str text, struct str word, bool any_case)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len && at < word.len; i++)
        at += same(text.ptr[i], word.ptr[at], any_case);
    return at == word.len;
}

static bool is_lower(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (isupper((unsigned char)s.ptr[i]))
            return false;
    }
    return true;
}

/* --- parsing -------------------------------------------------------------------------------- */

static const struct column *find_column(const struct sheet *sheet, struct str name, size_t *ret)
{
    for (size_t c = 0; c < sheet->ncolumns; c++) {
        const struct column *column = &sheet->columns[c];
        if (equal(name, str_of(column->name), true) ||
            (column->title && equal(name, str_of(column->title), true))) {
            *ret = c;
            return column;
        }
    }
    return NULL;
}

/* 3, 10MB, 1h, 2d: in the unit of the column. */
static bool parse_number(enum cell_type type, struct str text, int64_t *ret)
{
    static const struct {
        enum cell_type type;
        const char *unit;
        int64_t factor;
    } units[] = {
        {CELL_INT, "", 1},
        {CELL_BYTES, "", 1},
        {CELL_BYTES, "b", 1},
        {CELL_BYTES, "k", 1000},
        {CELL_BYTES, "kb", 1000},
        {CELL_BYTES, "m", 1000000},
        {CELL_BYTES, "mb", 1000000},
        {CELL_BYTES, "g", 1000000000},
        {CELL_BYTES, "gb", 1000000000},
        {CELL_TIME, "s", 1000000},
        {CELL_TIME, "m", 60 * 1000000LL},
        {CELL_TIME, "h", 3600 * 1000000LL},
        {CELL_TIME, "d", 86400 * 1000000LL},
    };
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
        digits++;
    int64_t n;
    if (!str_i64(str_sub(text, 0, digits), &n))
        return false;
    struct str unit = str_sub(text, digits, text.len);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].type == type && equal(unit, str_of(units[i].unit), true))
            return !__builtin_mul_overflow(n, units[i].factor, ret);
    }
    return false;
}

/* What cells without a text are shown as: where a word cannot stand in it, nothing is written. */
static unsigned types_of(struct str word)
{
    static const struct {
        enum cell_type type;
        const char *characters;
    } shown[] = {
        {CELL_BOOL, "yesnoYESNO"},
        {CELL_INT, "-0123456789"},
        {CELL_BYTES, " .0123456789kMGTPBmgtpbK"},
        {CELL_TIME, "-.:0123456789TZtz"},
    };
    unsigned types = 1u << CELL_TEXT | 1u << CELL_OBJECT;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        size_t n = 0;
        while (n < word.len && word.ptr[n] && strchr(shown[i].characters, word.ptr[n]))
            n++;
        types |= n == word.len ? 1u << shown[i].type : 0;
    }
    return types;
}

static size_t find_operator(struct str word)
{
    size_t i = 0;
    while (i < word.len && !(word.ptr[i] && strchr("=:<>", word.ptr[i])))
        i++;
    return i;
}

static bool parse_term(struct filter *f, struct str word, size_t at, struct err *err)
{
    struct terminal *term = &f->terms[f->nterms];
    *term = (struct terminal){.kind = TERM_WORD, .text = word};
    if (word.len > 1 && word.ptr[0] == '!') {
        term->negate = true;
        term->text = word = str_sub(word, 1, word.len);
    }
    size_t op = find_operator(word);
    bool not_equal =
        op > 0 && op < word.len && strchr("=:", word.ptr[op]) && word.ptr[op - 1] == '!';
    struct str name = str_sub(word, 0, not_equal ? op - 1 : op);
    const struct column *column = op < word.len ? find_column(f->sheet, name, &term->column) : NULL;
    if (column) {
        term->text = str_sub(word, op + 1, word.len);
        term->negate = term->negate != not_equal;
        term->kind = word.ptr[op] == '<' ? TERM_LESS : word.ptr[op] == '>' ? TERM_MORE : TERM_EQUAL;
        if (term->kind != TERM_EQUAL && !parse_number(column->type, term->text, &term->number))
            return err_set(err, ERR_INVALID, "filter, character %zu: '%.*s' is no %s", at + op + 2,
                           STR_ARG(term->text),
                           column->type == CELL_TIME    ? "age (90s, 5m, 2h, 3d)"
                           : column->type == CELL_BYTES ? "size (500, 20kB, 3MB)"
                           : column->type == CELL_INT   ? "number"
                                                        : "order: this column has none");
    }
    if (!column && word.len > 1 && word.ptr[0] == '~') {
        term->kind = TERM_FUZZY;
        term->text = str_sub(word, 1, word.len);
    }
    term->any_case = is_lower(term->text);
    term->types = types_of(term->text);
    f->nterms++;
    return true;
}

/* Where a pattern stops to be one: behind the longest beginning that is. */
static size_t bad_at(struct arena *a, struct str pattern)
{
    for (size_t len = pattern.len; len > 0; len--) {
        regex_t regex;
        if (regcomp(&regex, arena_cstr(a, str_sub(pattern, 0, len - 1)), REG_EXTENDED) == 0) {
            regfree(&regex);
            return len - 1;
        }
    }
    return 0;
}

static bool parse_regex(struct filter *f, struct str pattern, size_t at, struct err *err)
{
    int flags = REG_EXTENDED | REG_NOSUB | (is_lower(pattern) ? REG_ICASE : 0);
    int error = regcomp(&f->regex, arena_cstr(&f->arena, pattern), flags);
    if (error) {
        char text[128];
        regerror(error, &f->regex, text, sizeof text);
        return err_set(err, ERR_INVALID, "filter, character %zu: regular expression '%.*s': %s",
                       at + bad_at(&f->arena, pattern) + 1, STR_ARG(pattern), text);
    }
    f->is_regex = true;
    return true;
}

static bool parse(struct filter *f, struct str text, struct err *err)
{
    if (str_starts(text, "re:"))
        return parse_regex(f, str_sub(text, 3, text.len), 3, err);
    f->terms = arena_array(&f->arena, struct terminal, text.len + 1);
    for (size_t i = 0; i < text.len;) {
        size_t end = i;
        while (end < text.len && text.ptr[end] != ' ')
            end++;
        if (end > i && !parse_term(f, str_sub(text, i, end), i, err))
            return false;
        i = end + 1;
    }
    return true;
}

bool filter_parse(const struct sheet *sheet, struct str text, struct filter **ret, struct err *err)
{
    if (str_trim(text).len == 0) {
        *ret = NULL;
        return true;
    }
    struct filter *f = xcalloc(1, sizeof *f);
    assert(sheet->ncolumns <= COLUMNS_MAX);
    f->sheet = sheet;
    f->text = arena_str(&f->arena, text);
    if (!parse(f, f->text, err)) {
        filter_free(f);
        return false;
    }
    *ret = f;
    return true;
}

struct str filter_text(const struct filter *filter)
{
    return filter->text;
}

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    if (filter->is_regex)
        regfree(&filter->regex);
    arena_release(&filter->arena);
    free(filter);
}

/* --- matching ------------------------------------------------------------------------------- */

static bool is_text(const struct cell *cell)
{
    return cell->type == CELL_TEXT || cell->type == CELL_OBJECT;
}

static bool text_matches(const struct filter *f, const struct terminal *term, struct str text)
{
    if (!term) {
        regmatch_t range = {0, (regoff_t)text.len};
        return regexec(&f->regex, text.ptr, 1, &range, REG_STARTEND) == 0;
    }
    return term->kind == TERM_FUZZY ? contains_fuzzy(text, term->text, term->any_case)
                                    : contains(text, term->text, term->any_case);
}

/* Texts first: what else a cell holds has to be written to be looked at. */
static bool any_column(const struct filter *f, const struct cell *cells, struct arena *a,
                       const struct terminal *term)
{
    for (int texts = 1; texts >= 0; texts--) {
        for (size_t c = 0; c < f->sheet->ncolumns; c++) {
            const struct cell *cell = &cells[c];
            if (!f->sheet->columns[c].title || cell->type <= CELL_NULL || is_text(cell) != texts ||
                (term && !(term->types & 1u << cell->type)))
                continue;
            if (text_matches(f, term, cell_show(a, cell, TIME_UNKNOWN)))
                return true;
        }
    }
    return false;
}

/* One of the words between blanks; `any` stands for each. */
static bool has_word(struct str text, struct str word, bool any_case)
{
    bool any = str_is(word, "any") && text.len > 0;
    for (size_t i = 0, end; i < text.len && !any; i = end + 1) {
        end = i;
        while (end < text.len && text.ptr[end] != ' ')
            end++;
        any = equal(str_sub(text, i, end), word, any_case);
    }
    return any;
}

static bool term_passes(const struct filter *f, const struct terminal *term,
                        const struct cell *cells, int64_t now_us, struct arena *a)
{
    if (term->kind == TERM_WORD || term->kind == TERM_FUZZY)
        return any_column(f, cells, a, term) != term->negate;
    const struct cell *cell = &cells[term->column];
    if (term->kind == TERM_EQUAL && f->sheet->columns[term->column].words)
        return cell->type != CELL_UNKNOWN &&
               has_word(cell->text, term->text, term->any_case) != term->negate;
    if (term->kind == TERM_EQUAL) {
        struct str shown = cell_show(a, cell, TIME_UNKNOWN);
        return equal(shown, term->text, term->any_case) != term->negate;
    }
    if (cell->type == CELL_UNKNOWN || cell->type == CELL_NULL)
        return false;
    int64_t n = cell->type == CELL_TIME ? now_us - cell->number : cell->number;
    return (term->kind == TERM_LESS ? n < term->number : n > term->number) != term->negate;
}

bool filter_passes(const struct filter *filter, const struct rows *rows, size_t i, int64_t now_us)
{
    if (!filter)
        return true;
    struct arena a = ARENA_INIT; /* takes memory only where something has to be written */
    struct cell cells[COLUMNS_MAX];
    struct row_in row;
    rows_get(rows, i, &row, cells);
    bool passes = filter->is_regex ? any_column(filter, cells, &a, NULL) : true;
    for (size_t t = 0; t < filter->nterms && passes; t++)
        passes = term_passes(filter, &filter->terms[t], cells, now_us, &a);
    arena_release(&a);
    return passes;
}

bool filter_needs_values(const struct filter *filter)
{
    for (size_t t = 0; filter && t < filter->nterms; t++) {
        const struct terminal *term = &filter->terms[t];
        if (term->kind >= TERM_EQUAL && !filter->sheet->columns[term->column].cheap)
            return true;
    }
    return false;
}
