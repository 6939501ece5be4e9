#include "tui/rows_pack.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_MAX = 256,    /* a cell wider than this is never shown whole */
    SUMMARY_BYTES = 64, /* of what was read from the value, kept of a row that is packed brief */
    VARINT_MAX = 10,
};

enum { FLAG_KNOWN = 1, FLAG_GONE = 2, FLAG_STATUS = 4, FLAG_LABEL = 8, MARK_SHIFT = 4 };

enum { TAG_TYPE = 15, TAG_MARK_SHIFT = 4, TAG_MARK = 7, TAG_IN_KEY = 128 };

struct block *block_new(size_t cap)
{
    struct block *block = xreallocarray(NULL, 1, sizeof *block + cap);
    *block = (struct block){.owners = 1, .cap = cap};
    return block;
}

void block_free(struct block *block)
{
    if (--block->owners == 0)
        free(block);
}

int *widths_new(const struct sheet *sheet)
{
    return xcalloc(sheet->ncolumns, sizeof(int));
}

void widths_widen(const struct sheet *sheet, int *widths, const int *to)
{
    for (size_t c = 0; c < sheet->ncolumns; c++)
        widths[c] = to[c] > widths[c] ? to[c] : widths[c];
}

/* --- numbers and texts ---------------------------------------------------------------------- */

static char *put_uint(char *to, uint64_t n)
{
    for (; n >= 128; n >>= 7)
        *to++ = (char)(n | 128);
    *to++ = (char)n;
    return to;
}

static uint64_t take_uint(const char **at)
{
    uint64_t n = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        n |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return n;
    }
}

/* Small negative numbers are short, too. */
static uint64_t zigzag(int64_t n)
{
    return (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
}

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1 ^ -(n & 1));
}

static char *put_str(char *to, struct str s)
{
    to = put_uint(to, s.len);
    memcpy(to, s.len ? s.ptr : "", s.len);
    return to + s.len;
}

static struct str take_str(const char **at)
{
    size_t len = take_uint(at);
    struct str s = {*at, len};
    *at += len;
    return s;
}

static bool has_text(enum cell_type type)
{
    return type == CELL_TEXT || type == CELL_OBJECT;
}

static bool has_number(enum cell_type type)
{
    return type == CELL_BOOL || type == CELL_INT || type == CELL_BYTES || type == CELL_TIME;
}

/* --- widths --------------------------------------------------------------------------------- */

static int digits_of(int64_t n)
{
    int digits = n < 0 ? 2 : 1;
    while (n >= 10 || n <= -10) {
        n /= 10;
        digits++;
    }
    return digits;
}

/* As cell_show writes it, without writing. */
static int bytes_width(int64_t n)
{
    if (n < 1000)
        return digits_of(n) + 2;
    while (n >= 1000000)
        n /= 1000;
    return (n < 10000 ? 3 : digits_of(n / 1000)) + 3;
}

static int cell_width(const struct cell *cell)
{
    int mark = cell->mark == MARK_NONE ? 0 : 2;
    switch (cell->type) {
    case CELL_TEXT:
    case CELL_OBJECT:
        return mark + text_width(str_sub(cell->text, 0,
                                         cell->text.len < SHOWN_MAX ? cell->text.len : SHOWN_MAX));
    case CELL_TIME:
        return mark + 10; /* an age: "in 22h 59m"; UTC makes its own room */
    case CELL_INT:
        return mark + digits_of(cell->number);
    case CELL_BYTES:
        return mark + bytes_width(cell->number);
    case CELL_BOOL:
        return mark + (cell->number ? 3 : 2);
    case CELL_UNKNOWN:
    case CELL_NULL:
        break;
    }
    return mark + 1;
}

/* --- packing -------------------------------------------------------------------------------- */

size_t pack_bound(const struct sheet *sheet, const struct row_in *in)
{
    size_t size = 1 + in->key.len + in->label.len + in->status.len + 3 * VARINT_MAX;
    for (size_t c = 0; c < sheet->ncolumns; c++)
        size += 1 + 2 * VARINT_MAX + (has_text(in->cells[c].type) ? in->cells[c].text.len : 0);
    return size;
}

/* What a brief row keeps of a text: never half a character. */
static struct str shortened(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    size_t len = max;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_sub(text, 0, len);
}

static char *put_text(char *to, unsigned tag, struct str text, struct str key)
{
    const char *in_key =
        text.len && text.len <= key.len ? memmem(key.ptr, key.len, text.ptr, text.len) : NULL;
    *to++ = (char)(tag | (in_key ? TAG_IN_KEY : 0));
    if (!in_key)
        return put_str(to, text);
    to = put_uint(to, (uint64_t)(in_key - key.ptr));
    return put_uint(to, text.len);
}

char *pack_row(char *to, const struct sheet *sheet, const struct row_in *in, bool brief,
               int *widths)
{
    bool label = !str_eq(in->label, in->key);
    size_t room = SUMMARY_BYTES;
    *to++ = (char)((in->known ? FLAG_KNOWN : 0) | (in->gone ? FLAG_GONE : 0) |
                   (in->status.ptr ? FLAG_STATUS : 0) | (label ? FLAG_LABEL : 0) |
                   (unsigned)in->mark << MARK_SHIFT);
    to = put_str(to, in->key);
    if (label)
        to = put_str(to, in->label);
    if (in->status.ptr)
        to = put_str(to, in->status);
    for (size_t c = 0; c < sheet->ncolumns; c++) {
        struct cell cell = in->cells[c];
        bool limited = brief && !sheet->columns[c].cheap && !sheet->columns[c].words;
        char *start = to;
        if (limited && has_text(cell.type))
            cell.text = shortened(cell.text, room);
        unsigned tag = (unsigned)cell.type | (unsigned)cell.mark << TAG_MARK_SHIFT;
        if (has_text(cell.type))
            to = put_text(to, tag, cell.text, in->key);
        else {
            *to++ = (char)tag;
            if (has_number(cell.type))
                to = put_uint(to, zigzag(cell.number));
        }
        size_t used = (size_t)(to - start);
        if (limited)
            room -= used < room ? used : room;
        int width = cell_width(&cell);
        if (width > widths[c])
            widths[c] = width;
    }
    return to;
}

/* --- unpacking ------------------------------------------------------------------------------ */

struct row_in unpack_head(const char *at, const char **ret_cells)
{
    struct row_in in = {0};
    unsigned flags = (unsigned char)*at++;
    in.known = flags & FLAG_KNOWN;
    in.gone = flags & FLAG_GONE;
    in.mark = flags >> MARK_SHIFT;
    in.key = take_str(&at);
    in.label = flags & FLAG_LABEL ? take_str(&at) : in.key;
    in.status = flags & FLAG_STATUS ? take_str(&at) : STR_NULL;
    *ret_cells = at;
    return in;
}

struct cell unpack_cell(const char **at, struct str key)
{
    unsigned tag = (unsigned char)*(*at)++;
    struct cell cell = {.type = tag & TAG_TYPE, .mark = tag >> TAG_MARK_SHIFT & TAG_MARK};
    if (tag & TAG_IN_KEY) {
        size_t from = take_uint(at);
        cell.text = str_sub(key, from, from + take_uint(at));
    } else if (has_text(cell.type))
        cell.text = take_str(at);
    else if (has_number(cell.type))
        cell.number = unzigzag(take_uint(at));
    return cell;
}

static bool same_cell(const struct cell *p, const struct cell *q)
{
    return p->type == q->type && p->mark == q->mark && p->number == q->number &&
           (!has_text(p->type) || str_eq(p->text, q->text));
}

uint64_t pack_differences(const struct sheet *sheet, const char *a, const char *b)
{
    struct row_in x = unpack_head(a, &a), y = unpack_head(b, &b);
    uint64_t differ = 0;
    for (size_t c = 0; c < sheet->ncolumns && c < 64; c++) {
        struct cell p = unpack_cell(&a, x.key), q = unpack_cell(&b, y.key);
        if (!sheet->columns[c].moves && !same_cell(&p, &q))
            differ |= (uint64_t)1 << c;
    }
    return differ;
}

bool pack_same_scan(const struct sheet *sheet, const char *a, const char *b)
{
    struct row_in x = unpack_head(a, &a), y = unpack_head(b, &b);
    bool same = x.gone == y.gone && str_eq(x.key, y.key) && str_eq(x.label, y.label);
    for (size_t c = 0; c < sheet->ncolumns && same; c++) {
        struct cell p = unpack_cell(&a, x.key), q = unpack_cell(&b, y.key);
        if (!sheet->columns[c].cheap)
            continue;
        same = same_cell(&p, &q);
    }
    return same;
}
